"""Variation that stays musical: another clef, place on the staff, key, notation of the meter, note values.

Notes keep their places to each other and their printed accidentals; what they sound follows.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from focal_omr.data.music.clefs import CLEFS, fits_strip
from focal_omr.data.music.ties import drop_dangling_ties
from focal_omr.score.records import (
    NOTE_VALUES,
    STEPS,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Rest,
    Tuplet,
    closing_meter,
    flat_events,
    is_measure_rest,
    opening_meter,
)

_FIFTHS = (-7, -6, -5, -5, -4, -4, -3, -3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7)
_VALUES = list(NOTE_VALUES)


def varied(part: Part, random: Random) -> Part:
    """The staff with some of these changes; most staves keep most of what they are."""
    if random.random() < 0.45:
        part = with_clef(part, _other_clef(random))
    if random.random() < 0.4:
        part = _moved(part, random)
    if random.random() < 0.45:
        part = with_key(part, Key(random.choice(_FIFTHS)))
    if random.random() < 0.25:
        part = scaled(part, random.choice((-1, 1)))
    if random.random() < 0.3:
        part = map_events(part, _other_sign)
    part = without_unseen_keys(part)
    # A bar that held nothing but a clef or a key is empty where that sign was dropped.
    return replace(part, measures=drop_dangling_ties([m for m in part.measures if m.events or m.barline]))


def _other_clef(random: Random) -> Clef:
    """A clef; all but the treble's are drawn more often here than tunes have them."""
    if random.random() < 0.25:
        return random.choice(list(CLEFS))
    return random.choices(list(CLEFS), list(CLEFS.values()))[0]


def map_events(part: Part, change: Callable[[Event], Event]) -> Part:
    """The part with every event replaced; the events inside tuplets too."""

    def changed(event: Event) -> Event:
        if isinstance(event, Tuplet):
            inner = tuple(change(e) for e in event.events)
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests stay what they are
        return change(event)

    measures = (replace(m, events=tuple(changed(event) for event in m.events)) for m in part.measures)
    return replace(part, measures=tuple(measures))


def _moved(part: Part, random: Random) -> Part:
    """The part some steps higher or lower, if there is such a place where a strip shows all of it."""
    steps = random.sample((-4, -3, -2, -1, 1, 2, 3, 4), 3)
    parts = (shifted(part, each) for each in steps)
    return next((each for each in parts if fits_strip(each)), part)


def shifted(part: Part, steps: int) -> Part:
    """Every note this many staff steps higher."""
    return map_events(part, lambda event: _shifted_event(event, steps))


def _shifted_event(event: Event, steps: int) -> Event:
    if isinstance(event, Tuplet):
        inner = tuple(_shifted_event(e, steps) for e in event.events)
        return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests stay what they are
    if not isinstance(event, Note) or not steps:
        return event
    diatonic = event.pitch.diatonic + steps
    return replace(event, pitch=replace(event.pitch, step=STEPS[diatonic % 7], octave=diatonic // 7))


def with_clef(part: Part, clef: Clef) -> Part:
    """The part under another first clef, its notes where they stand on the staff; other clefs are dropped."""
    current = clef
    measures = []
    for measure in part.measures:
        events: list[Event] = []
        for event in measure.events:
            if isinstance(event, Clef):
                current = event
            else:
                events.append(_shifted_event(event, clef.lowest_line - current.lowest_line))
        measures.append(replace(measure, events=tuple(events)))
    measures[0] = replace(measures[0], events=(clef, *measures[0].events))
    return replace(part, measures=tuple(measures))


def with_key(part: Part, key: Key) -> Part:
    """The part with another key signature at its beginning and none later."""
    measures = [
        replace(m, events=tuple(event for event in m.events if not isinstance(event, Key)))
        for m in part.measures
    ]
    first = measures[0].events
    place = 1 if first and isinstance(first[0], Clef) else 0
    signature = (key,) if key.fifths else ()
    measures[0] = replace(measures[0], events=(*first[:place], *signature, *first[place:]))
    return replace(part, measures=tuple(measures))


def without_unseen_keys(part: Part) -> Part:
    """The part without changes from no signs to no signs: nothing is printed for them."""
    key = Key(0)
    measures = []
    for measure in part.measures:
        events: list[Event] = []
        for event in measure.events:
            if isinstance(event, Key):
                if not event.fifths and not key.fifths:
                    continue
                key = event
            events.append(event)
        measures.append(replace(measure, events=tuple(events)))
    return replace(part, measures=tuple(measures))


def scaled(part: Part, doublings: int) -> Part:
    """Augmentation (1) or diminution (-1) of all values and meters; the part itself where one has no name.

    The whole rest of a bar stays one, as it is printed in every meter of less than two whole notes.
    """
    if not _can_scale(part, doublings):
        return part
    meter: Meter | None = None
    measures: list[Measure] = []
    for measure in part.measures:
        holds = opening_meter(measure, meter)
        after = _scaled_meter(holds, doublings) if holds else None
        keeps_rests = _is_bar_rest(measure, holds) and (after is None or after.length < 2)
        events = tuple(
            event if keeps_rests and isinstance(event, Rest) else _scaled_event(event, doublings)
            for event in measure.events
        )
        measures.append(replace(measure, events=events))
        meter = closing_meter(measure, meter)
    return replace(part, measures=tuple(measures))


def _is_bar_rest(measure: Measure, meter: Meter | None) -> bool:
    # Without a meter, too, a whole rest alone in its bar is most often the bar's.
    return is_measure_rest(measure, meter or Meter(4, 4))


def _can_scale(part: Part, doublings: int) -> bool:
    written = [event for measure in part.measures for event in flat_events(measure)]
    places = [_VALUES.index(e.duration.value) - doublings for e in written if isinstance(e, Note | Rest)]
    units = [Fraction(e.unit) / Fraction(2) ** doublings for e in written if isinstance(e, Meter)]
    # 64ths and breves stay rare, as they are; a unit must be a whole number.
    return all(1 <= place <= 7 for place in places) and all(unit.denominator == 1 for unit in units)


def _scaled_event(event: Event, doublings: int) -> Event:
    match event:
        case Note() | Rest():
            place = _VALUES.index(event.duration.value) - doublings
            return replace(event, duration=Duration(_VALUES[place], event.duration.dots))
        case Meter():
            return _scaled_meter(event, doublings)
        case Tuplet():
            inner: Sequence[Event] = [_scaled_event(e, doublings) for e in event.events]
            return replace(event, events=tuple(inner))  # type: ignore[arg-type]  # as above
    return event


def _scaled_meter(meter: Meter, doublings: int) -> Meter:
    return Meter(meter.beats, int(Fraction(meter.unit) / Fraction(2) ** doublings))


def _other_sign(event: Event) -> Event:
    """C for 4/4 and 4/4 for C, likewise C with a stroke and 2/2."""
    if isinstance(event, Meter) and (event.beats, event.unit) in ((4, 4), (2, 2)):
        return replace(event, symbol=None if event.symbol else {4: "C", 2: "C/"}[event.unit])  # type: ignore[arg-type]
    return event
