"""Large sets of staff images: scores are drawn, engraved by worker processes and written to shards."""

import logging
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import cv2

from focal_omr.data.engraving.lilypond_staff_images import lilypond_staff_images
from focal_omr.data.engraving.render import StaffImage, engrave_staff
from focal_omr.data.engraving.shards import StaffRecord, save_shard, shard_path
from focal_omr.data.engraving.storage import check_is_local
from focal_omr.data.music.draw import DrawScore, ScoreSource, is_encodable
from focal_omr.data.staff_image import STAFF_IMAGE_SPACE_PX
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import DataError, EngraveError
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import make_writable, remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes

logger = logging.getLogger(__name__)

ENGRAVERS = ("verovio", "lilypond")
_MAX_WIDTH_SPACES = 130  # the systems of a page have up to 120
_LILYPOND_BATCH = 50  # staves per run of LilyPond, which takes a second to start
_MAX_EMPTY_BATCHES = 10
_MAX_DRAWS = 1000
_SHARD_LIMITS = ProcessLimits(1800.0, None)  # a shard of 500 staves takes about 10 s


def write_shards(
    folder: Path,
    *,
    count: int,
    seed: int,
    source: ScoreSource | None = None,
    size: int = 500,
    workers: int = 2,
    engraver: str = "verovio",
) -> None:
    """Engrave staff images into `count` shards of `size`; existing shards are kept.

    Args:
        folder: Output folder.
        count: Number of shards.
        seed: Shard k depends on (seed, k) alone, whatever the number of workers.
        source: Source of the scores; None composes them.
        size: Staff images per shard.
        workers: Number of worker processes.
        engraver: "verovio" or "lilypond".

    Raises:
        DataError: An unknown engraver, a URL as the folder, or shards that are missing because their worker
            process crashed or timed out.
        OutputError: The folder or a shard cannot be written, or another run is writing to the folder.
    """
    check_engraver(engraver)
    check_is_local(folder)
    make_writable(folder)
    with lock_folder(folder):
        remove_parts(folder)
        try:
            indexes = [shard_path(folder, seed, number).with_suffix(".json") for number in range(count)]
            missing = [number for number, index in enumerate(indexes) if not index.exists()]
            write = partial(
                _write_shard, folder, seed=seed, source=source or ScoreSource(), size=size, engraver=engraver
            )
            lost = []
            results = map_in_processes(write, missing, workers=workers, limits=_SHARD_LIMITS)
            for done, (number, result) in enumerate(results, 1):
                if isinstance(result, Lost):
                    lost.append(f"{number} ({result.reason})")
                else:
                    logger.info("shard %d written, %d of %d", number, done, len(missing))
        finally:
            remove_parts(folder)  # left by workers that were stopped when another one failed
    if lost:
        raise DataError(f"{folder}: {len(lost)} of {count} shards were not written: {', '.join(lost)}")


def _write_shard(
    folder: Path, number: int, *, seed: int, source: ScoreSource, size: int, engraver: str
) -> int:
    path = shard_path(folder, seed, number)
    stream = source.stream()

    def records() -> Iterator[StaffRecord]:
        images = engrave_staves(engraver, Random(f"{seed}/{number}"), stream)
        for index, image in enumerate(islice(images, size)):
            record = staff_record(f"{path.stem}-{index:04d}", image)
            stream.keep(record.semantic)
            yield record

    save_shard(path, records())
    return number


def check_engraver(name: str) -> None:
    """Check the name of an engraver.

    Raises:
        DataError: The engraver is unknown.
    """
    if name not in ENGRAVERS:
        raise DataError(f"unknown engraver {name!r}; known are {', '.join(ENGRAVERS)}")


def engrave_staves(
    engraver: str,
    random: Random,
    draw: DrawScore,
    *,
    alone: bool = False,
    space_px: int = STAFF_IMAGE_SPACE_PX,
) -> Iterator[StaffImage]:
    """Engrave an endless stream of drawn scores.

    With LilyPond, staves that it cannot engrave or that are too wide are skipped.

    Args:
        engraver: One of `ENGRAVERS`.
        random: Random generator.
        draw: Draws a score.
        alone: See `engrave_staff`. LilyPond draws no system context, so its staves always are.
        space_px: Staff space in pixels.

    Raises:
        DataError: Many draws in a row cannot be engraved.
    """
    if engraver == "verovio":
        toolkit = Engraver()
        while True:
            yield draw_staff_image(toolkit, random, draw, alone=alone, space_px=space_px)
    empty = 0
    while empty < _MAX_EMPTY_BATCHES:
        scores = [draw(random) for _ in range(_LILYPOND_BATCH)]
        distractors = random.choice((0.0, 0.5, 1.0))
        images = lilypond_staff_images(random, scores, distractors=distractors, space_px=space_px)
        usable = [i for i in images if i and i.gray.shape[1] <= _MAX_WIDTH_SPACES * space_px]
        empty = 0 if usable else empty + 1
        yield from usable
    raise DataError(f"{_MAX_EMPTY_BATCHES * _LILYPOND_BATCH} scores in a row could not be engraved")


def staff_record(name: str, image: StaffImage) -> StaffRecord:
    """Encode a staff image for a shard."""
    png = bytes(cv2.imencode(".png", image.gray, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])
    label = tuple(score_to_tokens(image.score))
    return StaffRecord(name, png, label, image.xs, image.accidental_xs)


def draw_staff_image(
    engraver: Engraver,
    random: Random,
    draw: DrawScore,
    *,
    alone: bool = False,
    space_px: int = STAFF_IMAGE_SPACE_PX,
) -> StaffImage:
    """Engrave the next score that the vocabulary can encode and that Verovio can draw.

    Args:
        engraver: Verovio; its options are changed.
        random: Random generator.
        draw: Draws a score.
        alone: See `engrave_staff`.
        space_px: Staff space in pixels.

    Raises:
        DataError: 1000 scores in a row cannot be engraved.
    """
    for _ in range(_MAX_DRAWS):
        score = draw(random)
        if not is_encodable(score):
            continue
        distractors = random.choice((0.0, 0.5, 1.0, 1.5))
        try:
            return engrave_staff(
                engraver,
                random,
                score,
                distractors=distractors,
                alone=alone,
                max_width_spaces=_MAX_WIDTH_SPACES,
                space_px=space_px,
            )
        except EngraveError as error:
            logger.debug("not engraved: %s", error)
    raise DataError(f"{_MAX_DRAWS} scores in a row could not be engraved")
