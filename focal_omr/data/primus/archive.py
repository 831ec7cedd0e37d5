"""Tar archives as streams: read once from front to back, with an error where one ends too early."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

# What Python raises on damaged archives.
DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError, zlib.error)
_MAX_BYTES = 100_000_000  # of a picture or a label; PrIMuS's have up to 100,000
_GZIP = b"\x1f\x8b"
_BLOCK = 512  # of a tar archive, which ends with two empty ones


def archive_files(
    path: Path, wanted: Callable[[str], bool], *, folders: dict[Path, None]
) -> Iterator[tuple[Path, bytes]]:
    """The files of an archive in its order: the path, below the archive's own, and the bytes.

    Args:
        path: A tar archive, gzipped or not.
        wanted: Whether a file of this name is of interest.
        folders: Gets the paths of the archive's folders, in its order.

    Raises:
        TarError, OSError, EOFError, zlib.error: The archive is damaged or ends too early; what came before is
            good. `DAMAGED` has them all.
    """
    with path.open("rb") as file:
        zipped = gzip.GzipFile(fileobj=file) if file.read(2) == _GZIP else None
        file.seek(0)
        with tarfile.open(fileobj=zipped or file, mode="r|") as tar:
            for member in tar:
                inside = path / member.name.lstrip("/")
                if member.isdir():
                    folders[inside] = None
                elif wanted(inside.name) and (data := tar.extractfile(member)):
                    if member.size > _MAX_BYTES:
                        raise tarfile.ReadError(f"{member.name} has more than {_MAX_BYTES:,} bytes")
                    yield inside, data.read()
        _check_end(zipped, file)


def _check_end(zipped: gzip.GzipFile | None, file: BinaryIO) -> None:
    """Raise where an archive ends too early: tarfile takes an end between two members for the archive's."""
    if zipped is not None:
        while zipped.read(1 << 20):  # the checksum comes last
            pass
        return
    file.seek(-min(file.seek(0, os.SEEK_END), 2 * _BLOCK), os.SEEK_END)
    if any(file.read()):
        raise tarfile.ReadError("the archive's end is missing")
