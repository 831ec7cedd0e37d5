"""`focal-omr serve` as a process: its messages, and recovery after a kill."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from served import STAFF, pages, send, wait_for

from focal_omr.cli.serve import _announce
from focal_omr.web.settings import Settings

SERVE = (sys.executable, "-m", "focal_omr", "serve")


def refused(*options: str, code: str = "") -> str:
    """The one-line message of a server that does not start."""
    command = (sys.executable, "-c", code) if code else SERVE
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


@contextmanager
def serving(data: Path, *options: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A server process, and a client of the address that it printed."""
    command = [*SERVE, "--port", "0", "--data", str(data), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            address = httpx.URL(process.stdout.readline().split()[0])
            with httpx.Client(base_url=address.copy_with(query=None), timeout=60) as client:
                client.get("/", params=address.params)
                yield client, process
        finally:
            process.terminate()


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused("--port", port, "--data", str(tmp_path))
    assert f"127.0.0.1, port {port}: cannot listen" in line


def test_a_missing_model_is_one_line(tmp_path: Path) -> None:
    assert "none.onnx: no such file" in refused("--data", str(tmp_path), "--model", "none.onnx")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from focal_omr.cli.app import main; main()"
    line = refused("serve", "--data", str(tmp_path), code=code)
    assert (
        "the web page needs uvicorn, which the extra 'web' installs: pip install 'focal-ctc-omr[web]'" in line
    )


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/?token=a%20b"),
        ("0.0.0.0", "http://localhost:80/?token=a%20b"),
        ("::1", "http://[::1]:80/?token=a%20b"),
    ],
)
def test_printed_address_and_warning_of_an_open_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str, address: str
) -> None:
    server = uvicorn.Server(uvicorn.Config("none"))
    server.started = True
    _announce(server, Settings(tmp_path, hosts=(host,), token="a b"), 80, open_browser=False)
    printed = capsys.readouterr()
    assert printed.out.split()[0] == address
    assert printed.err == ""
    _announce(server, Settings(tmp_path, hosts=(host,)), 80, open_browser=False)
    assert ("anyone who can reach this address" in capsys.readouterr().err) is (host == "0.0.0.0")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="there is no kill -9")
def test_a_kill_loses_nothing(tmp_path: Path) -> None:
    """What was read is there after it, and what was being read is read again."""
    with serving(tmp_path, "--token", "random") as (client, process):
        done = send(client, STAFF.read_bytes()).json()["id"]
        assert wait_for(client, done)["status"] == "done"
        long = send(client, pages(8), "long.tiff").json()["id"]
        waits = send(client, STAFF.read_bytes()).json()["id"]
        while client.get(f"/api/jobs/{long}").json()["status"] != "running":
            pass
        process.kill()
        process.wait()
    with serving(tmp_path) as (client, _):
        assert client.get(f"/api/jobs/{done}").json()["status"] == "done"
        assert client.get(f"/api/jobs/{done}/pages/1/picture").status_code == 200
        assert wait_for(client, waits)["status"] == "done"
        state = wait_for(client, long)
        assert (state["status"], state["pages_read"], state["staves_read"]) == ("done", 8, 8), state
