"""Line tracer: measures the five lines along a path, fits a smooth curve, and finds its ends.

Crops and pages share it, with the verdict on its result. Shapes: R rows and C cells of a working image, N
blocks of one space.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.working_image import CELLS, LINES, ROWS, Floats, quantile, resample, to_ridges

_THICK = 0.6  # of the darkness in the middle: what has more a quarter of a space beside it is a beam
_STIFFNESS = 4.0  # of the fitted middle line, per block of one space
_SPACE_STIFFNESS = 4000.0  # of the fitted staff space; in photographs it changes by 5 % over 30 spaces
_REACH = 5  # spaces above and below the middle line in the straightened image
_NEAR = 3  # ... in one that shows the five lines alone
_AROUND = np.arange(-3, 4)[:, None]  # rows in which a line is looked for, around the expected one


@dataclass(frozen=True)
class Trace:
    """Five lines that may be a staff, in cells and rows of a working image.

    Attributes:
        middle: (C,) row of the middle line.
        space: (C,) rows between two lines.
        first, last: first and last cell of the lines.
        shares: (9,) share of the length over which a line is seen at -4 to 4 spaces from the middle.
        gaps: (5,) share of the length over which there is paper in place of each of the five lines.
        steadiness: share of the five lines' length that lies within 0.08 spaces of the fit.
        width: darkness a quarter of a space beside the lines, relative to that of the lines.
    """

    middle: Floats
    space: Floats
    first: int
    last: int
    shares: Floats
    gaps: Floats
    steadiness: float
    width: float

    @property
    def length_spaces(self) -> float:
        """Length in staff spaces."""
        return (self.last - self.first + 1) / CELLS


def trace_lines(darkness: Floats, middle: Floats, *, space_rows: float = ROWS) -> Trace:
    """Measure the five lines along a path, fit smooth ones, and find their ends.

    Args:
        darkness: (R, C) darkness of a working image.
        middle: (C,) row of the middle line, right to half a space.
        space_rows: distance of two lines in rows, right to a tenth.
    """
    cells = middle.size
    space = np.full(cells, space_rows, np.float32)
    for _ in range(2):
        heights, weights = _line_heights(_straightened(darkness, middle, space, reach=_NEAR))
        fitted, stretches = _fit(heights, weights, resample(middle, heights.shape[1]))
        middle = resample(fitted, cells)
        space = space + resample(stretches, cells)
    straight = _straightened(darkness, middle, space, reach=_REACH)
    first, last, shares, gaps = _extent(straight)
    heights, weights = _line_heights(straight)
    steady = ((np.abs(heights) < 0.08 * ROWS) & (weights > 0)).mean(axis=0)
    steadiness = float(resample(steady.astype(np.float32), cells)[first : last + 1].mean())
    staff, centres = straight[:, first : last + 1], (_REACH + LINES) * ROWS
    beside = np.maximum(staff[centres - 2], staff[centres + 2])
    width = quantile(beside, 0.5) / max(quantile(staff[centres], 0.5), 1e-3)
    return Trace(middle, space, first, last, shares, gaps, steadiness, width)


def _straightened(darkness: Floats, middle: Floats, space: Floats, *, reach: int) -> Floats:
    """(R, C) -> (2 * reach * ROWS + 1, C) with the middle line in the central row."""
    below = np.arange(-reach * ROWS, reach * ROWS + 1, dtype=np.float32) / np.float32(ROWS)
    map_y = middle[None, :] + below[:, None] * space[None, :]
    map_x = np.broadcast_to(np.arange(middle.size, dtype=np.float32), map_y.shape)
    straight = cv2.remap(darkness, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(straight, np.float32)


def _line_heights(straight: Floats) -> tuple[Floats, Floats]:
    """Measure how far the five lines of a straightened image (R, C) lie below their rows.

    Returns:
        (5, N) rows below the expected row, -2.5 to 2.5, and their (5, N) weights, 0 to 1.
    """
    blocks = max(1, round(straight.shape[1] / CELLS))
    means = cv2.resize(straight, (blocks, straight.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = cv2.blur(to_ridges(np.asarray(means, np.float32), 3), (3, 1))
    expected = straight.shape[0] // 2 + LINES * ROWS
    peak = ridges[expected + _AROUND].argmax(axis=0) - 3  # (5, N)
    np.clip(peak, -2, 2, out=peak)
    rows, columns = expected[:, None] + peak, np.arange(blocks)
    before, at, after = (ridges[rows + d, columns] for d in (-1, 0, 1))
    curvature = np.maximum(2 * at - before - after, 1e-6)
    offset = np.clip(0.5 * (after - before) / curvature, -0.5, 0.5)  # vertex of the parabola
    level = _usual_ridge(at)
    weights = np.clip(at / level, 0, 1) * (at > 0.3 * level)
    return (peak + offset).astype(np.float32), weights.astype(np.float32)


def _fit(heights: Floats, weights: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """(5, N) heights of the lines -> (N,) smooth middle line and (N,) change of the staff space.

    The middle line itself is smoothed, not its correction: the path before may have followed a slur.
    """
    k = LINES[:, None].astype(np.float32)
    stretch = np.zeros(heights.shape[1], np.float32)
    middle, residual = expected, heights
    for limit in (2.5, 1.0, 0.6):
        near = np.square(residual / limit)
        use = weights / (1 + near * near)  # a slur or a beam's edge is 1 to 3 rows off
        total, leverage = use.sum(axis=0), (use * k * k).sum(axis=0)
        mean = (use * (heights - stretch * k)).sum(axis=0) / np.maximum(total, 1e-6)
        middle = _smooth(expected + mean, total, _STIFFNESS)
        offset = middle - expected
        slant = (use * k * (heights - offset)).sum(axis=0) / np.maximum(leverage, 1e-6)
        stretch = _smooth(slant, leverage, _SPACE_STIFFNESS)
        residual = heights - offset - stretch * k
    return middle, stretch


def _smooth(values: Floats, weights: Floats, stiffness: float) -> Floats:
    """(N,) values -> (N,) the curve that stays near them and bends little (Whittaker's smoother).

    Minimises sum weights * (values - curve)^2 + stiffness * sum (second differences of curve)^2. The five
    diagonals are eliminated by hand: numpy solves full matrices only, and with threads that wait on a busy
    machine (5 ms to 1 s for 100 unknowns; this takes 0.06 ms).
    """
    n = values.size
    if n < 3:
        return np.full(n, float((weights * values).sum() / max(float(weights.sum()), 1e-6)), np.float32)
    bends, firsts = _bending_energy(n, stiffness)
    second = stiffness
    diagonals = (bends + weights + 1e-6).tolist()
    rights = (weights * values).tolist()
    rows = []  # of the triangle: diagonal, first and second beside it, right side
    diagonal, first, right = diagonals[0], firsts[0], rights[0]
    below, right_below = diagonals[1], rights[1]
    for next_first, last, right_last in zip(firsts[1:], diagonals[2:], rights[2:], strict=False):
        rows.append((diagonal, first, right))
        one, two = first / diagonal, second / diagonal
        diagonal, first, below = below - one * first, next_first - one * second, last - two * second
        right, right_below = right_below - one * right, right_last - two * right
    one = first / diagonal
    later = (right_below - one * right) / (below - one * first)
    after = (right - first * later) / diagonal
    curve = [later, after]
    for diagonal, first, right in reversed(rows):
        after, later = (right - first * after - second * later) / diagonal, after
        curve.append(after)
    return np.array(curve[::-1], np.float32)


@lru_cache(256)
def _bending_energy(n: int, stiffness: float) -> tuple[NDArray[np.float64], list[float]]:
    """The (N,) main and the first off-diagonal of stiffness * D'D, D taking second differences."""
    bends = np.zeros((2, n))
    for at, (a, b) in enumerate(((1, -2), (4, -2), (1, 0))):
        bends[:, at : at + n - 2] += np.array([[a], [b]])
    return stiffness * bends[0], (stiffness * bends[1]).tolist()


def _usual_ridge(ridges: Floats) -> float:
    """The usual ridge of a line, from the (5, N) ridges at five lines.

    In each column the middle of five, since clutter hides two lines at most; of these the clearest fifth,
    since the staff may fill no more of the width of the image.
    """
    return max(quantile(np.sort(ridges, axis=0)[ridges.shape[0] // 2], 0.8), 1e-3)


def _extent(straight: Floats) -> tuple[int, int, Floats, Floats]:
    """First and last cell of the lines of a straightened image (R, C), and their (9,) shares and (5,) gaps.

    A line that is seen speaks for a cell, paper in its place against it; where ink covers it (a clef, a
    beam, a bar line) it says nothing.
    """
    ridges = cv2.blur(to_ridges(straight, 3), (3, 1))
    centres = (_REACH + np.arange(-4, 5)) * ROWS
    heights = np.maximum(ridges[centres], np.maximum(ridges[centres - 1], ridges[centres + 1]))
    enough = 0.45 * _usual_ridge(heights[2:7])
    seen = heights > enough  # (9, C)
    # Level beams may lie all along where a sixth line would; they are thicker than lines.
    beside = np.maximum(straight[centres - 2], straight[centres + 2])
    seen[[0, 1, 7, 8]] &= (beside < _THICK * straight[centres])[[0, 1, 7, 8]]
    paper = cv2.blur(straight[centres[2:7]], (3, 1)) < enough
    gaps = paper & ~seen[2:7]
    # The stretch of cells with the greatest sum of gains.
    sums = np.concatenate([[0.0], np.cumsum((seen[2:7].sum(axis=0) - gaps.sum(axis=0)) / 5)])
    end = int(np.argmax(sums - np.minimum.accumulate(sums)))
    first = int(np.argmin(sums[: end + 1]))
    last = max(first, end - 1)
    shares = [part[:, first : last + 1].mean(axis=1).astype(np.float32) for part in (seen, gaps)]
    return first, last, shares[0], shares[1]
