"""Benchmark suite: `python -m benchmarks` prints one JSON object; `--compare` adds the changes to an earlier
run."""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from benchmarks import against, data, documents, floor, loss, reading, starting, training
from focal_omr.runtime.provenance import commit, machine
from focal_omr.staff.strip import staff_strip

THREADS = 2
# Metric -> (direction, target).
TARGETS = {
    "loss.focal_ratio": ("<=", 1.02),
    "loss.length_focal_ratio": ("<=", 1.02),
    "loss.symbol_focal_ratio": ("<=", 2.0),
    "loss.symbol_focal_few_ratio": ("<=", 2.0),
    "loss.column_ratio": ("<=", 1.0),
    "loss.column_focal_ratio": ("<=", 1.0),
    "loss.factor_focal_ratio": ("<=", 1.1),
    "training.ratio": (">=", 5.0),
    "data_rendering.staves_per_s": (">=", 60.0),
    "data_systems.staves_per_s": (">=", 35.0),
    "data_reading.staves_per_s": (">=", 1500.0),
    "data_loader.staves_per_s": (">=", 150.0),
    "reading_warm.median_ms": ("<=", 25.0),
    "floor.reading_of_floor": ("<=", 3.0),
    "reading_cold.median_s": ("<=", 1.2),
    "page_warm.whole_s": ("<=", 0.6),
    "page_cold.median_s": ("<=", 3.5),
    "page_cold.peak_mb": ("<=", 700),
    "starting.import_s": ("<=", 0.15),
    "starting.help_s": ("<=", 0.4),
}


def main() -> None:
    """Run the benchmarks and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compare", type=Path, help="JSON of an earlier run; changes are printed to stderr.")
    parser.add_argument("--only", choices=("reading", "training"), help="Run one part only.")
    options = parser.parse_args()
    old = json.loads(options.compare.read_text(encoding="utf-8")) if options.compare else None
    start = time.perf_counter()
    figures: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        weights = _measure_reading(Path(folder), figures) if options.only != "training" else "not opened"
    if options.only != "reading":
        _measure_training(figures)
    about = {"commit": commit(), "python": platform.python_version(), "machine": machine()}
    about |= {"threads": THREADS, "weights": weights, "seconds": time.perf_counter() - start}
    run = _rounded({**about, **figures, "targets": _judged(figures)})
    if old is not None:
        run["compared"] = {"with": old.get("commit"), "figures": against.compared(old, run)}
        print(against.as_text(run["compared"]["figures"]), file=sys.stderr)
    print(json.dumps(run, indent=2))


def _measure_reading(folder: Path, figures: dict[str, Any]) -> str:
    """Measure reading, which needs the base install only; returns the origin of the weights."""
    picture = reading.save_picture(folder)
    model, weights = reading.model_file(folder)
    figures["starting"] = starting.measure_starting()
    figures["reading_warm"] = reading.measure_warm(picture, model, threads=THREADS)
    strip = staff_strip(np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), np.uint8)).ink
    figures["floor"] = floor.measure_floor(
        model, strip, threads=THREADS, read_ms=figures["reading_warm"]["least_ms"]
    )
    figures["reading_cold"] = reading.measure_cold(picture, model, threads=THREADS)
    page = documents.save_page(folder)
    figures["page_warm"] = documents.measure_page(page, model, threads=THREADS)
    figures["page_bytes"] = floor.measure_page_bytes(page, copy_gb_per_s=figures["floor"]["copy_gb_per_s"])
    figures["page_cold"] = reading.measure_cold(page, model, threads=THREADS)
    return weights


def _measure_training(figures: dict[str, Any]) -> None:
    """Measure losses, training and data generation, which need torch."""
    figures["loss"] = loss.measure() | loss.measure_memory() | loss.measure_gpu()
    figures["training"] = training.measure(threads=THREADS)
    speed = figures["training"]["default_staves_per_s"]
    figures["training_floor"] = floor.measure_step(threads=THREADS, staves_per_s=speed)
    figures |= data.measure(workers=THREADS, train_staves_per_s=speed)


def _judged(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Metric -> value, target and whether it is met."""
    judged = {}
    for name, (sense, target) in TARGETS.items():
        part, key = name.split(".")
        if part not in figures:
            continue
        value = figures[part][key]
        judged[name] = {"value": value, "target": f"{sense} {target}"}
        judged[name]["met"] = value <= target if sense == "<=" else value >= target
    return judged


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
