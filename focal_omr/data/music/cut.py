"""Excerpts of a score: some measures of some parts, with clefs, keys and meters carried in.

What leads out of the excerpt is cut: a tie, slur, tuplet or glissando with one end outside is dropped, an
octave line, hairpin or pedal ends at the edge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from focal_omr.score.score import (
    Chord,
    Clef,
    Ending,
    Event,
    Hairpin,
    Key,
    Measure,
    Meter,
    Moment,
    Ottava,
    Part,
    Pedal,
    Score,
    Sign,
    Spanner,
    StaffLines,
    Transposition,
)

__all__ = ["cut", "cut_part", "signs_before"]

_ZERO = Fraction(0)
_ORDER = (Clef, StaffLines, Key, Meter, Transposition)


def cut(score: Score, measures: range, parts: Sequence[int] | None = None) -> Score:
    """The excerpt of consecutive measures of some parts.

    Args:
        score: A valid score.
        measures: Indices of the measures.
        parts: Indices of the parts from the top; None for all.
    """
    chosen = [score.parts[index] for index in (range(len(score.parts)) if parts is None else parts)]
    kept = tuple(cut_part(part, measures) for part in chosen)
    ids = {part.id for part in kept}
    groups = tuple(group for group in score.groups if {group.start, group.end} <= ids)
    return replace(score, parts=kept, groups=groups)


def cut_part(part: Part, measures: range) -> Part:
    """The excerpt of one part."""
    own = list(part.measures[measures.start : measures.stop])
    first = {(type(sign.value), sign.staff) for sign in own[0].signs if sign.onset == 0}
    carried = (
        sign
        for sign in signs_before(part, measures.start)
        if not {(type(sign.value), sign.staff), (type(sign.value), None)} & first
    )
    own[0] = replace(own[0], signs=(*carried, *own[0].signs))
    for index, measure in enumerate(own):
        rest = measure.multirest
        own[index] = replace(
            measure,
            break_before=None,
            multirest=rest if rest is not None and index + rest.measures <= len(own) else None,
            repeats=tuple(pair for pair in measure.repeats if pair[1].measures <= index),
        )
    ids = {note.id for event in _events(own) if isinstance(event, Chord) for note in event.notes}
    own = [_without_lost_ties(measure, ids) for measure in own]
    spanners = tuple(_spanners(part, own, ids | {event.id for event in _events(own)}))
    return replace(part, measures=tuple(own), spanners=spanners)


def signs_before(part: Part, index: int) -> list[Sign]:
    """The signs in force at the beginning of a measure, in the order of printing; not those that stand in
    it."""
    found: dict[tuple[type, int], Sign] = {}
    for measure in part.measures[:index]:
        for sign in measure.signs:
            staves = range(1, part.staves + 1) if sign.staff is None else (sign.staff,)
            for staff in staves:
                found[type(sign.value), staff] = replace(sign, onset=_ZERO, staff=staff, graces=0)
    order = sorted(found, key=lambda key: (_ORDER.index(key[0]), key[1]))
    return [
        replace(sign, value=replace(sign.value, cancel=None)) if isinstance(sign.value, Key) else sign
        for sign in map(found.__getitem__, order)
    ]


def _events(measures: Sequence[Measure]) -> Iterator[Event]:
    return (event for measure in measures for voice in measure.voices for event in voice.events)


def _without_lost_ties(measure: Measure, notes: set[str]) -> Measure:
    """The measure without ties to notes outside, and without those that lead nowhere."""

    def kept(event: Event) -> Event:
        if not isinstance(event, Chord) or all(n.tie_to is None or n.tie_to in notes for n in event.notes):
            return event
        return replace(
            event,
            notes=tuple(note if note.tie_to in notes else replace(note, tie_to=None) for note in event.notes),
        )

    voices = tuple(replace(voice, events=tuple(map(kept, voice.events))) for voice in measure.voices)
    return replace(measure, voices=voices)


def _spanners(part: Part, measures: Sequence[Measure], ids: set[str]) -> Iterator[Spanner]:
    """The spanners inside, those over moments clipped."""
    index = {measure.id: number for number, measure in enumerate(part.measures)}
    first, last = measures[0], measures[-1]
    low, high = index[first.id], index[last.id]
    for spanner in part.spanners:
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            start, end = spanner.start, spanner.end
            if index[start.measure] > high or index[end.measure] < low:
                continue
            if index[start.measure] < low:
                start = Moment(first.id, _ZERO, start.staff)
            if index[end.measure] > high:
                end = Moment(last.id, last.length, end.staff)
            if (index[start.measure], start.onset) < (index[end.measure], end.onset):
                yield replace(spanner, start=start, end=end)
        elif isinstance(spanner, Ending):
            if low <= index[spanner.start] and index[spanner.end] <= high:
                yield spanner
        elif spanner.start in ids and spanner.end in ids:
            yield spanner
