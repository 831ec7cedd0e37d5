"""Store of jobs and edit histories: order, limits, expiry, recovery after a kill."""

import sqlite3
import time
from pathlib import Path

import pytest

from focal_omr.errors import OmrError
from focal_omr.web.store import ConflictError, FullError, HistoryEntry, Job, Store, new_id

ROOM = {"expire_s": 100.0, "queued": 10, "stored": 10_000}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def queued(store: Store, name: str = "a.png", **room: float) -> str:
    job = new_id()
    store.folder(job).mkdir()
    (store.folder(job) / "upload").write_bytes(b"x")
    store.add(job, name, 100, **{**ROOM, **room})  # type: ignore[arg-type]
    return job


def found(store: Store, job: str) -> Job:
    known = store.find(job)
    assert known is not None
    return known


def test_jobs_are_claimed_in_order(store: Store) -> None:
    jobs = [queued(store) for _ in range(3)]
    assert [store.waiting(found(store, job)) for job in jobs] == [0, 1, 2]
    claimed = [store.claim() for _ in range(4)]
    assert [each.id for each in claimed if each] == jobs
    assert claimed[3] is None
    store.advance(jobs[0], 0.5, pages=4, pages_read=2, staves_read=9)
    job = found(store, jobs[0])
    assert (job.status, job.progress, job.pages_read, job.staves_read) == ("running", 0.5, 2, 9)
    store.finish(jobs[0], 12)
    store.fail(jobs[1], "no staff")
    assert store.counts() == {"queued": 0, "running": 1, "done": 1, "failed": 1}
    assert (found(store, jobs[1]).error, found(store, jobs[1]).bytes) == ("no staff", 0)


def test_ids_cannot_be_guessed() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert min(map(len, ids)) >= 22


def test_limits_of_queue_and_storage(store: Store) -> None:
    queued(store, queued=2)
    queued(store, queued=2)
    with pytest.raises(FullError, match="2 documents are waiting"):
        queued(store, queued=2)
    with pytest.raises(FullError, match="storage is full"):
        queued(store, stored=299)
    queued(store, stored=300)


def test_a_job_expires_with_its_files(store: Store) -> None:
    old, new = queued(store, expire_s=-1), queued(store)
    assert store.find(old) is None
    assert store.remove_expired() == 1
    assert not store.folder(old).exists()
    assert store.folder(new).exists()


def test_clock_changes_expire_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job = queued(store)
    later = time.time() + 1e7
    monkeypatch.setattr(time, "time", lambda: later)
    assert store.remove_expired() == 0
    assert found(store, job).status == "queued"


def test_deleting_removes_the_history(store: Store, tmp_path: Path) -> None:
    job = queued(store)
    store.record(found(store, job), HistoryEntry({"do": "tie"}, (1, 0, 0), (1, 0, 0), {(1, 0): ["a"]}))
    assert store.delete(job)
    assert not store.delete(job)
    assert not store.folder(job).exists()
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as database:
        assert database.execute("SELECT COUNT(*) FROM changes").fetchone() == (0,)
    database.close()


def test_recovery_after_a_kill(store: Store, tmp_path: Path) -> None:
    done, twice, once, waits = (queued(store) for _ in range(4))
    for _ in range(3):
        store.claim()
    store.finish(done, 10)
    store.requeue(twice)
    assert found(store, twice).attempts == 0
    for _ in range(2):  # started and killed, twice
        store.claim()
        store.close()
        store = Store(tmp_path)
        store.recover(attempts=2)
    half_made = store.folder(new_id())
    half_made.mkdir()
    (half_made / "upload").write_bytes(b"x")
    part = store.folder(done) / f".{'0' * 16}.part"
    part.write_bytes(b"half")
    (store.folder(waits) / "upload").unlink()
    store.folder(waits).rmdir()
    store.recover(attempts=2)
    assert {job: found(store, job).status for job in (done, twice, once, waits)} == {
        done: "done",
        twice: "failed",
        once: "queued",
        waits: "failed",
    }
    assert "stopped 2 times" in str(found(store, twice).error)
    assert "are gone" in str(found(store, waits).error)
    assert not half_made.exists()
    assert not part.exists()


def test_edit_history(store: Store) -> None:
    job = queued(store)
    assert store.edited_staves(found(store, job)) == {}
    for number, text in enumerate("abc", 1):
        change = HistoryEntry(
            {"do": text}, (1, 0, number), (1, 0, number + 1), {(1, 0): [text], (2, number): [text]}
        )
        assert store.record(found(store, job), change) == number
    assert store.edited_staves(found(store, job)) == {
        (1, 0): ["c"],
        (2, 1): ["a"],
        (2, 2): ["b"],
        (2, 3): ["c"],
    }
    store.move(found(store, job), 1)  # undo two
    now = found(store, job)
    assert (now.revision, now.applied) == (4, 1)
    assert store.edited_staves(now) == {(1, 0): ["a"], (2, 1): ["a"]}
    undone = store.history_entry(now, 2)
    assert undone is not None
    assert (undone.before, undone.after, undone.edit) == ((1, 0, 2), (1, 0, 3), {"do": "b"})
    store.record(now, HistoryEntry({"do": "d"}, (1, 0, 0), (1, 0, 0), {(1, 0): ["d"]}))
    assert store.history_entry(now, 3) is None  # undone edits are dropped
    with pytest.raises(ConflictError):
        store.record(now, HistoryEntry({"do": "e"}, (1, 0, 0), (1, 0, 0), {}))
    with pytest.raises(ConflictError):
        store.move(now, 0)
    assert store.edited_staves(found(store, job)) == {(1, 0): ["d"], (2, 1): ["a"]}


def test_one_server_at_a_time(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    store.lock()
    with pytest.raises(OmrError, match="another server"):
        Store(tmp_path).lock()
    store.close()
    again = Store(tmp_path)
    again.lock()
    again.close()


def test_an_unusable_folder_is_an_error_of_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OmrError, match="cannot be used as the server's folder"):
        Store(tmp_path / "file")
    (tmp_path / "jobs.sqlite3").write_text("no database at all, but long enough to be looked at as one" * 20)
    with pytest.raises(OmrError, match="cannot be used"):
        Store(tmp_path)


def test_a_later_schema_version_is_rejected(store: Store, tmp_path: Path) -> None:
    store.close()
    with sqlite3.connect(tmp_path / "jobs.sqlite3") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OmrError, match="format 99"):
        Store(tmp_path)
