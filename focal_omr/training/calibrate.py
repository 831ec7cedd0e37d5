"""Confidence calibration of an exported network on held-out staff images."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from focal_omr.calibration import apply_calibration, fit_calibration
from focal_omr.data.degrade.augment import KINDS, degraded_strip
from focal_omr.data.engraving.shards import AnyStaff
from focal_omr.errors import DataError
from focal_omr.metrics import correct_mask, expected_calibration_error
from focal_omr.onnx_model import METADATA_KEY
from focal_omr.recognize import Recognizer
from focal_omr.runtime.atomic_files import write_atomic


def calibrate(model: Path, staves: Sequence[AnyStaff], *, seed: int = 1) -> dict[str, float]:
    """Fit the confidence of an exported network and store the calibration in its file.

    Each staff image is read three times: clean, as a scan and as a photo, with strengths drawn uniformly.

    Args:
        model: ONNX file written by `focal-omr export`; rewritten.
        staves: Staff images held out from training.
        seed: Seed of the degradation.

    Returns:
        `symbols`, and the expected calibration error, 0 .. 1, before and after, on the same symbols.

    Raises:
        DataError: All symbols were read right, or none was.
        ModelError: The file cannot be used.
        OutputError: The file cannot be written.
    """
    recognizer = Recognizer(model=model, calibrate=False)
    rng = np.random.default_rng(seed)
    confidences: list[float] = []
    right: list[bool] = []
    for staff in staves:
        for kind in KINDS:
            symbols = recognizer.read_strip(degraded_strip(staff.gray(), rng, kind=kind))
            confidences += [confidence for _, confidence in symbols]
            right += correct_mask([token for token, _ in symbols], staff.semantic)
    try:
        calibration = fit_calibration(confidences, right)
    except ValueError as error:
        raise DataError(f"{model}: {error}") from error
    graph = onnx.load(str(model))
    (entry,) = (each for each in graph.metadata_props if each.key == METADATA_KEY)
    entry.value = json.dumps(replace(recognizer.card, calibration=calibration).to_json())
    write_atomic(model, graph.SerializeToString())
    after = [apply_calibration(confidence, calibration) for confidence in confidences]
    return {
        "symbols": len(right),
        "calibration_error_before": expected_calibration_error(confidences, right),
        "calibration_error": expected_calibration_error(after, right),
    }
