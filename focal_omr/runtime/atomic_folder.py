"""Folders that appear complete or not at all: filled under a temporary name, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import make_writable
from focal_omr.runtime.folder_lock import LOCK_FILE, lock_folder

__all__ = ["atomic_folder", "is_free"]

_PARTIAL = ".partial"


def is_free(folder: Path) -> bool:
    """Whether `atomic_folder` can make a folder: it is missing, or holds only what a killed run left."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(path.name == _PARTIAL for path in folder.iterdir())


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `folder` when the block succeeds and is removed when it fails.

    It is `NAME.partial` beside a folder that does not exist. An existing one may be a mount point, so it is
    filled below `folder/.partial`, and the contents are moved up at the end. Leftovers of a killed run are
    removed.

    Args:
        folder: For which `is_free` holds.

    Raises:
        OutputError: It cannot be written, or another run is at work on it.
    """
    exists = folder.is_dir()
    partial = folder / _PARTIAL if exists else folder.with_name(f"{folder.name}{_PARTIAL}")
    make_writable(partial)
    with ExitStack() as lock:
        lock.enter_context(lock_folder(partial))
        try:
            with _os_errors_named(folder):
                for path in partial.iterdir():
                    if path.is_dir() and not path.is_symlink():
                        shutil.rmtree(path)
                    elif path.name != LOCK_FILE:
                        path.unlink()
            yield partial
            if os.name == "nt":  # a folder with open files cannot be renamed
                lock.close()
            with _os_errors_named(folder):
                if exists:
                    for path in sorted(partial.iterdir()):
                        if path.name != LOCK_FILE:
                            path.rename(folder / path.name)
                else:
                    partial.rename(folder)
                    (folder / LOCK_FILE).unlink(missing_ok=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _os_errors_named(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror or error}") from error
