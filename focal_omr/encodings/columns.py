"""Columns: a staff read from left to right, where everything that begins at one moment is one symbol.

A column is a sign (clef, key signature, barline ...) or notes: up to three stem groups, each with one
duration, and at each position of the staff a head with its accidental and tie. A chord cannot be torn apart,
for it has one stem and one duration.

`FACTORS` is the one table of what a network has to tell about a column, `column_factors` the values of one. A
factor of a group or a position holds for note columns alone.

Source: Edirisooriya et al., "An Empirical Evaluation of End-to-End Polyphonic Optical Music Recognition",
ISMIR 2021, for columns as symbols of CTC; the shared blank, stems, ties, grace notes, tuplets and advance are
ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal, cast

from focal_omr.score.score import Clef, Duration, Key, Meter

__all__ = [
    "ACCIDENTALS",
    "FACTORS",
    "GROUPS",
    "POSITIONS",
    "Column",
    "Factor",
    "Group",
    "Head",
    "NoteColumn",
    "SignColumn",
]

GROUPS = ("up", "down", "third")
# Positions in diatonic steps from the lowest line: six spaces below the staff to six above it.
POSITIONS = range(-12, 21)
ACCIDENTALS = ("sharp", "flat", "natural", "double-sharp", "flat-flat")
HEADS = ("normal", "x", "diamond", "slash", "circle-x", "triangle")
VALUES = tuple(Fraction(2) ** power for power in range(2, -10, -1))  # four whole notes to 1/512
RATIOS = (
    (3, 2),
    (6, 4),
    (5, 4),
    (7, 4),
    (2, 3),
    (4, 3),
    (9, 8),
    (10, 8),
    (7, 8),
    (5, 6),
    (7, 6),
    (12, 8),
    (11, 8),
    (13, 8),
)
METER_BEATS = (*range(1, 17), 18, 20, 21, 24)
METER_UNITS = (1, 2, 4, 8, 16, 32)
CLEFS = tuple(
    Clef(cast("Any", shape), line, octave)
    for shape, lines, octaves in (
        ("G", (1, 2), (-2, -1, 0, 1, 2)),
        ("F", (3, 4, 5), (-1, 0, 1)),
        ("C", (1, 2, 3, 4, 5), (0,)),
        ("percussion", (3,), (0,)),
    )
    for line, octave in product(lines, octaves)
)
BARLINES = (
    *("single", "double", "final", "repeat-start", "repeat-end", "repeat-both", "dashed", "dotted", "heavy"),
    *("heavy-light", "tick", "short", "none"),
)
ENDINGS = ("1", "2", "3", "4", "other", "stop", "discontinue")
OTHER_SIGNS = ("segno", "coda", "ottava-1", "ottava-2", "ottava--1", "ottava-stop")
MAX_MULTIREST = 199


@dataclass(frozen=True, slots=True)
class Head:
    """A note head at a position of the staff: what is printed with it."""

    accidental: str | None = None
    tie: bool = False
    kind: str = "normal"


@dataclass(frozen=True, slots=True)
class Group:
    """One stem: a duration, and heads from the lowest to the highest; without heads a rest.

    Attributes:
        duration: As written. None: a rest of the whole measure.
        heads: (position, head), positions in diatonic steps from the lowest line, from the lowest up; two of
            one position (a unison, or two accidentals of one step) follow each other.
        grace: A grace note, with a slash through its stem or without.
        ratio: Actual and normal notes of its tuplets, multiplied.
    """

    duration: Duration | None
    heads: tuple[tuple[int, Head], ...] = ()
    grace: Literal["slash", "plain"] | None = None
    ratio: tuple[int, int] = (1, 1)
    fermata: bool = False

    @property
    def length(self) -> Fraction | None:
        """Sounding length in whole notes; None for a rest of the whole measure."""
        if self.duration is None:
            return None
        return Fraction(0) if self.grace else self.duration.length * Fraction(self.ratio[1], self.ratio[0])


@dataclass(frozen=True, slots=True)
class NoteColumn:
    """Notes and rests that begin together, by stem: (up, down, third), None where there is none.

    Attributes:
        advance: Whole notes to the next column of notes, or to the end of the measure; 0 after grace notes.
    """

    groups: tuple[Group | None, Group | None, Group | None]
    advance: Fraction


@dataclass(frozen=True, slots=True)
class SignColumn:
    """A sign: `kind` says which, `value` what it says.

    | kind | value |
    |---|---|
    | clef, key, meter | the record |
    | barline | one of `BARLINES` |
    | multirest | number of measures |
    | measure-repeat | number of measures |
    | ending | its numbers ("1", "1, 2"), or stop, discontinue |
    | sign | one of `OTHER_SIGNS` |
    """

    kind: Literal["clef", "key", "meter", "barline", "multirest", "measure-repeat", "ending", "sign"]
    value: Clef | Key | Meter | int | str


Column = NoteColumn | SignColumn


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that a column tells: a softmax over `values`, whose first one is "nothing of this kind"."""

    name: str
    values: tuple[object, ...]


def _factors() -> Iterator[Factor]:
    kinds = [
        "blank",
        "notes",
        *(("clef", clef) for clef in CLEFS),
        *(("key", fifths) for fifths in range(-7, 8)),
        *(("barline", name) for name in BARLINES),
        *(("ending", name) for name in ENDINGS),
        *(("sign", name) for name in OTHER_SIGNS),
        *(("measure-repeat", measures) for measures in (1, 2, 4)),
        *(("meter", name) for name in ("fraction", "common", "cut", "none")),
        "multirest",
    ]
    yield Factor("kind", tuple(kinds))
    yield Factor("key.cancel", (None, *range(-7, 8)))
    yield Factor("meter.beats", (None, *METER_BEATS, "3+2", "2+3", "3+2+2", "2+2+3", "2+3+2", "3+3+2"))
    yield Factor("meter.unit", (None, *METER_UNITS))
    yield Factor("multirest.tens", tuple(range(20)))
    yield Factor("multirest.units", tuple(range(10)))
    yield Factor("advance", (None, "from durations"))
    for group in GROUPS:
        yield Factor(f"{group}.value", (None, "measure", *VALUES))
        yield Factor(f"{group}.dots", (0, 1, 2, 3))
        yield Factor(f"{group}.rest", (False, True))
        yield Factor(f"{group}.grace", (None, "plain", "slash"))
        yield Factor(f"{group}.ratio", ((1, 1), *RATIOS))
        yield Factor(f"{group}.fermata", (False, True))
    for position in POSITIONS:
        # Which groups have a head here; a unison of two heads in one group is none that can be told.
        yield Factor(
            f"{position}.head", ((), *((g,) for g in GROUPS), ("up", "down"), ("up", "up"), ("down", "down"))
        )
        yield Factor(f"{position}.accidental", (None, *ACCIDENTALS))
        yield Factor(f"{position}.tie", (False, True))
        yield Factor(f"{position}.kind", HEADS)


FACTORS: tuple[Factor, ...] = tuple(_factors())
