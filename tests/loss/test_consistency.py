"""The consistency loss compared with its formula."""

import pytest
import torch
from torch.nn import functional

from focal_omr.loss import consistency_loss


def views(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 3, 5, generator=generator, dtype=torch.float64).requires_grad_()


def test_formula_and_gradient() -> None:
    one, two = views(0), views(1)
    lengths = torch.tensor([6, 4, 0])
    loss = consistency_loss(one.log_softmax(-1), two.log_softmax(-1), lengths)
    expected = torch.zeros((), dtype=torch.float64)
    for sample, frames in enumerate(lengths.tolist()):
        p, q = (view[:frames, sample].log_softmax(-1) for view in (one, two))
        expected = expected + 0.5 * functional.kl_div(p, q.detach(), log_target=True, reduction="sum")
        expected = expected + 0.5 * functional.kl_div(q, p.detach(), log_target=True, reduction="sum")
    torch.testing.assert_close(loss, expected / 3)
    for view in (one, two):
        grads = [torch.autograd.grad(each, view, retain_graph=True)[0] for each in (loss, expected / 3)]
        torch.testing.assert_close(*grads)


def test_equal_views_cost_nothing() -> None:
    view = views(0).detach().log_softmax(-1)
    assert consistency_loss(view, view, torch.tensor([6, 6, 6])).item() == 0.0


def test_a_class_of_probability_0() -> None:
    one, two = views(0), views(1)
    forbidden = torch.zeros(5, dtype=torch.float64)
    forbidden[4] = -torch.inf
    loss = consistency_loss(
        (one + forbidden).log_softmax(-1), (two + forbidden).log_softmax(-1), torch.tensor([6, 6, 6])
    )
    assert torch.isfinite(loss)
    assert torch.isfinite(torch.autograd.grad(loss, one)[0]).all()


def test_views_of_different_shapes() -> None:
    with pytest.raises(ValueError, match="views have shapes"):
        consistency_loss(views(0), views(1)[:5], torch.tensor([6, 6, 6]))
