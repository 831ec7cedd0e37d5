"""What the page shows of a document, as plain values: an overview of all of it, and one page at a time."""

from pathlib import PurePath
from typing import Any

from focal_omr.document.document import Document, Page, StaffReading, rounded
from focal_omr.document.marks import staff_marks, unread_marks
from focal_omr.document.review import is_doubtful, odd_stretches
from focal_omr.errors import OmrError
from focal_omr.web.engraved_page import engraved_page
from focal_omr.web.events import ScoreEvents, SymbolPlace, score_events

__all__ = ["overview", "page_view"]


def overview(document: Document) -> dict[str, Any]:
    """A document without its symbols: pages, pieces, warnings, and what somebody should look at.

    Returns:
        "name", "title", "warnings", "pieces" (how many), "pages" ("number", "width", "height", "staves"),
        "doubtful" and "odd_bars" as places in reading order ("page": its number; the others from 0),
        "mended_staves" (how many).
    """
    staves = [
        (page.number, number, reading)
        for page in document.pages
        for number, reading in enumerate(page.staves)
    ]
    return {
        "name": PurePath(document.source).name,
        "title": document.score.title,
        "warnings": list(document.warnings),
        "pieces": len(document.pieces),
        "pages": [
            {
                "number": page.number,
                "width": page.width,
                "height": page.height,
                "staves": len(page.staves),
            }
            for page in document.pages
        ],
        "doubtful": [
            {"page": page, "staff": staff, "symbol": place}
            for page, staff, reading in staves
            for place, symbol in enumerate(reading.symbols)
            if is_doubtful(symbol, reading)
        ],
        "odd_bars": [
            {
                "page": page,
                "staff": staff,
                "symbol": first,
                "bar": bar,
                "piece": reading.piece,
                "part": reading.part,
            }
            for page, staff, reading in staves
            for first, _, bar in odd_stretches(reading)
        ],
        "mended_staves": sum(reading.mended for _, _, reading in staves),
    }


def page_view(document: Document, number: int) -> dict[str, Any]:
    """One page: what was read on it, where, and its engraving.

    Args:
        document: The document.
        number: Of the page, as `Page.number` has it.

    Returns:
        "number", "width", "height", "staves", "unread", "svg" (None where there is no engraving), "message"
        (then why). A staff is as in `marks.staff_marks`, with "unread"; a symbol has also "box", "doubtful",
        "mended" and "id": of the element of the SVG that it is, None where it is none.

    Raises:
        KeyError: The document has no such page.
    """
    page = next((page for page in document.pages if page.number == number), None)
    if page is None:
        raise KeyError(number)
    events = score_events(document)
    staves = [_staff(events, page, place, reading) for place, reading in enumerate(page.staves)]
    svg, message = _engraving(document, page, events, staves)
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "staves": staves,
        "unread": unread_marks(page),
        "svg": svg,
        "message": message,
    }


def _staff(events: ScoreEvents, page: Page, place: int, reading: StaffReading) -> dict[str, Any]:
    marks = staff_marks(reading)
    for number, (symbol, mark) in enumerate(zip(reading.symbols, marks["symbols"], strict=True)):
        mark |= {
            "box": rounded(symbol.box),
            "doubtful": is_doubtful(symbol, reading),
            "mended": symbol.mended,
            "id": events.ids.get(SymbolPlace(page.number, place, number)),
        }
    return {"unread": reading.unread, **marks}


def _engraving(
    document: Document, page: Page, events: ScoreEvents, staves: list[dict[str, Any]]
) -> tuple[str | None, str | None]:
    """The page's SVG, or why there is none."""
    marks = [mark for staff in staves for mark in staff["symbols"] if mark["id"]]
    bars = {mark["id"]: mark["bar"] for mark in marks}
    doubtful = {mark["id"] for mark in marks if mark["doubtful"]}
    try:
        svg = engraved_page(document, page, events, bars=bars, doubtful=doubtful)
    except OmrError as error:
        return None, f"this page cannot be engraved: {error}"
    return svg, None if svg else "no music was read on this page"
