"""Measures of a staff as lists of slots, in which events are replaced by others of the same length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from focal_omr.score.records import (
    NOTE_VALUES,
    BarlineKind,
    Duration,
    Event,
    Note,
    Rest,
    Tuplet,
    sounding_length,
)

SHORTEST = 128  # the shortest value that fills up a measure is a 128th


@dataclass(eq=False)
class Slot:
    """One event; `pinned` if it was inserted and must stay."""

    event: Event
    pinned: bool = False

    @property
    def is_free(self) -> bool:
        """Whether the event may be replaced."""
        return not self.pinned and isinstance(self.event, Note | Rest | Tuplet)


@dataclass(eq=False)
class MeasureSlots:
    """The slots of one measure; `pinned` if its barline was inserted and must stay."""

    slots: list[Slot]
    barline: BarlineKind | None
    pinned: bool = False

    @property
    def is_measure_rest(self) -> bool:
        """Whether it holds only a whole rest, which lasts the measure in every meter."""
        timed = [s.event for s in self.slots if isinstance(s.event, Note | Rest | Tuplet)]
        return timed == [Rest(Duration("whole"))]


@dataclass
class Window:
    """Adjacent events of a measure that can be replaced.

    Attributes:
        measure: The measure.
        start, end: Range of its slots.
        excess: By how much they are longer than needed, in whole notes.
        fill_count: Number of note values that fill the excess.
    """

    measure: MeasureSlots
    start: int
    end: int
    excess: Fraction
    fill_count: int


def windows(measures: Sequence[MeasureSlots], length: Fraction) -> Iterator[Window]:
    """Find, from each slot on, the shortest run of free events that lasts at least `length`."""
    for measure in measures:
        if measure.is_measure_rest:
            continue
        lengths = [sounding_length(slot.event) if slot.is_free else None for slot in measure.slots]
        for start in range(len(lengths)):
            total = Fraction(0)
            for end, span in enumerate(lengths[start:], start + 1):
                if span is None:
                    break
                total += span
                if total >= length:
                    if (count := fill_count(total - length)) < SHORTEST:
                        yield Window(measure, start, end, total - length, count)
                    break


def plain_values(length: Fraction) -> Iterator[str]:
    """Yield the names of the longest undotted note values that add up to a length."""
    for value, span in NOTE_VALUES.items():
        while span <= length:
            length -= span
            yield value


@cache
def fill_count(length: Fraction) -> int:
    """Count the undotted note values that fill a length, `SHORTEST` if none do."""
    shortest = length * SHORTEST
    return shortest.numerator.bit_count() if shortest.denominator == 1 else SHORTEST
