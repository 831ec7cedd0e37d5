"""Contact sheets of trees and shards: same bytes for a seed, the samples asked for, plain errors."""

import re
from pathlib import Path

import cv2
import pytest
from tiny import labels, png, staff_images, write_shards_of_staves
from typer.testing import CliRunner

from focal_omr.cli.data import data_app
from focal_omr.data.contact import (
    SheetEntry,
    contact_sheet,
    select_ids,
    sheet_entries,
    sheet_png,
    sheet_section,
)
from focal_omr.data.show.sources import read_source
from focal_omr.errors import DataError


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five samples in PrIMuS layout."""
    folder = tmp_path_factory.mktemp("tree")
    for number in range(5):
        sample = folder / f"s{number}"
        sample.mkdir()
        large = cv2.resize(staff_images()[number].gray, None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC)
        (sample / f"s{number}.png").write_bytes(png(large))
        (sample / f"s{number}.semantic").write_text("\t".join(labels()[number]))
    return folder


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shards_of_staves(tmp_path_factory.mktemp("shards"), 4, 4)


@pytest.mark.parametrize("degrade", ["none", "scan", "camera"])
@pytest.mark.parametrize("kind", ["tree", "shards"])
def test_same_seed_same_bytes(kind: str, degrade: str, request: pytest.FixtureRequest) -> None:
    staves = read_source(request.getfixturevalue(kind)).staves
    one, same, other = (
        sheet_png(sheet_entries(staves, list(staves), count=2, seed=seed, degrade=degrade))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_the_section_shows_the_sheet_and_every_label_in_order(tree: Path) -> None:
    staves = read_source(tree).staves
    section = sheet_section(sheet_entries(staves, list(staves), count=99, seed=1), "none", 1)
    assert '<img src="contact.png"' in section
    entries = [f"<dt>s{number}</dt><dd>{' '.join(labels()[number])}</dd>" for number in range(5)]
    assert re.findall("<dt>.*</dd>", section) == entries


def test_only_the_ids_that_are_asked_for(tree: Path, shards: Path) -> None:
    assert select_ids(["s3", "s1"], read_source(tree).labels, tree) == ["s1", "s3"]
    with pytest.raises(DataError, match="2 of 2 ids are not in the data set, such as s1"):
        select_ids(["s3", "s1"], read_source(shards).labels, shards)


def test_every_sample_is_on_the_sheet_with_its_label() -> None:
    """Blocks grow with their pictures and labels; both columns have one height."""
    gray = staff_images()[0].gray
    few = contact_sheet([SheetEntry("a", ("clef-G2",), (("original", gray),))])
    more = contact_sheet([SheetEntry("a", ("clef-G2",) * 200, (("original", gray), ("degraded", gray)))])
    assert few.shape[1] == more.shape[1] == 1600
    assert more.shape[0] > few.shape[0] + 100
    assert contact_sheet([SheetEntry(str(n), ("clef-G2",), (("", gray),)) for n in range(4)]).shape[0] < (
        2.1 * few.shape[0]
    )


def test_an_unknown_wear_is_named(tree: Path) -> None:
    staves = read_source(tree).staves
    with pytest.raises(DataError, match="'fax'; known are none, scan and camera"):
        sheet_entries(staves, list(staves), count=1, seed=1, degrade="fax")


def test_the_command(tree: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke(
        data_app, ["show", str(tree), "--count", "1", "--degrade", "scan", "--out", str(tmp_path / "out")]
    )
    assert run.exit_code == 0, run.output
    assert run.output.strip() == str(tmp_path / "out" / "index.html")
