"""Reader of labels of any kind of data set: PrIMuS tree, archive or index, shards, label files without
images."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from focal_omr.data.engraving.shards import StoredStaff, shard_index
from focal_omr.data.primus.index import read_index
from focal_omr.data.primus.samples import Defect, Sample, label_tokens, partition, read_primus
from focal_omr.errors import DataError

__all__ = ["Source", "read_source"]


@dataclass(frozen=True)
class Source:
    """A data set.

    Attributes:
        labels: Id -> semantic label, sorted by id.
        staves: Id -> sample with an image; empty if there are no images that can be opened.
        defects: Defects of the samples that were left out.
    """

    labels: Mapping[str, tuple[str, ...]]
    staves: Mapping[str, Sample] | Mapping[str, StoredStaff] = field(default_factory=dict)
    defects: tuple[Defect, ...] = ()


def read_source(path: Path) -> Source:
    """Read a data set of any kind.

    Args:
        path: A tree in PrIMuS layout, an archive (.tar, .tgz) or an index (.csv) of one, a folder of shards,
            a folder of `.semantic` files without images, or a list (.txt) of such files, one per line.

    Raises:
        DataError: The data set cannot be read, has no samples, or has the same id twice; names the file.
    """
    if path.suffix == ".csv":
        entries = sorted(read_index(path), key=lambda entry: entry.id)
        if all(entry.root.is_dir() for entry in entries):
            own = [Sample(each.id, each.root, each.root / each.picture, each.semantic) for each in entries]
            source = _from_samples(own, ())
        else:  # an image in an archive cannot be opened without reading the archive up to it
            source = Source({entry.id: entry.semantic for entry in entries})
    elif path.suffix == ".txt":
        # Relative paths start at the folder of the list.
        lines = [line.strip() for line in _read_text(path).splitlines()]
        source = _from_label_files(path.parent / line for line in lines if line)
    elif path.is_dir() and any(path.glob("*.tar")):
        source = _from_shards(path)
    else:
        samples, defects = partition(read_primus([path]))
        if not samples and path.is_dir() and (files := sorted(path.rglob("*.semantic"))):
            source = _from_label_files(files)
        else:
            source = _from_samples(samples, defects)
    if not source.labels:
        why = source.defects[0] if source.defects else "expected <id>.semantic files, shards, or an index"
        raise DataError(f"{path}: no samples; {why}")
    return source


def _from_samples(samples: Iterable[Sample], defects: Iterable[Defect]) -> Source:
    staves = {sample.id: sample for sample in sorted(samples, key=lambda each: each.id)}
    return Source({name: sample.semantic for name, sample in staves.items()}, staves, tuple(defects))


def _from_shards(folder: Path) -> Source:
    staves: dict[str, StoredStaff] = {}
    for shard in sorted(folder.glob("*.tar")):
        for staff in shard_index(shard):
            if staff.id in staves:
                raise DataError(f"{shard}: {staff.id} is also in {staves[staff.id].shard.name}")
            staves[staff.id] = staff
    return Source({name: staves[name].semantic for name in sorted(staves)}, staves)


def _from_label_files(files: Iterable[Path]) -> Source:
    labels: dict[str, tuple[str, ...]] = {}
    for file in files:
        if file.suffix != ".semantic":
            raise DataError(f"{file}: not a label file; its name must end with .semantic")
        if file.stem in labels:
            raise DataError(f"{file}: the second file with this name")
        labels[file.stem] = label_tokens(_read_text(file))
        if not labels[file.stem]:
            raise DataError(f"{file}: contains no symbols")
    return Source(dict(sorted(labels.items())))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not text ({error})") from error
