"""DDP on a CPU: two processes with half a batch each do what one process does with the whole batch.

Batch normalisation is the exception: `SyncBatchNorm` needs GPUs, so that on a CPU each rank normalises by its
own share. Equality with one process is tested with frozen batch normalisation.
"""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from ddp_runs import HALF, TWO_VIEWS, config, frozen_batch_norm
from tiny import write_shards_of_staves

from focal_omr.config import DataConfig
from focal_omr.data.loader import StaffBatches, all_staves
from focal_omr.encodings.codec import full_codec
from focal_omr.errors import ConfigError
from focal_omr.train import train
from focal_omr.training.checkpoint import load_checkpoint

pytestmark = pytest.mark.slow

# Float32 sums of halves are added in another order. Observed after six steps, in which weights move by 5e-3:
# losses differ by 1e-7 of their size, weights by 2e-7.
_LOSS_TOLERANCE = 1e-6
_WEIGHT_TOLERANCE = 2e-6
# Batch statistics of two staves instead of four change losses by 7e-4 of their size in these steps.
_BATCH_NORM_LOSS_TOLERANCE = 5e-3


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one process and, in between, all that `ddp_runs` does with two."""
    folder = tmp_path_factory.mktemp("ddp")
    write_shards_of_staves(folder / "shards", 2, 12)
    with frozen_batch_norm():
        train(config(folder), folder / "one")
        train(config(folder, **HALF), folder / "one_then_two")
        train(config(folder, loss=TWO_VIEWS), folder / "one_with_views")
    train(config(folder), folder / "one_with_batch_norm")
    tests = Path(__file__).parents[1]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    ran = subprocess.run(
        [*torchrun, str(tests / "ddp_runs.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "exitcode  : 7" in ran.stderr, ran.stderr  # the planned end of rank 1, and no other failure
    (folder / "stderr.txt").write_text(ran.stderr, encoding="utf-8")
    with frozen_batch_norm():
        train(config(folder), folder / "two_then_one", resume=True)
    return folder


def _losses(run: Path) -> list[list[float]]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [
            [float(row[name]) for name in ("step", "loss", "ctc", "rate")] for row in csv.DictReader(file)
        ]


def _max_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Over all values of two state dicts, statistics of batch normalisation included."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def _weights(run: Path) -> dict[str, Any]:
    weights: dict[str, Any] = load_checkpoint(run / "last.pt")["model"]
    return weights


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("one", "two"),
        ("one", "one_then_two"),
        ("one", "two_then_one"),
        ("one_with_views", "two_with_views"),
    ],
)
def test_two_processes_do_what_one_does(root: Path, one: str, two: str) -> None:
    expected, got = _losses(root / one), _losses(root / two)
    assert len(expected) == len(got) == 6
    for before, after in zip(expected, got, strict=True):
        assert after == pytest.approx(before, rel=_LOSS_TOLERANCE)
    assert _max_difference(_weights(root / one), _weights(root / two)) < _WEIGHT_TOLERANCE
    assert (root / two / "validation.csv").read_text() == (root / one / "validation.csv").read_text()


def test_ranks_start_and_stay_equal_with_batch_normalisation_per_rank(root: Path) -> None:
    first, second = (torch.load(root / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert _max_difference(first["initial"], second["initial"]) == 0
    statistics = {name for name in first["final"] if "running_" in name}
    finals = [
        {name: value for name, value in each["final"].items() if name not in statistics}
        for each in (first, second)
    ]
    assert _max_difference(*finals) == 0
    assert _max_difference(first["initial"], first["final"]) > 1e-3
    # The checkpoint holds the running statistics of rank 0.
    assert _max_difference(first["final"], _weights(root / "two_with_batch_norm")) == 0


def test_losses_with_batch_normalisation_per_rank_are_near_those_of_one_process(root: Path) -> None:
    expected, got = _losses(root / "one_with_batch_norm"), _losses(root / "two_with_batch_norm")
    assert len(expected) == len(got) == 6
    for before, after in zip(expected, got, strict=True):
        assert after == pytest.approx(before, rel=_BATCH_NORM_LOSS_TOLERANCE)


def test_ddp_on_a_cpu_warns_about_batch_normalisation(root: Path) -> None:
    said = (root / "stderr.txt").read_text(encoding="utf-8")
    assert "DDP on a CPU: batch normalisation uses each rank's share of a batch" in said


def test_all_ranks_get_images_of_one_width(root: Path) -> None:
    first, second = (torch.load(root / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    own = list(zip(first["own_widths"], second["own_widths"], strict=True))
    assert any(one != other for one, other in own)
    assert first["padded_widths"] == second["padded_widths"] == [max(pair) for pair in own]


def test_two_resumed_processes_continue_bit_for_bit(root: Path) -> None:
    """With dropout: each rank draws the masks that it would have drawn."""
    assert _losses(root / "whole") == _losses(root / "resumed")
    assert _max_difference(_weights(root / "whole"), _weights(root / "resumed")) == 0
    assert _losses(root / "whole")[0] != _losses(root / "two_with_batch_norm")[0]


def test_a_lost_rank_ends_the_run_with_one_line(root: Path) -> None:
    said = (root / "error.txt").read_text(encoding="utf-8")
    assert said.startswith("rank 0 of 2: another rank ended or cannot be reached; continue with --resume ")
    assert "\n" not in said
    assert load_checkpoint(root / "lost" / "last.pt")["step"] == 3


def test_the_shares_of_all_ranks_make_up_the_batch(root: Path) -> None:
    staves, codec = all_staves([str(root / "shards")]), full_codec("printed")
    options = {"config": DataConfig(batch=6, curriculum=0), "seed": 3}
    whole = StaffBatches(staves, codec, views=2, **options)[5]
    for rank in range(3):
        share = StaffBatches(staves, codec, views=2, rank=rank, world_size=3, **options)[5]
        assert torch.equal(share.widths, whole.widths[rank::3])
        width = share.images.shape[3]
        assert torch.equal(share.images, whole.images[rank::3, ..., :width])
        targets = whole.targets.split(whole.target_lengths.tolist())[rank::3]
        assert torch.equal(share.targets, torch.cat(targets))


def test_a_batch_that_cannot_be_split_evenly_is_refused(root: Path) -> None:
    staves = all_staves([str(root / "shards")])
    with pytest.raises(ConfigError, match=r"data\.batch 4: must be a multiple of the 3 processes"):
        StaffBatches(staves, full_codec("printed"), DataConfig(batch=4), 1, world_size=3)
