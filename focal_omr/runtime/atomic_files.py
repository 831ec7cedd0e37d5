"""Files that are either written whole or not at all, and files that are no larger than they should be."""

import errno
import os
import re
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from focal_omr.errors import OutputError

_PART = re.compile(r"\.[0-9a-f]{16}\.part")


def read_limited(path: Path | str, most: int) -> bytes:
    """The bytes of a file that has at most so many. Raises OSError, also where it has more."""
    with Path(path).open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"larger than the {most:,} bytes that are read", str(path))
    return data


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write `data` to a temporary name in the same folder, then rename it to `path`.

    A reader sees the old file or the new one, never half of one; nothing is left behind after a failure.

    Raises:
        OutputError: The file cannot be written; the message names it and says why.
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all under temporary names first, then each is renamed.

    A full disk or an interrupt therefore leaves none of them, and never half of one. A process that is killed
    may leave temporary names (see `remove_parts`), and some of the files without the others.

    Raises:
        OutputError: One of them cannot be written; the message names it and says why.
    """
    # A name of its own for every call, so that two writers of one file do not meet.
    parts = {path: path.with_name(f".{secrets.token_hex(8)}.part") for path in files}
    path = Path()
    try:
        try:
            for path, part in parts.items():
                if path.is_dir():  # the one thing that would stop a later rename, after earlier ones
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                part.write_bytes(files[path])
            with _uninterrupted():
                for path, part in parts.items():
                    part.replace(path)
        except BaseException:  # an interrupt, too, leaves nothing half-written
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file written piece by piece under a temporary name, which gets its own when the block ends well.

    Its bytes are on the disk before it gets its name: large files are made in hours, and a power cut must not
    put an empty one in the place of an older one.

    Raises:
        OutputError: It cannot be written; the message names it and says why.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            with part.open("w+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def append_atomic(path: Path, data: bytes) -> None:
    """Add to the end of a file, which is made where it is missing: all of it, or nothing.

    Raises:
        OutputError: It cannot be written; the message names it and says why.
    """
    try:
        with path.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                while data:  # the last free bytes of a disk are taken, the next ones are refused
                    data = data[file.write(data) :]
            except BaseException:
                file.truncate(before)
                raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing. Raises OutputError where it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: no results can go there ({error.strerror or error})") from error


def make_writable(folder: Path) -> None:
    """Make a folder where it is missing, and make sure that files can be made in it, before any work.

    Permissions do not tell: a superuser has them all, and a file system may be there to be read alone.

    Raises:
        OutputError: It cannot be made, or no file can be made in it.
    """
    make_folder(folder)
    try:
        part = folder / f".{secrets.token_hex(8)}.part"
        part.touch()
        part.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: no results can go there ({error.strerror or error})") from error


def remove_parts(folder: Path) -> None:
    """Remove what writers left in a folder that were killed; none may be at work there.

    Raises:
        OutputError: One of them cannot be removed.
    """
    for part in folder.glob(".*.part"):
        if _PART.fullmatch(part.name):
            try:
                part.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{part} cannot be removed: {error.strerror or error}") from error


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An interrupt from the keyboard waits until the end; only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
        if came:
            signal.raise_signal(signal.SIGINT)
