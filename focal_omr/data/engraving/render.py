"""Scores engraved as they are printed: Verovio in its five fonts, with what surrounds notes on a page."""

import math
import re
from dataclasses import dataclass, replace
from random import Random
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.data.engraving.furniture import decorate
from focal_omr.data.engraving.glyphs import SVG_UNITS_PER_SPACE, Engraving, read_engraving, token_places
from focal_omr.data.engraving.systems import system_shapes
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import EngraveError
from focal_omr.formats.mei_writer import mei_tree
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Measure, Note, Part, Score

FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
# A plate: the picture training starts from. One staff, its five lines at fixed rows, more paper around it
# than a strip shows, so that the augmentation can move it.
PLATE_SPACE_PX = 10  # distance of two staff lines
PLATE_MARGIN_SPACES = 6  # paper left and right of the staff
PLATE_HALF_SPACES = 7  # paper above and below its middle line
PLATE_HEIGHT_PX = 2 * PLATE_HALF_SPACES * PLATE_SPACE_PX

_OUTER_SIZE = re.compile(r'^<svg width="[^"]*" height="[^"]*"')
_VIEW_BOX = re.compile(r'(class="definition-scale"[^>]*?) viewBox="[^"]*"')
_PAGE = re.compile(r'<g class="page-margin"[^>]*>')


def draw_options(random: Random) -> dict[str, object]:
    """Verovio options of one engraving: a font, and spacing and line widths around their defaults."""
    font = random.choice(FONTS)
    if random.random() < 0.25:
        return {**_DEFAULTS, "font": font}
    return {
        "font": font,
        "spacingLinear": random.uniform(0.12, 0.45),
        "spacingNonLinear": random.uniform(0.45, 0.68),
        "staffLineWidth": random.uniform(0.1, 0.28),
        "stemWidth": random.uniform(0.12, 0.35),
        "barLineWidth": random.uniform(0.15, 0.5),
        "thickBarlineThickness": random.uniform(0.7, 1.3),
        "repeatBarLineDotSeparation": random.uniform(0.25, 0.6),
        "ledgerLineThickness": random.uniform(0.15, 0.4),
        "ledgerLineExtension": random.uniform(0.3, 0.7),
        "tieMidpointThickness": random.uniform(0.25, 0.7),
        "slurMidpointThickness": random.uniform(0.3, 0.8),
        "beamMaxSlope": random.choice((0, 5, 10, 15)),
        "beamFrenchStyle": random.random() < 0.1,
        "graceFactor": random.uniform(0.6, 0.8),
        "multiRestStyle": random.choice(("auto", "auto", "block", "symbols")),
        "multiRestThickness": random.uniform(1.2, 3.0),
        "mnumInterval": random.choice((0, 0, 0, 1, 5)),
        "lyricSize": random.uniform(3.2, 5.5),
        "measureMinWidth": random.choice((8, 15, 15, 25)),
    }


_TIGHT: dict[str, object] = {"spacingLinear": 0.1, "spacingNonLinear": 0.45}
# Every option that may be drawn, so that none stays from the staff before.
_DEFAULTS: dict[str, object] = {
    "spacingLinear": 0.25,
    "spacingNonLinear": 0.6,
    "staffLineWidth": 0.15,
    "stemWidth": 0.2,
    "barLineWidth": 0.3,
    "thickBarlineThickness": 1.0,
    "repeatBarLineDotSeparation": 0.36,
    "ledgerLineThickness": 0.25,
    "ledgerLineExtension": 0.54,
    "tieMidpointThickness": 0.5,
    "slurMidpointThickness": 0.6,
    "beamMaxSlope": 10,
    "beamFrenchStyle": False,
    "graceFactor": 0.75,
    "multiRestStyle": "auto",
    "multiRestThickness": 2.0,
    "mnumInterval": 0,
    "lyricSize": 4.5,
    "measureMinWidth": 15,
}


def draw_beams(random: Random, part: Part) -> Part:
    """Beams by the meter for most staves; none (as in vocal music) or arbitrary pairs for the others."""
    kind = random.random()
    beamed = beam_by_meter(part)
    if kind < 0.75:
        return beamed
    broken = 1.0 if kind < 0.9 else 0.3
    return replace(part, measures=tuple(_unbeamed(random, m, broken) for m in beamed.measures))


def _unbeamed(random: Random, measure: Measure, share: float) -> Measure:
    """The measure with this share of its whole beams taken apart; grace notes keep theirs."""
    events = list(measure.events)
    drop = False
    for index, event in enumerate(events):
        if isinstance(event, Note) and event.beam and not event.grace:
            if event.beam == "start":
                drop = random.random() < share
            if drop:
                events[index] = replace(event, beam=None)
    return replace(measure, events=tuple(events))


@dataclass(frozen=True)
class Plate:
    """One engraved staff.

    Attributes:
        gray: (140, W) ink 0 .. paper 255; the lines lie at rows 50, 60 ... 90, from column 60 to W - 60.
        score: What it shows, with the beams that are drawn.
        xs: For each semantic token of the score the column where it stands (the middle of a note's head, else
            where the sign begins); None where nothing is drawn for it.
        accidental_xs: For each token the column where the accidental printed before that note begins.
    """

    gray: NDArray[np.uint8]
    score: Score
    xs: tuple[float | None, ...] = ()
    accidental_xs: tuple[float | None, ...] = ()


def engrave_plate(
    engraver: Engraver,
    random: Random,
    score: Score,
    *,
    furniture: float = 1.0,
    alone: bool = False,
    widest_spaces: float = math.inf,
    space_px: int = PLATE_SPACE_PX,
) -> Plate:
    """Engrave a score of one part as a plate.

    Args:
        engraver: Its options are changed.
        random: Draws font, line widths, spacing, beams and furniture.
        score: One part.
        furniture: How much of what is not transcribed stands around the notes; 0 nothing, 1 as on most pages.
            Some staves with furniture are continued ones, without the G clef that their notes are read by.
        alone: Whether the staff is the only one of its page: no system's line, no barline that goes on to the
            next staff, no clef left out.
        widest_spaces: A staff that is wider, with its margins, is set as close as crowded systems are.
        space_px: Distance of two staff lines; a plate for training has the usual one.

    Raises:
        EngraveError: Verovio could not draw it, drew something else than the score has, or drew it too wide
            even then.
    """
    score = replace(score, parts=(draw_beams(random, score.parts[0]),))
    tree = mei_tree(score)
    decorate(tree, random, amount=furniture)
    beside = 0.0 if alone else furniture
    hidden = random.random() < 0.04 * beside and _hide_clef(tree)
    svg, engraving = _engraved(
        engraver, ET.tostring(tree, encoding="unicode"), draw_options(random), widest_spaces
    )
    shown = _without_first_event(score) if hidden else score
    places = token_places(engraving, score_to_tokens(shown), first_event=int(hidden))
    shapes, more = system_shapes(engraving, random, amount=beside)
    svg = _framed(_PAGE.sub(lambda page: page[0] + shapes, svg, count=1), engraving, more, space_px)
    xs = tuple(_column(place.x, space_px) for place in places)
    accidental_xs = tuple(_column(place.accidental_x, space_px) for place in places)
    return Plate(rasterised(svg), shown, xs, accidental_xs)


def rasterised(svg: str) -> NDArray[np.uint8]:
    """(H, W) an SVG of the size that it names, ink 0 on paper 255."""
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", serif_family="DejaVu Serif")
    return np.asarray(cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def _engraved(
    engraver: Engraver, mei: str, options: dict[str, object], widest_spaces: float
) -> tuple[str, Engraving]:
    """The SVG and what it shows, set tight if it would be too wide else."""
    for spacing in ({}, _TIGHT):
        engraver.set_options(**ONE_STAFF | options | spacing)
        svg = engraver.svg(mei)
        engraving = read_engraving(svg)
        if _plate_spaces(engraving) <= widest_spaces:
            return svg, engraving
    raise EngraveError(f"the staff is {_plate_spaces(engraving):.0f} spaces wide at its closest")


def _plate_spaces(engraving: Engraving) -> float:
    return (engraving.right - engraving.left) / SVG_UNITS_PER_SPACE + 2 * PLATE_MARGIN_SPACES


def _hide_clef(tree: ET.Element) -> bool:
    """Make the first clef invisible if it is the G clef, by which notes without a clef are read."""
    clef = tree.find(".//staffDef/clef")
    if clef is None or (clef.get("shape"), clef.get("line")) != ("G", "2"):
        return False
    clef.set("visible", "false")
    return True


def _without_first_event(score: Score) -> Score:
    part = score.parts[0]
    first, *rest = part.measures
    return replace(score, parts=(replace(part, measures=(replace(first, events=first.events[1:]), *rest)),))


def _column(x: int | None, space_px: int) -> float | None:
    """SVG units from the staff's left end as a column of the plate."""
    return None if x is None else (x / SVG_UNITS_PER_SPACE + PLATE_MARGIN_SPACES) * space_px


def tight_crop(gray: NDArray[np.uint8], *, space_px: int = PLATE_SPACE_PX) -> NDArray[np.uint8]:
    """The plate without the paper around the staff and its notes, as tight as PrIMuS crops."""
    margin = PLATE_MARGIN_SPACES * space_px
    inner = gray[:, margin : gray.shape[1] - margin]
    rows = np.flatnonzero((inner < 128).any(axis=1))
    return inner[max(0, rows[0] - 4) : rows[-1] + 5]


def _framed(svg: str, engraving: Engraving, more: int, space_px: int) -> str:
    """The SVG with its frame moved so that the staff lies where a plate of this staff space wants it.

    Args:
        svg: By Verovio.
        engraving: What it shows.
        more: How far the staff goes on to the right, in SVG units.
        space_px: Distance of two staff lines of the plate.
    """
    pad, half = PLATE_MARGIN_SPACES * SVG_UNITS_PER_SPACE, PLATE_HALF_SPACES * SVG_UNITS_PER_SPACE
    px = space_px / SVG_UNITS_PER_SPACE
    left = engraving.left + engraving.margin[0] - pad
    # A line's centre falls on the centre of its pixel row, hence the half pixel.
    top = engraving.line_ys[2] + engraving.margin[1] - half - 0.5 / px
    width = engraving.right + more - engraving.left + 2 * pad
    frame = f'<svg width="{round(width * px)}px" height="{2 * PLATE_HALF_SPACES * space_px}px"'
    svg = _OUTER_SIZE.sub(frame, svg, count=1)
    return _VIEW_BOX.sub(rf'\1 viewBox="{left} {top} {width} {2 * half}"', svg, count=1)
