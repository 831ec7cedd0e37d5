"""Changes of clef, key and meter from a place on.

A clef says what the heads on the lines are called, a key what those without an accidental sound: the heads
and the accidentals stay, the notes get other names, until the next such sign. The next staves of the part
repeat the sign at their beginning; where it is the same old one, it changes with it.
"""

from focal_omr.editing.part_staves import Passage
from focal_omr.editing.staff_editor import Draft
from focal_omr.encodings.semantic import parse_sign, sign_token
from focal_omr.errors import MendError
from focal_omr.score.records import NO_KEY, Clef, Event, Key, Meter

_ORDER: tuple[type[Event], ...] = (Clef, Key, Meter)  # in which they are printed


def set_sign(passage: Passage, sign: Clef | Key | Meter) -> None:
    """A clef, key or meter from the selected symbol on."""
    draft = passage.draft
    index = draft.head(draft.selected)
    group = _group(draft, index)
    same = [place for place in group if isinstance(draft.event(place), type(sign))]
    if index in same:
        change_sign(passage, index, sign)
    elif same:
        change_sign(passage, same[-1], sign)
    else:
        earlier = [place for place in group if _rank(draft.event(place)) < _rank(sign)]
        at = earlier[-1] + 1 if earlier else group.start
        insert_sign(passage, at, sign)


def _group(draft: Draft, index: int) -> range:
    """The signs beside each other among which a sign for this place belongs; empty where there are none.

    Raises:
        MendError: Within a tuplet.
    """
    first = last = draft.start(index)
    if draft.is_sign(index):
        last = index + 1
        while draft.is_sign(last):
            last += 1
    elif tuplet := draft.tuplet(index):
        if index not in (tuplet[0], draft.timed(*tuplet)[0]):
            raise MendError("a clef, key or meter cannot stand inside a tuplet")
        first = last = tuplet[0]
    while draft.is_sign(first - 1):
        first -= 1
    return range(first, last)


def _rank(sign: Event | None) -> int:
    return next((rank for rank, kind in enumerate(_ORDER) if isinstance(sign, kind)), len(_ORDER))


def change_sign(passage: Passage, index: int, sign: Clef | Key | Meter) -> None:
    """Another sign of the same kind in the place of one."""
    draft = passage.draft
    old = draft.event(index)
    draft.set_token(index, sign_token(sign))
    draft.selected = index
    _follow(passage, index + 1, old, sign, repeated=True)


def insert_sign(passage: Passage, index: int, sign: Clef | Key | Meter) -> None:
    """A sign before a symbol."""
    draft = passage.draft
    old = draft.clef(index) if isinstance(sign, Clef) else draft.key(index)
    draft.insert(index, sign_token(sign))
    draft.selected = index
    _follow(passage, index + 1, old, sign, repeated=True)


def delete_sign(passage: Passage, index: int) -> None:
    """A sign goes, and what held before it goes on; the next staves keep the signs at their beginning."""
    draft = passage.draft
    old = draft.event(index)
    held = draft.clef(index) if isinstance(old, Clef) else draft.key(index)
    draft.remove(index)
    draft.selected = index
    if isinstance(old, Clef | Key):
        _follow(passage, index, old, held, repeated=False)


def _follow(passage: Passage, index: int, old: Event | None, new: Event | None, *, repeated: bool) -> None:
    """What follows from a change of clef or key before a symbol.

    Args:
        passage: The part.
        index: Of the symbol on the mended staff.
        old: The clef or key that held there.
        new: The one that holds now.
        repeated: Whether the old one changes where the next staves repeat it at their beginning.
    """
    if old == new or not isinstance(new, Clef | Key):
        return
    goes_on = _respell(passage.draft, index, old, new)
    for draft in passage.following:
        if not goes_on:
            return
        goes_on = _follow_on(draft, old, new, repeated=repeated)


def _follow_on(draft: Draft, old: Event | None, new: Clef | Key, *, repeated: bool) -> bool:
    """The same on one of the next staves; whether it goes on after it."""
    opening, place = [], 0
    while draft.is_sign(place):
        if isinstance(draft.event(place), type(new)):
            opening.append(place)
        place += 1
    if not opening:
        return _respell(draft, 0, old, new)
    if not repeated or draft.event(opening[0]) != old:
        return False
    draft.set_token(opening[0], sign_token(new))
    return _respell(draft, opening[0] + 1, old, new)


def _respell(draft: Draft, index: int, old: Event | None, new: Clef | Key) -> bool:
    """Other names for the notes from a symbol on; whether this goes on to the end of the staff."""
    if isinstance(new, Clef):
        steps = new.lowest_line - old.lowest_line if isinstance(old, Clef) else 0
        key = draft.key(index)
        return draft.respell(index, old=key, new=key, steps=steps, until=Clef)
    before = old if isinstance(old, Key) else NO_KEY
    return draft.respell(index, old=before, new=new, steps=0, until=Key)


def parsed(token: str) -> Clef | Key | Meter | None:
    """The clef, key or meter that a token stands for; None for any other."""
    sign = parse_sign(token)
    return sign if isinstance(sign, Clef | Key | Meter) else None
