"""Where a staff lies in a picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Staff"]


@dataclass(frozen=True)
class Staff:
    """Where a staff lies in a picture, in that picture's pixels (a pixel's centre has whole coordinates).

    Attributes:
        xs: (N,) increasing, N >= 2; the first is the left end of the lines, the last their right end.
        middle_ys: (N,) y of the middle line at xs, straight between them.
        space_px: distance of two neighbouring lines, measured along y.
    """

    xs: NDArray[np.float32]
    middle_ys: NDArray[np.float32]
    space_px: float
