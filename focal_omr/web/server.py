"""Shared state of the routes: store, readers and view service, and the dependencies that find a job."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from weakref import WeakValueDictionary

from fastapi import Depends, HTTPException, Request
from fastapi import Path as PathParam
from starlette.responses import Response, StreamingResponse

from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.metrics import Metrics
from focal_omr.web.readers import Readers
from focal_omr.web.reading import UPLOAD
from focal_omr.web.settings import Settings
from focal_omr.web.store import Job, Store, new_id
from focal_omr.web.uploads import check_upload, content_disposition
from focal_omr.web.view_requests import DocumentRevision
from focal_omr.web.view_service import ViewService

__all__ = ["DoneJobDep", "JobDep", "Server", "ServerDep", "no_document", "send_file"]

_CONCURRENT_UPLOADS = 2  # each is held in memory as a whole
_CHUNK_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 1024 * 1024


@dataclass
class Server:
    """One running server; a data folder serves one at a time."""

    settings: Settings
    store: Store
    metrics: Metrics
    readers: Readers
    views: ViewService
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONCURRENT_UPLOADS))
    _edit_locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings, metrics: Metrics) -> "AsyncIterator[Server]":
        """A server and its worker processes, which end with the context.

        Raises:
            OmrError: The data folder cannot be used, or another server uses it.
        """
        store = Store(settings.data)
        store.lock()
        store.recover(settings.attempts)
        server = cls(
            settings, store, metrics, Readers(settings, store, metrics.count_job), ViewService(settings)
        )
        server.readers.start()
        if settings.warm:
            server.views.start()
        try:
            yield server
        finally:
            server.views.stop()
            server.readers.stop()
            store.close()

    def accept(self, file: BinaryIO, name: str) -> str:
        """Check and queue an upload; returns the id of its job. Raises RejectedError, FullError."""
        data = file.read(self.settings.upload_bytes + 1)
        check_upload(data, name, self.settings)
        limits = {"queued": self.settings.queued, "stored": self.settings.stored_bytes}
        self.store.check_room(len(data), **limits)
        job = new_id()
        folder = self.store.folder(job)
        folder.mkdir(mode=0o700)
        try:
            write_atomic(folder / UPLOAD, data)
            self.store.add(job, name, len(data), expire_s=self.settings.expire_s, **limits)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return job

    def state(self, job: Job) -> dict[str, Any]:
        """The state of a job for clients."""
        return {
            "id": job.id,
            "name": job.name,
            "status": job.status,
            "progress": job.progress,
            "error": job.error,
            "pages": job.pages,
            "pages_read": job.pages_read,
            "staves_read": job.staves_read,
            "waiting": self.store.waiting(job) if job.status == "queued" else None,
            "created": _iso(job.created),
            "expires": _iso(job.expires),
        }

    def revision(self, job: Job, *, original: bool = False) -> DocumentRevision:
        """The current revision of a job's document, or the document as it was read."""
        folder = self.store.folder(job.id)
        if original:
            return DocumentRevision(job.id, folder, job.name, -1, {})
        return DocumentRevision(
            job.id,
            folder,
            job.name,
            job.revision,
            self.store.edited_staves(job),
            can_undo=job.applied > 0,
            can_redo=self.store.history_entry(job, job.applied + 1) is not None,
        )

    def edit_lock(self, job: str) -> asyncio.Lock:
        """The lock that serialises edits of a job."""
        lock = self._edit_locks.get(job)
        if lock is None:
            lock = self._edit_locks[job] = asyncio.Lock()
        return lock


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def no_document() -> HTTPException:
    """The response if a job, or one of its files, does not exist."""
    return HTTPException(404, "there is no such document, or no longer")


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


ServerDep = Annotated[Server, Depends(_server)]


async def _job(
    id: Annotated[str, PathParam(max_length=64, description="Id of the job.")], server: ServerDep
) -> Job:
    job = server.store.find(id)
    if job is None:
        raise no_document()
    return job


JobDep = Annotated[Job, Depends(_job)]


async def _done_job(job: JobDep) -> Job:
    if job.status == "failed":
        raise HTTPException(409, f"the document could not be read: {job.error}")
    if job.status != "done":
        raise HTTPException(409, "the document is not read yet")
    return job


DoneJobDep = Annotated[Job, Depends(_done_job)]


def send_file(path: Path, media_type: str, *, name: str = "", cache: str = "") -> Response:
    """Send one of the server's files; it is opened now, so it may be removed while it is sent.

    Args:
        path: The file.
        media_type: Its media type.
        name: Name for the browser to save it under; "" displays it.
        cache: Cache-Control; "" uses the default of `Guard`: revalidate each time.

    Raises:
        HTTPException: 404 if the file is gone.
    """
    headers = {"Content-Disposition": content_disposition(name)} if name else {}
    if cache:
        headers["Cache-Control"] = cache
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise no_document() from None
    size = path.stat().st_size
    if size <= _IN_MEMORY_BYTES:
        with file:
            return Response(file.read(), headers=headers, media_type=media_type)
    headers["Content-Length"] = str(size)
    return StreamingResponse(_chunks(file), headers=headers, media_type=media_type)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
