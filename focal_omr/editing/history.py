"""The symbols of a staff as plain values and back, for the history of changes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, StaffReading, Symbol
from focal_omr.errors import EditError

# What a change can change on a staff, for JSON; of no meaning to others.
StaffSymbols: TypeAlias = dict[str, Any]


def staff_symbols_json(reading: StaffReading) -> StaffSymbols:
    """The symbols of a staff, and whether they are believed and mended, as plain values."""
    symbols = [
        [each.token, [list(corner) for corner in each.polygon], each.confidence, each.used, each.mended]
        for each in reading.symbols
    ]
    return {"symbols": symbols, "unread": reading.unread, "mended": reading.mended}


def restore_symbols(document: Document, staves: Mapping[tuple[int, int], StaffSymbols]) -> Document:
    """The document with other symbols on some of its staves.

    Args:
        document: A document.
        staves: For (number of the page, index of the staff on it) what `staff_symbols_json` gave.

    Raises:
        EditError: There is no such staff, or the values are none of `staff_symbols_json`.
        NotationError: The used symbols of a staff break the grammar.
    """
    waiting = dict(staves)
    pages = []
    for page in document.pages:
        readings = list(page.staves)
        for index, reading in enumerate(readings):
            if (plain := waiting.pop((page.number, index), None)) is not None:
                readings[index] = _restored(reading, plain)
        pages.append(replace(page, staves=tuple(readings)))
    if waiting:
        raise EditError(f"{document.source}: there is no staff {min(waiting)[1]} on page {min(waiting)[0]}")
    return assemble(document.source, document.score.title, pages)


def _restored(reading: StaffReading, plain: StaffSymbols) -> StaffReading:
    try:
        symbols = tuple(
            Symbol(token, tuple((x, y) for x, y in corners), confidence, used, mended)
            for token, corners, confidence, used, mended in plain["symbols"]
        )
        unread, mended = plain["unread"], plain["mended"]
    except (KeyError, TypeError, ValueError) as error:
        raise EditError(f"these are no symbols of a staff: {type(error).__name__}: {error}") from None
    return replace(reading, symbols=symbols, unread=unread, mended=mended)
