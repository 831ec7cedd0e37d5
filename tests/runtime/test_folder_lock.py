"""Folder locks: one run at a time in a folder."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from full_disk import tree_of

from focal_omr.errors import OutputError
from focal_omr.runtime.atomic_folder import atomic_folder
from focal_omr.runtime.folder_lock import LOCK_FILE, lock_folder

# Holds the lock until its standard input ends.
_HOLDER = """
import sys
from pathlib import Path
from focal_omr.runtime.folder_lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)],
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another run"), lock_folder(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with lock_folder(tmp_path):  # the killed process left its lock file
        pass
    assert not list(tmp_path.iterdir())


def test_a_released_lock_leaves_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        with lock_folder(tmp_path):
            refused = pytest.raises(OutputError, match="another study")
            with refused, lock_folder(tmp_path, other="another study"):
                pass
            assert tree_of(tmp_path).keys() == {LOCK_FILE}
        assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"), lock_folder(tmp_path / "nowhere"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "locks"), [(errno.EROFS, True), (errno.ENOLCK, False)])
def test_an_unwritable_folder_is_named_and_one_without_locks_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, locks: bool
) -> None:
    def acquire(self: FileLock) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", acquire)
    if not locks:
        with lock_folder(tmp_path):
            return
    with pytest.raises(OutputError, match=r"no file can be made in it \(Read-only file system\)$"):
        lock_folder(tmp_path).__enter__()


@pytest.mark.parametrize("exists", [False, True])
def test_an_atomic_folder_holds_no_lock_file(tmp_path: Path, exists: bool) -> None:
    out = tmp_path / "out"
    if exists:
        out.mkdir()
    with atomic_folder(out) as folder:
        (folder / "file").write_bytes(b"a")
        with pytest.raises(OutputError, match="another run"), atomic_folder(out):
            pass
    assert tree_of(tmp_path) == {"out/file": b"a"}
