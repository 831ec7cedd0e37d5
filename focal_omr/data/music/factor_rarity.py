"""Balancing of rare factor values: those seen least so far are wished for in the next composed music."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

from focal_omr.encodings.column_factors import FACTORS, OTHER, WIDTH

__all__ = ["FactorRarity", "impossible", "possible_values"]

# Advances that no note value has, and that come between two voices only with spaces.
_BY_ACCIDENT = tuple(Fraction(*pair) for pair in ((5, 12), (7, 12), (5, 24), (57, 88)))
# Wishes of one system: with 60 such systems in a shard of 500 staves, every value comes about once.
_WISHES = 36
# A wish that was not fulfilled counts as much as a part of an occurrence, so that a value that the composer
# reaches seldom does not keep others from their turn.
_UNFULFILLED = 0.1


def impossible(factor: str, value: Any) -> str | None:
    """Why no music has a value of a factor, or no composed music needs it; None if it is possible."""
    if (factor, value) == ("kind", "blank"):
        return "the blank of CTC is no column"
    if (factor, value) == ("kind", ("meter", "none")):
        return "nothing is printed where a meter ends"
    if factor == "kind" and value in (("measure-repeat", 2), ("measure-repeat", 4)):
        return "a sign over several measures belongs to none of them"
    if (factor, value) == ("advance", OTHER):
        return "it stands for what is not in the table"
    if factor == "advance" and value in _BY_ACCIDENT:
        return "only where a voice falls silent without a rest"
    if factor.endswith(".kind") and value == "none":
        return "a stem without a head is never composed"
    if value == "measure" and factor != "up.value":
        return "a rest of a whole measure is written as the first stem"
    return None


@cache
def possible_values() -> tuple[tuple[str, Any, int], ...]:
    """(factor, value, column in a multi-hot vector of all factors) of all that is possible."""
    return tuple(
        (factor.name, value, factor.offset + index)
        for factor in FACTORS
        for index, value in enumerate(factor.values)
        if not impossible(factor.name, value)
    )


class FactorRarity:
    """Counts the factor values of the columns so far.

    Attributes:
        seen: Occurrences by column of a multi-hot vector, see `Factor.offset`.
        wished: How often each was wished for.
    """

    def __init__(self) -> None:
        self.seen = [0] * WIDTH
        self.wished = [0] * WIDTH

    def count(self, columns: Iterable[Sequence[int]]) -> None:
        """Count columns, each as the indices of `column_factors`."""
        for column in columns:
            for factor, index in zip(FACTORS, column, strict=True):
                if index >= 0:
                    self.seen[factor.offset + index] += 1

    def wishes(self, random: Random) -> list[tuple[str, Any]]:
        """The rarest values, the rarest first; ties are broken at random."""
        values = possible_values()
        ranked = sorted(
            (self.seen[place] + _UNFULFILLED * self.wished[place], random.random(), number)
            for number, (_, _, place) in enumerate(values)
        )
        chosen = [values[number] for *_, number in ranked[:_WISHES]]
        for _, _, place in chosen:
            self.wished[place] += 1
        return [(name, value) for name, value, _ in chosen]
