"""Beams by the meter, for scores from formats that do not tell them (semantic labels, MIDI, ABC).

The groups, where common practice leaves a choice:

    2/4 4/4 C 2/2 C/ ...   a half bar (two quarters) that eighths fill wholly is one group, else by quarter
    3/4 6/4                the same with three quarters
    3/8 6/8 9/8 12/8 ...   by three units: the dotted quarter of x/8
    5/8 7/8                3+2, 2+2+3
    other, unmetered       by quarter from the start of the bar

A rest ends a beam, a clef does not. A tuplet is a group of its own. Two or more grace notes in a row are
beamed among themselves, and the beam of the full-size notes goes on past them.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from focal_omr.score.records import (
    NOTE_VALUES,
    BeamPlace,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Tuplet,
    closing_meter,
    flat_events,
    opening_meter,
    sounding_length,
)

_QUARTER = Fraction(1, 4)
_EIGHTH = Duration("eighth")
# Units of one bar in the irregular meters, where the groups are not all alike.
_IRREGULAR = {5: (3, 2), 7: (2, 2, 3)}

# The group a leaf belongs to: neighbours of one group share a beam.
_Group = Hashable
_ENDS: _Group = None  # nothing to beam, and no beam reaches over it
_PASSED: _Group = "passed"  # nothing to beam, but a beam reaches over it


@dataclass(frozen=True, slots=True)
class _Beats:
    """Group lengths of one bar, and the longer span that joins them where eighths fill it (None: never)."""

    groups: tuple[Fraction, ...] = (_QUARTER,)
    span: Fraction | None = None

    def group(self, position: Fraction) -> _Group:
        """Number of the group that `position` (whole notes from the start of the bar) falls into."""
        bar = sum(self.groups, Fraction(0))
        bars, inside = divmod(position, bar)
        starts = accumulate(self.groups, initial=Fraction(0))
        return bars, sum(start <= inside for start in starts)


def beam_by_meter(part: Part, *, keep_known: bool = True) -> Part:
    """`part` with `Note.beam` filled in on notes shorter than a quarter, by the meter's groups.

    A first bar (or one after a double or repeat barline) that is shorter than its meter and closed by a
    barline is a pickup: its beats are counted from the end of the bar.

    Args:
        part: Any part; it is not changed.
        keep_known: Return a part in which any note has a beam as it is: its beams came from its source.
    """
    if keep_known and any(_has_beam(measure) for measure in part.measures):
        return part
    meter: Meter | None = None
    opens = True
    measures = []
    for measure in part.measures:
        meter = opening_meter(measure, meter)
        pickup = opens and measure.barline is not None
        start = max(meter.length - measure.length, Fraction(0)) if meter and pickup else Fraction(0)
        measures.append(_beam_measure(measure, _beats(meter), start))
        meter = closing_meter(measure, meter)
        opens = measure.barline != "single"
    return replace(part, measures=tuple(measures))


def _has_beam(measure: Measure) -> bool:
    return any(isinstance(event, Note) and event.beam for event in flat_events(measure))


def _beats(meter: Meter | None) -> _Beats:
    if meter is None:
        return _Beats()
    unit = Fraction(1, meter.unit)
    if meter.unit >= 8 and meter.beats % 3 == 0:
        return _Beats((3 * unit,))
    if meter.unit == 8 and meter.beats in _IRREGULAR:
        return _Beats(tuple(units * unit for units in _IRREGULAR[meter.beats]))
    if meter.unit == 4 and meter.beats in (3, 6):
        return _Beats(span=3 * _QUARTER)
    if meter.unit <= 4 and meter.length % Fraction(1, 2) == 0:
        return _Beats(span=Fraction(1, 2))
    return _Beats()


def _beam_measure(measure: Measure, beats: _Beats, start: Fraction) -> Measure:
    main = _places(list(_main_groups(measure.events, beats, start)))
    grace = _places(list(_grace_groups(measure.events)))
    beams = iter([full or small for full, small in zip(main, grace, strict=True)])

    def beamed(event: Event) -> Event:
        if isinstance(event, Tuplet):
            inner = tuple(beamed(e) for e in event.events)
            return replace(event, events=inner)  # type: ignore[arg-type]  # Note and Rest stay what they are
        beam = next(beams)
        return replace(event, beam=beam) if isinstance(event, Note) else event

    return replace(measure, events=tuple(beamed(event) for event in measure.events))


def _places(groups: Sequence[_Group]) -> list[BeamPlace | None]:
    """The place in its beam of each leaf; runs of one group make a beam, a run of one makes none."""
    places: list[BeamPlace | None] = [None] * len(groups)
    before: int | None = None  # the last leaf that was not passed over
    for index, group in enumerate(groups):
        if group == _PASSED:
            continue
        if before is not None and group is not _ENDS and groups[before] == group:
            places[before] = "middle" if places[before] else "start"
            places[index] = "end"
        before = index
    return places


def _main_groups(events: Iterable[Event], beats: _Beats, position: Fraction) -> Iterator[_Group]:
    """The group of each leaf; `position` is where the first one stands in its bar, in whole notes."""
    timed = []
    for event in events:
        timed.append((position, event))
        position += sounding_length(event)
    filled = _filled_spans(timed, beats.span)
    for number, (position, event) in enumerate(timed):
        if isinstance(event, Tuplet):
            yield from (_leaf_group(leaf, ("tuplet", number)) for leaf in event.events)
        elif beats.span is not None and position // beats.span in filled:
            yield _leaf_group(event, ("span", position // beats.span))
        else:
            yield _leaf_group(event, beats.group(position))


def _filled_spans(timed: Iterable[tuple[Fraction, Event]], span: Fraction | None) -> set[int]:
    """Numbers of the spans of a bar that plain eighths (notes or rests) fill from end to end."""
    if span is None:
        return set()
    eighths = Counter(
        position // span
        for position, event in timed
        if isinstance(event, Note | Rest)
        and event.duration == _EIGHTH
        and sounding_length(event)  # a grace note fills nothing
        and position % _EIGHTH.length == 0
    )
    return {number for number, count in eighths.items() if count * _EIGHTH.length == span}


def _leaf_group(leaf: Note | Rest | MultiRest | Clef | Key | Meter, group: _Group) -> _Group:
    match leaf:
        case Clef() | Note(grace=True):
            return _PASSED
        case Note() if _has_flags(leaf):
            return group
    return _ENDS


def _grace_groups(events: Iterable[Event], place: int | None = None) -> Iterator[_Group]:
    """The group of each leaf; no beam of grace notes leads into a tuplet (`place`) or out of it."""
    for number, event in enumerate(events):
        if isinstance(event, Tuplet):
            yield from _grace_groups(event.events, number)
        else:
            graced = isinstance(event, Note) and event.grace and _has_flags(event)
            yield ("grace", place) if graced else _ENDS


def _has_flags(note: Note) -> bool:
    return NOTE_VALUES[note.duration.value] < _QUARTER
