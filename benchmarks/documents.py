"""Benchmark of reading a page of twelve staves, as a whole and by stage.

The stages are those of `Recognizer.read`; the outputs are those of `read --to musicxml,midi,json`, kept in
memory.
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import cv2

from benchmarks.pages import engraved_page
from focal_omr.batch.outputs import document_results
from focal_omr.onnx_model import BATCH_SIZE, OnnxModel
from focal_omr.page.load import load_pages
from focal_omr.page.orientation import upright
from focal_omr.page.systems import find_systems
from focal_omr.recognize import Recognizer
from focal_omr.staff.strip import extract_strip

_STAVES, _FIRST_SEED = 12, 9  # the first seed that gives an upright page with this number of staves
_OUTPUTS = ("musicxml", "midi", "json")
T = TypeVar("T")


def save_page(folder: Path) -> Path:
    """Save an engraved page of composed music with twelve staves as a PNG of 2100 x 2970 pixels."""
    pages = (engraved_page(seed)[:2] for seed in range(_FIRST_SEED, 1000))
    gray = next(gray for gray, staves in pages if len(staves) == _STAVES and gray.shape[0] > gray.shape[1])
    path = folder / "page.png"
    path.write_bytes(bytes(cv2.imencode(".png", gray)[1]))
    return path


def measure_page(page: Path, model: Path, *, threads: int, repeats: int = 7) -> dict[str, Any]:
    """Measure the median seconds of reading a page and making its outputs, as a whole and by stage.

    Args:
        page: The image file.
        model: The ONNX file.
        threads: Number of threads.
        repeats: Number of measurements, after two warm-up runs.
    """
    recognizer, network = Recognizer(model=model, threads=threads), OnnxModel(model, threads=threads)
    spent: dict[str, list[float]] = {}

    def timed(stage: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = work()
        spent.setdefault(stage, []).append(time.perf_counter() - start)
        return result

    staves = 0
    for _ in range(2 + repeats):
        (picture,) = timed("load_s", lambda: list(load_pages(page)))
        turned = timed("staves_s", lambda picture=picture: upright(picture.gray))
        timed("systems_s", lambda turned=turned: find_systems(turned.gray, turned.found.staves))
        cut = turned.gray, turned.found.staves
        strips = timed("strips_s", lambda cut=cut: [extract_strip(cut[0], staff) for staff in cut[1]])
        timed(
            "network_s",
            lambda strips=strips: list(
                network.batched_log_probs([strip.ink for strip in strips], batch_size=BATCH_SIZE)
            ),
        )
        document = timed("read_s", lambda: recognizer.read(page))
        timed("outputs_s", lambda document=document: document_results(document, "page", _OUTPUTS))
        staves = len(document.staves)
    medians = {stage: statistics.median(seconds[2:]) for stage, seconds in spent.items()}
    parts = sum(medians[f"{name}_s"] for name in ("load", "staves", "systems", "strips", "network"))
    return {
        **medians,
        "decoding_s": medians["read_s"] - parts,
        "whole_s": medians["read_s"] + medians["outputs_s"],
        "staves": staves,
    }
