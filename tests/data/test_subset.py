"""Subsets closed under a small vocabulary."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.data.frequency import symbol_counts
from focal_omr.data.subset import Dropped, draw_flat, draw_subset, imbalance_ratio, subset_lines
from focal_omr.errors import DataError

FEW = {
    "1": ("clef", "a", "a"),
    "2": ("clef", "a", "b"),
    "3": ("clef", "b", "c"),
    "4": ("clef", "c", "d"),
    "5": ("clef", "a"),
}


def _many(seed: int = 0, samples: int = 3000, symbols: int = 90) -> dict[str, tuple[str, ...]]:
    """Labels with a long-tailed symbol distribution, as in PrIMuS."""
    random = Random(seed)
    names = [f"s{number:02d}" for number in range(symbols)]
    weights = [1 / (1 + number) ** 1.3 for number in range(symbols)]
    return {
        f"{number:05d}": ("clef", *random.choices(names, weights, k=random.randint(5, 15)))
        for number in range(samples)
    }


def test_the_rarest_symbol_is_dropped_with_its_samples() -> None:
    subset = draw_subset(FEW, samples=3, symbols=3, min_count=1)
    # d (once) takes sample 4; then c (once) takes 3.
    assert subset.dropped == (Dropped("d", 1, 1), Dropped("c", 1, 1))
    assert (subset.ids, subset.pool) == (("1", "2", "5"), 3)
    assert subset.counts == {"clef": 3, "a": 4, "b": 1}
    assert subset.to_json()["imbalance_ratio"] == 4


@pytest.mark.parametrize(("symbols", "min_count"), [(60, 10), (30, 25), (90, 1)])
def test_samples_symbols_and_minimum_are_met_exactly(symbols: int, min_count: int) -> None:
    labels = _many()
    subset = draw_subset(labels, samples=400, symbols=symbols, min_count=min_count)
    found = Counter(token for sample in subset.ids for token in labels[sample])
    assert (len(subset.ids), len(found)) == (400, symbols)
    assert min(found.values()) >= min_count
    assert subset.counts == found
    assert subset.pool == len(labels) - sum(each.samples for each in subset.dropped)


def test_a_subset_depends_on_the_seed_alone() -> None:
    labels = _many()
    one = draw_subset(labels, samples=300, symbols=40, seed=1)
    assert draw_subset(dict(reversed(labels.items())), samples=300, symbols=40, seed=1) == one
    other = draw_subset(labels, samples=300, symbols=40, seed=2)
    assert other.ids != one.ids
    assert other.dropped == one.dropped


@pytest.mark.parametrize("ratio", [40, 100, 150])
def test_a_ratio_is_met(ratio: float) -> None:
    labels = _many()
    subset = draw_subset(labels, samples=400, symbols=50, min_count=5, ratio=ratio)
    assert subset.ratio == pytest.approx(ratio, rel=0.05)
    assert (len(subset.ids), len(subset.counts)) == (400, 50)
    assert min(subset.counts.values()) >= 5
    assert subset.counts == Counter(token for sample in subset.ids for token in labels[sample])


def test_a_balanced_subset_has_a_low_ratio() -> None:
    labels = _many(samples=1200)
    plain = draw_subset(labels, samples=150, symbols=30, min_count=5)
    even = draw_subset(labels, samples=150, symbols=30, min_count=5, balanced=True)
    assert even.ratio < plain.ratio / 1.5
    assert (len(even.ids), len(even.counts), even.dropped) == (150, 30, plain.dropped)
    assert even.counts == Counter(token for sample in even.ids for token in labels[sample])
    assert min(even.counts.values()) >= 5
    again = draw_subset(dict(reversed(labels.items())), samples=150, symbols=30, min_count=5, balanced=True)
    assert again == even
    # A clearly lower ratio is impossible.
    with pytest.raises(DataError, match="cannot be met"):
        draw_subset(labels, samples=150, symbols=30, min_count=5, ratio=even.ratio / 1.2)
    with pytest.raises(DataError, match="not both"):
        draw_subset(labels, ratio=68, balanced=True)


@pytest.mark.parametrize("min_count", [1, 2])
def test_a_balanced_subset_keeps_the_minimum(min_count: int) -> None:
    # One of two samples has to be the long one, otherwise a symbol would be missing.
    labels = {"1": ("a", "b", "c", "c") * 2, "2": ("a", "b"), "3": ("a", "b"), "4": ("b", "a")}
    subset = draw_subset(labels, samples=2, symbols=3, min_count=min_count, balanced=True)
    assert "1" in subset.ids
    assert (len(subset.ids), len(subset.counts)) == (2, 3)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (
            {"samples": 4, "symbols": 3},
            "3 samples are closed under 3 symbols.*possible are 3 samples, or 4 symbols",
        ),
        ({"samples": 1, "symbols": 6}, "6 symbols requested; the data set has 5"),
        ({"samples": 3, "symbols": 3, "min_count": 2}, "b occurs 1 times.*minimum of 2"),
        ({"samples": 1, "symbols": 4}, "2 samples are needed for 1 occurrences"),
        ({"samples": 0}, "1 or more"),
        ({"samples": 3, "symbols": 3, "min_count": 1, "ratio": 50.0}, "a ratio of 50 cannot be met.*4 can"),
    ],
)
def test_errors_say_what_is_possible(wish: dict[str, int], says: str) -> None:
    with pytest.raises(DataError, match=says):
        draw_subset(FEW, **{"min_count": 1, **wish})  # type: ignore[arg-type]


def test_a_number_of_symbols_that_closing_cannot_reach() -> None:
    with pytest.raises(DataError, match=r"no subset has exactly 1 symbols.*request 2"):
        draw_subset({"1": ("a", "b"), "2": ("a", "b")}, samples=1, symbols=1, min_count=1)


@given(st.dictionaries(st.text("12", min_size=1, max_size=4), st.lists(st.sampled_from("abcde"), min_size=1)))
def test_every_subset_is_closed(labels: dict[str, list[str]]) -> None:
    for symbols in range(1, 6):
        try:
            subset = draw_subset(labels, samples=2, symbols=symbols, min_count=1)
        except DataError:
            continue
        assert len({token for sample in subset.ids for token in labels[sample]}) == symbols


def test_the_report_names_the_extremes() -> None:
    lines = list(subset_lines(draw_subset(FEW, samples=3, symbols=3, min_count=1)))
    assert lines == [
        "3 of 3 samples that are closed under 3 symbols",
        "a 4 times to b 1 times: ratio 4",
        "2 symbols were dropped, the rarest of all first, and 2 samples with them",
    ]


def test_a_flat_set_has_a_lower_ratio_and_is_closed() -> None:
    labels = _many()
    subset = draw_subset(labels, samples=400, symbols=40, seed=1)
    outside = {sample: label for sample, label in labels.items() if sample not in subset.ids}
    flat = draw_flat(outside, symbols=subset.counts, samples=100, seed=1)
    counts = symbol_counts(labels[sample] for sample in flat)
    assert (len(flat), len({*flat})) == (100, 100)
    assert not {*flat} & {*subset.ids}
    assert counts.keys() == subset.counts.keys()
    assert imbalance_ratio(counts) <= subset.ratio / 2
    assert flat == draw_flat(dict(reversed(outside.items())), symbols=subset.counts, samples=100, seed=1)
    assert flat != draw_flat(outside, symbols=subset.counts, samples=100, seed=2)
    with pytest.raises(DataError, match="2 samples requested; only 1 have no other than these 2 symbols"):
        draw_flat({"1": ("a", "b"), "2": ("c",)}, symbols={"a", "b"}, samples=2)
