"""Decoding compared with slow reference implementations."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.decode.symbols import (
    Decoded,
    _log_add,
    _Prefix,
    _skip_frames,
    align,
    beam_decode,
    greedy_decode,
)

Rows = list[list[float]]
# Few distinct values, so that classes tie and runs form.
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
def test_greedy_equals_the_reference(rows: Rows) -> None:
    log_probs = _log_probs(rows)
    got, expected = greedy_decode(log_probs), _slow(log_probs)
    plain = [(s.class_id, s.first_frame, s.end_frame, s.peak_frame) for s in got]
    assert plain == [(s.class_id, s.first_frame, s.end_frame, s.peak_frame) for s in expected]
    assert [s.confidence for s in got] == pytest.approx([s.confidence for s in expected])


def test_runs_collapse_and_blanks_separate_equal_neighbours() -> None:
    probabilities = np.full((8, 3), 0.05)
    for frame, number in enumerate([0, 1, 1, 0, 1, 2, 2, 0]):
        probabilities[frame, number] = 0.9
    probabilities[2, 1] = 0.95
    read = greedy_decode(np.log(probabilities))
    assert [s.class_id for s in read] == [1, 1, 2]
    assert [(s.first_frame, s.end_frame) for s in read] == [(1, 3), (4, 5), (5, 7)]
    assert [s.peak_frame for s in read] == [2, 4, 5]
    assert [s.confidence for s in read] == pytest.approx([0.95, 0.9, 0.9])


def test_blanks_alone_and_no_frames_give_no_symbols() -> None:
    assert greedy_decode(np.log(np.array([[0.8, 0.2]] * 5))) == []
    assert greedy_decode(np.zeros((0, 4))) == []


def test_float32_input_gives_python_numbers() -> None:
    (symbol,) = greedy_decode(np.log(np.array([[0.2, 0.8]], np.float32)))
    kinds = [type(value) for value in vars(symbol).values()]
    assert kinds == [int, int, int, int, float]


# Beam search ------------------------------------------------------------------------------------------------


class _NoRules:
    start = None
    pinned: frozenset[int] = frozenset()

    def step(self, state: None, number: int) -> tuple[None, float]:
        return None, 0.0


class _Alternating:
    """A bonus of one nat for symbols that differ from the one before."""

    start = 0
    pinned: frozenset[int] = frozenset()

    def step(self, state: int, number: int) -> tuple[int, float]:
        return number, 0.0 if number == state else 1.0


def _collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(number for number, _ in groupby(path) if number)


def _exhaustive(log_probs: np.ndarray, rules) -> dict[tuple[int, ...], float]:
    """Log-probability over all paths plus bonuses, for every label."""
    totals: dict[tuple[int, ...], float] = {}
    for path in product(range(log_probs.shape[1]), repeat=len(log_probs)):
        probability = np.exp(sum(log_probs[frame, number] for frame, number in enumerate(path)))
        label = _collapsed(path)
        totals[label] = totals.get(label, 0.0) + probability
    scores = {}
    for label, total in totals.items():
        state, bonus = rules.start, 0.0
        for number in label:
            state, worth = rules.step(state, number)
            bonus += worth
        scores[label] = float(np.log(total)) + bonus
    return scores


few_frames = st.lists(st.lists(st.floats(0.05, 1.0), min_size=3, max_size=3), min_size=1, max_size=5)


@pytest.mark.parametrize("rules", [_NoRules(), _Alternating()])
@given(rows=few_frames)
def test_a_wide_beam_finds_what_an_exhaustive_search_finds(rules, rows: Rows) -> None:
    log_probs = _log_probs(rows)
    scores = _exhaustive(log_probs, rules)
    found = tuple(symbol.class_id for symbol in beam_decode(log_probs, rules, beam_width=1000))
    assert scores[found] == pytest.approx(max(scores.values()))


@given(rows=few_frames)
def test_an_alignment_is_the_best_path_of_its_label(rows: Rows) -> None:
    log_probs = _log_probs(rows)
    label = [symbol.class_id for symbol in greedy_decode(log_probs)] or [1]
    paths = [p for p in product(range(3), repeat=len(rows)) if _collapsed(p) == tuple(label)]
    best = max(sum(log_probs[frame, number] for frame, number in enumerate(path)) for path in paths)
    aligned = align(log_probs, label)
    assert [symbol.class_id for symbol in aligned] == label
    path = np.zeros(len(rows), int)
    for symbol in aligned:
        path[symbol.first_frame : symbol.end_frame] = symbol.class_id
        assert symbol.first_frame <= symbol.peak_frame < symbol.end_frame
        assert symbol.confidence == pytest.approx(np.exp(log_probs[symbol.peak_frame, symbol.class_id]))
    assert log_probs[np.arange(len(rows)), path].sum() == pytest.approx(best)


def test_the_rules_decide_only_ambiguous_frames() -> None:
    sure = np.log(np.array([[0.02, 0.97, 0.01], [0.98, 0.01, 0.01], [0.02, 0.97, 0.01]]))
    open_ = np.log(np.array([[0.02, 0.97, 0.01], [0.98, 0.01, 0.01], [0.02, 0.55, 0.43]]))
    assert [symbol.class_id for symbol in beam_decode(sure, _Alternating())] == [1, 1]
    assert [symbol.class_id for symbol in beam_decode(open_, _Alternating())] == [1, 2]
    assert [symbol.class_id for symbol in beam_decode(open_, _NoRules())] == [1, 1]


def test_beam_search_over_blanks_and_no_frames() -> None:
    assert beam_decode(np.log(np.array([[0.98, 0.01, 0.01]] * 5)), _NoRules()) == []
    assert beam_decode(np.zeros((0, 3)), _NoRules()) == []
    assert align(np.log(np.full((3, 3), 1 / 3)), []) == []


quiet_frames = st.lists(st.tuples(st.floats(-0.1, -1e-6), st.floats(-30, -7)), max_size=6)


@given(
    frames=quiet_frames, in_blank=st.floats(-20, 0), in_symbol=st.one_of(st.floats(-20, 0), st.just(-np.inf))
)
def test_skipping_frames_equals_blanks_one_by_one(
    frames: list[tuple[float, float]], in_blank: float, in_symbol: float
) -> None:
    empty = _Prefix(0, None, None, 0.0)
    prefix = _Prefix(1, empty, None, 0.0)
    values = {0: [-5.0, *(blank for blank, _ in frames)], 1: [-5.0, *(symbol for _, symbol in frames)]}
    beam = {prefix: (in_blank, in_symbol), empty: (in_blank, -np.inf)}
    after = _skip_frames(beam, values, 1, 1 + len(frames))
    for blank, symbol in frames:
        in_blank, in_symbol = _log_add(in_blank, in_symbol) + blank, in_symbol + symbol
    assert after[prefix] == pytest.approx((in_blank, in_symbol))
    assert after[empty][0] == pytest.approx(beam[empty][0] + sum(blank for blank, _ in frames))


class _Dear(_NoRules):
    """Every symbol has a large penalty; classes 2 and 3 are pinned, of which 3 costs less."""

    pinned = frozenset({2, 3})

    def step(self, state: None, number: int) -> tuple[None, float]:
        return None, -4.0 if number == 3 else -8.0


def test_pinned_classes_are_substituted_but_never_inserted_or_deleted() -> None:
    rows = [[0.9, 0.03, 0.04, 0.03], [0.2, 0.2, 0.5, 0.1], [0.9, 0.03, 0.04, 0.03], [0.3, 0.5, 0.1, 0.1]]
    assert [symbol.class_id for symbol in beam_decode(np.log(np.array(rows)), _Dear())] == [3]


def test_a_long_label_is_aligned() -> None:
    numbers = [1, 2] * 100
    frames = np.full((400, 3), 0.01)
    frames[np.arange(0, 400, 2), numbers] = 0.98
    frames[1::2, 0] = 0.98
    assert [s.peak_frame for s in align(np.log(frames), numbers)] == list(range(0, 400, 2))
