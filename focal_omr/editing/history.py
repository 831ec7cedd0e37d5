"""Symbols of a staff as plain values and back, for undo and redo."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, StaffReading, Symbol
from focal_omr.errors import EditError

# The editable state of a staff as JSON values; opaque to other modules.
StaffSymbols: TypeAlias = dict[str, Any]


def staff_symbols_json(reading: StaffReading) -> StaffSymbols:
    """The symbols of a staff, its reason for being unread and its edited flag as plain values."""
    symbols = [
        [each.token, [list(corner) for corner in each.polygon], each.confidence, each.used, each.mended]
        for each in reading.symbols
    ]
    return {"symbols": symbols, "unread": reading.unread, "mended": reading.mended}


def restore_symbols(document: Document, staves: Mapping[tuple[int, int], StaffSymbols]) -> Document:
    """The document with the symbols of some staves replaced.

    Args:
        document: The document.
        staves: Values of `staff_symbols_json` by (page number, index of the staff on the page).

    Raises:
        EditError: No such staff, or values that `staff_symbols_json` did not produce.
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
