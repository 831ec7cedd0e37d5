"""Removal of ties without a second note, after music was cut or changed."""

from collections.abc import Sequence
from dataclasses import replace

from focal_omr.score.records import Event, Measure, Note, Tuplet


def drop_dangling_ties(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """Remove every tie that is not followed by the same note without an accidental."""
    following: Event | None = None

    def without_dangling_tie(event: Event) -> Event:
        nonlocal following
        if isinstance(event, Tuplet):
            inner = tuple(reversed([without_dangling_tie(e) for e in reversed(event.events)]))
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests keep their type
        if isinstance(event, Note) and event.tie:
            tie = (
                isinstance(following, Note)
                and following.accidental is None
                and following.pitch.diatonic == event.pitch.diatonic
            )
            event = replace(event, tie=tie)
        following = event
        return event

    backwards = []
    for measure in reversed(measures):
        events = [without_dangling_tie(event) for event in reversed(measure.events)]
        backwards.append(replace(measure, events=tuple(reversed(events))))
    return tuple(reversed(backwards))
