"""Processes over items: in their order, and none of them takes the others with it."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from focal_omr.runtime.worker_processes import Lost, in_processes


def _work(item: str) -> str:
    match item:
        case "die":
            os._exit(11)
        case "sleep":
            time.sleep(60)
        case "fail":
            raise ValueError("a fault of the function")
    return item.upper()


def test_results_come_in_order_and_what_is_lost_says_why() -> None:
    items = ["a", "sleep", "b", "die", "c", "d"]
    found = dict(in_processes(_work, items, workers=2, limit_s=3))
    assert list(found) == items
    assert found == {
        "a": "A",
        "sleep": Lost("takes longer than 3 s"),
        "b": "B",
        "die": Lost("ends the process that reads it"),
        "c": "C",
        "d": "D",
    }


def test_an_exception_is_raised_here() -> None:
    with pytest.raises(ValueError, match="a fault of the function"):
        list(in_processes(_work, ["a", "fail"], workers=1))


def _note_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def _run(path: str) -> None:
    list(in_processes(_note_and_sleep, [path], workers=1))


def _wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_killed_run_leaves_no_worker_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    run = multiprocessing.get_context("spawn").Process(target=_run, args=(str(note),))
    run.start()
    assert _wait_for(lambda: note.exists() and bool(note.read_text()))
    run.kill()
    run.join()
    assert _wait_for(lambda: _is_gone(int(note.read_text())))
