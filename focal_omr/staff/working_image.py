"""The working picture: darkness at 8 rows and 4 cells to a staff space, whatever the picture's size.

Means over short column blocks keep staff lines and lose noise. Lines are looked for as ridges: rows that are
darker than the rows above and below them.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS = 8  # rows per staff space of the working picture
CELLS = 4  # columns ("cells") per staff space of the working picture
LINES = np.arange(-2, 3)
_COARSE_PX = 32  # a staff space that is as good as a larger one: rows of 4 px, moved by less than one
_THICK_ROWS = 3  # of ink thicker than a line: beams have 4 rows, lines 2 at most


@dataclass(frozen=True)
class Work:
    """A working picture.

    Attributes:
        darkness: (rows, cells) 0 .. 1, means over cells, 8 x 4 to a staff space.
        row_px: Pixels of the picture to a row.
        cell_px: Pixels of the picture to a cell.
    """

    darkness: Floats
    row_px: float
    cell_px: float


def work_picture(gray: NDArray[np.uint8], *, space_px: float) -> Work:
    """The working picture of (H, W) gray values whose staff space is about `space_px`."""
    shrink = max(1, int(space_px) // _COARSE_PX)
    if shrink > 1:  # whole numbers shrink ten times faster
        height, width = (max(1, side // shrink) for side in gray.shape)
        whole = gray[: height * shrink, : width * shrink]
        gray = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        space_px = space_px / shrink
    height, width = gray.shape
    cells, rows = max(1, round(width * CELLS / space_px)), max(1, round(height * ROWS / space_px))
    wide, high = min(cells, width), min(rows, height)
    means = cv2.resize(gray, (wide, high), interpolation=cv2.INTER_AREA)
    if (wide, high) != (cells, rows):
        means = cv2.resize(means, (cells, rows), interpolation=cv2.INTER_LINEAR)
    darkness = to_darkness(np.asarray(means))
    return Work(darkness, height * shrink / rows, width * shrink / cells)


def to_darkness(means: NDArray[np.uint8] | Floats) -> Floats:
    """1 - value / paper, the paper being the lightest value within about a space, averaged over two.

    Args:
        means: (rows, columns) of 0..255; the lightest of bytes is found ten times as fast as that of floats.
    """
    lightest = cv2.dilate(means, np.ones((2 * ROWS + 1, 5), np.uint8))
    paper = cv2.max(cv2.blur(np.asarray(lightest, np.float32), (5, 5)), 1.0)
    darkness = cv2.subtract(1.0, cv2.divide(np.asarray(means, np.float32), paper))
    return np.asarray(np.clip(darkness, 0, 1, out=darkness), np.float32)


def without_thick(darkness: Floats) -> Floats:
    """The darkness without what is thicker than lines: beams, heads, stems.

    The edges of the beams of 32nds and 64ths are as straight and as evenly spaced as lines; with them, the
    comb lay on beams, or a line off, in 1 of 20 staves that are full of such notes.
    """
    kernel = np.ones((_THICK_ROWS, 1), np.uint8)
    return np.asarray(darkness - cv2.morphologyEx(darkness, cv2.MORPH_OPEN, kernel), np.float32)


def to_ridges(darkness: Floats, arm: int) -> Floats:
    """How much darker each row is than both the rows `arm` above and below it; 0 where it is not."""
    padded = cv2.copyMakeBorder(darkness, arm, arm, 0, 0, cv2.BORDER_CONSTANT, value=0)
    neighbours = np.maximum(padded[: -2 * arm], padded[2 * arm :])
    return np.asarray(np.maximum(darkness - neighbours, 0), np.float32)


def quantile(values: NDArray[Any], share: float) -> float:
    """As `np.quantile` of all values together, straight between two of them; a tenth of its time on a few."""
    flat = values.ravel()
    place = share * (flat.size - 1)
    low = int(place)
    high = min(low + 1, flat.size - 1)
    parted = np.partition(flat, (low, high))
    return float(parted[low]) + (float(parted[high]) - float(parted[low])) * (place - low)


def to_cells(values: Floats, cells: int) -> Floats:
    """(blocks,) -> (cells,), straight between the middles of the blocks."""
    at = (np.arange(cells) + 0.5) * values.size / cells - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)
