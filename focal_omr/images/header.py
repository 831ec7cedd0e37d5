"""What a picture file says of itself before it is decoded: format, size, resolution, frames, which way is up.

OpenCV decodes all that is needed, CMYK, palettes and fax compressions included, but gives pixels only.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from focal_omr.errors import ImageError
from focal_omr.images.tiff import (
    HEIGHT,
    ORIENTATION,
    RESOLUTION_UNIT,
    WIDTH,
    X_RESOLUTION,
    Y_RESOLUTION,
    TagError,
    is_tiff,
    read_directories,
)

__all__ = ["MAX_PICTURE_PX", "Header", "believable_dpi", "cut_off", "is_pdf", "read_header"]

MAX_PICTURE_PX = 100_000_000  # an A3 page at 600 dpi has 70 million pixels; more is not decoded

_PDF_HEAD_BYTES = 1024  # where readers look for the mark of a PDF's start, as Acrobat does
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..15; DHT, JPG and DAC are none
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # TEM and RST carry no length
_INCH_CM, _INCH_M = 2.54, 0.0254
_DEFAULT_DPI = (72, 96)  # what programs write that know of no resolution: screens of old, and of Windows
_MIN_DPI, _MAX_DPI = 50, 2400


@dataclass(frozen=True)
class Header:
    """What is known of a picture before it is decoded.

    Attributes:
        kind: "PNG", "JPEG", "TIFF", "WebP", "BMP", "GIF", or "" for anything else.
        size: (width, height) in pixels as they are stored, None where the format does not say.
        dpi: dots per inch, None where the file does not tell a believable resolution.
        orientation: EXIF's number, 1 (upright) to 8.
        frames: more than one for an animation; the pages of a TIFF file are no frames.
        alpha: whether there may be transparency.
    """

    kind: str
    size: tuple[int, int] | None = None
    dpi: float | None = None
    orientation: int = 1
    frames: int = 1
    alpha: bool = False


def is_pdf(data: bytes | bytearray) -> bool:
    """Whether the bytes of a file are a PDF document, by the mark that may come late."""
    return b"%PDF-" in data[:_PDF_HEAD_BYTES]


def read_header(data: bytes | bytearray, *, name: str) -> Header:
    """Read the header of a picture file, and walk through the file where its format allows that.

    Args:
        data: the whole file.
        name: what an error message calls the picture.

    Raises:
        ImageError: the file is cut off, or a checksum of its structure is wrong. OpenCV would fill what is
            missing of a PNG, JPEG or WebP file with gray and say nothing.
    """
    if data.startswith(_PNG):
        return _png(data, name=name)
    if data.startswith(_JPEG):
        return _jpeg(data, name=name)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data, name=name)
    if data.startswith((b"GIF87a", b"GIF89a")):
        return _gif(data, name=name)
    if is_tiff(data):
        return _tiff(data, name=name)
    if data.startswith(b"BM"):
        return _bmp(data)
    return Header("")


def believable_dpi(x_dpi: float, y_dpi: float) -> float | None:
    """The resolution of square pixels in dots per inch, or None where a file tells none that can be true.

    Left out are 72 and 96 dpi, which programs write that know of none, and what no scanner has.
    """
    if not (_MIN_DPI <= x_dpi <= _MAX_DPI and abs(x_dpi - y_dpi) <= 0.01 * x_dpi):
        return None
    return None if round(x_dpi) in _DEFAULT_DPI else round(float(x_dpi), 1)  # files round as well


def cut_off(data: bytes | bytearray, *, name: str) -> ImageError:
    """The error for a file without its end."""
    return ImageError(f"{name}: the file is cut off after {len(data)} bytes, its end is missing")


def _exif(data: bytes | bytearray) -> tuple[int, float | None]:
    """(orientation, dpi) of EXIF data. What is damaged there costs the picture nothing: (1, None)."""
    if not is_tiff(data):
        return 1, None
    try:
        tags = next(read_directories(data)).tags
    except (TagError, StopIteration):
        return 1, None
    return _orientation(tags), _tags_dpi(tags)


def _orientation(tags: dict[int, float]) -> int:
    value = int(tags.get(ORIENTATION, 1))
    return value if 1 <= value <= 8 else 1


def _tags_dpi(tags: dict[int, float]) -> float | None:
    x, y = tags.get(X_RESOLUTION, 0.0), tags.get(Y_RESOLUTION, 0.0)
    inches = {2: 1.0, 3: _INCH_CM}.get(int(tags.get(RESOLUTION_UNIT, 2)))
    return None if inches is None else believable_dpi(x * inches, y * inches)


# --- PNG -------------------------------------------------------------------------------------------------


def _png(data: bytes | bytearray, *, name: str) -> Header:
    size, frames, dpi, exif, kinds = None, 1, None, b"", set()
    for kind, body in _png_chunks(data, name=name):
        kinds.add(kind)
        if kind == b"IHDR" and len(body) >= 8:
            size = (int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"))
        elif kind == b"acTL" and len(body) >= 4 and b"IDAT" not in kinds:
            frames = int.from_bytes(body[:4], "big")
        elif kind == b"pHYs" and len(body) == 9 and body[8] == 1:
            x, y = struct.unpack(">II", body[:8])
            dpi = believable_dpi(x * _INCH_M, y * _INCH_M)
        elif kind == b"eXIf":
            exif = body
    if b"IEND" not in kinds:
        raise cut_off(data, name=name)
    orientation, exif_dpi = _exif(exif)
    alpha = data[25:26] in (b"\x04", b"\x06") or b"tRNS" in kinds
    return Header("PNG", size, dpi if b"pHYs" in kinds else exif_dpi, orientation, max(frames, 1), alpha)


def _png_chunks(data: bytes | bytearray, *, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield (kind, body) of each whole chunk; raise ImageError where a critical chunk is damaged."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind, end = bytes(data[at + 4 : at + 8]), at + 12 + length
        if end > len(data):
            return
        critical = kind[:1].isupper()
        if critical and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            shown = ascii(kind.decode("latin-1"))  # a damaged name may hold a line break
            raise ImageError(f"{name}: the PNG file is damaged (checksum of chunk {shown} at byte {at})")
        yield kind, bytes(data[at + 8 : end - 4])
        if kind == b"IEND":
            return
        at = end


# --- JPEG ------------------------------------------------------------------------------------------------


def _jpeg(data: bytes | bytearray, *, name: str) -> Header:
    size, dpi, orientation, exif_dpi, scan = None, None, 1, None, None
    for marker, start, length in _jpeg_segments(data):
        body = data[start : start + min(length, 14)]
        if marker in _JPEG_FRAMES and length >= 5 and len(body) >= 5:
            height, width = struct.unpack(">HH", body[1:5])
            size = (int(width), int(height))
        elif marker == 0xE0 and body[:5] == b"JFIF\0" and len(body) >= 12 and body[7] in (1, 2):
            x, y = struct.unpack(">HH", body[8:12])
            inches = 1 if body[7] == 1 else _INCH_CM
            dpi = believable_dpi(x * inches, y * inches)
        elif marker == 0xE1 and body[:6] == b"Exif\0\0":
            orientation, exif_dpi = _exif(data[start + 6 : start + length])
        elif marker == 0xDA:
            scan = start
    # After the scan's start FF D9 can only be the end marker; before it, it may belong to a thumbnail.
    if scan is None or data.find(b"\xff\xd9", scan) < 0:
        raise cut_off(data, name=name)
    return Header("JPEG", size, exif_dpi or dpi, orientation)


def _jpeg_segments(data: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
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


# --- WebP, GIF, TIFF, BMP --------------------------------------------------------------------------------


def _webp(data: bytes | bytearray, *, name: str) -> Header:
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise cut_off(data, name=name)
    size, alpha, frames, exif = None, False, 0, b""
    at = 12
    while at + 8 <= len(data):
        kind, length = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 18]
        if kind == b"VP8X" and len(body) == 10:
            alpha = bool(body[0] & 0x10)
            size = (1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little"))
        elif kind == b"VP8 " and size is None and len(body) == 10:
            width, height = struct.unpack("<HH", body[6:10])
            size = (width & 0x3FFF, height & 0x3FFF)
        elif kind == b"VP8L" and len(body) >= 5:
            alpha = True  # or may be, lossless pictures say so late
            bits = int.from_bytes(body[1:5], "little")
            size = size or (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"EXIF":
            exif = bytes(data[at + 8 : at + 8 + length]).removeprefix(b"Exif\0\0")
        at += 8 + length + length % 2
    orientation, dpi = _exif(exif)
    return Header("WebP", size, dpi, orientation, max(frames, 1), alpha)


def _gif(data: bytes | bytearray, *, name: str) -> Header:
    if len(data) < 13:
        raise cut_off(data, name=name)
    width, height = struct.unpack("<HH", data[6:10])
    at, frames = 13 + _gif_palette_bytes(data[10]), 0
    while at < len(data) and data[at] in b"!,":
        if data[at] == ord(","):
            frames += 1
            if at + 10 > len(data):
                raise cut_off(data, name=name)
            at += 11 + _gif_palette_bytes(data[at + 9])  # and the byte of the code size
        else:
            at += 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
        if at >= len(data):
            raise cut_off(data, name=name)
        at += 1
    if not frames and at >= len(data):
        raise cut_off(data, name=name)
    return Header("GIF", (int(width), int(height)), frames=max(frames, 1), alpha=True)


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _tiff(data: bytes | bytearray, *, name: str) -> Header:
    """The header of the first page."""
    try:
        tags = next(read_directories(data)).tags
    except (TagError, StopIteration):
        raise cut_off(data, name=name) from None
    width, height = tags.get(WIDTH), tags.get(HEIGHT)
    size = None if width is None or height is None else (int(width), int(height))
    return Header("TIFF", size, _tags_dpi(tags), _orientation(tags), alpha=True)


def _bmp(data: bytes | bytearray) -> Header:
    if len(data) < 46 or data[14] < 40:
        return Header("BMP")
    width, height = struct.unpack("<ii", data[18:26])
    x, y = struct.unpack("<ii", data[38:46])
    return Header("BMP", (abs(int(width)), abs(int(height))), believable_dpi(x * _INCH_M, y * _INCH_M))
