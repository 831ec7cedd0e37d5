"""Where tunes come from: folders and archives of kern, ABC, PAE, MusicXML and MEI, read file by file."""

import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from focal_omr.errors import DataError, NotationError
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, ZIP_ERRORS, unzip_musicxml, xml_text
from focal_omr.runtime.atomic_files import read_limited

FORMATS = {
    ".krn": "kern",
    ".abc": "abc",
    ".pae": "pae",
    ".mei": "mei",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".mxl": "musicxml",
}
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz")
# Of music21's corpus: the Essen folk songs, whose licence excludes commercial use.
_LEFT_OUT = ("essenFolksong",)


@dataclass(frozen=True)
class TuneFile:
    """A file of tunes.

    Attributes:
        name: Relative to its folder or archive.
        data: Its bytes.
        only: The number of the one score that is wanted of it, from 0; None: all of them.
    """

    name: str
    data: bytes
    only: int | None = None


@dataclass(frozen=True)
class TuneSource:
    """Folders and archives with the names of the files to take from each, in their order."""

    names: tuple[tuple[Path, tuple[str, ...]], ...]

    def __len__(self) -> int:
        return sum(len(names) for _, names in self.names)

    def read(self) -> Iterator[TuneFile]:
        """The files, one after the other; an archive is read once, from its beginning to its end.

        Raises:
            DataError: A folder or archive that cannot be read; names it.
        """
        for root, names in self.names:
            yield from _read_files(root, names)

    def only(self, listing: Path) -> "TuneSource":
        """Of these files those that a text file names, one on each line.

        Raises:
            DataError: The listing cannot be read or names a file that is not there.
        """
        try:
            wanted = {line for line in listing.read_text(encoding="utf-8").splitlines() if line}
        except OSError as error:
            raise DataError(f"{listing}: cannot be read ({error.strerror})") from error
        kept = [(root, tuple(name for name in names if name in wanted)) for root, names in self.names]
        if missing := sorted(wanted.difference(*(names for _, names in kept))):
            roots = ", ".join(str(root) for root, _ in self.names)
            raise DataError(
                f"{listing}: {len(missing)} of its files are not in {roots}; the first is {missing[0]}"
            )
        return TuneSource(tuple(kept))


def tune_files(*roots: Path) -> TuneSource:
    """The files that hold tunes in folders, at any depth, and archives (.zip, .tar, .tar.gz, .tgz, .tar.xz).

    A root may be a single such file, too.

    Raises:
        DataError: A root that is none of these, or one without tunes.
    """
    found: list[tuple[Path, tuple[str, ...]]] = []
    for root in roots:
        if is_tune(root):
            found.append((root.parent, (root.name,)))
            continue
        names = tuple(name for name in _names(root) if _holds_tunes(name))
        if not names:
            raise DataError(f"{root}: no tunes; looked for files *{', *'.join(FORMATS)}")
        found.append((root, names))
    return TuneSource(tuple(found))


def _holds_tunes(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in FORMATS and not any(part in path.parts for part in _LEFT_OUT)


def is_tune(path: Path) -> bool:
    """Whether a file's name is that of a score that can be read."""
    return path.is_file() and path.suffix in FORMATS


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive that is read as a folder."""
    return path.is_file() and path.name.endswith(ARCHIVES)


def _names(root: Path) -> Iterable[str]:
    if root.is_dir():
        return [path.relative_to(root).as_posix() for path in sorted(root.rglob("*")) if path.is_file()]
    if not is_archive(root):
        raise DataError(
            f"{root}: no folder, no archive ({', '.join(ARCHIVES)}) and no tune ({', '.join(FORMATS)})"
        )
    return [name for name, _ in _members(root, wanted=None)]


def _read_files(root: Path, names: Sequence[str]) -> Iterator[TuneFile]:
    if is_archive(root):
        for name, data in _members(root, wanted=frozenset(names)):
            yield TuneFile(name, data)
        return
    for name in names:
        try:
            yield TuneFile(name, read_limited(root / name, MAX_SCORE_BYTES))
        except OSError as error:
            raise DataError(f"{root / name}: cannot be read ({error.strerror})") from error


def _members(archive: Path, *, wanted: frozenset[str] | None) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of an archive's files; without `wanted` the names alone, of all of them."""
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as file:
                for info in file.infolist():
                    if not info.is_dir() and (wanted is None or info.filename in wanted):
                        yield (
                            info.filename,
                            b"" if wanted is None else _unpacked(file.open(info), info.filename),
                        )
            return
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                if member.isfile() and (wanted is None or name in wanted):
                    stream = None if wanted is None else tar.extractfile(member)
                    yield name, b"" if stream is None else _unpacked(stream, name)
    except (*ZIP_ERRORS, tarfile.TarError) as error:
        raise DataError(f"{archive}: not a readable archive ({error})") from error


def _unpacked(stream: IO[bytes], name: str) -> bytes:
    """A file of an archive, of which no more is unpacked than a score may have."""
    with stream:
        data = stream.read(MAX_SCORE_BYTES + 1)
    if len(data) > MAX_SCORE_BYTES:
        raise tarfile.ReadError(f"{name} in it is larger than the {MAX_SCORE_BYTES:,} bytes that are read")
    return data


def score_texts(file: TuneFile) -> dict[int, str]:
    """The scores of a file as texts, by number: each ABC tune, the inner file of a compressed MusicXML.

    Raises:
        DataError: A compressed MusicXML that is none.
    """
    if file.name.endswith(".mxl"):
        return {0: _mxl_text(file.data)}
    text = file.data.decode("utf-8", errors="replace")
    texts = re.split(r"(?m)^(?=X:)", text)[1:] if file.name.endswith(".abc") else [text]
    return {number: each for number, each in enumerate(texts) if file.only in (None, number)}


def single_scores(file: TuneFile) -> list[TuneFile]:
    """A file of several scores as one file for each of them; an empty list where it has one."""
    if not file.name.endswith(".abc") or file.only is not None:
        return []
    numbers = list(score_texts(file))
    return [replace(file, only=number) for number in numbers] if len(numbers) > 1 else []


def _mxl_text(data: bytes) -> str:
    try:
        return xml_text(unzip_musicxml(data))
    except NotationError as error:
        raise DataError(str(error)) from error
