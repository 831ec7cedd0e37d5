"""A collection of tunes as it is read: one text file, of which only what is drawn is looked at."""

import mmap
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from random import Random

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import DataError, OmrError
from focal_omr.score.records import Part

# A tune is drawn by its length or each as likely as the other: else a few long works would be most of what is
# seen, or many short pieces of few bars.
_BY_LENGTH = 0.5


@dataclass(frozen=True)
class Tune:
    """Monophonic music and where it comes from: its semantic label, tokens with a tab between them."""

    source: str
    label: str

    @property
    def part(self) -> Part:
        """The music. Raises NotationError where the label is none."""
        return read_semantic(self.label).parts[0]


class Collection:
    """The tunes of a file that `collect_tunes` wrote."""

    def __init__(self, path: Path) -> None:
        """Opens the file. Raises DataError where it cannot be read."""
        self.path = path
        try:
            with path.open("rb") as file:
                # Shared by all processes that read it, never in memory as a whole; no map of an empty file.
                empty = path.stat().st_size == 0
                self._bytes = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        self._starts = array("Q", self._line_starts())

    def _line_starts(self) -> list[int]:
        starts, start = [], 0
        while start < len(self._bytes):
            starts.append(start)
            start = self._bytes.find(b"\n", start) + 1 or len(self._bytes)
        return starts

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> Tune:
        """A tune by its number. Raises DataError for a line that is no tune."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        end = self._starts[number + 1] if number + 1 < len(self) else len(self._bytes)
        try:
            line = self._bytes[self._starts[number] : end].decode("utf-8").rstrip("\n")
        except UnicodeDecodeError as error:
            raise DataError(f"{self.path}:{number + 1}: {error}") from error
        source, tab, label = line.partition("\t")
        if not tab or not label:
            raise DataError(f"{self.path}:{number + 1}: not a source, a tab and a label")
        return Tune(source, label)

    def draw(self, random: Random) -> Tune:
        """A tune of a collection that has one."""
        if random.random() < _BY_LENGTH:
            return self[bisect_right(self._starts, random.randrange(len(self._bytes))) - 1]
        return self[random.randrange(len(self))]


def read_collection(path: Path) -> list[Tune]:
    """All tunes of a collection, each looked at. Raises DataError for a line that is none."""
    tunes = []
    collection = Collection(path)
    for number in range(len(collection)):
        tune = collection[number]
        try:
            _ = tune.part
        except OmrError as error:
            raise DataError(f"{path}:{number + 1}: {error}") from error
        tunes.append(tune)
    return tunes
