"""Metrics: axioms of a distance, slow reference implementations, and values computed by hand."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.metrics import (
    EditWeights,
    ErrorRates,
    bootstrap_ser,
    edit_distance,
    edit_weights,
    error_rates,
    paired_bootstrap,
    permutation_test,
    symbol_errors,
    weighted_distance,
    weighted_symbol_error,
)

# Few different symbols, so that sequences overlap; some are long.
sequences = st.lists(st.sampled_from(["note-C4_quarter", "note-C4_half", "barline", "tie"]), max_size=12)


def _slow_distance(a: list[str], b: list[str]) -> int:
    """Wagner and Fischer 1974, one row at a time."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        above, row = row, [i]
        for j, right in enumerate(b, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right)))
    return row[-1]


@given(sequences, sequences)
def test_edit_distance_equals_the_textbook_algorithm(a: list[str], b: list[str]) -> None:
    assert edit_distance(a, b) == _slow_distance(a, b)


@given(sequences, sequences)
def test_identity_and_symmetry(a: list[str], b: list[str]) -> None:
    assert edit_distance(a, a) == 0
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)


@given(sequences, sequences, sequences)
def test_triangle_inequality(a: list[str], b: list[str], c: list[str]) -> None:
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)


@given(sequences, sequences)
def test_bounds(a: list[str], b: list[str]) -> None:
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize(
    ("hypothesis", "reference", "edits"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ([1, 2, 3], [1, 3], 1),
        (("ab", "c"), ("a", "bc"), 2),  # symbols are compared, not their letters
    ],
)
def test_known_distances(hypothesis: list[str], reference: list[str], edits: int) -> None:
    assert edit_distance(hypothesis, reference) == edits


def test_ser_is_all_edits_over_all_symbols() -> None:
    # 1 edit in 2 symbols and 1 in 8: 2 in 10; the mean over samples would be 31.25 %.
    rates = error_rates([["a"], list("bcdefghX"), []], [["a", "b"], list("bcdefghi"), []])
    assert rates == ErrorRates(samples=3, symbols=10, edits=2, wrong_samples=2)
    assert rates.ser == 20.0
    assert rates.sequence_error_rate == pytest.approx(200 / 3)
    assert rates.edits_per_sample == pytest.approx(2 / 3)


def test_ser_may_exceed_100() -> None:
    assert error_rates([list("xyzw")], [["a"]]).ser == 400.0


@given(st.lists(sequences, min_size=1, max_size=5))
def test_a_perfect_reading_has_no_error(references: list[list[str]]) -> None:
    rates = error_rates(references, references)
    assert (rates.ser, rates.sequence_error_rate, rates.edits) == (0.0, 0.0, 0)


def test_no_samples_have_no_error() -> None:
    rates = error_rates([], [])
    assert (rates.ser, rates.sequence_error_rate) == (0.0, 0.0)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        error_rates([["a"]], [["a"], ["b"]])


# By symbol --------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(sequences, sequences), max_size=4))
def test_errors_by_symbol_sum_to_the_edits(pairs: list[tuple[list[str], list[str]]]) -> None:
    hypotheses, references = [h for h, _ in pairs], [r for _, r in pairs]
    errors = symbol_errors(hypotheses, references)
    confused, inserted = errors.confused.total(), errors.inserted.total()
    deleted = errors.count.total() - errors.hit.total() - confused
    assert deleted >= 0
    assert confused + inserted + deleted == error_rates(hypotheses, references).edits
    for symbol, count in errors.count.items():
        assert count == sum(reference.count(symbol) for reference in references)
        read = sum(number for (_, got), number in errors.confused.items() if got == symbol)
        written = sum(hypothesis.count(symbol) for hypothesis in hypotheses)
        assert errors.hit[symbol] + read + errors.inserted[symbol] == written


def test_errors_by_symbol_of_a_known_reading() -> None:
    errors = symbol_errors([list("aXce"), ["b"]], [list("abc"), ["b", "d"]])
    assert errors.hit == {"a": 1, "c": 1, "b": 1}
    assert errors.confused == {("b", "X"): 1}
    assert errors.inserted == {"e": 1}
    assert errors.miss_rate(["b"]) == 50.0
    assert errors.miss_rate(["b", "d"]) == pytest.approx(200 / 3)
    assert errors.miss_rate(["never"]) == 0.0
    assert errors.macro_error() == (0 + 50 + 0 + 100) / 4
    assert errors.macro_error(least=2) == 50  # b only
    assert errors.error_rate(["b", "e"]) == 100.0  # b: one of two missed; e: one insertion
    assert errors.ser_by_bin({"a": "HF", "b": "LF", "e": "LF"}) == {"HF": 0.0, "LF": 100.0}
    assert errors.by_bin({"a": "HF", "b": "LF", "d": "LF", "never": "normal"}) == {
        "HF": 0.0,
        "LF": pytest.approx(200 / 3),
        "normal": 0.0,
    }


def test_the_bootstrap_interval_covers_the_rate_and_narrows_with_more_samples() -> None:
    few, many = [0, 3, 1, 0, 2] * 2, [0, 3, 1, 0, 2] * 50
    widths = []
    for edits in (few, many):
        low, high = bootstrap_ser(edits, [10] * len(edits), draws=2000)
        assert low < 12 < high
        widths.append(high - low)
    # Ten samples against 250: a fifth of the width. The standard error of ten is 1.166 / sqrt(10) of 10.
    assert widths[0] == pytest.approx(2 * 1.96 * 11.66 / 10**0.5, rel=0.1)
    assert widths[1] == pytest.approx(widths[0] / 5, rel=0.1)
    assert bootstrap_ser(few, [10] * 10, draws=50) == bootstrap_ser(few, [10] * 10, draws=50)


def test_the_bootstrap_of_equal_samples_and_of_no_symbols() -> None:
    assert bootstrap_ser([1, 1, 1], [4, 4, 4], draws=50) == (25.0, 25.0)
    assert bootstrap_ser([0, 0], [0, 0], draws=50) == (0.0, 0.0)


# Two systems ------------------------------------------------------------------------------------------------

Edits = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def _edits(rng: np.random.Generator, mean: float, *, runs: int = 3, samples: int = 80) -> Edits:
    """Edits of staves of different difficulty: their means have a gamma distribution."""
    return rng.poisson(mean * rng.gamma(2, 0.5, size=samples), size=(runs, samples))


def test_the_paired_interval_of_a_known_difference() -> None:
    # a makes one edit more than b on every sample of 20 symbols in every run: no variance.
    b = _edits(np.random.default_rng(0), 1)
    assert paired_bootstrap(b + 1, b, [20] * 80, draws=200) == (5.0, 5.0)
    # A fifth of the pairs differ by one: mean 1 %, standard error 5 sqrt(0.2 * 0.8 / 80) points.
    more = np.array([[1, 0, 0, 0, 0] * 16])
    low, high = paired_bootstrap(b[:1] + more, b[:1], [20] * 80, draws=4000)
    assert (low, high) == pytest.approx((1 - 1.96 * 0.2236, 1 + 1.96 * 0.2236), abs=0.07)


def test_the_paired_interval_includes_the_variance_of_runs() -> None:
    a = np.repeat([[0], [1], [2]], 50, axis=1)  # equal samples, different runs
    low, high = paired_bootstrap(a, np.zeros_like(a), [10] * 50)
    assert low == pytest.approx(0, abs=4)
    assert high == pytest.approx(20, abs=4)
    assert low < 5 < 15 < high


def test_the_paired_tests_are_symmetric() -> None:
    rng = np.random.default_rng(3)
    a, b, symbols = _edits(rng, 1.0), _edits(rng, 1.2), rng.integers(5, 40, size=80)
    low, high = paired_bootstrap(a, b, symbols, draws=500)
    assert paired_bootstrap(b, a, symbols, draws=500) == pytest.approx((-high, -low))
    assert permutation_test(a, b, symbols) == permutation_test(b, a, symbols)
    for compare in (paired_bootstrap, permutation_test):
        one = compare(a, b, symbols, draws=300)
        assert compare(a, b, symbols, draws=300) == one
        assert compare(a.tolist(), b.tolist(), symbols.tolist(), draws=300) == one
        assert compare(a, b, symbols, draws=300, seed=1) != one


def test_the_paired_interval_has_95_percent_coverage() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(200):
        a, b = _edits(rng, 1.0, runs=1), _edits(rng, 1.5, runs=1)
        low, high = paired_bootstrap(a, b, [25] * 80, seed=seed, draws=200)
        held += low <= -2 <= high  # half an edit of 25 symbols
    assert 0.89 <= held / 200 <= 0.99


def test_p_values_of_equal_systems_are_uniform() -> None:
    rng = np.random.default_rng(7)
    found = []
    for seed in range(300):
        hard = rng.gamma(2, 0.5, size=60)
        a, b = rng.poisson(hard, size=(2, 60)), rng.poisson(hard, size=(2, 60))
        found.append(permutation_test(a, b, [25] * 60, seed=seed, draws=199))
    for level in (0.05, 0.25, 0.5, 0.75):
        share = np.mean([p <= level for p in found])
        assert share == pytest.approx(level, abs=3 * (level * (1 - level) / 300) ** 0.5 + 0.02)


def test_known_p_values() -> None:
    equal = np.ones((2, 5), np.int64)
    assert permutation_test(equal, equal, [9] * 5, draws=99) == 1.0
    # All six samples are worse: 2 of the 64 swaps have as large a difference.
    worse = np.ones((1, 6), np.int64)
    assert permutation_test(worse, 0 * worse, [9] * 6) == pytest.approx(2 / 64, abs=0.006)
    many = np.ones((1, 40), np.int64)
    assert permutation_test(many, 0 * many, [9] * 40, draws=999) == 1 / 1000
    # Runs of a sample are one unit: six runs of one sample are not six samples.
    assert permutation_test(worse.T, 0 * worse.T, [9]) == 1.0


def test_a_permutation_test_in_chunks_equals_one_without(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    a, b = _edits(rng, 1.0), _edits(rng, 1.2)
    at_once = permutation_test(a, b, [9] * 80, draws=2000)
    monkeypatch.setattr("focal_omr.metrics._SIGNS_PER_CHUNK", 1000)
    assert permutation_test(a, b, [9] * 80, draws=2000) == pytest.approx(at_once, abs=0.04)


@pytest.mark.parametrize(
    ("a", "b", "symbols", "draws"),
    [
        ([[1, 2]], [[1, 2, 3]], [4, 4], 9),
        ([[1, 2]], [[1, 2], [1, 2]], [4, 4], 9),
        ([[1, 2]], [[1, 2]], [4], 9),
        ([[1, 2]], [[1, 2]], [[4, 4]], 9),
        ([1, 2], [1, 2], [4, 4], 9),
        ([[]], [[]], [], 9),
        ([[1, 2]], [[1, 2]], [4, 4], 0),
        ([[1.5, 2]], [[1, 2]], [4, 4], 9),
    ],
)
def test_mismatched_edits_are_refused(
    a: list[list[int]], b: list[list[int]], symbols: list[int], draws: int
) -> None:
    for compare in (paired_bootstrap, permutation_test):
        with pytest.raises(ValueError, match="must be"):
            compare(a, b, symbols, draws=draws)


# Weighted by frequency --------------------------------------------------------------------------------------

COUNTS = {"note-C4_quarter": 100, "barline": 40, "note-C4_half": 7, "tie": 2}


def _slow_weighted(hypothesis: list[str], reference: list[str], weights: EditWeights) -> float:
    """All ways to edit, by exhaustive recursion."""

    @cache
    def cost(i: int, j: int) -> int:
        ways = [0] if i == j == 0 else []
        if i:
            ways.append(cost(i - 1, j) + weights.insertion(hypothesis[i - 1]))
        if j:
            ways.append(cost(i, j - 1) + weights.deletion(reference[j - 1]))
        if i and j:
            one, other = hypothesis[i - 1], reference[j - 1]
            edit = 0 if one == other else weights.insertion(one) + weights.deletion(other)
            ways.append(cost(i - 1, j - 1) + edit)
        return min(ways)

    return cost(len(hypothesis), len(reference)) / weights.largest


@given(sequences, sequences)
def test_the_weighted_distance_equals_the_reference(hypothesis: list[str], reference: list[str]) -> None:
    weights = edit_weights(COUNTS)
    assert weighted_distance(hypothesis, reference, weights) == _slow_weighted(hypothesis, reference, weights)


@given(sequences, sequences, sequences)
def test_axioms_of_the_weighted_distance(a: list[str], b: list[str], c: list[str]) -> None:
    weights = edit_weights(COUNTS)
    distance = weighted_distance(a, b, weights)
    assert (distance == 0) == (a == b)
    assert distance >= 0
    through = weighted_distance(a, c, weights) + weighted_distance(c, b, weights)
    assert distance <= through + 1e-9


@given(sequences, sequences)
def test_with_equal_counts_it_counts_deletions_and_insertions(a: list[str], b: list[str]) -> None:
    distance = weighted_distance(a, b, edit_weights(dict.fromkeys(COUNTS, 5)))
    assert edit_distance(a, b) <= distance <= 2 * edit_distance(a, b)
    assert distance % 1 == 0
    # Symbols not in training share one weight.
    assert distance == weighted_distance(b, a, edit_weights({"tie": 3}))


def test_weights_are_the_counts_and_the_reversed_counts() -> None:
    weights = edit_weights({"a": 50, "b": 20, "d": 5, "c": 5})
    assert (weights.insertions, weights.largest) == ({"a": 50, "b": 20, "d": 5, "c": 5}, 50)
    assert weights.deletions == {"d": 50, "c": 20, "b": 5, "a": 5}  # ties are ranked by name
    assert (weights.insertion("new"), weights.deletion("new")) == (5, 50)
    assert weighted_distance("ab", "a", weights) == 0.4  # b inserted
    assert weighted_distance("a", "ad", weights) == 1.0  # the rarest missed
    assert weighted_distance("b", "a", weights) == pytest.approx(0.1 + 0.4)


def test_the_weighted_error_is_all_costs_over_all_symbols() -> None:
    counts = {"a": 50, "b": 20, "c": 5}
    # "abc" misses c: 1 of 0.1 + 0.4 + 1; "ab" misses nothing: 0 of 0.1 + 0.4.
    assert weighted_symbol_error([list("ab"), list("ab")], [list("abc"), list("ab")], counts) == 50.0
    assert weighted_symbol_error([[], []], [list("abc"), list("ab")], counts) == 100.0
    assert weighted_symbol_error([list("abc")], [list("abc")], counts) == 0.0
    assert weighted_symbol_error([], [], counts) == 0.0
    rare = weighted_symbol_error([list("ab")], [list("abc")], counts)
    assert rare > weighted_symbol_error([list("bc")], [list("abc")], counts)
    with pytest.raises(ValueError, match="zip"):
        weighted_symbol_error([[]], [], counts)
    for wrong in ({}, {"a": 0}):
        with pytest.raises(ValueError, match="once or more"):
            weighted_symbol_error([], [], wrong)
