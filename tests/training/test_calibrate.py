"""Confidence calibration of an exported network and its file."""

from pathlib import Path

import numpy as np
import pytest
from scripted import CARD, write_scripted
from tiny import png, staff_images

from focal_omr.data.engraving.shards import StaffRecord
from focal_omr.errors import DataError
from focal_omr.recognize import Recognizer
from focal_omr.training.calibrate import calibrate

READ = ("clef-G2", "multirest-99")  # what the scripted network reads from every image


def _staff_images(*label: str) -> list[StaffRecord]:
    return [StaffRecord("x", png(image.gray), label) for image in staff_images()[:3]]


def test_a_calibration_is_written_into_the_file(tmp_path: Path) -> None:
    path = write_scripted(tmp_path / "m.onnx", READ, confidence=0.9)
    figures = calibrate(path, _staff_images("clef-G2", "note-C4_quarter"))
    assert figures["symbols"] == 2 * 3 * 3  # three images, clean, as scans and as photos
    assert figures["calibration_error_before"] == pytest.approx(0.4, abs=0.01)  # half of them are right
    assert figures["calibration_error"] < 0.01
    assert Recognizer(model=path).card.calibration != CARD.calibration == (1.0, 0.0)
    for fitted, expected in ((True, 0.5), (False, 0.9)):
        read = Recognizer(model=path, calibrate=fitted).read_strip(np.zeros((96, 400), np.float32))
        assert [token for token, _ in read] == list(READ)
        assert [confidence for _, confidence in read] == pytest.approx([expected] * 2, abs=0.01)


def test_a_network_without_errors_cannot_be_calibrated(tmp_path: Path) -> None:
    path = write_scripted(tmp_path / "m.onnx", READ)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"m\.onnx: calibration needs symbols that were read right"):
        calibrate(path, _staff_images(*READ))
    assert path.read_bytes() == before
