"""Fault injection in everything that writes: one-line errors, no partial files, and a repetition succeeds."""

import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest
import torch
from scripted import draw_staff, save_png, write_scripted
from tiny import FEW, FEW_SYMBOLS, TINY, write_shards_of_staves

pytest.importorskip("resource", reason="no limits here that files could meet")
from ddp_runs import HALF, config
from full_disk import full_disk, tree_of

from benchmarks.faults import kill_and_resume
from benchmarks.killed import Engraving
from focal_omr.batch.manifest import MANIFEST, DocumentRecord, content_digest
from focal_omr.batch.run import read_documents
from focal_omr.batch.worker import ReadOptions, ReadTask
from focal_omr.cli import app as cli
from focal_omr.config import TrainConfig
from focal_omr.data.engraving.staff_images import write_shards
from focal_omr.data.music.draw import ScoreSource
from focal_omr.data.pack import pack_samples
from focal_omr.data.rendered import render_tree
from focal_omr.errors import ConfigError, ModelError, OmrError, OutputError
from focal_omr.experiment.grid import load_grid
from focal_omr.experiment.study import run_study
from focal_omr.model import build_model
from focal_omr.runtime.atomic_files import append_atomic, atomic_file, make_writable
from focal_omr.runtime.folder_lock import LOCK_FILE, lock_folder
from focal_omr.runtime.provenance import record
from focal_omr.train import train
from focal_omr.training.checkpoint import load_checkpoint, save_checkpoint
from focal_omr.training.export_onnx import export_checkpoint, write_state


def _refused(work: Callable[[], object]) -> str:
    with pytest.raises(OmrError) as caught:
        work()
    message = str(caught.value)
    assert "\n" not in message
    return message


# Killed -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_killed_shards_are_resumed_without_loss(tmp_path: Path) -> None:
    """More, and `read` and `train`, by hand: `python -m benchmarks.faults`."""
    figures = kill_and_resume(Engraving(tmp_path / "work", shards=4), 2, Random(3))
    assert (figures.kills, figures.lost, figures.corrupt) == (2, 0, 0), figures.reasons
    assert figures.completed >= 1
    assert figures.compared >= 8


# Full disks -------------------------------------------------------------------------------------------------


def test_a_failed_append_keeps_the_earlier_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append_atomic(path, b"a" * 90)
    with full_disk(100):
        assert "rows.csv cannot be written: File too large" in _refused(
            lambda: append_atomic(path, b"b" * 50)
        )
    assert path.read_bytes() == b"a" * 90


def test_a_failed_record_keeps_the_earlier_results(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    record(path, {"a": 1})
    before = path.read_bytes()
    with full_disk(len(before) + 5):
        assert "figures.csv cannot be written" in _refused(lambda: record(path, {"a": 2}))
    assert path.read_bytes() == before


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def write() -> None:
        with atomic_file(path) as file:
            for _ in range(9):
                file.write(bytes(10_000))

    with full_disk(20_000):
        assert "file cannot be written: File too large" in _refused(write)
    assert tree_of(tmp_path) == {"file": b"before"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    write_shards_of_staves(root / "shards", 2, 12)
    train(config(root), root / "whole")
    return root


def _same(run: Path, whole: Path) -> bool:
    states = [load_checkpoint(each / "last.pt") for each in (run, whole)]
    same = all(torch.equal(states[0]["model"][name], value) for name, value in states[1]["model"].items())
    texts = [(each / "metrics.csv").read_text(encoding="utf-8") for each in (run, whole)]
    steps = [[row.partition(",")[0] for row in text.splitlines()] for text in texts]
    return same and steps[0] == steps[1] and states[0]["step"] == states[1]["step"]


@pytest.mark.parametrize("most", [0, 5000])
def test_training_restarts_after_a_full_disk(runs: Path, tmp_path: Path, most: int) -> None:
    run = tmp_path / "run"
    with full_disk(most):
        assert "cannot be written: File too large" in _refused(lambda: train(config(runs), run))
    assert not {"last.pt", "previous.pt"} & tree_of(run).keys()
    assert not list(run.glob(".*"))
    train(config(runs), run)
    assert _same(run, runs / "whole")


def test_training_resumes_from_before_the_disk_was_full(runs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(config(runs, **HALF), run)
    with full_disk(5000):
        message = _refused(lambda: train(config(runs), run, resume=True))
    assert message == f"{run / 'last.pt'} cannot be written: File too large"
    assert load_checkpoint(run / "last.pt")["step"] == 3
    assert not list(run.glob(".*"))
    train(config(runs), run, resume=True)
    assert _same(run, runs / "whole")


def _task(root: Path) -> ReadTask:
    write_scripted(root / "tune.onnx")
    return ReadTask(save_png(root / "0.png", draw_staff()), "0")


def _read(task: ReadTask, out: Path) -> DocumentRecord:
    options = ReadOptions(outputs=("json", "midi"), model=str(task.file.with_name("tune.onnx")))
    with read_documents([task], out, options, workers=1, resume=True) as (_, records):
        (record,) = records
        return record


def test_documents_are_read_again_after_a_full_disk(tmp_path: Path) -> None:
    out = tmp_path / "out"
    task = _task(tmp_path)
    with full_disk(1000):
        assert _read(task, out).error == f"{out / '0.json'} cannot be written: File too large"
    assert tree_of(out).keys() == {MANIFEST}
    with full_disk(100):  # a line of the manifest takes more
        assert f"{out / MANIFEST} cannot be written" in _refused(lambda: _read(task, out))
    assert tree_of(out) == {MANIFEST: b""}
    assert _read(task, out).error is None
    assert tree_of(out).keys() == {MANIFEST, "0.json", "0.mid"}


def test_reading_stops_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = _task(tmp_path)
    records = [(task, DocumentRecord("0.png", "0"))]
    monkeypatch.setattr("focal_omr.batch.run.map_in_processes", lambda *_, **__: (each for each in records))
    monkeypatch.setattr("focal_omr.batch.run.write_results", _no_space)
    message = "0.mid cannot be written: No space left on device"
    out = tmp_path / "out"
    assert _refused(lambda: _read(task, out)) == f"{message}; free some space and use --resume"
    assert tree_of(tmp_path / "out") == {MANIFEST: b""}


def _no_space(*_: object, **__: object) -> None:
    raise OutputError("0.mid cannot be written: No space left on device") from OSError(errno.ENOSPC, "")


def test_shards_are_made_after_a_full_disk(tmp_path: Path) -> None:
    make = partial(write_shards, count=2, seed=3, source=ScoreSource(), size=2, workers=2)
    out = tmp_path / "out"
    with full_disk(6000):
        assert ".tar cannot be written: File too large" in _refused(lambda: make(out))
    assert not tree_of(out)
    make(out)
    assert len(tree_of(out)) == 4


@pytest.mark.parametrize("archive", [False, True])
def test_a_full_disk_leaves_no_partial_data_set(tmp_path: Path, archive: bool) -> None:
    out = tmp_path / "set.tgz"
    render = partial(render_tree, out, count=3, seed=1, archive=archive)
    with full_disk(2000):
        assert "cannot be written: File too large" in _refused(render)
    assert not list(tmp_path.iterdir())
    render()
    assert [path.name for path in tmp_path.iterdir()] == ["set.tgz"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set") / "tree"
    render_tree(folder, count=4, seed=3, primus=True)
    return folder


@pytest.mark.parametrize("there", [False, True])
def test_a_full_disk_leaves_no_partial_shards(tree: Path, tmp_path: Path, there: bool) -> None:
    out = tmp_path / "out"
    if there:
        out.mkdir()
        (out / ".partial").mkdir()  # left by a kill
        (out / ".partial" / "000-00007.tar").write_bytes(b"half")
    with full_disk(12_000):
        assert "cannot be written: File too large" in _refused(lambda: pack_samples(tree, out, size=2))
    assert not tree_of(tmp_path)
    pack_samples(tree, out, size=2)
    assert tree_of(tmp_path).keys() == {
        f"out/000-0000{n}.{kind}" for n in range(2) for kind in ("tar", "json")
    }


def test_a_failed_export_keeps_the_old_model(tmp_path: Path) -> None:
    checkpoint, out = tmp_path / "last.pt", tmp_path / "out.onnx"
    values = {"seed": 1, "model": TINY.model_dump()}
    model = build_model(TINY, FEW_SYMBOLS)
    save_checkpoint(checkpoint, config=TrainConfig(**values), codec=FEW, model=model, optimizer=None, step=1)
    out.write_bytes(b"before")
    before = tree_of(tmp_path)
    with full_disk(3000):
        for write in (export_checkpoint, write_state):
            assert "out.onnx cannot be written" in _refused(lambda: write(checkpoint, out))  # noqa: B023
            assert tree_of(tmp_path) == before


def test_a_full_disk_leaves_no_partial_study(tmp_path: Path) -> None:
    with full_disk(2000):
        assert "cannot be written" in _refused(lambda: run_study(load_grid("smoke"), tmp_path / "out"))
    assert not tree_of(tmp_path)


# Two at once ------------------------------------------------------------------------------------------------


def _works(runs: Path, tree: Path, out: Path) -> dict[str, tuple[Path, Callable[[], object]]]:
    """What writes, with the folder that it has to have alone."""
    partial_out = out.with_name(f"{out.name}.partial")
    return {
        "train": (out, lambda: train(config(runs), out)),
        "shards": (out, lambda: write_shards(out, count=1, seed=1)),
        "study": (out, lambda: run_study(load_grid("smoke"), out)),
        "read": (out, lambda: _read(_task(out.parent), out)),
        "render": (partial_out, lambda: render_tree(out, count=1, seed=1)),
        "pack": (partial_out, lambda: pack_samples(tree, out)),
    }


@pytest.mark.parametrize("name", ["train", "shards", "study", "read", "render", "pack"])
def test_a_second_run_in_a_folder_is_refused_and_changes_nothing(
    runs: Path, tree: Path, tmp_path: Path, name: str
) -> None:
    folder, work = _works(runs, tree, tmp_path / "out")[name]
    folder.mkdir()
    (folder / ".0123456789abcdef.part").write_bytes(b"being written")
    with lock_folder(folder):
        assert _refused(work).endswith("is at work there; wait for it, or use another folder")
        assert tree_of(folder) == {".0123456789abcdef.part": b"being written", LOCK_FILE: b""}


# Folders that cannot be written -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        "read PICTURE.png --out OUT",
        "train CONFIG --out OUT",
        "experiment smoke --out OUT",
        "export last.pt --out OUT/net.onnx",
        "export last.pt --out net.onnx --state OUT/state.pt",
        "evaluate default TREE --record OUT/rows.csv",
        "evaluate default TREE --report OUT",
        "data shards --out OUT --count 1",
        "data render --out OUT --count 1",
        "data render --out OUT/set.tgz --archive --count 1",
        "data pack TREE --out OUT",
        "data show TREE --out OUT",
        "data primus TREE --index OUT/index.csv",
        "data primus TREE --list OUT/ids.txt",
        "data sample TREE --out OUT/ids.txt",
        "data split TREE --train 2 --test 2 --out OUT",
        "data tunes TREE --out OUT/tunes.txt",
        "serve --data OUT",
    ],
)
def test_an_unwritable_folder_gives_a_one_line_error_before_any_work(
    command: str,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "config.toml").write_text("[data]\nshards = ['none']\n", encoding="utf-8")
    places = {"OUT": "file/below", "TREE": str(tree), "CONFIG": "config.toml"}
    for name, place in places.items():
        command = command.replace(name, place)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["focal-omr", *command.split()])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    (line,) = capfd.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert "file" in line
    assert line.startswith("focal-omr: ")
    assert tree_of(tmp_path).keys() == {"file", "config.toml"}


def test_a_read_only_file_system_is_detected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a mounted disk is: it looks as any other to who may write everywhere."""

    def touch(path: Path) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(Path, "touch", touch)
    assert _refused(lambda: make_writable(tmp_path)) == (
        f"{tmp_path}: cannot write into the folder: Read-only file system"
    )


# Damaged checkpoints ----------------------------------------------------------------------------------------


def test_a_damaged_checkpoint_is_named_with_the_previous_one(runs: Path, tmp_path: Path) -> None:
    run, last, previous = (tmp_path / "run" / name for name in ("", "last.pt", "previous.pt"))
    train(config(runs, checkpoint_every=1), run)
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.raises(ModelError) as caught:
        train(config(runs), run, resume=True)
    message = str(caught.value)
    assert message.startswith(f"{last}: not a readable checkpoint (")
    assert message.endswith(f"; {previous}, from step 5, is intact: rename it to last.pt and resume")
    previous.replace(last)
    train(config(runs), run, resume=True)
    assert _same(run, runs / "whole")
    last.write_bytes(b"")
    previous.write_bytes(b"")
    with pytest.raises(ModelError, match=r"last\.pt: not a readable checkpoint \(\w+\)$"):
        train(config(runs), run, resume=True)
    last.unlink()
    with pytest.raises(ConfigError, match="nothing to resume"):
        train(config(runs), run, resume=True)


def test_a_truncated_row_is_dropped(runs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(config(runs, **HALF), run)
    rows = (run / "metrics.csv").read_bytes()
    (run / "metrics.csv").write_bytes(rows + b"1")  # of step 15, say, no row of step 1
    train(config(runs), run, resume=True)
    assert _same(run, runs / "whole")


# Clocks -----------------------------------------------------------------------------------------------------


def test_changed_modification_times_neither_repeat_nor_skip_work(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    modified = picture.stat().st_mtime_ns
    record = DocumentRecord(
        **{"file": str(picture), "name": "a", "work": "work"},
        **{"size": 3, "modified": modified, "sha256": content_digest(b"one")},
    )
    for seconds in (0, 4e9):
        os.utime(picture, (seconds, seconds))
        assert record.is_current(picture, tmp_path, "work")
    picture.write_bytes(b"two")
    for seconds in (0, 4e9):
        os.utime(picture, (seconds, seconds))
        assert not record.is_current(picture, tmp_path, "work")


def test_an_image_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from focal_omr.batch.worker import DocumentReader
    from focal_omr.images import load as image_file

    task = _task(tmp_path)
    before, read = task.file.stat().st_mtime_ns, image_file.read_file

    def changed(path: Path) -> bytes:
        data = read(path)
        os.utime(path, (9, 9))
        return data

    monkeypatch.setattr(image_file, "read_file", changed)
    assert DocumentReader(ReadOptions(model=str(tmp_path / "tune.onnx")))(task).modified == before
    with pytest.raises(OutputError):
        make_writable(task.file)
