"""What runs say together: means, differences and the correction for many of them."""

from typing import Any

import numpy as np
import pytest

from focal_omr.experiment.statistics import cells, differences, holm


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


def test_a_clear_difference_is_sure_and_none_is_not() -> None:
    (clear,) = differences(cells(_results(0.6)), "CTC")
    assert clear.sure
    assert clear.low < clear.points < clear.high < 0
    assert clear.better == (3, 3)
    (none,) = differences(cells(_results(0.0)), "CTC")
    assert not none.sure


def test_a_loss_that_lacks_a_seed_of_the_baseline_is_not_compared() -> None:
    results = _results(0.6)
    assert differences(cells(results[:-1]), "CTC") == []
    (cell, other) = cells(results[:-1])
    assert (cell.seeds, other.seeds) == ((1, 2, 3), (1, 2))


def test_interval_of_a_cell_holds_its_mean() -> None:
    cell = cells(_results(0.0))[0]
    low, high = cell.interval
    assert low < cell.mean("ser") < high


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 0.06: no less than the one before
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
