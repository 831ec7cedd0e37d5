"""What all commands share that speak to a user at a terminal: lines, a bar of progress, exit statuses."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from focal_omr.errors import OmrError

__all__ = ["ALL_FAILED", "SOME_FAILED", "extra", "native_libraries_silenced", "progress", "say"]

SOME_FAILED, ALL_FAILED = 1, 2  # exit statuses
_NATIVE_STDERR = 2  # the descriptor that C and C++ write their complaints to


def say(message: str) -> None:
    """A line for the user, beside the results that go to the standard output."""
    print(" ".join(message.splitlines()), file=sys.stderr)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turns a missing optional dependency into the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise OmrError(
            f"{error.name} is not installed; `pip install focal-ctc-omr[{name}]` brings it"
        ) from None


@contextmanager
def progress(total: int, what: str, *, shown: bool = True) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal for several things; gives the function that is told how many are done."""
    if total < 2 or not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    # Results that go to a file or a pipe must not be taken for lines to show above the bar.
    bar = Progress(
        *columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def native_libraries_silenced() -> Iterator[None]:
    """What libpng, libjpeg, OpenCV and others write to the standard error goes nowhere; Python still speaks.

    They report there what becomes an error of ours with the file's name, or what is no error at all: a colour
    profile they do not like.
    """
    try:
        kept = os.dup(_NATIVE_STDERR)
    except OSError:  # closed: they have nowhere to write to anyway
        yield
        return
    python = sys.stderr
    python.flush()
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123  # a device, no file of ours
        os.dup2(nowhere.fileno(), _NATIVE_STDERR)
    with os.fdopen(kept, "w", buffering=1, errors="backslashreplace") as heard:
        if _writes_to(python, _NATIVE_STDERR):
            sys.stderr = heard
        try:
            yield
        finally:
            sys.stderr = python
            os.dup2(kept, _NATIVE_STDERR)


def _writes_to(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):  # a stream that Python code made, or a closed one
        return False
