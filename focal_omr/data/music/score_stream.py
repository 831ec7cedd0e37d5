"""Stream of scores for training: excerpts of real scores of every texture, and composed music.

source = MusicSource(store=Path("scores.store"))
for drawn in source.stream(seed):
    drawn.score, drawn.texture
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from focal_omr.data.music.factor_rarity import FactorRarity
from focal_omr.data.music.score_store import ScoreStore
from focal_omr.data.music.system_composer import compose_system
from focal_omr.data.music.system_excerpt import draw_columns, fitting, system_excerpt
from focal_omr.errors import DataError
from focal_omr.score.score import Score

__all__ = ["Drawn", "MusicSource", "draw_composed", "draw_excerpt"]

# Weights of textures of excerpts; those that the store lacks are left out.
_EXCERPTS = {
    **{"one": 30, "piano": 20, "song": 16, "quartet": 10, "choir": 8, "strings": 6, "duet": 4},
    **{"organ": 4, "hymn": 5},
}
_TEXTURES, _ATTEMPTS = 20, 20

_open_store = lru_cache(maxsize=2)(ScoreStore)


class Drawn(NamedTuple):
    """A score of a few measures and one to four staves.

    Attributes:
        texture: Of `textures.TEXTURES` for an excerpt, of `system_composer` for composed music.
        source: The piece; "composed" for composed music.
        columns: Of all staves, as indices of `encodings.column_factors`.
    """

    score: Score
    texture: str
    source: str
    columns: list[tuple[int, ...]]


@dataclass(frozen=True)
class MusicSource:
    """A source of scores that can be sent to worker processes.

    Attributes:
        store: File of `collect_scores`; None: all music is composed.
        composed: Share of composed music where there is a store.
        rare: Share of composed music with the factor values seen least so far.
    """

    store: Path | None = None
    composed: float = 0.35
    rare: float = 0.7

    def stream(self, seed: int | str) -> Iterator[Drawn]:
        """An endless stream; the same seed and store give the same scores.

        Raises:
            DataError: The store cannot be read, or 400 excerpts in a row do not fit the alphabet.
        """
        random = Random(f"{seed}/music")
        rarity = FactorRarity()
        while True:
            if self.store is None or random.random() < self.composed:
                wishes = rarity.wishes(random) if random.random() < self.rare else []
                drawn = draw_composed(random, wishes)
            else:
                drawn = draw_excerpt(self.store, random)
            rarity.count(drawn.columns)
            yield drawn


def draw_excerpt(path: Path, random: Random) -> Drawn:
    """Draw an excerpt of a real score.

    Raises:
        DataError: As `MusicSource.stream`.
    """
    store = _open_store(path)
    weights = {texture: _EXCERPTS[texture] for texture in store.textures}
    for _ in range(_TEXTURES):
        texture = random.choices([*weights], [*weights.values()])[0]
        for _ in range(_ATTEMPTS):
            source, fragment = store.draw(random, texture)
            fitted = system_excerpt(fragment, random, texture)
            if fitted is not None:
                return Drawn(fitted.score, texture, source, fitted.columns)
    raise DataError(f"{path}: {_TEXTURES * _ATTEMPTS} excerpts in a row do not fit the alphabet")


def draw_composed(random: Random, wishes: Sequence[tuple[str, Any]] = ()) -> Drawn:
    """Compose a system, if possible with the factor values wished for."""
    while True:
        columns = draw_columns(random)  # rare values need room: long tuplets, accidentals, short notes
        score, texture = compose_system(random, 2 * columns // 3 if wishes else columns, wishes)
        fitted = fitting(score)
        if fitted is not None:
            return Drawn(fitted.score, texture, "composed", fitted.columns)
