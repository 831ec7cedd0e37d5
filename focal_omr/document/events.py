"""Mapping between the symbols of the pages and the events of the score.

Not every symbol is an event: barlines, ties, clefs and keys that a system merely repeats. Not every event is
a symbol: rests replace unread staves and the parts that a piece lacks.
"""

from collections.abc import Sequence
from typing import NamedTuple

from focal_omr.document.document import Page, StaffReading
from focal_omr.document.pieces import piece_part
from focal_omr.encodings.join_staves import kept_tokens, opening_signs
from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.errors import NotationError
from focal_omr.score.event_ids import event_ids
from focal_omr.score.records import Measure, Score, flat_events

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


class _StaffSymbols(NamedTuple):
    page: int
    staff: int
    symbols: list[tuple[str, int | None]]


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


def event_places(pages: Sequence[Page], pieces: Sequence[Score], score: Score) -> dict[str, SymbolPlace]:
    """The place of each event of a document's score that is on a staff, by its id of `score.event_ids`.

    Args:
        pages: The pages of the document.
        pieces: Its pieces, made of the staves of the pages.
        score: The pieces, one after the other.

    Raises:
        NotationError: The score does not match the staves.
    """
    staves: dict[tuple[int, int], list[_StaffSymbols]] = {}
    for page in pages:
        for index, reading in enumerate(page.staves):
            staff = _StaffSymbols(page.number, index, score_symbols(reading))
            staves.setdefault((reading.piece, reading.part), []).append(staff)
    found = {}
    for part, ids in enumerate(event_ids(score)):
        places = _part_places(pieces, score, part, staves)
        found.update({id_: place for id_, place in zip(ids, places, strict=True) if place is not None})
    return found


def _part_places(
    pieces: Sequence[Score], score: Score, part: int, staves: dict[tuple[int, int], list[_StaffSymbols]]
) -> list[SymbolPlace | None]:
    """The places of the events of one part of the score, piece after piece."""
    measures = score.parts[part].measures
    places: list[SymbolPlace | None] = []
    for number, piece in enumerate(pieces, 1):
        own = piece_part(piece, part).measures
        joined, measures = measures[: len(own)], measures[len(own) :]
        before = _flat(own)
        found: list[SymbolPlace | None] = [None] * len(before)
        if part < len(piece.parts):
            members = staves.get((number, part + 1), [])
            kept = kept_tokens([[token for token, _ in staff.symbols] for staff in members])
            found = [
                SymbolPlace(staff.page, staff.staff, staff.symbols[index][1])
                for staff, indices in zip(members, kept, strict=True)
                for index in indices
                if parse_sign(staff.symbols[index][0]) is not None
            ]
        if len(found) != len(before) or len(joined) != len(own):
            raise NotationError(f"piece {number}, part {part + 1}: its score is not that of its staves")
        # Joining pieces may put one sign into the first measure of a piece.
        first, opening = _flat(own[:1]), _flat(joined[:1])
        if len(opening) != len(first):
            pairs = zip(first, opening, strict=False)
            found.insert(next((i for i, (a, b) in enumerate(pairs) if a != b), len(first)), None)
        places += found
    if len(places) != len(_flat(score.parts[part].measures)):
        raise NotationError(f"part {part + 1}: the score is not that of its pieces")
    return places


def _flat(measures: Sequence[Measure]) -> list[object]:
    return [event for measure in measures for event in flat_events(measure)]
