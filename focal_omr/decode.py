"""From frames to symbols: greedy CTC decoding with place and confidence. numpy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.notation.vocabulary import BLANK


@dataclass(frozen=True)
class Decoded:
    """One decoded symbol.

    Attributes:
        number: Class number (never the blank).
        first_frame: First frame of its run.
        end_frame: Frame after its last one.
        peak_frame: Frame in which the class is most probable.
        confidence: The class's probability in that frame, 0 .. 1.
    """

    number: int
    first_frame: int
    end_frame: int
    peak_frame: int
    confidence: float


def greedy_decode(log_probs: NDArray[Any]) -> list[Decoded]:
    """Best class of every frame, runs collapsed, blanks dropped.

    Args:
        log_probs: (T, C) natural logarithms of one sample's frames.

    Returns:
        The symbols from left to right.

    Source: Graves et al. 2006, "Connectionist temporal classification", section 3.2, best path decoding.
    """
    best = log_probs.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(best)]
    symbols = []
    for start, end in zip(starts, ends, strict=True):
        if end == start or (number := int(best[start])) == BLANK:
            continue
        run = log_probs[start:end, number]
        peak = start + int(run.argmax())
        symbols.append(Decoded(number, start, end, peak, float(np.exp(run.max()))))
    return symbols
