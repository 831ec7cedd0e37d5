"""Statistics of the symbol frequencies of a data set."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from focal_omr.data.frequency import BINS, frequency_bins, symbol_counts
from focal_omr.data.subset import imbalance_ratio

__all__ = ["Summary", "apportion", "dominance", "ranked", "summarise", "summary_rows"]


@dataclass(frozen=True)
class Summary:
    """Statistics of a data set.

    Attributes:
        samples: Number of samples.
        symbols: Occurrences of all symbols.
        distinct: Number of distinct symbols.
        below: Number of these that occur less often than the minimum.
        mean_length: Mean number of symbols per sample.
        ratio: See `subset.imbalance_ratio`.
        entropy: Shannon entropy in bits.
        evenness: Entropy relative to that of a uniform distribution, 0 to 1.
        shares: Bin -> share of all occurrences, 0 to 1.
    """

    samples: int
    symbols: int
    distinct: int
    below: int
    mean_length: float
    ratio: float
    entropy: float
    evenness: float
    shares: Mapping[str, float]

    @property
    def effective(self) -> float:
        """Effective number of symbols: a uniform distribution over this many has the same entropy."""
        return float(2**self.entropy)


def summarise(labels: Collection[Sequence[str]], *, min_count: int) -> Summary:
    """Compute the statistics of labels; there may be none."""
    counts = symbol_counts(labels)
    total = counts.total()
    entropy = sum(count / total * log2(total / count) for count in counts.values())
    most = log2(len(counts)) if counts else 0.0
    bins = frequency_bins(counts)
    in_bin: Counter[str] = Counter()
    for symbol, name in bins.items():
        in_bin[name] += counts[symbol]
    return Summary(
        len(labels),
        total,
        len(counts),
        sum(count < min_count for count in counts.values()),
        total / len(labels) if labels else 0.0,
        imbalance_ratio(counts),
        entropy,
        entropy / most if most else 1.0,
        {name: in_bin[name] / total if total else 0.0 for name in BINS},
    )


def summary_rows(summaries: Sequence[Summary], *, min_count: int) -> Iterator[tuple[str, ...]]:
    """Format a table with one column per summary, as rows of a title and values."""

    def row(head: str, cells: Iterator[str]) -> tuple[str, ...]:
        return head, *cells

    yield row("samples", (f"{each.samples:,}" for each in summaries))
    yield row("symbols, all occurrences", (f"{each.symbols:,}" for each in summaries))
    yield row("distinct symbols", (f"{each.distinct:,}" for each in summaries))
    yield row(f"of these, rarer than {min_count}", (f"{each.below:,}" for each in summaries))
    yield row("symbols a sample", (f"{each.mean_length:.1f}" for each in summaries))
    yield row("imbalance ratio, most to least frequent", (f"{each.ratio:,.1f}" for each in summaries))
    yield row("entropy, bits", (f"{each.entropy:.2f}" for each in summaries))
    yield row("entropy, share of the maximum", (f"{each.evenness:.1%}" for each in summaries))
    yield row("effective number of symbols", (f"{each.effective:.1f}" for each in summaries))
    for name in BINS:
        yield row(f"share of the {name} symbols", (f"{each.shares[name]:.1%}" for each in summaries))


def ranked(counts: Mapping[str, int]) -> list[str]:
    """Sort symbols, the most frequent first; ties by name, as in `frequency_bins`."""
    return sorted(counts, key=lambda symbol: (-counts[symbol], symbol))


def dominance(counts: Mapping[str, int]) -> dict[str, float]:
    """Bin -> mean occurrences of its symbols; 0 for an empty bin.

    Measures how much of training goes to a symbol of a bin, independent of the size of the bin.
    """
    bins = frequency_bins(counts)
    means = {}
    for name in BINS:
        own = [counts[symbol] for symbol in bins if bins[symbol] == name]
        means[name] = sum(own) / len(own) if own else 0.0
    return means


def apportion(amounts: Sequence[float], total: int) -> list[int]:
    """Distribute `total` units in proportion to the amounts, by the largest-remainder method."""
    whole = sum(amounts)
    exact = [amount / whole * total for amount in amounts]
    out = [int(each) for each in exact]
    order = sorted(range(len(out)), key=lambda index: out[index] - exact[index])
    for index in order[: total - sum(out)]:
        out[index] += 1
    return out
