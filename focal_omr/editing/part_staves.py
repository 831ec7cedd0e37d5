"""The staves of one part of a piece, of which one is mended and others may follow."""

from collections.abc import Iterator
from dataclasses import dataclass

from focal_omr.document.assemble import score_tokens
from focal_omr.document.document import Document
from focal_omr.editing.staff_editor import Draft
from focal_omr.encodings.join_staves import Carried


@dataclass
class Passage:
    """The staves of the part that the mended staff belongs to, in reading order.

    Attributes:
        drafts: The staves.
        places: (index of the page, index of the staff there) of each.
        at: Which of them is mended.
    """

    drafts: list[Draft]
    places: list[tuple[int, int]]
    at: int

    @property
    def draft(self) -> Draft:
        """The staff that is mended."""
        return self.drafts[self.at]

    @property
    def following(self) -> Iterator[Draft]:
        """The staves after it, from the nearest."""
        return iter(self.drafts[self.at + 1 :])

    def tie_before(self, index: int) -> tuple[Draft, int] | None:
        """The tie that leads to a note of the mended staff, on this staff or on the one before."""
        return _tie_before(self.draft, index) or self._tie_from_above(index)

    def _tie_from_above(self, index: int) -> tuple[Draft, int] | None:
        draft = self.draft
        before = [draft.symbols[place] for place in range(index) if draft.is_used(place)]
        if self.at == 0 or any(symbol.token == "tie" or "note-" in symbol.token for symbol in before):
            return None
        if any(symbol.token.startswith(("rest-", "multirest-")) for symbol in before):
            return None
        above = self.drafts[self.at - 1]
        return None if above.reading.unread else _tie_before(above, len(above.symbols))


def _tie_before(draft: Draft, index: int) -> tuple[Draft, int] | None:
    """The open tie before a symbol of a staff; barlines, signs, marks and grace notes do not end it."""
    place = draft.before(draft.start(index))
    while place >= 0:
        token = draft.token(place)
        if token == "tie":
            return draft, place
        if token.startswith(("note-", "rest-", "multirest-")):
            return None
        place = draft.before(place)
    return None


def open_passage(document: Document, page: int, staff: int) -> Passage:
    """The passage around a staff; page and staff are indices."""
    mended = document.pages[page].staves[staff]
    drafts, places = [], []
    carried = Carried()
    for number, each in enumerate(document.pages):
        for place, reading in enumerate(each.staves):
            if (reading.piece, reading.part) == (mended.piece, mended.part):
                drafts.append(Draft(each, reading, carried))
                places.append((number, place))
                carried = carried.after(score_tokens(reading))
    return Passage(drafts, places, places.index((page, staff)))
