"""The command: `python -m fuzzing TARGET --seconds N [--corpus DIR] [--record CSV]`; see the package."""

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from focal_omr.runtime.provenance import record
from fuzzing.targets import TARGETS

_STATUS = re.compile(r"^#(\d+)\s.*?(?:cov: (\d+) )(?:ft: (\d+) )?(?:corp: (\d+))?")
_SLACK_S = 60.0  # a process that does not end by itself is ended


@dataclass
class Figures:
    """Of one run, over all the processes that it took."""

    executions: int = 0
    edges: int = 0
    features: int = 0
    corpus: int = 0
    native: int = 0
    hangs: int = 0
    kinds: set[str] = field(default_factory=set)


def main() -> int:
    """Fuzz one target; the status is 1 where anything was found."""
    options = _parser().parse_args()
    target: str = options.target
    findings = options.findings / target
    figures, start = Figures(), time.monotonic()
    while (left := options.seconds - (time.monotonic() - start)) > 1:
        corpus = options.corpus or options.findings / "corpus" / target
        _run(target, corpus, findings, left, figures)
    seconds = round(time.monotonic() - start)
    row = {
        "target": target,
        "seconds": seconds,
        "executions": figures.executions,
        "per_second": round(figures.executions / max(1, seconds), 1),
        "edges": figures.edges,
        "features": figures.features,
        "corpus": figures.corpus,
        "findings": len(figures.kinds),
        "hangs": figures.hangs,
        "native_crashes": figures.native,
    }
    print(", ".join(f"{name} {value}" for name, value in row.items()))
    for kind in sorted(figures.kinds):
        print(f"found: {kind}; see {findings}")
    if options.record:
        record(options.record, row)
    return 1 if figures.kinds or figures.hangs else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description="Fuzz a reader.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--corpus", type=Path, help="files to begin with; what reaches new code is added")
    parser.add_argument("--findings", type=Path, default=Path("out/fuzzing"), help="folder for what is found")
    parser.add_argument("--record", type=Path, help="CSV file to append the figures to")
    return parser


def _run(target: str, corpus: Path, findings: Path, seconds: float, figures: Figures) -> None:
    """One process of libFuzzer, until it ends or dies; what it says goes into the figures."""
    prefix = findings / "process-"
    findings.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzzing.child", target, str(corpus), str(findings)]
    command += [f"-max_total_time={max(1, int(seconds))}", f"-artifact_prefix={prefix}"]
    deadline = time.monotonic() + seconds + _SLACK_S
    executions, native = 0, 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "OFF"}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, errors="replace", env=environment
    ) as process:
        assert process.stderr is not None
        tail: list[str] = []
        for line in process.stderr:
            tail = [*tail[-40:], line]
            if match := _STATUS.match(line):
                executions = int(match[1])
                figures.edges = max(figures.edges, int(match[2]))
                figures.features = max(figures.features, int(match[3] or 0))
                figures.corpus = max(figures.corpus, int(match[4] or 0))
            elif line.startswith("FINDING "):
                figures.kinds.add(line.removeprefix("FINDING ").strip())
                print(line, end="", flush=True)
            elif line.startswith("NATIVE "):
                native = int(line.split()[1])
            if time.monotonic() > deadline:
                process.kill()
    figures.executions += executions
    figures.native += native
    if process.returncode == 0:
        return
    said = "".join(tail)
    if "libFuzzer: timeout" in said:
        figures.hangs += 1
    else:
        figures.native += 1
    print(f"the process ended with {process.returncode}:\n{said}", flush=True)
    time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
