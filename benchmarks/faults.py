"""Fault injection: `python -m benchmarks.faults --kills 200` kills commands with SIGKILL and resumes them.

`read`, `train` and `data shards` run as a user runs them. The whole process group is killed at a random
moment, half of the time during a write. After each kill, files under final names must be intact and finished
work must still exist. The command is resumed and killed again until it completes; the output folder must then
equal that of an uninterrupted run and hold no temporary files.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.killed import WORKLOADS, Workload, is_temporary
from focal_omr.errors import OmrError
from focal_omr.runtime.provenance import record

_ROOT = Path(__file__).parent.parent
_SHARE = {"read": 0.4, "train": 0.3, "shards": 0.3}  # of all kills
_POLL_S = 0.0005  # of a process and its folder
_TIMEOUT_S = 120.0  # a run takes a few seconds


@dataclass
class Figures:
    """Results for one command.

    Attributes:
        command: Name of the command.
        kills: Number of kills before the command ended.
        at_writes: Number of these with a temporary file in the folder.
        completed: Runs that were killed and resumed until they completed.
        compared: Comparisons of files under final names, after kills and at the end.
        lost: Finished items that were missing or made again.
        corrupt: Files that differed from the expected content.
        seconds: Total time.
        reasons: One line per lost or corrupt item.
    """

    command: str
    kills: int = 0
    at_writes: int = 0
    completed: int = 0
    compared: int = 0
    lost: int = 0
    corrupt: int = 0
    seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Columns of the results CSV."""
        return {name: value for name, value in asdict(self).items() if name != "reasons"}


def kill_and_resume(work: Workload, kills: int, random: Random) -> Figures:
    """Kill a command a number of times, in as many folders as needed, and resume each run until it completes.

    Args:
        work: The command.
        kills: Number of kills.
        random: Random generator.
    """
    start, figures = time.perf_counter(), Figures(work.name)
    begin_s, whole_s = _uninterrupted(work)
    out = work.root / "killed-0"
    finished: dict[str, int] = {}
    while figures.kills < kills or out.exists():
        moment = _moment(random, begin_s, whole_s) if figures.kills < kills else None
        ended = not _killed(work.command(out), out, moment)
        figures.kills += not ended
        if out.exists():
            figures.at_writes += not ended and _is_writing(out)
            finished = _inspect(work, out, finished, figures, at_end=ended)
        if ended:
            figures.completed += 1
            out, finished = work.root / f"killed-{figures.completed}", {}
    figures.compared, figures.seconds = work.compared, round(time.perf_counter() - start, 1)
    return figures


@dataclass(frozen=True)
class Moment:
    """When to kill a command.

    Attributes:
        starting: Count from the start of the process, not from its first change of the folder.
        after_s: Seconds from then.
        at_a_write: Wait until a file is being written.
    """

    starting: bool
    after_s: float
    at_a_write: bool


def _moment(random: Random, begin_s: float, whole_s: float) -> Moment:
    """Draw a moment: one in eight during start-up, the others such that a run is killed about six times."""
    if random.random() < 1 / 8:
        return Moment(True, random.uniform(0, begin_s), False)
    return Moment(False, random.uniform(0, 0.35) * (whole_s - begin_s), random.random() < 1 / 2)


def _uninterrupted(work: Workload) -> tuple[float, float]:
    """Run the command without a kill; seconds until its first file and until its end."""
    start = time.perf_counter()
    process = _start(work.command(work.whole))
    while process.poll() is None and not (work.whole.exists() and any(work.whole.iterdir())):
        time.sleep(_POLL_S)
    begin_s = time.perf_counter() - start
    if _wait(process):
        raise OmrError(f"{work.name}: the command fails without being killed")
    return begin_s, time.perf_counter() - start


def _start(command: list[str]) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, start_new_session=True, **quiet)  # type: ignore[call-overload,no-any-return]


def _wait(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return -1


def _killed(command: list[str], out: Path, moment: Moment | None) -> bool:
    """Run a command and kill it; False if it completes before the moment.

    Raises:
        OmrError: The command failed.
    """
    before, process, start = _changed(out), _start(command), time.perf_counter()
    while moment is not None and process.poll() is None:
        if not moment.starting and before == _changed(out):
            start = time.perf_counter()
        if time.perf_counter() - start >= moment.after_s and (not moment.at_a_write or _is_writing(out)):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.02)  # the rest of the process group ends asynchronously
            return True
        time.sleep(_POLL_S)
    if status := _wait(process):
        raise OmrError(f"{' '.join(command)}: ended with status {status}")
    return False


def _changed(out: Path) -> int:
    """Modification time of the folder in nanoseconds; 0 if it does not exist."""
    return out.stat().st_mtime_ns if out.exists() else 0


def _is_writing(out: Path) -> bool:
    try:
        return any(is_temporary(path) for path in out.iterdir())
    except FileNotFoundError:
        return False


def _inspect(
    work: Workload, out: Path, before: dict[str, int], figures: Figures, *, at_end: bool
) -> dict[str, int]:
    """Record faults of the folder, and return its finished items."""
    wrong = list(work.faults(out, at_end=at_end))
    now: dict[str, int] = {} if wrong and work.name == "train" else work.finished(out)
    lost = [name for name, value in before.items() if _is_lost(work, value, now.get(name, -1))]
    figures.corrupt += len(wrong)
    figures.lost += len(lost)
    figures.reasons += [f"{out}: {reason}" for reason in wrong] + [f"{out}: {name} is lost" for name in lost]
    return now


def _is_lost(work: Workload, before: int, now: int) -> bool:
    """Whether an item is gone: a file made again has another time; the step of a checkpoint may only rise."""
    return now < before if work.name == "train" else now != before


def measure(names: list[str], kills: int, seed: int, on_result: Callable[[Figures], None]) -> list[Figures]:
    """Run the fault injection for several commands.

    Args:
        names: Names of the commands.
        kills: Total number of kills, which are divided among the commands.
        seed: Seed of the random generator.
        on_result: Called with the results of each command.
    """
    total, made = sum(_SHARE[name] for name in names), []
    for name in names:
        with TemporaryDirectory() as folder:
            work = WORKLOADS[name](Path(folder) / name)
            share = round(kills * _SHARE[name] / total)
            made.append(kill_and_resume(work, share, Random(f"{seed}/{name}")))
        on_result(made[-1])
    return made


def main() -> None:
    """Run the fault injection and print the results; exit status 1 if anything was lost or corrupt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="Total number of kills.")
    parser.add_argument("--only", choices=tuple(WORKLOADS), help="Run one command only.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help="CSV file to append one row per command to.")
    options = parser.parse_args()

    def on_result(figures: Figures) -> None:
        print(figures.row(), *figures.reasons, sep="\n", flush=True)
        if options.record:
            record(options.record, {"seed": options.seed, **figures.row()})

    names = [options.only] if options.only else list(WORKLOADS)
    made = measure(names, options.kills, options.seed, on_result)
    sys.exit(any(each.lost or each.corrupt for each in made))


if __name__ == "__main__":
    main()
