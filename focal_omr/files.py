"""Files that are either written whole or not at all."""

import secrets
from pathlib import Path

from focal_omr.errors import OutputError


def write_atomic(path: Path | str, data: bytes) -> None:
    """Write `data` to a temporary name in the same folder, then rename it to `path`.

    A reader sees the old file or the new one, never half of one; nothing is left behind after a failure.

    Raises:
        OutputError: The file cannot be written; the message names it and says why.
    """
    path = Path(path)
    # A name of its own for every call, so that two writers of one file do not meet.
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            part.write_bytes(data)
            part.replace(path)
        except BaseException:  # an interrupt, too, leaves nothing half-written
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
