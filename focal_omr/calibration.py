"""Confidence calibration: maps network probabilities to the share of symbols that are correct.

Networks of this kind are overconfident. Slope and offset of the logit, fitted on held-out staves, correct
that: of the symbols given 0.9, nine in ten are right.

Source: Platt 1999, "Probabilistic outputs for support vector machines", applied to the logit of the
probability. Deviation: targets are not smoothed, which a hundred thousand symbols do not need.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-6  # float32 probabilities come no closer to 0 or 1
_ITERATIONS = 50
_START = np.array([1.0, 0.0])
_PRIOR = 0.1  # weight of staying at _START; only matters if all confidences are alike


def apply_calibration(confidence: float, calibration: tuple[float, float]) -> float:
    """Return the probability that a symbol with this raw confidence is right.

    Args:
        confidence: 0 .. 1.
        calibration: (slope, offset) of the logit; (1, 0) leaves the confidence unchanged.
    """
    slope, offset = calibration
    if (slope, offset) == (1.0, 0.0):
        return confidence
    inside = min(max(confidence, _EPSILON), 1 - _EPSILON)  # numpy would take 30 times as long for one number
    return 1 / (1 + math.exp(-(slope * math.log(inside / (1 - inside)) + offset)))


def fit_calibration(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """Fit (slope, offset) for `apply_calibration` by logistic regression (Newton's method).

    Args:
        confidences: Raw confidences of symbols of held-out staves, 0 .. 1.
        right: Whether each symbol was right.

    Raises:
        ValueError: All symbols are right, or none is.
    """
    inside = np.clip(np.asarray(confidences, np.float64), _EPSILON, 1 - _EPSILON)
    x, y = np.log(inside / (1 - inside)), np.asarray(right, np.float64)
    if not 0 < y.mean() < 1:
        raise ValueError("calibration needs symbols that were read right and symbols that were not")
    design = np.stack([x, np.ones_like(x)])  # (2, N)
    weights = _START.copy()
    for _ in range(_ITERATIONS):
        p = 1 / (1 + np.exp(-np.clip(weights @ design, -30, 30)))
        gradient = design @ (y - p) - _PRIOR * (weights - _START)
        curvature = (design * (p * (1 - p))) @ design.T + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = _log_posterior(weights, design, y)
        while _log_posterior(weights + step, design, y) < before and np.abs(step).max() > 1e-9:
            step = step / 2  # a full Newton step may overshoot
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


def _log_posterior(
    weights: NDArray[np.float64], design: NDArray[np.float64], y: NDArray[np.float64]
) -> float:
    """Return log-likelihood plus log-prior of weights (2,) for outcomes y (N,) and design (2, N)."""
    z = weights @ design
    fit = y * z - np.logaddexp(0, z)
    return float(fit.sum() - _PRIOR / 2 * ((weights - _START) ** 2).sum())
