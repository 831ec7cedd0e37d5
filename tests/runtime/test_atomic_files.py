"""Atomic writes."""

from pathlib import Path

import pytest

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_files import write_atomic


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "result"
    write_atomic(path, b"one")
    write_atomic(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_file_name(tmp_path):
    write_atomic(tmp_path / ("n" * 255), b"data")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("where", ["missing/result", "file/result", "folder"])
def test_an_unwritable_path_is_named_and_nothing_is_left(tmp_path, where):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError) as error:
        write_atomic(tmp_path / where, b"data")
    assert str(error.value).startswith(f"{tmp_path / where} cannot be written: ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failure_half_way_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "result"
    write_atomic(path, b"old")
    write = Path.write_bytes

    def full(self, data):
        write(self, data[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="result cannot be written: No space left on device"):
        write_atomic(path, b"new and longer")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing_half_written(tmp_path, monkeypatch):
    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "result", b"data")
    assert list(tmp_path.iterdir()) == []
