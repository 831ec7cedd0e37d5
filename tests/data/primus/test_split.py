"""Lists of ids, and splits without shared sources."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_data import SHARED

from focal_omr.data.frequency import symbol_counts, too_rare
from focal_omr.data.primus.samples import source_of
from focal_omr.data.primus.split import (
    apply_ids,
    parse_size,
    read_ids,
    split_by_source,
    write_ids,
)
from focal_omr.data.primus.stratify import goals
from focal_omr.errors import DataError, OutputError

with_shared = pytest.mark.skipif(not (SHARED / "seed").is_dir(), reason="the published lists are not there")


def _ids(sizes: list[int]) -> list[str]:
    return [f"{source:09d}-1_1_{k}" for source, size in enumerate(sizes, 1) for k in range(1, size + 1)]


# Splits -----------------------------------------------------------------------------------------------------

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=40)


def shared_sources(one: Iterable[str], other: Iterable[str]) -> set[str]:
    """Sources that two lists of ids share."""
    return {source_of(sample_id) for sample_id in one} & {source_of(sample_id) for sample_id in other}


@given(SIZES, st.integers(0, 5), st.data())
def test_no_source_is_in_two_parts_and_counts_are_exact(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    ids = _ids(sizes)
    test = data.draw(st.integers(0, len(ids)))
    train = data.draw(st.integers(0, len(ids) - test))
    try:
        parts = split_by_source(ids, {"train": train, "test": test}, seed=seed)
    except DataError:
        assert len(ids) - train - test < max(sizes)  # otherwise a source can always be cut
        return
    assert (len(parts["train"]), len(parts["test"])) == (train, test)
    assert not shared_sources(parts["train"], parts["test"])
    assert set(parts["train"]) | set(parts["test"]) <= set(ids)


@given(SIZES, st.integers(0, 5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_parts_by_share_have_no_source_in_common(
    sizes: list[int], seed: int, train: float, test: float
) -> None:
    ids = _ids(sizes)
    parts = split_by_source(ids, {"train": train, "test": test}, seed=seed)
    assert not shared_sources(parts["train"], parts["test"])
    for name, share in (("train", train), ("test", test)):
        assert len(parts[name]) <= share * len(ids) + max(sizes)


def test_shares_of_1_in_total_use_every_id() -> None:
    ids = _ids([1, 2, 3] * 200)
    parts = split_by_source(ids, {"train": 0.8, "test": 0.2}, seed=1)
    assert sorted(parts["train"] + parts["test"]) == ids
    assert len(parts["test"]) == pytest.approx(0.2 * len(ids), abs=3)
    # Neither part prefers sources of one size.
    sizes = [
        sum(source_of(i) == source for i in parts["test"]) for source in {*map(source_of, parts["test"])}
    ]
    assert {sizes.count(size) > 20 for size in (1, 2, 3)} == {True}


def test_a_split_depends_on_the_seed_alone() -> None:
    ids = _ids([1, 2, 1, 3] * 50)
    sizes = {"train": 200, "test": 60}
    first = split_by_source(ids, sizes, seed=1)
    assert first == split_by_source(ids[::-1], sizes, seed=1)
    assert first != split_by_source(ids, sizes, seed=2)
    assert first["train"] == sorted(first["train"])


def test_orders_are_tried_until_one_fits() -> None:
    for seed in range(20):
        parts = split_by_source(_ids([3, 3, 2, 2, 2]), {"train": 6, "test": 6}, seed=seed)
        assert {len(part) for part in parts.values()} == {6}


def test_a_source_is_cut_if_ids_may_stay_unused() -> None:
    parts = split_by_source(_ids([4, 4, 4]), {"train": 5, "test": 2}, seed=1)
    assert [len(part) for part in parts.values()] == [5, 2]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"train": 10, "test": 3}, r"10 \(train\) \+ 3 \(test\) ids requested, 12 available"),
        ({"train": 11, "test": 1}, "found no way"),
        ({"train": 0.8, "test": 0.3}, "at most 1"),
        ({"train": 0.8, "test": 1}, "not both"),
    ],
)
def test_impossible_splits_are_rejected(sizes: dict[str, int | float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split_by_source(_ids([4, 4, 4]), sizes, seed=1)
    with pytest.raises(DataError, match="no ids"):
        split_by_source([], sizes, seed=1)


def test_a_size_is_a_count_or_a_share() -> None:
    assert [parse_size(text) for text in ("1000", "0.8", ".25", "1")] == [1000, 0.8, 0.25, 1]
    assert isinstance(parse_size("1.0"), float)
    for text in ("-1", "1.5", "half", "", "80%", "1e3"):
        with pytest.raises(DataError, match="expected a count"):
            parse_size(text)


def _labels(ids: list[str], *, symbols: int = 60, seed: int = 0) -> dict[str, list[str]]:
    """Labels with a long-tailed symbol distribution."""
    random = Random(seed)
    names = [f"s{number:02d}" for number in range(symbols)]
    weights = [1 / (1 + number) ** 1.2 for number in range(symbols)]
    return {each: random.choices(names, weights, k=random.randint(8, 25)) for each in ids}


def test_symbols_reach_their_minimum_and_their_share() -> None:
    ids = _ids([1, 1, 1, 2, 3] * 160)[:1250]
    labels = _labels(ids)
    sizes = {"train": 1000, "test": 250}
    wish = {"labels": labels, "least": {"train": 10, "test": 1}}
    for seed in range(3):
        parts = split_by_source(ids, sizes, seed=seed, **wish)  # type: ignore[arg-type]
        assert {name: len({*part}) for name, part in parts.items()} == sizes
        assert not shared_sources(parts["train"], parts["test"])
        total = symbol_counts(labels.values())
        test = symbol_counts(labels[each] for each in parts["test"])
        chance = symbol_counts(labels[each] for each in split_by_source(ids, sizes, seed=seed)["test"])
        for symbol, count in total.items():
            assert count - test[symbol] >= 10
            assert test[symbol] >= 1
        apart = [sum(abs(of[s] - 0.2 * total[s]) for s in total) for of in (test, chance)]
        assert apart[0] < apart[1] / 2
    assert parts == split_by_source(ids[::-1], sizes, seed=2, **wish)  # type: ignore[arg-type]
    assert parts != split_by_source(ids, sizes, seed=1, **wish)  # type: ignore[arg-type]


def test_a_symbol_in_one_part_alone_is_swapped_into_the_other() -> None:
    ids = _ids([1] * 40)
    labels = {each: ["a", "rare"] if number < 3 else ["a"] for number, each in enumerate(ids)}
    for seed in range(10):
        parts = split_by_source(
            ids, {"train": 30, "test": 6}, seed=seed, labels=labels, least={"train": 2, "test": 1}
        )
        holds = {name: sum("rare" in labels[each] for each in part) for name, part in parts.items()}
        assert holds == {"train": 2, "test": 1}  # four ids stay unused
        few = split_by_source(
            ids, {"train": 30, "test": 6}, seed=seed, labels=labels, least={"train": 9, "test": 1}
        )
        assert sum("rare" in labels[each] for each in few["train"]) == 3  # training first


def test_goals_are_attainable() -> None:
    assert goals({"a": 30, "b": 10, "c": 4}, {"train": 10, "test": 1}) == {
        "train": {"a": 10, "b": 10, "c": 4},
        "test": {"a": 1, "b": 0, "c": 0},
    }


@given(SIZES, st.integers(0, 5), st.data())
def test_stratified_counts_are_exact_and_no_source_is_in_two_parts(
    sizes: list[int], seed: int, data: st.DataObject
) -> None:
    ids = _ids(sizes)
    test = data.draw(st.integers(0, len(ids)))
    train = data.draw(st.integers(0, len(ids) - test))
    wish: dict[str, int | float] = {"train": train, "test": test}
    if data.draw(st.booleans()):
        wish = {name: round(size / len(ids), 3) for name, size in wish.items()}
    try:
        plain = split_by_source(ids, wish, seed=seed)
    except DataError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("focal_omr.data.primus.stratify._SWAPS", 200)
        parts = split_by_source(
            ids, wish, seed=seed, labels=_labels(ids, symbols=9), least={"train": 3, "test": 1}
        )
    assert {name: len({*part}) for name, part in parts.items()} == {
        name: len(part) for name, part in plain.items()
    }
    assert not shared_sources(parts["train"], parts["test"])
    assert {*parts["train"], *parts["test"]} <= {*ids}


def test_rare_symbols_are_listed_rarest_first() -> None:
    assert list(too_rare({"a": 9, "b": 3, "c": 10}, "abcd", 10).items()) == [("d", 0), ("b", 3), ("a", 9)]
    assert too_rare({"a": 1}, "a", 1) == {}


def test_ids_without_a_label_cannot_be_stratified() -> None:
    with pytest.raises(DataError, match="1 ids have no label"):
        split_by_source(_ids([1, 1]), {"train": 1, "test": 1}, seed=1, labels={"000000001-1_1_1": ["a"]})


# Lists ------------------------------------------------------------------------------------------------------


def test_lists_are_written_and_read(tmp_path: Path) -> None:
    ids = _ids([1, 2])
    plain, zipped = tmp_path / "new" / "a.txt", tmp_path / "new" / "a.txt.gz"
    write_ids({plain: ids, zipped: ids})
    assert plain.read_bytes() == gzip.decompress(zipped.read_bytes()) == "\n".join([*ids, ""]).encode()
    assert read_ids(plain) == read_ids(zipped) == ids
    with pytest.raises(OutputError):
        write_ids({plain / "b.txt": ids})


def test_paths_are_read_as_ids(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(
        b"\xef\xbb\xbfpackage_aa/1-1_1_1/\r\n\r\n./package_aa/2-1_1_1\r\nx/3-1_1_1/3-1_1_1.png\r\n"
        b"4-1_1_1_distorted.jpg\r\npackage_ab\\5-1_1_1\\5-1_1_1.semantic\r\n 6-1,48_2 "
    )
    assert read_ids(tmp_path / "a.txt") == [f"{k}-1_1_1" for k in range(1, 6)] + ["6-1,48_2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "contains no ids"),
        (b"a\nb\na\n", "line 3: a is already in line 1"),
        (b"a\nb\tclef-G2\n", "line 2: .* is neither an id"),
        (b"a\n/\n", "line 2"),
        (b"\xff\xff", "not a readable list"),
        (b"\x1f\x8b\x08\x00", "not a readable list"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(DataError, match=message):
        read_ids(tmp_path / "a.txt")
    with pytest.raises(DataError, match="not a readable list"):
        read_ids(tmp_path / "none.txt")


def test_a_list_keeps_its_order() -> None:
    assert apply_ids(["c", "x", "a"], {"a", "b", "c"}) == (["c", "a"], ["x"])


@with_shared
def test_the_published_lists() -> None:
    train, test = (read_ids(SHARED / "primus" / f"{name}_ids.txt.gz") for name in ("train", "test"))
    assert (len(train), len(test)) == (78_755, 8_923)
    assert len({*train, *test}) == 87_678
    shared = shared_sources(train, test)
    assert (
        sum(source_of(sample_id) in shared for sample_id in test) == 3867
    )  # as the docstring of split.py says
    drawn = read_ids(SHARED / "seed" / "samples_1250_list.txt")
    parts = [read_ids(SHARED / "seed" / f"{name}.txt") for name in ("training", "testing")]
    assert sorted(drawn) == sorted(parts[0] + parts[1])
    there, absent = apply_ids(drawn, {*train, *test})
    assert (len(there), absent) == (1250, [])
    new = split_by_source(there, {"train": 1000, "test": 250}, seed=1)
    assert not shared_sources(new["train"], new["test"])
