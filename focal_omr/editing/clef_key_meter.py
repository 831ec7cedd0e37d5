"""Edits of clefs, keys and meters.

Note heads and printed accidentals stay where they are: a new clef renames the notes, a new key changes their
alterations, up to the next such sign. Where the following staves of the part restate the old sign at their
beginning, it changes too.
"""

from focal_omr.editing.part_staves import PartEditor
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.semantic import parse_sign, sign_token
from focal_omr.errors import EditError
from focal_omr.score.records import NO_KEY, Clef, Event, Key, Meter

_ORDER: tuple[type[Event], ...] = (Clef, Key, Meter)  # in printed order


def set_sign(part: PartEditor, sign: Clef | Key | Meter) -> None:
    """Set a clef, key or meter at the selected symbol."""
    editor = part.editor
    index = editor.head(editor.selected)
    group = _group(editor, index)
    same = [place for place in group if isinstance(editor.event(place), type(sign))]
    if index in same:
        change_sign(part, index, sign)
    elif same:
        change_sign(part, same[-1], sign)
    else:
        earlier = [place for place in group if _rank(editor.event(place)) < _rank(sign)]
        at = earlier[-1] + 1 if earlier else group.start
        insert_sign(part, at, sign)


def _group(editor: StaffEditor, index: int) -> range:
    """The indices of the consecutive signs that a new sign here joins; may be empty.

    Raises:
        EditError: The place is inside a tuplet.
    """
    first = last = editor.start(index)
    if editor.is_sign(index):
        last = index + 1
        while editor.is_sign(last):
            last += 1
    elif tuplet := editor.tuplet(index):
        if index not in (tuplet[0], editor.timed(*tuplet)[0]):
            raise EditError("a clef, key or meter cannot stand inside a tuplet")
        first = last = tuplet[0]
    while editor.is_sign(first - 1):
        first -= 1
    return range(first, last)


def _rank(sign: Event | None) -> int:
    return next((rank for rank, kind in enumerate(_ORDER) if isinstance(sign, kind)), len(_ORDER))


def change_sign(part: PartEditor, index: int, sign: Clef | Key | Meter) -> None:
    """Replace a sign by one of the same kind.

    Args:
        part: The part.
        index: Index of the old sign on the edited staff.
        sign: The new sign.
    """
    editor = part.editor
    old = editor.event(index)
    editor.set_token(index, sign_token(sign))
    editor.selected = index
    _follow(part, index + 1, old, sign, repeated=True)


def insert_sign(part: PartEditor, index: int, sign: Clef | Key | Meter) -> None:
    """Insert a sign.

    Args:
        part: The part.
        index: Index of the symbol before which it is inserted, on the edited staff.
        sign: The sign.
    """
    editor = part.editor
    old = editor.clef(index) if isinstance(sign, Clef) else editor.key(index)
    editor.insert(index, sign_token(sign))
    editor.selected = index
    _follow(part, index + 1, old, sign, repeated=True)


def delete_sign(part: PartEditor, index: int) -> None:
    """Delete a sign: the one before it stays in force. Following staves keep their leading signs."""
    editor = part.editor
    old = editor.event(index)
    held = editor.clef(index) if isinstance(old, Clef) else editor.key(index)
    editor.remove(index)
    editor.selected = index
    if isinstance(old, Clef | Key):
        _follow(part, index, old, held, repeated=False)


def _follow(part: PartEditor, index: int, old: Event | None, new: Event | None, *, repeated: bool) -> None:
    """Respell the notes after a change of clef or key.

    Args:
        part: The part.
        index: Index of the first affected symbol on the edited staff.
        old: The clef or key that was in force there.
        new: The one in force now.
        repeated: Whether to change the old one where following staves restate it.
    """
    if old == new or not isinstance(new, Clef | Key):
        return
    in_force = _respell(part.editor, index, old, new)
    for editor in part.following:
        if not in_force:
            return
        first = place = 0
        restated = False
        while editor.is_sign(place) and not restated:
            restated = isinstance(editor.event(place), type(new))
            place += 1
        if restated:
            if not repeated or editor.event(place - 1) != old:
                return
            editor.set_token(place - 1, sign_token(new))
            first = place
        in_force = _respell(editor, first, old, new)


def _respell(editor: StaffEditor, index: int, old: Event | None, new: Clef | Key) -> bool:
    """Respell the notes from a symbol on; whether the new sign is in force to the end of the staff."""
    if isinstance(new, Clef):
        steps = new.lowest_line - old.lowest_line if isinstance(old, Clef) else 0
        key = editor.key(index)
        return editor.respell(index, old=key, new=key, steps=steps, until=Clef)
    before = old if isinstance(old, Key) else NO_KEY
    return editor.respell(index, old=before, new=new, steps=0, until=Key)


def parse_clef_key_meter(token: str) -> Clef | Key | Meter | None:
    """The clef, key or meter of a token; None for any other token."""
    sign = parse_sign(token)
    return sign if isinstance(sign, Clef | Key | Meter) else None
