"""Shards: tar files of staff images with labels, written once and read in every epoch.

A shard `001-00007.tar` has the layout of WebDataset: per sample `<id>.png`, `<id>.semantic` and `<id>.json`
(the columns of its symbols), in succession. Its index `001-00007.json` beside it holds labels, sizes and
offsets, so that any sample can be read alone and samples can be selected without reading them. Both are
written under temporary names and renamed, the index last: a shard with an index is complete. A tar without an
index, from another tool, is scanned each time it is opened. Shards are read from URLs as well.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.data.engraving.storage import ShardPath, read_range
from focal_omr.encodings.semantic import join_label, split_label
from focal_omr.errors import DataError, ImageError
from focal_omr.images.load import decode_gray
from focal_omr.runtime.atomic_files import atomic_file, write_atomic

_INDEX_FORMAT = 1
_COLUMNS_FORMAT = 2  # of `column_shards`
_MAX_WIDTH_PX = 100_000
_PNG_HEAD = 24  # bytes of a PNG up to and including its size

Columns = tuple[float | None, ...]


@dataclass(frozen=True)
class StaffRecord:
    """A staff image as encoded PNG in memory, with its label.

    Attributes:
        id: Name in its shard.
        png: Encoded image.
        semantic: Label.
        xs: Column of each token; empty if unknown. See `render.StaffImage`.
        accidental_xs: For each token the column of the accidental printed before that note.
        shard: The shard that it was read from.
    """

    id: str
    png: bytes
    semantic: tuple[str, ...]
    xs: Columns = ()
    accidental_xs: Columns = ()
    shard: ShardPath | None = field(default=None, compare=False)

    @property
    def width(self) -> int:
        """Width of the image in pixels."""
        return _png_width(self.png)

    def gray(self) -> NDArray[np.uint8]:
        """Decode the image: (140, W), ink 0 .. paper 255."""
        return _decode(self.png, name=f"{self.shard}: {self.id}" if self.shard else self.id)


@dataclass(frozen=True)
class StoredStaff:
    """A staff image that stays in its shard until it is needed; created by `shard_index`."""

    id: str
    shard: ShardPath
    offset: int
    size: int
    width: int
    semantic: tuple[str, ...]
    xs: Columns = ()
    accidental_xs: Columns = ()

    def read_png(self) -> bytes:
        """Read the encoded image.

        Raises:
            DataError: The shard is gone or has changed since its index was read.
        """
        try:
            png = read_range(self.shard, self.offset, self.size)
        except OSError as error:
            raise DataError(f"{self.shard}: cannot be read ({error.strerror})") from error
        if len(png) < self.size or not png.startswith(b"\x89PNG"):
            raise DataError(f"{self.shard}: {self.id} is not where the index says; the shard was changed")
        return png

    def gray(self) -> NDArray[np.uint8]:
        """Read and decode the image: (140, W), ink 0 .. paper 255.

        Raises:
            DataError: The shard is gone or has changed since its index was read.
        """
        return _decode(self.read_png(), name=f"{self.shard}: {self.id}")


AnyStaff = StaffRecord | StoredStaff


def shard_path(folder: Path, seed: int, number: int) -> Path:
    """Path of a shard.

    Args:
        folder: Folder of the shards.
        seed: Seed that the shards are drawn with.
        number: Number of the shard, from 0.
    """
    return folder / f"{seed:03d}-{number:05d}.tar"


def save_shard(path: Path, records: Iterable[StaffRecord]) -> None:
    """Write a shard and its index, replacing existing ones.

    Raises:
        OutputError: The shard or its index cannot be written.
    """
    entries: list[dict[str, Any]] = []
    with atomic_file(path) as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            for record in records:
                columns = {"x": record.xs, "accidental_x": record.accidental_xs}
                semantic = join_label(record.semantic)
                _add(tar, f"{record.id}.png", record.png)
                _add(tar, f"{record.id}.semantic", semantic.encode())
                _add(tar, f"{record.id}.json", json.dumps(columns).encode())
                entry = {"id": record.id, "width": record.width, "semantic": semantic}
                entries.append({**entry, "size": len(record.png), **columns})
        file.seek(0)
        with tarfile.open(fileobj=file) as tar:
            offsets = {member.name: member.offset_data for member in tar}
        for entry in entries:
            entry["offset"] = offsets[f"{entry['id']}.png"]
        path.with_suffix(".json").unlink(missing_ok=True)  # of an older shard of this name
    index = {"format": _INDEX_FORMAT, "bytes": path.stat().st_size, "plates": entries}
    write_atomic(path.with_suffix(".json"), json.dumps(index).encode())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def shard_index(path: ShardPath) -> list[StoredStaff]:
    """List the samples of a shard in order, without their images.

    Raises:
        DataError: Not a shard, an image without a label, or the index of another shard; names the file.
    """
    index = path.with_suffix(".json")
    if not index.exists():
        return list(_scan(path))
    try:
        content = json.loads(index.read_bytes())
        if content["format"] == _COLUMNS_FORMAT:
            raise DataError(f"{path}: a shard of columns; needed is one of `focal-omr data shards`")
        if content["format"] != _INDEX_FORMAT or content["bytes"] != path.stat().st_size:
            raise DataError(
                f"{index}: not the index of this {path.name}; delete it to have the shard scanned"
            )
        return [_parse_entry(path, entry, content["bytes"]) for entry in content["plates"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{index}: not a readable index ({error})") from error


def _parse_entry(path: ShardPath, entry: dict[str, Any], shard_bytes: int) -> StoredStaff:
    """Parse one sample of an index. Raises ValueError for an impossible value."""
    name, semantic = entry["id"], entry["semantic"]
    if not isinstance(name, str) or not isinstance(semantic, str):
        raise ValueError(f"an id {name!r} with a label {semantic!r}")
    limits = {"offset": shard_bytes, "size": shard_bytes, "width": _MAX_WIDTH_PX}
    for key, limit in limits.items():
        value = entry[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limit:
            raise ValueError(f"{key} {value!r}; expected an integer from 0 to {limit}")
    offset, size, width = (entry[key] for key in limits)
    if offset + size > shard_bytes:
        raise ValueError(f"{name} ends at byte {offset + size} of {shard_bytes}")
    columns = (_parse_columns(entry["x"]), _parse_columns(entry["accidental_x"]))
    return StoredStaff(name, path, offset, size, width, tuple(split_label(semantic)), *columns)


def _parse_columns(values: Any) -> Columns:
    if not isinstance(values, list) or not all(x is None or isinstance(x, int | float) for x in values):
        raise ValueError("a column that is not a number")
    return tuple(values)


def _scan(path: ShardPath) -> Iterator[StoredStaff]:
    """List the samples of a tar without an index."""
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            members = {member.name: member for member in tar if member.isfile()}

            def content(name: str, size: int = -1) -> bytes:
                file = tar.extractfile(members[name])
                assert file is not None  # `members` are regular files
                return file.read(size)

            for name, member in members.items():
                stem, _, suffix = name.rpartition(".")
                if suffix != "png":
                    continue
                if f"{stem}.semantic" not in members:
                    raise DataError(f"{path}: {name} has no label {stem}.semantic")
                label = tuple(split_label(content(f"{stem}.semantic").decode()))
                has_columns = f"{stem}.json" in members
                found = json.loads(content(f"{stem}.json")) if has_columns else {"x": (), "accidental_x": ()}
                columns = (_parse_columns(list(found["x"])), _parse_columns(list(found["accidental_x"])))
                width = _png_width(content(name, _PNG_HEAD))
                yield StoredStaff(stem, path, member.offset_data, member.size, width, label, *columns)
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: not a readable shard ({error})") from error


def read_shard(path: ShardPath) -> Iterator[StaffRecord]:
    """Read the samples of a shard in order, with their images.

    Raises:
        DataError: See `shard_index`.
    """
    return read_shards([path])


def read_shards(
    paths: Sequence[ShardPath],
    *,
    rank: int = 0,
    world_size: int = 1,
    seed: int | None = None,
    start: int = 0,
) -> Iterator[StaffRecord]:
    """Read the samples of many shards, one pass over them.

    Args:
        paths: The shards.
        rank: Rank of this process, from 0.
        world_size: Number of processes; each shard is read by one of them.
        seed: Shuffles the shards and the samples in each; None keeps the order.
        start: Number of samples to skip, to resume an interrupted pass; their images are not read.

    Raises:
        DataError: See `shard_index`.
    """
    shards = list(paths)
    if seed is not None:
        Random(seed).shuffle(shards)
    for path in shards[rank::world_size]:
        staves = shard_index(path)
        if seed is not None:
            Random(f"{seed}/{path.name}").shuffle(staves)
        skipped = min(start, len(staves))
        start -= skipped
        for staff in staves[skipped:]:
            yield StaffRecord(staff.id, staff.read_png(), staff.semantic, staff.xs, staff.accidental_xs, path)


def _png_width(png: bytes) -> int:
    return int.from_bytes(png[16:20], "big")


def _decode(png: bytes, *, name: str) -> NDArray[np.uint8]:
    try:
        return decode_gray(png, name=name, dark_on_light=True)
    except ImageError as error:
        raise DataError(str(error)) from error
