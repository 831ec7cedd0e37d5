"""ABC tunes."""

import pytest
from one_voice import save_one_voice

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.abc import write_abc
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.registry import write_pieces
from focal_omr.score.records import Note, Score, flat_events


def body(label: str) -> str:
    return write_abc(read_semantic(label)).split("\n", 4)[4].strip()


def test_a_tune():
    label = (
        "clef-F4 keySignature-BbM timeSignature-6/8 note-Bb2_eighth barline note-C3_eighth note-D3_eighth "
        "note-E3_eighth note-F3_quarter. barline-final"
    )
    tune = write_abc(Score(read_semantic(label).parts, "A Jig"), number=7)
    assert tune == "X:7\nT:A Jig\nM:6/8\nL:1/8\nK:Bb clef=bass\nB,, | C,D,=E, F,3 |]\n"


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("clef-G2 note-C4_quarter note-C5_half note-C6_eighth. note-C3_sixteenth", "C2 c4 c'3/2C,/2"),
        ("clef-G2 note-F#4_quarter note-F4_quarter note-F#5_quarter", "^F2 F2 ^f2"),
        ("clef-G2 note-F#5_quarter note-F4_quarter", "^f2 =F2"),  # some programs apply it to all octaves
        ("clef-G2 note-F#4_half tie barline note-F4_half", "^F4- | F4"),
        ("clef-G2 gracenote-D4_eighth note-C4_quarter_fermata rest-quarter", "{/D}!fermata!C2 z2"),
        ("clef-G2 tuplet-3 note-C4_quarter note-D4_eighth tuplet-end", "(3:2:2C2 D"),
        ("clef-G2 timeSignature-3/4 rest-whole barline multirest-2 barline", "z6 | z6 | z6 |"),
        ("clef-G2 note-C4_half keySignature-DM timeSignature-C/ note-C4_half", "C4 [K:D] [M:C|] =C4"),
        ("clef-G2 barline-repeat_start note-C4_half barline-repeat_both note-C4_half barline-repeat_end",
         "|:C4 :|: C4 :|"),
    ],
)  # fmt: skip
def test_bodies(label, text):
    assert body(label) == text


def test_notes_round_trip(tmp_path):
    label = (
        "clef-G2 keySignature-AM timeSignature-2/4 note-C#5_eighth. note-B4_sixteenth note-Bb4_eighth "
        "note-C5_eighth barline note-C#5_half barline-final"
    )
    save_one_voice(read_semantic(label), tmp_path / "tune.abc")

    def notes(score):
        measures = score.parts[0].measures
        return [(e.pitch, e.duration) for m in measures for e in flat_events(m) if isinstance(e, Note)]

    assert notes(load_one_voice(tmp_path / "tune.abc")) == notes(read_semantic(label))


def test_pieces_are_tunes_of_one_file_and_lines_of_labels():
    pieces = [read_semantic("clef-G2 note-C4_half barline"), read_semantic("clef-G2 note-D4_half barline")]
    assert write_pieces(list(map(to_score, pieces)), "abc").decode().count("X:") == 2
    assert b"\n\nX:2\n" in write_pieces(list(map(to_score, pieces)), "abc")
    duet = Score((*pieces[0].parts, *pieces[1].parts))
    assert len(write_pieces([to_score(duet), to_score(pieces[0])], "semantic").splitlines()) == 3


def test_several_parts_are_an_error():
    with pytest.raises(NotationError, match="this score has 2"):
        write_abc(Score(read_semantic("clef-G2 note-C4_half").parts * 2))
