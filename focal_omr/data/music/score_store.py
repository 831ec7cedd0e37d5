"""Store of scores for drawing: one file of fragments of whole measures, each compressed on its own.

    with ScoreStoreWriter(path) as store:
        store.add("song.mxl", score)
    store = ScoreStore(path)
    fragment = store.draw(random, "song")

A fragment is `_LENGTH` measures of all parts, and begins `_STRIDE` measures after the one before it, so that
an excerpt can begin anywhere. Its parts are decoded one by one, only those that are drawn.
"""

import json
import mmap
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import BinaryIO

from focal_omr.data.music.cut import cut
from focal_omr.data.music.textures import Offer, layout_of, offers
from focal_omr.errors import DataError, NotationError
from focal_omr.formats.score_json import read_record, write_record
from focal_omr.runtime.atomic_files import atomic_file
from focal_omr.score.score import Part, Score
from focal_omr.score.validate import validate

__all__ = ["ScoreStore", "ScoreStoreWriter", "open_writer"]

_MAGIC = b"focal-omr scores 1\n"
_LENGTH, _STRIDE = 16, 12
_NUMBER_BYTES = 8
# Half of the draws are uniform over pieces, half over fragments: otherwise a few long works would dominate.
_BY_PIECE = 0.5


class ScoreStoreWriter:
    """Writes fragments to a file; the index comes last."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.place = self.file.write(_MAGIC)
        self.pieces: list[str] = []
        self.fragments: list[tuple[int, int, int, str]] = []

    def add(self, source: str, score: Score) -> int:
        """Add the fragments of a score that are valid; return their number."""
        self.pieces.append(source)
        before = len(self.fragments)
        count = min(len(part.measures) for part in score.parts)
        valid = not validate(score)
        for start in range(0, max(count - _LENGTH + _STRIDE, 1), _STRIDE):
            fragment = cut(score, range(start, min(start + _LENGTH, count)))
            if not valid and validate(fragment):
                continue
            lines = "\n".join(write_record(part) for part in fragment.parts)
            data = zlib.compress(lines.encode(), 6)
            layout = " ".join(layout_of(part) for part in fragment.parts)
            self.fragments.append((len(self.pieces) - 1, self.place, len(data), layout))
            self.place += self.file.write(data)
        return len(self.fragments) - before

    def close(self) -> None:
        """Write the index."""
        index = {"pieces": self.pieces, "fragments": self.fragments}
        data = zlib.compress(json.dumps(index).encode(), 6)
        self.file.write(data)
        self.file.write(len(data).to_bytes(_NUMBER_BYTES, "big"))


@contextmanager
def open_writer(path: Path) -> Iterator[ScoreStoreWriter]:
    """Write a store; it appears when all is written.

    Raises:
        OutputError: The file cannot be written.
    """
    with atomic_file(path) as file:
        writer = ScoreStoreWriter(file)
        yield writer
        writer.close()


class ScoreStore:
    """The fragments of a file; safe to use in forked processes.

    Raises:
        DataError: The file is no store of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                # Shared between processes, and never in memory as a whole; an empty file cannot be mapped.
                size = path.stat().st_size
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            if self._bytes[: len(_MAGIC)] != _MAGIC:
                raise DataError(f"{path}: not a store of scores of this version")
            end = size - _NUMBER_BYTES
            length = int.from_bytes(self._bytes[end:], "big")
            index = json.loads(zlib.decompress(self._bytes[end - length : end]))
        except (OSError, ValueError, zlib.error) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        self.pieces: list[str] = index["pieces"]
        self._fragments: list[tuple[int, int, int, str]] = index["fragments"]
        self._offers: dict[str, list[tuple[int, Offer]]] = defaultdict(list)
        self._by_piece: dict[str, dict[int, list[tuple[int, Offer]]]] = defaultdict(lambda: defaultdict(list))
        for number, (piece, _, _, layout) in enumerate(self._fragments):
            for offer in offers(layout.split()):
                self._offers[offer.texture].append((number, offer))
                self._by_piece[offer.texture][piece].append((number, offer))
        self._piece_ids = {texture: [*pieces] for texture, pieces in self._by_piece.items()}

    def __len__(self) -> int:
        return len(self._fragments)

    @property
    def textures(self) -> tuple[str, ...]:
        """The textures that some fragment offers."""
        return tuple(sorted(self._offers))

    def draw(self, random: Random, texture: str) -> tuple[str, Score]:
        """Draw a fragment, with the parts of a texture alone; return also the name of its piece.

        Raises:
            DataError: No fragment has the texture, or the file is damaged.
        """
        if texture not in self._offers:
            raise DataError(f"{self.path}: none of its {len(self)} fragments is of texture {texture!r}")
        drawn = self._offers[texture]
        if random.random() < _BY_PIECE:
            drawn = self._by_piece[texture][random.choice(self._piece_ids[texture])]
        number, offer = random.choice(drawn)
        piece = self.pieces[self._fragments[number][0]]
        return piece, Score(parts=self._parts(number, offer.parts))

    def _parts(self, number: int, parts: Sequence[int]) -> tuple[Part, ...]:
        _, place, size, _ = self._fragments[number]
        try:
            lines = zlib.decompress(self._bytes[place : place + size]).split(b"\n")
            return tuple(read_record(lines[part]) for part in parts)
        except (zlib.error, IndexError, NotationError) as error:
            raise DataError(f"{self.path}: fragment {number} is damaged ({error})") from error
