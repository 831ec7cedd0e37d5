"""Plates in large numbers: the same bytes whoever makes them, whole shards or none."""

import os
import shutil
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
import pytest

from focal_omr.data.engraving.render import engrave_staff
from focal_omr.data.engraving.shards import read_shard
from focal_omr.data.engraving.staff_images import draw_staff_image, write_shards
from focal_omr.data.music.compose import compose
from focal_omr.data.music.draw import ScoreSource, draw_composed
from focal_omr.encodings.semantic import score_to_tokens, tokens_to_score
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import DataError
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import Score


def _short(random: Random) -> Score:
    """Scores for worker processes, which find this function by its name."""
    return compose(random, symbols=4)


def _fails_after(marker: Path, random: Random) -> Score:
    """A worker that dies over its second staff image."""
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
    (folder / ".0123456789abcdef.part").write_bytes(b"left by a kill")
    write_shards(folder, count=2, seed=3, source=ScoreSource(_short, rare_share=0.0), size=3, workers=2)
    return folder


def test_shards_are_read_as_they_were_written(written: Path) -> None:
    assert list(_shards(written)) == ["003-00000.json", "003-00000.tar", "003-00001.json", "003-00001.tar"]
    ids = []
    for number in range(2):
        # Shard k is what draws from the seed and k give; the picture is kept without loss.
        random, engraver = Random(f"3/{number}"), Engraver()
        stream = ScoreSource(_short, rare_share=0.0).stream()
        for record in read_shard(written / f"003-0000{number}.tar"):
            staff_image = draw_staff_image(engraver, random, stream)
            assert np.array_equal(record.gray(), staff_image.gray)
            assert list(record.semantic) == score_to_tokens(staff_image.score)
            assert (record.xs, record.accidental_xs) == (staff_image.xs, staff_image.accidental_xs)
            assert score_to_tokens(tokens_to_score(record.semantic)) == list(record.semantic)
            ids.append(record.id)
    assert len(set(ids)) == 6


def test_the_workers_change_no_byte_and_shards_that_are_there_are_kept(written: Path, tmp_path: Path) -> None:
    kept = {"003-00000.tar": b"made before", "003-00000.json": b"{}"}
    for name, data in kept.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "003-00001.tar").write_bytes(b"killed before its index was written")
    write_shards(tmp_path, count=2, seed=3, source=ScoreSource(_short, rare_share=0.0), size=3, workers=1)
    assert _shards(tmp_path) == _shards(written) | kept


def test_a_worker_that_dies_leaves_no_half_shard(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    draw = ScoreSource(partial(_fails_after, tmp_path / "marker"))
    with pytest.raises(DataError, match="needs more memory"):
        write_shards(folder, count=1, seed=3, source=draw, size=3, workers=1)
    assert not list(folder.glob("*.tar"))


def test_composed_staves_hold_only_known_symbols_once_drawn() -> None:
    random, engraver = Random(0), Engraver()
    for _ in range(4):
        staff_image = draw_staff_image(engraver, random, draw_composed)
        assert all(token in full_semantic() for token in score_to_tokens(staff_image.score))
        assert staff_image.gray.shape[1] <= 130 * 10


def test_a_staff_that_is_too_wide_is_drawn_anew() -> None:
    lengths = iter([200, 200, 4])  # too wide as closely as can be, too
    staff_image = draw_staff_image(
        Engraver(), Random(1), lambda random: compose(random, symbols=next(lengths))
    )
    assert staff_image.gray.shape[1] <= 130 * 10
    assert next(lengths, None) is None


def test_a_staff_that_is_only_too_wide_for_its_spacing_is_set_tight() -> None:
    label = ["clef-G2", *["note-G4_quarter", "note-A4_quarter", "note-B4_half", "barline"] * 12]
    score = tokens_to_score(label)
    staves = iter([score])  # another one is not drawn
    staff_image = draw_staff_image(Engraver(), Random(4), lambda random: next(staves))
    assert staff_image.gray.shape[1] <= 130 * 10
    loose = [
        engrave_staff(Engraver(), Random(seed), score, distractors=0.0).gray.shape[1] for seed in range(4)
    ]
    assert max(loose) > 130 * 10


def test_scores_that_never_fit_end_in_an_error() -> None:
    unknown = tokens_to_score(["clef-G2", "note-C##9_quarter"])
    with pytest.raises(DataError, match="could not be engraved"):
        draw_staff_image(Engraver(), Random(1), lambda random: unknown)


def _ends_the_process(random: Random) -> Score:
    """As Verovio does over some scores."""
    os._exit(3)


def test_a_process_that_is_lost_is_reported_and_hangs_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"2 of 2 shards were not written: 0 \(crashed the worker process.*1 \("
    ):
        write_shards(tmp_path, count=2, seed=3, source=ScoreSource(_ends_the_process), size=3, workers=2)
    assert not list(tmp_path.glob("*.tar"))


def test_an_unknown_engraver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="engraver 'lead type'; known are verovio, lilypond"):
        write_shards(tmp_path, count=1, seed=1, engraver="lead type")


@pytest.mark.skipif(shutil.which("lilypond") is None, reason="needs the program lilypond")
def test_lilypond_fills_shards_too(tmp_path: Path) -> None:
    write_shards(
        tmp_path,
        count=1,
        seed=3,
        source=ScoreSource(_short, rare_share=0.0),
        size=3,
        workers=1,
        engraver="lilypond",
    )
    records = list(read_shard(tmp_path / "003-00000.tar"))
    assert len(records) == 3
    assert all(record.semantic and not record.xs for record in records)
