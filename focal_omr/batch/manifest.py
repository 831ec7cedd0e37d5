"""The manifest of a folder of results: a line of JSON for each document that was read or could not be.

A line is written after the results of its document, so that every document that it calls read is there as a
whole; a run that was killed goes on from it.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import append_atomic, remove_parts, write_atomic
from focal_omr.runtime.folder_lock import lock_folder

__all__ = ["MANIFEST", "Entry", "Manifest", "content_digest", "open_manifest"]

logger = logging.getLogger(__name__)

MANIFEST = "manifest.jsonl"
MANIFEST_FORMAT = 1
_BEGINNING = b'{"format": '  # of every line


@dataclass(frozen=True)
class Entry:
    """What came of one document.

    Attributes:
        file: The input, as it was named.
        name: Of its results, without suffix; the last line of a name counts.
        status: Whether it was read and its results are written.
        error: Why not.
        pages, staves, symbols: How many were read.
        confidence: Mean of its symbols, 0 .. 1.
        seconds: That reading took.
        outputs: Files of its results in the manifest's folder, with their sizes in bytes.
        size: Of the input in bytes; -1 where it could not be read.
        modified: Its time of change in nanoseconds, 0 where it has none.
        sha256: Digest of its content, "" where it could not be read.
        work: Digest of all else that the results depend on: the model, the options, the version.
    """

    file: str
    name: str
    status: Literal["read", "failed"]
    error: str | None
    pages: int
    staves: int
    symbols: int
    confidence: float
    seconds: float
    outputs: Mapping[str, int]
    size: int
    modified: int
    sha256: str
    work: str

    def to_json(self) -> str:
        """Its line."""
        return json.dumps({"format": MANIFEST_FORMAT, **asdict(self)})

    def holds(self, file: Path, folder: Path, work: str) -> bool:
        """Whether this work is done: the same input, read with the same means, and its results are whole.

        Args:
            file: The input now.
            folder: Of the results.
            work: As the entry's.
        """
        if self.status != "read" or self.work != work:
            return False
        try:
            whole = all((folder / name).stat().st_size == size for name, size in self.outputs.items())
            now = file.stat()
            if not whole or now.st_size != self.size:
                return False
            return now.st_mtime_ns == self.modified or content_digest(file.read_bytes()) == self.sha256
        except OSError:
            return False


def content_digest(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Manifest:
    """An open manifest, made by `open_manifest`; `entries` are what it held then, by their names."""

    def __init__(self, path: Path, entries: Mapping[str, Entry]) -> None:
        self.path = path
        self.entries = dict(entries)
        lines = [entry.to_json() + "\n" for entry in entries.values()]
        write_atomic(path, "".join(lines).encode())

    def append(self, entry: Entry) -> None:
        """Add a line, at once and in one piece. Raises OutputError where it cannot be written."""
        append_atomic(self.path, (entry.to_json() + "\n").encode())


@contextmanager
def open_manifest(folder: Path, *, keep: Callable[[Entry], bool] | None = None) -> Iterator[Manifest]:
    """The manifest of a folder that is there, for this run alone.

    Args:
        folder: Of the results.
        keep: To go on from an earlier manifest: which of its entries stay. What a killed run left
            half-written is removed. None: the manifest begins anew.

    Raises:
        OutputError: Another run is at work in the folder, what is called manifest.jsonl there is none of
            ours, or it cannot be read or written.
    """
    with lock_folder(folder):
        earlier = _read_entries(folder / MANIFEST)
        if keep is not None:
            remove_parts(folder)
        kept = {name: entry for name, entry in earlier.items() if keep is not None and keep(entry)}
        yield Manifest(folder / MANIFEST, kept)


def _read_entries(path: Path) -> dict[str, Entry]:
    """The last entry of each name. A line that is cut off is left out: its document is read again."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is not None:
            entries[entry.name] = entry
        elif line.endswith(b"\n") or not line.startswith(_BEGINNING[: len(line)]):
            raise OutputError(
                f"{path}: line {number} is none of a manifest of format {MANIFEST_FORMAT}; "
                "remove the file, or write into another folder"
            )
        else:
            logger.info("%s: line %d is cut off, its document is read again", path, number)
    return entries


def _entry(line: bytes) -> Entry | None:
    try:
        values: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or values.pop("format", None) != MANIFEST_FORMAT:
        return None
    if values.keys() != {field.name for field in fields(Entry)} or not _is_sound(values):
        return None
    return Entry(**values)


def _is_sound(values: dict[str, Any]) -> bool:
    """Whether the values of an entry are of its types: whatever lies under the name may be anything."""
    texts = [values[name] for name in ("file", "name", "sha256", "work")]
    counts = [values[name] for name in ("pages", "staves", "symbols", "size", "modified")]
    outputs = values["outputs"]
    return (
        all(isinstance(text, str) for text in texts)
        and all(type(count) is int for count in counts)
        and all(type(values[name]) in (int, float) for name in ("confidence", "seconds"))
        and values["status"] in ("read", "failed")
        and isinstance(values["error"], str | None)
        and isinstance(outputs, dict)
        and all(isinstance(name, str) and type(size) is int for name, size in outputs.items())
    )
