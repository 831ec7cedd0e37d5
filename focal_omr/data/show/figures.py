"""Figures of the symbol frequencies of one data set: occurrences in, a Matplotlib figure out.

Source: the figures of the seed study, doi 10.1109/PuneCon46936.2019.9105720.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from focal_omr.data.show.drawing import (
    BIN_COLOURS,
    HATCHES,
    INK,
    MARKERS,
    Counts,
    indices_by_bin,
    new_axes,
    set_count_axis,
    sort_by_count,
    symbols_text,
)
from focal_omr.data.show.summary import apportion, dominance
from focal_omr.encodings.names import symbol_name

__all__ = ["bar_figure", "bins_figure", "box_figure", "frequency_figure", "waffle_figure"]

_WIDE_IN, _FLAT_IN = (13.0, 6.5), (7.5, 2.9)
_MAX_NAMES = 70  # symbol names along the axis that stay legible
_MAX_HATCHED = 150  # bars, above which they are too narrow for a hatch
_SIDE_NAMES = 6  # outliers of the box plot that are named, above and below each
_NAME_GAP = 0.055  # minimum distance of these names, as a share of the axis height
_WAFFLE = (40, 10)  # columns and rows of tiles, as in the seed study
_TILE = np.array([[0.06, 0.06], [0.94, 0.06], [0.94, 0.94], [0.06, 0.94]])  # corners (4, 2) in a unit cell


def frequency_figure(counts: Counts, *, log: bool) -> Figure:
    """Draw the occurrences of the symbols, most frequent first, on a linear or a log axis."""
    scale = "log" if log else "linear"
    figure, axes = new_axes(f"Frequency of {symbols_text(len(counts))}, {scale} axis")
    symbols, values = sort_by_count(counts)
    ranks = np.arange(1, len(symbols) + 1)
    axes.plot(ranks, values, color=INK, linewidth=0.8, zorder=1)
    for name, chosen in indices_by_bin(symbols, counts):
        axes.scatter(
            ranks[chosen],
            values[chosen],
            s=28,
            color=BIN_COLOURS[name],
            marker=MARKERS[name],
            label=f"{name}, {symbols_text(len(chosen))}",
            zorder=2,
        )
    set_count_axis(axes, values, log=log)
    axes.set_xlabel("symbols, the most frequent first")
    axes.legend(frameon=False)
    return figure


def bins_figure(counts: Counts) -> Figure:
    """Draw the bins as zones of the frequency curve, with the 10th and 90th percentile and the median."""
    figure, axes = new_axes("Bins, percentiles and median")
    symbols, values = sort_by_count(counts)
    ranks = np.arange(1, len(symbols) + 1)
    set_count_axis(axes, values)
    for name, chosen in indices_by_bin(symbols, counts):
        left, right = ranks[chosen[0]] - 0.5, ranks[chosen[-1]] + 0.5
        axes.axvspan(left, right, facecolor=BIN_COLOURS[name], alpha=0.15, linewidth=0)
        axes.axvspan(
            left, right, fill=False, hatch=HATCHES[name], edgecolor=BIN_COLOURS[name], alpha=0.3, linewidth=0
        )
        axes.text(
            (left + right) / 2,
            1.01,
            f"{name}\n{len(chosen):,}",
            transform=axes.get_xaxis_transform(),
            ha="center",
            color=BIN_COLOURS[name],
            weight="bold",
        )
    axes.plot(ranks, values, color=INK, linewidth=2)
    for share, words in ((90, "90th percentile"), (50, "median"), (10, "10th percentile")):
        height = float(np.percentile(values, share))
        axes.axhline(height, color=INK, linewidth=1.2, linestyle="--" if share == 50 else ":")
        place = (0.97, "right") if share > 10 else (0.14, "left")
        axes.annotate(
            f"{words}: {height:,.0f}",
            (place[0], height),
            (0, 3),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha=place[1],
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1},
        )
    axes.set_title(axes.get_title(loc="left"), pad=38)
    axes.set_xlim(0.5, len(symbols) + 0.5)
    axes.set_xlabel("symbols, the most frequent first")
    return figure


def bar_figure(counts: Counts) -> Figure:
    """Draw a bar for each symbol on a log axis, coloured by bin; as many are named as stay legible."""
    figure, axes = new_axes("Occurrences of each symbol, log axis", _WIDE_IN)
    symbols, values = sort_by_count(counts)
    set_count_axis(axes, values)
    floor = axes.get_ylim()[0]
    for name, chosen in indices_by_bin(symbols, counts):
        # One polygon for all bars of a bin: a thousand SVG rectangles make the page slow.
        left = np.repeat(chosen, 4) + np.tile([-0.4, -0.4, 0.4, 0.4], len(chosen))
        top = np.stack(
            [np.full(len(chosen), floor), values[chosen], values[chosen], np.full(len(chosen), floor)]
        )
        axes.fill_between(
            left,
            floor,
            top.T.ravel(),
            facecolor=BIN_COLOURS[name],
            hatch=HATCHES[name] if len(symbols) <= _MAX_HATCHED else "",
            edgecolor="white",
            linewidth=0,
            label=f"{name}, {symbols_text(len(chosen))}",
        )
    step = -(-len(symbols) // _MAX_NAMES)
    axes.set_xticks(
        range(0, len(symbols), step),
        [symbol_name(symbol) for symbol in symbols[::step]],
        rotation=90,
        fontsize=11,
    )
    if step > 1:
        axes.set_xlabel(f"1 in {step} of {len(symbols):,} symbols is named")
    axes.grid(False, axis="x")
    axes.set_xlim(-0.8, len(symbols) - 0.2)
    axes.legend(frameon=False)
    return figure


def box_figure(counts: Counts) -> Figure:
    """Draw a box plot of the occurrences on a log axis; the outliers are the bins HF and LF."""
    figure, axes = new_axes("Spread of the frequencies, log axis")
    symbols, values = sort_by_count(counts)
    set_count_axis(axes, values)
    axes.boxplot(
        [values],
        whis=(10, 90),
        showfliers=False,
        widths=0.5,
        patch_artist=True,
        boxprops={"facecolor": "#D6E6F2", "edgecolor": INK},
        medianprops={"color": INK, "linewidth": 2},
    )
    for name, chosen in indices_by_bin(symbols, counts):
        if name == "normal":
            continue
        places = 1 + 0.06 * (np.arange(len(chosen)) % 3 - 1)  # staggered, so that they do not overlap
        axes.scatter(places, values[chosen], s=36, color=BIN_COLOURS[name], marker=MARKERS[name], label=name)
        named = chosen[:_SIDE_NAMES] if name == "HF" else chosen[-_SIDE_NAMES:]
        beside = places[:_SIDE_NAMES] if name == "HF" else places[-_SIDE_NAMES:]
        _label_points(axes, [symbols[index] for index in named], beside, values[named], BIN_COLOURS[name])
    quartiles = np.percentile(values, (75, 50, 25))
    words = ("upper quartile", "median", "lower quartile")
    for word, value, place in zip(words, quartiles, _spread_labels(axes, quartiles), strict=True):
        axes.text(0.33, place, f"{word} {value:,.0f}", transform=axes.transAxes, ha="right", va="center")
    axes.set_xlim(-0.05, 2.3)
    axes.set_xticks([])
    axes.grid(False, axis="x")
    axes.legend(frameon=False, loc="upper left", title="outside the whiskers\n(10th, 90th percentile)")
    return figure


def _label_points(axes: Axes, symbols: Sequence[str], x: np.ndarray, values: np.ndarray, colour: str) -> None:
    """Label points right of the box plot without overlaps, each with a line to its point."""
    heights = _spread_labels(axes, values)
    for place, (symbol, value, height) in enumerate(zip(symbols, values, heights, strict=True)):
        axes.annotate(
            f"{symbol_name(symbol)}, {value:,}",
            (x[place], value),
            (0.6, height),
            textcoords=axes.transAxes,
            va="center",
            fontsize=11,
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.8,
                "relpos": (0, 0.5),
                "shrinkB": 3,
            },
        )


def _spread_labels(axes: Axes, values: np.ndarray) -> list[float]:
    """Heights for labels of values (N,) in descending order, at least `_NAME_GAP` apart; axes coordinates."""
    to_axes = axes.transData + axes.transAxes.inverted()
    places = [float(to_axes.transform((1, value))[1]) for value in values]
    for upper, lower in pairwise(range(len(places))):
        places[lower] = min(places[lower], places[upper] - _NAME_GAP)
    # Labels below the axis are moved up, and push the others up.
    return [max(place, _NAME_GAP * (left + 0.5)) for left, place in enumerate(reversed(places))][::-1]


def waffle_figure(counts: Counts) -> Figure:
    """Draw 400 tiles, shared out in proportion to the mean occurrences of a symbol of each bin."""
    figure, axes = new_axes("Share of the mean symbol of each bin", _FLAT_IN)
    means = dominance(counts)
    columns, rows = _WAFFLE
    shares = apportion(list(means.values()), columns * rows)
    cells = [(column, row) for column in range(columns) for row in range(rows)]
    start = 0
    for name, share in zip(means, shares, strict=True):
        squares = [_TILE + cell for cell in cells[start : start + share]]
        start += share
        axes.add_collection(
            PolyCollection(
                squares,
                facecolors=BIN_COLOURS[name],
                hatch=HATCHES[name],
                edgecolors="white",
                linewidths=0,
            )
        )
    whole = sum(means.values())
    handles = [
        Patch(
            facecolor=BIN_COLOURS[name],
            hatch=HATCHES[name],
            edgecolor="white",
            label=f"{name}: {mean / whole:.1%}\n{mean:,.0f} occurrences",
        )
        for name, mean in means.items()
    ]
    axes.set_xlim(0, columns)
    axes.set_ylim(0, rows)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.legend(handles=handles, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False)
    return figure
