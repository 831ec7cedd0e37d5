"""Reader of PrIMuS and Camera-PrIMuS as their authors ship them: trees of any depth, or tar archives of them.

A sample consists of these files of one folder, usually called `<id>`:

    <id>.png (or .jpg)    the image
    <id>.semantic         its label
    <id>.agnostic, <id>_distorted.jpg, <id>.mei, <id>.pae    optional

Files with other names and hidden files are ignored. Label tokens are separated by tabs, blanks, commas or
line breaks; all of these occur. An incomplete sample becomes a `Defect`: nothing is dropped or replaced
silently. Whether images decode and tokens are known is checked in `focal_omr.data.primus.check`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from sys import intern
from typing import Literal, NoReturn

from focal_omr.data.primus.archive import DAMAGED, archive_files
from focal_omr.errors import DataError

Problem = Literal[
    "duplicate id",
    "empty label",
    "label in the other encoding",
    "missing label",
    "missing picture",
    "not text",
    "two pictures",
    "unknown token",
    "unreadable archive",
    "unreadable picture",
]

# File suffix -> part of the sample. "_distorted.jpg" comes before ".jpg", which it ends with, too.
_PARTS = {
    "_distorted.jpg": "distorted",
    ".png": "picture",
    ".jpg": "picture",
    ".jpeg": "picture",
    ".semantic": "semantic",
    ".agnostic": "agnostic",
    ".mei": "mei",
    ".pae": "pae",
}
# Most look like 000051652-1_2_1, but 225002084-1_1_2_ and 201009318-1,48_2 occur, too.
_PRIMUS_ID = re.compile(r"(\d+)-[\d_,]+")
_MAX_SHOWN = 20


@dataclass(frozen=True)
class Defect:
    """Reason why a sample, or the rest of an archive, was not loaded.

    Attributes:
        id: Id of the sample, or name of the archive.
        file: The wrong or missing file; in an archive, the archive's path followed by the name inside.
        problem: Kind of defect.
        detail: What was found.
    """

    id: str
    file: Path
    problem: Problem
    detail: str

    def __str__(self) -> str:
        return f"{self.id}: {self.problem}: {self.file}: {self.detail}"


@dataclass(frozen=True)
class Sample:
    """One labelled staff.

    Attributes:
        id: Stem of its files.
        root: The tree or archive that it comes from.
        picture: Path of the image; in an archive, the archive's path followed by the name inside.
        semantic: Semantic label.
        agnostic: Agnostic label, if any.
        distorted: Path of the simulated photo, if any.
        mei: Whether an MEI file exists.
        pae: Whether a Plaine & Easie file exists.
    """

    id: str
    root: Path
    picture: Path
    semantic: tuple[str, ...]
    agnostic: tuple[str, ...] | None = None
    distorted: Path | None = None
    mei: bool = False
    pae: bool = False
    _members: Mapping[Path, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def source(self) -> str:
        """RISM source of the sample."""
        return source_of(self.id)

    def picture_path(self, *, distorted: bool = False) -> Path:
        """Path of the image, or of the distorted image.

        Raises:
            DataError: There is no distorted image.
        """
        path = self.distorted if distorted else self.picture
        if path is None:
            raise DataError(f"{self.id} has no distorted image {self.id}_distorted.jpg")
        return path

    def picture_bytes(self, *, distorted: bool = False) -> bytes:
        """Encoded content of the image, or of the distorted image.

        Raises:
            DataError: There is no distorted image, or the file cannot be read.
        """
        path = self.picture_path(distorted=distorted)
        return self._members[path] if path in self._members else _read_bytes(path)


def source_of(sample_id: str) -> str:
    """RISM source of a sample: the first number of a PrIMuS id; any other id is its own source."""
    match = _PRIMUS_ID.fullmatch(sample_id)
    return match[1] if match else sample_id


def file_part(name: str) -> tuple[str, str] | None:
    """(sample id, part) of a file name, or None if the file belongs to no sample."""
    for ending, part in _PARTS.items():
        if name.endswith(ending) and not name.startswith("."):
            return name.removesuffix(ending), part
    return None


def primus_samples(folder: Path) -> list[Sample]:
    """Read the samples of a tree, sorted by id; a defect is an error.

    Raises:
        DataError: The folder does not exist, has no samples, or has defects, which are listed.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder")
    samples, defects = partition(read_primus([folder]))
    if defects:
        shown = [str(defect) for defect in defects[:_MAX_SHOWN]]
        more = [f"and {len(defects) - _MAX_SHOWN} more"] if len(defects) > _MAX_SHOWN else []
        raise DataError(f"{folder}: {len(defects)} defects: {'; '.join(shown + more)}")
    if not samples:
        raise DataError(f"{folder}: no samples; expected folders <id> with <id>.png and <id>.semantic")
    return sorted(samples, key=lambda sample: sample.id)


def partition(found: Iterable[Sample | Defect]) -> tuple[list[Sample], list[Defect]]:
    """Separate samples from defects."""
    samples: list[Sample] = []
    defects: list[Defect] = []
    for each in found:
        if isinstance(each, Sample):
            samples.append(each)
        else:
            defects.append(each)
    return samples, defects


def read_primus(paths: Sequence[Path]) -> Iterator[Sample | Defect]:
    """Iterate over the samples of trees and archives, with a defect in place of each sample that does not
    load.

    A tree is read in path order; its images stay on disk. An archive is streamed once, in its own order; its
    samples hold the encoded images. The second of two samples with the same id is a defect.

    Args:
        paths: Folders, .tar and .tgz files.

    Raises:
        DataError: A path does not exist, or a folder cannot be listed.
    """
    seen: dict[str, Path] = {}
    for root in paths:
        if not root.exists():
            raise DataError(f"{root}: no such folder or archive")
        for each in _tree_samples(root) if root.is_dir() else _archive_samples(root):
            if isinstance(each, Defect):
                yield each
            elif each.id in seen:
                yield Defect(each.id, each.picture, "duplicate id", f"{seen[each.id]} came first")
            else:
                seen[each.id] = each.picture
                yield each


def _tree_samples(root: Path) -> Iterator[Sample | Defect]:
    def fail(error: OSError) -> NoReturn:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror or error})") from error

    for place, folders, names in os.walk(root, onerror=fail, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder = Path(place)
        groups = _grouped(names)
        if not groups and not folders and folder != root:
            yield from _empty_folder(folder)
        for sample_id, parts in groups:
            yield from _load_sample(_SampleFiles(sample_id, root, folder, parts))


def _archive_samples(path: Path) -> Iterator[Sample | Defect]:
    """Samples of an archive. Tar stores the files of a folder together; one folder is in memory at a time."""
    empty: dict[Path, None] = {}
    members: dict[Path, bytes] = {}
    try:
        files = archive_files(path, file_part, folders=empty)
        for folder, group in groupby(files, key=lambda file: file[0].parent):
            members = {}
            for name, data in group:
                members[name] = data
            empty.pop(folder, None)
            yield from _folder_samples(path, folder, members)
            members = {}
    except DAMAGED as error:
        if members:  # the files before the damage, of the folder that it is in
            yield from _folder_samples(path, next(iter(members)).parent, members)
        yield Defect(path.name, path, "unreadable archive", f"damaged from here on ({error})")
        return
    for folder in empty:
        yield from _empty_folder(folder)


def _folder_samples(root: Path, folder: Path, members: Mapping[Path, bytes]) -> Iterator[Sample | Defect]:
    for sample_id, parts in _grouped(path.name for path in members):
        own = {folder / name: members[folder / name] for names in parts.values() for name in names}
        yield from _load_sample(_SampleFiles(sample_id, root, folder, parts, own))


def _empty_folder(folder: Path) -> Iterator[Defect]:
    if _PRIMUS_ID.fullmatch(folder.name):
        yield Defect(folder.name, folder, "missing picture", "no file of a sample in the folder")


def _grouped(names: Iterable[str]) -> list[tuple[str, dict[str, list[str]]]]:
    """(sample id, part -> file names) of the files of one folder, sorted by id."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names):
        if known := file_part(name):
            sample_id, part = known
            groups.setdefault(sample_id, {}).setdefault(part, []).append(name)
    return sorted(groups.items())


@dataclass(frozen=True)
class _SampleFiles:
    """Files of one sample by part, with the content of those in an archive."""

    id: str
    root: Path
    folder: Path
    parts: Mapping[str, list[str]]
    members: Mapping[Path, bytes] = field(default_factory=dict)

    def path(self, part: str) -> Path | None:
        return self.folder / self.parts[part][0] if part in self.parts else None


def _load_sample(files: _SampleFiles) -> Iterator[Sample | Defect]:
    """The sample, or all its defects."""
    picture = files.path("picture")
    semantic, agnostic = _read_label(files, "semantic"), _read_label(files, "agnostic")
    defects = [label for label in (semantic, agnostic) if isinstance(label, Defect)]
    if semantic is None:
        path = files.folder / f"{files.id}.semantic"
        defects.insert(0, Defect(files.id, path, "missing label", "no such file"))
    if picture is None:
        path = files.folder / f"{files.id}.png"
        defects.insert(0, Defect(files.id, path, "missing picture", "no such file, nor .jpg or .jpeg"))
    elif len(names := files.parts["picture"]) > 1:
        defects.insert(0, Defect(files.id, picture, "two pictures", f"the folder also holds {names[1]}"))
    if defects or picture is None or not isinstance(semantic, tuple) or isinstance(agnostic, Defect):
        yield from defects
        return
    yield Sample(
        files.id,
        files.root,
        picture,
        semantic,
        agnostic,
        files.path("distorted"),
        mei="mei" in files.parts,
        pae="pae" in files.parts,
        _members=files.members,
    )


def _read_label(files: _SampleFiles, part: str) -> tuple[str, ...] | Defect | None:
    path = files.path(part)
    if path is None:
        return None
    try:
        text = (files.members[path] if path in files.members else _read_bytes(path)).decode("utf-8")
    except (UnicodeDecodeError, DataError) as error:
        return Defect(files.id, path, "not text", str(error))
    return label_tokens(text) or Defect(files.id, path, "empty label", f"no symbol in {len(text)} characters")


def label_tokens(text: str) -> tuple[str, ...]:
    """Tokens of a label file, interned: a data set has few distinct tokens and many labels."""
    return tuple(intern(token) for token in re.split(r"[\s,]+", text) if token)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
