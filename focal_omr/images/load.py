"""Image files to grayscale arrays with light paper, decoded by OpenCV."""

import re
from math import isfinite
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import ImageError
from focal_omr.images.header import MAX_IMAGE_PX, Header, read_header
from focal_omr.runtime.atomic_files import read_limited

__all__ = [
    "MAX_IMAGE_PX",
    "MIN_SIDE_PX",
    "as_dark_on_light",
    "check_size",
    "decode_gray",
    "load_gray",
    "median_gray",
    "read_file",
]

MAX_DOCUMENT_BYTES = 1_000_000_000  # 500 pages scanned in colour have 500 MB
MIN_SIDE_PX = 16  # five lines at a staff space of 4 px, the smallest that can be read, are 17 px high

_LIGHT = 112  # median gray level of an image on light paper
_URL = re.compile(r"[a-z][a-z0-9+.]+:/")  # a path keeps one of a URL's two slashes
_BAND_ROWS = 256  # rows converted to gray at a time

# EXIF orientation -> (mirror left to right first, then rotate).
_UPRIGHT: dict[int, tuple[bool, int | None]] = {
    1: (False, None),
    2: (True, None),
    3: (False, cv2.ROTATE_180),
    4: (True, cv2.ROTATE_180),
    5: (True, cv2.ROTATE_90_COUNTERCLOCKWISE),
    6: (False, cv2.ROTATE_90_CLOCKWISE),
    7: (True, cv2.ROTATE_90_CLOCKWISE),
    8: (False, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def read_file(path: str | Path) -> bytes:
    """Read the bytes of an image or document file.

    Raises:
        ImageError: the file is missing, is a folder, or cannot be read; the message names it.
    """
    file = Path(path)
    if file.is_dir():
        raise ImageError(f"{file}: is a folder, an image file is needed")
    try:
        return read_limited(file, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        is_url = _URL.match(file.as_posix())
        reason = "URLs are not read; download the file first" if is_url else "no such file"
        raise ImageError(f"{file}: {reason}") from None
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror or error})") from error


def load_gray(path: str | Path) -> NDArray[np.uint8]:
    """Load an image file (PNG, JPEG, TIFF, WebP, BMP, GIF) as gray levels; of a TIFF file the first page.

    Returns:
        (H, W) uint8 gray levels, light paper (see `as_dark_on_light`).

    Raises:
        ImageError: the file cannot be read or holds no usable image; the message names it.
    """
    return decode_gray(read_file(path), name=str(Path(path)))


def decode_gray(
    data: bytes | bytearray, *, name: str, header: Header | None = None, dark_on_light: bool = False
) -> NDArray[np.uint8]:
    """Decode the bytes of an image file to gray levels.

    Transparency is composited on white, EXIF orientation is applied, CMYK and palettes become gray, 16-bit
    and floating point samples are reduced to 8 bits, and light music on a dark ground is inverted.

    Args:
        data: the whole file.
        name: name of the image in error messages.
        header: its header from `read_header`; read here by default.
        dark_on_light: the paper is known to be light; skips the check.

    Returns:
        (H, W) uint8 gray levels, light paper.

    Raises:
        ImageError: the file is empty, not an image, an animation, truncated or damaged, larger than
            `MAX_IMAGE_PX`, or has a side shorter than `MIN_SIDE_PX`.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty")
    header = header or read_header(data, name=name)
    if header.frames > 1:
        raise ImageError(f"{name}: an animation of {header.frames} frames, a still image is needed")
    if header.size is not None:
        check_size(header.size, name=name)
    # Only what may hold transparency or more than 8 significant bits has to be decoded with all its channels.
    flags = cv2.IMREAD_UNCHANGED if header.alpha else cv2.IMREAD_GRAYSCALE
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded ({str(error.err).strip() or 'OpenCV error'})") from error
    if image is None and header.kind:
        raise ImageError(f"{name}: the {header.kind} file is damaged or cut off, and cannot be decoded")
    if image is None and name.lower().endswith(".pdf"):
        raise ImageError(f"{name}: not a PDF file, nor an image that can be decoded")
    if image is None:
        raise ImageError(
            f"{name}: not an image that can be decoded (PNG, JPEG, TIFF, WebP, BMP or GIF; documents as PDF)"
        )
    check_size((image.shape[1], image.shape[0]), name=name)
    gray = _to_gray(image, name=name)
    # OpenCV 5.0 applies the orientation of TIFF files, and of other files only when decoding to gray.
    if header.alpha and header.kind != "TIFF":
        mirrored, turn = _UPRIGHT[header.orientation]
        gray = np.ascontiguousarray(gray[:, ::-1]) if mirrored else gray
        gray = gray if turn is None else np.asarray(cv2.rotate(gray, turn), np.uint8)
    return gray if dark_on_light else as_dark_on_light(gray)


def as_dark_on_light(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Invert an image of light music on a dark ground; return any other image as it is.

    An image is inverted where more than half of it is dark and its thin strokes are lighter than their
    surroundings. In a photograph of a page on a black desk the strokes are dark.

    Args:
        gray: (H, W) uint8 gray levels.

    Returns:
        (H, W) uint8 gray levels, light paper.
    """
    height, width = gray.shape
    shrink = min(-(-max(height, width) // 1024), height, width)  # integer factors are ten times faster
    size = (width // shrink, height // shrink)
    whole = gray[: size[1] * shrink, : size[0] * shrink]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    # Paper of a dark photograph has 120 or more, a dark ground 0 to 60. Counting the darker pixels takes a
    # tenth of the time of the median.
    if np.count_nonzero(small < _LIGHT) <= (small.size - 1) // 2 or median_gray(small) >= _LIGHT:
        return gray
    stroke = np.ones((3, 3), np.uint8)  # a page has a staff space of 5 px at this size, so lines are thinner
    light = float(cv2.morphologyEx(small, cv2.MORPH_TOPHAT, stroke).mean())
    dark = float(cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, stroke).mean())
    # Observed: light / dark is 1.5 to 20 for inverted prints and photographs, 0.03 to 1 for pages on desks.
    return 255 - gray if light > 1.25 * dark else gray


def median_gray(gray: NDArray[np.uint8]) -> float:
    """Median of the (H, W) uint8 gray levels from a histogram, ten times as fast as `np.median`."""
    sums = np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel(), dtype=np.float64)
    last = gray.size - 1
    middle = np.searchsorted(sums, [last // 2, last - last // 2], side="right")
    return float(middle.mean())


def check_size(size: tuple[int, int], *, name: str) -> None:
    """Check the (width, height) of an image in pixels.

    Raises:
        ImageError: too many pixels, or a side too short for a staff.
    """
    width, height = size
    if width * height > MAX_IMAGE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, at most {MAX_IMAGE_PX // 1_000_000} million are read"
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, a staff needs at least {MIN_SIDE_PX} x {MIN_SIDE_PX}"
        )


def _to_gray(image: NDArray[Any], *, name: str) -> NDArray[np.uint8]:
    """Reduce (H, W), (H, W, 3) BGR or (H, W, 4) BGRA samples of any dtype to (H, W) uint8 on white."""
    if image.ndim == 2 and image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    if image.ndim == 3 and image.shape[2] not in (1, 3, 4):
        raise ImageError(f"{name}: {image.shape[2]} channels, an image has 1, 3 or 4")
    white = {"uint8": 255.0, "uint16": 65535.0}.get(image.dtype.name)
    if white is None and image.dtype.kind == "f":
        most, least = float(image.max()), float(image.min())
        if isfinite(most) and isfinite(least):
            white = 1.0 if most <= 1.0 else 255.0
    if white is None:
        raise ImageError(f"{name}: samples of type {image.dtype}, 8 or 16 bits or finite numbers are needed")
    gray = np.empty(image.shape[:2], np.uint8)
    for row in range(0, len(gray), _BAND_ROWS):  # intermediate results take up to 40 bytes a pixel
        gray[row : row + _BAND_ROWS] = _band_to_gray(image[row : row + _BAND_ROWS], white)
    return gray


def _band_to_gray(samples: NDArray[Any], white: float) -> NDArray[np.uint8]:
    """Reduce some rows of an image, whose white is `white`, to (H, W) uint8 gray levels."""
    if samples.dtype == np.uint16:
        samples = np.rint(samples / np.float32(257)).astype(np.uint8)
    elif samples.dtype != np.uint8:
        samples = np.rint(np.clip(samples / white, 0, 1) * 255).astype(np.uint8)
    if samples.ndim == 2 or samples.shape[2] == 1:
        return samples.reshape(samples.shape[:2])
    if samples.shape[2] == 3:
        return np.asarray(cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY), np.uint8)
    gray = cv2.cvtColor(samples[:, :, :3], cv2.COLOR_BGR2GRAY).astype(np.float32)
    alpha = samples[:, :, 3].astype(np.float32) / 255
    return np.asarray(np.rint(255 + (gray - 255) * alpha), np.uint8)
