"""CTC and focal CTC of whole sequences: the loss turned down where a sequence is already read well.

    L = -ln p(target | log_probs)          nats, from ``torch.nn.functional.ctc_loss``
    p = exp(-L)
    focal = alpha * (1 - p) ** gamma * L

With alpha 1 and gamma 0 this is plain CTC. For L above about 10 nats the factor is 1.000 at the usual gammas,
so early in a training on whole staves the loss is alpha times CTC; later it dwells on the hardest staves.
With p = exp(-L / U), of U labels, it is active throughout.
"""

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from focal_omr.loss.checks import CtcBatch, Lengths, Reduction, check_factor, check_options, checked
from focal_omr.loss.columns import LabelColumns


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
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = checked(log_probs, targets, input_lengths, target_lengths, blank=blank)
    nll = _sequence_nll(batch, blank, zero_infinity)
    return batch.reduced(focal_nll(nll, alpha=alpha, gamma=gamma), reduction)


def length_focal_ctc_loss(
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
    """Focal CTC loss whose p is that of a label in the mean: p = exp(-L / U), of U labels.

    alpha * (1 - p) ** gamma * L. The factor of a whole sequence's p is 1 until L is a few nats; this one
    falls with the loss from the beginning. A sequence without labels counts as one of one label.

    Arguments, result, errors and what is said of infinite L are those of `focal_ctc_loss`.

    Source:
        The normalisation is that of a focal CTC in a fork of ESPnet2; the rest as in `focal_ctc_loss`.
    """
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = checked(log_probs, targets, input_lengths, target_lengths, blank=blank)
    nll = _sequence_nll(batch, blank, zero_infinity)
    labels = batch.target_lengths.clamp(min=1).to(nll)
    return batch.reduced(labels * focal_nll(nll / labels, alpha=alpha, gamma=gamma), reduction)


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
        check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
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
    check_factor("alpha", alpha)
    check_factor("gamma", gamma)
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


def _sequence_nll(batch: CtcBatch, blank: int, zero_infinity: bool) -> Tensor:
    """Return L of each sequence in nats, (B,), with a gradient that is finite where torch's is NaN.

    On a CPU from the columns of the labels alone, where these are few. A GPU goes over all classes in less
    time than it needs to start the kernels that pick some.
    """
    longest = int(batch.target_lengths.max())
    if batch.log_probs.device.type == "cpu" and 1 + longest < batch.log_probs.shape[2]:
        columns = LabelColumns.of(batch, blank)
        nll: Tensor = _LabelNll.apply(batch.log_probs, batch, columns, zero_infinity)  # type: ignore[no-untyped-call]
        return nll
    return _nll_of_all_classes(batch, blank, zero_infinity)


class _LabelNll(torch.autograd.Function):
    """L (B,) from the columns of the labels, by torch's own CTC.

    Torch's gradient to the log probabilities is p - q in all classes, with q the share of the alignments that
    visit the class. After ``log_softmax`` -q alone is the same, for p and q both sum to 1; and outside of the
    columns q is 0.
    """

    @staticmethod
    def forward(
        ctx: Any, log_probs: Tensor, batch: CtcBatch, columns: LabelColumns, zero_infinity: bool
    ) -> Tensor:
        seen = log_probs.gather(2, columns.of_frames(log_probs.shape[0]))  # (T, B, 1 + S)
        lengths = batch.input_lengths.tolist(), batch.target_lengths.tolist()
        nll, log_alpha = torch._ctc_loss(seen, columns.names, *lengths, 0, zero_infinity)
        ctx.columns, ctx.lengths, ctx.classes = columns, lengths, log_probs.shape[2]
        ctx.save_for_backward(seen, nll, log_alpha)
        return torch.where(torch.isposinf(nll), 0, nll) if zero_infinity else nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        seen, nll, log_alpha = ctx.saved_tensors
        frames = seen.shape[0]
        grad = torch.ops.aten._ctc_loss_backward(
            grad_output, seen, ctx.columns.names, *ctx.lengths, nll, log_alpha, 0, False
        )
        weights = grad_output.expand(frames, -1)
        if min(ctx.lengths[0]) < frames:
            weights = weights * (torch.arange(frames)[:, None] < torch.tensor(ctx.lengths[0]))
        grad.sub_(seen.exp().mul_(weights[..., None]))
        if not torch.isfinite(grad.sum()):  # torch has NaN, from inf - inf, where no alignment goes
            grad.masked_fill_(torch.isneginf(seen) | torch.isposinf(nll)[:, None], 0)
        all_classes = grad.new_zeros(frames, grad.shape[1], ctx.classes)
        return all_classes.scatter_add_(2, ctx.columns.of_frames(frames), grad), None, None, None


def _nll_of_all_classes(batch: CtcBatch, blank: int, zero_infinity: bool) -> Tensor:
    log_probs = batch.log_probs.view_as(batch.log_probs)  # a tensor of our own to hook, not the caller's
    nll = functional.ctc_loss(
        log_probs,
        batch.targets,
        batch.input_lengths,
        batch.target_lengths,
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
