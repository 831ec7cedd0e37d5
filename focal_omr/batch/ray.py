"""Many documents on a cluster: the same reader, mapped over them by Ray Data.

Needs the extra `ray`. Documents lie where all machines of the cluster find them; results come back to the
one that asked and are written there, as those of processes are.
"""

import logging
import os
import pickle
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from typing import Any

from focal_omr.batch.worker import Outcome, Reader, Task, outcome_of
from focal_omr.errors import ConfigError
from focal_omr.runtime.worker_processes import ProcessLimits, WorkerProcess

__all__ = ["read_on_ray"]

_MOST_BLOCKS = 1000  # of a data set; each is handed on when all of its documents are read


def read_on_ray(
    reader: Reader,
    tasks: Sequence[Task],
    *,
    workers: int | None,
    limit_s: float,
    memory_mb: int | None = None,
) -> Generator[tuple[Task, Outcome], None, None]:
    """Each task with its outcome, as `reader.read_in_processes` gives them.

    Args:
        reader: What reads.
        tasks: The documents.
        workers: Readers, each on a core of its own; None: as many as there are cores or documents.
        limit_s: Seconds for one document.
        memory_mb: Megabytes that the process which reads it may hold.

    Raises:
        ConfigError: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise ConfigError("--engine ray needs Ray; `pip install focal-ctc-omr[ray]` brings it")
    import ray.data

    ours = not ray.is_initialized()
    if ours:
        _start(workers)
    try:
        _quiet()
        size = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        rows = [{"task": pickle.dumps(task)} for task in tasks]
        read = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MOST_BLOCKS)).map(
            _RayReader,
            fn_constructor_args=(reader, limit_s, memory_mb),
            compute=ray.data.ActorPoolStrategy(size=size),
            num_cpus=1,
        )
        for row in read.iter_rows():
            yield pickle.loads(row["read"])
    finally:
        if ours:
            ray.shutdown()


def _start(workers: int | None) -> None:
    """Join the cluster that RAY_ADDRESS names, or start one on this machine."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports to its makers
    own: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
    if os.environ.get("RAY_ADDRESS"):
        own = {}
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)


def _quiet() -> None:
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)


class _RayReader:
    """One of the readers of the cluster. It reads in a process beside it, which may die or never end."""

    def __init__(self, reader: Reader, limit_s: float, memory_mb: int | None) -> None:
        self._read: WorkerProcess[Task, Outcome] = WorkerProcess(reader, ProcessLimits(limit_s, memory_mb))

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task: Task = pickle.loads(row["task"])
        return {"read": pickle.dumps((task, outcome_of(task, self._read(task))))}
