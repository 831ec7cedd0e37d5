"""Rendered trees: the layout of PrIMuS, the same bytes for a seed, staves that can be found."""

from pathlib import Path

import cv2
import pytest

from focal_omr.data.primus import primus_samples
from focal_omr.data.rendered import render_tree
from focal_omr.errors import DataError
from focal_omr.image import find_staff, load_gray
from focal_omr.notation.agnostic import write_agnostic
from focal_omr.notation.engrave import Engraver
from focal_omr.notation.mei_reader import read_mei
from focal_omr.notation.semantic import read_semantic, score_to_tokens
from focal_omr.notation.vocabulary import full_semantic

KINDS = ("none", "scan", "camera")
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
    samples = primus_samples(trees["none"])
    assert [sample.id for sample in samples] == [f"000000011-00000{number}" for number in range(3)]
    for sample in samples:
        folder = sample.picture.parent
        assert {path.suffix for path in folder.iterdir()} - {".agnostic"} == {".png", ".semantic", ".mei"}
        assert {path.stem for path in folder.iterdir()} == {sample.id}
        assert all(token in full_semantic() for token in sample.semantic)


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


def test_kinds_of_wear_change_the_picture_alone(trees: dict[str, Path]) -> None:
    clean, *worn = (_files(trees[kind]) for kind in KINDS)
    for each in worn:
        assert each.keys() == clean.keys()
        assert {name for name in each if each[name] != clean[name]} == {n for n in each if n.endswith(".png")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_staff_of_every_picture_is_found(trees: dict[str, Path], kind: str) -> None:
    for sample in primus_samples(trees[kind]):
        gray = load_gray(sample.picture)
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
