"""How often symbols occur, and the bins that the imbalance study speaks of: frequent, normal, rare."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

# Of the symbols sorted by frequency, the first tenth is HF, the last tenth LF, what is between is normal.
# Source: the seed study, doi 10.1109/PuneCon46936.2019.9105720 (60 symbols: 6 / 48 / 6).
BIN_SHARE = 0.1
BINS = ("HF", "normal", "LF")
LEAST_COUNT = 10  # occurrences from which on a symbol's own error rate means something; the seed study's too


def symbol_counts(labels: Iterable[Sequence[str]]) -> Counter[str]:
    """Occurrences of every symbol over all labels."""
    return Counter(symbol for label in labels for symbol in label)


def frequency_bins(counts: Mapping[str, int], *, least: int = 1) -> dict[str, str]:
    """Symbol -> bin, of the symbols that occur `least` times or more.

    Ties are broken by name, so that the bins do not depend on the order of the samples.
    """
    usual = [symbol for symbol in counts if counts[symbol] >= least]
    ranked = sorted(usual, key=lambda symbol: (-counts[symbol], symbol))
    size = max(1, round(BIN_SHARE * len(ranked)))
    bins = {}
    for rank, symbol in enumerate(ranked):
        bins[symbol] = "HF" if rank < size else "LF" if rank >= len(ranked) - size else "normal"
    return bins


def too_rare(counts: Mapping[str, int], symbols: Iterable[str], least: int) -> dict[str, int]:
    """Those of the symbols that occur less than `least` times, and how often they do; the rarest first."""
    rare = {symbol: counts.get(symbol, 0) for symbol in symbols if counts.get(symbol, 0) < least}
    return dict(sorted(rare.items(), key=lambda pair: (pair[1], pair[0])))
