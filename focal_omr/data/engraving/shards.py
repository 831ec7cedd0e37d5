"""Shards: tar files of engraved plates with their labels, made once and read at every epoch.

A shard `001-00007.tar` has the layout of WebDataset: of each plate `<id>.png`, `<id>.semantic` and
`<id>.json` (where its symbols stand), one after the other. Beside it lies its index, `001-00007.json`, with
labels, sizes and places in the tar, so that any plate can be read alone and none has to be read to be chosen.
Both are written under temporary names and renamed, the index last: what has an index is whole. A tar without
one, from elsewhere, is read too; it is then looked through each time. Shards are read from URLs as well.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.data.engraving.storage import Place, exists, opened, read_all, read_part, size_of
from focal_omr.encodings.semantic import join_label, split_label
from focal_omr.errors import DataError, ImageError
from focal_omr.images.load import decode_gray
from focal_omr.runtime.atomic_files import atomic_file, write_atomic

_INDEX_FORMAT = 1
_MAX_WIDTH_PX = 100_000
_PNG_HEAD = 24  # bytes of a PNG up to and with its size

Places = tuple[float | None, ...]


@dataclass(frozen=True)
class PlateRecord:
    """A plate with its picture in memory.

    Attributes:
        id: Name in its shard.
        png: The encoded picture.
        semantic: Its label.
        xs: For each token the column where it stands; empty where that is not known. See `render.Plate`.
        accidental_xs: For each token the column of the accidental printed before that note.
        shard: That it was read from.
    """

    id: str
    png: bytes
    semantic: tuple[str, ...]
    xs: Places = ()
    accidental_xs: Places = ()
    shard: Place | None = field(default=None, compare=False)

    @property
    def width(self) -> int:
        """Columns of the picture."""
        return _png_width(self.png)

    def gray(self) -> NDArray[np.uint8]:
        """(140, W) the picture, ink 0 .. paper 255."""
        return _decoded(self.png, name=f"{self.shard}: {self.id}" if self.shard else self.id)


@dataclass(frozen=True)
class StoredPlate:
    """A plate whose picture stays in its shard until it is asked for; made by `shard_index`."""

    id: str
    shard: Place
    offset: int
    size: int
    width: int
    semantic: tuple[str, ...]
    xs: Places = ()
    accidental_xs: Places = ()

    def gray(self) -> NDArray[np.uint8]:
        """(140, W) the picture, ink 0 .. paper 255.

        Raises:
            DataError: The shard is gone or was changed since its index was read.
        """
        return _decoded(_picture(self), name=f"{self.shard}: {self.id}")


AnyPlate = PlateRecord | StoredPlate


def shard_path(folder: Path, seed: int, number: int) -> Path:
    """The name of a shard of a seed."""
    return folder / f"{seed:03d}-{number:05d}.tar"


def save_shard(path: Path, records: Iterable[PlateRecord]) -> None:
    """Write plates and their index; what is there of the name is replaced.

    Raises:
        OutputError: The shard or its index cannot be written.
    """
    entries: list[dict[str, Any]] = []
    with atomic_file(path) as file:
        _write_tar(file, records, entries)
        path.with_suffix(".json").unlink(missing_ok=True)  # of an older shard of the name
    index = {"format": _INDEX_FORMAT, "bytes": path.stat().st_size, "plates": entries}
    write_atomic(path.with_suffix(".json"), json.dumps(index).encode())


def _write_tar(file: IO[bytes], records: Iterable[PlateRecord], entries: list[dict[str, Any]]) -> None:
    """Write the plates, and add to `entries` what the index has of each."""
    with tarfile.open(fileobj=file, mode="w") as tar:
        for record in records:
            places = {"x": record.xs, "accidental_x": record.accidental_xs}
            _add(tar, f"{record.id}.png", record.png)
            _add(tar, f"{record.id}.semantic", join_label(record.semantic).encode())
            _add(tar, f"{record.id}.json", json.dumps(places).encode())
            label = {"id": record.id, "width": record.width, "semantic": join_label(record.semantic)}
            entries.append({**label, "size": len(record.png), **places})
    file.seek(0)
    with tarfile.open(fileobj=file) as tar:
        offsets = {member.name: member.offset_data for member in tar}
    for entry in entries:
        entry["offset"] = offsets[f"{entry['id']}.png"]


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def shard_index(path: Place) -> list[StoredPlate]:
    """The plates of a shard in their order, without their pictures.

    Raises:
        DataError: Not a shard, a picture without a label, or an index of another shard; names the file.
    """
    index = path.with_suffix(".json")
    if not exists(index):
        return list(_looked_through(path))
    try:
        content = json.loads(read_all(index))
        if content["format"] != _INDEX_FORMAT or content["bytes"] != size_of(path):
            raise DataError(f"{index}: not of this {path.name}; without it the shard is looked through")
        return [_from_index(path, entry, content["bytes"]) for entry in content["plates"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{index}: not a readable index ({error})") from error


def _from_index(path: Place, entry: dict[str, Any], most: int) -> StoredPlate:
    """A plate of the index of a shard of `most` bytes. Raises ValueError where a value cannot be its."""
    name, semantic = entry["id"], entry["semantic"]
    if not isinstance(name, str) or not isinstance(semantic, str):
        raise ValueError(f"an id {name!r} with a label {semantic!r}")
    offset, size = (_whole(entry[key], key, most) for key in ("offset", "size"))
    width = _whole(entry["width"], "width", _MAX_WIDTH_PX)
    if offset + size > most:
        raise ValueError(f"{name} ends at byte {offset + size} of {most}")
    places = (_places(entry["x"]), _places(entry["accidental_x"]))
    return StoredPlate(name, path, offset, size, width, tuple(split_label(semantic)), *places)


def _whole(value: Any, key: str, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value
    raise ValueError(f"{key} {value!r}; a whole number up to {most} is needed")


def _places(values: Any) -> Places:
    if not isinstance(values, list) or not all(x is None or isinstance(x, int | float) for x in values):
        raise ValueError("a place of a symbol that is no number")
    return tuple(values)


def _looked_through(path: Place) -> Iterator[StoredPlate]:
    try:
        with opened(path) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            members = {member.name: member for member in tar if member.isfile()}
            for name, member in members.items():
                stem, _, suffix = name.rpartition(".")
                if suffix != "png":
                    continue
                if f"{stem}.semantic" not in members:
                    raise DataError(f"{path}: {name} has no label {stem}.semantic")
                label = split_label(_content(tar, members[f"{stem}.semantic"]).decode())
                places = members.get(f"{stem}.json")
                known = json.loads(_content(tar, places)) if places else {"x": (), "accidental_x": ()}
                width = _png_width(_content(tar, member, _PNG_HEAD))
                where = (path, member.offset_data, member.size, width)
                yield StoredPlate(
                    stem,
                    *where,
                    tuple(label),
                    _places(list(known["x"])),
                    _places(list(known["accidental_x"])),
                )
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: not a readable shard ({error})") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo, size: int = -1) -> bytes:
    file = tar.extractfile(member)
    assert file is not None  # only files are asked for
    return file.read(size)


def read_shard(path: Place) -> Iterator[PlateRecord]:
    """The plates of a shard in their order, with their pictures.

    Raises:
        DataError: As `shard_index`.
    """
    return read_shards([path])


def read_shards(
    paths: Sequence[Place], *, part: int = 0, parts: int = 1, seed: int | None = None, start: int = 0
) -> Iterator[PlateRecord]:
    """The plates of many shards, one pass over them.

    Args:
        paths: The shards.
        part: Which share of the shards is read, from 0: a worker's or a machine's own number.
        parts: How many shares there are. Each shard belongs to one.
        seed: Shuffles the shards and the plates in each; None keeps the order.
        start: Plates to pass over, as after an interruption; their pictures are not read.

    Raises:
        DataError: As `shard_index`.
    """
    own = list(paths)
    random = None if seed is None else Random(seed)
    if random:
        random.shuffle(own)
    for number, path in enumerate(own):
        if number % parts != part:
            continue
        plates = shard_index(path)
        if random:
            Random(f"{seed}/{path.name}").shuffle(plates)
        passed = min(start, len(plates))
        start -= passed
        for plate in plates[passed:]:
            png = _picture(plate)
            yield PlateRecord(plate.id, png, plate.semantic, plate.xs, plate.accidental_xs, path)


def _picture(plate: StoredPlate) -> bytes:
    try:
        png = read_part(plate.shard, plate.offset, plate.size)
    except OSError as error:
        raise DataError(f"{plate.shard}: cannot be read ({error.strerror})") from error
    if len(png) < plate.size or not png.startswith(b"\x89PNG"):
        raise DataError(f"{plate.shard}: {plate.id} is not where its index says; the shard was changed")
    return png


def _png_width(png: bytes) -> int:
    return int.from_bytes(png[16:20], "big")


def _decoded(png: bytes, *, name: str) -> NDArray[np.uint8]:
    try:
        return decode_gray(png, name=name, dark_on_light=True)
    except ImageError as error:
        raise DataError(str(error)) from error
