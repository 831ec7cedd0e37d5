"""`python -m benchmarks.faults --kills 200`: commands killed with SIGKILL at random moments, and resumed.

`read`, `train` and `data shards` run as a user runs them. Their whole process group is killed, half of the
time as soon as a file is being written; what lies under a final name must then be whole, and what was done
must still be there. The command is given again, and killed again, until it ends; its folder must then be that
of a run which nobody killed, with no temporary file in it.
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

from benchmarks.killed import WORKS, Work, is_temporary
from focal_omr.errors import OmrError
from focal_omr.runtime.provenance import record

_ROOT = Path(__file__).parent.parent
_SHARE = {"read": 0.4, "train": 0.3, "shards": 0.3}  # of all kills
_LOOK_S = 0.0005  # between two looks at a process and its folder
_STUCK_S = 120.0  # a run takes a few seconds


@dataclass
class Figures:
    """What came of the kills of one command.

    Attributes:
        kills: Times that it was killed before it ended.
        at_writes: Of these, with a temporary file in the folder.
        completed: Runs that were killed and resumed to their end.
        compared: Files under final names that were compared, after kills and at the end.
        lost: Finished things that were gone, or made again.
        corrupt: Files that were not as they should be, after a kill or at the end.
        seconds: That all took.
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
        """The columns of a results file."""
        return {name: value for name, value in asdict(self).items() if name != "reasons"}


def kill_and_resume(work: Work, kills: int, random: Random) -> Figures:
    """Kill a command so often, over as many folders as that takes, each until its run has ended."""
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
            finished = _look(work, out, finished, figures, at_end=ended)
        if ended:
            figures.completed += 1
            out, finished = work.root / f"killed-{figures.completed}", {}
    figures.compared, figures.seconds = work.compared, round(time.perf_counter() - start, 1)
    return figures


@dataclass(frozen=True)
class Moment:
    """When a command is killed.

    Attributes:
        starting: Whether while it starts; else as it works, from its first change in the folder on.
        after_s: Seconds since its start, or since that change.
        at_a_write: Whether not before a file is being written.
    """

    starting: bool
    after_s: float
    at_a_write: bool


def _moment(random: Random, begin_s: float, whole_s: float) -> Moment:
    """One of eight kills while the command starts; the others so that a run is killed some six times."""
    if random.random() < 1 / 8:
        return Moment(True, random.uniform(0, begin_s), False)
    return Moment(False, random.uniform(0, 0.35) * (whole_s - begin_s), random.random() < 1 / 2)


def _uninterrupted(work: Work) -> tuple[float, float]:
    """Let the command run to its end; the seconds until it wrote its first file, and to its end."""
    start = time.perf_counter()
    process = _started(work.command(work.whole))
    while process.poll() is None and not (work.whole.exists() and any(work.whole.iterdir())):
        time.sleep(_LOOK_S)
    begin_s = time.perf_counter() - start
    if _waited(process):
        raise OmrError(f"{work.name}: the command fails without being killed")
    return begin_s, time.perf_counter() - start


def _started(command: list[str]) -> "subprocess.Popen[bytes]":
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, start_new_session=True, **quiet)  # type: ignore[call-overload,no-any-return]


def _waited(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(_STUCK_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return -1


def _killed(command: list[str], out: Path, moment: Moment | None) -> bool:
    """Run a command and kill it then; whether it was, as it may end before.

    Raises:
        OmrError: It ended with an error.
    """
    before, process, start = _changed(out), _started(command), time.perf_counter()
    while moment is not None and process.poll() is None:
        if not moment.starting and before == _changed(out):
            start = time.perf_counter()
        if time.perf_counter() - start >= moment.after_s and (not moment.at_a_write or _is_writing(out)):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            time.sleep(0.02)  # the others of the group end at their next step in the kernel
            return True
        time.sleep(_LOOK_S)
    if status := _waited(process):
        raise OmrError(f"{' '.join(command)}: ended with status {status}")
    return False


def _changed(out: Path) -> int:
    """When a name in the folder was last made or changed."""
    return out.stat().st_mtime_ns if out.exists() else 0


def _is_writing(out: Path) -> bool:
    try:
        return any(is_temporary(path) for path in out.iterdir())
    except FileNotFoundError:
        return False


def _look(work: Work, out: Path, before: dict[str, int], figures: Figures, *, at_end: bool) -> dict[str, int]:
    """Add to the figures what is wrong in the folder; what is finished in it."""
    wrong = list(work.unsound(out, at_end=at_end))
    now: dict[str, int] = {} if wrong and work.name == "train" else work.finished(out)
    lost = [name for name, value in before.items() if _is_lost(work, value, now.get(name, -1))]
    figures.corrupt += len(wrong)
    figures.lost += len(lost)
    figures.reasons += [f"{out}: {reason}" for reason in wrong] + [f"{out}: {name} is lost" for name in lost]
    return now


def _is_lost(work: Work, before: int, now: int) -> bool:
    """A file that is made again has another time; a checkpoint goes on."""
    return now < before if work.name == "train" else now != before


def measure(names: list[str], kills: int, seed: int, tell: Callable[[Figures], None]) -> list[Figures]:
    """Kill the commands, each its share of all kills."""
    total, made = sum(_SHARE[name] for name in names), []
    for name in names:
        with TemporaryDirectory() as folder:
            work = WORKS[name](Path(folder) / name)
            share = round(kills * _SHARE[name] / total)
            made.append(kill_and_resume(work, share, Random(f"{seed}/{name}")))
        tell(made[-1])
    return made


def main() -> None:
    """Kill, resume, compare, and print what came of it; status 1 where anything was lost or corrupt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="Of all commands together.")
    parser.add_argument("--only", choices=tuple(WORKS), help="One command alone.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help="CSV file to append a row for each command to.")
    options = parser.parse_args()

    def tell(figures: Figures) -> None:
        print(figures.row(), *figures.reasons, sep="\n", flush=True)
        if options.record:
            record(options.record, {"seed": options.seed, **figures.row()})

    made = measure([options.only] if options.only else list(WORKS), options.kills, options.seed, tell)
    sys.exit(any(each.lost or each.corrupt for each in made))


if __name__ == "__main__":
    main()
