"""A word cloud of symbols: the more frequent, the larger, coloured by bin."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D
from PIL.ImageFont import truetype
from wordcloud import WordCloud

from focal_omr.data.frequency import frequency_bins
from focal_omr.data.show.drawing import BIN_COLOURS
from focal_omr.encodings.names import symbol_name

__all__ = ["cloud_figure"]

_SIZE_PX = (1200, 700)
_PX_PER_IN = 150
_MOST_WORDS = 150
_SEED = 1


def cloud_figure(counts: Mapping[str, int]) -> Figure:
    """The cloud of the most frequent symbols.

    The package finds the places; the words are drawn here as outlines. Its own SVG is of text, which falls
    apart where its font is not installed.
    """
    # The package's own font lacks sharps and flats.
    font = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    colours = {symbol_name(symbol): BIN_COLOURS[name] for symbol, name in frequency_bins(counts).items()}
    width, height = _SIZE_PX
    figure = Figure(figsize=(width / _PX_PER_IN, height / _PX_PER_IN))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for (word, _), size_px, (top, left), _, _ in _cloud(counts, font).layout_:
        metrics = truetype(font, size_px)
        baseline = top + metrics.getmetrics()[0] - metrics.getbbox(word)[1]  # `top` is that of the ink
        path = TextPath((0, 0), word, size=size_px, prop=FontProperties(fname=font))
        place = Affine2D().scale(1, -1).translate(left, baseline)
        axes.add_patch(PathPatch(place.transform_path(path), facecolor=colours[word], linewidth=0))
    return figure


def _cloud(counts: Mapping[str, int], font: str) -> WordCloud:
    cloud = WordCloud(
        font_path=font,
        width=_SIZE_PX[0],
        height=_SIZE_PX[1],
        max_words=_MOST_WORDS,
        min_font_size=14,
        max_font_size=150,  # else the barline leaves room for nothing
        prefer_horizontal=1.0,
        random_state=_SEED,
        relative_scaling=0.5,
        margin=6,
    )
    return cloud.generate_from_frequencies({symbol_name(symbol): counts[symbol] for symbol in sorted(counts)})
