"""Contact sheets of trees and shards: same bytes for a seed, the samples asked for, plain errors."""

from pathlib import Path

import cv2
import pytest
from tiny import labels, plates, png, write_shards_of_plates
from typer.testing import CliRunner

from focal_omr.cli_data import data_app
from focal_omr.data.contact import Shown, contact_sheet, show_data
from focal_omr.errors import DataError, OutputError


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five samples in PrIMuS layout."""
    folder = tmp_path_factory.mktemp("tree")
    for number in range(5):
        sample = folder / f"s{number}"
        sample.mkdir()
        large = cv2.resize(plates()[number].gray, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC)
        (sample / f"s{number}.png").write_bytes(png(large))
        (sample / f"s{number}.semantic").write_text("\t".join(labels()[number]))
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards_of_plates(tmp_path_factory.mktemp("shards"), 4, 4)


@pytest.mark.parametrize("degrade", ["none", "scan", "camera"])
@pytest.mark.parametrize("kind", ["tree", "shards"])
def test_same_seed_same_bytes(
    kind: str, degrade: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        show_data(folder, tmp_path / name, count=2, seed=seed, degrade=degrade)
    one, same, other = ((tmp_path / name / "contact.png").read_bytes() for name in ("one", "same", "other"))
    assert one == same
    assert one != other
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["contact.png", "index.html"]


def test_the_page_shows_the_sheet_and_every_label(tree: Path, tmp_path: Path) -> None:
    show_data(tree, tmp_path, count=99)
    page = (tmp_path / "index.html").read_text()
    assert '<img src="contact.png"' in page
    assert all(f"<dt>s{number}</dt><dd>{' '.join(labels()[number])}</dd>" in page for number in range(5))


def test_only_the_ids_that_are_asked_for(tree: Path, shards: Path, tmp_path: Path) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("s3\ns1\n")
    show_data(tree, tmp_path / "out", ids=ids)
    page = (tmp_path / "out" / "index.html").read_text()
    assert page.index("<dt>s1") < page.index("<dt>s3")
    assert page.count("<dt>") == 2
    with pytest.raises(DataError, match="2 of 2 ids are not there, such as s1"):
        show_data(shards, tmp_path / "out", ids=ids)
    ids.write_text("\n")
    with pytest.raises(DataError, match="names no id"):
        show_data(tree, tmp_path / "out", ids=ids)
    with pytest.raises(DataError, match="no readable list of ids"):
        show_data(tree, tmp_path / "out", ids=tmp_path / "missing.txt")


def test_every_sample_is_on_the_sheet_with_its_label() -> None:
    """Blocks grow with their pictures and labels; both columns have one height."""
    gray = plates()[0].gray
    few = contact_sheet([Shown("a", ("clef-G2",), (("as it is", gray),))])
    more = contact_sheet([Shown("a", ("clef-G2",) * 200, (("as it is", gray), ("worn", gray)))])
    assert few.shape[1] == more.shape[1] == 1600
    assert more.shape[0] > few.shape[0] + 100
    assert contact_sheet([Shown(str(n), ("clef-G2",), (("", gray),)) for n in range(4)]).shape[0] < (
        2.1 * few.shape[0]
    )


def test_what_cannot_be_shown_is_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'fax'; known are none, scan and camera"):
        show_data(tree, tmp_path / "out", degrade="fax")
    with pytest.raises(DataError, match="no samples"):
        show_data(tmp_path, tmp_path / "out")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file cannot be made"):
        show_data(tree, tmp_path / "file")


def test_the_command(tree: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        data_app, ["show", str(tree), "--count", "1", "--degrade", "scan", "--out", str(tmp_path / "out")]
    )
    assert run.exit_code == 0, run.output
    assert run.output.strip() == str(tmp_path / "out" / "index.html")
