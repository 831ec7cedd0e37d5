"""Routes of jobs: upload, state, removal."""

from typing import Annotated

from fastapi import APIRouter, File, UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from focal_omr.web.responses import CreatedJson, JobJson, error_responses
from focal_omr.web.server import JobDep, ServerDep
from focal_omr.web.uploads import display_name

__all__ = ["router"]

router = APIRouter(tags=["jobs"])


@router.post(
    "/api/jobs",
    status_code=202,
    summary="Upload an image or a PDF to be read",
    responses={202: {"model": CreatedJson}, **error_responses(403, 413, 415, 422, 429, 503)},
    form_limits={"max_files": 1, "max_fields": 10, "max_part_size": 1024},
)
async def upload(
    file: Annotated[UploadFile, File(description="PNG, JPEG, TIFF, WebP, BMP, GIF or PDF.")],
    server: ServerDep,
) -> Response:
    async with server.uploads:
        job = await run_in_threadpool(server.accept, file.file, display_name(file.filename))
    server.readers.wake()
    return JSONResponse({"id": job}, 202)


@router.get(
    "/api/jobs/{id}",
    summary="State of a job",
    responses={200: {"model": JobJson}, **error_responses(404, 422, 503)},
)
async def state(job: JobDep, server: ServerDep) -> Response:
    return JSONResponse(server.state(job))


@router.delete(
    "/api/jobs/{id}",
    status_code=204,
    summary="Remove a job and its files",
    responses=error_responses(403, 404, 422, 503),
)
async def delete(job: JobDep, server: ServerDep) -> Response:
    await run_in_threadpool(server.store.delete, job.id)
    return Response(status_code=204)
