"""A comb of five teeth, led through the blocks of a working picture by dynamic programming.

It follows skew and curl. Source: staff lines as the best path through the picture: Cardoso et al., "Staff
detection with stable paths", TPAMI 2009. Deviation: on block means and on all five lines at once, not on
pixels and single lines.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.working_image import LINES, ROWS, Floats, quantile

BLOCK = 6  # cells per block of the path search: 1.5 spaces, in which 5 degrees are 0.13 spaces
_BLOCK_SHIFT = 2  # rows that the path may climb per block: 1 in 6, or 9 degrees


def comb_sums(ridges: Floats, limit: float) -> Floats:
    """(rows, blocks) sum of the ridges at the five lines of a staff whose middle line is at each row."""
    reach = 2 * ROWS
    clipped = np.minimum(cv2.blur(ridges, (1, 3), borderType=cv2.BORDER_CONSTANT), np.float32(limit))
    padded = np.pad(clipped, ((reach, reach), (0, 0)))
    rows = ridges.shape[0]
    return np.asarray(sum(padded[reach + k * ROWS :][:rows] for k in LINES), np.float32)


def comb_paths(ridges: Floats) -> list[NDArray[np.intp]]:
    """Paths (blocks,) of rows along which the comb finds most, at most four, best first."""
    limit = max(0.5 * quantile(ridges, 0.97), 1e-3)
    comb = comb_sums(ridges, limit)
    cost = 0.02 * float(comb.max())  # of a row's climb: one line lost for 10 rows
    enough = 0.0
    paths: list[NDArray[np.intp]] = []
    while len(paths) < 4 and float(comb.max(axis=0).sum()) > enough:
        path, total = best_path(comb, cost)
        if total <= enough:
            break
        paths.append(path)
        enough = max(enough, 0.4 * total)
        # Neighbours of this path share its lines; the next staff's middle is 5 spaces away at least.
        away = np.abs(np.arange(comb.shape[0])[:, None] - path) > 4.5 * ROWS
        comb = comb * away
    return paths


def best_path(comb: Floats, cost: float, *, start: int | None = None) -> tuple[NDArray[np.intp], float]:
    """The rows (blocks,) of the path with the greatest sum of the comb, and that sum.

    It is followed from the block `start` to both sides, by default from its clearest place, for beyond a
    staff's ends there is nothing to find.
    """
    forward, backward = _best_sums(comb, cost)
    if start is None:
        start = int(np.argmax(cv2.blur(comb.max(axis=0)[None], (9, 1), borderType=cv2.BORDER_CONSTANT)))
    through = forward[start] + backward[start] - comb[:, start]
    row = int(np.argmax(through))
    left, right = _follow(forward, row, start, -1, cost), _follow(backward, row, start, 1, cost)
    return np.array([*reversed(left), row, *right]), float(through[row])


def _best_sums(comb: Floats, cost: float) -> tuple[Floats, Floats]:
    """(blocks, rows) twice: the greatest sum of a path that ends there, from the left and from the right.

    Both at once, a block in one piece of memory, so that numpy is called a quarter as often.
    """
    sums = np.stack([comb.T, comb.T[::-1]], axis=1)  # (blocks, 2, rows)
    rows = comb.shape[0]
    padded = np.full((2, rows + 2 * _BLOCK_SHIFT), -np.inf, np.float32)
    before = padded[:, _BLOCK_SHIFT:-_BLOCK_SHIFT]
    climbs = np.arange(-_BLOCK_SHIFT, _BLOCK_SHIFT + 1)
    near = np.lib.stride_tricks.sliding_window_view(padded, rows, axis=1).transpose(1, 0, 2)  # (5, 2, rows)
    prices = (cost * np.abs(climbs)).astype(np.float32)[:, None, None]
    worth, best = np.empty(near.shape, np.float32), np.empty((2, rows), np.float32)
    for block in range(1, comb.shape[1]):
        before[:] = sums[block - 1]
        np.subtract(near, prices, out=worth)
        np.maximum.reduce(worth, axis=0, out=best)
        sums[block] += best
    return sums[:, 0], sums[::-1, 1]


def _follow(sums: Floats, row: int, start: int, step: int, cost: float) -> list[int]:
    """The rows of the best path from (row, start) to the edge of the picture, the start excluded.

    Args:
        sums: (blocks, rows).
    """
    blocks, rows = sums.shape
    path = []
    block = start + step
    while 0 <= block < blocks:
        low = max(0, row - _BLOCK_SHIFT)
        near = sums[block, low : min(rows, row + _BLOCK_SHIFT + 1)].tolist()
        worth = [value - cost * abs(at - row) for at, value in enumerate(near, low)]
        row = low + worth.index(max(worth))
        path.append(row)
        block += step
    return path
