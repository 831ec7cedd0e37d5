"""Batches: documents fail independently, and a killed run can be resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted import draw_staff, save_png, write_scripted

from focal_omr.batch.manifest import MANIFEST, DocumentRecord
from focal_omr.batch.run import read_documents
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask

ROOT = Path(__file__).parents[2]


class _Moody(DocumentReader):
    """Does what the name of a task says."""

    def __call__(self, task: ReadTask | None) -> DocumentRecord:
        name = "" if task is None else task.name
        if name == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if name == "sleep":
            time.sleep(60)
        if name == "memory":
            raise MemoryError
        return DocumentRecord(name, name, symbols=len(name))


def test_a_crash_a_timeout_and_lack_of_memory_fail_one_document_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("focal_omr.batch.run.DocumentReader", _Moody)
    names = ("crash", "a", "sleep", "bc", "memory", "def")
    tasks = [ReadTask(Path(f"{name}.png"), name) for name in names]
    _, found = _read(tasks, tmp_path, ReadOptions(), workers=2, limit_s=2, memory_mb=3000)
    assert {name: record.symbols for name, record in found.items() if not record.error} == {
        **{"a": 1, "bc": 2, "def": 3}
    }
    assert found["memory"].error == "memory.png: needs more memory than 3000 MB"
    assert found["crash"].error == "crash.png: crashed the worker process (SIGSEGV)"
    assert found["sleep"].error == "sleep.png: takes longer than 2 s"


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> ReadOptions:
    model = write_scripted(tmp_path_factory.mktemp("model") / "tune.onnx")
    return ReadOptions(outputs=("musicxml", "midi", "json"), model=str(model))


def _read(*arguments: Any, **options: Any) -> tuple[int, dict[str, DocumentRecord]]:
    with read_documents(*arguments, **options) as (todo, records):
        return todo, {record.name: record for record in records}


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


def _wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.slow
def test_a_killed_run_is_resumed_without_loss(options: ReadOptions, tmp_path: Path) -> None:
    """Twelve documents, two broken; the seventh stops the first run, which is then killed."""
    files = [save_png(tmp_path / f"{number:02d}.png", draw_staff(700 + 20 * number)) for number in range(12)]
    files[2].write_bytes(b"")
    files[9].write_bytes(files[8].read_bytes()[:500])
    out, manifest = tmp_path / "out", tmp_path / "out" / MANIFEST
    seventh = files[6].read_bytes()
    files[6].unlink()
    os.mkfifo(files[6])  # reading it waits for somebody who writes
    command = [sys.executable, "-m", "focal_omr", "read", *files, "-o", out, "--to", "musicxml,midi,json"]
    killed = subprocess.Popen(
        [*command, "--model", options.model, "--workers", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert _wait_for(lambda: manifest.exists() and manifest.read_bytes().count(b"\n") == 6)
    killed.kill()
    killed.wait()
    files[6].unlink()
    files[6].write_bytes(seventh)
    first = {path.name: path.stat().st_mtime_ns for path in out.glob("*.m[iu]*")}
    assert {name[:2] for name in first} == {"00", "01", "03", "04", "05"}
    (out / ".0123456789abcdef.part").write_bytes(b"half a score")  # as if it had been writing
    (out / "03.mid").unlink()

    tasks = [ReadTask(file, file.stem) for file in files]
    todo, found = _read(tasks, out, options, workers=1, resume=True)
    assert todo == 8  # the two broken ones are tried again, and 03 lacks a file
    assert {name: record.error for name, record in found.items() if record.error} == {
        "02": f"{files[2]}: the file is empty",
        "09": f"{files[9]}: the file is cut off after 500 bytes, its end is missing",
    }
    assert len(_read(tasks, tmp_path / "whole", options, workers=1)[1]) == 12
    assert len(_contents(out)) == 30
    assert _contents(out) == _contents(tmp_path / "whole")
    again = [name for name, time_ns in first.items() if (out / name).stat().st_mtime_ns != time_ns]
    assert {name[:2] for name in again} == {"03"}
    lines = [json.loads(line) for line in manifest.read_text().splitlines()]
    assert sorted(line["name"] for line in lines) == [file.stem for file in files]
    with read_documents(tasks, out, options, resume=True) as (todo, _):
        assert todo == 2


def test_a_single_document_has_no_manifest_unless_requested(options: ReadOptions, tmp_path: Path) -> None:
    task = ReadTask(save_png(tmp_path / "a.png", draw_staff()), "a")
    _, found = _read([task], tmp_path / "out", options, with_manifest=False)
    assert found["a"].error is None
    assert sorted(_contents(tmp_path / "out")) == ["a.json", "a.mid", "a.musicxml"]
    assert not (tmp_path / "out" / MANIFEST).exists()
    _read([task], tmp_path / "out", options)
    (line,) = (tmp_path / "out" / MANIFEST).read_text().splitlines()
    entry = json.loads(line)
    assert (entry["status"], entry["pages"], entry["staves"], entry["symbols"]) == ("read", 1, 1, 12)
    assert entry["confidence"] == pytest.approx(0.9, abs=1e-3)
    assert entry["outputs"].keys() == {"a.json", "a.mid", "a.musicxml"}


def test_the_digest_depends_on_options_and_model_content(options: ReadOptions, tmp_path: Path) -> None:
    other = write_scripted(tmp_path / "other.onnx", ("clef-G2", "note-C5_quarter"))
    digests = {options.digest(), ReadOptions(model=options.model).digest(), ReadOptions().digest()}
    digests |= {ReadOptions(model=str(other)).digest(), ReadOptions(model=options.model, pages="1").digest()}
    assert len(digests) == 5
    same = tmp_path / "same.onnx"
    same.write_bytes(Path(options.model).read_bytes())
    assert ReadOptions(model=str(same)).digest() == ReadOptions(model=options.model).digest()
