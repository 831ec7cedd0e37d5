"""Batches of polyphonic staves: labels as stored, places where the ink is, the same for a seed and step."""

import numpy as np
import pytest
import torch
from column_staves import write_column_shards_of_staves

from focal_omr.config import DataConfig
from focal_omr.data.column_loader import ColumnBatches, collate_columns, value_counts
from focal_omr.data.degrade.augment import degraded_placed_strip, plain_strip
from focal_omr.data.engraving.column_shards import StoredStaff, column_shard_index
from focal_omr.data.loader import load_batches
from focal_omr.encodings.column_factors import FACTORS, OFFSETS, WIDTH
from focal_omr.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def staves(tmp_path_factory: pytest.TempPathFactory) -> list[StoredStaff]:
    folder = write_column_shards_of_staves(tmp_path_factory.mktemp("shards"), 8)
    return column_shard_index(folder / "000.tar")


def test_a_batch_has_strips_columns_and_places(staves: list[StoredStaff]) -> None:
    batches = ColumnBatches(staves, DataConfig(batch=4, curriculum=0, degrade=0.5), seed=1)
    batch = batches[0]
    size, _, height, width = batch.images.shape
    assert (size, height, width % 64) == (4, 128, 0)
    assert batch.targets.shape == (4, int(batch.target_lengths.max()), len(FACTORS))
    labels = [staff.label().factors for staff in staves]
    for row in range(4):
        count = int(batch.target_lengths[row])
        assert any(np.array_equal(batch.targets[row, :count].numpy(), label) for label in labels)
        places = batch.xs[row, :count]
        assert (places.diff() >= 0).all()
        assert places[0] >= 0
        assert places[-1] < batch.widths[row]
        assert torch.isnan(batch.xs[row, count:]).all()
        assert (batch.targets[row, count:] == -1).all()


def test_a_batch_is_a_function_of_seed_and_step(staves: list[StoredStaff]) -> None:
    def images(seed: int, step: int) -> torch.Tensor:
        config = DataConfig(batch=2, curriculum=0)
        return next(iter(load_batches(ColumnBatches(staves, config, seed), range(step, step + 1)))).images

    assert torch.equal(images(1, 5), images(1, 5))
    for other in (images(2, 5), images(1, 6), images(1, 9)):
        assert other.shape != images(1, 5).shape or not torch.equal(other, images(1, 5))


def test_ranks_share_a_batch(staves: list[StoredStaff]) -> None:
    config = DataConfig(batch=4, curriculum=0)
    whole = ColumnBatches(staves, config, seed=3)[2]
    parts = [ColumnBatches(staves, config, seed=3, rank=rank, world_size=2)[2] for rank in range(2)]
    for rank, part in enumerate(parts):
        assert part.widths.tolist() == whole.widths[rank::2].tolist()
    with pytest.raises(ConfigError, match="multiple of the 3 processes"):
        ColumnBatches(staves, config, seed=3, world_size=3)


def test_too_few_staves_are_refused(staves: list[StoredStaff]) -> None:
    with pytest.raises(DataError, match="8 staves to train on; at least one batch of 9"):
        ColumnBatches(staves, DataConfig(batch=9), seed=1)


@pytest.mark.parametrize("kind", ["none", "scan", "camera"])
def test_places_follow_the_degradation(staves: list[StoredStaff], kind: str) -> None:
    """A line drawn at one column of the staff image shows at its place in the strip."""
    staff = staves[3]
    gray = np.full_like(staff.gray(), 255)
    x = gray.shape[1] // 2
    gray[60:120, x - 1 : x + 2] = 0
    for seed in range(8):
        strip = degraded_placed_strip(gray, np.random.default_rng(seed), kind=kind, strength=0.3)
        (place,) = strip.place(np.array([float(x)]))
        middle = strip.ink[52:76].mean(axis=0)
        near = slice(max(0, round(place) - 24), round(place) + 25)
        seen = near.start + float(middle[near] @ np.arange(len(middle[near])) / middle[near].sum())
        assert abs(seen - place) < 2


def test_a_strip_without_degradation_has_six_spaces_around_the_staff(staves: list[StoredStaff]) -> None:
    strip = plain_strip(staves[2].gray())
    assert strip.shape[0] == 128
    darkness = strip.mean(axis=1)
    lines = [48, 56, 64, 72, 80]
    assert min(darkness[lines]) > 1.5 * max(darkness[row + 4] for row in lines)


def test_values_are_counted_where_they_are_asked(staves: list[StoredStaff]) -> None:
    counts = value_counts(staves)
    assert counts.shape == (WIDTH,)
    columns = sum(staff.count for staff in staves)
    kinds = counts[: OFFSETS[1]]
    assert int(kinds[1:].sum()) == columns
    notes = int(kinds[FACTORS[0].index["notes"]])
    head = next(number for number, factor in enumerate(FACTORS) if factor.name == "0.head")
    assert int(counts[OFFSETS[head] : OFFSETS[head + 1]].sum()) == notes
    frames = sum(staff.width * 0.8 / 4 for staff in staves)
    assert int(kinds[0]) == pytest.approx(frames - columns, rel=0.05)


def test_staves_without_columns_are_padded() -> None:
    none = np.zeros((0, len(FACTORS)), np.int8)
    batch = collate_columns([np.zeros((128, 30), np.float32)], [none], [np.zeros(0)])
    assert batch.targets.shape == (1, 1, len(FACTORS))
    assert batch.target_lengths.tolist() == [0]
