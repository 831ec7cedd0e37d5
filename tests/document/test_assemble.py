"""Assembly of documents from staves, and their JSON round trip."""

import json
from dataclasses import replace

import pytest
from hand_made import make_document, tokens_of, with_unread
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import TUNE, draw_staff, write_scripted
from strategies import labels, soups

from focal_omr import Recognizer
from focal_omr.document.assemble import assemble, document_from_json
from focal_omr.document.document import Document, Unread
from focal_omr.errors import DataError
from focal_omr.formats.registry import write_score

SMALL = (
    ("clef-G2 timeSignature-2/4 note-C5_half barline", "clef-F4 note-C3_half barline"),
    ("clef-G2 note-D5_half tie barline tie", "clef-F4 note-F3_half barline-final"),
)


def again(document: Document) -> Document:
    return document_from_json(json.loads(json.dumps(document.to_json())))


def same(document: Document, other: Document) -> None:
    """Equal JSON, scores and warnings."""
    assert other.to_json() == document.to_json()
    assert (other.pieces, other.score, other.warnings) == (
        document.pieces,
        document.score,
        document.warnings,
    )


def test_assembling_twice_changes_nothing():
    document = make_document(*SMALL, pages=2)
    assert assemble(document.source, document.score.title, document.pages) == document
    assert [staff.first_bar for staff in document.staves] == [1, 1, 2, 2]
    assert document.warnings == (
        "page 2, staff 1: left out of the score because they break its grammar: tie",
    )
    assert document.score.title == "Hand made"


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_json_round_trip(turns):
    document = with_unread(make_document(*SMALL, pages=2), 0, 1)
    pages = [
        replace(page, quarter_turns=turns, unread=(Unread((1.0, 2.0, 30.0, 40.0), "text"),))
        for page in document.pages
    ]
    mended = replace(pages[1].staves[0].symbols[1], mended=True, confidence=1.0)
    first = replace(pages[1].staves[0], symbols=(*pages[1].staves[0].symbols[:1], mended))
    pages[1] = replace(pages[1], staves=(first, *pages[1].staves[1:]))
    document = assemble(document.source, "", pages)
    returned = again(document)
    same(document, returned)
    assert returned.pages[1].staves[0].symbols[1] == mended
    for page, other in zip(document.pages, returned.pages, strict=True):
        assert (page.width, page.height, page.unread) == (other.width, other.height, other.unread)
        for staff, restored in zip(page.staves, other.staves, strict=True):
            assert staff.symbols == restored.symbols
            assert restored.staff.space_px == pytest.approx(staff.staff.space_px)
            assert restored.staff.xs == pytest.approx(staff.staff.xs)
            assert restored.staff.middle_ys == pytest.approx(staff.staff.middle_ys)


@pytest.mark.parametrize("format", ["musicxml", "midi", "mei"])
def test_documents_from_json_write_the_same_scores(tmp_path, format):
    recognizer = Recognizer(model=write_scripted(tmp_path / "m.onnx", TUNE), threads=1)
    for document in (make_document(*SMALL), recognizer.read_gray(draw_staff(), name="tune")):
        assert write_score(again(document).score, format) == write_score(document.score, format)


@settings(max_examples=30)
@given(st.lists(labels() | soups.map(list), min_size=1, max_size=3))
def test_any_document_survives_a_json_round_trip(staves):
    staves = [[token for token in tokens if token] for tokens in staves]
    same(make_document(*map(" ".join, staves)), again(make_document(*map(" ".join, staves))))


def test_other_json_is_rejected():
    plain = make_document(*SMALL).to_json()
    older = {key: value for key, value in plain.items() if key != "title"}
    assert document_from_json(older).score.title == ""
    for wrong in ({}, {"format": 1}, [], {**plain, "pages": [{}]}, {**plain, "pages": 3}):
        with pytest.raises(DataError, match=r"as JSON"):
            document_from_json(wrong)
    page = plain["pages"][0]
    for systems in ([], [[0]], [[0, 1, 2, 9], [3]], [[0, 1, 2, 3, 3]]):
        with pytest.raises(DataError, match=r"^hand\.png: not a document as JSON"):
            document_from_json({**plain, "pages": [{**page, "systems": systems, "indents": []}]})


def test_tokens_stay_on_their_staff():
    assert tokens_of(make_document(*SMALL), 0, 1) == SMALL[0][1].split()
