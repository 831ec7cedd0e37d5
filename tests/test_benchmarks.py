"""The benchmarks: operations counted by hand, comparisons of two runs, and a start that loads little."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_columns import BAR, RandomScore, meter, opening, scale
from onnx import TensorProto, helper, numpy_helper, save
from scripted import TUNE, draw_staff, save_png, write_scripted

from benchmarks import against, corpora, starting, truths
from benchmarks.floor import count_multiply_adds
from focal_omr.encodings.from_columns import score_from_columns
from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import DataError
from focal_omr.formats.registry import save_score
from focal_omr.onnx_model import model_digest
from focal_omr.recognize import Recognizer
from focal_omr.score.score import Chord, Pitch

_HEAVY = ("torch", "onnxruntime", "cv2", "numpy", "verovio", "pydantic", "pypdfium2")


def _network(path: Path) -> Path:
    """(1, 1, 8, W) -> two channels -> LSTM of 3 both ways over W frames of 16 -> 5 classes."""
    weights = {"kernel": (2, 1, 3, 3), "into": (2, 12, 16), "again": (2, 12, 3), "head": (6, 5)}
    initial = [numpy_helper.from_array(np.zeros(s, np.float32), name) for name, s in weights.items()]
    initial.append(numpy_helper.from_array(np.array([0, 1, -1]), "frames"))
    initial.append(numpy_helper.from_array(np.array([0, 1, 6]), "ways"))
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["seen"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["seen"], ["columns"], perm=[3, 0, 1, 2]),
        helper.make_node("Reshape", ["columns", "frames"], ["each"]),
        helper.make_node(
            "LSTM", ["each", "into", "again"], ["both"], hidden_size=3, direction="bidirectional"
        ),
        helper.make_node("Reshape", ["both", "ways"], ["flat"]),
        helper.make_node("MatMul", ["flat", "head"], ["log_probs"]),
        helper.make_node("Identity", ["widths"], ["lengths"]),
    ]
    ends = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 1, 8, "width"]),
        helper.make_tensor_value_info("widths", TensorProto.INT64, [1]),
    ]
    outs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, None),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, [1]),
    ]
    graph = helper.make_graph(nodes, "tiny", ends, outs, initial)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), str(path))
    return path


def test_multiply_adds_are_those_of_each_layer(tmp_path: Path) -> None:
    path = _network(tmp_path / "tiny.onnx")
    assert count_multiply_adds(path, 10) == {
        "Conv": 2 * 8 * 10 * 9,
        "LSTM": 10 * 2 * 3 * 4 * (16 + 3),
        "MatMul": 10 * 6 * 5,
    }


def _run(**figures: Any) -> dict[str, Any]:
    return {"machine": "this", "threads": 2, "commit": "x", **figures}


@pytest.mark.parametrize(
    ("name", "old", "new", "verdict"),
    [
        ("median_ms", 10.0, 10.9, "same"),
        ("median_ms", 10.0, 12.0, "worse"),
        ("median_ms", 10.0, 5.0, "better"),
        ("staves_per_s", 10.0, 12.0, "better"),
        ("staves_per_s", 10.0, 8.0, "worse"),
        ("moved_mb", 100.0, 101.0, "worse"),
    ],
)
def test_what_moved_is_named(name: str, old: float, new: float, verdict: str) -> None:
    (row,) = against.compared(_run(part={name: old}), _run(part={name: new}))
    assert (row["figure"], row["verdict"]) == (f"part.{name}", verdict)
    assert row["ratio"] == round(new / old, 3)
    assert verdict in against.as_text([row])


def test_times_of_another_machine_say_nothing() -> None:
    old = {**_run(part={"ms": 10.0, "gone": 1.0, "yes": True}), "machine": "other"}
    rows = against.compared(old, _run(part={"ms": 90.0, "new": 2.0, "yes": False}))
    assert [(row["figure"], row["verdict"]) for row in rows] == [("part.ms", "another machine")]


def test_starting_loads_nothing_heavy() -> None:
    """Counted, not timed: what takes long is what these bring with them, 30 to 400 ms each."""
    _, modules = starting.imported("import focal_omr")
    assert len(modules) < 150  # 67, of which Python itself has about 50
    assert not set(modules) & set(_HEAVY)
    _, modules = starting.imported("import focal_omr.cli.app")
    assert not set(modules) & {"torch", "onnxruntime", "cv2", "numpy", "verovio", "pypdfium2"}


def test_corpora_are_taken_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = RandomScore(1).make()
    save_score(score, tmp_path / "random.musicxml")
    (tmp_path / "broken.musicxml").write_text("<score-partwise/>")
    monkeypatch.setattr("sys.argv", ["corpora", f"random={tmp_path}", "--out", str(tmp_path)])
    corpora.main()
    with (tmp_path / "columns.csv").open(newline="") as file:
        (columns,) = csv.DictReader(file)
    assert (columns["files"], columns["bars"], columns["outside"]) == ("1", "4", "0")
    assert (columns["onset_f1"], columns["bars_right"]) == ("1.0", "1.0")
    with (tmp_path / "roundtrip.csv").open(newline="") as file:
        ways = list(csv.DictReader(file))
    assert [way["way"] for way in ways] == ["musicxml", "mei through Verovio"]
    assert {(way["files"], way["refused"], way["perfect"]) for way in ways} == {("1", "1", "1")}


def test_what_columns_cannot_say_is_counted() -> None:
    columns = [*opening(time=meter(2, 4)), *scale(2), BAR, *scale(2), BAR]
    score = score_from_columns([[columns]]).score
    (part,) = score.parts
    first, second = part.measures
    (voice,) = second.voices
    chord = voice.events[0]
    assert isinstance(chord, Chord)
    high = replace(chord, notes=(replace(chord.notes[0], pitch=Pitch("C", 9)),))
    second = replace(second, voices=(replace(voice, events=(high, *voice.events[1:])),))
    trip = corpora.ColumnsTrip()
    trip.add(replace(score, parts=(replace(part, measures=(first, second)),)))
    assert (trip.bars, trip.outside, trip.right) == (2, 1, 1)
    assert trip.reasons == {"a note more than six spaces from the staff": 1}


def test_pictures_are_compared_with_the_truths_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture read as its truth says, one without a staff, one with a note too few in its truth."""
    model, folder = write_scripted(tmp_path / "m.onnx"), tmp_path / "set"
    truth = to_score(read_semantic(" ".join(TUNE)))
    shorter = to_score(read_semantic(" ".join(token for token in TUNE if token != "note-A4_eighth")))
    for name, score, gray in (
        ("right", truth, draw_staff()),
        ("empty", truth, np.full((200, 700), 255, np.uint8)),
        ("wrong", shorter, draw_staff()),
    ):
        save_png(folder / f"{name}.png", gray)
        save_score(score, folder / f"{name}.musicxml")
    out = tmp_path / "rows.csv"
    monkeypatch.setattr("sys.argv", ["truths", str(folder), "--model", str(model), "--record", str(out)])
    truths.main()
    truths.main()
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    row = rows[0]
    assert (row["set"], row["pages"], row["unread"], row["bars"]) == ("set", "3", "1", "9")
    # Five notes each: all five, none, four of four with one too many.
    assert (row["truth_notes"], row["result_notes"]) == ("14", "10")
    assert row["pitch_f1"] == str(round(100 * 2 * 9 / 24, 2))
    assert row["bars_right"] == str(round(100 * 5 / 9, 2))
    assert row["weights"] == model_digest(model)[:12]
    with pytest.raises(DataError, match="holds no pictures"):
        truths.measure(Recognizer(model=model), tmp_path)
