"""Metrics: the axioms of a distance, a slow obvious one beside it, and figures worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.metrics import ErrorRates, bootstrap_ser, edit_distance, error_rates, symbol_errors

# Few different symbols, so that sequences have something in common; long ones among them.
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
def test_edit_distance_is_the_textbooks(a: list[str], b: list[str]) -> None:
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
        (("ab", "c"), ("a", "bc"), 2),  # symbols are compared, not the letters they are written with
    ],
)
def test_known_distances(hypothesis: list[str], reference: list[str], edits: int) -> None:
    assert edit_distance(hypothesis, reference) == edits


def test_ser_is_the_corpus_edits_over_its_symbols() -> None:
    # 1 edit of 2 symbols and 1 of 8: 2 of 10 are wrong; the mean of the samples' rates would be 31.25 %.
    rates = error_rates([["a"], list("bcdefghX"), []], [["a", "b"], list("bcdefghi"), []])
    assert rates == ErrorRates(samples=3, symbols=10, edits=2, wrong_samples=2)
    assert rates.ser == 20.0
    assert rates.sequence_error_rate == pytest.approx(200 / 3)


def test_ser_may_exceed_100() -> None:
    assert error_rates([list("xyzw")], [["a"]]).ser == 400.0


@given(st.lists(sequences, min_size=1, max_size=5))
def test_a_perfect_reading_has_no_error(references: list[list[str]]) -> None:
    rates = error_rates(references, references)
    assert (rates.ser, rates.sequence_error_rate, rates.edits) == (0.0, 0.0, 0)


def test_nothing_has_no_error() -> None:
    rates = error_rates([], [])
    assert (rates.ser, rates.sequence_error_rate) == (0.0, 0.0)


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        error_rates([["a"]], [["a"], ["b"]])


# By symbol --------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(sequences, sequences), max_size=4))
def test_errors_by_symbol_add_up_to_the_edits(pairs: list[tuple[list[str], list[str]]]) -> None:
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
    assert errors.missed(["b"]) == 50.0
    assert errors.missed(["b", "d"]) == pytest.approx(200 / 3)
    assert errors.missed(["never"]) == 0.0
    assert errors.macro_error() == (0 + 50 + 0 + 100) / 4
    assert errors.macro_error(least=2) == 50  # of b alone
    assert errors.error_rate(["b", "e"]) == 100.0  # of b one of two missed, e once where there is none
    assert errors.ser_by_bin({"a": "HF", "b": "LF", "e": "LF"}) == {"HF": 0.0, "LF": 100.0}
    assert errors.by_bin({"a": "HF", "b": "LF", "d": "LF", "never": "normal"}) == {
        "HF": 0.0,
        "LF": pytest.approx(200 / 3),
        "normal": 0.0,
    }


def test_the_bootstrap_interval_holds_the_rate_and_narrows_with_more_samples() -> None:
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
