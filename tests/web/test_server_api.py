"""The HTTP API on a real server with its worker processes: upload, downloads, edits."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pypdfium2
import pytest
from lxml import etree
from served import EXAMPLES, STAFF, pages, read, send, served, wait_for

from focal_omr.web import responses
from focal_omr.web.responses import JsonModel


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(tmp_path_factory.mktemp("api"), pages=20, seconds=30.0) as client:
        yield client


@pytest.fixture(scope="module")
def job(client: httpx.Client) -> str:
    """Id of an example that has been read."""
    state = read(client, STAFF.read_bytes(), "Menuett in G.jpg")
    assert state["status"] == "done", state
    return str(state["id"])


def get(client: httpx.Client, job: str, path: str, kind: type[JsonModel] | None = None) -> Any:
    """GET a path of a job; validates the response against a model, if given."""
    answer = client.get(f"/api/jobs/{job}{path}")
    assert answer.status_code == 200, answer.text
    if kind is None:
        return answer
    kind.model_validate(answer.json(), strict=True)
    return answer.json()


def test_state_of_a_job(client: httpx.Client, job: str) -> None:
    state = get(client, job, "", responses.JobJson)
    assert (state["status"], state["progress"], state["error"]) == ("done", 1.0, None)
    assert (state["name"], state["pages"], state["pages_read"], state["staves_read"]) == (
        *("Menuett in G.jpg", 1, 1),
        1,
    )
    assert state["created"] < state["expires"]


def test_the_uploaded_file_is_not_kept(client: httpx.Client, job: str) -> None:
    folder = client.app.state.server.store.folder(job)  # type: ignore[attr-defined]
    assert {file.name for file in folder.iterdir() if not file.name.startswith("made-")} == {
        "document.json",
        "page-1.jpg",
    }


@pytest.mark.parametrize(
    ("suffix", "kind", "begins"),
    [
        ("musicxml", "application/vnd.recordare.musicxml+xml", b"<?xml"),
        ("mid", "audio/midi", b"MThd"),
        ("mei", "application/mei+xml", b"<?xml"),
        ("json", "application/json", b"{"),
        ("svg", "image/svg+xml", b"<"),
        ("krn", "text/plain; charset=utf-8", b"**kern"),
        ("abc", "text/vnd.abc; charset=utf-8", b"X:1"),
    ],
)
def test_every_format_can_be_downloaded(
    client: httpx.Client, job: str, suffix: str, kind: str, begins: bytes, schema: etree.XMLSchema
) -> None:
    answer = get(client, job, f"/score.{suffix}")
    assert answer.headers["content-type"] == kind
    assert answer.content.lstrip().startswith(begins)
    assert f"filename*=UTF-8''Menuett%20in%20G.{suffix}" in answer.headers["content-disposition"]
    if suffix == "musicxml":
        schema.assertValid(etree.fromstring(answer.content))
        truth = (EXAMPLES / "minuet-in-g" / "minuet-in-g.musicxml").read_bytes()
        assert answer.content.count(b"<note") == truth.count(b"<note")


def test_pictures_and_overlays(client: httpx.Client, job: str) -> None:
    view = get(client, job, "/pages/1", responses.PageJson)
    picture = get(client, job, "/pages/1/picture")
    assert picture.headers["content-type"] == "image/jpeg"
    gray = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert gray.shape == (view["height"], view["width"])
    assert get(client, job, "/overlay.png").content.startswith(b"\x89PNG")
    assert get(client, job, "/overlay.pdf").content.startswith(b"%PDF-")
    assert b"<html" in get(client, job, "/overlay.html").content
    assert client.get(f"/api/jobs/{job}/pages/2").status_code == 404
    assert client.get(f"/api/jobs/{job}/pages/2/picture").status_code == 404


def test_views_match_their_models(client: httpx.Client, job: str) -> None:
    overview = get(client, job, "/overview", responses.DocumentJson)
    assert overview["pages"][0]["picture"] == f"/api/jobs/{job}/pages/1/picture"
    playback = get(client, job, "/playback", responses.PlaybackJson)
    notes = [note for note in playback["notes"] if note["midi"] is not None]
    tokens = [each["token"] for each in get(client, job, "/pages/1").json()["staves"][0]["symbols"]]
    assert len(notes) == sum(token.startswith("note-") for token in tokens)


def change(
    client: httpx.Client, job: str, revision: int, symbol: int, what: dict[str, Any]
) -> httpx.Response:
    body = {"revision": revision, "page": 1, "staff": 0, "symbol": symbol, "change": what}
    return client.post(f"/api/jobs/{job}/changes", json=body)


def go(client: httpx.Client, job: str, which: str, revision: int) -> httpx.Response:
    return client.post(f"/api/jobs/{job}/{which}", json={"revision": revision})


def test_edit_undo_redo(client: httpx.Client) -> None:
    job = read(client, STAFF.read_bytes())["id"]
    as_read = get(client, job, "/score.musicxml").content
    assert get(client, job, "/samples.zip").content[:2] == b"PK"
    tokens = [each["token"] for each in get(client, job, "/pages/1").json()["staves"][0]["symbols"]]
    note = next(index for index, token in enumerate(tokens) if token.startswith("note-"))
    assert go(client, job, "undo", 0).status_code == 422

    up = change(client, job, 0, note, {"do": "move", "steps": 1})
    assert up.status_code == 200, up.text
    responses.EditedJson.model_validate(up.json(), strict=True)
    symbol = up.json()["view"]["staves"][0]["symbols"][note]
    assert symbol["token"] != tokens[note]
    assert symbol["mended"]
    assert (
        up.json()["revision"],
        up.json()["overview"]["can_undo"],
        up.json()["overview"]["mended_staves"],
    ) == (
        *(1, True),
        1,
    )
    mended = get(client, job, "/score.musicxml").content
    assert mended != as_read
    assert get(client, job, "/score.musicxml?original=true").content == as_read
    with zipfile.ZipFile(io.BytesIO(get(client, job, "/samples.zip").content)) as archive:
        assert {Path(name).suffix for name in archive.namelist()} >= {".png", ".semantic", ".agnostic"}

    assert change(client, job, 0, note, {"do": "move", "steps": 1}).status_code == 409
    longer = change(client, job, 1, note, {"do": "dots", "dots": 2})
    assert longer.json()["overview"]["odd_bars"]
    undone = go(client, job, "undo", 2).json()
    assert (undone["revision"], undone["symbol"], undone["overview"]["can_redo"]) == (3, note, True)
    assert get(client, job, "/score.musicxml").content == mended
    assert go(client, job, "undo", 3).json()["overview"]["can_undo"] is False
    assert get(client, job, "/score.musicxml").content == as_read
    assert go(client, job, "redo", 4).json()["overview"]["mended_staves"] == 1
    assert get(client, job, "/score.musicxml").content == mended
    assert go(client, job, "redo", 4).status_code == 409
    assert change(client, job, 5, note, {"do": "delete"}).status_code == 200
    assert go(client, job, "redo", 6).status_code == 422  # undone edits are dropped
    folder = client.app.state.server.store.folder(job)  # type: ignore[attr-defined]
    assert not [file for file in folder.glob("made-[0-9]*") if not file.name.startswith("made-6-")]


@pytest.mark.parametrize(
    ("symbol", "what", "says"),
    [
        (0, {"do": "move", "steps": 1}, ""),
        (9_999, {"do": "tie"}, "no symbol"),
        (3, {"do": "explode"}, "change"),
        (3, {"do": "move", "steps": 10**9}, "steps"),
        (3, {"do": "token", "token": "note-X9_\ud800"}, ""),
        (3, {}, "change"),
    ],
)
def test_impossible_edits(
    client: httpx.Client, job: str, symbol: int, what: dict[str, Any], says: str
) -> None:
    body = {"revision": 0, "page": 1, "staff": 0, "symbol": symbol, "change": what}
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/jobs/{job}/changes", content=json.dumps(body), headers=headers)
    assert answer.status_code == 422, answer.text
    assert says in answer.json()["error"]
    assert get(client, job, "/overview").json()["revision"] == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"revision": NaN}', b'{"revision": 1e400}', b"\xff"]
)
def test_malformed_edits(client: httpx.Client, job: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post(f"/api/jobs/{job}/changes", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert len(answer.json()["error"].splitlines()) == 1


def test_ten_thousand_pages_fail_at_once(client: httpx.Client) -> None:
    document, file = pypdfium2.PdfDocument.new(), io.BytesIO()
    for _ in range(10_000):
        document.new_page(100, 100).close()
    document.save(file)
    document.close()
    state = read(client, file.getvalue(), "book.pdf")
    assert state["status"] == "failed"
    assert state["error"] == "book.pdf: 10000 pages; this server reads at most 20"


def test_unreadable_files_fail_with_a_reason(client: httpx.Client) -> None:
    blank = cv2.imencode(".png", np.full((300, 400), 255, np.uint8))[1].tobytes()
    state = read(client, blank, "blank.png")
    assert (state["status"], state["error"].startswith("blank.png: no staff")) == ("failed", True)
    answer = client.get(f"/api/jobs/{state['id']}/overview")
    assert answer.status_code == 409
    assert "no staff" in answer.json()["error"]
    assert read(client, b"%PDF-1.4\nnothing more", "cut.pdf")["error"].startswith(
        "cut.pdf: the PDF is cut off"
    )


def test_a_dead_reader_fails_one_job(client: httpx.Client) -> None:
    readers = client.app.state.server.readers  # type: ignore[attr-defined]
    long = send(client, pages(12), "long.tiff").json()["id"]
    following = send(client, STAFF.read_bytes(), "next.jpg").json()["id"]
    while client.get(f"/api/jobs/{long}").json()["status"] != "running":
        time.sleep(0.01)
    (pid,) = readers.pids()
    os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    state = wait_for(client, long)
    assert state["status"] == "failed"
    assert state["error"].startswith("long.tiff: crashed the worker process")  # and by which signal
    assert wait_for(client, following)["status"] == "done"


def test_a_dead_view_worker_is_restarted(client: httpx.Client, job: str) -> None:
    views = client.app.state.server.views  # type: ignore[attr-defined]
    tune = get(client, job, "/score.abc").content
    os.kill(views._process.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    first = client.get(f"/api/jobs/{job}/score.abc?original=true")  # may arrive before the death is noticed
    assert (first.status_code, "crashed the worker process" in first.text) in ((200, False), (503, True))
    assert get(client, job, "/score.abc?original=true").content == tune


def test_a_job_times_out(tmp_path: Path) -> None:
    with served(tmp_path, seconds=0.3) as client:
        state = read(client, pages(12), "long.tiff")
        assert (state["status"], state["error"]) == ("failed", "long.tiff: takes longer than 0.3 s")


def test_a_running_job_can_be_deleted(client: httpx.Client) -> None:
    long = send(client, pages(12), "long.tiff").json()["id"]
    while client.get(f"/api/jobs/{long}").json()["status"] != "running":
        time.sleep(0.01)
    assert client.delete(f"/api/jobs/{long}").status_code == 204
    assert client.get(f"/api/jobs/{long}").status_code == 404
    assert read(client, STAFF.read_bytes())["status"] == "done"
    assert not client.app.state.server.store.folder(long).exists()  # type: ignore[attr-defined]


def test_finished_jobs_survive_a_restart(tmp_path: Path) -> None:
    with served(tmp_path, warm=False) as client:
        job = read(client, STAFF.read_bytes())["id"]
        assert change(client, job, 0, 4, {"do": "delete"}).status_code == 200
        score = get(client, job, "/score.abc").content
    with served(tmp_path, workers=0, warm=False) as client:
        assert get(client, job, "/score.abc").content == score
        assert get(client, job, "/overview").json()["can_undo"]
        assert go(client, job, "undo", 1).status_code == 200


def test_metrics(client: httpx.Client, job: str) -> None:
    text = client.get("/metrics").text
    assert 'focal_omr_jobs{status="done"}' in text
    assert "focal_omr_queue_length 0.0" in text
    assert 'focal_omr_reading_seconds_count{result="read"}' in text
    assert 'focal_omr_requests_total{route="/api/jobs/{id}",status="200"}' in text
    assert job not in text


@pytest.mark.parametrize("language", ["sh", "python"])
def test_examples_of_the_documentation_work(client: httpx.Client, tmp_path: Path, language: str) -> None:
    if language == "sh" and not (shutil.which("curl") and shutil.which("bash")):
        pytest.skip("needs curl and bash")
    text = (EXAMPLES.parent / "docs" / "server.md").read_text(encoding="utf-8")
    block = text.partition(f"```{language}\n")[2].partition("```")[0]
    code = block.replace("http://127.0.0.1:8000", str(client.base_url).rstrip("/"))
    file = tmp_path / "minuet.musicxml"
    if language == "sh":
        command = ["bash", "-ec", code.replace(file.name, str(file))]
    else:
        command = [sys.executable, "-c", f"{code}\nopen({str(file)!r}, 'wb').write(score)"]
    subprocess.run(command, check=True, cwd=EXAMPLES.parent, timeout=60)
    assert b"<score-partwise" in file.read_bytes()


def test_the_server_process_loads_no_decoders() -> None:
    """Decoders of uploaded files may crash or exhaust memory, so they run in worker processes."""
    heavy = ("numpy", "cv2", "onnxruntime", "verovio", "pypdfium2", "torch", "PIL")
    code = (
        "import sys; from pathlib import Path; from focal_omr.web.app import create_app;"
        "from focal_omr.web.settings import Settings; create_app(Settings(Path('x'))).openapi();"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
