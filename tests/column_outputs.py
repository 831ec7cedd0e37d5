"""Outputs of a column network made from columns, for the tests of decoding."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from focal_omr.decode.systems import StaffOutput
from focal_omr.encodings.column_factors import FACTORS, WIDTH, column_factors
from focal_omr.encodings.columns import Column, SignColumn

SURE = 9.0
FRAMES = 3  # per column


def network_output(columns: Sequence[Column], *, noise: float = 0.0, seed: int = 0) -> NDArray[np.float32]:
    """(T, WIDTH) log-probabilities: each column in one frame, in column i in frame 3 i + 1.

    Args:
        columns: What is read.
        noise: Standard deviation of what is added to each logit; a value that is told has `SURE`.
        seed: Of the noise.
    """
    generator = np.random.default_rng(seed)
    logits = noise * generator.normal(size=(FRAMES * len(columns) + 1, WIDTH))
    for number, column in enumerate(columns):
        for factor, value in zip(FACTORS, column_factors(column), strict=True):
            if value >= 0:
                logits[FRAMES * number + 1, factor.offset + value] += SURE
    blank = np.ones(len(logits), bool)
    blank[1::FRAMES] = False
    logits[blank, 0] += SURE
    return normalised(logits)


def normalised(logits: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, WIDTH) logits as log-probabilities, a softmax within each factor."""
    out = np.empty_like(logits, np.float32)
    for factor in FACTORS:
        own = slice(factor.offset, factor.offset + len(factor.values))
        out[:, own] = logits[:, own] - np.log(np.exp(logits[:, own]).sum(axis=1, keepdims=True))
    return out


def doubt(log_probs: NDArray[np.float32], frame: int, name: str, value: object, share: float) -> None:
    """Gives one value of a factor a probability in a frame, in place, and its best one the rest."""
    factor = next(each for each in FACTORS if each.name == name)
    own = log_probs[frame, factor.offset : factor.offset + len(factor.values)]
    best = int(own.argmax())
    own[:] = -20.0
    own[best], own[factor.index[value]] = np.log(1 - share), np.log(share)


def staff_output(columns: Sequence[Column], *, noise: float = 0.0, seed: int = 0) -> StaffOutput:
    """The output for a staff on which each bar is 60 spaces wide, its columns two spaces apart."""
    log_probs = network_output(columns, noise=noise, seed=seed)
    places, bar, inside = [], 0, 0
    for column in columns:
        inside += 2
        if isinstance(column, SignColumn) and column.kind == "barline":
            bar, inside = bar + 1, 0
        places.append(60.0 * bar + inside)
    frames = np.arange(len(log_probs))
    return StaffOutput(log_probs, np.interp(frames, FRAMES * np.arange(len(places)) + 1, places))
