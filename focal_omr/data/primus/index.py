"""Index of a PrIMuS data set: a CSV with one row per sample, to sample from without opening images.

Paths are relative to the folder of the index, so that index and data set can be moved together.
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

from focal_omr.data.primus.check import check_samples
from focal_omr.data.primus.samples import Defect, Sample, partition, read_primus, source_of
from focal_omr.errors import DataError
from focal_omr.images.header import MAX_IMAGE_PX
from focal_omr.runtime.atomic_files import write_atomic

# The header is also the version of the format: a file with another header is rejected.
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
class IndexEntry:
    """One row of an index.

    Attributes:
        id: Id of the sample.
        root: The tree or archive that holds it.
        picture: Path of the image relative to `root`, with slashes.
        distorted: The same for the distorted image; empty if there is none.
        width_px: Width of the image.
        height_px: Height of the image.
        semantic: Semantic label.
        agnostic: Agnostic label; empty if there is none.
        mei: Whether an MEI file exists.
        pae: Whether a Plaine & Easie file exists.
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
        """RISM source of the sample."""
        return source_of(self.id)


def index_primus(
    paths: Sequence[Path], *, only: Collection[str] | None = None
) -> tuple[list[IndexEntry], list[Defect]]:
    """Read and check trees and archives.

    Args:
        paths: Folders, .tar and .tgz files.
        only: Ids of the samples to index; other images are not opened. None: all.

    Returns:
        An entry for each good sample, sorted by id, and the defects.

    Raises:
        DataError: A path does not exist, or a folder cannot be listed.
    """
    found: Iterable[Sample | Defect] = read_primus(paths)
    if only is not None:
        ids = frozenset(only)
        # A damaged archive is always reported: it may hold samples of the list.
        found = (
            each
            for each in found
            if each.id in ids or (isinstance(each, Defect) and each.problem == "unreadable archive")
        )
    entries, defects = [], []
    for each in check_samples(found):
        if isinstance(each, Defect):
            defects.append(each)
            continue
        sample = each.sample
        entries.append(
            IndexEntry(
                sample.id,
                sample.root,
                sample.picture.relative_to(sample.root).as_posix(),
                sample.distorted.relative_to(sample.root).as_posix() if sample.distorted else "",
                each.width_px,
                each.height_px,
                sample.semantic,
                sample.agnostic or (),
                sample.mei,
                sample.pae,
            )
        )
    return sorted(entries, key=lambda entry: entry.id), defects


def sample_labels(path: Path) -> tuple[dict[str, tuple[str, ...]], list[Defect]]:
    """Read id -> semantic label, sorted by id, of a tree, an archive or an index, and the defects.

    Images are not opened.

    Raises:
        DataError: As for `read_primus` and `read_index`.
    """
    if path.is_file() and path.suffix == ".csv":
        return {entry.id: entry.semantic for entry in sorted(read_index(path), key=lambda e: e.id)}, []
    samples, defects = partition(read_primus([path]))
    return {sample.id: sample.semantic for sample in sorted(samples, key=lambda s: s.id)}, defects


# CSV --------------------------------------------------------------------------------------------------------


def write_index(path: Path, entries: Iterable[IndexEntry]) -> None:
    """Write an index atomically.

    Raises:
        OutputError: The file cannot be written.
    """
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


def read_index(path: Path) -> list[IndexEntry]:
    """Read an index.

    Raises:
        DataError: The file cannot be read or is not an index; the message names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file, strict=True)
            if next(rows, None) != list(COLUMNS):
                raise DataError(f"{path}: not an index; its first line must be {','.join(COLUMNS)}")
            return [_parse_row(row, path, rows.line_num) for row in rows]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not an index ({error})") from error


def _parse_row(row: Sequence[str], path: Path, line: int) -> IndexEntry:
    try:
        sample_id, _, root, picture, distorted, width, height, symbols, semantic, agnostic, mei, pae = row
        label = tuple(map(intern, semantic.split()))
        if len(label) != int(symbols):
            raise ValueError(f"{len(label)} symbols instead of {symbols}")
        return IndexEntry(
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
    if not 0 < pixels <= MAX_IMAGE_PX:
        raise ValueError(f"an image side of {text} px")
    return pixels


# Description ------------------------------------------------------------------------------------------------


def describe(
    entries: Sequence[IndexEntry], defects: Sequence[Defect], absent: Sequence[str] = ()
) -> dict[str, Any]:
    """Describe a data set as plain values; lengths are in symbols, sizes in pixels.

    Args:
        entries: The good samples.
        defects: The defects of the others.
        absent: Requested ids that do not exist.
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
    """Format the values of `describe` as text, with one line per defect."""
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
        yield f"{len(figures['absent'])} ids of the list do not exist"
        yield from (f"  {sample_id}" for sample_id in figures["absent"])


def _spread(values: Sequence[int]) -> dict[str, float]:
    if not values:
        return {"min": 0, "mean": 0, "max": 0}
    return {"min": min(values), "mean": round(sum(values) / len(values), 1), "max": max(values)}
