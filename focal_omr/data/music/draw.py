"""Scores for shards: composed or cut out of tunes, some of them enriched with rare symbols.

stream = ScoreSource(partial(draw_excerpt, tunes)).stream()
score = stream(random)           # for each staff
stream.keep(label)               # for each staff that is used
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random

from focal_omr.data.music.collection import Collection
from focal_omr.data.music.compose import compose
from focal_omr.data.music.excerpt import MAX_SYMBOLS, excerpt
from focal_omr.data.music.rarity import Rarity
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import DataError, NotationError
from focal_omr.score.records import MultiRest, Note, Rest, Score, Tuplet

DrawScore = Callable[[Random], Score]

# Lengths in symbols. PrIMuS: 11 to 39, mean 23; the systems of a page have up to 60.
_SYSTEM_SHARE = 0.2
_INCIPIT_MEAN, _INCIPIT_STD = 22.5, 6.5
_INCIPIT_MIN, _INCIPIT_MAX = 11, 39
# Share of staves that are enriched with rare symbols. In a shard of 500 staves, 200 with a dozen each are
# enough to show each of some 2300 symbols.
_RARE_SHARE = 0.4
_MAX_ENRICHED = 26  # symbols before a dozen rare ones are inserted: a staff image has room for some 45
_ATTEMPTS = 400  # to cut a staff out of a tune

_open_collection = lru_cache(maxsize=1)(Collection)


def draw_length(random: Random) -> int:
    """Draw the length of a staff in symbols."""
    if random.random() < _SYSTEM_SHARE:
        return random.randint(_INCIPIT_MAX - 9, MAX_SYMBOLS)
    while not (length := round(random.gauss(_INCIPIT_MEAN, _INCIPIT_STD))) >= _INCIPIT_MIN:
        pass
    return min(length, _INCIPIT_MAX)


def draw_composed(random: Random, *, plain: bool = False) -> Score:
    """Compose a staff, see `compose`; the few that the vocabulary cannot encode are drawn again."""
    symbols = draw_length(random)
    while not is_encodable(score := compose(random, symbols=symbols, plain=plain)):
        pass
    return score


def draw_excerpt(collection: Path, random: Random, *, vary: bool = True) -> Score:
    """Draw an excerpt of a tune.

    Args:
        collection: File of tunes, see `Collection`.
        random: Random generator.
        vary: Vary the excerpt.

    Raises:
        DataError: The collection cannot be read, or its tunes yield no excerpt.
    """
    tunes = _open_collection(collection)
    symbols = draw_length(random)
    for attempt in range(_ATTEMPTS if len(tunes) else 0):
        tune = tunes.draw(random)
        try:
            score = excerpt(tune, random, symbols=symbols, vary=vary)
        except NotationError as error:
            raise DataError(f"{collection}: {tune.source}: {error}") from error
        if score is None or not is_encodable(score):
            continue
        # If tunes are short, or measures long, shorter excerpts are accepted in the second half.
        if attempt > _ATTEMPTS / 2 or len(score_to_tokens(score)) >= _INCIPIT_MIN:
            return score
    raise DataError(f"{collection}: no staff could be cut out of its {len(tunes)} tunes")


def is_encodable(score: Score) -> bool:
    """Return whether the vocabulary has all symbols of a score and no multi-measure rest shares a measure.

    Verovio would draw such a rest over the notes.
    """
    for part in score.parts:
        for measure in part.measures:
            timed = [e for e in measure.events if isinstance(e, Note | Rest | MultiRest | Tuplet)]
            if len(timed) > 1 and any(isinstance(event, MultiRest) for event in timed):
                return False
    vocabulary = full_semantic()
    return all(token in vocabulary for token in score_to_tokens(score))


@dataclass(frozen=True)
class ScoreSource:
    """A source of scores that can be sent to worker processes.

    Attributes:
        base: Draws one score; an importable function, or a `partial` of one.
        rare_share: Share of staves that are enriched with rare symbols.
    """

    base: DrawScore = draw_composed
    rare_share: float = _RARE_SHARE

    def stream(self) -> "ScoreStream":
        """Start a stream that has seen no symbol yet: one per shard."""
        return ScoreStream(self)


@dataclass
class ScoreStream:
    """A stream of scores; those kept determine the symbols that the next ones need."""

    source: ScoreSource
    rarity: Rarity = field(default_factory=Rarity)

    def __call__(self, random: Random) -> Score:
        """Draw the next score."""
        rare = self.source.rare_share
        if not rare or random.random() >= rare:
            return self.source.base(random)
        for _ in range(_ATTEMPTS):
            score = self.source.base(random)
            if len(score_to_tokens(score)) > _MAX_ENRICHED:
                continue
            score = self.rarity.enriched(score, random)
            if is_encodable(score):
                break
        return score

    def keep(self, label: Sequence[str]) -> None:
        """Count the symbols of a staff that is used."""
        self.rarity.count(label)
