"""Sum over the alignments of a CTC target, from the emissions of its label columns.

An emission is the log-probability of a label, or of the blank, in a frame. The blank and the labels of one
sequence are few, so everything here is cheap next to a pass over all classes. The gradient to the emissions
is minus the occupancy, for emissions that sum to 1 over the columns or do not.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from focal_omr.loss.checks import CtcBatch
from focal_omr.loss.columns import LabelColumns

__all__ = ["Lattice", "emission_nll", "finite_gradient", "lattice"]


def emission_nll(emissions: Tensor, batch: CtcBatch, columns: LabelColumns, zero_infinity: bool) -> Tensor:
    """Compute L = -ln p(target) of each sequence.

    Args:
        emissions: Log-probability of the blank and of each label, (T, B, 1 + S).
        batch: Lengths of the sequences.
        columns: Column of each label.
        zero_infinity: Whether L is 0 instead of inf where there are too few frames.

    Returns:
        Nats, (B,).
    """
    nll: Tensor = _EmissionNll.apply(emissions, batch, columns, zero_infinity)  # type: ignore[no-untyped-call]
    return nll


class _EmissionNll(torch.autograd.Function):
    """`emission_nll` by torch's CTC.

    With the occupancy q, torch's gradient is p - q, which holds through ``log_softmax`` only. The derivative
    to the emissions themselves is -q.
    """

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, batch: CtcBatch, columns: LabelColumns, zero_infinity: bool
    ) -> Tensor:
        lengths = batch.input_lengths.tolist(), batch.target_lengths.tolist()
        nll, log_alpha = torch._ctc_loss(emissions, columns.column, *lengths, 0, zero_infinity)
        ctx.columns, ctx.lengths = columns, lengths
        ctx.save_for_backward(emissions, nll, log_alpha)
        return torch.where(torch.isposinf(nll), 0, nll) if zero_infinity else nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        emissions, nll, log_alpha = ctx.saved_tensors
        frames = emissions.shape[0]
        grad = torch.ops.aten._ctc_loss_backward(
            grad_output, emissions, ctx.columns.column, *ctx.lengths, nll, log_alpha, 0, False
        )
        # Subtract the p of torch's p - q.
        weights = grad_output.expand(frames, -1)
        if min(ctx.lengths[0]) < frames:
            time = torch.arange(frames, device=grad.device)[:, None]
            weights = weights * (time < torch.tensor(ctx.lengths[0], device=grad.device))
        grad.sub_(emissions.exp().mul_(weights[..., None]))
        return finite_gradient(grad, emissions, torch.isposinf(nll)), None, None, None


def finite_gradient(grad: Tensor, log_probs: Tensor, unreachable: Tensor) -> Tensor:
    """Replace gradients that torch 2.13 computes as NaN (inf - inf) by their limit, 0.

    These are all gradients of a sequence with infinite L, and those of a class of log-probability -inf, which
    no alignment visits. NaN of any other origin stays.

    Args:
        grad: Gradient to the log-probabilities, (T, B, C).
        log_probs: (T, B, C).
        unreachable: Whether L is infinite, (B,).
    """
    if torch.isfinite(grad.sum()):  # one pass; the masks below need several and are rarely required
        return grad
    return grad.masked_fill(torch.isneginf(log_probs) | unreachable[:, None], 0)


@dataclass(frozen=True)
class Lattice:
    """CTC states of a batch: state 2u is the blank before label u, 2u + 1 the label, 2U the last blank.

    Attributes:
        nll: L, (B,).
        prefix_nll: -ln P of the first u labels, u = 1 .. S, (B, S); undefined beyond a target's end.
        occupancy: Probability of each state given the target, (B, T, 2S + 1); 0 outside the lattice.
    """

    nll: Tensor
    prefix_nll: Tensor
    occupancy: Tensor


def lattice(emissions: Tensor, columns: LabelColumns, batch: CtcBatch) -> Lattice:
    """Compute the lattice of the emissions.

    Forward and backward variables both come from torch's forward pass; for the latter, time and labels of
    each sequence are reversed. There are few columns, so both are cheap next to a pass over all classes.

    Args:
        emissions: Log-probability of the blank and of each label, (T, B, 1 + S).
        columns: Column of each label.
        batch: Lengths of the sequences.
    """
    frames, size, _ = emissions.shape
    device, labels, column = emissions.device, columns.labels, columns.column
    t_len, u_len = batch.input_lengths.to(device), batch.target_lengths.to(device)
    position = torch.arange(labels.shape[1], device=device)

    time = torch.arange(frames, device=device)[:, None]
    reversed_time = torch.where(time < t_len, t_len - 1 - time, time)  # (T, B)
    reversed_labels = torch.where(
        position < u_len[:, None], u_len[:, None] - 1 - position, position
    )  # (B, S)
    reversed_emissions = emissions.gather(0, reversed_time[..., None].expand_as(emissions))
    lengths = (batch.input_lengths.repeat(2), batch.target_lengths.repeat(2))
    nll, log_alpha = torch._ctc_loss(
        torch.cat((emissions, reversed_emissions), 1),
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
    emitted[..., ::2] = emissions[..., :1].transpose(0, 1)
    emitted[..., 1::2] = emissions[..., 1:].transpose(0, 1)
    emitted = emitted.masked_fill(~inside, -torch.inf)
    # p(state at t | target); both variables include the emission at t
    occupancy = (forward + backward - emitted + nll[:size, None, None]).exp()
    occupancy = occupancy.masked_fill(torch.isneginf(emitted), 0)
    return Lattice(nll[:size], _prefix_nll(forward, emitted, columns.differs), occupancy)


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
