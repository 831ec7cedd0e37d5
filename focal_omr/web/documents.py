"""Routes of documents that were read: views for the page, and files to take away."""

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from starlette.responses import Response

from focal_omr.web.answers import Overview, PageView, Playback, problems
from focal_omr.web.content import stem
from focal_omr.web.orders import FORMATS, Order
from focal_omr.web.reading import picture_name
from focal_omr.web.server import GivenServer, ReadJob, Server, send_file
from focal_omr.web.store import Job

__all__ = ["router"]

router = APIRouter(tags=["documents"])

Suffix = Literal["musicxml", "mid", "mei", "json", "svg", "krn", "abc"]  # keys of `FORMATS`
PageNumber = Annotated[int, InPath(ge=1, le=100_000, description="Of the page, from 1.")]
Original = Annotated[bool, Query(description="As it was read, without changes.")]
_OVERLAYS = {"png": "image/png", "pdf": "application/pdf", "html": "text/html; charset=utf-8"}
OverlaySuffix = Literal["png", "pdf", "html"]  # keys of `_OVERLAYS`
_JSON = "application/json"
_PICTURE_CACHE = "private, max-age=3600"  # it never changes
_PROBLEMS = problems(404, 409, 422, 503)


def _file(*media_types: str) -> dict[str, object]:
    return {"content": {each: {} for each in media_types}, "description": "The file."}


@router.get(
    "/api/jobs/{id}/overview",
    summary="A document: its pages, what is doubtful, what does not add up",
    responses={200: {"model": Overview}, **_PROBLEMS},
)
async def overview(job: ReadJob, server: GivenServer) -> Response:
    return await _made(server, job, "overview", "overview.json", _JSON)


@router.get(
    "/api/jobs/{id}/pages/{number}",
    summary="A page: its staves and symbols with their places, and its engraving",
    responses={200: {"model": PageView}, **_PROBLEMS},
)
async def page(job: ReadJob, number: PageNumber, server: GivenServer) -> Response:
    _check_page(job, number)
    return await _made(server, job, "page", f"page-{number}.json", _JSON, page=number)


@router.get(
    "/api/jobs/{id}/pages/{number}/picture",
    summary="The picture of a page, upright, no side longer than 3000 pixels",
    responses={200: _file("image/jpeg"), **_PROBLEMS},
    response_class=Response,
)
async def picture(job: ReadJob, number: PageNumber, server: GivenServer) -> Response:
    _check_page(job, number)
    path = server.store.folder(job.id) / picture_name(number)
    return send_file(path, "image/jpeg", cache=_PICTURE_CACHE)


@router.get(
    "/api/jobs/{id}/playback",
    summary="What sounds, and when",
    responses={200: {"model": Playback}, **_PROBLEMS},
)
async def playback(
    job: ReadJob,
    server: GivenServer,
    unfold: Annotated[bool, Query(description="Whether repeats are played.")] = True,
) -> Response:
    name = f"playback-{'unfolded' if unfold else 'plain'}.json"
    return await _made(server, job, "playback", name, _JSON, unfold=unfold)


@router.get(
    "/api/jobs/{id}/score.{suffix}",
    summary="The score as a file, as mended",
    responses={200: _file(*sorted({each.media_type for each in FORMATS.values()})), **_PROBLEMS},
    response_class=Response,
)
async def score(job: ReadJob, suffix: Suffix, server: GivenServer, original: Original = False) -> Response:
    kind = FORMATS[suffix].media_type
    name = f"{stem(job.name)}.{suffix}"
    return await _made(server, job, suffix, f"score.{suffix}", kind, name=name, original=original)


@router.get(
    "/api/jobs/{id}/overlay.{suffix}",
    summary="The pages with what was read drawn on them; png for one page, pdf for several",
    responses={200: _file(*_OVERLAYS.values()), **_PROBLEMS},
    response_class=Response,
)
async def overlay(
    job: ReadJob, suffix: OverlaySuffix, server: GivenServer, original: Original = False
) -> Response:
    what = f"overlay.{suffix}"
    name = f"{stem(job.name)}.{what}"
    return await _made(server, job, what, what, _OVERLAYS[suffix], name=name, original=original)


@router.get(
    "/api/jobs/{id}/samples.zip",
    summary="The staves that were mended, as labelled samples to train on",
    responses={200: _file("application/zip"), **_PROBLEMS},
    response_class=Response,
)
async def samples(
    job: ReadJob,
    server: GivenServer,
    all: Annotated[bool, Query(description="All staves, not only those that were mended.")] = False,
) -> Response:
    file = f"samples-{'all' if all else 'mended'}.zip"
    name = f"{stem(job.name)}.samples.zip"
    return await _made(server, job, "samples", file, "application/zip", name=name, everything=all)


def _check_page(job: Job, number: int) -> None:
    if number > (job.pages or 0):
        raise HTTPException(404, f"there is no page {number}, the document has {job.pages}")


async def _made(
    server: Server,
    job: Job,
    what: str,
    file: str,
    media_type: str,
    *,
    name: str = "",
    original: bool = False,
    page: int = 0,
    unfold: bool = True,
    everything: bool = False,
) -> Response:
    """The file that the studio makes of a document."""
    subject = server.subject(job, original=original)
    target = server.studio.target(subject, file)
    order = Order(subject, what, target, page=page, unfold=unfold, everything=everything)
    return send_file(await server.studio.make(order), media_type, name=name)
