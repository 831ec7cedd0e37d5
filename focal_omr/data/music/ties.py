"""Ties that lead somewhere: what stays of them where music was cut or changed."""

from collections.abc import Sequence
from dataclasses import replace

from focal_omr.score.records import Event, Measure, Note, Tuplet


def drop_dangling_ties(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with every tie removed that is not followed by the same note."""
    following: Event | None = None

    def mended(event: Event) -> Event:
        nonlocal following
        if isinstance(event, Tuplet):
            inner = tuple(reversed([mended(e) for e in reversed(event.events)]))
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests stay what they are
        if isinstance(event, Note) and event.tie:
            event = replace(event, tie=_continues(event, following))
        following = event
        return event

    backwards = []
    for measure in reversed(measures):
        events = [mended(event) for event in reversed(measure.events)]
        backwards.append(replace(measure, events=tuple(reversed(events))))
    return tuple(reversed(backwards))


def _continues(note: Note, following: Event | None) -> bool:
    """Whether `following` is the same note, unmarked."""
    if not isinstance(following, Note) or following.accidental is not None:
        return False
    return following.pitch.diatonic == note.pitch.diatonic
