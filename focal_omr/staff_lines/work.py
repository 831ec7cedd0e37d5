"""The working picture: darkness at 8 rows and 4 cells to a staff space, whatever the picture's size.

Means over short column blocks keep staff lines and lose noise. Lines are looked for as ridges: rows that are
darker than the rows above and below them.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS = 8  # rows per staff space of the working picture
CELLS = 4  # columns ("cells") per staff space of the working picture
LINES = np.arange(-2, 3)
_THICK_ROWS = 3  # of ink thicker than a line: beams have 4 rows, lines 2 at most


def work_means(gray: NDArray[np.uint8], *, space_px: float) -> Floats:
    """(H, W) -> darkness (rows, cells) of the working picture: means over cells, 8 x 4 to a staff space."""
    height, width = gray.shape
    cells, rows = max(1, round(width * CELLS / space_px)), max(1, round(height * ROWS / space_px))
    wide, high = min(cells, width), min(rows, height)
    means = cv2.resize(gray, (wide, high), interpolation=cv2.INTER_AREA)
    if (wide, high) != (cells, rows):
        means = cv2.resize(means, (cells, rows), interpolation=cv2.INTER_LINEAR)
    return to_darkness(np.asarray(means, np.float32))


def to_darkness(means: Floats) -> Floats:
    """1 - value / paper, the paper being the lightest value within about a space, averaged over two."""
    paper = cv2.blur(cv2.dilate(means, np.ones((2 * ROWS + 1, 5), np.uint8)), (5, 5))
    return np.asarray(np.clip(1 - means / np.maximum(paper, 1), 0, 1), np.float32)


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


def to_cells(values: Floats, cells: int) -> Floats:
    """(blocks,) -> (cells,), straight between the middles of the blocks."""
    at = (np.arange(cells) + 0.5) * values.size / cells - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)
