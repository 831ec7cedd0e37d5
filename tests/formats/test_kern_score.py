"""Whole scores from Humdrum, through Verovio."""

from fractions import Fraction

import pytest

from focal_omr.errors import EngraveError
from focal_omr.formats.kern_score import read_kern_score
from focal_omr.score.score import Chord, Dynamic, Key, Lyric, Meter, Pitch, Rest, Sign
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
