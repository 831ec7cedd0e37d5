"""Order of the samples in training: those of a batch are a function of the seed and the step."""

import numpy as np
from numpy.typing import NDArray

from focal_omr.config import DataConfig
from focal_omr.errors import DataError

__all__ = ["BatchOrder"]

# Samples are sorted by width within groups of this many batches, so that a batch needs little padding.
_SORTED_BATCHES = 40
_CURRICULUM_MIN_SYMBOLS = 12  # of the longest staves at step 0


class BatchOrder:
    """The samples of each batch.

    Args:
        widths: Of the samples' images, (N,).
        lengths: Of their targets, (N,).
        config: Batch size and curriculum.
        seed: Seed of the run.

    Raises:
        DataError: Fewer samples than a batch has.
    """

    def __init__(
        self, widths: NDArray[np.int64], lengths: NDArray[np.int64], config: DataConfig, seed: int
    ) -> None:
        if len(widths) < config.batch:
            raise DataError(
                f"{len(widths)} staves to train on; at least one batch of {config.batch} is needed"
            )
        self._widths, self._lengths, self._config, self._seed = widths, lengths, config, seed
        self._by_width = np.argsort(widths, kind="stable")
        self._epoch: tuple[int, list[NDArray[np.int64]]] = (-1, [])

    @property
    def batches_per_epoch(self) -> int:
        """Number of full batches in an epoch."""
        return len(self._widths) // self._config.batch

    def members(self, step: int) -> NDArray[np.int64]:
        """The samples of the batch of a step, in any epoch, (B,)."""
        if step < self._config.curriculum:
            return self._short_staves(step)
        epoch, index = divmod(step, self.batches_per_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._shuffled(epoch))
        return self._epoch[1][index]

    def _shuffled(self, epoch: int) -> list[NDArray[np.int64]]:
        """Shuffle the samples of an epoch, sort them by width within groups, and shuffle the batches."""
        rng = np.random.default_rng((self._seed, epoch, 1))
        order = rng.permutation(len(self._widths))[: self.batches_per_epoch * self._config.batch]
        size = _SORTED_BATCHES * self._config.batch
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        by_width = [group[np.argsort(self._widths[group], kind="stable")] for group in groups]
        batches = np.concatenate(by_width).reshape(-1, self._config.batch)
        return list(batches[rng.permutation(len(batches))])

    def _short_staves(self, step: int) -> NDArray[np.int64]:
        """Return a curriculum batch: similar widths and few symbols; the limit grows with the step."""
        limit = _CURRICULUM_MIN_SYMBOLS + 30 * step // max(1, self._config.curriculum)
        short = self._by_width[self._lengths[self._by_width] <= limit]
        if len(short) < self._config.batch:
            short = self._by_width
        rng = np.random.default_rng((self._seed, step, 2))
        start = int(rng.integers(len(short) - self._config.batch + 1))
        return short[start : start + self._config.batch]
