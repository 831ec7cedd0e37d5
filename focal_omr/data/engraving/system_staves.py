"""Staves of systems engraved by Verovio, each cut out with its neighbours, with labels of what is drawn."""

import re
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from numpy.typing import NDArray

from focal_omr.data.engraving.column_places import place_columns
from focal_omr.data.engraving.engraved_system import (
    SPACE,
    SVG_ATTRIBUTES,
    DrawnElement,
    DrawnSystem,
    read_system,
)
from focal_omr.data.engraving.for_engraving import for_engraving
from focal_omr.data.engraving.render import draw_options, rasterise
from focal_omr.encodings.columns import Column
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import EngraveError
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.score.score import Chord, Event, Score

__all__ = [
    "MAX_WIDTH_SPACES",
    "SPACE",
    "STAFF_HALF_SPACES",
    "STAFF_HEIGHT_PX",
    "STAFF_SIDE_SPACES",
    "STAFF_SPACE_PX",
    "EngravedStaff",
    "columns_of",
    "engrave_system",
    "labelled_staff",
    "staves_of_events",
    "staves_of_svg",
    "width_spaces",
    "with_stems",
]

STAFF_SPACE_PX = 10  # distance of two staff lines
STAFF_HALF_SPACES = 9  # above and below the middle line: half the staff, six spaces, a margin of one
STAFF_HEIGHT_PX = 2 * STAFF_HALF_SPACES * STAFF_SPACE_PX
STAFF_SIDE_SPACES = 6  # paper left and right of the staff lines
MAX_WIDTH_SPACES = 150  # the systems of orchestral pages have up to 145

_SVG_TAG = re.compile(r"<svg\b[^>]*>")
_XML_NAMES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_OUTER_SIZE = re.compile(r'^<svg width="[^"]*" height="[^"]*"')
_VIEW_BOX = re.compile(r'(class="definition-scale"[^>]*?) viewBox="[^"]*"')
# A staff, or what hangs on one and stands outside its group.
_GROUP = re.compile(r'<g [^>]*?class="(staff|[a-zA-Z]+)"(?: data-[^>]*|(?<=class="staff"))(?<!/)>')
_START_ID, _STAFF = re.compile(r'data-startid="#([^"]*)"'), re.compile(r'data-staff="(\d+)')
_TIGHT = {"spacingLinear": 0.1, "spacingNonLinear": 0.45}


@dataclass(frozen=True)
class EngravedStaff:
    """One staff of an engraved system, with its surroundings.

    Attributes:
        gray: (180, W) ink 0 .. paper 255; the lines lie at rows 70, 80 ... 110, from column 60 to W - 60.
        staff: Its index in the system, from 0 at the top.
        columns: As they are drawn, from left to right.
        xs: Of each column, in pixels: the stem's, without a stem the middle of head, rest or sign.
        elements: Everything drawn in the image, in pixels; also that of other staves.
        score: The excerpt, with stems and accidentals as drawn.
    """

    gray: NDArray[np.uint8]
    staff: int
    columns: tuple[Column, ...]
    xs: tuple[float, ...]
    elements: tuple[DrawnElement, ...]
    score: Score


def engrave_system(engraver: Engraver, random: Random, score: Score) -> list[EngravedStaff]:
    """Engrave a score as one system, and cut out its staves from the top.

    Args:
        engraver: Verovio; its options are changed.
        random: Draws font, line widths and spacing.
        score: A score of a few measures, in one system, that says all its printed accidentals, see
            `as_printed`.

    Raises:
        EngraveError: Columns cannot say the score, Verovio drew something else, or the system is too wide.
    """
    staff_of = staves_of_events(score)
    mei = write_mei_score(for_engraving(score))
    options = {**ONE_STAFF, **draw_options(random), "svgAdditionalAttribute": SVG_ATTRIBUTES}
    for spacing in ({}, _TIGHT):
        engraver.set_options(**options | spacing)
        svg = engraver.svg(mei)
        system = read_system(svg, staff_of)
        width = width_spaces(system)
        if width <= MAX_WIDTH_SPACES:
            break
    else:
        raise EngraveError(f"the system is {width:.0f} spaces wide with the tightest spacing")
    score = with_stems(score, system)
    columns = columns_of(score)
    if len(columns) != len(system.staves):
        raise EngraveError(f"Verovio drew {len(system.staves)} staves instead of {len(columns)}")
    window = _Window(system)
    gray = rasterise(window.framed(svg, system))
    drawn = window.aligned(system)
    return [
        labelled_staff(window.cut(gray, number), drawn, number, own, window.left, score)
        for number, own in enumerate(columns)
    ]


def columns_of(score: Score) -> tuple[tuple[Column, ...], ...]:
    """The columns of each staff.

    Raises:
        EngraveError: Columns cannot say the score, or it has several systems.
    """
    found = score_to_columns(score)
    if found.outside:
        raise EngraveError(f"columns cannot say {found.outside[0].reason}")
    if len(found.systems) != 1:
        raise EngraveError(f"a score of {len(found.systems)} systems; needed is one")
    return found.systems[0]


def staves_of_events(score: Score) -> dict[str, int]:
    """The index of the staff in the system of each event and note, by id."""
    found: dict[str, int] = {}
    first = 0
    for part in score.parts:
        for measure in part.measures:
            for voice in measure.voices:
                for event in voice.events:
                    found[event.id] = first + event.staff - 1
                    if isinstance(event, Chord):
                        found |= {n.id: first + (n.staff or event.staff) - 1 for n in event.notes}
        first += part.staves
    return found


def with_stems(score: Score, system: DrawnSystem) -> Score:
    """The score with the stems that are drawn."""
    boxes = {(e.kind, e.id): e.box for e in system.elements if e.kind in ("head", "stem")}

    def change(event: Event) -> Event:
        stem = boxes.get(("stem", event.id))
        if stem is None or not isinstance(event, Chord) or event.stem == "none":
            return event
        heads = [boxes["head", note.id] for note in event.notes if ("head", note.id) in boxes]
        if not heads:
            return event
        above = min(top for _, top, _, _ in heads) - stem[1]
        below = stem[3] - max(bottom for _, _, _, bottom in heads)
        return replace(event, stem="up" if above > below else "down")

    parts = []
    for part in score.parts:
        measures = []
        for measure in part.measures:
            voices = tuple(replace(v, events=tuple(map(change, v.events))) for v in measure.voices)
            measures.append(replace(measure, voices=voices))
        parts.append(replace(part, measures=tuple(measures)))
    return replace(score, parts=tuple(parts))


def width_spaces(system: DrawnSystem) -> float:
    """Width of the images in staff spaces."""
    left, right = min(s.left for s in system.staves), max(s.right for s in system.staves)
    return (right - left) / SPACE + 2 * STAFF_SIDE_SPACES


class _Window:
    """The window of a system's page that its image shows, and where each staff is in it.

    Attributes:
        left: Of the image, in SVG units within the page margin.
        middles: Rows of the middle lines.
        moved: Of each staff, by how many SVG units it is moved so that its lies on whole rows.
    """

    def __init__(self, system: DrawnSystem) -> None:
        unit = SPACE // STAFF_SPACE_PX
        ys = [frame.line_ys[2] for frame in system.staves]
        half = STAFF_HALF_SPACES * STAFF_SPACE_PX
        self.left = min(frame.left for frame in system.staves) - STAFF_SIDE_SPACES * SPACE
        # The centre of a line falls on the centre of its pixel row, hence the half pixel.
        self.top = ys[0] - (half + 0.5) * unit
        self.middles = [half + round((y - ys[0]) / unit) for y in ys]
        self.moved = [ys[0] + (row - half) * unit - y for row, y in zip(self.middles, ys, strict=True)]
        self.width_px, self.height_px = round(width_spaces(system) * STAFF_SPACE_PX), self.middles[-1] + half
        self.unit = unit

    def cut(self, gray: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        """The image of a staff, cut out of that of the window."""
        half = STAFF_HALF_SPACES * STAFF_SPACE_PX
        return np.ascontiguousarray(gray[self.middles[number] - half : self.middles[number] + half])

    def aligned(self, system: DrawnSystem) -> DrawnSystem:
        """The system with its staves where the image has them."""
        staves = (
            replace(frame, line_ys=tuple(y + by for y in frame.line_ys))
            for frame, by in zip(system.staves, self.moved, strict=True)
        )
        elements = []
        for element in system.elements:
            by = self.moved[element.staff] if element.staff >= 0 else 0.0
            left, top, right, bottom = element.box
            elements.append(replace(element, box=(left, top + by, right, bottom + by)))
        return replace(system, staves=tuple(staves), elements=tuple(elements))

    def framed(self, svg: str, system: DrawnSystem) -> str:
        """The SVG with the size and view box of the window; its staves are moved."""
        count, seen = len(self.moved), -1
        staff_of = {element.id: element.staff for element in system.elements if element.id}

        def move(found: re.Match[str]) -> str:
            nonlocal seen
            staff = -1
            if found[1] == "staff":
                seen += 1
                staff = seen % count
            elif start := _START_ID.search(found[0]):
                staff = staff_of.get(start[1], -1)
            elif told := _STAFF.search(found[0]):
                staff = int(told[1]) - 1
            if staff < 0 or not self.moved[staff]:
                return found[0]
            by = f'transform="translate(0, {self.moved[staff]:g})'
            if "transform=" in found[0]:  # of an arpeggio
                return found[0].replace('transform="', f"{by} ", 1)
            return f'{found[0][:-1]} {by}">'

        svg = _GROUP.sub(move, svg)
        svg = _OUTER_SIZE.sub(f'<svg width="{self.width_px}px" height="{self.height_px}px"', svg, count=1)
        left, top = self.left + system.margin[0], self.top + system.margin[1]
        box = f"{left} {top} {self.width_px * self.unit} {self.height_px * self.unit}"
        return _VIEW_BOX.sub(rf'\1 viewBox="{box}"', svg, count=1)


def staves_of_svg(svg: str, system: DrawnSystem, score: Score, *, units: float) -> list[EngravedStaff]:
    """Cut the staves out of an SVG, each rasterised on its own so that its lines lie on whole rows.

    Args:
        svg: One system, in black.
        system: What it shows.
        score: The score, with stems and accidentals as drawn.
        units: Of the SVG in a staff space.

    Raises:
        EngraveError: The system is too wide, or the columns are not what is drawn.
    """
    width = width_spaces(system)
    if width > MAX_WIDTH_SPACES:
        raise EngraveError(f"the system is {width:.0f} spaces wide")
    left = min(frame.left for frame in system.staves) - STAFF_SIDE_SPACES * SPACE
    width_px = round(width * STAFF_SPACE_PX)
    staves = []
    for number, own in enumerate(columns_of(score)):
        # The centre of a line falls on the centre of its pixel row, hence the half pixel.
        middle = system.staves[number].line_ys[2] / SPACE
        top = middle - STAFF_HALF_SPACES - 0.5 / STAFF_SPACE_PX
        spaces = (left / SPACE, top, width_px / STAFF_SPACE_PX, STAFF_HEIGHT_PX / STAFF_SPACE_PX)
        view = " ".join(str(units * value) for value in spaces)
        tag = f'<svg {_XML_NAMES} width="{width_px}px" height="{STAFF_HEIGHT_PX}px" viewBox="{view}">'
        gray = rasterise(_SVG_TAG.sub(tag, svg, count=1))
        staves.append(labelled_staff(gray, system, number, own, left, score))
    return staves


def labelled_staff(
    gray: NDArray[np.uint8],
    system: DrawnSystem,
    number: int,
    columns: tuple[Column, ...],
    left: float,
    score: Score,
) -> EngravedStaff:
    """The image of one staff with its labels.

    Args:
        gray: The image (180, W).
        system: What is drawn, with the staves where the images have them.
        number: Index of the staff.
        columns: Its columns, in the order of the score.
        left: Left edge of the image, in the units of the system.
        score: The excerpt.

    Raises:
        EngraveError: The columns are not what is drawn.
    """
    own = [element for element in system.elements if element.staff == number]
    placed = place_columns(columns, own, system.staves[number])
    unit = SPACE / STAFF_SPACE_PX
    top = system.staves[number].line_ys[2] - (STAFF_HALF_SPACES * STAFF_SPACE_PX + 0.5) * unit
    elements = []
    for element in system.elements:
        a, b, c, d = element.box
        box = ((a - left) / unit, (b - top) / unit, (c - left) / unit, (d - top) / unit)
        if box[0] < gray.shape[1] and box[2] > 0 and box[1] < STAFF_HEIGHT_PX and box[3] > 0:
            elements.append(replace(element, box=box))
    xs = tuple((x - left) / unit for _, x in placed)
    return EngravedStaff(gray, number, tuple(c for c, _ in placed), xs, tuple(elements), score)
