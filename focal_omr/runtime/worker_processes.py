"""A function over many items in processes that may die or never end; the item is then lost, not the run.

And what processes may use: cores and memory.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

try:
    import resource
except ImportError:  # Windows: memory is not limited there
    resource = None  # type: ignore[assignment]

__all__ = ["Lost", "OwnProcess", "Running", "cores", "in_processes", "limit_memory"]

T = TypeVar("T")
R = TypeVar("R")

# A copy of a process with threads, which torch and ONNX Runtime start, may hang: Python 3.12 warns of it.
_FRESH = multiprocessing.get_context("spawn")
# Seconds that a process may take to start, imports and all. One second is usual; only a process that will
# never start has to be told from a machine with far too much to do.
_START_S = 120.0
_STARTED = "started"
_ENDS = "ends the process that reads it"


@dataclass(frozen=True)
class Lost:
    """Why there is no result for an item: its process died, wanted too much memory, or took too long."""

    reason: str


@dataclass(frozen=True)
class Running:
    """There is no result yet."""


def in_processes(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int = 2,
    limit_s: float = 60.0,
    in_order: bool = True,
    memory_mb: int | None = None,
) -> Generator[tuple[T, R | Lost], None, None]:
    """Each item with `function(item)`.

    Args:
        function: Found by its name in fresh processes. An exception that it raises is raised here.
        items: Read as they are needed.
        workers: Processes.
        limit_s: Seconds that one item may take; then its process is stopped, and another one started. What
            a process takes to start is not counted.
        in_order: Whether results come in the order of the items, which keeps those that are done while an
            earlier item is not; else each comes when it is there.
        memory_mb: Megabytes of data that a process may hold; None: as many as there are. Not on Windows.
    """
    pool = [OwnProcess(function, limit_s=limit_s, memory_mb=memory_mb) for _ in range(workers)]
    waiting = iter(enumerate(items))
    done: dict[int, tuple[T, R | Lost]] = {}
    following = 0  # the number of the item that is given out next
    try:
        while True:
            for worker in pool:
                if worker.task is None and (task := next(waiting, None)) is not None:
                    worker.take(task)
            if not (busy := [worker for worker in pool if worker.task is not None]):
                return
            for worker, result in _finished(busy):
                assert worker.task is not None
                number, item = worker.task
                done[number], worker.task = (item, result), None
            if not in_order:
                yield from done.values()
                done.clear()
            while following in done:
                yield done.pop(following)
                following += 1
    finally:
        for worker in pool:
            worker.stop()


class OwnProcess(Generic[T, R]):
    """A function in a process of its own, started when it is first needed, and again after it was lost.

    Args:
        function, limit_s, memory_mb: As of `in_processes`.
    """

    def __init__(self, function: Callable[[T], R], *, limit_s: float, memory_mb: int | None = None) -> None:
        self.function, self.limit_s, self.memory_mb = function, limit_s, memory_mb
        self.task: tuple[int, T] | None = None
        self.deadline = 0.0
        self._starting = False
        self.connection: Connection | None = None
        self.process = _FRESH.Process()  # until the first one starts

    def __call__(self, item: T) -> R | Lost:
        """`function(item)`, or why there is no result; the process waits for the next call."""
        self.take((0, item))
        while not (finished := _finished([self])):
            pass
        self.task = None
        return finished[0][1]

    def take(self, task: tuple[int, T]) -> None:
        """Begin with an item; `result` tells what came of it."""
        if self.connection is not None and not self.process.is_alive():  # killed while it had nothing to do
            self.stop()
        if self.connection is None:
            self.connection, theirs = _FRESH.Pipe()
            self.process = _FRESH.Process(
                target=_serve, args=(theirs, self.function, self.memory_mb), daemon=True
            )
            self.process.start()
            theirs.close()
            self._starting = True
        self.task = task
        self.deadline = time.monotonic() + (_START_S if self._starting else self.limit_s)
        with suppress(OSError):  # dead already: `result` meets the end of the pipe
            self.connection.send(task[1])

    def result(self) -> R | Lost | Running:
        """What came of the task."""
        assert self.connection is not None
        if self.connection.poll():
            try:
                error, value = self.connection.recv()
            except (EOFError, OSError):  # an OSError where it died while it sent
                self.process.join(1.0)  # it is ending: its exit code says how
                reason = _how_it_ended(self.process.exitcode)
                self.stop()
                return Lost(reason)
            if error is not None and error == _STARTED:
                self._starting, self.deadline = False, time.monotonic() + self.limit_s
                return Running()
            if isinstance(error, MemoryError):
                self.stop()  # what is left of it is not to be trusted
                limit = "there is" if self.memory_mb is None else f"{self.memory_mb} MB"
                return Lost(f"needs more memory than {limit}")
            if error is not None:
                raise error
            return value  # type: ignore[no-any-return]  # what the function gave
        if time.monotonic() > self.deadline:
            reason = "takes too long to start" if self._starting else f"takes longer than {self.limit_s:g} s"
            self.stop()
            return Lost(reason)
        return Running()

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.connection is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.connection, self._starting = None, False


def _finished(busy: "list[OwnProcess[T, R]]") -> "list[tuple[OwnProcess[T, R], R | Lost]]":
    """Waits for the first of them, or the first deadline; those that are done, with their results."""
    patience = min(worker.deadline for worker in busy) - time.monotonic()
    wait([worker.connection for worker in busy if worker.connection], max(0.0, patience) + 0.01)
    results = [(worker, worker.result()) for worker in busy]
    return [(worker, result) for worker, result in results if not isinstance(result, Running)]


def _how_it_ended(exitcode: int | None) -> str:
    """Why a process that was not stopped is gone."""
    if exitcode is None or exitcode >= 0:
        return _ENDS
    try:
        return f"{_ENDS} ({signal.Signals(-exitcode).name})"
    except ValueError:  # a signal without a name
        return f"{_ENDS} (signal {-exitcode})"


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_memory(size: int) -> None:
    """Let this process hold no more than so many bytes of data; where the system cannot say so, nothing."""
    if resource is None:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    with suppress(ValueError, OSError):  # a lower limit is set already, or the system has none of this kind
        resource.setrlimit(resource.RLIMIT_DATA, (size if hard < 0 else min(size, hard), hard))


def _serve(connection: Connection, function: Callable[[T], R], memory_mb: int | None) -> None:
    """The loop of a worker process, which ends with its pipe, or at once with the process that started it."""
    if memory_mb is not None:
        limit_memory(memory_mb * 1_000_000)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection.send((_STARTED, None))
    while True:
        try:
            item = connection.recv()
        except EOFError:
            return
        try:
            connection.send((None, function(item)))
        except MemoryError:  # without its traceback, which holds on to what took the memory
            connection.send((MemoryError(), None))
        except Exception as error:  # raised again where the results are awaited
            connection.send((error, None))


def _end_with_parent() -> None:
    """A killed run leaves no workers behind that finish work nobody waits for."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # only workers come here
    parent.join()
    os._exit(1)
