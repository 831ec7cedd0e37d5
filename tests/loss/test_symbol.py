"""The symbol-level loss compared with plain CTC and with sums over all alignments."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from focal_omr.loss import class_balanced_weights, symbol_focal_ctc_loss

LABELS = [[1, 1, 2], [3], [2, 1], [], [3, 3, 3]]  # repeats, one label, two, none
FRAMES = [6, 4, 5, 3, 7]
PADDED = torch.tensor([[1, 1, 2], [3, -1, 99], [2, 1, 0], [0, 0, 0], [3, 3, 3]])
CONCATENATED = torch.tensor([label for labels in LABELS for label in labels])
LENGTHS = [len(labels) for labels in LABELS]
GAMMAS = [0.25, 0.5, 1.0, 2.0, 5.0]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_logits(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def loss_of(logits: Tensor, **options: Any) -> Tensor:
    return symbol_focal_ctc_loss(logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, **options)


def plain(logits: Tensor) -> Tensor:
    return functional.ctc_loss(logits.log_softmax(-1), PADDED, FRAMES, LENGTHS, reduction="none")


def collapsed(path: tuple[int, ...]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label]


def steps_by_hand(log_probs: Tensor, labels: list[int]) -> list[float]:
    """l of each label and of the end, by sums over all paths."""
    frames, classes = log_probs.shape
    begun = [1.0] + [0.0] * len(labels)
    whole = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        p = math.exp(sum(float(log_probs[frame, label]) for frame, label in enumerate(path)))
        reading = collapsed(path)
        whole += p if reading == labels else 0.0
        for count in range(1, len(labels) + 1):
            begun[count] += p if reading[:count] == labels[:count] else 0.0
    chain = [*begun, whole]
    return [math.log(before / after) for before, after in itertools.pairwise(chain)]


def weighted_cross_entropy(log_probs: Tensor, labels: list[int], weights: list[float]) -> Tensor:
    """Expected cross-entropy of the alignments with weighted states; alignments are constant.

    A frame's state is that of the label it spells, or of the blank before the next label.
    """
    frames, classes = log_probs.shape
    paths = [p for p in itertools.product(range(classes), repeat=frames) if collapsed(p) == labels]
    scores = torch.stack([log_probs[range(frames), path].sum() for path in paths])
    share = scores.softmax(0).detach()
    total = log_probs.new_zeros(())
    for path, p in zip(paths, share, strict=True):
        done = 0  # labels that began
        for frame, label in enumerate(path):
            if label and (frame == 0 or path[frame - 1] != label):
                done += 1
            weight = weights[done - 1] if label else weights[done]
            total = total - p * weight * log_probs[frame, label]
    return total


# --- values and gradients


def test_plain_ctc_at_alpha_1_gamma_0() -> None:
    logits = random_logits(7, 5, 4)
    ours, theirs = loss_of(logits, alpha=1.0, gamma=0.0, reduction="none"), plain(logits)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*[torch.autograd.grad(each.sum(), logits)[0] for each in (ours, theirs)])


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(1, 3), max_size=8),
    spare=st.integers(0, 20),
    scale=st.floats(0.0, 60.0),
    seed=st.integers(0, 99),
)
def test_plain_ctc_at_gamma_0_for_any_target(labels: list[int], spare: int, scale: float, seed: int) -> None:
    frames = max(1, len(labels) + sum(a == b for a, b in itertools.pairwise(labels)) + spare)
    logits = (scale * random_logits(frames, 4, seed=seed).detach()).requires_grad_()
    arguments = (torch.tensor(labels, dtype=torch.int64), [frames], [len(labels)])
    ours = symbol_focal_ctc_loss(logits.log_softmax(-1), *arguments, alpha=1.0, gamma=0.0)
    theirs = functional.ctc_loss(logits.log_softmax(-1), *arguments, reduction="sum")
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*[torch.autograd.grad(each, logits)[0] for each in (ours, theirs)])


@pytest.mark.parametrize("labels", [[], [1], [1, 1], [2, 1], [1, 2, 1], [1, 1, 2], [2, 2, 2]])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_against_sums_over_all_alignments(labels: list[int], gamma: float) -> None:
    logits = random_logits(6, 3, seed=len(labels))
    log_probs = logits.log_softmax(-1)
    class_weights = torch.tensor([0.7, 1.0, 3.0], dtype=torch.float64)
    loss = symbol_focal_ctc_loss(
        log_probs, torch.tensor(labels, dtype=torch.int64), [6], [len(labels)],
        alpha=0.8, gamma=gamma, class_weights=class_weights,
    )  # fmt: skip
    steps = steps_by_hand(log_probs.detach(), labels)
    weights = [
        0.8 * float(class_weights[label]) * (1 - math.exp(-step)) ** gamma
        for label, step in zip([*labels, 0], steps, strict=True)
    ]
    assert loss.item() == pytest.approx(
        sum(w * step for w, step in zip(weights, steps, strict=True)), rel=1e-9
    )
    surrogate = weighted_cross_entropy(log_probs, labels, weights)
    (expected,) = torch.autograd.grad(surrogate, logits, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], expected)


def test_gradcheck_at_gamma_0() -> None:
    def loss(logits: Tensor) -> Tensor:
        return loss_of(logits, gamma=0.0, reduction="none")

    assert torch.autograd.gradcheck(loss, random_logits(7, 5, 4))


def test_a_well_read_symbol_has_less_weight_than_a_badly_read_one() -> None:
    logits = torch.full((5, 1, 4), -8.0, dtype=torch.float64)
    logits[[0, 1, 2, 3, 4], 0, [0, 1, 0, 2, 0]] = 0.0  # 1 for certain
    logits[3, 0, 3] = 1.0  # and rather 3 than 2
    logits.requires_grad_()
    targets, sizes = torch.tensor([[1, 2]]), ([5], [2])
    losses = {
        gamma: symbol_focal_ctc_loss(logits.log_softmax(-1), targets, *sizes, alpha=1.0, gamma=gamma)
        for gamma in (0.0, 2.0)
    }
    grads = {gamma: torch.autograd.grad(loss, logits)[0][:, 0].abs() for gamma, loss in losses.items()}
    factor = {frame: float(grads[2.0][frame].max() / grads[0.0][frame].max()) for frame in (1, 3)}
    assert factor[1] < 1e-4
    assert factor[3] > 0.3


# --- ways to call it


def test_concatenated_equals_padded() -> None:
    log_probs = random_logits(7, 5, 4).log_softmax(-1)
    padded = symbol_focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS, reduction="none")
    assert torch.equal(
        padded, symbol_focal_ctc_loss(log_probs, CONCATENATED, FRAMES, LENGTHS, reduction="none")
    )
    assert padded.sum() == symbol_focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS, reduction="sum")


def test_a_sample_in_a_padded_batch_equals_the_sample_alone() -> None:
    logits = random_logits(9, 5, 4)
    together = loss_of(logits, reduction="none")
    (grad,) = torch.autograd.grad(together.sum(), logits)
    for sample, (labels, frames) in enumerate(zip(LABELS, FRAMES, strict=True)):
        single = logits[:frames, sample].detach().requires_grad_()
        target = torch.tensor(labels, dtype=torch.int64)
        loss = symbol_focal_ctc_loss(single.log_softmax(-1), target, [frames], [len(labels)])
        assert loss.shape == ()
        torch.testing.assert_close(loss, together[sample])
        torch.testing.assert_close(grad[:frames, sample], torch.autograd.grad(loss, single)[0])
        assert not grad[frames:, sample].any()


@pytest.mark.parametrize("blank", [1, 3])
def test_any_class_may_be_the_blank(blank: int) -> None:
    logits = random_logits(7, 5, 4)
    order = [1, 2, 3]
    order.insert(blank, 0)  # place of the blank, the labels as they were around it
    moved = logits[..., order]
    names = torch.tensor([order.index(label) for label in range(4)])
    loss = symbol_focal_ctc_loss(
        moved.log_softmax(-1), names[CONCATENATED], FRAMES, LENGTHS, blank=blank, reduction="none"
    )
    torch.testing.assert_close(loss, loss_of(logits, reduction="none"))


# --- the ends of its range


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("gamma", [0.0, *GAMMAS])
def test_infinite_loss_of_one_sample(gamma: float, zero_infinity: bool) -> None:
    logits = random_logits(3, 2, 4, dtype=torch.float32)
    targets = torch.tensor([[1, 1, 2], [1, 2, 3]])  # 1 1 2 needs four frames
    losses = symbol_focal_ctc_loss(
        logits.log_softmax(-1), targets, [3, 3], [3, 3],
        gamma=gamma, reduction="none", zero_infinity=zero_infinity,
    )  # fmt: skip
    assert losses[0].item() == (0.0 if zero_infinity else math.inf)
    (grad,) = torch.autograd.grad(losses.sum(), logits)
    assert not grad[:, 0].any()
    assert torch.isfinite(grad).all()
    assert grad[:, 1].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, *GAMMAS])
@pytest.mark.parametrize("height", [0.0, 8.0, 40.0, 200.0, 2000.0, math.inf])
def test_finite_wherever_plain_ctc_is(height: float, gamma: float, dtype: torch.dtype) -> None:
    logits = torch.full((4, 2, 4), -height, dtype=dtype)  # nats below the target's class
    logits[[0, 1, 2, 3], :, [1, 0, 2, 0]] = 0.0
    logits.requires_grad_()
    targets = torch.tensor([[1, 2], [3, 2]])  # the best path's labels, and others
    log_probs = logits.log_softmax(-1)
    losses = symbol_focal_ctc_loss(log_probs, targets, [4, 4], [2, 2], gamma=gamma, reduction="none")
    theirs = functional.ctc_loss(log_probs, targets, [4, 4], [2, 2], reduction="none")
    assert torch.isfinite(losses).tolist() == torch.isfinite(theirs).tolist()
    assert torch.isfinite(torch.autograd.grad(losses.sum(), logits)[0]).all()


def test_nan_is_not_hidden() -> None:
    logits = random_logits(7, 5, 4)
    logits.data[0, 1] = math.nan
    losses = loss_of(logits, reduction="none")
    assert torch.isnan(losses).tolist() == [False, True, False, False, False]
    (grad,) = torch.autograd.grad(losses.sum(), logits)
    assert torch.isnan(grad[: FRAMES[1], 1]).all()
    assert torch.isfinite(grad[:, [0, 2, 3, 4]]).all()


def test_float32_against_float64_on_long_sequences() -> None:
    double = (4 * random_logits(400, 3, 50).detach()).requires_grad_()
    single = double.detach().float().requires_grad_()
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(1, 50, (3, 60), generator=generator)
    losses, grads = [], []
    for logits in (single, double):
        losses.append(
            symbol_focal_ctc_loss(logits.log_softmax(-1), targets, [400] * 3, [60, 30, 2], gamma=0.5)
        )
        grads.append(torch.autograd.grad(losses[-1], logits)[0])
    torch.testing.assert_close(losses[0], losses[1].float(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(grads[0], grads[1].float(), rtol=1e-3, atol=2e-4)


def test_half_input_is_computed_in_float32() -> None:
    log_probs = random_logits(7, 5, 4).detach().log_softmax(-1).bfloat16().requires_grad_()
    loss = symbol_focal_ctc_loss(log_probs, PADDED, FRAMES, LENGTHS)
    assert torch.equal(loss, symbol_focal_ctc_loss(log_probs.float(), PADDED, FRAMES, LENGTHS))
    assert torch.autograd.grad(loss, log_probs)[0].dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.ones(3), r"class_weights has shape \(3,\); it must be \(4,\)"),
        (torch.tensor([1.0, -1.0, 1.0, 1.0]), "negative or not finite"),
        (torch.tensor([1.0, math.nan, 1.0, 1.0]), "negative or not finite"),
    ],
)
def test_bad_class_weights(weights: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loss_of(random_logits(7, 5, 4), class_weights=weights)


# --- class-balanced weights


def test_class_balanced_weights() -> None:
    counts = [0, 1, 10, 1000]
    weights = class_balanced_weights(counts, beta=0.99)
    effective = [(1 - 0.99**n) / (1 - 0.99) for n in counts[1:]]
    assert (weights[1] / weights[3]).item() == pytest.approx(effective[2] / effective[0], rel=1e-5)
    assert weights[0].item() == 1.0
    assert (weights * torch.tensor(counts)).sum().item() == pytest.approx(sum(counts), rel=1e-5)
    assert torch.equal(class_balanced_weights(counts, beta=0.0), torch.ones(4))
    assert torch.equal(class_balanced_weights([0, 0]), torch.ones(2))


@pytest.mark.parametrize(("counts", "beta"), [([1, -1], 0.9), ([1], 1.0), ([1], -0.1), ([1], math.nan)])
def test_bad_balance(counts: list[int], beta: float) -> None:
    with pytest.raises(ValueError, match=r"count|beta"):
        class_balanced_weights(counts, beta=beta)
