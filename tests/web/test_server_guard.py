"""Guard of the server: host names, tokens, cross-site requests, upload rate, security headers."""

from collections.abc import Iterator

import httpx
import pytest
from served import STAFF, send, served

from focal_omr.web.guard import HEADERS, cookie_value

TOKEN = "a secret, ünicode"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(tmp_path_factory.mktemp("guard"), workers=0, warm=False) as client:
        yield client


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("token")
    with served(folder, workers=0, warm=False, token=TOKEN, hosts=("omr.example",)) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/health", "/api", "/api/jobs/x", "/static/none.js", "/metrics"])
def test_every_answer_has_the_headers(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:99", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("LocalHost", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("192.168.0.1", 400),
        ("", 400),
    ],
)
def test_only_known_names_are_answered(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/api", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert "--allow-host" in answer.json()["error"]


def test_a_name_can_be_allowed(locked: httpx.Client) -> None:
    assert locked.get("/health", headers={"Host": "OMR.example:80"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://["},
    ],
)
def test_cross_site_requests_are_rejected(client: httpx.Client, headers: dict[str, str]) -> None:
    files = {"file": ("a.jpg", STAFF.read_bytes())}
    assert client.post("/api/jobs", files=files, headers=headers).status_code == 403
    job = send(client, STAFF.read_bytes()).json()["id"]
    assert client.delete(f"/api/jobs/{job}", headers=headers).status_code == 403
    assert client.get(f"/api/jobs/{job}").status_code == 200


def test_same_site_requests_and_programs_are_admitted(client: httpx.Client) -> None:
    own = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    for headers in ({}, own):
        job = client.post("/api/jobs", files={"file": STAFF.read_bytes()}, headers=headers).json()["id"]
        assert client.delete(f"/api/jobs/{job}", headers=headers).status_code == 204


def test_requests_without_the_token_are_rejected(locked: httpx.Client) -> None:
    for path in ("/", "/api", "/api/jobs/x", "/metrics", "/openapi.json"):
        answer = locked.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert send(locked, STAFF.read_bytes()).status_code == 401
    assert locked.get("/health").status_code == 200


@pytest.mark.parametrize(
    "wrong", ["Bearer", "Bearer x", "Basic YTpi", f"Bearer {cookie_value(TOKEN)}", "Bearer é"]
)
def test_wrong_tokens_are_rejected(locked: httpx.Client, wrong: str) -> None:
    assert locked.get("/api", headers={"Authorization": wrong.encode()}).status_code == 401
    assert locked.get("/api", headers={"Cookie": "focal_omr=x"}).status_code == 401
    assert locked.get("/", params={"token": "x"}).status_code == 401


def test_the_token_admits(locked: httpx.Client) -> None:
    assert locked.get("/api", headers={"Authorization": f"Bearer {TOKEN}".encode()}).status_code == 200
    answer = locked.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    value = cookie.partition("=")[2].partition(";")[0]
    locked.cookies.clear()
    assert locked.get("/api", headers={"Cookie": f"focal_omr={value}"}).json()["token"] is True


def test_upload_rate_limit(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served(tmp_path_factory.mktemp("rate"), workers=0, warm=False, rate=2) as client:
        statuses = [send(client, STAFF.read_bytes()).status_code for _ in range(3)]
        answer = send(client, STAFF.read_bytes())
        assert statuses == [202, 202, 429]
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        assert client.get("/api").status_code == 200  # nothing else is limited
