"""Shards: tar files of engraved plates with their labels, made once and read at every epoch.

A shard `00007.tar` holds `<id>.png` and `<id>.semantic` for each of its plates. It is written under a
temporary name and renamed when it is whole, so that a reader never sees half a shard.
"""

import io
import logging
import multiprocessing
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.data.draw import Draw
from focal_omr.data.draw import DrawScore as DrawScore
from focal_omr.data.draw import draw_composed as draw_composed
from focal_omr.data.draw import draw_excerpt as draw_excerpt
from focal_omr.data.render import PLATE_SPACE_PX, Plate, engrave_plate
from focal_omr.errors import DataError, EngraveError
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.semantic import join_label, score_to_tokens, split_label
from focal_omr.notation.vocabulary import full_semantic

logger = logging.getLogger(__name__)

# The widest plate; the systems of a page have up to 120.
_WIDEST_SPACES = 130
_TIGHT = {"spacingLinear": 0.1, "spacingNonLinear": 0.45}


@dataclass(frozen=True)
class PlateRecord:
    """A plate as it lies in a shard: the encoded picture and its semantic label."""

    id: str
    png: bytes
    semantic: tuple[str, ...]

    def gray(self) -> NDArray[np.uint8]:
        """(140, W) the picture, ink 0 .. paper 255."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.png, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)


def write_shards(
    folder: Path, *, count: int, seed: int, draw: Draw | None = None, size: int = 500, workers: int = 2
) -> None:
    """Engrave plates into `count` shards of `size`; shards that are there already are kept.

    Args:
        folder: Where the shards go.
        count: Number of shards.
        seed: Shard k depends on (seed, k) alone, however many workers there are.
        draw: Where the staves come from; None composes them.
        size: Plates in a shard.
        workers: Processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not _shard_path(folder, seed, number).exists()]
    make = partial(_write_shard, folder, seed=seed, draw=draw or Draw(), size=size)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for done, number in enumerate(pool.imap_unordered(make, missing), 1):
            logger.info("shard %d written, %d of %d", number, done, len(missing))


def _shard_path(folder: Path, seed: int, number: int) -> Path:
    return folder / f"{seed:03d}-{number:05d}.tar"


def _write_shard(folder: Path, number: int, *, seed: int, draw: Draw, size: int) -> int:
    random = Random(f"{seed}/{number}")
    engraver, stream = Engraver(), draw.stream()
    path = _shard_path(folder, seed, number)
    partial_path = path.with_suffix(".partial")
    with tarfile.open(partial_path, "w") as tar:
        for index in range(size):
            plate = draw_plate(engraver, random, stream)
            label = score_to_tokens(plate.score)
            stream.keep(label)
            name = f"{path.stem}-{index:04d}"
            _add(tar, f"{name}.png", _encode(plate.gray))
            _add(tar, f"{name}.semantic", join_label(label).encode())
    partial_path.replace(path)
    return number


class _TightEngraver(Engraver):
    """Engraves as close as the systems of a page are, where a staff is too wide otherwise.

    A symbol takes 2.5 spaces so, and 3.5 with the spacing of incipits, which leaves hardly a long staff.
    """

    def set_options(self, **options: object) -> None:
        super().set_options(**options | _TIGHT)


def draw_plate(
    engraver: Engraver, random: Random, draw: DrawScore, *, space_px: int = PLATE_SPACE_PX
) -> Plate:
    """The next plate whose symbols are all in the vocabulary and which Verovio can draw."""
    vocabulary = full_semantic()
    for _ in range(1000):
        score = draw(random)
        if not all(token in vocabulary for token in score_to_tokens(score)):
            continue
        furniture = random.choice((0.0, 0.5, 1.0, 1.5))
        for tight in (False, True):
            try:
                plate = engrave_plate(
                    _TightEngraver() if tight else engraver,
                    random,
                    score,
                    furniture=furniture,
                    space_px=space_px,
                )
            except EngraveError as error:
                logger.warning("not engraved: %s", error)
                break
            if plate.gray.shape[1] <= _WIDEST_SPACES * space_px:
                return plate
    raise DataError("1000 scores in a row could not be engraved")


def _encode(gray: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", gray, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1])


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def read_shard(path: Path) -> Iterator[PlateRecord]:
    """The plates of a shard in their order.

    Raises:
        DataError: Not a shard, or a picture without a label; names the file.
    """
    try:
        with tarfile.open(path) as tar:
            data = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]  # files
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{path}: not a readable shard ({error})") from error
    for name, png in data.items():
        stem, _, suffix = name.rpartition(".")
        if suffix == "png":
            if (label := data.get(f"{stem}.semantic")) is None:
                raise DataError(f"{path}: {name} has no label {stem}.semantic")
            yield PlateRecord(stem, png, tuple(split_label(label.decode())))
