"""One run at a time in a folder of results."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from focal_omr.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows has no locks on folders
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock_folder"]

logger = logging.getLogger(__name__)

_LOCK_FILE = ".focal-omr.lock"


@contextmanager
def lock_folder(folder: Path, *, other: str = "another run") -> Iterator[None]:
    """Hold the lock of a folder that exists; it ends with the process, however that ends.

    Where a folder itself can be locked, nothing is written; on Windows a file in it is.

    Args:
        folder: The folder.
        other: What else may be at work there, for the message.

    Raises:
        OutputError: Another process holds it, or the folder cannot be opened.
    """
    taken = OutputError(f"{folder}: {other} is at work there; wait for it, or use another folder")
    with _folder_locked(folder, taken) if fcntl is not None else _file_locked(folder, taken):
        yield


@contextmanager
def _folder_locked(folder: Path, taken: OutputError) -> Iterator[None]:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(f"{folder} cannot be opened: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        except OSError as error:  # a file system that has no locks, such as some network ones
            logger.info("%s: no lock (%s)", folder, error)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _file_locked(folder: Path, taken: OutputError) -> Iterator[None]:
    from filelock import FileLock, Timeout  # installed on Windows alone

    if not folder.is_dir():  # a FileLock would make it
        raise OutputError(f"{folder} cannot be opened: no such folder")
    lock = FileLock(folder / _LOCK_FILE, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise taken from None
    except OSError as error:
        raise OutputError(f"{folder}: no file can be made in it ({error.strerror or error})") from error
    try:
        yield
    finally:
        lock.release()
