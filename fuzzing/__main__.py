"""Command line of the fuzzer: `python -m fuzzing TARGET --seconds N [--corpus DIR] [--record CSV]`."""

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
_GRACE_S = 60.0  # after the deadline, until a process is killed


@dataclass
class Statistics:
    """Statistics of one run over all its processes."""

    executions: int = 0
    edges: int = 0
    features: int = 0
    corpus: int = 0
    native: int = 0
    hangs: int = 0
    kinds: set[str] = field(default_factory=set)


def main() -> int:
    """Fuzz one target; the exit status is 1 if there are findings."""
    options = _parser().parse_args()
    target: str = options.target
    findings = options.findings / target
    statistics, start = Statistics(), time.monotonic()
    while (left := options.seconds - (time.monotonic() - start)) > 1:
        corpus = options.corpus or options.findings / "corpus" / target
        _run_process(target, corpus, findings, left, statistics)
    seconds = round(time.monotonic() - start)
    row = {
        "target": target,
        "seconds": seconds,
        "executions": statistics.executions,
        "per_second": round(statistics.executions / max(1, seconds), 1),
        "edges": statistics.edges,
        "features": statistics.features,
        "corpus": statistics.corpus,
        "findings": len(statistics.kinds),
        "hangs": statistics.hangs,
        "native_crashes": statistics.native,
    }
    print(", ".join(f"{name} {value}" for name, value in row.items()))
    for kind in sorted(statistics.kinds):
        print(f"found: {kind}; see {findings}")
    if options.record:
        record(options.record, row)
    return 1 if statistics.kinds or statistics.hangs else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fuzzing", description="Fuzz a reader.")
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--corpus", type=Path, help="folder of initial files; inputs with new coverage are added"
    )
    parser.add_argument("--findings", type=Path, default=Path("out/fuzzing"), help="folder for findings")
    parser.add_argument("--record", type=Path, help="CSV file to append the statistics to")
    return parser


def _run_process(target: str, corpus: Path, findings: Path, seconds: float, statistics: Statistics) -> None:
    """Run one libFuzzer process until it ends or dies, and add its output to the statistics."""
    prefix = findings / "process-"
    findings.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzzing.child", target, str(corpus), str(findings)]
    command += [f"-max_total_time={max(1, int(seconds))}", f"-artifact_prefix={prefix}"]
    deadline = time.monotonic() + seconds + _GRACE_S
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
                statistics.edges = max(statistics.edges, int(match[2]))
                statistics.features = max(statistics.features, int(match[3] or 0))
                statistics.corpus = max(statistics.corpus, int(match[4] or 0))
            elif line.startswith("FINDING "):
                statistics.kinds.add(line.removeprefix("FINDING ").strip())
                print(line, end="", flush=True)
            elif line.startswith("NATIVE "):
                native = int(line.split()[1])
            if time.monotonic() > deadline:
                process.kill()
    statistics.executions += executions
    statistics.native += native
    if process.returncode == 0:
        return
    output = "".join(tail)
    if "libFuzzer: timeout" in output:
        statistics.hangs += 1
    else:
        statistics.native += 1
    print(f"the process exited with status {process.returncode}:\n{output}", flush=True)
    time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
