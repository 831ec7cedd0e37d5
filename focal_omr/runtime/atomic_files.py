"""Atomic writes, appends and reads of limited size.

Files are written under temporary names (`.*.part`) in the same folder and then renamed.
"""

import errno
import os
import re
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from focal_omr.errors import OutputError

_PART = re.compile(r"\.[0-9a-f]{16}\.part")


def read_limited(path: Path | str, max_bytes: int) -> bytes:
    """Read a file of at most `max_bytes` bytes.

    Raises:
        OSError: It cannot be read, or is larger (EFBIG).
    """
    with Path(path).open("rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise OSError(errno.EFBIG, f"larger than the limit of {max_bytes:,} bytes", str(path))
    return data


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write a file atomically.

    A reader sees the old file or the new one, never a part of it. A failure leaves nothing behind.

    Raises:
        OutputError: The file cannot be written; the message names it and the reason.
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write several files: all under temporary names first, then each is renamed.

    A full disk or an interrupt leaves none of them. A killed process may leave temporary files (see
    `remove_parts`) and some of the files without the others, but each of them complete.

    Raises:
        OutputError: A file cannot be written; the message names it and the reason.
    """
    # Random names, so that two writers of the same file do not interfere.
    parts = {path: path.with_name(f".{secrets.token_hex(8)}.part") for path in files}
    path = Path()
    try:
        try:
            for path, part in parts.items():
                if path.is_dir():  # the only error that a rename could still meet
                    raise OutputError(f"{path} cannot be written: {os.strerror(errno.EISDIR)}")
                part.write_bytes(files[path])
            with _interrupts_delayed():
                for path, part in parts.items():
                    part.replace(path)
        except BaseException:  # interrupts included
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_written(path, error) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file for writing, which becomes `path` when the block succeeds.

    It is synced to disk before it is renamed: large files take hours, and a power failure must not replace an
    older one by an empty one.

    Raises:
        OutputError: The file cannot be written; the message names it and the reason.
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
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> OutputError:
    reason = error.strerror or error
    if isinstance(error, FileNotFoundError) and not path.parent.exists():
        reason = f"the folder {path.parent} does not exist"
    return OutputError(f"{path} cannot be written: {reason}")


def append_atomic(path: Path, data: bytes) -> None:
    """Append `data` to a file, created if missing: all of it, or nothing.

    Raises:
        OutputError: The file cannot be written; the message names it and the reason.
    """
    try:
        with path.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                while data:  # a nearly full disk takes the first bytes only
                    data = data[file.write(data) :]
            except BaseException:
                file.truncate(before)
                raise
    except OSError as error:
        raise _not_written(path, error) from error


def make_folder(folder: Path) -> None:
    """Create a folder if it is missing.

    Raises:
        OutputError: It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{folder}: is a file, not a folder") from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot create the folder: {error.strerror or error}") from error


def make_writable(folder: Path) -> None:
    """Create a folder if it is missing, and check that it is writable, before any work.

    A file is created to find out: root has all permissions, and a file system may be mounted read-only.

    Raises:
        OutputError: It cannot be created, or is not writable.
    """
    make_folder(folder)
    try:
        part = folder / f".{secrets.token_hex(8)}.part"
        part.touch()
        part.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: cannot write into the folder: {error.strerror or error}") from error


@contextmanager
def removed_if_empty(folder: Path) -> Iterator[None]:
    """Remove a folder, and parents that were missing too, if the block creates them and leaves them empty."""
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    finally:
        for path in created:
            with suppress(OSError):  # not empty
                path.rmdir()


def remove_parts(folder: Path) -> None:
    """Remove the temporary files of killed writers; no writer may be active in the folder.

    Raises:
        OutputError: A file cannot be removed.
    """
    for part in folder.glob(".*.part"):
        if _PART.fullmatch(part.name):
            try:
                part.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{part} cannot be removed: {error.strerror or error}") from error


@contextmanager
def _interrupts_delayed() -> Iterator[None]:
    """Delay KeyboardInterrupt to the end of the block; only the main thread receives any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
        if received:
            signal.raise_signal(signal.SIGINT)
