"""A split made better by exchanges: of sources with as many ids each, so that no count changes.

First for the symbols that a part has too few of, the rarest first; then by chance, for as long as the symbols
come nearer to the parts' shares of them. A local search: it finds a good split, not the best one.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from focal_omr.data.frequency import symbol_counts
from focal_omr.data.primus.samples import source_of

__all__ = ["goals", "stratified"]

_PASSES = 3  # over the symbols that are too rare: one that was mended may suffer from another's mending
_PARTNERS = 10  # sources looked at to be exchanged for one that has a rare symbol
_EXCHANGES = 10_000  # tried by chance; 1250 samples of 60 symbols gain little from more
_SHORT = 1000.0  # one occurrence too few against what being out of proportion costs
_UNUSED = None


def goals(counts: Mapping[str, int], least: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Part -> symbol -> occurrences it should have: its minimum, or what the parts before it leave."""
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
    """Parts of the same sizes, still without a common source, in which no symbol is too rare where it can be.

    Args:
        parts: Name -> ids, of which no two parts have a source in common.
        labels: Id -> semantic label, of these ids and of those that no part uses but may.
        least: Name of a part -> occurrences of each symbol that it has to have; the first part comes first.
        random: Where chance comes from.
    """
    search = _Search(parts, labels, least)
    search.mend(random)
    search.improve(random)
    return {name: search.ids(name) for name in parts}


class _Search:
    """Sources, each in a part or in none, and how often each symbol occurs in the parts."""

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
        # Symbols by frequency, the rarest first; equal ones by name, so that a seed means something.
        total = symbol_counts(labels.values())
        self.total = dict(sorted(total.items(), key=lambda pair: (pair[1], pair[0])))
        self.share = {name: len(part) / len(labels) for name, part in parts.items()}
        self.goals = goals(total, least)
        self.weight = {name: _SHORT * (len(least) - rank) for rank, name in enumerate(least)}

    def _add(self, name: str | None, ids: Iterable[str]) -> None:
        units = defaultdict(list)
        for each in ids:
            units[source_of(each)].append(each)
        self.units += units.values()
        self.where += [name] * len(units)

    def ids(self, name: str) -> list[str]:
        return [each for unit, part in enumerate(self.where) if part == name for each in self.units[unit]]

    def mend(self, random: Random) -> None:
        """Bring sources of the symbols that are too rare into the parts that lack them."""
        for _ in range(_PASSES):
            for symbol in self.total:
                for part, goal in self.goals.items():
                    if self.counts[part][symbol] < goal[symbol]:
                        self._mend_one(symbol, part, random)

    def _mend_one(self, symbol: str, part: str, random: Random) -> None:
        into = [unit for unit in self.holders[symbol] if self.where[unit] != part]
        for come in random.sample(into, len(into)):
            if self.counts[part][symbol] >= self.goals[part][symbol]:
                return
            there = self.members[part, len(self.units[come])]
            partners = random.sample(there, min(_PARTNERS, len(there)))
            gone = min(partners, key=lambda unit: self._change(come, unit), default=None)
            if gone is not None and self._change(come, gone) < 0:
                self._exchange(come, gone)

    def improve(self, random: Random) -> None:
        """Exchange any two that make the split better."""
        if not self.units:
            return
        by_size = defaultdict(list)
        for unit, ids in enumerate(self.units):
            by_size[len(ids)].append(unit)
        for _ in range(_EXCHANGES):
            one = random.randrange(len(self.units))
            other = random.choice(by_size[len(self.units[one])])
            if self.where[one] != self.where[other] and self._change(one, other) < 0:
                self._exchange(one, other)

    def _cost(self, part: str, symbol: str, count: int) -> float:
        fair = self.share[part] * self.total[symbol]
        short = max(0, self.goals[part][symbol] - count) if part in self.goals else 0
        return (self.weight[part] * short if short else 0.0) + (count - fair) ** 2 / max(fair, 1.0)

    def _change(self, one: int, other: int) -> float:
        """What exchanging two sources adds to the cost."""
        change = 0.0
        for symbol in {**self.symbols[one], **self.symbols[other]}:  # a dict keeps its order
            more = self.symbols[other][symbol] - self.symbols[one][symbol]
            for part, add in ((self.where[one], more), (self.where[other], -more)):
                if add and part is not _UNUSED:
                    now = self.counts[part][symbol]
                    change += self._cost(part, symbol, now + add) - self._cost(part, symbol, now)
        return change

    def _exchange(self, one: int, other: int) -> None:
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
