"""Trainings killed by SIGKILL at random moments and resumed equal an uninterrupted one bit for bit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import write_shards_of_staves

from benchmarks.killed import exact, rows_of
from focal_omr.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

_KILLS = 5  # for more, run tests/killed_training.py


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied to be killed")
def test_killed_runs_equal_an_uninterrupted_one(tmp_path: Path) -> None:
    write_shards_of_staves(tmp_path / "shards", 2, 12)
    tests = Path(__file__).parents[1]
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    ran = subprocess.run(
        [sys.executable, str(tests / "killed_training.py"), str(tmp_path), str(_KILLS), "1"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert len(ran.stdout.split()) == _KILLS, ran.stderr
    runs = sorted(tmp_path.glob("killed*"))
    assert runs
    for run in runs:
        _assert_same(run, tmp_path / "whole")


def _assert_same(run: Path, whole: Path) -> None:
    states = [load_checkpoint(each / "last.pt") for each in (run, whole)]
    got, expected = ({part: state[part] for part in ("model", "optimizer", "step")} for state in states)
    assert exact(got) == exact(expected)
    assert rows_of(run / "metrics.csv") == rows_of(whole / "metrics.csv")
    assert (run / "validation.csv").read_bytes() == (whole / "validation.csv").read_bytes()
