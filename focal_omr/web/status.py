"""Routes about the server itself: health, limits, metrics."""

from fastapi import APIRouter
from starlette.responses import Response

from focal_omr import __version__
from focal_omr.web.metrics import CONTENT_TYPE_LATEST
from focal_omr.web.responses import ApiJson, HealthJson, LimitsJson, error_responses
from focal_omr.web.server import ServerDep
from focal_omr.web.view_requests import FORMATS

__all__ = ["router"]

router = APIRouter(tags=["server"])


@router.get("/health", summary="Health check", responses=error_responses())
async def health() -> HealthJson:
    return HealthJson(status="ok", version=__version__)


@router.get("/api", summary="Version, limits and retention time of this server", responses=error_responses())
async def api(server: ServerDep) -> ApiJson:
    settings = server.settings
    return ApiJson(
        version=__version__,
        limits=LimitsJson(
            upload_bytes=settings.upload_bytes,
            pages=settings.pages,
            pixels=settings.pixels,
            seconds=settings.seconds,
        ),
        expires_s=settings.expire_s,
        formats=list(FORMATS),
        token=bool(settings.token),
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    responses={200: {"content": {"text/plain": {}}, "description": "The metrics."}, **error_responses(503)},
    response_class=Response,
)
async def metrics(server: ServerDep) -> Response:
    return Response(server.metrics.text(server.store), media_type=CONTENT_TYPE_LATEST)
