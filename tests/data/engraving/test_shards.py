"""Shards: written whole or not at all, read as they were written, in order or shuffled, whole or in parts."""

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import labels, png, staff_images, write_shards_of_staves, write_tar

from focal_omr.data.engraving.shards import StaffRecord, read_shard, read_shards, save_shard, shard_index
from focal_omr.data.engraving.staff_images import staff_record
from focal_omr.errors import DataError


def _records(count: int, *, first: int = 0) -> list[StaffRecord]:
    return [
        staff_record(f"{number:03d}", staff_images()[number % 8]) for number in range(first, first + count)
    ]


def _saved(folder: Path, *sizes: int) -> list[Path]:
    """Shards of these sizes, with indexes; ids count through."""
    paths, first = [], 0
    for number, size in enumerate(sizes):
        paths.append(folder / f"{number}.tar")
        save_shard(paths[-1], _records(size, first=first))
        first += size
    return paths


def test_a_shard_is_read_as_it_was_written(tmp_path: Path) -> None:
    (path,) = _saved(tmp_path, 8)
    assert list(read_shard(path)) == _records(8)
    assert all(record.xs for record in read_shard(path))


def test_the_index_says_what_the_tar_holds(tmp_path: Path) -> None:
    (path,) = _saved(tmp_path, 8)
    indexed = shard_index(path)
    path.with_suffix(".json").unlink()
    assert shard_index(path) == indexed
    for staff_image, record in zip(indexed, _records(8), strict=True):
        assert (staff_image.id, staff_image.semantic, staff_image.width) == (
            record.id,
            record.semantic,
            record.width,
        )
        assert np.array_equal(staff_image.gray(), record.gray())


def test_an_index_of_another_shard_is_refused(tmp_path: Path) -> None:
    one, other = _saved(tmp_path, 1, 8)
    one.with_suffix(".json").write_bytes(other.with_suffix(".json").read_bytes())
    with pytest.raises(DataError, match=r"0\.json: not the index of this 0\.tar"):
        shard_index(one)
    for broken in ("", "[]", json.dumps({"format": 1})):
        one.with_suffix(".json").write_text(broken, encoding="utf-8")
        with pytest.raises(DataError, match=r"0\.json: not a readable index"):
            shard_index(one)


def test_a_shard_that_changed_under_the_reader_is_noticed(tmp_path: Path) -> None:
    (path,) = _saved(tmp_path, 2)
    staff_image = shard_index(path)[1]
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="001 is not where the index says"):
        staff_image.gray()
    path.unlink()
    with pytest.raises(DataError, match=r"0\.tar: cannot be read"):
        staff_image.gray()


def _ids(paths: list[Path], **options: int) -> list[str]:
    return [record.id for record in read_shards(paths, **options)]


def test_shards_are_read_in_order_shuffled_in_parts_and_from_any_staff_image_on(tmp_path: Path) -> None:
    paths = _saved(tmp_path, 5, 3, 4)
    everything = [f"{number:03d}" for number in range(12)]
    assert _ids(paths) == everything
    shuffled = _ids(paths, seed=1)
    assert shuffled != everything != _ids(paths, seed=2) != shuffled
    assert sorted(shuffled) == sorted(_ids(paths, seed=2)) == everything
    assert shuffled == _ids(paths, seed=1)
    for seed in (None, 1):
        options = {} if seed is None else {"seed": seed}
        parts = [_ids(paths, rank=part, world_size=2, **options) for part in range(2)]
        assert sorted(parts[0] + parts[1]) == everything
        for start in range(13):
            assert _ids(paths, start=start, **options) == _ids(paths, **options)[start:]
            assert _ids(paths, start=start, rank=1, world_size=2, **options) == parts[1][start:]


def test_a_writer_that_is_stopped_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    def breaking():
        yield _records(1)[0]
        raise MemoryError

    with pytest.raises(MemoryError):
        save_shard(tmp_path / "0.tar", breaking())
    assert not list(tmp_path.glob("*.tar")) + list(tmp_path.glob("*.json"))


def test_a_shard_made_elsewhere_is_read(tmp_path: Path) -> None:
    write_shards_of_staves(tmp_path, 2)
    first, second = read_shard(tmp_path / "000.tar")
    assert first == StaffRecord("000", png(staff_images()[0].gray), tuple(labels()[0]))
    assert np.array_equal(second.gray(), staff_images()[1].gray)


def test_a_picture_without_label_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", {"7.png": b"", "8.semantic": b""})
    with pytest.raises(DataError, match=r"x\.tar: 7\.png has no label 7\.semantic"):
        list(read_shard(tmp_path / "x.tar"))


def test_files_that_are_no_shards_are_refused(tmp_path: Path) -> None:
    write_shards_of_staves(tmp_path, 2)
    whole = (tmp_path / "000.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:1000])  # in the first picture
    (tmp_path / "text.tar").write_text("no shard" * 100, encoding="utf-8")
    for name in ("cut", "text", "none"):
        with pytest.raises(DataError, match=rf"{name}\.tar: not a readable shard"):
            list(read_shard(tmp_path / f"{name}.tar"))
