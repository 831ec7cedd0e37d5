"""The real server for tests, in a thread of this process, on a free port."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import uvicorn

from focal_omr.cli.serve import listen
from focal_omr.web.app import create_app
from focal_omr.web.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"
STAFF = EXAMPLES / "minuet-in-g" / "minuet-in-g.jpg"


def pages(count: int) -> bytes:
    """A TIFF document of `count` pages with a staff on each."""
    staff = cv2.imread(str(STAFF), cv2.IMREAD_GRAYSCALE)
    return bytes(cv2.imencodemulti(".tiff", [staff] * count)[1])


@contextmanager
def served(data: Path, **settings: Any) -> Iterator[httpx.Client]:
    """A client of a server with these settings; with `workers=0`, jobs stay queued."""
    app = create_app(Settings(data, **settings))
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    port = listening.getsockname()[1]
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            client.app = app  # type: ignore[attr-defined]
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def send(client: httpx.Client, data: bytes, name: str = "page.png") -> httpx.Response:
    """Upload a file."""
    return client.post("/api/jobs", files={"file": (name, data)})


def read(client: httpx.Client, data: bytes, name: str = "page.png") -> dict[str, Any]:
    """Upload a file and wait for the result."""
    answer = send(client, data, name)
    assert answer.status_code == 202, answer.text
    return wait_for(client, answer.json()["id"])


def wait_for(client: httpx.Client, job: str, limit_s: float = 120) -> dict[str, Any]:
    """Wait until a job is done or has failed; returns its state."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        state = client.get(f"/api/jobs/{job}").json()
        if state["status"] in ("done", "failed"):
            return dict(state)
        time.sleep(0.03)
    raise AssertionError(f"{job} is not read after {limit_s} s")
