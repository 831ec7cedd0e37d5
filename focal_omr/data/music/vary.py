"""Musical augmentation: another clef, staff position, key, meter notation or note values.

Notes keep their relative positions and printed accidentals; the sounding pitch follows.
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
    """Apply a random subset of the variations."""
    if random.random() < 0.45:  # makes clefs other than the treble clef more frequent than in tunes
        uniform = random.random() < 0.25
        clefs = list(CLEFS)
        clef = random.choice(clefs) if uniform else random.choices(clefs, list(CLEFS.values()))[0]
        part = with_clef(part, clef)
    if random.random() < 0.4:  # a few steps up or down, as far as a strip still shows all notes
        steps = random.sample((-4, -3, -2, -1, 1, 2, 3, 4), 3)
        parts = (shifted(part, each) for each in steps)
        part = next((each for each in parts if fits_strip(each)), part)
    if random.random() < 0.45:
        part = with_key(part, Key(random.choice(_FIFTHS)))
    if random.random() < 0.25:
        part = scaled(part, random.choice((-1, 1)))
    if random.random() < 0.3:
        part = map_events(part, _other_symbol)
    part = without_unprinted_keys(part)
    # A measure that held only a clef or key is empty after that was dropped.
    return replace(part, measures=drop_dangling_ties([m for m in part.measures if m.events or m.barline]))


def map_events(part: Part, change: Callable[[Event], Event]) -> Part:
    """Replace every event of a part, also inside tuplets."""

    def changed(event: Event) -> Event:
        if isinstance(event, Tuplet):
            inner = tuple(change(e) for e in event.events)
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests keep their type
        return change(event)

    measures = (replace(m, events=tuple(changed(event) for event in m.events)) for m in part.measures)
    return replace(part, measures=tuple(measures))


def shifted(part: Part, steps: int) -> Part:
    """Move every note up by a number of staff steps."""
    return map_events(part, lambda event: _shifted_event(event, steps))


def _shifted_event(event: Event, steps: int) -> Event:
    if isinstance(event, Tuplet):
        inner = tuple(_shifted_event(e, steps) for e in event.events)
        return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests keep their type
    if not isinstance(event, Note) or not steps:
        return event
    diatonic = event.pitch.diatonic + steps
    return replace(event, pitch=replace(event.pitch, step=STEPS[diatonic % 7], octave=diatonic // 7))


def with_clef(part: Part, clef: Clef) -> Part:
    """Set the first clef and drop all others; notes keep their positions on the staff."""
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
    """Set the first key signature and drop all others."""
    measures = [
        replace(m, events=tuple(event for event in m.events if not isinstance(event, Key)))
        for m in part.measures
    ]
    first = measures[0].events
    place = 1 if first and isinstance(first[0], Clef) else 0
    signature = (key,) if key.fifths else ()
    measures[0] = replace(measures[0], events=(*first[:place], *signature, *first[place:]))
    return replace(part, measures=tuple(measures))


def without_unprinted_keys(part: Part) -> Part:
    """Drop changes from C major to C major, for which nothing is printed."""
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
    """Double or halve all note values and meters.

    A measure rest stays a whole rest, as it is printed in every meter of less than two whole notes.

    Args:
        part: The part.
        doublings: 1 for augmentation, -1 for diminution.

    Returns:
        The scaled part; the part itself if a scaled value or meter does not exist or is too rare.
    """
    written = [event for measure in part.measures for event in flat_events(measure)]
    places = [_VALUES.index(e.duration.value) - doublings for e in written if isinstance(e, Note | Rest)]
    units = [Fraction(e.unit) / Fraction(2) ** doublings for e in written if isinstance(e, Meter)]
    # 64ths and breves are not produced, so that they stay rare; a meter's unit must be an integer.
    if any(not 1 <= place <= 7 for place in places) or any(unit.denominator != 1 for unit in units):
        return part
    meter: Meter | None = None
    measures: list[Measure] = []
    for measure in part.measures:
        current = opening_meter(measure, meter)
        after = _scaled_meter(current, doublings) if current else None
        # Without a meter, too, a lone whole rest is most often a measure rest.
        is_rest = is_measure_rest(measure, current or Meter(4, 4))
        keeps_rests = is_rest and (after is None or after.length < 2)
        events = tuple(
            event if keeps_rests and isinstance(event, Rest) else _scaled_event(event, doublings)
            for event in measure.events
        )
        measures.append(replace(measure, events=events))
        meter = closing_meter(measure, meter)
    return replace(part, measures=tuple(measures))


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


def _other_symbol(event: Event) -> Event:
    """Exchange common time and 4/4, cut time and 2/2."""
    if isinstance(event, Meter) and (event.beats, event.unit) in ((4, 4), (2, 2)):
        return replace(event, symbol=None if event.symbol else {4: "C", 2: "C/"}[event.unit])  # type: ignore[arg-type]
    return event
