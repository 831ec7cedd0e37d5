"""The staves of one part of a piece, of which one is mended and others may follow."""

from collections.abc import Iterator
from dataclasses import dataclass

from focal_omr.document.assemble import score_tokens
from focal_omr.document.document import Document
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.join_staves import Carried


@dataclass
class PartEditor:
    """The staves of the part that the mended staff belongs to, in reading order.

    Attributes:
        editors: The staves.
        places: (index of the page, index of the staff there) of each.
        at: Which of them is mended.
    """

    editors: list[StaffEditor]
    places: list[tuple[int, int]]
    at: int

    @property
    def editor(self) -> StaffEditor:
        """The staff that is mended."""
        return self.editors[self.at]

    @property
    def following(self) -> Iterator[StaffEditor]:
        """The staves after it, from the nearest."""
        return iter(self.editors[self.at + 1 :])

    def tie_before(self, index: int) -> tuple[StaffEditor, int] | None:
        """The tie that leads to a note of the mended staff, on this staff or on the one before."""
        return _tie_before(self.editor, index) or self._tie_from_above(index)

    def _tie_from_above(self, index: int) -> tuple[StaffEditor, int] | None:
        editor = self.editor
        before = [editor.symbols[place] for place in range(index) if editor.is_used(place)]
        if self.at == 0 or any(symbol.token == "tie" or "note-" in symbol.token for symbol in before):
            return None
        if any(symbol.token.startswith(("rest-", "multirest-")) for symbol in before):
            return None
        above = self.editors[self.at - 1]
        return None if above.reading.unread else _tie_before(above, len(above.symbols))


def _tie_before(editor: StaffEditor, index: int) -> tuple[StaffEditor, int] | None:
    """The open tie before a symbol of a staff; barlines, signs, marks and grace notes do not end it."""
    place = editor.before(editor.start(index))
    while place >= 0:
        token = editor.token(place)
        if token == "tie":
            return editor, place
        if token.startswith(("note-", "rest-", "multirest-")):
            return None
        place = editor.before(place)
    return None


def open_part(document: Document, page: int, staff: int) -> PartEditor:
    """The part around a staff; page and staff are indices."""
    mended = document.pages[page].staves[staff]
    editors, places = [], []
    carried = Carried()
    for number, each in enumerate(document.pages):
        for place, reading in enumerate(each.staves):
            if (reading.piece, reading.part) == (mended.piece, mended.part):
                editors.append(StaffEditor(each, reading, carried))
                places.append((number, place))
                carried = carried.after(score_tokens(reading))
    return PartEditor(editors, places, places.index((page, staff)))
