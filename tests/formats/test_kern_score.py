"""Whole scores from Humdrum, through Verovio."""

from fractions import Fraction

import pytest

from focal_omr.errors import EngraveError
from focal_omr.formats.kern_score import read_kern_score
from focal_omr.score.score import (
    Chord,
    Dynamic,
    Fermata,
    Key,
    Lyric,
    MeasureRepeat,
    Meter,
    Pitch,
    Rest,
    Score,
    Sign,
)
from focal_omr.score.validate import validate

PIANO_SONG = """\
!!!system-decoration: s1,{(s2,s3)}
**kern	**kern	**dynam	**kern	**text
*part2	*part2	*part2	*part1	*part1
*staff3	*staff2	*	*staff1	*staff1
*I"Piano	*	*	*I"Voice	*
*clefF4	*clefG2	*	*clefG2	*
*k[f#]	*k[f#]	*	*k[f#]	*
*M3/4	*M3/4	*	*M3/4	*
=1	=1	=1	=1	=1
*	*^	*	*	*
2.G 2.d	4b	2.g	p	4g	Ky-
.	8cc#L	.	.	[4a	-ri-
.	8ddJ	.	.	.	.
.	4b;	.	.	4a]	.
=2	=2	=2	=2	=2	=2
2.r	12eeL	4.r	f	2.b	-e
.	12dd	.	.	.	.
.	12ccJ	.	.	.	.
.	2b	.	.	.	.
.	.	4.g	.	.	.
*	*v	*v	*	*	*
==	==	==	==	==
*-	*-	*-	*-	*-
"""


def test_a_song_with_piano() -> None:
    score = read_kern_score(PIANO_SONG)
    assert validate(score) == []
    voice, piano = score.parts
    assert [(part.name, part.staves) for part in score.parts] == [("Voice", 1), ("Piano", 2)]
    first = voice.measures[0]
    assert {Sign(Fraction(0), Key(1)), Sign(Fraction(0), Meter((((3,), 4),)))} <= set(first.signs)
    sung = [e for e in first.voices[0].events if isinstance(e, Chord)]
    assert [m.text for e in sung for m in e.marks if isinstance(m, Lyric)] == ["Ky", "ri"]
    assert sung[1].notes[0].tie_to == sung[2].notes[0].id
    assert [[e.onset for e in v.events] for v in piano.measures[0].voices[:1]] == [
        [Fraction(0), Fraction(1, 4), Fraction(3, 8), Fraction(1, 2)]
    ]
    upper = piano.measures[0].voices[0].events
    assert isinstance(upper[1], Chord)
    assert (upper[1].notes[0].pitch, upper[1].notes[0].accidental) == (Pitch("C", 5, 1), "sharp")
    assert [e.length for e in piano.measures[1].voices[0].events[:3]] == [Fraction(1, 12)] * 3
    assert [d.value for d in piano.measures[0].directions] == [Dynamic("p")]
    assert any(isinstance(e, Rest) for v in piano.measures[1].voices for e in v.events)


def test_what_is_no_kern_is_refused() -> None:
    with pytest.raises(EngraveError, match=r"kern"):
        read_kern_score("no music")


def _kern(lines: str) -> Score:
    """The score of lines in which spaces stand for tabs, and ~ for spaces."""
    return read_kern_score(lines.replace(" ", "\t").replace("~", " "))


def _sounds(score: Score, part: int = 0) -> list[list[tuple[Fraction, str, Fraction, str | None]]]:
    """By measure the onset, name, length in quarters and tie of every note."""
    return [
        [
            (4 * e.onset, f"{n.pitch.step}{n.pitch.octave}", 4 * e.length, n.tie_to)
            for voice in measure.voices
            for e in voice.events
            if isinstance(e, Chord)
            for n in e.notes
        ]
        for measure in score.parts[part].measures
    ]


def test_notes_that_cross_barlines_become_tied_ones() -> None:
    """Over one barline and over two; a tie that leads on from the last piece; a rest too."""
    score = _kern(
        "**kern **kern\n*staff2 *staff1\n*M2/4 *M2/4\n=1 =1\n4c 8d\n. 8d\n4r [2d~2f\n=2 =2\n1.g .\n"
        ". 8d]\n. 8b\n=3 =3\n. 4r\n. 4a\n=4 =4\n. 4a\n. 4a\n=5 =5\n2c 2r\n== ==\n*- *-\n"
    )
    assert validate(score) == []
    upper, lower = _sounds(score), _sounds(score, 1)
    ids = [[entry[3] for entry in measure] for measure in (*upper, *lower)]
    assert [[entry[:3] for entry in measure] for measure in lower] == [
        [(0, "C4", 1)],
        [(0, "G4", 2)],
        [(0, "G4", 2)],
        [(0, "G4", 2)],
        [(0, "C4", 2)],
    ]
    assert [entry[:3] for entry in upper[0][2:]] == [(1, "D4", 1), (1, "F4", 1)]
    assert [entry[:3] for entry in upper[1]] == [
        (0, "D4", 1),
        (0, "F4", 1),
        (1, "D4", Fraction(1, 2)),
        (Fraction(3, 2), "B4", Fraction(1, 2)),
    ]
    first, second = score.parts[0].measures[:2]
    pieces = [note.id for e in second.voices[0].events[:2] if isinstance(e, Chord) for note in e.notes]
    assert ids[0][2:] == pieces[:2]
    assert ids[1][:2] == [pieces[2], None]
    assert [bool(tie) for measure in ids[5:] for tie in measure] == [False, True, True, False, False]
    assert first.length == second.length == Fraction(1, 2)


def test_a_space_that_verovio_leaves_out() -> None:
    """In front of a rest, and on a staff on which one note lasts the whole measure."""
    score = _kern("**kern\n*M2/1\n=1-\n1c\n0G\n=2-\n.\n2r\n2d\n==\n*-\n")
    assert [[entry[:3] for entry in measure] for measure in _sounds(score)][1][0] == (0, "G3", 4)
    assert validate(score) == []


def test_meters_beside_a_mensuration_sign() -> None:
    score = _kern("**kern\n*M2/1\n*met(C|)\n=1\n0c\n=2\n*M3/1\n*met(O)\n0.d\n==\n*-\n")
    meters = [sign.value for measure in score.parts[0].measures for sign in measure.signs]
    assert [m for m in meters if isinstance(m, Meter)] == [Meter((((2,), 1),), "cut"), Meter((((3,), 1),))]


def test_ties_that_are_not_drawn_and_final_longs() -> None:
    score = _kern("**kern\n*M4/4\n=1\n2c\n[y2d\n=2\n2d]\n[2el\n=3\n1e]\n==\n*-\n")
    ties = [entry[3] for measure in _sounds(score) for entry in measure]
    assert [tie is not None for tie in ties] == [False, True, False, True, False]


def test_what_a_repeat_sign_repeats_is_written_out() -> None:
    """A sign for a whole measure is kept, with the music; one for half a measure is its music alone."""
    score = _kern(
        "**kern **kern\n*staff2 *staff1\n*M2/4 *M2/4\n=1 =1\n8c 2a\n8d .\n8e .\n8f .\n=2 =2\n*rep *\n8c 2b\n"
        "8d .\n8e .\n8f .\n*Xrep *\n=3 =3\n8c 2cc\n8d .\n*rep *\n8c .\n8d .\n*Xrep *\n== ==\n*- *-\n"
    )
    lower = score.parts[1]
    assert [measure.repeats for measure in lower.measures] == [(), ((1, MeasureRepeat()),), ()]
    assert [[name for _, name, *_ in measure] for measure in _sounds(score, 1)] == [
        ["C4", "D4", "E4", "F4"],
        ["C4", "D4", "E4", "F4"],
        ["C4", "D4", "C4", "D4"],
    ]


def test_a_key_signature_with_naturals() -> None:
    score = _kern("**kern\n*k[b-e-a-]\n=1\n1c\n=2\n*k[anb-e-]\n1d\n=3\n*k[bnenf#]\n1e\n==\n*-\n")
    keys = [s.value for m in score.parts[0].measures for s in m.signs if isinstance(s.value, Key)]
    assert keys == [Key(-3), Key(-2, -3), Key(1, -2)]


def test_brackets_in_a_syllable() -> None:
    score = _kern("**kern **text\n=1 =1\n2c D[o]-\n2d [-mi]\n== ==\n*- *-\n")
    marks = [m for *_, e in score.events() if isinstance(e, Chord) for m in e.marks]
    assert [m.text for m in marks if isinstance(m, Lyric)] == ["D[o]", "[-mi]"]


def test_a_fermata_over_a_barline_belongs_to_no_note() -> None:
    score = _kern("**kern\n*M4/4\n=1\n2c;\n2d\n==;\n*-\n")
    assert [
        any(isinstance(m, Fermata) for m in e.marks) for *_, e in score.events() if isinstance(e, Chord)
    ] == [
        True,
        False,
    ]
