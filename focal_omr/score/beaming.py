"""Beaming by the meter, for scores from formats without beams (semantic labels, MIDI, ABC).

The groups, where common practice leaves a choice:

    2/4 4/4 C 2/2 C/ ...   a half bar filled by eighths alone is one group; otherwise by quarter
    3/4 6/4                the same with three quarters
    3/8 6/8 9/8 12/8 ...   by three units: the dotted quarter of x/8
    5/8 7/8                3+2, 2+2+3
    other, unmetered       by quarter from the start of the bar

A rest ends a beam, a clef does not. A tuplet is a group of its own. Two or more consecutive grace notes form
a beam of their own, and the beam of the full-size notes continues across them.
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
# Number of beams, or flags, of a note value.
_BEAMS = {"eighth": 1, "sixteenth": 2, "thirty_second": 3, "sixty_fourth": 4, "hundred_twenty_eighth": 5}
# Group lengths in units of the meter, for irregular meters.
_IRREGULAR = {5: (3, 2), 7: (2, 2, 3)}

# The group of a leaf event (tuplets flattened); neighbours of one group share a beam.
_Group = Hashable
_BREAK: _Group = None  # not beamed, and ends a beam
_TRANSPARENT: _Group = "transparent"  # not beamed, but a beam continues across it


@dataclass(frozen=True, slots=True)
class _Beats:
    """Beam groups of a meter.

    Attributes:
        groups: Lengths of the groups of one bar, in whole notes.
        span: Length, in whole notes, over which eighths that fill it share one beam; None: none.
    """

    groups: tuple[Fraction, ...] = (_QUARTER,)
    span: Fraction | None = None

    def group(self, position: Fraction) -> _Group:
        """The group at a position in whole notes from the start of the bar."""
        bar = sum(self.groups, Fraction(0))
        bars, inside = divmod(position, bar)
        starts = accumulate(self.groups, initial=Fraction(0))
        return bars, sum(start <= inside for start in starts)


def beam_by_meter(part: Part, *, keep_known: bool = True) -> Part:
    """The part with `Note.beam` set on notes shorter than a quarter, by the groups of the meter.

    A first bar (or one after a double or repeat barline) that is shorter than its meter and closed by a
    barline is a pickup: its beats are counted from the end of the bar.

    Args:
        part: The part.
        keep_known: Return a part that has beams already unchanged.
    """
    events = (event for measure in part.measures for event in flat_events(measure))
    if keep_known and any(isinstance(event, Note) and event.beam for event in events):
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
    main = _beam_places(list(_main_groups(measure.events, beats, start)))
    grace = _beam_places(list(_grace_groups(measure.events)))
    beams = iter([full or small for full, small in zip(main, grace, strict=True)])

    def beamed(event: Event) -> Event:
        if isinstance(event, Tuplet):
            inner = tuple(beamed(e) for e in event.events)
            return replace(event, events=inner)  # type: ignore[arg-type]  # Note and Rest stay what they are
        beam = next(beams)
        return replace(event, beam=beam) if isinstance(event, Note) else event

    return replace(measure, events=tuple(beamed(event) for event in measure.events))


def _beam_places(groups: Sequence[_Group]) -> list[BeamPlace | None]:
    """The place of each leaf in its beam: a run of two or more leaves of one group is a beam."""
    places: list[BeamPlace | None] = [None] * len(groups)
    before: int | None = None  # the last leaf that was not transparent
    for index, group in enumerate(groups):
        if group == _TRANSPARENT:
            continue
        if before is not None and group is not _BREAK and groups[before] == group:
            places[before] = "middle" if places[before] else "start"
            places[index] = "end"
        before = index
    return places


def _main_groups(events: Iterable[Event], beats: _Beats, position: Fraction) -> Iterator[_Group]:
    """The group of each leaf; `position` is that of the first one in its bar, in whole notes."""
    timed = []
    eighths: Counter[Fraction | int] = Counter()  # plain eighths on the beat, by span
    for event in events:
        timed.append((position, event))
        on_beat = position % _EIGHTH.length == 0 and sounding_length(event)  # a grace note has no length
        if beats.span and on_beat and isinstance(event, Note | Rest) and event.duration == _EIGHTH:
            eighths[position // beats.span] += 1
        position += sounding_length(event)
    filled = {span for span, count in eighths.items() if count * _EIGHTH.length == beats.span}
    for number, (position, event) in enumerate(timed):
        if isinstance(event, Tuplet):
            yield from (_leaf_group(leaf, ("tuplet", number)) for leaf in event.events)
        elif beats.span is not None and position // beats.span in filled:
            yield _leaf_group(event, ("span", position // beats.span))
        else:
            yield _leaf_group(event, beats.group(position))


def _leaf_group(leaf: Note | Rest | MultiRest | Clef | Key | Meter, group: _Group) -> _Group:
    match leaf:
        case Clef() | Note(grace=True):
            return _TRANSPARENT
        case Note() if _has_flags(leaf):
            return group
    return _BREAK


def _grace_groups(events: Iterable[Event], place: int | None = None) -> Iterator[_Group]:
    """The group of each grace note; their beams do not cross the bounds of a tuplet (number `place`)."""
    for number, event in enumerate(events):
        if isinstance(event, Tuplet):
            yield from _grace_groups(event.events, number)
        else:
            graced = isinstance(event, Note) and event.grace and _has_flags(event)
            yield ("grace", place) if graced else _BREAK


def _has_flags(note: Note) -> bool:
    return NOTE_VALUES[note.duration.value] < _QUARTER


# Beams of a bar ------------------------------------------------------------------------------------------


def one_beam(notes: Sequence[Note]) -> bool:
    """Whether the full-size notes form exactly one beam."""
    places = [note.beam for note in notes if not note.grace]
    return places[:1] == ["start"] and places[-1:] == ["end"] and {*places[1:-1]} <= {"middle"}


def beam_types(notes: Sequence[Note]) -> list[list[str]]:
    """The MusicXML beam types of each note of a bar, by level from the eighth beam; "" for none."""
    beams: list[list[str]] = [[] for _ in notes]
    for grace in (False, True):
        group: list[int] = []
        for index, note in enumerate(notes):
            if note.grace != grace or note.duration.value not in _BEAMS or note.beam is None:
                continue
            group = [index] if note.beam == "start" else [*group, index]
            if note.beam == "end":
                for place, member in enumerate(group if len(group) > 1 else []):
                    beams[member] = _beam_levels([notes[i] for i in group], place)
                group = []
    return beams


def _beam_levels(group: Sequence[Note], place: int) -> list[str]:
    """The beam types of one note of a beamed group, by level."""
    counts = [_BEAMS[note.duration.value] for note in group]
    # A hook points to the dotted neighbour that its note completes, else back.
    following = group[place + 1].duration.dots if place + 1 < len(group) else 0
    forward = place == 0 or following > group[place - 1].duration.dots
    levels = []
    for level in range(1, counts[place] + 1):
        before = place > 0 and counts[place - 1] >= level
        after = place + 1 < len(group) and counts[place + 1] >= level
        if before:
            levels.append("continue" if after else "end")
        else:
            levels.append("begin" if after else "forward hook" if forward else "backward hook")
    return levels
