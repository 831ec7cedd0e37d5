"""Focal CTC of single symbols: each one of the target is turned down by how well it is read itself.

A sequence's factor cannot tell a rare symbol from the frequent ones around it. CTC's forward variables can:
by the chain rule, with P(u) the probability that a reading begins with the first u labels,

    L = l(1) + ... + l(U) + l(end)         l(u) = -ln p(u),  p(u) = P(u) / P(u - 1)

where p(u) is the posterior of label u after those before it, and p(end) that of nothing after the last one.
Each weighs w(u) = alpha * c(label) * (1 - p(u)) ** gamma, with a class weight c. The loss is the sum of
w(u) * l(u); at gamma 0, alpha 1 and equal classes it is plain CTC. `docs/focal-ctc.md` derives it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.loss.checks import CtcBatch, Lengths, Reduction, check_options, checked
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
    """Focal CTC loss in which each symbol of the target has its own factor; see this module.

    The weights are held still. The gradient is that of the alignments' expected cross entropy,

        -sum over t, s of w(s) * occupancy(t, s) * log_probs(t, class of s)

    with CTC's occupancies held still too: at equal weights this is the gradient of CTC (Fisher's identity). A
    blank weighs as the label after it, whose l(u) it is part of; those after the last label weigh as the end,
    whose class is the blank.

    The value is the sum of w * l. Where weights differ the gradient is not the derivative of the value, which
    would have to weigh what is read after a label against what is read before it.

    Arguments, result, errors and what is said of infinite L are those of `focal_ctc_loss`, and:

    Args:
        class_weights: c of each class, (C,), 0 or more; None: all 1. See `class_balanced_weights`.

    Raises:
        ValueError: Class weights of another shape, or negative ones.

    Source:
        The factor is that of Lin et al. 2017, arXiv 1708.02002; weights of single labels by CTC's alignment
        as in Feng et al. 2019 (doi 10.1155/2019/9345861) and arXiv 1904.10619; P(u) is the prefix probability
        of Graves 2008, section 7.5.
    """
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = checked(log_probs, targets, input_lengths, target_lengths, blank=blank)
    weights = _checked_weights(class_weights, batch.log_probs)
    losses: Tensor = _SymbolFocal.apply(  # type: ignore[no-untyped-call]
        batch.log_probs, batch, weights, alpha, gamma, blank, zero_infinity
    )
    return batch.reduced(losses, reduction)


def class_balanced_weights(counts: Sequence[int] | Tensor, *, beta: float = 0.999) -> Tensor:
    """Weights of classes by the effective number of their samples: 1 - beta over 1 - beta ** count.

    Args:
        counts: Occurrences of each class in training, (C,); the weight of one that does not occur is 1.
        beta: 0 .. 1, below 1. At 0 all classes weigh the same; towards 1 they weigh as the inverse of their
            counts.

    Returns:
        (C,) float32, such that an occurrence weighs 1 in the mean.

    Raises:
        ValueError: A negative count, or beta out of its range.

    Source: Cui et al. 2019, arXiv 1901.05555, equation 4; there the mean over the classes is 1.
    """
    numbers = torch.as_tensor(counts, dtype=torch.float64)
    if (numbers < 0).any():
        raise ValueError("a count of occurrences is negative")
    if not 0 <= beta < 1:
        raise ValueError(f"beta is {beta}; it must be 0 or more, and below 1")
    seen = numbers > 0
    raw = (1 - beta) / (1 - beta ** torch.where(seen, numbers, 1))
    total = numbers.sum()
    mean = (raw * numbers).sum() / total if total else torch.ones(())
    return torch.where(seen, raw / mean, 1.0).float()


@dataclass(frozen=True)
class _Lattice:
    """CTC's states of a batch: state 2u is the blank before label u, 2u + 1 the label, 2U the last blank.

    Attributes:
        nll: L, (B,).
        prefix_nll: -ln P of the first u labels, u = 1 .. S, (B, S); what is beyond a target is undefined.
        occupancy: Probability of each state given the target, (B, T, 2S + 1); 0 outside.
    """

    nll: Tensor
    prefix_nll: Tensor
    occupancy: Tensor


class _SymbolFocal(torch.autograd.Function):
    """The losses (B,) of `symbol_focal_ctc_loss`; the gradient is made with them, for the labels' columns."""

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
        seen = log_probs.gather(2, columns.of_frames(log_probs.shape[0]))  # (T, B, 1 + S)
        lattice = _lattice(seen, columns, batch)
        possible = ~torch.isposinf(lattice.nll)

        last = batch.target_lengths.to(log_probs.device)[:, None]  # (B, 1)
        place = torch.arange(labels.shape[1] + 1, device=log_probs.device)  # 0 .. S; `last` is the end
        # -ln P of 0, 1 .. U labels, then of the target itself
        nll = torch.cat((torch.zeros_like(lattice.nll)[:, None], lattice.prefix_nll), 1)
        steps = torch.where(place < last, nll.roll(-1, 1), lattice.nll[:, None]) - nll  # l, (B, S + 1)
        steps = torch.where((place <= last) & possible[:, None], steps.clamp(min=0), 0)
        weights = alpha * (-torch.expm1(-steps)).pow(gamma)
        ends = torch.full_like(labels[:, :1], blank)
        weights = weights * class_weights[torch.cat((labels, ends), 1).where(place < last, ends)]
        losses = torch.where(possible, (weights * steps).sum(1), lattice.nll)
        if zero_infinity:
            losses = torch.where(torch.isposinf(losses), 0, losses)

        by_state = -lattice.occupancy.transpose(0, 1) * _of_states(weights)  # (T, B, 2S + 1)
        by_state = torch.where(possible[:, None], by_state, 0)
        ctx.columns, ctx.classes = columns, log_probs.shape[2]
        ctx.save_for_backward(torch.cat((by_state[..., ::2].sum(2, keepdim=True), by_state[..., 1::2]), 2))
        return losses

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        (by_column,) = ctx.saved_tensors  # (T, B, 1 + S)
        frames, batch, _ = by_column.shape
        grad = by_column.new_zeros(frames, batch, ctx.classes)
        grad.scatter_add_(2, ctx.columns.of_frames(frames), by_column * grad_output[:, None])
        return grad, None, None, None, None, None, None


def _of_states(weights: Tensor) -> Tensor:
    """Weights of labels and end, (B, S + 1), for the states, (B, 2S + 1)."""
    return weights.repeat_interleave(2, 1)[:, :-1]


def _lattice(seen: Tensor, columns: LabelColumns, batch: CtcBatch) -> _Lattice:
    """The states of a batch, from the columns of the blank and of each label in turn, (T, B, 1 + S).

    Forward and backward variables both come from torch's own forward pass, the second from the sequence read
    from its end. The columns are few, so both cost little beside a pass over all classes.
    """
    frames, size, _ = seen.shape
    device, labels, names, fresh = seen.device, columns.labels, columns.names, columns.fresh
    t_len, u_len = batch.input_lengths.to(device), batch.target_lengths.to(device)
    spots = torch.arange(labels.shape[1], device=device)

    time = torch.arange(frames, device=device)[:, None]
    back_in_time = torch.where(time < t_len, t_len - 1 - time, time)  # (T, B)
    backwards = torch.where(spots < u_len[:, None], u_len[:, None] - 1 - spots, spots)  # (B, S)
    turned = seen.gather(0, back_in_time[..., None].expand_as(seen))
    lengths = (batch.input_lengths.repeat(2), batch.target_lengths.repeat(2))
    nll, log_alpha = torch._ctc_loss(
        torch.cat((seen, turned), 1),
        torch.cat((names, names.gather(1, backwards))),
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
    turned_states = torch.where(inside, 2 * u_len[:, None, None] - states, states)
    backward = log_alpha[size:].gather(1, back_in_time.T[..., None].expand_as(forward))
    backward = backward.gather(2, turned_states)
    emitted = torch.empty_like(forward)
    emitted[..., ::2] = seen[..., :1].transpose(0, 1)
    emitted[..., 1::2] = seen[..., 1:].transpose(0, 1)
    emitted = emitted.masked_fill(~inside, -torch.inf)
    # p(state at t | target): both variables hold what is emitted at t
    occupancy = (forward + backward - emitted + nll[:size, None, None]).exp()
    occupancy = occupancy.masked_fill(torch.isneginf(emitted), 0)
    return _Lattice(nll[:size], _prefix_nll(forward, emitted, fresh), occupancy)


def _prefix_nll(forward: Tensor, emitted: Tensor, fresh: Tensor) -> Tensor:
    """-ln P of the first u labels, u = 1 .. S, (B, S): label u begins at some frame, whatever follows.

    It begins at t from the blank before it at t - 1, or from the label before it unless that is its equal.
    """
    blank = forward[:, :-1, :-1:2]  # before each label, frames 0 .. T - 2
    label = forward[:, :-1, 1:-2:2].masked_fill(~fresh[:, None, 1:], -torch.inf)
    before = torch.cat((blank[..., :1], torch.logaddexp(blank[..., 1:], label)), 2)
    at_once = torch.full_like(emitted[:, :1, 1::2], -torch.inf)  # in frame 0 the first label alone can begin
    at_once[..., 0] = emitted[:, :1, 1]
    return -torch.cat((at_once, before + emitted[:, 1:, 1::2]), 1).logsumexp(1)


def _checked_weights(weights: Tensor | None, log_probs: Tensor) -> Tensor:
    classes = log_probs.shape[2]
    if weights is None:
        return log_probs.new_ones(classes)
    if tuple(weights.shape) != (classes,):
        raise ValueError(
            f"class_weights has shape {tuple(weights.shape)}; it must be ({classes},), one a class"
        )
    if not (torch.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("class_weights holds a negative or not finite weight")
    return weights.to(log_probs)
