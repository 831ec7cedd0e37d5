"""Choices of the composer: drawn by weight, unless a rare value is wished for."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from random import Random
from typing import Any, TypeVar

from focal_omr.encodings.column_factors import POSITIONS
from focal_omr.encodings.columns import STEMS

__all__ = ["Choices", "HeadWish", "weighted"]

T = TypeVar("T", bound=Hashable)
# Position, which of its factors, and the value wished for.
HeadWish = tuple[int, str, Any]
_HEAD_NAMES = {
    f"{position}.{name}" for position in POSITIONS for name in ("head", "accidental", "tie", "kind")
}


def weighted(random: Random, weights: Mapping[T, float]) -> T:
    """Draw one of the keys by their weights."""
    return random.choices([*weights], [*weights.values()])[0]


class Choices:
    """Draws what the composer chooses; a wish is fulfilled at the first occasion, and then forgotten.

    Args:
        random: Random generator.
        wishes: (factor, value) pairs of `encodings.column_factors`, the most wanted first.
    """

    def __init__(self, random: Random, wishes: Iterable[tuple[str, Any]] = ()) -> None:
        self.random = random
        self.wishes: dict[str, list[Any]] = defaultdict(list)
        self.heads: list[HeadWish] = []
        for name, value in wishes:
            if name in _HEAD_NAMES:
                position, _, kind = name.rpartition(".")
                self.heads.append((int(position), kind, value))
            else:
                self.wishes[name].append(value)

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return self.random.random() < probability

    def pick(self, name: str, weights: Mapping[T, float]) -> T:
        """One of the keys: a wished one, or one drawn by weight.

        Args:
            name: Factor that the keys are values of.
            weights: The possible values.
        """
        wished = self.take(name, weights)
        return weighted(self.random, weights) if wished is None else wished

    def take(self, name: str, possible: Iterable[T] | None = None) -> T | None:
        """The first wish of a factor, of those that are possible; it is taken from the list."""
        options = None if possible is None else set(possible)
        for index, value in enumerate(self.wishes.get(name, ())):
            if options is None or value in options:
                del self.wishes[name][index]
                return value  # type: ignore[no-any-return]
        return None

    def take_head(self, stem: int, positions: range) -> HeadWish | None:
        """The first wish about a head that a stem of this kind can have at a position in a range."""
        for index, (position, kind, value) in enumerate(self.heads):
            fits = kind != "head" or (value and value[0] == stem and len(set(value)) == 1)
            if position in positions and fits and not (kind == "tie" and value[0] != value[1]):
                return self.heads.pop(index)
        return None

    def take_shared_head(self, positions: Iterable[int]) -> HeadWish | None:
        """The first wish about a head of two stems at one of the positions."""
        options = set(positions)
        for index, (position, kind, value) in enumerate(self.heads):
            if position in options and ((kind, value) == ("head", (0, 1)) or kind == "tie"):
                return self.heads.pop(index)
        return None


def stem_name(stem: int) -> str:
    """Prefix of the factors of a stem."""
    return STEMS[stem]
