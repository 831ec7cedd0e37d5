"""Worker processes with limits of time and memory: a crash or a timeout loses one item, not the run.

Use `run_isolated` for one call, `map_in_processes` for many items, and `WorkerProcess` for a process that is
kept and asked again.
"""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from focal_omr.errors import NotationError, OmrError

try:
    import resource
except ImportError:  # Windows: memory is not limited there
    resource = None  # type: ignore[assignment]

__all__ = [
    "CANCELLED",
    "LIMIT_S",
    "MEMORY_MB",
    "Lost",
    "ProcessLimits",
    "Running",
    "WorkerProcess",
    "cores",
    "limit_resources",
    "map_in_processes",
    "run_isolated",
]

T = TypeVar("T")
R = TypeVar("R")

LIMIT_S = 300.0  # a page of twelve staves takes 1 s, so this is a book, or something that does not end
MEMORY_MB = 4000  # a page of 100 million pixels, the largest that is read, takes 2 GB

# Forking a process that has threads (torch and ONNX Runtime start some) can deadlock; Python 3.12 warns.
_SPAWN = multiprocessing.get_context("spawn")
# A start takes one second, imports included; this only tells a process that never starts from a busy machine.
_START_S = 120.0
_STARTED = "started"
_POLL_S = 0.2  # between two calls of `is_cancelled`
_CRASHED = "crashed the worker process"


@dataclass(frozen=True)
class ProcessLimits:
    """What a worker process may use.

    Attributes:
        seconds: Time limit of one item; the start of the process is not counted. None: no limit.
        memory_mb: Data segment of the process in megabytes (10^6 bytes); None: no limit. Ignored on Windows.
        niceness: Added to that of the parent, which at 10 stays responsive while all cores are busy.
    """

    seconds: float | None = LIMIT_S
    memory_mb: int | None = MEMORY_MB
    niceness: int = 0


@dataclass(frozen=True)
class Lost:
    """Result of an item whose worker failed: it died, ran out of memory or time, or was cancelled.

    Attributes:
        reason: A verb phrase to follow the item's name, such as "takes longer than 60 s".
    """

    reason: str


CANCELLED = Lost("was interrupted")


@dataclass(frozen=True)
class Running:
    """Placeholder for a result that is still being computed."""


def run_isolated(
    function: Callable[[T], R],
    item: T,
    *,
    name: object,
    limits: ProcessLimits,
    error: type[OmrError] = NotationError,
) -> R:
    """Run `function(item)` in a child process; a native crash becomes an `OmrError`.

    Args:
        function: Importable by name, or a picklable callable.
        item: Pickled to the child.
        name: What error messages call the item, such as its file.
        limits: Time and memory of the child.
        error: Class of the exception raised when the child is lost.

    Raises:
        OmrError: An `error`, if the child crashed or exceeded a limit.
        Exception: Whatever `function` raises.
    """
    worker = WorkerProcess(function, limits)
    try:
        result = worker(item)
    finally:
        worker.stop()
    if isinstance(result, Lost):
        raise error(f"{name}: {result.reason}")
    return result


def map_in_processes(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int = 2,
    limits: ProcessLimits,
    in_order: bool = True,
) -> Generator[tuple[T, R | Lost], None, None]:
    """Yield each item with `function(item)`, computed by a pool of worker processes.

    Args:
        function: Importable by name, or a picklable callable. Its exceptions are raised here.
        items: Consumed lazily.
        workers: Number of processes.
        limits: Limits of each process; one that exceeds them is replaced, and its item is `Lost`.
        in_order: Whether results are yielded in the order of `items`, which buffers those that finish early;
            otherwise as they finish.
    """
    pool = [WorkerProcess(function, limits) for _ in range(workers)]
    busy: dict[WorkerProcess[T, R], tuple[int, T]] = {}
    pending = enumerate(items)
    done: dict[int, tuple[T, R | Lost]] = {}
    next_index = 0  # the item whose result is yielded next
    try:
        while True:
            for worker in pool:
                if worker not in busy and (task := next(pending, None)) is not None:
                    busy[worker] = task
                    worker.submit(task[1])
            if not busy:
                return
            _wait_for_any(busy, math.inf)
            for worker in list(busy):
                if not isinstance(result := worker.poll(), Running):
                    index, item = busy.pop(worker)
                    done[index] = item, result
            if not in_order:
                yield from done.values()
                done.clear()
            while next_index in done:
                yield done.pop(next_index)
                next_index += 1
    finally:
        for worker in pool:
            worker.stop()


class WorkerProcess(Generic[T, R]):
    """A function served by a child process, started on first use and restarted after a loss.

    Args:
        function: Importable by name, or a picklable callable; state that it builds lives in the child.
        limits: Limits of the child.
    """

    def __init__(self, function: Callable[[T], R], limits: ProcessLimits) -> None:
        self.function, self.limits = function, limits
        self.deadline = math.inf  # of the submitted item, by the monotonic clock
        self.connection: Connection | None = None  # None: not started
        self._process = _SPAWN.Process()  # a placeholder until the first start
        self._starting = False

    @property
    def pid(self) -> int | None:
        """Process id of the child; None before the first start."""
        return self._process.pid

    def __call__(self, item: T, *, is_cancelled: Callable[[], bool] | None = None) -> R | Lost:
        """Compute `function(item)` in the child and wait for it; raises what `function` raises.

        Args:
            item: Pickled to the child.
            is_cancelled: Polled five times a second; once true, the child is stopped and the result is
                `CANCELLED`.
        """
        self.submit(item)
        while isinstance(result := self.poll(), Running):
            if is_cancelled is not None and is_cancelled():
                self.stop()
                return CANCELLED
            _wait_for_any([self], math.inf if is_cancelled is None else _POLL_S)
        return result

    def submit(self, item: T) -> None:
        """Send an item to the child, which must be idle; `poll` gives the result."""
        if self.connection is not None and not self._process.is_alive():  # killed while idle
            self.stop()
        if self.connection is None:
            self.connection, childs_end = _SPAWN.Pipe()
            self._process = _SPAWN.Process(
                target=_serve, args=(childs_end, self.function, self.limits), daemon=True
            )
            self._process.start()
            childs_end.close()
            self._starting = True
        self._set_deadline(_START_S if self._starting else self.limits.seconds)
        with suppress(OSError):  # it died since; `poll` meets the end of the pipe
            self.connection.send(item)

    def _set_deadline(self, seconds: float | None) -> None:
        self.deadline = math.inf if seconds is None else time.monotonic() + seconds

    def poll(self) -> R | Lost | Running:
        """Return the result of the submitted item if it is there; raises what `function` raises."""
        assert self.connection is not None
        if self.connection.poll():
            try:
                error, value = self.connection.recv()
            except (EOFError, OSError):  # OSError: it died while sending
                self._process.join(1.0)  # it is ending; the exit code says how
                reason = _exit_reason(self._process.exitcode)
                self.stop()
                return Lost(reason)
            if error == _STARTED:
                self._starting = False
                self._set_deadline(self.limits.seconds)
                return Running()
            if isinstance(error, MemoryError):
                self.stop()  # its state is not to be trusted
                memory_mb = self.limits.memory_mb
                return Lost(
                    f"needs more memory than {'there is' if memory_mb is None else f'{memory_mb} MB'}"
                )
            if error is not None:
                raise error
            return value  # type: ignore[no-any-return]
        if time.monotonic() > self.deadline:
            reason = (
                "takes too long to start"
                if self._starting
                else f"takes longer than {self.limits.seconds:g} s"
            )
            self.stop()
            return Lost(reason)
        return Running()

    def stop(self) -> None:
        """Kill the child; the next item starts another one."""
        if self.connection is not None:
            self._process.kill()
            self._process.join()
            self.connection.close()
            self.connection, self._starting = None, False


def _wait_for_any(workers: "Collection[WorkerProcess[T, R]]", at_most_s: float) -> None:
    """Wait until a worker has sent something or its deadline has passed."""
    seconds = min(worker.deadline for worker in workers) - time.monotonic()
    timeout = min(max(0.0, seconds) + 0.01, at_most_s)
    connections = [worker.connection for worker in workers if worker.connection]
    wait(connections, timeout if timeout < math.inf else None)


def _exit_reason(exitcode: int | None) -> str:
    """Explain why a process ended that was not stopped."""
    if exitcode is None or exitcode >= 0:
        return _CRASHED
    try:
        return f"{_CRASHED} ({signal.Signals(-exitcode).name})"
    except ValueError:  # a signal without a name
        return f"{_CRASHED} (signal {-exitcode})"


def _serve(connection: Connection, function: Callable[[T], R], limits: ProcessLimits) -> None:
    """Serve items in a worker process; it ends with its pipe, or at once with its parent."""
    limit_resources(limits.memory_mb, limits.niceness)

    def end_with_parent() -> None:  # a killed run leaves no workers behind
        parent = multiprocessing.parent_process()
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    connection.send((_STARTED, None))
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        try:
            connection.send((None, function(item)))
        except MemoryError:  # a new one: the traceback of this one keeps alive what took the memory
            connection.send((MemoryError(), None))
        except Exception as error:
            connection.send((error, None))


def limit_resources(memory_mb: int | None, niceness: int = 0) -> None:
    """Limit the memory of this process and lower its priority, as far as the system allows it."""
    if niceness and hasattr(os, "nice"):
        os.nice(niceness)
    if memory_mb is None or resource is None:
        return
    size = memory_mb * 1_000_000
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    with suppress(ValueError, OSError):  # a lower limit is set already, or the system has none of this kind
        resource.setrlimit(resource.RLIMIT_DATA, (size if hard < 0 else min(size, hard), hard))


def cores() -> int:
    """Count the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
