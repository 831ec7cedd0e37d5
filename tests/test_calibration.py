"""Confidence calibration and its measures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.calibration import apply_calibration, fit_calibration
from focal_omr.metrics import correct_mask, expected_calibration_error, roc_auc


@given(st.floats(0, 1))
def test_slope_1_and_offset_0_change_nothing(confidence: float) -> None:
    assert apply_calibration(confidence, (1.0, 0.0)) == confidence


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 3), st.floats(-3, 3))
def test_calibration_is_monotonic(one: float, other: float, slope: float, offset: float) -> None:
    low, high = sorted((one, other))
    mapped = [apply_calibration(value, (slope, offset)) for value in (low, high)]
    assert 0 <= mapped[0] <= mapped[1] <= 1


@pytest.mark.parametrize(("slope", "offset"), [(0.5, -0.4), (1.6, 0.3)])
def test_a_known_calibration_is_recovered(slope: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    raw = rng.uniform(0.3, 0.999, 40_000)
    chance = np.array([apply_calibration(float(value), (slope, offset)) for value in raw])
    right = (rng.random(len(raw)) < chance).tolist()
    found = fit_calibration(raw.tolist(), right)
    assert found == pytest.approx((slope, offset), abs=0.08)
    after = [apply_calibration(float(value), found) for value in raw]
    before = expected_calibration_error(raw.tolist(), right)
    assert expected_calibration_error(after, right) < min(0.01, before / 4)


@pytest.mark.parametrize("right", [[True, True], [False, False]])
def test_fitting_needs_right_and_wrong_symbols(right: list[bool]) -> None:
    with pytest.raises(ValueError, match="read right and symbols that were not"):
        fit_calibration([0.5, 0.9], right)


def test_expected_calibration_error_is_the_mean_gap_of_bins() -> None:
    assert expected_calibration_error([], []) == 0
    assert expected_calibration_error([1.0, 1.0], [True, True]) == 0
    assert expected_calibration_error([0.9, 0.9], [True, False]) == pytest.approx(0.4)
    # Two bins: 0.95 of one right, 0.55 of one wrong.
    assert expected_calibration_error([0.95, 0.55], [True, False]) == pytest.approx((0.05 + 0.55) / 2)


def test_correct_mask_follows_an_alignment() -> None:
    assert correct_mask("abcd", "abd") == [True, True, False, True]
    assert correct_mask("axd", "abd") == [True, False, True]
    assert correct_mask("", "abd") == []
    assert correct_mask("ab", "") == [False, False]


def test_roc_auc() -> None:
    assert roc_auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert roc_auc([1, 2, 3, 4], [True, True, False, False]) == 0
    assert roc_auc([1, 1, 1], [True, False, False]) == 0.5
    # Of the six pairs 9 > 0, 9 > 5, 9 > 7, 5 > 0 are in order, 5 = 5 half, 5 < 7 not.
    assert roc_auc([0, 5, 7, 5, 9], [False, False, False, True, True]) == pytest.approx(4.5 / 6)
    assert math.isnan(roc_auc([1, 2], [True, True]))
    assert math.isnan(roc_auc([], []))
