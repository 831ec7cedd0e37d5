"""What stands around a staff on a real page and is read past, and where the page ends.

Neighbouring staves, names and bar numbers are drawn on plates; the end of the sheet, a finger and a crop that
cuts the paper off are laid over any picture. What joins a staff to its system was engraved: see `systems`.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.chance import Gray, add_noise, clouds
from focal_omr.data.engraving.render import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)

__all__ = ["skylines", "with_finger", "with_neighbour", "with_page_edge", "with_text"]

_LEFT_PX = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
_MIDDLE_PX = STAFF_IMAGE_HALF_SPACES * STAFF_IMAGE_SPACE_PX
_GAP_PX = 4  # paper between what belongs to two things
_WORDS = ("Vln.", "Violin", "Fl.", "Vc.", "12", "5", "41", "(8)", "A", "Ob. I", "Viola", "a2", "17", "23")


def with_neighbour(plate: Gray, neighbour: Gray, rng: Generator) -> Gray:
    """The plate with pieces of another staff above or below it, or both, as close as engravers set them.

    What stands out from the two staves may interlock; it does not touch.
    """
    out = plate.copy()
    width = min(plate.shape[1], neighbour.shape[1])
    own, other = skylines(plate[:, :width]), skylines(neighbour[:, :width])
    for side in rng.permutation([-1, 1])[: rng.integers(1, 3)]:
        # How far the other one has to go before its lower (upper) skyline clears this one's upper (lower).
        apart = (other[1] - own[0]).max() if side < 0 else (own[1] - other[0]).max()
        shift = int(side * max(rng.uniform(7.5, 12) * STAFF_IMAGE_SPACE_PX, apart + _GAP_PX))
        rows = np.arange(plate.shape[0]) - shift
        inside = (rows >= 0) & (rows < neighbour.shape[0])
        out[inside, :width] = np.minimum(out[inside, :width], neighbour[rows[inside], :width])
    return out


def skylines(plate: Gray) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """(W,) the first and the last row with ink in each column and one space beside it.

    A column without ink has its first row at the bottom and its last one at the top; so has one in which a
    barline goes on to the next staff.
    """
    dark = cv2.erode(plate, np.ones((1, 2 * STAFF_IMAGE_SPACE_PX + 1), np.uint8)) < 128
    height, any_ink = plate.shape[0], dark.any(axis=0)
    first = np.where(any_ink & ~dark[0], dark.argmax(axis=0), height)
    return first, np.where(any_ink & ~dark[-1], height - 1 - dark[::-1].argmax(axis=0), 0)


def with_text(plate: Gray, rng: Generator) -> Gray:
    """The plate with a name before the staff or a number or letter over it."""
    out = plate.copy()
    word = str(rng.choice(_WORDS))
    size = rng.uniform(0.4, 0.8)
    (width, _), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 1)
    if rng.random() < 0.6:
        place = (int(_LEFT_PX - width - rng.uniform(2, 15)), int(_MIDDLE_PX + rng.normal(0, 8)))
    else:
        left = int(_LEFT_PX + rng.uniform(-10, plate.shape[1] / 2))
        high = _MIDDLE_PX - STAFF_IMAGE_SPACE_PX * rng.uniform(2.6, 5)
        over = skylines(plate)[0][left : left + width].min(initial=_MIDDLE_PX)
        place = (left, int(min(high, over - _GAP_PX)))  # above the ink, out of the strip if need be
    cv2.putText(out, word, place, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 0, 1, cv2.LINE_AA)
    return out


def with_page_edge(gray: Gray, rng: Generator, *, free: tuple[float, float, float, float]) -> Gray:
    """The picture with the end of the sheet, or of the crop, on one or two sides.

    Beyond it lie a desk, another sheet, or white or black, where a crop was cut out aslant.

    Args:
        gray: (H, W).
        rng: Source of all chance.
        free: Pixels at the left, the top, the right and the bottom that may be lost.
    """
    height, width = gray.shape
    out = gray
    beyond = _beyond(gray, rng)
    for side in rng.choice(4, size=int(rng.integers(1, 3)), replace=False):
        reach = free[side]
        if reach < 1:
            continue
        depth = reach * rng.uniform(0.3, 1)
        along = height if side in (0, 2) else width
        # Its two ends: the deeper one at `depth`, the other one nearer to the picture's side.
        ends = np.array([depth, depth * rng.uniform(-0.5, 1)])[:: 1 if rng.random() < 0.5 else -1]
        corners = np.array([(0, ends[0]), (along, ends[1]), (along, -height), (0, -height)])
        out = _covered(out, _turned(corners, int(side), (height, width)), beyond)
    return out


def with_finger(gray: Gray, rng: Generator, *, free: tuple[float, float, float, float]) -> Gray:
    """The picture with a finger tip that holds the sheet, and its soft edge, where nothing is written."""
    height, width = gray.shape
    side = int(rng.choice([0, 1, 2, 3]))
    depth = free[side] * rng.uniform(0.5, 1)
    if depth < 2:
        return gray
    along = height if side in (0, 2) else width
    t = np.linspace(0, np.pi, 12)
    half = min(depth * rng.uniform(0.6, 2), 0.3 * along)
    tip = np.stack((rng.uniform(0, along) + half * np.cos(t), depth * np.sin(t)), axis=1)
    skin = np.full_like(gray, int(rng.uniform(60, 170)))
    return _covered(gray, _turned(tip, side, (height, width)), skin, soft_px=float(depth / 8))


def _turned(points: NDArray[np.float64], side: int, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Points (along, depth) of a side (left, top, right, bottom) as (x, y) of the picture."""
    along, depth = points.T
    height, width = shape
    x, y = {
        0: (depth, along),
        1: (along, depth),
        2: (width - 1 - depth, along),
        3: (along, height - 1 - depth),
    }[side]
    return np.stack((x, y), axis=1).round().astype(np.int32)


def _covered(gray: Gray, corners: NDArray[np.int32], cover: Gray, *, soft_px: float = 0.0) -> Gray:
    mask = np.zeros_like(gray)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA)
    if soft_px >= 0.5:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), soft_px), np.uint8)
    if not soft_px:
        return np.asarray(cv2.copyTo(cover, mask, gray.copy()), np.uint8)
    kept = cv2.multiply(gray, cv2.bitwise_not(mask), scale=1 / 255)
    return np.asarray(cv2.add(kept, cv2.multiply(cover, mask, scale=1 / 255)), np.uint8)


def _beyond(gray: Gray, rng: Generator) -> Gray:
    """What lies beside the sheet: white, black, a plain tone, or a desk with its grain along x or y."""
    kind = rng.random()
    if kind < 0.35:
        return np.full_like(gray, 255 if kind < 0.25 else 0)
    plain = np.full_like(gray, int(rng.uniform(10, 220)))
    if kind < 0.55:
        return plain
    cell = (rng.uniform(1, 4), rng.uniform(10, 60))
    grown = clouds(gray.shape, rng, cell_px=cell if rng.random() < 0.5 else cell[::-1])
    return add_noise(plain, grown, float(rng.uniform(3, 25)))
