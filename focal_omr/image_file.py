"""The bytes of a picture file become a grayscale picture with light paper, or an error that says why not."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import ImageError

__all__ = ["MAX_PICTURE_PX", "MIN_SIDE_PX", "as_dark_on_light", "decode_gray", "load_gray"]

MAX_PICTURE_PX = 100_000_000  # an A3 page at 600 dpi has 70 million pixels
MIN_SIDE_PX = 16  # five lines at a staff space of 4 px, the smallest that can be read, are 17 px high

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIF = (b"GIF87a", b"GIF89a")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15; DHT, JPG and DAC are none
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RST carry no length


def load_gray(path: str | Path) -> NDArray[np.uint8]:
    """Read a picture file (PNG, JPEG, TIFF, WebP, BMP, GIF; of several pages the first).

    Args:
        path: the file.

    Returns:
        (H, W) gray values, paper light (see `as_dark_on_light`).

    Raises:
        ImageError: the file cannot be read or holds no usable picture; the message names it.
    """
    file = Path(path)
    if file.is_dir():
        raise ImageError(f"{file}: is a folder, a picture file is needed")
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{file}: no such file") from None
    except OSError as error:
        raise ImageError(f"{file}: cannot be read ({error.strerror or error})") from error
    return decode_gray(data, name=str(file))


def decode_gray(data: bytes, *, name: str) -> NDArray[np.uint8]:
    """Decode the bytes of a picture file to gray values.

    Transparency is composited on white, EXIF rotation is applied, 16-bit and floating point samples are
    reduced to 8 bits, light music on dark ground is inverted.

    Args:
        data: the whole file.
        name: what an error message calls the picture.

    Returns:
        (H, W) gray values, paper light.

    Raises:
        ImageError: empty, not a picture, cut off or damaged, larger than `MAX_PICTURE_PX` or with a side
            shorter than `MIN_SIDE_PX`.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty")
    _check_complete(data, name=name)
    _check_size(_header_size(data), name=name)
    flags = cv2.IMREAD_UNCHANGED if _needs_all_channels(data) else cv2.IMREAD_GRAYSCALE
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded ({str(error.err).strip() or 'OpenCV error'})") from error
    if picture is None:
        raise ImageError(f"{name}: not a picture that can be decoded (PNG, JPEG, TIFF, WebP, BMP or GIF)")
    _check_size((picture.shape[1], picture.shape[0]), name=name)
    return as_dark_on_light(_to_gray(picture, name=name))


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
    if float(np.median(small)) >= 112:  # paper of a dark photograph has 120 or more, a dark ground 0 to 60
        return gray
    stroke = np.ones((3, 3), np.uint8)  # of a page's staff space of 5 px at this size, more than a line has
    light = float(cv2.morphologyEx(small, cv2.MORPH_TOPHAT, stroke).mean())
    dark = float(cv2.morphologyEx(small, cv2.MORPH_BLACKHAT, stroke).mean())
    # Observed: light / dark is 1.5 to 20 for inverted prints and photographs, 0.03 to 1 for pages on desks.
    return 255 - gray if light > 1.25 * dark else gray


def _check_size(size: tuple[int, int] | None, *, name: str) -> None:
    if size is None:
        return
    width, height = size
    if width * height > MAX_PICTURE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, at most {MAX_PICTURE_PX // 1_000_000} million are read"
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels, a staff needs at least {MIN_SIDE_PX} x {MIN_SIDE_PX}"
        )


def _check_complete(data: bytes, *, name: str) -> None:
    """Raise where a file was cut off: OpenCV would fill the rest with gray and say nothing."""
    if data.startswith(_PNG):
        kinds = [kind for kind, _ in _png_chunks(data, name=name)]
        complete = b"IEND" in kinds
    elif data.startswith(_JPEG):
        scan = next((start for marker, start, _ in _jpeg_segments(data) if marker == 0xDA), None)
        # After the scan's start FF D9 can only be the end marker; before it, it may belong to a thumbnail.
        complete = scan is not None and data.find(b"\xff\xd9", scan) >= 0
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        complete = len(data) >= 8 + int.from_bytes(data[4:8], "little")
    else:
        return
    if not complete:
        raise ImageError(f"{name}: the file is cut off after {len(data)} bytes, its end is missing")


def _png_chunks(data: bytes, *, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, body) of each whole chunk; raise ImageError where a critical chunk is damaged."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if end > len(data):
            return
        critical = kind[:1].isupper()
        if critical and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            shown = kind.decode("ascii", "replace")
            raise ImageError(f"{name}: the PNG file is damaged (checksum of chunk {shown} at byte {at})")
        yield kind, data[at + 8 : end - 4]
        if kind == b"IEND":
            return
        at = end


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, start of its body, its length) up to the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _JPEG_BARE:
            at += 2
        else:
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            yield marker, at + 4, length - 2
            if marker == 0xDA:
                return
            at += 2 + length


def _header_size(data: bytes) -> tuple[int, int] | None:
    """The picture's (width, height) as its header says, None for formats that are checked when decoded."""
    if data.startswith(_PNG) and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return int(width), int(height)
    if data.startswith(_JPEG):
        for marker, start, length in _jpeg_segments(data):
            if marker in _JPEG_FRAMES and length >= 5:
                height, width = struct.unpack(">HH", data[start + 1 : start + 5])
                return int(width), int(height)
    if data.startswith(b"BM") and len(data) >= 26 and data[14] >= 40:
        width, height = struct.unpack("<ii", data[18:26])
        return abs(int(width)), abs(int(height))
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if data.startswith(_GIF) and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return int(width), int(height)
    return None


def _needs_all_channels(data: bytes) -> bool:
    """Whether the file may hold transparency or more than 8 bits that matter.

    Everything else is decoded straight to gray, the one way in which OpenCV applies EXIF rotation.
    """
    if data.startswith(_PNG):
        head = data[: data.find(b"IDAT")]
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in head
    if data[:4] == b"RIFF":
        return data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and bool(data[20] & 0x10))
    return data.startswith((*_GIF, b"II*\0", b"MM\0*"))


def _to_gray(picture: NDArray[Any], *, name: str) -> NDArray[np.uint8]:
    """Reduce (H, W), (H, W, 3) or (H, W, 4) samples of any type to (H, W) bytes, transparent = white."""
    samples = _to_bytes(picture, name=name)
    if samples.ndim == 2:
        return samples
    if samples.shape[2] == 1:
        return np.ascontiguousarray(samples[:, :, 0])
    if samples.shape[2] == 3:
        return np.asarray(cv2.cvtColor(samples, cv2.COLOR_BGR2GRAY), np.uint8)
    if samples.shape[2] != 4:
        raise ImageError(f"{name}: {samples.shape[2]} channels, a picture has 1, 3 or 4")
    gray = cv2.cvtColor(samples[:, :, :3], cv2.COLOR_BGR2GRAY).astype(np.float32)
    alpha = samples[:, :, 3].astype(np.float32) / 255
    return np.asarray(np.rint(255 + (gray - 255) * alpha), np.uint8)


def _to_bytes(picture: NDArray[Any], *, name: str) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return picture
    if picture.dtype == np.uint16:
        return np.asarray(np.rint(picture / np.float32(257)), np.uint8)
    if picture.dtype.kind == "f" and np.isfinite(picture).all():
        top = 1.0 if float(picture.max()) <= 1.0 else 255.0
        return np.asarray(np.rint(np.clip(picture / top, 0, 1) * 255), np.uint8)
    raise ImageError(f"{name}: samples of type {picture.dtype}, 8 or 16 bits or finite numbers are needed")
