"""A folder that is there as a whole or not at all: it is filled under another name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import make_writable
from focal_omr.runtime.folder_lock import lock_folder

__all__ = ["atomic_folder", "is_free"]

_INSIDE = ".partial"


def is_free(folder: Path) -> bool:
    """Whether a folder can be made: it is not there, or holds nothing but what a killed run left."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(path.name == _INSIDE for path in folder.iterdir())


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which is `folder` when the block has ended well, and gone where it has not.

    It is `NAME.partial` beside a folder that is to be made; one that is there may be another disk, and is
    filled inside, its parts moved up at the end. What a killed run left is removed.

    Args:
        folder: For which `is_free` holds.

    Raises:
        OutputError: It cannot be written, or another run is at work on it.
    """
    inside = folder.is_dir()
    partial = folder / _INSIDE if inside else folder.with_name(f"{folder.name}{_INSIDE}")
    make_writable(partial)
    with ExitStack() as lock:
        lock.enter_context(lock_folder(partial))
        try:
            with _named(folder):
                _empty(partial)
            yield partial
            if os.name == "nt":  # the lock is a file in it, and a folder with open files cannot be renamed
                lock.close()
            with _named(folder):
                if inside:
                    _move_up(partial)
                else:
                    partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != ".focal-omr.lock":
            path.unlink()


def _move_up(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        path.rename(folder.parent / path.name)
