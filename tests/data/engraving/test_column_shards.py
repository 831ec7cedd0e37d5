"""Shards of polyphonic staves: read as they were written, the same bytes for a seed, others refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest

from focal_omr.data.engraving import column_shards
from focal_omr.data.engraving.column_shards import StaffRecord, column_shard_index, save_column_shard
from focal_omr.data.engraving.render_systems import staff_records, write_column_shards
from focal_omr.data.engraving.shards import shard_index
from focal_omr.data.music.score_stream import MusicSource
from focal_omr.encodings.column_factors import FACTORS, column_factors
from focal_omr.errors import DataError
from focal_omr.score.score import Space


def _records() -> Iterator[StaffRecord]:
    return staff_records(Random(3), MusicSource().stream("3"), "x")


def _shard(path: Path, count: int = 4) -> Path:
    records = _records()
    save_column_shard(path, [next(records) for _ in range(count)])
    return path


def test_a_shard_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = _shard(tmp_path / "a.tar")
    records = _records()
    for stored in column_shard_index(path):
        record = next(records)
        label = stored.label()
        assert (stored.id, stored.staff, stored.texture) == (record.id, record.staff, record.texture)
        assert label.factors.tolist() == [list(column_factors(column)) for column in record.columns]
        assert stored.count == len(record.columns) == len(label.xs)
        assert np.allclose(label.xs, record.xs, atol=0.051)
        assert [(e.kind, e.id, e.staff) for e in label.elements] == [
            (e.kind, e.id, e.staff) for e in record.elements
        ]
        assert stored.gray().shape == (180, stored.width)
        stored_ids, ids = (
            [event.id for *_, event in score.events() if not isinstance(event, Space)]
            for score in (stored.score(), record.score)
        )
        assert stored_ids == ids


def test_the_same_seed_writes_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    for name, workers in (("one", 1), ("two", 2)):
        write_column_shards(tmp_path / name, count=2, seed=5, source=MusicSource(), size=3, workers=workers)
    for one in sorted((tmp_path / "one").glob("*.tar")):
        assert one.read_bytes() == (tmp_path / "two" / one.name).read_bytes()
        assert len(column_shard_index(one)) >= 3


def test_an_extended_table_of_factors_renumbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _shard(tmp_path / "a.tar")
    before = [staff.label().factors for staff in column_shard_index(path)]
    index = path.with_suffix(".json")
    content = json.loads(index.read_text())
    content["factors"][0][1][:2] = ["notes", "blank"]  # as if an older table had them in another order
    index.write_text(json.dumps(content))
    for staff, factors in zip(column_shard_index(path), before, strict=True):
        kinds = staff.label().factors[:, 0]
        notes = FACTORS[0].index["notes"]
        assert (kinds[factors[:, 0] == notes] == 0).all()
        assert (kinds[factors[:, 0] != notes] == factors[factors[:, 0] != notes, 0]).all()


def test_columns_of_factors_that_are_gone_are_refused(tmp_path: Path) -> None:
    path = _shard(tmp_path / "a.tar")
    index = path.with_suffix(".json")
    content = json.loads(index.read_text())
    content["factors"][0][1][1] = "neumes"
    index.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"x-0000-1 has no readable label .* make it again with"):
        column_shard_index(path)[0].label()


def test_other_shards_are_refused(tmp_path: Path) -> None:
    path = _shard(tmp_path / "a.tar")
    index = path.with_suffix(".json")
    content = json.loads(index.read_text())
    index.write_text(json.dumps({**content, "format": 1}))
    with pytest.raises(DataError, match=r"a\.tar: a shard of format 1; make it again with `focal-omr data"):
        column_shard_index(path)
    index.write_text(json.dumps({**content, "bytes": 5}))
    with pytest.raises(DataError, match="not the index of this a"):
        column_shard_index(path)
    for broken in ("", "[]", json.dumps({"format": column_shards._INDEX_FORMAT})):
        index.write_text(broken)
        with pytest.raises(DataError, match="not a readable index"):
            column_shard_index(path)


def test_the_reader_of_one_voice_names_a_shard_of_columns(tmp_path: Path) -> None:
    path = _shard(tmp_path / "a.tar")
    with pytest.raises(
        DataError, match=r"a\.tar: a shard of columns; needed is one of `focal-omr data shards`"
    ):
        shard_index(path)


def test_columns_are_read_as_records(tmp_path: Path) -> None:
    for staff in column_shard_index(_shard(tmp_path / "a.tar")):
        label = staff.label()
        assert label.factors.tolist() == [list(column_factors(column)) for column in label.columns]
