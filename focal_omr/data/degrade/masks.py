"""Stretches of a strip hidden, so that two copies of it are two views of one staff.

Source: the time and frequency masks of SpecAugment (arXiv 1904.08779), as CR-CTC takes them
(arXiv 2410.05101), in staff spaces.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.staff.strip import STAFF_SPACE_PX

_COLUMNS_EACH = 12  # spaces of a strip for one mask of columns
_WIDEST, _TALLEST = 1.5, 2.0  # spaces


def masked(strip: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """A copy of a strip, (H, W), some columns and rows of which are paper."""
    out = strip.copy()
    height, width = out.shape
    for _ in range(rng.integers(1 + width // (_COLUMNS_EACH * STAFF_SPACE_PX), endpoint=True)):
        size = round(rng.uniform(0.2, _WIDEST) * STAFF_SPACE_PX)
        start = int(rng.integers(max(1, width - size)))
        out[:, start : start + size] = 0
    for _ in range(rng.integers(2, endpoint=True)):
        size = round(rng.uniform(0.2, _TALLEST) * STAFF_SPACE_PX)
        start = int(rng.integers(max(1, height - size)))
        out[start : start + size] = 0
    return out
