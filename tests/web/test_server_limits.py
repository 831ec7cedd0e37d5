"""Limits of uploads: size, number, type and names."""

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
from served import STAFF, send, served

from focal_omr.errors import OutputError
from focal_omr.web.uploads import content_disposition, display_name, stem

MB = 2**20


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("limits")
    with served(folder, workers=0, warm=False, upload_bytes=MB, queued=1000) as client:
        yield client


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file whose header declares a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


BOMB = png(40_000, 40_000, zlib.compress(bytes(2 * MB), 9))


@pytest.mark.parametrize(
    ("name", "data", "status", "says"),
    [
        ("bomb.png", BOMB, 413, "bomb.png: 40000 x 40000 pixels, at most 100 million are read"),
        ("empty.png", b"", 422, "the file is empty"),
        ("page.png", b"<!doctype html><script>alert(1)</script>", 415, "neither an image"),
        ("bomb.gz", gzip.compress(bytes(4 * MB)), 415, "neither an image"),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "neither an image"),
        ("cut.png", BOMB[:100], 422, "cut.png"),
        ("page.zip", b"PK\x03\x04" + bytes(100), 415, "neither an image"),
        ("big.png", bytes(MB + 1), 413, "larger than the limit of 1 MB"),
        ("huge.png", bytes(2 * MB), 413, "at most 1 MB"),
    ],
)
def test_rejected_uploads(client: httpx.Client, name: str, data: bytes, status: int, says: str) -> None:
    answer = send(client, data, name)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert len(answer.json()["error"].splitlines()) == 1


def test_rejected_files_leave_nothing(client: httpx.Client) -> None:
    store = client.app.state.server.store  # type: ignore[attr-defined]
    before = sorted(store._jobs.iterdir())
    send(client, BOMB)
    send(client, b"text")
    assert sorted(store._jobs.iterdir()) == before


def test_a_body_without_length_is_cut_off(client: httpx.Client) -> None:
    """It is rejected while being sent: the server does not wait for its end."""
    head = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.png\r\n\r\n"

    def endless() -> Iterator[bytes]:
        yield head
        for _ in range(1000):
            yield bytes(MB)

    try:
        answer = client.post(
            "/api/jobs", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code == 413
    except httpx.TransportError:  # the connection was closed before the response was read
        pass
    assert client.get("/health").status_code == 200


def test_an_oversized_content_length_is_rejected_at_once(client: httpx.Client) -> None:
    url = httpx.URL(client.base_url)
    with socket.create_connection((url.host, url.port or 80), timeout=10) as connection:
        connection.sendall(
            b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        assert b" 413 " in connection.recv(1000)


def test_bodies_of_other_requests_are_limited(client: httpx.Client) -> None:
    job = send(client, STAFF.read_bytes()).json()["id"]
    answer = client.post(f"/api/jobs/{job}/undo", content=b'{"revision":' + b" " * 100_000 + b"0}")
    assert answer.status_code in (409, 413)  # 409: the job is checked first, and has not been read yet
    deep = b'{"revision":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    headers = {"Content-Type": "application/json"}
    assert client.post(f"/api/jobs/{job}/undo", content=deep, headers=headers).status_code in (400, 409, 422)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data; boundary=x"),
        (b"file=abc", "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"abc", "multipart/form-data"),
        (b"{}", "application/json"),
        (
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
    ],
)
def test_malformed_forms_are_client_errors(client: httpx.Client, content: bytes, kind: str) -> None:
    answer = client.post("/api/jobs", content=content, headers={"Content-Type": kind})
    assert answer.status_code in (400, 422)
    assert answer.json()["error"]


def test_two_files_are_rejected(client: httpx.Client) -> None:
    two = [("file", ("a.jpg", STAFF.read_bytes())), ("file", ("b.jpg", STAFF.read_bytes()))]
    assert client.post("/api/jobs", files=two).status_code == 400


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\scan.png", "scan.png"),
        ("/", "document"),
        ("..", "document"),
        ("a\r\nSet-Cookie: x=1.png", "a Set-Cookie: x=1.png"),
        ("\x00\x1b[31mred\u202egnp.exe", "[31mredgnp.exe"),
        ("Ländler № 3.pdf", "Ländler № 3.pdf"),
        ("x" * 300 + ".png", "x" * 110 + ".png"),
        ("", "document"),
        (None, "document"),
    ],
)
def test_display_names(sent: str | None, shown: str) -> None:
    assert display_name(sent) == shown


def test_a_path_as_file_name_is_harmless(client: httpx.Client) -> None:
    job = send(client, STAFF.read_bytes(), "../../../../tmp/evil.png").json()["id"]
    state = client.get(f"/api/jobs/{job}").json()
    assert state["name"] == "evil.png"
    folder = client.app.state.server.store.folder(job)  # type: ignore[attr-defined]
    assert [file.name for file in folder.iterdir()] == ["upload"]


def test_content_disposition_is_one_header() -> None:
    value = content_disposition('Länd"ler\\; x=1.mid')
    assert value.startswith("attachment; filename=\"L_nd_ler__ x_1.mid\"; filename*=UTF-8''")
    assert unquote(value.partition("''")[2]) == 'Länd"ler\\; x=1.mid'
    assert (stem("a.b.png"), stem("no suffix. really none"), stem("a")) == (
        "a.b",
        "no suffix. really none",
        "a",
    )


def test_the_queue_is_limited(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("full"), workers=0, warm=False, queued=2) as client:
        answers = [send(client, STAFF.read_bytes()) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 503]
        assert answers[2].headers["retry-after"]
        states = [client.get(f"/api/jobs/{answer.json()['id']}").json() for answer in answers[:2]]
        assert [state["waiting"] for state in states] == [0, 1]
        client.delete(f"/api/jobs/{answers[0].json()['id']}")
        assert send(client, STAFF.read_bytes()).status_code == 202


def test_a_document_expires_while_the_server_runs(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("old"), workers=0, warm=False, expire_s=0.5) as client:
        job = send(client, STAFF.read_bytes()).json()["id"]
        folder = client.app.state.server.store.folder(job)  # type: ignore[attr-defined]
        end = time.monotonic() + 20
        while folder.exists() and time.monotonic() < end:
            time.sleep(0.05)
        assert not folder.exists()
        assert client.get(f"/api/jobs/{job}").status_code == 404


def test_an_upload_to_a_full_disk_leaves_nothing(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(path: Path, data: bytes) -> None:
        raise OutputError(f"{path} cannot be written: No space left on device")

    store = client.app.state.server.store  # type: ignore[attr-defined]
    before = sorted(store._jobs.iterdir())
    monkeypatch.setattr("focal_omr.web.server.write_atomic", no_room)
    answer = send(client, STAFF.read_bytes())
    assert answer.status_code == 503
    assert str(store._jobs) not in answer.json()["error"]  # server paths are not exposed
    assert sorted(store._jobs.iterdir()) == before


@pytest.mark.parametrize(
    "path", ["../settings.py", "%2e%2e/settings.py", "..%2fapp.py", "%00", "a" * 5000, "x//y"]
)
def test_static_paths_reach_no_other_file(client: httpx.Client, path: str) -> None:
    answer = client.get(f"/static/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize("job", ["x", "%2e%2e%2fx", "a" * 64, "a" * 65, "%00", "%ff", "'; DROP TABLE jobs"])
@pytest.mark.parametrize("rest", ["", "/overview", "/score.mid", "/pages/1", "/pages/1/picture"])
def test_unknown_jobs_are_not_found(client: httpx.Client, job: str, rest: str) -> None:
    assert client.get(f"/api/jobs/{job}{rest}").status_code in (404, 422)


def test_unread_documents_have_no_views(client: httpx.Client) -> None:
    job = send(client, STAFF.read_bytes()).json()["id"]
    for path in ("overview", "pages/1", "pages/1/picture", "score.musicxml", "overlay.png", "samples.zip"):
        assert client.get(f"/api/jobs/{job}/{path}").status_code == 409
    assert client.get(f"/api/jobs/{job}/score.exe").status_code in (409, 422)
