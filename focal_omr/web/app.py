"""The application: routes, errors and the description of the API, put together."""

import logging
import mimetypes
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from focal_omr import __version__
from focal_omr.errors import OutputError
from focal_omr.web.answers import Api, Health, problems
from focal_omr.web.documents import router as documents_router
from focal_omr.web.guard import Guard, error
from focal_omr.web.jobs import router as jobs_router
from focal_omr.web.mending import router as mending_router
from focal_omr.web.metrics import CONTENT_TYPE_LATEST, Metrics
from focal_omr.web.orders import FORMATS
from focal_omr.web.refusal import RefusedError
from focal_omr.web.server import GivenServer, Server
from focal_omr.web.settings import Settings
from focal_omr.web.store import ConflictError, FullError

__all__ = ["create_app"]

logger = logging.getLogger(__name__)

_STATIC = Path(__file__).parent / "static"
_RETRY = {"Retry-After": "10"}
_DESCRIPTION = "Reads printed music: send a picture or a PDF, ask for its job, take the score."
# As browsers have to be told: what Python knows of types depends on the machine.
_TYPES = {
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
    """The server as an ASGI application; its processes start and end with it (lifespan)."""
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
        docs_url=None,  # these pages come from other hosts
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.add_middleware(Guard, settings=settings, seen=metrics.seen)
    for router in (_server_router(settings), jobs_router, documents_router, mending_router):
        app.include_router(router)
    _add_page(app)
    _add_errors(app)
    return app


def _server_router(settings: Settings) -> APIRouter:
    """Routes about the server itself."""
    router = APIRouter(tags=["server"])

    @router.get("/health", summary="Whether the server is there", responses=problems())
    async def health() -> Health:
        return Health(status="ok", version=__version__)

    @router.get("/api", summary="What this server takes, and for how long it keeps it", responses=problems())
    async def api() -> Api:
        limits = {
            "upload_bytes": settings.upload_bytes,
            "pages": settings.pages,
            "pixels": settings.pixels,
            "seconds": settings.seconds,
        }
        return Api.model_validate(
            {
                "version": __version__,
                "limits": limits,
                "expires_s": settings.expire_s,
                "formats": list(FORMATS),
                "token": bool(settings.token),
            }
        )

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        responses={200: {"content": {"text/plain": {}}, "description": "The figures."}, **problems(503)},
        response_class=Response,
    )
    async def figures(server: GivenServer) -> Response:
        return Response(server.metrics.text(server.store), media_type=CONTENT_TYPE_LATEST)

    return router


class _Files(StaticFiles):
    """The files of the page that are there at the start; a path of a client is looked up, never opened."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, check_dir=False)
        files = [path for path in folder.rglob("*") if path.is_file()]
        self._files = {str(path.relative_to(folder)): path for path in files}
        for suffix, kind in _TYPES.items():
            mimetypes.add_type(kind, suffix)

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        file = self._files.get(path)
        return ("", None) if file is None else (str(file), file.stat())


def _add_page(app: FastAPI) -> None:
    files = _Files(_STATIC)
    app.mount("/static", files)

    @app.get("/", include_in_schema=False)
    async def index(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)


def _add_errors(app: FastAPI) -> None:
    """All that goes wrong is answered in one form."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, problem: HTTPException) -> JSONResponse:
        text = str(problem.detail)
        headers = dict(problem.headers or {})
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            text = "this cannot be done here"
            path = getattr(request.scope.get("route"), "path", "")
            if methods := app.openapi()["paths"].get(path):  # a route knows of its own method alone
                headers["Allow"] = ", ".join(sorted(method.upper() for method in methods))
        elif text == HTTPStatus.NOT_FOUND.phrase:
            text = "there is nothing at this address"
        return error(problem.status_code, text, headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, problem: RequestValidationError) -> JSONResponse:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return error(422, f"{where or first['loc'][0]}: {first['msg']}"[:300])

    @app.exception_handler(RefusedError)
    async def not_done(request: Request, problem: RefusedError) -> JSONResponse:
        return error(problem.status, str(problem), _RETRY if problem.status == 503 else None)

    @app.exception_handler(ConflictError)
    async def conflict(request: Request, problem: ConflictError) -> JSONResponse:
        return error(409, str(problem))

    @app.exception_handler(FullError)
    async def full(request: Request, problem: FullError) -> JSONResponse:
        return error(503, str(problem), _RETRY)

    @app.exception_handler(sqlite3.Error)
    @app.exception_handler(OutputError)
    @app.exception_handler(OSError)
    async def no_disk(request: Request, problem: Exception) -> JSONResponse:
        logger.error("%s %s: %r", request.method, request.scope.get("path"), problem)
        return error(503, "the server cannot write or read its files; please try again later", _RETRY)

    @app.exception_handler(Exception)
    async def defect(request: Request, problem: Exception) -> JSONResponse:
        return error(500, "a defect of this server; its log says more")
