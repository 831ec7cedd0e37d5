"""What wear has to know of a picture's ink: between which rows it lies, and how dark its staff lines are."""

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ink_rows", "line_darkness", "threshold_below"]

_FAINTEST = 12  # gray values; less is grain of the paper


def ink_rows(gray: NDArray[np.uint8]) -> tuple[int, int]:
    """The first and the last row with ink: the music lies between them."""
    rows = np.flatnonzero(gray.min(axis=1) < 128)
    return (int(rows[0]), int(rows[-1])) if len(rows) else (0, gray.shape[0] - 1)


def line_darkness(gray: NDArray[np.uint8], *, space_px: float) -> float:
    """By how many gray values the staff lines of an unworn or softened picture are darker than its paper.

    Observed on plates: 100 for engravings with the thinnest lines (half a pixel), 255 for the thickest.
    """
    wide = cv2.getStructuringElement(cv2.MORPH_RECT, (max(3, round(1.5 * space_px)), 1))
    tall = cv2.getStructuringElement(cv2.MORPH_RECT, (1, max(3, 2 * round(0.22 * space_px) + 1)))
    straight = cv2.dilate(gray, wide)  # what remains dark is level for one and a half spaces
    thin = cv2.morphologyEx(straight, cv2.MORPH_BLACKHAT, tall)  # ... and thinner than a beam, which has 0.5
    levels = thin[thin > _FAINTEST]
    # A soft line has flanks as well as a middle; the middle is what counts.
    return float(np.percentile(levels, 70)) if len(levels) else float(_FAINTEST)


def threshold_below(lines: float, share: float) -> float:
    """How far below the paper to cut between ink and paper: at this share of the lines' darkness.

    Less than 40 below it the soft edge of ink fills the half notes of thin-lined prints; but beyond 0.75 of
    the lines' darkness there are no lines left, and that counts for more.
    """
    return min(max(40.0, lines * share), 0.75 * lines)
