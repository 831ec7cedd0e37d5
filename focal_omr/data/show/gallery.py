"""The figures of a data set, rendered, with captions and alternative texts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from focal_omr.data.frequency import BINS, frequency_bins
from focal_omr.data.show.cloud import cloud_figure
from focal_omr.data.show.curves import curves_figure, imbalance_figure
from focal_omr.data.show.drawing import Counts, render
from focal_omr.data.show.figures import bar_figure, bins_figure, box_figure, frequency_figure, waffle_figure
from focal_omr.data.show.summary import dominance, ranked
from focal_omr.encodings.names import symbol_name

__all__ = ["RenderedFigure", "render_figures"]


@dataclass(frozen=True)
class RenderedFigure:
    """A rendered figure.

    Attributes:
        name: Name of its files, without suffix.
        alt: Alternative text.
        caption: Caption.
        png: Content of the PNG file.
        svg: Content of the SVG file.
    """

    name: str
    alt: str
    caption: str
    png: bytes
    svg: bytes


def render_figures(counts: Counts, parts: Mapping[str, Counts], *, min_count: int) -> list[RenderedFigure]:
    """Render all figures of a data set.

    Args:
        counts: Occurrences of each symbol in the selected samples.
        parts: The same in "sampled", "train", "test" and optionally "imbalance"; empty without a split.
        min_count: Minimum number of occurrences, drawn as a line.
    """
    first, last = ranked(counts)[0], ranked(counts)[-1]
    spread = f"from {symbol_name(first)} ({counts[first]:,}) to {symbol_name(last)} ({counts[last]:,})"
    bins = Counter(frequency_bins(counts).values())
    sizes = ", ".join(f"{bins[name]} {name}" for name in BINS)
    means = dominance(parts.get("train", counts))
    shares = ", ".join(f"{name} {mean / sum(means.values()):.1%}" for name, mean in means.items())
    out = [
        _render(
            "frequency-linear",
            f"Curve of the symbols' occurrences in falling order, {spread}, on a linear axis.",
            "Occurrences of each symbol.",
            partial(frequency_figure, counts, log=False),
        ),
        _render(
            "frequency-log",
            f"Curve of the symbols' occurrences in falling order, {spread}, on a log axis.",
            "The same on a log axis, which separates the rare symbols.",
            partial(frequency_figure, counts, log=True),
        ),
        _render(
            "bins",
            f"The falling curve in three zones: {sizes} symbols; lines at both percentiles and the median.",
            "The first tenth of the symbols is HF (high frequency), the last tenth LF (low frequency).",
            partial(bins_figure, counts),
        ),
        _render(
            "bars",
            f"A bar for each of {len(counts)} symbols, {spread}, coloured by bin.",
            "Each symbol's occurrences, coloured by its bin.",
            partial(bar_figure, counts),
        ),
        _render(
            "box",
            f"Box plot of the occurrences on a log axis; outside the whiskers lie {bins['HF']} HF and "
            f"{bins['LF']} LF symbols.",
            "Half of the symbols lie in the box, four fifths between the whiskers; HF and LF are outside.",
            partial(box_figure, counts),
        ),
        _render(
            "waffle",
            f"400 tiles in proportion to the mean occurrences of a symbol of each bin: {shares}.",
            "Share of the mean HF, normal and LF symbol in "
            f"{'the training part' if parts else 'the data set'}; one tile is 0.25 %.",
            partial(waffle_figure, parts.get("train", counts)),
        ),
        _render(
            "cloud",
            f"Word cloud of the symbols, {spread}.",
            "Symbols sized by their occurrences and coloured by bin.",
            partial(cloud_figure, counts),
        ),
    ]
    return [*out, *_render_split(parts, min_count)]


def _render_split(parts: Mapping[str, Counts], min_count: int) -> Iterator[RenderedFigure]:
    if parts:
        yield _render(
            "curves",
            f"Curves of the symbols' occurrences: sampled, training, testing; a line at {min_count}.",
            f"Symbols below the line at {min_count} are too rare for an error rate of their own.",
            partial(curves_figure, parts["sampled"], parts["train"], parts["test"], min_count=min_count),
        )
    if "imbalance" in parts:
        yield _render(
            "imbalance",
            "Curves of the symbols' occurrences in the ordinary test set and in the imbalance test set.",
            "The ordinary test follows the frequencies of training; the imbalance test is level.",
            partial(imbalance_figure, parts["test"], parts["imbalance"], sampled=parts["sampled"]),
        )


def _render(name: str, alt: str, caption: str, draw: Callable[[], Figure]) -> RenderedFigure:
    return RenderedFigure(name, alt, caption, *render(draw))
