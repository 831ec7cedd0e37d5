"""Log-softmax by factor compared with torch's of each factor."""

import torch

from focal_omr.model.factor_softmax import log_softmax_by_factor

SIZES = (3, 1, 7, 2)


def _expected(logits: torch.Tensor) -> torch.Tensor:
    return torch.cat([part.log_softmax(-1) for part in logits.split(SIZES, -1)], -1)


def test_values_and_gradients_are_those_of_a_softmax_of_each_factor() -> None:
    torch.manual_seed(1)
    logits = (5 * torch.randn(4, 5, sum(SIZES))).requires_grad_()
    weights = torch.randn_like(logits)
    ours, theirs = log_softmax_by_factor(logits, SIZES), _expected(logits)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    (got,) = torch.autograd.grad((ours * weights).sum(), logits)
    (expected,) = torch.autograd.grad((theirs * weights).sum(), logits)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(log_softmax_by_factor(logits, SIZES), theirs)


def test_half_precision_is_computed_in_float32_under_autocast_too() -> None:
    logits = torch.randn(3, sum(SIZES)).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        got = log_softmax_by_factor(logits, SIZES)
    assert got.dtype is torch.float32
    torch.testing.assert_close(got, _expected(logits.float()), atol=1e-4, rtol=1e-4)


def test_a_factor_far_below_the_others_stays_finite() -> None:
    logits = torch.zeros(sum(SIZES)).requires_grad_()
    with torch.no_grad():
        logits[:3] = -500.0
    got = log_softmax_by_factor(logits, SIZES)
    torch.testing.assert_close(got[:3], torch.full((3,), 1 / 3).log())
