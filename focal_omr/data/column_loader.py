"""Training batches of polyphonic staves: strips of six spaces, columns and where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from focal_omr.config import DataConfig
from focal_omr.data.batch_order import BatchOrder
from focal_omr.data.degrade.augment import degraded_placed_strip
from focal_omr.data.engraving.column_shards import StoredStaff
from focal_omr.data.loader import pad_strips
from focal_omr.data.serial_columns import serial_factors
from focal_omr.encodings.column_factors import FACTORS, WIDTH
from focal_omr.errors import ConfigError

__all__ = ["ColumnBatch", "ColumnBatches", "collate_columns", "value_counts"]

_NEIGHBOUR_RATE = 0.15  # many staves have the real neighbours of their system already
_COUNTED = 2000  # staves from which the frequency of values is estimated
_FRAME_PX, _STRIP_SHARE = 4, 0.8  # of a strip; strip pixels per pixel of a staff image


@dataclass(frozen=True)
class ColumnBatch:
    """One batch.

    Attributes:
        images: (B, 1, 128, W) ink from 0 to 1, padded with zeros on the right.
        widths: (B,) widths in pixels without padding.
        targets: (B, U, K) index of the value of each factor, -1 where it is not asked and in the padding.
        target_lengths: (B,) columns.
        xs: (B, U) places of the columns in pixels of the strip, NaN in the padding.
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    target_lengths: Tensor
    xs: Tensor


def collate_columns(
    strips: Sequence[NDArray[np.float32]],
    targets: Sequence[NDArray[np.int8]],
    xs: Sequence[NDArray[np.float64]],
) -> ColumnBatch:
    """Pad strips, their columns and their places to one batch.

    Args:
        strips: Of each staff (128, W_i).
        targets: Of each staff (U_i, K), as `column_shards.ColumnLabel.factors`.
        xs: Of each staff (U_i,), in pixels of the strip.
    """
    images, widths = pad_strips(strips)
    lengths = [len(target) for target in targets]
    columns = np.full((len(targets), max(1, *lengths), len(FACTORS)), -1, np.int8)
    places = np.full(columns.shape[:2], np.nan, np.float32)
    for row, (target, x) in enumerate(zip(targets, xs, strict=True)):
        columns[row, : len(target)] = target
        places[row, : len(x)] = x
    return ColumnBatch(
        images, widths, torch.from_numpy(columns), torch.tensor(lengths), torch.from_numpy(places)
    )


class ColumnBatches:
    """Map-style dataset of batches over polyphonic staves, which are read when a batch needs them.

    Args:
        staves: The staves.
        config: Batch size, curriculum and amount of degradation.
        seed: Seed of the run.
        serial: Whether the targets are the symbols of `data.serial_columns`, without places.
        rank: Under DDP, the rank of this process: it gets every `world_size`-th sample of each batch.
        world_size: Number of DDP processes.

    Raises:
        DataError: Fewer staves than a batch has.
        ConfigError: The batch size is not a multiple of `world_size`.
    """

    def __init__(
        self,
        staves: Sequence[StoredStaff],
        config: DataConfig,
        seed: int,
        *,
        serial: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if config.batch % world_size:
            raise ConfigError(f"data.batch {config.batch}: must be a multiple of the {world_size} processes")
        self._staves, self._config, self._seed, self._serial = staves, config, seed, serial
        self._rank, self._world_size = rank, world_size
        widths = np.array([staff.width for staff in staves])
        self._order = BatchOrder(widths, np.array([staff.count for staff in staves]), config, seed)

    def __getitem__(self, step: int) -> ColumnBatch:
        """Return the batch of a step, in any epoch."""
        members = self._order.members(step)
        samples = [
            self._sample(int(members[place]), np.random.default_rng((self._seed, step, place, 3)))
            for place in range(self._rank, len(members), self._world_size)
        ]
        strips, targets, xs = zip(*samples, strict=True)
        return collate_columns(strips, targets, xs)

    def _sample(
        self, index: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.float64]]:
        staff = self._staves[index]
        other = self._staves[int(rng.integers(len(self._staves)))]
        neighbour = other.gray() if rng.random() < _NEIGHBOUR_RATE else None
        strip = degraded_placed_strip(staff.gray(), rng, degrade=self._config.degrade, neighbour=neighbour)
        label = staff.label()
        if self._serial:
            symbols = serial_factors(label.factors)
            return strip.ink, symbols, np.full(len(symbols), np.nan)
        return strip.ink, label.factors, strip.place(label.xs.astype(np.float64))


def value_counts(staves: Sequence[StoredStaff]) -> Tensor:
    """Count how often each value of each factor is asked, in a few staves spread over all.

    Args:
        staves: The training set.

    Returns:
        (F,) counts of columns; that of the blank is an estimate of the frames without a column.
    """
    counts = np.zeros(WIDTH, np.int64)
    offsets = np.array([factor.offset for factor in FACTORS])
    for staff in staves[:: max(1, len(staves) // _COUNTED)]:
        factors = staff.label().factors
        places = (factors + offsets)[factors >= 0]
        np.add.at(counts, places, 1)
        counts[0] += max(0, round(staff.width * _STRIP_SHARE / _FRAME_PX) - len(factors))
    return torch.from_numpy(counts)
