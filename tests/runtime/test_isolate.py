"""Calls in processes of their own, with limits of time and memory; and that the commands make them."""

import subprocess
import sys
from pathlib import Path

import pytest

from focal_omr.errors import DataError, NotationError
from focal_omr.evaluation.compare_scores import compare_files
from focal_omr.runtime.isolate import Limits, contained

HOSTILE = Path(__file__).parents[1] / "hostile"
CRASH = HOSTILE / "abc" / "native-1.abc"  # ends Verovio 6.4
GOOD = Path(__file__).parents[2] / "examples" / "ode-to-joy" / "ode-to-joy.semantic"
_LISTING = "import sys; print(*[m for m in ('numpy', 'cv2', 'onnxruntime', 'verovio') if m in sys.modules])"


def _grow(megabytes: int) -> int:
    return len(bytearray(megabytes * 1_000_000))


def _refuse(item: str) -> str:
    raise DataError(f"{item}: no good")


def test_what_needs_too_much_memory_says_how_much_it_may_have() -> None:
    assert contained(_grow, 10, name="a", limits=Limits(20, 400)) == 10_000_000
    with pytest.raises(NotationError, match=r"^b: needs more memory than 400 MB$"):
        contained(_grow, 1000, name="b", limits=Limits(20, 400))


def test_errors_come_back_as_they_are() -> None:
    with pytest.raises(DataError, match=r"^c: no good$"):
        contained(_refuse, "c", name="x", limits=Limits(20))


def test_a_crash_is_laid_at_the_door_of_its_file() -> None:
    limits = Limits(20)
    compared = compare_files(CRASH, GOOD, with_omr_ned=False, limits=limits)
    assert compared.error == f"{CRASH}: ends the process that reads it (SIGSEGV)"
    with pytest.raises(NotationError, match=r"native-1\.abc: ends the process that reads it \(SIGSEGV\)$"):
        compare_files(GOOD, CRASH, with_omr_ned=False, limits=limits)


def test_convert_survives_a_crash(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "focal_omr", "convert", CRASH, tmp_path / "a.mei"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"focal-omr: {CRASH}: ends the process that reads it (SIGSEGV)"
    assert not list(tmp_path.iterdir())


def test_the_process_that_gives_the_orders_loads_no_library() -> None:
    """Or else a cold start would load them twice."""
    modules = (
        "focal_omr.cli.app, focal_omr.batch.run, focal_omr.batch.outputs, focal_omr.page.ranges, "
        "focal_omr.formats.registry"
    )
    command = [sys.executable, "-c", f"import {modules}; {_LISTING}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
