"""A lock that keeps two runs out of one folder of results."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from focal_omr.errors import OutputError

__all__ = ["LOCK_FILE", "lock_folder"]

logger = logging.getLogger(__name__)

LOCK_FILE = ".focal-omr.lock"  # in the locked folder, while the lock is held
# Raised by file systems without locks, such as some network ones.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def lock_folder(folder: Path, *, other: str = "another run") -> Iterator[None]:
    """Hold the lock of an existing folder; the system frees it when the process ends, even if killed.

    On a file system without locks the folder is not locked.

    Args:
        folder: Must be writable; `LOCK_FILE` is created in it and removed at the end.
        other: What may hold the lock, for the error message.

    Raises:
        OutputError: Another process holds the lock, or the folder is missing or not writable.
    """
    from filelock import FileLock, Timeout  # here: the import takes 40 ms, and `--help` needs no lock

    if not folder.is_dir():
        raise OutputError(f"{folder} cannot be opened: no such folder")
    path = folder / LOCK_FILE
    # No soft lock (a file whose existence counts) as a fallback: it would outlive a killed process.
    lock = FileLock(path, blocking=False, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(f"{folder}: {other} is at work there; wait for it, or use another folder") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise OutputError(f"{folder}: no file can be made in it ({error.strerror or error})") from error
        logger.info("%s: not locked (%s)", folder, error)
    try:
        yield
    finally:
        # filelock leaves the file on POSIX systems. Unlinked while it is locked, it is not taken for the lock
        # by a process that has opened it: filelock compares the number of links after locking.
        if os.name == "posix":
            path.unlink(missing_ok=True)
        lock.release()
