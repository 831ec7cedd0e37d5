"""Shards of polyphonic staves: tar files of staff images with columns, boxes and scores.

A shard `001-00007.tar` holds for each staff `<id>.png` and `<id>.json.gz` (its columns, their x, and every
element that is drawn), and for each engraved system its score as `<system>.musicxml.gz`. Its index
`001-00007.json` beside it holds names, sizes and offsets, so that any staff can be read alone; it is written
last: a shard with an index is complete. The index also holds the table of factors that the columns are
numbers of: they are renumbered when the table has been extended since, and refused when it lacks them.
"""

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.data.engraving.engraved_system import DrawnElement
from focal_omr.data.engraving.storage import ShardPath, read_range
from focal_omr.encodings.column_factors import FACTORS, column_factors, column_from_factors
from focal_omr.encodings.columns import Column
from focal_omr.errors import DataError, ImageError, NotationError
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.images.load import decode_gray
from focal_omr.runtime.atomic_files import atomic_file, write_atomic
from focal_omr.score.score import Score

__all__ = [
    "ColumnLabel",
    "StaffRecord",
    "StoredStaff",
    "column_shard_index",
    "is_column_shard",
    "save_column_shard",
]

_INDEX_FORMAT = 2
Table = tuple[tuple[str, tuple[str, ...]], ...]  # names of factors and of their values
_REMAKE = "make it again with `focal-omr data systems`"
_MAX_BYTES = 50_000_000  # of a label or score
_MAX_WIDTH_PX = 100_000


@dataclass(frozen=True)
class StaffRecord:
    """One engraved staff, to be written.

    Attributes:
        id: Name in its shard.
        system: Name of its system; the staves of one system follow each other and have the same score.
        staff: Its index in the system, from 0.
        texture: Name of the kind of music.
        source: Name of the piece that it is from.
        png: Encoded image (180, W).
        columns: From left to right.
        xs: Column of the image of each of them.
        elements: What is drawn, in pixels.
    """

    id: str
    system: str
    staff: int
    texture: str
    source: str
    png: bytes
    columns: tuple[Column, ...]
    xs: tuple[float, ...]
    elements: tuple[DrawnElement, ...]
    score: Score


@dataclass(frozen=True)
class ColumnLabel:
    """The label of a staff.

    Attributes:
        factors: (U, F) int8: for each column the index of the value of each factor, -1 where it is not asked.
        xs: (U,) float32: the column of the image at which each is drawn: its stem, without a stem its middle.
        elements: Everything drawn in the image, with ids, staves and boxes in pixels.
    """

    factors: NDArray[np.int8]
    xs: NDArray[np.float32]
    elements: tuple[DrawnElement, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns as records."""
        return tuple(column_from_factors(row) for row in self.factors.tolist())


@dataclass(frozen=True, slots=True)
class StoredStaff:
    """A staff that stays in its shard until it is needed; created by `column_shard_index`.

    Attributes:
        width: Of its image, in pixels.
        count: Number of its columns.
    """

    id: str
    shard: ShardPath
    staff: int
    texture: str
    source: str
    width: int
    count: int
    image_at: tuple[int, int]
    label_at: tuple[int, int]
    score_at: tuple[int, int]
    table: Table

    def gray(self) -> NDArray[np.uint8]:
        """Read and decode the image: (180, W), ink 0 .. paper 255.

        Raises:
            DataError: The shard is gone or has changed since its index was read.
        """
        try:
            return decode_gray(self._read(self.image_at), name=f"{self.shard}: {self.id}", dark_on_light=True)
        except ImageError as error:
            raise DataError(str(error)) from error

    def label(self) -> ColumnLabel:
        """Read the columns and elements.

        Raises:
            DataError: The shard is gone or has changed, or its columns have values that are no longer known.
        """
        try:
            content = json.loads(_inflated(self._read(self.label_at)))
            factors = np.asarray(content["columns"], np.int8).reshape(self.count, len(self.table))
            xs = np.asarray(content["x"], np.float32).reshape(self.count)
            elements = tuple(DrawnElement(k, i, s, tuple(box)) for k, i, s, *box in content["elements"])
            return ColumnLabel(_renumbered(factors, self.table), xs, elements)
        except (ValueError, KeyError, TypeError, zlib.error, OSError, RecursionError) as error:
            raise DataError(f"{self.shard}: {self.id} has no readable label ({error}); {_REMAKE}") from error

    def score(self) -> Score:
        """Read the score of its system, with all staves.

        Raises:
            DataError: The shard is gone or has changed.
        """
        try:
            return read_musicxml(_inflated(self._read(self.score_at)))
        except (NotationError, zlib.error, OSError) as error:
            raise DataError(f"{self.shard}: {self.id} has no readable score ({error})") from error

    def _read(self, place: tuple[int, int]) -> bytes:
        try:
            data = read_range(self.shard, *place)
        except OSError as error:
            raise DataError(f"{self.shard}: cannot be read ({error.strerror})") from error
        if len(data) < place[1]:
            raise DataError(f"{self.shard}: {self.id} is not where the index says; the shard was changed")
        return data


def save_column_shard(path: Any, records: Iterable[StaffRecord]) -> None:
    """Write a shard and its index, replacing existing ones.

    Raises:
        OutputError: The shard or its index cannot be written.
    """
    entries: list[dict[str, Any]] = []
    with atomic_file(path) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            written = ""
            for record in records:
                if record.system != written:
                    written = record.system
                    _add(tar, f"{written}.musicxml.gz", _deflated(write_musicxml_score(record.score)))
                label = {
                    "columns": [column_factors(column) for column in record.columns],
                    "x": [round(x, 1) for x in record.xs],
                    "elements": [[e.kind, e.id, e.staff, *map(round, e.box)] for e in record.elements],
                }
                _add(tar, f"{record.id}.png", record.png)
                _add(tar, f"{record.id}.json.gz", _deflated(json.dumps(label, separators=(",", ":"))))
                entries.append(
                    {
                        "id": record.id,
                        "system": record.system,
                        "staff": record.staff,
                        "texture": record.texture,
                        "source": record.source,
                        "width": int.from_bytes(record.png[16:20], "big"),
                        "count": len(record.columns),
                    }
                )
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            places = {member.name: (member.offset_data, member.size) for member in tar}
        for entry in entries:
            entry["image"] = places[f"{entry['id']}.png"]
            entry["label"] = places[f"{entry['id']}.json.gz"]
            entry["score"] = places[f"{entry.pop('system')}.musicxml.gz"]
        path.with_suffix(".json").unlink(missing_ok=True)  # of an older shard of this name
    index = {"format": _INDEX_FORMAT, "bytes": path.stat().st_size, "factors": _table(), "staves": entries}
    write_atomic(path.with_suffix(".json"), json.dumps(index, separators=(",", ":")).encode())


def column_shard_index(path: ShardPath) -> list[StoredStaff]:
    """List the staves of a shard in order, without their images and labels.

    Raises:
        DataError: Not a shard of this format; names the file.
    """
    index = path.with_suffix(".json")
    try:
        content = json.loads(index.read_bytes())
        if content["format"] != _INDEX_FORMAT:
            raise DataError(f"{path}: a shard of format {content['format']}; {_REMAKE}")
        size = path.stat().st_size
        if content["bytes"] != size:
            raise DataError(f"{index}: not the index of this {path.name}")
        table = tuple((str(name), tuple(map(str, values))) for name, values in content["factors"])
        return [_parse_entry(path, entry, size, table) for entry in content["staves"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{index}: not a readable index ({error})") from error


def is_column_shard(path: ShardPath) -> bool:
    """Whether a shard is one of columns, by its index; False where there is none that can be read."""
    try:
        return bool(json.loads(path.with_suffix(".json").read_bytes())["format"] == _INDEX_FORMAT)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _parse_entry(path: ShardPath, entry: dict[str, Any], size: int, table: Table) -> StoredStaff:
    """Parse one staff of an index. Raises ValueError for an impossible value."""
    staff, width, count = entry["staff"], entry["width"], entry["count"]
    image, label, score = (tuple(entry[name]) for name in ("image", "label", "score"))
    for value in (staff, width, count, *image, *label, *score):
        if not isinstance(value, int) or not 0 <= value <= max(size, _MAX_WIDTH_PX):
            raise ValueError(f"a place or size {value!r}")
    if any(len(place) != 2 or sum(place) > size for place in (image, label, score)):
        raise ValueError(f"{entry['id']} ends beyond the shard")
    name, texture, source = str(entry["id"]), str(entry["texture"]), str(entry["source"])
    return StoredStaff(name, path, staff, texture, source, width, count, image, label, score, table)


def _table() -> list[tuple[str, list[str]]]:
    """The names and values of the factors, as text."""
    return [(factor.name, list(map(str, factor.values))) for factor in FACTORS]


@lru_cache(maxsize=8)
def _renumbering(table: Table) -> tuple[tuple[int, ...], ...] | None:
    """For each factor of today its number in an older table, and the new index of each value; None: the same.

    Of a factor that the older table lacks, the number is -1.
    """
    now = _table()
    if [(name, list(values)) for name, values in table] == now:
        return None
    older = {name: (number, values) for number, (name, values) in enumerate(table)}
    found = []
    for name, values in now:
        number, old_values = older.get(name, (-1, ()))
        found.append((number, *(values.index(v) if v in values else -2 for v in old_values)))
    return tuple(found)


def _renumbered(factors: NDArray[np.int8], table: Table) -> NDArray[np.int8]:
    """The factors in the numbers of today's table.

    Raises:
        ValueError: A value is no longer known, or a factor has been added.
    """
    numbering = _renumbering(table)
    if numbering is None:
        return factors
    out = np.empty((len(factors), len(numbering)), np.int8)
    for number, (old, *new) in enumerate(numbering):
        if old < 0:
            raise ValueError(f"made before the factor {FACTORS[number].name} was added")
        out[:, number] = np.array([*new, -1], np.int8)[factors[:, old]]
    if (out == -2).any():
        raise ValueError("a value of a factor that is no longer known")
    return out


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _deflated(text: str) -> bytes:
    return gzip.compress(text.encode(), 6, mtime=0)


def _inflated(data: bytes) -> bytes:
    """Gunzip. Raises ValueError if it is larger than any label."""
    with gzip.open(io.BytesIO(data)) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES} bytes")
    return content
