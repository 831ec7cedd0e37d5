"""The server on a full disk: no partial state, and recovery once there is room."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from served import STAFF, read, send, served

pytest.importorskip("resource", reason="no limits here that files could meet")
from full_disk import full_disk

from focal_omr.errors import OutputError
from focal_omr.web import readers
from focal_omr.web.reading import UPLOAD, JobReader, JobTask
from focal_omr.web.store import Store, new_id
from focal_omr.web.view_requests import DocumentRevision, Rejected, ViewRequest
from focal_omr.web.view_worker import ViewWorker

ROOM: dict[str, Any] = {"expire_s": 100.0, "queued": 10_000, "stored": 10**9}


def test_a_write_to_a_full_disk_leaves_nothing_and_the_next_succeeds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(3):
        with full_disk((tmp_path / "jobs.sqlite3-wal").stat().st_size), pytest.raises(sqlite3.Error):
            store.add(new_id(), "a.png", 1, **ROOM)
        assert store.counts()["queued"] == 0
    store.add(new_id(), "a.png", 1, **ROOM)
    assert store.counts()["queued"] == 1
    store.close()


def test_an_upload_to_a_full_disk_is_rejected_and_accepted_later(tmp_path: Path) -> None:
    with served(tmp_path, workers=0, warm=False) as client:
        with full_disk(STAFF.stat().st_size - 1):
            answer = send(client, STAFF.read_bytes())
        assert (answer.status_code, answer.headers["retry-after"].isdigit()) == (503, True)
        assert "cannot write or read its files" in answer.text
        assert not list((tmp_path / "jobs").iterdir())
        assert send(client, STAFF.read_bytes()).status_code == 202


def test_a_document_whose_result_could_not_be_stored_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, failures = Store.finish, []

    def full(self: Store, job: str, size: int) -> None:
        if not failures:
            failures.append(job)
            raise sqlite3.OperationalError("database or disk is full")
        finish(self, job, size)

    monkeypatch.setattr(Store, "finish", full)
    monkeypatch.setattr(readers, "_POLL_S", 0.1)
    with served(tmp_path, workers=1, warm=False) as client:
        assert read(client, STAFF.read_bytes())["status"] == "done"
    assert len(failures) == 1


def _full(*_: object, **__: object) -> None:
    raise OutputError("/srv/data/jobs/secret/document.json cannot be written: No space left on device")


def test_errors_of_a_full_disk_hide_server_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = DocumentRevision("id", tmp_path, "a.png", 0, {})
    monkeypatch.setattr(ViewWorker, "_handle", _full)
    answer = ViewWorker()(ViewRequest(document, "mid", tmp_path / "a.mid"))
    assert answer == Rejected(503, "the server cannot write its files; please try again later")
    reader = JobReader(tmp_path, model="default", threads=1, max_pages=1)
    task = JobTask(tmp_path / UPLOAD, "a.png", job="id")
    assert reader(task).error == "a.png: the server cannot read its files"
    task.file.write_bytes(STAFF.read_bytes())
    monkeypatch.setattr(Store, "advance", _full)
    assert reader(task).error == "a.png: the server cannot write its files"
