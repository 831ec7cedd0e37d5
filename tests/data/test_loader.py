"""Batches: each depends on its number and the seed alone, and what is padded is paper."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import labels, png, staff_images, write_shards_of_staves, write_tar

from focal_omr.config import DataConfig
from focal_omr.data.engraving.shards import StaffRecord
from focal_omr.data.loader import Batch, StaffBatches, collate, list_staves, load_batches
from focal_omr.data.staff_image import tight_crop
from focal_omr.encodings.codec import full_codec
from focal_omr.errors import DataError

CODEC = full_codec("semantic")


def _records(count: int = 11) -> list[StaffRecord]:
    return [
        StaffRecord(f"{number:02d}", png(staff_images()[number % 8].gray), tuple(labels()[number % 8]))
        for number in range(count)
    ]


def _batches(*, count: int = 11, seed: int = 1, batch: int = 3, curriculum: int = 0) -> StaffBatches:
    return StaffBatches(_records(count), CODEC, DataConfig(batch=batch, curriculum=curriculum), seed)


def _same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in vars(one))


@pytest.mark.parametrize("curriculum", [0, 20])
def test_a_batch_is_a_function_of_its_number(curriculum: int) -> None:
    batches = _batches(curriculum=curriculum)
    ahead = [batches[step] for step in (0, 1, 7)]
    fresh = _batches(curriculum=curriculum)
    again = [fresh[step] for step in (7, 1, 0)]
    assert all(_same(one, other) for one, other in zip(ahead, reversed(again), strict=True))
    assert not _same(ahead[0], ahead[2])


def test_another_seed_gives_other_batches() -> None:
    assert not _same(_batches(seed=1)[0], _batches(seed=2)[0])


def test_the_same_staff_image_is_degraded_anew_in_each_epoch() -> None:
    batches = _batches(count=3)
    assert batches.batches_per_epoch == 1
    assert not _same(batches[0], batches[1])


def _members(batches: StaffBatches, steps: range, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Which staff images are in the batches of these steps."""
    seen: list[int] = []
    strip = StaffBatches._strip

    def noted(self: StaffBatches, index: int, rng: np.random.Generator) -> np.ndarray:
        seen.append(index)
        return strip(self, index, rng)

    monkeypatch.setattr(StaffBatches, "_strip", noted)
    found = []
    for step in steps:
        seen.clear()
        assert batches[step].images.shape[0] == len(seen)
        found.append(list(seen))
    return found


def test_an_epoch_has_each_staff_image_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = _batches()
    assert batches.batches_per_epoch == 3  # of 11 staff images in batches of 3, two wait for the next epoch
    members = _members(batches, range(6), monkeypatch)
    for epoch in (members[:3], members[3:]):
        members = [index for batch in epoch for index in batch]
        assert len(set(members)) == 9
    assert members[:3] != members[3:]


def test_every_staff_image_comes_in_some_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {index for batch in _members(_batches(), range(12), monkeypatch) for index in batch}
    assert seen == set(range(11))


def test_the_curriculum_begins_with_short_staves(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = ("clef-G2", "barline"), ("clef-G2", *["barline"] * 30)
    records = [
        StaffRecord(str(number), record.png, short if number % 3 == 0 else long)
        for number, record in enumerate(_records(18))
    ]
    batches = StaffBatches(records, CODEC, DataConfig(batch=3, curriculum=10), 1)
    first, _, _, *later = _members(batches, range(30), monkeypatch)
    assert all(index % 3 == 0 for index in first)
    assert any(index % 3 for batch in later for index in batch)


def test_targets_are_those_of_the_staff_images(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = _batches()
    (members,) = _members(batches, range(1), monkeypatch)
    batch = batches[0]
    split = batch.targets.split(batch.target_lengths.tolist())
    expected = [labels()[index % 8] for index in members]
    assert [CODEC.vocabulary.decode(each.tolist()) for each in split] == expected


def test_collate_pads_with_zeros_to_the_right() -> None:
    rng = np.random.default_rng(0)
    strips = [rng.random((96, width), np.float32) + 0.5 for width in (70, 130, 5)]
    batch = collate(strips, [[1, 2], [], [3]])
    assert batch.widths.tolist() == [70, 130, 5]
    assert batch.images.shape[:3] == (3, 1, 96)
    assert batch.images.shape[3] >= 130
    for image, strip in zip(batch.images, strips, strict=True):
        width = strip.shape[1]
        assert torch.equal(image[0, :, :width], torch.from_numpy(strip))
        assert not image[0, :, width:].any()
    assert batch.targets.tolist() == [1, 2, 3]
    assert batch.target_lengths.tolist() == [2, 0, 1]


def test_fewer_staff_images_than_a_batch_are_refused() -> None:
    with pytest.raises(DataError, match="2 staves to train on; at least one batch of 3 is needed"):
        _batches(count=2)


def test_a_staff_image_with_an_unknown_symbol_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange = StaffRecord("strange", _records(1)[0].png, ("clef-G2", "note-H4_third"))
    with caplog.at_level("INFO"):
        batches = StaffBatches([strange, *_records(3)], CODEC, DataConfig(batch=3, curriculum=0), 1)
    assert "strange" in caplog.text
    assert "note-H4_third" in caplog.text
    assert batches.batches_per_epoch == 1
    (members,) = _members(batches, range(1), monkeypatch)
    assert sorted(batches[0].target_lengths.tolist()) == sorted(len(label) for label in labels()[:3])
    assert sorted(members) == [0, 1, 2]


def test_targets_may_be_in_the_printed_encoding() -> None:
    """In G major the printed F has no sign, and a reminder is a sign of its own."""
    tokens = ("clef-G2", "keySignature-GM", "note-F#4_quarter", "accidental", "note-F#4_quarter")
    record = StaffRecord("x", _records(1)[0].png, tokens)
    codec = full_codec("printed")
    batch = StaffBatches([record], codec, DataConfig(batch=1, curriculum=0), 1)[0]
    symbols = codec.vocabulary.decode(batch.targets.tolist())
    assert symbols == ["clef-G2", "keySignature-GM", "note-F4_quarter", "accidental-#", "note-F4_quarter"]


def test_plain_images_are_128_high_and_not_degraded() -> None:
    records = _records(3)
    batches = StaffBatches(records, CODEC, DataConfig(batch=3, curriculum=0), 1, plain=True)
    one, other = batches[0], batches[1]
    assert one.images.shape[2] == 128
    crops = [tight_crop(record.gray()) for record in records]  # what is read is cropped as tightly
    assert sorted(one.widths.tolist()) == sorted(round(c.shape[1] * 128 / c.shape[0]) for c in crops)
    assert sorted(image.sum().item() for image in one.images) == sorted(i.sum().item() for i in other.images)


def test_the_first_shards_of_each_folder_are_held_out(tmp_path: Path) -> None:
    one = write_shards_of_staves(tmp_path / "one", 1, 2, 3)
    two = write_shards_of_staves(tmp_path / "two", 4, 1)
    train, validation = list_staves([str(one), str(two)], held_out=1)
    assert [record.id for record in validation] == ["000", "000", "001", "002", "003"]
    assert [record.id for record in train] == ["001", "002", "003", "004", "005", "004"]
    everything, nothing = list_staves([str(one)], held_out=0)
    assert (len(everything), nothing) == (6, [])


def test_folders_without_enough_shards_are_refused(tmp_path: Path) -> None:
    folder = write_shards_of_staves(tmp_path / "one", 2)
    write_tar(folder / "half.partial", {})  # not a shard yet
    with pytest.raises(DataError, match=r"one: 1 shards, of which 1 are held out for validation"):
        list_staves([str(folder)], held_out=1)
    with pytest.raises(DataError, match=r"none: no shards; make them with `focal-omr data shards`"):
        list_staves([str(tmp_path / "none")], held_out=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_made_ahead_are_the_same(tmp_path: Path, workers: int) -> None:
    stored, _ = list_staves([str(write_shards_of_staves(tmp_path / "one", 4, 7))], held_out=0)
    batches = StaffBatches(stored, CODEC, DataConfig(batch=3, curriculum=0), seed=1)
    state = torch.get_rng_state()
    loaded = list(load_batches(batches, range(2, 9), workers=workers))
    assert torch.equal(torch.get_rng_state(), state)  # that of dropout, on which a resumed run depends
    assert len(loaded) == 7
    assert all(_same(batch, batches[step]) for step, batch in enumerate(loaded, 2))


_ENDED = r"^one of the 2 data loader workers died or was killed$"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            DataError(
                "Caught DataError in DataLoader worker process 1.\nOriginal Traceback (most recent call "
                'last):\n  File "loader.py", line 1\nfocal_omr.errors.DataError: /x.tar: 3 is not there\n'
            ),
            r"^/x\.tar: 3 is not there$",
        ),
        (RuntimeError("DataLoader worker (pid(s) 77) exited unexpectedly"), _ENDED),
        (ConnectionResetError(104, "Connection reset by peer"), _ENDED),
    ],
)
def test_what_ends_a_process_is_one_line(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> Iterator[Batch]:
        yield from ()
        raise error

    monkeypatch.setattr("focal_omr.data.loader.DataLoader", failing)
    with pytest.raises(DataError, match=message):
        list(load_batches(_batches(), range(2), workers=2))
