"""Benchmark of start-up: time and modules of an import, in fresh processes."""

import json
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_TIMED = "import json, sys, time; start = time.perf_counter(); {}; spent = time.perf_counter() - start"
_PRINT = "print(json.dumps([spent, sorted(sys.modules)]))"


def measure_starting(*, repeats: int = 7) -> dict[str, float]:
    """Measure the minimum seconds of `import focal_omr` and `focal-omr --help`, and the modules of the
    import."""
    seconds, modules = zip(*(imported("import focal_omr") for _ in range(repeats)), strict=True)
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "focal_omr", "--help"], cwd=_ROOT, check=True, capture_output=True
        )
        spent.append(time.perf_counter() - start)
    return {"import_s": min(seconds), "import_modules": float(len(modules[0])), "help_s": min(spent)}


def imported(statement: str) -> tuple[float, list[str]]:
    """Run a statement in a fresh interpreter; its seconds and the loaded modules."""
    script = f"{_TIMED.format(statement)}; {_PRINT}"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    spent, modules = json.loads(ran.stdout.splitlines()[-1])
    return float(spent), list(modules)
