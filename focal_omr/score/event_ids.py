"""Ids of the events of a one-voice score, which they keep in every format and in the JSON of a reading."""

from focal_omr.score.records import Score, Source, flat_events

__all__ = ["event_id", "event_ids", "measure_id", "source_ids"]


def measure_id(part: int, measure: int) -> str:
    """The id of a measure; both numbers count from 1."""
    return f"p{part}m{measure}"


def event_id(part: int, measure: int, event: int) -> str:
    """The id of an event, such as "p1m3e5".

    Args:
        part: Number of the part, from 1.
        measure: Number of its record in the part, from 1.
        event: Number of the event in the measure, from 1, with tuplets flattened; clefs, keys and meters
            count too.
    """
    return f"{measure_id(part, measure)}e{event}"


def event_ids(score: Score) -> list[list[str]]:
    """For each part, the ids of its events in order, tuplets flattened."""
    return [
        [
            event_id(number, place, event)
            for place, measure in enumerate(part.measures, 1)
            for event, _ in enumerate(flat_events(measure), 1)
        ]
        for number, part in enumerate(score.parts, 1)
    ]


def source_ids(score: Score, before: int = 0) -> dict[Source, str]:
    """The id of each event that knows where it was read, by its source.

    Args:
        score: The score.
        before: Number of measures before it, in what it is a piece of.
    """
    return {
        event.source: event_id(number, place, index)
        for number, part in enumerate(score.parts, 1)
        for place, measure in enumerate(part.measures, before + 1)
        for index, event in enumerate(flat_events(measure), 1)
        if event.source
    }
