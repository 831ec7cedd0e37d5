"""The bytes of a picture file become a grayscale picture with light paper, or an error that says why not."""

from math import isfinite
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import ImageError
from focal_omr.images.header import MAX_PICTURE_PX, read_header
from focal_omr.runtime.atomic_files import read_limited

__all__ = [
    "MAX_PICTURE_PX",
    "MIN_SIDE_PX",
    "as_dark_on_light",
    "check_size",
    "decode_gray",
    "load_gray",
    "read_file",
]

MAX_DOCUMENT_BYTES = 1_000_000_000  # of a file; 500 pages scanned in colour have 500 MB
MIN_SIDE_PX = 16  # five lines at a staff space of 4 px, the smallest that can be read, are 17 px high

_LIGHT = 112  # gray value in the middle of a picture on light paper
_BAND_ROWS = 256  # that are reduced to gray at a time

# What turns a picture upright, by EXIF's number: mirrored left to right, and then a turn.
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
    """Read a file that should hold a picture or a document.

    Raises:
        ImageError: it is missing, a folder, or cannot be read; the message names it.
    """
    file = Path(path)
    if file.is_dir():
        raise ImageError(f"{file}: is a folder, a picture file is needed")
    try:
        return read_limited(file, MAX_DOCUMENT_BYTES)
    except FileNotFoundError:
        raise ImageError(f"{file}: no such file") from None
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror or error})") from error


def load_gray(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture file (PNG, JPEG, TIFF, WebP, BMP, GIF; of a TIFF file's pages the first).

    Args:
        path: the file.

    Returns:
        (H, W) gray values, paper light (see `as_dark_on_light`).

    Raises:
        ImageError: the file cannot be read or holds no usable picture; the message names it.
    """
    return decode_gray(read_file(path), name=str(Path(path)))


def decode_gray(data: bytes | bytearray, *, name: str, dark_on_light: bool = False) -> NDArray[np.uint8]:
    """Decode the bytes of a picture file to gray values.

    Transparency is composited on white, EXIF rotation is applied, CMYK and palettes become gray, 16-bit and
    floating point samples are reduced to 8 bits, light music on dark ground is inverted.

    Args:
        data: the whole file.
        name: what an error message calls the picture.
        dark_on_light: whether it is known to be, and need not be looked at for that.

    Returns:
        (H, W) gray values, paper light.

    Raises:
        ImageError: empty, not a picture, an animation, cut off or damaged, larger than `MAX_PICTURE_PX` or
            with a side shorter than `MIN_SIDE_PX`.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty")
    header = read_header(data, name=name)
    if header.frames > 1:
        raise ImageError(f"{name}: an animation of {header.frames} frames, a still picture is needed")
    if header.size is not None:
        check_size(header.size, name=name)
    # What can hold neither transparency nor more than 8 bits that matter is decoded straight to gray.
    flags = cv2.IMREAD_UNCHANGED if header.alpha else cv2.IMREAD_GRAYSCALE
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded ({str(error.err).strip() or 'OpenCV error'})") from error
    if picture is None and header.kind:
        raise ImageError(f"{name}: the {header.kind} file is damaged or cut off, and cannot be decoded")
    if picture is None:
        raise ImageError(
            f"{name}: not a picture that can be decoded (PNG, JPEG, TIFF, WebP, BMP or GIF; documents as PDF)"
        )
    check_size((picture.shape[1], picture.shape[0]), name=name)
    gray = _to_gray(picture, name=name)
    # OpenCV 5.0 turns what it decodes to gray, and any TIFF, but no other picture with all its channels.
    if header.alpha and header.kind != "TIFF":
        gray = _turned_upright(gray, header.orientation)
    return gray if dark_on_light else as_dark_on_light(gray)


def as_dark_on_light(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Invert a picture of light music on dark ground; return any other picture as it is.

    Inverted means: more than half of the picture is dark, and its thin strokes are lighter than what is
    around them. In a photograph of a page on a black desk the strokes are dark.

    Args:
        gray: (H, W) gray values.

    Returns:
        (H, W) gray values, paper light.
    """
    height, width = gray.shape
    shrink = min(-(-max(height, width) // 1024), height, width)  # whole numbers shrink ten times faster
    size = (width // shrink, height // shrink)
    whole = gray[: size[1] * shrink, : size[0] * shrink]
    small = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
    # Paper of a dark photograph has 120 or more, a dark ground 0 to 60. To count what is darker than that
    # takes a tenth of the time of finding the median.
    if np.count_nonzero(small < _LIGHT) <= (small.size - 1) // 2 or middle_gray(small) >= _LIGHT:
        return gray
    stroke = np.ones((3, 3), np.uint8)  # of a page's staff space of 5 px at this size, more than a line has
    light = float(cv2.morphologyEx(small, cv2.MORPH_TOPHAT, stroke).mean())
    dark = float(cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, stroke).mean())
    # Observed: light / dark is 1.5 to 20 for inverted prints and photographs, 0.03 to 1 for pages on desks.
    return 255 - gray if light > 1.25 * dark else gray


def middle_gray(gray: NDArray[np.uint8]) -> float:
    """The median of a picture, by counting its values: `np.median` sorts, which takes ten times as long."""
    sums = np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel(), dtype=np.float64)
    last = gray.size - 1
    middle = np.searchsorted(sums, [last // 2, last - last // 2], side="right")
    return float(middle.mean())


def check_size(size: tuple[int, int], *, name: str) -> None:
    """Raise ImageError where a picture of this (width, height) in pixels is too large or too small."""
    width, height = size
    if width * height > MAX_PICTURE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, at most {MAX_PICTURE_PX // 1_000_000} million are read"
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, a staff needs at least {MIN_SIDE_PX} x {MIN_SIDE_PX}"
        )


def _turned_upright(gray: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    mirrored, turn = _UPRIGHT[orientation]
    if mirrored:
        gray = np.ascontiguousarray(gray[:, ::-1])
    return gray if turn is None else np.asarray(cv2.rotate(gray, turn), np.uint8)


def _to_gray(picture: NDArray[Any], *, name: str) -> NDArray[np.uint8]:
    """Reduce (H, W), (H, W, 3) or (H, W, 4) samples of any type to (H, W) bytes, transparent = white."""
    if picture.ndim == 2 and picture.dtype == np.uint8:
        return np.asarray(picture, np.uint8)
    if picture.ndim == 3 and picture.shape[2] not in (1, 3, 4):
        raise ImageError(f"{name}: {picture.shape[2]} channels, a picture has 1, 3 or 4")
    top = _top(picture, name=name)
    gray = np.empty(picture.shape[:2], np.uint8)
    for row in range(0, len(gray), _BAND_ROWS):  # what lies between takes up to 40 bytes a pixel
        gray[row : row + _BAND_ROWS] = _gray_band(picture[row : row + _BAND_ROWS], top)
    return gray


def _top(picture: NDArray[Any], *, name: str) -> float:
    """The sample that stands for white."""
    if picture.dtype == np.uint8:
        return 255.0
    if picture.dtype == np.uint16:
        return 65535.0
    if picture.dtype.kind == "f":
        most, least = float(picture.max()), float(picture.min())
        if isfinite(most) and isfinite(least):
            return 1.0 if most <= 1.0 else 255.0
    raise ImageError(f"{name}: samples of type {picture.dtype}, 8 or 16 bits or finite numbers are needed")


def _gray_band(picture: NDArray[Any], top: float) -> NDArray[np.uint8]:
    """Some rows of a picture."""
    samples = _to_bytes(picture, top)
    if samples.ndim == 2:
        return samples
    if samples.shape[2] == 1:
        return samples[:, :, 0]
    if samples.shape[2] == 3:
        return np.asarray(cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY), np.uint8)
    gray = cv2.cvtColor(samples[:, :, :3], cv2.COLOR_BGR2GRAY).astype(np.float32)
    alpha = samples[:, :, 3].astype(np.float32) / 255
    return np.asarray(np.rint(255 + (gray - 255) * alpha), np.uint8)


def _to_bytes(picture: NDArray[Any], top: float) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.uint16:
        return np.asarray(np.rint(picture / np.float32(257)), np.uint8)
    return np.asarray(np.rint(np.clip(picture / top, 0, 1) * 255), np.uint8)
