"""What the losses ask of their arguments, and how they put them into one form."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

Lengths: TypeAlias = Tensor | Sequence[int]
Reduction: TypeAlias = Literal["none", "mean", "sum"]


@dataclass(frozen=True)
class CtcBatch:
    """Arguments of a CTC loss that were checked.

    Attributes:
        log_probs: (T, B, C), float32 or float64.
        targets: (B, S) or (sum of target_lengths,), int64, on the device of `log_probs`.
        input_lengths: (B,) int64 on the CPU.
        target_lengths: (B,) int64 on the CPU.
        batched: Whether the caller gave a batch, or one sequence.
    """

    log_probs: Tensor
    targets: Tensor
    input_lengths: Tensor
    target_lengths: Tensor
    batched: bool

    def reduced(self, losses: Tensor, reduction: Reduction) -> Tensor:
        """The sequences' losses, (B,), as the caller wants them."""
        if reduction == "mean":
            return losses.mean()
        if reduction == "sum":
            return losses.sum()
        return losses if self.batched else losses.squeeze(0)


def checked(
    log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths, *, blank: int
) -> CtcBatch:
    """The arguments in one form. Raises ValueError for one out of its range or shape; names the sample."""
    _check_log_probs(log_probs, blank=blank)
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)  # (T, 1, C)
    frames, batch, classes = log_probs.shape
    input_lengths = _as_lengths(input_lengths, "input_lengths", batch=batch, limit=frames)
    longest = targets.shape[-1] if targets.dim() else 0
    target_lengths = _as_lengths(target_lengths, "target_lengths", batch=batch, limit=longest)
    _check_targets(targets, target_lengths, classes=classes, blank=blank)
    # float32 and float64 are what ctc_loss knows; the sum over 2T terms would be lost in less anyway.
    if log_probs.dtype not in (torch.float32, torch.float64):
        log_probs = log_probs.float()
    # int64 on one device: torch turns to cuDNN by the device and dtype of the targets; so it never does.
    targets = targets.to(log_probs.device, torch.int64)
    return CtcBatch(log_probs, targets, input_lengths, target_lengths, batched)


def check_options(*, alpha: float, gamma: float, blank: int, reduction: str) -> None:
    """Raise ValueError for an option out of its range."""
    check_factor("alpha", alpha)
    check_factor("gamma", gamma)
    if blank < 0:
        raise ValueError(f"blank is {blank}; it must be a class id, 0 or more")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; it must be 'none', 'mean' or 'sum'")


def check_factor(name: str, value: float) -> None:
    """Raise ValueError for a factor or exponent that is negative or not finite."""
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is {value}; it must be a finite number, 0 or more")


def _check_log_probs(log_probs: Tensor, *, blank: int) -> None:
    shape = tuple(log_probs.shape)
    if len(shape) not in (2, 3) or 0 in shape:
        raise ValueError(f"log_probs has shape {shape}; it must be (T, B, C) or (T, C), none of them 0")
    if not log_probs.is_floating_point():
        raise ValueError(f"log_probs is {log_probs.dtype}; it must be floating")
    if blank >= shape[-1]:
        raise ValueError(f"blank is {blank}; log_probs has {shape[-1]} classes, it must be below that")


def _as_lengths(lengths: Lengths, name: str, *, batch: int, limit: int) -> Tensor:
    """Return the lengths as int64 on the CPU, (B,), where ctc_loss wants them.

    Raises:
        ValueError: Not B whole numbers in [0, limit].
    """
    whole = torch.as_tensor(lengths).detach().cpu()
    if whole.dim() > 1 or whole.numel() != batch:
        shape = tuple(whole.shape)
        raise ValueError(
            f"{name} has shape {shape}; it must be ({batch},), one for each sequence of log_probs"
        )
    if not _is_whole(whole):
        raise ValueError(f"{name} is {whole.dtype}; it must be whole numbers")
    whole = whole.reshape(batch).to(torch.int64)
    wrong = (whole < 0) | (whole > limit)
    if wrong.any():
        sample = int(wrong.nonzero()[0])
        axis = "frames (T) of log_probs" if name == "input_lengths" else "labels that targets has room for"
        raise ValueError(f"{name}[{sample}] is {int(whole[sample])}; it must be in 0..{limit}, the {axis}")
    return whole


def _check_targets(targets: Tensor, lengths: Tensor, *, classes: int, blank: int) -> None:
    """Raise ValueError if the targets are not class ids other than the blank; padding is not looked at."""
    _check_target_shape(targets, lengths)
    wrong = (targets < 0) | (targets >= classes) | (targets == blank)
    if targets.dim() == 2:
        place = torch.arange(targets.shape[1], device=targets.device)
        wrong &= place < lengths.to(targets.device)[:, None]  # (B, S)
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


def _check_target_shape(targets: Tensor, lengths: Tensor) -> None:
    shape, batch, total = tuple(targets.shape), len(lengths), int(lengths.sum())
    if not _is_whole(targets):
        raise ValueError(f"targets is {targets.dtype}; it must be whole numbers")
    if shape != (total,) and not (len(shape) == 2 and shape[0] == batch):
        raise ValueError(
            f"targets has shape {shape}; it must be ({batch}, S) padded, or ({total},) concatenated, "
            f"the sum of target_lengths"
        )


def _is_whole(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)
