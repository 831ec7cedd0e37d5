"""A small score of two voices for the tests of engravers."""

from fractions import Fraction
from typing import Any

from rich_scores import EIGHTH, HALF, QUARTER, chord, measure, rest

from focal_omr.encodings.as_printed import as_printed
from focal_omr.score.score import (
    Articulation,
    Clef,
    Direction,
    Dynamic,
    Key,
    Lyric,
    Measure,
    Meter,
    Part,
    Score,
    Sign,
    Slur,
    Tuplet,
)

F = Fraction


def _measure(**how: Any) -> Measure:
    """Two voices in 3/4: a triplet, a tie, a chord with an accidental; below a dotted half."""
    upper = (
        chord("a", F(0), "C5", EIGHTH, length=F(1, 12), beams=("begin",), marks=(Lyric("la"),)),
        chord("b", F(1, 12), "D5", EIGHTH, length=F(1, 12), beams=("continue",)),
        chord("c", F(1, 6), "E5", EIGHTH, length=F(1, 12), beams=("end",), marks=(Articulation("staccato"),)),
        chord("d", F(1, 4), "F#5 A5", QUARTER),
        rest("e", F(1, 2), QUARTER),
    )
    lower = (chord("f", F(0), "G4", HALF), chord("g", F(1, 2), "G4", QUARTER))
    signs = (Sign(F(0), Clef("G", 2)), Sign(F(0), Key(-1)), Sign(F(0), Meter((((3,), 4),))))
    directions = (Direction(F(0), Dynamic("p")),)
    return measure("m1", upper, lower, signs=signs, directions=directions, **how)


def small_score(**how: Any) -> Score:
    """One measure on one staff; `how` are other fields of the measure."""
    spanners = (Tuplet("a", "c", 3, 2), Slur("a", "c"), Slur("a", "g"))
    part = Part(id="P1", measures=(_measure(**how),), spanners=spanners)
    return as_printed(Score(parts=(part,)), stems=False)[0]
