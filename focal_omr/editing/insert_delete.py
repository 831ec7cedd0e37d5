"""Insertion and deletion of symbols; edits of tuplets and barlines."""

from focal_omr.editing.clef_key_meter import delete_sign
from focal_omr.editing.notes import near_pitch
from focal_omr.editing.part_staves import PartEditor
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.semantic import parse_barline, sign_token
from focal_omr.errors import EditError
from focal_omr.score.records import NOTE_VALUES, BarlineKind, Duration, Note, Rest


def delete(part: PartEditor) -> None:
    """Delete the selected symbol, with what has no meaning without it."""
    editor = part.editor
    index = editor.selected
    event = editor.event(index)
    tuplet = editor.tuplet(index)
    if isinstance(event, Note | Rest):
        _delete_timed(part, index, tuplet)
    elif editor.is_sign(index) and editor.is_used(index):
        delete_sign(part, index)
    elif tuplet and index in tuplet:
        _remove_all(editor, tuplet)
        editor.selected = index
    elif editor.token(index) == "accidental" and editor.is_used(index):
        note, event = editor.note(index, has="an accidental")
        editor.selected = note
        editor.put_note(note, event, None)
    else:
        editor.remove(index)
        editor.selected = index
    editor.selected = editor.head(max(0, min(editor.selected, len(editor.symbols) - 1)))


def _delete_timed(part: PartEditor, index: int, tuplet: tuple[int, int] | None) -> None:
    """Delete a note or rest; of a tuplet with no other note also the marks."""
    editor = part.editor
    gone = [*range(editor.start(index), index + 1), *editor.ties(index)]
    if tuplet and len(editor.timed(*tuplet)) == 1:
        gone += tuplet
    if isinstance(editor.event(index), Note) and (found := part.tie_before(index)):
        other, tie = found
        if other is editor:
            gone.append(tie)
        else:
            other.remove(tie)
    _remove_all(editor, gone)
    editor.selected = max(gone) + 1 - len(gone)


def _remove_all(editor: StaffEditor, indices: list[int] | tuple[int, ...]) -> None:
    for index in sorted(indices, reverse=True):
        editor.remove(index)


# Insertion --------------------------------------------------------------------------------------------------


def insert(editor: StaffEditor, what: str, *, before: bool) -> None:
    """Insert a note, rest or barline.

    Args:
        editor: The staff.
        what: "note", "rest" or "barline".
        before: Whether to insert before the selected symbol, not after it.
    """
    index = editor.head(editor.selected)
    if what == "barline":
        _insert_at(editor, _outside(editor, index, before=before), "barline")
        return
    at = _beside(editor, index, before=before)
    model = _nearest(editor, index, before=before)
    duration = model.duration if model else Duration("quarter")
    if what == "rest":
        _insert_at(editor, at, sign_token(Rest(duration)))
        return
    pitch = model.pitch if isinstance(model, Note) else near_pitch(editor, index)
    grace = isinstance(model, Note) and model.grace
    _insert_at(editor, at, sign_token(Rest(duration)))
    editor.put_note(at, Note(pitch, duration, grace=grace), None)


def _insert_at(editor: StaffEditor, index: int, token: str) -> None:
    editor.insert(index, token)
    editor.selected = index


def _beside(editor: StaffEditor, index: int, *, before: bool) -> int:
    """The index for a note beside a symbol: inside its tuplet if that is not full."""
    if not editor.symbols:
        return 0
    at = editor.start(index) if before else editor.end(index)
    tuplet = editor.tuplet(index)
    if tuplet is None or index in tuplet:
        return at
    actual = int(editor.token(tuplet[0]).partition("-")[2])
    if not _is_full(editor, editor.timed(*tuplet), actual):
        return at
    first, last = tuplet
    inside = editor.timed(first, last)
    if before and index == inside[0]:
        return first
    return last + 1 if not before and index == inside[-1] else at


def _outside(editor: StaffEditor, index: int, *, before: bool) -> int:
    """The index for a barline beside a symbol. Raises EditError inside a tuplet."""
    if not editor.symbols:
        return 0
    tuplet = editor.tuplet(index)
    if tuplet is None:
        return editor.start(index) if before else editor.end(index)
    first, last = tuplet
    inside = editor.timed(first, last)
    if before and index in (first, inside[0]):
        return first
    if not before and index in (last, inside[-1]):
        return last + 1
    raise EditError("a barline cannot stand inside a tuplet")


def _nearest(editor: StaffEditor, index: int, *, before: bool) -> Note | Rest | None:
    """The model for a new note or rest: the selected one, else the nearest, looking back first."""
    back, on = range(index, -1, -1), range(index + 1, len(editor.symbols))
    for place in (
        (*on, *back) if before and not isinstance(editor.event(index), Note | Rest) else (*back, *on)
    ):
        event = editor.event(place)
        if isinstance(event, Note | Rest):
            return event
    return None


# Tuplets and barlines ---------------------------------------------------------------------------------------


def toggle_tuplet(editor: StaffEditor, actual: int) -> None:
    """Make a tuplet of the selected note and those after it, or plain notes of a tuplet."""
    index = editor.head(editor.selected)
    if tuplet := editor.tuplet(index):
        _remove_all(editor, tuplet)
        editor.selected = editor.head(max(0, min(editor.selected, len(editor.symbols) - 1)))
        return
    editor.selected, _ = editor.note_or_rest(index, has="a place in a tuplet")
    end = _tuplet_end(editor, editor.selected, actual)
    editor.insert(end, "tuplet-end")
    start = editor.start(editor.selected)
    editor.insert(start, f"tuplet-{actual}")


def _tuplet_end(editor: StaffEditor, index: int, actual: int) -> int:
    """The index after the last symbol of a tuplet that begins with this note or rest."""
    inside: list[int] = []
    place = index
    while place < len(editor.symbols):
        event = editor.event(place)
        if isinstance(event, Note | Rest):
            inside.append(place)
            if _is_full(editor, inside, actual):
                return editor.end(place)
        elif editor.token(place) not in ("tie", "accidental"):
            break
        place = editor.after(place)
    raise EditError(f"the notes from here on do not fill a tuplet of {actual}")


def _is_full(editor: StaffEditor, inside: list[int], actual: int) -> bool:
    """Whether notes and rests fill a tuplet: their total length is that of `actual` notes of one plain value.

    That value is the shortest among them or longer: a triplet may consist of a quarter and an eighth, or of a
    dotted eighth, a sixteenth and an eighth.

    Args:
        editor: The staff.
        inside: Indices of the notes and rests.
        actual: Number of notes of the tuplet.
    """
    events = [editor.event(index) for index in inside]
    timed = [e for e in events if isinstance(e, Rest) or (isinstance(e, Note) and not e.grace)]
    if not timed:
        return False
    total = sum(event.duration.length for event in timed) / actual
    shortest = min(NOTE_VALUES[event.duration.value] for event in timed)
    return total >= shortest and total in NOTE_VALUES.values()


def set_barline(editor: StaffEditor, kind: BarlineKind) -> None:
    """Set the kind of the selected barline.

    Raises:
        EditError: The selected symbol is not a barline.
    """
    if parse_barline(editor.token(editor.selected)) is None:
        raise EditError(f"only a barline has a kind; selected is: {editor.name(editor.selected)}")
    editor.set_token(editor.selected, "barline" if kind == "single" else f"barline-{kind}")
