"""Files to bars: one piece in all formats, chords in each, and the parts of real scores."""

import zipfile
from collections import Counter

import pytest
from one_voice import save_one_voice
from shared_data import SHARED

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.counts import diff_bars
from focal_omr.evaluation.score_diff.read import load_compared
from focal_omr.evaluation.score_diff.records import MARKS, Staff, choose_staves
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.verovio import Engraver

PARTS = SHARED / "data" / "pages" / "quartet-parts"
LABEL = (
    "clef-C3 keySignature-DM timeSignature-3/4 note-F#4_quarter barline gracenote-G4_eighth note-F#4_half "
    "note-F#4_quarter tie barline note-F#4_half. barline note-Bb4_quarter note-B4_half "
    "barline multirest-3 barline tuplet-3 note-C#4_eighth "
    "note-D4_eighth note-C#4_eighth tuplet-end note-C#4_half barline rest-whole barline-final"
)
READS = [
    ["F#4:1"],
    ["G4:0", "F#4:2", "F#4:1"],
    ["F#4:3"],
    ["Bb4:1", "Bb4:2"],
    [],
    [],
    [],
    ["C#4:1/3", "D4:1/3", "C#4:1/3", "C#4:2"],
    [],
]
KERN = (
    '**kern\t**kern\n*I"Cello\t*I"Flute\n*k[f#]\t*k[f#]\n*M2/4\t*M2/4\n=1\t=1\n4F#\t4c 4e\n4Fn\t4f\n'
    "=2\t=2\n2f\t2f#\n==\t==\n*-\t*-\n"
)
QUARTETS = {"sq8437280": (168, [794, 744, 437, 455]), "sq8437358": (163, [1163, 983, 554, 511])}


def reads(bars, staff=1):
    return [[str(note) for note in bar.staff_notes(staff)] for bar in bars]


@pytest.mark.parametrize("suffix", [".semantic", ".musicxml", ".mxl", ".xml", ".mei"])
def test_one_piece_in_all_formats(tmp_path, suffix):
    path = tmp_path / f"piece{suffix}"
    if suffix == ".mxl":
        save_one_voice(read_semantic(LABEL), tmp_path / "piece.musicxml")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/container.xml", '<container><rootfile full-path="a.xml"/></container>')
            archive.write(tmp_path / "piece.musicxml", "a.xml")
    else:
        save_one_voice(read_semantic(LABEL), path)
    score = load_compared(path)
    assert len(score.staves) == 1
    assert reads(score.bars) == READS
    assert [bar.index for bar in score.bars] == list(range(1, 10))
    assert sum(bar.length for bar in score.bars) == 25
    assert [sum(bar.marks[kind].total() for bar in score.bars) for kind in ("ties", "tuplets")] == [1, 1]


def test_kern_below_a_repeat_sign(tmp_path):
    """Verovio would drop the notes that the sign stands for."""
    path = tmp_path / "repeat.krn"
    path.write_text("**kern\n*M1/4\n=1\n4c\n=2\n*rep\n4c\n*Xrep\n==\n*-\n")
    assert [len(bar.notes) for bar in load_compared(path).bars] == [1, 1]


def test_kern_with_chords(tmp_path):
    (tmp_path / "two.krn").write_text(KERN)
    score = load_compared(tmp_path / "two.krn")
    read = {staff.name: reads(score.bars, number) for number, staff in enumerate(score.staves, 1)}
    assert read == {
        "Cello": [["F#3:1", "F3:1"], ["F4:2"]],
        "Flute": [["C4:1", "E4:1", "F4:1"], ["F#4:2"]],
    }


MEI = (
    '<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>'
    '<scoreDef meter.count="2" meter.unit="4"><staffGrp><staffDef n="1" lines="5"/>'
    '<staffDef n="2" lines="5"/></staffGrp></scoreDef><section>{}</section></score></mdiv></body></music>'
    "</mei>"
)


def test_two_voices_and_repeat_signs_in_mei(tmp_path):
    note = '<note dur="2" oct="4" pname="{}"/>'.format
    layers = f'<layer n="1">{note("c")}</layer><layer n="2">{note("e")}</layer>'
    staves = [layers, "<layer><mRpt/></layer>", f"<layer><bTrem>{note('d')}</bTrem></layer>"]
    measures = "".join(f'<measure><staff n="1">{inner}</staff></measure>' for inner in staves)
    (tmp_path / "a.mei").write_text(MEI.format(measures))
    bars = load_compared(tmp_path / "a.mei").bars
    assert reads(bars) == [["C4:2", "E4:2"], [], ["D4:2"]]
    assert [bar.voices for bar in bars] == [["1/1", "1/2"], [], ["1/1"]]
    assert [bar.length for bar in bars] == [2, 2, 2]


def test_marks_and_lyrics_in_mei(tmp_path):
    measure = (
        '<measure><staff n="1"><layer><chord xml:id="c" dur="4"><artic artic="acc stacc"/>'
        '<note oct="4" pname="c"/><note oct="4" pname="e" staff="2"/></chord>'
        '<tuplet num="3" numbase="2"><note dur="4" oct="4" pname="d" grace="unacc"/>'
        '<note dur="4" oct="4" pname="d" tie="i">'
        '<verse n="2"><syl con="b">lo</syl><syl>a</syl></verse></note>'
        '<note dur="8" oct="4" oct.ges="5" pname="d"/></tuplet></layer></staff>'
        '<slur startid="#c"/><tie startid="#c"/><dynam staff="1">mf dolce</dynam>'
        '<hairpin staff="1" form="cres"/><fermata startid="#c"/></measure>'
    )
    (tmp_path / "a.mei").write_text(MEI.format(measure))
    (bar,) = load_compared(tmp_path / "a.mei").bars
    assert (reads([bar]), reads([bar], 2)) == ([["C4:1", "D4:0", "D4:2/3", "D5:1/3"]], [["E4:1"]])
    assert {kind: sorted(found) for kind, found in bar.marks.items()} == {
        "ties": [(1, 0, "C4"), (1, 1, "D4"), (2, 0, "E4")],
        "slurs": [(1, "slur")],
        "tuplets": [(1, 1, (3, 2))],
        "articulations": [(1, "accent"), (1, "fermata"), (1, "staccato")],
        "dynamics": [(1, "mf")],
        "hairpins": [(1, "crescendo")],
    }
    assert [tuple(syllable) for syllable in bar.syllables] == [(1, 1, "2", "lo\u203fa")]


def test_a_tuplet_in_mei_stands_on_the_staff_of_its_first_note(tmp_path):
    notes = (
        '<note dur="8" oct="3" pname="c" grace="acc"/>' + 3 * '<note dur="8" oct="3" pname="c" staff="2"/>'
    )
    tuplet = f'<tuplet num="3" numbase="2">{notes}</tuplet>'
    (tmp_path / "a.mei").write_text(
        MEI.format(f'<measure><staff n="1"><layer>{tuplet}</layer></staff></measure>')
    )
    (bar,) = load_compared(tmp_path / "a.mei").bars
    assert list(bar.marks["tuplets"]) == [(2, 0, (3, 2))]


def test_parts_by_name_and_number(tmp_path):
    staves = load_compared(load_score_of(tmp_path, KERN)).staves
    names = [staff.name for staff in staves]
    assert choose_staves(staves, "CELLO") == [names.index("Cello")]
    assert choose_staves(staves, "2") == [1]
    with pytest.raises(NotationError, match="no parts named 'Oboe'; needed is one of: 1 '"):
        choose_staves(staves, "Oboe")
    with pytest.raises(NotationError, match="no parts named '3'"):
        choose_staves(staves, "3")
    with pytest.raises(NotationError, match="2 parts named 'Flute'"):
        choose_staves([staves[names.index("Flute")]] * 2, "Flute")
    piano = [Staff("Piano staff 1", "Piano", "P1"), Staff("Piano staff 2", "Piano", "P1")]
    assert choose_staves(piano, "piano") == [0, 1]
    assert choose_staves(piano, "piano_staff_2") == [1]


def load_score_of(folder, text):
    path = folder / "score.krn"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("no.musicxml", None, "no.musicxml cannot be read: No such file"),
        ("a.mxl", b"PK", "a.mxl: not a zipped MusicXML file"),
        ("a.musicxml", b"<score", "a.musicxml: the XML document ends early, at line 1"),
        (
            "a.musicxml",
            b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/hostname'>]><a>&b;</a>",
            "declares an entity",
        ),
        ("a.mei", b"<mei/>", "a.mei: a <mei> document without a <score>"),
        ("a.krn", b"4c", "a.krn: kern: no column"),
        ("a.doc", b"", "unknown suffix"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, name, data, message):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(Exception, match=message):
        load_compared(tmp_path / name)


@pytest.mark.skipif(not PARTS.exists(), reason="the pages are not here")
@pytest.mark.parametrize("stem", QUARTETS)
def test_the_quartets_are_read_alike_from_their_elements_and_from_verovio(tmp_path, stem):
    score = load_compared(PARTS / f"{stem}.mxl")
    notes = Counter(note.staff for bar in score.bars for note in bar.notes)
    assert (len(score.bars), [notes[staff] for staff in (1, 2, 3, 4)]) == QUARTETS[stem]
    (tmp_path / "a.mei").write_text(Engraver().mei(score.musicxml(range(4)), input_format="musicxml"))
    found = diff_bars(load_compared(tmp_path / "a.mei").bars, score.bars)
    assert (found.differences, found.bars.matched, found.voices) == ([], len(score.bars), 1)
    assert {kind: found.tallies[kind].f1 for kind in MARKS} == dict.fromkeys(MARKS, 1)


def test_a_part_as_a_score(tmp_path):
    save_one_voice(read_semantic(LABEL), tmp_path / "a.musicxml")
    assert load_compared(tmp_path / "a.musicxml").score(0) == load_one_voice(tmp_path / "a.musicxml")
