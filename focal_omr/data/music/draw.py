"""The staves of a shard: composed or cut out of tunes, most as they are, some with rare symbols put in.

stream = ScoreSource(partial(draw_excerpt, tunes)).stream()
score = stream(random)           # as often as staves are needed
stream.keep(label)               # for each staff that is kept
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from random import Random

from focal_omr.data.music.collection import Collection
from focal_omr.data.music.compose import compose
from focal_omr.data.music.excerpt import LONGEST, excerpt
from focal_omr.data.music.rarity import Rarity
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import DataError, NotationError
from focal_omr.score.records import Measure, MultiRest, Note, Rest, Score, Tuplet

DrawScore = Callable[[Random], Score]

# Lengths in symbols. PrIMuS: 11 to 39, 23 in the mean; the systems of a page go up to 60.
_SYSTEM_SHARE = 0.2
_INCIPIT_MEAN, _INCIPIT_SPREAD = 22.5, 6.5
_INCIPIT_SHORTEST, _INCIPIT_LONGEST = 11, 39
# The share of staves with rare symbols put in; the others stay as they are. At 500 staves to a shard, 200
# with about a dozen are enough for each of some 2300 symbols.
_RARE_SHARE = 0.4
_LONGEST_ENRICHED = 26  # symbols, before a dozen rare ones come in: a plate has room for some 45
_ATTEMPTS = 400  # to cut a staff out of a tune


def draw_length(random: Random) -> int:
    """How many symbols a staff shall have."""
    if random.random() < _SYSTEM_SHARE:
        return random.randint(_INCIPIT_LONGEST - 9, LONGEST)
    while not (length := round(random.gauss(_INCIPIT_MEAN, _INCIPIT_SPREAD))) >= _INCIPIT_SHORTEST:
        pass
    return min(length, _INCIPIT_LONGEST)


def draw_composed(random: Random, *, plain: bool = False) -> Score:
    """A composed staff, see `compose`; the few that the vocabulary has no symbols for are drawn anew."""
    symbols = draw_length(random)
    while not is_encodable(score := compose(random, symbols=symbols, plain=plain)):
        pass
    return score


def draw_excerpt(collection: Path, random: Random, *, vary: bool = True) -> Score:
    """An excerpt of a tune of a collection, varied or as it is.

    Raises:
        DataError: The collection cannot be read, or its tunes give no excerpt.
    """
    tunes = _opened(collection)
    symbols = draw_length(random)
    for attempt in range(_ATTEMPTS if len(tunes) else 0):
        tune = tunes.draw(random)
        try:
            score = excerpt(tune, random, symbols=symbols, vary=vary)
        except NotationError as error:
            raise DataError(f"{collection}: {tune.source}: {error}") from error
        if score is None or not is_encodable(score):
            continue
        # Where tunes are short, or bars long, what there is will do in the end.
        if attempt > _ATTEMPTS / 2 or len(score_to_tokens(score)) >= _INCIPIT_SHORTEST:
            return score
    raise DataError(f"{collection}: no staff could be cut out of its {len(tunes)} tunes")


@lru_cache(maxsize=1)
def _opened(collection: Path) -> Collection:
    return Collection(collection)


def is_encodable(score: Score) -> bool:
    """Whether the vocabulary has all symbols of a staff, and no long rest shares its bar with music.

    Verovio would draw such a rest over the notes.
    """
    vocabulary = full_semantic()
    return not any(_is_crowded(measure) for part in score.parts for measure in part.measures) and all(
        token in vocabulary for token in score_to_tokens(score)
    )


def _is_crowded(measure: Measure) -> bool:
    timed = [event for event in measure.events if isinstance(event, Note | Rest | MultiRest | Tuplet)]
    return len(timed) > 1 and any(isinstance(event, MultiRest) for event in timed)


@dataclass(frozen=True)
class ScoreSource:
    """Where staves come from, in a form that worker processes can be given.

    Attributes:
        base: Draws one staff; importable by its name, or a `partial` of such a function.
        rare_share: The share of staves that rare symbols are put into; 0 leaves all as they are.
    """

    base: DrawScore = draw_composed
    rare_share: float = _RARE_SHARE

    def stream(self) -> "ScoreStream":
        """A fresh stream of staves, which has seen no symbol yet: one for each shard."""
        return ScoreStream(self)


@dataclass
class ScoreStream:
    """Staves one after the other; those that are kept decide which symbols the next ones need."""

    source: ScoreSource
    rarity: Rarity = field(default_factory=Rarity)

    def __call__(self, random: Random) -> Score:
        """The next staff."""
        rare = self.source.rare_share
        if not rare or random.random() >= rare:
            return self.source.base(random)
        for _ in range(_ATTEMPTS):
            score = self.source.base(random)
            if len(score_to_tokens(score)) > _LONGEST_ENRICHED:
                continue
            score = self.rarity.enriched(score, random)
            if is_encodable(score):
                break
        return score

    def keep(self, label: Sequence[str]) -> None:
        """Count the symbols of a staff that went into the shard."""
        self.rarity.count(label)
