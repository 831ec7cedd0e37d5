"""Reading of many documents on a Ray cluster: the same worker, mapped over them by Ray Data.

Needs the extra `ray`. The documents must be at the same paths on all machines. Results come back to the
machine that started the run and are written there, like those of local worker processes.
"""

import logging
import os
import pickle
from collections.abc import Generator, Sequence
from importlib.util import find_spec
from typing import Any

from focal_omr.batch.manifest import DocumentRecord
from focal_omr.batch.worker import DocumentReader, ReadTask
from focal_omr.errors import ConfigError, missing_extra
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess

__all__ = ["read_on_ray"]

_MAX_BLOCKS = 1000  # of a data set; a block is passed on once all of its documents are read


def read_on_ray(
    reader: DocumentReader,
    tasks: Sequence[ReadTask],
    *,
    workers: int | None,
    limits: ProcessLimits,
) -> Generator[tuple[ReadTask, DocumentRecord | Lost], None, None]:
    """Yield each task with its record, as `map_in_processes` does.

    The cluster is the one that RAY_ADDRESS names, or one started on this machine.

    Args:
        reader: Worker of each actor.
        tasks: The documents.
        workers: Actors, each on one core; None: one per core of the cluster, or per document.
        limits: Limits of the process beside each actor that reads its documents.

    Raises:
        ConfigError: Ray is not installed.
    """
    if find_spec("ray") is None:
        raise ConfigError(missing_extra("--engine ray", "ray", extra="ray"))
    if not tasks:
        return
    import ray.data

    started_here = not ray.is_initialized()
    if started_here:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports usage to its vendor
        options: dict[str, Any] = {"num_cpus": workers, "include_dashboard": False}
        if os.environ.get("RAY_ADDRESS"):
            options = {}
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        size = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        rows = [{"task": pickle.dumps(task)} for task in tasks]
        read = ray.data.from_items(rows, override_num_blocks=min(len(rows), _MAX_BLOCKS)).map(
            _RayActor,
            fn_constructor_args=(reader, limits),
            compute=ray.data.ActorPoolStrategy(size=size),
            num_cpus=1,
        )
        for row in read.iter_rows():
            yield pickle.loads(row["read"])
    finally:
        if started_here:
            ray.shutdown()


class _RayActor:
    """An actor of the cluster; it reads in a worker process, which may crash or exceed its limits."""

    def __init__(self, reader: DocumentReader, limits: ProcessLimits) -> None:
        self._worker: WorkerProcess[ReadTask, DocumentRecord] = WorkerProcess(reader, limits)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task: ReadTask = pickle.loads(row["task"])
        return {"read": pickle.dumps((task, self._worker(task)))}
