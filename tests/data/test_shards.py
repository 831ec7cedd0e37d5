"""Shards: written whole or not at all, the same bytes whoever writes them, read as they were written."""

from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest
from tiny import labels, plates, png, write_shards_of_plates, write_tar

from focal_omr.data.compose import compose
from focal_omr.data.draw import Draw, draw_composed
from focal_omr.data.render import engrave_plate
from focal_omr.data.shards import PlateRecord, draw_plate, read_shard, write_shards
from focal_omr.errors import DataError
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.score import Score
from focal_omr.notation.semantic import score_to_tokens, tokens_to_score
from focal_omr.notation.vocabulary import full_semantic


def _short(random: Random) -> Score:
    """Scores for worker processes, which find this function by its name."""
    return compose(random, symbols=4)


def _fails_after(marker: Path, random: Random) -> Score:
    """A worker that dies over its second plate."""
    if marker.exists():
        raise MemoryError("the worker dies")
    marker.touch()
    return compose(random, symbols=4)


def _shards(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "shards"
    folder.mkdir()
    (folder / "003-00000.partial").write_bytes(b"left by a kill")
    write_shards(folder, count=2, seed=3, draw=Draw(_short, rare_share=0.0), size=3, workers=2)
    return folder


def test_shards_are_read_as_they_were_written(written: Path) -> None:
    assert list(_shards(written)) == ["003-00000.tar", "003-00001.tar"]
    ids = []
    for number in range(2):
        # Shard k is what draws from the seed and k give; the picture is kept without loss.
        random, engraver = Random(f"3/{number}"), Engraver()
        stream = Draw(_short, rare_share=0.0).stream()
        for record in read_shard(written / f"003-0000{number}.tar"):
            plate = draw_plate(engraver, random, stream)
            assert np.array_equal(record.gray(), plate.gray)
            assert list(record.semantic) == score_to_tokens(plate.score)
            assert score_to_tokens(tokens_to_score(record.semantic)) == list(record.semantic)
            ids.append(record.id)
    assert len(set(ids)) == 6


def test_the_workers_change_no_byte_and_shards_that_are_there_are_kept(written: Path, tmp_path: Path) -> None:
    (tmp_path / "003-00000.tar").write_bytes(b"made before")
    write_shards(tmp_path, count=2, seed=3, draw=Draw(_short, rare_share=0.0), size=3, workers=1)
    assert _shards(tmp_path) == _shards(written) | {"003-00000.tar": b"made before"}


def test_a_worker_that_dies_leaves_no_half_shard(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    draw = Draw(partial(_fails_after, tmp_path / "marker"))
    with pytest.raises(MemoryError):
        write_shards(folder, count=1, seed=3, draw=draw, size=3, workers=1)
    assert not list(folder.glob("*.tar"))


def test_a_shard_made_elsewhere_is_read(tmp_path: Path) -> None:
    write_shards_of_plates(tmp_path, 2)
    first, second = read_shard(tmp_path / "000.tar")
    assert first == PlateRecord("000", png(plates()[0].gray), tuple(labels()[0]))
    assert np.array_equal(second.gray(), plates()[1].gray)


def test_a_picture_without_label_is_named(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", {"7.png": b"", "8.semantic": b""})
    with pytest.raises(DataError, match=r"x\.tar: 7\.png has no label 7\.semantic"):
        list(read_shard(tmp_path / "x.tar"))


def test_files_that_are_no_shards_are_refused(tmp_path: Path) -> None:
    write_shards_of_plates(tmp_path, 2)
    whole = (tmp_path / "000.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:1000])  # in the first picture
    (tmp_path / "text.tar").write_text("no shard" * 100, encoding="utf-8")
    for name in ("cut", "text", "none"):
        with pytest.raises(DataError, match=rf"{name}\.tar: not a readable shard"):
            list(read_shard(tmp_path / f"{name}.tar"))


def test_composed_staves_hold_only_known_symbols_once_drawn() -> None:
    random, engraver = Random(0), Engraver()
    for _ in range(4):
        plate = draw_plate(engraver, random, draw_composed)
        assert all(token in full_semantic() for token in score_to_tokens(plate.score))
        assert plate.gray.shape[1] <= 130 * 10


def test_a_staff_that_is_too_wide_is_drawn_anew() -> None:
    lengths = iter([200, 200, 4])  # too wide as closely as can be, too
    plate = draw_plate(Engraver(), Random(1), lambda random: compose(random, symbols=next(lengths)))
    assert plate.gray.shape[1] <= 130 * 10
    assert next(lengths, None) is None


def test_a_staff_that_is_only_too_wide_for_its_spacing_is_engraved_closer() -> None:
    label = ["clef-G2", *["note-G4_quarter", "note-A4_quarter", "note-B4_half", "barline"] * 12]
    score = tokens_to_score(label)
    staves = iter([score])  # another one is not drawn
    plate = draw_plate(Engraver(), Random(4), lambda random: next(staves))
    assert plate.gray.shape[1] <= 130 * 10
    engraver = Engraver()
    loose = [engrave_plate(engraver, Random(seed), score, furniture=0.0).gray.shape[1] for seed in range(4)]
    assert max(loose) > 130 * 10


def test_scores_that_never_fit_end_in_an_error() -> None:
    unknown = tokens_to_score(["clef-G2", "note-C##9_quarter"])
    with pytest.raises(DataError, match="could not be engraved"):
        draw_plate(Engraver(), Random(1), lambda random: unknown)
