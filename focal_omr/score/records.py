"""The score in the middle: frozen records of what the music says, in the order in which it is printed.

Every reader makes these records and every writer takes them. A `Score` has parts, a part has measures, a
measure has events from left to right and the barline that closes it (none where the music just stops).
A `Note` carries its sounding pitch and, apart from it, the accidental that is printed before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Literal

Step = Literal["C", "D", "E", "F", "G", "A", "B"]
STEPS: tuple[Step, ...] = ("C", "D", "E", "F", "G", "A", "B")
# The order in which sharps enter a key signature; flats enter backwards.
SHARP_ORDER = "FCGDAEB"

# Note values by PrIMuS name, as a share of a whole note, longest first.
NOTE_VALUES: dict[str, Fraction] = {
    "quadruple_whole": Fraction(4),
    "double_whole": Fraction(2),
    "whole": Fraction(1),
    "half": Fraction(1, 2),
    "quarter": Fraction(1, 4),
    "eighth": Fraction(1, 8),
    "sixteenth": Fraction(1, 16),
    "thirty_second": Fraction(1, 32),
    "sixty_fourth": Fraction(1, 64),
    "hundred_twenty_eighth": Fraction(1, 128),
}

BarlineKind = Literal["single", "double", "final", "repeat_start", "repeat_end", "repeat_both"]
BARLINE_KINDS: tuple[BarlineKind, ...] = (
    "single",
    "double",
    "final",
    "repeat_start",
    "repeat_end",
    "repeat_both",
)
BeamPlace = Literal["start", "middle", "end"]
Break = Literal["system", "page"]


@dataclass(frozen=True, slots=True)
class Pitch:
    """A sounding pitch: `alter` in semitones, `octave` scientific (C4 is middle C)."""

    step: Step
    octave: int
    alter: int = 0

    @property
    def diatonic(self) -> int:
        """Steps above C0, without regard to the alteration (C4 is 28)."""
        return 7 * self.octave + STEPS.index(self.step)

    @property
    def midi(self) -> int:
        """MIDI note number (C4 is 60)."""
        return 12 * (self.octave + 1) + (0, 2, 4, 5, 7, 9, 11)[STEPS.index(self.step)] + self.alter


@dataclass(frozen=True, slots=True)
class Duration:
    """A written duration: a key of `NOTE_VALUES` and a number of dots."""

    value: str
    dots: int = 0

    @property
    def length(self) -> Fraction:
        """Length in whole notes, dots counted in, tuplets not."""
        return _duration_length(self.value, self.dots)


@cache
def _duration_length(value: str, dots: int) -> Fraction:
    return NOTE_VALUES[value] * (2 - Fraction(1, 2**dots))


@dataclass(frozen=True, slots=True)
class Note:
    """One note.

    Attributes:
        pitch: The sounding pitch.
        duration: The written duration; of a grace note, its shape.
        accidental: Alteration that the printed accidental names (-2 .. 2, 0: natural); None: none printed.
        tie: Tied to the next note.
        grace: A grace note, which takes no time of its bar.
        fermata: A fermata stands over it.
        beam: Place in a beam; None: no beam, or none known.
        doubtful: Marked as perhaps misread, for writers to show in colour. It is nothing of the music, so
            notes are equal without regard to it.
    """

    pitch: Pitch
    duration: Duration
    accidental: int | None = None
    tie: bool = False
    grace: bool = False
    fermata: bool = False
    beam: BeamPlace | None = None
    doubtful: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """A rest of a written duration."""

    duration: Duration
    fermata: bool = False


@dataclass(frozen=True, slots=True)
class MultiRest:
    """A rest of `bars` whole measures, printed as one."""

    bars: int


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef: shape G, F or C, on a line counted from the lowest (1 .. 5)."""

    shape: Literal["G", "F", "C"]
    line: int

    @property
    def lowest_line(self) -> int:
        """`Pitch.diatonic` of a note on the staff's lowest line."""
        on_its_line = {"G": 4 * 7 + 4, "F": 3 * 7 + 3, "C": 4 * 7}[self.shape]
        return on_its_line - 2 * (self.line - 1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature: number of sharps (positive) or flats (negative)."""

    fifths: int

    def alter(self, step: str) -> int:
        """Alteration in semitones that the signature gives to `step`."""
        if self.fifths > 0:
            return (self.fifths + 6 - SHARP_ORDER.index(step)) // 7
        return -((-self.fifths + SHARP_ORDER.index(step)) // 7)


NO_KEY = Key(0)


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature; `symbol` is "C" or "C/" where it is printed as that sign."""

    beats: int
    unit: int
    symbol: Literal["C", "C/"] | None = None

    @property
    def length(self) -> Fraction:
        """Length of a full bar in whole notes."""
        return Fraction(self.beats, self.unit)


@dataclass(frozen=True, slots=True)
class Tuplet:
    """`actual` notes in the time of `normal` ones of the same value."""

    actual: int
    normal: int
    events: tuple["Note | Rest", ...]


Event = Note | Rest | MultiRest | Clef | Key | Meter | Tuplet


@dataclass(frozen=True, slots=True)
class Measure:
    """Events from left to right, and the barline that closes them (None: the music just stops).

    `break_before` says that a new system, or a new page, begins with it.
    """

    events: tuple[Event, ...]
    barline: BarlineKind | None = "single"
    break_before: Break | None = None

    @property
    def length(self) -> Fraction:
        """Sounding length in whole notes; a multi-measure rest counts nothing here."""
        return sum((sounding_length(event) for event in self.events), Fraction(0))


@dataclass(frozen=True, slots=True)
class Part:
    """The measures of one staff."""

    measures: tuple[Measure, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Parts that sound together."""

    parts: tuple[Part, ...]
    title: str = ""


def sounding_length(event: Event) -> Fraction:
    """Time an event takes of its bar, in whole notes: tuplets scaled, grace notes and signs nothing."""
    match event:
        case Note(grace=True):
            return Fraction(0)
        case Note() | Rest():
            return event.duration.length
        case Tuplet():
            inner = sum((sounding_length(e) for e in event.events), Fraction(0))
            return inner * Fraction(event.normal, event.actual)
    return Fraction(0)


def is_grace(event: Event) -> bool:
    """Whether an event is a grace note."""
    return isinstance(event, Note) and event.grace


def flat_events(measure: Measure) -> Iterator[Note | Rest | MultiRest | Clef | Key | Meter]:
    """The measure's events with tuplets opened."""
    for event in measure.events:
        if isinstance(event, Tuplet):
            yield from event.events
        else:
            yield event


def opening_meter(measure: Measure, before: Meter | None) -> Meter | None:
    """The meter that holds in a measure; one printed after its first note announces the next measure's."""
    for event in measure.events:
        if isinstance(event, Meter):
            before = event
        elif not isinstance(event, Clef | Key):
            break
    return before


def closing_meter(measure: Measure, before: Meter | None) -> Meter | None:
    """The meter that holds after a measure."""
    return next((event for event in reversed(measure.events) if isinstance(event, Meter)), before)


def is_measure_rest(measure: Measure, meter: Meter | None) -> bool:
    """Whether the measure holds a whole rest and no other: then it lasts the bar, whatever the meter.

    Not where a bar has room for two whole rests (4/2): there a whole rest is a whole rest.
    """
    timed = [event for event in flat_events(measure) if isinstance(event, Note | Rest | MultiRest)]
    alone = len(timed) == 1 and isinstance(timed[0], Rest) and timed[0].duration == Duration("whole")
    return alone and meter is not None and meter.length < 2


def fold_repeat_starts(part: Part) -> tuple[Part, bool]:
    """Measures of nothing but signs and a repeat sign after them, folded into the measures that they open.

    A label can only say "clef, key, repeat sign, notes" with a measure that holds the clef and the key; on
    paper and in the formats the repeat sign is the left barline of the first measure of notes.

    Returns:
        The part without such measures, and whether its music begins with a repeat sign.
    """
    begins_with_repeat = False
    waiting: tuple[Event, ...] = ()
    breaks = None  # before the signs that wait
    measures: list[Measure] = []
    for measure in part.measures:
        broken = measure.break_before or breaks
        measures.append(replace(measure, events=waiting + measure.events, break_before=broken))
        waiting, breaks = (), None
        while measures and _only_opens_repeat(measures[-1]):
            breaks = measures[-1].break_before
            waiting = measures.pop().events + waiting
            if measures:
                both = measures[-1].barline in ("repeat_end", "repeat_both")
                measures[-1] = replace(measures[-1], barline="repeat_both" if both else "repeat_start")
            begins_with_repeat |= not measures
    if waiting or (begins_with_repeat and not measures):
        measures.append(Measure(waiting, None))
    return replace(part, measures=tuple(measures)), begins_with_repeat


def _only_opens_repeat(measure: Measure) -> bool:
    signs_only = all(isinstance(event, Clef | Key | Meter) for event in measure.events)
    return signs_only and measure.barline == "repeat_start"


def open_tie(tied: Note | None, note: Note) -> Note | None:
    """The note whose tie is open after `note`, if `tied` is the one whose tie was open before it.

    The tie of a full-size note passes over grace notes.
    """
    if note.tie:
        return note
    return tied if note.grace and tied is not None and not tied.grace else None


def tie_ends(tied: Note | None, note: Note) -> bool:
    """Whether the open tie of `tied` ends at `note`, which must stand at the same place of the staff."""
    if tied is None or (note.grace and not tied.grace):
        return False
    return tied.pitch.diatonic == note.pitch.diatonic
