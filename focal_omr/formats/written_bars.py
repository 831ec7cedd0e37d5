"""Bars as MusicXML, kern and ABC write them, with measure rests, ties and beams resolved.

In these formats a `Measure` with a rest of N bars is N bars, and a start-repeat sign opens the bar after it.
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
_REPEAT_STARTS: tuple[BarlineKind, ...] = ("repeat_start", "repeat_both")
_BAR_REST = Rest(Duration("whole"))


@dataclass(frozen=True)
class WrittenBar:
    """A `Measure`, or one bar of a multi-measure rest.

    Attributes:
        events: Events from left to right; no `MultiRest` is among them.
        barline: The barline at the right; None: none.
        opens_repeat: Whether a repeat sign stands at the left.
        multirest: Number of bars of the multi-measure rest that begins here; 0: none.
        rest: Length, in whole notes, of the only rest where it fills the bar.
        rest_bar: Number of the bar in its multi-measure rest, from 1.
        is_pickup: Whether the bar is a pickup.
        break_before: The break before the bar.
    """

    events: tuple[Event, ...]
    barline: BarlineKind | None
    opens_repeat: bool = False
    multirest: int = 0
    rest: Fraction | None = None
    rest_bar: int = 1
    is_pickup: bool = False
    break_before: Break | None = None


def written_bars(part: Part) -> Iterator[WrittenBar]:
    """The bars of a part."""
    part, opens = fold_repeat_starts(part)
    meter: Meter | None = None
    for index, measure in enumerate(part.measures):
        meter = opening_meter(measure, meter)
        bars = _split_multirests(measure, meter)
        full = meter.length if meter else Fraction(0)
        pickup = index == 0 and measure.barline is not None and 0 < measure.length < full
        bars[0] = replace(
            bars[0],
            opens_repeat=opens,
            is_pickup=pickup and len(bars) == 1,
            break_before=measure.break_before,
        )
        yield from bars
        opens = measure.barline in _REPEAT_STARTS
        meter = closing_meter(measure, meter)


def _split_multirests(measure: Measure, meter: Meter | None) -> list[WrittenBar]:
    """The bars of a measure: several where it holds a multi-measure rest."""
    bar_length = meter.length if meter else Fraction(1)
    bars: list[WrittenBar] = []
    events: list[Event] = []
    for event in measure.events:
        if isinstance(event, MultiRest):
            if any(isinstance(e, Note | Rest | Tuplet) for e in events):
                bars.append(WrittenBar(tuple(events), None))
                events = []
            bars.append(WrittenBar((*events, _BAR_REST), "single", multirest=event.bars, rest=bar_length))
            bars += [
                WrittenBar((_BAR_REST,), "single", rest=bar_length, rest_bar=number)
                for number in range(2, event.bars + 1)
            ]
            events = []
        else:
            events.append(event)
    if not bars:
        rest = bar_length if is_measure_rest(measure, meter) else None
        bars.append(WrittenBar(tuple(events), measure.barline, rest=rest))
    elif any(isinstance(e, Note | Rest | Tuplet) for e in events):
        bars[-1] = replace(bars[-1], barline=None)
        bars.append(WrittenBar(tuple(events), measure.barline))
    else:  # signs after the rest belong to its last bar
        bars[-1] = replace(bars[-1], events=(*bars[-1].events, *events), barline=measure.barline)
    return bars


def ties_that_end(bars: Sequence[WrittenBar]) -> set[int]:
    """Indices, over all notes of the bars, of notes whose tie leads to another note.

    Readers of MusicXML and kern complain of other ties.
    """
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
    """The sounding lengths of a bar's events, tuplets flattened, in quarter notes."""
    if bar.rest is not None:
        yield 4 * bar.rest
        return
    for event in bar.events:
        if isinstance(event, Tuplet):
            yield from (4 * sounding_length(e) * event.normal / event.actual for e in event.events)
        else:
            yield 4 * sounding_length(event)
