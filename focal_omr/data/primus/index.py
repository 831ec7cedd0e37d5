"""The index of a PrIMuS set: one CSV row a sample, so that it can be drawn from without opening its pictures.

Paths are kept relative to the index's folder, so that index and set can be moved together.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from sys import intern
from typing import Any

from focal_omr.data.primus.check import Checked, check_samples
from focal_omr.data.primus.samples import Defect, Sample, partition, read_primus, source_of
from focal_omr.errors import DataError
from focal_omr.images.header import MAX_PICTURE_PX
from focal_omr.runtime.atomic_files import write_atomic

# The header is the format's version, too: a file with another one is refused.
COLUMNS = (
    "id",
    "source",
    "root",
    "picture",
    "distorted",
    "width",
    "height",
    "symbols",
    "semantic",
    "agnostic",
    "mei",
    "pae",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an index knows of a sample.

    Attributes:
        id: Its id.
        root: The tree or archive that it lies in.
        picture: Its picture's path below `root`, with slashes.
        distorted: The same of the distorted picture; empty where there is none.
        width_px: Width of the picture.
        height_px: Height of the picture.
        semantic: Its semantic label.
        agnostic: Its agnostic label; empty where there is none.
        mei: Whether there is a score in MEI.
        pae: Whether there is Plaine & Easie code.
    """

    id: str
    root: Path
    picture: str
    distorted: str
    width_px: int
    height_px: int
    semantic: tuple[str, ...]
    agnostic: tuple[str, ...]
    mei: bool
    pae: bool

    @property
    def source(self) -> str:
        """The RISM source that it comes from."""
        return source_of(self.id)


def index_primus(
    paths: Sequence[Path], *, only: Collection[str] | None = None
) -> tuple[list[Entry], list[Defect]]:
    """Read and check trees and archives: an entry for each good sample, sorted by id, and the defects.

    Args:
        paths: Folders, .tar and .tgz files.
        only: Ids of the samples to take; the others' pictures are not opened. None: all.

    Raises:
        DataError: As `read_primus`.
    """
    entries, defects = [], []
    wanted = None if only is None else frozenset(only)
    for each in check_samples(each for each in read_primus(paths) if _is_wanted(each, wanted)):
        if isinstance(each, Defect):
            defects.append(each)
        else:
            entries.append(_entry(each))
    return sorted(entries, key=lambda entry: entry.id), defects


def _is_wanted(found: Sample | Defect, wanted: frozenset[str] | None) -> bool:
    """Whether it is on the list; a broken archive always counts, for it may hold what is."""
    if wanted is None or (isinstance(found, Defect) and found.problem == "unreadable archive"):
        return True
    return found.id in wanted


def _entry(checked: Checked) -> Entry:
    sample = checked.sample
    return Entry(
        sample.id,
        sample.root,
        sample.picture.relative_to(sample.root).as_posix(),
        sample.distorted.relative_to(sample.root).as_posix() if sample.distorted else "",
        checked.width_px,
        checked.height_px,
        sample.semantic,
        sample.agnostic or (),
        sample.mei,
        sample.pae,
    )


def sample_ids(path: Path) -> tuple[list[str], list[Defect]]:
    """The ids in a tree, an archive or an index, without opening the pictures; and the defects seen.

    Raises:
        DataError: As `read_primus` and `read_index`.
    """
    labels, defects = sample_labels(path)
    return list(labels), defects


def sample_labels(path: Path) -> tuple[dict[str, tuple[str, ...]], list[Defect]]:
    """Id -> semantic label, sorted by id, of a tree, an archive or an index; see `sample_ids`.

    Raises:
        DataError: As `read_primus` and `read_index`.
    """
    if path.is_file() and path.suffix == ".csv":
        return {entry.id: entry.semantic for entry in sorted(read_index(path), key=lambda e: e.id)}, []
    samples, defects = partition(read_primus([path]))
    return {sample.id: sample.semantic for sample in sorted(samples, key=lambda s: s.id)}, defects


# The file ---------------------------------------------------------------------------------------------------


def write_index(path: Path, entries: Iterable[Entry]) -> None:
    """Write an index, whole or not at all. Raises OutputError where that is not possible."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    roots: dict[Path, str] = {}
    for entry in entries:
        if entry.root not in roots:
            roots[entry.root] = PurePath(os.path.relpath(entry.root, path.parent)).as_posix()
        writer.writerow(
            (
                *(entry.id, entry.source, roots[entry.root], entry.picture, entry.distorted),
                *(entry.width_px, entry.height_px, len(entry.semantic)),
                *(" ".join(entry.semantic), " ".join(entry.agnostic), int(entry.mei), int(entry.pae)),
            )
        )
    write_atomic(path, text.getvalue().encode())


def read_index(path: Path) -> list[Entry]:
    """The entries of an index.

    Raises:
        DataError: The file cannot be read, or is no index; the message names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != list(COLUMNS):
                raise DataError(f"{path}: no index; its first line must be {','.join(COLUMNS)}")
            return [_read_row(row, path, rows.line_num) for row in rows]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no index ({error})") from error


def _read_row(row: Sequence[str], path: Path, line: int) -> Entry:
    try:
        sample_id, _, root, picture, distorted, width, height, symbols, semantic, agnostic, mei, pae = row
        label = tuple(map(intern, semantic.split()))
        if len(label) != int(symbols):
            raise ValueError(f"{len(label)} symbols where {symbols} are announced")
        return Entry(
            sample_id,
            path.parent / root,
            picture,
            distorted,
            _pixels(width),
            _pixels(height),
            label,
            tuple(map(intern, agnostic.split())),
            bool(int(mei)),
            bool(int(pae)),
        )
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {error}") from None


def _pixels(text: str) -> int:
    pixels = int(text)
    if not 0 < pixels <= MAX_PICTURE_PX:
        raise ValueError(f"a picture {text} px wide or high")
    return pixels


# The description --------------------------------------------------------------------------------------------


def describe(
    entries: Sequence[Entry], defects: Sequence[Defect], absent: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures of a set as plain values; lengths in symbols, sizes in pixels.

    Args:
        entries: The good samples.
        defects: What is wrong with the others.
        absent: Ids that were asked for and are not there.
    """
    symbols = Counter(token for entry in entries for token in entry.semantic)
    return {
        "samples": len(entries),
        "sources": len({entry.source for entry in entries}),
        "symbols": symbols.total(),
        "distinct_symbols": len(symbols),
        "length": _spread([len(entry.semantic) for entry in entries]),
        "width_px": _spread([entry.width_px for entry in entries]),
        "height_px": _spread([entry.height_px for entry in entries]),
        "agnostic": sum(bool(entry.agnostic) for entry in entries),
        "distorted": sum(bool(entry.distorted) for entry in entries),
        "mei": sum(entry.mei for entry in entries),
        "pae": sum(entry.pae for entry in entries),
        "defects": dict(sorted(Counter(defect.problem for defect in defects).items())),
        "defect_list": [
            {"id": each.id, "file": str(each.file), "problem": each.problem, "detail": each.detail}
            for each in defects
        ],
        "absent": list(absent),
    }


def description_lines(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures of `describe` for a reader, each defect in a line of its own."""
    yield "{samples} samples of {sources} sources".format(**figures)
    yield "{symbols} symbols, {distinct_symbols} distinct".format(**figures)
    for name, words in (("length", "symbols a sample"), ("width_px", "px wide"), ("height_px", "px high")):
        yield "{min} to {max} {words}, {mean} on average".format(**figures[name], words=words)
    yield "with agnostic {agnostic}, distorted {distorted}, mei {mei}, pae {pae}".format(**figures)
    yield f"{len(figures['defect_list'])} defects" + "".join(
        f", {count} {problem}" for problem, count in figures["defects"].items()
    )
    for each in figures["defect_list"]:
        yield "  {id}: {problem}: {file}: {detail}".format(**each)
    if figures["absent"]:
        yield f"{len(figures['absent'])} ids of the list are not there"
        yield from (f"  {sample_id}" for sample_id in figures["absent"])


def _spread(values: Sequence[int]) -> dict[str, float]:
    if not values:
        return {"min": 0, "mean": 0, "max": 0}
    return {"min": min(values), "mean": round(sum(values) / len(values), 1), "max": max(values)}
