"""Writing the layout of PrIMuS: a tree of `<id>/` folders or an archive of them, pictures of two colours."""

import gzip
import io
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import DataError, OutputError
from focal_omr.runtime.atomic_files import atomic_file, make_writable, write_together
from focal_omr.runtime.atomic_folder import atomic_folder, is_free

# A sample's files by their endings: ".png", ".semantic", "_distorted.jpg", ...
WriteSample = Callable[[str, Mapping[str, bytes]], None]

ARCHIVE_SUFFIXES = (".tgz", ".tar.gz")
_PACKAGE = "package_aa"  # the first of the two folders in which PrIMuS comes
_WHITE, _INK = b"\xff\xff\xff", b"\x39\x39\x39"  # the palette of PrIMuS's pictures


def label_bytes(tokens: Sequence[str]) -> bytes:
    """A label file as PrIMuS has them: a tab after every symbol, the last one too, and no end of line."""
    return "".join(f"{token}\t" for token in tokens).encode()


def palette_png(gray: NDArray[np.uint8]) -> bytes:
    """A PNG of one bit a pixel with PrIMuS's palette, white and dark gray.

    OpenCV writes no palettes.

    Args:
        gray: (H, W) ink 0 .. paper 255; what is darker than the middle becomes ink.
    """
    height, width = gray.shape
    rows = np.packbits(gray < 128, axis=1)
    unfiltered = np.zeros((height, 1), np.uint8)  # each row begins with the number of its filter
    data = zlib.compress(np.hstack((unfiltered, rows)).tobytes(), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", _WHITE + _INK), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@contextmanager
def sample_writer(out: Path, *, archive: bool = False) -> Iterator[WriteSample]:
    """Gives the function that writes one sample into the folder `out`, or into the archive `out`.

    Both get their name when they are whole; the same samples make the same bytes.

    Raises:
        DataError: The folder is not empty, the archive exists, or is not called .tgz or .tar.gz.
        OutputError: A file cannot be written.
    """
    if archive:
        if not out.name.endswith(ARCHIVE_SUFFIXES):
            raise DataError(f"{out}: an archive's name ends with {' or '.join(ARCHIVE_SUFFIXES)}")
        if out.exists():
            raise DataError(f"{out}: exists; an archive is made anew under a name of its own")
        with _archive_writer(out) as write:
            yield write
    else:
        if not is_free(out):
            raise DataError(f"{out}: not empty; samples of two renderings are not mixed")
        with atomic_folder(out) as folder:
            yield lambda sample_id, files: _write_folder(folder / sample_id, files)


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True)  # not `make_folder`: a second sample of one id is a mistake
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror or error}") from error
    write_together({folder / f"{folder.name}{ending}": data for ending, data in files.items()})


@contextmanager
def _archive_writer(out: Path) -> Iterator[WriteSample]:
    make_writable(out.parent)
    with atomic_file(out) as file, _tgz(file) as write:
        yield write


@contextmanager
def _tgz(file: BinaryIO) -> Iterator[WriteSample]:
    # No time and no file name in gzip's header, no time and no owner in tar's: the content alone decides.
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):
        _add_folder(tar, _PACKAGE)

        def write(sample_id: str, files: Mapping[str, bytes]) -> None:
            folder = f"{_PACKAGE}/{sample_id}"
            _add_folder(tar, folder)
            for ending, data in files.items():
                member = tarfile.TarInfo(f"{folder}/{sample_id}{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

        yield write


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(member)
