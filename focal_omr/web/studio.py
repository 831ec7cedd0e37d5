"""The studio: one process that makes views, files and changes, and how requests wait for it.

What is made lies in the folder of its job, named after the revision it shows, until the job changes again.
"""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from focal_omr.runtime.worker_processes import Lost, WorkerProcess
from focal_omr.web.desk import Desk
from focal_omr.web.orders import Changed, Made, Order, Refusal, Subject
from focal_omr.web.refusal import RefusedError
from focal_omr.web.settings import Settings

__all__ = ["Studio"]

logger = logging.getLogger(__name__)

_MADE = "made-"  # files that can be made again


class Studio:
    """The HTTP server's side of the process.

    Args:
        settings: What it may use.
    """

    def __init__(self, settings: Settings) -> None:
        self._process: WorkerProcess[Order | None, Changed | Made | Refusal] = WorkerProcess(
            Desk(), settings.process_limits(settings.view_s)
        )
        self._most, self._waiting = settings.views_waiting, 0
        self._ended = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="studio")

    def start(self) -> None:
        """Begin to load what the first request would wait for."""
        self._thread.submit(self._carry_out, None)

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._ended.set()
        self._thread.shutdown(cancel_futures=True)
        self._process.stop()

    @staticmethod
    def target(subject: Subject, what: str) -> Path:
        """The file for what is made of a document; `what` is a word of this program, none of a client."""
        revision = "original" if subject.revision < 0 else subject.revision
        return subject.folder / f"{_MADE}{revision}-{what}"

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove what was made of earlier revisions of a document that has changed."""
        for file in folder.glob(f"{_MADE}[0-9]*"):
            file.unlink(missing_ok=True)

    async def make(self, order: Order) -> Path:
        """The file that an order names; made where it is not there.

        Raises:
            RefusedError: It cannot be made, or not now.
        """
        assert order.target is not None
        if not order.target.exists():
            await self._order(order)
        return order.target

    async def change(self, order: Order) -> Changed:
        """Carry out an order for a change. Raises as `make`."""
        changed = await self._order(order)
        assert isinstance(changed, Changed)
        return changed

    async def _order(self, order: Order) -> Changed | Made:
        if self._waiting >= self._most or self._ended.is_set():
            raise RefusedError(503, "the server has too much to do; please try again")
        self._waiting += 1
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._thread, self._carry_out, order)
        finally:
            self._waiting -= 1
        if isinstance(result, Lost):
            reason = result.reason.replace("reads", "makes")  # as `processes` has it for documents
            raise RefusedError(503, f"{order.subject.name}: this cannot be made now, it {reason}")
        if isinstance(result, Refusal):
            raise RefusedError(result.status, result.error)
        return result

    def _carry_out(self, order: Order | None) -> Changed | Made | Refusal | Lost:
        """In the thread that speaks with the process."""
        if order is not None and order.target is not None and order.target.exists():
            return Made()  # another request was for the same
        try:
            return self._process(order, given_up=self._ended.is_set)
        except Exception as error:  # a defect of this program; the process goes on
            logger.exception("studio")
            return Refusal(503, f"a defect of this program: {error!r}")
