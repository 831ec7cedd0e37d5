"""Symbol frequencies and the frequency bins of the imbalance study: HF (high), normal, LF (low)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

# The most frequent tenth of the symbols is HF, the rarest tenth LF, the rest normal.
# Source: the seed study, doi 10.1109/PuneCon46936.2019.9105720 (60 symbols: 6 / 48 / 6).
BIN_SHARE = 0.1
BINS = ("HF", "normal", "LF")
LEAST_COUNT = 10  # minimum occurrences for a meaningful error rate of a symbol, as in the seed study


def symbol_counts(labels: Iterable[Sequence[str]]) -> Counter[str]:
    """Count the occurrences of every symbol over all labels."""
    return Counter(symbol for label in labels for symbol in label)


def frequency_bins(counts: Mapping[str, int], *, least: int = 1) -> dict[str, str]:
    """Assign a bin to each symbol that occurs at least `least` times.

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
    """Find symbols below a minimum count.

    Args:
        counts: Occurrences of each symbol.
        symbols: The symbols to check, which may be missing in `counts`.
        least: The minimum count.

    Returns:
        Symbol -> occurrences of those below the minimum, the rarest first.
    """
    rare = {symbol: counts.get(symbol, 0) for symbol in symbols if counts.get(symbol, 0) < least}
    return dict(sorted(rare.items(), key=lambda pair: (pair[1], pair[0])))
