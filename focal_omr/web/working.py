"""Processes that work for the server: how they are asked, and what they may use."""

import os
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from typing import TypeVar

from focal_omr.runtime.worker_processes import Lost, OwnProcess, Running, limit_memory
from focal_omr.web.settings import MB

__all__ = ["ask", "be_modest"]

T = TypeVar("T")
R = TypeVar("R")
_LOOK_S = 0.2  # between looks at whether the result is still wanted
_NICE = 10  # lets the server answer at once while all cores read


def ask(process: OwnProcess[T, R], item: T, given_up: Callable[[], bool]) -> R | Lost | None:
    """`function(item)` of a process, or why there is no result; None, and the process ended, if given up.

    Args:
        process: One that has nothing to do.
        item: What it is to do.
        given_up: Asked a few times a second.
    """
    process.take((0, item))
    try:
        while isinstance(result := process.result(), Running):
            if given_up():
                process.stop()
                return None
            if process.connection is not None:
                patience = min(_LOOK_S, process.deadline - time.monotonic())
                wait([process.connection], max(0.0, patience) + 0.01)
        return result
    finally:
        process.task = None


def be_modest(memory_mb: int) -> None:
    """Let this process stand back behind others, and have no more memory than it should.

    Args:
        memory_mb: Of data that it may hold, what it has already included; 0: as much as there is.
    """
    if hasattr(os, "nice"):
        os.nice(_NICE)
    if memory_mb:
        limit_memory(memory_mb * MB)
