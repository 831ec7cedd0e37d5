"""Manifest of a folder of results: one JSON line for each document that was read or failed.

A line is appended after the results of its document are written, so the results of every document listed as
read are complete, and a killed run can be resumed.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import append_atomic, remove_parts, write_atomic
from focal_omr.runtime.folder_lock import lock_folder

__all__ = ["MANIFEST", "DocumentRecord", "Manifest", "content_digest", "open_manifest"]

logger = logging.getLogger(__name__)

MANIFEST = "manifest.jsonl"
MANIFEST_FORMAT = 1
_BEGINNING = b'{"format": '  # of every line

_TEXTS = ("file", "name", "sha256", "work")
_COUNTS = ("pages", "staves", "symbols", "size", "modified")
_NUMBERS = ("confidence", "seconds")
_KEYS = {*_TEXTS, *_COUNTS, *_NUMBERS, "status", "error", "outputs"}


@dataclass(frozen=True)
class DocumentRecord:
    """The outcome of reading one document: a line of the manifest, and the results while they are in memory.

    Attributes:
        file: The input as named by the user.
        name: File name of the results without suffix; the last line of a name counts.
        error: Why the document failed; None if it was read.
        pages, staves, symbols: Number of each that was read.
        confidence: Mean over the symbols, 0 .. 1.
        seconds: Wall-clock time of reading.
        outputs: Size in bytes of each result file in the manifest's folder.
        size: Size of the input in bytes; -1 if it could not be read.
        modified: Modification time of the input in nanoseconds; 0 if it has none.
        sha256: Digest of the input; "" if it could not be read.
        work: Digest of everything else that the results depend on: model, options, version.
        results: Contents of the result files by name; not in the manifest.
        warnings: Warnings of the document; not in the manifest.
        document: `Document.to_json()` if requested; not in the manifest.
    """

    file: str
    name: str
    error: str | None = None
    pages: int = 0
    staves: int = 0
    symbols: int = 0
    confidence: float = 0.0
    seconds: float = 0.0
    outputs: Mapping[str, int] = field(default_factory=dict)
    size: int = -1
    modified: int = 0
    sha256: str = ""
    work: str = ""
    results: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
    document: dict[str, Any] | None = field(default=None, repr=False)

    @classmethod
    def from_json(cls, line: bytes) -> "DocumentRecord | None":
        """Parse a line of a manifest; None if it is not valid."""
        try:
            values: Any = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(values, dict) or values.pop("format", None) != MANIFEST_FORMAT:
            return None
        if values.keys() != _KEYS:
            return None
        status, error, outputs = values.pop("status"), values["error"], values["outputs"]
        sound = (
            all(isinstance(values[name], str) for name in _TEXTS)
            and all(type(values[name]) is int for name in _COUNTS)
            and all(type(values[name]) in (int, float) for name in _NUMBERS)
            and isinstance(error, str | None)
            and status == ("read" if error is None else "failed")
            and isinstance(outputs, dict)
            and all(isinstance(name, str) and type(size) is int for name, size in outputs.items())
        )
        return cls(**values) if sound else None

    def to_json(self) -> str:
        """Return the line of the manifest, without a line break."""
        return json.dumps(
            {
                "format": MANIFEST_FORMAT,
                "file": self.file,
                "name": self.name,
                "status": "read" if self.error is None else "failed",
                "error": self.error,
                "pages": self.pages,
                "staves": self.staves,
                "symbols": self.symbols,
                "confidence": round(self.confidence, 4),
                "seconds": round(self.seconds, 3),
                "outputs": self.outputs,
                "size": self.size,
                "modified": self.modified,
                "sha256": self.sha256,
                "work": self.work,
            }
        )

    def is_current(self, file: Path, folder: Path, work: str) -> bool:
        """Check whether the results are still valid: same input, same options, and all result files complete.

        Args:
            file: The input.
            folder: Folder of the results.
            work: Digest to compare with that of the record.
        """
        if self.error is not None or self.work != work:
            return False
        try:
            complete = all((folder / name).stat().st_size == size for name, size in self.outputs.items())
            now = file.stat()
            if not complete or now.st_size != self.size:
                return False
            return now.st_mtime_ns == self.modified or content_digest(file.read_bytes()) == self.sha256
        except OSError:
            return False


def content_digest(data: bytes) -> str:
    """Compute the SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


class Manifest:
    """An open manifest, from `open_manifest`; `records` holds those it was opened with, by name."""

    def __init__(self, path: Path, records: Mapping[str, DocumentRecord]) -> None:
        self.path = path
        self.records = dict(records)
        lines = [record.to_json() + "\n" for record in records.values()]
        write_atomic(path, "".join(lines).encode())

    def append(self, record: DocumentRecord) -> None:
        """Append a line, complete or not at all. Raises OutputError if it cannot be written."""
        append_atomic(self.path, (record.to_json() + "\n").encode())


@contextmanager
def open_manifest(
    folder: Path, *, keep: Callable[[DocumentRecord], bool] | None = None
) -> Iterator[Manifest]:
    """Open the manifest of an existing folder and lock the folder.

    Args:
        folder: Folder of the results.
        keep: Which records of an earlier manifest stay; partial files of a killed run are removed. None:
            start an empty manifest.

    Raises:
        OutputError: Another run is at work in the folder, its manifest.jsonl is not a manifest, or the
            manifest cannot be read or written.
    """
    with lock_folder(folder):
        earlier = _read_records(folder / MANIFEST)
        if keep is not None:
            remove_parts(folder)
        kept = {name: record for name, record in earlier.items() if keep is not None and keep(record)}
        yield Manifest(folder / MANIFEST, kept)


def _read_records(path: Path) -> dict[str, DocumentRecord]:
    """Return the last record of each name. A truncated last line is skipped: its document is read again."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OutputError(f"{path} cannot be read: {error.strerror or error}") from error
    records: dict[str, DocumentRecord] = {}
    for number, line in enumerate(lines, 1):
        record = DocumentRecord.from_json(line)
        if record is not None:
            records[record.name] = record
        elif line.endswith(b"\n") or not line.startswith(_BEGINNING[: len(line)]):
            raise OutputError(
                f"{path}: line {number} is not a line of a manifest of format {MANIFEST_FORMAT}; "
                "remove the file, or write into another folder"
            )
        else:
            logger.info("%s: line %d is truncated; its document is read again", path, number)
    return records
