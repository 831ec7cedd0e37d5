"""What wear has to know of a picture's ink: between which rows it lies, and how dark its staff lines are."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ink_rows", "line_darkness"]

# Of the pixels of a staff's crop 3.5 to 7 % belong to its lines, and 1 to 3 % to beams, which are darker.
_LINES_AT = 96


def ink_rows(gray: NDArray[np.uint8]) -> tuple[int, int]:
    """The first and the last row with ink: the music lies between them."""
    rows = np.flatnonzero(gray.min(axis=1) < 128)
    return (int(rows[0]), int(rows[-1])) if len(rows) else (0, gray.shape[0] - 1)


def line_darkness(gray: NDArray[np.uint8], *, space_px: float) -> float:
    """By how many gray values the staff lines of an unworn or softened picture are darker than its paper.

    Observed on plates: 80 for engravings with the thinnest lines (half a pixel), 250 for the thickest.
    """
    paper = float(np.median(gray))
    wide = cv2.getStructuringElement(cv2.MORPH_RECT, (max(3, round(1.5 * space_px)), 1))
    straight = cv2.dilate(gray, wide)  # what remains dark is level for one and a half spaces
    return max(8.0, paper - float(np.percentile(straight[:, :: max(1, wide.shape[1] // 3)], 100 - _LINES_AT)))
