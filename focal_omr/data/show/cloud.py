"""Word cloud of symbols, sized by frequency and coloured by bin."""

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
_MAX_WORDS = 150
_SEED = 1


def cloud_figure(counts: Mapping[str, int]) -> Figure:
    """Draw the word cloud of the most frequent symbols.

    The layout is `wordcloud`'s; the words are drawn as outlines. Its own SVG contains text, which breaks
    where the font is not installed.
    """
    # Not wordcloud's default font, which lacks sharps and flats.
    font = str(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))
    colours = {symbol_name(symbol): BIN_COLOURS[name] for symbol, name in frequency_bins(counts).items()}
    width, height = _SIZE_PX
    cloud = WordCloud(
        font_path=font,
        width=width,
        height=height,
        max_words=_MAX_WORDS,
        min_font_size=14,
        max_font_size=150,  # larger, the barline leaves no room for other symbols
        prefer_horizontal=1.0,
        random_state=_SEED,
        relative_scaling=0.5,
        margin=6,
    )
    cloud.generate_from_frequencies({symbol_name(symbol): counts[symbol] for symbol in sorted(counts)})
    figure = Figure(figsize=(width / _PX_PER_IN, height / _PX_PER_IN))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    for (word, _), size_px, (top, left), _, _ in cloud.layout_:
        metrics = truetype(font, size_px)
        baseline = top + metrics.getmetrics()[0] - metrics.getbbox(word)[1]  # `top` is the top of the ink
        path = TextPath((0, 0), word, size=size_px, prop=FontProperties(fname=font))
        place = Affine2D().scale(1, -1).translate(left, baseline)
        axes.add_patch(PathPatch(place.transform_path(path), facecolor=colours[word], linewidth=0))
    return figure
