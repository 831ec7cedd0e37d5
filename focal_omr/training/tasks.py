"""Training tasks: one class per symbol of one voice, or the factors of columns.

A task loads its data, computes the loss of a batch and validates; the rest of a training is the same for all.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from focal_omr.config import LossConfig, TrainConfig
from focal_omr.data.column_loader import ColumnBatch, ColumnBatches, value_counts
from focal_omr.data.engraving.column_shards import column_shard_index
from focal_omr.data.engraving.shards import shard_index
from focal_omr.data.loader import Batch, StaffBatches, list_staves, load_batches
from focal_omr.data.serial_columns import SERIAL_OFFSETS, serial_vocabulary
from focal_omr.encodings.codec import Codec, full_codec, seen_codec
from focal_omr.encodings.column_factors import OFFSETS
from focal_omr.encodings.vocabulary import BLANK
from focal_omr.loss import (
    alignment_guide,
    class_balanced_weights,
    column_ctc_loss,
    column_focal_ctc_loss,
    consistency_loss,
    factor_focal_ctc_loss,
    factor_weights,
    focal_ctc_loss,
    length_focal_ctc_loss,
    symbol_focal_ctc_loss,
)
from focal_omr.model import ColumnNetwork, frame_px
from focal_omr.training.column_validation import validate_columns
from focal_omr.training.validation import validate

__all__ = ["ColumnTask", "SymbolTask", "Task", "make_loss", "make_task"]

_MAX_HELD_OUT = 200  # validation samples taken from held-out shards

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


class Task(Protocol):
    """A task with its data.

    Attributes:
        codec: Of the network's output classes.
        training_size: Number of training samples.
        can_validate: Whether there are validation samples.
    """

    codec: Codec
    training_size: int
    can_validate: bool

    def batches(self, steps: range) -> Iterator[Any]:
        """Load the batches of some steps; each has `images` (B, 1, H, W) and `widths` (B,)."""

    def prepare(self, network: nn.Module) -> None:
        """Initialise a network with random weights by the training data."""

    def losses(self, step: int, log_probs: Tensor, lengths: Tensor, batch: Any) -> tuple[Tensor, Tensor]:
        """The loss of a batch, and without gradient its plain CTC loss, both scalars.

        Args:
            step: Number of updates made before.
            log_probs: (T, B, C) output of the network.
            lengths: (B,) frames.
            batch: From `batches`.
        """

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Measure error rates on the validation samples, and put the network back into training mode."""


def make_task(config: TrainConfig, *, rank: int = 0, world_size: int = 1) -> Task:
    """Load the data of a configuration.

    Args:
        config: The configuration.
        rank: Under DDP, the rank of this process.
        world_size: Number of DDP processes.

    Raises:
        DataError: There are no shards, or fewer samples than a batch.
        ConfigError: The batch cannot be split among the processes.
    """
    kind = ColumnTask if config.model.preset == "columns" else SymbolTask
    return kind(config, rank=rank, world_size=world_size)


class SymbolTask:
    """One class per symbol of one voice, for the presets `default` and `paper`; arguments as `make_task`."""

    def __init__(self, config: TrainConfig, *, rank: int, world_size: int) -> None:
        self._config = config
        training_set, self._validation_set = _split(config, shard_index)
        self.codec = full_codec(config.encoding)
        if config.symbols == "seen":
            self.codec = seen_codec(config.encoding, (sample.semantic for sample in training_set))
        self._plain = config.model.preset == "paper"
        self._batches = StaffBatches(
            training_set,
            self.codec,
            config.data,
            config.seed,
            plain=self._plain,
            views=config.loss.views,
            rank=rank,
            world_size=world_size,
        )
        self.training_size, self.can_validate = len(training_set), bool(self._validation_set)
        self._loss = make_loss(config.loss, self._batches.class_counts(self.codec.vocabulary.classes))
        self._ctc_loss = make_loss(LossConfig(kind="ctc"))

    def batches(self, steps: range) -> Iterator[Batch]:
        """As `Task`."""
        return load_batches(self._batches, steps, workers=self._config.data.workers)

    def prepare(self, network: nn.Module) -> None:
        """Nothing: one class per symbol starts at random."""

    def losses(self, step: int, log_probs: Tensor, lengths: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """As `Task`.

        Args:
            step: Number of updates made before.
            log_probs: (T, B, C).
            lengths: (B,) frames.
            batch: From `batches`.
        """
        arguments = log_probs, batch.targets, lengths, batch.target_lengths
        with torch.no_grad():  # comparable between runs with different losses
            plain = self._ctc_loss(*arguments)
        return self._loss(*arguments), plain

    def validate(self, network: nn.Module) -> dict[str, float]:
        """As `Task`."""
        degraded = not self._plain and self._config.data.degrade > 0
        return validate(
            network,
            self._validation_set,
            self.codec,
            seed=self._config.seed,
            plain=self._plain,
            degraded=degraded,
        )


class ColumnTask:
    """The factors of columns, for the preset `columns`; arguments as `make_task`."""

    def __init__(self, config: TrainConfig, *, rank: int, world_size: int) -> None:
        self._config, self._loss = config, config.loss
        training_set, self._validation_set = _split(config, column_shard_index)
        serial = config.loss.kind == "serial_ctc"
        self.codec = Codec("columns", serial_vocabulary()) if serial else full_codec("columns")
        self._offsets = SERIAL_OFFSETS if serial else OFFSETS
        self._batches = ColumnBatches(
            training_set, config.data, config.seed, serial=serial, rank=rank, world_size=world_size
        )
        self.training_size, self.can_validate = len(training_set), bool(self._validation_set)
        self._frame_px = frame_px(config.model)
        self._counts = value_counts(training_set)
        if serial:  # about as many advances as columns
            columns = self._counts[1 : OFFSETS[1]].sum()[None]
            self._counts = torch.cat((self._counts[: OFFSETS[1]], columns, self._counts[OFFSETS[1] :]))
        balance = config.loss.balance
        self._weights = factor_weights(self._counts, OFFSETS, beta=balance) if balance else None

    def batches(self, steps: range) -> Iterator[ColumnBatch]:
        """As `Task`."""
        return load_batches(self._batches, steps, workers=self._config.data.workers)

    def prepare(self, network: nn.Module) -> None:
        """Start at the frequency of each value."""
        assert isinstance(network, ColumnNetwork)
        network.set_prior(self._counts)

    def losses(
        self, step: int, log_probs: Tensor, lengths: Tensor, batch: ColumnBatch
    ) -> tuple[Tensor, Tensor]:
        """As `Task`; both are means over the columns of the batch.

        Args:
            step: Number of updates made before.
            log_probs: (T, B, F).
            lengths: (B,) frames.
            batch: From `batches`.
        """
        config = self._loss
        options: dict[str, Any] = {"offsets": self._offsets, "reduction": "sum", "zero_infinity": True}
        if step < config.guide_steps:
            places = (batch.xs / self._frame_px).to(log_probs.device)
            options["guide"] = alignment_guide(
                places, len(log_probs), radius=config.guide_radius, penalty=config.guide_penalty
            )
        arguments = log_probs, batch.targets, lengths, batch.target_lengths
        columns = batch.target_lengths.sum().clamp(min=1)
        with torch.no_grad():  # comparable between runs with different losses
            plain = column_ctc_loss(*arguments, **options) / columns
        if config.kind in ("column_ctc", "serial_ctc"):
            options["shared_blank"] = config.shared_blank
        else:
            options |= {"alpha": config.alpha, "gamma": config.gamma}
        if config.kind == "factor_focal_ctc":
            options["value_weights"] = self._weights
        return _COLUMN_LOSSES[config.kind](*arguments, **options) / columns, plain

    def validate(self, network: nn.Module) -> dict[str, float]:
        """As `Task`."""
        degraded = self._config.data.degrade > 0
        return validate_columns(network, self._validation_set, seed=self._config.seed, degraded=degraded)


def _split(config: TrainConfig, index: Callable[[Any], list[Any]]) -> tuple[list[Any], list[Any]]:
    """List training and validation samples; of held-out shards only a few, evenly spread."""
    data = config.data
    if data.validation:
        training_set, validation_set = (
            list_staves(folders, held_out=0, cache=data.cache, index=index)[0]
            for folders in (data.shards, data.validation)
        )
        return training_set, validation_set
    training_set, held_out = list_staves(data.shards, held_out=data.held_out, cache=data.cache, index=index)
    return training_set, held_out[:: max(1, len(held_out) // _MAX_HELD_OUT)][:_MAX_HELD_OUT]


def make_loss(config: LossConfig, counts: Sequence[int] = ()) -> Loss:
    """Build the loss (log_probs, targets, lengths, target_lengths) -> scalar, the mean over the batch.

    Args:
        config: Kind and options. With `consistency` > 0, the second half of a batch must hold second views of
            the first half.
        counts: Occurrences of each class in the training targets, for `balance`.
    """
    options: dict[str, Any] = {"alpha": config.alpha, "gamma": config.gamma}
    if config.kind == "ctc":
        options = {"alpha": 1.0, "gamma": 0.0}
    if config.balance:
        options["class_weights"] = class_balanced_weights(counts, beta=config.balance)
    function = _LOSSES[config.kind]

    def loss(log_probs: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor) -> Tensor:
        mean = function(
            log_probs, targets, lengths, target_lengths, blank=BLANK, zero_infinity=True, **options
        )
        if not config.consistency:
            return mean
        first, second = log_probs.chunk(2, dim=1)
        return mean + config.consistency * consistency_loss(first, second, lengths.chunk(2)[0])

    return loss


_LOSSES: dict[str, Callable[..., Tensor]] = {
    "ctc": focal_ctc_loss,
    "focal_ctc": focal_ctc_loss,
    "length_focal_ctc": length_focal_ctc_loss,
    "symbol_focal_ctc": symbol_focal_ctc_loss,
}

_COLUMN_LOSSES: dict[str, Callable[..., Tensor]] = {
    "column_ctc": column_ctc_loss,
    "column_focal_ctc": column_focal_ctc_loss,
    "factor_focal_ctc": factor_focal_ctc_loss,
    "serial_ctc": column_ctc_loss,
}
