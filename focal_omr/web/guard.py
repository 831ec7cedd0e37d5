"""Security middleware: host names, cross-site requests, token, upload rate, body size, security headers."""

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from focal_omr.web.settings import MB, Settings

__all__ = ["HEADERS", "Guard", "cookie_value", "error_response", "new_token"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "X-Frame-Options": "DENY",
}
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
_ANY_ADDRESS = ("0.0.0.0", "::", "")
_COOKIE = "focal_omr"
_UPLOADS = "/api/jobs"
_FORM_OVERHEAD_BYTES = 64 * 1024  # of a multipart form around its file
_BODY_BYTES = 64 * 1024  # of a request that is not an upload
_CLOSE = {"Connection": "close"}  # otherwise the server waits for the whole body
_DRAIN_FACTOR = 5
_MAX_QUERY_FIELDS = 20
_MAX_CLIENTS = 10_000  # whose upload rate is tracked; the least recent is forgotten first


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A response `{"error": message}`, the form of all errors.

    Args:
        status: HTTP status.
        message: One line for the user.
        headers: Additional headers.
    """
    return JSONResponse({"error": message}, status, dict(headers or {}))


def cookie_value(token: str) -> str:
    """The cookie that stands for a token, so that browsers do not store the token itself."""
    return hashlib.sha256(b"focal-omr cookie " + token.encode()).hexdigest()


def new_token() -> str:
    """A random token."""
    return secrets.token_urlsafe(24)


class Guard:
    """ASGI middleware that rejects requests before they reach a route.

    Args:
        app: The guarded application.
        settings: Hosts, token and limits.
        on_response: Called with the scope and the status of each response.
    """

    def __init__(self, app: ASGIApp, settings: Settings, on_response: Callable[[Scope, int], None]) -> None:
        self._app, self._token, self._on_response = app, settings.token, on_response
        self._any_host = "*" in settings.hosts
        self._any_address = any(host in _ANY_ADDRESS for host in settings.hosts)
        self._hosts = {host.lower() for host in (*_LOCAL_HOSTS, *settings.hosts)}
        self._uploads = _RateLimit(settings.rate)
        self._upload_bytes = settings.upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets
        limit = self._upload_bytes + _FORM_OVERHEAD_BYTES if scope["path"] == _UPLOADS else _BODY_BYTES
        left = limit

        async def limited_receive() -> Message:
            """Counts the body, as its Content-Length may be missing or wrong."""
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, _too_large(limit), _CLOSE)
            return message

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "private, no-cache")
                self._on_response(scope, message["status"])
            await send(message)

        rejection = self._reject(scope, limit)
        if rejection is None:
            await self._app(scope, limited_receive, send_with_headers)
            return
        if rejection.status_code == 413:
            # Read a moderately oversized body: browsers show no response before they have sent all of it.
            length = int(Headers(scope=scope)["content-length"])
            while length <= _DRAIN_FACTOR * limit and (await receive()).get("more_body"):
                pass
        await rejection(scope, receive, send_with_headers)

    def _reject(self, scope: Scope, limit: int) -> Response | None:
        """The response to a request that is not admitted; None if it is.

        Args:
            scope: The request.
            limit: Maximum size of its body in bytes.
        """
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_known_host(host):
            return error_response(400, "unknown host name; see the server's option --allow-host")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not _is_same_site(headers, host):
            return error_response(403, "this request comes from another site's page")
        if self._token and (response := self._check_token(scope, headers)) is not None:
            return response
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            return error_response(413, _too_large(limit), _CLOSE)
        if scope["method"] == "POST" and scope["path"] == _UPLOADS:
            client = scope.get("client")
            wait_s = math.ceil(self._uploads.wait_s(client[0] if client else ""))
            if wait_s:
                message = f"too many uploads; please try again in {wait_s} s"
                return error_response(429, message, {"Retry-After": str(wait_s)})
        return None

    def _is_known_host(self, host: str) -> bool:
        """Whether a Host header names this server; else any site could rebind its name to this machine."""
        if self._any_host:
            return True
        host = host.strip().lower()
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if name in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return self._any_address

    def _check_token(self, scope: Scope, headers: Headers) -> Response | None:
        """The response to a request without the token; None if it may pass."""
        path = scope["path"]
        if path == "/health" or path.startswith("/static/"):  # nothing secret
            return None
        shown = None
        with suppress(ValueError):  # more fields than any page of this server has
            query = scope.get("query_string", b"").decode("latin-1")
            shown = parse_qs(query, max_num_fields=_MAX_QUERY_FIELDS).get("token")
        if path == "/" and shown:
            if not _equal(shown[0], self._token):
                return error_response(401, "the token is wrong")
            response = RedirectResponse("/", 303)  # to a URL without the token, which history and logs keep
            https = scope.get("scheme") == "https"
            response.set_cookie(
                _COOKIE, cookie_value(self._token), httponly=True, samesite="strict", secure=https, path="/"
            )
            return response
        scheme, _, credentials = headers.get("authorization", "").partition(" ")
        token = credentials.strip().encode("latin-1").decode("utf-8", "replace")  # clients send UTF-8
        if scheme.lower() == "bearer" and _equal(token, self._token):
            return None
        cookie = cookie_parser(headers.get("cookie", "")).get(_COOKIE, "")
        if _equal(cookie, cookie_value(self._token)):
            return None
        return error_response(
            401,
            "a token is needed: open the address that the server printed, or send Authorization: Bearer",
            {"WWW-Authenticate": "Bearer"},
        )


def _too_large(limit: int) -> str:
    if limit >= MB:
        return f"too large: at most {limit // MB} MB are accepted"
    return "the body is too large for this request"


def _is_same_site(headers: Headers, host: str) -> bool:
    """Whether a request comes from this server's page, or from a program, which sends neither header."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _equal(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


class _RateLimit:
    """Token bucket per client.

    Args:
        per_minute: Uploads per minute, all of which may come at once; 0: no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (uploads left, at time)

    def wait_s(self, client: str) -> float:
        """Seconds until a client may upload; 0 if it may now, in which case the upload is counted."""
        if not self._per_minute:
            return 0.0
        now = time.monotonic()
        left, before = self._left.pop(client, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - before) * self._per_minute / 60)
        wait = max(0.0, (1 - left) * 60 / self._per_minute)
        self._left[client] = (left if wait else left - 1, now)
        while len(self._left) > _MAX_CLIENTS:
            self._left.popitem(last=False)
        return wait
