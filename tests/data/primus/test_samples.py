"""PrIMuS as trees and archives, intact and damaged: every defect is reported, and the rest loads."""

import gzip
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from shared_data import SHARED

from focal_omr.data.primus.check import Checked, check_samples
from focal_omr.data.primus.samples import Defect, Sample, partition, primus_samples, read_primus, source_of
from focal_omr.data.primus.write import label_bytes, palette_png, sample_writer
from focal_omr.errors import DataError

SEMANTIC = ("clef-G2", "keySignature-GM", "note-F#4_quarter", "barline")
AGNOSTIC = ("clef.G-L2", "accidental.sharp-L5", "note.quarter-S1", "barline-L1")
IDS = [f"00005165{source}-1_{incipit}_1" for source in range(4) for incipit in (1, 2)]


def _gray() -> np.ndarray:
    gray = np.full((90, 200), 255, np.uint8)
    gray[20:60:9] = 0
    return gray


def _files(**changed: bytes | None) -> dict[str, bytes]:
    """Files of a good sample by suffix, with some replaced or (None) left out."""
    files: dict[str, bytes | None] = {
        ".png": palette_png(_gray()),
        ".semantic": label_bytes(SEMANTIC),
        ".agnostic": label_bytes(AGNOSTIC),
        ".mei": b"<mei/>",
        ".pae": b"@data:4F/",
        "_distorted.jpg": bytes(cv2.imencode(".jpg", _gray())[1]),
    }
    files.update({_ending(name): data for name, data in changed.items()})
    return {ending: data for ending, data in files.items() if data is not None}


def _ending(name: str) -> str:
    return "_distorted.jpg" if name == "distorted" else f".{name}"


def _add(folder: Path, name: str, **changed: bytes | None) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    for ending, data in _files(**changed).items():
        (place / f"{name}{ending}").write_bytes(data)
    return place


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Eight good samples in two packages, like the unpacked PrIMuS."""
    for number, name in enumerate(IDS):
        _add(tmp_path / "tree" / ("package_aa" if number < 4 else "package_ab"), name)
    return tmp_path / "tree"


def _pack(tree: Path, archive: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(archive, mode) as tar:  # type: ignore[call-overload]  # a mode
        for package in sorted(tree.iterdir()):
            tar.add(package, package.name)
    return archive


def _checked(*paths: Path) -> tuple[list[Checked], list[Defect]]:
    found = list(check_samples(read_primus(paths)))
    return [f for f in found if isinstance(f, Checked)], [f for f in found if isinstance(f, Defect)]


# Intact data ------------------------------------------------------------------------------------------------


def test_a_tree_is_read_at_any_depth(tree: Path) -> None:
    samples = primus_samples(tree)
    assert [sample.id for sample in samples] == IDS
    first = samples[0]
    assert first.picture == tree / "package_aa" / IDS[0] / f"{IDS[0]}.png"
    assert first.distorted == first.picture.with_name(f"{IDS[0]}_distorted.jpg")
    assert (first.semantic, first.agnostic, first.mei, first.pae) == (SEMANTIC, AGNOSTIC, True, True)
    assert primus_samples(tree / "package_aa" / IDS[0])[0].id == IDS[0]


def test_a_flat_folder_is_read(tmp_path: Path) -> None:
    for name in IDS[:3]:
        for ending, data in _files().items():
            (tmp_path / f"{name}{ending}").write_bytes(data)
    assert [sample.id for sample in primus_samples(tmp_path)] == IDS[:3]


def test_optional_files_may_be_missing(tmp_path: Path) -> None:
    _add(tmp_path, "b_2", agnostic=None, distorted=None, mei=None, pae=None)
    (tmp_path / "b_2" / "b_2.png").rename(tmp_path / "b_2" / "b_2.jpeg")
    for other in ("readme.txt", ".DS_Store", "b_2/b_2.musicxml", "b_2/._b_2.png"):
        (tmp_path / other).write_bytes(b"none of a sample's")
    assert primus_samples(tmp_path) == [Sample("b_2", tmp_path, tmp_path / "b_2" / "b_2.jpeg", SEMANTIC)]


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_an_archive_equals_its_tree(tree: Path, tmp_path: Path, mode: str) -> None:
    archive = _pack(tree, tmp_path / "primus.tgz", mode)
    packed, defects = partition(read_primus([archive]))
    assert not defects
    for one, other in zip(primus_samples(tree), sorted(packed, key=lambda sample: sample.id), strict=True):
        assert (one.id, one.semantic, one.agnostic, one.mei) == (
            *(other.id, other.semantic, other.agnostic),
            other.mei,
        )
        assert one.picture.relative_to(tree) == other.picture.relative_to(archive)
        for distorted in (False, True):
            assert one.picture_bytes(distorted=distorted) == other.picture_bytes(distorted=distorted)


def test_two_archives_form_one_data_set(tree: Path, tmp_path: Path) -> None:
    archives = []
    for package in ("package_aa", "package_ab"):
        archives.append(tmp_path / f"{package}.tgz")
        with tarfile.open(archives[-1], "w:gz") as tar:
            tar.add(tree / package, package)
    samples, defects = _checked(*archives)
    assert ([each.sample.id for each in samples], defects) == (IDS, [])


def _rgba(gray: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(gray, cv2.COLOR_GRAY2BGRA))[1])


@pytest.mark.parametrize(
    "separated",
    [
        "{}\t{}\t{}\t{}",
        "{}\t{}\t{}\t{}\t",
        "{}\t{}\t{}\t{}\t\r\n",
        "{},{},{},{}",
        "{}, {}, {}, {}\r\n",
        "{} {} {} {}\n",
        "{}\r\n{}\r\n{}\r\n{}\r\n",
    ],
)
def test_all_separators_of_labels_are_read(tmp_path: Path, separated: str) -> None:
    _add(tmp_path, IDS[0], semantic=separated.format(*SEMANTIC).encode())
    assert primus_samples(tmp_path)[0].semantic == SEMANTIC


@pytest.mark.parametrize("encode", [palette_png, _rgba, lambda gray: bytes(cv2.imencode(".png", gray)[1])])
def test_images_of_all_colour_types_pass(tmp_path: Path, encode: Callable[..., bytes]) -> None:
    _add(tmp_path, IDS[0], png=encode(_gray()))
    samples, defects = _checked(tmp_path)
    assert not defects
    assert (samples[0].width_px, samples[0].height_px) == (200, 90)


def test_the_source_is_the_first_number_of_a_primus_id() -> None:
    real = {"000051652-1_2_1": "000051652", "225002084-1_1_2_": "225002084", "201009318-1,48_2": "201009318"}
    assert {name: source_of(name) for name in real} == real
    for other in ("primus_clean-000", "ode-to-joy", "12-bars"):
        assert source_of(other) == other


# Defects ----------------------------------------------------------------------------------------------------


def _broken(tree: Path) -> dict[str, tuple[str, str]]:
    """Damage a tree in every way; file name -> (id, problem)."""
    place = tree / "package_ac"
    png, jpg = _files()[".png"], _files()["_distorted.jpg"]
    _add(place, "1-1_1_1", png=png[: len(png) // 2])
    _add(place, "2-1_1_1", semantic=None)
    _add(place, "3-1_1_1", semantic=b"clef-G2\tnote-H4_quarter\tbarline\t")
    _add(place, "4-1_1_1", semantic=b"\t\r\n")
    _add(place, "5-1_1_1", semantic=label_bytes(AGNOSTIC))
    _add(place, "6-1_1_1", agnostic=label_bytes(SEMANTIC))
    _add(place, "7-1_1_1", png=None)
    _add(place, "8-1_1_1", semantic=b"\xff\xfe\x00")
    _add(place, "9-1_1_1", png=b"no picture")
    _add(place, "10-1_1_1", distorted=jpg[:300])
    _add(place, "11-1_1_1", jpg=jpg)
    _add(place, "12-1_1_1", agnostic=b"clef.G-L2\tdot-L1")
    _add(place, IDS[3])
    (place / "13-1_1_1").mkdir()
    return {
        "1-1_1_1.png": ("1-1_1_1", "unreadable picture"),
        "2-1_1_1.semantic": ("2-1_1_1", "missing label"),
        "3-1_1_1.semantic": ("3-1_1_1", "unknown token"),
        "4-1_1_1.semantic": ("4-1_1_1", "empty label"),
        "5-1_1_1.semantic": ("5-1_1_1", "label in the other encoding"),
        "6-1_1_1.agnostic": ("6-1_1_1", "label in the other encoding"),
        "7-1_1_1.png": ("7-1_1_1", "missing picture"),
        "8-1_1_1.semantic": ("8-1_1_1", "not text"),
        "9-1_1_1.png": ("9-1_1_1", "unreadable picture"),
        "10-1_1_1_distorted.jpg": ("10-1_1_1", "unreadable picture"),
        "11-1_1_1.jpg": ("11-1_1_1", "two pictures"),
        "12-1_1_1.agnostic": ("12-1_1_1", "unknown token"),
        f"{IDS[3]}.png": (IDS[3], "duplicate id"),
        "13-1_1_1": ("13-1_1_1", "missing picture"),
    }


@pytest.mark.parametrize("packed", [False, True])
def test_every_defect_is_reported_and_the_rest_loads(tree: Path, tmp_path: Path, packed: bool) -> None:
    expected = _broken(tree)
    samples, defects = _checked(_pack(tree, tmp_path / "broken.tgz") if packed else tree)
    assert sorted(each.sample.id for each in samples) == IDS
    assert {each.file.name: (each.id, each.problem) for each in defects} == expected
    assert len(defects) == len(expected)


def test_a_defect_describes_what_was_found(tree: Path) -> None:
    _broken(tree)
    lines = {defect.id: str(defect) for defect in _checked(tree)[1]}
    assert "1 of 3: 'note-H4_quarter' (number 2)" in lines["3-1_1_1"]
    assert "the file is cut off" in lines["1-1_1_1"]
    assert "'clef.G-L2' (number 1)" in lines["5-1_1_1"]
    assert f"package_aa/{IDS[3]}/{IDS[3]}.png came first" in lines[IDS[3]]
    assert all(line.startswith(f"{name}: ") and "\n" not in line for name, line in lines.items())


def test_tokens_of_the_grammar_are_no_defects(tmp_path: Path) -> None:
    label = b"clef-G2 multirest-999 tuplet-11 note-Cbb9_double_whole tuplet-end timeSignature-17/32"
    _add(tmp_path, IDS[0], semantic=label, agnostic=b"clef.G-L2 note.quarter-L20")
    assert not _checked(tmp_path)[1]


def test_a_sample_can_have_several_defects(tmp_path: Path) -> None:
    _add(tmp_path, "1-1_1_1", png=None, semantic=None)
    _add(tmp_path, "2-1_1_1", png=b"", semantic=b"clef-G7", agnostic=b"clef")
    found = [(defect.id, defect.problem) for defect in _checked(tmp_path)[1]]
    assert found == [
        ("1-1_1_1", "missing picture"),
        ("1-1_1_1", "missing label"),
        ("2-1_1_1", "unreadable picture"),
        ("2-1_1_1", "unknown token"),
        ("2-1_1_1", "unknown token"),
    ]


def test_a_truncated_archive_is_reported(tree: Path, tmp_path: Path) -> None:
    for mode in ("w", "w:gz"):
        whole = _pack(tree, tmp_path / "whole.tar", mode).read_bytes()
        for keep in (len(whole) // 2, len(whole) - 700 if mode == "w:gz" else 20480):
            cut = tmp_path / "cut.tgz"
            cut.write_bytes(whole[:keep])
            samples, defects = partition(read_primus([cut]))
            assert 0 < len(samples) < len(IDS) or mode == "w:gz"
            assert defects[-1].problem == "unreadable archive"
            assert defects[-1].file == cut


@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100, gzip.compress(b"no archive" * 100)])
def test_a_file_that_is_not_an_archive_is_a_defect(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tgz").write_bytes(data)
    (defect,) = read_primus([tmp_path / "a.tgz"])
    assert isinstance(defect, Defect)
    assert defect.problem == "unreadable archive"


def test_the_strict_reader_lists_all_defects(tree: Path) -> None:
    shutil.rmtree(tree / "package_ab")
    for name in ("blind", "deaf"):
        _add(tree, name, png=None)
    _add(tree, "mute", semantic=None)
    with pytest.raises(DataError) as raised:
        primus_samples(tree)
    message = str(raised.value)
    assert message.startswith(f"{tree}: 3 defects: blind: missing picture: ")
    assert "deaf: missing picture" in message
    assert "mute: missing label" in message


def test_a_folder_without_samples_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_bytes(b"")
    with pytest.raises(DataError, match="no samples; expected folders"):
        primus_samples(tmp_path)


def test_missing_paths_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(DataError, match="not a folder"):
            primus_samples(path)
    with pytest.raises(DataError, match="no such folder or archive"):
        list(read_primus([tmp_path / "none"]))


def test_a_missing_distorted_image_is_an_error(tmp_path: Path) -> None:
    _add(tmp_path, "a", distorted=None)
    with pytest.raises(DataError, match=r"a_distorted\.jpg"):
        primus_samples(tmp_path)[0].picture_bytes(distorted=True)


# Writing ----------------------------------------------------------------------------------------------------


def test_written_samples_are_read_back(tmp_path: Path) -> None:
    for out, archive in ((tmp_path / "new" / "tree", False), (tmp_path / "new.tgz", True)):
        with sample_writer(out, archive=archive) as write:
            for name in IDS:
                write(name, _files())
        samples, defects = _checked(out)
        assert ([each.sample.id for each in samples], defects) == (IDS, [])
        assert samples[0].sample.picture_bytes() == palette_png(_gray())
    assert {path.name for path in tmp_path.iterdir()} == {"new", "new.tgz"}


def test_an_archive_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with sample_writer(tmp_path / "new.tgz", archive=True) as write:
            write(IDS[0], _files())
            raise DataError("stop")

    with pytest.raises(DataError, match="stop"):
        fail()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "archive", "message"),
    [
        ("set", True, "must end with"),
        ("set.tgz", True, "exists"),
        ("full", False, "not empty"),
        ("set.tgz", False, "not empty"),
    ],
)
def test_nothing_is_overwritten(tmp_path: Path, name: str, archive: bool, message: str) -> None:
    (tmp_path / "set.tgz").write_bytes(b"mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"mine")
    with pytest.raises(DataError, match=message), sample_writer(tmp_path / name, archive=archive):
        pass
    assert (tmp_path / "set.tgz").read_bytes() == b"mine"


# Real data --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not (SHARED / "data" / "staves").is_dir(), reason="the real staves are not there")
def test_real_samples_have_no_defect() -> None:
    samples, defects = _checked(SHARED / "data" / "staves", SHARED / "primus")
    assert not defects
    assert len(samples) == 34 + 14 + 1
    example = next(each.sample for each in samples if each.sample.source == "000051652")
    assert (example.semantic[-1], (example.agnostic or ())[-1]) == ("barline", "barline-L1")
    stored = example.picture.with_suffix(".semantic").read_bytes()
    assert label_bytes(example.semantic) == stored


@pytest.mark.skipif(not (SHARED / "primus").is_dir(), reason="the real sample is not there")
def test_palette_images_match_a_real_one() -> None:
    real = next((SHARED / "primus").rglob("*.png"))
    gray = cv2.imread(str(real), cv2.IMREAD_GRAYSCALE)
    made = palette_png(gray)
    header = slice(24, 29)  # depth, colour type, compression, filter, interlacing
    assert made[header] == real.read_bytes()[header]
    assert (cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR) == cv2.imread(str(real))).all()
