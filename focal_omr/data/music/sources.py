"""Sources of tunes: folders and archives of kern, ABC, PAE, MusicXML and MEI, read file by file."""

import re
import tarfile
import zipfile
from collections.abc import Iterator
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
# Part of music21's corpus: the Essen folk songs, whose licence excludes commercial use.
_EXCLUDED = ("essenFolksong",)


@dataclass(frozen=True)
class TuneFile:
    """A file of tunes.

    Attributes:
        name: Relative to its folder or archive.
        data: Its bytes.
        only: Index of the one score to read, from 0; None reads all.
    """

    name: str
    data: bytes
    only: int | None = None


@dataclass(frozen=True)
class TuneSource:
    """Folders and archives with the names of the files to read from each, in order."""

    names: tuple[tuple[Path, tuple[str, ...]], ...]

    def __len__(self) -> int:
        return sum(len(names) for _, names in self.names)

    def read(self) -> Iterator[TuneFile]:
        """Read the files one by one; an archive is read sequentially.

        Raises:
            DataError: A folder or archive cannot be read; the message names it.
        """
        for root, names in self.names:
            if is_archive(root):
                for name, data in _members(root, wanted=frozenset(names)):
                    yield TuneFile(name, data)
                continue
            for name in names:
                try:
                    yield TuneFile(name, read_limited(root / name, MAX_SCORE_BYTES))
                except OSError as error:
                    raise DataError(f"{root / name}: cannot be read ({error.strerror})") from error

    def only(self, listing: Path) -> "TuneSource":
        """Select the files that a text file lists, one per line.

        Raises:
            DataError: The listing cannot be read or names a missing file.
        """
        try:
            wanted = {line for line in listing.read_text(encoding="utf-8").splitlines() if line}
        except OSError as error:
            raise DataError(f"{listing}: cannot be read ({error.strerror})") from error
        selected = [(root, tuple(name for name in names if name in wanted)) for root, names in self.names]
        if missing := sorted(wanted.difference(*(names for _, names in selected))):
            roots = ", ".join(str(root) for root, _ in self.names)
            raise DataError(
                f"{listing}: {len(missing)} of its files are not in {roots}; the first is {missing[0]}"
            )
        return TuneSource(tuple(selected))


def tune_files(*roots: Path) -> TuneSource:
    """Find the tune files in folders, at any depth, and archives (.zip, .tar, .tar.gz, .tgz, .tar.xz).

    A root may also be a single tune file.

    Raises:
        DataError: A root is none of these, or has no tunes.
    """
    found: list[tuple[Path, tuple[str, ...]]] = []
    for root in roots:
        if is_tune(root):
            found.append((root.parent, (root.name,)))
            continue
        if root.is_dir():
            paths = [path for path in sorted(root.rglob("*")) if path.is_file()]
            files = [path.relative_to(root).as_posix() for path in paths]
        elif is_archive(root):
            files = [name for name, _ in _members(root, wanted=None)]
        elif not root.exists():
            raise DataError(f"{root}: no such file or folder")
        else:
            raise DataError(
                f"{root}: no folder, no archive ({', '.join(ARCHIVES)}) and no tune ({', '.join(FORMATS)})"
            )
        tunes = [name for name in files if PurePosixPath(name).suffix in FORMATS]
        names = tuple(name for name in tunes if not set(PurePosixPath(name).parts) & set(_EXCLUDED))
        if not names:
            raise DataError(f"{root}: no tunes; looked for files *{', *'.join(FORMATS)}")
        found.append((root, names))
    return TuneSource(tuple(found))


def is_tune(path: Path) -> bool:
    """Return whether a file has the suffix of a supported score format."""
    return path.is_file() and path.suffix in FORMATS


def is_archive(path: Path) -> bool:
    """Return whether a file has the suffix of a supported archive."""
    return path.is_file() and path.name.endswith(ARCHIVES)


def _members(archive: Path, *, wanted: frozenset[str] | None) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of the wanted files; without `wanted`, all names and no bytes."""
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
    """Unpack a file of an archive, up to the maximum size of a score."""
    with stream:
        data = stream.read(MAX_SCORE_BYTES + 1)
    if len(data) > MAX_SCORE_BYTES:
        raise tarfile.ReadError(f"{name} in it is larger than the limit of {MAX_SCORE_BYTES:,} bytes")
    return data


def score_texts(file: TuneFile) -> dict[int, str]:
    """Extract the scores of a file as text, by index: each ABC tune, the score of a compressed MusicXML.

    Raises:
        DataError: A compressed MusicXML file is invalid.
    """
    if file.name.endswith(".mxl"):
        try:
            return {0: xml_text(unzip_musicxml(file.data))}
        except NotationError as error:
            raise DataError(str(error)) from error
    text = file.data.decode("utf-8", errors="replace")
    texts = re.split(r"(?m)^(?=X:)", text)[1:] if file.name.endswith(".abc") else [text]
    return {index: each for index, each in enumerate(texts) if file.only in (None, index)}


def single_scores(file: TuneFile) -> list[TuneFile]:
    """Split a file of several scores into one per score; empty if it has only one."""
    if not file.name.endswith(".abc") or file.only is not None:
        return []
    indices = list(score_texts(file))
    return [replace(file, only=index) for index in indices] if len(indices) > 1 else []
