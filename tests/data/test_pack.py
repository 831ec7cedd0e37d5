"""Packing: staves of images lie in staff images as engraved ones do; every omission is reported."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from focal_omr.data.engraving.shards import shard_index
from focal_omr.data.pack import pack_samples
from focal_omr.data.primus.samples import primus_samples
from focal_omr.data.rendered import render_tree
from focal_omr.data.staff_image import STAFF_IMAGE_HEIGHT_PX, STAFF_IMAGE_MARGIN_SPACES, STAFF_IMAGE_SPACE_PX
from focal_omr.errors import DataError


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pack") / "tree"
    render_tree(folder, count=5, seed=3, primus=True)
    return folder


def test_a_staff_image_has_its_lines_where_engraved_ones_have_them(tree: Path, tmp_path: Path) -> None:
    packed = pack_samples(tree, tmp_path / "shards", size=2)
    shards = sorted((tmp_path / "shards").glob("*.tar"))
    staff_images = [staff_image for shard in shards for staff_image in shard_index(shard)]
    assert (packed.staves, packed.left_out, packed.absent) == (5, [], [])
    assert [len(shard_index(shard)) for shard in shards] == [2, 2, 1]
    samples = {sample.id: sample for sample in primus_samples(tree)}
    for staff_image in staff_images:
        gray = staff_image.gray()
        assert gray.shape[0] == STAFF_IMAGE_HEIGHT_PX
        assert staff_image.semantic == samples[staff_image.id].semantic
        inner = gray[
            :,
            STAFF_IMAGE_MARGIN_SPACES * STAFF_IMAGE_SPACE_PX : -STAFF_IMAGE_MARGIN_SPACES
            * STAFF_IMAGE_SPACE_PX,
        ]
        darkness = 255 - np.median(inner.astype(float), axis=1)
        lines = np.arange(-2, 3) * STAFF_IMAGE_SPACE_PX + STAFF_IMAGE_HEIGHT_PX // 2
        assert {int(np.abs(lines - row).argmin()) for row in np.flatnonzero(darkness > 60)} == set(range(5))
        assert all(np.abs(lines - row).min() <= 1 for row in np.flatnonzero(darkness > 60))
        assert gray[:, : 5 * STAFF_IMAGE_SPACE_PX].mean() > 250  # the margin is paper


def test_ids_that_are_not_there_and_pictures_without_a_staff_are_named(tree: Path, tmp_path: Path) -> None:
    samples = primus_samples(tree)
    broken = tmp_path / "tree"
    for sample in samples[:2]:
        (broken / sample.id).mkdir(parents=True)
        for file in sample.picture.parent.iterdir():
            (broken / sample.id / file.name).write_bytes(file.read_bytes())
    picture = broken / samples[0].id / f"{samples[0].id}.png"
    cv2.imwrite(str(picture), np.full((100, 300), 255, np.uint8))
    packed = pack_samples(broken, tmp_path / "shards", ids=[samples[0].id, samples[1].id, "000-1_1_1"])
    assert packed.staves == 1
    assert packed.absent == ["000-1_1_1"]
    assert len(packed.left_out) == 1
    assert str(picture) in packed.left_out[0]


def test_refusals(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no sample could be packed .*none of the ids exists"):
        pack_samples(tree, tmp_path / "none", ids=["000-1_1_1"])
    assert not (tmp_path / "none").exists()
    pack_samples(tree, tmp_path / "shards")
    with pytest.raises(DataError, match="has shards already"):
        pack_samples(tree, tmp_path / "shards")
