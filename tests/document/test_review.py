"""Doubtful notes and odd bars, on drawn pages read by a scripted network."""

from dataclasses import replace

import numpy as np
import pytest
from scripted import TUNE, draw_staff, write_scripted

from focal_omr import Recognizer
from focal_omr.document.document import SymbolBar
from focal_omr.document.review import confidence_rgb, mark_doubtful, odd_bars
from focal_omr.score.score import Chord

BARS = ("clef-G2", "timeSignature-3/4", "note-C5_half.", "barline", "note-C5_half", "barline", "note-C5_half")


def doubts(document):
    chords = (event for *_, event in document.score.events() if isinstance(event, Chord))
    return [note.doubtful for chord in chords for note in chord.notes]


@pytest.fixture
def document(tmp_path):
    file = write_scripted(tmp_path / "m.onnx", TUNE, confidence=0.95)
    return Recognizer(model=file, threads=1).read_gray(draw_staff())


def with_confidence(document, confidences):
    """The document with these confidences for its first symbols."""
    (page,) = document.pages
    (reading,) = page.staves
    pairs = zip(reading.symbols, [*confidences, *[1.0] * len(reading.symbols)], strict=False)
    symbols = tuple(replace(symbol, confidence=confidence) for symbol, confidence in pairs)
    return replace(document, pages=(replace(page, staves=(replace(reading, symbols=symbols),)),))


def test_doubt_is_marked_on_the_right_note(document):
    marked = mark_doubtful(with_confidence(document, [0.1, 0.1, 0.1, 1, 0.89, 0.9]))
    assert doubts(marked) == [False, True, False, False, False]
    assert doubts(mark_doubtful(document, below=0.97)) == [True] * 5
    assert doubts(document) == [False] * 5
    assert mark_doubtful(document).score == document.score


def test_unused_symbols_are_no_notes(tmp_path):
    tokens = ("clef-G2", "rest-half", "tie", "note-C5_half", "barline")
    file = write_scripted(tmp_path / "m.onnx", tokens, confidence=0.8)
    assert doubts(mark_doubtful(Recognizer(model=file, beam_width=0).read_gray(draw_staff()))) == [True]


def test_bars_that_do_not_add_up_are_outlined(tmp_path):
    file = write_scripted(tmp_path / "m.onnx", BARS, confidence=0.99)
    gray = draw_staff(space_px=12, top=70)
    (reading,) = Recognizer(model=file, threads=1).read_gray(gray).pages[0].staves
    (bar,) = odd_bars(reading)
    assert bar.number == 2
    first, second = [s for s in reading.symbols if s.token == "barline"]
    xs, ys = np.array(bar.polygon).T
    assert first.box[0] <= xs.min() <= first.box[2] < second.box[0] <= xs.max() <= second.box[2]
    assert (ys.min(), ys.max()) == pytest.approx((70 - 18, 118 + 18), abs=2)
    assert odd_bars(replace(reading, staff=None)) == []


def test_every_symbol_knows_its_bar(tmp_path):
    file = write_scripted(tmp_path / "m.onnx", BARS, confidence=0.99)
    (reading,) = Recognizer(model=file, threads=1).read_gray(draw_staff()).pages[0].staves
    first, second, open_ = SymbolBar(1, True), SymbolBar(2, False), SymbolBar(3, None)
    assert reading.symbol_bars == [first] * 4 + [second] * 2 + [open_]
    # An unused barline closes no bar.
    unused = replace(reading.symbols[3], used=False)
    odd = replace(reading, symbols=(*reading.symbols[:3], unused, *reading.symbols[4:]))
    assert odd.symbol_bars[4].number == 1


def test_confidence_colours():
    assert confidence_rgb(0.2) == confidence_rgb(0.5) == (213, 94, 0)
    assert confidence_rgb(0.9) == (230, 159, 0)
    assert confidence_rgb(1.0) == (0, 114, 178)
