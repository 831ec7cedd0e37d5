"""What the routes share: store, readers and studio, and the way from a request to a job and its files."""

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
from fastapi import Path as InPath
from starlette.responses import Response, StreamingResponse

from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.web.content import check_content, disposition
from focal_omr.web.metrics import Metrics
from focal_omr.web.orders import Subject
from focal_omr.web.readers import Readers
from focal_omr.web.reading import UPLOAD
from focal_omr.web.settings import Settings
from focal_omr.web.store import Job, Store, new_id
from focal_omr.web.studio import Studio

__all__ = ["GivenJob", "GivenServer", "ReadJob", "Server", "no_document", "send_file"]

_AT_A_TIME = 2  # uploads that are checked and kept: each is in memory as a whole
_CHUNK_BYTES = 256 * 1024
_IN_MEMORY_BYTES = 1024 * 1024


@dataclass
class Server:
    """One server, from its start to its end; one at a time in a data folder."""

    settings: Settings
    store: Store
    metrics: Metrics
    readers: Readers
    studio: Studio
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_A_TIME))
    _changing: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @classmethod
    @asynccontextmanager
    async def running(cls, settings: Settings, metrics: Metrics) -> "AsyncIterator[Server]":
        """A server with its processes, which end with it.

        Raises:
            OmrError: The data folder cannot be used, or another server is at work there.
        """
        store = Store(settings.data)
        store.lock()
        store.recover(settings.attempts)
        server = cls(settings, store, metrics, Readers(settings, store, metrics.read), Studio(settings))
        server.readers.start()
        if settings.warm:
            server.studio.start()
        try:
            yield server
        finally:
            server.studio.stop()
            server.readers.stop()
            store.close()

    def accept(self, file: BinaryIO, name: str) -> str:
        """Check and queue what was uploaded; the id of its job. Raises RefusedError, FullError."""
        data = file.read(self.settings.upload_bytes + 1)
        check_content(data, name, self.settings)
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
        """A job as clients see it."""
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

    def subject(self, job: Job, *, original: bool = False) -> Subject:
        """A document that was read, as it is now or as it was read."""
        folder = self.store.folder(job.id)
        if original:
            return Subject(job.id, folder, job.name, -1, {})
        undone = self.store.change(job, job.applied + 1)
        return Subject(
            job.id,
            folder,
            job.name,
            job.revision,
            self.store.staves(job),
            job.applied > 0,
            undone is not None,
        )

    def changing(self, job: str) -> asyncio.Lock:
        """Held by who changes a job: one change after the other."""
        lock = self._changing.get(job)
        if lock is None:
            lock = self._changing[job] = asyncio.Lock()
        return lock


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def no_document() -> HTTPException:
    """What is answered where a job, or a file of it, is not there."""
    return HTTPException(404, "there is no such document, or no longer")


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


GivenServer = Annotated[Server, Depends(_server)]


async def _job(
    id: Annotated[str, InPath(max_length=64, description="Of the job.")], server: GivenServer
) -> Job:
    job = server.store.find(id)
    if job is None:
        raise no_document()
    return job


GivenJob = Annotated[Job, Depends(_job)]


async def _read_job(job: GivenJob) -> Job:
    if job.status == "failed":
        raise HTTPException(409, f"the document could not be read: {job.error}")
    if job.status != "done":
        raise HTTPException(409, "the document is not read yet")
    return job


ReadJob = Annotated[Job, Depends(_read_job)]


def send_file(path: Path, media_type: str, *, name: str = "", cache: str = "") -> Response:
    """A file of this server's own, opened now: that it is removed while it is sent does no harm.

    Args:
        path: Of the file.
        media_type: What it is.
        name: To be kept under; "": it is shown.
        cache: Cache-Control; "": it is asked for each time.

    Raises:
        HTTPException: 404 where it is gone.
    """
    headers = {"Content-Disposition": disposition(name)} if name else {}
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
