"""Focal CTC compared with torch's CTC and with sums over all alignments, and at the ends of its range."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from benchmarks import loss as benchmark
from focal_omr.loss import FocalCTCLoss, focal_ctc_loss, focal_nll, length_focal_ctc_loss

GAMMAS = [0.0, 0.25, 0.5, 1.0, 2.0, 5.0]
LABELS = [[1, 1, 2], [3], [2, 1], []]  # a repeat, one label, two, none
FRAMES = [6, 4, 5, 3]
PADDED = torch.tensor([[1, 1, 2], [3, -1, 99], [2, 1, 0], [0, 0, 0]])  # padding of any value
CONCATENATED = torch.tensor([1, 1, 2, 3, 2, 1])
LENGTHS = [len(labels) for labels in LABELS]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small tensors only lose by a second thread: up to 28 s for this file on a busy machine, not 8."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_logits(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def batch_logits(dtype: torch.dtype = torch.float64) -> Tensor:
    return random_logits(7, 4, 4, dtype=dtype)


def torch_nll(logits: Tensor, **options: Any) -> Tensor:
    log_probs = logits.log_softmax(-1)
    return functional.ctc_loss(log_probs, CONCATENATED, FRAMES, LENGTHS, reduction="none", **options)


def focal(logits: Tensor, **options: Any) -> Tensor:
    return focal_ctc_loss(logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, **options)


def summed_over_alignments(log_probs: Tensor, labels: list[int], blank: int) -> float:
    """p(labels) as CTC defines it: the sum over every path of T classes that collapses to them."""
    frames, classes = log_probs.shape
    total = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        if [label for label, _ in itertools.groupby(path) if label != blank] == labels:
            total += math.exp(sum(float(log_probs[frame, label]) for frame, label in enumerate(path)))
    return total


# --- values


@pytest.mark.parametrize(
    ("reduction", "reduce"), [("none", lambda x: x), ("mean", lambda x: x.sum() / 4), ("sum", torch.sum)]
)
def test_plain_ctc_at_alpha_1_gamma_0(reduction: str, reduce: Callable[[Tensor], Tensor]) -> None:
    logits = batch_logits()
    ours, theirs = focal(logits, alpha=1.0, gamma=0.0, reduction=reduction), reduce(torch_nll(logits))
    torch.testing.assert_close(ours, theirs)
    grads = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*grads)


def test_mean_is_over_the_batch_without_torchs_division_by_length() -> None:
    logits = batch_logits().detach()
    mean = focal(logits, alpha=1.0, gamma=0.0)
    theirs = functional.ctc_loss(logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, reduction="mean")
    torch.testing.assert_close(mean, torch_nll(logits).mean())
    assert not torch.isclose(mean, theirs)


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("alpha", [0.25, 1.0, 3.0])
def test_formula(alpha: float, gamma: float) -> None:
    logits = batch_logits().detach()
    expected = [alpha * (1 - math.exp(-nll)) ** gamma * nll for nll in torch_nll(logits).tolist()]
    assert focal(logits, alpha=alpha, gamma=gamma, reduction="none").tolist() == pytest.approx(expected)


def test_defaults() -> None:
    logits = batch_logits().detach()
    assert torch.equal(focal(logits), focal(logits, alpha=0.5, gamma=2.0, blank=0, reduction="mean"))


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_against_a_sum_over_all_alignments(blank: int, length: int) -> None:
    log_probs = random_logits(5, 3, seed=length).detach().log_softmax(-1)
    symbols = [label for label in range(3) if label != blank]
    for labels in itertools.product(symbols, repeat=length):  # repeats included
        p = summed_over_alignments(log_probs, list(labels), blank)
        target = torch.tensor(labels, dtype=torch.int64)
        loss = focal_ctc_loss(log_probs, target, [5], [length], alpha=0.5, gamma=2.0, blank=blank)
        assert loss.item() == pytest.approx(0.5 * (1 - p) ** 2 * -math.log(p), rel=1e-9)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_formula_of_the_length_normalised_form(gamma: float) -> None:
    logits = batch_logits()
    losses = length_focal_ctc_loss(
        logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, alpha=0.25, gamma=gamma, reduction="none"
    )
    nlls = torch_nll(logits)
    labels = [max(1, length) for length in LENGTHS]
    expected = [
        0.25 * (1 - math.exp(-nll / u)) ** gamma * nll for nll, u in zip(nlls.tolist(), labels, strict=True)
    ]
    assert losses.tolist() == pytest.approx(expected)
    if not gamma:
        grads = [torch.autograd.grad(loss.sum(), logits)[0] for loss in (losses, 0.25 * nlls)]
        torch.testing.assert_close(*grads)


def test_gradcheck_of_the_length_normalised_form() -> None:
    def loss(logits: Tensor) -> Tensor:
        return length_focal_ctc_loss(logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, gamma=0.5)

    assert torch.autograd.gradcheck(loss, batch_logits())


def test_alpha_1_and_gamma_2_equal_paddleocrs_loss() -> None:
    logits = batch_logits()
    ours = focal(logits, alpha=1.0, gamma=2.0)
    nll = torch_nll(logits)
    theirs = (nll * torch.square(1 - torch.exp(-nll))).mean()  # as PaddleOCR's CTCLoss with use_focal_loss
    torch.testing.assert_close(ours, theirs)
    grads = [torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*grads)


# --- ways to call it


def test_concatenated_equals_padded() -> None:
    log_probs = batch_logits().log_softmax(-1)
    padded = focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS, reduction="none")
    concatenated = focal_ctc_loss(log_probs, CONCATENATED, FRAMES, LENGTHS, reduction="none")
    assert torch.equal(padded, concatenated)
    assert padded.shape == (4,)


@pytest.mark.parametrize("kind", [tuple, list, torch.tensor, lambda x: torch.tensor(x, dtype=torch.int32)])
def test_lengths_and_targets_of_all_types(kind: Callable[[list[int]], Any]) -> None:
    log_probs = batch_logits().log_softmax(-1)
    loss = focal_ctc_loss(log_probs, PADDED.to(torch.int32), kind(FRAMES), kind(LENGTHS))
    assert torch.equal(loss, focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS))


def test_unbatched_equals_a_batch_of_one() -> None:
    log_probs = random_logits(6, 4).log_softmax(-1)
    target, length = torch.tensor([1, 1, 2]), torch.tensor(3)
    alone = focal_ctc_loss(log_probs, target, torch.tensor(6), length, reduction="none")
    batched = focal_ctc_loss(log_probs[:, None], target[None], (6,), (3,), reduction="none")
    assert alone.shape == ()
    assert torch.equal(alone, batched[0])
    for reduction in ("mean", "sum"):
        assert torch.equal(alone, focal_ctc_loss(log_probs, target, (6,), (3,), reduction=reduction))


def test_a_sample_in_a_padded_batch_equals_the_sample_alone() -> None:
    logits = batch_logits()
    together = focal(logits, reduction="none")
    (grad,) = torch.autograd.grad(together.sum(), logits)
    for sample, (labels, frames) in enumerate(zip(LABELS, FRAMES, strict=True)):
        single = logits[:frames, sample].detach().requires_grad_()
        target = torch.tensor(labels, dtype=torch.int64)
        loss = focal_ctc_loss(single.log_softmax(-1), target, [frames], [len(labels)])
        torch.testing.assert_close(loss, together[sample])
        torch.testing.assert_close(grad[:frames, sample], torch.autograd.grad(loss, single)[0])
        assert not grad[frames:, sample].any()


def test_module_equals_function_and_has_no_state() -> None:
    options: dict[str, Any] = {"alpha": 0.7, "gamma": 1.5, "blank": 3, "reduction": "sum"}
    loss = FocalCTCLoss(**options, zero_infinity=True)
    log_probs = batch_logits().log_softmax(-1)
    arguments = (log_probs, torch.tensor([[1, 1], [0, 2], [2, 1], [0, 0]]), (2, 7, 7, 7), (2, 2, 2, 2))
    assert torch.equal(loss(*arguments), focal_ctc_loss(*arguments, **options, zero_infinity=True))
    assert not loss.state_dict()
    assert repr(loss) == ("FocalCTCLoss(alpha=0.7, gamma=1.5, blank=3, reduction='sum', zero_infinity=True)")


def test_module_defaults_equal_those_of_the_function() -> None:
    log_probs = batch_logits().log_softmax(-1)
    arguments = (log_probs, PADDED, FRAMES, LENGTHS)
    assert torch.equal(FocalCTCLoss()(*arguments), focal_ctc_loss(*arguments))


def test_no_gradient_under_no_grad() -> None:
    logits = batch_logits()
    with torch.no_grad():
        assert not focal(logits).requires_grad


def test_the_callers_tensor_gets_no_hook() -> None:
    log_probs = batch_logits().detach().log_softmax(-1).requires_grad_()
    focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS)
    assert not log_probs._backward_hooks


# --- gradients


@pytest.mark.parametrize("gamma", GAMMAS)
def test_gradcheck(gamma: float) -> None:
    targets = torch.tensor([[1, 1], [2, 0]])

    def loss(logits: Tensor) -> Tensor:
        return focal_ctc_loss(logits.log_softmax(-1), targets, [4, 3], [2, 1], gamma=gamma, reduction="none")

    assert torch.autograd.gradcheck(loss, random_logits(4, 2, 3))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_gradcheck_of_the_formula_to_the_second_order(gamma: float) -> None:
    nll = torch.tensor([1e-2, 0.3, 1.0, 7.0, 40.0], dtype=torch.float64, requires_grad=True)

    def formula(x: Tensor) -> Tensor:
        return focal_nll(x, alpha=0.5, gamma=gamma)

    assert torch.autograd.gradcheck(formula, nll)
    assert torch.autograd.gradgradcheck(formula, nll)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_slope_at_the_ends(gamma: float, dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).tiny
    denormal = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    ends = [-1e-7, -0.0, 0.0, denormal, tiny, 1e-30, 1e-8, 500.0, math.inf]
    nll = torch.tensor(ends, dtype=dtype, requires_grad=True)
    focal_nll(nll, alpha=0.5, gamma=gamma).sum().backward()
    # alpha (1-p)^gamma (1 + gamma p L / (1-p)), where (1-p) = L and p = 1 for so small an L
    expected = [0.5 * max(x, 0.0) ** gamma * (1 + gamma) for x in ends[:-2]] + [0.5, 0.5]
    torch.testing.assert_close(nll.grad, torch.tensor(expected, dtype=dtype), rtol=1e-5, atol=1e-37)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("height", [8.0, 40.0, 200.0, 2000.0, math.inf])
def test_finite_gradient_towards_loss_0(height: float, gamma: float, dtype: torch.dtype) -> None:
    logits = torch.full((3, 1, 4), -height, dtype=dtype)  # nats below the target's class
    logits[[0, 1, 2], 0, [1, 0, 2]] = 0.0
    logits.requires_grad_()
    loss = focal_ctc_loss(logits.log_softmax(-1), torch.tensor([[1, 2]]), [3], [2], gamma=gamma)
    (grad,) = torch.autograd.grad(loss, logits)
    assert loss.item() == 0.0 if height >= 2000 else 0 <= loss.item() < 0.01
    assert torch.isfinite(grad).all()
    assert grad.abs().max() < 0.01


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_infinite_loss_of_one_sample(gamma: float, zero_infinity: bool) -> None:
    logits = random_logits(3, 2, 4, dtype=torch.float32)
    targets = torch.tensor([[1, 1, 2], [1, 2, 3]])  # 1 1 2 needs four frames
    log_probs = logits.log_softmax(-1)
    options: dict[str, Any] = {"gamma": gamma, "zero_infinity": zero_infinity}
    losses = focal_ctc_loss(log_probs, targets, [3, 3], [3, 3], reduction="none", **options)
    mean = focal_ctc_loss(log_probs, targets, [3, 3], [3, 3], **options)
    assert losses[0].item() == (0.0 if zero_infinity else math.inf)
    assert mean.item() == pytest.approx(losses[1].item() / 2 if zero_infinity else math.inf)
    (grad,) = torch.autograd.grad(mean, logits, retain_graph=True)
    alone = focal_ctc_loss(log_probs[:, 1], targets[1], [3], [3], gamma=gamma) / 2
    assert not grad[:, 0].any()
    assert grad[:, 1].abs().max() > 0.01
    torch.testing.assert_close(grad[:, 1], torch.autograd.grad(alone, logits)[0][:, 1])


def test_infinite_loss_at_alpha_0() -> None:
    log_probs = random_logits(2, 4).log_softmax(-1)
    target = torch.tensor([1, 1])
    assert focal_ctc_loss(log_probs, target, [2], [2], alpha=0.0).item() == math.inf
    assert focal_ctc_loss(log_probs, target, [2], [2], alpha=0.0, zero_infinity=True).item() == 0.0
    assert focal_ctc_loss(log_probs, target[:1], [2], [1], alpha=0.0).item() == 0.0


def test_forbidden_class_gets_gradient_0_and_changes_no_other() -> None:
    logits = random_logits(5, 2, 3)
    targets = torch.tensor([[1, 2], [1, 1]])
    narrow = focal_ctc_loss(logits.log_softmax(-1), targets, [5, 5], [2, 2])
    forbidden = functional.pad(logits.detach(), (0, 1), value=-math.inf).requires_grad_()
    wide = focal_ctc_loss(forbidden.log_softmax(-1), targets, [5, 5], [2, 2])
    (expected,), (grad,) = torch.autograd.grad(narrow, logits), torch.autograd.grad(wide, forbidden)
    torch.testing.assert_close(wide, narrow)
    torch.testing.assert_close(grad[..., :3], expected)
    assert not grad[..., 3].any()


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_nan_is_not_hidden(zero_infinity: bool) -> None:
    logits = batch_logits()
    logits.data[0, 1] = math.nan
    losses = focal(logits, reduction="none", zero_infinity=zero_infinity)
    assert torch.isnan(losses).tolist() == [False, True, False, False]
    (grad,) = torch.autograd.grad(losses.sum(), logits)
    assert torch.isnan(grad[: FRAMES[1], 1]).all()
    assert torch.isfinite(grad[:, [0, 2, 3]]).all()


# --- precision


@pytest.mark.parametrize("gamma", GAMMAS)
def test_float32_against_float64(gamma: float) -> None:
    single = batch_logits(torch.float32)
    double = single.detach().double().requires_grad_()
    losses = [focal(logits, gamma=gamma, reduction="none") for logits in (single, double)]
    assert [loss.dtype for loss in losses] == [torch.float32, torch.float64]
    grads = [
        torch.autograd.grad(loss.sum(), logits)[0]
        for loss, logits in zip(losses, (single, double), strict=True)
    ]
    torch.testing.assert_close(losses[0], losses[1].float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(grads[0], grads[1].float(), rtol=1e-4, atol=1e-6)


def test_small_loss_keeps_its_digits_in_float32() -> None:
    nll = torch.tensor([1e-9])  # 1 - exp(-1e-9) is 0 in float32
    assert focal_nll(nll, alpha=1.0, gamma=1.0).item() == pytest.approx(1e-18, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_input_is_computed_in_float32(dtype: torch.dtype) -> None:
    log_probs = batch_logits().detach().log_softmax(-1).to(dtype).requires_grad_()
    loss = focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS)
    assert torch.equal(loss, focal_ctc_loss(log_probs.float(), PADDED, FRAMES, LENGTHS))
    (grad,) = torch.autograd.grad(loss, log_probs)
    assert grad.dtype == dtype
    assert torch.isfinite(grad).all()
    assert grad.any()


@pytest.mark.parametrize("gamma", GAMMAS)
def test_under_autocast(gamma: float) -> None:
    features, weight = random_logits(7, 4, 5, dtype=torch.float32), random_logits(4, 5, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = functional.linear(features, weight)
        assert logits.dtype == torch.bfloat16
        log_probs = logits.log_softmax(-1)
        loss = focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS, gamma=gamma)
    assert log_probs.dtype == torch.bfloat16
    assert loss.dtype == torch.float32
    outside = focal_ctc_loss(log_probs.detach().float(), PADDED, FRAMES, LENGTHS, gamma=gamma)
    assert torch.equal(loss, outside)
    (grad,) = torch.autograd.grad(loss, weight)
    exact = torch.autograd.grad(focal(functional.linear(features, weight), gamma=gamma), weight)[0]
    torch.testing.assert_close(grad, exact, rtol=0.1, atol=0.02)


# --- bad arguments

GOOD: dict[str, Any] = {
    "log_probs": torch.zeros(7, 2, 4).log_softmax(-1),
    "targets": torch.tensor([[1, 2], [3, 0]]),
    "input_lengths": [7, 5],
    "target_lengths": [2, 1],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha": -0.1}, r"alpha is -0\.1.*0 or more"),
        ({"alpha": math.nan}, r"alpha is nan"),
        ({"alpha": math.inf}, r"alpha is inf"),
        ({"gamma": -1}, r"gamma is -1.*0 or more"),
        ({"gamma": math.nan}, r"gamma is nan"),
        ({"gamma": math.inf}, r"gamma is inf"),
        ({"reduction": "average"}, r"reduction is 'average'.*'none', 'mean' or 'sum'"),
        ({"blank": -1}, r"blank is -1"),
        ({"blank": 4}, r"blank is 4; log_probs has 4 classes"),
        ({"log_probs": torch.zeros(4)}, r"log_probs has shape \(4,\).*\(T, B, C\)"),
        ({"log_probs": torch.zeros(1, 7, 2, 4)}, r"log_probs has shape \(1, 7, 2, 4\)"),
        ({"log_probs": torch.zeros(7, 0, 4)}, r"log_probs has shape \(7, 0, 4\)"),
        ({"log_probs": torch.zeros(7, 2, 4, dtype=torch.int64)}, r"log_probs is torch\.int64"),
        ({"input_lengths": [7]}, r"input_lengths has shape \(1,\).*\(2,\)"),
        ({"input_lengths": [7, 5, 5]}, r"input_lengths has shape \(3,\)"),
        ({"input_lengths": torch.tensor([[7, 5]])}, r"input_lengths has shape \(1, 2\)"),
        ({"input_lengths": [7, 8]}, r"input_lengths\[1\] is 8.*0\.\.7.*frames"),
        ({"input_lengths": [-1, 7]}, r"input_lengths\[0\] is -1"),
        ({"input_lengths": [7.0, 5.0]}, r"input_lengths is torch\.float32.*whole"),
        ({"target_lengths": [2]}, r"target_lengths has shape \(1,\)"),
        ({"target_lengths": [2, 3]}, r"target_lengths\[1\] is 3.*0\.\.2.*targets"),
        ({"target_lengths": [2, -1]}, r"target_lengths\[1\] is -1"),
        ({"target_lengths": torch.tensor([2.0, 1.0])}, r"target_lengths is torch\.float32"),
        ({"targets": torch.tensor([[1, 2], [0, 0]])}, r"0 in sample 1 at label 0, the blank;"),
        ({"targets": torch.tensor([1, 2, 0])}, r"0 in sample 1 at label 0, the blank;"),
        ({"targets": torch.tensor([0, 2]), "target_lengths": [0, 2]}, r"0 in sample 1 at label 0"),
        ({"targets": torch.tensor([[1, 4], [3, 0]])}, r"4 in sample 0 at label 1, outside of 0\.\.3"),
        ({"targets": torch.tensor([[1, 2], [-1, 0]])}, r"-1 in sample 1 at label 0, outside of 0\.\.3"),
        (
            {"targets": torch.tensor([[1, 2], [3, 0]]), "blank": 2},
            r"2 in sample 0 at label 1, the blank;",
        ),
        ({"targets": torch.tensor([1, 2, 3, 1])}, r"targets has shape \(4,\).*\(3,\) concatenated"),
        ({"targets": torch.tensor([[1, 2]])}, r"targets has shape \(1, 2\).*\(2, S\)"),
        ({"targets": torch.tensor([[[1, 2], [3, 0]]])}, r"targets has shape \(1, 2, 2\)"),
        ({"targets": torch.tensor(1)}, r"target_lengths\[0\] is 2.*0\.\.0"),
        ({"targets": torch.tensor([[1.0, 2.0], [3.0, 0.0]])}, r"targets is torch\.float32.*whole"),
    ],
)
def test_bad_argument(change: dict[str, Any], message: str) -> None:
    assert torch.isfinite(focal_ctc_loss(**GOOD))
    with pytest.raises(ValueError, match=message):
        focal_ctc_loss(**(GOOD | change))


def test_bad_lengths_of_one_sequence() -> None:
    log_probs = torch.zeros(7, 4).log_softmax(-1)
    with pytest.raises(ValueError, match=r"input_lengths has shape \(2,\).*\(1,\)"):
        focal_ctc_loss(log_probs, torch.tensor([1]), [7, 7], [1])
    with pytest.raises(ValueError, match=r"input_lengths\[0\] is 8.*0\.\.7"):
        focal_ctc_loss(log_probs, torch.tensor([1]), torch.tensor(8), [1])


@pytest.mark.parametrize(
    "options", [{"alpha": -1.0}, {"gamma": math.nan}, {"blank": -1}, {"reduction": "batch"}]
)
def test_module_refuses_bad_options_when_made(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} is "):
        FocalCTCLoss(**options)


@pytest.mark.parametrize("name", ["alpha", "gamma"])
def test_formula_refuses_bad_factors(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is -2"):
        focal_nll(torch.ones(1), **({"alpha": 1.0, "gamma": 1.0} | {name: -2.0}))


# --- properties

nlls = st.floats(min_value=0.0, max_value=1e4)
gammas = st.floats(min_value=0.0, max_value=8.0)
alphas = st.floats(min_value=0.0, max_value=10.0)


def formula(nll: float, alpha: float, gamma: float) -> float:
    return focal_nll(torch.tensor(nll, dtype=torch.float64), alpha=alpha, gamma=gamma).item()


@given(nlls, alphas, gammas)
def test_between_0_and_alpha_ctc(nll: float, alpha: float, gamma: float) -> None:
    assert 0 <= formula(nll, alpha, gamma) <= alpha * nll


@given(nlls, gammas, gammas)
def test_falls_with_gamma(nll: float, one: float, other: float) -> None:
    assert formula(nll, 1.0, max(one, other)) <= formula(nll, 1.0, min(one, other))


@given(nlls, nlls, gammas)
def test_rises_with_nll(one: float, other: float, gamma: float) -> None:
    low, high = formula(min(one, other), 1.0, gamma), formula(max(one, other), 1.0, gamma)
    assert low <= high * (1 + 1e-12)


@given(nlls, st.floats(min_value=0.0, max_value=10.0), gammas)
def test_alpha_is_a_factor(nll: float, alpha: float, gamma: float) -> None:
    assert formula(nll, alpha, gamma) == pytest.approx(alpha * formula(nll, 1.0, gamma))


@settings(deadline=None, max_examples=60)
@given(st.data(), gammas, st.integers(0, 2**31))
def test_any_batch_against_torch(data: st.DataObject, gamma: float, seed: int) -> None:
    frames = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))
    labels = [data.draw(st.lists(st.integers(1, 3), max_size=5)) for _ in frames]
    logits = random_logits(9, len(frames), 4, seed=seed)
    targets = torch.tensor([label for sample in labels for label in sample], dtype=torch.int64)
    lengths = [len(sample) for sample in labels]
    log_probs = logits.log_softmax(-1)
    nll = functional.ctc_loss(log_probs, targets, frames, lengths, reduction="none")
    losses = focal_ctc_loss(log_probs, targets, frames, lengths, alpha=1.0, gamma=gamma, reduction="none")
    impossible = [
        count < len(sample) + sum(a == b for a, b in itertools.pairwise(sample))
        for count, sample in zip(frames, labels, strict=True)
    ]
    assert torch.isinf(losses).tolist() == impossible
    torch.testing.assert_close(losses, (1 - torch.exp(-nll)) ** gamma * nll)
    (grad,) = torch.autograd.grad(losses.sum(), logits)
    assert torch.isfinite(grad).all()


# --- cost


def test_benchmark_measures_all_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"FRAMES": 8, "BATCH": 2, "CLASSES": 6, "FEW_CLASSES": 4, "LABELS": 2}.items():
        monkeypatch.setattr(benchmark, name, size)
    times = benchmark.measure(repeats=3)
    for name in ("focal", "length_focal", "symbol_focal"):
        assert times[f"{name}_ms"] > 0
        assert times[f"{name}_ratio"] == pytest.approx(times[f"{name}_ms"] / times["ctc_ms"])
        assert times[f"{name}_few_ratio"] > 0
    with pytest.raises(ValueError, match="repeats is 0"):
        benchmark.measure(repeats=0)
