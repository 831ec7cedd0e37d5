"""The packaged weights as two networks: which document is read by which, and what tells of them."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_columns import meter, notes, opening
from numpy.typing import NDArray
from scripted import TUNE, draw_staff, save_png, write_packaged, write_scripted
from typer.testing import CliRunner

from focal_omr import Document, Recognizer
from focal_omr.batch.worker import DocumentReader, ReadOptions, ReadTask
from focal_omr.cli.app import app
from focal_omr.encodings.columns import NoteColumn, SignColumn
from focal_omr.errors import ModelError
from focal_omr.formats.registry import load_score
from focal_omr.onnx_model import PACKAGED_MODELS, model_digest
from focal_omr.recognize import Progress
from focal_omr.score.score import Chord

CHORD = NoteColumn((notes("1/2", 0, 2), None, None), None)
COLUMNS = [*opening(time=meter(2, 4)), CHORD, SignColumn("barline", "final")]
ROOT = Path(__file__).parent.parent


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recognizer]:
    """Makes a recognizer with packaged networks of its own; `confidence`: of the one-voice network."""

    def make(confidence: float = 0.99) -> Recognizer:
        write_packaged(tmp_path, TUNE, COLUMNS, confidence=confidence)
        monkeypatch.setattr("focal_omr.onnx_model.files", lambda _: tmp_path)
        return Recognizer(threads=1)

    return make


def joined(count: int) -> NDArray[np.uint8]:
    """A page with one system of several staves."""
    gray = np.vstack([draw_staff(700, 200)] * count)
    cv2.line(gray, (20, 70), (20, 200 * count - 82), 0, 3)
    return gray


def stacked() -> NDArray[np.uint8]:
    """A staff on which every head has another one above it."""
    gray = draw_staff()
    for number, x in enumerate(range(80, 650, 50)):
        y = 76 + 6 * (number % 7)
        cv2.ellipse(gray, (x, y + 24), (8, 6), 0, 0, 360, 0, -1)
    return gray


def png(gray: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".png", gray)[1])


def sizes_of_chords(document: Document) -> set[int]:
    return {len(event.notes) for *_, event in document.score.events() if isinstance(event, Chord)}


def test_one_voice_stays_with_its_network(packaged: Callable[..., Recognizer], tmp_path: Path) -> None:
    recognizer = packaged()
    (tmp_path / "columns.onnx").unlink()  # not even opened
    document = recognizer.read(png(np.vstack([draw_staff()] * 3)))
    assert not document.from_columns
    assert [symbol.token for symbol in document.symbols] == 3 * list(TUNE)


def test_a_system_of_two_staves_goes_to_columns(packaged: Callable[..., Recognizer]) -> None:
    document = packaged().read(png(joined(2)), name="duo")
    assert document.from_columns
    assert document.source == "duo"
    assert sizes_of_chords(document) == {2}
    assert [len(page.systems) for page in document.pages] == [1]


def test_many_refused_staves_go_to_columns(packaged: Callable[..., Recognizer]) -> None:
    """Of four staves: with one the one-voice network is kept, with two it is not."""
    recognizer = packaged(confidence=0.9)
    one = recognizer.read(png(np.vstack([stacked()] + [draw_staff()] * 3)))
    two = recognizer.read(png(np.vstack([stacked()] * 2 + [draw_staff()] * 2)))
    assert (one.from_columns, two.from_columns) == (False, True)
    assert sum(bool(staff.unread) for staff in one.pages[0].staves) == 1
    assert "which the one-voice network does not read" in one.warnings[0]


def test_doubt_alone_does_not_change_networks(packaged: Callable[..., Recognizer]) -> None:
    assert not packaged(confidence=0.9).read(png(draw_staff())).from_columns


def test_one_page_of_columns_is_enough(packaged: Callable[..., Recognizer], tmp_path: Path) -> None:
    path = tmp_path / "book.tiff"
    assert cv2.imwritemulti(str(path), [draw_staff(), joined(2), draw_staff()])
    seen: list[Progress] = []
    recognizer = packaged()
    document = recognizer.read(path, progress=seen.append)
    assert document.from_columns
    assert [(page.number, len(page.staves)) for page in document.pages] == [(1, 1), (2, 2), (3, 1)]
    assert [each.pages for each in seen if each.picture is not None] == [1, 1, 2, 3]  # anew from the first
    assert (seen[-1].pages, seen[-1].staves) == (3, 4)
    assert not recognizer.read(path, pages="1,3").from_columns


def test_a_crop_of_chords_goes_to_columns(packaged: Callable[..., Recognizer], tmp_path: Path) -> None:
    recognizer = packaged(confidence=0.9)
    assert sizes_of_chords(recognizer.read_gray(stacked())) == {2}
    assert recognizer.read_staff(save_png(tmp_path / "chords.png", stacked())).from_columns
    assert not recognizer.read_gray(draw_staff()).from_columns


def test_columns_alone_by_name(packaged: Callable[..., Recognizer]) -> None:
    assert not packaged().reads_columns
    recognizer = Recognizer(model="columns", threads=1)
    assert recognizer.reads_columns
    assert sizes_of_chords(recognizer.read(png(draw_staff()))) == {2}


def test_a_network_of_ones_own_has_no_other_beside_it(tmp_path: Path) -> None:
    recognizer = Recognizer(model=write_scripted(tmp_path / "own.onnx"), threads=1)
    assert not recognizer.read(png(joined(2))).from_columns


def test_the_digest_covers_both_networks(packaged: Callable[..., Recognizer], tmp_path: Path) -> None:
    packaged()
    both, columns = model_digest("default"), model_digest("columns")
    assert columns == hashlib.sha256((tmp_path / "columns.onnx").read_bytes()).hexdigest()
    with (tmp_path / "columns.onnx").open("ab") as file:
        file.write(b"more")
    assert model_digest("default") != both
    assert model_digest(tmp_path / "default.onnx") not in (both, model_digest("default"))


def test_missing_columns_are_named(packaged: Callable[..., Recognizer], tmp_path: Path) -> None:
    recognizer = packaged()
    (tmp_path / "columns.onnx").unlink()
    with pytest.raises(ModelError, match=r"packaged weights, .*columns\.onnx, cannot be read \(No such file"):
        recognizer.read(png(joined(2)))


def test_a_worker_of_read_writes_what_columns_hold(
    packaged: Callable[..., Recognizer], tmp_path: Path
) -> None:
    packaged()
    picture = save_png(tmp_path / "in" / "duo.png", joined(2))
    record = DocumentReader(ReadOptions())(ReadTask(picture, "duo"))
    assert (record.error, record.staves) == (None, 2)
    (tmp_path / "duo.musicxml").write_bytes(record.results["duo.musicxml"])
    score = load_score(tmp_path / "duo.musicxml")
    assert {len(event.notes) for *_, event in score.events() if isinstance(event, Chord)} == {2}


def test_an_unknown_model_is_told_the_names() -> None:
    with pytest.raises(ModelError, match=r"focal-omr export`, 'default' or 'columns'"):
        model_digest("colums")
    done = CliRunner().invoke(app, ["serve", "--model", "colums"])
    assert isinstance(done.exception, ModelError)
    assert "'default' or 'columns'" in str(done.exception)


@pytest.mark.slow
def test_a_wheel_holds_both_networks(tmp_path: Path) -> None:
    code = (
        "import json, sys; from hatchling.builders.wheel import WheelBuilder as W;"
        "print(json.dumps([f.distribution_path for f in W(sys.argv[1]).recurse_included_files()]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT)], capture_output=True, text=True, check=True)
    assert {f"focal_omr/weights/{name}.onnx" for name in PACKAGED_MODELS} <= set(json.loads(done.stdout))
