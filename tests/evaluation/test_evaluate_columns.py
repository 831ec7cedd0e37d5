"""Figures of readings of columns."""

from pathlib import Path

import pytest
from made_columns import BAR, col, meter, notes, opening

from focal_omr.encodings.columns import Column
from focal_omr.errors import DataError
from focal_omr.evaluation.evaluate_columns import ColumnEvaluation, ColumnReading, evaluate_columns

STAFF: list[Column] = [
    *opening(time=meter(2, 4)),
    col(notes("1/4", 0, 2), advance="1/4"),
    col(notes("1/4", 3), advance="1/4"),
    BAR,
    col(notes("1/2", 4), advance="1/2"),
    BAR,
]
WRONG: list[Column] = [*STAFF[:3], col(notes("1/4", 5), advance="1/4"), *STAFF[4:]]


def evaluation(*readings: tuple[str, list[Column]]) -> ColumnEvaluation:
    return ColumnEvaluation(
        tuple(
            ColumnReading(str(number), texture, tuple(read), tuple(STAFF))
            for number, (texture, read) in enumerate(readings)
        ),
        1.0,
    )


def test_a_right_reading_has_no_errors() -> None:
    figures = evaluation(("piano", STAFF)).to_json()
    assert (figures["ser"], figures["column_error"], figures["sequence_error_rate"]) == (0, 0, 0)
    assert (figures["note_f1"], figures["bars_right"]) == (100, 100)


def test_one_wrong_note() -> None:
    figures = evaluation(("piano", WRONG)).to_json()
    assert figures["ser"] == pytest.approx(100 / 8, abs=0.01)  # clef, meter, four notes, two barlines
    assert figures["column_error"] == pytest.approx(100 / 7, abs=0.01)
    assert figures["note_f1"] == 75
    assert figures["bars_right"] == 50


def test_advance_alone_is_no_error() -> None:
    read = [*STAFF[:2], col(notes("1/4", 0, 2)), *STAFF[3:]]
    assert evaluation(("piano", read)).to_json()["column_error"] == 0


def test_textures_are_told_apart() -> None:
    figures = evaluation(("piano", WRONG), ("choir", STAFF)).to_json()["by_texture"]
    assert figures["choir"]["ser"] == 0
    assert figures["piano"]["ser"] > 0


def test_errors_by_factor_value() -> None:
    errors = evaluation(("piano", WRONG)).value_errors
    assert errors["position=3"] == (1, 1)
    assert errors["position=4"] == (1, 0)
    assert errors["up.value=1/4"] == (2, 1)
    assert "advance=1/4" not in errors


def test_a_folder_without_shards_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no shards of columns"):
        evaluate_columns(None, tmp_path)  # type: ignore[arg-type]
