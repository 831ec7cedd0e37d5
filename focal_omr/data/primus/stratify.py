"""Stratification of a split by symbol: a local search that swaps sources of equal size between parts.

First for symbols below their minimum in a part, rarest first; then random swaps that bring the symbol counts
closer to the shares of the parts. Swapped sources have the same number of ids, so the sizes stay. The search
finds a good split, not the best one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from focal_omr.data.frequency import symbol_counts
from focal_omr.data.primus.samples import source_of

__all__ = ["goals", "stratified"]

_PASSES = 3  # over the symbols that are too rare: a swap for one symbol may take another below its minimum
_CANDIDATES = 10  # sources considered for a swap with one that has a rare symbol
_SWAPS = 10_000  # random tries; 1250 samples of 60 symbols gain little from more
_SHORTAGE_COST = 1000.0  # of one missing occurrence, relative to the cost of deviating from the share
_UNUSED = None


def goals(counts: Mapping[str, int], least: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Part -> symbol -> attainable minimum: the requested one, or what earlier parts leave."""
    left = dict(counts)
    found = {}
    for part, minimum in least.items():
        found[part] = {symbol: min(minimum, count) for symbol, count in left.items()}
        left = {symbol: count - found[part][symbol] for symbol, count in left.items()}
    return found


def stratified(
    parts: Mapping[str, Sequence[str]],
    labels: Mapping[str, Sequence[str]],
    *,
    least: Mapping[str, int],
    random: Random,
) -> dict[str, list[str]]:
    """Swap sources until the symbols reach their minimums and shares, as far as the search finds swaps.

    Args:
        parts: Name -> ids; no two parts share a source.
        labels: Id -> semantic label, for these ids and for unused ids that may be swapped in.
        least: Name of a part -> minimum occurrences of each symbol; earlier parts have priority.
        random: Random generator.

    Returns:
        Name -> ids: parts of the same sizes, still without a shared source.
    """
    search = _Search(parts, labels, least)
    search.fill_shortages(random)
    search.improve(random)
    return {name: search.ids(name) for name in parts}


class _Search:
    """Assignment of sources to parts, with the symbol counts of each part."""

    def __init__(
        self,
        parts: Mapping[str, Sequence[str]],
        labels: Mapping[str, Sequence[str]],
        least: Mapping[str, int],
    ) -> None:
        self.units: list[list[str]] = []  # ids of one source
        self.where: list[str | None] = []
        taken = {source_of(each) for part in parts.values() for each in part}
        self._add(_UNUSED, (each for each in sorted(labels) if source_of(each) not in taken))
        for name, part in parts.items():
            self._add(name, sorted(part))
        self.symbols = [symbol_counts(labels[each] for each in unit) for unit in self.units]
        self.members: dict[tuple[str | None, int], list[int]] = defaultdict(list)
        self.holders: dict[str, list[int]] = defaultdict(list)
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in parts}
        for unit, into in enumerate(self.where):
            self.members[into, len(self.units[unit])].append(unit)
            for symbol in self.symbols[unit]:
                self.holders[symbol].append(unit)
            if into is not _UNUSED:
                self.counts[into].update(self.symbols[unit])
        self.place = {unit: k for group in self.members.values() for k, unit in enumerate(group)}
        # Rarest symbols first; ties by name, so that the result depends on the seed alone.
        total = symbol_counts(labels.values())
        self.total = dict(sorted(total.items(), key=lambda pair: (pair[1], pair[0])))
        self.share = {name: len(part) / len(labels) for name, part in parts.items()}
        self.goals = goals(total, least)
        self.weight = {name: _SHORTAGE_COST * (len(least) - rank) for rank, name in enumerate(least)}

    def _add(self, name: str | None, ids: Iterable[str]) -> None:
        units = defaultdict(list)
        for each in ids:
            units[source_of(each)].append(each)
        self.units += units.values()
        self.where += [name] * len(units)

    def ids(self, name: str) -> list[str]:
        return [each for unit, part in enumerate(self.where) if part == name for each in self.units[unit]]

    def fill_shortages(self, random: Random) -> None:
        """Swap sources with rare symbols into the parts that lack these symbols."""
        for _ in range(_PASSES):
            for symbol in self.total:
                for part, goal in self.goals.items():
                    if self.counts[part][symbol] < goal[symbol]:
                        self._fill_shortage(symbol, part, random)

    def _fill_shortage(self, symbol: str, part: str, random: Random) -> None:
        outside = [unit for unit in self.holders[symbol] if self.where[unit] != part]
        for incoming in random.sample(outside, len(outside)):
            if self.counts[part][symbol] >= self.goals[part][symbol]:
                return
            members = self.members[part, len(self.units[incoming])]
            candidates = random.sample(members, min(_CANDIDATES, len(members)))
            outgoing = min(candidates, key=lambda unit: self._cost_of_swap(incoming, unit), default=None)
            if outgoing is not None and self._cost_of_swap(incoming, outgoing) < 0:
                self._swap(incoming, outgoing)

    def improve(self, random: Random) -> None:
        """Swap random pairs of sources that lower the cost."""
        if not self.units:
            return
        by_size = defaultdict(list)
        for unit, ids in enumerate(self.units):
            by_size[len(ids)].append(unit)
        for _ in range(_SWAPS):
            one = random.randrange(len(self.units))
            other = random.choice(by_size[len(self.units[one])])
            if self.where[one] != self.where[other] and self._cost_of_swap(one, other) < 0:
                self._swap(one, other)

    def _cost(self, part: str, symbol: str, count: int) -> float:
        """Cost of `count` occurrences in a part: shortage below the goal, and a chi-squared term for the
        share."""
        expected = self.share[part] * self.total[symbol]
        short = max(0, self.goals[part][symbol] - count) if part in self.goals else 0
        return (self.weight[part] * short if short else 0.0) + (count - expected) ** 2 / max(expected, 1.0)

    def _cost_of_swap(self, one: int, other: int) -> float:
        """Change of the total cost if two sources are swapped."""
        change = 0.0
        for symbol in {**self.symbols[one], **self.symbols[other]}:  # a dict for its stable order
            more = self.symbols[other][symbol] - self.symbols[one][symbol]
            for part, add in ((self.where[one], more), (self.where[other], -more)):
                if add and part is not _UNUSED:
                    now = self.counts[part][symbol]
                    change += self._cost(part, symbol, now + add) - self._cost(part, symbol, now)
        return change

    def _swap(self, one: int, other: int) -> None:
        for unit, into in ((one, other), (other, one)):
            if (old := self.where[unit]) is not _UNUSED:
                self.counts[old].subtract(self.symbols[unit])
                self.counts[old].update(self.symbols[into])
        size = len(self.units[one])
        places = self.place[one], self.place[other]
        self.where[one], self.where[other] = self.where[other], self.where[one]
        for unit, place in ((one, places[1]), (other, places[0])):
            self.members[self.where[unit], size][place] = unit
            self.place[unit] = place
