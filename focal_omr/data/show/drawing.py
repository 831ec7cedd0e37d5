"""Common parts of the figures: style, bin colours, the axis of occurrences, and rendering to PNG and SVG.

Figures are made without pyplot, hence without global state or windows. Each bin has a colour (the
colour-blind-safe palette of Okabe & Ito), a hatch and a marker, which also work in black and white.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from focal_omr.data.frequency import BINS, frequency_bins
from focal_omr.data.show.summary import ranked

Counts = Mapping[str, int]

BIN_COLOURS = {"HF": "#D55E00", "normal": "#0072B2", "LF": "#009E73"}
HATCHES = {"HF": "//", "normal": "", "LF": "xx"}
MARKERS = {"HF": "^", "normal": "o", "LF": "v"}
INK, _GRID = "#333333", "#D0D0D0"
_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 14,
    "font.family": "DejaVu Sans",  # ships with Matplotlib and has the accidentals
    "font.size": 12,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.8,
    "svg.hashsalt": "focal-omr",  # otherwise the ids of clips and hatches are random
}
SIZE_IN = (7.5, 5.0)
_DPI = 150
_FEW_DECADES = 300  # ratio of most to least, below which a log axis also has ticks at 2 and 5


@contextmanager
def drawing_style() -> Iterator[None]:
    """Context manager with Matplotlib's defaults and our style, whatever the user's settings are."""
    with style.context(["default", _STYLE]):
        yield


def render(draw: Callable[[], Figure]) -> tuple[bytes, bytes]:
    """Draw a figure and encode it as PNG and SVG; the same figure gives the same bytes."""
    with drawing_style():
        figure = draw()
        png, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=_DPI, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return png.getvalue(), svg.getvalue()


def new_axes(title: str, size_in: tuple[float, float] = SIZE_IN) -> tuple[Figure, Axes]:
    """Create a figure with one pair of axes."""
    figure = Figure(figsize=size_in, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    return figure, axes


def sort_by_count(counts: Counts) -> tuple[list[str], np.ndarray]:
    """Symbols, the most frequent first, and their occurrences (N,)."""
    symbols = ranked(counts)
    return symbols, np.array([counts[symbol] for symbol in symbols])


def indices_by_bin(symbols: Sequence[str], counts: Counts) -> Iterator[tuple[str, np.ndarray]]:
    """Iterate over the non-empty bins: name and indices (N,) into `symbols`."""
    bins = frequency_bins(counts)
    for name in BINS:
        chosen = np.array([index for index, symbol in enumerate(symbols) if bins[symbol] == name], int)
        if len(chosen):
            yield name, chosen


def set_count_axis(axes: Axes, values: np.ndarray, *, log: bool = True) -> None:
    """Set up the vertical axis for occurrences.

    Args:
        axes: The axes.
        values: (N,) occurrences that have to fit.
        log: Whether the axis is logarithmic; it includes 0 only if `values` do.
    """
    least, most = int(values.min()), int(values.max())
    axes.set_ylabel("occurrences")
    if not log:
        axes.set_ylim(0, 1.05 * most)
    elif least == 0:
        axes.set_yscale("symlog", linthresh=1, linscale=0.5)
        axes.set_ylim(-0.15, 1.6 * max(1, most))
    else:
        axes.set_yscale("log")
        axes.set_ylim(0.6 * least, 1.6 * most)
        if most < _FEW_DECADES * least:
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(_thousands)
    axes.xaxis.set_major_formatter(_thousands)


def _thousands(value: float, _: object) -> str:
    return f"{value:,.0f}" if value == round(value) else ""


def symbols_text(count: int) -> str:
    """Format a number of symbols, such as "1,500 symbols"."""
    return f"{count:,} symbol{'s' if count != 1 else ''}"
