"""Focal CTC of single symbols: each label is down-weighted by how well it is read itself.

The factor of a whole sequence cannot tell a rare symbol from the frequent ones around it. CTC's forward
variables can: by the chain rule, with P(u) the probability that the output starts with the first u labels,

    L = l(1) + ... + l(U) + l(end)         l(u) = -ln p(u),  p(u) = P(u) / P(u - 1)

where p(u) is the posterior of label u given those before it, and p(end) that of nothing following the last.
Each has the weight w(u) = alpha * c(label) * (1 - p(u)) ** gamma with a class weight c. The loss is the sum
of w(u) * l(u); with gamma 0, alpha 1 and equal class weights it is plain CTC. `docs/focal-ctc.md` derives it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.loss.alignment import lattice
from focal_omr.loss.checks import CtcBatch, Lengths, Reduction, check_options, validate_inputs
from focal_omr.loss.columns import LabelColumns


def symbol_focal_ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    *,
    alpha: float = 0.5,
    gamma: float = 2.0,
    class_weights: Tensor | None = None,
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Compute the focal CTC loss with a factor for each label of the target; see the module's docstring.

    The weights receive no gradient. The gradient is that of the expected cross-entropy of the alignments,

        -sum over t, s of w(s) * occupancy(t, s) * log_probs(t, class of s)

    with CTC's occupancies treated as constants, too: for equal weights this is the gradient of CTC (Fisher's
    identity). A blank has the weight of the label after it, whose l(u) it is part of; blanks after the last
    label have the weight of the end, whose class is the blank.

    The value is the sum of w * l. Where weights differ, the gradient is not the derivative of the value: that
    would trade the reading after a label for the reading before it.

    Infinite L, NaN and dtypes are handled as in `focal_ctc_loss`.

    Args:
        log_probs: Natural log-probabilities, (T, B, C) or (T, C).
        targets: Class ids, (B, S) or (sum of target_lengths,).
        input_lengths: Frames of each sequence, (B,).
        target_lengths: Labels of each sequence, (B,).
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        class_weights: c of each class, (C,), at least 0; None: all 1. See `class_balanced_weights`.
        blank: Class id of the blank.
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, as `focal_ctc_loss`.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        Factor: Lin et al. 2017, arXiv 1708.02002. Label weights by CTC's alignment: Feng et al. 2019, doi
        10.1155/2019/9345861, and arXiv 1904.10619. P(u): prefix probability of Graves 2008, section 7.5.
    """
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = validate_inputs(log_probs, targets, input_lengths, target_lengths, blank=blank)
    classes = batch.log_probs.shape[2]
    weights = batch.log_probs.new_ones(classes) if class_weights is None else class_weights
    if tuple(weights.shape) != (classes,):
        raise ValueError(
            f"class_weights has shape {tuple(weights.shape)}; it must be ({classes},), one per class"
        )
    if not (torch.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("class_weights holds a negative or not finite weight")
    columns = LabelColumns.of(batch, blank)
    emissions = batch.log_probs.gather(2, columns.index(batch.log_probs.shape[0]))  # (T, B, 1 + S)
    labels = functional.pad(columns.labels, (0, 1), value=blank)  # padding and the end are the blank
    losses = emission_focal(
        emissions,
        batch,
        columns,
        weights.to(emissions)[labels],
        alpha=alpha,
        gamma=gamma,
        zero_infinity=zero_infinity,
    )
    return batch.reduce(losses, reduction)


def class_balanced_weights(counts: Sequence[int] | Tensor, *, beta: float = 0.999) -> Tensor:
    """Compute class weights by effective number of samples: (1 - beta) / (1 - beta ** count).

    Args:
        counts: Occurrences of each class in training, (C,); classes without any get weight 1.
        beta: In [0, 1). With 0 all weights are equal; towards 1 they approach the inverse counts.

    Returns:
        (C,) float32; the mean over all occurrences is 1.

    Raises:
        ValueError: A negative count, or beta out of its range.

    Source: Cui et al. 2019, arXiv 1901.05555, equation 4, normalised there to a mean of 1 over classes.
    """
    numbers = torch.as_tensor(counts, dtype=torch.float64)
    if (numbers < 0).any():
        raise ValueError("counts holds a negative count")
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta}; it must be 0 or more, and below 1")
    seen = numbers > 0
    raw = (1 - beta) / (1 - beta ** torch.where(seen, numbers, 1))
    total = numbers.sum()
    mean = (raw * numbers).sum() / total if total else torch.ones(())
    return torch.where(seen, raw / mean, 1.0).float()


def emission_focal(
    emissions: Tensor,
    batch: CtcBatch,
    columns: LabelColumns,
    label_weights: Tensor,
    *,
    alpha: float,
    gamma: float,
    zero_infinity: bool,
) -> Tensor:
    """Compute the focal loss with a factor for each label from the emissions; see the module's docstring.

    Args:
        emissions: Log-probability of the blank and of each label, (T, B, 1 + S).
        batch: Lengths of the sequences.
        columns: Column of each label.
        label_weights: c of each label, and at a target's length that of the end, (B, S + 1).
        alpha: Constant factor.
        gamma: Focusing exponent.
        zero_infinity: Whether the loss is 0 instead of inf where there are too few frames.

    Returns:
        Nats, (B,).
    """
    losses: Tensor = _EmissionFocal.apply(  # type: ignore[no-untyped-call]
        emissions, batch, columns, label_weights, alpha, gamma, zero_infinity
    )
    return losses


class _EmissionFocal(torch.autograd.Function):
    """`emission_focal`; forward also computes the gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        batch: CtcBatch,
        columns: LabelColumns,
        label_weights: Tensor,
        alpha: float,
        gamma: float,
        zero_infinity: bool,
    ) -> Tensor:
        states = lattice(emissions, columns, batch)
        possible = ~torch.isposinf(states.nll)

        last = batch.target_lengths.to(emissions.device)[:, None]  # (B, 1)
        position = torch.arange(label_weights.shape[1], device=emissions.device)  # 0 .. S; `last` is the end
        # -ln P of the first 0, 1 .. U labels, then of the target itself
        nll = torch.cat((torch.zeros_like(states.nll)[:, None], states.prefix_nll), 1)
        steps = torch.where(position < last, nll.roll(-1, 1), states.nll[:, None]) - nll  # l, (B, S + 1)
        steps = torch.where((position <= last) & possible[:, None], steps.clamp(min=0), 0)
        weights = alpha * (-torch.expm1(-steps)).pow(gamma) * label_weights
        losses = torch.where(possible, (weights * steps).sum(1), states.nll)
        if zero_infinity:
            losses = torch.where(torch.isposinf(losses), 0, losses)

        state_weights = weights.repeat_interleave(2, 1)[:, :-1]  # (B, 2S + 1): a blank as the label after it
        by_state = -states.occupancy.transpose(0, 1) * state_weights  # (T, B, 2S + 1)
        by_state = torch.where(possible[:, None], by_state, 0)
        ctx.save_for_backward(torch.cat((by_state[..., ::2].sum(2, keepdim=True), by_state[..., 1::2]), 2))
        return losses

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (by_column,) = ctx.saved_tensors  # (T, B, 1 + S)
        return by_column * grad_output[:, None], None, None, None, None, None, None
