"""The readers: threads that take jobs from the queue, each with a process that reads them.

A job whose process dies or takes too long fails alone, with a line that says so.
"""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from focal_omr.errors import OmrError
from focal_omr.runtime.worker_processes import CANCELLED, Lost, WorkerProcess
from focal_omr.web.reading import UPLOAD, JobReader, Task
from focal_omr.web.settings import Settings
from focal_omr.web.store import Job, Store

__all__ = ["Readers"]

logger = logging.getLogger(__name__)

_LOOK_S = 5.0  # between looks for jobs that nobody announced
_CLEAN_S = 60.0  # between removals of what has expired


class Readers:
    """All readers of a server.

    Args:
        settings: How many, and what they may use.
        store: Where the jobs are.
        told: Is told of each job how many seconds it took and whether it was read.
    """

    def __init__(self, settings: Settings, store: Store, told: Callable[[float, bool], None]) -> None:
        self._settings, self._store, self._told = settings, store, told
        self._wake = threading.Semaphore(0)
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._clean, name="cleaner")]
        self._processes: list[WorkerProcess[Task | None, str]] = []
        for number in range(settings.workers):
            reader = JobReader(
                settings.data,
                model=settings.model,
                threads=settings.threads_each,
                pages=settings.pages,
            )
            process: WorkerProcess[Task | None, str] = WorkerProcess(
                reader, settings.process_limits(settings.seconds)
            )
            self._processes.append(process)
            self._threads.append(
                threading.Thread(target=self._serve, args=(process,), name=f"reader {number}")
            )

    def start(self) -> None:
        """Begin with what waits."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """A job was queued."""
        self._wake.release()

    def stop(self) -> None:
        """End all readers; jobs in work wait again."""
        self._ended.set()
        for _ in self._threads:
            self._wake.release()
        for thread in self._threads:
            thread.join()

    def pids(self) -> list[int]:
        """Of the processes that read, as far as they are started."""
        return [each.pid for each in self._processes if each.pid is not None]

    def _serve(self, process: WorkerProcess[Task | None, str]) -> None:
        """One reader's life."""
        try:
            if self._settings.warm and (result := process(None, given_up=self._ended.is_set)):
                logger.error("reader: %s", result.reason if isinstance(result, Lost) else result)
            job: Job | None = None
            while not self._ended.is_set():
                try:
                    if job is not None:  # what came of it could not be written down, as on a full disk
                        self._store.requeue(job.id)
                        job = None
                    job = self._store.claim()
                    if job is None:
                        self._wake.acquire(timeout=_LOOK_S)
                    else:
                        self._read(process, job)
                        job = None
                except (OmrError, OSError, sqlite3.Error):
                    logger.exception("a reader could not go on, and tries again")
                    self._ended.wait(_LOOK_S)
        finally:
            process.stop()

    def _read(self, process: WorkerProcess[Task | None, str], job: Job) -> None:
        folder = self._store.folder(job.id)
        start = time.monotonic()

        def given_up() -> bool:
            return self._ended.is_set() or not self._store.exists(job.id)

        result = process(Task(job.id, folder, job.name), given_up=given_up)
        if result is CANCELLED:
            self._store.requeue(job.id)  # no job, where it was deleted
        if not self._store.exists(job.id):
            shutil.rmtree(folder, ignore_errors=True)  # what was written since it was deleted
            return
        if result is CANCELLED:
            return
        error = f"{job.name}: {result.reason}" if isinstance(result, Lost) else result
        self._told(time.monotonic() - start, not error)
        # First the row, then the files: a job that is to be read again has its file.
        if error:
            self._store.fail(job.id, error)
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
        else:
            upload = folder / UPLOAD
            self._store.finish(job.id, _size(folder) - upload.stat().st_size)
            upload.unlink()

    def _clean(self) -> None:
        """Remove what has expired, as long as the server is there."""
        while not self._ended.wait(min(_CLEAN_S, self._settings.expire_s)):
            try:
                self._store.remove_expired()
            except (OSError, sqlite3.Error):
                logger.exception("expired documents could not be removed")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
