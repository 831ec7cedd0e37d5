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
from focal_omr.page.level import Level, Spacing, find_curves, level_picture, levelled
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
_ENOUGH_STAVES = 3
_UNEVEN = 1.15  # the largest staff space of a page to the smallest; combs allow for a tenth more or less
_MOST_PLACES = 60
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
    small, shrink = _shrunk(gray)
    curves = find_curves(small)
    if curves is not None:
        small, curves = levelled(small, curves), curves.scaled(shrink)
    best: list[Trace] = []
    for space in space_candidates(small):
        level = level_picture(gray, curves, Spacing(float(np.sqrt(space * shrink))))
        good = [trace for trace in _traces(level) if is_staff(trace)]
        if _total(good) > _total(best):
            best, best_level = good, level
        if _total(best) >= _SURE_SPACES and max(t.length_spaces for t in best) >= _SURE_SPACES / 2:
            break
    if not best:
        return PageStaves((), seen="nothing")
    if spacing := _uneven_spacing(best, best_level):
        level = level_picture(gray, curves, spacing)
        good = [trace for trace in _traces(level) if is_staff(trace)]
        if _total(good) >= _total(best):
            best, best_level = good, level
    staves = [_to_picture(trace, best_level) for trace in best]
    return PageStaves(tuple(sorted(staves, key=lambda staff: float(staff.middle_ys.mean()))))


def _total(traces: list[Trace]) -> float:
    return sum(trace.length_spaces for trace in traces)


def _uneven_spacing(traces: list[Trace], level: Level) -> Spacing | None:
    """How the staff space changes over the page, where it does so by more than combs of one size allow."""
    if len(traces) < _ENOUGH_STAVES:
        return None
    rows = np.array([float(np.mean(t.middle[t.first : t.last + 1])) for t in traces])
    spaces = np.array([float(np.mean(t.space[t.first : t.last + 1])) for t in traces])
    row_px = np.gradient(level.names.astype(np.float64))
    at = np.clip(rows.astype(int), 0, row_px.size - 1)
    ys, roots = level.names[at].astype(np.float64), np.sqrt(spaces * row_px[at])
    slope, root = np.polyfit(ys, roots, 1)
    ends = root + slope * np.array([level.names[0], level.names[-1]])
    if ends.min() <= 0 or (ends.max() / ends.min()) ** 2 < _UNEVEN:
        return None
    return Spacing(float(root), float(slope))


def _shrunk(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The page at a size at which staff spaces are found, and how many times smaller that is."""
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    height, width = (side // shrink for side in gray.shape)
    whole = gray[: height * shrink, : width * shrink]  # whole numbers shrink ten times faster
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8), shrink


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
