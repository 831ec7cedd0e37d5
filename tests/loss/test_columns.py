"""Losses on label columns equal losses on all classes, in value and in gradient to the logits."""

import pytest
import torch
from torch.nn import functional

from focal_omr.loss import focal_ctc_loss
from focal_omr.loss.checks import validate_inputs
from focal_omr.loss.columns import LabelColumns


def test_columns_are_the_blank_and_each_label_in_order() -> None:
    targets = torch.tensor([[5, 5, 2, 5], [7, 1, 9, 9]])
    batch = validate_inputs(torch.zeros(9, 2, 10), targets, [9, 9], [4, 2], blank=0)
    columns = LabelColumns.of(batch, 0)
    assert columns.classes.tolist() == [[0, 5, 5, 2, 5], [0, 7, 1, 0, 0]]
    assert columns.column.tolist() == [[1, 1, 3, 4], [1, 2, 3, 3]]
    assert columns.differs.tolist() == [[True, False, True, True], [True, True, True, False]]


@pytest.mark.parametrize("concatenated", [False, True])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_the_gradient_to_logits_equals_torchs(concatenated: bool, zero_infinity: bool) -> None:
    """Repeated labels, different lengths, a sequence without labels and one with too few frames."""
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(12, 5, 40, generator=generator, dtype=torch.float64).requires_grad_()
    targets = torch.tensor([[3, 3, 8], [8, 3, 8], [9, 0, 0], [0, 0, 0], [4, 4, 4]])
    inputs, lengths = [12, 7, 9, 12, 4], [3, 3, 1, 0, 3]  # 4 4 4 needs five frames
    given = torch.cat([row[:n] for row, n in zip(targets, lengths, strict=True)]) if concatenated else targets
    ours = focal_ctc_loss(
        logits.log_softmax(-1),
        given,
        inputs,
        lengths,
        alpha=1,
        gamma=0,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    theirs = functional.ctc_loss(
        logits.log_softmax(-1), given, inputs, lengths, reduction="none", zero_infinity=zero_infinity
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    spelled = torch.tensor([1.0, 2.0, 0.5, 1.0, 0.0], dtype=torch.float64)
    (wanted,) = torch.autograd.grad(theirs[:4] @ spelled[:4], logits)
    (got,) = torch.autograd.grad((ours.where(torch.isfinite(ours), 0) * spelled).sum(), logits)
    torch.testing.assert_close(got, wanted.nan_to_num(), rtol=1e-9, atol=1e-12)  # torch: NaN for L infinite


def test_long_targets_use_all_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target with as many labels as classes gains nothing from columns."""
    monkeypatch.setattr(LabelColumns, "of", lambda *_: pytest.fail("the columns were taken"))
    logits = torch.zeros(20, 1, 4, requires_grad=True)
    focal_ctc_loss(logits.log_softmax(-1), torch.tensor([[1, 2, 3, 1]]), [20], [4]).backward()
    assert logits.grad is not None
