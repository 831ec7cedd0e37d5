"""Inference of unprinted notation: bar lengths without a time signature, tuplets without a number.

Engravers print the 3 of the first triplets of a passage and omit the others; some parts have no time
signature at all. Only what follows unambiguously from the surrounding bars is inferred.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from focal_omr.score.records import (
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
    is_grace,
    opening_meter,
    sounding_length,
)

_MIN_BARS = 4
_MIN_SHARE = 0.6  # of the bars, with the same length


def infer_bar_length(part: Part) -> Fraction | None:
    """The most common bar length of a part without a meter, in whole notes; None if bars differ too much.

    Bars that hold only a whole or multi-measure rest are ignored.
    """
    if any(isinstance(event, Meter) for measure in part.measures for event in measure.events):
        return None
    lengths: Counter[Fraction] = Counter()
    for measure in part.measures:
        timed = [event for event in flat_events(measure) if isinstance(event, Note | Rest | MultiRest)]
        is_rest = timed == [Rest(Duration("whole"))] or any(isinstance(event, MultiRest) for event in timed)
        if measure.length and not is_rest:
            lengths[measure.length] += 1
    if lengths.total() < _MIN_BARS:
        return None
    length, count = lengths.most_common(1)[0]
    return length if count >= _MIN_SHARE * lengths.total() else None


def infer_tuplets(part: Part, *, bar_length: Fraction | None = None) -> tuple[Part, list[int]]:
    """Correct bars that are too long by tuplets like earlier printed ones.

    Groups of notes that match a printed tuplet in number and value, on a beat of its length, become tuplets
    if exactly that makes the bar full.

    Args:
        part: The part as recognised.
        bar_length: Length of bars before any meter, in whole notes.

    Returns:
        The part, and the indices of the changed measures.
    """
    # (actual, normal, value) of the earlier tuplets of equal, undotted notes, in their order.
    kinds: dict[tuple[int, int, str], None] = {}
    meter: Meter | None = None
    measures, changed = [], []
    for place, measure in enumerate(part.measures):
        meter = opening_meter(measure, meter)
        full = meter.length if meter else bar_length
        for event in measure.events:
            if not isinstance(event, Tuplet):
                continue
            durations = [inner.duration for inner in event.events if not is_grace(inner)]
            if durations and durations == event.actual * [Duration(durations[0].value)]:
                kinds[event.actual, event.normal, durations[0].value] = None
        if full and measure.length > full:
            fitting = (_with_tuplets(measure, kind, measure.length - full) for kind in kinds)
            if found := next((each for each in fitting if each), None):
                measure = found
                changed.append(place)
        measures.append(measure)
        meter = closing_meter(measure, meter)
    return replace(part, measures=tuple(measures)), changed


def _with_tuplets(measure: Measure, kind: tuple[int, int, str], excess: Fraction) -> Measure | None:
    """The measure with all possible tuplets of one kind, or None if they do not remove the excess exactly."""
    actual, normal, value = kind
    length = Duration(value).length
    events: list[Event] = []
    taken, at, index = Fraction(0), Fraction(0), 0
    while index < len(measure.events):
        group = _group(measure.events[index:], actual, value)
        if group and at % (normal * length) == 0:
            events.append(Tuplet(actual, normal, group))
            taken += (actual - normal) * length
        else:
            group = None
            events.append(measure.events[index])
        at += sounding_length(events[-1])
        index += len(group) if group else 1
    return replace(measure, events=tuple(events)) if taken == excess else None


def _group(events: Sequence[Event], actual: int, value: str) -> "tuple[Note | Rest, ...] | None":
    """The leading `actual` notes or rests of one value, with grace notes between; None if there are fewer."""
    group: list[Note | Rest] = []
    left = actual
    for event in events:
        if not isinstance(event, Note | Rest) or (not group and is_grace(event)):
            return None
        if not is_grace(event):
            if event.duration != Duration(value):
                return None
            left -= 1
        group.append(event)
        if not left:
            return tuple(group)
    return None
