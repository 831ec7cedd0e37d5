"""A change applied to a document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document
from focal_omr.editing import clef_key_meter as signs
from focal_omr.editing import edits, notes
from focal_omr.editing import insert_delete as groups
from focal_omr.editing.edits import Edit, check_token, parse_edit
from focal_omr.editing.part_staves import PartEditor, open_part
from focal_omr.editing.staff_editor import StaffEditor
from focal_omr.encodings.semantic import parse_sign
from focal_omr.errors import EditError
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
class EditResult:
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
_ON_NOTHING = (edits.Insert, edits.SetClef, edits.SetKey, edits.SetMeter, edits.UseReading)


def apply_edit(document: Document, place: Place, change: Edit | Mapping[str, Any]) -> EditResult:
    """Edit what was read at a place.

    Args:
        document: What was read, or a document mended before.
        place: The symbol that is selected.
        change: One of `edits.Edit`, or its plain values with "do".

    Raises:
        EditError: There is no such place or no such change, or it cannot be made there; a line for the user.
    """
    wanted = parse_edit(change)
    page = next((i for i, each in enumerate(document.pages) if each.number == place.page), None)
    if page is None or not 0 <= place.staff < len(document.pages[page].staves):
        raise EditError(f"there is no staff {place.staff} on page {place.page}")
    part = open_part(document, page, place.staff)
    editor = part.editor
    empty = not editor.symbols and isinstance(wanted, _ON_NOTHING)
    if not 0 <= place.symbol < len(editor.symbols) and not empty:
        raise EditError(f"there is no symbol {place.symbol} on staff {place.staff} of page {place.page}")
    if editor.reading.unread and not isinstance(wanted, edits.UseReading):
        raise EditError(f"this staff was not read ({editor.reading.unread}); use what was read on it first")
    editor.selected = 0 if empty else place.symbol
    _apply(part, wanted)
    return _finished(document, part)


def _finished(document: Document, part: PartEditor) -> EditResult:
    """The document with the staves of the part that changed."""
    pages = [list(page.staves) for page in document.pages]
    changed = []
    for editor, (page, staff) in zip(part.editors, part.places, strict=True):
        if editor.changed:
            pages[page][staff] = editor.finished()
            changed.append((document.pages[page].number, staff))
    done = [replace(page, staves=tuple(each)) for page, each in zip(document.pages, pages, strict=True)]
    page, staff = part.places[part.at]
    place = Place(document.pages[page].number, staff, part.editor.selected)
    return EditResult(assemble(document.source, document.score.title, done), place, tuple(changed))


def _apply(part: PartEditor, change: Edit) -> None:
    editor = part.editor
    match change:
        case edits.MoveNote():
            notes.move(editor, change.steps)
        case edits.Step():
            notes.to_step(editor, change.step)
        case edits.Accidental():
            notes.set_accidental(editor, change.sign)
        case edits.SetValue():
            notes.set_value(editor, change.value)
        case edits.Dots():
            notes.set_dots(editor, change.dots)
        case edits.Tie():
            notes.toggle_tie(editor)
        case edits.Fermata():
            notes.toggle_fermata(editor)
        case edits.Grace():
            notes.toggle_grace(editor)
        case edits.ToRest():
            notes.toggle_rest(part)
        case edits.Delete():
            groups.delete(part)
        case edits.Insert():
            groups.insert(editor, change.what, before=change.before)
        case edits.SetBarline():
            groups.set_barline(editor, change.kind)
        case edits.ToTuplet():
            groups.toggle_tuplet(editor, change.actual)
        case edits.SetClef():
            signs.set_sign(part, change.sign)
        case edits.SetKey():
            signs.set_sign(part, Key(change.fifths))
        case edits.SetMeter():
            signs.set_sign(part, change.sign)
        case edits.Token():
            _set_token(part, change.token)
        case edits.Accept():
            _accept(editor)
        case edits.UseReading():
            _believe(editor)
        case _:
            assert_never(change)


def _accept(editor: StaffEditor) -> None:
    """The selected symbol is right; a note and the accidental before it are one."""
    index = editor.selected
    note = editor.head(index) if editor.token(index) == "accidental" else index
    for each in range(editor.start(note), note + 1):
        editor.accept(each)


def _believe(editor: StaffEditor) -> None:
    if not editor.reading.unread:
        raise EditError("what was read on this staff is used already")
    editor.reading = replace(editor.reading, unread="")
    editor.changed = True


def _set_token(part: PartEditor, token: str) -> None:
    """Any token instead of the selected one; of clefs and keys with what follows from them."""
    check_token(token)
    editor = part.editor
    sign, old = signs.parsed(token), editor.event(editor.selected)
    if sign is not None and type(sign) is type(old):
        signs.change_sign(part, editor.selected, sign)
    elif sign is not None or editor.is_sign(editor.selected):
        _replace_sign(part, token)
    else:
        if isinstance(old, Note) and not isinstance(parse_sign(token), Note):
            notes.strip(part, editor.selected)
        index = editor.selected
        editor.set_token(index, token, polygon=editor.in_place(index, token))
    if not editor.finished().symbols[editor.selected].used:
        raise EditError(f"{token!r} cannot stand here")


def _replace_sign(part: PartEditor, token: str) -> None:
    """A sign in the place of another symbol, or the other way round."""
    editor = part.editor
    if editor.is_sign(editor.selected):
        signs.delete_sign(part, editor.selected)
    else:
        if isinstance(editor.event(editor.selected), Note):
            notes.strip(part, editor.selected)
        editor.remove(editor.selected)
    index = editor.selected
    if (sign := signs.parsed(token)) is not None:
        signs.insert_sign(part, index, sign)
    else:
        editor.insert(index, token)
        editor.selected = index
