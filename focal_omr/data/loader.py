"""Training batches: batch k of a run is a pure function of the staff images, the seed and k.

A resumed run therefore continues bit for bit without saved loader state, and any batch can be inspected.
"""

import logging
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from focal_omr.config import DataConfig
from focal_omr.data.batch_order import BatchOrder
from focal_omr.data.degrade.augment import degraded_strip
from focal_omr.data.degrade.masks import masked
from focal_omr.data.engraving.shards import AnyStaff, StoredStaff, shard_index
from focal_omr.data.engraving.storage import parse_location
from focal_omr.data.staff_image import tight_crop
from focal_omr.encodings.codec import Codec
from focal_omr.errors import ConfigError, DataError, NotationError
from focal_omr.staff.strip import plain_image

logger = logging.getLogger(__name__)

# Batches are padded to multiples of this: oneDNN compiles its kernels anew for every shape it meets, which
# took more than half of the time of a step before.
_WIDTH_STEP_PX = 64
_CONCURRENT_REQUESTS = 16  # for indices behind a URL, which take a round trip or two each
_NEIGHBOUR_RATE = 0.3
B = TypeVar("B", covariant=True)
S = TypeVar("S")


class Batches(Protocol[B]):
    """A map-style dataset of the batches of all steps."""

    def __getitem__(self, step: int) -> B:
        """Return the batch of a step."""


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        images: (B, 1, H, W) ink from 0 to 1, padded with zeros on the right.
        widths: (B,) widths in pixels without padding.
        targets: (sum of target lengths,) class ids, concatenated.
        target_lengths: (B,).
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    target_lengths: Tensor


def collate(strips: Sequence[NDArray[np.float32]], targets: Sequence[Sequence[int]]) -> Batch:
    """Pad strips (H, W_i) of one height and concatenate their targets."""
    return Batch(
        *pad_strips(strips),
        torch.tensor([class_id for target in targets for class_id in target]),
        torch.tensor([len(target) for target in targets]),
    )


def pad_strips(strips: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Pad strips (H, W_i) of one height: images (B, 1, H, W) and widths (B,) without padding."""
    widths = [strip.shape[1] for strip in strips]
    padded = -(-max(widths) // _WIDTH_STEP_PX) * _WIDTH_STEP_PX
    images = np.zeros((len(strips), 1, strips[0].shape[0], padded), np.float32)
    for row, strip in enumerate(strips):
        images[row, 0, :, : strip.shape[1]] = strip
    return torch.from_numpy(images), torch.tensor(widths)


def all_staves(folders: Sequence[str], *, cache: str = "") -> list[StoredStaff]:
    """List the staff images of all shards in some folders. Raises DataError for a folder without shards."""
    return list_staves(folders, held_out=0, cache=cache)[0]


def list_staves(
    folders: Sequence[str],
    *,
    held_out: int,
    cache: str = "",
    index: Callable[[Any], list[S]] = shard_index,  # type: ignore[assignment]
) -> tuple[list[S], list[S]]:
    """List the staff images of the shards in some folders, as training and validation sets.

    Args:
        folders: Folders of shards, or URLs of such folders, see `data.engraving.storage`.
        held_out: Number of shards of each folder, the first ones, that are held out for validation.
        cache: Local folder that caches shards behind URLs; "" requests each image when it is needed.
        index: Lists the staves of a shard.

    Raises:
        DataError: A folder has too few shards or cannot be reached.
    """
    train: list[S] = []
    validation: list[S] = []
    for folder in folders:
        location = parse_location(folder, cache=Path(cache) if cache else None)
        shards = sorted(location.glob("*.tar"), key=lambda path: path.name)
        if not shards:
            make = "make them with `focal-omr data shards`, as the head of configs/default.toml shows"
            raise DataError(f"{folder}: no shards; {make}")
        if len(shards) <= held_out:
            raise DataError(
                f"{folder}: {len(shards)} shards, of which {held_out} are held out for validation; "
                "make more with `focal-omr data shards`, or hold out fewer"
            )
        with ThreadPoolExecutor(1 if isinstance(location, Path) else _CONCURRENT_REQUESTS) as pool:
            for number, staves in enumerate(pool.map(index, shards)):
                (validation if number < held_out else train).extend(staves)
    return train, validation


class StaffBatches:
    """Map-style dataset of batches over staff images, which are read when a batch needs them.

    Args:
        staves: The staff images; those whose labels the codec cannot encode are logged and skipped.
        codec: Encodes the labels.
        config: Batch size, curriculum and amount of degradation.
        seed: Seed of the run.
        plain: Yield undegraded images of height 128, for the `paper` preset, instead of degraded strips.
        views: With 2, a batch holds the whole batch, then a second view of it with different masks.
        rank: Under DDP, the rank of this process: it gets every `world_size`-th sample of each batch.
        world_size: Number of DDP processes.

    Raises:
        DataError: Fewer staff images than a batch has.
        ConfigError: The batch size is not a multiple of `world_size`.
    """

    def __init__(
        self,
        staves: Sequence[AnyStaff],
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
        self._staves: list[AnyStaff] = []
        self._targets: list[Sequence[int]] = []
        for staff in staves:
            try:
                self._targets.append(array("i", codec.encode(staff.semantic)))
            except NotationError as error:
                logger.info("skipped %s: %s", staff.id, error)
                continue
            # Every loader process has a copy of the list: without labels 0.7 kB a staff instead of 4.7.
            self._staves.append(replace(staff, semantic=(), xs=(), accidental_xs=()))
        widths = np.array([staff.width for staff in self._staves])
        self._order = BatchOrder(widths, np.array([len(each) for each in self._targets]), config, seed)

    @property
    def batches_per_epoch(self) -> int:
        """Number of full batches in an epoch."""
        return self._order.batches_per_epoch

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step, in any epoch."""
        members = self._order.members(step)
        # One generator per place in the batch, so that a rank draws for its samples what one process would.
        places = range(self._rank, len(members), self._world_size)
        rngs = [np.random.default_rng((self._seed, step, place, 3)) for place in places]
        local = [int(members[place]) for place in places]
        strips = [self._strip(index, rng) for index, rng in zip(local, rngs, strict=True)]
        if self._views > 1:
            strips = [masked(*each) for _ in range(self._views) for each in zip(strips, rngs, strict=True)]
        return collate(strips, [self._targets[index] for index in local] * self._views)

    def class_counts(self, classes: int) -> list[int]:
        """Count the occurrences of each class id below `classes` in the targets."""
        counts = Counter(class_id for target in self._targets for class_id in target)
        return [counts[class_id] for class_id in range(classes)]

    def _strip(self, index: int, rng: np.random.Generator) -> NDArray[np.float32]:
        if self._plain:
            return plain_image(tight_crop(self._staves[index].gray()))
        other = self._staves[int(rng.integers(len(self._staves)))]
        neighbour = other.gray() if rng.random() < _NEIGHBOUR_RATE else None
        gray = self._staves[index].gray()
        return degraded_strip(gray, rng, degrade=self._config.degrade, neighbour=neighbour)


def load_batches(batches: Batches[B], steps: range, *, workers: int = 0) -> Iterator[B]:
    """Load the batches of some steps in order, prefetched by worker processes.

    Args:
        batches: The dataset.
        steps: Step numbers.
        workers: Number of worker processes; 0 loads in this process. The batches are the same.

    Raises:
        DataError: A staff image cannot be read, or a worker died.
    """
    generator = torch.Generator()  # for the workers' seed, which would be drawn from the training's generator
    loader: Iterable[B] = DataLoader(
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
    except DataError as error:  # torch prepends the worker's traceback
        raise DataError(str(error.args[0]).rpartition("DataError: ")[2].strip()) from error
    except (RuntimeError, OSError, EOFError) as error:  # the last two from a worker that was sending a batch
        if not workers or (isinstance(error, RuntimeError) and "DataLoader worker (pid" not in str(error)):
            raise
        raise DataError(f"one of the {workers} data loader workers died or was killed") from error


def _one_thread(_: int) -> None:
    cv2.setNumThreads(0)  # as torch does for itself in a worker
