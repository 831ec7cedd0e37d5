"""Where each pixel of a moved picture comes from: plate -> strip as a staff finder leaves it, sheet -> photo.

A strip is straightened by what was measured in the picture. What is left over is small: a shift, a slope, a
wave, a wrong scale. What straightening cannot undo is larger: glyphs that lean, and stretches of the staff
that are narrower than others, because the sheet curls or lies aslant.
"""

from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.chance import Gray, draw_amount
from focal_omr.data.engraving.render import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)
from focal_omr.staff.strip import MARGIN_SPACES, MIDDLE_LINE_PX, STAFF_SPACE_PX, STRIP_HEIGHT_PX

__all__ = ["jittered_grid", "regular_grid", "resampled", "warp_sheet"]

Grid = tuple[NDArray[Any], NDArray[Any]]
_SCALE = STAFF_IMAGE_SPACE_PX / STAFF_SPACE_PX  # plate pixels per strip pixel
_PLATE_LEFT_PX = STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX
_PLATE_MIDDLE_PX = STAFF_IMAGE_HALF_SPACES * STAFF_IMAGE_SPACE_PX
_MARGIN_PX = MARGIN_SPACES * STAFF_SPACE_PX


def regular_grid(plate_width: int, *, stretch: float = 1.0) -> Grid:
    """StaffImage coordinates x, y, each (96, W), of the pixels of a strip with the usual margins."""
    staff_px = (plate_width - 2 * _PLATE_LEFT_PX) / _SCALE * stretch
    width = round(staff_px + 2 * _MARGIN_PX)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(STRIP_HEIGHT_PX, dtype=np.float32))
    x = _PLATE_LEFT_PX + (u - _MARGIN_PX) * np.float32(_SCALE / stretch)
    return x, _PLATE_MIDDLE_PX + (v - MIDDLE_LINE_PX) * np.float32(_SCALE)


def jittered_grid(plate_width: int, rng: Generator, *, strength: float) -> Grid:
    """As `regular_grid`, with what is left over after a staff was found and straightened in a real picture.

    Args:
        plate_width: Columns of the plate.
        rng: Source of all chance.
        strength: How much the sheet itself was bent and seen aslant; 0 leaves errors of the measuring alone.
    """
    x, y = _cut(
        *regular_grid(plate_width, stretch=float(np.clip(np.exp(rng.normal(0, 0.1)), 0.72, 1.35))), rng
    )
    width = x.shape[1]
    along = np.arange(width, dtype=np.float32) - width / 2
    below = np.arange(x.shape[0], dtype=np.float32)[:, None] - MIDDLE_LINE_PX
    wave = rng.normal(0, 0.6) * np.sin(
        along * (2 * np.pi / rng.uniform(150, 800)) + rng.uniform(0, 2 * np.pi)
    )
    drift = rng.normal(0, 0.7) + rng.normal(0, 0.0025) * along + wave + _kinks(width, rng, strength)
    part = along / max(width / 2, 1)  # -1 .. 1
    grow = np.exp(rng.normal(0, 0.025) + rng.normal(0, 0.025) * strength * part)
    y = _PLATE_MIDDLE_PX + (y - _PLATE_MIDDLE_PX) * grow[None, :] + np.float32(_SCALE) * drift[None, :]
    lean = rng.normal(0, 0.03) + rng.normal(0, 0.06, 2) @ np.stack((np.ones_like(part), part)) * strength
    place = _uneven(x[0], rng, strength)
    x = place[None, :] + np.float32(_SCALE) * lean[None, :] * below
    return x.astype(np.float32), y.astype(np.float32)


def _cut(x: NDArray[Any], y: NDArray[Any], rng: Generator) -> Grid:
    """The grid moved along the staff, as a staff's ends are found; it keeps the right end in the picture."""
    cut_left = rng.uniform(-3, 40) if rng.random() < 0.15 else rng.normal(0, 2)
    x = x - np.float32(cut_left)  # positive: more of what stands left of the staff
    extra = max(0, round(max(0.0, cut_left) + rng.normal(0, 3)))
    if extra:
        step = x[:, -1:] - x[:, -2:-1]
        more = x[:, -1:] + step * np.arange(1, extra + 1, dtype=np.float32)
        x = np.hstack((x, more))
        y = np.hstack((y, np.repeat(y[:, -1:], extra, axis=1)))
    return x, y


def _kinks(width: int, rng: Generator, strength: float) -> NDArray[Any]:
    """(W,) folds of the paper, in strip pixels: dents of 4 to 15 spaces, too short for a finder to follow.

    Observed: up to 0.3 spaces in three of 14 photographed staves, after straightening.
    """
    columns = np.arange(width, dtype=np.float32)
    bend = np.zeros(width, np.float32)
    for _ in range(2):
        depth = draw_amount(rng, strength, often=0.35) * 0.35 * STAFF_SPACE_PX
        side, place, reach = rng.choice([-1, 1]), rng.uniform(0, width), rng.uniform(2, 7.5) * STAFF_SPACE_PX
        bend += np.float32(side * depth) * np.maximum(0, 1 - np.abs(columns - place) / np.float32(reach))
    return bend


def _uneven(x: NDArray[Any], rng: Generator, strength: float) -> NDArray[Any]:
    """The places x from the first to the last one, but in steps of different lengths: see `_steps`."""
    ends = np.concatenate(([0.0], np.cumsum(_steps(len(x), rng, strength))))[: len(x)]
    return np.asarray(x[0] + (x[-1] - x[0]) * ends / ends[-1])


def _steps(width: int, rng: Generator, strength: float) -> NDArray[Any]:
    """(W,) how much of the staff each column shows: more where the sheet goes away from the camera.

    At worst a third more or less from end to end (perspective), two fifths more at an end that curls away,
    and an eighth in waves. All together they stay below what leaves a note no frame of its own.
    """
    t = np.linspace(0, 1, width)
    aslant = rng.choice([-1, 1]) * draw_amount(rng, strength, often=0.5) * 0.33 * (t - 0.5)
    phase = 2 * np.pi * (rng.uniform(1, 4) * t + rng.random())
    waves = draw_amount(rng, strength, often=0.5) * 0.12 * np.sin(phase)
    from_end = t if rng.random() < 0.5 else 1 - t
    start = rng.uniform(0.5, 0.85)
    curl = draw_amount(rng, strength, often=0.35) * 0.4 * (np.maximum(0, from_end - start) / (1 - start)) ** 2
    return np.asarray(np.clip(1 + aslant + waves + curl, 0.7, 1.45))


def resampled(plate: Gray, x: NDArray[Any], y: NDArray[Any]) -> Gray:
    """(96, W) the plate at the places of a grid."""
    # Bilinear sampling at 1.25 px steps, after a blur that stands for the area of a strip pixel.
    smooth = cv2.GaussianBlur(plate, (3, 3), 0.35)
    sampled = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)


def warp_sheet(
    gray: Gray, rng: Generator, *, turn_deg: float, perspective: float, bend_px: float = 0.0
) -> Gray:
    """A picture turned, seen aslant and bent; what comes in from outside continues its sides.

    Args:
        gray: (H, W).
        rng: Source of all chance.
        turn_deg: Standard deviation of the angle.
        perspective: By which share of the height the corners move at most.
        bend_px: By how much the picture's middle may rise or fall against its ends.

    Returns:
        Large enough to hold the whole picture.
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
    arch = np.interp(np.arange(out_width) / out_width, *_arch(peak))
    v += np.float32(bend) * arch.astype(np.float32)[None, :]
    depth = back[2, 0] * u + back[2, 1] * v + back[2, 2]
    x = (back[0, 0] * u + back[0, 1] * v + back[0, 2]) / depth
    y = (back[1, 0] * u + back[1, 1] * v + back[1, 2]) / depth
    seen = cv2.remap(
        gray, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(seen, np.uint8)


def _arch(peak: float) -> Grid:
    """A smooth hill from 0 over 1 at `peak` to 0, as (places, heights)."""
    t = np.linspace(0, 1, 101)
    rise = np.where(t < peak, t / peak, (1 - t) / (1 - peak))
    return t, np.sin(np.pi / 2 * rise)
