"""Figures of a split: symbol frequencies of its parts, against each other and against the minimum."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from focal_omr.data.show.drawing import INK, Counts, new_axes, set_count_axis, symbols_text
from focal_omr.data.show.summary import ranked
from focal_omr.data.subset import imbalance_ratio

__all__ = ["curves_figure", "imbalance_figure"]

_LINES = ("#000000", "#0072B2", "#D55E00")  # the first is the whole set, the others are its parts
_DASHES = ("-", "--", ":")
_MAX_MARKERS = 100  # symbols, above which a curve has no markers


def curves_figure(sampled: Counts, train: Counts, test: Counts, *, min_count: int) -> Figure:
    """Draw the occurrences in the sampled, training and test sets, with a line at the minimum.

    Args:
        sampled: Occurrences of each symbol in the sampled set.
        train: The same in the training set.
        test: The same in the test set.
        min_count: The minimum number of occurrences.
    """
    figure, axes = new_axes("Sampled, training and testing")
    symbols = _all_symbols(sampled, train, test)
    for place, (name, counts) in enumerate((("sampled", sampled), ("training", train), ("testing", test))):
        below = sum(counts.get(symbol, 0) < min_count for symbol in symbols)
        words = f"{name}, {below:,} of {symbols_text(len(symbols))} below {min_count}"
        _curve(axes, symbols, counts, place, words)
    axes.axhline(min_count, color=INK, linewidth=1)
    axes.annotate(
        f"minimum {min_count}",
        (0.01, min_count),
        (0, -3),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        va="top",
    )
    set_count_axis(axes, np.append(_all_counts(symbols, sampled, train, test), min_count))
    axes.set_xlabel("symbols, the most frequent of the sampled set first")
    axes.legend(frameon=False)
    return figure


def imbalance_figure(test: Counts, imbalance: Counts, *, sampled: Counts) -> Figure:
    """Draw the occurrences in the ordinary test set, which follows training, and in the imbalance test set.

    Args:
        test: Occurrences of each symbol in the ordinary test set.
        imbalance: The same in the imbalance test set.
        sampled: The same in the sampled set, which orders the symbols.
    """
    figure, axes = new_axes("Imbalance test against ordinary test")
    symbols = _all_symbols(sampled, test, imbalance)
    for place, (name, counts) in enumerate((("ordinary test", test), ("imbalance test", imbalance)), 1):
        ratio = imbalance_ratio(+Counter(counts))
        _curve(axes, symbols, counts, place, f"{name}, most to least frequent {ratio:,.1f}")
    set_count_axis(axes, _all_counts(symbols, test, imbalance))
    axes.set_xlabel("symbols, the most frequent of the sampled set first")
    axes.legend(frameon=False)
    return figure


def _all_symbols(sampled: Counts, *parts: Counts) -> list[str]:
    """Symbols of a set and its parts, most frequent in the set first; symbols of a part alone come last."""
    every = {symbol: 0 for counts in parts for symbol in counts}
    return ranked({**every, **sampled})


def _all_counts(symbols: Sequence[str], *parts: Counts) -> np.ndarray:
    """(N,) occurrences of all symbols in all parts."""
    return np.array([counts.get(symbol, 0) for counts in parts for symbol in symbols])


def _curve(axes: Axes, symbols: Sequence[str], counts: Counts, place: int, label: str) -> None:
    axes.plot(
        range(1, len(symbols) + 1),
        [counts.get(symbol, 0) for symbol in symbols],
        color=_LINES[place],
        linestyle=_DASHES[place],
        marker="os^"[place] if len(symbols) <= _MAX_MARKERS else "",
        markersize=4,
        linewidth=1.5,
        label=label,
    )
