"""Search for staves on a levelled page: each path of the combs is traced and judged like that of a crop.

Crops have a finder of their own (`focal_omr.staff.find`), which says what the two share and where they
differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from focal_omr.page.combs import CombPath, Combs
from focal_omr.page.dewarp import LevelPage
from focal_omr.page.line_test import Strokes, measure_strokes
from focal_omr.page.paper import Mask
from focal_omr.staff.comb_path import BLOCK
from focal_omr.staff.find import Staff
from focal_omr.staff.lines import Trace, trace_lines
from focal_omr.staff.verdict import is_covered_staff, is_staff
from focal_omr.staff.working_image import CELLS, ROWS, Floats, resample

_MOST_REJECTED = 40  # paths in a row that are no staff; between two staves the grain of a desk has up to 30
_HOPELESS = 10  # ... before the first staff; the clearest path comes first
_MARGIN_SPACES = 6  # traced beyond the ends of a path
_REACH_SPACES = 8  # traced above and below a path
_STAFF_REACH_SPACES = 4.5  # the middle line of the next staff is 5 spaces away at least
_ALIKE_SPACES, _ALIKE_SHARE = 1.0, 0.03  # ends and line distances of two staves that are alike
_TRIED_REACH_SPACES = 0.6  # a path that was no staff may lie one line off


@dataclass(frozen=True)
class FoundStaff:
    """A staff of five lines: its trace on the levelled page, its position on the page, and its strokes."""

    trace: Trace
    staff: Staff
    strokes: Strokes


@dataclass(frozen=True)
class SearchResult:
    """The staves of a page.

    Attributes:
        level: the page that was searched.
        found: its staves.
        others: traces of anything else.
    """

    level: LevelPage
    found: tuple[FoundStaff, ...]
    others: tuple[Trace, ...]

    @property
    def lengths_spaces(self) -> list[float]:
        """Lengths of the staves in staff spaces."""
        return [each.trace.length_spaces for each in self.found]


def search(gray: NDArray[np.uint8], level: LevelPage, sheet: Mask | None = None) -> SearchResult:
    """Search for staves, the clearest first; where a sheet lies on a desk, first on the sheet.

    Args:
        gray: (H, W) uint8 gray levels of the page, light paper.
        level: the page, levelled.
        sheet: (A, B) True on the sheet, at any size; None where it fills the page.
    """
    if sheet is None:
        return _search_darkness(gray, level, level.darkness, ())
    inside = level.sample_mask(sheet.astype(np.uint8), gray.shape)
    rows, cells = inside.shape
    whole = []
    for each in _search_darkness(gray, level, level.darkness * inside, ()).found:
        ends = [min(max(end, 0), cells - 1) for end in (each.trace.first - CELLS, each.trace.last + CELLS)]
        heights = [min(max(round(float(each.trace.middle[cell])), 0), rows - 1) for cell in ends]
        # A staff that ends where the sheet seems to end goes on: there lies a shadow, not the sheet's edge.
        if all(inside[row, cell] for row, cell in zip(heights, ends, strict=True)):
            whole.append(each)
    return _search_darkness(gray, level, level.darkness, whole)


def _search_darkness(
    gray: NDArray[np.uint8], level: LevelPage, darkness: Floats, known: Sequence[FoundStaff]
) -> SearchResult:
    """Search the (R, C) darkness for staves besides those that are known; return all."""
    combs = Combs(darkness)

    def cross_out(trace: Trace, size: float) -> None:
        rows = resample(trace.middle, combs.blocks)
        reach = _STAFF_REACH_SPACES * size
        combs.cross_out(rows, trace.first // BLOCK, trace.last // BLOCK, spaces=reach)

    found, bare, others, tried = list(known), list[FoundStaff](), list[Trace](), 0
    for each in known:
        cross_out(each.trace, float(each.trace.space.mean()) / ROWS)
    while tried < (_MOST_REJECTED if found else _HOPELESS) and (path := combs.next_path()) is not None:
        trace = _trace_path(darkness, path)
        tried += 1
        if not (is_staff(trace) or is_covered_staff(trace, on_page=True)):
            others.append(trace)
            combs.cross_out(path.rows.astype(np.float32), path.first, path.last, spaces=_TRIED_REACH_SPACES)
            continue
        staff = level.to_staff(trace)
        strokes = measure_strokes(gray, staff)
        cross_out(trace, path.size)
        # One more line above or below the five. Observed, close by: 0 to 0.36 for staves with beams, ledger
        # lines and the brackets of tuplets, 0.48 to 0.86 for most staves of six and seven lines; a short one
        # of these had 0.23, and 0.66 from afar. High notes on ledger lines all along: 0 and 0.55.
        from_afar = float(trace.shares[[1, 7]].max())
        sixth = strokes.sixth >= 0.42 or (from_afar >= 0.5 and strokes.sixth >= 0.1)
        if strokes.are_lines and strokes.hold_music and not sixth:
            found.append(FoundStaff(trace, staff, strokes))
            tried = 0
        elif strokes.are_lines:
            others.append(trace)
            if not sixth:
                bare.append(FoundStaff(trace, staff, strokes))
    # Among staves of the same length and space, five lines with next to nothing on them are one, too.
    found += [each for each in bare if any(_are_alike(each.staff, other.staff) for other in found)]
    return SearchResult(level, tuple(found), tuple(others))


def _are_alike(one: Staff, other: Staff) -> bool:
    """Whether two staves begin and end below each other, and have lines at one distance."""
    space = other.space_px
    ends = max(abs(float(one.xs[end] - other.xs[end])) for end in (0, -1))
    return ends <= _ALIKE_SPACES * space and abs(one.space_px - space) <= _ALIKE_SHARE * space


def _trace_path(darkness: Floats, path: CombPath) -> Trace:
    """Trace the lines along a path, in the part of the (R, C) darkness that they lie in."""
    height, cells = darkness.shape
    blocks = np.arange(path.rows.size)
    inside = slice(path.first, path.last + 1)
    rows = resample(np.interp(blocks, blocks[inside], path.rows[inside]).astype(np.float32), cells)
    left = max(0, path.first * BLOCK - _MARGIN_SPACES * CELLS, path.after * BLOCK)
    right = min(cells, (path.last + 1) * BLOCK + _MARGIN_SPACES * CELLS, path.before * BLOCK)
    top = max(0, int(rows[left:right].min()) - _REACH_SPACES * ROWS)
    bottom = min(height, int(rows[left:right].max()) + _REACH_SPACES * ROWS)
    part = np.ascontiguousarray(darkness[top:bottom, left:right])
    trace = trace_lines(part, rows[left:right] - top, space_rows=ROWS * path.size)
    beyond = (left, cells - right)
    return replace(
        trace,
        middle=np.pad(trace.middle + top, beyond, mode="edge"),
        space=np.pad(trace.space, beyond, mode="edge"),
        first=trace.first + left,
        last=trace.last + left,
    )
