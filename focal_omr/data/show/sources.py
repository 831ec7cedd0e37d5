"""Labels from wherever they lie: PrIMuS as tree, archive or index, shards, label files without pictures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from focal_omr.data.engraving.shards import StoredPlate, shard_index
from focal_omr.data.primus.index import IndexEntry, read_index
from focal_omr.data.primus.samples import Defect, Sample, label_tokens, partition, read_primus
from focal_omr.errors import DataError

__all__ = ["Source", "read_source"]


@dataclass(frozen=True)
class Source:
    """A set as it was found.

    Attributes:
        labels: Id -> semantic label, sorted by id.
        staves: Id -> the staff's picture, where there are pictures to show.
        defects: What was left out.
    """

    labels: Mapping[str, tuple[str, ...]]
    staves: Mapping[str, Sample] | Mapping[str, StoredPlate] = field(default_factory=dict)
    defects: tuple[Defect, ...] = ()


def read_source(path: Path) -> Source:
    """Read a set of any kind.

    Args:
        path: A tree in PrIMuS layout, an archive (.tar, .tgz) or an index (.csv) of one, a folder of shards,
            a folder of `.semantic` files without pictures, or a list (.txt) of such files, one a line.

    Raises:
        DataError: It cannot be read, has no samples, or has an id twice; names the file.
    """
    if path.suffix == ".csv":
        source = _from_index(path)
    elif path.suffix == ".txt":
        source = _from_files(_listed(path))
    elif path.is_dir() and any(path.glob("*.tar")):
        source = _from_shards(path)
    else:
        source = _from_primus(path)
    if not source.labels:
        why = source.defects[0] if source.defects else "needed are <id>.semantic files, shards, or an index"
        raise DataError(f"{path}: no samples; {why}")
    return source


def _from_primus(path: Path) -> Source:
    samples, defects = partition(read_primus([path]))
    if not samples and path.is_dir() and (files := sorted(path.rglob("*.semantic"))):
        return _from_files(files)
    return _of_samples(samples, defects)


def _of_samples(samples: Iterable[Sample], defects: Iterable[Defect]) -> Source:
    staves = {sample.id: sample for sample in sorted(samples, key=lambda each: each.id)}
    return Source({name: sample.semantic for name, sample in staves.items()}, staves, tuple(defects))


def _from_index(path: Path) -> Source:
    entries = sorted(read_index(path), key=lambda entry: entry.id)
    if all(entry.root.is_dir() for entry in entries):
        return _of_samples(map(_sample, entries), ())
    # A picture in an archive cannot be opened without reading the archive up to it.
    return Source({entry.id: entry.semantic for entry in entries})


def _sample(entry: IndexEntry) -> Sample:
    return Sample(entry.id, entry.root, entry.root / entry.picture, entry.semantic)


def _from_shards(folder: Path) -> Source:
    staves: dict[str, StoredPlate] = {}
    for shard in sorted(folder.glob("*.tar")):
        for plate in shard_index(shard):
            if plate.id in staves:
                raise DataError(f"{shard}: {plate.id} is in {staves[plate.id].shard.name}, too")
            staves[plate.id] = plate
    return Source({name: staves[name].semantic for name in sorted(staves)}, staves)


def _listed(path: Path) -> list[Path]:
    """The files that a list names, below the list's folder where they are not absolute."""
    lines = _text(path).splitlines()
    return [path.parent / line.strip() for line in lines if line.strip()]


def _from_files(files: Iterable[Path]) -> Source:
    labels: dict[str, tuple[str, ...]] = {}
    for file in files:
        if file.suffix != ".semantic":
            raise DataError(f"{file}: no label file; its name must end with .semantic")
        if file.stem in labels:
            raise DataError(f"{file}: a file of this name came before")
        labels[file.stem] = label_tokens(_text(file))
        if not labels[file.stem]:
            raise DataError(f"{file}: no symbol in it")
    return Source(dict(sorted(labels.items())))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text ({error})") from error
