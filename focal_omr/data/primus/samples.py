"""PrIMuS and Camera-PrIMuS as their authors ship them: trees at any depth, or tar archives of them.

A sample is what one folder, usually called `<id>`, holds of

    <id>.png (or .jpg)    the picture
    <id>.semantic         its label
    <id>.agnostic, <id>_distorted.jpg, <id>.mei, <id>.pae    where they are there

Files of other names and hidden ones are no part of a sample. Labels are tokens with tabs, blanks, commas or
ends of lines between them, for all of these occur. What is no whole sample is a `Defect`: nothing is dropped
or replaced without one. Whether pictures can be decoded and symbols are known is for `primus_check` to say.
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

# What a file is to its sample. "_distorted.jpg" comes first: it ends with .jpg, too.
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
# Most are like 000051652-1_2_1; 225002084-1_1_2_ and 201009318-1,48_2 are real, too.
_PRIMUS_ID = re.compile(r"(\d+)-[\d_,]+")
_MOST_SHOWN = 20


@dataclass(frozen=True)
class Defect:
    """Why a sample, or the end of an archive, was not loaded.

    Attributes:
        id: The sample; the archive's name for an archive.
        file: The file that is wrong or missing; in an archive, its path below the archive's.
        problem: What is wrong, by name.
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
        id: Name of its files.
        root: The tree or archive that it comes from.
        picture: The picture's path; in an archive, its path below the archive's.
        semantic: Its semantic label.
        agnostic: Its agnostic label, where there is one.
        distorted: Path of the picture as a camera would take it, where there is one.
        mei: Whether there is a score in MEI.
        pae: Whether there is Plaine & Easie code.
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
        """The RISM source that it comes from."""
        return source_of(self.id)

    def picture_path(self, *, distorted: bool = False) -> Path:
        """The picture's path, or that of the distorted one. Raises DataError where there is none."""
        path = self.distorted if distorted else self.picture
        if path is None:
            raise DataError(f"{self.id} has no distorted picture {self.id}_distorted.jpg")
        return path

    def picture_bytes(self, *, distorted: bool = False) -> bytes:
        """The picture's file, or that of the distorted one.

        Raises:
            DataError: There is no distorted picture, or the file cannot be read.
        """
        path = self.picture_path(distorted=distorted)
        return self._members[path] if path in self._members else _bytes(path)


def source_of(sample_id: str) -> str:
    """The RISM source of a sample, the first number of its id; an id that is none of PrIMuS's is its own."""
    match = _PRIMUS_ID.fullmatch(sample_id)
    return match[1] if match else sample_id


def file_part(name: str) -> tuple[str, str] | None:
    """The sample's id and what the file is to it, or None for a file that belongs to no sample."""
    for ending, part in _PARTS.items():
        if name.endswith(ending) and not name.startswith("."):
            return name.removesuffix(ending), part
    return None


def _is_part(name: str) -> bool:
    return file_part(name) is not None


def primus_samples(folder: Path) -> list[Sample]:
    """The samples of a tree, in order of their ids: all of them, or an error.

    Raises:
        DataError: No such folder, no sample in it, or defects; they are named.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder")
    samples, defects = partition(read_primus([folder]))
    if defects:
        shown = [str(defect) for defect in defects[:_MOST_SHOWN]]
        more = [f"and {len(defects) - _MOST_SHOWN} more"] if len(defects) > _MOST_SHOWN else []
        raise DataError(f"{folder}: {len(defects)} defects: {'; '.join(shown + more)}")
    if not samples:
        raise DataError(f"{folder}: no samples; needed are folders <id> with <id>.png and <id>.semantic")
    return sorted(samples, key=lambda sample: sample.id)


def partition(found: Iterable[Sample | Defect]) -> tuple[list[Sample], list[Defect]]:
    """What loads, and what does not."""
    samples: list[Sample] = []
    defects: list[Defect] = []
    for each in found:
        if isinstance(each, Sample):
            samples.append(each)
        else:
            defects.append(each)
    return samples, defects


def read_primus(paths: Sequence[Path]) -> Iterator[Sample | Defect]:
    """The samples of trees and archives, one by one, with a defect in the place of each that does not load.

    A tree comes in the order of its paths; its pictures stay on the disk. An archive comes in its own order
    and is read once, as a stream; its samples carry the bytes of their pictures. Of two samples with one
    id the second is a defect.

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
            yield from _sample(_Files(sample_id, root, folder, parts))


def _archive_samples(path: Path) -> Iterator[Sample | Defect]:
    """As tar writes them, the files of a folder lie together; those of one folder are held at a time."""
    empty: dict[Path, None] = {}
    members: dict[Path, bytes] = {}
    try:
        for folder, group in groupby(
            archive_files(path, _is_part, folders=empty), key=lambda file: file[0].parent
        ):
            members = {}
            for name, data in group:
                members[name] = data
            empty.pop(folder, None)
            yield from _folder_samples(path, folder, members)
            members = {}
    except DAMAGED as error:
        if members:  # what came of the folder in which the archive breaks off
            yield from _folder_samples(path, next(iter(members)).parent, members)
        yield Defect(path.name, path, "unreadable archive", f"it cannot be read any further ({error})")
        return
    for folder in empty:
        yield from _empty_folder(folder)


def _folder_samples(root: Path, folder: Path, members: Mapping[Path, bytes]) -> Iterator[Sample | Defect]:
    for sample_id, parts in _grouped(path.name for path in members):
        own = {folder / name: members[folder / name] for names in parts.values() for name in names}
        yield from _sample(_Files(sample_id, root, folder, parts, own))


def _empty_folder(folder: Path) -> Iterator[Defect]:
    if _PRIMUS_ID.fullmatch(folder.name):
        yield Defect(folder.name, folder, "missing picture", "no file of a sample in this folder")


def _grouped(names: Iterable[str]) -> list[tuple[str, dict[str, list[str]]]]:
    """Sample id -> part -> file names, of the files of one folder."""
    groups: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names):
        if known := file_part(name):
            sample_id, part = known
            groups.setdefault(sample_id, {}).setdefault(part, []).append(name)
    return sorted(groups.items())


@dataclass(frozen=True)
class _Files:
    """The files of one sample, by part; the bytes of those that lie in an archive."""

    id: str
    root: Path
    folder: Path
    parts: Mapping[str, list[str]]
    members: Mapping[Path, bytes] = field(default_factory=dict)

    def path(self, part: str) -> Path | None:
        return self.folder / self.parts[part][0] if part in self.parts else None


def _sample(files: _Files) -> Iterator[Sample | Defect]:
    """The sample that the files make, or all that is wrong with it."""
    picture, semantic, agnostic = files.path("picture"), _label(files, "semantic"), _label(files, "agnostic")
    defects = [label for label in (semantic, agnostic) if isinstance(label, Defect)]
    if semantic is None:
        path = files.folder / f"{files.id}.semantic"
        defects.insert(0, Defect(files.id, path, "missing label", "no such file"))
    if picture is None:
        path = files.folder / f"{files.id}.png"
        defects.insert(0, Defect(files.id, path, "missing picture", "no such file, nor .jpg or .jpeg"))
    elif len(names := files.parts["picture"]) > 1:
        defects.insert(0, Defect(files.id, picture, "two pictures", f"beside it lies {names[1]}"))
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


def _label(files: _Files, part: str) -> tuple[str, ...] | Defect | None:
    path = files.path(part)
    if path is None:
        return None
    try:
        text = (files.members[path] if path in files.members else _bytes(path)).decode("utf-8")
    except (UnicodeDecodeError, DataError) as error:
        return Defect(files.id, path, "not text", str(error))
    return label_tokens(text) or Defect(files.id, path, "empty label", f"no symbol in {len(text)} characters")


def label_tokens(text: str) -> tuple[str, ...]:
    """The symbols of a label file; equal ones are one object, for a set has few symbols and many labels."""
    return tuple(intern(token) for token in re.split(r"[\s,]+", text) if token)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
