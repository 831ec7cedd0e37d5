"""Pairing of results and truths: the files of two folders by their stems.

A truth without a result of its stem is paired with the results named STEM-Part-NAME, one for each of its
parts, which is how notation programs export single parts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from focal_omr.errors import DataError, OmrError
from focal_omr.evaluation.score_diff.read import SUFFIXES, load_compared
from focal_omr.evaluation.score_diff.records import Staff, choose_staves

__all__ = ["Pair", "load_staves", "pair_folders", "part_in_name"]

_PART = "-Part-"


@dataclass(frozen=True)
class Pair:
    """Two files to be compared.

    Attributes:
        name: Name of the pair: the stem of the result.
        truth: The true score.
        result: The score that was read; None if there is no such file.
        part: Name or number of the truth's part; None to compare all parts of the result.
    """

    name: str
    truth: Path
    result: Path | None
    part: str | None = None


def load_staves(path: Path) -> Sequence[Staff]:
    """The staves of a file. Raises as `load_compared` does."""
    return load_compared(path).staves


def pair_folders(
    results: Path, truths: Path, *, staves_of: Callable[[Path], Sequence[Staff]] = load_staves
) -> tuple[list[Pair], list[Path]]:
    """Pair every truth with its result.

    Args:
        results: Folder of scores, searched recursively.
        truths: Folder of scores, searched recursively.
        staves_of: Reads the staves of a truth; on an `OmrError` it counts as having none.

    Returns:
        The pairs, and the results without a truth.

    Raises:
        DataError: One of the two is not a folder, or holds no score.
    """
    result_paths, truth_paths = _scores(results), _scores(truths)
    pairs: list[Pair] = []
    for stem, truth in truth_paths.items():
        parts = [name for name in result_paths if name.startswith(stem + _PART) and name not in truth_paths]
        if parts and stem not in result_paths:
            pairs += _part_pairs(stem, truth, {name: result_paths[name] for name in parts}, staves_of)
        else:
            pairs.append(Pair(stem, truth, result_paths.get(stem)))
    paired = {pair.result for pair in pairs}
    return pairs, [path for path in result_paths.values() if path not in paired]


def part_in_name(path: Path) -> str | None:
    """The part in a file name such as quartet-Part-Violin_1.musicxml; None if it names none."""
    _, found, name = path.stem.rpartition(_PART)
    return name.replace("_", " ") if found and name else None


def _part_pairs(
    stem: str, truth: Path, results: dict[str, Path], staves_of: Callable[[Path], Sequence[Staff]]
) -> Iterator[Pair]:
    """The results that are parts of one truth, and the truth's parts without a result."""
    for name, path in results.items():
        yield Pair(name, truth, path, part_in_name(path))
    try:
        staves = staves_of(truth)
    except OmrError:
        return  # comparing the pairs reports it
    found: set[int] = set()
    for path in results.values():
        try:
            found.update(choose_staves(staves, part_in_name(path) or ""))
        except OmrError:
            continue  # comparing the pair reports it
    for index, staff in enumerate(staves):
        if index not in found:
            label = staff.name.replace(" ", "_") or str(index + 1)
            yield Pair(f"{stem}{_PART}{label}", truth, None, str(index + 1))


def _scores(folder: Path) -> dict[str, Path]:
    """The scores of a folder by their relative stems, one for each, in order of names."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no folder; a folder of scores is needed, as the other one is")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    by_stem: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: SUFFIXES.index(path.suffix.lower())):
        by_stem.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    if not by_stem:
        raise DataError(f"{folder} holds no score; known are {', '.join(SUFFIXES)}")
    return dict(sorted(by_stem.items()))
