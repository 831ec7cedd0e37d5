"""Streaming reader of tar archives that raises on a truncated archive."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

# Exceptions of Python's readers on damaged archives.
DAMAGED = (tarfile.TarError, OSError, EOFError, ValueError, ArithmeticError, zlib.error)
_MAX_BYTES = 100_000_000  # per file; images and labels of PrIMuS have up to 100,000
_GZIP = b"\x1f\x8b"
_BLOCK = 512  # tar block size; an archive ends with two empty blocks


def archive_files(
    path: Path, wanted: Callable[[str], object], *, folders: dict[Path, None]
) -> Iterator[tuple[Path, bytes]]:
    """Iterate over the files of an archive, in archive order.

    Args:
        path: A tar archive, gzipped or not.
        wanted: Called with a file's name; the file is skipped if the result is falsy.
        folders: Filled with the paths of the archive's folders, in archive order.

    Yields:
        Path of the file (the archive's path followed by its name inside) and its content.

    Raises:
        ReadError: The archive is truncated or a file is too large; what came before is good. Damaged archives
            raise other exceptions too, all of them in `DAMAGED`.
    """
    with path.open("rb") as file:
        unzipped = gzip.GzipFile(fileobj=file) if file.read(2) == _GZIP else None
        file.seek(0)
        with tarfile.open(fileobj=unzipped or file, mode="r|") as tar:
            for member in tar:
                inside = path / member.name.lstrip("/")
                if member.isdir():
                    folders[inside] = None
                elif wanted(inside.name) and (data := tar.extractfile(member)):
                    if member.size > _MAX_BYTES:
                        raise tarfile.ReadError(f"{member.name} has more than {_MAX_BYTES:,} bytes")
                    yield inside, data.read()
        # tarfile takes a file that was cut between two members for a whole archive.
        if unzipped is not None:
            while unzipped.read(1 << 20):  # to the end, where gzip verifies the checksum
                pass
            return
        file.seek(-min(file.seek(0, os.SEEK_END), 2 * _BLOCK), os.SEEK_END)
        if any(file.read()):
            raise tarfile.ReadError("the archive's end is missing")
