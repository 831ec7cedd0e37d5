"""Spanners: what leads from one event, measure or moment of a part to another."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from focal_omr.score.marks import Placement
from focal_omr.score.signs import Duration


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on a staff: a measure's id and an onset in it."""

    measure: str
    onset: Fraction
    staff: int = 1


@dataclass(frozen=True, slots=True)
class Slur:
    """A slur from one event to another (ids of events; None: its end was not read)."""

    start: str | None
    end: str | None
    placement: Placement | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Tuplet:
    """`actual` notes in the time of `normal` ones, from one event to another of the same voice (ids of
    events).

    Attributes:
        value: The note value that the numbers count; None: that of its first event.
        number: Whether both numbers, one or none are printed.
        bracket: Whether a bracket is printed; None: not told.
    """

    start: str
    end: str
    actual: int
    normal: int
    value: Duration | None = None
    number: Literal["actual", "both", "none"] = "actual"
    bracket: bool | None = None
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Hairpin:
    """A crescendo or diminuendo hairpin."""

    start: Moment
    end: Moment
    kind: Literal["crescendo", "diminuendo"]
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Ottava:
    """An octave line: `octaves` is 1 for 8va, -1 for 8vb, 2 for 15ma. Pitches are as they sound."""

    start: Moment
    end: Moment
    octaves: int


@dataclass(frozen=True, slots=True)
class Pedal:
    """A pedal, down from one moment to another; drawn as a line, or as signs."""

    start: Moment
    end: Moment
    line: bool = False


@dataclass(frozen=True, slots=True)
class Glissando:
    """A glissando (wavy) or slide (straight) between two notes (ids of notes)."""

    start: str
    end: str
    wavy: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True)
class TrillLine:
    """A wavy line from one event to another (ids of events)."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Ending:
    """An ending over measures (ids of the first and the last): "1", "2", "1, 3"; `closed` with a hook at its
    right."""

    start: str
    end: str
    numbers: str
    text: str = ""
    closed: bool = True


Spanner = Slur | Tuplet | Hairpin | Ottava | Pedal | Glissando | TrillLine | Ending
