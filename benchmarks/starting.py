"""What starting costs: modules that are imported, and the time of it, in processes of their own."""

import json
import subprocess
import sys
import time
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_COUNT = "import json, sys, time; start = time.perf_counter(); {}; spent = time.perf_counter() - start"
_SAY = "print(json.dumps([spent, sorted(sys.modules)]))"


def measure_starting(*, repeats: int = 7) -> dict[str, float]:
    """Least seconds of `import focal_omr` and of `focal-omr --help`, and how many modules the first loads."""
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
    """Seconds of a statement in a fresh interpreter, and the modules that it had loaded."""
    script = f"{_COUNT.format(statement)}; {_SAY}"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, check=True, capture_output=True, text=True
    )
    spent, modules = json.loads(ran.stdout.splitlines()[-1])
    return float(spent), list(modules)
