"""A subset closed under few symbols: the sampling of the seed study, made into an algorithm.

1. Closing: the rarest symbol goes, and every sample that holds it, until as few symbols are left as wished.
2. Drawing: of the samples that are left as many as wished, such that every symbol occurs often enough.
3. Bending, where a ratio of the most to the least frequent symbol is wished: samples are exchanged for others
   until it is met; or, where symbols are to occur evenly, until it gets no lower.

Source: doi 10.1109/PuneCon46936.2019.9105720, whose 1250 samples of 60 symbols were sampled so by hand.
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
_CLOSE_ENOUGH = 0.05  # of the ratio that was wished
_EXCHANGES = 20  # for each sample that is chosen, before the ratio is given up
_TRIED = 40  # samples looked at for an exchange


@dataclass(frozen=True)
class Dropped:
    """A symbol that went in the closing.

    Attributes:
        symbol: Which.
        count: How often it occurred then.
        samples: How many samples went with it.
    """

    symbol: str
    count: int
    samples: int


@dataclass(frozen=True)
class Subset:
    """What was drawn.

    Attributes:
        ids: The samples, sorted.
        counts: Occurrences of each symbol in them.
        pool: Samples that were left to draw from.
        dropped: What went, in that order.
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
        """As plain values; the symbols by frequency."""
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
    """Draw samples that have exactly so many symbols, none of them rarer than the minimum.

    Args:
        labels: Id -> semantic label.
        samples: How many samples.
        symbols: How many symbols they have together.
        min_count: Occurrences of the rarest one at least.
        ratio: Of the most to the least frequent symbol, met within a twentieth; None leaves it as it comes.
        balanced: Draw such that the symbols occur as evenly as a search finds. Not with a ratio.
        seed: Same labels and seed, same subset.

    Raises:
        DataError: That is not possible; the message says what is.
    """
    if min(samples, symbols, min_count) < 1 or (ratio is not None and ratio < 1):
        raise DataError("samples, symbols, the minimum count and the ratio must be 1 or more")
    if balanced and ratio is not None:
        raise DataError("a subset is balanced or has a ratio, not both")
    pool, dropped = _closed(labels, samples, symbols)
    counts = symbol_counts(pool.values())
    rarest = min(counts, key=lambda symbol: (counts[symbol], symbol))
    if counts[rarest] < min_count:
        raise DataError(
            f"{rarest} occurs {counts[rarest]} times in the {len(pool)} samples that have {symbols} symbols, "
            f"less than the minimum of {min_count}; ask for fewer symbols or for a lower minimum"
        )
    drawing = _drawn(pool, samples, min_count, balanced, seed)
    if balanced:
        drawing.even_out()
    if ratio is not None:
        drawing.bend(ratio, min_count)
    chosen = tuple(sorted(drawing.chosen))
    return Subset(chosen, symbol_counts(pool[sample] for sample in chosen), len(pool), tuple(dropped))


def draw_flat(labels: Labels, *, symbols: Collection[str], samples: int, seed: int = 1) -> list[str]:
    """Draw samples of these symbols alone such that all of them occur as evenly as can be.

    Each time one is taken that holds the symbol that occurs least so far, of a few such the one whose symbols
    occur least.

    Args:
        labels: Id -> semantic label, of samples that may be taken.
        symbols: The symbols that they may have.
        samples: How many.
        seed: Same labels and seed, same samples.

    Returns:
        The ids, sorted.

    Raises:
        DataError: There are fewer such samples.
    """
    known = frozenset(symbols)
    pool = {sample: label for sample, label in sorted(labels.items()) if known.issuperset(label)}
    if len(pool) < samples:
        raise DataError(f"{len(pool)} samples have these {len(known)} symbols alone; {samples} are asked for")
    drawing = _Drawing(pool, Random(f"flat {seed}"))
    drawing.level(samples)
    return sorted(drawing.chosen)


def draw_imbalance(labels: Labels, chosen: Collection[str], *, samples: int, seed: int = 1) -> list[str]:
    """The seed study's imbalance test set: `draw_flat` of sources that none of the chosen samples is from.

    Raises:
        DataError: There are fewer samples of the chosen ones' symbols there.
    """
    taken = {source_of(each) for each in chosen}
    others = {each: label for each, label in labels.items() if source_of(each) not in taken}
    symbols = symbol_counts(labels[each] for each in chosen)
    return draw_flat(others, symbols=symbols, samples=samples, seed=seed)


def imbalance_ratio(counts: Counter[str]) -> float:
    """Occurrences of the most frequent symbol over those of the least frequent one; 1 where there is none."""
    return max(counts.values()) / min(counts.values()) if counts else 1.0


def subset_lines(subset: Subset) -> Iterable[str]:
    """What was drawn, for a reader."""
    values = subset.to_json()
    first, *_, last = values["counts"].items()
    yield "{samples} of {pool} samples that are closed under {symbols} symbols".format(**values)
    yield f"{first[0]} {first[1]} times to {last[0]} {last[1]} times: ratio {values['imbalance_ratio']:g}"
    gone = sum(each.samples for each in subset.dropped)
    yield f"{len(subset.dropped)} symbols were dropped, the rarest of all first, and {gone} samples with them"


def _closed(labels: Labels, samples: int, symbols: int) -> tuple[dict[str, Sequence[str]], list[Dropped]]:
    """The samples that are left when the rarest symbols are gone, and what went."""
    left = dict(sorted(labels.items()))
    counts = symbol_counts(left.values())
    holders = _holders(left)
    dropped: list[Dropped] = []
    fewest = len(counts)  # symbols with which enough samples were left
    while len(counts) > symbols:
        symbol, gone = _next_to_go(left, counts, holders, symbols)
        dropped.append(Dropped(symbol, counts[symbol], len(gone)))
        for sample in gone:
            counts.subtract(left.pop(sample))
        counts = +counts  # without those that went with it
        fewest = len(counts) if len(left) >= samples else fewest
    if len(counts) < symbols:
        raise DataError(f"the set has {len(counts)} symbols; {symbols} were asked for")
    if len(left) < samples:
        raise DataError(
            f"{len(left)} samples are closed under {symbols} symbols, and {samples} were asked for; "
            f"possible are {len(left)} samples, or {fewest} symbols"
        )
    return left, dropped


def _next_to_go(
    left: Labels, counts: Counter[str], holders: Mapping[str, Sequence[str]], symbols: int
) -> tuple[str, list[str]]:
    """The rarest symbol without which enough others are left, and its samples."""
    for symbol in sorted(counts, key=lambda each: (counts[each], each)):
        gone = [sample for sample in holders[symbol] if sample in left]
        lost = symbol_counts(left[sample] for sample in gone)
        if len(counts) - sum(lost[each] == counts[each] for each in lost) >= symbols:
            return symbol, gone
    raise DataError(
        f"no subset has exactly {symbols} symbols: of {len(counts)} every one takes others with it; "
        f"ask for {len(counts)}"
    )


def _holders(labels: Labels) -> dict[str, list[str]]:
    """Symbol -> the samples that hold it, in their order."""
    holders = defaultdict(list)
    for sample, label in labels.items():
        for symbol in dict.fromkeys(label):
            holders[symbol].append(sample)
    return holders


def _drawn(pool: Labels, samples: int, min_count: int, balanced: bool, seed: int) -> "_Drawing":
    """So many samples of the pool, in which no symbol is rarer than the minimum."""
    if balanced:
        drawing = _Drawing(pool, Random(seed))
        drawing.level(samples)
        if min(drawing.counts[symbol] for symbol in drawing.holders) >= min_count:
            return drawing
    drawing = _Drawing(pool, Random(seed))
    order = drawing.random.sample(list(pool), len(pool))
    drawing.draw_rarest(order, samples, min_count)
    if balanced:
        drawing.level(samples)
    else:
        drawing.fill(order, samples)
    return drawing


class _Drawing:
    """Samples that are chosen, and how often each symbol occurs in them."""

    def __init__(self, pool: Labels, random: Random) -> None:
        self.pool, self.random = pool, random
        self.holders = _holders(pool)
        self.chosen: dict[str, None] = {}  # a set that keeps its order, so that a seed means something
        self.counts: Counter[str] = Counter()

    def draw_rarest(self, order: Sequence[str], samples: int, min_count: int) -> None:
        """Choose in this order until no symbol is rarer than the minimum, the samples of the rarest first."""
        place = {sample: number for number, sample in enumerate(order)}
        for symbol in sorted(self.holders, key=lambda each: (len(self.holders[each]), each)):
            for sample in sorted(self.holders[symbol], key=place.__getitem__):
                if self.counts[symbol] >= min_count:
                    break
                self._take(sample)
        if len(self.chosen) > samples:
            raise DataError(
                f"{len(self.chosen)} samples are needed for {min_count} occurrences of every symbol; "
                f"ask for as many, or for a lower minimum"
            )

    def fill(self, order: Sequence[str], samples: int) -> None:
        """Choose more, in this order."""
        for sample in order:
            if len(self.chosen) == samples:
                return
            self._take(sample)

    def level(self, samples: int) -> None:
        """Choose more: each time one with the symbol that occurs least, of a few the one of the rarest."""
        free = {symbol: [s for s in held if s not in self.chosen] for symbol, held in self.holders.items()}
        counts, pool = self.counts, self.pool
        while len(self.chosen) < samples:
            rarest = min((s for s in free if free[s]), key=lambda symbol: (counts[symbol], symbol))
            few = self.random.sample(free[rarest], min(_TRIED, len(free[rarest])))
            best = min(few, key=lambda sample: sum(counts[s] for s in pool[sample]) / len(pool[sample]))
            self._take(best)
            for symbol in dict.fromkeys(pool[best]):
                free[symbol].remove(best)

    def bend(self, ratio: float, min_count: int) -> None:
        """Exchange samples until the most frequent symbol occurs `ratio` times as often as the rarest."""
        for _ in range(_EXCHANGES * len(self.chosen)):
            rarest, most_frequent = self._ends()
            now = self.counts[most_frequent] / self.counts[rarest]
            if abs(now / ratio - 1) <= _CLOSE_ENOUGH:
                return
            flatter = now > ratio
            if not (self._flatter(rarest, most_frequent) if flatter else self._steeper(rarest, min_count)):
                break
        raise DataError(f"a ratio of {ratio:g} cannot be met with this pool and minimum; {now:.3g} can")

    def even_out(self) -> None:
        """Exchange samples until that makes the ends no flatter; what is kept is the evenest on the way."""
        least, kept = imbalance_ratio(self.counts), list(self.chosen)
        for _ in range(_EXCHANGES * len(self.chosen)):
            if not self._flatter(*self._ends()):
                break
            if (now := imbalance_ratio(self.counts)) < least:
                least, kept = now, list(self.chosen)
        self.chosen = dict.fromkeys(kept)
        self.counts = symbol_counts(self.pool[sample] for sample in kept)

    def _ends(self) -> tuple[str, str]:
        """The rarest and the most frequent symbol."""
        ranked = sorted(self.counts, key=lambda symbol: (self.counts[symbol], symbol))
        return ranked[0], ranked[-1]

    def _flatter(self, rarest: str, most_frequent: str) -> bool:
        """A sample with the rarest symbol for one without it that has many of the most frequent one."""
        floor = self.counts[rarest]
        into = [sample for sample in self.holders[rarest] if sample not in self.chosen]
        out = [sample for sample in self.chosen if rarest not in self.pool[sample]]
        out = self.random.sample(out, min(_TRIED, len(out)))
        out.sort(key=lambda sample: -self.pool[sample].count(most_frequent))
        return self._exchange(out, into, floor) or self._fewer(most_frequent, floor)

    def _fewer(self, symbol: str, floor: int) -> bool:
        """A sample with many of a symbol for one with as few as any has that is left."""
        free = [sample for sample in self.pool if sample not in self.chosen]
        fewest = min((self.pool[sample].count(symbol) for sample in free), default=0)
        into = [sample for sample in free if self.pool[sample].count(symbol) == fewest]
        out = [sample for sample in self.chosen if self.pool[sample].count(symbol) > fewest]
        out = self.random.sample(out, min(_TRIED, len(out)))
        out.sort(key=lambda sample: -self.pool[sample].count(symbol))
        return self._exchange(out, into, floor)

    def _steeper(self, rarest: str, min_count: int) -> bool:
        """A sample without the rarest symbol for one that has it."""
        out = [sample for sample in self.holders[rarest] if sample in self.chosen]
        into = [s for s in self.pool if s not in self.chosen and rarest not in self.pool[s]]
        return self._exchange(self.random.sample(out, min(_TRIED, len(out))), into, min_count)

    def _exchange(self, out: Sequence[str], into: Sequence[str], floor: int) -> bool:
        """The first of some samples that can go for another one; no symbol may fall below the floor."""
        if not into:
            return False
        for gone in out:
            come = self.random.choice(into)
            after = self.counts.copy()
            after.update(self.pool[come])
            after.subtract(self.pool[gone])
            if all(after[symbol] >= floor for symbol in self.pool[gone]):
                self.counts = after
                del self.chosen[gone]
                self.chosen[come] = None
                return True
        return False

    def _take(self, sample: str) -> None:
        if sample not in self.chosen:
            self.chosen[sample] = None
            self.counts.update(self.pool[sample])
