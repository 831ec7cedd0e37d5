"""Fits an exported network's confidence on held-out plates and writes the two numbers into its file."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx

from focal_omr.calibration import calibrated, fit_calibration
from focal_omr.data.degrade.augment import KINDS, degraded_strip
from focal_omr.data.engraving.shards import AnyPlate
from focal_omr.errors import DataError
from focal_omr.metrics import correct_mask, expected_calibration_error
from focal_omr.onnx_model import METADATA_KEY
from focal_omr.recognize import Recognizer
from focal_omr.runtime.atomic_files import write_atomic


def calibrate(model: Path, plates: Sequence[AnyPlate], *, seed: int = 1) -> dict[str, float]:
    """Fit the confidence of an exported network and store it in the file.

    Each plate is read clean, as a scan and as a photo, of strengths drawn evenly.

    Args:
        model: An ONNX file of ours; rewritten.
        plates: Held out from its training.
        seed: Of the wear.

    Returns:
        The expected calibration error before and after, on the very symbols that it was fitted on.

    Raises:
        DataError: Everything, or nothing, was read right.
        ModelError: The file is not one of ours.
    """
    recognizer = Recognizer(model=model, calibrate=False)
    rng = np.random.default_rng(seed)
    confidences: list[float] = []
    right: list[bool] = []
    for plate in plates:
        for kind in KINDS:
            read = recognizer.read_strip(degraded_strip(plate.gray(), rng, kind=kind))
            confidences += [confidence for _, confidence in read]
            right += correct_mask([token for token, _ in read], plate.semantic)
    try:
        calibration = fit_calibration(confidences, right)
    except ValueError as error:
        raise DataError(f"{model}: {error}") from error
    graph = onnx.load(str(model))
    (entry,) = (each for each in graph.metadata_props if each.key == METADATA_KEY)
    entry.value = json.dumps(replace(recognizer.card, calibration=calibration).to_json())
    write_atomic(model, graph.SerializeToString())
    after = [calibrated(confidence, calibration) for confidence in confidences]
    return {
        "symbols": len(right),
        "calibration_error_before": expected_calibration_error(confidences, right),
        "calibration_error": expected_calibration_error(after, right),
    }
