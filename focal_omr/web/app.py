"""The ASGI application: routes, middleware, error handlers and the description of the API."""

import logging
import mimetypes
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from focal_omr import __version__
from focal_omr.errors import OutputError
from focal_omr.web.documents import router as documents_router
from focal_omr.web.edits import router as edits_router
from focal_omr.web.errors import RejectedError
from focal_omr.web.guard import Guard, error_response
from focal_omr.web.jobs import router as jobs_router
from focal_omr.web.metrics import Metrics
from focal_omr.web.server import Server
from focal_omr.web.settings import Settings
from focal_omr.web.status import router as status_router
from focal_omr.web.store import ConflictError, FullError

__all__ = ["create_app"]

logger = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_RETRY = {"Retry-After": "10"}
_DESCRIPTION = "Optical music recognition: upload an image or a PDF, poll its job, download the score."
# Set here because Python's own table depends on the machine.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


def create_app(settings: Settings) -> FastAPI:
    """The server as an ASGI application; worker processes start and end with its lifespan."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Server.running(settings, metrics) as server:
            app.state.server = server
            yield

    app = FastAPI(
        title="Focal-CTC-OMR",
        version=__version__,
        description=_DESCRIPTION,
        license_info={"name": "MIT", "identifier": "MIT"},
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.add_middleware(Guard, settings=settings, on_response=metrics.count_response)
    for router in (status_router, jobs_router, documents_router, edits_router):
        app.include_router(router)
    files = _PageFiles(_STATIC)
    app.mount("/static", files)

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    _add_error_handlers(app)
    return app


class _PageFiles(StaticFiles):
    """The page's files, listed at startup: a client's path is looked up in the list, never opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        files = [path for path in folder.rglob("*") if path.is_file()]
        self._files = {str(path.relative_to(folder)): path for path in files}
        for suffix, media_type in _MEDIA_TYPES.items():
            mimetypes.add_type(media_type, suffix)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        file = self._files.get(path)
        return ("", None) if file is None else (str(file), file.stat())


def _add_error_handlers(app: FastAPI) -> None:
    """Give all errors one form: `{"error": one line}`."""

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, problem: HTTPException) -> JSONResponse:
        text = str(problem.detail)
        headers = dict(problem.headers or {})
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            text = "this method is not allowed here"
            path = getattr(request.scope.get("route"), "path", "")
            if methods := app.openapi()["paths"].get(path):  # a route knows its own method only
                headers["Allow"] = ", ".join(sorted(method.upper() for method in methods))
        elif text == HTTPStatus.NOT_FOUND.phrase:
            text = "there is nothing at this address"
        return error_response(problem.status_code, text, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, problem: RequestValidationError) -> JSONResponse:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return error_response(422, f"{where or first['loc'][0]}: {first['msg']}"[:300])

    @app.exception_handler(RejectedError)
    async def rejected(request: Request, problem: RejectedError) -> JSONResponse:
        return error_response(problem.status, str(problem), _RETRY if problem.status == 503 else None)

    @app.exception_handler(ConflictError)
    async def conflict(request: Request, problem: ConflictError) -> JSONResponse:
        return error_response(409, str(problem))

    @app.exception_handler(FullError)
    async def full(request: Request, problem: FullError) -> JSONResponse:
        return error_response(503, str(problem), _RETRY)

    @app.exception_handler(sqlite3.Error)
    @app.exception_handler(OutputError)
    @app.exception_handler(OSError)
    async def storage_error(request: Request, problem: Exception) -> JSONResponse:
        logger.error("%s %s: %r", request.method, request.scope.get("path"), problem)
        return error_response(
            503, "the server cannot write or read its files; please try again later", _RETRY
        )

    @app.exception_handler(Exception)
    async def internal_error(request: Request, problem: Exception) -> JSONResponse:
        return error_response(500, "internal server error; see its log")
