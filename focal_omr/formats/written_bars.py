"""A part cut into what MusicXML calls measures, and its beams by level.

A `Measure` with a rest of N bars is N measures there, and a repeat sign belongs to the measure after it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from focal_omr.score.records import (
    BarlineKind,
    Break,
    Duration,
    Event,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Tuplet,
    closing_meter,
    flat_events,
    fold_repeat_starts,
    is_measure_rest,
    open_tie,
    opening_meter,
    sounding_length,
    tie_ends,
)

# Barlines after which a repeated passage begins.
OPENING: tuple[BarlineKind, ...] = ("repeat_start", "repeat_both")
_BAR_REST = Rest(Duration("whole"))
# Beams, or flags, of a note value.
_BEAMS = {"eighth": 1, "sixteenth": 2, "thirty_second": 3, "sixty_fourth": 4, "hundred_twenty_eighth": 5}


@dataclass(frozen=True)
class WrittenBar:
    """One <measure>: a `Measure`, or one bar of a multi-measure rest."""

    events: tuple[Event, ...]
    barline: BarlineKind | None
    opens_repeat: bool = False  # a repeat sign stands at its left
    multirest: int = 0  # so many bars of rest begin here
    rest: Fraction | None = None  # its only rest lasts the bar: so long, in whole notes
    is_pickup: bool = False
    break_before: Break | None = None  # a new system or page begins with it


def written_bars(part: Part) -> Iterator[WrittenBar]:
    part, opens = fold_repeat_starts(part)
    meter: Meter | None = None
    for index, measure in enumerate(part.measures):
        meter = opening_meter(measure, meter)
        bars = list(_split(measure, meter))
        full = meter.length if meter else Fraction(0)
        pickup = index == 0 and measure.barline is not None and 0 < measure.length < full
        bars[0] = replace(
            bars[0],
            opens_repeat=opens,
            is_pickup=pickup and len(bars) == 1,
            break_before=measure.break_before,
        )
        yield from bars
        opens = measure.barline in OPENING
        meter = closing_meter(measure, meter)


def _split(measure: Measure, meter: Meter | None) -> Iterator[WrittenBar]:
    """The bars of a measure: more than one where it holds a multi-measure rest."""
    bar_length = meter.length if meter else Fraction(1)
    bars: list[WrittenBar] = []
    events: list[Event] = []
    for event in measure.events:
        if isinstance(event, MultiRest):
            if any(isinstance(e, Note | Rest | Tuplet) for e in events):
                bars.append(WrittenBar(tuple(events), None))
                events = []
            bars.append(WrittenBar((*events, _BAR_REST), "single", multirest=event.bars, rest=bar_length))
            bars += [WrittenBar((_BAR_REST,), "single", rest=bar_length)] * (event.bars - 1)
            events = []
        else:
            events.append(event)
    if not bars:
        rest = bar_length if is_measure_rest(measure, meter) else None
        bars.append(WrittenBar(tuple(events), measure.barline, rest=rest))
    elif any(isinstance(e, Note | Rest | Tuplet) for e in events):
        bars[-1] = replace(bars[-1], barline=None)
        bars.append(WrittenBar(tuple(events), measure.barline))
    else:  # signs at the end of a rest's last bar
        bars[-1] = replace(bars[-1], events=(*bars[-1].events, *events), barline=measure.barline)
    yield from bars


def ties_that_end(bars: Sequence[WrittenBar]) -> set[int]:
    """The numbers, from 0, of the notes whose tie leads to another note; readers complain of others."""
    ended: set[int] = set()
    tied: Note | None = None
    opener = -1
    notes = [event for bar in bars for event in flat_events(Measure(bar.events)) if isinstance(event, Note)]
    for number, note in enumerate(notes):
        if tie_ends(tied, note):
            ended.add(opener)
        tied = open_tie(tied, note)
        opener = number if note.tie else opener
    return ended


def quarter_lengths(bar: WrittenBar) -> Iterator[Fraction]:
    """All durations of a bar, in quarters."""
    if bar.rest is not None:
        yield 4 * bar.rest
        return
    for event in bar.events:
        if isinstance(event, Tuplet):
            yield from (4 * sounding_length(e) * event.normal / event.actual for e in event.events)
        else:
            yield 4 * sounding_length(event)


def one_beam(notes: Sequence[Note]) -> bool:
    """Whether a beam begins at the first of these notes, ends at the last, and nowhere between."""
    places = [note.beam for note in notes if not note.grace]
    return places[:1] == ["start"] and places[-1:] == ["end"] and {*places[1:-1]} <= {"middle"}


def beam_types(notes: Sequence[Note]) -> list[list[str]]:
    """The beam types of each note of a bar, by level; "" where a level has none."""
    beams: list[list[str]] = [[] for _ in notes]
    for grace in (False, True):
        group: list[int] = []
        for index, note in enumerate(notes):
            if note.grace != grace or note.duration.value not in _BEAMS or note.beam is None:
                continue
            group = [index] if note.beam == "start" else [*group, index]
            if note.beam == "end":
                for place, member in enumerate(group if len(group) > 1 else []):
                    beams[member] = _levels([notes[i] for i in group], place)
                group = []
    return beams


def _levels(group: Sequence[Note], place: int) -> list[str]:
    """The beam types of one note of a beam, by level."""
    counts = [_BEAMS[note.duration.value] for note in group]
    levels = []
    for level in range(1, counts[place] + 1):
        before = place > 0 and counts[place - 1] >= level
        after = place + 1 < len(group) and counts[place + 1] >= level
        hook = _hook(group, place)
        levels.append({(0, 1): "begin", (1, 1): "continue", (1, 0): "end"}.get((before, after), hook))
    return levels


def _hook(group: Sequence[Note], place: int) -> str:
    """Which way a short beam points: to the dotted neighbour that it completes, else back."""
    if place == 0:
        return "forward hook"
    following = group[place + 1].duration.dots if place + 1 < len(group) else 0
    return "forward hook" if following > group[place - 1].duration.dots else "backward hook"
