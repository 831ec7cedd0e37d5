"""The figures of a split: curves of its parts against each other and against the minimum."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from focal_omr.data.show.drawing import INK, Counts, axis_of_counts, new_axes, symbols_in_words
from focal_omr.data.show.summary import ranked
from focal_omr.data.subset import imbalance_ratio

__all__ = ["curves_figure", "imbalance_figure"]

_LINES = ("#000000", "#0072B2", "#D55E00")  # the first is what the others are parts of
_DASHES = ("-", "--", ":")
_MOST_MARKERS = 100  # symbols of which a curve shows each one


def curves_figure(sampled: Counts, train: Counts, test: Counts, *, min_count: int) -> Figure:
    """Occurrences in the sampled set, in training and in testing, against the minimum."""
    figure, axes = new_axes("Sampled, training and testing")
    symbols = _all_symbols(sampled, train, test)
    for place, (name, counts) in enumerate((("sampled", sampled), ("training", train), ("testing", test))):
        below = sum(counts.get(symbol, 0) < min_count for symbol in symbols)
        words = f"{name}, {below:,} of {symbols_in_words(len(symbols))} below {min_count}"
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
    axis_of_counts(axes, np.append(_together(symbols, sampled, train, test), min_count))
    axes.set_xlabel("symbols, the most frequent of the sampled set first")
    axes.legend(frameon=False)
    return figure


def imbalance_figure(test: Counts, imbalance: Counts, *, sampled: Counts) -> Figure:
    """Occurrences in the ordinary test set, which follows training, and in the imbalance test set."""
    figure, axes = new_axes("Imbalance test against ordinary test")
    symbols = _all_symbols(sampled, test, imbalance)
    for place, (name, counts) in enumerate((("ordinary test", test), ("imbalance test", imbalance)), 1):
        ratio = imbalance_ratio(+Counter(counts))
        _curve(axes, symbols, counts, place, f"{name}, most to least frequent {ratio:,.1f}")
    axis_of_counts(axes, _together(symbols, test, imbalance))
    axes.set_xlabel("symbols, the most frequent of the sampled set first")
    axes.legend(frameon=False)
    return figure


def _all_symbols(sampled: Counts, *parts: Counts) -> list[str]:
    """The symbols of a set and its parts, in the set's order; what only a part has comes last."""
    every = {symbol: 0 for counts in parts for symbol in counts}
    return ranked({**every, **sampled})


def _together(symbols: Sequence[str], *parts: Counts) -> np.ndarray:
    """(N,) the occurrences of all symbols in all parts."""
    return np.array([counts.get(symbol, 0) for counts in parts for symbol in symbols])


def _curve(axes: Axes, symbols: Sequence[str], counts: Counts, place: int, label: str) -> None:
    axes.plot(
        range(1, len(symbols) + 1),
        [counts.get(symbol, 0) for symbol in symbols],
        color=_LINES[place],
        linestyle=_DASHES[place],
        marker="os^"[place] if len(symbols) <= _MOST_MARKERS else "",
        markersize=4,
        linewidth=1.5,
        label=label,
    )
