"""Size and speed of the base install: the wheel in a fresh environment, as strangers install it.

python -m benchmarks.install                 # this Python
python -m benchmarks.install python3.13 --record experiments/results/install.csv
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from focal_omr.runtime.provenance import record

ROOT = Path(__file__).parents[1]
_RUNS = 5  # of each timed command; the median is reported


def main() -> None:
    """Build the wheel, and measure it with each interpreter."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "pythons", nargs="*", default=[sys.executable], help="interpreters; this one by default"
    )
    parser.add_argument("--record", type=Path, help="CSV file to which rows are appended")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        dist = Path(folder) / "dist"
        build = [sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT)]
        subprocess.run(build, check=True, stdout=sys.stderr)
        (wheel,) = dist.glob("*.whl")
        for number, python in enumerate(arguments.pythons):
            row = measure(python, wheel, Path(folder) / f"env{number}")
            print(json.dumps(row), flush=True)
            if arguments.record:
                record(arguments.record, row)


def measure(python: str, wheel: Path, folder: Path) -> dict[str, object]:
    """Install a wheel into a fresh environment and read the examples there.

    Args:
        python: Interpreter of the environment.
        wheel: The package.
        folder: Where the environment is created.

    Raises:
        subprocess.CalledProcessError: The package cannot be installed or does not work.
    """
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    own_python, command = str(scripts / "python"), str(scripts / "focal-omr")
    packages = Path(_output([own_python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))
    before = _megabytes(packages)
    start = time.perf_counter()
    constraints = ["-c", str(ROOT / "constraints.txt")]
    subprocess.run([own_python, "-m", "pip", "install", "-q", *constraints, str(wheel)], check=True)
    install_s = time.perf_counter() - start
    _output([own_python, "-m", "pip", "check"])
    images = [str(path) for path in sorted(ROOT.glob("examples/*/*.[pj][np]g"))]
    scores = folder / "scores"
    _output([command, "read", *images, "--out", str(scores), "--to", "musicxml,midi,mei,json,overlay"])
    return {
        "python": _output([own_python, "-c", "import platform; print(platform.python_version())"]),
        "wheel_mb": round(wheel.stat().st_size / 1e6, 2),
        "installed_mb": round(_megabytes(packages) - before, 1),
        "own_mb": round(_megabytes(packages / "focal_omr"), 1),
        "packages": len(_output([own_python, "-m", "pip", "freeze"]).splitlines()),
        "install_s": round(install_s, 1),
        "import_s": _median_seconds([own_python, "-c", "import focal_omr"]),
        "start_of_python_s": _median_seconds([own_python, "-c", ""]),
        "help_s": _median_seconds([command, "--help"]),
        "read_one_s": _median_seconds([command, "read", images[0], "--out", str(folder / "one")]),
        "scores": len(list(scores.glob("*.musicxml"))),
    }


def _output(command: Sequence[str]) -> str:
    """Run a command outside the repository, so that its modules cannot be imported by accident."""
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
        _output(command)
        times.append(time.perf_counter() - start)
    return round(statistics.median(times), 3)


def _megabytes(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


if __name__ == "__main__":
    main()
