"""The wheel alone in a fresh environment of each Python: it installs and reads; how large and fast it is."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from focal_omr.runtime.provenance import record

ROOT = Path(__file__).parents[1]
OLDEST = (3, 11)
_RUNS = 5  # of what is timed; the median counts


def pythons() -> list[str]:
    """One interpreter at hand for each version that the package supports: in the path, or of pyenv."""
    found: dict[tuple[int, int], str] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 30)]
    candidates += [str(path) for path in sorted(pyenv.glob("3.*/bin/python3"))]
    for candidate in filter(None, candidates):
        version = _version(candidate)
        if version and version >= OLDEST:
            found.setdefault(version, candidate)
    return [found[version] for version in sorted(found)]


def _version(python: str) -> tuple[int, int] | None:
    """Major and minor; None where it does not start (pyenv leaves such names in the path)."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    if done.returncode:
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def build(out: Path) -> Path:
    """Make sdist and wheel, the wheel from the sdist as `build` does; the wheel's path."""
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)], check=True, stdout=2)
    (wheel,) = out.glob("*.whl")
    return wheel


def check(interpreters: Sequence[str], *, record_in: Path | None) -> None:
    """Build, then install and try the wheel with each interpreter; prints a line of JSON for each.

    Raises:
        subprocess.CalledProcessError: Something that has to work did not.
    """
    with TemporaryDirectory() as folder:
        wheel = build(Path(folder) / "dist")
        for number, python in enumerate(interpreters):
            figures = _figures(python, wheel, Path(folder) / f"env{number}")
            print(json.dumps(figures), flush=True)
            if record_in:
                record(record_in, figures)


def _figures(python: str, wheel: Path, folder: Path) -> dict[str, object]:
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    bin_folder = folder / ("Scripts" if os.name == "nt" else "bin")
    own_python, command = str(bin_folder / "python"), str(bin_folder / "focal-omr")
    packages = Path(_said([own_python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))
    before = _megabytes(packages)
    start = time.perf_counter()
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([own_python, "-m", "pip", "install", "-q", *constraints, str(wheel)], check=True)
    seconds = time.perf_counter() - start
    subprocess.run([own_python, "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
    files = [str(path) for path in sorted(ROOT.glob("examples/*/*.[pj][np]g"))]
    _said(
        [command, "read", *files, "--out", str(folder / "scores"), "--to", "musicxml,midi,mei,json,overlay"]
    )
    return {
        "python": _said([own_python, "-c", "import platform; print(platform.python_version())"]),
        "wheel_mb": round(wheel.stat().st_size / 1e6, 2),
        "installed_mb": round(_megabytes(packages) - before, 1),
        "own_mb": round(_megabytes(packages / "focal_omr"), 1),
        "packages": len(_said([own_python, "-m", "pip", "freeze"]).splitlines()),
        "install_s": round(seconds, 1),
        "import_s": _median_seconds([own_python, "-c", "import focal_omr"]),
        "start_of_python_s": _median_seconds([own_python, "-c", ""]),
        "help_s": _median_seconds([command, "--help"]),
        "read_one_s": _median_seconds([command, "read", files[0], "--out", str(folder / "one")]),
        "scores": len(list((folder / "scores").glob("*.musicxml"))),
    }


def _said(command: Sequence[str]) -> str:
    """What a command prints; it runs where none of this repository's modules can be found by accident."""
    with TemporaryDirectory() as elsewhere:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            command, check=True, cwd=elsewhere, env=clean, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
    return done.stdout.strip()


def _median_seconds(command: Sequence[str]) -> float:
    times = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        _said(command)
        times.append(time.perf_counter() - start)
    return round(sorted(times)[_RUNS // 2], 3)


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
