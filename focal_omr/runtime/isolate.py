"""One call in a process of its own, for commands: a file that crashes native code ends that process alone.

In Python everything is read in the caller's process; who reads files from anywhere there can do the same with
`contained`, or with `processes.OwnProcess` for many calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from focal_omr.errors import NotationError, OmrError
from focal_omr.runtime.worker_processes import Lost, OwnProcess

__all__ = ["LIMIT_S", "MEMORY_MB", "Limits", "contained"]

T = TypeVar("T")
R = TypeVar("R")
LIMIT_S = 300.0  # a page of twelve staves takes 1 s, so this is a book, or something that does not end
MEMORY_MB = 4000  # a page of 100 million pixels, the largest that is read, takes 2 GB
_WEEK_S = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Limits:
    """What one call may take.

    Attributes:
        seconds: After which it is ended; None: as long as it takes.
        memory_mb: Megabytes of data that its process may hold.
    """

    seconds: float | None = LIMIT_S
    memory_mb: int = MEMORY_MB

    def process(self, function: Callable[[T], R]) -> OwnProcess[T, R]:
        """A function in a process of its own, with these limits."""
        limit_s = _WEEK_S if self.seconds is None else self.seconds
        return OwnProcess(function, limit_s=limit_s, memory_mb=self.memory_mb)


def contained(
    function: Callable[[T], R],
    item: T,
    *,
    name: object,
    limits: Limits,
    error: type[OmrError] = NotationError,
) -> R:
    """`function(item)`, computed in a process that is started for it.

    Args:
        function: Found by its name in a fresh process.
        item: Sent there.
        name: What a message calls it, such as the file that is read.
        limits: What it may take.
        error: What is raised where it dies or takes too much.

    Raises:
        OmrError: Of the kind `error`, where there is no result; else whatever `function` raises.
    """
    process = limits.process(function)
    try:
        result = process(item)
    finally:
        process.stop()
    if isinstance(result, Lost):
        raise error(f"{name}: {result.reason}")
    return result
