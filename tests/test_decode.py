"""Greedy decoding, against a slow and obvious one."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.decode import Decoded, greedy_decode

Rows = list[list[float]]
# Values from a few, so that classes tie and runs form.
frames = st.integers(2, 4).flatmap(
    lambda classes: st.lists(
        st.lists(st.sampled_from([0.1, 1.0, 2.0, 2.5]), min_size=classes, max_size=classes), max_size=12
    )
)


def _log_probs(rows: Rows) -> np.ndarray:
    scores = np.array(rows, np.float64)
    return np.log(scores / scores.sum(axis=1, keepdims=True))


def _slow(log_probs: np.ndarray) -> list[Decoded]:
    best = [max(range(len(row)), key=lambda number: row[number]) for row in log_probs]
    symbols = []
    for number, run in groupby(range(len(best)), key=lambda frame: best[frame]):
        places = list(run)
        if number != 0:
            peak = max(places, key=lambda frame: log_probs[frame][number])
            confidence = 2.718281828459045 ** log_probs[peak][number]
            symbols.append(Decoded(number, places[0], places[-1] + 1, peak, confidence))
    return symbols


@given(frames.filter(bool))
def test_greedy_is_the_slow_one(rows: Rows) -> None:
    log_probs = _log_probs(rows)
    got, expected = greedy_decode(log_probs), _slow(log_probs)
    plain = [(s.number, s.first_frame, s.end_frame, s.peak_frame) for s in got]
    assert plain == [(s.number, s.first_frame, s.end_frame, s.peak_frame) for s in expected]
    assert [s.confidence for s in got] == pytest.approx([s.confidence for s in expected])


def test_runs_collapse_and_blanks_part_equal_neighbours() -> None:
    probabilities = np.full((8, 3), 0.05)
    for frame, number in enumerate([0, 1, 1, 0, 1, 2, 2, 0]):
        probabilities[frame, number] = 0.9
    probabilities[2, 1] = 0.95
    read = greedy_decode(np.log(probabilities))
    assert [s.number for s in read] == [1, 1, 2]
    assert [(s.first_frame, s.end_frame) for s in read] == [(1, 3), (4, 5), (5, 7)]
    assert [s.peak_frame for s in read] == [2, 4, 5]
    assert [s.confidence for s in read] == pytest.approx([0.95, 0.9, 0.9])


def test_only_blanks_and_no_frames_are_no_symbols() -> None:
    assert greedy_decode(np.log(np.array([[0.8, 0.2]] * 5))) == []
    assert greedy_decode(np.zeros((0, 4))) == []


def test_single_precision_gives_plain_numbers() -> None:
    (symbol,) = greedy_decode(np.log(np.array([[0.2, 0.8]], np.float32)))
    kinds = [type(value) for value in vars(symbol).values()]
    assert kinds == [int, int, int, int, float]
