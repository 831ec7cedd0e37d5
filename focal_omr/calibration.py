"""Confidence that means something: from the network's probability to the chance that a symbol is right.

A network of this kind is surer than it should be. Two numbers, fitted on staves that it was not trained on,
turn its probability into a share: of the symbols given 0.9, nine in ten are right.

Source: Platt 1999, "Probabilistic outputs for support vector machines", on the logit of the probability;
without his smoothing of the targets, which a hundred thousand symbols do not need.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-6  # float32 probabilities are no nearer to 0 or 1 than this
_ITERATIONS = 50
_START = np.array([1.0, 0.0])
_PRIOR = 0.1  # weight of staying at the start: decides where all confidences are alike, and nothing else


def calibrated(confidence: float, calibration: tuple[float, float]) -> float:
    """The chance that a symbol of this raw confidence is right.

    Args:
        confidence: 0 .. 1.
        calibration: (slope, offset) of its logit; (1, 0) leaves it as it is.
    """
    slope, offset = calibration
    if (slope, offset) == (1.0, 0.0):
        return confidence
    inside = min(max(confidence, _EPSILON), 1 - _EPSILON)  # as `_logit`; numpy takes 30 times as long for one
    return 1 / (1 + math.exp(-(slope * math.log(inside / (1 - inside)) + offset)))


def fit_calibration(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, float]:
    """(slope, offset) for `calibrated`, by logistic regression (Newton's method).

    Args:
        confidences: Raw, of symbols of held-out staves.
        right: Whether each was right.

    Raises:
        ValueError: All of them are right, or none is: nothing can be fitted.
    """
    x, y = _logit(np.asarray(confidences, np.float64)), np.asarray(right, np.float64)
    if not 0 < y.mean() < 1:
        raise ValueError("needed are symbols that were read right and such that were not")
    design = np.stack([x, np.ones_like(x)])
    weights = _START.copy()
    for _ in range(_ITERATIONS):
        p = 1 / (1 + np.exp(-np.clip(weights @ design, -30, 30)))
        gradient = design @ (y - p) - _PRIOR * (weights - _START)
        curvature = (design * (p * (1 - p))) @ design.T + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        before = _likelihood(weights, design, y)
        while _likelihood(weights + step, design, y) < before and np.abs(step).max() > 1e-9:
            step = step / 2  # a full step of Newton's may lead too far
        weights = weights + step
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])


def _likelihood(weights: NDArray[np.float64], design: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Of the logarithm, with the prior."""
    z = weights @ design
    fit = y * z - np.logaddexp(0, z)
    return float(fit.sum() - _PRIOR / 2 * ((weights - _START) ** 2).sum())


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(p, _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
