"""Surroundings of a staff on a page: neighbouring staves, text, stamps, the page edge, a finger.

Neighbours, text and stamps are drawn on staff images; page edge and finger cover any image. System lines,
brackets and braces are engraved, see `engraving.systems`.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.noise import Gray, add_noise, clouds
from focal_omr.data.staff_image import STAFF_IMAGE_MARGIN_SPACES, STAFF_IMAGE_SPACE_PX

_LEFT_PX = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
_GAP_PX = 4  # paper between a staff and another object
_WATERMARKS = ("SAMPLE", "DRAFT", "Bibliothek", "COPY", "archive", "LIBRARY", "preview", "1907", "Muzeum")
_WORDS = ("Vln.", "Violin", "Fl.", "Vc.", "12", "5", "41", "(8)", "A", "Ob. I", "Viola", "a2", "17", "23")


def with_neighbour(image: Gray, neighbour: Gray, rng: Generator) -> Gray:
    """Add another staff above or below, or both, as close as engravers set them.

    Protruding notes of the two staves may interlock but do not touch.

    Args:
        image: (H, W) staff image.
        neighbour: (H', W') staff image; it is cropped to the width.
        rng: Random generator.
    """
    out = image.copy()
    width = min(image.shape[1], neighbour.shape[1])
    own, other = skylines(image[:, :width]), skylines(neighbour[:, :width])
    for side in rng.permutation([-1, 1])[: rng.integers(1, 3)]:
        # Distance at which the neighbour's lower (upper) skyline clears the upper (lower) one of the staff.
        clearance = (other[1] - own[0]).max() if side < 0 else (own[1] - other[0]).max()
        shift = int(side * max(rng.uniform(7.5, 12) * STAFF_IMAGE_SPACE_PX, clearance + _GAP_PX))
        rows = np.arange(image.shape[0]) - shift
        inside = (rows >= 0) & (rows < neighbour.shape[0])
        out[inside, :width] = np.minimum(out[inside, :width], neighbour[rows[inside], :width])
    return out


def skylines(image: Gray) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """First and last row with ink within one space of each column of (H, W), as two arrays (W,).

    In a column without ink, or with a barline through to the next staff, the first row is H and the last 0.
    """
    dark = cv2.erode(image, np.ones((1, 2 * STAFF_IMAGE_SPACE_PX + 1), np.uint8)) < 128
    height, any_ink = image.shape[0], dark.any(axis=0)
    first = np.where(any_ink & ~dark[0], dark.argmax(axis=0), height)
    return first, np.where(any_ink & ~dark[-1], height - 1 - dark[::-1].argmax(axis=0), 0)


def with_text(image: Gray, rng: Generator) -> Gray:
    """Add a name before the staff image (H, W), or a number or letter above it."""
    out = image.copy()
    middle = image.shape[0] // 2
    word = str(rng.choice(_WORDS))
    size = rng.uniform(0.4, 0.8)
    (width, _), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 1)
    if rng.random() < 0.6:
        place = (int(_LEFT_PX - width - rng.uniform(2, 15)), int(middle + rng.normal(0, 8)))
    else:
        left = int(_LEFT_PX + rng.uniform(-10, image.shape[1] / 2))
        high = middle - STAFF_IMAGE_SPACE_PX * rng.uniform(2.6, 5)
        over = skylines(image)[0][left : left + width].min(initial=middle)
        place = (left, int(min(high, over - _GAP_PX)))  # above the ink, outside the strip if necessary
    cv2.putText(out, word, place, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 0, 1, cv2.LINE_AA)
    return out


def with_stamp(image: Gray, rng: Generator) -> Gray:
    """Add a watermark, pale words across the staff image (H, W), or the ring of a library's stamp.

    Notes stay darker than it.
    """
    height, width = image.shape
    mark = np.zeros((height, width), np.uint8)
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    if rng.random() < 0.5:
        size = rng.uniform(1.5, 4.0)
        thick = int(rng.integers(2, 7))
        word = str(rng.choice(_WATERMARKS))
        (long, high), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_DUPLEX, size, thick)
        flat = np.zeros((2 * long, 2 * long), np.uint8)
        cv2.putText(flat, word, (long // 2, long + high // 2), cv2.FONT_HERSHEY_DUPLEX, size, 255, thick)
        turn = cv2.getRotationMatrix2D((long, long), rng.uniform(-35, 35), 1)
        turn[:, 2] += np.array(centre) - long
        mark = np.asarray(cv2.warpAffine(flat, turn, (width, height)), np.uint8)
        ink = rng.uniform(0.12, 0.4)
    else:
        axes = (int(rng.uniform(35, 80)), int(rng.uniform(25, 60)))
        angle = rng.uniform(-30, 30)
        for inner in (0, int(rng.integers(6, 14))):
            own = (axes[0] - inner, axes[1] - inner)
            cv2.ellipse(mark, centre, own, angle, 0, 360, 255, int(rng.integers(1, 4)), cv2.LINE_AA)
        place = (centre[0] - axes[0] // 2, centre[1] + 6)
        word = str(rng.choice(_WATERMARKS))
        cv2.putText(mark, word, place, cv2.FONT_HERSHEY_COMPLEX_SMALL, 0.7, 255, 1, cv2.LINE_AA)
        ink = rng.uniform(0.25, 0.6)
    paper = 255 - ink * mark
    return np.asarray(np.minimum(image, paper).round(), np.uint8)


def with_page_edge(gray: Gray, rng: Generator, *, free: tuple[float, float, float, float]) -> Gray:
    """Show the edge of the sheet, or of the crop, on one or two sides of an image.

    Beyond it are a desk, another sheet, or white or black, as where a crop was rotated.

    Args:
        gray: (H, W).
        rng: Random generator.
        free: Pixels at the left, top, right and bottom that may be covered.
    """
    height, width = gray.shape
    out = gray
    beyond = _background(gray, rng)
    for side in rng.choice(4, size=int(rng.integers(1, 3)), replace=False):
        reach = free[side]
        if reach < 1:
            continue
        depth = reach * rng.uniform(0.3, 1)
        along = height if side in (0, 2) else width
        # Depths of the two ends of the edge: one at `depth`, the other nearer to the border.
        ends = np.array([depth, depth * rng.uniform(-0.5, 1)])[:: 1 if rng.random() < 0.5 else -1]
        corners = np.array([(0, ends[0]), (along, ends[1]), (along, -height), (0, -height)])
        out = _covered(out, _from_side(corners, int(side), (height, width)), beyond)
    return out


def with_finger(gray: Gray, rng: Generator, *, free: tuple[float, float, float, float]) -> Gray:
    """Cover a free part of the border with a soft-edged fingertip that holds the sheet.

    Args:
        gray: (H, W).
        rng: Random generator.
        free: Pixels at the left, top, right and bottom that may be covered.
    """
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
    return _covered(gray, _from_side(tip, side, (height, width)), skin, soft_px=float(depth / 8))


def _from_side(points: NDArray[np.float64], side: int, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Convert points (along, depth) from a side (0 left, 1 top, 2 right, 3 bottom) to (x, y): (N, 2)."""
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


def _background(gray: Gray, rng: Generator) -> Gray:
    """Background beside the sheet: white, black, a plain tone, or wood with its grain along x or y."""
    kind = rng.random()
    if kind < 0.35:
        return np.full_like(gray, 255 if kind < 0.25 else 0)
    plain = np.full_like(gray, int(rng.uniform(10, 220)))
    if kind < 0.55:
        return plain
    cell = (rng.uniform(1, 4), rng.uniform(10, 60))
    grown = clouds(gray.shape, rng, cell_px=cell if rng.random() < 0.5 else cell[::-1])
    return add_noise(plain, grown, float(rng.uniform(3, 25)))
