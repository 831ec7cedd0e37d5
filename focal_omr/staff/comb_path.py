"""Comb of five teeth, led through the blocks of a working image by dynamic programming.

The path follows skew and curl. Shapes: R rows of the working image, N blocks of `BLOCK` cells. Source: staff
lines as the best path through the image: Cardoso et al., "Staff detection with stable paths", TPAMI 2009.
Deviation: on block means and on all five lines at once, not on pixels and single lines.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.working_image import LINES, ROWS, Floats, quantile

BLOCK = 6  # cells per block of the path search: 1.5 spaces, in which 5 degrees are 0.13 spaces
_BLOCK_SHIFT = 2  # rows that the path may climb per block: 1 in 6, or 9 degrees
_MAX_PATHS = 4
_STAFF_REACH_SPACES = 4.5  # the middle line of the next staff is 5 spaces away at least


def comb_paths(ridges: Floats) -> list[NDArray[np.intp]]:
    """Find the paths along which the comb meets most, best first.

    Args:
        ridges: (R, N) ridges of block means.

    Returns:
        at most four paths (N,), the row of the middle tooth in each block.
    """
    reach, rows = 2 * ROWS, ridges.shape[0]
    limit = max(0.5 * quantile(ridges, 0.97), 1e-3)
    clipped = np.minimum(cv2.blur(ridges, (1, 3), borderType=cv2.BORDER_CONSTANT), np.float32(limit))
    padded = np.pad(clipped, ((reach, reach), (0, 0)))
    comb = np.asarray(sum(padded[reach + k * ROWS :][:rows] for k in LINES), np.float32)
    cost = 0.02 * float(comb.max())  # per row of climb: 10 rows cost one line
    enough = 0.0
    paths: list[NDArray[np.intp]] = []
    while len(paths) < _MAX_PATHS and float(comb.max(axis=0).sum()) > enough:
        path, total = best_path(comb, cost)
        if total <= enough:
            break
        paths.append(path)
        enough = max(enough, 0.4 * total)
        # Neighbours of this path share its lines.
        comb = comb * (np.abs(np.arange(rows)[:, None] - path) > _STAFF_REACH_SPACES * ROWS)
    return paths


def best_path(comb: Floats, cost: float, *, start: int | None = None) -> tuple[NDArray[np.intp], float]:
    """Find the path with the greatest sum of the comb, less the cost of its climbs.

    Args:
        comb: (R, N) what the comb meets at each row of each block.
        cost: cost of a climb by one row.
        start: block from which the path is followed to both sides; by default the clearest one, since beyond
            the ends of a staff there is nothing to follow.

    Returns:
        the (N,) rows of the path, and its sum.
    """
    rows, blocks = comb.shape
    forward, backward = _best_sums(comb, cost)
    if start is None:
        start = int(np.argmax(cv2.blur(comb.max(axis=0)[None], (9, 1), borderType=cv2.BORDER_CONSTANT)))
    through = forward[start] + backward[start] - comb[:, start]
    first_row = int(np.argmax(through))
    path = np.full(blocks, first_row, np.intp)
    for sums, side in ((forward, range(start - 1, -1, -1)), (backward, range(start + 1, blocks))):
        row = first_row
        for block in side:
            low = max(0, row - _BLOCK_SHIFT)
            near = sums[block, low : min(rows, row + _BLOCK_SHIFT + 1)].tolist()
            worth = [value - cost * abs(at - row) for at, value in enumerate(near, low)]
            row = low + worth.index(max(worth))
            path[block] = row
    return path, float(through[first_row])


def _best_sums(comb: Floats, cost: float) -> tuple[Floats, Floats]:
    """Greatest sum of a path that ends at each place, (N, R) from the left and (N, R) from the right.

    Both directions at once and a block in contiguous memory, so that numpy is called a quarter as often.
    """
    sums = np.stack([comb.T, comb.T[::-1]], axis=1)  # (N, 2, R)
    rows = comb.shape[0]
    padded = np.full((2, rows + 2 * _BLOCK_SHIFT), -np.inf, np.float32)
    before = padded[:, _BLOCK_SHIFT:-_BLOCK_SHIFT]
    climbs = np.arange(-_BLOCK_SHIFT, _BLOCK_SHIFT + 1)
    near = np.lib.stride_tricks.sliding_window_view(padded, rows, axis=1).transpose(1, 0, 2)  # (5, 2, R)
    costs = (cost * np.abs(climbs)).astype(np.float32)[:, None, None]
    worth, best = np.empty(near.shape, np.float32), np.empty((2, rows), np.float32)
    for block in range(1, comb.shape[1]):
        before[:] = sums[block - 1]
        np.subtract(near, costs, out=worth)
        np.maximum.reduce(worth, axis=0, out=best)
        sums[block] += best
    return sums[:, 0], sums[::-1, 1]
