"""The examples are complete and consistent, and can be read."""

from importlib.resources import files
from pathlib import Path

import pytest

from focal_omr import Recognizer
from focal_omr.data.primus.samples import Sample, primus_samples
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.evaluation.evaluate import evaluate
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.staff.strip import load_gray, staff_strip

EXAMPLES = Path(__file__).parents[2] / "examples"
SAMPLES = primus_samples(EXAMPLES)
WEIGHTS = files("focal_omr.weights") / "default.onnx"


def test_there_are_a_clean_one_a_photo_and_one_by_lilypond() -> None:
    assert {sample.picture.name for sample in SAMPLES} == {
        "ode-to-joy.png",
        "minuet-in-g.jpg",
        "greensleeves.png",
    }


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_expected_score_equals_the_label(sample: Sample) -> None:
    assert all(token in full_semantic() for token in sample.semantic)
    expected = load_one_voice(sample.picture.with_suffix(".musicxml"))
    assert expected.title
    assert score_to_tokens(expected) == list(sample.semantic)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_the_staff_is_found(sample: Sample) -> None:
    strip = staff_strip(load_gray(sample.picture))
    assert 10 < strip.staff.space_px < 20


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there")
def test_the_packaged_weights_read_them() -> None:
    result = evaluate(Recognizer(threads=1), EXAMPLES)
    assert not result.failures
    assert result.rates.ser <= 5, result.worst
