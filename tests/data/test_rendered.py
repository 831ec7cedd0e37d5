"""Rendered sets: the layout of PrIMuS to the byte, the same bytes for a seed, staves that can be found."""

import logging
import re
import shutil
import tarfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from focal_omr.data.primus.samples import primus_samples, source_of
from focal_omr.data.primus.write import label_bytes
from focal_omr.data.rendered import render_tree, sample_names
from focal_omr.encodings.agnostic import write_agnostic
from focal_omr.encodings.semantic import read_semantic, score_to_tokens, to_primus
from focal_omr.encodings.vocabulary import full_semantic, primus_semantic
from focal_omr.errors import DataError, EngraveError, NotationError
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.verovio import Engraver
from focal_omr.staff.strip import find_staff, load_gray

KINDS = ("none", "scan", "camera")
PRIMUS_FILES = {".png", ".semantic", ".agnostic", ".mei", ".pae"}
ABC = "X:1\nT:A tune\nM:2/4\nL:1/8\nK:G\nGABc|d2B2|cBAG|F2D2|GABc|d2g2|fedc|B2G2|]\n"


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tree of three samples of every kind of wear."""
    made = {}
    for kind in KINDS:
        made[kind] = tmp_path_factory.mktemp("rendered") / "tree"
        render_tree(made[kind], count=3, seed=11, degrade=kind)
    return made


def test_the_layout_is_that_of_primus(trees: dict[str, Path]) -> None:
    for sample in primus_samples(trees["none"]):
        folder = sample.picture.parent
        assert folder == trees["none"] / sample.id
        assert _endings(folder) - {".agnostic"} == {".png", ".semantic", ".mei", ".pae"}
        assert all(token in full_semantic() for token in sample.semantic)
        assert (folder / f"{sample.id}.semantic").read_bytes() == label_bytes(sample.semantic)


def _endings(folder: Path) -> set[str]:
    return {path.name.removeprefix(folder.name) for path in folder.iterdir()}


def test_ids_are_of_the_pattern_of_primus() -> None:
    names = list(islice(sample_names(11), 60))
    assert all(re.fullmatch(r"\d{9}-\d_\d_\d", name) for name in names)
    assert len({*names}) == 60
    assert 20 < len({source_of(name) for name in names}) < 50
    assert not {*names} & {*islice(sample_names(12), 60)}
    with pytest.raises(DataError, match="seed -1"):
        next(sample_names(-1))


def test_a_primus_set_has_symbols_of_primus_alone(tmp_path: Path) -> None:
    render_tree(tmp_path / "set", count=4, seed=2, degrade="camera", primus=True)
    for sample in primus_samples(tmp_path / "set"):
        assert all(token in primus_semantic() for token in sample.semantic)
        assert _endings(sample.picture.parent) == {*PRIMUS_FILES, "_distorted.jpg"}
        assert sample.picture_bytes()[24:26] == b"\x01\x03"  # one bit a pixel, of a palette
        assert find_staff(load_gray(sample.picture)).space_px == pytest.approx(18, rel=0.06)


def test_plaine_and_easie_code_is_the_music(trees: dict[str, Path]) -> None:
    for sample in primus_samples(trees["none"]):
        path = sample.picture.with_suffix(".pae")
        # Not all survives: kinds of barline, and printed reminders that PAE has no sign for.
        assert _notes(score_to_tokens(load_one_voice(path))) == _notes(sample.semantic)


def _notes(tokens: Sequence[str]) -> list[str]:
    return [token for token in to_primus(tokens) if token.startswith("note-")]


def test_an_archive_holds_what_a_tree_does(trees: dict[str, Path], tmp_path: Path) -> None:
    for name, seed in (("a.tgz", 11), ("b.tgz", 11), ("c.tgz", 12)):
        render_tree(tmp_path / name, count=3, seed=seed, archive=True)
    first, again, other = ((tmp_path / name).read_bytes() for name in ("a.tgz", "b.tgz", "c.tgz"))
    assert first == again != other
    with tarfile.open(tmp_path / "a.tgz") as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert _files(tmp_path / "out" / "package_aa") == _files(trees["none"])


def test_what_a_sample_lacks_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> str:
        raise EngraveError("not today")

    def refuse(*_: Any) -> list[str]:
        raise NotationError("no glyph")

    monkeypatch.setattr(Engraver, "pae", fail)
    monkeypatch.setattr("focal_omr.data.rendered.score_to_agnostic", refuse)
    with caplog.at_level(logging.WARNING):
        render_tree(tmp_path / "set", count=1, seed=1)
    (sample,) = primus_samples(tmp_path / "set")
    assert _endings(sample.picture.parent) == {".png", ".semantic", ".mei"}
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0].startswith(f"{sample.id}: no agnostic label")
    assert messages[1] == f"{sample.id}: no Plaine & Easie code: not today"


def test_the_labels_of_a_sample_agree(trees: dict[str, Path]) -> None:
    for sample in primus_samples(trees["none"]):
        base = sample.picture.with_suffix("")
        score = read_semantic("\t".join(sample.semantic))
        mei = Engraver().mei(base.with_suffix(".mei").read_text(encoding="utf-8"), input_format="mei")
        assert score_to_tokens(read_mei(mei)) == list(sample.semantic)
        if base.with_suffix(".agnostic").exists():
            # The label knows no beams, the drawing does: they are equal but for beams and their flags.
            drawn = base.with_suffix(".agnostic").read_text(encoding="utf-8").split()
            assert [_unbeamed(s) for s in drawn] == [_unbeamed(s) for s in write_agnostic(score).split()]


def _unbeamed(symbol: str) -> str:
    return "note-" + symbol.rpartition("-")[2] if symbol.startswith("note.") else symbol


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(trees: dict[str, Path], kind: str, tmp_path: Path) -> None:
    render_tree(tmp_path / "again", count=3, seed=11, degrade=kind)
    assert _files(tmp_path / "again") == _files(trees[kind])


def test_a_sample_depends_on_its_number_alone(trees: dict[str, Path], tmp_path: Path) -> None:
    render_tree(tmp_path / "fewer", count=1, seed=11)
    fewer = _files(tmp_path / "fewer")
    assert fewer
    assert fewer.items() <= _files(trees["none"]).items()


def test_another_seed_gives_other_bytes(trees: dict[str, Path], tmp_path: Path) -> None:
    render_tree(tmp_path / "other", count=3, seed=12)
    assert not _files(tmp_path / "other").keys() & _files(trees["none"]).keys()


def test_a_scan_changes_the_picture_and_a_camera_adds_one(trees: dict[str, Path]) -> None:
    clean, scan, camera = (_files(trees[kind]) for kind in KINDS)
    assert scan.keys() == clean.keys()
    assert {name for name in scan if scan[name] != clean[name]} == {n for n in scan if n.endswith(".png")}
    assert clean.items() <= camera.items()
    added = {f"{sample.id}/{sample.id}_distorted.jpg" for sample in primus_samples(trees["none"])}
    assert camera.keys() - clean.keys() == added


@pytest.mark.parametrize("kind", KINDS)
def test_the_staff_of_every_picture_is_found(trees: dict[str, Path], kind: str) -> None:
    for sample in primus_samples(trees[kind]):
        gray = load_gray(sample.distorted or sample.picture)
        assert gray.ndim == 2
        staff = find_staff(gray)
        assert staff.space_px == pytest.approx(18, rel=0.1 if kind == "camera" else 0.06)
        # A photo shows up to four spaces of paper, or of the desk, around the staff.
        assert staff.xs[-1] - staff.xs[0] > (0.7 if kind == "camera" else 0.9) * gray.shape[1]


def test_a_clean_picture_is_as_tight_as_primus_crops(trees: dict[str, Path]) -> None:
    for sample in primus_samples(trees["none"]):
        gray = cv2.imread(str(sample.picture), cv2.IMREAD_GRAYSCALE)
        assert gray.shape[0] < 14 * 18
        assert (gray[4] < 128).any()
        assert (gray[-5] < 128).any()
        assert (gray[:, 2] < 128).sum() >= 5  # the lines begin at the picture's edge


def test_tunes_are_rendered(tmp_path: Path) -> None:
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "one.abc").write_text(ABC, encoding="utf-8")
    render_tree(tmp_path / "out", count=2, seed=1, tunes=tmp_path / "tunes")
    for sample in primus_samples(tmp_path / "out"):
        assert any(token.startswith("note-") for token in sample.semantic)


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(DataError, match="not empty"):
        render_tree(tmp_path, count=1, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'fax'"):
        render_tree(tmp_path / "a", count=1, seed=1, degrade="fax")
    assert not (tmp_path / "a").exists()
    (tmp_path / "tunes").mkdir()
    with pytest.raises(DataError, match="no tunes"):
        render_tree(tmp_path / "b", count=1, seed=1, tunes=tmp_path / "tunes")
    (tmp_path / "tunes" / "empty.abc").write_text("no tune\n", encoding="utf-8")
    with pytest.raises(DataError, match="no monophonic part"):
        render_tree(tmp_path / "b", count=1, seed=1, tunes=tmp_path / "tunes")


def test_an_unknown_engraver_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="engraver 'pen'; known are verovio, lilypond"):
        render_tree(tmp_path / "tree", count=1, seed=1, engraver="pen")
    assert not (tmp_path / "tree").exists()


@pytest.mark.skipif(shutil.which("lilypond") is None, reason="needs the program lilypond")
def test_lilypond_makes_trees_too(tmp_path: Path) -> None:
    tunes = tmp_path / "tunes"
    tunes.mkdir()
    (tunes / "tune.abc").write_text(ABC)
    for name in ("one", "two"):
        render_tree(tmp_path / name, count=2, seed=4, tunes=tunes, engraver="lilypond")
    assert _files(tmp_path / "one") == _files(tmp_path / "two")
    for sample in primus_samples(tmp_path / "one"):
        assert find_staff(load_gray(sample.picture)).space_px == pytest.approx(18, rel=0.06)


def test_a_single_tune_is_enough(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_text(ABC)
    render_tree(tmp_path / "tree", count=2, seed=4, tunes=tmp_path / "tune.abc")
    assert len(primus_samples(tmp_path / "tree")) == 2


def test_a_given_strength_wears_all_alike(tmp_path: Path) -> None:
    spread = {}
    for strength in (0.05, 1.0):
        out = tmp_path / str(strength)
        render_tree(out, count=3, seed=11, degrade="scan", strength=strength)
        pictures = [load_gray(sample.picture) for sample in primus_samples(out)]
        spread[strength] = sum(float(np.mean((gray > 40) & (gray < 235))) for gray in pictures)
    assert spread[0.05] < spread[1.0]
    with pytest.raises(DataError, match="strength 2"):
        render_tree(tmp_path / "no", count=1, seed=1, degrade="scan", strength=2)


def test_rare_symbols_are_put_in_where_asked_for(tmp_path: Path) -> None:
    counts = []
    for rare in (0.0, 1.0):
        out = tmp_path / str(rare)
        render_tree(out, count=8, seed=5, rare=rare)
        counts.append(len({token for sample in primus_samples(out) for token in sample.semantic}))
    assert counts[1] > 1.3 * counts[0]
    with pytest.raises(DataError, match="share of 3"):
        render_tree(tmp_path / "no", count=1, seed=1, rare=3)
