"""Plates made in large numbers: scores drawn, engraved by several processes and kept in shards."""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import cv2

from focal_omr.data.engraving.lilypond_plates import lilypond_plates
from focal_omr.data.engraving.render import PLATE_SPACE_PX, Plate, engrave_plate
from focal_omr.data.engraving.shards import PlateRecord, save_shard, shard_path
from focal_omr.data.engraving.storage import check_folder
from focal_omr.data.music.draw import Draw, DrawScore, Stream, is_spelled
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import DataError, EngraveError
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import make_writable, remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes

logger = logging.getLogger(__name__)

# The widest plate; the systems of a page have up to 120.
_WIDEST_SPACES = 130
_RUN = 50  # staves in one run of LilyPond, which takes a second to start
_EMPTY_RUNS = 10
ENGRAVERS = ("verovio", "lilypond")
_SHARD_LIMITS = ProcessLimits(1800.0, None)  # a shard of 500 staves takes about 10 s


def write_shards(
    folder: Path,
    *,
    count: int,
    seed: int,
    draw: Draw | None = None,
    size: int = 500,
    workers: int = 2,
    engraver: str = "verovio",
) -> None:
    """Engrave plates into `count` shards of `size`; shards that are there already are kept.

    Args:
        folder: Where the shards go.
        count: Number of shards.
        seed: Shard k depends on (seed, k) alone, however many workers there are.
        draw: Where the staves come from; None composes them.
        size: Plates in a shard.
        workers: Processes.
        engraver: "verovio" or "lilypond".

    Raises:
        DataError: Another engraver, a URL for a folder, or some shards were not made, since Verovio ended
            their processes.
        OutputError: The folder or a shard cannot be written, or another run is at work in the folder.
    """
    check_engraver(engraver)
    check_folder(folder)
    make_writable(folder)
    with lock_folder(folder):
        remove_parts(folder)
        try:
            _make_missing(folder, count, seed, draw or Draw(), size, workers, engraver)
        finally:
            remove_parts(folder)  # of workers that were ended as another one failed


def _make_missing(
    folder: Path, count: int, seed: int, draw: Draw, size: int, workers: int, engraver: str
) -> None:
    indexes = [shard_path(folder, seed, number).with_suffix(".json") for number in range(count)]
    missing = [number for number, index in enumerate(indexes) if not index.exists()]
    make = partial(_write_shard, folder, seed=seed, draw=draw, size=size, engraver=engraver)
    lost = []
    made = map_in_processes(make, missing, workers=workers, limits=_SHARD_LIMITS)
    for done, (number, result) in enumerate(made, 1):
        if isinstance(result, Lost):
            lost.append(f"{number} ({result.reason})")
        else:
            logger.info("shard %d written, %d of %d", number, done, len(missing))
    if lost:
        raise DataError(f"{folder}: {len(lost)} of {count} shards were not made: {', '.join(lost)}")


def _write_shard(folder: Path, number: int, *, seed: int, draw: Draw, size: int, engraver: str) -> int:
    path = shard_path(folder, seed, number)
    stream, random = draw.stream(), Random(f"{seed}/{number}")
    plates = engraved(engraver, random, stream)
    save_shard(path, _records(path.stem, stream, islice(plates, size)))
    return number


def _records(stem: str, stream: Stream, plates: Iterable[Plate]) -> Iterator[PlateRecord]:
    for index, plate in enumerate(plates):
        record = plate_record(f"{stem}-{index:04d}", plate)
        stream.keep(record.semantic)
        yield record


def check_engraver(name: str) -> None:
    """Raise DataError for an engraver that there is not."""
    if name not in ENGRAVERS:
        raise DataError(f"engraver {name!r}; known are {', '.join(ENGRAVERS)}")


def engraved(
    engraver: str, random: Random, draw: DrawScore, *, alone: bool = False, space_px: int = PLATE_SPACE_PX
) -> Iterator[Plate]:
    """Plates of what is drawn, without end, by one of `ENGRAVERS`; see `engrave_plate`.

    LilyPond draws nothing beside a staff, so for it all are alone.

    Raises:
        DataError: Nothing of what was drawn could be engraved.
    """
    if engraver == "lilypond":
        yield from _by_lilypond(random, draw, space_px)
    toolkit = Engraver()
    while True:
        yield draw_plate(toolkit, random, draw, alone=alone, space_px=space_px)


def _by_lilypond(random: Random, draw: DrawScore, space_px: int) -> Iterator[Plate]:
    """Staves that LilyPond is not given or that are too wide are left out."""
    empty = 0
    while empty < _EMPTY_RUNS:
        scores = [draw(random) for _ in range(_RUN)]
        furniture = random.choice((0.0, 0.5, 1.0))
        drawn = lilypond_plates(random, scores, furniture=furniture, space_px=space_px)
        kept = [p for p in drawn if p and p.gray.shape[1] <= _WIDEST_SPACES * space_px]
        empty = 0 if kept else empty + 1
        yield from kept
    raise DataError(f"{_EMPTY_RUNS * _RUN} scores in a row could not be engraved")


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
    for _ in range(1000):
        score = draw(random)
        if not is_spelled(score):
            continue
        furniture = random.choice((0.0, 0.5, 1.0, 1.5))
        try:
            return engrave_plate(
                engraver,
                random,
                score,
                furniture=furniture,
                alone=alone,
                widest_spaces=_WIDEST_SPACES,
                space_px=space_px,
            )
        except EngraveError as error:
            logger.debug("not engraved: %s", error)
    raise DataError("1000 scores in a row could not be engraved")
