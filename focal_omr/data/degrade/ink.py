"""Ink statistics for degradation: the rows with ink and the darkness of the staff lines."""

import cv2
import numpy as np
from numpy.typing import NDArray

_MIN_DARKNESS = 12  # gray values; less is grain of the paper


def ink_rows(gray: NDArray[np.uint8]) -> tuple[int, int]:
    """First and last row with ink of an image (H, W)."""
    rows = np.flatnonzero(gray.min(axis=1) < 128)
    return (int(rows[0]), int(rows[-1])) if len(rows) else (0, gray.shape[0] - 1)


def line_darkness(gray: NDArray[np.uint8], *, space_px: float) -> float:
    """Difference in gray values between the paper and the staff lines of a clean or blurred image (H, W).

    Observed on staff images: 100 for the thinnest lines (half a pixel), 255 for the thickest.
    """
    wide = cv2.getStructuringElement(cv2.MORPH_RECT, (max(3, round(1.5 * space_px)), 1))
    tall = cv2.getStructuringElement(cv2.MORPH_RECT, (1, max(3, 2 * round(0.22 * space_px) + 1)))
    straight = cv2.dilate(gray, wide)  # what stays dark is level over 1.5 spaces
    thin = cv2.morphologyEx(straight, cv2.MORPH_BLACKHAT, tall)  # ... and thinner than a beam (0.5)
    levels = thin[thin > _MIN_DARKNESS]
    # The centre of a blurred line counts, not its flanks.
    return float(np.percentile(levels, 70)) if len(levels) else float(_MIN_DARKNESS)


def threshold_below(lines: float, share: float) -> float:
    """Distance of a binarisation threshold below the paper, in gray values.

    With less than 40, soft edges fill the half notes of thin-lined prints; but beyond 0.75 of the lines'
    darkness the lines disappear, which is worse.

    Args:
        lines: Darkness of the staff lines.
        share: Threshold as a share of it.
    """
    return min(max(40.0, lines * share), 0.75 * lines)
