"""Argument checks of the losses, and their arguments in one normal form."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Lengths: TypeAlias = Tensor | Sequence[int]
Reduction: TypeAlias = Literal["none", "mean", "sum"]


@dataclass(frozen=True)
class CtcBatch:
    """Checked arguments of a CTC loss.

    Attributes:
        log_probs: (T, B, C), float32 or float64.
        targets: (B, S) or (sum of target_lengths,), of a column CTC (B, U, K), int64, on the device of
            `log_probs`.
        input_lengths: (B,) int64 on the CPU.
        target_lengths: (B,) int64 on the CPU.
        batched: Whether the caller passed a batch, not a single sequence.
    """

    log_probs: Tensor
    targets: Tensor
    input_lengths: Tensor
    target_lengths: Tensor
    batched: bool

    def reduce(self, losses: Tensor, reduction: Reduction) -> Tensor:
        """Reduce the losses of the sequences, (B,); "none" of a single sequence is a scalar."""
        if reduction == "mean":
            return losses.mean()
        if reduction == "sum":
            return losses.sum()
        return losses if self.batched else losses.squeeze(0)


def validate_inputs(
    log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, *, blank: int
) -> CtcBatch:
    """Check the arguments of a CTC loss and bring them into one form.

    Args:
        log_probs: (T, B, C) or (T, C), floating.
        targets: (B, S) or (sum of target_lengths,), integer.
        input_lengths: (B,) frames.
        target_lengths: (B,) labels.
        blank: Class id of the blank.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.
    """
    shape = tuple(log_probs.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise ValueError(
            f"log_probs has shape {shape}; it must be (T, B, C) or (T, C), and no dimension may be empty"
        )
    if not log_probs.is_floating_point():
        raise ValueError(f"log_probs is {log_probs.dtype}; it must have a floating-point dtype")
    if blank >= shape[-1]:
        raise ValueError(f"blank is {blank}; log_probs has {shape[-1]} classes, it must be below that")
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)  # (T, 1, C)
    frames, batch, classes = log_probs.shape
    input_lengths = _as_lengths(input_lengths, "input_lengths", batch=batch, limit=frames)
    longest = targets.shape[-1] if targets.dim() else 0
    target_lengths = _as_lengths(target_lengths, "target_lengths", batch=batch, limit=longest)
    _check_targets(targets, target_lengths, classes=classes, blank=blank)
    # ctc_loss supports float32 and float64 only; less would lose the sum over 2T terms anyway.
    if log_probs.dtype not in (torch.float32, torch.float64):
        log_probs = log_probs.float()
    # Torch chooses cuDNN by device and dtype of the targets; int64 on the GPU never selects it.
    targets = targets.to(log_probs.device, torch.int64)
    return CtcBatch(log_probs, targets, input_lengths, target_lengths, batched)


def validate_column_inputs(
    factor_log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    offsets: Sequence[int],
) -> CtcBatch:
    """Check the arguments of a column CTC loss and bring them into one form.

    Args:
        factor_log_probs: (T, B, F), floating.
        targets: (B, U, K) integer, -1 where a factor is not asked.
        input_lengths: (B,) frames.
        target_lengths: (B,) columns.
        offsets: Where the values of each of K factors begin in F, and F itself.

    Returns:
        The batch; its targets are (B, U, K) with U at least 1.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.
    """
    if factor_log_probs.dim() != 3 or 0 in factor_log_probs.shape or not factor_log_probs.is_floating_point():
        raise ValueError(
            f"factor_log_probs is {factor_log_probs.dtype} of shape {tuple(factor_log_probs.shape)}; "
            "it must be floating, (T, B, F), and no dimension may be empty"
        )
    frames, size, width = factor_log_probs.shape
    if offsets[0] != 0 or offsets[-1] != width:
        raise ValueError(
            f"offsets run from {offsets[0]} to {offsets[-1]}; they must run from 0 to F = {width}"
        )
    if not _is_integer(targets) or targets.dim() != 3 or targets.shape[::2] != (size, len(offsets) - 1):
        raise ValueError(
            f"targets is {targets.dtype} of shape {tuple(targets.shape)}; it must be whole numbers, "
            f"({size}, U, {len(offsets) - 1})"
        )
    input_lengths = _as_lengths(input_lengths, "input_lengths", batch=size, limit=frames)
    target_lengths = _as_lengths(target_lengths, "target_lengths", batch=size, limit=targets.shape[1])
    targets = targets[:, : max(1, int(target_lengths.max()))].to(torch.int64)
    if not targets.shape[1]:
        targets = targets.new_zeros(size, 1, len(offsets) - 1)
    sizes = torch.tensor([end - start for start, end in pairwise(offsets)], device=targets.device)
    wrong = (targets < -1) | (targets >= sizes)
    wrong[..., 0] |= targets[..., 0] < 1
    inside = torch.arange(targets.shape[1]) < target_lengths[:, None]
    wrong &= inside.to(wrong.device)[..., None]
    if wrong.any():
        sample, column, factor = wrong.nonzero()[0].tolist()
        value, most = int(targets[sample, column, factor]), int(sizes[factor]) - 1
        raise ValueError(
            f"targets holds {value} for factor {factor} in sample {sample} at column {column}; it must be in "
            + (f"0..{most}, or -1 where it is not asked" if factor else f"1..{most}, for 0 is the blank")
        )
    if factor_log_probs.dtype not in (torch.float32, torch.float64):
        factor_log_probs = factor_log_probs.float()
    targets = targets.to(factor_log_probs.device)
    return CtcBatch(factor_log_probs, targets, input_lengths, target_lengths, batched=True)


def check_options(*, alpha: float, gamma: float, blank: int, reduction: str) -> None:
    """Check the options of a focal loss.

    Args:
        alpha: Constant factor, finite, at least 0.
        gamma: Focusing exponent, finite, at least 0.
        blank: Class id of the blank, at least 0.
        reduction: "none", "mean" or "sum".

    Raises:
        ValueError: An option is out of its range.
    """
    check_factor("alpha", alpha)
    check_factor("gamma", gamma)
    if blank < 0:
        raise ValueError(f"blank is {blank}; it must be a class id, 0 or more")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; it must be 'none', 'mean' or 'sum'")


def check_factor(name: str, value: float) -> None:
    """Check that a factor or exponent is finite and at least 0.

    Raises:
        ValueError: It is not; the message starts with `name`.
    """
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value}; it must be a finite number, 0 or more")


def _as_lengths(lengths: Lengths, name: str, *, batch: int, limit: int) -> Tensor:
    """Return lengths as (B,) int64 on the CPU, where ctc_loss needs them, each in 0 .. limit."""
    values = torch.as_tensor(lengths).detach().cpu()
    if values.dim() > 1 or values.numel() != batch:
        shape = tuple(values.shape)
        raise ValueError(
            f"{name} has shape {shape}; it must be ({batch},), one for each sequence of log_probs"
        )
    if not _is_integer(values):
        raise ValueError(f"{name} is {values.dtype}; it must be whole numbers")
    values = values.reshape(batch).to(torch.int64)
    wrong = (values < 0) | (values > limit)
    if wrong.any():
        sample = int(wrong.nonzero()[0])
        axis = "frames (T) of log_probs" if name == "input_lengths" else "padded target length S of targets"
        raise ValueError(f"{name}[{sample}] is {int(values[sample])}; it must be in 0..{limit}, the {axis}")
    return values


def _check_targets(targets: Tensor, lengths: Tensor, *, classes: int, blank: int) -> None:
    """Check shape and class ids of the targets; padding may hold any value."""
    shape, batch, total = tuple(targets.shape), len(lengths), int(lengths.sum())
    if not _is_integer(targets):
        raise ValueError(f"targets is {targets.dtype}; it must be whole numbers")
    if shape != (total,) and not (len(shape) == 2 and shape[0] == batch):
        raise ValueError(
            f"targets has shape {shape}; it must be ({batch}, S) padded, or ({total},) concatenated, "
            f"the sum of target_lengths"
        )
    wrong = (targets < 0) | (targets >= classes) | (targets == blank)
    if targets.dim() == 2:
        position = torch.arange(targets.shape[1], device=targets.device)
        wrong &= position < lengths.to(targets.device)[:, None]  # (B, S)
    if not wrong.any():
        return
    found = wrong.nonzero()[0].tolist()
    label = int(targets[tuple(found)])
    if targets.dim() == 1:
        ends = lengths.cumsum(0)
        sample = int(torch.searchsorted(ends, found[0], right=True))
        found = [sample, found[0] - int(ends[sample] - lengths[sample])]
    what = "the blank" if label == blank else f"outside of 0..{classes - 1}, the classes of log_probs"
    raise ValueError(
        f"targets holds {label} in sample {found[0]} at label {found[1]}, {what}; "
        f"it must be class ids of log_probs other than the blank {blank}"
    )


def _is_integer(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)
