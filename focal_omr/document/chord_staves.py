"""Note heads that stand one above another: the sign of chords and of several voices on a staff."""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.strip import MARGIN_SPACES, STAFF_SPACE_PX

__all__ = ["stacked_share"]

_HEAD_PX = (7, 6)  # what fits into a head of 10 x 8 px, and not into a beam, which is 4 px thick
_OPENING_SPACES = 3  # of a clef, whose blobs are no heads
_SAME_COLUMN_PX = 7  # heads of one chord, seconds among them, are less than a head apart
_APART_PX = 5  # a third, the closest that heads stand one above another, is 8 px
_TALL_PX, _WIDE_PX = 11, 16  # two heads that touch are taller than one, and no wider
_FEWEST = 4


def stacked_share(ink: NDArray[np.float32]) -> float:
    """The share of the filled note heads of a strip that have another above or below them.

    Observed: 0 in the middle of monophonic staves, but up to 0.6 where thick beams look like heads; 0.4 to
    0.9 of staves with chords, 0.1 to 0.7 of those with two voices. So it is a hint, and needs another.

    Args:
        ink: (96, W) a strip.

    Returns:
        0 .. 1; 0 where fewer than four heads are seen.
    """
    opened = cv2.morphologyEx(
        (ink > 0.5).astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, _HEAD_PX)
    )
    _, _, stats, centres = cv2.connectedComponentsWithStats(opened, connectivity=4)
    start = (MARGIN_SPACES + _OPENING_SPACES) * STAFF_SPACE_PX
    blobs = np.column_stack([centres, stats[:, 2:4]])[1:]  # x, y, width, height; without the paper
    blobs = blobs[blobs[:, 0] > start]
    if len(blobs) < _FEWEST:
        return 0.0
    x, y = blobs[:, 0], blobs[:, 1]
    beside = np.abs(x[:, None] - x) < _SAME_COLUMN_PX
    stacked = (beside & (np.abs(y[:, None] - y) > _APART_PX)).any(axis=1)
    double = (blobs[:, 3] >= _TALL_PX) & (blobs[:, 2] <= _WIDE_PX)
    return float((stacked | double).mean())
