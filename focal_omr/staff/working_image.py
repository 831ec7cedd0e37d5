"""Working image: darkness at 8 rows and 4 cells per staff space, whatever the size of the image.

Means over short column blocks keep staff lines and average out noise. Lines are detected as ridges: rows that
are darker than the rows above and below them. Shapes: R rows and C cells of a working image.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

ROWS = 8  # rows of the working image per staff space
CELLS = 4  # columns ("cells") of the working image per staff space
LINES = np.arange(-2, 3)  # the five lines, in staff spaces below the middle one
_COARSE_PX = (
    32  # a larger staff space gains nothing: its rows have 4 px, a rounding moves them by less than one
)
_THICK_ROWS = 3  # of ink thicker than a line: beams have 4 rows, lines 2 at most


@dataclass(frozen=True)
class WorkingImage:
    """A working image and its scale.

    Attributes:
        darkness: (R, C) float32, 0 paper to 1 black, means over cells.
        row_px: image pixels per row.
        cell_px: image pixels per cell.
    """

    darkness: Floats
    row_px: float
    cell_px: float


def make_working_image(gray: NDArray[np.uint8], *, space_px: float) -> WorkingImage:
    """Make the working image of (H, W) uint8 gray levels with a staff space of about `space_px`."""
    shrink = max(1, int(space_px) // _COARSE_PX)
    if shrink > 1:  # integer factors are ten times faster
        height, width = (max(1, side // shrink) for side in gray.shape)
        whole = gray[: height * shrink, : width * shrink]
        gray = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        space_px = space_px / shrink
    height, width = gray.shape
    cells, rows = max(1, round(width * CELLS / space_px)), max(1, round(height * ROWS / space_px))
    size = (min(cells, width), min(rows, height))
    means = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    if size != (cells, rows):
        means = cv2.resize(means, (cells, rows), interpolation=cv2.INTER_LINEAR)
    darkness = to_darkness(np.asarray(means))
    return WorkingImage(darkness, height * shrink / rows, width * shrink / cells)


def to_darkness(means: NDArray[np.uint8] | Floats) -> Floats:
    """Compute 1 - value / paper; the paper is the lightest value within about a space, averaged over two.

    Args:
        means: (R, C) gray levels 0 to 255; a dilation of uint8 is ten times as fast as one of float32.

    Returns:
        (R, C) float32, 0 to 1.
    """
    lightest = cv2.dilate(means, np.ones((2 * ROWS + 1, 5), np.uint8))
    paper = cv2.max(cv2.blur(np.asarray(lightest, np.float32), (5, 5)), 1.0)
    darkness = cv2.subtract(1.0, cv2.divide(np.asarray(means, np.float32), paper))
    return np.asarray(np.clip(darkness, 0, 1, out=darkness), np.float32)


def without_thick(darkness: Floats) -> Floats:
    """Remove from the (R, C) darkness what is thicker than lines: beams, heads, stems.

    The edges of the beams of 32nds and 64ths are as straight and as evenly spaced as lines; with them, the
    comb lay on beams, or a line off, in 1 of 20 staves that are full of such notes.
    """
    kernel = np.ones((_THICK_ROWS, 1), np.uint8)
    return np.asarray(darkness - cv2.morphologyEx(darkness, cv2.MORPH_OPEN, kernel), np.float32)


def to_ridges(darkness: Floats, arm: int) -> Floats:
    """How much darker each row is than both rows at distance `arm`, (R, C) -> (R, C); 0 where it is not."""
    padded = cv2.copyMakeBorder(darkness, arm, arm, 0, 0, cv2.BORDER_CONSTANT, value=0)
    neighbours = np.maximum(padded[: -2 * arm], padded[2 * arm :])
    return np.asarray(np.maximum(darkness - neighbours, 0), np.float32)


def quantile(values: NDArray[Any], share: float) -> float:
    """Linear `np.quantile` of an array of any shape, such as (R, C); ten times as fast on few values."""
    flat = values.ravel()
    place = share * (flat.size - 1)
    low = int(place)
    high = min(low + 1, flat.size - 1)
    parted = np.partition(flat, (low, high))
    return float(parted[low]) + (float(parted[high]) - float(parted[low])) * (place - low)


def resample(values: Floats, count: int) -> Floats:
    """Resample (N,) values of equal blocks to (M,) = `count` blocks, linearly between their centres."""
    at = (np.arange(count) + 0.5) * values.size / count - 0.5
    return np.interp(at, np.arange(values.size), values).astype(np.float32)
