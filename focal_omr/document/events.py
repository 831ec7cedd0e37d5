"""Symbols as events: what a staff contributes to a one-voice score, and where events are on paper.

Not every symbol is an event: barlines, ties, clefs and keys that a system merely repeats. Not every event is
a symbol: rests replace unread staves and the parts that a piece lacks.
"""

from collections.abc import Sequence
from typing import NamedTuple

from focal_omr.document.document import Page, StaffReading
from focal_omr.encodings.join_staves import opening_signs
from focal_omr.encodings.semantic import parse_barline

__all__ = ["SymbolPlace", "event_places", "score_symbols", "score_tokens"]


class SymbolPlace(NamedTuple):
    """The place of a symbol.

    Attributes:
        page: Page number.
        staff: Index on the page, from 0.
        symbol: Index on the staff, from 0; None: a rest that replaces an unread bar.
    """

    page: int
    staff: int
    symbol: int | None


def score_tokens(reading: StaffReading) -> tuple[str, ...]:
    """The tokens that a staff contributes to the score; whole-bar rests if it was not read."""
    return tuple(token for token, _ in score_symbols(reading))


def score_symbols(reading: StaffReading) -> list[tuple[str, int | None]]:
    """The tokens that a staff contributes to the score, each with the index of its symbol or None.

    An unread staff contributes its opening signs, and a whole-bar rest for each of its barlines.
    """
    symbols: list[tuple[str, int | None]] = [(each.token, n) for n, each in enumerate(reading.symbols)]
    if not reading.unread:
        return [each for each, symbol in zip(symbols, reading.symbols, strict=True) if symbol.used]
    signs = len(opening_signs([token for token, _ in symbols]))
    bars = [each for each in symbols if parse_barline(each[0])]
    return [*symbols[:signs], *(each for bar in bars for each in (("rest-whole", None), bar))]


def event_places(pages: Sequence[Page]) -> dict[str, SymbolPlace]:
    """The place of each event and note of a document's score that is on a staff, by its id."""
    found: dict[str, SymbolPlace] = {}
    for page in pages:
        for number, reading in enumerate(page.staves):
            for index, symbol in enumerate(reading.symbols):
                if symbol.event is not None:
                    place = SymbolPlace(page.number, number, index)
                    found.setdefault(symbol.event, place)
                    found.setdefault(symbol.note or symbol.event, place)
            for event in reading.silent_events:
                found[event] = SymbolPlace(page.number, number, None)
    return found
