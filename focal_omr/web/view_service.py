"""The server's side of the view worker: queueing of requests, and a file cache of what it rendered.

Rendered files lie in the folder of their job, named after their revision, until the next edit.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from focal_omr.runtime.worker_processes import Lost, WorkerProcess
from focal_omr.web.errors import RejectedError
from focal_omr.web.settings import Settings
from focal_omr.web.view_requests import DocumentRevision, Done, Edited, Rejected, ViewRequest
from focal_omr.web.view_worker import ViewWorker

__all__ = ["ViewService"]

logger = logging.getLogger(__name__)

_RENDERED = "made-"  # prefix of cached files


class ViewService:
    """One view worker and the requests that wait for it.

    Args:
        settings: Limits of memory, time and waiting requests.
    """

    def __init__(self, settings: Settings) -> None:
        self._process: WorkerProcess[ViewRequest | None, Edited | Done | Rejected] = WorkerProcess(
            ViewWorker(), settings.process_limits(settings.view_s)
        )
        self._max_waiting, self._waiting = settings.views_waiting, 0
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="views")

    def start(self) -> None:
        """Warm up the worker in the background."""
        self._thread.submit(self._handle, None)

    def stop(self) -> None:
        """End the worker, whatever it does."""
        self._stopped.set()
        self._thread.shutdown(cancel_futures=True)
        self._process.stop()

    @staticmethod
    def target(document: DocumentRevision, name: str) -> Path:
        """The cached file of a view; `name` is a constant of this program, never a client's text."""
        revision = "original" if document.revision < 0 else document.revision
        return document.folder / f"{_RENDERED}{revision}-{name}"

    @staticmethod
    def discard_stale(folder: Path) -> None:
        """Remove the cached files of a document that was edited; those of the original stay."""
        for file in folder.glob(f"{_RENDERED}[0-9]*"):
            file.unlink(missing_ok=True)

    async def render(self, request: ViewRequest) -> Path:
        """The file of a view, rendered unless it is cached.

        Raises:
            RejectedError: It cannot be rendered, or not now.
        """
        assert request.target is not None
        if not request.target.exists():
            await self._submit(request)
        return request.target

    async def edit(self, request: ViewRequest) -> Edited:
        """Apply an edit. Raises RejectedError like `render`."""
        edited = await self._submit(request)
        assert isinstance(edited, Edited)
        return edited

    async def _submit(self, request: ViewRequest) -> Edited | Done:
        if self._waiting >= self._max_waiting or self._stopped.is_set():
            raise RejectedError(503, "the server has too much to do; please try again")
        self._waiting += 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, self._handle, request)
        finally:
            self._waiting -= 1
        if isinstance(result, Lost):
            raise RejectedError(503, f"{request.document.name}: this cannot be made now, it {result.reason}")
        if isinstance(result, Rejected):
            raise RejectedError(result.status, result.error)
        return result

    def _handle(self, request: ViewRequest | None) -> Edited | Done | Rejected | Lost:
        """Runs in the thread that talks to the worker."""
        if request is not None and request.target is not None and request.target.exists():
            return Done()  # an earlier request rendered it
        try:
            return self._process(request, is_cancelled=self._stopped.is_set)
        except Exception as error:  # a bug fails one request
            logger.exception("view worker")
            return Rejected(503, f"a defect of this program: {error!r}")
