"""What a print leaves to its reader: the meter where none is printed, tuplets whose numbers are left out.

Engravers print the 3 of the first triplets of a passage and leave out the others; some parts have no time
signature at all. Both follow from the bars around, and only what follows is put in.
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

_FEWEST_BARS = 4
_SHARE = 0.6  # of the bars that must have one length


def infer_bar_length(part: Part) -> Fraction | None:
    """The length of most bars of a part without any meter, in whole notes; None where most differ.

    Bars of nothing but a whole rest or a rest of several bars say nothing.
    """
    if any(isinstance(event, Meter) for measure in part.measures for event in measure.events):
        return None
    lengths = Counter(m.length for m in part.measures if m.length and not _is_rest(m))
    if lengths.total() < _FEWEST_BARS:
        return None
    length, count = lengths.most_common(1)[0]
    return length if count >= _SHARE * lengths.total() else None


def _is_rest(measure: Measure) -> bool:
    timed = [event for event in flat_events(measure) if isinstance(event, Note | Rest | MultiRest)]
    return timed == [Rest(Duration("whole"))] or any(isinstance(event, MultiRest) for event in timed)


def infer_tuplets(part: Part, *, bar_length: Fraction | None = None) -> tuple[Part, list[int]]:
    """A part in which bars that are too long are made right by tuplets like printed ones before them.

    Groups of as many equal notes as a printed tuplet has, of the same value, each beginning where such a
    group can, become tuplets where that and nothing less or more makes the bar full.

    Args:
        part: As it was read.
        bar_length: Of bars before any meter, in whole notes.

    Returns:
        The part, and the places of the measures that were changed, from 0.
    """
    kinds: dict[tuple[int, int, str], None] = {}  # (actual, normal, value) of the tuplets so far
    meter: Meter | None = None
    measures, changed = [], []
    for place, measure in enumerate(part.measures):
        meter = opening_meter(measure, meter)
        full = meter.length if meter else bar_length
        for event in measure.events:
            if isinstance(event, Tuplet) and (kind := _kind(event)):
                kinds[kind] = None
        if full and measure.length > full:
            fitting = (_with_tuplets(measure, kind, measure.length - full) for kind in kinds)
            if found := next((each for each in fitting if each), None):
                measure = found
                changed.append(place)
        measures.append(measure)
        meter = closing_meter(measure, meter)
    return replace(part, measures=tuple(measures)), changed


def _kind(tuplet: Tuplet) -> tuple[int, int, str] | None:
    """What a tuplet is made of where all its members are alike."""
    timed = [event for event in tuplet.events if not is_grace(event)]
    values = {(event.duration.value, event.duration.dots) for event in timed}
    if len(timed) != tuplet.actual or len(values) != 1:
        return None
    value, dots = values.pop()
    return None if dots else (tuplet.actual, tuplet.normal, value)


def _with_tuplets(measure: Measure, kind: tuple[int, int, str], excess: Fraction) -> Measure | None:
    """The measure with all groups that can be tuplets of a kind made such, if that takes off the excess."""
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
    """The first events if they are so many equal notes or rests, grace notes among them not counted."""
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
