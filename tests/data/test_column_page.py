"""The page of polyphonic shards: what it counts, and whether the rings of a right label lie on ink."""

from fractions import Fraction
from pathlib import Path
from random import Random

import cv2
import pytest

from focal_omr.data.engraving.column_shards import StoredStaff, column_shard_index, save_column_shard
from focal_omr.data.engraving.render_systems import staff_records
from focal_omr.data.music.score_stream import MusicSource
from focal_omr.data.show.column_page import factor_counts
from focal_omr.data.show.labelled_staff import column_text, draw_label
from focal_omr.data.show.page import show_set
from focal_omr.encodings.columns import Group, NoteColumn, SignColumn
from focal_omr.errors import DataError
from focal_omr.score.score import Clef, Duration, Key, Meter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    records = staff_records(Random(3), MusicSource().stream("3"), "x")
    save_column_shard(folder / "000.tar", [next(records) for _ in range(6)])
    return folder


def _staves(folder: Path) -> list[StoredStaff]:
    return column_shard_index(folder / "000.tar")


def test_the_page_shows_staves_and_counts_every_value(folder: Path, tmp_path: Path) -> None:
    assert show_set(folder, tmp_path / "out", count=2) == []
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "6 staves" in page
    sheet = cv2.imread(str(tmp_path / "out" / "contact.png"))
    assert sheet is not None
    assert sheet.shape[0] == 2 * (2 * 180 + 92 + 8)
    show_set(folder, tmp_path / "again", count=2)
    assert (tmp_path / "again" / "contact.png").read_bytes() == (
        tmp_path / "out" / "contact.png"
    ).read_bytes()


def test_ids_that_do_not_exist_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("nobody\n", encoding="utf-8")
    with pytest.raises(DataError, match="1 of 1 ids are not in the data set, such as nobody"):
        show_set(folder, tmp_path / "out", ids=tmp_path / "ids")


def test_values_are_counted_as_the_columns_have_them(folder: Path) -> None:
    counts = factor_counts(_staves(folder))
    columns = [column for staff in _staves(folder) for column in staff.label().columns]
    notes = [column for column in columns if isinstance(column, NoteColumn)]
    assert counts["kind"]["notes"] == len(notes)
    heads = sum(len({p for g in c.groups if g for p, _ in g.heads}) for c in notes)
    assert sum(counts["head"].values()) - counts["head"]["()"] == heads
    assert counts["kind"]["('measure-repeat', 4)"] == 0


def test_rings_lie_on_heads(folder: Path) -> None:
    for staff in _staves(folder):
        drawn = draw_label(staff.gray(), staff.label(), staff.staff)
        assert drawn.shape == (452, 2 * staff.width, 3)
        for column, x in zip(staff.label().columns, staff.label().xs.tolist(), strict=True):
            for group in column.groups if isinstance(column, NoteColumn) else ():
                for position, head in group.heads if group else ():
                    row, left, right = 110 - 5 * position, round(x) - 16, round(x) + 16
                    ink = staff.gray()[max(row - 4, 0) : max(row + 5, 1), max(left, 0) : right]
                    assert head.kind == "none" or ink.min() < 100


def test_columns_in_a_few_letters() -> None:
    assert column_text(SignColumn("clef", Clef("G", 2, -1))) == "G2_8"
    assert column_text(SignColumn("key", Key(-3))) == "key -3"
    assert column_text(SignColumn("meter", Meter((((3, 2), 8),)))) == "3+2/8"
    assert column_text(SignColumn("barline", "final")) == "barline final"
    groups = (
        Group(Duration(Fraction(1, 4), 1), ratio=(3, 2)),
        Group(None),
        Group(Duration(Fraction(2)), grace="plain"),
    )
    assert column_text(NoteColumn(groups)) == "r4.(3:2) measure g2/1"
