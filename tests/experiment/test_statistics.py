"""Comparisons of losses: seeds are the unit of replication, intervals and p-values agree."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.experiment.statistics import (
    MAX_SEEDS,
    collect_scores,
    compare_with_baseline,
    mean_interval,
    seeds_needed,
    t_quantile,
    t_tail,
    t_test,
)

SEED_DELTAS = st.lists(st.floats(-5, 5).map(lambda value: round(value, 4)), min_size=1, max_size=8)


def _result(loss: str, seed: int, edits: list[int]) -> dict[str, Any]:
    symbols = [10] * len(edits)
    figures = {"ser": 100 * sum(edits) / sum(symbols)}
    tests = {"test": {"figures": figures, "ids": [], "edits": edits, "symbols": symbols}}
    return {"set": "s", "loss": loss, "seed": seed, "seconds": 2, "tests": tests}


def _results(better: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(1)
    results = []
    for seed in (1, 2, 3):
        for loss, rate in (("CTC", 1.0), ("other", 1.0 - better)):
            results.append(_result(loss, seed, rng.poisson(rate, 200).tolist()))
    return results


def test_a_clear_difference_is_significant_and_none_is_not() -> None:
    (clear,) = compare_with_baseline(collect_scores(_results(0.6)), "CTC")
    assert clear.significant
    assert clear.p < 0.05
    assert clear.low < clear.points < clear.high < 0
    assert (clear.better, clear.seeds) == (3, 3)
    assert clear.needed is not None
    assert clear.needed <= 5
    (none,) = compare_with_baseline(collect_scores(_results(0.0)), "CTC")
    assert not none.significant
    assert none.p >= 0.05


def test_a_loss_that_lacks_a_seed_of_the_baseline_is_not_compared() -> None:
    results = _results(0.6)
    assert compare_with_baseline(collect_scores(results[:-1]), "CTC") == []
    (base, other) = collect_scores(results[:-1])
    assert (base.seeds, other.seeds) == ((1, 2, 3), (1, 2))


def test_interval_of_a_loss_holds_its_mean_and_nothing_below_0() -> None:
    scores = collect_scores(_results(0.0))[0]
    low, high = scores.interval
    assert 0 <= low < scores.mean("ser") < high


def test_many_samples_do_not_make_three_seeds_more_than_three() -> None:
    # Within each seed the losses differ in thousands of edits, but the sign changes from seed to seed.
    results = []
    for seed, (base, other) in enumerate(((1, 2), (3, 1), (1, 2)), 1):
        results += [_result("CTC", seed, [base] * 5000), _result("other", seed, [other] * 5000)]
    (difference,) = compare_with_baseline(collect_scores(results), "CTC")
    assert difference.p > 0.5
    assert difference.low < 0 < difference.high


@given(SEED_DELTAS, st.integers(1, 12))
def test_an_interval_that_holds_0_never_stands_beside_a_small_p(
    deltas: list[float], comparisons: int
) -> None:
    low, high = mean_interval(deltas, comparisons=comparisons)
    assert (t_test(deltas, comparisons=comparisons) < 0.05) == (low > 0 or high < 0)


@given(st.data())
def test_every_comparison_of_a_study_agrees_with_itself(data: st.DataObject) -> None:
    seeds, losses = data.draw(st.integers(1, 5)), data.draw(st.integers(2, 6))
    edits = st.lists(st.integers(0, 10), min_size=2, max_size=2)
    results = [
        _result(f"loss {loss}", seed, data.draw(edits)) for seed in range(seeds) for loss in range(losses)
    ]
    differences = compare_with_baseline(collect_scores(results), "loss 0")
    assert len(differences) == losses - 1
    for each in differences:
        assert each.significant == (each.p < 0.05) == (not each.low <= 0 <= each.high)
        assert each.low <= each.points <= each.high


def test_p_is_uniform_where_there_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    ps = [t_test(rng.normal(0, 1, 3).tolist()) for _ in range(4000)]
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.012)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.02)


# Table 26.10 of Abramowitz & Stegun 1964.
@pytest.mark.parametrize(
    ("degrees", "tail", "t"),
    [
        (1, 0.05, 12.706),
        (2, 0.05, 4.303),
        (3, 0.05, 3.182),
        (4, 0.05, 2.776),
        (9, 0.01, 3.250),
        (30, 0.05, 2.042),
        (120, 0.2, 1.289),
    ],
)
def test_quantiles_of_students_t(degrees: int, tail: float, t: float) -> None:
    assert t_quantile(tail, degrees) == pytest.approx(t, abs=6e-4)
    assert t_tail(t, degrees) == pytest.approx(tail, rel=2e-3)
    assert t_tail(-t, degrees) == t_tail(t, degrees)


def test_correction_for_many_comparisons() -> None:
    deltas = [1.0, 1.2, 0.9, 1.1]
    assert t_test(deltas, comparisons=4) == pytest.approx(4 * t_test(deltas))
    assert t_test([0.1, -0.1, 0.2], comparisons=4) == 1.0
    low, high = mean_interval(deltas, comparisons=4)
    assert low < mean_interval(deltas)[0] < mean_interval(deltas)[1] < high


def test_seeds_needed_detect_the_difference_four_times_in_five() -> None:
    deltas = [0.2, 1.0, 1.8]  # mean 1, standard deviation 0.8
    needed = seeds_needed(deltas)
    assert needed is not None
    rng = np.random.default_rng(3)
    found = np.mean([t_test(rng.normal(1, 0.8, needed).tolist()) < 0.05 for _ in range(2000)])
    assert 0.75 < found < 0.9
    more = seeds_needed(deltas, comparisons=4)
    assert more is not None
    assert more > needed
    assert seeds_needed([0.001, 1.0, -1.0]) is None  # more than MAX_SEEDS
    assert MAX_SEEDS == 1000
    assert seeds_needed([1.0]) is None
    assert seeds_needed([1.0, 1.0]) is None
