"""Store of jobs and their edit histories: one SQLite file, and a folder of files per job.

The database is authoritative: files are written before their row and removed after it. A killed server leaves
at most files without a row, which the next start removes.
"""

import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from focal_omr.errors import OmrError
from focal_omr.runtime.atomic_files import remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.web.database import Database

__all__ = ["ConflictError", "FullError", "HistoryEntry", "Job", "Selection", "Status", "Store", "new_id"]

Status = Literal["queued", "running", "done", "failed"]
Selection = tuple[int, int, int]  # page number, indices of staff and symbol
_ID_BYTES = 16  # 128 random bits: the URL of a job cannot be guessed
_JOBS, _DATABASE = "jobs", "jobs.sqlite3"


class FullError(OmrError):
    """The queue or the storage is full; the message says which."""


class ConflictError(OmrError):
    """An edit of a revision that is no longer the current one."""


@dataclass(frozen=True)
class Job:
    """An uploaded document and its state; fields are the columns of the table.

    Attributes:
        number: Position in the queue.
        id: Random; whoever knows it may see the job.
        name: Display name of the file.
        status: State.
        error: Why it failed, one line for the user.
        progress: 0 .. 1.
        pages: Pages of the document, None until they are counted.
        pages_read, staves_read: Counts so far.
        bytes: Size of its files.
        attempts: How often reading it was started.
        created, expires: Seconds since 1970.
        revision: Increases with each edit, undo and redo; the document at a revision never changes.
        applied: Edits of the history that are applied; those after them are undone.
    """

    number: int
    id: str
    name: str
    status: Status
    error: str | None
    progress: float
    pages: int | None
    pages_read: int
    staves_read: int
    bytes: int
    attempts: int
    created: float
    expires: float
    revision: int
    applied: int


@dataclass(frozen=True)
class HistoryEntry:
    """One edit of a history.

    Attributes:
        edit: The edit as JSON values.
        before, after: Selected symbol.
        staves: Symbols of the edited staves after it, as JSON values, by (page number, staff).
    """

    edit: Mapping[str, Any]
    before: Selection
    after: Selection
    staves: Mapping[tuple[int, int], Any]


def new_id() -> str:
    """A random id for a job that cannot be guessed."""
    return secrets.token_urlsafe(_ID_BYTES)


class Store:
    """The jobs of a data folder, for any number of threads and for the worker processes.

    Args:
        data: The folder; it, its database and the folder of jobs are created if missing.

    Raises:
        OmrError: The folder or its database cannot be used.
    """

    def __init__(self, data: Path) -> None:
        self._database = Database(data / _DATABASE)
        self._jobs = data / _JOBS
        self._lock = ExitStack()
        self._started = time.time() - time.monotonic()
        try:
            self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database.create_tables()
        except (OSError, sqlite3.Error) as error:
            raise OmrError(f"{data}: cannot be used as the server's folder ({error})") from error

    def _now(self) -> float:
        """Seconds since 1970, immune to clock changes since the start: they must not expire jobs."""
        return self._started + time.monotonic()

    def lock(self) -> None:
        """Lock the folder against other servers until `close`. Raises OutputError if it is locked."""
        self._lock.enter_context(lock_folder(self._jobs.parent, other="another server"))

    def close(self) -> None:
        """Close the database in all threads."""
        self._database.close()
        self._lock.close()

    def folder(self, job: str) -> Path:
        """Folder of a job's files; `job` must be an id from the database, never a client's text."""
        return self._jobs / job

    # Jobs ---------------------------------------------------------------------------------------------------

    def add(self, job: str, name: str, size: int, *, expire_s: float, queued: int, stored: int) -> None:
        """Queue a job; its file must be in its folder.

        Args:
            job: Id from `new_id`.
            name: Display name.
            size: Size of its file in bytes.
            expire_s: Seconds until it is removed.
            queued: Limit of queued jobs, this one included.
            stored: Limit of the bytes of all jobs, this one included.

        Raises:
            FullError: A limit would be exceeded.
        """
        now = self._now()
        with self._database.writing() as database:
            self._check_room(database, size, queued, stored)
            database.execute(
                "INSERT INTO jobs (id, name, status, bytes, created, expires)"
                " VALUES (?, ?, 'queued', ?, ?, ?)",
                (job, name, size, now, now + expire_s),
            )

    def check_room(self, size: int, *, queued: int, stored: int) -> None:
        """Raise FullError if `add` would.

        Args:
            size: Size of a file in bytes.
            queued: Limit of queued jobs.
            stored: Limit of the bytes of all jobs.
        """
        self._check_room(self._database.connection, size, queued, stored)

    @staticmethod
    def _check_room(database: sqlite3.Connection, size: int, queued: int, stored: int) -> None:
        waiting, taken = database.execute(
            "SELECT COALESCE(SUM(status = 'queued'), 0), COALESCE(SUM(bytes), 0) FROM jobs"
        ).fetchone()
        if waiting >= queued:
            raise FullError(f"{waiting} documents are waiting already; please try again later")
        if taken + size > stored:
            raise FullError("the server's storage is full; please try again later")

    def find(self, job: str) -> Job | None:
        """A job by its id; None if it does not exist or has expired."""
        row = self._database.connection.execute(
            "SELECT * FROM jobs WHERE id = ? AND expires > ?", (job, self._now())
        ).fetchone()
        return None if row is None else Job(*row)

    def exists(self, job: str) -> bool:
        """Whether a job exists: it was neither deleted nor removed."""
        found = self._database.connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone()
        return found is not None

    def waiting(self, job: Job) -> int:
        """Number of jobs ahead of a queued one."""
        (count,) = self._database.connection.execute(
            "SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND number < ?", (job.number,)
        ).fetchone()
        return int(count)

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        rows = self._database.rows("SELECT status, COUNT(*) FROM jobs GROUP BY status")
        return {"queued": 0, "running": 0, "done": 0, "failed": 0} | dict(rows)

    def claim(self) -> Job | None:
        """Mark the oldest queued job as running and return it; None if the queue is empty."""
        with self._database.writing() as database:
            row = database.execute(
                "UPDATE jobs SET status = 'running', attempts = attempts + 1 WHERE number ="
                " (SELECT MIN(number) FROM jobs WHERE status = 'queued') RETURNING *"
            ).fetchone()
        return None if row is None else Job(*row)

    def advance(
        self, job: str, progress: float, *, pages: int, pages_read: int = 0, staves_read: int = 0
    ) -> None:
        """Update the progress of a running job.

        Args:
            job: Its id.
            progress: 0 .. 1.
            pages: Pages of the document.
            pages_read: Count so far.
            staves_read: Count so far.
        """
        self._database.update_jobs(
            "progress = ?, pages = ?, pages_read = ?, staves_read = ? WHERE id = ? AND status = 'running'",
            (progress, pages, pages_read, staves_read, job),
        )

    def finish(self, job: str, size: int) -> None:
        """Mark a running job as done; `size` is the size of its files in bytes."""
        self._database.update_jobs(
            "status = 'done', progress = 1, bytes = ? WHERE id = ? AND status = 'running'", (size, job)
        )

    def fail(self, job: str, error: str) -> None:
        """Mark a job as failed; the error is one line for the user."""
        self._database.update_jobs("status = 'failed', bytes = 0, error = ? WHERE id = ?", (error, job))

    def requeue(self, job: str) -> None:
        """Return a running job to the queue; the attempt does not count."""
        self._database.update_jobs(
            "status = 'queued', progress = 0, attempts = attempts - 1 WHERE id = ? AND status = 'running'",
            (job,),
        )

    def delete(self, job: str) -> bool:
        """Remove a job and its files; returns whether it existed."""
        with self._database.writing() as database:
            gone = database.execute("DELETE FROM jobs WHERE id = ?", (job,)).rowcount > 0
        if gone:
            shutil.rmtree(self.folder(job), ignore_errors=True)
        return gone

    def remove_expired(self) -> int:
        """Remove expired jobs; returns their number."""
        rows = self._database.rows("SELECT id FROM jobs WHERE expires <= ?", (self._now(),))
        return sum(self.delete(job) for (job,) in rows)

    def recover(self, attempts: int) -> None:
        """Clean up after a killed server; no other may be running.

        Running jobs are queued again unless they have had `attempts` attempts; files without a job are
        removed.
        """
        self._database.update_jobs(
            "status = 'queued', progress = 0 WHERE status = 'running' AND attempts < ?", (attempts,)
        )
        message = f"the server stopped {attempts} times while reading this document"
        self._database.update_jobs(
            "status = 'failed', bytes = 0, error = ? WHERE status = 'running'", (message,)
        )
        self.remove_expired()
        known = {job for (job,) in self._database.rows("SELECT id FROM jobs")}
        for folder in self._jobs.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                remove_parts(folder)
        kept = self._database.rows("SELECT id FROM jobs WHERE status IN ('queued', 'done')")
        for (job,) in kept:
            if not self.folder(job).is_dir():
                self.fail(job, "the files of this document are gone from the server")

    # Edits --------------------------------------------------------------------------------------------------

    def edited_staves(self, job: Job) -> dict[tuple[int, int], Any]:
        """Current symbols of the edited staves as JSON values, by (page number, staff)."""
        staves: dict[tuple[int, int], Any] = {}
        rows = self._database.rows(
            "SELECT staves FROM changes WHERE job = ? AND number <= ? ORDER BY number", (job.id, job.applied)
        )
        for (text,) in rows:
            staves.update(_staves(text))
        return staves

    def history_entry(self, job: Job, number: int) -> HistoryEntry | None:
        """An entry of a job's history, counted from 1; None beyond its ends."""
        row = self._database.connection.execute(
            "SELECT change, before, after, staves FROM changes WHERE job = ? AND number = ?", (job.id, number)
        ).fetchone()
        if row is None:
            return None
        edit, before, after = (json.loads(text) for text in row[:3])
        return HistoryEntry(
            edit, cast(Selection, tuple(before)), cast(Selection, tuple(after)), _staves(row[3])
        )

    def record(self, job: Job, entry: HistoryEntry) -> int:
        """Append an edit after the applied ones, dropping undone ones; returns the new revision.

        Raises:
            ConflictError: The job was edited since it was loaded.
        """
        staves = [[page, staff, symbols] for (page, staff), symbols in entry.staves.items()]
        texts = [json.dumps(each) for each in (entry.edit, entry.before, entry.after, staves)]
        with self._database.writing() as database:
            self._move(database, job, job.applied + 1)
            database.execute("DELETE FROM changes WHERE job = ? AND number > ?", (job.id, job.applied))
            database.execute(
                "INSERT INTO changes (job, number, change, before, after, staves) VALUES (?, ?, ?, ?, ?, ?)",
                (job.id, job.applied + 1, *texts),
            )
        return job.revision + 1

    def move(self, job: Job, applied: int) -> int:
        """Apply the first `applied` edits of the history; returns the new revision. Raises ConflictError."""
        with self._database.writing() as database:
            self._move(database, job, applied)
        return job.revision + 1

    @staticmethod
    def _move(database: sqlite3.Connection, job: Job, applied: int) -> None:
        moved = database.execute(
            "UPDATE jobs SET revision = revision + 1, applied = ? WHERE id = ? AND revision = ?",
            (applied, job.id, job.revision),
        )
        if not moved.rowcount:
            raise ConflictError("the document has changed meanwhile")


def _staves(text: str) -> dict[tuple[int, int], Any]:
    return {(page, staff): symbols for page, staff, symbols in json.loads(text)}
