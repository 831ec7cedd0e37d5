"""Files to bars: one piece in all formats, chords in each, and the parts of real scores."""

import zipfile

import pytest
from shared_data import SHARED

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.read import load_compared
from focal_omr.evaluation.score_diff.records import choose_part
from focal_omr.formats.registry import load_score, save_score
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
    ["F#4:2", "F#4:1"],
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
QUARTETS = {  # part: bars, notes, bars with chords or two voices, notes outside of them
    "sq8437280": {
        "Violin 1": (168, 776, 0, 776),
        "Violin 2": (168, 743, 0, 743),
        "Viola": (168, 433, 15, 396),
        "Violoncello": (168, 455, 0, 455),
    },
    "sq8437358": {
        "Violin 1": (163, 1133, 5, 1106),
        "Violin 2": (163, 974, 6, 952),
        "Viola": (163, 553, 14, 525),
        "Violoncello": (163, 511, 0, 511),
    },
}


def reads(bars):
    return [[str(note) for note in bar.notes] for bar in bars]


@pytest.mark.parametrize("suffix", [".semantic", ".musicxml", ".mxl", ".xml", ".mei"])
def test_one_piece_in_all_formats(tmp_path, suffix):
    path = tmp_path / f"piece{suffix}"
    if suffix == ".mxl":
        save_score(read_semantic(LABEL), tmp_path / "piece.musicxml")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("META-INF/container.xml", '<container><rootfile full-path="a.xml"/></container>')
            archive.write(tmp_path / "piece.musicxml", "a.xml")
    else:
        save_score(read_semantic(LABEL), path)
    (part,) = load_compared(path).parts
    assert reads(part.bars) == READS
    assert [bar.index for bar in part.bars] == list(range(1, 10))
    assert not any(bar.has_chord for bar in part.bars)
    assert sum(bar.length for bar in part.bars) == 25


def test_kern_with_chords(tmp_path):
    (tmp_path / "two.krn").write_text(KERN)
    parts = load_compared(tmp_path / "two.krn").parts
    assert sorted(map(str, (reads(part.bars) for part in parts))) == [
        "[['C4:1', 'E4:1', 'F4:1'], ['F#4:2']]",
        "[['F#3:1', 'F3:1'], ['F4:2']]",
    ]
    chords = [[bar.has_chord for bar in part.bars] for part in parts]
    assert sorted(chords) == [[False, False], [True, False]]


def test_two_voices_and_repeat_signs_in_mei(tmp_path):
    note = '<note dur="2" oct="4" pname="{}"/>'.format
    layers = f'<layer n="1">{note("c")}</layer><layer n="2">{note("e")}</layer>'
    staves = [layers, "<layer><mRpt/></layer>", f"<layer><bTrem>{note('d')}</bTrem></layer>"]
    measures = "".join(f'<measure><staff n="1">{inner}</staff></measure>' for inner in staves)
    (tmp_path / "a.mei").write_text(
        '<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>'
        '<scoreDef meter.count="2" meter.unit="4"><staffGrp><staffDef n="1" lines="5"/></staffGrp></scoreDef>'
        f"<section>{measures}</section></score></mdiv></body></music></mei>"
    )
    bars = load_compared(tmp_path / "a.mei").parts[0].bars
    assert reads(bars) == [["C4:2", "E4:2"], [], ["D4:2"]]
    assert [bar.has_chord for bar in bars] == [True, False, False]
    assert [bar.length for bar in bars] == [2, 2, 2]


def test_parts_by_name_and_number(tmp_path):
    parts = load_compared(load_score_of(tmp_path, KERN)).parts
    names = [part.name for part in parts]
    assert choose_part(parts, "CELLO") == names.index("Cello")
    assert choose_part(parts, "2") == 1
    with pytest.raises(NotationError, match="no parts named 'Oboe'; needed is one of: 1 '"):
        choose_part(parts, "Oboe")
    with pytest.raises(NotationError, match="no parts named '3'"):
        choose_part(parts, "3")
    with pytest.raises(NotationError, match="2 parts named 'Flute'"):
        choose_part([parts[names.index("Flute")]] * 2, "Flute")


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
    judged = load_compared(PARTS / f"{stem}.mxl")
    counted = {
        part.name: (
            len(part.bars),
            len(part.notes),
            sum(bar.has_chord for bar in part.bars),
            sum(len(bar.notes) for bar in part.bars if not bar.has_chord),
        )
        for part in judged.parts
    }
    assert counted == QUARTETS[stem]
    everything = judged.musicxml(*range(len(judged.parts)))
    (tmp_path / "a.mei").write_text(Engraver().mei(everything, input_format="musicxml"))
    for ours, theirs in zip(judged.parts, load_compared(tmp_path / "a.mei").parts, strict=True):
        assert [bar.notes for bar in ours.bars] == [bar.notes for bar in theirs.bars]
        assert [bar.has_chord for bar in ours.bars] == [bar.has_chord for bar in theirs.bars]


def test_a_part_as_a_score(tmp_path):
    save_score(read_semantic(LABEL), tmp_path / "a.musicxml")
    assert load_compared(tmp_path / "a.musicxml").score(0) == load_score(tmp_path / "a.musicxml")
