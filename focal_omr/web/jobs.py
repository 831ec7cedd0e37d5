"""Routes of jobs: a file comes in, is read, and is removed."""

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from focal_omr.web.answers import Created, JobState, problems
from focal_omr.web.content import shown_name
from focal_omr.web.server import GivenJob, GivenServer

__all__ = ["router"]

router = APIRouter(tags=["jobs"])


@router.post(
    "/api/jobs",
    status_code=202,
    summary="Send a picture or a PDF to be read",
    responses={202: {"model": Created}, **problems(403, 413, 415, 422, 429, 503)},
    form_limits={"max_files": 1, "max_fields": 10, "max_part_size": 1024},
)
async def upload(
    file: Annotated[UploadFile, File(description="PNG, JPEG, TIFF, WebP, BMP, GIF or PDF.")],
    server: GivenServer,
) -> Response:
    async with server.uploads:
        job = await run_in_threadpool(server.accept, file.file, shown_name(file.filename))
    server.readers.wake()
    return JSONResponse({"id": job}, 202)


@router.get(
    "/api/jobs/{id}",
    summary="Where a job stands",
    responses={200: {"model": JobState}, **problems(404, 422, 503)},
)
async def state(job: GivenJob, server: GivenServer) -> Response:
    return JSONResponse(server.state(job))


@router.delete(
    "/api/jobs/{id}",
    status_code=204,
    summary="Remove a job and its files",
    responses=problems(403, 404, 422, 503),
)
async def delete(job: GivenJob, server: GivenServer) -> Response:
    await run_in_threadpool(server.store.delete, job.id)
    return Response(status_code=204)
