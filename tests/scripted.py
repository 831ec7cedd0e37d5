"""An ONNX file whose network always reads the same tokens, and drawn staves, shared by tests.

The network is a table of frames: it looks at no ink, only at the picture's width. So the tests say what is
"recognized", with which confidence, and need no torch and no training.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
from column_outputs import network_output
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from focal_omr.encodings.codec import Codec
from focal_omr.encodings.column_factors import column_vocabulary
from focal_omr.encodings.columns import Column
from focal_omr.encodings.vocabulary import BLANK, full_semantic
from focal_omr.onnx_model import METADATA_KEY, ModelCard
from focal_omr.staff.strip import MIDDLE_LINE_PX, STAFF_SPACE_PX, STRIP_HEIGHT_PX, strip_height

FRAME_PX = 4
CARD = ModelCard(
    preset="default",
    codec=Codec("semantic", full_semantic()),
    height_px=STRIP_HEIGHT_PX,
    staff_space_px=STAFF_SPACE_PX,
    middle_line_px=MIDDLE_LINE_PX,
    frame_px=FRAME_PX,
    config_digest="scripted",
    seed=1,
    steps=0,
    version="0",
)
COLUMNS_CARD = replace(
    CARD,
    preset="columns",
    codec=Codec("columns", column_vocabulary()),
    height_px=strip_height(6),
    middle_line_px=strip_height(6) // 2,
)
TUNE = (
    *(
        "clef-G2",
        "keySignature-GM",
        "timeSignature-3/4",
        "note-D5_quarter",
        "note-G4_eighth",
        "note-A4_eighth",
    ),
    *("barline", "note-F#5_half.", "tie", "barline", "note-F#5_half.", "barline-final"),
)


def write_scripted(
    path: Path, tokens: Sequence[str] = TUNE, *, confidence: float = 0.9, card: ModelCard | None = CARD
) -> Path:
    """Write an ONNX file that reads `tokens`, one in every second frame, after four blank ones.

    Args:
        path: Where to.
        tokens: Semantic tokens of the vocabulary.
        confidence: Probability of each; what is left goes to the blank.
        card: Metadata; None leaves them out.
    """
    frames = [BLANK] * 4
    for number in CARD.codec.vocabulary.encode(tokens):
        frames += [number, BLANK]
    table = np.full((len(frames), CARD.codec.vocabulary.classes), -30.0, np.float32)
    table[:, BLANK] = np.log(1 - confidence)
    for frame, number in enumerate(frames):
        table[frame, number] = 0.0 if number == BLANK else np.log(confidence)
    return _write(path, table, card)


def write_scripted_columns(path: Path, columns: Sequence[Column]) -> Path:
    """Write an ONNX file that reads `columns` on every staff; `path`: where to."""
    return _write(path, network_output(columns), COLUMNS_CARD)


def write_packaged(folder: Path, tokens: Sequence[str], columns: Sequence[Column], **more: float) -> None:
    """Write both files of a folder of packaged weights, of networks that always read the same.

    Args:
        folder: Where to.
        tokens: Of the one-voice network; `more`: its confidence.
        columns: Of the columns network.
    """
    write_scripted(folder / "default.onnx", tokens, **more)
    write_scripted_columns(folder / "columns.onnx", columns)


def _write(path: Path, table: NDArray[np.float32], card: ModelCard | None) -> Path:
    rows = STRIP_HEIGHT_PX if card is None else card.height_px
    graph = onnx.load_from_string(_graph(table, rows).SerializeToString())
    if card is not None:
        entry = graph.metadata_props.add()
        entry.key, entry.value = METADATA_KEY, json.dumps(card.to_json())
    onnx.save(graph, str(path))
    return path


def _graph(table: NDArray[np.float32], rows: int) -> onnx.ModelProto:
    """images (B, 1, H, W), widths (B,) -> log_probs (most // 4, B, C), lengths: the table, then blanks."""
    constants = {"table": table, "four": np.int64(FRAME_PX), "zero": np.int64(0), "one": np.int64(1)}
    constants |= {"last": np.int64(len(table) - 1), "axis": np.array([1], np.int64)}
    nodes = [
        helper.make_node("Div", ["widths", "four"], ["lengths"]),
        helper.make_node("ReduceMax", ["lengths"], ["frames"], keepdims=0),
        helper.make_node("Range", ["zero", "frames", "one"], ["places"]),
        helper.make_node("Min", ["places", "last"], ["rows"]),
        helper.make_node("Unsqueeze", ["rows", "axis"], ["column"]),
        helper.make_node("Mul", ["lengths", "zero"], ["of_each"]),
        helper.make_node("Add", ["column", "of_each"], ["rows_of_each"]),
        helper.make_node("Gather", ["table", "rows_of_each"], ["log_probs"]),
    ]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, rows, "width"]),
        helper.make_tensor_value_info("widths", TensorProto.INT64, ["batch"]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["frames", "batch", table.shape[1]]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
    ]
    initial = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "scripted", inputs, outputs, initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def draw_staff(
    width: int = 700, height: int = 200, *, space_px: int = 12, top: int = 70, left: int = 20
) -> NDArray[np.uint8]:
    """(height, width) a staff with a few note heads, ink 0 on paper 255."""
    gray = np.full((height, width), 255, np.uint8)
    for line in range(5):
        y = top + line * space_px
        cv2.line(gray, (left, y), (width - left, y), 0, 2)
    for number, x in enumerate(range(left + 60, width - left - 30, 50)):
        centre = (x, top + space_px // 2 * (1 + number % 7))
        cv2.ellipse(gray, centre, (space_px // 2 + 2, space_px // 2), 0, 0, 360, 0, -1)
        cv2.line(gray, (x + space_px // 2, centre[1]), (x + space_px // 2, centre[1] - 3 * space_px), 0, 2)
    return gray


def save_png(path: Path, gray: NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(cv2.imencode(".png", gray)[1]))
    return path
