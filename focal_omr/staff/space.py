"""The staff space: the distance at which the ridges of block means repeat three times.

Source: the staff space as the most frequent distance of lines: Cardoso and Rebelo, "Robust staffline
thickness and distance estimation in binary and gray-level music scores", ICPR 2010. Deviation: on the means
of blocks, in octaves of size, not on the runs of single columns.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.working_image import Floats, quantile, to_darkness, to_ridges

_REPEAT_SHARES = np.array([4 / 5, 3 / 5, 2 / 5])  # of five lines that meet a line 1, 2 and 3 spaces away
_SPACES = np.array([[1], [2], [3]])
_LEAST_LAG = 3  # rows
_PIECE = 8192
_SPACE_BLOCK_PX = 12  # columns of a block in the smallest octave, where a space has 3.5 to 8 rows


def space_candidates(gray: NDArray[np.uint8]) -> list[float]:
    """Likely staff spaces in pixels, the likeliest first; after those that are found their multiples.

    In each octave the ridges of block means are compared with themselves, shifted down. Five lines match
    at 1, 2 and 3 spaces with 4/5, 3/5 and 2/5 of their strength; a multiple or a half of the space matches
    at one of these only.
    """
    found: list[tuple[float, float]] = []
    wide = min(_SPACE_BLOCK_PX, gray.shape[1])
    blocks = gray.shape[1] // wide
    means = cv2.resize(gray[:, : blocks * wide], (blocks, gray.shape[0]), interpolation=cv2.INTER_AREA)
    shrink = 1
    while means.shape[0] >= 4 * 4:
        ridges = to_ridges(to_darkness(np.asarray(means)), 2)
        found += [(score, lag * shrink) for score, lag in _repeats(ridges)]
        rows, blocks = means.shape[0] // 2, max(1, means.shape[1] // 2)
        means = cv2.resize(means[: rows * 2, : blocks * 2], (blocks, rows), interpolation=cv2.INTER_AREA)
        shrink *= 2
    likely: list[float] = []
    for _, space in sorted(found, reverse=True):
        if _is_new(space, likely):
            likely.append(space)
    # Thin lines in a small picture: a half or a third of the space was all that was found of 1 staff in 50.
    spaces = likely[:3]
    for multiple in (2 * space for space in likely[:3]), (3 * space for space in likely[:3]):
        spaces += [space for space in multiple if _is_new(space, spaces) and 6 * space < gray.shape[0]]
    return spaces


def _is_new(space: float, others: list[float]) -> bool:
    return all(abs(space / other - 1) > 0.06 for other in others)


def _shifted_products(flat: Floats, shift: int) -> float:
    """The sum of the products of (N,) with itself `shift` places on.

    In pieces: on longer ones numpy waits for other threads.
    """
    moved, total = flat[shift:], 0.0
    for at in range(0, moved.size, _PIECE):
        piece = moved[at : at + _PIECE]
        total += float(piece.dot(flat[at : at + piece.size]))
    return total


def _repeats(ridges: Floats) -> list[tuple[float, float]]:
    """(score, lag in rows) of the best lag between 3.5 and 8 rows at which ridges (rows, blocks) repeat."""
    rows = ridges.shape[0]
    top = min(24, rows - 1)
    clipped = np.minimum(ridges, max(quantile(ridges, 0.9), 0.02))
    wide = cv2.blur(clipped, (1, 3), borderType=cv2.BORDER_CONSTANT)
    centred = wide - wide.mean()
    flat, blocks = centred.ravel(), centred.shape[1]
    own = _shifted_products(flat, 0)
    if own <= 0:
        return []
    match = np.zeros(top + 1)
    for lag in range(_LEAST_LAG, top + 1):  # as `lags` below
        match[lag] = _shifted_products(flat, lag * blocks) / own
    lags = np.arange(3.5, min(8.01, top / 3), 0.05)
    if not lags.size:
        return []
    shares = np.interp(_SPACES * lags, np.arange(top + 1), match) / _REPEAT_SHARES[:, None]
    scores = _REPEAT_SHARES @ shares
    best = int(scores.argmax())
    # A half or a third of the space matches at S only. It is kept, but comes after the space itself.
    evenness = min(max(float(shares[:, best].min()), 0.1), 1.0)
    return [(float(scores[best]) * evenness, float(lags[best]))]
