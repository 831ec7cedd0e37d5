"""A change applied to a document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document
from focal_omr.editing import clef_key_meter as signs
from focal_omr.editing import edits as changes
from focal_omr.editing import insert_delete as groups
from focal_omr.editing import notes
from focal_omr.editing.edits import Change, check_token, parse_change
from focal_omr.editing.part_staves import Passage, open_passage
from focal_omr.editing.staff_editor import Draft
from focal_omr.encodings.semantic import parse_sign
from focal_omr.errors import MendError
from focal_omr.score.records import Key, Note


@dataclass(frozen=True)
class Place:
    """A symbol of a document.

    Attributes:
        page: Number of its page, as `Page.number`.
        staff: Index of its staff on the page, from 0.
        symbol: Index of the symbol on the staff, from 0; on a staff without symbols 0.
    """

    page: int
    staff: int
    symbol: int


@dataclass(frozen=True)
class Mended:
    """A document after a change.

    Attributes:
        document: Made anew; what did not change is what it was.
        place: The symbol that is selected now.
        staves: (number of the page, index of the staff on it) of the staves whose symbols changed.
    """

    document: Document
    place: Place
    staves: tuple[tuple[int, int], ...]


# What a staff without any symbol can be given.
_ON_NOTHING = (changes.Insert, changes.SetClef, changes.SetKey, changes.SetMeter, changes.Believe)


def mend(document: Document, place: Place, change: Change | Mapping[str, Any]) -> Mended:
    """Change what was read at a place.

    Args:
        document: What was read, or a document mended before.
        place: The symbol that is selected.
        change: One of `changes.Change`, or its plain values with "do".

    Raises:
        MendError: There is no such place or no such change, or it cannot be made there; a line for the user.
    """
    wanted = parse_change(change)
    page = next((i for i, each in enumerate(document.pages) if each.number == place.page), None)
    if page is None or not 0 <= place.staff < len(document.pages[page].staves):
        raise MendError(f"there is no staff {place.staff} on page {place.page}")
    passage = open_passage(document, page, place.staff)
    draft = passage.draft
    empty = not draft.symbols and isinstance(wanted, _ON_NOTHING)
    if not 0 <= place.symbol < len(draft.symbols) and not empty:
        raise MendError(f"there is no symbol {place.symbol} on staff {place.staff} of page {place.page}")
    if draft.reading.unread and not isinstance(wanted, changes.Believe):
        raise MendError(f"this staff was not read ({draft.reading.unread}); use what was read on it first")
    draft.selected = 0 if empty else place.symbol
    _apply(passage, wanted)
    return _finished(document, passage)


def _finished(document: Document, passage: Passage) -> Mended:
    """The document with the staves of the passage that changed."""
    pages = [list(page.staves) for page in document.pages]
    changed = []
    for draft, (page, staff) in zip(passage.drafts, passage.places, strict=True):
        if draft.changed:
            pages[page][staff] = draft.finished()
            changed.append((document.pages[page].number, staff))
    done = [replace(page, staves=tuple(each)) for page, each in zip(document.pages, pages, strict=True)]
    page, staff = passage.places[passage.at]
    place = Place(document.pages[page].number, staff, passage.draft.selected)
    return Mended(assemble(document.source, document.score.title, done), place, tuple(changed))


def _apply(passage: Passage, change: Change) -> None:
    draft = passage.draft
    match change:
        case changes.Move():
            notes.move(draft, change.steps)
        case changes.Step():
            notes.to_step(draft, change.step)
        case changes.Accidental():
            notes.set_accidental(draft, change.sign)
        case changes.SetValue():
            notes.set_value(draft, change.value)
        case changes.Dots():
            notes.set_dots(draft, change.dots)
        case changes.Tie():
            notes.toggle_tie(draft)
        case changes.Fermata():
            notes.toggle_fermata(draft)
        case changes.Grace():
            notes.toggle_grace(draft)
        case changes.ToRest():
            notes.toggle_rest(passage)
        case changes.Delete():
            groups.delete(passage)
        case changes.Insert():
            groups.insert(draft, change.what, before=change.before)
        case changes.SetBarline():
            groups.set_barline(draft, change.kind)
        case changes.ToTuplet():
            groups.toggle_tuplet(draft, change.actual)
        case changes.SetClef():
            signs.set_sign(passage, change.sign)
        case changes.SetKey():
            signs.set_sign(passage, Key(change.fifths))
        case changes.SetMeter():
            signs.set_sign(passage, change.sign)
        case changes.Token():
            _set_token(passage, change.token)
        case changes.Accept():
            _accept(draft)
        case changes.Believe():
            _believe(draft)
        case _:
            assert_never(change)


def _accept(draft: Draft) -> None:
    """The selected symbol is right; a note and the accidental before it are one."""
    index = draft.selected
    note = draft.head(index) if draft.token(index) == "accidental" else index
    for each in range(draft.start(note), note + 1):
        draft.accept(each)


def _believe(draft: Draft) -> None:
    if not draft.reading.unread:
        raise MendError("what was read on this staff is used already")
    draft.reading = replace(draft.reading, unread="")
    draft.changed = True


def _set_token(passage: Passage, token: str) -> None:
    """Any token instead of the selected one; of clefs and keys with what follows from them."""
    check_token(token)
    draft = passage.draft
    sign, old = signs.parsed(token), draft.event(draft.selected)
    if sign is not None and type(sign) is type(old):
        signs.change_sign(passage, draft.selected, sign)
    elif sign is not None or draft.is_sign(draft.selected):
        _replace_sign(passage, token)
    else:
        if isinstance(old, Note) and not isinstance(parse_sign(token), Note):
            notes.strip(passage, draft.selected)
        index = draft.selected
        draft.set_token(index, token, polygon=draft.in_place(index, token))
    if not draft.finished().symbols[draft.selected].used:
        raise MendError(f"{token!r} cannot stand here")


def _replace_sign(passage: Passage, token: str) -> None:
    """A sign in the place of another symbol, or the other way round."""
    draft = passage.draft
    if draft.is_sign(draft.selected):
        signs.delete_sign(passage, draft.selected)
    else:
        if isinstance(draft.event(draft.selected), Note):
            notes.strip(passage, draft.selected)
        draft.remove(draft.selected)
    index = draft.selected
    if (sign := signs.parsed(token)) is not None:
        signs.insert_sign(passage, index, sign)
    else:
        draft.insert(index, token)
        draft.selected = index
