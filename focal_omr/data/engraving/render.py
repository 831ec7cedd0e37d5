"""Staff images engraved by Verovio in its five fonts, with distractors and system context."""

import math
import re
from dataclasses import dataclass, replace
from random import Random
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from focal_omr.data.engraving.distractors import add_distractors
from focal_omr.data.engraving.glyphs import SVG_UNITS_PER_SPACE, Engraving, read_engraving, token_positions
from focal_omr.data.engraving.systems import system_shapes
from focal_omr.data.staff_image import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import EngraveError
from focal_omr.formats.mei_writer import mei_tree
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Note, Part, Score

FONTS = ("Leipzig", "Bravura", "Gootville", "Leland", "Petaluma")
_OUTER_SIZE = re.compile(r'^<svg width="[^"]*" height="[^"]*"')
_VIEW_BOX = re.compile(r'(class="definition-scale"[^>]*?) viewBox="[^"]*"')
_PAGE = re.compile(r'<g class="page-margin"[^>]*>')


def draw_options(random: Random) -> dict[str, object]:
    """Draw Verovio options for one engraving: a font, and spacing and line widths around their defaults."""
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
# Every option that may be drawn, so that none carries over from the previous staff.
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
    """Beam most staves by the meter; drop all beams (as in vocal music) or some of them on the others.

    Grace notes keep their beams.
    """
    kind = random.random()
    beamed = beam_by_meter(part)
    if kind < 0.75:
        return beamed
    drop_rate = 1.0 if kind < 0.9 else 0.3
    measures = []
    for measure in beamed.measures:
        events = list(measure.events)
        drop = False
        for index, event in enumerate(events):
            if isinstance(event, Note) and event.beam and not event.grace:
                if event.beam == "start":
                    drop = random.random() < drop_rate
                if drop:
                    events[index] = replace(event, beam=None)
        measures.append(replace(measure, events=tuple(events)))
    return replace(part, measures=tuple(measures))


@dataclass(frozen=True)
class StaffImage:
    """One engraved staff.

    Attributes:
        gray: (140, W) ink 0 .. paper 255; the lines lie at rows 50, 60 ... 90, from column 60 to W - 60.
        score: The music shown, with the engraved beams.
        xs: For each semantic token of the score its column: the centre of a note head, the left edge of other
            signs, None where nothing is drawn.
        accidental_xs: For each token the left edge of the accidental printed before the note, or None.
    """

    gray: NDArray[np.uint8]
    score: Score
    xs: tuple[float | None, ...] = ()
    accidental_xs: tuple[float | None, ...] = ()


def engrave_staff(
    engraver: Engraver,
    random: Random,
    score: Score,
    *,
    distractors: float = 1.0,
    alone: bool = False,
    max_width_spaces: float = math.inf,
    space_px: int = STAFF_IMAGE_SPACE_PX,
) -> StaffImage:
    """Engrave a score of one part as a staff image.

    Args:
        engraver: Verovio; its options are changed.
        random: Draws font, line widths, spacing, beams and distractors.
        score: A score of one part.
        distractors: Amount of notation that is not transcribed; 0 none, 1 as on a typical page. Some staves
            with distractors continue a previous one: they lack the G clef that their notes are read in.
        alone: Whether the staff is the only one on its page: no system line, no barline through to the next
            staff, no missing clef.
        max_width_spaces: Maximum width in staff spaces, with margins; a wider staff is engraved again with
            tight spacing.
        space_px: Staff space in pixels; staff images for training have the default.

    Raises:
        EngraveError: Verovio failed, drew other symbols than the score has, or even the tight staff is too
            wide.
    """
    score = replace(score, parts=(draw_beams(random, score.parts[0]),))
    tree = mei_tree(score)
    add_distractors(tree, random, amount=distractors)
    context = 0.0 if alone else distractors
    hidden, clef = random.random() < 0.04 * context, tree.find(".//staffDef/clef")
    # Only the G clef, the default of notes without a clef, may be missing.
    hidden = hidden and clef is not None and (clef.get("shape"), clef.get("line")) == ("G", "2")
    if hidden and clef is not None:
        clef.set("visible", "false")
    mei, options = ET.tostring(tree, encoding="unicode"), ONE_STAFF | draw_options(random)
    for spacing in ({}, _TIGHT):
        engraver.set_options(**options | spacing)
        svg = engraver.svg(mei)
        engraving = read_engraving(svg)
        width = (engraving.right - engraving.left) / SVG_UNITS_PER_SPACE + 2 * STAFF_IMAGE_MARGIN_SPACES
        if width <= max_width_spaces:
            break
    else:
        raise EngraveError(f"the staff is {width:.0f} spaces wide with the tightest spacing")
    if hidden:
        first, *rest = score.parts[0].measures
        measures = (replace(first, events=first.events[1:]), *rest)
        score = replace(score, parts=(replace(score.parts[0], measures=measures),))
    positions = token_positions(engraving, score_to_tokens(score), first_event=int(hidden))
    shapes, extension = system_shapes(engraving, random, amount=context)
    svg = _PAGE.sub(lambda page: page[0] + shapes, svg, count=1)
    return StaffImage(
        rasterise(_framed(svg, engraving, extension, space_px)),
        score,
        tuple(_column(position.x, space_px) for position in positions),
        tuple(_column(position.accidental_x, space_px) for position in positions),
    )


def rasterise(svg: str) -> NDArray[np.uint8]:
    """Rasterise an SVG at its own size: (H, W), ink 0 on paper 255."""
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", serif_family="DejaVu Serif")
    return np.asarray(cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def _column(x: int | None, space_px: int) -> float | None:
    """Convert SVG units from the staff's left end to a column of the staff image."""
    return None if x is None else (x / SVG_UNITS_PER_SPACE + STAFF_IMAGE_MARGIN_SPACES) * space_px


def _framed(svg: str, engraving: Engraving, extension: int, space_px: int) -> str:
    """Set size and view box of an SVG so that the staff lies where a staff image has it.

    Args:
        svg: By Verovio.
        engraving: Its content.
        extension: By how many SVG units the staff lines continue to the right.
        space_px: Staff space of the image.
    """
    pad = STAFF_IMAGE_MARGIN_SPACES * SVG_UNITS_PER_SPACE
    half = STAFF_IMAGE_HALF_SPACES * SVG_UNITS_PER_SPACE
    px = space_px / SVG_UNITS_PER_SPACE
    left = engraving.left + engraving.margin[0] - pad
    # The centre of a line falls on the centre of its pixel row, hence the half pixel.
    top = engraving.line_ys[2] + engraving.margin[1] - half - 0.5 / px
    width = engraving.right + extension - engraving.left + 2 * pad
    height_px = 2 * STAFF_IMAGE_HALF_SPACES * space_px
    svg = _OUTER_SIZE.sub(f'<svg width="{round(width * px)}px" height="{height_px}px"', svg, count=1)
    return _VIEW_BOX.sub(rf'\1 viewBox="{left} {top} {width} {2 * half}"', svg, count=1)
