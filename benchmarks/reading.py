"""Speed of reading one staff: warm in this process, and cold by the command in a new process."""

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from benchmarks.staff_images import SEED, composed_staves
from focal_omr.recognize import Recognizer

_SPACE_PX = 18  # as in PrIMuS
# Runs the command and prints its peak memory plus that of its reading process. VmHWM in /proc belongs to this
# program alone. ru_maxrss starts at the parent's value, which for the reading process is below its own peak.
_COLD = """
import json, resource, sys
from pathlib import Path
from focal_omr.cli.app import main
try:
    main()
except SystemExit as end:
    status = end.code or 0
memory = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
peak_kb = int(memory["VmHWM"].split()[0]) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"status": status, "peak_mb": peak_kb / 1024}))
"""


def save_picture(folder: Path) -> Path:
    """Write a typical staff as a PNG file: of eight composed ones the nearest to 70 spaces wide."""
    images = composed_staves(8, space_px=_SPACE_PX)
    image = min(images, key=lambda p: abs(p.gray.shape[1] - 70 * _SPACE_PX))
    path = folder / "staff.png"
    path.write_bytes(bytes(cv2.imencode(".png", image.gray)[1]))
    return path


def model_file(folder: Path) -> tuple[Path, str]:
    """The packaged model and "packaged"; if missing, an untrained model of the same speed and "untrained"."""
    packaged = files("focal_omr.weights") / "default.onnx"
    if packaged.is_file():
        return Path(str(packaged)), "packaged"
    from focal_omr.config import TrainConfig
    from focal_omr.encodings.codec import full_codec
    from focal_omr.model import build_model
    from focal_omr.training.checkpoint import save_checkpoint
    from focal_omr.training.export_onnx import export_checkpoint

    config = TrainConfig(seed=SEED)
    codec = full_codec(config.encoding)
    model = build_model(config.model, codec.vocabulary)
    save_checkpoint(folder / "fresh.pt", config=config, codec=codec, model=model, optimizer=None, step=0)
    export_checkpoint(folder / "fresh.pt", folder / "fresh.onnx")
    return folder / "fresh.onnx", "untrained"


def measure_warm(picture: Path, model: Path, *, threads: int, repeats: int = 30) -> dict[str, float]:
    """Time `Recognizer.read_gray`, from an image in memory to the score.

    Args:
        picture: Image file of a staff.
        model: ONNX file.
        threads: Threads of the network.
        repeats: Timed runs, after five of warm-up.

    Returns:
        Median and minimum in milliseconds, and the image's width in pixels.
    """
    gray = np.asarray(cv2.imread(str(picture), cv2.IMREAD_GRAYSCALE), np.uint8)
    recognizer = Recognizer(model=model, threads=threads)
    elapsed_ms = []
    for _ in range(5 + repeats):
        start = time.perf_counter()
        recognizer.read_gray(gray)
        elapsed_ms.append((time.perf_counter() - start) * 1e3)
    median_ms, minimum_ms = statistics.median(elapsed_ms[5:]), min(elapsed_ms)
    return {"median_ms": median_ms, "least_ms": minimum_ms, "width_px": gray.shape[1]}


def measure_cold(picture: Path, model: Path, *, threads: int, repeats: int = 3) -> dict[str, object]:
    """Time the `read` command from start to end, including writing MusicXML and MIDI.

    Args:
        picture: Image file of a staff.
        model: ONNX file.
        threads: Threads of the network.
        repeats: Number of runs.

    Returns:
        Median in seconds, and peak memory in MB.
    """
    command = [sys.executable, "-c", _COLD, "read", str(picture), "-o", str(picture.parent / "out")]
    command += ["--model", str(model), "--threads", str(threads)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    elapsed_s, result = [], {}
    for _ in range(repeats):
        start = time.perf_counter()
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        elapsed_s.append(time.perf_counter() - start)
        result = json.loads(ran.stdout.splitlines()[-1])
        if result.pop("status") != 0:
            raise RuntimeError(f"reading failed: {ran.stderr.strip()}")
    return {"median_s": statistics.median(elapsed_s), **result}
