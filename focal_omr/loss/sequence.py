"""CTC and focal CTC of whole sequences: easy (high-probability) sequences are down-weighted.

    L = -ln p(target | log_probs)          nats, from ``torch.nn.functional.ctc_loss``
    p = exp(-L)
    focal = alpha * (1 - p) ** gamma * L

With alpha 1 and gamma 0 this is plain CTC. For L above about 10 nats the factor is 1.000 at the usual gammas:
early in a training on whole staves the loss is alpha times CTC, later it concentrates on the hardest staves.
With p = exp(-L / U) for U labels, the factor is active throughout.
"""

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from focal_omr.loss.alignment import emission_nll, finite_gradient
from focal_omr.loss.checks import CtcBatch, Lengths, Reduction, check_factor, check_options, validate_inputs
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
    """Compute the focal CTC loss, with the signature of ``torch.nn.functional.ctc_loss``.

    ``"mean"`` is the plain mean of the sequence losses over the batch. Torch's CTC first divides each loss by
    its target length; the reference implementation of the paper does not, and neither does this one.

    A sequence with too few frames for its target (one per label, plus one between equal neighbours) has p = 0
    and infinite L. Its loss is inf for every alpha, or 0 with ``zero_infinity``. Its gradient is 0 either
    way, so it cannot spoil the update of its batch (torch gives NaN without ``zero_infinity``); check the
    value to detect it. Elsewhere the gradient is finite, also at L = 0 and for classes of log-probability
    -inf. NaN in ``log_probs`` propagates.

    As with torch's CTC, the gradient is valid only through ``log_softmax``, and there is no second
    derivative. Half and bfloat16 input is computed in float32. Compute ``log_softmax`` in float32 too:
    autocast on a CPU leaves it in bfloat16, where a row sums to 1 only within about 1 % (seen at C = 1782).

    Args:
        log_probs: Natural log-probabilities, normalised over C, floating: (T, B, C), or (T, C) for one
            sequence.
        targets: Class ids, integers in [0, C) other than ``blank``: (B, S) padded with any value, or all
            sequences concatenated, (sum of target_lengths,). Keep them on the CPU: checking them on a GPU
            forces a synchronisation.
        input_lengths: Frames of each sequence, each in [0, T], (B,); for one sequence (1,) or ().
        target_lengths: Labels of each sequence, shaped as ``input_lengths``.
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0; larger values down-weight easy sequences more.
        blank: Class id of the blank, in [0, C).
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, float32 or float64: a scalar; with ``"none"`` (B,), or a scalar for one sequence.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        Focal CTC of doi 10.1109/PuneCon46936.2019.9105720 and its reference implementation. Numerical
        deviations: 1 - p by ``expm1``, and a finite gradient for gamma below 1.
    """
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = validate_inputs(log_probs, targets, input_lengths, target_lengths, blank=blank)
    nll = _sequence_nll(batch, blank, zero_infinity)
    return batch.reduce(focal_nll(nll, alpha=alpha, gamma=gamma), reduction)


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
    """Compute the focal CTC loss with the mean probability per label, p = exp(-L / U) for U labels.

    The loss is alpha * (1 - p) ** gamma * L. With the p of the whole sequence the factor stays at 1 until L
    is a few nats; this one decreases with the loss from the start. A sequence without labels has U = 1.

    Infinite L, NaN and dtypes are handled as in `focal_ctc_loss`.

    Args:
        log_probs: Natural log-probabilities, (T, B, C) or (T, C).
        targets: Class ids, (B, S) or (sum of target_lengths,).
        input_lengths: Frames of each sequence, (B,).
        target_lengths: Labels of each sequence, (B,).
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        blank: Class id of the blank.
        reduction: ``"mean"`` over the batch, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

    Returns:
        Nats, as `focal_ctc_loss`.

    Raises:
        ValueError: An argument is out of its range or shape; the message names it and the sample.

    Source:
        The normalisation is that of a focal CTC in a fork of ESPnet2; the rest as in `focal_ctc_loss`.
    """
    check_options(alpha=alpha, gamma=gamma, blank=blank, reduction=reduction)
    batch = validate_inputs(log_probs, targets, input_lengths, target_lengths, blank=blank)
    nll = _sequence_nll(batch, blank, zero_infinity)
    labels = batch.target_lengths.clamp(min=1).to(nll)
    return batch.reduce(labels * focal_nll(nll / labels, alpha=alpha, gamma=gamma), reduction)


class FocalCTCLoss(nn.Module):
    """``focal_ctc_loss`` as a module without state, used like ``torch.nn.CTCLoss``.

    Unlike torch's, ``reduction="mean"`` is the plain mean over the batch.

    Args:
        alpha: Constant factor, at least 0.
        gamma: Focusing exponent, at least 0.
        blank: Class id of the blank.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``.
        zero_infinity: Whether a sequence with too few frames for its target has loss 0 instead of inf.

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
        """Compute ``focal_ctc_loss`` with the module's options.

        Args:
            log_probs: Natural log-probabilities, (T, B, C) or (T, C).
            targets: Class ids, (B, S) or (sum of target_lengths,).
            input_lengths: Frames of each sequence, (B,).
            target_lengths: Labels of each sequence, (B,).
        """
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
        """Return the options for ``print(module)``."""
        return (
            f"alpha={self.alpha}, gamma={self.gamma}, blank={self.blank}, "
            f"reduction={self.reduction!r}, zero_infinity={self.zero_infinity}"
        )


def focal_nll(nll: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """Compute the focal loss of events of probability exp(-nll): ``alpha * (1 - exp(-nll)) ** gamma * nll``.

    Events may be whole sequences, as in ``focal_ctc_loss``, or parts of them. The gradient is finite for
    every nll >= 0, infinity included, and twice differentiable where nll is finite and above 0.

    Args:
        nll: Negative log-probabilities in nats, at least 0, floating, any shape such as (B,). Values rounded
            slightly below 0 are weighted as 0. Infinity stays infinity.
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
    """``focal_nll`` with an explicit derivative.

    Autograd's contains (1 - p) ** (gamma - 1), which for gamma < 1 is inf at nll = 0 and gives NaN as inf *
    0.
    """

    @staticmethod
    def forward(nll: Tensor, alpha: float, gamma: float) -> Tensor:
        focal = alpha * _one_minus_p(nll).pow(gamma) * nll
        # With alpha 0 the product is 0 * inf = NaN.
        return torch.where(torch.isposinf(nll), nll, focal)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        nll, ctx.alpha, ctx.gamma = inputs
        ctx.save_for_backward(nll)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        # d focal / d nll = alpha * (1 - p)**gamma * (1 + gamma * p * nll / (1 - p)). nll / (1 - p) tends to 1
        # at nll = 0, and p * nll to 0 at infinity, where the slope is alpha.
        (nll,) = ctx.saved_tensors
        one_minus_p = _one_minus_p(nll)
        regular = (one_minus_p > 0) & ~torch.isposinf(nll)
        ratio = torch.where(regular, nll, 1) / torch.where(regular, one_minus_p, 1)
        slope = ctx.alpha * one_minus_p.pow(ctx.gamma) * (1 + ctx.gamma * (1 - one_minus_p) * ratio)
        return grad_output * slope, None, None


def _one_minus_p(nll: Tensor) -> Tensor:
    """Return 1 - p in [0, 1]; an nll rounded below 0 (-1e-7 was seen in float32) counts as 0."""
    return -torch.expm1(-nll.clamp(min=0))


def _sequence_nll(batch: CtcBatch, blank: int, zero_infinity: bool) -> Tensor:
    """Compute L of each sequence in nats, (B,), with a finite gradient where torch's is NaN.

    On a CPU, computed from the label columns alone where these are few. A GPU passes over all classes in less
    time than it takes to launch the kernels that select some.
    """
    longest = int(batch.target_lengths.max())
    if batch.log_probs.device.type == "cpu" and 1 + longest < batch.log_probs.shape[2]:
        columns = LabelColumns.of(batch, blank)
        emissions = batch.log_probs.gather(2, columns.index(batch.log_probs.shape[0]))  # (T, B, 1 + S)
        # Minus the occupancy is the gradient through ``log_softmax`` as well; outside the columns it is 0.
        return emission_nll(emissions, batch, columns, zero_infinity)
    log_probs = batch.log_probs.view_as(batch.log_probs)  # a new tensor, so that the caller's gets no hook
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
        hook = functools.partial(finite_gradient, log_probs=values, unreachable=unreachable)
        log_probs.register_hook(hook)  # type: ignore[no-untyped-call]
    return nll
