"""Score records: immutable parts, measures and events in printed order.

Every reader produces these records and every writer consumes them. A `Score` has parts, a part has measures,
a measure has events from left to right and a closing barline (None where the music just stops). A `Note` has
its sounding pitch and, separately, the accidental that is printed before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Literal

from focal_omr.score.signs import STEPS as STEPS
from focal_omr.score.signs import Pitch as Pitch
from focal_omr.score.signs import Step as Step

# The order of sharps in a key signature; flats have the reverse order.
SHARP_ORDER = "FCGDAEB"

# Note values by PrIMuS name, in whole notes, longest first.
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
Source = tuple[int, ...]  # where an event was read, in terms of its reader


@dataclass(frozen=True, slots=True)
class Duration:
    """A written duration: a key of `NOTE_VALUES` and a number of dots."""

    value: str
    dots: int = 0

    @property
    def length(self) -> Fraction:
        """Length in whole notes with dots, without tuplet scaling."""
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
        accidental: Alteration of the printed accidental (-2 .. 2, 0: natural); None: none printed.
        tie: Whether the note is tied to the next one.
        grace: Whether it is a grace note, which takes no time of its bar.
        fermata: Whether a fermata stands over it.
        beam: Place in a beam; None: no beam, or unknown.
        source: Where it was read; ignored by comparisons.
    """

    pitch: Pitch
    duration: Duration
    accidental: int | None = None
    tie: bool = False
    grace: bool = False
    fermata: bool = False
    beam: BeamPlace | None = None
    source: Source = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rest:
    """A rest of a written duration."""

    duration: Duration
    fermata: bool = False
    source: Source = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MultiRest:
    """A rest of `bars` whole measures, printed as one."""

    bars: int
    source: Source = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef: shape G, F or C, on line 1 .. 5 from the lowest."""

    shape: Literal["G", "F", "C"]
    line: int
    source: Source = field(default=(), compare=False, repr=False)

    @property
    def lowest_line(self) -> int:
        """`Pitch.diatonic` of a note on the lowest line of the staff."""
        on_its_line = {"G": 4 * 7 + 4, "F": 3 * 7 + 3, "C": 4 * 7}[self.shape]
        return on_its_line - 2 * (self.line - 1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature: the number of sharps (positive) or flats (negative)."""

    fifths: int
    source: Source = field(default=(), compare=False, repr=False)

    def alter(self, step: str) -> int:
        """Alteration in semitones that the signature gives to `step`."""
        if self.fifths > 0:
            return (self.fifths + 6 - SHARP_ORDER.index(step)) // 7
        return -((-self.fifths + SHARP_ORDER.index(step)) // 7)


NO_KEY = Key(0)


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature; `symbol` is "C" or "C/" if printed as that sign."""

    beats: int
    unit: int
    symbol: Literal["C", "C/"] | None = None
    source: Source = field(default=(), compare=False, repr=False)

    @property
    def length(self) -> Fraction:
        """Length of a full bar in whole notes."""
        return Fraction(self.beats, self.unit)


@dataclass(frozen=True, slots=True)
class Tuplet:
    """A tuplet: `actual` notes in the time of `normal` ones of the same value."""

    actual: int
    normal: int
    events: tuple["Note | Rest", ...]


Event = Note | Rest | MultiRest | Clef | Key | Meter | Tuplet


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure.

    Attributes:
        events: Events from left to right.
        barline: The closing barline; None: the music just stops.
        break_before: Whether a new system or page begins with the measure.
    """

    events: tuple[Event, ...]
    barline: BarlineKind | None = "single"
    break_before: Break | None = None

    @property
    def length(self) -> Fraction:
        """Sounding length in whole notes; multi-measure rests count as zero."""
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
    """Length of an event in its bar, in whole notes; zero for grace notes and signs."""
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
    """The events of a measure with tuplets flattened."""
    for event in measure.events:
        if isinstance(event, Tuplet):
            yield from event.events
        else:
            yield event


def opening_meter(measure: Measure, before: Meter | None) -> Meter | None:
    """The meter in force in a measure; one after its first note announces that of the next measure."""
    for event in measure.events:
        if isinstance(event, Meter):
            before = event
        elif not isinstance(event, Clef | Key):
            break
    return before


def closing_meter(measure: Measure, before: Meter | None) -> Meter | None:
    """The meter in force after a measure."""
    return next((event for event in reversed(measure.events) if isinstance(event, Meter)), before)


def is_measure_rest(measure: Measure, meter: Meter | None) -> bool:
    """Whether a measure holds a single whole rest, which fills the bar in any meter.

    False where a bar has room for two whole rests (4/2): there a whole rest has its own length.
    """
    timed = [event for event in flat_events(measure) if isinstance(event, Note | Rest | MultiRest)]
    alone = len(timed) == 1 and isinstance(timed[0], Rest) and timed[0].duration == Duration("whole")
    return alone and meter is not None and meter.length < 2


def fold_repeat_starts(part: Part) -> tuple[Part, bool]:
    """Merge measures of only signs and a start-repeat barline into the measures that they open.

    A label encodes "clef, key, repeat sign, notes" with a measure that holds clef and key; in print and in
    other formats the repeat sign is the left barline of the first measure of notes.

    Returns:
        The part without such measures, and whether it begins with a repeat sign.
    """
    begins_with_repeat = False
    waiting: tuple[Event, ...] = ()
    breaks = None  # the break before the waiting signs
    measures: list[Measure] = []
    for measure in part.measures:
        broken = measure.break_before or breaks
        measures.append(replace(measure, events=waiting + measure.events, break_before=broken))
        waiting, breaks = (), None
        while (
            measures
            and measures[-1].barline == "repeat_start"
            and all(isinstance(event, Clef | Key | Meter) for event in measures[-1].events)
        ):
            breaks = measures[-1].break_before
            waiting = measures.pop().events + waiting
            if measures:
                both = measures[-1].barline in ("repeat_end", "repeat_both")
                measures[-1] = replace(measures[-1], barline="repeat_both" if both else "repeat_start")
            begins_with_repeat |= not measures
    if waiting or (begins_with_repeat and not measures):
        measures.append(Measure(waiting, None))
    return replace(part, measures=tuple(measures)), begins_with_repeat


def open_tie(tied: Note | None, note: Note) -> Note | None:
    """The note with an open tie after `note`.

    Args:
        tied: The note with an open tie before `note`. The tie of a full-size note passes over grace notes.
        note: The note.
    """
    if note.tie:
        return note
    return tied if note.grace and tied is not None and not tied.grace else None


def tie_ends(tied: Note | None, note: Note) -> bool:
    """Whether the open tie of `tied` ends at `note`: on the same line or space."""
    if tied is None or (note.grace and not tied.grace):
        return False
    return tied.pitch.diatonic == note.pitch.diatonic
