"""Routes of documents that have been read: views for the page, and downloads."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParam
from starlette.responses import Response

from focal_omr.web.reading import picture_name
from focal_omr.web.responses import DocumentJson, PageJson, PlaybackJson, error_responses
from focal_omr.web.server import DoneJobDep, Server, ServerDep, send_file
from focal_omr.web.store import Job
from focal_omr.web.uploads import stem
from focal_omr.web.view_requests import FORMATS, ViewRequest

__all__ = ["router"]

router = APIRouter(tags=["documents"])

Suffix = Literal["musicxml", "mid", "mei", "json", "svg", "krn", "abc"]  # keys of `FORMATS`
PageNumber = Annotated[int, PathParam(ge=1, le=100_000, description="Page number, from 1.")]
Original = Annotated[bool, Query(description="The document as it was read, without edits.")]
_OVERLAYS = {"png": "image/png", "pdf": "application/pdf", "html": "text/html; charset=utf-8"}
OverlaySuffix = Literal["png", "pdf", "html"]  # keys of `_OVERLAYS`
_JSON = "application/json"
_IMAGE_CACHE = "private, max-age=3600"  # page images never change
_ERRORS = error_responses(404, 409, 422, 503)


def _file_response(*media_types: str) -> dict[str, object]:
    return {"content": {each: {} for each in media_types}, "description": "The file."}


@router.get(
    "/api/jobs/{id}/overview",
    summary="Overview of a document: pages, doubtful symbols, bars that do not add up",
    responses={200: {"model": DocumentJson}, **_ERRORS},
)
async def overview(job: DoneJobDep, server: ServerDep) -> Response:
    return await _view(server, ViewRequest(server.revision(job), "overview"), "overview.json", _JSON)


@router.get(
    "/api/jobs/{id}/pages/{number}",
    summary="A page: its staves, its symbols with their coordinates, and its engraving",
    responses={200: {"model": PageJson}, **_ERRORS},
)
async def page(job: DoneJobDep, number: PageNumber, server: ServerDep) -> Response:
    _check_page(job, number)
    request = ViewRequest(server.revision(job), "page", page=number)
    return await _view(server, request, f"page-{number}.json", _JSON)


@router.get(
    "/api/jobs/{id}/pages/{number}/picture",
    summary="The upright image of a page, at most 3000 pixels wide and high",
    responses={200: _file_response("image/jpeg"), **_ERRORS},
    response_class=Response,
)
async def picture(job: DoneJobDep, number: PageNumber, server: ServerDep) -> Response:
    _check_page(job, number)
    path = server.store.folder(job.id) / picture_name(number)
    return send_file(path, "image/jpeg", cache=_IMAGE_CACHE)


@router.get(
    "/api/jobs/{id}/playback",
    summary="Notes and rests with their times",
    responses={200: {"model": PlaybackJson}, **_ERRORS},
)
async def playback(
    job: DoneJobDep,
    server: ServerDep,
    unfold: Annotated[bool, Query(description="Whether repeats are played.")] = True,
) -> Response:
    request = ViewRequest(server.revision(job), "playback", unfold=unfold)
    return await _view(server, request, f"playback-{'unfolded' if unfold else 'plain'}.json", _JSON)


@router.get(
    "/api/jobs/{id}/score.{suffix}",
    summary="The edited score as a file",
    responses={200: _file_response(*sorted({each.media_type for each in FORMATS.values()})), **_ERRORS},
    response_class=Response,
)
async def score(job: DoneJobDep, suffix: Suffix, server: ServerDep, original: Original = False) -> Response:
    request = ViewRequest(server.revision(job, original=original), suffix)
    media_type = FORMATS[suffix].media_type
    return await _view(server, request, f"score.{suffix}", media_type, f"{stem(job.name)}.{suffix}")


@router.get(
    "/api/jobs/{id}/overlay.{suffix}",
    summary="The pages with the reading drawn on them; png for one page, pdf for several",
    responses={200: _file_response(*_OVERLAYS.values()), **_ERRORS},
    response_class=Response,
)
async def overlay(
    job: DoneJobDep, suffix: OverlaySuffix, server: ServerDep, original: Original = False
) -> Response:
    kind = f"overlay.{suffix}"
    request = ViewRequest(server.revision(job, original=original), kind)
    return await _view(server, request, kind, _OVERLAYS[suffix], f"{stem(job.name)}.{kind}")


@router.get(
    "/api/jobs/{id}/samples.zip",
    summary="The edited staves as labelled training samples",
    responses={200: _file_response("application/zip"), **_ERRORS},
    response_class=Response,
)
async def samples(
    job: DoneJobDep,
    server: ServerDep,
    all: Annotated[bool, Query(description="All staves, not only the edited ones.")] = False,
) -> Response:
    request = ViewRequest(server.revision(job), "samples", all_staves=all)
    file = f"samples-{'all' if all else 'mended'}.zip"
    return await _view(server, request, file, "application/zip", f"{stem(job.name)}.samples.zip")


def _check_page(job: Job, number: int) -> None:
    if number > (job.pages or 0):
        raise HTTPException(404, f"there is no page {number}, the document has {job.pages}")


async def _view(
    server: Server, request: ViewRequest, file: str, media_type: str, download: str = ""
) -> Response:
    """Send a view, rendered unless it is cached as `file`; `download` names it for the browser to save."""
    request = replace(request, target=server.views.target(request.document, file))
    return send_file(await server.views.render(request), media_type, name=download)
