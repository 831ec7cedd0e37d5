"""The five lines along a path: measured against it, fitted by a smooth curve, and where they end."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.working_image import CELLS, LINES, ROWS, Floats, quantile, to_cells, to_ridges

_THICK = 0.6  # of the darkness in the middle: what has more a quarter of a space beside it is a beam
_STIFFNESS = 4.0  # of the fitted middle line, per block of one space
_SPACE_STIFFNESS = 4000.0  # of the fitted staff space; in photographs it changes by 5 % over 30 spaces
REACH = 5  # spaces above and below the middle line in the straightened picture
_NEAR = 3  # ... in one that shows the five lines alone
_AROUND = np.arange(-3, 4)[:, None]  # rows in which a line is looked for, around the expected one


@dataclass(frozen=True)
class Trace:
    """A candidate, in cells and rows of the working picture."""

    middle: Floats  # (cells,) row of the middle line
    space: Floats  # (cells,) rows between two lines
    first: int  # first cell of the lines
    last: int  # last cell of the lines
    shares: Floats  # (9,) share of the length over which a line is seen at -4 .. 4 spaces from the middle
    gaps: Floats  # (5,) share of the length over which there is paper in the place of each of the five lines
    steadiness: float  # share of the five lines' length that lies within 0.08 spaces of the fit
    width: float  # darkness a quarter of a space beside the lines, relative to that of the lines

    @property
    def length_spaces(self) -> float:
        return (self.last - self.first + 1) / CELLS


def refine(work: Floats, middle: Floats, *, space_rows: float = ROWS) -> Trace:
    """Measure the five lines along a path, fit a smooth one, find its ends.

    Args:
        work: (rows, cells) a working picture.
        middle: (cells,) row of the middle line, right to half a space.
        space_rows: distance of the lines there, right to a tenth.
    """
    space = np.full(middle.size, space_rows, np.float32)
    for _ in range(2):
        heights, weights = _line_heights(straightened(work, middle, space, reach=_NEAR))
        at = (np.arange(heights.shape[1]) + 0.5) * middle.size / heights.shape[1] - 0.5
        expected = np.interp(at, np.arange(middle.size), middle).astype(np.float32)
        fitted, stretches = _fit(heights, weights, expected)
        middle = to_cells(fitted, middle.size)
        space = space + to_cells(stretches, middle.size)
    straight = straightened(work, middle, space)
    first, last, shares, gaps = _extent(straight)
    heights, weights = _line_heights(straight)
    steady = ((np.abs(heights) < 0.08 * ROWS) & (weights > 0)).mean(axis=0)
    steadiness = float(to_cells(steady.astype(np.float32), middle.size)[first : last + 1].mean())
    width = _width(straight[:, first : last + 1])
    return Trace(middle, space, first, last, shares, gaps, steadiness, width)


def _width(straight: Floats) -> float:
    """How dark it is 0.25 spaces above and below the lines, relative to the lines: see `is_staff`."""
    centres = (REACH + LINES) * ROWS
    beside = np.maximum(straight[centres - 2], straight[centres + 2])
    return quantile(beside, 0.5) / max(quantile(straight[centres], 0.5), 1e-3)


def straightened(work: Floats, middle: Floats, space: Floats, *, reach: int = REACH) -> Floats:
    """(rows, cells) -> (2 * reach * ROWS + 1, cells) with the middle line in the central row."""
    below = np.arange(-reach * ROWS, reach * ROWS + 1, dtype=np.float32) / np.float32(ROWS)
    map_y = middle[None, :] + below[:, None] * space[None, :]
    map_x = np.broadcast_to(np.arange(middle.size, dtype=np.float32), map_y.shape)
    straight = cv2.remap(work, np.ascontiguousarray(map_x), map_y, cv2.INTER_LINEAR, borderValue=0)
    return np.asarray(straight, np.float32)


def _line_ridges(straight: Floats, cells: int) -> Floats:
    """(rows, width) -> (rows, blocks) ridges of means over `cells` cells."""
    blocks = max(1, round(straight.shape[1] / cells))
    means = cv2.resize(straight, (blocks, straight.shape[0]), interpolation=cv2.INTER_AREA)
    return to_ridges(np.asarray(means, np.float32), 3)


def _line_heights(straight: Floats) -> tuple[Floats, Floats]:
    """Where the five lines lie in a straightened picture, against where they should.

    Returns:
        (5, blocks) rows below the expected row, within -2.5..2.5, and (5, blocks) weights 0..1.
    """
    ridges = cv2.blur(_line_ridges(straight, CELLS), (3, 1))
    expected = straight.shape[0] // 2 + LINES * ROWS
    peak = ridges[expected + _AROUND].argmax(axis=0) - 3  # (5, blocks)
    np.clip(peak, -2, 2, out=peak)
    rows, columns = expected[:, None] + peak, np.arange(ridges.shape[1])
    before, at, after = (ridges[rows + d, columns] for d in (-1, 0, 1))
    curvature = np.maximum(2 * at - before - after, 1e-6)
    bend = np.clip(0.5 * (after - before) / curvature, -0.5, 0.5)
    level = _level(at)
    weights = np.clip(at / level, 0, 1) * (at > 0.3 * level)
    return (peak + bend).astype(np.float32), weights.astype(np.float32)


def _fit(heights: Floats, weights: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """(5, blocks) heights of the lines -> (blocks,) smooth middle line and change of the staff space.

    The middle line itself is smoothed, not what it changes by: the path before may have followed a slur.
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
    bends, firsts = _bends(n, stiffness)
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
def _bends(n: int, stiffness: float) -> tuple[NDArray[np.float64], list[float]]:
    """The diagonal (n,) and what is beside it of stiffness * D'D, D taking second differences."""
    bends = np.zeros((2, n))
    for at, (a, b) in enumerate(((1, -2), (4, -2), (1, 0))):
        bends[:, at : at + n - 2] += np.array([[a], [b]])
    return stiffness * bends[0], (stiffness * bends[1]).tolist()


def _level(seen: Floats) -> float:
    """(5, N) ridges at the five lines -> the usual one of a line.

    In each column the middle of five, since clutter hides two lines at most; then that of the clearest
    fifth, since the staff may fill no more of the picture's width.
    """
    return max(quantile(np.sort(seen, axis=0)[seen.shape[0] // 2], 0.8), 1e-3)


def _extent(straight: Floats) -> tuple[int, int, Floats, Floats]:
    """First and last cell of the lines; shares of that length: lines seen (9,), gaps in the five (5,).

    A line that is seen speaks for a cell, paper in its place against it; where ink covers it (a clef, a
    beam, a bar line) it says nothing.
    """
    ridges = cv2.blur(to_ridges(straight, 3), (3, 1))
    centres = (REACH + np.arange(-4, 5)) * ROWS
    heights = np.maximum(ridges[centres], np.maximum(ridges[centres - 1], ridges[centres + 1]))
    enough = 0.45 * _level(heights[2:7])
    seen = heights > enough  # (9, cells)
    # Level beams may lie all along where a sixth line would; they are thicker than lines.
    beside = np.maximum(straight[centres - 2], straight[centres + 2])
    seen[[0, 1, 7, 8]] &= (beside < _THICK * straight[centres])[[0, 1, 7, 8]]
    paper = cv2.blur(straight[centres[2:7]], (3, 1)) < enough
    gaps = paper & ~seen[2:7]
    first, last = best_stretch((seen[2:7].sum(axis=0) - gaps.sum(axis=0)) / 5)
    shares = [part[:, first : last + 1].mean(axis=1).astype(np.float32) for part in (seen, gaps)]
    return first, last, shares[0], shares[1]


def best_stretch(gain: NDArray[np.float64]) -> tuple[int, int]:
    """The first and last cell of the stretch with the greatest sum of gains."""
    sums = np.concatenate([[0.0], np.cumsum(gain)])
    last = int(np.argmax(sums - np.minimum.accumulate(sums)))
    first = int(np.argmin(sums[: last + 1]))
    return first, max(first, last - 1)
