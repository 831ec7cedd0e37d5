"""Evaluation with readers that make known errors."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import tokens_to_score
from focal_omr.errors import DataError, ModelError, NoStaffError
from focal_omr.evaluation.evaluate import Evaluation, evaluate

TRUTH = {
    "a": ["clef-G2", "note-C4_quarter", "tie", "note-C4_quarter", "barline"],
    "b": ["clef-F4", "rest-half", "barline"],
    "c": ["clef-C1", "barline"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, tokens in TRUTH.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.png").write_bytes(b"")
        (tmp_path / name / f"{name}.semantic").write_text("\t".join(tokens), encoding="utf-8")
    return tmp_path


class _Reader:
    """Stub that returns a given reading, or raises a given error, by the file name of the image."""

    def __init__(self, **readings: list[str] | Exception) -> None:
        self.readings = {**TRUTH, **readings}

    def read_staff(self, path: Path) -> SimpleNamespace:
        reading = self.readings[path.stem]
        if isinstance(reading, Exception):
            raise reading
        symbols = [SimpleNamespace(token=token, confidence=0.9) for token in reading]
        return SimpleNamespace(symbols=symbols, from_columns=False)


def _evaluate(folder: Path, *ignore: str, **readings: list[str] | Exception) -> Evaluation:
    return evaluate(_Reader(**readings), folder, ignore=ignore)  # type: ignore[arg-type]


def test_a_perfect_reading_has_no_error(folder: Path) -> None:
    found = _evaluate(folder)
    assert (found.rates.ser, found.rates.sequence_error_rate) == (0, 0)
    assert (found.rates.samples, found.rates.symbols) == (3, 10)
    assert (found.failures, found.worst) == ({}, [])
    assert [reading.id for reading in found.readings] == ["a", "b", "c"]
    assert found.seconds >= 0


def test_confidence_is_evaluated(folder: Path) -> None:
    perfect = _evaluate(folder)
    assert perfect.calibration_error == pytest.approx(0.1)
    wrong = _evaluate(folder, b=["clef-F4", "rest-whole", "barline"])
    assert wrong.calibration_error == pytest.approx(0.0)  # 9 of 10 are right
    assert wrong.doubt_auc == 0.5  # all are equally sure
    assert perfect.doubt_auc is None


def test_errors_are_counted_over_the_corpus(folder: Path) -> None:
    found = _evaluate(folder, b=["clef-F4", "rest-whole", "barline", "tie"], c=["barline"])
    assert found.rates.edits == 3
    assert found.rates.ser == 30.0
    assert found.rates.sequence_error_rate == pytest.approx(200 / 3)
    assert [(reading.id, reading.edits) for reading in found.worst] == [("b", 2), ("c", 1)]
    assert found.worst[1].reference == ("clef-C1", "barline")
    assert found.worst[1].hypothesis == ("barline",)


def test_a_sample_that_cannot_be_read_counts_all_its_symbols(folder: Path) -> None:
    found = _evaluate(folder, a=NoStaffError("no staff in a.png"))
    assert found.rates.edits == len(TRUTH["a"])
    assert found.rates.ser == 50.0
    assert found.failures == {"a": "no staff in a.png"}
    assert found.to_json()["failed"] == 1


def test_an_error_that_is_not_about_the_image_is_raised(folder: Path) -> None:
    with pytest.raises(ModelError):
        _evaluate(folder, b=ModelError("a broken model"))


def test_ignored_tokens_are_left_out_on_both_sides(folder: Path) -> None:
    readings = {"b": ["clef-F4", "tie", "rest-half", "barline"], "a": ["clef-G2", "barline"]}
    assert _evaluate(folder, **readings).rates.edits == 4
    found = _evaluate(folder, "tie", "note-C4_quarter", **readings)
    assert found.rates.edits == 0
    assert found.rates.symbols == 7


def test_tokens_outside_primus_are_compared_in_their_primus_form(folder: Path) -> None:
    tokens = ["clef-G2", "tuplet-3", "note-C4_quarter", "tie", "accidental", "note-C4_quarter", "tuplet-end"]
    found = _evaluate(folder, a=[*tokens, "barline-final"], c=["clef-C1", "barline-repeat_end"])
    assert found.rates.edits == 0
    label = folder / "b" / "b.semantic"
    label.write_text("clef-F4 tuplet-3 rest-half tuplet-end barline-double", encoding="utf-8")
    found = _evaluate(folder)
    assert (found.rates.edits, found.rates.symbols) == (0, 10)


def test_json_lists_the_errors(folder: Path) -> None:
    found = _evaluate(folder, b=["clef-F4", "rest-whole", "barline", "tie"], c=["barline"])
    values = json.loads(json.dumps(found.to_json()))
    assert {"samples", "symbols", "ser", "sequence_error_rate", "failed", "seconds"} <= values.keys()
    assert (values["samples"], values["symbols"], values["edits"], values["failed"]) == (3, 10, 3, 0)
    assert (values["ser"], values["sequence_error_rate"]) == (30.0, 66.667)
    assert values["confusion"] == [{"label": "rest-half", "read": "rest-whole", "count": 1}]
    assert values["by_symbol"]["tie"] == {"count": 1, "hit": 1, "inserted": 1}
    assert values["by_symbol"]["clef-C1"] == {"count": 1, "hit": 0, "inserted": 0}
    assert sum(symbol["count"] for symbol in values["by_symbol"].values()) == 10
    # Of the seven symbols two were missed wholly; a rare one counts as much as a frequent one.
    assert values["macro_error"] == pytest.approx(200 / 7, abs=0.001)
    # HF is the barline, LF the last by name of those that occur once.
    assert values["bin_errors"] == {"HF": 0.0, "normal": pytest.approx(200 / 6, abs=0.001), "LF": 0.0}
    low, high = values["ser_interval"]
    assert low <= values["ser"] <= high
    assert values["worst"] == [{"id": "b", "edits": 2}, {"id": "c", "edits": 1}]


def test_progress_is_reported_before_each_sample(folder: Path) -> None:
    reported: list[str] = []

    class Checking(_Reader):
        def read_staff(self, path: Path) -> SimpleNamespace:
            assert reported[-1] == path.stem
            return super().read_staff(path)

    evaluate(Checking(), folder, on_progress=lambda sample: reported.append(sample.id))  # type: ignore[arg-type]
    assert reported == ["a", "b", "c"]


def test_distorted_images_are_read_on_request(folder: Path) -> None:
    for name in TRUTH:
        (folder / name / f"{name}_distorted.jpg").write_bytes(b"")
    readings = {f"{name}_distorted": tokens for name, tokens in TRUTH.items()} | {"a": [], "b": [], "c": []}
    assert evaluate(_Reader(**readings), folder, distorted=True).rates.ser == 0  # type: ignore[arg-type]
    assert evaluate(_Reader(**readings), folder).rates.ser == 100  # type: ignore[arg-type]
    (folder / "b" / "b_distorted.jpg").unlink()
    with pytest.raises(DataError, match="b has no distorted image"):
        evaluate(_Reader(**readings), folder, distorted=True)  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_used_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "b" / "b.png").unlink()
    with pytest.raises(DataError, match="b: missing picture"):
        _evaluate(folder)


def test_labels_without_symbols_have_no_error(folder: Path) -> None:
    for name in TRUTH:
        (folder / name / f"{name}.semantic").write_text("tie", encoding="utf-8")
    nothing: dict[str, list[str] | Exception] = {name: [] for name in TRUTH}
    values = _evaluate(folder, "tie", **nothing).to_json()
    assert (values["ser"], values["ser_interval"]) == (0.0, [0.0, 0.0])


def test_a_score_of_columns_is_compared_as_one_voice(folder: Path) -> None:
    class Columns(_Reader):
        def read_staff(self, path: Path) -> SimpleNamespace:
            return SimpleNamespace(score=to_score(tokens_to_score(TRUTH[path.stem])), from_columns=True)

    result = evaluate(Columns(), folder)  # type: ignore[arg-type]
    assert result.rates.ser == 0
    assert result.calibration_error == 0  # no confidence is known
