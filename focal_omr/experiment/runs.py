"""Training runs of a study: train one network per run, evaluate it on the test sets, keep the result."""

import csv
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from focal_omr.config import TrainConfig
from focal_omr.data.frequency import BINS, frequency_bins
from focal_omr.data.loader import all_staves
from focal_omr.errors import ConfigError, OmrError
from focal_omr.experiment.column_sets import column_figures, read_column_set
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.set_parts import IMBALANCE, TEST, TRAIN, StudySet
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
_POLL_S = 2.0  # between two progress reports


@dataclass(frozen=True)
class TrainingRun:
    """One training and its evaluation.

    Attributes:
        set: The data.
        loss: Name of the loss in the grid.
        config: Training configuration.
        folder: Where checkpoint, logs and result are kept.
    """

    set: StudySet
    loss: str
    config: TrainConfig
    folder: Path

    @property
    def result_path(self) -> Path:
        """The result file, written last: it exists only for a finished run."""
        return self.folder / "result.json"

    def result(self) -> dict[str, Any] | None:
        """The result, or None for an unfinished run.

        Raises:
            ConfigError: The folder holds the result of another configuration.
        """
        if not self.result_path.exists():
            return None
        known: dict[str, Any] = json.loads(self.result_path.read_text(encoding="utf-8"))
        if known["digest"] != self.config.digest:
            raise ConfigError(f"{self.folder}: a run of another configuration; choose another --out folder")
        return known


def plan_runs(grid: Grid, sets: Sequence[StudySet], folder: Path) -> list[TrainingRun]:
    """List the runs of a grid: all losses of a seed before the next seed, so an early stop can be compared.

    Args:
        grid: The study.
        sets: The prepared data sets.
        folder: Folder of the study.
    """
    return [
        TrainingRun(
            each,
            name,
            grid.training(
                loss,
                seed=seed,
                shards=each.shards[TRAIN],
                validation=each.shards[TEST],
                rate=grid.rates[name],
            ),
            folder / "runs" / re.sub(r"(?:[^\w.]|_)+", "-", f"{each.name} {name} {seed}").strip("-"),
        )
        for seed in grid.seeds
        for each in sets
        for name, loss in grid.all_losses.items()
    ]


def execute_runs(
    runs: Sequence[TrainingRun], *, workers: int, progress: Callable[[int], None] | None = None
) -> None:
    """Execute the unfinished runs in worker processes.

    Args:
        runs: All runs of the study.
        workers: Number of worker processes.
        progress: Called every two seconds with the number of training steps done in all runs.

    Raises:
        ConfigError: A folder holds a run of another configuration.
        OmrError: A worker process died.
    """
    missing = [run for run in runs if run.result() is None]
    lost = []
    with _reporting(runs, progress):
        results = map_in_processes(execute_run, missing, workers=workers, limits=_NO_LIMITS)
        for done, (run, result) in enumerate(results, 1):
            logger.info("%s, %d of %d", run.folder.name, done, len(missing))
            if isinstance(result, Lost):
                lost.append(f"{run.folder.name} {result.reason}")
    if lost:
        raise OmrError(f"{len(lost)} of {len(missing)} runs were not done: {'; '.join(lost)}")


def execute_run(run: TrainingRun) -> str:
    """Train a run, resuming from its last checkpoint, evaluate it and write its result; its folder's name."""
    training = run.folder / "train"
    train(run.config, training, resume=(training / "last.pt").exists())
    tests = {test: _evaluate(run, training / "last.pt", test) for test in TESTS}
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


def _evaluate(run: TrainingRun, checkpoint: Path, test: str) -> dict[str, Any]:
    """Metrics of one test set, and the edits and reference symbols of each sample."""
    model, state = load_network(checkpoint)
    model.eval()
    staves: Sequence[Any]
    references: Sequence[Sequence[str]]
    figures: dict[str, float] = {}
    if run.config.model.preset == "columns":
        staves, columns = read_column_set(model, run.set.shards[test])
        labels = [staff.label().columns for staff in staves]
        read, references, figures = column_figures(columns, labels)
    else:
        staves = all_staves([str(run.set.shards[test])])
        plain = run.config.model.preset == "paper"
        inputs = [network_input(staff, plain=plain) for staff in staves]
        read = read_inputs(model, inputs, state["codec"])
        references = [staff.semantic for staff in staves]
    return {
        "figures": reading_metrics(read, references, run.set.counts) | figures,
        "ids": [staff.id for staff in staves],
        "edits": [edit_distance(r.tokens, label) for r, label in zip(read, references, strict=True)],
        "symbols": [len(label) for label in references],
    }


def reading_metrics(
    read: Sequence[InputReading], references: Sequence[Sequence[str]], counts: Mapping[str, int]
) -> dict[str, float]:
    """Compute all metrics of one test set.

    Args:
        read: Readings, one per sample.
        references: Semantic labels, one per sample.
        counts: Occurrences of each symbol in training; they define bins and weights.

    Returns:
        Metric -> value; rates in percent.
    """
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
def _reporting(runs: Sequence[TrainingRun], progress: Callable[[int], None] | None) -> Iterator[None]:
    """Report the steps that the runs have logged from a thread, while the block runs and once at its end."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def steps_done() -> int:
        logs = [path for run in runs if (path := run.folder / "train" / "metrics.csv").exists()]
        return int(sum(max(_column(path, "step"), default=0) for path in logs))

    def poll() -> None:
        while not ended.wait(_POLL_S):
            progress(steps_done())

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        progress(steps_done())


def _column(path: Path, name: str) -> list[float]:
    with path.open(encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row[name]]


def learning_curve(run: TrainingRun, file: str, *names: str) -> list[tuple[float, ...]]:
    """Read columns of a training log.

    Args:
        run: The run.
        file: `metrics.csv` or `validation.csv`.
        names: Names of the columns.

    Returns:
        One tuple per row, in the order of `names`.
    """
    columns = [_column(run.folder / "train" / file, name) for name in names]
    return list(zip(*columns, strict=True))
