"""Writer of the PrIMuS layout: a tree of `<id>/` folders or an archive of them, with two-colour images."""

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

# (sample id, content by suffix: ".png", ".semantic", "_distorted.jpg", ...)
WriteSample = Callable[[str, Mapping[str, bytes]], None]

ARCHIVE_SUFFIXES = (".tgz", ".tar.gz")
_PACKAGE = "package_aa"  # the first of the two top folders of PrIMuS
_WHITE, _INK = b"\xff\xff\xff", b"\x39\x39\x39"  # the palette of PrIMuS's images


def label_bytes(tokens: Sequence[str]) -> bytes:
    """Encode a label file as in PrIMuS: a tab after every token, including the last, and no line break."""
    return "".join(f"{token}\t" for token in tokens).encode()


def palette_png(gray: NDArray[np.uint8]) -> bytes:
    """Encode a PNG with one bit per pixel and PrIMuS's palette of white and dark gray.

    Written by hand because OpenCV has no palette PNGs.

    Args:
        gray: (H, W), ink 0 to paper 255; values below 128 become ink.
    """
    height, width = gray.shape
    rows = np.packbits(gray < 128, axis=1)
    filters = np.zeros((height, 1), np.uint8)  # each row starts with its filter type, 0 for none
    data = zlib.compress(np.hstack((filters, rows)).tobytes(), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"PLTE", _WHITE + _INK), (b"IDAT", data), (b"IEND", b"")):
        png += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png


@contextmanager
def sample_writer(out: Path, *, archive: bool = False) -> Iterator[WriteSample]:
    """Context manager that yields a function to write one sample into the folder or archive `out`.

    The output is moved to its final name on success; the same samples give the same bytes.

    Raises:
        DataError: The folder is not empty, the archive exists, or its name ends neither with .tgz nor
            .tar.gz.
        OutputError: A file cannot be written.
    """
    if archive:
        if not out.name.endswith(ARCHIVE_SUFFIXES):
            raise DataError(f"{out}: the name of an archive must end with {' or '.join(ARCHIVE_SUFFIXES)}")
        if out.exists():
            raise DataError(f"{out}: already exists; choose another name")
        make_writable(out.parent)
        with atomic_file(out) as file, _tgz_writer(file) as write:
            yield write
    else:
        if not is_free(out):
            raise DataError(f"{out}: not empty; choose an empty folder")
        with atomic_folder(out) as folder:
            yield lambda sample_id, files: _write_folder(folder / sample_id, files)


def _write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True)  # not `make_folder`: a second sample with the same id is an error
    except OSError as error:
        raise OutputError(f"{folder} cannot be created: {error.strerror or error}") from error
    write_together({folder / f"{folder.name}{ending}": data for ending, data in files.items()})


@contextmanager
def _tgz_writer(file: BinaryIO) -> Iterator[WriteSample]:
    # Reproducible: no time or file name in the gzip header, no time or owner in the tar headers.
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.GNU_FORMAT) as tar,
    ):

        def add_folder(name: str) -> None:
            member = tarfile.TarInfo(name)
            member.type, member.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(member)

        def write(sample_id: str, files: Mapping[str, bytes]) -> None:
            folder = f"{_PACKAGE}/{sample_id}"
            add_folder(folder)
            for ending, data in files.items():
                member = tarfile.TarInfo(f"{folder}/{sample_id}{ending}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))

        add_folder(_PACKAGE)
        yield write
