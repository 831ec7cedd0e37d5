"""Columns: a staff read from left to right, where everything that begins at one moment is one symbol.

A column is a sign (clef, key signature, barline ...) or notes: up to three stem groups, each with one
duration, and at each position of the staff a head with its accidental and tie. A chord cannot be torn apart,
for it has one stem and one duration. `column_factors` has the table of what a network tells about a column.

Source: Edirisooriya et al., "An Empirical Evaluation of End-to-End Polyphonic Optical Music Recognition",
ISMIR 2021, for columns as symbols of CTC; the shared blank, stems, ties, grace notes, tuplets and advance are
ours.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from focal_omr.score.score import Clef, Duration, Key, Meter

__all__ = [
    "BARLINES",
    "STEMS",
    "SUBDIVIDING",
    "Column",
    "Group",
    "Head",
    "NoteColumn",
    "SignColumn",
    "flat_symbols",
]

STEMS = ("up", "down", "third")
# Barlines by name: MusicXML style of the right one, repeat sign of the right one and of the next left one.
BARLINES = {
    "single": ("regular", False, False),
    "double": ("light-light", False, False),
    "final": ("light-heavy", False, False),
    "repeat-end": ("light-heavy", True, False),
    "repeat-start": ("regular", False, True),
    "repeat-both": ("light-heavy", True, True),
    "dashed": ("dashed", False, False),
    "dotted": ("dotted", False, False),
    "heavy": ("heavy", False, False),
    "heavy-light": ("heavy-light", False, False),
    "tick": ("tick", False, False),
    "short": ("short", False, False),
}
# Barlines that end a measure only where it is full; elsewhere they divide it.
SUBDIVIDING = ("dashed", "dotted", "tick", "short")


@dataclass(frozen=True, slots=True)
class Head:
    """A note head: the accidental and the tie printed with it, and its MusicXML kind.

    Two heads at one position have the same accidental and kind: they are one print.

    Attributes:
        note: Id of the note in the score that the column was made from; not compared.
    """

    accidental: str | None = None
    tie: bool = False
    kind: str = "normal"
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """One stem: a duration, and heads from the lowest to the highest; without heads a rest.

    Attributes:
        duration: As written. None: a rest of the whole measure.
        heads: (position, head), positions in diatonic steps from the lowest line, from the lowest up; two of
            one position (a unison of two strings) follow each other.
        grace: A grace note, with a slash through its stem or without.
        ratio: Actual and normal notes of its tuplets, multiplied and reduced.
        tremolo: Strokes of a tremolo between this stem and its neighbour; each lasts half of what is written.
        event: Id of the chord or rest in the score that the column was made from; not compared.
    """

    duration: Duration | None
    heads: tuple[tuple[int, Head], ...] = ()
    grace: Literal["slash", "plain"] | None = None
    ratio: tuple[int, int] = (1, 1)
    tremolo: int = 0
    fermata: bool = False
    event: str = field(default="", compare=False, repr=False)

    @property
    def length(self) -> Fraction | None:
        """Sounding length in whole notes; None for a rest of the whole measure."""
        if self.duration is None:
            return None
        return Fraction(0) if self.grace and self.heads else _length(self.duration, self.ratio, self.tremolo)


@dataclass(frozen=True, slots=True)
class NoteColumn:
    """Notes and rests that begin together, by stem: (up, down, third), None where there is none.

    Attributes:
        advance: Whole notes to the next column of notes, or to the end of the measure; 0 from a grace note to
            its note and at a rest of the whole measure. None: not known, to be found from the durations.
    """

    groups: tuple[Group | None, Group | None, Group | None]
    advance: Fraction | None = None

    def stems_at(self, position: int) -> list[int]:
        """Indices of the stems that have a head at a position."""
        return [
            stem
            for stem, group in enumerate(self.groups)
            if group is not None and any(place == position for place, _ in group.heads)
        ]


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
    | sign | segno, coda, ottava-stop, or ottava- and the number of octaves (ottava-1, ottava--1) |
    """

    kind: Literal["clef", "key", "meter", "barline", "multirest", "measure-repeat", "ending", "sign"]
    value: Clef | Key | Meter | int | str


Column = NoteColumn | SignColumn


def flat_symbols(column: Column) -> list[Hashable]:
    """The notes, rests or the sign of a column, each with everything that is printed of it.

    A note has position, stem, duration, tuplet, accidental, tie and the kind of its head. `advance` follows
    from the durations and is left out.
    """
    if not isinstance(column, NoteColumn):
        return [(column.kind, column.value)]
    symbols: list[Hashable] = []
    for stem, group in zip(STEMS, column.groups, strict=True):
        if group is None:
            continue
        own = (stem, group.duration, group.grace, group.ratio, group.tremolo, group.fermata)
        symbols += [(*own, position, head.accidental, head.tie, head.kind) for position, head in group.heads]
        if not group.heads:
            symbols.append(own)
    return symbols


@lru_cache(maxsize=4096)
def _length(duration: Duration, ratio: tuple[int, int], tremolo: int) -> Fraction:
    length = duration.length * Fraction(ratio[1], ratio[0])
    return length / 2 if tremolo else length
