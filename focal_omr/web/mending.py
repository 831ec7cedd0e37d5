"""Routes that change a document: each answers with what is selected now and all that may look different."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from focal_omr.editing.edits import Edit
from focal_omr.web import answers
from focal_omr.web.answers import problems
from focal_omr.web.orders import Order
from focal_omr.web.server import GivenServer, ReadJob, Server, no_document
from focal_omr.web.store import Entry, Job

__all__ = ["router"]

router = APIRouter(tags=["mending"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": answers.Changed},
    **problems(403, 404, 409, 413, 422, 503),
}
Index = Annotated[int, Field(ge=0, le=1_000_000)]
Revision = Annotated[
    int, Field(ge=0, le=2**53, description="That the client sees; 409 if it is not the last.")
]


class Move(BaseModel):
    """From which revision on the history is gone along."""

    model_config = ConfigDict(extra="forbid")

    revision: Revision


class Request(Move):
    """A change to the symbol at a place."""

    page: Annotated[int, Field(ge=1, le=100_000, description="Number of the page, from 1.")]
    staff: Annotated[Index, Field(description="On the page, from 0.")]
    symbol: Annotated[Index, Field(description="On the staff, from 0.")]
    change: Edit


@router.post("/api/jobs/{id}/changes", summary="Change a symbol", responses=_RESPONSES)
async def change(job: ReadJob, request: Request, server: GivenServer) -> Response:
    async with server.changing(job.id):
        job = _current(server, job, request)
        if job.applied >= server.settings.changes:
            raise HTTPException(422, f"{job.applied} changes are the most that are kept")
        place = (request.page, request.staff, request.symbol)
        wanted = request.change.model_dump()
        order = Order(server.subject(job), "change", place=place, change=wanted)
        changed = await server.studio.change(order)
        server.store.record(job, Entry(wanted, place, changed.place, changed.staves))
        server.studio.forget(server.store.folder(job.id))
    return Response(changed.answer, media_type="application/json")


@router.post("/api/jobs/{id}/undo", summary="Undo the last change", responses=_RESPONSES)
async def undo(job: ReadJob, request: Move, server: GivenServer) -> Response:
    return await _go(server, job, request, -1)


@router.post("/api/jobs/{id}/redo", summary="Do again what was undone", responses=_RESPONSES)
async def redo(job: ReadJob, request: Move, server: GivenServer) -> Response:
    return await _go(server, job, request, 1)


def _current(server: Server, job: Job, request: Move) -> Job:
    """The job as it is now that nobody else changes it. HTTPException where the client sees another."""
    now = server.store.find(job.id)
    if now is None:
        raise no_document()
    if now.revision != request.revision:
        raise HTTPException(409, f"the document has changed meanwhile, it is at revision {now.revision}")
    return now


async def _go(server: Server, job: Job, request: Move, step: int) -> Response:
    """Go along the history by one change."""
    async with server.changing(job.id):
        job = _current(server, job, request)
        moved = server.store.change(job, job.applied + max(step, 0))
        if moved is None:
            raise HTTPException(
                422, "there is nothing to undo" if step < 0 else "there is nothing to do again"
            )
        server.store.move(job, job.applied + step)
        job = _current(server, job, Move(revision=job.revision + 1))
        place = moved.before if step < 0 else moved.after
        changed = await server.studio.change(Order(server.subject(job), "place", place=place))
        server.studio.forget(server.store.folder(job.id))
    return Response(changed.answer, media_type="application/json")
