"""Views of a document as JSON values: an overview, and one page at a time."""

from pathlib import PurePath
from typing import Any

from focal_omr.document.document import Document, rounded
from focal_omr.document.marks import staff_marks, unread_marks
from focal_omr.document.review import is_doubtful, odd_stretches
from focal_omr.errors import OmrError
from focal_omr.web.engraved_page import engraved_page

__all__ = ["overview", "page_view"]


def overview(document: Document) -> dict[str, Any]:
    """A document without its symbols: pages, warnings, and the places to review.

    Returns:
        "name", "title", "warnings", "pieces" (count), "pages" ("number", "width", "height", "staves"),
        "doubtful" and "odd_bars" as places in reading order ("page": its number; the others from 0),
        "mended_staves" (count).
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
            {"page": page, "staff": staff, "symbol": index}
            for page, staff, reading in staves
            for index, symbol in enumerate(reading.symbols)
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
    """One page: its symbols with their coordinates, and its engraving.

    Args:
        document: The document.
        number: Page number, as in `Page.number`.

    Returns:
        "number", "width", "height", "staves", "unread", "svg" (None without an engraving) and "message"
        (why). A staff is as in `marks.staff_marks`, with "unread"; a symbol also has "box", "doubtful",
        "mended" and "id": its element in the SVG, None if it has none.

    Raises:
        KeyError: The document has no such page.
    """
    page = next((page for page in document.pages if page.number == number), None)
    if page is None:
        raise KeyError(number)
    staves, doubtful = [], set()
    bars: dict[str, int] = {}
    for reading in page.staves:
        marks = staff_marks(reading)
        for symbol, mark in zip(reading.symbols, marks["symbols"], strict=True):
            mark |= {
                "box": rounded(symbol.box),
                "doubtful": is_doubtful(symbol, reading),
                "mended": symbol.mended,
                "id": (id_ := symbol.note or symbol.event),
            }
            if id_ and symbol.event:
                bars |= dict.fromkeys((id_, symbol.event), mark["bar"])
                doubtful |= {id_} if mark["doubtful"] else set()
        staves.append({"unread": reading.unread, **marks})
    try:
        svg = engraved_page(document, page, bars=bars, doubtful=doubtful)
        message = None if svg else "no music was read on this page"
    except OmrError as error:
        svg, message = None, f"this page cannot be engraved: {error}"
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "staves": staves,
        "unread": unread_marks(page),
        "svg": svg,
        "message": message,
    }
