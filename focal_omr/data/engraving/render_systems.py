"""Large sets of polyphonic staves: scores are drawn, engraved by worker processes and written to shards."""

import logging
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count as count_from
from itertools import islice
from pathlib import Path
from random import Random

import cv2

from focal_omr.data.engraving.column_shards import StaffRecord, save_column_shard
from focal_omr.data.engraving.lilypond_staves import lilypond_systems
from focal_omr.data.engraving.musescore_staves import musescore_systems
from focal_omr.data.engraving.shards import shard_path
from focal_omr.data.engraving.storage import check_is_local
from focal_omr.data.engraving.system_staves import EngravedStaff, engrave_system
from focal_omr.data.music.score_stream import Drawn, MusicSource
from focal_omr.encodings.column_factors import column_factors
from focal_omr.errors import DataError, EngraveError, NotationError, OmrError
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import make_writable, remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes

__all__ = ["SYSTEM_ENGRAVERS", "staff_records", "write_column_shards"]

logger = logging.getLogger(__name__)

SYSTEM_ENGRAVERS = ("verovio", "musescore", "lilypond")
_BATCH = 40  # systems per run of MuseScore or LilyPond, which take seconds to start
_MAX_REFUSED = 1000
_SHARD_LIMITS = ProcessLimits(1800.0, None)  # a shard of 500 staves takes 30 s


def staff_records(
    random: Random, stream: Iterable[Drawn], name: str, *, engraver: str = "verovio"
) -> Iterator[StaffRecord]:
    """Engrave an endless stream of scores; what is drawn otherwise than the label says is left out.

    Args:
        random: Draws the engraving.
        stream: The scores.
        name: With which the ids of the staves begin.
        engraver: One of `SYSTEM_ENGRAVERS`.

    Raises:
        DataError: 1000 scores in a row cannot be engraved.
        EngraveError: MuseScore or LilyPond is not installed, or hangs.
    """
    refused = 0
    numbers = count_from()
    for drawn, staves in _engraved(random, stream, engraver):
        if isinstance(staves, OmrError):
            logger.debug("not engraved: %s", staves)
            refused += 1
            if refused == _MAX_REFUSED:
                raise DataError(f"{refused} scores in a row could not be engraved: {staves}") from staves
            continue
        refused = 0
        system = f"{name}-{next(numbers):04d}"
        for staff in staves:
            png = bytes(cv2.imencode(".png", staff.gray, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])
            yield StaffRecord(
                f"{system}-{staff.staff + 1}",
                system,
                staff.staff,
                drawn.texture,
                drawn.source,
                png,
                staff.columns,
                staff.xs,
                staff.elements,
                staff.score,
            )


def _engraved(
    random: Random, stream: Iterable[Drawn], engraver: str
) -> Iterator[tuple[Drawn, list[EngravedStaff] | OmrError]]:
    """Each score with its staves, or why they cannot be used."""
    if engraver != "verovio":
        engrave = musescore_systems if engraver == "musescore" else lilypond_systems
        scores = iter(stream)
        while batch := list(islice(scores, _BATCH)):
            results = engrave(random, [drawn.score for drawn in batch])
            yield from ((drawn, _checked(staves)) for drawn, staves in zip(batch, results, strict=True))
        return
    toolkit = Engraver()
    for drawn in stream:
        try:
            yield drawn, _checked(engrave_system(toolkit, random, drawn.score))
        except EngraveError as error:
            yield drawn, error


def _checked(staves: list[EngravedStaff] | EngraveError) -> list[EngravedStaff] | OmrError:
    """The staves if the table of factors can say their columns."""
    try:
        for staff in staves if isinstance(staves, list) else ():
            for column in staff.columns:
                column_factors(column)
    except NotationError as error:
        return error
    return staves


def write_column_shards(
    folder: Path,
    *,
    count: int,
    seed: int,
    source: MusicSource,
    size: int = 500,
    workers: int = 2,
    engraver: str = "verovio",
) -> None:
    """Engrave polyphonic staves into `count` shards of at least `size`; existing shards are kept.

    Args:
        folder: Output folder.
        count: Number of shards.
        seed: Shard k depends on (seed, k) and the source alone, whatever the number of workers.
        source: Of the scores.
        size: Staves per shard; the last system is completed.
        workers: Number of worker processes.
        engraver: One of `SYSTEM_ENGRAVERS`.

    Raises:
        DataError: An unknown engraver, a URL as the folder, or shards that are missing because their worker
            process crashed or timed out.
        OutputError: The folder or a shard cannot be written, or another run is writing to the folder.
    """
    if engraver not in SYSTEM_ENGRAVERS:
        raise DataError(f"unknown engraver {engraver!r}; known are {', '.join(SYSTEM_ENGRAVERS)}")
    check_is_local(folder)
    make_writable(folder)
    with lock_folder(folder):
        remove_parts(folder)
        try:
            indexes = [shard_path(folder, seed, number).with_suffix(".json") for number in range(count)]
            missing = [number for number, index in enumerate(indexes) if not index.exists()]
            write = partial(_write_shard, folder, seed=seed, source=source, size=size, engraver=engraver)
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
    folder: Path, number: int, *, seed: int, source: MusicSource, size: int, engraver: str
) -> int:
    path = shard_path(folder, seed, number)

    def records() -> Iterator[StaffRecord]:
        written, last = 0, ""
        random, stream = Random(f"{seed}/{number}"), source.stream(f"{seed}/{number}")
        for record in staff_records(random, stream, path.stem, engraver=engraver):
            if written >= size and record.system != last:
                return
            yield record
            written, last = written + 1, record.system

    save_column_shard(path, records())
    return number
