"""CTC whose labels are columns of a staff: a column's emission is a product of factors.

The network gives each frame a softmax for each factor: the kind of a column, the durations of its stems, what
stands at each position. A column asks some of the factors, and its log-probability in a frame is

    e(t, u) = sum over the factors k that column u asks of ln p(k has its value | t)

which for all columns of a staff is one product f M^T with the multi-hot matrix M of the columns. The blank is
the first value of the first factor, shared by all; the rest is CTC over the blank and the columns.

Three functions weight what CTC sums: whole sequences (`column_ctc_loss`), columns
(`column_focal_ctc_loss`) and single factors (`factor_focal_ctc_loss`). `docs/focal-ctc.md` explains them.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.loss.alignment import emission_nll, lattice
from focal_omr.loss.checks import (
    CtcBatch,
    Lengths,
    Reduction,
    check_options,
    validate_column_inputs,
)
from focal_omr.loss.columns import LabelColumns
from focal_omr.loss.sequence import focal_nll
from focal_omr.loss.symbol import class_balanced_weights, emission_focal

__all__ = [
    "alignment_guide",
    "column_ctc_loss",
    "column_focal_ctc_loss",
    "factor_focal_ctc_loss",
    "factor_weights",
]


def column_ctc_loss(
    factor_log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    offsets: Sequence[int],
    alpha: float = 1.0,
    gamma: float = 0.0,
    per_column: bool = False,
    shared_blank: bool = True,
    guide: Tensor | None = None,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Compute the CTC loss over columns, and with gamma above 0 its focal form for whole sequences.

    Where each column is one value of one factor, this is plain CTC. The sequence's probability is exp(-L), or
    with ``per_column`` exp(-L / U) for U columns, as in `length_focal_ctc_loss`.

    The gradient is minus the occupancy of each column and of the blank, at every factor asked; it needs no
    ``log_softmax`` before it. Half and bfloat16 input is computed in float32, under autocast too. Too few
    frames, NaN and -inf are handled as in `focal_ctc_loss`.

    Args:
        factor_log_probs: Natural log-probabilities of the values of all factors, side by side, normalised
            within each factor, (T, B, F).
        targets: Index of the value of each factor, -1 where a column does not ask it, integers, (B, U, K);
            padding may hold any value. The first factor is always asked, and 0, its blank, is no column.
        input_lengths: Frames of each sequence, (B,).
        target_lengths: Columns of each sequence, (B,).
        offsets: Where the values of each factor begin in F, from 0, and F itself: K + 1 integers.
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        per_column: Whether the focal weight is by the mean probability of a column.
        shared_blank: Whether the blank is the first value of the first factor. Otherwise it is the first
            value of all factors, "off", and columns have that value of the factors that they do not ask.
        guide: Nats added to the emissions of the columns, (T, B, U), for instance `alignment_guide`.
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, float32 or float64: a scalar; with ``"none"`` (B,).

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        Columns as labels of CTC: Edirisooriya et al., ISMIR 2021, whose blank is "all factors off". One
        blank for all factors: Weiss & Peeters 2021, Wigington et al. 2019. Factors asked by the kind: ours.
    """
    check_options(alpha=alpha, gamma=gamma, blank=0, reduction=reduction)
    with torch.autocast(factor_log_probs.device.type, enabled=False):
        batch = validate_column_inputs(
            factor_log_probs, targets, input_lengths, target_lengths, offsets=offsets
        )
        if not shared_blank:
            batch = replace(batch, targets=batch.targets.clamp(min=0))
        hot = _multi_hot(batch, offsets)
        emissions = _emissions(batch, hot, guide, (0,) if shared_blank else offsets[:-1])
        nll = emission_nll(emissions, batch, _columns(batch), zero_infinity)
        unit = batch.target_lengths.clamp(min=1).to(nll) if per_column else torch.ones_like(nll)
        return batch.reduce(unit * focal_nll(nll / unit, alpha=alpha, gamma=gamma), reduction)


def column_focal_ctc_loss(
    factor_log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    offsets: Sequence[int],
    alpha: float = 1.0,
    gamma: float = 0.0,
    column_weights: Tensor | None = None,
    guide: Tensor | None = None,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Compute the focal CTC loss with a factor for each column, as `symbol_focal_ctc_loss` for symbols.

    Each column has the weight alpha * c * (1 - p) ** gamma, where p is its probability given the columns
    before it, in the sum over alignments. The weights receive no gradient.

    Args:
        factor_log_probs: As `column_ctc_loss`, (T, B, F).
        targets: As `column_ctc_loss`, (B, U, K).
        input_lengths: Frames of each sequence, (B,).
        target_lengths: Columns of each sequence, (B,).
        offsets: As `column_ctc_loss`, (K + 1,).
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        column_weights: c of each column, (B, U), at least 0; None: all 1. That of the end is 1.
        guide: As `column_ctc_loss`, (T, B, U).
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, as `column_ctc_loss`.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source: As `symbol_focal_ctc_loss`.
    """
    check_options(alpha=alpha, gamma=gamma, blank=0, reduction=reduction)
    with torch.autocast(factor_log_probs.device.type, enabled=False):
        batch = validate_column_inputs(
            factor_log_probs, targets, input_lengths, target_lengths, offsets=offsets
        )
        emissions = _emissions(batch, _multi_hot(batch, offsets), guide)
        size, longest, _ = batch.targets.shape
        weights = emissions.new_ones(size, longest + 1)
        if column_weights is not None:
            beyond = torch.arange(longest) >= batch.target_lengths[:, None]
            weights[:, :-1] = column_weights.to(weights)[:, :longest].masked_fill(
                beyond.to(weights.device), 1
            )
        losses = emission_focal(
            emissions,
            batch,
            _columns(batch),
            weights,
            alpha=alpha,
            gamma=gamma,
            zero_infinity=zero_infinity,
        )
        return batch.reduce(losses, reduction)


def factor_focal_ctc_loss(
    factor_log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    offsets: Sequence[int],
    alpha: float = 1.0,
    gamma: float = 0.0,
    value_weights: Tensor | None = None,
    guide: Tensor | None = None,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Compute the focal CTC loss with a factor for each factor of each column.

    CTC's gradient is that of the cross-entropy of every factor, weighted by the occupancy q(t, u) of its
    column. Here factor k of column u also has the weight

        w(u, k) = alpha * c(k's value) * (1 - p(u, k)) ** gamma
        ln p(u, k) = sum over t of q(t, u) ln p(k has its value | t) / sum over t of q(t, u)

    p(u, k) is how well this one factor is read where its column stands. "No head" at thirty positions of a
    column is read with certainty early and then weighs nothing, like background in detection; the accidental
    of one head keeps its weight until it is read. Blanks are weighted likewise, each stretch between two
    columns by itself. Weights and occupancies receive no gradient.

    The value is L less what the weights take off the expected cross-entropy: L itself for weights of 1.

    Args:
        factor_log_probs: As `column_ctc_loss`, (T, B, F).
        targets: As `column_ctc_loss`, (B, U, K).
        input_lengths: Frames of each sequence, (B,).
        target_lengths: Columns of each sequence, (B,).
        offsets: As `column_ctc_loss`, (K + 1,).
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        value_weights: c of each value, (F,), at least 0; None: all 1. See `factor_weights`.
        guide: As `column_ctc_loss`, (T, B, U).
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, as `column_ctc_loss`.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        Weight: Lin et al. 2017, arXiv 1708.02002. Class balance: Cui et al. 2019, arXiv 1901.05555. Weights
        of single factors inside of CTC: ours.
    """
    check_options(alpha=alpha, gamma=gamma, blank=0, reduction=reduction)
    with torch.autocast(factor_log_probs.device.type, enabled=False):
        batch = validate_column_inputs(
            factor_log_probs, targets, input_lengths, target_lengths, offsets=offsets
        )
        width = batch.log_probs.shape[2]
        weights = batch.log_probs.new_ones(width) if value_weights is None else value_weights
        if tuple(weights.shape) != (width,) or not (torch.isfinite(weights) & (weights >= 0)).all():
            raise ValueError(
                f"value_weights must be ({width},) finite weights, 0 or more, one for each value"
            )
        hot = _multi_hot(batch, offsets)
        emissions = _emissions(batch, hot, guide)
        losses: Tensor = _FactorFocal.apply(  # type: ignore[no-untyped-call]
            batch.log_probs, emissions.detach(), hot, batch, weights.to(hot), alpha, gamma, zero_infinity
        )
        return batch.reduce(losses, reduction)


class _FactorFocal(torch.autograd.Function):
    """Losses (B,) of `factor_focal_ctc_loss`; forward also computes the gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        log_probs: Tensor,
        emissions: Tensor,
        hot: Tensor,
        batch: CtcBatch,
        value_weights: Tensor,
        alpha: float,
        gamma: float,
        zero_infinity: bool,
    ) -> Tensor:
        states = lattice(emissions, _columns(batch), batch)
        possible = ~torch.isposinf(states.nll)
        occupancy = states.occupancy.masked_fill(~possible[:, None, None], 0)  # (B, T, 2S + 1)
        blanks, columns = occupancy[..., ::2], occupancy[..., 1::2]
        values = _finite(log_probs).transpose(0, 1)  # (B, T, F)

        def weigh(spent: Tensor, frames: Tensor, c: Tensor | float) -> Tensor:
            mean = spent / frames.clamp(min=1e-6)
            return alpha * c * (-torch.expm1(-mean.clamp(min=0))).pow(gamma)

        spent = -(columns.transpose(1, 2) @ values) * hot  # expected cross-entropy, (B, S, F)
        weights = weigh(spent, columns.sum(1)[..., None], value_weights) * hot
        blank_spent = -(blanks * values[..., :1]).sum(1)  # (B, S + 1)
        blank_weights = weigh(blank_spent, blanks.sum(1), value_weights[0])
        grad = columns @ -weights  # (B, T, F)
        grad[..., 0] -= (blanks * blank_weights[:, None]).sum(-1)
        ctx.save_for_backward(grad.transpose(0, 1))

        more = ((weights - hot) * spent).sum((1, 2)) + ((blank_weights - 1) * blank_spent).sum(1)
        losses = torch.where(possible, states.nll + more, states.nll)
        return torch.where(torch.isposinf(losses), 0, losses) if zero_infinity else losses

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = ctx.saved_tensors  # (T, B, F)
        return grad * grad_output[:, None], None, None, None, None, None, None, None


def factor_weights(counts: Sequence[int] | Tensor, offsets: Sequence[int], *, beta: float = 0.999) -> Tensor:
    """Compute weights of values by `class_balanced_weights` within each factor.

    Args:
        counts: Columns with each value in training, (F,).
        offsets: Where the values of each factor begin in F, and F itself, (K + 1,).
        beta: In [0, 1).

    Returns:
        (F,) float32; the mean over the occurrences of each factor is 1.

    Raises:
        ValueError: A negative count, or beta out of its range.
    """
    numbers = torch.as_tensor(counts)
    parts = [class_balanced_weights(numbers[start:end], beta=beta) for start, end in pairwise(offsets)]
    return torch.cat(parts)


def alignment_guide(xs: Tensor, frames: int, *, radius: float, penalty: float) -> Tensor:
    """Compute a guide that keeps each column near its place: 0 within `radius`, then falling with distance.

    Every alignment stays possible. A network that starts at random needs no search for alignments: this is
    close to a cross-entropy of each frame at first.

    Args:
        xs: Place of each column in frames, NaN where it is not known, (B, U).
        frames: T.
        radius: Frames without a penalty to either side.
        penalty: Nats for each frame beyond.

    Returns:
        Nats, at most 0, (T, B, U).
    """
    frame = torch.arange(frames, device=xs.device, dtype=xs.dtype)[:, None, None]
    beyond = ((frame - xs).abs() - radius).clamp(min=0)
    return -penalty * torch.nan_to_num(beyond, nan=0.0)


def _multi_hot(batch: CtcBatch, offsets: Sequence[int]) -> Tensor:
    """1 at the value of each factor that a column asks, (B, U, F); all 0 in the padding."""
    starts = torch.tensor(offsets[:-1], device=batch.targets.device)
    size, longest, _ = batch.targets.shape
    inside = torch.arange(longest) < batch.target_lengths[:, None]  # (B, U)
    asked = (batch.targets >= 0) & inside.to(batch.targets.device)[..., None]
    width = batch.log_probs.shape[2]
    places = torch.where(asked, batch.targets + starts, width)  # those not asked: a column that is cut off
    return batch.log_probs.new_zeros(size, longest, width + 1).scatter_(2, places, 1)[..., :width]


def _emissions(batch: CtcBatch, hot: Tensor, guide: Tensor | None, blank: Sequence[int] = (0,)) -> Tensor:
    """Log-probability of the blank, which is these values, and of each column, (T, B, 1 + U)."""
    values = _finite(batch.log_probs)
    columns = torch.bmm(values.transpose(0, 1), hot.transpose(1, 2)).transpose(0, 1)  # (T, B, U)
    if guide is not None:
        columns = columns + guide.to(columns)
    return torch.cat((values[..., [*blank]].sum(-1, keepdim=True), columns), 2)


def _finite(log_probs: Tensor) -> Tensor:
    """Log-probabilities (T, B, F) without -inf, for products with a multi-hot matrix: 0 * -inf is NaN."""
    return log_probs.clamp(min=-1e4) if torch.isneginf(log_probs.detach().amin()) else log_probs


def _columns(batch: CtcBatch) -> LabelColumns:
    """Each column of a staff as a class of its own, equal neighbours as one class."""
    targets = batch.targets
    size, longest, _ = targets.shape
    labels = torch.arange(1, longest + 1, device=targets.device).expand(size, longest)
    differs = torch.ones_like(labels, dtype=torch.bool)
    differs[:, 1:] = (targets[:, 1:] != targets[:, :-1]).any(-1)
    classes = functional.pad(labels, (1, 0))
    return LabelColumns(labels, classes, differs, torch.where(differs, labels, 0).cummax(1).values)
