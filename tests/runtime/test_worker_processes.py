"""Worker processes: order, limits of time and memory, crashes, cancellation; the commands use them."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from focal_omr.errors import DataError, NotationError
from focal_omr.evaluation.compare_scores import compare_files
from focal_omr.runtime.worker_processes import (
    CANCELLED,
    Lost,
    ProcessLimits,
    WorkerProcess,
    map_in_processes,
    run_isolated,
)

HOSTILE = Path(__file__).parents[1] / "hostile"
CRASH = HOSTILE / "abc" / "native-1.abc"  # crashes Verovio 6.4
GOOD = Path(__file__).parents[2] / "examples" / "ode-to-joy" / "ode-to-joy.semantic"
_LISTING = "import sys; print(*[m for m in ('numpy', 'cv2', 'onnxruntime', 'verovio') if m in sys.modules])"


def _work(item: str) -> str:
    match item:
        case "die":
            os._exit(11)
        case "sleep":
            time.sleep(60)
        case "fail":
            raise ValueError("a fault of the function")
    return item.upper()


@pytest.mark.slow
def test_results_come_in_order_and_lost_items_have_a_reason() -> None:
    items = ["a", "sleep", "b", "die", "c", "d"]
    found = dict(map_in_processes(_work, items, workers=2, limits=ProcessLimits(3)))
    assert list(found) == items
    assert found == {
        "a": "A",
        "sleep": Lost("takes longer than 3 s"),
        "b": "B",
        "die": Lost("crashed the worker process"),
        "c": "C",
        "d": "D",
    }


def test_an_exception_is_raised_in_the_parent() -> None:
    with pytest.raises(ValueError, match="a fault of the function"):
        list(map_in_processes(_work, ["a", "fail"], workers=1, limits=ProcessLimits(60)))


def _note_and_sleep(path: str) -> None:
    Path(path).write_text(str(os.getpid()))
    time.sleep(60)


def _run(path: str) -> None:
    list(map_in_processes(_note_and_sleep, [path], workers=1, limits=ProcessLimits(60)))


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


@pytest.mark.slow
def test_a_killed_run_leaves_no_worker_behind(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    run = multiprocessing.get_context("spawn").Process(target=_run, args=(str(note),))
    run.start()
    assert _wait_for(lambda: note.exists() and bool(note.read_text()))
    run.kill()
    run.join()
    assert _wait_for(lambda: _is_gone(int(note.read_text())))


def test_cancelling_stops_the_process_and_the_next_item_starts_another() -> None:
    worker = WorkerProcess(_work, ProcessLimits(60))
    try:
        assert worker("a", is_cancelled=lambda: False) == "A"
        first = worker.pid
        assert worker("sleep", is_cancelled=lambda: True) is CANCELLED
        assert first is not None
        assert _is_gone(first)
        assert worker("b") == "B"
        assert worker.pid != first
    finally:
        worker.stop()


def _grow(megabytes: int) -> int:
    return len(bytearray(megabytes * 1_000_000))


def _refuse(item: str) -> str:
    raise DataError(f"{item}: no good")


def test_exceeding_the_memory_limit_names_the_limit() -> None:
    assert run_isolated(_grow, 10, name="a", limits=ProcessLimits(20, 400)) == 10_000_000
    with pytest.raises(NotationError, match=r"^b: needs more memory than 400 MB$"):
        run_isolated(_grow, 1000, name="b", limits=ProcessLimits(20, 400))


def test_run_isolated_raises_the_errors_of_the_function() -> None:
    with pytest.raises(DataError, match=r"^c: no good$"):
        run_isolated(_refuse, "c", name="x", limits=ProcessLimits(20))


def test_compare_names_the_file_that_crashed() -> None:
    limits = ProcessLimits(20)
    compared = compare_files(CRASH, GOOD, with_omr_ned=False, limits=limits)
    assert compared.error == f"{CRASH}: crashed the worker process (SIGSEGV)"
    with pytest.raises(NotationError, match=r"native-1\.abc: crashed the worker process \(SIGSEGV\)$"):
        compare_files(GOOD, CRASH, with_omr_ned=False, limits=limits)


def test_convert_survives_a_crash(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "focal_omr", "convert", CRASH, tmp_path / "a.mei"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"focal-omr: {CRASH}: crashed the worker process (SIGSEGV)"
    assert not list(tmp_path.iterdir())


def test_the_parent_process_imports_no_native_library() -> None:
    """Or else a cold start would load them twice."""
    modules = (
        "focal_omr.cli.app, focal_omr.batch.run, focal_omr.batch.outputs, focal_omr.page.ranges, "
        "focal_omr.formats.one_voice_files"
    )
    command = [sys.executable, "-c", f"import {modules}; {_LISTING}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
