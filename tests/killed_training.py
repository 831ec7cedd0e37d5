"""Trainings that are killed at random moments and resumed until they end.

`python killed_training.py FOLDER KILLS SEED`, with shards in FOLDER/shards: FOLDER/whole is an uninterrupted
run, FOLDER/killed0 and so on are killed. Prints the step of the checkpoint after each kill.
"""

import math
import os
import signal
import sys
import time
from pathlib import Path
from random import Random

from ddp_runs import config

from focal_omr.train import train
from focal_omr.training.checkpoint import load_checkpoint

_STEPS = 6


def training(root: Path, folder: Path) -> None:
    """Start or resume the run of a folder, with a checkpoint at every step, so that kills hit many."""
    values = config(root, dropout=0.3, steps=_STEPS, checkpoint_every=1)
    train(values, folder, resume=(folder / "last.pt").exists())


def _in_a_process(root: Path, folder: Path, *, killed_after_s: float = math.inf) -> None:
    """Train in a forked process, after the imports; it may end before it is killed."""
    process = os.fork()  # safe: nothing has started threads yet
    if process == 0:
        training(root, folder)
        os._exit(0)
    if killed_after_s < math.inf:
        time.sleep(killed_after_s)
        os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _step(folder: Path) -> int:
    path = folder / "last.pt"
    return int(load_checkpoint(path)["step"]) if path.exists() else 0


def main(root: Path, kills: int, seed: int) -> None:
    """Kill `kills` times, over as many runs as needed, then let the last run end."""
    begun = time.perf_counter()
    _in_a_process(root, root / "whole")
    whole_s = time.perf_counter() - begun
    random, folder = Random(seed), root / "killed0"
    for kill in range(1, kills + 1):
        if _step(folder) == _STEPS:
            folder = root / f"killed{kill}"
        _in_a_process(root, folder, killed_after_s=random.uniform(0.2, 1.1) * whole_s)
        print(_step(folder), flush=True)
    if _step(folder) < _STEPS:
        _in_a_process(root, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
