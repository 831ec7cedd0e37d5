"""Share of stacked note heads: a hint at chords or several voices on a staff."""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.strip import MARGIN_SPACES, STAFF_SPACE_PX

__all__ = ["stacked_head_share"]

_HEAD_PX = (7, 6)  # fits into a head of 10 x 8 px, but not into a beam, which is 4 px thick
_CLEF_SPACES = 3  # skipped at the start: the blobs of a clef are no heads
_SAME_COLUMN_PX = 7  # heads of one chord, seconds included, are less than a head apart
_ABOVE_PX = 5  # stacked heads are at least a third apart: 8 px
_TALL_PX, _WIDE_PX = 11, 16  # two heads that touch are taller than one, and no wider
_MIN_HEADS = 4


def stacked_head_share(ink: NDArray[np.float32]) -> float:
    """The share of the filled note heads of a strip that have another one above or below them.

    Observed: 0 in the middle of monophonic staves, but up to 0.6 where thick beams look like heads; 0.4 to
    0.9 for staves with chords, 0.1 to 0.7 for two voices. So it is a hint that needs confirmation.

    Args:
        ink: A strip, (96, W), 0 .. 1.

    Returns:
        0 .. 1; 0 if fewer than four heads are found.
    """
    opened = cv2.morphologyEx(
        (ink > 0.5).astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, _HEAD_PX)
    )
    _, _, stats, centres = cv2.connectedComponentsWithStats(opened, connectivity=4)
    start = (MARGIN_SPACES + _CLEF_SPACES) * STAFF_SPACE_PX
    blobs = np.column_stack([centres, stats[:, 2:4]])[1:]  # x, y, width, height; without the background
    blobs = blobs[blobs[:, 0] > start]
    if len(blobs) < _MIN_HEADS:
        return 0.0
    x, y = blobs[:, 0], blobs[:, 1]
    same_column = np.abs(x[:, None] - x) < _SAME_COLUMN_PX
    stacked = (same_column & (np.abs(y[:, None] - y) > _ABOVE_PX)).any(axis=1)
    touching = (blobs[:, 3] >= _TALL_PX) & (blobs[:, 2] <= _WIDE_PX)
    return float((stacked | touching).mean())
