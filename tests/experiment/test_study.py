"""A minimal study: it ends with a report, resumes after a kill, and skips finished runs."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tiny import TINY

from focal_omr.data.rendered import render_tree
from focal_omr.errors import ConfigError
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.prepare import prepare
from focal_omr.experiment.report import write_study_report
from focal_omr.experiment.runs import execute_run, plan_runs
from focal_omr.experiment.study import run_study
from focal_omr.training.checkpoint import save_checkpoint

pytestmark = pytest.mark.slow


def _grid(**changes: object) -> Grid:
    values = {
        "title": "A study",
        "seeds": [1, 2],
        "baseline": "CTC",
        "sets": [{"samples": 12, "symbols": 60, "min_count": 1, "train": 8, "test": 4, "imbalance": 3}],
        "losses": [{"name": "CTC"}, {"name": "symbol", "kind": "symbol_focal_ctc"}],
        "train": {
            "steps": 4,
            "report_every": 1,
            "evaluate_every": 2,
            "checkpoint_every": 2,
            "threads": 1,
            "encoding": "semantic",
            "symbols": "seen",
            "model": {**TINY.model_dump(mode="json"), "factorised": False},
            "data": {"batch": 2, "curriculum": 0, "degrade": 0.0},
        },
    }
    return Grid.model_validate(values | changes)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "tree"
    render_tree(folder, count=70, seed=5, primus=True, plain=True)
    return folder


@pytest.fixture(scope="module")
def done(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "out"
    run_study(_grid(), folder, data=tree, workers=2)
    return folder


def test_it_ends_with_results_figures_and_a_report(done: Path) -> None:
    with (done / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["loss"], row["seed"], row["test"]) for row in rows} == {
        (loss, seed, test)
        for loss in ("CTC", "symbol")
        for seed in ("1", "2")
        for test in ("test", "imbalance")
    }
    assert all(row["commit"] and row["machine"] and row["digest"] for row in rows)
    text = (done / "report.md").read_text()
    assert "# A study" in text
    assert "can be concluded for symbol" in text or "symbol is" in text
    page = (done / "report.html").read_text()
    assert "data:image/png" in page
    assert 'src="figures/' not in page
    for line in text.splitlines():
        if line.startswith("!["):
            assert (done / line.rpartition("(")[2].rstrip(")")).exists()
    assert {path.suffix for path in (done / "figures").iterdir()} == {".png", ".svg"}


def test_finished_runs_are_skipped(done: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "runs").rglob("*") if path.is_file()}
    report = (done / "report.md").read_bytes()
    run_study(_grid(), done, data=tree, workers=1)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (done / "report.md").read_bytes() == report


def test_a_killed_run_resumes_to_the_same_results(
    done: Path, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, folder = _grid(seeds=[1]), tmp_path / "out"
    shutil.copytree(done / "data", folder / "data")
    for run in plan_runs(grid, prepare(grid, folder, tree), folder):
        with monkeypatch.context() as patch:
            patch.setattr("focal_omr.train.save_checkpoint", _save_and_die)
            with pytest.raises(KeyboardInterrupt):
                execute_run(run)
        assert run.result() is None
        execute_run(run)
        same = json.loads((done / "runs" / run.folder.name / "result.json").read_text())
        ours = json.loads(run.result_path.read_text())
        assert ours["tests"] == same["tests"]


def _save_and_die(*args: Any, **kwargs: Any) -> None:
    save_checkpoint(*args, **kwargs)
    raise KeyboardInterrupt


def test_a_folder_with_other_settings_is_rejected(done: Path, tree: Path) -> None:
    changed = _grid().model_dump()
    changed["train"]["steps"] = 5
    with pytest.raises(ConfigError, match="a run of another configuration; choose another --out"):
        run_study(Grid.model_validate(changed), done, data=tree)
    changed = _grid().model_dump()
    changed["sets"][0]["train"] = 7
    with pytest.raises(ConfigError, match="prepared with other settings; choose another --out"):
        run_study(Grid.model_validate(changed), done, data=tree)


def test_figures_are_reproducible(done: Path, tree: Path) -> None:
    before = {path.name: path.read_bytes() for path in (done / "figures").iterdir()}
    grid = _grid()
    sets = prepare(grid, done, tree)
    write_study_report(grid, sets, plan_runs(grid, sets, done), done)
    assert {path.name: path.read_bytes() for path in (done / "figures").iterdir()} == before


def test_no_source_is_in_two_parts(done: Path) -> None:
    parts = [
        {line.partition("-")[0] for line in (done / "data/subset" / f"{part}.txt").read_text().split()}
        for part in ("train", "test", "imbalance")
    ]
    assert not parts[0] & parts[1]
    assert not (parts[0] | parts[1]) & parts[2]
