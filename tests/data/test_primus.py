"""Folders in PrIMuS layout, whole and not."""

from pathlib import Path

import pytest

from focal_omr.data.primus import Sample, primus_samples
from focal_omr.errors import DataError


def _add(
    folder: Path, name: str, *, suffix: str | None = ".png", label: str | None = "clef-G2\tbarline\t"
) -> None:
    (folder / name).mkdir()
    if suffix:
        (folder / name / f"{name}{suffix}").write_bytes(b"a picture")
    if label is not None:
        (folder / name / f"{name}.semantic").write_text(label, encoding="utf-8")


def test_samples_come_in_the_order_of_their_ids(tmp_path: Path) -> None:
    for name, suffix in (("b_2", ".jpg"), ("a_1", ".png"), ("c_3", ".jpeg")):
        _add(tmp_path, name, suffix=suffix)
    (tmp_path / "readme.txt").write_text("not a sample", encoding="utf-8")
    (tmp_path / "a_1" / "a_1.agnostic").write_text("clef.G-L2", encoding="utf-8")
    label = ("clef-G2", "barline")
    assert primus_samples(tmp_path) == [
        Sample("a_1", tmp_path / "a_1" / "a_1.png", label),
        Sample("b_2", tmp_path / "b_2" / "b_2.jpg", label),
        Sample("c_3", tmp_path / "c_3" / "c_3.jpeg", label),
    ]


def test_all_incomplete_samples_are_named(tmp_path: Path) -> None:
    _add(tmp_path, "whole")
    _add(tmp_path, "blind", suffix=None)
    _add(tmp_path, "mute", label=None)
    _add(tmp_path, "other", suffix=".gif")
    with pytest.raises(DataError) as raised:
        primus_samples(tmp_path)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}: 3 incomplete samples")
    for part in ("blind has no picture", "mute has no semantic label", "other has no picture"):
        assert part in message
    assert "whole has" not in message


def test_a_label_that_is_no_text_is_named(tmp_path: Path) -> None:
    _add(tmp_path, "binary")
    (tmp_path / "binary" / "binary.semantic").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary"):
        primus_samples(tmp_path)


def test_a_folder_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples; needed are"):
        primus_samples(tmp_path)
    (tmp_path / "file.png").write_bytes(b"")
    with pytest.raises(DataError, match="no samples; needed are"):
        primus_samples(tmp_path)


def test_no_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path / "file"):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DataError, match="not a folder"):
            primus_samples(path)
