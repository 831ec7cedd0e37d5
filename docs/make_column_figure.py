"""Draws `images/columns.png`: a staff, where its columns stand, and the factor values that each of them has.

.venv/bin/pip install -c constraints.txt -e '.[render,lab]'
.venv/bin/python docs/make_column_figure.py
"""

from pathlib import Path
from random import Random

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from focal_omr.data.degrade.augment import plain_strip
from focal_omr.data.engraving.render_systems import staff_records
from focal_omr.data.music.score_stream import MusicSource
from focal_omr.encodings.column_factors import FACTORS, STEMS_AT, column_factors
from focal_omr.encodings.columns import STEMS, Column, SignColumn
from focal_omr.images.load import decode_gray
from focal_omr.runtime.atomic_files import atomic_file
from focal_omr.score.score import Clef, Key

OUT = Path(__file__).parent / "images" / "columns.png"
SEED = 7
SIDE_PX, SCALE, MARGIN_PX = 60, 0.8, 8  # of a staff image; strip pixels per pixel of it; of a strip


def main() -> None:
    """Draw the first staff of the stream with 10 to 14 columns, a chord, two voices and an accidental."""
    for record in staff_records(Random(SEED), MusicSource(rare=0.0).stream(SEED), "x"):
        names = [_names(column) for column in record.columns]
        third = any("third" in name for own in names for name in own)
        two = any({"up", "down"} <= {name.partition(".")[0] for name in own} for own in names)
        chord = any(sum(".head" in name for name in own) > 2 for own in names)
        accidental = any("accidental" in name for own in names for name in own)
        if 10 <= len(names) <= 14 and chord and two and accidental and not third:
            break
    strip = plain_strip(decode_gray(record.png, name=record.id, dark_on_light=True))
    figure = _figure(strip, [SCALE * (x - SIDE_PX) + MARGIN_PX for x in record.xs], names)
    with atomic_file(OUT) as file:
        figure.savefig(file, dpi=110, format="png")


def _names(column: Column) -> list[str]:
    """The values of a column that say more than "nothing"."""
    if isinstance(column, SignColumn):
        value = column.value
        named = {Clef: lambda v: f"{v.shape}{v.line}", Key: lambda v: f"{v.fifths:+d}"}
        return [f"kind = {column.kind} {named.get(type(value), str)(value)}"[:34]]
    pairs = zip(FACTORS, column_factors(column), strict=True)
    return [
        "kind = notes",
        *(
            f"{f.name} = {_text(f.values[value])}"
            for f, value in pairs
            if value > 0 and f.name not in ("kind", "advance")
        ),
    ]


def _text(value: object) -> str:
    """A value; stems at a position by name."""
    if isinstance(value, tuple) and value in STEMS_AT:
        return " and ".join(STEMS[stem] for stem in value)
    return str(value)


def _figure(strip: np.ndarray, xs: list[float], names: list[list[str]]) -> Figure:
    rows = list(dict.fromkeys(name for own in names for name in own))
    rows.sort(key=lambda name: (not name.startswith("kind"), name[0].isdigit() or name[0] == "-"))
    matplotlib.rcParams["font.size"] = 8
    figure = Figure(figsize=(9, 1.9 + 0.16 * len(rows)), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.5, 0.16 * len(rows)))
    above.imshow(1 - strip, cmap="gray", aspect="auto")
    above.set_axis_off()
    for axis in (above, below):
        for x in xs:
            axis.axvline(x, color="tab:red", linewidth=0.6)
    for x, own in zip(xs, names, strict=True):
        below.plot([x] * len(own), [rows.index(name) for name in own], "s", color="tab:blue", markersize=5)
    below.set_yticks(range(len(rows)), rows)
    below.invert_yaxis()
    below.set_xticks(xs, [str(number) for number in range(1, len(xs) + 1)])
    below.set_xlabel("column")
    below.grid(axis="y", linewidth=0.3)
    return figure


if __name__ == "__main__":
    main()
