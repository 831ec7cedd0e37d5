"""Trainings in two processes, for `test_train_ddp`: torchrun starts this with a folder that has `shards`."""

import os
import sys
from pathlib import Path
from typing import Any

from tiny import TINY

from focal_omr.config import TrainConfig, make_config
from focal_omr.data.loader import Batch, PlateBatches
from focal_omr.errors import OmrError
from focal_omr.train import train

TWO_VIEWS = {"kind": "symbol_focal_ctc", "balance": 0.9, "consistency": 0.2}
# The first half of a run: the rate does not cool down at its end.
HALF = {"steps": 3, "optimizer": {"warmup": 2, "cooldown": 0}}


def config(root: Path, *, dropout: float = 0.0, **changes: Any) -> TrainConfig:
    """Six steps of four staves; masks of dropout depend on the process."""
    values = {
        "steps": 6,
        "report_every": 1,
        "evaluate_every": 3,
        "checkpoint_every": 3,
        "threads": 1,
        "model": {**TINY.model_dump(), "dropout": dropout},
        "data": {"shards": [str(root / "shards")], "batch": 4, "curriculum": 2},
        "optimizer": {"warmup": 2, "cooldown": 2},
    }
    return make_config({**values, **changes}, source="test")


def _runs(root: Path) -> None:
    train(config(root), root / "two")
    train(config(root), root / "one_then_two", resume=True)
    train(config(root, **HALF), root / "two_then_one")
    train(config(root, loss=TWO_VIEWS), root / "two_with_views")
    train(config(root, dropout=0.3), root / "whole")
    train(config(root, dropout=0.3, **HALF), root / "resumed")
    train(config(root, dropout=0.3), root / "resumed", resume=True)


def _run_that_loses_a_process(root: Path) -> None:
    """The second process dies at its fifth step; what the first one then says goes to a file."""
    batch = PlateBatches.__getitem__

    def dies(self: PlateBatches, step: int) -> Batch:
        if step == 4 and os.environ["RANK"] == "1":
            os._exit(7)
        return batch(self, step)

    PlateBatches.__getitem__ = dies  # type: ignore[method-assign]
    try:
        train(config(root), root / "lost")
    except OmrError as error:
        (root / "said.txt").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    _runs(Path(sys.argv[1]))
    _run_that_loses_a_process(Path(sys.argv[1]))
