"""Files that are either written whole or not at all."""

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from focal_omr.errors import OutputError


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write `data` to a temporary name in the same folder, then rename it to `path`.

    A reader sees the old file or the new one, never half of one; nothing is left behind after a failure.

    Raises:
        OutputError: The file cannot be written; the message names it and says why.
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: all under temporary names first, then each is renamed.

    A full disk or an interrupt therefore leaves none of them, and never half of one.

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
            for path, part in parts.items():
                part.replace(path)
        except BaseException:  # an interrupt, too, leaves nothing half-written
            for part in parts.values():
                part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
