"""Geometric augmentation: sampling grids from staff image to strip, and from sheet to photo.

Real strips were straightened by measurements in the image. The residual of straightening is small: a shift, a
slope, a wave, a wrong scale. What straightening cannot undo is larger: slanted glyphs, and stretches of the
staff that are narrower than others, because the sheet curls or is seen in perspective.
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.effects import draw_amount
from focal_omr.data.degrade.noise import Gray
from focal_omr.data.staff_image import STAFF_IMAGE_MARGIN_SPACES, STAFF_IMAGE_SPACE_PX
from focal_omr.staff.strip import MARGIN_SPACES, STAFF_SPACE_PX

Grid = tuple[NDArray[Any], NDArray[Any]]
_SCALE = STAFF_IMAGE_SPACE_PX / STAFF_SPACE_PX  # staff image pixels per strip pixel
_LEFT_PX = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
_MARGIN_PX = MARGIN_SPACES * STAFF_SPACE_PX


def strip_rows(image_height: int) -> int:
    """Rows of the strip of a staff image, which has a margin of one space above and below."""
    return (image_height // STAFF_IMAGE_SPACE_PX - 2) * STAFF_SPACE_PX


def regular_grid(image_shape: tuple[int, ...], *, stretch: float = 1.0) -> Grid:
    """Sampling grid of a strip with the default margins.

    Args:
        image_shape: (H', W') of the staff image.
        stretch: Horizontal scale of the strip.

    Returns:
        Staff image coordinates x, y of the strip's pixels, each (H, W).
    """
    image_height, image_width = image_shape
    rows = strip_rows(image_height)
    staff_px = (image_width - 2 * _LEFT_PX) / _SCALE * stretch
    width = round(staff_px + 2 * _MARGIN_PX)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(rows, dtype=np.float32))
    x = _LEFT_PX + (u - _MARGIN_PX) * np.float32(_SCALE / stretch)
    return x, image_height // 2 + (v - rows // 2) * np.float32(_SCALE)


def jittered_grid(image_shape: tuple[int, ...], rng: Generator, *, strength: float) -> Grid:
    """`regular_grid` with the residual errors of finding and straightening a staff in a real image.

    Args:
        image_shape: (H', W') of the staff image.
        rng: Random generator.
        strength: Bend and perspective of the sheet, 0 .. 1; 0 leaves measurement errors alone.

    Returns:
        Staff image coordinates x, y of the strip's pixels, each (H, W).
    """
    stretch = float(np.clip(np.exp(rng.normal(0, 0.1)), 0.72, 1.35))
    x, y = _shifted_ends(*regular_grid(image_shape, stretch=stretch), rng)
    (height, width), middle = x.shape, image_shape[0] // 2
    along = np.arange(width, dtype=np.float32) - width / 2
    below = np.arange(height, dtype=np.float32)[:, None] - height // 2
    wave = rng.normal(0, 0.6) * np.sin(
        along * (2 * np.pi / rng.uniform(150, 800)) + rng.uniform(0, 2 * np.pi)
    )
    drift = rng.normal(0, 0.7) + rng.normal(0, 0.0025) * along + wave + _folds(width, rng, strength)
    part = along / max(width / 2, 1)  # -1 .. 1
    grow = np.exp(rng.normal(0, 0.025) + rng.normal(0, 0.025) * strength * part)
    y = middle + (y - middle) * grow[None, :] + np.float32(_SCALE) * drift[None, :]
    slant = rng.normal(0, 0.03) + rng.normal(0, 0.06, 2) @ np.stack((np.ones_like(part), part)) * strength
    ends = np.concatenate(([0.0], np.cumsum(_column_widths(width, rng, strength))))[:width]
    column = np.asarray(x[0][0] + (x[0][-1] - x[0][0]) * ends / ends[-1])
    x = column[None, :] + np.float32(_SCALE) * slant[None, :] * below
    return x.astype(np.float32), y.astype(np.float32)


def _shifted_ends(x: NDArray[Any], y: NDArray[Any], rng: Generator) -> Grid:
    """Shift a grid (H, W) along the staff by the error of its left end; keep the right end inside."""
    shift = rng.uniform(-3, 40) if rng.random() < 0.15 else rng.normal(0, 2)
    x = x - np.float32(shift)  # positive: more of what is left of the staff
    extra = max(0, round(max(0.0, shift) + rng.normal(0, 3)))
    if extra:
        step = x[:, -1:] - x[:, -2:-1]
        more = x[:, -1:] + step * np.arange(1, extra + 1, dtype=np.float32)
        x = np.hstack((x, more))
        y = np.hstack((y, np.repeat(y[:, -1:], extra, axis=1)))
    return x, y


def _folds(width: int, rng: Generator, strength: float) -> NDArray[Any]:
    """Vertical offsets (W,) of folds, in strip pixels: dents of 4 to 15 spaces, too short to be straightened.

    Observed: up to 0.3 spaces in three of 14 photographed staves, after straightening.
    """
    columns = np.arange(width, dtype=np.float32)
    bend = np.zeros(width, np.float32)
    for _ in range(2):
        depth = draw_amount(rng, strength, chance=0.35) * 0.35 * STAFF_SPACE_PX
        side, centre, reach = rng.choice([-1, 1]), rng.uniform(0, width), rng.uniform(2, 7.5) * STAFF_SPACE_PX
        bend += np.float32(side * depth) * np.maximum(0, 1 - np.abs(columns - centre) / np.float32(reach))
    return bend


def _column_widths(width: int, rng: Generator, strength: float) -> NDArray[Any]:
    """Relative length of staff (W,) in each column: more where the sheet recedes from the camera.

    At worst a third more or less from end to end (perspective), two fifths more at an end that curls away,
    and an eighth in waves. Their product is limited so that every note keeps a frame of its own.
    """
    t = np.linspace(0, 1, width)
    perspective = rng.choice([-1, 1]) * draw_amount(rng, strength, chance=0.5) * 0.33 * (t - 0.5)
    phase = 2 * np.pi * (rng.uniform(1, 4) * t + rng.random())
    waves = draw_amount(rng, strength, chance=0.5) * 0.12 * np.sin(phase)
    from_end = t if rng.random() < 0.5 else 1 - t
    start = rng.uniform(0.5, 0.85)
    curl = (
        draw_amount(rng, strength, chance=0.35) * 0.4 * (np.maximum(0, from_end - start) / (1 - start)) ** 2
    )
    return np.asarray(np.clip(1 + perspective + waves + curl, 0.7, 1.45))


def resample(image: Gray, x: NDArray[Any], y: NDArray[Any]) -> Gray:
    """Sample an image at a grid.

    Args:
        image: (H', W') staff image.
        x: (H, W) columns of the image.
        y: (H, W) rows of the image.

    Returns:
        (H, W).
    """
    # Bilinear sampling at steps of 1.25 px, after a blur that approximates the area of a strip pixel.
    smooth = cv2.GaussianBlur(image, (3, 3), 0.35)
    sampled = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)


def warp_sheet(
    gray: Gray, rng: Generator, *, turn_deg: float, perspective: float, bend_px: float = 0.0
) -> Gray:
    """Rotate, tilt and bend an image; its borders are extended outwards.

    Args:
        gray: (H, W).
        rng: Random generator.
        turn_deg: Standard deviation of the angle.
        perspective: Maximum displacement of the corners, as a share of the height.
        bend_px: Maximum rise or fall of the middle of the image against its ends.

    Returns:
        (H', W'), large enough for the whole image.
    """
    height, width = gray.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = np.deg2rad(rng.normal(0, turn_deg))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = corners @ turn + rng.uniform(-perspective, perspective, (4, 2)) * height
    bend = rng.uniform(-bend_px, bend_px)
    moved -= moved.min(axis=0) - np.array([0, max(0.0, bend)])
    size = moved.max(axis=0) + np.array([0, max(0.0, -bend)])
    out_width, out_height = (int(side) for side in np.ceil(size))
    back = cv2.getPerspectiveTransform(moved.astype(np.float32), corners)
    u, v = np.meshgrid(np.arange(out_width, dtype=np.float32), np.arange(out_height, dtype=np.float32))
    peak = rng.uniform(0.2, 0.8)
    # A smooth arch from 0 over 1 at `peak` to 0.
    t = np.linspace(0, 1, 101)
    rise = np.where(t < peak, t / peak, (1 - t) / (1 - peak))
    arch = np.interp(np.arange(out_width) / out_width, t, np.sin(np.pi / 2 * rise))
    v += np.float32(bend) * arch.astype(np.float32)[None, :]
    depth = back[2, 0] * u + back[2, 1] * v + back[2, 2]
    x = (back[0, 0] * u + back[0, 1] * v + back[0, 2]) / depth
    y = (back[1, 0] * u + back[1, 1] * v + back[1, 2]) / depth
    seen = cv2.remap(
        gray, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, np.uint8)
