"""The reading side of the server: threads that take jobs from the queue, each with a worker process.

A job whose process crashes or exceeds its limits fails alone, with a one-line reason.
"""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable

from focal_omr.batch.manifest import DocumentRecord
from focal_omr.errors import OmrError
from focal_omr.runtime.worker_processes import CANCELLED, Lost, WorkerProcess
from focal_omr.web.reading import UPLOAD, JobReader, JobTask
from focal_omr.web.settings import Settings
from focal_omr.web.store import Job, Store

__all__ = ["Readers"]

logger = logging.getLogger(__name__)

_POLL_S = 5.0  # between two looks for jobs that `wake` did not announce
_CLEAN_S = 60.0  # between two removals of expired jobs

_Worker = WorkerProcess[JobTask | None, DocumentRecord]


class Readers:
    """All worker processes of a server that read, and the thread that removes expired jobs.

    Args:
        settings: Number and limits of the workers.
        store: The job store.
        on_read: Called after each job with its time in seconds and whether it succeeded.
    """

    def __init__(self, settings: Settings, store: Store, on_read: Callable[[float, bool], None]) -> None:
        self._settings, self._store, self._on_read = settings, store, on_read
        self._wake = threading.Semaphore(0)
        self._stopped = threading.Event()
        reader = JobReader(
            settings.data,
            model=settings.model,
            threads=settings.threads_each,
            max_pages=settings.pages,
        )
        limits = settings.process_limits(settings.seconds)
        self._workers = [_Worker(reader, limits) for _ in range(settings.workers)]
        self._threads = [threading.Thread(target=self._clean, name="cleaner")]
        for number, worker in enumerate(self._workers):
            self._threads.append(
                threading.Thread(target=self._serve, args=(worker,), name=f"reader {number}")
            )

    def start(self) -> None:
        """Start to read queued jobs."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Announce a queued job."""
        self._wake.release()

    def stop(self) -> None:
        """Stop all workers; running jobs are queued again."""
        self._stopped.set()
        for _ in self._threads:
            self._wake.release()
        for thread in self._threads:
            thread.join()

    def pids(self) -> list[int]:
        """Process ids of the workers that have started."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    def _serve(self, worker: _Worker) -> None:
        """Loop of one thread: claim a job, read it, wait for the next."""
        try:
            if self._settings.warm:
                opened = worker(None, is_cancelled=self._stopped.is_set)
                if reason := opened.reason if isinstance(opened, Lost) else opened.error:
                    logger.error("reader: %s", reason)
            job: Job | None = None
            while not self._stopped.is_set():
                try:
                    if job is not None:  # its outcome could not be stored: a full disk, say
                        self._store.requeue(job.id)
                        job = None
                    job = self._store.claim()
                    if job is None:
                        self._wake.acquire(timeout=_POLL_S)
                    else:
                        self._read(worker, job)
                        job = None
                except (OmrError, OSError, sqlite3.Error):
                    logger.exception("a reader failed and tries again")
                    self._stopped.wait(_POLL_S)
        finally:
            worker.stop()

    def _read(self, worker: _Worker, job: Job) -> None:
        """Read a job and store its outcome."""
        folder = self._store.folder(job.id)
        upload = folder / UPLOAD
        start = time.monotonic()

        def is_cancelled() -> bool:
            return self._stopped.is_set() or not self._store.exists(job.id)

        result = worker(JobTask(upload, job.name, job=job.id), is_cancelled=is_cancelled)
        if result is CANCELLED:
            self._store.requeue(job.id)  # does nothing if it was deleted
        if not self._store.exists(job.id):
            shutil.rmtree(folder, ignore_errors=True)  # files written after it was deleted
            return
        if result is CANCELLED:
            return
        error = f"{job.name}: {result.reason}" if isinstance(result, Lost) else result.error
        self._on_read(time.monotonic() - start, error is None)
        # First the row, then the files: a job that has to be read again still has its upload.
        if error is not None:
            self._store.fail(job.id, error)
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
        else:
            size = sum(file.stat().st_size for file in folder.iterdir())
            self._store.finish(job.id, size - upload.stat().st_size)
            upload.unlink()

    def _clean(self) -> None:
        """Loop of the thread that removes expired jobs."""
        while not self._stopped.wait(min(_CLEAN_S, self._settings.expire_s)):
            try:
                self._store.remove_expired()
            except (OSError, sqlite3.Error):
                logger.exception("expired documents could not be removed")
