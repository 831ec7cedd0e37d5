"""The staves of one part of a piece during an edit of one of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from focal_omr.document.document import Document
from focal_omr.document.events import score_tokens
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.join_staves import StaffContext


@dataclass
class PartEditor:
    """The staves of one part in reading order, one of which is edited.

    Attributes:
        editors: The staves.
        places: (index of the page, index of the staff on the page) of each.
        at: Index of the edited staff.
    """

    editors: list[StaffEditor]
    places: list[tuple[int, int]]
    at: int

    @property
    def editor(self) -> StaffEditor:
        """The edited staff."""
        return self.editors[self.at]

    @property
    def following(self) -> Iterator[StaffEditor]:
        """The staves after the edited one."""
        return iter(self.editors[self.at + 1 :])

    def tie_before(self, index: int) -> tuple[StaffEditor, int] | None:
        """The tie that leads to a note of the edited staff, from this staff or the one before it.

        Args:
            index: Index of the note.

        Returns:
            The staff of the tie, and its index there; None without a tie.
        """
        editor = self.editor
        if tie := _tie_before(editor, index):
            return tie
        before = [editor.token(place) for place in range(index) if editor.is_used(place)]
        passed = (
            token == "tie" or token.startswith(("note-", "gracenote-", "rest-", "multirest-"))
            for token in before
        )
        if self.at == 0 or any(passed):
            return None
        above = self.editors[self.at - 1]
        return None if above.reading.unread else _tie_before(above, len(above.symbols))


def _tie_before(editor: StaffEditor, index: int) -> tuple[StaffEditor, int] | None:
    """The open tie before a symbol; barlines, signs, marks and grace notes do not end it."""
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
    """Open the part of a staff.

    Args:
        document: The document.
        page: Index of the page.
        staff: Index of the staff on the page.
    """
    edited = document.pages[page].staves[staff]
    editors, places = [], []
    carried = StaffContext()
    for number, each in enumerate(document.pages):
        for place, reading in enumerate(each.staves):
            if (reading.piece, reading.part) == (edited.piece, edited.part):
                editors.append(StaffEditor(each, reading, carried))
                places.append((number, place))
                carried = carried.updated(score_tokens(reading))
    return PartEditor(editors, places, places.index((page, staff)))
