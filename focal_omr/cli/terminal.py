"""Terminal output shared by the commands: messages, progress bars, exit statuses."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from focal_omr.errors import OmrError, missing_extra

__all__ = [
    "ALL_FAILED",
    "SOME_FAILED",
    "naming_option",
    "native_stderr_silenced",
    "progress_bar",
    "require_extra",
    "say",
]

SOME_FAILED, ALL_FAILED = 1, 2  # exit statuses
_NATIVE_STDERR = 2  # file descriptor that C and C++ libraries write to


def say(message: str) -> None:
    """Print a message as one line on stderr; stdout is for results."""
    print(" ".join(message.splitlines()), file=sys.stderr)


@contextmanager
def require_extra(name: str, feature: str) -> Iterator[None]:
    """Turn a missing optional dependency into the command that installs it; `feature` is what needs it.

    Raises:
        OmrError: A module of the extra `name` is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise OmrError(missing_extra(feature, error.name, extra=name)) from None


@contextmanager
def naming_option(option: str) -> Iterator[None]:
    """Put the name of an option before the message of an `OmrError` about its value."""
    try:
        yield
    except OmrError as error:
        raise type(error)(f"{option}: {error}") from None


@contextmanager
def progress_bar(total: int, description: str, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal if there is more than one item.

    Args:
        total: Number of items.
        description: Text before the bar.
        shown: Whether to show it at all.

    Yields:
        A function to call with the number of finished items.
    """
    if total < 2 or not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    # Without redirect_stdout=False, results piped to a file would be printed above the bar instead.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    )
    with bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Discard what C and C++ libraries write to stderr; Python's `sys.stderr` still works.

    libpng, libjpeg and OpenCV report there what becomes an error of ours with the file's name, or is no error
    at all, such as an unusual colour profile.
    """
    try:
        kept = os.dup(_NATIVE_STDERR)
    except OSError:  # closed, so there is nothing to silence
        yield
        return
    python = sys.stderr
    python.flush()
    try:
        is_native = python.fileno() == _NATIVE_STDERR
    except (OSError, ValueError):  # replaced by a stream of Python code, or closed
        is_native = False
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, not a file
        os.dup2(nowhere.fileno(), _NATIVE_STDERR)
    with os.fdopen(kept, "w", buffering=1, errors="backslashreplace") as still_heard:
        if is_native:
            sys.stderr = still_heard
        try:
            yield
        finally:
            sys.stderr = python
            os.dup2(kept, _NATIVE_STDERR)
