"""Staff space estimation: the distance at which the ridges of block means repeat three times.

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
_CHUNK = 8192
_SPACE_BLOCK_PX = 12  # columns of a block in the first octave, where a space has 3.5 to 8 rows
_SAME = 0.06  # relative difference of two candidates that are one


def space_candidates(gray: NDArray[np.uint8]) -> list[float]:
    """Likely staff spaces in pixels, the likeliest first, followed by their multiples.

    In each octave of size the ridges of block means are correlated with themselves, shifted down. Five lines
    match at 1, 2 and 3 spaces with 4/5, 3/5 and 2/5 of their strength; a multiple or a half of the space
    matches at one of these only.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
    """
    found: list[tuple[float, float]] = []
    wide = min(_SPACE_BLOCK_PX, gray.shape[1])
    blocks = gray.shape[1] // wide
    means = cv2.resize(gray[:, : blocks * wide], (blocks, gray.shape[0]), interpolation=cv2.INTER_AREA)
    shrink = 1
    while means.shape[0] >= 4 * 4:
        if (best := _best_lag(to_ridges(to_darkness(np.asarray(means)), 2))) is not None:
            found.append((best[0], best[1] * shrink))
        rows, blocks = means.shape[0] // 2, max(1, means.shape[1] // 2)
        means = cv2.resize(means[: rows * 2, : blocks * 2], (blocks, rows), interpolation=cv2.INTER_AREA)
        shrink *= 2
    likely: list[float] = []
    for _, space in sorted(found, reverse=True):
        if all(abs(space / other - 1) > _SAME for other in likely):
            likely.append(space)
    # Thin lines in a small image: only a half or a third of the space was found for 1 staff in 50.
    spaces = likely[:3]
    for factor in (2, 3):
        for space in (factor * each for each in likely[:3]):
            if 6 * space < gray.shape[0] and all(abs(space / other - 1) > _SAME for other in spaces):
                spaces.append(space)
    return spaces


def _best_lag(ridges: Floats) -> tuple[float, float] | None:
    """(score, lag in rows) of the lag between 3.5 and 8 rows at which ridges (R, N) repeat best."""
    top = min(24, ridges.shape[0] - 1)
    clipped = np.minimum(ridges, max(quantile(ridges, 0.9), 0.02))
    wide = cv2.blur(clipped, (1, 3), borderType=cv2.BORDER_CONSTANT)
    centred = wide - wide.mean()
    flat, blocks = centred.ravel(), centred.shape[1]
    match = np.zeros(top + 1)
    energy = 0.0
    for lag in (0, *range(_LEAST_LAG, top + 1)):
        moved, total = flat[lag * blocks :], 0.0
        for at in range(0, moved.size, _CHUNK):  # on longer vectors numpy waits for other threads
            chunk = moved[at : at + _CHUNK]
            total += float(chunk.dot(flat[at : at + chunk.size]))
        if lag == 0:
            energy = total
            if energy <= 0:
                return None
        else:
            match[lag] = total / energy
    lags = np.arange(3.5, min(8.01, top / 3), 0.05)
    if not lags.size:
        return None
    shares = np.interp(_SPACES * lags, np.arange(top + 1), match) / _REPEAT_SHARES[:, None]
    scores = _REPEAT_SHARES @ shares
    best = int(scores.argmax())
    # A half or a third of the space matches at one multiple only. It is kept, but ranks below the space
    # itself.
    evenness = min(max(float(shares[:, best].min()), 0.1), 1.0)
    return float(scores[best]) * evenness, float(lags[best])
