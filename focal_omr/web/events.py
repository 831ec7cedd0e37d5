"""Mapping between the symbols of the pages and the events of the score.

Not every symbol is an event: barlines, ties, clefs and keys that a system merely repeats. Not every event is
a symbol: rests replace unread staves and the parts that a piece lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from focal_omr.document.assemble import score_symbols
from focal_omr.document.document import Document
from focal_omr.document.pieces import piece_part
from focal_omr.encodings.join_staves import kept_tokens
from focal_omr.encodings.semantic import parse_sign
from focal_omr.errors import NotationError
from focal_omr.formats.mei_writer import event_id
from focal_omr.score.records import Measure, flat_events


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


@dataclass(frozen=True)
class ScoreEvents:
    """The places of the events of a document's score.

    Attributes:
        places: For each part, the places of its events in order, tuplets flattened; None: on no staff.
    """

    places: tuple[tuple[SymbolPlace | None, ...], ...]

    @cached_property
    def ids(self) -> dict[SymbolPlace, str]:
        """For each symbol that is an event, the event's id, see `mei_writer.event_id`."""
        return {
            place: event_id(number, event)
            for number, places in enumerate(self.places, 1)
            for event, place in enumerate(places)
            if place is not None and place.symbol is not None
        }


class _StaffSymbols(NamedTuple):
    page: int
    staff: int
    symbols: list[tuple[str, int | None]]


def score_events(document: Document) -> ScoreEvents:
    """The places of all events of the score.

    Raises:
        NotationError: The score does not match the staves.
    """
    staves: dict[tuple[int, int], list[_StaffSymbols]] = {}
    for page in document.pages:
        for index, reading in enumerate(page.staves):
            staff = _StaffSymbols(page.number, index, score_symbols(reading))
            staves.setdefault((reading.piece, reading.part), []).append(staff)
    return ScoreEvents(
        tuple(tuple(_part_places(document, part, staves)) for part in range(len(document.score.parts)))
    )


def _part_places(
    document: Document, part: int, staves: dict[tuple[int, int], list[_StaffSymbols]]
) -> list[SymbolPlace | None]:
    """The places of the events of one part of the score, piece after piece."""
    measures = document.score.parts[part].measures
    places: list[SymbolPlace | None] = []
    for number, piece in enumerate(document.pieces, 1):
        own = piece_part(piece, part).measures
        joined, measures = measures[: len(own)], measures[len(own) :]
        found: list[SymbolPlace | None] = [None] * len(_flat(own))
        if part < len(piece.parts):
            members = staves.get((number, part + 1), [])
            kept = kept_tokens([[token for token, _ in staff.symbols] for staff in members])
            found = [
                SymbolPlace(staff.page, staff.staff, staff.symbols[index][1])
                for staff, indices in zip(members, kept, strict=True)
                for index in indices
                if parse_sign(staff.symbols[index][0]) is not None
            ]
        if len(found) != len(_flat(own)) or len(joined) != len(own):
            raise NotationError(f"piece {number}, part {part + 1}: its score is not that of its staves")
        # Joining pieces may put one sign into the first measure of a piece.
        before, after = _flat(own[:1]), _flat(joined[:1])
        if len(after) != len(before):
            pairs = zip(before, after, strict=False)
            found.insert(next((i for i, (a, b) in enumerate(pairs) if a != b), len(before)), None)
        places += found
    if len(places) != len(_flat(document.score.parts[part].measures)):
        raise NotationError(f"part {part + 1}: the score is not that of its pieces")
    return places


def _flat(measures: Sequence[Measure]) -> list[object]:
    return [event for measure in measures for event in flat_events(measure)]
