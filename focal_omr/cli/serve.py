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
from focal_omr.cli.terminal import extra, say
from focal_omr.errors import ModelError, OmrError
from focal_omr.web.settings import MB, Settings, default_data_folder

if TYPE_CHECKING:
    import uvicorn

__all__ = ["listen", "serve"]

_USUAL = Settings(Path())
_RANDOM = "random"
_MOST_CONNECTIONS = 500
_BACKLOG = 256
_GRACE_S = 3  # that answers in work have when the server ends


def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0: all it has.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0: any free one.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that read, each a document at a time.")
    ] = _USUAL.workers,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the documents until they expire.", show_default="a cache folder"
        ),
    ] = None,
    model: ModelOption = _USUAL.model,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads to compute with, all workers together; 0: all cores.")
    ] = _USUAL.threads,
    token: Annotated[
        str,
        typer.Option(
            envvar="FOCAL_OMR_TOKEN",
            show_envvar=True,
            help="What clients must show to be let in; 'random' makes one up.",
            show_default="none",
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name by which the server may be called, such as omr.example.org; repeatable."),
    ] = None,
    rate: Annotated[
        int, typer.Option(min=0, help="Uploads a minute for each client; 0: any number.")
    ] = _USUAL.rate,
    expire_hours: Annotated[
        float, typer.Option(min=0.01, help="Hours after which a document is removed.")
    ] = _USUAL.expire_s / 3600,
    max_mb: Annotated[int, typer.Option(min=1, help="Megabytes that a file may have.")] = _USUAL.upload_bytes
    // MB,
    max_pages: Annotated[int, typer.Option(min=1, help="Pages that a document may have.")] = _USUAL.pages,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the web page and its HTTP API.

    Nothing leaves this machine, and nobody else is let in, unless --host says so. docs/server.md says more.
    """
    with extra("web"):
        import prometheus_client  # noqa: F401
        import python_multipart  # noqa: F401  # FastAPI asks for it late, and in more than one line
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
    _check_model(model)
    store = Store(settings.data)  # so that a folder that cannot be used is one line
    store.lock()
    store.close()
    listening = listen(host, port)
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,  # it would keep the token of the first address
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    address = _address(host, listening.getsockname()[1], settings)
    threading.Thread(target=_greet, args=(server, address, settings, open_), daemon=True).start()
    server.run(sockets=[listening])
    if not server.started:
        raise OmrError("the server could not be started")


def _check_model(model: str) -> None:
    if model != "default" and not Path(model).is_file():
        raise ModelError(f"{model}: no such file; an ONNX file of `focal-omr export` is needed, or 'default'")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OmrError where it cannot, such as at a port in use."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, protocol, _, address = found[0]
        # With its protocol named: only then asyncio sends small answers at once, else after 40 ms.
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it would take the port of another server
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
        return listening
    except OSError as error:
        raise OmrError(
            f"{host}, port {port}: cannot be listened at ({error.strerror or error}); "
            "--port 8001 would take another port"
        ) from None


def _address(host: str, port: int, settings: Settings) -> str:
    """What to open, on this machine, in a browser."""
    shown = "localhost" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    query = ""
    if settings.token:
        from urllib.parse import quote

        query = f"?token={quote(settings.token, safe='')}"
    return f"http://{shown}:{port}/{query}"


def _greet(server: "uvicorn.Server", address: str, settings: Settings, open_: bool) -> None:
    """Say where the server is, once it is there."""
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.02)
    print(f"{address} (documents are kept in {settings.data}; Ctrl+C ends the server)", flush=True)
    if not settings.token and not _is_local(settings.hosts[0]):
        say("focal-omr: whoever reaches this address may use the server; see --token")
    if open_:
        import webbrowser

        webbrowser.open(address)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
