"""Sampling of a subset closed under a small vocabulary, after the seed study.

1. Closing: drop the rarest symbol and every sample that contains it, until the requested number of symbols is
left. 2. Drawing: sample from the rest, such that every symbol reaches its minimum count.
3. Optionally swap samples, until the ratio of the most to the least frequent symbol reaches the requested
   value or, for a balanced subset, until it gets no lower.

Source: doi 10.1109/PuneCon46936.2019.9105720, whose 1250 samples of 60 symbols were selected this way by
hand.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from focal_omr.data.frequency import LEAST_COUNT, symbol_counts
from focal_omr.data.primus.samples import source_of
from focal_omr.errors import DataError

__all__ = [
    "Dropped",
    "Subset",
    "draw_flat",
    "draw_imbalance",
    "draw_subset",
    "imbalance_ratio",
    "subset_lines",
]

Labels = Mapping[str, Sequence[str]]
_RATIO_TOLERANCE = 0.05  # relative
_MAX_SWAPS = 20  # per chosen sample
_CANDIDATES = 40  # samples considered for one draw or swap


@dataclass(frozen=True)
class Dropped:
    """A symbol that closing dropped.

    Attributes:
        symbol: The symbol.
        count: Its occurrences at that time.
        samples: Number of samples dropped with it.
    """

    symbol: str
    count: int
    samples: int


@dataclass(frozen=True)
class Subset:
    """A drawn subset.

    Attributes:
        ids: Ids of the samples, sorted.
        counts: Occurrences of each symbol.
        pool: Number of samples after closing, to draw from.
        dropped: The dropped symbols, in order.
    """

    ids: tuple[str, ...]
    counts: Counter[str]
    pool: int
    dropped: tuple[Dropped, ...]

    @property
    def ratio(self) -> float:
        """See `imbalance_ratio`."""
        return imbalance_ratio(self.counts)

    def to_json(self) -> dict[str, Any]:
        """Convert to plain values, with the symbols in order of frequency."""
        return {
            "samples": len(self.ids),
            "symbols": len(self.counts),
            "pool": self.pool,
            "imbalance_ratio": round(self.ratio, 2),
            "counts": dict(sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))),
            "dropped": [vars(each) for each in self.dropped],
        }


def draw_subset(
    labels: Labels,
    *,
    samples: int = 1250,
    symbols: int = 60,
    min_count: int = LEAST_COUNT,
    ratio: float | None = None,
    balanced: bool = False,
    seed: int = 1,
) -> Subset:
    """Draw a subset with an exact number of distinct symbols, none rarer than the minimum.

    Args:
        labels: Id -> semantic label.
        samples: Number of samples.
        symbols: Number of distinct symbols.
        min_count: Minimum occurrences of each symbol.
        ratio: Ratio of the most to the least frequent symbol, met within 5 %; None for no constraint.
        balanced: Minimise the ratio by a search. Excludes `ratio`.
        seed: Seed of the random generator.

    Raises:
        DataError: The subset is impossible; the message says what is possible.
    """
    if min(samples, symbols, min_count) < 1 or (ratio is not None and ratio < 1):
        raise DataError("samples, symbols, the minimum count and the ratio must be 1 or more")
    if balanced and ratio is not None:
        raise DataError("a subset is balanced or has a ratio, not both")
    pool, dropped = _close(labels, samples, symbols)
    counts = symbol_counts(pool.values())
    rarest = min(counts, key=lambda symbol: (counts[symbol], symbol))
    if counts[rarest] < min_count:
        raise DataError(
            f"{rarest} occurs {counts[rarest]} times in the {len(pool)} samples that have {symbols} symbols, "
            f"less than the minimum of {min_count}; request fewer symbols or a lower minimum"
        )
    sampler = _draw(pool, samples, min_count, balanced, seed)
    if balanced:
        sampler.flatten()
    if ratio is not None:
        sampler.adjust_ratio(ratio, min_count)
    chosen = tuple(sorted(sampler.chosen))
    return Subset(chosen, symbol_counts(pool[sample] for sample in chosen), len(pool), tuple(dropped))


def draw_flat(labels: Labels, *, symbols: Collection[str], samples: int, seed: int = 1) -> list[str]:
    """Draw samples of the given symbols such that the symbols occur as evenly as possible.

    Greedy: each draw takes a sample with the symbol that occurs least so far; of some candidates the one
    whose symbols occur least on average.

    Args:
        labels: Id -> semantic label of the available samples.
        symbols: The permitted symbols.
        samples: Number of samples.
        seed: Seed of the random generator.

    Returns:
        The ids, sorted.

    Raises:
        DataError: There are not enough samples of these symbols.
    """
    known = frozenset(symbols)
    pool = {sample: label for sample, label in sorted(labels.items()) if known.issuperset(label)}
    if len(pool) < samples:
        raise DataError(
            f"{samples} samples requested; only {len(pool)} have no other than these {len(known)} symbols"
        )
    sampler = _Sampler(pool, Random(f"flat {seed}"))
    sampler.fill_evenly(samples)
    return sorted(sampler.chosen)


def draw_imbalance(labels: Labels, chosen: Collection[str], *, samples: int, seed: int = 1) -> list[str]:
    """Draw the seed study's imbalance test set: `draw_flat` from sources that the chosen samples do not use.

    Args:
        labels: Id -> semantic label of all samples.
        chosen: Ids of the subset, which defines the symbols.
        samples: Number of samples.
        seed: Seed of the random generator.

    Returns:
        The ids, sorted.

    Raises:
        DataError: The other sources have too few samples of these symbols.
    """
    taken = {source_of(each) for each in chosen}
    others = {each: label for each, label in labels.items() if source_of(each) not in taken}
    symbols = symbol_counts(labels[each] for each in chosen)
    return draw_flat(others, symbols=symbols, samples=samples, seed=seed)


def imbalance_ratio(counts: Counter[str]) -> float:
    """Occurrences of the most frequent symbol over those of the least frequent; 1 without symbols."""
    return max(counts.values()) / min(counts.values()) if counts else 1.0


def subset_lines(subset: Subset) -> Iterable[str]:
    """Format a subset as text."""
    values = subset.to_json()
    first, *_, last = values["counts"].items()
    yield "{samples} of {pool} samples that are closed under {symbols} symbols".format(**values)
    yield f"{first[0]} {first[1]} times to {last[0]} {last[1]} times: ratio {values['imbalance_ratio']:g}"
    gone = sum(each.samples for each in subset.dropped)
    yield f"{len(subset.dropped)} symbols were dropped, the rarest of all first, and {gone} samples with them"


def _close(labels: Labels, samples: int, symbols: int) -> tuple[dict[str, Sequence[str]], list[Dropped]]:
    """Drop the rarest symbols with their samples; the remaining samples and the dropped symbols."""
    left = dict(sorted(labels.items()))
    counts = symbol_counts(left.values())
    holders = _samples_by_symbol(left)
    dropped: list[Dropped] = []
    fewest = len(counts)  # smallest number of symbols with enough samples
    while len(counts) > symbols:
        symbol, gone = _symbol_to_drop(left, counts, holders, symbols)
        dropped.append(Dropped(symbol, counts[symbol], len(gone)))
        for sample in gone:
            counts.subtract(left.pop(sample))
        counts = +counts  # without symbols that occurred in the dropped samples alone
        fewest = len(counts) if len(left) >= samples else fewest
    if len(counts) < symbols:
        raise DataError(f"{symbols} symbols requested; the data set has {len(counts)}")
    if len(left) < samples:
        raise DataError(
            f"{samples} samples requested; {len(left)} samples are closed under {symbols} symbols; "
            f"possible are {len(left)} samples, or {fewest} symbols"
        )
    return left, dropped


def _symbol_to_drop(
    left: Labels, counts: Counter[str], holders: Mapping[str, Sequence[str]], symbols: int
) -> tuple[str, list[str]]:
    """The rarest symbol whose removal leaves enough other symbols, and its samples."""
    for symbol in sorted(counts, key=lambda each: (counts[each], each)):
        gone = [sample for sample in holders[symbol] if sample in left]
        lost = symbol_counts(left[sample] for sample in gone)
        if len(counts) - sum(lost[each] == counts[each] for each in lost) >= symbols:
            return symbol, gone
    raise DataError(
        f"no subset has exactly {symbols} symbols: dropping any of the {len(counts)} drops others, too; "
        f"request {len(counts)}"
    )


def _samples_by_symbol(labels: Labels) -> dict[str, list[str]]:
    """Symbol -> ids of the samples that contain it, in their order."""
    holders = defaultdict(list)
    for sample, label in labels.items():
        for symbol in dict.fromkeys(label):
            holders[symbol].append(sample)
    return holders


def _draw(pool: Labels, samples: int, min_count: int, balanced: bool, seed: int) -> "_Sampler":
    """Draw samples such that every symbol reaches its minimum count."""
    if balanced:
        sampler = _Sampler(pool, Random(seed))
        sampler.fill_evenly(samples)
        if min(sampler.counts[symbol] for symbol in sampler.holders) >= min_count:
            return sampler
    sampler = _Sampler(pool, Random(seed))
    order = sampler.random.sample(list(pool), len(pool))
    sampler.reach_minimum(order, samples, min_count)
    if balanced:
        sampler.fill_evenly(samples)
    else:
        sampler.fill(order, samples)
    return sampler


class _Sampler:
    """The chosen samples and their symbol counts."""

    def __init__(self, pool: Labels, random: Random) -> None:
        self.pool, self.random = pool, random
        self.holders = _samples_by_symbol(pool)
        self.chosen: dict[str, None] = {}  # an ordered set, so that the result depends on the seed alone
        self.counts: Counter[str] = Counter()

    def reach_minimum(self, order: Sequence[str], samples: int, min_count: int) -> None:
        """Choose in this order until every symbol reaches the minimum, starting with the rarest symbol."""
        place = {sample: number for number, sample in enumerate(order)}
        for symbol in sorted(self.holders, key=lambda each: (len(self.holders[each]), each)):
            for sample in sorted(self.holders[symbol], key=place.__getitem__):
                if self.counts[symbol] >= min_count:
                    break
                self._take(sample)
        if len(self.chosen) > samples:
            raise DataError(
                f"{len(self.chosen)} samples are needed for {min_count} occurrences of every symbol; "
                "request as many, or a lower minimum"
            )

    def fill(self, order: Sequence[str], samples: int) -> None:
        """Choose in this order until the number of samples is reached."""
        for sample in order:
            if len(self.chosen) == samples:
                return
            self._take(sample)

    def fill_evenly(self, samples: int) -> None:
        """Choose greedily, as in `draw_flat`, until the number of samples is reached."""
        free = {symbol: [s for s in held if s not in self.chosen] for symbol, held in self.holders.items()}
        counts, pool = self.counts, self.pool
        while len(self.chosen) < samples:
            rarest = min((s for s in free if free[s]), key=lambda symbol: (counts[symbol], symbol))
            some = self.random.sample(free[rarest], min(_CANDIDATES, len(free[rarest])))
            best = min(some, key=lambda sample: sum(counts[s] for s in pool[sample]) / len(pool[sample]))
            self._take(best)
            for symbol in dict.fromkeys(pool[best]):
                free[symbol].remove(best)

    def adjust_ratio(self, ratio: float, min_count: int) -> None:
        """Swap samples until the most frequent symbol occurs `ratio` times as often as the rarest."""
        for _ in range(_MAX_SWAPS * len(self.chosen)):
            rarest, most_frequent = self._extremes()
            now = self.counts[most_frequent] / self.counts[rarest]
            if abs(now / ratio - 1) <= _RATIO_TOLERANCE:
                return
            if now > ratio:
                swapped = self._lower(rarest, most_frequent)
            else:  # less of the rarest symbol
                outgoing = [sample for sample in self.holders[rarest] if sample in self.chosen]
                incoming = [s for s in self.pool if s not in self.chosen and rarest not in self.pool[s]]
                some = self.random.sample(outgoing, min(_CANDIDATES, len(outgoing)))
                swapped = self._swap(some, incoming, min_count)
            if not swapped:
                break
        raise DataError(f"a ratio of {ratio:g} cannot be met with this pool and minimum; {now:.3g} can")

    def flatten(self) -> None:
        """Swap samples while the ratio can be lowered, and keep the subset with the lowest ratio."""
        least, kept = imbalance_ratio(self.counts), list(self.chosen)
        for _ in range(_MAX_SWAPS * len(self.chosen)):
            if not self._lower(*self._extremes()):
                break
            if (now := imbalance_ratio(self.counts)) < least:
                least, kept = now, list(self.chosen)
        self.chosen = dict.fromkeys(kept)
        self.counts = symbol_counts(self.pool[sample] for sample in kept)

    def _extremes(self) -> tuple[str, str]:
        """The rarest and the most frequent symbol."""
        ranked = sorted(self.counts, key=lambda symbol: (self.counts[symbol], symbol))
        return ranked[0], ranked[-1]

    def _lower(self, rarest: str, most_frequent: str) -> bool:
        """Lower the ratio by one swap: more of the rarest symbol, or else less of the most frequent one."""
        floor = self.counts[rarest]
        incoming = [sample for sample in self.holders[rarest] if sample not in self.chosen]
        outgoing = [sample for sample in self.chosen if rarest not in self.pool[sample]]
        if self._swap(self._richest(outgoing, most_frequent), incoming, floor):
            return True
        free = [sample for sample in self.pool if sample not in self.chosen]
        fewest = min((self.pool[sample].count(most_frequent) for sample in free), default=0)
        incoming = [sample for sample in free if self.pool[sample].count(most_frequent) == fewest]
        outgoing = [sample for sample in self.chosen if self.pool[sample].count(most_frequent) > fewest]
        return self._swap(self._richest(outgoing, most_frequent), incoming, floor)

    def _richest(self, samples: Sequence[str], symbol: str) -> list[str]:
        """Some of the samples at random, those with the most occurrences of a symbol first."""
        some = self.random.sample(samples, min(_CANDIDATES, len(samples)))
        return sorted(some, key=lambda sample: -self.pool[sample].count(symbol))

    def _swap(self, outgoing: Sequence[str], incoming: Sequence[str], floor: int) -> bool:
        """Swap the first outgoing sample for which no symbol falls below the floor; False if there is
        none."""
        if not incoming:
            return False
        for gone in outgoing:
            new = self.random.choice(incoming)
            after = self.counts.copy()
            after.update(self.pool[new])
            after.subtract(self.pool[gone])
            if all(after[symbol] >= floor for symbol in self.pool[gone]):
                self.counts = after
                del self.chosen[gone]
                self.chosen[new] = None
                return True
        return False

    def _take(self, sample: str) -> None:
        if sample not in self.chosen:
            self.chosen[sample] = None
            self.counts.update(self.pool[sample])
