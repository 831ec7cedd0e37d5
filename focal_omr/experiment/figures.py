"""Figures of a study: learning curves, error by frequency bin, differences to the baseline."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from math import isfinite

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, ScalarFormatter

from focal_omr.data.frequency import BINS
from focal_omr.data.show.drawing import new_axes
from focal_omr.experiment.statistics import Difference, LossScores

# The colour-blind-safe palette of Okabe & Ito; from the eighth loss on, dashes and hatches tell them apart.
_COLOURS = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#0072B2", "#CC79A7")
_DASHES = ("-", "--", ":", "-.")
_HATCHES = ("", "//", "..")
_LOG_FLOOR = 0.01  # percent or nats: smaller values are drawn here on a log axis
Curve = Sequence[tuple[float, float]]


def _styles(losses: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Loss -> colour and dashes."""
    pairs = enumerate(zip(losses, cycle(_COLOURS), strict=False))
    return {
        loss: (colour, _DASHES[number // len(_COLOURS) % len(_DASHES)]) for number, (loss, colour) in pairs
    }


def curves(by_loss: Mapping[str, Sequence[Curve]], title: str, ylabel: str, *, log: bool = True) -> Figure:
    """Plot the mean over seeds against steps for each loss, with the range of the seeds shaded.

    Args:
        by_loss: Loss -> one curve of (step, value) per seed.
        title: Title of the figure.
        ylabel: Label of the vertical axis.
        log: Whether both axes are logarithmic.
    """
    figure, axes = new_axes(title)
    styles = _styles(by_loss)
    for loss, seeds in by_loss.items():
        colour, dashes = styles[loss]
        steps = np.array([step for step, _ in min(seeds, key=len)])
        values = np.array([[value for _, value in curve[: len(steps)]] for curve in seeds])
        if log:
            values = np.maximum(values, _LOG_FLOOR)
        axes.plot(steps, values.mean(axis=0), dashes, label=loss, linewidth=1.8, color=colour)
        low, high = values.min(axis=0), values.max(axis=0)
        axes.fill_between(steps, low, high, color=colour, alpha=0.12, linewidth=0)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))
    axes.set_xlabel("steps")
    axes.set_ylabel(ylabel)
    axes.legend(fontsize=9)
    return figure


def bins(scores: Sequence[LossScores], title: str) -> Figure:
    """Plot the SER of frequent, normal and rare symbols for each loss; dots are seeds."""
    figure, axes = new_axes(title)
    styles = _styles(each.loss for each in scores)
    width = 0.8 / len(scores)
    for number, each in enumerate(scores):
        places = np.arange(len(BINS)) + (number - (len(scores) - 1) / 2) * width
        seeds = [each.metrics[f"ser_{name.lower()}"] for name in BINS]
        means = [float(np.mean(values)) for values in seeds]
        hatch = _HATCHES[number // len(_COLOURS) % len(_HATCHES)]
        colour, _ = styles[each.loss]
        axes.bar(places, means, 0.9 * width, label=each.loss, color=colour, alpha=0.75, hatch=hatch)
        for place, values in zip(places, seeds, strict=True):
            axes.plot([place] * len(values), values, "o", color="#333333", markersize=2.5)
    axes.set_xticks(range(len(BINS)), ["most frequent tenth", "between", "rarest tenth"])
    axes.set_xlabel("symbols, by their frequency in training")
    axes.set_ylabel("SER, %")
    axes.legend(fontsize=9)
    return figure


def forest(differences: Sequence[Difference], baseline: str, title: str) -> Figure:
    """Plot each loss's difference to the baseline with its interval; a filled dot is significant.

    Args:
        differences: The comparisons of one test.
        baseline: Name of the baseline.
        title: Title of the figure.
    """
    figure, axes = new_axes(title, (8, 1.4 + 0.45 * len(differences)))
    for row, each in enumerate(reversed(differences)):
        colour = "#D55E00" if each.low > 0 else "#009E73" if each.high < 0 else "#000000"
        if isfinite(each.low):
            axes.plot([each.low, each.high], [row, row], color=colour, linewidth=2)
        inside = colour if each.significant else "white"
        axes.plot([each.points], [row], "o", color=colour, markerfacecolor=inside)
    axes.axvline(0, color="#888888", linewidth=1)
    axes.set_yticks(range(len(differences)), [each.loss for each in reversed(differences)])
    axes.set_xlabel(f"SER minus that of {baseline}, percentage points (left is better)")
    axes.set_ylim(-0.6, len(differences) - 0.4)
    return figure
