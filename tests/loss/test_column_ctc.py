"""Column CTC compared with plain CTC, with sums over all alignments and with numerical derivatives."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from focal_omr.loss import (
    alignment_guide,
    column_ctc_loss,
    column_focal_ctc_loss,
    factor_focal_ctc_loss,
    factor_weights,
    symbol_focal_ctc_loss,
)
from focal_omr.loss.checks import validate_column_inputs
from focal_omr.loss.column_ctc import _columns, _multi_hot

OFFSETS = (0, 3, 5, 8)  # kind (blank, sign, notes), two factors of notes
# Two columns, the second twice; then one; a sign; none.
COLUMNS = [[(1, -1, -1), (2, 0, 2), (2, 0, 2)], [(2, 1, 0)], [(1, -1, -1), (2, 1, -1)], []]
FRAMES = [5, 4, 5, 3]
LENGTHS = [len(each) for each in COLUMNS]
TARGETS = torch.tensor([[*each, *[(-7, 99, 0)] * (3 - len(each))] for each in COLUMNS])
LOSSES = (column_ctc_loss, column_focal_ctc_loss, factor_focal_ctc_loss)


def random_log_probs(frames: int = 5, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(frames, len(COLUMNS), OFFSETS[-1], generator=generator, dtype=torch.float64)
    sizes = [end - start for start, end in itertools.pairwise(OFFSETS)]
    return torch.cat([part.log_softmax(-1) for part in logits.split(sizes, -1)], -1).to(dtype)


def loss_of(log_probs: Tensor, loss: Any = column_ctc_loss, **options: Any) -> Tensor:
    return loss(log_probs, TARGETS, FRAMES, LENGTHS, offsets=OFFSETS, **{"reduction": "none", **options})


def emission(frame: Tensor, column: tuple[int, ...]) -> float:
    return sum(float(frame[OFFSETS[k] + value]) for k, value in enumerate(column) if value >= 0)


def alignments(log_probs: Tensor, columns: list[tuple[int, ...]]) -> list[tuple[tuple[Any, ...], float]]:
    """Every path, a column or None (blank) in each frame, that gives the columns, and its probability."""
    found = []
    for path in itertools.product([None, *dict.fromkeys(columns)], repeat=len(log_probs)):
        if [column for column, _ in itertools.groupby(path) if column is not None] == columns:
            steps = zip(log_probs, path, strict=True)
            found.append((path, math.exp(sum(emission(f, (0,) if c is None else c) for f, c in steps))))
    return found


@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_is_the_sum_over_all_alignments(loss: Any) -> None:
    log_probs = random_log_probs()
    for sample, value in enumerate(loss_of(log_probs, loss)):
        own = log_probs[: FRAMES[sample], sample]
        total = sum(p for _, p in alignments(own, COLUMNS[sample]))
        assert float(value) == pytest.approx(-math.log(total), abs=1e-9)


def test_the_gradient_is_minus_the_occupancy() -> None:
    log_probs = random_log_probs().requires_grad_()
    loss_of(log_probs).sum().backward()
    expected = torch.zeros_like(log_probs)
    for sample, columns in enumerate(COLUMNS):
        paths = alignments(log_probs[: FRAMES[sample], sample].detach(), columns)
        total = sum(p for _, p in paths)
        for path, p in paths:
            for frame, column in enumerate(path):
                for k, value in enumerate((0,) if column is None else column):
                    if value >= 0:
                        expected[frame, sample, OFFSETS[k] + value] -= p / total
    torch.testing.assert_close(log_probs.grad, expected)


@pytest.mark.parametrize("options", [{}, {"gamma": 2.0}, {"gamma": 0.5, "per_column": True, "alpha": 0.3}])
def test_the_gradient_is_the_derivative_without_log_softmax(options: dict[str, Any]) -> None:
    log_probs = random_log_probs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss_of(x, **options), (log_probs,))


def test_one_symbol_a_column_is_plain_ctc() -> None:
    logits = torch.randn(7, 2, 4, dtype=torch.float64).requires_grad_()
    targets, frames, lengths = torch.tensor([[1, 1, 3], [2, 0, 0]]), [7, 6], [3, 1]
    columns = column_ctc_loss(
        logits.log_softmax(-1), targets[..., None], frames, lengths, offsets=(0, 4), reduction="none"
    )
    plain = functional.ctc_loss(logits.log_softmax(-1), targets, frames, lengths, reduction="none")
    torch.testing.assert_close(columns, plain)
    (ours,) = torch.autograd.grad(columns.sum(), logits)
    (theirs,) = torch.autograd.grad(plain.sum(), logits)
    torch.testing.assert_close(ours, theirs)


def test_one_symbol_a_column_is_symbol_focal_ctc() -> None:
    logits = torch.randn(7, 2, 4, dtype=torch.float64).requires_grad_()
    targets, frames, lengths = torch.tensor([[1, 1, 3], [2, 0, 0]]), [7, 6], [3, 1]
    weights = torch.tensor([1.0, 0.5, 2.0, 3.0])
    options = {"alpha": 0.5, "gamma": 2.0, "reduction": "none"}
    columns = column_focal_ctc_loss(
        logits.log_softmax(-1),
        targets[..., None],
        frames,
        lengths,
        offsets=(0, 4),
        column_weights=weights[targets],
        **options,
    )
    symbols = symbol_focal_ctc_loss(
        logits.log_softmax(-1), targets, frames, lengths, class_weights=weights, **options
    )
    torch.testing.assert_close(columns, symbols)
    (ours,) = torch.autograd.grad(columns.sum(), logits)
    (theirs,) = torch.autograd.grad(symbols.sum(), logits)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("loss", [column_focal_ctc_loss, factor_focal_ctc_loss])
def test_without_focus_the_gradient_is_that_of_column_ctc(loss: Any) -> None:
    one, two = random_log_probs().requires_grad_(), random_log_probs().requires_grad_()
    loss_of(one, loss).sum().backward()
    loss_of(two).sum().backward()
    torch.testing.assert_close(one.grad, two.grad)


def test_factor_weights_are_those_of_each_factor_under_the_alignment() -> None:
    log_probs = random_log_probs()
    c = torch.rand(OFFSETS[-1], dtype=torch.float64)
    sample, columns = 0, COLUMNS[0]
    paths = alignments(log_probs[: FRAMES[0], 0], columns)
    total = sum(p for _, p in paths)
    # Occupancy of the blank before each column, each column, and the blank at the end.
    occupancy = torch.zeros(FRAMES[0], 2 * len(columns) + 1, dtype=torch.float64)
    for path, p in paths:
        state = 0
        for frame, column in enumerate(path):
            before = path[frame - 1] if frame else None
            if column is None:
                state += state % 2
            elif before is None or before != column:
                state += 1 if state % 2 == 0 else 2
            occupancy[frame, state] += p / total
    expected = torch.zeros(FRAMES[0], OFFSETS[-1], dtype=torch.float64)
    for state in range(occupancy.shape[1]):
        share = occupancy[:, state]
        for k, value in enumerate(columns[state // 2] if state % 2 else (0,)):
            if value < 0:
                continue
            place = OFFSETS[k] + value
            p = math.exp(float((share * log_probs[: FRAMES[0], 0, place]).sum() / share.sum()))
            expected[:, place] -= 0.5 * c[place] * (1 - p) ** 2 * share
    leaf = log_probs.requires_grad_()
    loss_of(leaf, factor_focal_ctc_loss, alpha=0.5, gamma=2.0, value_weights=c)[sample].backward()
    torch.testing.assert_close(leaf.grad[: FRAMES[0], 0], expected)


def test_value_of_a_weight_of_two_is_the_loss_and_the_expected_cross_entropy() -> None:
    log_probs = random_log_probs().requires_grad_()
    (loss,) = loss_of(log_probs)[1:2]
    (doubled,) = loss_of(log_probs, factor_focal_ctc_loss, alpha=2.0)[1:2]
    (grad,) = torch.autograd.grad(loss, log_probs)
    assert float((doubled - loss).detach()) == pytest.approx(
        float((grad * log_probs.detach()).sum())
    )  # -q * ln p


@pytest.mark.parametrize("loss", LOSSES)
def test_too_few_frames_are_infinite_and_have_no_gradient(loss: Any) -> None:
    log_probs = random_log_probs(3).requires_grad_()
    frames = [3, 3, 3, 3]  # the first needs four: its last two columns are equal
    for zero_infinity, expected in ((False, math.inf), (True, 0.0)):
        values = loss(
            log_probs,
            TARGETS,
            frames,
            LENGTHS,
            offsets=OFFSETS,
            reduction="none",
            zero_infinity=zero_infinity,
        )
        assert float(values[0].detach()) == expected
        assert torch.isfinite(values[1:]).all()
        (grad,) = torch.autograd.grad(values.sum(), log_probs)
        assert torch.isfinite(grad).all()
        assert not grad[:, 0].any()


@pytest.mark.parametrize("loss", LOSSES)
def test_impossible_values_leave_no_nan(loss: Any) -> None:
    log_probs = random_log_probs()
    log_probs[:, :, 7] = -torch.inf  # a value of a column, in every frame
    log_probs[:, :, 3] = -torch.inf
    values = loss_of(log_probs.requires_grad_(), loss, gamma=0.5, zero_infinity=True)
    (grad,) = torch.autograd.grad(values.sum(), log_probs)
    assert torch.isfinite(grad).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_bfloat16_and_autocast_are_computed_in_float32(loss: Any) -> None:
    exact = random_log_probs(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(loss_of(exact, loss), loss_of(exact.double(), loss).float())
        rounded = loss_of(exact.bfloat16(), loss)
    assert rounded.dtype is torch.float32
    torch.testing.assert_close(rounded, loss_of(exact.bfloat16().double(), loss).float())


def test_guide_moves_a_column_to_its_place() -> None:
    guide = alignment_guide(torch.tensor([[1.0], [math.nan]]), 4, radius=0.5, penalty=2.0)
    assert guide[:, 0, 0].tolist() == [-1.0, 0.0, -1.0, -3.0]
    assert not guide[:, 1].any()
    log_probs = random_log_probs(4)[:, :2].requires_grad_()
    targets = torch.tensor([[(2, 1, 0)], [(2, 1, 0)]])
    column_ctc_loss(
        log_probs, targets, [4, 4], [1, 1], offsets=OFFSETS, guide=100 * guide, reduction="sum"
    ).backward()
    assert log_probs.grad[:, 0, 2].tolist() == pytest.approx([0, -1, 0, 0])
    assert log_probs.grad[:, 1, 2].max() < -1e-3


def test_a_blank_of_all_factors_is_the_sum_over_all_alignments_too() -> None:
    log_probs = random_log_probs()
    for sample, value in enumerate(loss_of(log_probs, shared_blank=False)):
        columns = [tuple(max(0, each) for each in column) for column in COLUMNS[sample]]
        total = 0.0
        for path in itertools.product([(0, 0, 0), *dict.fromkeys(columns)], repeat=FRAMES[sample]):
            if [c for c, _ in itertools.groupby(path) if c != (0, 0, 0)] == columns:
                total += math.exp(sum(emission(log_probs[t, sample], c) for t, c in enumerate(path)))
        assert float(value) == pytest.approx(-math.log(total), abs=1e-9)


def test_equal_neighbours_share_a_class() -> None:
    batch = validate_column_inputs(random_log_probs(), TARGETS, FRAMES, LENGTHS, offsets=OFFSETS)
    assert _columns(batch).column[0].tolist() == [1, 2, 2]
    hot = _multi_hot(batch, OFFSETS)
    assert hot[0, 0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert hot[0, 1].tolist() == [0, 0, 1, 1, 0, 0, 0, 1]
    assert not hot[3].any()


def test_factor_weights_are_balanced_within_each_factor() -> None:
    counts = [0, 10, 90, 99, 1, 5, 5, 0]
    weights = factor_weights(counts, OFFSETS, beta=0.9)
    assert weights[1] > weights[2]
    assert weights[4] > weights[3]
    assert weights[5:7].tolist() == pytest.approx([1, 1])
    assert float(weights[1] * 10 + weights[2] * 90) == pytest.approx(100, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offsets": (0, 3, 5, 9)}, "offsets run from 0 to 9; they must run from 0 to F = 8"),
        ({"targets": TARGETS[..., :2]}, r"must be whole numbers, \(4, U, 3\)"),
        ({"targets": TARGETS.double()}, "must be whole numbers"),
        ({"targets": TARGETS.clamp(max=1)[:, :, [1, 1, 1]]}, "for factor 0 in sample 0 at column 0"),
        ({"targets": TARGETS + torch.tensor([0, 2, 0])}, "holds 2 for factor 1 in sample 0 at column 1"),
        ({"input_lengths": [6, 4, 5, 3]}, r"input_lengths\[0\] is 6"),
        ({"target_lengths": [3, 1, 2]}, "target_lengths has shape"),
        ({"factor_log_probs": torch.zeros(5, 8)}, r"must be floating, \(T, B, F\)"),
        ({"gamma": -1.0}, "gamma is -1.0"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], message: str) -> None:
    values = {
        "factor_log_probs": random_log_probs(),
        "targets": TARGETS,
        "input_lengths": FRAMES,
        "target_lengths": LENGTHS,
        "offsets": OFFSETS,
    }
    for loss in LOSSES:
        with pytest.raises(ValueError, match=message):
            loss(**values | change)
