"""The bars of a staff taken apart, so that events can be exchanged for others that take as long."""

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

SHORTEST = 128  # of the values that fill up a bar, as a share of a whole note


@dataclass(eq=False)
class Slot:
    """One event; `kept` where it was put in and must stay."""

    event: Event
    kept: bool = False

    @property
    def is_free(self) -> bool:
        """Whether it may be exchanged."""
        return not self.kept and isinstance(self.event, Note | Rest | Tuplet)


@dataclass(eq=False)
class Bar:
    """One bar; `kept` where its barline was put in and must stay."""

    slots: list[Slot]
    barline: BarlineKind | None
    kept: bool = False

    @property
    def has_bar_rest(self) -> bool:
        """Whether it holds a whole rest and nothing else, which lasts the bar in every meter."""
        timed = [s.event for s in self.slots if isinstance(s.event, Note | Rest | Tuplet)]
        return timed == [Rest(Duration("whole"))]


@dataclass
class Window:
    """Neighbouring events of a bar that can make room, and how much longer than needed they are."""

    bar: Bar
    start: int
    end: int
    left_over: Fraction
    fill_count: int  # values that fill what is left over


def windows(bars: Sequence[Bar], length: Fraction) -> Iterator[Window]:
    """The neighbouring free events, from each one on, that take at least so long."""
    for bar in bars:
        if bar.has_bar_rest:
            continue
        lengths = [sounding_length(slot.event) if slot.is_free else None for slot in bar.slots]
        for start in range(len(lengths)):
            total = Fraction(0)
            for end, span in enumerate(lengths[start:], start + 1):
                if span is None:
                    break
                total += span
                if total >= length:
                    if (count := fill_count(total - length)) < SHORTEST:
                        yield Window(bar, start, end, total - length, count)
                    break


def plain_values(length: Fraction) -> Iterator[str]:
    """The names of the longest undotted values that add up to a length."""
    for value, span in NOTE_VALUES.items():
        while span <= length:
            length -= span
            yield value


@cache
def fill_count(length: Fraction) -> int:
    """How many undotted values fill a length; more than can be where none do."""
    whole = length * SHORTEST
    return whole.numerator.bit_count() if whole.denominator == 1 else SHORTEST
