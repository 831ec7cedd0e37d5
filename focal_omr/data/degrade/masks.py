"""Random masks over a strip, which make two copies of it two views of one staff.

Source: the time and frequency masks of SpecAugment (arXiv 1904.08779), as used by CR-CTC (arXiv 2410.05101),
here with sizes in staff spaces.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.staff.strip import STAFF_SPACE_PX

_SPACES_PER_MASK = 12  # up to 1 + width / 12 spaces column masks
_MAX_WIDTH, _MAX_HEIGHT = 1.5, 2.0  # spaces


def masked(strip: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Copy a strip (H, W) with some columns and rows set to paper."""
    out = strip.copy()
    height, width = out.shape
    for _ in range(rng.integers(1 + width // (_SPACES_PER_MASK * STAFF_SPACE_PX), endpoint=True)):
        size = round(rng.uniform(0.2, _MAX_WIDTH) * STAFF_SPACE_PX)
        start = int(rng.integers(max(1, width - size)))
        out[:, start : start + size] = 0
    for _ in range(rng.integers(2, endpoint=True)):
        size = round(rng.uniform(0.2, _MAX_HEIGHT) * STAFF_SPACE_PX)
        start = int(rng.integers(max(1, height - size)))
        out[start : start + size] = 0
    return out
