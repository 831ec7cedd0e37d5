"""The quick forms of what the search for staves computes: they give what the plain ones give."""

import numpy as np
import pytest

from focal_omr.images.load import median_gray
from focal_omr.staff.comb_path import best_path
from focal_omr.staff.lines import _smooth
from focal_omr.staff.working_image import quantile


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_quantiles_are_those_of_numpy(size: int, share: float) -> None:
    values = np.random.default_rng(size).random(size, np.float32)
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), abs=1e-7)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 3), (20, 31), (64, 64)])
def test_the_median_gray_is_the_median(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(shape[1])
    for top in (2, 256):
        gray = random.integers(0, top, shape).astype(np.uint8)
        assert median_gray(gray) == float(np.median(gray))
        assert median_gray(gray[:, ::2]) == float(np.median(gray[:, ::2]))


@pytest.mark.parametrize("size", [3, 4, 5, 60])
@pytest.mark.parametrize("stiffness", [4.0, 4000.0])
def test_a_smooth_curve_solves_its_equations(size: int, stiffness: float) -> None:
    random = np.random.default_rng(size)
    values, weights = random.random(size, np.float32), random.random(size, np.float32)
    bend = np.diff(np.eye(size), n=2, axis=0)
    matrix = np.diag(weights.astype(np.float64) + 1e-6) + stiffness * bend.T @ bend
    curve = np.linalg.solve(matrix, weights * values)
    np.testing.assert_allclose(_smooth(values, weights, stiffness), curve, rtol=1e-4, atol=1e-5)


def test_the_best_path_is_the_best_of_all() -> None:
    """On a picture so small that all paths can be tried."""
    random = np.random.default_rng(3)
    for _ in range(20):
        comb, cost = random.random((5, 4), np.float32), 0.25
        path, total = best_path(comb, cost)
        sums = {
            (a, b, c, d): sum(comb[row, block] for block, row in enumerate((a, b, c, d)))
            - cost * (abs(a - b) + abs(b - c) + abs(c - d))
            for a in range(5)
            for b in range(5)
            for c in range(5)
            for d in range(5)
            if max(abs(a - b), abs(b - c), abs(c - d)) <= 2
        }
        assert total == pytest.approx(max(sums.values()), abs=1e-5)
        assert sums[tuple(path.tolist())] == pytest.approx(total, abs=1e-5)
