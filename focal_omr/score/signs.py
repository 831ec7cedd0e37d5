"""Pitches, durations, and the signs that change how a staff is read: clefs, keys, meters."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

Step = Literal["C", "D", "E", "F", "G", "A", "B"]
STEPS: tuple[Step, ...] = ("C", "D", "E", "F", "G", "A", "B")


@dataclass(frozen=True, slots=True)
class Pitch:
    """A written pitch: `alter` in semitones, `octave` scientific (C4 is middle C).

    A transposing part has its written pitches; `Transposition` leads to the sounding ones. An octave clef is
    already counted in, as in MusicXML and MEI: a tenor's middle C in a G clef with an 8 below is C4.
    """

    step: Step
    octave: int
    alter: int = 0

    @property
    def diatonic(self) -> int:
        """Diatonic steps above C0, alteration ignored (C4 is 28)."""
        return 7 * self.octave + STEPS.index(self.step)

    @property
    def midi(self) -> int:
        """MIDI note number (C4 is 60)."""
        return 12 * (self.octave + 1) + (0, 2, 4, 5, 7, 9, 11)[STEPS.index(self.step)] + self.alter


@dataclass(frozen=True, slots=True)
class Unpitched:
    """The place on the staff of a percussion note, named as in a G clef on line 2."""

    step: Step
    octave: int

    @property
    def diatonic(self) -> int:
        """Diatonic steps above C0 of the place, read in a G clef."""
        return 7 * self.octave + STEPS.index(self.step)


@dataclass(frozen=True, slots=True)
class Duration:
    """A written duration: the note value as a Fraction of a whole note (8 to 1/1024), and a number of
    dots."""

    value: Fraction
    dots: int = 0

    @property
    def length(self) -> Fraction:
        """Length in whole notes, with dots, without tuplets."""
        return self.value * (2 - Fraction(1, 2**self.dots))


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef on a line counted from the lowest (1 to 5); `octave` is 1 for an 8 above, -1 for an 8 below."""

    shape: Literal["G", "F", "C", "percussion", "TAB", "none"]
    line: int
    octave: int = 0

    @property
    def lowest_line(self) -> int:
        """`Pitch.diatonic` of a note on the lowest line; of a percussion clef, the place as read in a G
        clef."""
        on_its_line = {"G": 32, "F": 24, "C": 28}.get(self.shape)
        if on_its_line is None:
            return 30
        return on_its_line + 7 * self.octave - 2 * (self.line - 1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature: sharps (positive) or flats (negative); `cancel` is the signature whose naturals are
    printed."""

    fifths: int
    cancel: int | None = None

    def alter(self, step: str) -> int:
        """Alteration in semitones that the signature gives to `step`."""
        order = "FCGDAEB".index(step)
        return (self.fifths + 6 - order) // 7 if self.fifths > 0 else -((-self.fifths + order) // 7)


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature.

    Attributes:
        terms: ((beats, ...), unit) for each fraction: 6/8 is (((6,), 8),), 3+2/8 is (((3, 2), 8),) and
            2/4+3/8 is (((2,), 4), ((3,), 8)). Empty: without meter.
        symbol: common or cut where printed as that sign, single-number where the unit is not printed.
    """

    terms: tuple[tuple[tuple[int, ...], int], ...]
    symbol: Literal["common", "cut", "single-number"] | None = None

    @property
    def length(self) -> Fraction | None:
        """Length of a full measure in whole notes; None without meter."""
        return sum((Fraction(sum(beats), unit) for beats, unit in self.terms), Fraction(0)) or None


@dataclass(frozen=True, slots=True)
class Transposition:
    """From written to sounding pitch: diatonic steps and semitones, octaves counted in."""

    diatonic: int
    chromatic: int


@dataclass(frozen=True, slots=True)
class StaffLines:
    """The number of lines of the staff, where it is not five."""

    lines: int


@dataclass(frozen=True, slots=True)
class Sign:
    """What changes how a staff is read, from an onset on; `staff` None: on all staves of the part.

    Attributes:
        graces: Number of the grace notes at its onset that stand before it.
        printed: False for a sign that holds but is not drawn, such as the meter of a cadenza.
        id: Its id where something refers to it; ignored by comparisons.
    """

    onset: Fraction
    value: Clef | Key | Meter | Transposition | StaffLines
    staff: int | None = None
    graces: int = 0
    printed: bool = True
    id: str = field(default="", compare=False)
