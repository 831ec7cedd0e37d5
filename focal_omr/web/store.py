"""Jobs and the history of their changes in one SQLite file, and a folder of files for each job.

The database says what is so; files are written before the row that speaks of them and removed after it. So a
server that was killed leaves at most files that no row knows, which are removed at the next start.
"""

import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from focal_omr.errors import OmrError
from focal_omr.runtime.atomic_files import remove_parts
from focal_omr.runtime.folder_lock import lock_folder
from focal_omr.web.database import Database

__all__ = ["ConflictError", "Entry", "FullError", "Job", "Place", "Status", "Store", "new_id"]

Status = Literal["queued", "running", "done", "failed"]
Place = tuple[int, int, int]  # number of the page, indices of staff and symbol
_ID_BYTES = 16  # 128 random bits: nobody guesses the address of another's job
_JOBS, _DATABASE = "jobs", "jobs.sqlite3"


class FullError(OmrError):
    """There is no room for another job; the message says of what kind."""


class ConflictError(OmrError):
    """A change was made to another revision than the current one."""


@dataclass(frozen=True)
class Job:
    """A document that was uploaded, and what has become of it.

    Attributes:
        id: Random; whoever knows it may see the job.
        name: Of the file, to be shown.
        status, error: Where it stands; why it failed.
        progress: 0 .. 1.
        pages: Of the document, None until they are counted.
        pages_read, staves_read: How many are.
        bytes: That its files take.
        attempts: How often reading it was begun.
        created, expires: In seconds since 1970.
        revision: Counts changes, undoing and doing again; what is made of a revision stays so.
        applied: Changes of the history that hold; those after them are undone.
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
class Entry:
    """One entry of a history.

    Attributes:
        change: What the user did.
        before, after: What was selected.
        staves: The symbols of the staves that it changed, as plain values, by (number of the page, staff).
    """

    change: Mapping[str, Any]
    before: Place
    after: Place
    staves: Mapping[tuple[int, int], Any]


def new_id() -> str:
    """A name for a job that cannot be guessed."""
    return secrets.token_urlsafe(_ID_BYTES)


class Store:
    """The jobs of a data folder; for any number of threads, and for the processes that read.

    Args:
        data: The folder; it, its database and the folder of jobs are made where they are missing.

    Raises:
        OmrError: The folder or its database cannot be used.
    """

    def __init__(self, data: Path) -> None:
        self._database = Database(data / _DATABASE)
        self._jobs = data / _JOBS
        self._alone = ExitStack()
        self._started = time.time() - time.monotonic()
        try:
            self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database.make_tables()
        except (OSError, sqlite3.Error) as error:
            raise OmrError(f"{data}: cannot be used as the server's folder ({error})") from error

    def _now(self) -> float:
        """Seconds since 1970 by the clock at the start: one that is set anew removes no jobs."""
        return self._started + time.monotonic()

    def lock(self) -> None:
        """Keep other servers from this folder, until `close`. Raises OutputError where one is there."""
        self._alone.enter_context(lock_folder(self._jobs.parent, other="another server"))

    def close(self) -> None:
        """Close the database in all threads."""
        self._database.close()
        self._alone.close()

    def folder(self, job: str) -> Path:
        """Where the files of a job lie; `job` is an id that this module made, nothing that a client sent."""
        return self._jobs / job

    # Jobs ---------------------------------------------------------------------------------------------------

    def add(self, job: str, name: str, size: int, *, expire_s: float, queued: int, stored: int) -> None:
        """Queue a job whose file lies in its folder.

        Args:
            job: From `new_id`.
            name: To be shown.
            size: Of its file in bytes.
            expire_s: Seconds until it is removed.
            queued, stored: Jobs that may wait, and bytes that all may take, with this one.

        Raises:
            FullError: One of the two would be exceeded.
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
        """Raise FullError where `add` would."""
        self._check_room(self._database.connection, size, queued, stored)

    @staticmethod
    def _check_room(database: sqlite3.Connection, size: int, queued: int, stored: int) -> None:
        waiting, taken = database.execute(
            "SELECT COALESCE(SUM(status = 'queued'), 0), COALESCE(SUM(bytes), 0) FROM jobs"
        ).fetchone()
        if waiting >= queued:
            raise FullError(f"{waiting} documents wait already; please try again later")
        if taken + size > stored:
            raise FullError("the server's storage is full; please try again later")

    def find(self, job: str) -> Job | None:
        """A job by its id; None where there is none, or no longer."""
        row = self._database.connection.execute(
            "SELECT * FROM jobs WHERE id = ? AND expires > ?", (job, self._now())
        ).fetchone()
        return None if row is None else Job(*row)

    def is_there(self, job: str) -> bool:
        """Whether a job was neither deleted nor removed."""
        found = self._database.connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone()
        return found is not None

    def waiting(self, job: Job) -> int:
        """How many jobs are read before one that is queued."""
        (count,) = self._database.connection.execute(
            "SELECT COUNT(*) FROM jobs WHERE status = 'queued' AND number < ?", (job.number,)
        ).fetchone()
        return int(count)

    def counts(self) -> dict[str, int]:
        """Jobs by their status."""
        rows = self._database.rows("SELECT status, COUNT(*) FROM jobs GROUP BY status")
        return {"queued": 0, "running": 0, "done": 0, "failed": 0} | dict(rows)

    def claim(self) -> Job | None:
        """The job that waits longest, which runs from now on; None where none waits."""
        with self._database.writing() as database:
            row = database.execute(
                "UPDATE jobs SET status = 'running', attempts = attempts + 1 WHERE number ="
                " (SELECT MIN(number) FROM jobs WHERE status = 'queued') RETURNING *"
            ).fetchone()
        return None if row is None else Job(*row)

    def advance(
        self, job: str, progress: float, *, pages: int, pages_read: int = 0, staves_read: int = 0
    ) -> None:
        """Say how far a running job is."""
        self._database.update_jobs(
            "progress = ?, pages = ?, pages_read = ?, staves_read = ? WHERE id = ? AND status = 'running'",
            (progress, pages, pages_read, staves_read, job),
        )

    def finish(self, job: str, size: int) -> None:
        """A running job is done; `size` is what its files take in bytes."""
        self._database.update_jobs(
            "status = 'done', progress = 1, bytes = ? WHERE id = ? AND status = 'running'", (size, job)
        )

    def fail(self, job: str, error: str) -> None:
        """A job has failed; the error is one line for the user."""
        self._database.update_jobs("status = 'failed', bytes = 0, error = ? WHERE id = ?", (error, job))

    def put_back(self, job: str) -> None:
        """A running job waits again, as if it had not been begun."""
        self._database.update_jobs(
            "status = 'queued', progress = 0, attempts = attempts - 1 WHERE id = ? AND status = 'running'",
            (job,),
        )

    def delete(self, job: str) -> bool:
        """Remove a job and its files; whether there was one."""
        with self._database.writing() as database:
            gone = database.execute("DELETE FROM jobs WHERE id = ?", (job,)).rowcount > 0
        if gone:
            shutil.rmtree(self.folder(job), ignore_errors=True)
        return gone

    def remove_expired(self) -> int:
        """Remove the jobs whose time has come; how many."""
        rows = self._database.rows("SELECT id FROM jobs WHERE expires <= ?", (self._now(),))
        return sum(self.delete(job) for (job,) in rows)

    def recover(self, attempts: int) -> None:
        """Put in order what a server left that was killed; none may be at work.

        Jobs that were read are read again, up to so many attempts; files that no job knows are removed.
        """
        self._database.update_jobs(
            "status = 'queued', progress = 0 WHERE status = 'running' AND attempts < ?", (attempts,)
        )
        message = f"the server stopped {attempts} times while it read this document"
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

    # Changes ------------------------------------------------------------------------------------------------

    def staves(self, job: Job) -> dict[tuple[int, int], Any]:
        """The symbols of the staves that were changed, as they are now, by (number of the page, staff)."""
        staves: dict[tuple[int, int], Any] = {}
        rows = self._database.rows(
            "SELECT staves FROM changes WHERE job = ? AND number <= ? ORDER BY number", (job.id, job.applied)
        )
        for (text,) in rows:
            staves.update(_staves(text))
        return staves

    def change(self, job: Job, number: int) -> Entry | None:
        """An entry of the history of a job, counted from 1."""
        row = self._database.connection.execute(
            "SELECT change, before, after, staves FROM changes WHERE job = ? AND number = ?", (job.id, number)
        ).fetchone()
        if row is None:
            return None
        change, before, after = (json.loads(text) for text in row[:3])
        return Entry(change, _place(before), _place(after), _staves(row[3]))

    def record(self, job: Job, change: Entry) -> int:
        """Add a change after those that hold, in the place of the undone ones; the new revision.

        Raises:
            ConflictError: The job has changed since it was found.
        """
        staves = [[page, staff, symbols] for (page, staff), symbols in change.staves.items()]
        texts = [json.dumps(each) for each in (change.change, change.before, change.after, staves)]
        with self._database.writing() as database:
            self._move(database, job, job.applied + 1)
            database.execute("DELETE FROM changes WHERE job = ? AND number > ?", (job.id, job.applied))
            database.execute(
                "INSERT INTO changes (job, number, change, before, after, staves) VALUES (?, ?, ?, ?, ?, ?)",
                (job.id, job.applied + 1, *texts),
            )
        return job.revision + 1

    def move(self, job: Job, applied: int) -> int:
        """Let so many changes of the history hold; the new revision. Raises ConflictError as `record`."""
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


def _place(values: Sequence[int]) -> Place:
    page, staff, symbol = values
    return page, staff, symbol
