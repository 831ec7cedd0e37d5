"""Files made to do harm, and those that fuzzing found: read, or refused in one line that names them.

`tests/hostile/TARGET/` holds them; what `fuzzing.targets` calls TARGET reads them. A file whose name begins
with "native-" ends the process of the native library that reads it; all others must not.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess
from fuzzing.limits import LIMIT_S, MEMORY_MB
from fuzzing.targets import TARGETS
from fuzzing.values import CANARY
from fuzzing.verdict import finding

HOSTILE = Path(__file__).parent / "hostile"
_FILES = sorted(HOSTILE.glob("*/*"))
_BY_LIBRARY = "native-"


def _read(file: tuple[str, Path]) -> str:
    """What is wrong with how a file is read; "" where nothing is."""
    return "\n".join(finding(TARGETS[file[0]], file[1]) or ())


def _process(limit_s: float) -> Iterator[WorkerProcess[tuple[str, Path], str]]:
    process = WorkerProcess(_read, ProcessLimits(limit_s, MEMORY_MB))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def reader() -> Iterator[WorkerProcess[tuple[str, Path], str]]:
    """One process for all: a file that ends it fails, and the next one gets another."""
    yield from _process(LIMIT_S)


@pytest.fixture(scope="module")
def short_reader() -> Iterator[WorkerProcess[tuple[str, Path], str]]:
    yield from _process(1.0)


def test_every_target_has_files() -> None:
    """But for the headers that are in all pictures; a new reader gets its own."""
    assert {path.parent.name for path in _FILES} == set(TARGETS)


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_hostile_file_is_read_or_refused_in_one_line(
    target: str, reader: WorkerProcess[tuple[str, Path], str], tmp_path: Path
) -> None:
    """Within 10 s and 2 GB each; nothing is executed, fetched or opened besides."""
    wrong = {}
    for path in (each for each in _FILES if each.parent.name == target):
        if path.name.startswith(_BY_LIBRARY):
            continue
        copy = tmp_path / path.name  # some readers look for files beside it, and the error must name it
        shutil.copy(path, copy)
        found = reader((target, copy))
        if found:
            wrong[path.name] = found.reason if isinstance(found, Lost) else found
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert not (Path(CANARY).parent / "executed").exists()


def test_what_ends_native_code_ends_its_process_alone(
    short_reader: WorkerProcess[tuple[str, Path], str], tmp_path: Path
) -> None:
    """Once for each format: the crash is named, and the next file is read by another process."""
    crashes = [path for path in _FILES if path.name.startswith(_BY_LIBRARY)]
    assert crashes
    for path in {each.suffix: each for each in crashes}.values():
        found = short_reader((path.parent.name, path))
        assert isinstance(found, Lost), path
        assert found.reason.startswith(("crashed the worker process", "takes longer", "needs more memory"))
