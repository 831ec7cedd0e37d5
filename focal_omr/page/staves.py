"""Every staff of a page, and what is ruled but no staff of five lines.

The page is levelled (`level`), combs of five teeth are led over it (`combs`), and along each path the lines
are measured and judged as those of a crop are (`staff_lines`).
"""

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.image_file import as_dark_on_light
from focal_omr.page.combs import Combs, Place, followed
from focal_omr.page.level import Level, find_curves, level_picture, levelled
from focal_omr.staff_lines.lines import Trace, refine
from focal_omr.staff_lines.path import BLOCK
from focal_omr.staff_lines.space import space_candidates
from focal_omr.staff_lines.staff import Staff
from focal_omr.staff_lines.verdict import is_covered, is_ruled, is_staff
from focal_omr.staff_lines.work import CELLS, ROWS, Floats, to_cells

__all__ = ["OtherLines", "PageStaves", "find_staves"]

Kind = Literal["tablature", "one-line", "unclear"]

_LONG_SIDE_PX = 1600  # of the picture in which the staff space is looked for
_SURE_SPACES = 60  # rows of staves look like the lines of a huge one, which is 8 spaces long
_MOST_PLACES = 80
_MARGIN_SPACES = 6  # looked at beyond the ends of a path


@dataclass(frozen=True)
class OtherLines:
    """Ruled lines that are not a staff of five.

    Attributes:
        box: (left, top, right, bottom) in pixels.
        kind: what they are.
        reason: why they are no staff, in words.
    """

    box: tuple[float, float, float, float]
    kind: Kind
    reason: str


@dataclass(frozen=True)
class PageStaves:
    """What was found on a page.

    Attributes:
        staves: from top to bottom, within a row from left to right.
        others: ruled lines that are reported and not read.
        seen: where there is no staff, what was seen instead, in words; else empty.
    """

    staves: tuple[Staff, ...]
    others: tuple[OtherLines, ...] = field(default=())
    seen: str = ""


def find_staves(gray: NDArray[np.uint8], *, name: str = "image") -> PageStaves:
    """Find every staff of five lines on a page."""
    gray = as_dark_on_light(gray)
    curves = find_curves(gray)
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    size = (gray.shape[1] // shrink, gray.shape[0] // shrink)
    small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA) if shrink > 1 else gray
    if curves is not None:
        small = levelled(small, curves.scaled(1 / shrink))
    best: list[Staff] = []
    most = 0.0
    for space in space_candidates(small):
        level = level_picture(gray, curves, space_px=space * shrink)
        good = [trace for trace in _traces(level) if is_staff(trace)]
        lengths = [trace.length_spaces for trace in good]
        if sum(lengths) > most:
            best, most = [_to_picture(trace, level) for trace in good], sum(lengths)
        if most >= _SURE_SPACES and max(lengths, default=0) >= _SURE_SPACES / 2:
            break
    if not best:
        return PageStaves((), seen="nothing")
    return PageStaves(tuple(sorted(best, key=lambda staff: float(staff.middle_ys.mean()))))


def _traces(level: Level) -> list[Trace]:
    """All candidates of a page."""
    combs = Combs(level.darkness)
    traces = []
    for place in followed(combs, _MOST_PLACES):
        trace = _refined(level.darkness, place)
        accepted = is_staff(trace)
        rows = to_blocks(trace.middle, place.rows.size) if accepted else place.rows.astype(np.float32)
        first, last = (trace.first // BLOCK, trace.last // BLOCK) if accepted else (place.first, place.last)
        combs.cross_out(rows, first, last, spaces=4.5 * place.size if accepted else 0.6)
        traces.append(trace)
    return traces


def to_blocks(values: Floats, blocks: int) -> Floats:
    at = (np.arange(blocks) + 0.5) * values.size / blocks - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)


def _refined(darkness: Floats, place: Place) -> Trace:
    """The lines along a path, measured in the part of the page that they lie in."""
    cells = darkness.shape[1]
    margin = _MARGIN_SPACES * CELLS
    left, right = max(0, place.first * BLOCK - margin), min(cells, (place.last + 1) * BLOCK + margin)
    blocks = np.arange(place.rows.size)
    rows = np.interp(blocks, blocks[place.first : place.last + 1], place.rows[place.first : place.last + 1])
    middle = to_cells(rows.astype(np.float32), cells)[left:right]
    top = max(0, int(middle.min()) - 8 * ROWS)
    bottom = min(darkness.shape[0], int(middle.max()) + 8 * ROWS)
    part = np.ascontiguousarray(darkness[top:bottom, left:right])
    trace = refine(part, middle - top, space_rows=ROWS * place.size)
    whole = np.full(cells, ROWS, np.float32)
    middle_all = np.full(cells, float(trace.middle[0]) + top, np.float32)
    middle_all[left:right], whole[left:right] = trace.middle + top, trace.space
    middle_all[right:] = middle_all[right - 1]
    return Trace(
        middle_all, whole, trace.first + left, trace.last + left,
        trace.shares, trace.gaps, trace.steadiness, trace.width,
    )


def _to_picture(trace: Trace, level: Level) -> Staff:
    """From cells and rows to pixels, one point for each two spaces of length."""
    points = max(2, round((trace.last - trace.first) / BLOCK))
    cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points)
    rows = np.interp(cells, np.arange(trace.middle.size), trace.middle)
    spaces = np.interp(cells, np.arange(trace.space.size), trace.space)
    xs, ys = level.to_picture(cells, rows)
    above, below = (level.to_picture(cells, rows + k * spaces)[1] for k in (-2, 2))
    spaces_px = ((below - above) / 4).astype(np.float32)
    return Staff(xs, ys, float(spaces_px.mean()), spaces_px)
