"""Staff images: one engraved staff with its surroundings, the lines at fixed rows, 10 px apart."""

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "STAFF_IMAGE_HALF_SPACES",
    "STAFF_IMAGE_HEIGHT_PX",
    "STAFF_IMAGE_MARGIN_SPACES",
    "STAFF_IMAGE_SPACE_PX",
    "tight_crop",
]

# A staff image is the input of augmentation: one staff, its five lines at fixed rows, with more paper around
# it than a strip shows, so that it can be shifted and warped.
STAFF_IMAGE_SPACE_PX = 10  # distance of two staff lines
STAFF_IMAGE_MARGIN_SPACES = 6  # paper left and right of the staff
STAFF_IMAGE_HALF_SPACES = 7  # paper above and below its middle line
STAFF_IMAGE_HEIGHT_PX = 2 * STAFF_IMAGE_HALF_SPACES * STAFF_IMAGE_SPACE_PX


def tight_crop(gray: NDArray[np.uint8], *, space_px: int = STAFF_IMAGE_SPACE_PX) -> NDArray[np.uint8]:
    """Crop a staff image (H, W) around staff and notes, as tightly as PrIMuS crops: (h, w)."""
    margin = STAFF_IMAGE_MARGIN_SPACES * space_px
    inner = gray[:, margin : gray.shape[1] - margin]
    rows = np.flatnonzero((inner < 128).any(axis=1))
    return inner[max(0, rows[0] - 4) : rows[-1] + 5]
