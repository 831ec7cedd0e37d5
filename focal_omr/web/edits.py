"""Routes that edit a document; responses hold the new selection and everything that may look different."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from focal_omr.editing.edits import Edit
from focal_omr.web.responses import EditedJson, error_responses
from focal_omr.web.server import DoneJobDep, Server, ServerDep, no_document
from focal_omr.web.store import HistoryEntry, Job
from focal_omr.web.view_requests import ViewRequest

__all__ = ["router"]

router = APIRouter(tags=["editing"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"model": EditedJson},
    **error_responses(403, 404, 409, 413, 422, 503),
}
Index = Annotated[int, Field(ge=0, le=1_000_000)]
Revision = Annotated[
    int, Field(ge=0, le=2**53, description="The revision that the client shows; 409 if it is not the latest.")
]


class HistoryRequest(BaseModel):
    """Undo or redo from a revision."""

    model_config = ConfigDict(extra="forbid")

    revision: Revision


class EditRequest(HistoryRequest):
    """An edit of one symbol."""

    page: Annotated[int, Field(ge=1, le=100_000, description="Page number, from 1.")]
    staff: Annotated[Index, Field(description="Index on the page, from 0.")]
    symbol: Annotated[Index, Field(description="Index on the staff, from 0.")]
    change: Edit


@router.post("/api/jobs/{id}/changes", summary="Edit a symbol", responses=_RESPONSES)
async def edit(job: DoneJobDep, request: EditRequest, server: ServerDep) -> Response:
    async with server.edit_lock(job.id):
        job = _current(server, job, request.revision)
        if job.applied >= server.settings.changes:
            raise HTTPException(422, f"a document can have at most {job.applied} edits")
        place = (request.page, request.staff, request.symbol)
        values = request.change.model_dump()
        edited = await server.views.edit(ViewRequest(server.revision(job), "edit", place=place, edit=values))
        server.store.record(job, HistoryEntry(values, place, edited.place, edited.staves))
        server.views.discard_stale(server.store.folder(job.id))
    return Response(edited.response, media_type="application/json")


@router.post("/api/jobs/{id}/undo", summary="Undo the last edit", responses=_RESPONSES)
async def undo(job: DoneJobDep, request: HistoryRequest, server: ServerDep) -> Response:
    return await _step(server, job, request.revision, -1)


@router.post("/api/jobs/{id}/redo", summary="Redo the last undone edit", responses=_RESPONSES)
async def redo(job: DoneJobDep, request: HistoryRequest, server: ServerDep) -> Response:
    return await _step(server, job, request.revision, 1)


def _current(server: Server, job: Job, revision: int) -> Job:
    """The job, reloaded under its lock. Raises HTTPException if it is not at the client's revision."""
    now = server.store.find(job.id)
    if now is None:
        raise no_document()
    if now.revision != revision:
        raise HTTPException(409, f"the document has changed meanwhile, it is at revision {now.revision}")
    return now


async def _step(server: Server, job: Job, revision: int, step: int) -> Response:
    """Move along the history by one edit: -1 undoes, 1 redoes."""
    async with server.edit_lock(job.id):
        job = _current(server, job, revision)
        entry = server.store.history_entry(job, job.applied + max(step, 0))
        if entry is None:
            raise HTTPException(422, f"there is nothing to {'undo' if step < 0 else 'redo'}")
        server.store.move(job, job.applied + step)
        job = _current(server, job, job.revision + 1)
        place = entry.before if step < 0 else entry.after
        edited = await server.views.edit(ViewRequest(server.revision(job), "selection", place=place))
        server.views.discard_stale(server.store.folder(job.id))
    return Response(edited.response, media_type="application/json")
