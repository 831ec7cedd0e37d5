"""The staves of a levelled page: each path of the combs measured and judged as that of a crop is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from focal_omr.page.combs import Combs, Place
from focal_omr.page.dewarp import Level
from focal_omr.page.line_test import Strokes, look_at_strokes
from focal_omr.page.paper import Mask
from focal_omr.staff.comb_path import BLOCK
from focal_omr.staff.find import Staff
from focal_omr.staff.lines import Trace, refine
from focal_omr.staff.verdict import LONG_SPACES, is_staff
from focal_omr.staff.working_image import CELLS, ROWS, Floats, to_cells

_MOST_REJECTED = 40  # places in a row that are no staff; between two staves the grain of a desk has up to 30
_HOPELESS = 10  # ... before the first staff; the clearest place comes first
_MARGIN_SPACES = 6  # looked at beyond the ends of a path
_REACH_SPACES = 8  # looked at above and below a path
_STAFF_REACH = 4.5  # the next staff's middle is 5 spaces away at least
_TRIED_REACH = 0.6  # a path that was no staff may lie one line off


@dataclass(frozen=True)
class Found:
    """A staff of five lines: in cells and rows of the level, in the picture, and what it is made of."""

    trace: Trace
    staff: Staff
    strokes: Strokes


@dataclass(frozen=True)
class Searched:
    """What was looked at.

    Attributes:
        level: The page.
        found: Its staves.
        others: Traces of anything else.
    """

    level: Level
    found: tuple[Found, ...]
    others: tuple[Trace, ...]

    @property
    def length_spaces(self) -> float:
        """Of all staves together."""
        return sum(each.trace.length_spaces for each in self.found)

    @property
    def longest_spaces(self) -> float:
        """Of the longest staff."""
        return max((each.trace.length_spaces for each in self.found), default=0.0)


def search(gray: NDArray[np.uint8], level: Level, sheet: Mask | None = None) -> Searched:
    """Look for staves, the clearest first; where a sheet lies on a desk, first on the sheet.

    Args:
        gray: (H, W) the page, paper light.
        level: The same, levelled.
        sheet: Where the sheet is, on the page at any size; None where it fills the page.
    """
    if sheet is None:
        return _searched(gray, level, level.darkness, ())
    inside = level.sampled(sheet.astype(np.uint8), gray.shape)
    first = _searched(gray, level, level.darkness * inside, ())
    # A staff that ends where the sheet seems to end goes on: there lies a shadow, not the sheet's edge.
    whole = [each for each in first.found if not _is_cut(each.trace, inside)]
    return _searched(gray, level, level.darkness, whole)


def _is_cut(trace: Trace, inside: NDArray[np.uint8]) -> bool:
    """Whether a staff ends within a space of the edge of what is looked at."""
    rows, cells = inside.shape
    for end in (trace.first - CELLS, trace.last + CELLS):
        cell = min(max(end, 0), cells - 1)
        if not inside[min(max(round(float(trace.middle[cell])), 0), rows - 1), cell]:
            return True
    return False


def _searched(gray: NDArray[np.uint8], level: Level, darkness: Floats, known: Sequence[Found]) -> Searched:
    """The staves of a level besides those that are known, and these."""
    combs = Combs(darkness)
    found, others, tried = list(known), list[Trace](), 0
    for each in known:
        _cross_out(combs, each.trace, size=float(each.trace.space.mean()) / ROWS)
    while tried < (_MOST_REJECTED if found else _HOPELESS) and (place := combs.best()) is not None:
        trace = _measured(darkness, place)
        tried += 1
        if not (is_staff(trace) or _is_covered(trace)):
            others.append(trace)
            combs.cross_out(place.rows.astype(np.float32), place.first, place.last, spaces=_TRIED_REACH)
            continue
        staff = to_picture(trace, level)
        strokes = look_at_strokes(gray, staff)
        _cross_out(combs, trace, size=place.size)
        if strokes.are_lines and strokes.hold_music and not _has_a_sixth(trace, strokes):
            found.append(Found(trace, staff, strokes))
            tried = 0
        elif strokes.are_lines:
            others.append(trace)
    return Searched(level, tuple(found), tuple(others))


def _cross_out(combs: Combs, trace: Trace, *, size: float) -> None:
    rows = _to_blocks(trace.middle, combs.blocks)
    combs.cross_out(rows, trace.first // BLOCK, trace.last // BLOCK, spaces=_STAFF_REACH * size)


def _has_a_sixth(trace: Trace, strokes: Strokes) -> bool:
    """Whether one more line goes on above or below the five.

    Observed, close by: 0 to 0.36 for staves with beams, ledger lines and the brackets of tuplets, 0.48 to
    0.86 for most staves of six and seven lines; a short one of these had 0.23, and 0.66 from afar.
    """
    return strokes.sixth >= 0.42 or float(trace.shares[[1, 7]].max()) >= 0.5


def _is_covered(trace: Trace) -> bool:
    """Whether these are five lines of which notes and beams cover up to two.

    Five lines that meet a staff one line off have paper in the place of one of them over 0.28 of the length
    or more; the two staves of the quartets whose second and third lines are beams all along have no gap,
    shares of 0.34 and 0.37 there, and 0.89 to 0.99 in the other three.
    """
    five, beyond = np.sort(trace.shares[2:7]), float(trace.shares[[1, 7]].max())
    unbroken = trace.gaps.max() < 0.03 and five[0] - beyond >= 0.12 and five[2] >= 0.75
    thin = trace.steadiness >= 0.6 and trace.width < 0.3
    return bool(unbroken and thin and trace.length_spaces >= LONG_SPACES)


def _to_blocks(values: Floats, blocks: int) -> Floats:
    at = (np.arange(blocks) + 0.5) * values.size / blocks - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)


def _measured(darkness: Floats, place: Place) -> Trace:
    """The lines along a path, measured in the part of the page that they lie in."""
    height, cells = darkness.shape
    blocks = np.arange(place.rows.size)
    inside = slice(place.first, place.last + 1)
    path = to_cells(np.interp(blocks, blocks[inside], place.rows[inside]).astype(np.float32), cells)
    left = max(0, place.first * BLOCK - _MARGIN_SPACES * CELLS, place.after * BLOCK)
    right = min(cells, (place.last + 1) * BLOCK + _MARGIN_SPACES * CELLS, place.before * BLOCK)
    top = max(0, int(path[left:right].min()) - _REACH_SPACES * ROWS)
    bottom = min(height, int(path[left:right].max()) + _REACH_SPACES * ROWS)
    part = np.ascontiguousarray(darkness[top:bottom, left:right])
    trace = refine(part, path[left:right] - top, space_rows=ROWS * place.size)
    middle, space = trace.middle + top, trace.space
    beyond = (left, cells - right)
    return replace(
        trace,
        middle=np.pad(middle, beyond, mode="edge"),
        space=np.pad(space, beyond, mode="edge"),
        first=trace.first + left,
        last=trace.last + left,
    )


def to_picture(trace: Trace, level: Level) -> Staff:
    """From cells and rows to pixels, one point for each two spaces of length."""
    points = max(2, round((trace.last - trace.first) / BLOCK))
    cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points).astype(np.float32)
    at = np.arange(trace.middle.size)
    rows = np.interp(cells, at, trace.middle).astype(np.float32)
    spaces = np.interp(cells, at, trace.space).astype(np.float32)
    xs, ys = level.to_picture(cells, rows)
    above, below = (level.to_picture(cells, rows + np.float32(k) * spaces)[1] for k in (-2, 2))
    spaces_px = ((below - above) / 4).astype(np.float32)
    return Staff(xs, ys, float(spaces_px.mean()), spaces_px)
