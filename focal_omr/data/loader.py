"""Batches for training: batch k of a run is a function of the plates, the seed and k, and of nothing else.

So a resumed run goes on bit for bit with no state to keep, and one batch can be looked at alone.
"""

import logging
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from focal_omr.config import DataConfig
from focal_omr.data.degrade.augment import degraded_strip
from focal_omr.data.degrade.masks import masked
from focal_omr.data.engraving.render import tight_crop
from focal_omr.data.engraving.shards import AnyPlate, StoredPlate, shard_index
from focal_omr.data.engraving.storage import files_in, place_of
from focal_omr.encodings.codec import Codec
from focal_omr.errors import ConfigError, DataError, NotationError
from focal_omr.staff.strip import plain_picture

logger = logging.getLogger(__name__)

# Batches sorted by width among this many, so that a batch holds staves of about one width.
_SORTED_BATCHES = 40
# Batches are padded to multiples of this: oneDNN compiles its kernels anew for every shape it meets, which
# cost more than half of the time of a step before.
_WIDTH_STEP_PX = 64
_ASKED_AT_ONCE = 16  # indices of shards behind a URL
_SHORTEST_CURRICULUM = 12  # symbols of the longest staves at step 0


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        images: (B, 1, H, W) ink, zero beyond each one's own width.
        widths: (B,) own widths in pixels.
        targets: (sum of target lengths,) class numbers, one sample after the other.
        target_lengths: (B,).
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    target_lengths: Tensor


def collate(strips: Sequence[NDArray[np.float32]], targets: Sequence[Sequence[int]]) -> Batch:
    """Put strips of one height and different widths into one batch."""
    widths = [strip.shape[1] for strip in strips]
    padded = -(-max(widths) // _WIDTH_STEP_PX) * _WIDTH_STEP_PX
    images = np.zeros((len(strips), 1, strips[0].shape[0], padded), np.float32)
    for row, strip in enumerate(strips):
        images[row, 0, :, : strip.shape[1]] = strip
    return Batch(
        torch.from_numpy(images),
        torch.tensor(widths),
        torch.tensor([number for target in targets for number in target]),
        torch.tensor([len(target) for target in targets]),
    )


def all_plates(folders: Sequence[str], *, cache: str = "") -> list[StoredPlate]:
    """The plates of all shards in some folders. Raises DataError for a folder without shards."""
    return list_plates(folders, held_out=0, cache=cache)[0]


def list_plates(
    folders: Sequence[str], *, held_out: int, cache: str = ""
) -> tuple[list[StoredPlate], list[StoredPlate]]:
    """The plates of the shards in some folders: those to train on, and those of the held-out shards.

    Args:
        folders: Folders of shards, or URLs of such, see `data.engraving.storage`.
        held_out: How many shards of each folder, the first ones, are kept for validation.
        cache: Folder to keep the shards of URLs in; "": each plate is asked for when it is needed.

    Raises:
        DataError: A folder without shards, or one that cannot be reached.
    """
    train: list[StoredPlate] = []
    validation: list[StoredPlate] = []
    for folder in folders:
        place = place_of(folder, cache=Path(cache) if cache else None)
        shards = files_in(place, ".tar")
        if len(shards) <= held_out:
            raise DataError(f"{folder}: {len(shards)} shards; needed are more than the {held_out} held out")
        # Indices are asked for side by side: behind a URL each takes a journey or two.
        with ThreadPoolExecutor(1 if isinstance(place, Path) else _ASKED_AT_ONCE) as pool:
            for number, plates in enumerate(pool.map(shard_index, shards)):
                (validation if number < held_out else train).extend(plates)
    return train, validation


class PlateBatches:
    """Batch number -> Batch, over plates that are read when a batch needs them.

    Plates come as degraded strips, or (`plain`) as plain pictures of height 128 for the `paper` preset. Those
    whose labels the codec cannot spell are logged and left out. With two `views` a batch holds each staff
    twice, first all of them and then all again, with other parts of each hidden. Under DDP,
    rank `rank` of `world_size` gets every `world_size`-th sample of each batch.

    Raises:
        DataError: Fewer plates than a batch has.
        ConfigError: A batch cannot be parted evenly.
    """

    def __init__(
        self,
        plates: Sequence[AnyPlate],
        codec: Codec,
        config: DataConfig,
        seed: int,
        *,
        plain: bool = False,
        views: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if config.batch % world_size:
            raise ConfigError(f"data.batch {config.batch}: must be a multiple of the {world_size} processes")
        self._config, self._seed, self._plain, self._views = config, seed, plain, views
        self._rank, self._world_size = rank, world_size
        self._plates, self._targets = _encoded(plates, codec)
        if len(self._plates) < config.batch:
            raise DataError(
                f"{len(self._plates)} plates to train on; needed is a batch of {config.batch} or more"
            )
        self._widths = np.array([plate.width for plate in self._plates])
        self._lengths = np.array([len(target) for target in self._targets])
        self._by_width = np.argsort(self._widths, kind="stable")
        self._epoch: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    @property
    def per_epoch(self) -> int:
        """Whole batches in a pass over the plates."""
        return len(self._plates) // self._config.batch

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.per_epoch)
        members = self._order(epoch)[place]
        if step < self._config.curriculum:
            members = self._short_ones(step)
        # Each place in the batch draws for itself, so that a share of a batch is what it is in the whole.
        places = range(self._rank, len(members), self._world_size)
        rngs = [np.random.default_rng((self._seed, step, place, 3)) for place in places]
        own = [int(members[place]) for place in places]
        strips = [self._strip(index, rng) for index, rng in zip(own, rngs, strict=True)]
        if self._views > 1:
            strips = [masked(*each) for _ in range(self._views) for each in zip(strips, rngs, strict=True)]
        return collate(strips, [self._targets[index] for index in own] * self._views)

    def class_counts(self, classes: int) -> list[int]:
        """How often each of so many classes occurs in the targets."""
        counts = Counter(number for target in self._targets for number in target)
        return [counts[number] for number in range(classes)]

    def _strip(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        if self._plain:
            return plain_picture(tight_crop(self._plates[index].gray()))
        neighbour = self._plates[int(rng.integers(len(self._plates)))]
        beside = neighbour.gray() if rng.random() < 0.3 else None
        return degraded_strip(self._plates[index].gray(), rng, degrade=self._config.degrade, neighbour=beside)

    def _order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The batches of an epoch; the last epoch asked for is kept."""
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._epoch_order(epoch))
        return self._epoch[1]

    def _epoch_order(self, epoch: int) -> list[NDArray[np.int64]]:
        """The epoch's batches: shuffled plates, sorted by width within groups, the batches shuffled again."""
        rng = np.random.default_rng((self._seed, epoch, 1))
        order = rng.permutation(len(self._plates))[: self.per_epoch * self._config.batch]
        group = _SORTED_BATCHES * self._config.batch
        groups = [order[start : start + group] for start in range(0, len(order), group)]
        in_width = np.concatenate([part[np.argsort(self._widths[part], kind="stable")] for part in groups])
        batches = in_width.reshape(-1, self._config.batch)
        return list(batches[rng.permutation(len(batches))])

    def _short_ones(self, step: int) -> NDArray[np.int64]:
        """Staves of few symbols and about one width; the limit grows over the curriculum."""
        limit = _SHORTEST_CURRICULUM + 30 * step // max(1, self._config.curriculum)
        fitting = self._by_width[self._lengths[self._by_width] <= limit]
        if len(fitting) < self._config.batch:
            fitting = self._by_width
        rng = np.random.default_rng((self._seed, step, 2))
        start = int(rng.integers(len(fitting) - self._config.batch + 1))
        return fitting[start : start + self._config.batch]


def load_batches(batches: PlateBatches, steps: range, *, workers: int = 0) -> Iterator[Batch]:
    """The batches of these steps in their order, made ahead by worker processes.

    Args:
        batches: What makes them.
        steps: Their numbers.
        workers: Processes; 0 makes each batch when it is asked for. The batches do not depend on it.

    Raises:
        DataError: A plate cannot be read, or one of the processes ended.
    """
    generator = torch.Generator()  # a seed for workers is drawn from it, else from the one that training uses
    loader: Iterable[Batch] = DataLoader(
        batches,  # type: ignore[arg-type]  # it has what a map-style dataset needs
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        generator=generator,
        worker_init_fn=_one_thread,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
    )
    try:
        yield from loader
    except DataError as error:  # torch puts the traceback of the process before it
        raise DataError(str(error.args[0]).rpartition("DataError: ")[2].strip()) from error
    except (RuntimeError, OSError, EOFError) as error:  # the latter two where it was sending a batch
        if not workers or (isinstance(error, RuntimeError) and "DataLoader worker (pid" not in str(error)):
            raise
        raise DataError(f"one of the {workers} processes that make batches ended, or was ended") from error


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)  # as torch does for itself in a worker


def _encoded(plates: Sequence[AnyPlate], codec: Codec) -> tuple[list[AnyPlate], list[Sequence[int]]]:
    """The plates whose labels the codec can spell, and their targets; the others are logged and left out.

    Of a plate what makes its picture is kept: each process of the loader has a copy of all of them, 0.7 kB a
    plate instead of 4.7.
    """
    kept: list[AnyPlate] = []
    targets: list[Sequence[int]] = []
    for plate in plates:
        try:
            targets.append(array("i", codec.encode(plate.semantic)))
        except NotationError as error:
            logger.info("left out %s: %s", plate.id, error)
            continue
        kept.append(replace(plate, semantic=(), xs=(), accidental_xs=()))
    return kept, targets
