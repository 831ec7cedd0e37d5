"""A plate becomes a staff strip as a scan or a photo would give it: moved, bent, worn, lit and compressed.

The last step is the same `normalise_ink` that recognition uses, so that the network sees one kind of strip.
All chance comes from one generator: the same generator state gives the same strip.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.render import PLATE_HALF_SPACES, PLATE_MARGIN_SPACES, PLATE_SPACE_PX
from focal_omr.errors import DataError
from focal_omr.image import (
    MARGIN_SPACES,
    MIDDLE_LINE_PX,
    STAFF_SPACE_PX,
    STRIP_HEIGHT_PX,
    normalise_ink,
)

Gray = NDArray[np.uint8]
_SCALE = PLATE_SPACE_PX / STAFF_SPACE_PX  # plate pixels per strip pixel
_PLATE_LEFT_PX = PLATE_MARGIN_SPACES * PLATE_SPACE_PX
_PLATE_MIDDLE_PX = PLATE_HALF_SPACES * PLATE_SPACE_PX
_MARGIN_PX = MARGIN_SPACES * STAFF_SPACE_PX
_WORDS = ("Vln.", "Violin", "Fl.", "Vc.", "12", "5", "41", "(8)", "A", "Ob. I", "Viola", "a2", "17", "B")


def plain_strip(plate: Gray) -> NDArray[np.float32]:
    """(96, W) ink of a plate without any degradation."""
    return normalise_ink(_resample(plate, *_grid(plate.shape[1], stretch=1.0)))


def degraded_strip(
    plate: Gray, rng: Generator, *, degrade: float = 1.0, neighbour: Gray | None = None
) -> NDArray[np.float32]:
    """A strip as it might come from a print, a scan or a photo.

    Args:
        plate: (140, W) from `render`.
        rng: Source of all chance.
        degrade: 0 only small movements; 1 everything.
        neighbour: A plate whose staff may show above or below, as on a page.

    Returns:
        (96, W) ink from 0 to 1.
    """

    def often(chance: float) -> bool:
        return bool(rng.random() < chance * degrade)

    if neighbour is not None and often(0.3):
        plate = _with_neighbour(plate, neighbour, rng)
    if often(0.2):
        plate = _with_text(plate, rng)
    if often(0.35):
        plate = _thicker(plate, rng)
    strip = _resample(plate, *_moved_grid(plate.shape[1], rng))
    if often(0.75):
        strip = _worn(strip, rng, often)
    return normalise_ink(strip)


def _grid(plate_width: int, *, stretch: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Plate coordinates (x, y) of the pixels of a strip with the usual margins."""
    staff_px = (plate_width - 2 * _PLATE_LEFT_PX) / _SCALE * stretch
    width = round(staff_px + 2 * _MARGIN_PX)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(STRIP_HEIGHT_PX, dtype=np.float32))
    x = _PLATE_LEFT_PX + (u - _MARGIN_PX) * np.float32(_SCALE / stretch)
    return x, _PLATE_MIDDLE_PX + (v - MIDDLE_LINE_PX) * np.float32(_SCALE)


def _moved_grid(plate_width: int, rng: Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    """As `_grid`, with what is left over after a staff was found and straightened in a real picture."""
    x, y = _grid(plate_width, stretch=float(np.clip(np.exp(rng.normal(0, 0.1)), 0.72, 1.35)))
    height = x.shape[0]
    cut_left = rng.uniform(-3, 40) if rng.random() < 0.15 else rng.normal(0, 2)
    x = x - np.float32(cut_left)  # positive: more of what stands left of the staff
    extra = max(0, round(max(0.0, cut_left) + rng.normal(0, 3)))
    if extra:  # keep the staff's right end in the picture
        step = x[:, -1:] - x[:, -2:-1]
        more = x[:, -1:] + step * np.arange(1, extra + 1, dtype=np.float32)
        x = np.hstack((x, more))
        y = np.hstack((y, np.repeat(y[:, -1:], extra, axis=1)))
    along = np.arange(x.shape[1], dtype=np.float32) - x.shape[1] / 2
    below = np.arange(height, dtype=np.float32)[:, None] - MIDDLE_LINE_PX
    wave = rng.normal(0, 0.6) * np.sin(
        along * (2 * np.pi / rng.uniform(150, 800)) + rng.uniform(0, 2 * np.pi)
    )
    drift = rng.normal(0, 0.7) + rng.normal(0, 0.0025) * along + wave
    grow = np.exp(rng.normal(0, 0.025))
    y = _PLATE_MIDDLE_PX + (y - _PLATE_MIDDLE_PX) * np.float32(grow) + np.float32(_SCALE) * drift[None, :]
    x = x + np.float32(rng.normal(0, 0.03) * _SCALE) * below
    return x.astype(np.float32), y.astype(np.float32)


def _resample(plate: Gray, x: NDArray[Any], y: NDArray[Any]) -> Gray:
    # Bilinear sampling at 1.25 px steps, after a blur that stands for the area of a strip pixel.
    smooth = cv2.GaussianBlur(plate, (3, 3), 0.35)
    sampled = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    return np.asarray(sampled, np.uint8)


def _with_neighbour(plate: Gray, neighbour: Gray, rng: Generator) -> Gray:
    """The plate with pieces of another staff above or below it, or both."""
    out = plate.copy()
    width = min(plate.shape[1], neighbour.shape[1])
    for side in rng.permutation([-1, 1])[: rng.integers(1, 3)]:
        shift = int(side * rng.uniform(7.5, 12) * PLATE_SPACE_PX)
        rows = np.arange(plate.shape[0]) - shift
        inside = (rows >= 0) & (rows < neighbour.shape[0])
        out[inside, :width] = np.minimum(out[inside, :width], neighbour[rows[inside], :width])
    return out


def _with_text(plate: Gray, rng: Generator) -> Gray:
    """The plate with a name before the staff or a number or letter over its beginning."""
    out = plate.copy()
    word = str(rng.choice(_WORDS))
    size = rng.uniform(0.4, 0.8)
    (width, _), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 1)
    if rng.random() < 0.6:
        place = (int(_PLATE_LEFT_PX - width - rng.uniform(2, 15)), int(_PLATE_MIDDLE_PX + rng.normal(0, 8)))
    else:
        high = _PLATE_MIDDLE_PX - PLATE_SPACE_PX * rng.uniform(2.6, 5)
        place = (int(_PLATE_LEFT_PX + rng.uniform(-10, plate.shape[1] / 2)), int(high))
    cv2.putText(out, word, place, cv2.FONT_HERSHEY_COMPLEX_SMALL, size, 0, 1, cv2.LINE_AA)
    return out


def _thicker(plate: Gray, rng: Generator) -> Gray:
    """Ink that spread, or wore off, by up to a pixel of the plate."""
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3) if rng.random() < 0.5 else (2, 2))
    if rng.random() < 0.75:
        changed, share = cv2.erode(plate, kernel), rng.uniform(0.3, 1.0)
    else:  # staff lines are 1 to 2.5 px thick: more than half of this and they are gone
        changed, share = cv2.dilate(plate, kernel), rng.uniform(0.2, 0.5)
    return np.asarray(cv2.addWeighted(changed, share, plate, 1 - share, 0), np.uint8)


def _worn(strip: Gray, rng: Generator, often: Callable[[float], bool]) -> Gray:
    """Print, paper, light and camera."""
    if often(0.12):
        strip = _holes(strip, rng)
    if often(0.25):
        strip = _coarser(strip, rng)
    if often(0.6):
        strip = np.asarray(cv2.GaussianBlur(strip, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    values = _lit(strip, rng, uneven=often(0.4))
    if often(0.6):
        values += rng.normal(0, rng.uniform(1, 16), values.shape).astype(np.float32)
    if often(0.12):
        values = _edge(values, rng)
    strip = np.clip(values, 0, 255).astype(np.uint8)
    if often(0.3):
        quality = int(rng.integers(15, 90))
        strip = _compressed(strip, quality)
    if often(0.1):
        strip = _bilevel(strip, rng)
    return np.asarray(strip, np.uint8)


def _holes(strip: Gray, rng: Generator) -> Gray:
    """Specks of paper in the ink and of ink on the paper."""
    out = strip.copy()
    for _ in range(rng.integers(3, 40)):
        centre = (int(rng.integers(strip.shape[1])), int(rng.integers(strip.shape[0])))
        axes = (int(rng.integers(1, 4)), int(rng.integers(1, 3)))
        tone = 255 if rng.random() < 0.7 else int(rng.integers(0, 160))
        cv2.ellipse(out, centre, axes, float(rng.uniform(0, 180)), 0, 360, tone, -1)
    return out


def _coarser(strip: Gray, rng: Generator) -> Gray:
    """A picture taken with fewer pixels than a strip has."""
    factor = rng.uniform(0.45, 0.95)
    height, width = strip.shape
    small = cv2.resize(strip, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _lit(strip: Gray, rng: Generator, *, uneven: bool) -> NDArray[np.float32]:
    """Ink and paper in other tones, perhaps under a light that changes along the staff, on blotchy paper."""
    ink, paper = rng.uniform(0, 100), rng.uniform(170, 255)
    values = ink + strip.astype(np.float32) * np.float32((paper - ink) / 255)
    if uneven:
        height, width = strip.shape
        coarse = 1 + rng.normal(0, 0.1, (3, max(3, width // 100))).astype(np.float32)
        values *= np.clip(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), 0.5, 1.3)
    return np.asarray(values, np.float32)


def _edge(values: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """The end of the sheet: beyond a slanted line at one side lies a desk, or nothing."""
    height, width = values.shape
    reach = rng.uniform(2, 3 * STAFF_SPACE_PX) * 0.5
    slant = rng.normal(0, 0.1)
    at = reach + slant * (np.arange(height) - height / 2)
    column = np.arange(width)[None, :]
    beyond = column < at[:, None] if rng.random() < 0.5 else column > width - at[:, None]
    out = values.copy()
    out[beyond] = rng.choice([20, 90, 150, 255])
    return out


def _bilevel(strip: Gray, rng: Generator) -> Gray:
    """A scan in black and white."""
    middle = (float(strip.min()) + float(np.median(strip))) / 2
    return np.where(strip < middle * rng.uniform(0.95, 1.3), 0, 255).astype(np.uint8)


def worn_picture(gray: Gray, rng: Generator, *, kind: str) -> Gray:
    """A clean picture of a staff as a scanner or a phone would give it.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Source of all chance.
        kind: "none", "scan" (slightly turned, grainy, worn ink) or "camera" (turned, in perspective, unevenly
            lit, compressed).

    Raises:
        DataError: Another kind.
    """
    if kind == "none":
        return gray
    if kind not in ("scan", "camera"):
        raise DataError(f"degradation {kind!r}; known are none, scan and camera")
    camera = kind == "camera"
    turned = _photographed(gray, rng, turn_deg=1.5 if camera else 0.6, perspective=0.015 if camera else 0.0)
    soft = np.asarray(cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.6, 1.6)), np.uint8)
    values = _lit(soft, rng, uneven=camera)
    values += rng.normal(0, rng.uniform(2, 10), values.shape).astype(np.float32)
    strip = np.clip(values, 0, 255).astype(np.uint8)
    if camera:
        quality = int(rng.integers(40, 85))
        strip = _compressed(strip, quality)
    return np.asarray(strip, np.uint8)


def _photographed(gray: Gray, rng: Generator, *, turn_deg: float, perspective: float) -> Gray:
    """The picture turned by a normally distributed angle, its corners moved by a share of its size."""
    height, width = gray.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = np.deg2rad(rng.normal(0, turn_deg / 2))
    centre = np.array([width / 2, height / 2])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = (corners - centre) @ turn + centre
    moved += rng.uniform(-perspective, perspective, (4, 2)) * np.array([width * 0.2, height])
    moved -= moved.min(axis=0)
    size = tuple(int(side) for side in np.ceil(moved.max(axis=0)))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return np.asarray(cv2.warpPerspective(gray, matrix, size, borderValue=255), np.uint8)


def _compressed(gray: Gray, quality: int) -> Gray:
    """The picture after JPEG of this quality (0 .. 100)."""
    data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
