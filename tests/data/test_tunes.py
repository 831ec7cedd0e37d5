"""Real tunes: small ones in every format, the excerpts cut out of them, and what is left out and said."""

import os
import zipfile
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.data import tunes
from focal_omr.data.tunes import (
    Tune,
    collect_tunes,
    excerpt,
    listed_files,
    music21_folder,
    read_collection,
    tune_files,
)
from focal_omr.errors import DataError
from focal_omr.notation.mei import write_mei
from focal_omr.notation.score import Clef, Key, Meter, Note, Score, flat_events
from focal_omr.notation.semantic import read_semantic, score_to_tokens, tokens_to_score

KERN = """**kern
*clefG2
*k[f#]
*M3/4
=1
4g
4f#
8b
8cc
=2
2dd
4r
=3
2.g;
==
*-
"""
# Two staves: the left one has a chord, the right one is a melody.
KERN_DUET = """**kern\t**kern
*clefF4\t*clefG2
*M2/4\t*M2/4
=1\t=1
4C 4E\t4g
4D\t4a
==\t==
*-\t*-
"""
ABC = "X:1\nT:One\nM:2/4\nL:1/8\nK:G\nG2A2|Bcd2|\n\nX:2\nT:Two\nM:3/4\nL:1/4\nK:F\nFGB|\n"
PAE = "@clef:G-2\n@keysig:bB\n@timesig:c\n@data:4'FGAB/2''C4-'A/\n"
MUSICXML = """<?xml version="1.0"?><score-partwise version="4.0"><part-list><score-part id="P1">
<part-name>Bass</part-name></score-part></part-list><part id="P1"><measure number="1"><attributes>
<divisions>1</divisions><key><fifths>-1</fifths></key><time><beats>2</beats><beat-type>4</beat-type></time>
<clef><sign>F</sign><line>4</line></clef></attributes><note><pitch><step>F</step><octave>3</octave></pitch>
<duration>1</duration><type>quarter</type></note><note><rest/><duration>1</duration><type>quarter</type>
</note></measure></part></score-partwise>"""
MEI_TOKENS = ["clef-C1", "timeSignature-C", "note-D4_half", "note-E4_half", "barline"]
CONTAINER = '<container><rootfiles><rootfile full-path="in/score.xml"/></rootfiles></container>'


def _write(folder: Path) -> None:
    for name, text in {
        "a.krn": KERN,
        "b.abc": ABC,
        "c.pae": PAE,
        "d.musicxml": MUSICXML,
        "e/f.mei": write_mei(tokens_to_score(MEI_TOKENS)),
        "g.krn": KERN_DUET,
        "notes.txt": "no tune",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "h.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("in/score.xml", MUSICXML)


EXPECTED = {
    "a.krn#0.0": "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter note-F#4_quarter note-B4_eighth "
    "note-C5_eighth barline note-D5_half rest-quarter barline note-G4_half._fermata barline-final",
    "b.abc#0.0": "clef-G2 keySignature-GM timeSignature-2/4 note-G4_quarter note-A4_quarter barline "
    "note-B4_eighth note-C5_eighth note-D5_quarter barline",
    "b.abc#1.0": "clef-G2 keySignature-FM timeSignature-3/4 note-F4_quarter note-G4_quarter "
    "note-Bb4_quarter barline",
    "c.pae#0.0": "clef-G2 keySignature-FM timeSignature-C note-F4_quarter note-G4_quarter note-A4_quarter "
    "note-Bb4_quarter barline note-C5_half rest-quarter note-A4_quarter barline",
    "d.musicxml#0.0": "clef-F4 keySignature-FM timeSignature-2/4 note-F3_quarter rest-quarter barline",
    "e/f.mei#0.0": " ".join(MEI_TOKENS),
    "g.krn#0.0": "clef-G2 timeSignature-2/4 note-G4_quarter note-A4_quarter barline-final",
    "h.mxl#0.0": "clef-F4 keySignature-FM timeSignature-2/4 note-F3_quarter rest-quarter barline",
}


def test_every_format_gives_its_melodies_and_no_chords(tmp_path: Path) -> None:
    _write(tmp_path)
    files = tune_files(tmp_path)
    assert [path.name for path in files] == [
        "a.krn",
        "b.abc",
        "c.pae",
        "d.musicxml",
        "f.mei",
        "g.krn",
        "h.mxl",
    ]
    collection = tmp_path / "tunes.out"
    count = collect_tunes(files, collection, root=tmp_path)
    found = {
        tune.source: " ".join(score_to_tokens(Score((tune.part,)))) for tune in read_collection(collection)
    }
    assert found == EXPECTED
    assert count == len(EXPECTED)
    assert not collection.with_suffix(".partial").exists()


GARBAGE = {
    "empty.krn": b"",
    "noise.krn": bytes(range(256)) * 4,
    "torn.krn": b"**kern\t**kern\n4c\n*-\n",
    "chords.krn": b"**kern\n*M2/4\n4c 4e\n4d 4f\n*-\n",
    "keyless.abc": b"X:1\nCDEF|\n",
    "prose.abc": b"Once upon a time\n",
    "torn.musicxml": b"<score-partwise><part>",
    "page.xml": b"<html><body>no score</body></html>",
    "torn.mei": b"<mei><music>",
    "words.pae": b"@data:\n",
    "noise.mxl": b"PK\x03\x04 but no archive",
}


def test_what_cannot_be_read_is_logged_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, data in GARBAGE.items():
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "hollow.mxl", "w") as archive:
        archive.writestr("readme.txt", "no score")
    with zipfile.ZipFile(tmp_path / "rootless.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", "<container/>")
    (tmp_path / "last.krn").write_text(KERN, encoding="utf-8")
    files = [*sorted(tmp_path.glob("[!l]*")), tmp_path / "last.krn"]
    with caplog.at_level("INFO"):
        lines = tunes._tune_lines(files, tmp_path)
    assert [line.partition("\t")[0] for line in lines] == ["last.krn#0.0"]
    silent = [path.name for path in files[:-1] if f"{path.name}: " not in caplog.text]
    assert silent == ["prose.abc"]  # a text without a line X: holds no tune, which is no fault


def _lines_or_death(files: Sequence[Path], root: Path) -> list[str]:
    """Stands for a reader that some input ends the process of."""
    if any(path.stem == "fatal" for path in files):
        os._exit(11)
    return [f"{path.name}\tbarline\n" for path in files]


def test_a_file_that_ends_its_process_is_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunes, "_tune_lines", _lines_or_death)
    files = [tmp_path / f"{name}.krn" for name in ("a", "fatal", "z")]
    assert collect_tunes(files, tmp_path / "tunes.txt", root=tmp_path, workers=1) == 2
    assert [tune.source for tune in read_collection(tmp_path / "tunes.txt")] == ["a.krn", "z.krn"]
    assert [r.getMessage() for r in caplog.records] == [
        f"{tmp_path / 'fatal.krn'}: ends the process that reads it; left out"
    ]


def test_a_folder_without_tunes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "essenFolksong").mkdir()
    (tmp_path / "essenFolksong" / "x.abc").write_text(ABC, encoding="utf-8")  # not free for every use
    (tmp_path / "x.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"no tunes; looked for files \*\.krn"):
        tune_files(tmp_path)


def test_the_files_of_a_listing(tmp_path: Path) -> None:
    _write(tmp_path)
    listing = tmp_path / "list.txt"
    listing.write_text("e/f.mei\n\na.krn\n", encoding="utf-8")
    assert listed_files(tmp_path, listing) == [tmp_path / "e" / "f.mei", tmp_path / "a.krn"]
    listing.write_text("a.krn\nx.krn\ny.krn\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"list\.txt: 2 of its files are not in .*x\.krn"):
        listed_files(tmp_path, listing)
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        listed_files(tmp_path, tmp_path / "none.txt")


def test_music21_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunes, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="music21 is not installed"):
        music21_folder()


def test_a_damaged_collection_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "tunes.txt"
    path.write_text("a\tclef-G2\tbarline\nb\tclef-G2\tnote-H4_third\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"tunes\.txt:2: .*note-H4_third"):
        read_collection(path)
    with pytest.raises(DataError, match=r"none\.txt: cannot be read"):
        read_collection(tmp_path / "none.txt")


# Excerpts ---------------------------------------------------------------------------------------------------

# Bars of 3/4 with what makes cutting hard: ties over barlines, an accidental that carries, a tuplet, a rest
# that fills its bar, a change of clef and of key, a grace note, a repeat sign.
_BARS = """
note-G4_quarter note-A4_quarter note-B4_quarter tie | note-B4_quarter note-C#5_quarter note-C#5_quarter |
note-D5_half. | rest-whole | tuplet-3 note-D5_eighth note-C5_eighth note-B4_eighth tuplet-end note-A4_half |
gracenote-B4_eighth note-A4_quarter rest-quarter note-G4_eighth note-F#4_eighth | clef-F4 note-G3_half.
barline-repeat_end note-A3_quarter. note-B3_eighth note-C4_quarter | keySignature-DM note-C#4_half. |
clef-G2 note-D5_quarter note-E5_quarter note-F#5_quarter tie | note-F#5_half note-E5_quarter |
note-D5_sixteenth note-E5_sixteenth note-F#5_sixteenth note-G5_sixteenth note-A5_half | note-D5_half.
barline-final
"""
TUNE = Tune(
    "test",
    read_semantic(f"clef-G2 keySignature-GM timeSignature-3/4 {_BARS.replace('|', 'barline')}").parts[0],
)
seeds = st.integers(0, 10**9)
lengths = st.integers(8, 50)


def _positions(score: Score) -> list[int]:
    """Where each note stands, in steps above its staff's lowest line."""
    clef, found = Clef("G", 2), []
    for measure in score.parts[0].measures:
        for event in flat_events(measure):
            clef = event if isinstance(event, Clef) else clef
            if isinstance(event, Note):
                found.append(event.pitch.diatonic - clef.lowest_line)
    return found


def test_the_tune_is_what_it_should_be() -> None:
    assert {measure.length for measure in TUNE.part.measures} == {Fraction(3, 4), Fraction(1)}
    assert len(TUNE.part.measures) == 13


@given(seeds, lengths)
def test_an_excerpt_is_a_grammatical_staff(seed: int, symbols: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is not None:
        tokens = score_to_tokens(score)
        assert tokens_to_score(tokens) == score
        assert tokens[0].startswith("clef-")
        assert any(token.startswith("note-") for token in tokens)
        signs = [token.partition("-")[0] for token in tokens[1:4] if "Signature" in token]
        assert signs == sorted(set(signs))  # a key and a meter, once and in this order


@given(seeds, lengths)
def test_an_excerpt_fits_a_strip(seed: int, symbols: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is not None:
        assert all(-8 <= position <= 16 for position in _positions(score))


@given(seeds, lengths)
def test_an_excerpt_has_whole_bars_of_the_tune(seed: int, symbols: int) -> None:
    """Perhaps of doubled or halved values, then all of them; the last bar may break off."""
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is None:
        return
    *whole, last = score.parts[0].measures
    if last.barline is not None:
        whole.append(last)
    bars = [m.length for m in whole]
    assert {bar / Fraction(3, 4) for bar in bars} <= {Fraction(n, 6) for n in (3, 4, 6, 8, 12, 16)}
    scales = [
        scale
        for scale in (Fraction(1, 2), 1, 2)
        if all(bar in (scale * Fraction(3, 4), scale) for bar in bars)
    ]
    assert scales
    for event in (e for m in whole for e in flat_events(m) if isinstance(e, Meter)):
        assert event.length in [scale * Fraction(3, 4) for scale in scales]


@given(seeds, lengths)
def test_variation_keeps_the_melody(seed: int, symbols: int) -> None:
    """The steps from note to note on the staff are those of a part of the tune."""
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is None:
        return
    whole, part = _positions(Score((TUNE.part,))), _positions(score)
    steps = [b - a for a, b in pairwise(whole)]
    got = [b - a for a, b in pairwise(part)]
    assert any(steps[start : start + len(got)] == got for start in range(len(steps) - len(got) + 1))


@given(seeds)
def test_ties_still_join_one_pitch(seed: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=40)
    if score is not None:
        notes = [e for m in score.parts[0].measures for e in flat_events(m) if isinstance(e, Note)]
        for note, following in zip(notes, [*notes[1:], None], strict=True):
            assert not note.tie or (following is not None and following.pitch == note.pitch)


def test_excerpts_are_about_as_long_as_asked_and_vary() -> None:
    scores = {n: [excerpt(TUNE, Random(seed), symbols=n) for seed in range(80)] for n in (10, 30)}
    mean = {}
    for symbols, found in scores.items():
        counts = [len(score_to_tokens(score)) for score in found if score is not None]
        assert max(counts) <= 2 * symbols + 4
        mean[symbols] = sum(counts) / len(counts)
    assert 7 < mean[10] < 16
    assert 20 < mean[30] < 36
    events = [e for s in scores[30] if s for m in s.parts[0].measures for e in flat_events(m)]
    assert len({e for e in events if isinstance(e, Clef)}) >= 6
    assert len({e for e in events if isinstance(e, Key)}) >= 8
    assert {e.unit for e in events if isinstance(e, Meter)} == {2, 4, 8}


def test_the_same_seed_gives_the_same_excerpt() -> None:
    for seed in range(20):
        assert excerpt(TUNE, Random(seed), symbols=20) == excerpt(TUNE, Random(seed), symbols=20)


def test_a_place_without_music_gives_nothing() -> None:
    rests = Tune("rests", read_semantic("clef-G2 " + "multirest-9 barline rest-whole barline " * 4).parts[0])
    long = Tune("long", read_semantic("clef-G2 " + "note-G4_quarter " * 60 + "barline").parts[0])
    for seed in range(20):
        assert excerpt(rests, Random(seed), symbols=10) is None
        assert excerpt(long, Random(seed), symbols=20) is None
