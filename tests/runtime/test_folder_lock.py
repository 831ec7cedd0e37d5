"""One run at a time in a folder, with locks on folders and without."""

import subprocess
import sys
from pathlib import Path

import pytest

from focal_omr.errors import OutputError
from focal_omr.runtime import folder_lock
from focal_omr.runtime.folder_lock import lock_folder

# Holds the lock until its standard input ends; with "file" as a system without `fcntl` does.
_HOLDER = """
import sys
from pathlib import Path
from focal_omr.runtime import folder_lock
if sys.argv[2] == "file":
    folder_lock.fcntl = None
with folder_lock.lock_folder(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=["folder", "file"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "file":
        monkeypatch.setattr(folder_lock, "fcntl", None)
    elif folder_lock.fcntl is None:
        pytest.skip("no locks on folders here")
    return str(request.param)


def test_a_second_run_is_refused_until_the_first_is_killed(tmp_path: Path, kind: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path), kind],
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True},
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another run"), lock_folder(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with lock_folder(tmp_path):
        pass


def test_a_lock_ends_with_its_block(tmp_path: Path, kind: str) -> None:
    for _ in range(2):
        with lock_folder(tmp_path):
            pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(OutputError, match="nowhere"), lock_folder(tmp_path / "nowhere"):
        pass
