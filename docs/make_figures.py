"""Draws figures of the documentation: recognition with the packaged weights, and training data.

    .venv/bin/pip install -c constraints.txt -e '.[render]'
    .venv/bin/python docs/make_figures.py [MODEL]

`images/first-light.png`: an example image with a box around each recognized symbol, the tokens, and the score
engraved from them.

`images/data-engine.png`: staves rendered from the example tunes, clean like PrIMuS, as scans and as photos,
by the functions that make the training data.
"""

import base64
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr import Document, Recognizer
from focal_omr.data.degrade.augment import KINDS, degraded_image
from focal_omr.data.engraving.render import engrave_staff
from focal_omr.data.staff_image import tight_crop
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Score

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
PICTURE = EXAMPLES / "minuet-in-g" / "minuet-in-g.jpg"
WIDTH_PX = 1600
SPACE_PX = 18
TILE_PX = (150, 640)  # rows, columns of a staff in the picture of the data engine
STAVES = (  # tune, bars of it, strength of the wear
    ("ode-to-joy", 3, 0.3),
    ("minuet-in-g", 3, 0.5),
    ("greensleeves", 4, 0.7),
    ("ode-to-joy", 4, 0.85),
    ("minuet-in-g", 4, 1.0),
)
Gray = NDArray[np.uint8]
_TOKENS_PX, _LINE_PX, _GAP_PX = (
    200,
    15,
    10,
)  # height of the row of symbols; one symbol; paper between the rows
_KIND_COLOURS = {"note": "#1f5fbf", "gracenote": "#1f5fbf", "rest": "#7a3fb0", "barline": "#777777"}
_SIGN_COLOUR = "#b0562a"


def main() -> None:
    """Write the figures."""
    document = Recognizer(model=sys.argv[1] if len(sys.argv) > 1 else "default").read(PICTURE)
    svg = ET.tostring(first_light(document, PICTURE), encoding="unicode")
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", monospace_family="DejaVu Sans Mono")
    write_atomic(HERE / "images" / "first-light.png", bytes(png))
    sheet = data_engine()
    write_atomic(HERE / "images" / "data-engine.png", bytes(cv2.imencode(".png", sheet)[1]))


def data_engine() -> Gray:
    """(H, W) One row per tune with increasing degradation, one column each for clean, scan and photo."""
    columns = [[heading(text)] for text in ("clean", "scan", "photo")]
    for number, (name, bars, strength) in enumerate(STAVES):
        score = load_one_voice(EXAMPLES / name / f"{name}.semantic")
        part = score.parts[0]
        short = Score((replace(part, measures=part.measures[:bars]),))
        for column, kind in zip(columns, KINDS, strict=True):
            # Each image is engraved separately, as in the training data.
            staff_image = engrave_staff(Engraver(), Random(f"{number} {kind}"), short, space_px=SPACE_PX)
            clean = tight_crop(staff_image.gray, space_px=SPACE_PX)
            rng = np.random.default_rng(number)
            degraded = degraded_image(clean, rng, kind=kind, strength=strength, space_px=SPACE_PX)
            column.append(tile(degraded))
    return np.hstack([np.vstack(column) for column in columns])


def heading(text: str) -> Gray:
    """A line of text on a white tile-wide strip."""
    out = np.full((40, TILE_PX[1]), 255, np.uint8)
    cv2.putText(out, text, (12, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 60, 2, cv2.LINE_AA)
    return out


def tile(picture: Gray) -> Gray:
    """An image scaled to fit a white tile."""
    height, width = TILE_PX[0] - 16, TILE_PX[1] - 24
    scale = min(width / picture.shape[1], height / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    out = np.full(TILE_PX, 255, np.uint8)
    top = (TILE_PX[0] - small.shape[0]) // 2
    out[top : top + small.shape[0], 12 : 12 + small.shape[1]] = small
    return out


def first_light(document: Document, picture: Path) -> ET.Element:
    """SVG of an image with symbol boxes; the tokens and the engraved score below."""
    page = document.pages[0]
    scale = WIDTH_PX / page.width
    engraving = engraved(document.score)
    engraving_height = WIDTH_PX * _png_size(engraving)[1] / _png_size(engraving)[0]
    tokens_top = page.height * scale + _GAP_PX
    height = tokens_top + _TOKENS_PX + engraving_height
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(WIDTH_PX),
            "height": f"{height:.0f}",
        },
    )
    kind = "jpeg" if picture.suffix in (".jpg", ".jpeg") else "png"
    _image(svg, picture.read_bytes(), kind, top=0, height=page.height * scale)
    x = 0.0
    for symbol in document.symbols:
        left, top, right, bottom = (scale * side for side in symbol.box)
        colour = _KIND_COLOURS.get(symbol.token.partition("-")[0], _SIGN_COLOUR)
        ET.SubElement(
            svg,
            "rect",
            x=f"{left:.1f}",
            y=f"{top:.1f}",
            width=f"{right - left:.1f}",
            height=f"{bottom - top:.1f}",
            fill=colour,
            attrib={"fill-opacity": "0.2", "stroke": colour, "stroke-width": "1.5"},
        )
        # Rotated text, ending at its symbol; crowded tokens are moved apart.
        x = max((left + right) / 2 + 4, x + _LINE_PX)
        style = {"font-family": "monospace", "font-size": "13", "fill": colour, "text-anchor": "end"}
        text = ET.SubElement(svg, "text", style, transform=f"translate({x:.1f} {tokens_top:.1f}) rotate(-90)")
        text.text = f"{symbol.token} {symbol.confidence:.2f}"
    _image(svg, engraving, "png", top=tokens_top + _TOKENS_PX, height=engraving_height)
    return svg


def engraved(score: Score) -> bytes:
    """PNG of a score on one staff, beamed by its meter."""
    beamed = Score(tuple(beam_by_meter(part) for part in score.parts))
    svg = Engraver(**ONE_STAFF).svg(write_mei(beamed))
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff"))


def _png_size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _image(svg: ET.Element, data: bytes, kind: str, *, top: float, height: float) -> None:
    link = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    ET.SubElement(svg, "image", href=link, y=f"{top:.1f}", width=str(WIDTH_PX), height=f"{height:.1f}")


if __name__ == "__main__":
    main()
