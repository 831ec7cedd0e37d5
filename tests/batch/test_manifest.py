"""The manifest: its records are complete results, even after a killed run."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from focal_omr.batch.manifest import MANIFEST, DocumentRecord, content_digest, open_manifest
from focal_omr.errors import OutputError


def _was_read(record: DocumentRecord) -> bool:
    return record.error is None


@pytest.fixture
def record(tmp_path: Path) -> DocumentRecord:
    """The record of a document whose results are there."""
    (tmp_path / "a.png").write_bytes(b"picture")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mid").write_bytes(b"notes")
    modified = (tmp_path / "a.png").stat().st_mtime_ns
    return DocumentRecord(
        **{"file": "a.png", "name": "a", "error": None, "pages": 1, "staves": 2},
        **{"symbols": 30, "confidence": 0.9, "seconds": 0.1, "outputs": {"a.mid": 5}, "size": 7},
        **{"modified": modified, "sha256": content_digest(b"picture"), "work": "w"},
    )


def test_a_record_is_current_until_something_changes(record: DocumentRecord, tmp_path: Path) -> None:
    picture, out = tmp_path / "a.png", tmp_path / "out"
    assert record.is_current(picture, out, "w")
    assert not record.is_current(picture, out, "other options")
    assert not replace(record, error="a: blank").is_current(picture, out, "w")
    os.utime(picture, ns=(0, 0))
    assert record.is_current(picture, out, "w")  # a copy of the picture
    picture.write_bytes(b"PICTURE")
    assert not record.is_current(picture, out, "w")
    picture.write_bytes(b"picture")
    (out / "a.mid").write_bytes(b"no")
    assert not record.is_current(picture, out, "w")
    (out / "a.mid").unlink()
    assert not record.is_current(picture, out, "w")


def test_resuming_keeps_complete_results_and_removes_partial_files(
    record: DocumentRecord, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    failed = replace(record, name="b", error="b: blank")
    with open_manifest(out) as manifest:
        for line in (replace(record, symbols=1), failed, record):
            manifest.append(line)
    whole = (out / MANIFEST).read_bytes()
    assert [json.loads(line)["name"] for line in whole.splitlines()] == ["a", "b", "a"]
    (out / MANIFEST).write_bytes(whole + whole[:40])  # killed while it wrote
    (out / ".0123456789abcdef.part").write_bytes(b"half")
    with open_manifest(out, keep=_was_read) as manifest:
        assert manifest.records == {"a": record}
        manifest.append(failed)
    assert (out / MANIFEST).read_text().splitlines() == [record.to_json(), failed.to_json()]
    assert sorted(path.name for path in out.iterdir()) == ["a.mid", MANIFEST]
    with open_manifest(out) as manifest:
        assert manifest.records == {}
    assert (out / MANIFEST).read_bytes() == b""


@pytest.mark.parametrize("content", ["a list of cargo\n", '{"format": 99}\n', "cargo", '{"format": 1}\n'])
def test_a_foreign_file_is_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / MANIFEST).write_text(content)
    with (
        pytest.raises(OutputError, match="line 1 is not a line of a manifest"),
        open_manifest(tmp_path),
    ):
        pass
    assert (tmp_path / MANIFEST).read_text() == content


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    refused = pytest.raises(OutputError, match="another run")
    with open_manifest(tmp_path), refused, open_manifest(tmp_path, keep=_was_read):
        pass
    with open_manifest(tmp_path, keep=_was_read):
        pass


def test_a_record_round_trips_through_json(record: DocumentRecord) -> None:
    line = record.to_json()
    assert list(json.loads(line)) == [
        *("format", "file", "name", "status", "error", "pages", "staves", "symbols", "confidence"),
        *("seconds", "outputs", "size", "modified", "sha256", "work"),
    ]
    assert DocumentRecord.from_json(line.encode()) == record
    for old, new in (('"read"', '"failed"'), ('"pages": 1', '"pages": true'), ("a.png", 'a", "b": "c')):
        assert old in line
        assert DocumentRecord.from_json(line.replace(old, new).encode()) is None
