"""A training that is killed with SIGKILL at random moments and resumed ends bit for bit as a whole one."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import write_shards_of_plates

from focal_omr.checkpoint import load_checkpoint

_KILLS = 5  # more by hand: tests/killed_training.py


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are copied to be killed")
def test_killed_runs_end_as_a_whole_one(tmp_path: Path) -> None:
    write_shards_of_plates(tmp_path / "shards", 2, 12)
    tests = Path(__file__).parent
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
    assert _exact(got) == _exact(expected)
    assert _rows(run / "metrics.csv") == _rows(whole / "metrics.csv")
    assert (run / "validation.csv").read_bytes() == (whole / "validation.csv").read_bytes()


def _exact(value: Any) -> Any:
    """Nested containers with tensors as their bytes."""
    if isinstance(value, dict):
        return {key: _exact(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_exact(inner) for inner in value]
    return value.numpy().tobytes() if isinstance(value, torch.Tensor) else value


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k != "staves_per_s"} for row in csv.DictReader(file)]
