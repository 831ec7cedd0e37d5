"""What a score may hold at most: a file of a few bytes can claim a rest of a billion bars.

Readers ask at their end; what writers make of a score is then of about its size.
"""

from focal_omr.errors import NotationError
from focal_omr.score.records import Event, Meter, MultiRest, Note, Part, Rest, Tuplet

__all__ = ["MAX_BARS", "MAX_NUMBER", "check_bounds"]

MAX_BARS = (
    20_000  # of a part, counting those that multi-measure rests stand for; the Ring's Rheingold has 3,900
)
MAX_NUMBER = 1000  # beats and unit of a meter, notes of a tuplet
_MAX_DOTS = 4  # three occur
_OCTAVES = range(-2, 13)  # audible are 0 to 9; signs on many ledger lines go further


def check_bounds(*parts: Part) -> None:
    """Raise NotationError where a part is longer than `MAX_BARS`, or holds a number that no music has."""
    for number, part in enumerate(parts, 1):
        bars = 0
        for place, measure in enumerate(part.measures, 1):
            for event in measure.events:
                if reason := _trouble(event):
                    raise NotationError(f"part {number}, measure {place}: {reason}")
                bars += event.bars if isinstance(event, MultiRest) else 0
        if (total := bars + len(part.measures)) > MAX_BARS:
            raise NotationError(f"part {number} has {total} bars; at most {MAX_BARS} are read")


def _trouble(event: Event) -> str | None:
    match event:
        case Note() if event.pitch.octave not in _OCTAVES:
            return f"a note in the octave {event.pitch.octave}; {_OCTAVES[0]} to {_OCTAVES[-1]} are known"
        case Note() | Rest() if event.duration.dots > _MAX_DOTS:
            return f"{event.duration.dots} dots; at most {_MAX_DOTS} are known"
        case Meter() if not (0 < event.beats <= MAX_NUMBER and 0 < event.unit <= MAX_NUMBER):
            return f"a time signature {event.beats}/{event.unit}; 1 to {MAX_NUMBER} are known"
        case Tuplet() if not (0 < event.actual <= MAX_NUMBER and 0 < event.normal <= MAX_NUMBER):
            return f"a tuplet {event.actual}:{event.normal}; 1 to {MAX_NUMBER} are known"
        case Tuplet():
            return next((reason for inner in event.events if (reason := _trouble(inner))), None)
    return None
