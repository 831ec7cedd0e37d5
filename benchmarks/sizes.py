"""Comparison of exported networks by size, speed and error: `python -m benchmarks.sizes`.

    python -m benchmarks.sizes default small.onnx --data rendered --record experiments/results/sizes.csv

The time is the minimum for one staff of about 70 spaces, warm, with two threads; the error is measured on a
folder of labelled images. Networks to be compared must be measured in the same run.
"""

import argparse
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from benchmarks.reading import measure_warm, model_file, save_picture
from focal_omr.evaluation.evaluate import evaluate
from focal_omr.recognize import Recognizer
from focal_omr.runtime.provenance import record

THREADS = 2
_MIN_SIZE = 100  # values of a tensor that counts as parameters; shapes and scales are smaller


def main() -> None:
    """Measure each network, and print and record a row for it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", help="Exported networks, or the word default.")
    parser.add_argument("--data", type=Path, required=True, help="A folder in PrIMuS layout.")
    parser.add_argument("--record", type=Path, help="CSV file to append the rows to.")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        picture = save_picture(Path(folder))
        for model in options.models:
            path = model_file(Path(folder))[0] if model == "default" else Path(model)
            row = measure(model, path, picture, options.data)
            print(row)
            if options.record:
                record(options.record, row)


def measure(name: str, path: Path, picture: Path, data: Path) -> dict[str, object]:
    """Measure one network.

    Args:
        name: "default" or the path as given.
        path: The ONNX file.
        picture: Image of a staff, for the time.
        data: Folder in PrIMuS layout, for the error.
    """
    recognizer = Recognizer(model=path, threads=THREADS)
    result = evaluate(recognizer, data)
    return {
        "model": name if name == "default" else path.stem,
        "config": recognizer.card.config_digest,
        "seed": recognizer.card.seed,
        "steps": recognizer.card.steps,
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "parameters": parameters(path),
        "staff_ms": round(measure_warm(picture, path, threads=THREADS)["least_ms"], 1),
        "data": data.name,
        "samples": result.rates.samples,
        "ser": round(result.rates.ser, 3),
        "sequence_error_rate": round(result.rates.sequence_error_rate, 3),
    }


def parameters(path: Path) -> int:
    """Count the weights of an exported network, with biases and norms, without quantization scales and
    zeros."""
    tensors = onnx.load(str(path)).graph.initializer
    sizes = (math.prod(tensor.dims) for tensor in tensors if not tensor.name.endswith((".scale", ".zero")))
    return sum(size for size in sizes if size >= _MIN_SIZE)


if __name__ == "__main__":
    main()
