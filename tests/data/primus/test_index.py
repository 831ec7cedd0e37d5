"""Index of a data set, its description, and the commands `data primus`, `data split` and `data sample`."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from focal_omr.cli import app as cli
from focal_omr.data.primus.index import (
    COLUMNS,
    describe,
    index_primus,
    read_index,
    sample_labels,
    write_index,
)
from focal_omr.data.primus.split import read_ids, split_by_source
from focal_omr.data.rendered import render_tree
from focal_omr.errors import DataError

COUNT = 12
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "set"
    render_tree(folder, count=COUNT, seed=5, degrade="camera", primus=True)
    return folder


@pytest.fixture
def broken(made: Path, tmp_path: Path) -> Path:
    """The same data set with a missing label."""
    folder = shutil.copytree(made, tmp_path / "broken")
    next(folder.rglob("*.semantic")).unlink()
    return folder


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["focal-omr", "data", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_an_index_is_read_as_it_was_written(made: Path, tmp_path: Path) -> None:
    entries, defects = index_primus([made])
    assert (len(entries), defects) == (COUNT, [])
    write_index(made.parent / "index.csv", entries)
    assert [replace(entry, root=made) for entry in read_index(made.parent / "index.csv")] == entries
    again = read_index(made.parent / "index.csv")
    for entry in again:
        assert (entry.root / entry.picture).is_file()
        assert (entry.root / entry.distorted).is_file()
    assert sample_labels(made.parent / "index.csv") == sample_labels(made)


def test_an_index_and_its_data_set_can_be_moved_together(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "a" / "set")
    write_index(tmp_path / "a" / "index.csv", index_primus([tmp_path / "a" / "set"])[0])
    (tmp_path / "a").rename(tmp_path / "b")
    assert all((entry.root / entry.picture).is_file() for entry in read_index(tmp_path / "b" / "index.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an index"),
        ("id,source\n", "not an index; its first line must be id,source,root"),
        (",".join(COLUMNS) + "\n1,1,.\n", "line 2"),
        (",".join(COLUMNS) + "\n1,1,.,a.png,,10,10,2,clef-G2,,0,0\n", "line 2: 1 symbols instead of 2"),
        (",".join(COLUMNS) + "\n1,1,.,a.png,,wide,10,1,clef-G2,,0,0\n", "line 2"),
    ],
)
def test_other_files_are_rejected(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "index.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_index(tmp_path / "index.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_index(tmp_path / "none.csv")


def test_description(made: Path) -> None:
    entries, defects = index_primus([made])
    figures = describe(entries, defects)
    assert figures["samples"] == figures["agnostic"] == figures["mei"] == figures["pae"] == COUNT
    assert figures["symbols"] == sum(len(entry.semantic) for entry in entries)
    assert figures["length"]["max"] == max(len(entry.semantic) for entry in entries)
    assert 1 < figures["sources"] < COUNT
    assert describe([], [])["samples"] == 0


def test_the_command_describes_a_data_set_without_defects(made: Path, tmp_path: Path, run: Run) -> None:
    index, ids = tmp_path / "index.csv", tmp_path / "ids.txt"
    status, out, _ = run("primus", made, "--index", index, "--list", ids)
    assert status == 0
    assert f"{COUNT} samples of" in out
    assert "0 defects" in out
    assert [entry.id for entry in read_index(index)] == read_ids(ids)


def test_the_command_lists_defects(broken: Path, tmp_path: Path, run: Run) -> None:
    status, out, _ = run("primus", broken)
    assert status == 1
    assert "1 defects, 1 missing label" in out
    assert sum(": missing label: " in line for line in out.splitlines()) == 1
    status, out, _ = run("primus", broken, "--json")
    figures = json.loads(out)
    assert (status, figures["samples"]) == (1, COUNT - 1)
    assert {"id", "file", "problem", "detail"} == figures["defect_list"][0].keys()


def test_the_command_lists_ids_that_do_not_exist(made: Path, tmp_path: Path, run: Run) -> None:
    names = list(sample_labels(made)[0])
    (tmp_path / "some.txt").write_text(f"package_aa/{names[0]}/\n{names[3]}\n", encoding="utf-8")
    status, out, _ = run("primus", made, "--ids", tmp_path / "some.txt")
    assert (status, out.startswith("2 samples of")) == (0, True)
    (tmp_path / "more.txt").write_text(f"{names[0]}\n000000000-1_1_1\n", encoding="utf-8")
    status, out, _ = run("primus", made, "--ids", tmp_path / "more.txt")
    assert status == 1
    assert "1 ids of the list do not exist\n  000000000-1_1_1\n" in out


def test_the_command_fails_if_nothing_loads(tmp_path: Path, run: Run) -> None:
    assert run("primus", tmp_path)[0] == 2
    status, _, err = run("primus", tmp_path / "none")
    assert status == 2
    assert "no such folder or archive" in err


def test_split_writes_lists_that_share_no_source(made: Path, tmp_path: Path, run: Run) -> None:
    status, out, err = run("split", made, "--train", 7, "--test", 4, "--seed", 3, "--out", tmp_path / "s")
    assert (status, err) == (0, "")
    train, test = read_ids(tmp_path / "s" / "train.txt"), read_ids(tmp_path / "s" / "test.txt")
    assert (len(train), len(test)) == (7, 4)
    assert not {i.split("-")[0] for i in train} & {i.split("-")[0] for i in test}
    assert "7 samples of" in out


def test_an_imbalance_set_has_other_sources_and_known_symbols(tmp_path: Path, run: Run) -> None:
    label = "clef-G2 note-C4_quarter note-D4_quarter barline"
    for number in range(20):
        name = f"{number:09d}-1_1_1"
        (tmp_path / "set" / name).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "set" / name / f"{name}.png"), np.full((9, 9), 255, np.uint8))
        rare = " rest-half" if number % 4 == 0 else " tie" if number == 19 else ""
        (tmp_path / "set" / name / f"{name}.semantic").write_text(label + rare, encoding="utf-8")
    (tmp_path / "ids.txt").write_text("\n".join(f"{n:09d}-1_1_1" for n in range(8)), encoding="utf-8")
    size = ("--train", 6, "--test", 2, "--imbalance", 5, "--out", tmp_path / "s")
    status, out, _ = run("split", tmp_path / "set", "--ids", tmp_path / "ids.txt", *size)
    assert status == 0
    drawn = [int(each.partition("-")[0]) for each in read_ids(tmp_path / "s" / "imbalance.txt")]
    assert len(drawn) == 5
    assert min(drawn) >= 8
    assert 19 not in drawn  # the other samples have no tie
    assert {8, 12, 16} < {*drawn}  # all samples with the rare symbol
    assert "5 samples of 5 sources, imbalance ratio 1.7" in out
    assert "imbalance.txt: every symbol occurs once or more" in out
    assert "train.txt: 5 of 5 symbols occur less than 10 times: rest-half 2, " in out
    assert "test.txt: 1 of 5 symbols occur less than once: rest-half 0\n" in out  # training comes first


def test_split_reports_what_it_leaves_out(broken: Path, tmp_path: Path, run: Run) -> None:
    names = list(sample_labels(broken)[0])
    (tmp_path / "ids.txt").write_text("\n".join([*names, "000000000-1_1_1"]), encoding="utf-8")
    arguments = ("--ids", tmp_path / "ids.txt", "--train", "0.5", "--test", "0.5", "--out", tmp_path / "s")
    status, _, err = run("split", broken, *arguments)
    assert status == 0
    assert f"1 of its {COUNT} ids are not in" in err
    assert "1 defects; these samples are left out" in err
    assert "missing label" in err
    lists = [read_ids(tmp_path / "s" / f"{name}.txt") for name in ("train", "test")]
    assert sorted(lists[0] + lists[1]) == names


def test_split_rejects_impossible_sizes(made: Path, tmp_path: Path, run: Run) -> None:
    status, _, err = run("split", made, "--train", 1000, "--test", 250, "--out", tmp_path / "s")
    assert status == 2
    assert f"{COUNT} available" in err
    assert not (tmp_path / "s").exists()


def test_sample_writes_a_list_and_reports_dropped_symbols(made: Path, tmp_path: Path, run: Run) -> None:
    labels, _ = sample_labels(made)
    known = len({token for label in labels.values() for token in label})
    wish = ("--samples", COUNT, "--symbols", known, "--min-count", 1)
    status, out, err = run(
        "sample", made, *wish, "--out", tmp_path / "i.txt", "--report", tmp_path / "r.json"
    )
    assert (status, err) == (0, "")
    assert read_ids(tmp_path / "i.txt") == sorted(labels)
    assert f"closed under {known} symbols" in out
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["samples"] == COUNT
    status, _, err = run("sample", made, "--symbols", known, "--out", tmp_path / "no.txt")
    assert status == 2
    assert f"possible are {COUNT} samples" in err
    assert not (tmp_path / "no.txt").exists()


def test_sample_accepts_a_list(broken: Path, tmp_path: Path, run: Run) -> None:
    names = list(sample_labels(broken)[0])[:3]
    (tmp_path / "ids.txt").write_text("\n".join(["000000000-1_1_1", *reversed(names)]), encoding="utf-8")
    status, out, err = run("sample", broken, "--ids", tmp_path / "ids.txt", "--out", tmp_path / "i.txt")
    assert status == 0
    assert read_ids(tmp_path / "i.txt") == names[::-1]
    assert "1 of its 4 ids are not in" in err
    assert "3 samples" in out


def test_a_list_without_existing_ids_is_an_error(made: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "ids.txt").write_text("000000000-1_1_1\n000000000-1_1_2\n", encoding="utf-8")
    for command in (("sample",), ("split", "--train", 1, "--test", 1)):
        status, out, err = run(*command, made, "--ids", tmp_path / "ids.txt", "--out", tmp_path / "out")
        assert (status, out) == (2, "")
        assert "none of its 2 ids is in" in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "out").exists()


def test_split_reports_rare_symbols(made: Path, tmp_path: Path, run: Run) -> None:
    size = ("--train", "0.5", "--test", "0.5", "--out", tmp_path / "s")
    status, out, _ = run("split", made, *size, "--min-count", 1000)
    assert status == 0
    assert re.search(r"train.txt: (\d+) of \1 symbols occur less than 1000 times: \S+ \d+, .*\d+ more", out)
    status, out, _ = run("split", made, *size, "--min-count", 0)
    assert status == 0
    assert re.search(r"train.txt: (every symbol occurs once or more|.* occur less than once: )", out)
    chance = split_by_source(list(sample_labels(made)[0]), {"train": 0.5, "test": 0.5}, seed=1)
    assert read_ids(tmp_path / "s" / "train.txt") == chance["train"]


def test_a_balanced_sample_has_no_ratio(made: Path, tmp_path: Path, run: Run) -> None:
    known = len({token for label in sample_labels(made)[0].values() for token in label})
    wish = ("--samples", COUNT, "--symbols", known, "--min-count", 1, "--out", tmp_path / "i.txt")
    status, out, _ = run("sample", made, *wish, "--balanced")
    assert status == 0
    assert "ratio" in out
    status, _, err = run("sample", made, *wish, "--balanced", "--ratio", 68)
    assert status == 2
    assert "not both" in err
