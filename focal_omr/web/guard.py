"""The door: who may ask, by which name, from which page, how often and how much; what browsers may do."""

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from focal_omr.web.settings import MB, Settings

__all__ = ["HEADERS", "Guard", "cookie_of", "error", "new_token"]

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
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ANYWHERE = ("0.0.0.0", "::", "")
_COOKIE = "focal_omr"
_UPLOADS = "/api/jobs"
_ENVELOPE_BYTES = 64 * 1024  # what a form puts around its file
_BODY_BYTES = 64 * 1024  # of a request that is no upload
_CLOSE = {"Connection": "close"}  # else all of the body would be waited for
_SWALLOWED = 5  # times what may be sent
_FIELDS = 20
_CLIENTS = 10_000  # whose uploads are counted; the one that is longest ago is forgotten first


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The one form of all answers that refuse."""
    return JSONResponse({"error": message}, status, dict(headers or {}))


def cookie_of(token: str) -> str:
    """What a browser keeps in the place of the token."""
    return hashlib.sha256(b"focal-omr cookie " + token.encode()).hexdigest()


class Guard:
    """ASGI middleware.

    Args:
        app: What it guards.
        settings: Whom to let in.
        seen: Is told the method, the scope and the status of each answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings, seen: Callable[[Scope, int], None]) -> None:
        self._app, self._token, self._seen = app, settings.token, seen
        self._any_host = "*" in settings.hosts
        self._any_address = any(host in _ANYWHERE for host in settings.hosts)
        self._hosts = {host.lower() for host in (*_LOCAL, *settings.hosts)}
        self._uploads = _Rate(settings.rate)
        self._upload_bytes = settings.upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets
        send = self._with_headers(scope, send)
        refusal = self._refusal(scope)
        if refusal is not None:
            if refusal.status_code == 413:
                await self._swallow(scope, receive)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, self._limited(scope, receive), send)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        """Counts what comes, for a body need not say its length, or not the right one."""
        most, left = self._most_bytes(scope), self._most_bytes(scope)

        async def received() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, _too_large(most), _CLOSE)
            return message

        return received

    async def _swallow(self, scope: Scope, receive: Receive) -> None:
        """Let come what is a few times too large: a browser shows no answer before it has sent everything."""
        length = int(Headers(scope=scope)["content-length"])
        while 0 < length <= _SWALLOWED * self._most_bytes(scope):
            message = await receive()
            if not message.get("more_body"):
                return

    def _most_bytes(self, scope: Scope) -> int:
        return self._upload_bytes + _ENVELOPE_BYTES if scope["path"] == _UPLOADS else _BODY_BYTES

    def _with_headers(self, scope: Scope, send: Send) -> Callable[[Message], Awaitable[None]]:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "private, no-cache")
                self._seen(scope, message["status"])
            await send(message)

        return sent

    def _refusal(self, scope: Scope) -> Response | None:
        """Why a request is not let in; None where it is."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return error(400, "the server is not called by this name; see its option --allow-host")
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not _is_same_site(headers, host):
            return error(403, "this request comes from another site's page")
        if self._token and (answer := self._without_token(scope, headers)) is not None:
            return answer
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > (most := self._most_bytes(scope)):
            return error(413, _too_large(most), _CLOSE)
        if scope["method"] == "POST" and scope["path"] == _UPLOADS:
            client = scope.get("client")
            wait_s = self._uploads.wait_s(client[0] if client else "")
            if wait_s:
                retry = {"Retry-After": str(math.ceil(wait_s))}
                return error(429, f"too many uploads; please try again in {math.ceil(wait_s)} s", retry)
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether the server may be called so: else any site could give this machine its own name."""
        if self._any_host:
            return True
        name = _host_name(host)
        if name in self._hosts:
            return True
        return self._any_address and _is_address(name)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to a request that shows no token; None where it may pass."""
        path = scope["path"]
        if path == "/health" or path.startswith("/static/"):  # nothing secret
            return None
        if path == "/" and (shown := _query_token(scope)) is not None:
            if not _equal(shown, self._token):
                return error(401, "the token is not right")
            answer = RedirectResponse("/", 303)  # without the token, which history and logs would keep
            https = scope.get("scheme") == "https"
            answer.set_cookie(
                _COOKIE, cookie_of(self._token), httponly=True, samesite="strict", secure=https, path="/"
            )
            return answer
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        sent = (
            shown.strip().encode("latin-1").decode("utf-8", "replace")
        )  # as clients spell what is not ASCII
        if scheme.lower() == "bearer" and _equal(sent, self._token):
            return None
        cookie = cookie_parser(headers.get("cookie", "")).get(_COOKIE, "")
        if _equal(cookie, cookie_of(self._token)):
            return None
        return error(
            401,
            "a token is needed: open the address that the server printed, or send Authorization: Bearer",
            {"WWW-Authenticate": "Bearer"},
        )


def _too_large(most: int) -> str:
    return f"too large: at most {most // MB} MB are taken" if most >= MB else "too large for such a request"


def _is_same_site(headers: Headers, host: str) -> bool:
    """Whether a browser sends this for a page of this server; programs say nothing of pages, and may pass."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    return _origin_host(origin) == host.lower()


def _origin_host(origin: str) -> str:
    """Host and port of an Origin header; "" where it has none, as "null"."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _query_token(scope: Scope) -> str | None:
    try:
        values = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=_FIELDS)
    except ValueError:  # more fields than any page of this server has
        return None
    return values["token"][0] if "token" in values else None


def _equal(one: str, other: str) -> bool:
    """In a time that does not tell how much of it is right."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


class _Rate:
    """So many uploads a minute for each client, of which all may come at once.

    Args:
        a_minute: How many; 0: any number.
    """

    def __init__(self, a_minute: int) -> None:
        self._a_minute = a_minute
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (uploads left, when)

    def wait_s(self, client: str) -> float:
        """Seconds that a client has to wait; 0 where it may upload now, which is counted."""
        if not self._a_minute:
            return 0.0
        now = time.monotonic()
        left, before = self._left.pop(client, (float(self._a_minute), now))
        left = min(self._a_minute, left + (now - before) * self._a_minute / 60)
        wait = max(0.0, (1 - left) * 60 / self._a_minute)
        self._left[client] = (left if wait else left - 1, now)
        while len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return wait


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)
