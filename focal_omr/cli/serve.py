"""The command `focal-omr serve`: the web page and its HTTP API."""

import os
import socket
import threading
import time
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focal_omr.cli.options import ModelOption
from focal_omr.cli.terminal import require_extra, say
from focal_omr.errors import ModelError, OmrError
from focal_omr.onnx_model import PACKAGED_MODELS
from focal_omr.web.settings import MB, Settings, default_data_folder

if TYPE_CHECKING:
    import uvicorn

__all__ = ["listen", "serve"]

_DEFAULTS = Settings(Path())
_RANDOM = "random"
_MAX_CONNECTIONS = 500
_BACKLOG = 256
_GRACE_S = 3  # for running requests when the server stops

HostOption = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 = all interfaces.")]
WorkersOption = Annotated[
    int, typer.Option(min=1, help="Worker processes, each reading one document at a time.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder for the documents until they expire.", show_default="a cache folder"
    ),
]
ThreadsOption = Annotated[
    int, typer.Option(min=0, help="CPU threads of all workers together; 0 = all cores.")
]
TokenOption = Annotated[
    str,
    typer.Option(
        envvar="FOCAL_OMR_TOKEN",
        show_envvar=True,
        help="Access token that clients must present; 'random' generates one.",
        show_default="none",
    ),
]
AllowHostOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Host name under which clients may reach the server, such as omr.example.org; repeatable."
    ),
]
RateOption = Annotated[
    int, typer.Option(min=0, help="Rate limit of a client in uploads per minute; 0 = unlimited.")
]
ExpireOption = Annotated[
    float, typer.Option(min=0.01, help="Retention: hours after which a document is removed.")
]
MaxMbOption = Annotated[int, typer.Option(min=1, help="Largest upload in megabytes.")]
MaxPagesOption = Annotated[int, typer.Option(min=1, help="Largest number of pages of a document.")]


def serve(
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 = any free one.")] = 8000,
    workers: WorkersOption = _DEFAULTS.workers,
    data: DataOption = None,
    model: ModelOption = _DEFAULTS.model,
    threads: ThreadsOption = _DEFAULTS.threads,
    token: TokenOption = "",
    allow_host: AllowHostOption = None,
    rate: RateOption = _DEFAULTS.rate,
    expire_hours: ExpireOption = _DEFAULTS.expire_s / 3600,
    max_mb: MaxMbOption = _DEFAULTS.upload_bytes // MB,
    max_pages: MaxPagesOption = _DEFAULTS.pages,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the web page and its HTTP API.

    By default only this machine can connect (see --host), and no data leaves it. See docs/server.md.
    """
    with require_extra("web", "the web page"):
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401  # FastAPI would ask for it late, and in several lines
        import uvicorn

        from focal_omr.web.app import create_app
        from focal_omr.web.guard import new_token
        from focal_omr.web.store import Store
    settings = Settings(
        data=data or default_data_folder(),
        model=model,
        workers=workers,
        threads=threads,
        upload_bytes=max_mb * MB,
        pages=max_pages,
        rate=rate,
        expire_s=expire_hours * 3600,
        hosts=(host, *(allow_host or ())),
        token=new_token() if token == _RANDOM else token,
    )
    if model not in PACKAGED_MODELS and not Path(model).is_file():
        named = " or ".join(map(repr, PACKAGED_MODELS))
        raise ModelError(f"{model}: no such file; give an ONNX file of `focal-omr export`, {named}")
    store = Store(settings.data)  # an unusable folder fails here, in one line
    store.lock()
    store.close()
    listening = listen(host, port)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,  # it would log the token in the query of the first request
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    port = listening.getsockname()[1]
    threading.Thread(target=_announce, args=(server, settings, port, open_), daemon=True).start()
    server.run(sockets=[listening])
    if not server.started:
        raise OmrError("the server could not be started")


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        OmrError: The address or port cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = found[0]
        # With the protocol given, asyncio sets TCP_NODELAY; otherwise small responses wait 40 ms.
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":  # on Windows it would take over the port of another server
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        return listening
    except OSError as error:
        raise OmrError(
            f"{host}, port {port}: cannot listen ({error.strerror or error}); try another port with --port"
        ) from None


def _announce(server: "uvicorn.Server", settings: Settings, port: int, open_browser: bool) -> None:
    """Print the address of the server once it has started, and open it in a browser."""
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.02)
    host = settings.hosts[0]
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    query = ""
    if settings.token:
        from urllib.parse import quote

        query = f"?token={quote(settings.token, safe='')}"
    address = f"http://{shown}:{port}/{query}"
    print(f"{address} (documents are kept in {settings.data}; Ctrl+C stops the server)", flush=True)
    try:
        is_local = ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    if not settings.token and not is_local:
        say("focal-omr: anyone who can reach this address can use the server; see --token")
    if open_browser:
        import webbrowser

        webbrowser.open(address)
