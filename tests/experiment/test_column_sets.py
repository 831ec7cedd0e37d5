"""Studies of columns: readings as factor values, and a minimal study from staves to report."""

import csv
from pathlib import Path

import pytest
from column_staves import staff_record
from tiny import COLUMNS

from focal_omr.encodings.columns import NoteColumn
from focal_omr.errors import ConfigError
from focal_omr.experiment.column_sets import column_figures, value_names
from focal_omr.experiment.grid import Grid
from focal_omr.experiment.study import run_study


def test_values_that_say_nothing_have_no_name() -> None:
    columns = staff_record(0).columns
    names = value_names(columns)
    assert sum(name.startswith("kind=") for name in names) >= len(columns)  # of columns, and of special heads
    assert not any(name.endswith(("=None", "=(1, 1)", "=False", "head=()")) for name in names)
    assert not any(name.startswith("advance") for name in names)
    heads = sum(
        len({position for position, _ in group.heads})
        for column in columns
        if isinstance(column, NoteColumn)
        for group in column.groups
        if group is not None
    )
    assert 0 < sum(".head=" in name for name in names) <= heads


def test_figures_of_a_perfect_and_of_an_empty_reading() -> None:
    labels = [staff_record(number).columns for number in (0, 1)]
    readings, references, figures = column_figures(labels, labels)
    assert figures == {"column_error": 0, "note_error": 0}
    assert [list(reading.tokens) for reading in readings] == references
    _, _, figures = column_figures([(), ()], labels)
    assert figures == {"column_error": 100, "note_error": 100}


def _grid() -> Grid:
    return Grid.model_validate(
        {
            "title": "A study of columns",
            "seeds": [1, 2],
            "baseline": "column",
            "systems": {"train": 6, "test": 2, "imbalance": 2, "seed": 5},
            "losses": [
                {"name": "column", "kind": "column_ctc", "rate": 0.002},
                {"name": "serial", "kind": "serial_ctc"},
                {"name": "off", "kind": "column_ctc", "shared_blank": False},
                {"name": "factor", "kind": "factor_focal_ctc", "gamma": 1.0, "balance": 0.9},
            ],
            "train": {
                "steps": 2,
                "report_every": 1,
                "evaluate_every": 2,
                "checkpoint_every": 2,
                "threads": 1,
                "encoding": "columns",
                "model": COLUMNS.model_dump(mode="json"),
                "data": {"batch": 2, "curriculum": 0, "degrade": 0.0},
            },
        }
    )


@pytest.mark.slow
def test_a_study_of_columns_ends_with_a_report(tmp_path: Path) -> None:
    run_study(_grid(), tmp_path, workers=1)
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["loss"] for row in rows} == {"column", "serial", "off", "factor"}
    assert all(float(row["column_error"]) >= 0 for row in rows)
    assert "factor" in (tmp_path / "report.md").read_text()
    with pytest.raises(ConfigError, match="engraves its own systems"):
        run_study(_grid(), tmp_path / "other", data=tmp_path)
