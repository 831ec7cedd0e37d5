"""A document that was read as columns, in the server: opened, drawn, played, downloaded, not edited."""

import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from column_outputs import network_output
from made_columns import BASS, col, meter, notes, opening
from served import STAFF, read, served

from focal_omr.document.column_reader import ColumnReader, StaffLogProbs
from focal_omr.document.document import Page
from focal_omr.encodings.columns import SignColumn
from focal_omr.page.systems import System
from focal_omr.staff.find import Staff

FINAL = SignColumn("barline", "final")
UPPER = [
    *opening(time=meter(2, 4)),
    col(notes("1/4", 3, 5), notes("1/2", -1), advance="1/4"),
    col(notes("1/4", 4), advance="1/4"),
    FINAL,
]
LOWER = [*opening(clef=BASS, time=meter(2, 4)), col(notes("1/2", 1), advance="1/2"), FINAL]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, str]]:
    """A job whose document is replaced by one of a piano with two voices in its right hand."""
    outputs = []
    for number, columns in enumerate((UPPER, LOWER)):
        middle = np.full(2, 100.0 + 150 * number, np.float32)
        staff = Staff(np.array([50, 850], np.float32), middle, 8.0)
        log_probs = network_output(columns[:-1])
        blanks = np.repeat(network_output([]), 3 * (len(UPPER) - len(columns)), axis=0)
        outputs.append(StaffLogProbs(staff, np.concatenate([log_probs, blanks, network_output([FINAL])])))
    reader = ColumnReader(4)
    reader.add_page(Page(900, 400, (), (System((0, 1), 0.0, (True,)),)), outputs)
    document = reader.document("page.png", "Piano").to_json()
    with served(tmp_path_factory.mktemp("columns"), warm=False) as client:
        id_ = str(read(client, STAFF.read_bytes())["id"])
        folder = client.app.state.server.store.folder(id_)  # type: ignore[attr-defined]
        (folder / "document.json").write_text(json.dumps(document), encoding="utf-8")
        yield client, id_


def test_it_is_opened_drawn_played_and_downloaded(job: tuple[httpx.Client, str]) -> None:
    client, id_ = job

    def get(path: str) -> httpx.Response:
        answer = client.get(f"/api/jobs/{id_}{path}")
        assert answer.status_code == 200, answer.text
        return answer

    assert get("/overview").json()["title"] == "Piano"
    page = get("/pages/1").json()
    assert len(page["staves"]) == 2
    heads = [s["id"] for staff in page["staves"] for s in staff["symbols"] if s["token"].startswith("note-")]
    assert len(heads) == 5
    assert all(f'id="{note}"' in page["svg"] for note in heads)
    assert sum(note["midi"] is not None for note in get("/playback").json()["notes"]) == 5
    assert get("/score.musicxml").content.count(b"<pitch>") == 5
    assert get("/score.mid").content.startswith(b"MThd")
    assert get("/overlay.png").content.startswith(b"\x89PNG")


def test_an_edit_is_refused_in_one_line(job: tuple[httpx.Client, str]) -> None:
    client, id_ = job
    before = client.get(f"/api/jobs/{id_}/score.musicxml").content
    body = {"revision": 0, "page": 1, "staff": 0, "symbol": 2, "change": {"do": "move", "steps": 1}}
    answer = client.post(f"/api/jobs/{id_}/changes", json=body)
    message = "corrections of music with several voices are not possible yet"
    assert (answer.status_code, answer.json()["error"]) == (422, message)
    assert client.get(f"/api/jobs/{id_}/score.musicxml").content == before
