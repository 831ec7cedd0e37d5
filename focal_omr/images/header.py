"""Image headers: format, size, resolution, EXIF orientation and frames, read without decoding.

Pillow reads them, except PNG. OpenCV decodes the pixels, but reports neither resolution nor frames, and fills
the missing part of a truncated PNG, JPEG or WebP file with gray without an error. So files are checked here
for being complete.
"""

import importlib
import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

from focal_omr.errors import ImageError

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

__all__ = [
    "MAX_IMAGE_PX",
    "Header",
    "TiffPage",
    "believable_dpi",
    "is_pdf",
    "is_tiff",
    "read_header",
    "read_tiff_pages",
    "select_tiff_page",
]

MAX_IMAGE_PX = 100_000_000  # an A3 page at 600 dpi has 70 million pixels; larger images are not decoded

_PDF_HEAD_BYTES = 1024  # readers accept the PDF marker this far into a file, as Acrobat does
_SIGNATURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "WebP": rb"(?s)RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
}
_PLUGINS = {  # `Image.open` would import more of them, and apply a limit of its own
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
_INCH_M = 0.0254
_REDUCED, _WIDTH, _HEIGHT, _ORIENTATION = 254, 256, 257, 274  # TIFF 6.0: NewSubfileType, ImageWidth, ...
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_UNITS_PER_INCH = {2: 1.0, 3: 2.54}  # ResolutionUnit: inch, centimetre; 1 is none
_NO_PAGE = 0b101  # NewSubfileType: a reduced copy of a page, a transparency mask
# Reads from the directories of one file: a page takes 15 to 45. Overlapping directories can have millions of
# entries in a small file.
_MAX_TIFF_READS = 1_000_000
_DEFAULT_DPI = (72, 96)  # written by programs that know no resolution
_MIN_DPI, _MAX_DPI = 50, 2400
# `warnings.catch_warnings` replaces a list of the whole process, so two threads must not overlap in it.
_WARNINGS_LOCK = threading.Lock()


@dataclass(frozen=True)
class Header:
    """Properties of an image that are known before it is decoded.

    Attributes:
        kind: "PNG", "JPEG", "TIFF", "WebP", "BMP", "GIF", or "" for any other content.
        size: (width, height) in pixels as stored; None where the file does not tell.
        dpi: dots per inch; None where the file tells no believable resolution.
        orientation: EXIF orientation, 1 (upright) to 8.
        frames: number of frames, more than 1 for an animation; the pages of a TIFF file are not frames.
        alpha: whether the image may be transparent.
    """

    kind: str
    size: tuple[int, int] | None = None
    dpi: float | None = None
    orientation: int = 1
    frames: int = 1
    alpha: bool = False


@dataclass(frozen=True)
class TiffPage:
    """One page of a TIFF file.

    Attributes:
        offset: position of its directory in the file, in bytes.
        header: properties of the page.
    """

    offset: int
    header: Header


def is_pdf(data: bytes | bytearray) -> bool:
    """Whether a file is a PDF document; the marker may come late."""
    return b"%PDF-" in data[:_PDF_HEAD_BYTES]


def is_tiff(data: bytes | bytearray) -> bool:
    """Whether a file is TIFF or BigTIFF."""
    return re.match(_SIGNATURES["TIFF"], data) is not None


def read_header(data: bytes | bytearray, *, name: str) -> Header:
    """Read the header of an image file and check that the file is complete.

    Args:
        data: the whole file.
        name: name of the image in error messages.

    Returns:
        the header; of a TIFF file that of the first page; `Header("")` for unknown content.

    Raises:
        ImageError: the file is truncated or damaged.
    """
    kind = next((kind for kind, mark in _SIGNATURES.items() if re.match(mark, data)), "")
    if not kind:
        return Header("")
    if kind == "PNG":
        return _png_header(data, name=name)
    with _pillow_errors(kind, name=name):
        if kind == "TIFF":
            return _tiff_header(next(_tiff_directories(data, name=name)))
        return _pillow_header(data, kind, name=name)


def read_tiff_pages(data: bytes | bytearray, *, name: str) -> list[TiffPage]:
    """Read the headers of all pages of a TIFF file, without reduced copies and masks.

    Args:
        data: the whole file.
        name: name of the file in error messages.

    Raises:
        ImageError: the file is truncated or damaged, or has no pages.

    Source: TIFF 6.0, section 2.
    """
    with _pillow_errors("TIFF", name=name):
        pages = [
            TiffPage(directory.offset, _tiff_header(directory))
            for directory in _tiff_directories(data, name=name)
            if not int(_number(directory, _REDUCED) or 0) & _NO_PAGE
        ]
    if not pages:
        raise ImageError(f"{name}: the TIFF file has no pages")
    return pages


def select_tiff_page(data: bytearray, page: TiffPage) -> None:
    """Make a page the first of its TIFF file, in place, so that a decoder of single images decodes it."""
    if data[2:3] == b"+":
        struct.pack_into("<Q", data, 8, page.offset)
    else:
        struct.pack_into("<I" if data[:1] == b"I" else ">I", data, 4, page.offset)


def believable_dpi(x_dpi: float, y_dpi: float) -> float | None:
    """Return the resolution of square pixels in dots per inch, or None where it cannot be true.

    72 and 96 dpi are rejected, which programs write by default, and so is what no scanner has.
    """
    if not (_MIN_DPI <= x_dpi <= _MAX_DPI and abs(x_dpi - y_dpi) <= 0.01 * x_dpi):
        return None
    return None if round(x_dpi) in _DEFAULT_DPI else round(float(x_dpi), 1)  # files round as well


@contextmanager
def _pillow_errors(kind: str, *, name: str) -> Iterator[None]:
    """Turn any error of Pillow into an ImageError of one line, and silence its warnings."""
    from PIL.Image import DecompressionBombError

    try:
        with _WARNINGS_LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except DecompressionBombError:  # above 179 million pixels; most plugins leave that check to `Image.open`
        most = MAX_IMAGE_PX // 1_000_000
        raise ImageError(f"{name}: too many pixels, at most {most} million are read") from None
    except Exception as error:  # damaged files raise SyntaxError, OSError, ValueError, EOFError, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name}: the {kind} file is damaged or cut off ({reason}); copy or export it again"
        ) from None


def _png_header(data: bytes | bytearray, *, name: str) -> Header:
    """Walk the chunks of a PNG file and compare the checksums of the critical ones.

    Pillow 13 also compares the others, and would refuse a file for a damaged colour profile, which decoders
    skip.
    """
    view, at, chunks = memoryview(data), 8, dict[bytes, bytes]()
    while b"IEND" not in chunks:
        kind, end = bytes(view[at + 4 : at + 8]), at + 12 + int.from_bytes(view[at : at + 4], "big")
        if end > len(data):
            raise _cut_off(data, name=name)
        checksum = int.from_bytes(view[end - 4 : end], "big")
        if kind[:1].isupper() and zlib.crc32(view[at + 4 : end - 4]) != checksum:
            shown = ascii(kind.decode("latin-1"))  # a damaged name may hold a line break
            raise ImageError(f"{name}: the PNG file is damaged (checksum of chunk {shown} at byte {at})")
        if not (kind == b"acTL" and b"IDAT" in chunks):  # such a chunk makes no animation
            chunks[kind] = b"" if kind == b"IDAT" else bytes(view[at + 8 : end - 4])
        at = end
    sides, resolution = chunks.get(b"IHDR", b""), chunks.get(b"pHYs")
    size = struct.unpack(">II", sides[:8]) if len(sides) >= 8 else None
    orientation, dpi = _read_exif(chunks.get(b"eXIf", b""))
    if resolution is not None:
        x, y, unit = struct.unpack(">IIB", resolution) if len(resolution) == 9 else (0, 0, 0)
        dpi = believable_dpi(x * _INCH_M, y * _INCH_M) if unit == 1 else None
    frames = int.from_bytes(chunks.get(b"acTL", b"")[:4], "big")
    alpha = sides[9:10] in (b"\x04", b"\x06") or b"tRNS" in chunks
    return Header("PNG", size, dpi, orientation, max(frames, 1), alpha)


def _cut_off(data: bytes | bytearray, *, name: str) -> ImageError:
    return ImageError(f"{name}: the file is cut off after {len(data)} bytes, its end is missing")


def _pillow_header(data: bytes | bytearray, kind: str, *, name: str) -> Header:
    if kind == "WebP" and len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise _cut_off(data, name=name)
    module, image_class = _PLUGINS[kind]
    file = io.BytesIO(data)
    image = getattr(importlib.import_module(f"PIL.{module}"), image_class)(file)
    # After the start of the scan FF D9 can only be the end marker; before it, it may belong to a thumbnail.
    if kind == "JPEG" and not (image.tile and data.find(b"\xff\xd9", file.tell()) >= 0):
        raise _cut_off(data, name=name)
    orientation, exif_dpi = _read_exif(image.info.get("exif", b"").removeprefix(b"Exif\0\0"))
    x_dpi, y_dpi = image.info.get("dpi", (0, 0))
    dpi = believable_dpi(float(x_dpi), float(y_dpi))
    alpha = kind == "GIF" or image.mode == "RGBA"
    return Header(kind, image.size, exif_dpi or dpi, orientation, getattr(image, "n_frames", 1), alpha)


def _read_exif(data: bytes) -> tuple[int, float | None]:
    """(orientation, dpi) of EXIF data; (1, None) where they are damaged: the image is none the worse."""
    try:
        header = _tiff_header(next(_tiff_directories(data, name="EXIF")))
    except Exception:
        return 1, None
    return header.orientation, header.dpi


class _LimitedFile(io.BytesIO):
    """A file in memory from which a limited number of reads are possible."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MAX_TIFF_READS:
            raise ValueError("too many entries in its directories")
        return super().read(size)


def _tiff_directories(data: bytes | bytearray, *, name: str) -> Iterator["ImageFileDirectory_v2"]:
    """Yield the directories of a TIFF file, or of EXIF data, in the order of their chain."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if data[:4] == b"MM\0+":  # Pillow 13 takes it for TIFF
        raise ImageError(f"{name}: a big-endian BigTIFF file, save it as TIFF")
    file = _LimitedFile(data)
    head = bytes(data[: 16 if data[2:3] == b"+" else 8])
    at, seen = ImageFileDirectory_v2(head).next, set[int]()
    while at:
        if at in seen:
            raise ValueError(f"the directory at byte {at} follows itself")
        seen.add(at)
        directory = ImageFileDirectory_v2(head)
        directory.next = -1  # where a directory is cut off, Pillow only warns and leaves `next` as it was
        file.seek(at)
        directory.load(file)
        if directory.next < 0:
            raise EOFError(f"the directory at byte {at} reaches beyond the end of the file")
        yield directory
        at = directory.next


def _tiff_header(directory: "ImageFileDirectory_v2") -> Header:
    width, height = _number(directory, _WIDTH), _number(directory, _HEIGHT)
    size = None if width is None or height is None else (int(width), int(height))
    units = _UNITS_PER_INCH.get(int(_number(directory, _RESOLUTION_UNIT) or 2), 0.0)
    x, y = (_number(directory, tag) or 0.0 for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    orientation = int(_number(directory, _ORIENTATION) or 1)
    return Header(
        "TIFF",
        size,
        believable_dpi(x * units, y * units),
        orientation if 1 <= orientation <= 8 else 1,
        alpha=True,
    )


def _number(directory: "ImageFileDirectory_v2", tag: int) -> float | None:
    """The first value of a tag; None where the tag is missing or holds no number."""
    value = directory.get(tag)
    if isinstance(value, tuple) and value:
        value = value[0]
    if not isinstance(value, Real):
        return None
    number = float(value)
    return number if number == number else None  # a rational of denominator 0 is NaN
