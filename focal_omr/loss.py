"""Focal CTC: the CTC loss of a sequence, turned down where the sequence is already read well.

    L = -ln p(target | log_probs)          nats, from ``torch.nn.functional.ctc_loss``
    p = exp(-L)
    focal = alpha * (1 - p) ** gamma * L

With alpha 1 and gamma 0 this is plain CTC. For L above about 10 nats the factor is 1.000 at the usual gammas,
so early in a training on whole staves the loss is alpha times CTC; later it dwells on the hardest staves.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FocalCTCLoss", "Reduction", "focal_ctc_loss", "focal_nll"]

Lengths: TypeAlias = Tensor | Sequence[int]
Reduction: TypeAlias = Literal["none", "mean", "sum"]


def focal_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    alpha: float = 0.5,
    gamma: float = 2.0,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Focal CTC loss of a batch, called as ``torch.nn.functional.ctc_loss`` is.

    ``"mean"`` is the plain mean of the sequence losses over the batch. Torch's own CTC divides each loss by
    its target length first; the reference implementation of the paper does not, and we follow it.

    A sequence with too few frames for its target (one per label, and one more between equal neighbours) has
    p = 0 and L infinite. Its loss is inf, at every alpha, or 0 with ``zero_infinity``. Its gradient is 0
    either way, so that it cannot spoil the weights for its whole batch (torch gives NaN without
    ``zero_infinity``): it is the value that tells, check it. Elsewhere the gradient is finite, at L = 0 and
    for classes of log probability -inf too. NaN in ``log_probs`` comes out as NaN.

    As with torch's CTC, the gradient is the one that holds after ``log_softmax``, and there is no second
    derivative. Half and bfloat16 input is computed in float32. Take ``log_softmax`` in float32 too: autocast
    on a CPU leaves it in bfloat16, where a row sums to 1 only within about 1 % (seen at C = 1782).

    Args:
        log_probs: Natural log probabilities, normalised over C, floating: (T, B, C), or (T, C) for one
            sequence.
        targets: Class ids, whole numbers in [0, C) other than ``blank``: (B, S) padded with any value, or all
            sequences concatenated, (sum of target_lengths,). Keep them on the CPU to spare a GPU the wait for
            their check.
        input_lengths: Frames of each sequence, each in [0, T], (B,); for one sequence (1,) or ().
        target_lengths: Labels of each sequence, shaped as ``input_lengths``.
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0; the larger, the less a well-read sequence counts.
        blank: Class id of the blank, in [0, C).
        reduction: ``"mean"`` over the batch, ``"sum"``, or ``"none"``.
        zero_infinity: Whether a sequence that cannot be spelled in its frames counts as loss 0.

    Returns:
        Nats, float32 or float64: a scalar, or with ``"none"`` (B,), a scalar for one sequence.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        The focal CTC of doi 10.1109/PuneCon46936.2019.9105720 and its reference implementation. We differ in
        what is numerical: 1 - p by ``expm1``, and a gradient that is finite for gamma below 1.
    """
    _check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    _check_log_probs(log_probs, blank=blank)
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)  # (T, 1, C)
    frames, batch, classes = log_probs.shape
    input_lengths = _as_lengths(input_lengths, "input_lengths", batch=batch, limit=frames)
    longest = targets.shape[-1] if targets.dim() else 0
    target_lengths = _as_lengths(target_lengths, "target_lengths", batch=batch, limit=longest)
    _check_targets(targets, target_lengths, classes=classes, blank=blank)
    nll = _sequence_nll(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity)
    losses = focal_nll(nll, alpha=alpha, gamma=gamma)
    if reduction == "mean":
        return losses.mean()
    if reduction == "sum":
        return losses.sum()
    return losses if batched else losses.squeeze(0)


class FocalCTCLoss(nn.Module):
    """``focal_ctc_loss`` with its options kept, used as ``torch.nn.CTCLoss`` is; it holds no state.

    ``reduction="mean"`` is the plain mean over the batch, unlike torch's, see ``focal_ctc_loss``.

    Args:
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        blank: Class id of the blank.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence that cannot be spelled in its frames counts as loss 0.

    Raises:
        ValueError: An option is out of its range.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        gamma: float = 2.0,
        blank: int = 0,
        reduction: Reduction = "mean",
        zero_infinity: bool = False,
    ) -> None:
        super().__init__()
        _check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
        self.alpha = alpha
        self.gamma = gamma
        self.blank = blank
        self.reduction: Reduction = reduction
        self.zero_infinity = zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Lengths, target_lengths: Lengths
    ) -> Tensor:
        """Return ``focal_ctc_loss`` of the batch; shapes, units and errors are described there."""
        return focal_ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            alpha=self.alpha,
            gamma=self.gamma,
            blank=self.blank,
            reduction=self.reduction,
            zero_infinity=self.zero_infinity,
        )

    def extra_repr(self) -> str:
        """Return the options, as ``print(module)`` shows them."""
        return (
            f"alpha={self.alpha}, gamma={self.gamma}, blank={self.blank}, "
            f"reduction={self.reduction!r}, zero_infinity={self.zero_infinity}"
        )


def focal_nll(nll: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """Focal loss of events of probability exp(-nll): ``alpha * (1 - exp(-nll)) ** gamma * nll``.

    The events may be whole sequences, as in ``focal_ctc_loss``, or parts of them. The gradient is finite at
    every nll >= 0, infinity included, and can be differentiated again where nll is finite and above 0.

    Args:
        nll: Negative log probabilities in nats, >= 0, floating, any shape. A value slightly below 0, rounded
            from 0, is weighed as 0. Infinity stays infinity.
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.

    Returns:
        Focal losses in nats, shaped as ``nll``.

    Raises:
        ValueError: alpha or gamma is negative or not finite.

    Source:
        Lin et al. 2017, arXiv 1708.02002, equation 5, with p the probability of the event.
    """
    _check_factor("alpha", alpha)
    _check_factor("gamma", gamma)
    focal: Tensor = _FocalNll.apply(nll, alpha, gamma)  # type: ignore[no-untyped-call]
    return focal


class _FocalNll(torch.autograd.Function):
    """``focal_nll`` with its derivative written out.

    Autograd's own holds (1 - p) ** (gamma - 1), for gamma < 1 inf at nll = 0, and then NaN by inf * 0.
    """

    @staticmethod
    def forward(nll: Tensor, alpha: float, gamma: float) -> Tensor:
        focal = alpha * _miss(nll).pow(gamma) * nll
        # At alpha 0 the product is 0 * inf = NaN.
        return torch.where(torch.isposinf(nll), nll, focal)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        nll, ctx.alpha, ctx.gamma = inputs
        ctx.save_for_backward(nll)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (nll,) = ctx.saved_tensors
        return grad_output * _focal_slope(nll, ctx.alpha, ctx.gamma), None, None


def _miss(nll: Tensor) -> Tensor:
    """Return 1 - p in [0, 1]; an nll that rounding left below 0 (-1e-7 was seen in float32) counts as 0."""
    return -torch.expm1(-nll.clamp(min=0))


def _focal_slope(nll: Tensor, alpha: float, gamma: float) -> Tensor:
    """Return d focal / d nll = alpha * (1-p)**gamma * (1 + gamma * p * nll / (1-p)).

    nll / (1-p) tends to 1 at nll = 0, and p * nll to 0 at infinity, where the slope is alpha.
    """
    miss = _miss(nll)
    inside = (miss > 0) & ~torch.isposinf(nll)
    ratio = torch.where(inside, nll, 1) / torch.where(inside, miss, 1)
    return alpha * miss.pow(gamma) * (1 + gamma * (1 - miss) * ratio)


def _sequence_nll(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int,
    zero_infinity: bool,
) -> Tensor:
    """Return L of each sequence in nats, (B,), with a gradient that is finite where torch's is NaN."""
    # float32 and float64 are what ctc_loss knows; the sum over 2T terms would be lost in less anyway.
    if log_probs.dtype not in (torch.float32, torch.float64):
        log_probs = log_probs.float()
    log_probs = log_probs.view_as(log_probs)  # a tensor of our own to hook, not the caller's
    # int64 on one device: torch turns to cuDNN by the device and dtype of the targets; so it never does.
    targets = targets.to(log_probs.device, torch.int64)
    nll = functional.ctc_loss(
        log_probs,
        targets,
        input_lengths,
        target_lengths,
        blank=blank,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    if log_probs.requires_grad:
        # Only detached tensors: a hook that holds its own tensor would keep the graph alive as a cycle.
        values, unreachable = log_probs.detach(), torch.isposinf(nll.detach())
        hook = functools.partial(_finite_gradient, log_probs=values, unreachable=unreachable)
        log_probs.register_hook(hook)  # type: ignore[no-untyped-call]
    return nll


def _finite_gradient(grad: Tensor, log_probs: Tensor, unreachable: Tensor) -> Tensor:
    """Replace by 0, their limit, the gradients that torch 2.13 computes as NaN from inf - inf.

    These are all of a sequence of infinite L, and those of a class of log probability -inf, which no
    alignment visits. NaN of any other origin stays.

    Args:
        grad: Gradient to the log probabilities, (T, B, C).
        log_probs: (T, B, C).
        unreachable: Whether L is infinite, (B,).
    """
    if torch.isfinite(grad.sum()):  # one pass; the masks below cost several and are hardly ever needed
        return grad
    return grad.masked_fill(torch.isneginf(log_probs) | unreachable[:, None], 0)


def _check_options(*, alpha: float, gamma: float, blank: int, reduction: str) -> None:
    _check_factor("alpha", alpha)
    _check_factor("gamma", gamma)
    if blank < 0:
        raise ValueError(f"blank is {blank}; it must be a class id, 0 or more")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}; it must be 'none', 'mean' or 'sum'")


def _check_factor(name: str, value: float) -> None:
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
