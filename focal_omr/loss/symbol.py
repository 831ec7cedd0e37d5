"""Focal CTC of single symbols: each label is down-weighted by how well it is read itself.

The factor of a whole sequence cannot tell a rare symbol from the frequent ones around it. CTC's forward
variables can: by the chain rule, with P(u) the probability that the output starts with the first u labels,

    L = l(1) + ... + l(U) + l(end)         l(u) = -ln p(u),  p(u) = P(u) / P(u - 1)

where p(u) is the posterior of label u given those before it, and p(end) that of nothing following the last.
Each has the weight w(u) = alpha * c(label) * (1 - p(u)) ** gamma with a class weight c. The loss is the sum
of w(u) * l(u); with gamma 0, alpha 1 and equal class weights it is plain CTC. `docs/focal-ctc.md` derives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

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
    losses: Tensor = _SymbolFocal.apply(  # type: ignore[no-untyped-call]
        batch.log_probs, batch, weights.to(batch.log_probs), alpha, gamma, blank, zero_infinity
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


@dataclass(frozen=True)
class _Lattice:
    """CTC states of a batch: state 2u is the blank before label u, 2u + 1 the label, 2U the last blank.

    Attributes:
        nll: L, (B,).
        prefix_nll: -ln P of the first u labels, u = 1 .. S, (B, S); undefined beyond a target's end.
        occupancy: Probability of each state given the target, (B, T, 2S + 1); 0 outside the lattice.
    """

    nll: Tensor
    prefix_nll: Tensor
    occupancy: Tensor


class _SymbolFocal(torch.autograd.Function):
    """Losses (B,) of `symbol_focal_ctc_loss`; forward also computes the gradient to the label columns."""

    @staticmethod
    def forward(
        ctx: Any,
        log_probs: Tensor,
        batch: CtcBatch,
        class_weights: Tensor,
        alpha: float,
        gamma: float,
        blank: int,
        zero_infinity: bool,
    ) -> Tensor:
        columns = LabelColumns.of(batch, blank)
        labels = columns.labels
        selected = log_probs.gather(2, columns.index(log_probs.shape[0]))  # (T, B, 1 + S)
        lattice = _lattice(selected, columns, batch)
        possible = ~torch.isposinf(lattice.nll)

        last = batch.target_lengths.to(log_probs.device)[:, None]  # (B, 1)
        position = torch.arange(labels.shape[1] + 1, device=log_probs.device)  # 0 .. S; `last` is the end
        # -ln P of the first 0, 1 .. U labels, then of the target itself
        nll = torch.cat((torch.zeros_like(lattice.nll)[:, None], lattice.prefix_nll), 1)
        steps = torch.where(position < last, nll.roll(-1, 1), lattice.nll[:, None]) - nll  # l, (B, S + 1)
        steps = torch.where((position <= last) & possible[:, None], steps.clamp(min=0), 0)
        weights = alpha * (-torch.expm1(-steps)).pow(gamma)
        ends = torch.full_like(labels[:, :1], blank)
        weights = weights * class_weights[torch.cat((labels, ends), 1).where(position < last, ends)]
        losses = torch.where(possible, (weights * steps).sum(1), lattice.nll)
        if zero_infinity:
            losses = torch.where(torch.isposinf(losses), 0, losses)

        state_weights = weights.repeat_interleave(2, 1)[:, :-1]  # (B, 2S + 1): a blank as the label after it
        by_state = -lattice.occupancy.transpose(0, 1) * state_weights  # (T, B, 2S + 1)
        by_state = torch.where(possible[:, None], by_state, 0)
        ctx.columns, ctx.classes = columns, log_probs.shape[2]
        ctx.save_for_backward(torch.cat((by_state[..., ::2].sum(2, keepdim=True), by_state[..., 1::2]), 2))
        return losses

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (by_column,) = ctx.saved_tensors  # (T, B, 1 + S)
        frames, batch, _ = by_column.shape
        grad = by_column.new_zeros(frames, batch, ctx.classes)
        grad.scatter_add_(2, ctx.columns.index(frames), by_column * grad_output[:, None])
        return grad, None, None, None, None, None, None


def _lattice(selected: Tensor, columns: LabelColumns, batch: CtcBatch) -> _Lattice:
    """Compute the lattice from the log-probabilities of the label columns, (T, B, 1 + S).

    Forward and backward variables both come from torch's forward pass; for the latter, time and labels of
    each sequence are reversed. There are few columns, so both are cheap next to a pass over all classes.
    """
    frames, size, _ = selected.shape
    device, labels, column = selected.device, columns.labels, columns.column
    t_len, u_len = batch.input_lengths.to(device), batch.target_lengths.to(device)
    position = torch.arange(labels.shape[1], device=device)

    time = torch.arange(frames, device=device)[:, None]
    reversed_time = torch.where(time < t_len, t_len - 1 - time, time)  # (T, B)
    reversed_labels = torch.where(
        position < u_len[:, None], u_len[:, None] - 1 - position, position
    )  # (B, S)
    reversed_selected = selected.gather(0, reversed_time[..., None].expand_as(selected))
    lengths = (batch.input_lengths.repeat(2), batch.target_lengths.repeat(2))
    nll, log_alpha = torch._ctc_loss(
        torch.cat((selected, reversed_selected), 1),
        torch.cat((column, column.gather(1, reversed_labels))),
        lengths[0].tolist(),
        lengths[1].tolist(),
        0,
        False,
    )
    states = torch.arange(2 * labels.shape[1] + 1, device=device)
    if log_alpha.shape[2] < len(states):  # no sequence has a label
        log_alpha = functional.pad(log_alpha, (0, len(states) - log_alpha.shape[2]))
    inside = (time[None] < t_len[:, None, None]) & (states <= 2 * u_len[:, None, None])  # (B, T, 2S + 1)
    forward = log_alpha[:size].masked_fill(~inside, -torch.inf)
    reversed_states = torch.where(inside, 2 * u_len[:, None, None] - states, states)
    backward = log_alpha[size:].gather(1, reversed_time.T[..., None].expand_as(forward))
    backward = backward.gather(2, reversed_states)
    emitted = torch.empty_like(forward)
    emitted[..., ::2] = selected[..., :1].transpose(0, 1)
    emitted[..., 1::2] = selected[..., 1:].transpose(0, 1)
    emitted = emitted.masked_fill(~inside, -torch.inf)
    # p(state at t | target); both variables include the emission at t
    occupancy = (forward + backward - emitted + nll[:size, None, None]).exp()
    occupancy = occupancy.masked_fill(torch.isneginf(emitted), 0)
    return _Lattice(nll[:size], _prefix_nll(forward, emitted, columns.differs), occupancy)


def _prefix_nll(forward: Tensor, emitted: Tensor, differs: Tensor) -> Tensor:
    """Return -ln P of the first u labels, u = 1 .. S, (B, S): label u starts at some frame, with any suffix.

    It starts at t after the blank before it at t - 1, or after the label before it unless the two are equal.

    Args:
        forward: Forward variables, (B, T, 2S + 1).
        emitted: Log-probability of each state's class, (B, T, 2S + 1).
        differs: Whether a label differs from the one before it, (B, S).
    """
    blank = forward[:, :-1, :-1:2]  # before each label, frames 0 .. T - 2
    label = forward[:, :-1, 1:-2:2].masked_fill(~differs[:, None, 1:], -torch.inf)
    before = torch.cat((blank[..., :1], torch.logaddexp(blank[..., 1:], label)), 2)
    at_start = torch.full_like(emitted[:, :1, 1::2], -torch.inf)  # only the first label can start in frame 0
    at_start[..., 0] = emitted[:, :1, 1]
    return -torch.cat((at_start, before + emitted[:, 1:, 1::2]), 1).logsumexp(1)
