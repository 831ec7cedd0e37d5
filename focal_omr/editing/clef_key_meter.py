"""Changes of clef, key and meter from a place on.

A clef says what the heads on the lines are called, a key what those without an accidental sound: the heads
and the accidentals stay, the notes get other names, until the next such sign. The next staves of the part
repeat the sign at their beginning; where it is the same old one, it changes with it.
"""

from focal_omr.editing.part_staves import PartEditor
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.semantic import parse_sign, sign_token
from focal_omr.errors import EditError
from focal_omr.score.records import NO_KEY, Clef, Event, Key, Meter

_ORDER: tuple[type[Event], ...] = (Clef, Key, Meter)  # in which they are printed


def set_sign(part: PartEditor, sign: Clef | Key | Meter) -> None:
    """A clef, key or meter from the selected symbol on."""
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
    """The signs beside each other among which a sign for this place belongs; empty where there are none.

    Raises:
        EditError: Within a tuplet.
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
    """Another sign of the same kind in the place of one."""
    editor = part.editor
    old = editor.event(index)
    editor.set_token(index, sign_token(sign))
    editor.selected = index
    _follow(part, index + 1, old, sign, repeated=True)


def insert_sign(part: PartEditor, index: int, sign: Clef | Key | Meter) -> None:
    """A sign before a symbol."""
    editor = part.editor
    old = editor.clef(index) if isinstance(sign, Clef) else editor.key(index)
    editor.insert(index, sign_token(sign))
    editor.selected = index
    _follow(part, index + 1, old, sign, repeated=True)


def delete_sign(part: PartEditor, index: int) -> None:
    """A sign goes, and what held before it goes on; the next staves keep the signs at their beginning."""
    editor = part.editor
    old = editor.event(index)
    held = editor.clef(index) if isinstance(old, Clef) else editor.key(index)
    editor.remove(index)
    editor.selected = index
    if isinstance(old, Clef | Key):
        _follow(part, index, old, held, repeated=False)


def _follow(part: PartEditor, index: int, old: Event | None, new: Event | None, *, repeated: bool) -> None:
    """What follows from a change of clef or key before a symbol.

    Args:
        part: The part.
        index: Of the symbol on the mended staff.
        old: The clef or key that held there.
        new: The one that holds now.
        repeated: Whether the old one changes where the next staves repeat it at their beginning.
    """
    if old == new or not isinstance(new, Clef | Key):
        return
    goes_on = _respell(part.editor, index, old, new)
    for editor in part.following:
        if not goes_on:
            return
        goes_on = _follow_on(editor, old, new, repeated=repeated)


def _follow_on(editor: StaffEditor, old: Event | None, new: Clef | Key, *, repeated: bool) -> bool:
    """The same on one of the next staves; whether it goes on after it."""
    opening, place = [], 0
    while editor.is_sign(place):
        if isinstance(editor.event(place), type(new)):
            opening.append(place)
        place += 1
    if not opening:
        return _respell(editor, 0, old, new)
    if not repeated or editor.event(opening[0]) != old:
        return False
    editor.set_token(opening[0], sign_token(new))
    return _respell(editor, opening[0] + 1, old, new)


def _respell(editor: StaffEditor, index: int, old: Event | None, new: Clef | Key) -> bool:
    """Other names for the notes from a symbol on; whether this goes on to the end of the staff."""
    if isinstance(new, Clef):
        steps = new.lowest_line - old.lowest_line if isinstance(old, Clef) else 0
        key = editor.key(index)
        return editor.respell(index, old=key, new=key, steps=steps, until=Clef)
    before = old if isinstance(old, Key) else NO_KEY
    return editor.respell(index, old=before, new=new, steps=0, until=Key)


def parsed(token: str) -> Clef | Key | Meter | None:
    """The clef, key or meter that a token stands for; None for any other."""
    sign = parse_sign(token)
    return sign if isinstance(sign, Clef | Key | Meter) else None
