"""Which result belongs to which truth: files of two folders, paired by their stems.

A truth without a result of its stem takes those named STEM-Part-NAME, one for each of its parts, as single
parts of a score are commonly exported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from focal_omr.errors import DataError, OmrError
from focal_omr.evaluation.score_diff.read import SUFFIXES, read_judged
from focal_omr.evaluation.score_diff.records import VoicedPart, choose_part

__all__ = ["Pair", "pair_folders", "part_in_name", "read_parts"]

_PART = "-Part-"


@dataclass(frozen=True)
class Pair:
    """Two files to be compared.

    Attributes:
        name: What the pair is called: the stem of the result.
        truth: The score that it should be.
        result: What was read; None: there is no such file.
        part: The part of the truth that it should be; None: whatever parts the result has.
    """

    name: str
    truth: Path
    result: Path | None
    part: str | None = None


def read_parts(path: Path) -> Sequence[VoicedPart]:
    """The parts of a file. Raises as `read_judged`."""
    return read_judged(path).parts


def pair_folders(
    results: Path, truths: Path, *, parts_of: Callable[[Path], Sequence[VoicedPart]] = read_parts
) -> tuple[list[Pair], list[Path]]:
    """Pair every truth, and list the results that have none.

    Args:
        results: Folder of scores, looked through with the folders in it.
        truths: Likewise.
        parts_of: Reads the parts of a truth; an OmrError counts as none.

    Raises:
        DataError: A folder that is none, or one without a score.
    """
    read, meant = _scores(results), _scores(truths)
    pairs: list[Pair] = []
    for stem, truth in meant.items():
        parts = [each for each in read if each.startswith(stem + _PART) and each not in meant]
        pairs += (
            _by_parts(stem, truth, {each: read[each] for each in parts}, parts_of)
            if parts and stem not in read
            else [Pair(stem, truth, read.get(stem))]
        )
    taken = {pair.result for pair in pairs}
    return pairs, [path for path in read.values() if path not in taken]


def part_in_name(path: Path) -> str | None:
    """The part that a file's name ends with, as in quartet-Part-Violin_1.musicxml; None: it names none."""
    _, found, name = path.stem.rpartition(_PART)
    return name.replace("_", " ") if found and name else None


def _by_parts(
    stem: str, truth: Path, results: dict[str, Path], parts_of: Callable[[Path], Sequence[VoicedPart]]
) -> Iterator[Pair]:
    """The results that are parts of one truth, and the parts that have none."""
    for name, path in results.items():
        yield Pair(name, truth, path, part_in_name(path))
    try:
        parts = parts_of(truth)
    except OmrError:
        return  # each of the pairs will say so
    found: set[int] = set()
    for path in results.values():
        try:
            found.add(choose_part(parts, part_in_name(path) or ""))
        except OmrError:
            continue  # the pair will say so
    for place, part in enumerate(parts):
        if place not in found:
            label = part.name.replace(" ", "_") or str(place + 1)
            yield Pair(f"{stem}{_PART}{label}", truth, None, str(place + 1))


def _scores(folder: Path) -> dict[str, Path]:
    """The scores of a folder by their stems, each stem once, in the order of the names."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder; a folder of scores is needed, as the other one is")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    by_stem: dict[str, Path] = {}
    for path in sorted(paths, key=_rank):
        by_stem.setdefault(_name(path, folder), path)
    if not by_stem:
        raise DataError(f"{folder} holds no score; known are {', '.join(SUFFIXES)}")
    return dict(sorted(by_stem.items()))


def _name(path: Path, folder: Path) -> str:
    """The stem, with the folders that lead to it."""
    return path.relative_to(folder).with_suffix("").as_posix()


def _rank(path: Path) -> int:
    return SUFFIXES.index(path.suffix.lower())
