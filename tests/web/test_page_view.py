"""Views of a document: overview and page, with the keys of the API."""

import json
from dataclasses import replace

from hand_made import make_document, with_unread

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, Unread
from focal_omr.web.view import overview, page_view

SYSTEMS = (
    "clef-G2 keySignature-GM timeSignature-2/4 note-G4_half barline note-A4_quarter barline",
    "clef-G2 keySignature-GM tie note-G4_half barline note-F#4_half barline-final",
)


def changed(document: Document, staff: int, symbol: int, **changes: object) -> Document:
    """The document with one symbol of its first page changed."""
    page = document.pages[0]
    staves = list(page.staves)
    symbols = list(staves[staff].symbols)
    symbols[symbol] = replace(symbols[symbol], **changes)
    mended = bool(changes.get("mended"))
    staves[staff] = replace(staves[staff], symbols=tuple(symbols), mended=mended)
    return assemble(document.source, "Tune", [replace(page, staves=tuple(staves)), *document.pages[1:]])


def sure(document: Document) -> Document:
    """The document with confidence 1 for all symbols."""
    pages = [
        replace(
            page,
            staves=tuple(
                replace(staff, symbols=tuple(replace(each, confidence=1.0) for each in staff.symbols))
                for staff in page.staves
            ),
        )
        for page in document.pages
    ]
    return assemble(document.source, document.score.title, pages)


def test_overview():
    document = changed(sure(make_document(*SYSTEMS)), 0, 3, confidence=0.5)
    seen = overview(document)
    assert json.loads(json.dumps(seen)) == seen
    assert list(seen) == [
        *("name", "title", "warnings", "pieces", "pages", "doubtful", "odd_bars", "mended_staves"),
    ]
    assert (seen["name"], seen["title"], seen["pieces"], seen["mended_staves"]) == ("hand.png", "Tune", 1, 0)
    assert seen["pages"] == [{"number": 1, "width": 360, "height": 400, "staves": 2}]
    # A tie that breaks the grammar is doubtful at any confidence.
    assert seen["doubtful"] == [
        {"page": 1, "staff": 0, "symbol": 3},
        {"page": 1, "staff": 1, "symbol": 2},
    ]
    assert seen["odd_bars"] == [{"page": 1, "staff": 0, "symbol": 5, "bar": 2, "piece": 1, "part": 1}]
    assert seen["warnings"] == list(document.warnings) != []


def test_edited_symbols_are_not_doubtful():
    document = changed(sure(make_document(*SYSTEMS)), 0, 3, confidence=0.5, mended=True)
    assert [each["staff"] for each in overview(document)["doubtful"]] == [1]
    assert overview(document)["mended_staves"] == 1
    symbol = page_view(document, 1)["staves"][0]["symbols"][3]
    assert (symbol["mended"], symbol["doubtful"]) == (True, False)


def test_a_page():
    document = make_document(*SYSTEMS)
    page = replace(document.pages[0], unread=(Unread((1.0, 2.0, 3.0, 4.04), "text"),))
    view = page_view(assemble("hand.png", "", [page]), 1)
    assert list(view) == ["number", "width", "height", "staves", "unread", "svg", "message"]
    assert view["unread"] == [{"box": [1.0, 2.0, 3.0, 4.0], "reason": "text"}]
    assert view["message"] is None
    staff = view["staves"][0]
    assert set(staff) == {"piece", "part", "unread", "lines", "odd", "symbols"}
    assert staff["lines"][0] == "0.0,80.0 360.0,80.0"
    assert [bar["bar"] for bar in staff["odd"]] == [2]
    assert staff["symbols"][3] == {
        "name": "G4 half",
        "token": "note-G4_half",
        "points": "151.0,93.0 169.0,93.0 169.0,107.0 151.0,107.0",
        "box": [151.0, 93.0, 169.0, 107.0],
        "confidence": 0.75,
        "colour": staff["symbols"][0]["colour"],
        "used": True,
        "bar": 1,
        "adds_up": True,
        "doubtful": True,
        "mended": False,
        "id": "p1m1e4",
    }
    json.dumps(view)


def test_symbols_of_an_unread_staff_are_not_doubtful():
    document = with_unread(make_document(*SYSTEMS), 0, 1)
    assert {each["staff"] for each in overview(document)["doubtful"]} == {0}
    staff = page_view(document, 1)["staves"][1]
    assert staff["unread"] == "chords"
    assert not any(symbol["id"] or symbol["doubtful"] for symbol in staff["symbols"])
