"""The runs of a study: each trains one network and reads the test sets with it; what is done is kept."""

import csv
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from focal_omr.config import TrainConfig
from focal_omr.data.frequency import BINS, frequency_bins
from focal_omr.data.loader import all_plates
from focal_omr.errors import ConfigError, OmrError
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.prepare import IMBALANCE, TEST, StudySet
from focal_omr.metrics import (
    correct_mask,
    edit_distance,
    error_rates,
    expected_calibration_error,
    symbol_errors,
    weighted_symbol_error,
)
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.runtime.provenance import commit, machine
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes
from focal_omr.train import train
from focal_omr.training.checkpoint import load_network
from focal_omr.training.validation import InputReading, network_input, read_inputs

logger = logging.getLogger(__name__)

TESTS = (TEST, IMBALANCE)
_NO_LIMITS = ProcessLimits(None, None)
_LOOK_S = 2.0  # between two looks at how far the runs are


@dataclass(frozen=True)
class Run:
    """One training and its tests.

    Attributes:
        set: Its data.
        loss: The loss's name in the grid.
        config: The training.
        folder: Where it is kept.
    """

    set: StudySet
    loss: str
    config: TrainConfig
    folder: Path

    @property
    def result_path(self) -> Path:
        """The file that says that the run is done, and what it gave."""
        return self.folder / "result.json"

    def result(self) -> dict[str, Any] | None:
        """What it gave; None where it is not done.

        Raises:
            ConfigError: The folder holds the result of another configuration.
        """
        if not self.result_path.exists():
            return None
        known: dict[str, Any] = json.loads(self.result_path.read_text(encoding="utf-8"))
        if known["digest"] != self.config.digest:
            raise ConfigError(f"{self.folder}: a run of another configuration; choose another --out folder")
        return known


def runs_of(grid: Grid, sets: Sequence[StudySet], folder: Path) -> list[Run]:
    """All runs of a grid: a seed of every loss before the next seed, so that an early end compares all."""
    return [
        Run(
            each,
            name,
            grid.training(loss, seed=seed, shards=each.shards["train"], validation=each.shards[TEST]),
            folder / "runs" / _slug(f"{each.name} {name} {seed}"),
        )
        for seed in grid.seeds
        for each in sets
        for name, loss in grid.all_losses.items()
    ]


def _slug(name: str) -> str:
    return "-".join("".join(c if c.isalnum() or c == "." else " " for c in name).split())


def do_runs(runs: Sequence[Run], *, workers: int, progress: Callable[[int], None] | None = None) -> None:
    """Do the runs that are not done, several at a time.

    Args:
        runs: All runs.
        workers: How many at a time, each in a process of its own.
        progress: Called now and then with the steps of training that are done.

    Raises:
        ConfigError: A folder holds a run of another configuration.
        OmrError: A run's process died.
    """
    missing = [run for run in runs if run.result() is None]
    lost = []
    with _watched(runs, progress):
        for done, (run, result) in enumerate(
            map_in_processes(do_run, missing, workers=workers, limits=_NO_LIMITS), 1
        ):
            logger.info("%s, %d of %d", run.folder.name, done, len(missing))
            if isinstance(result, Lost):
                lost.append(f"{run.folder.name} {result.reason}")
    if lost:
        raise OmrError(f"{len(lost)} of {len(missing)} runs were not done: {'; '.join(lost)}")


def do_run(run: Run) -> str:
    """Train a run to its end, from its last checkpoint if it has one, and keep its result."""
    training = run.folder / "train"
    train(run.config, training, resume=(training / "last.pt").exists())
    tests = {test: _tested(run, training / "last.pt", test) for test in TESTS}
    steps = _column(training / "metrics.csv", "step")
    speeds = _column(training / "metrics.csv", "staves_per_s")
    sizes = [after - before for before, after in zip((0.0, *steps), steps, strict=False)]
    seconds = sum(n * run.config.data.batch / speed for n, speed in zip(sizes, speeds, strict=True))
    result = {
        "set": run.set.name,
        "loss": run.loss,
        "seed": run.config.seed,
        "steps": run.config.steps,
        "digest": run.config.digest,
        "commit": commit(),
        "machine": machine(),
        "seconds": round(seconds),
        "tests": tests,
    }
    write_atomic(run.result_path, json.dumps(result).encode())
    return run.folder.name


def _tested(run: Run, checkpoint: Path, test: str) -> dict[str, Any]:
    """Figures of one test set, and the edits and symbols of each of its samples."""
    model, state = load_network(checkpoint)
    model.eval()
    plates = all_plates([str(run.set.shards[test])])
    plain = run.config.model.preset == "paper"
    inputs = [network_input(plate, plain=plain) for plate in plates]
    read = read_inputs(model, inputs, state["codec"])
    references = [plate.semantic for plate in plates]
    return {
        "figures": figures(read, references, run.set.counts),
        "ids": [plate.id for plate in plates],
        "edits": [edit_distance(r.tokens, label) for r, label in zip(read, references, strict=True)],
        "symbols": [len(label) for label in references],
    }


def figures(
    read: Sequence[InputReading], references: Sequence[Sequence[str]], counts: Mapping[str, int]
) -> dict[str, float]:
    """All figures of one test: rates in percent, bins and weights by the training's frequencies."""
    tokens = [each.tokens for each in read]
    rates, errors = error_rates(tokens, references), symbol_errors(tokens, references)
    bins = errors.ser_by_bin(frequency_bins(counts))
    right = [hit for r, label in zip(read, references, strict=True) for hit in correct_mask(r.tokens, label)]
    return {
        "ser": rates.ser,
        "sequence_error_rate": rates.sequence_error_rate,
        "macro_recall": 100 - errors.macro_error(),
        **{f"ser_{name.lower()}": bins[name] for name in BINS},
        "weighted_ser": weighted_symbol_error(tokens, references, counts),
        "edits_per_sample": rates.edits_per_sample,
        "calibration_error": expected_calibration_error([c for r in read for c in r.confidences], right),
    }


@contextmanager
def _watched(runs: Sequence[Run], progress: Callable[[int], None] | None) -> Iterator[None]:
    """Tells how many steps are done, while the runs write them down."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(_LOOK_S):
            progress(sum(map(_steps_done, runs)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        progress(sum(map(_steps_done, runs)))


def _steps_done(run: Run) -> int:
    path = run.folder / "train" / "metrics.csv"
    steps = _column(path, "step") if path.exists() else []
    return int(steps[-1]) if steps else 0


def _column(path: Path, name: str) -> list[float]:
    with path.open(encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def curve(run: Run, file: str, *names: str) -> list[tuple[float, ...]]:
    """Columns of a run's metrics.csv or validation.csv, a tuple for each of its rows."""
    columns = [_column(run.folder / "train" / file, name) for name in names]
    return list(zip(*columns, strict=True))
