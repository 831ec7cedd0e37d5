"""Limits on scores from untrusted files: a few bytes can claim a rest of a billion bars.

Readers check their result, so that the output of writers is bounded too.
"""

from focal_omr.errors import NotationError
from focal_omr.score.records import Event, Meter, MultiRest, Note, Part, Rest, Tuplet

__all__ = ["MAX_BARS", "MAX_NUMBER", "check_bounds"]

# Bars of a part, multi-measure rests counted in full; Das Rheingold has 3,900.
MAX_BARS = 20_000
MAX_NUMBER = 1000  # beats and unit of a meter, notes of a tuplet
_MAX_DOTS = 4  # three occur in print
_OCTAVES = range(-2, 13)  # 0 to 9 are audible; notes on many ledger lines go further


def check_bounds(*parts: Part) -> None:
    """Check parts against the limits.

    Raises:
        NotationError: A part is longer than `MAX_BARS`, or holds an octave, a number of dots, a meter or a
            tuplet out of range.
    """
    for number, part in enumerate(parts, 1):
        bars = 0
        for place, measure in enumerate(part.measures, 1):
            for event in measure.events:
                if reason := _out_of_range(event):
                    raise NotationError(f"part {number}, measure {place}: {reason}")
                bars += event.bars if isinstance(event, MultiRest) else 0
        if (total := bars + len(part.measures)) > MAX_BARS:
            raise NotationError(f"part {number} has {total} bars; the maximum is {MAX_BARS}")


def _out_of_range(event: Event) -> str | None:
    match event:
        case Note() if event.pitch.octave not in _OCTAVES:
            return f"a note in octave {event.pitch.octave}; expected {_OCTAVES[0]} to {_OCTAVES[-1]}"
        case Note() | Rest() if event.duration.dots > _MAX_DOTS:
            return f"{event.duration.dots} dots; the maximum is {_MAX_DOTS}"
        case Meter() if not (0 < event.beats <= MAX_NUMBER and 0 < event.unit <= MAX_NUMBER):
            return f"a time signature {event.beats}/{event.unit}; expected 1 to {MAX_NUMBER}"
        case Tuplet() if not (0 < event.actual <= MAX_NUMBER and 0 < event.normal <= MAX_NUMBER):
            return f"a tuplet {event.actual}:{event.normal}; expected 1 to {MAX_NUMBER}"
        case Tuplet():
            return next((reason for inner in event.events if (reason := _out_of_range(inner))), None)
    return None
