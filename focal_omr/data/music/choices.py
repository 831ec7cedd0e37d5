"""Choices of the composer: drawn by weight, unless a rare value is wished for."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from random import Random
from typing import Any, TypeVar

from focal_omr.encodings.column_factors import POSITIONS

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
        self.shared: list[HeadWish] = []  # fulfilled by the first voice, if the second one has the head too
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

    @property
    def wants_chords(self) -> bool:
        """Whether a wish needs heads of several stems at one moment."""
        return bool(self.shared) or any(_is_shared(wish) or wish[2] == (2,) for wish in self.heads)

    def take_head(self, stem: int, positions: range) -> HeadWish | None:
        """The first wish about a head that a stem can have at a position in a range.

        What needs two stems is half fulfilled by the first one, and then waits for the second.
        """
        for index, wish in enumerate(self.heads):
            position, kind, value = wish
            shared = _is_shared(wish)
            if shared and stem == 0 and position in positions:
                self.shared.append(self.heads.pop(index))
                return wish
            alone = kind != "head" or (value and set(value) == {stem})
            if alone and not shared and position in positions:
                return self.heads.pop(index)
        return None

    def take_shared_head(self, tied: Mapping[int, bool]) -> HeadWish | None:
        """The first wish about a head of two stems, given the positions of the other stem's heads, and
        whether they are tied."""
        for index, (position, kind, value) in enumerate(self.shared):
            if position in tied and (kind == "head" or value[0] == tied[position]):
                return self.shared.pop(index)
        return None


def _is_shared(wish: HeadWish) -> bool:
    """Whether a wish needs a head of two stems."""
    _, kind, value = wish
    return (kind == "head" and value == (0, 1)) or (kind == "tie" and value[0] != value[1])
