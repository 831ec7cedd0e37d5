"""Tune collections: text files that are memory-mapped, so that only the drawn tunes are read."""

import mmap
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from random import Random

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import DataError, OmrError
from focal_omr.score.records import Part

# Half of the draws are proportional to length, half uniform: otherwise a few long works, or many short
# pieces, would dominate.
_BY_LENGTH = 0.5


@dataclass(frozen=True)
class Tune:
    """Monophonic music as a semantic label of tab-separated tokens, with its source."""

    source: str
    label: str

    @property
    def part(self) -> Part:
        """The music. Raises NotationError if the label is invalid."""
        return read_semantic(self.label).parts[0]


class Collection:
    """The tunes of a file written by `collect_tunes`.

    Raises:
        DataError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                # Shared between processes, and never in memory as a whole; an empty file cannot be mapped.
                empty = path.stat().st_size == 0
                self._bytes = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        self._starts = array("Q")
        start = 0
        while start < len(self._bytes):
            self._starts.append(start)
            start = self._bytes.find(b"\n", start) + 1 or len(self._bytes)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> Tune:
        """Return a tune by its index. Raises DataError if the line is not a tune."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        end = self._starts[index + 1] if index + 1 < len(self) else len(self._bytes)
        try:
            line = self._bytes[self._starts[index] : end].decode("utf-8").rstrip("\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}:{index + 1}: {error}") from error
        source, tab, label = line.partition("\t")
        if not tab or not label:
            raise DataError(f"{self.path}:{index + 1}: not a source, a tab and a label")
        return Tune(source, label)

    def draw(self, random: Random) -> Tune:
        """Draw a tune; the collection must not be empty."""
        if random.random() < _BY_LENGTH:
            return self[bisect_right(self._starts, random.randrange(len(self._bytes))) - 1]
        return self[random.randrange(len(self))]


def read_collection(path: Path) -> list[Tune]:
    """Read and check all tunes of a collection.

    Raises:
        DataError: A line is not a tune.
    """
    tunes = []
    collection = Collection(path)
    for index in range(len(collection)):
        tune = collection[index]
        try:
            _ = tune.part
        except OmrError as error:
            raise DataError(f"{path}:{index + 1}: {error}") from error
        tunes.append(tune)
    return tunes
