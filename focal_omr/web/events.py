"""Which event of a document's score each symbol on its scan is, and the other way round.

Not every symbol is an event (a barline, a tie), clef and key that a system merely repeats are none, and not
every event is a symbol: bars of rest stand for staves that were not read and for parts that a piece lacks.
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
    """Where a symbol stands.

    Attributes:
        page: Number of the page in its document.
        staff: Of the page, from 0.
        symbol: Of the staff, from 0; None: a rest that stands for a bar that was not read.
    """

    page: int
    staff: int
    symbol: int | None


@dataclass(frozen=True)
class ScoreEvents:
    """The places of the events of a document's score.

    Attributes:
        places: For each part those of its events in their order, tuplets opened; None: on no staff.
    """

    places: tuple[tuple[SymbolPlace | None, ...], ...]

    @cached_property
    def ids(self) -> dict[SymbolPlace, str]:
        """For each symbol that is an event of the score the id that it has there, see `mei.event_id`."""
        return {
            place: event_id(number, event)
            for number, places in enumerate(self.places, 1)
            for event, place in enumerate(places)
            if place is not None and place.symbol is not None
        }


def score_events(document: Document) -> ScoreEvents:
    """Where each event of the score stands on the pages.

    Raises:
        NotationError: The score is not that of the staves.
    """
    staves: dict[tuple[int, int], list[_Staff]] = {}
    for page in document.pages:
        for number, reading in enumerate(page.staves):
            staff = _Staff(page.number, number, score_symbols(reading))
            staves.setdefault((reading.piece, reading.part), []).append(staff)
    return ScoreEvents(
        tuple(tuple(_part_places(document, number, staves)) for number in range(len(document.score.parts)))
    )


class _Staff(NamedTuple):
    page: int
    number: int
    symbols: list[tuple[str, int | None]]


def _part_places(
    document: Document, number: int, staves: dict[tuple[int, int], list[_Staff]]
) -> list[SymbolPlace | None]:
    """The places of the events of one part of the score, piece after piece."""
    measures = document.score.parts[number].measures
    places: list[SymbolPlace | None] = []
    for piece_number, piece in enumerate(document.pieces, 1):
        own = piece_part(piece, number).measures
        joined, measures = measures[: len(own)], measures[len(own) :]
        found = _staff_places(staves.get((piece_number, number + 1), []))
        if number >= len(piece.parts):
            found = [None] * _count(own)
        if len(found) != _count(own) or len(joined) != len(own):
            raise NotationError(
                f"piece {piece_number}, part {number + 1}: its score is not that of its staves"
            )
        for place in _put_in(own[:1], joined[:1]):
            found.insert(place, None)
        places += found
    if len(places) != _count(document.score.parts[number].measures):
        raise NotationError(f"part {number + 1}: the score is not that of its pieces")
    return places


def _staff_places(staves: Sequence[_Staff]) -> list[SymbolPlace | None]:
    """The places of the events of a part of a piece, from its staves."""
    kept = kept_tokens([[token for token, _ in staff.symbols] for staff in staves])
    return [
        SymbolPlace(staff.page, staff.number, staff.symbols[place][1])
        for staff, places in zip(staves, kept, strict=True)
        for place in places
        if parse_sign(staff.symbols[place][0]) is not None
    ]


def _count(measures: Sequence[Measure]) -> int:
    return sum(1 for measure in measures for _ in flat_events(measure))


def _put_in(own: Sequence[Measure], joined: Sequence[Measure]) -> list[int]:
    """Where a piece's first measure got a sign when it was joined to the piece before it."""
    before = [event for measure in own for event in flat_events(measure)]
    after = [event for measure in joined for event in flat_events(measure)]
    if len(after) == len(before):
        return []
    return [
        next(
            (i for i, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), len(before)
        )
    ]
