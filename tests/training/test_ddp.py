"""Training in several processes: what two do with half a batch each is what one does with the whole."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ddp_runs import HALF, TWO_VIEWS, config
from tiny import write_shards_of_plates

from focal_omr.config import DataConfig
from focal_omr.data.loader import PlateBatches, all_plates
from focal_omr.encodings.codec import full_codec
from focal_omr.errors import ConfigError
from focal_omr.train import train
from focal_omr.training.checkpoint import load_checkpoint

# Float32 sums of halves are added in another order. Seen after six steps, in which weights move by 5e-3:
# losses apart by 1e-7 of their size, weights by 5e-8, with two views by 6e-7 (Adam makes a large step of a
# gradient that is little more than rounding).
_LOSS_TOLERANCE = 1e-6
_WEIGHT_TOLERANCE = 2e-6


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one process and, in between, all that `ddp_runs` does with two."""
    folder = tmp_path_factory.mktemp("ddp")
    write_shards_of_plates(folder / "shards", 2, 12)
    train(config(folder), folder / "one")
    train(config(folder, **HALF), folder / "one_then_two")
    train(config(folder, loss=TWO_VIEWS), folder / "one_with_views")
    tests = Path(__file__).parents[1]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    # The one that is left shall have the time to say so before torchrun ends it.
    script = ["--monitor-interval", "5", str(tests / "ddp_runs.py"), str(folder)]
    paths = os.pathsep.join([str(tests), str(tests.parent)])
    ran = subprocess.run(
        [*torchrun, *script],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "exitcode  : 7" in ran.stderr, ran.stderr  # nothing went wrong but what should
    train(config(folder), folder / "two_then_one", resume=True)
    return folder


def _losses(run: Path) -> list[list[float]]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [
            [float(row[name]) for name in ("step", "loss", "ctc", "rate")] for row in csv.DictReader(file)
        ]


def _worst_difference(one: Path, other: Path) -> float:
    """Of all the numbers of two networks, statistics of batch normalisation included."""
    first, second = (load_checkpoint(run / "last.pt")["model"] for run in (one, other))
    assert first.keys() == second.keys()
    return max(float((first[name] - second[name]).abs().max()) for name in first)


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
    assert _worst_difference(root / one, root / two) < _WEIGHT_TOLERANCE
    assert (root / two / "validation.csv").read_text() == (root / one / "validation.csv").read_text()


def test_two_processes_resumed_go_on_bit_for_bit(root: Path) -> None:
    """With dropout: each process draws the masks it would have drawn."""
    assert _losses(root / "whole") == _losses(root / "resumed")
    assert _worst_difference(root / "whole", root / "resumed") == 0
    assert _losses(root / "whole")[0] != _losses(root / "two")[0]


def test_a_lost_process_ends_the_run_with_a_line(root: Path) -> None:
    said = (root / "said.txt").read_text(encoding="utf-8")
    assert said.startswith("process 0 of 2: another one ended or cannot be reached; go on with --resume ")
    assert "\n" not in said
    assert load_checkpoint(root / "lost" / "last.pt")["step"] == 3


def test_shares_are_the_parts_of_a_batch(root: Path) -> None:
    plates, codec = all_plates([str(root / "shards")]), full_codec("printed")
    options = {"config": DataConfig(batch=6, curriculum=0), "seed": 3}
    whole = PlateBatches(plates, codec, views=2, **options)[5]
    for rank in range(3):
        share = PlateBatches(plates, codec, views=2, rank=rank, world_size=3, **options)[5]
        assert torch.equal(share.widths, whole.widths[rank::3])
        width = share.images.shape[3]
        assert torch.equal(share.images, whole.images[rank::3, ..., :width])
        targets = whole.targets.split(whole.target_lengths.tolist())[rank::3]
        assert torch.equal(share.targets, torch.cat(targets))


def test_a_batch_that_cannot_be_parted_is_refused(root: Path) -> None:
    plates = all_plates([str(root / "shards")])
    with pytest.raises(ConfigError, match=r"data\.batch 4: must be a multiple of the 3 processes"):
        PlateBatches(plates, full_codec("printed"), DataConfig(batch=4), 1, world_size=3)
