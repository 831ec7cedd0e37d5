"""Plates made in large numbers: scores drawn, engraved by several processes and kept in shards."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from random import Random

import cv2

from focal_omr.data.compose import compose
from focal_omr.data.render import PLATE_SPACE_PX, Plate, engrave_plate
from focal_omr.data.shards import PlateRecord, save_shard, shard_path
from focal_omr.data.tunes import Tune, excerpt, read_collection
from focal_omr.errors import DataError, EngraveError
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.score import Score
from focal_omr.notation.semantic import score_to_tokens
from focal_omr.notation.vocabulary import full_semantic

logger = logging.getLogger(__name__)

# The share of composed staves that are made around one symbol of the vocabulary, drawn evenly.
_FORCED_SHARE = 0.3

# The widest plate; the systems of a page have up to 120.
_WIDEST_SPACES = 130

DrawScore = Callable[[Random], Score]


def draw_composed(random: Random) -> Score:
    """A composed staff; some are made around a symbol so that none of the vocabulary is missing."""
    symbols = full_semantic().symbols
    must_have = random.choice(symbols) if random.random() < _FORCED_SHARE else None
    if must_have in ("tie", "accidental") or (must_have or "").startswith("tuplet"):
        must_have = None  # these come by themselves
    return compose(random, symbols=random.choice((12, 18, 24, 24, 30, 40)), must_have=must_have)


def draw_excerpt(collection: Path, random: Random) -> Score:
    """A varied excerpt of a tune of a collection.

    Raises:
        DataError: The collection cannot be read, or its tunes give no excerpt.
    """
    tunes = _tunes(collection)
    for _ in range(1000 if tunes else 0):
        symbols = random.choice((12, 18, 24, 24, 30, 40, 55))
        if (score := excerpt(random.choice(tunes), random, symbols=symbols)) is not None:
            return score
    raise DataError(f"{collection}: no staff could be cut out of its {len(tunes)} tunes")


@lru_cache(maxsize=1)
def _tunes(collection: Path) -> list[Tune]:
    return read_collection(collection)


def write_shards(
    folder: Path, *, count: int, seed: int, draw: DrawScore = draw_composed, size: int = 500, workers: int = 2
) -> None:
    """Engrave plates into `count` shards of `size`; shards that are there already are kept.

    Args:
        folder: Where the shards go.
        count: Number of shards.
        seed: Shard k depends on (seed, k) alone, however many workers there are.
        draw: Makes the scores; must be importable, since worker processes get it by name.
        size: Plates in a shard.
        workers: Processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [
        number
        for number in range(count)
        if not shard_path(folder, seed, number).with_suffix(".json").exists()
    ]
    make = partial(_write_shard, folder, seed=seed, draw=draw, size=size)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done, number in enumerate(pool.imap_unordered(make, missing), 1):
            logger.info("shard %d written, %d of %d", number, done, len(missing))


def _write_shard(folder: Path, number: int, *, seed: int, draw: DrawScore, size: int) -> int:
    path = shard_path(folder, seed, number)
    save_shard(path, _records(path.stem, Random(f"{seed}/{number}"), draw, size))
    return number


def _records(stem: str, random: Random, draw: DrawScore, size: int) -> Iterator[PlateRecord]:
    engraver = Engraver()
    for index in range(size):
        yield plate_record(f"{stem}-{index:04d}", draw_plate(engraver, random, draw))


def plate_record(name: str, plate: Plate) -> PlateRecord:
    """A plate as a shard keeps it."""
    png = bytes(cv2.imencode(".png", plate.gray, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])
    label = tuple(score_to_tokens(plate.score))
    return PlateRecord(name, png, label, plate.xs, plate.accidental_xs)


def draw_plate(
    engraver: Engraver,
    random: Random,
    draw: DrawScore,
    *,
    alone: bool = False,
    space_px: int = PLATE_SPACE_PX,
) -> Plate:
    """The next plate whose symbols the vocabulary has and which Verovio can draw; see `engrave_plate`."""
    vocabulary = full_semantic()
    for _ in range(1000):
        score = draw(random)
        if not all(token in vocabulary for token in score_to_tokens(score)):
            continue
        try:
            furniture = random.choice((0.0, 0.5, 1.0, 1.5))
            plate = engrave_plate(
                engraver, random, score, furniture=furniture, alone=alone, space_px=space_px
            )
        except EngraveError as error:
            logger.warning("not engraved: %s", error)
            continue
        if plate.gray.shape[1] <= _WIDEST_SPACES * space_px:
            return plate
    raise DataError("1000 scores in a row could not be engraved")
