"""All figures of a set, drawn: their files, their captions, and what they show in words."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from focal_omr.data.frequency import BINS, frequency_bins
from focal_omr.data.show.cloud import cloud_figure
from focal_omr.data.show.curves import curves_figure, imbalance_figure
from focal_omr.data.show.drawing import Counts, saved
from focal_omr.data.show.figures import bar_figure, bins_figure, box_figure, frequency_figure, waffle_figure
from focal_omr.data.show.summary import dominance, ranked
from focal_omr.encodings.names import symbol_name

__all__ = ["Drawn", "draw_figures"]


@dataclass(frozen=True)
class Drawn:
    """A figure that is drawn.

    Attributes:
        name: Of its files, without a suffix.
        alt: What it shows, for those who do not see it.
        caption: What stands below it.
        png: One file.
        svg: The other.
    """

    name: str
    alt: str
    caption: str
    png: bytes
    svg: bytes


def draw_figures(counts: Counts, parts: Mapping[str, Counts], *, min_count: int) -> list[Drawn]:
    """All figures of a set.

    Args:
        counts: Occurrences of the symbols in the samples that are shown.
        parts: Occurrences in "sampled", "train" and "test", perhaps "imbalance"; empty: no curves of them.
        min_count: The threshold of the curves.
    """
    first, last = ranked(counts)[0], ranked(counts)[-1]
    spread = f"from {symbol_name(first)} ({counts[first]:,}) to {symbol_name(last)} ({counts[last]:,})"
    bins = Counter(frequency_bins(counts).values())
    sizes = ", ".join(f"{bins[name]} {name}" for name in BINS)
    out = [
        _drawn(
            "frequency-linear",
            f"Curve of the symbols' occurrences in falling order, {spread}, on a linear axis.",
            "How often each symbol occurs.",
            partial(frequency_figure, counts, log=False),
        ),
        _drawn(
            "frequency-log",
            f"Curve of the symbols' occurrences in falling order, {spread}, on a log axis.",
            "The same on a log axis, on which the rare symbols can be told apart.",
            partial(frequency_figure, counts, log=True),
        ),
        _drawn(
            "bins",
            f"The falling curve in three zones: {sizes} symbols; lines at both percentiles and the median.",
            "The first tenth of the symbols is HF (high frequency), the last tenth LF (low frequency).",
            partial(bins_figure, counts),
        ),
        _drawn(
            "bars",
            f"A bar for each of {len(counts)} symbols, {spread}, coloured by bin.",
            "Each symbol's occurrences, coloured by its bin.",
            partial(bar_figure, counts),
        ),
        _drawn(
            "box",
            f"Box plot of the occurrences on a log axis; outside the whiskers lie {bins['HF']} HF and "
            f"{bins['LF']} LF symbols.",
            "Half of the symbols lie in the box, four fifths between the whiskers; HF and LF are outside.",
            partial(box_figure, counts),
        ),
        _waffle(parts.get("train", counts), "the training part" if parts else "the set"),
        _drawn(
            "cloud",
            f"Word cloud of the symbols, {spread}.",
            "As many symbols as fit, larger the more often they occur, coloured by bin.",
            partial(cloud_figure, counts),
        ),
    ]
    return [*out, *_part_figures(parts, min_count)]


def _waffle(counts: Counts, where: str) -> Drawn:
    means = dominance(counts)
    whole = sum(means.values())
    shares = ", ".join(f"{name} {mean / whole:.1%}" for name, mean in means.items())
    return _drawn(
        "waffle",
        f"400 tiles shared out by the occurrences of the mean symbol of each bin: {shares}.",
        f"What a network sees of the mean HF, normal and LF symbol of {where}; a tile is 0.25 %.",
        partial(waffle_figure, counts),
    )


def _part_figures(parts: Mapping[str, Counts], min_count: int) -> Iterator[Drawn]:
    if parts:
        train, test = parts["train"], parts["test"]
        yield _drawn(
            "curves",
            f"Curves of the symbols' occurrences: sampled, training, testing; a line at {min_count}.",
            f"Below the line at {min_count} a symbol is too rare for an error rate of its own.",
            partial(curves_figure, parts["sampled"], train, test, min_count=min_count),
        )
    if "imbalance" in parts:
        yield _drawn(
            "imbalance",
            "Curves of the symbols' occurrences in the ordinary test set and in the imbalance test set.",
            "The ordinary test follows the frequencies of training; the imbalance test is as even as can be.",
            partial(imbalance_figure, parts["test"], parts["imbalance"], sampled=parts["sampled"]),
        )


def _drawn(name: str, alt: str, caption: str, draw: Callable[[], Figure]) -> Drawn:
    return Drawn(name, alt, caption, *saved(draw))
