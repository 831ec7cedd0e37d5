"""`python -m benchmarks`: what the loss, training, rendering and reading cost here, as one JSON object."""

import json
import platform
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import data, documents, loss, reading, training
from focal_omr.results import commit, machine

THREADS = 2
# Figure -> (at least or at most, how much).
TARGETS = {
    "loss.focal_ratio": ("<=", 1.05),
    "loss.length_focal_ratio": ("<=", 1.05),
    "loss.symbol_focal_ratio": ("<=", 2.0),
    "loss.symbol_focal_few_ratio": ("<=", 2.0),
    "training.ratio": (">=", 5.0),
    "data_rendering.staves_per_s": (">=", 60.0),
    "data_reading.staves_per_s": (">=", 1500.0),
    "data_loader.staves_per_s": (">=", 150.0),
    "reading_warm.median_ms": ("<=", 60.0),
    "reading_cold.median_s": ("<=", 2.0),
    "reading_cold.torch_loaded": ("<=", 0),
    "page_warm.whole_s": ("<=", 1.0),
    "page_cold.median_s": ("<=", 3.5),
    "page_cold.peak_mb": ("<=", 700),
}


def main() -> None:
    """Measure everything and print it."""
    figures: dict[str, Any] = {
        "loss": loss.measure() | loss.measure_memory() | loss.measure_gpu(),
        "training": training.measure(threads=THREADS),
    }
    figures |= data.measure(workers=THREADS, train_staves_per_s=figures["training"]["default_staves_per_s"])
    with TemporaryDirectory() as folder:
        picture = reading.save_picture(Path(folder))
        model, weights = reading.model_file(Path(folder))
        figures["reading_warm"] = reading.measure_warm(picture, model, threads=THREADS)
        figures["reading_cold"] = reading.measure_cold(picture, model, threads=THREADS)
        page = documents.save_page(Path(folder))
        figures["page_warm"] = documents.measure_page(page, model, threads=THREADS)
        figures["page_cold"] = reading.measure_cold(page, model, threads=THREADS)
    about = {"commit": commit(), "python": platform.python_version(), "machine": machine()}
    about |= {"threads": THREADS, "weights": weights}
    print(json.dumps(_rounded({**about, **figures, "targets": _judged(figures)}), indent=2))


def _judged(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each target beside its figure, and whether it is met."""
    judged = {}
    for name, (sense, target) in TARGETS.items():
        part, key = name.split(".")
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
