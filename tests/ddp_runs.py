"""Trainings in two processes for `test_ddp`: torchrun runs this file with a folder that has `shards`."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from tiny import TINY
from torch import Tensor, nn

import focal_omr.train as train_module
from focal_omr.config import TrainConfig, make_config
from focal_omr.data.loader import Batch, StaffBatches
from focal_omr.errors import OmrError
from focal_omr.train import train

TWO_VIEWS = {"kind": "symbol_focal_ctc", "balance": 0.9, "consistency": 0.2}
# The first half of a run: the learning rate does not cool down at its end.
HALF = {"steps": 3, "optimizer": {"warmup": 2, "cooldown": 0}}


def config(root: Path, *, dropout: float = 0.0, **changes: Any) -> TrainConfig:
    """Six steps of four staves; dropout masks depend on the rank."""
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


@contextmanager
def frozen_batch_norm() -> Iterator[None]:
    """Normalise with the running statistics in training, too: on a CPU ranks do not share batch statistics.

    All else that two processes do must then equal what one process does.
    """

    def forward(self: nn.BatchNorm2d, x: Tensor) -> Tensor:
        statistics = self.running_mean, self.running_var
        return nn.functional.batch_norm(x, *statistics, self.weight, self.bias, eps=self.eps)

    with mock.patch.object(nn.BatchNorm2d, "forward", forward):
        yield


@contextmanager
def _recorded(file: Path) -> Iterator[None]:
    """Save this rank's network before and after training, and the widths of its images, to a file."""
    build_model, pad = train_module.build_model, train_module.pad_to_global_width
    networks: list[nn.Module] = []
    record: dict[str, Any] = {"own_widths": [], "padded_widths": []}

    def built(*arguments: Any) -> nn.Module:
        networks.append(build_model(*arguments))
        record["initial"] = {name: value.clone() for name, value in networks[0].state_dict().items()}
        return networks[0]

    def padded(images: Tensor, *arguments: Any) -> Tensor:
        result = pad(images, *arguments)
        record["own_widths"].append(images.shape[3])
        record["padded_widths"].append(result.shape[3])
        return result

    with mock.patch.multiple(train_module, build_model=built, pad_to_global_width=padded):
        yield
    record["final"] = networks[0].state_dict()
    torch.save(record, file)


def _runs(root: Path) -> None:
    with frozen_batch_norm():
        train(config(root), root / "two")
        train(config(root), root / "one_then_two", resume=True)
        train(config(root, **HALF), root / "two_then_one")
        train(config(root, loss=TWO_VIEWS), root / "two_with_views")
    with _recorded(root / f"rank{os.environ['RANK']}.pt"):
        train(config(root), root / "two_with_batch_norm")
    train(config(root, dropout=0.3), root / "whole")
    train(config(root, dropout=0.3, **HALF), root / "resumed")
    train(config(root, dropout=0.3), root / "resumed", resume=True)


def _run_that_loses_a_rank(root: Path) -> None:
    """Rank 1 dies at its fifth step; the error that rank 0 then raises goes to a file."""
    batch = StaffBatches.__getitem__

    def dies(self: StaffBatches, step: int) -> Batch:
        if step == 4 and os.environ["RANK"] == "1":
            os._exit(7)
        return batch(self, step)

    StaffBatches.__getitem__ = dies  # type: ignore[method-assign]
    # torchrun ends the survivors by this signal, and waits before it kills them: time to write the error.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        train(config(root), root / "lost")
    except OmrError as error:
        (root / "error.txt").write_text(str(error), encoding="utf-8")


if __name__ == "__main__":
    _runs(Path(sys.argv[1]))
    _run_that_loses_a_rank(Path(sys.argv[1]))
