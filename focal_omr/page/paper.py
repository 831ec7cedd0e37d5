"""Sheet detection in photographs: paper on a darker desk, whose grain can look like faint lines.

Perspective is not undone here: `dewarp` follows the lines themselves, which bend where paper does.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_CELL_PX = 8
_INK_PX = 9  # lighter than ink within this distance there is paper
_BRIGHTER = 1.6  # paper to desk; shaded paper too may be half as bright as the rest
_SHARES = (0.1, 0.95)  # of the image that is the sheet
_WHOLE = 0.85  # of the sheet's outline that is bright, and of the desk that is dark
_EDGE_CELLS = 1  # left out along the edge, which casts a shadow


def find_sheet(small: NDArray[np.uint8]) -> Mask | None:
    """Find the sheet.

    Args:
        small: (H, W) uint8 gray levels of a page with a staff space of 5 to 12 px.

    Returns:
        (H, W) True on the sheet; None where no sheet is seen against something darker. Half a page in deep
        shade looks the same: callers must not leave out the rest, only search it later.
    """
    size = (max(1, small.shape[1] // _CELL_PX), max(1, small.shape[0] // _CELL_PX))
    light = cv2.dilate(small, np.ones((_INK_PX, _INK_PX), np.uint8))
    cells = np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_AREA), np.uint8)
    level, bright = cv2.threshold(cells, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
    if count < 2:
        return None
    paper = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    outline = cv2.convexHull(np.argwhere(paper)[:, ::-1].astype(np.int32))
    inside = cv2.fillConvexPoly(np.zeros(cells.shape, np.uint8), outline, 1).astype(bool)
    share = float(inside.mean())
    if not _SHARES[0] <= share <= _SHARES[1]:
        return None
    clear = cells[inside].mean() > _BRIGHTER * cells[~inside].mean()
    whole = paper[inside].mean() > _WHOLE and (cells[~inside] <= level).mean() > _WHOLE
    if not (clear and whole):
        return None
    kernel = np.ones((2 * _EDGE_CELLS + 1, 2 * _EDGE_CELLS + 1), np.uint8)
    inner = cv2.erode(inside.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    mask = cv2.resize(inner, small.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(mask, np.bool_)
