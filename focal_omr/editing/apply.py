"""Application of an edit to a document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document
from focal_omr.editing import clef_key_meter as signs
from focal_omr.editing import edits, insert_delete, notes
from focal_omr.editing.edits import Edit, check_token, parse_edit
from focal_omr.editing.part_staves import PartEditor, open_part
from focal_omr.encodings.semantic import parse_sign
from focal_omr.errors import EditError
from focal_omr.score.records import Key, Note


@dataclass(frozen=True)
class Place:
    """A symbol of a document.

    Attributes:
        page: Number of its page, as `Page.number`.
        staff: Index of its staff on the page, from 0.
        symbol: Index of the symbol on the staff, from 0; 0 on a staff without symbols.
    """

    page: int
    staff: int
    symbol: int


@dataclass(frozen=True)
class EditResult:
    """A document after an edit.

    Attributes:
        document: The new document; unchanged pages and staves are shared with the old one.
        place: The selected symbol.
        staves: (page number, index of the staff on the page) of each staff with changed symbols.
    """

    document: Document
    place: Place
    staves: tuple[tuple[int, int], ...]


# Edits of a staff without symbols.
_ON_EMPTY = (edits.Insert, edits.SetClef, edits.SetKey, edits.SetMeter, edits.UseReading)


def apply_edit(document: Document, place: Place, edit: Edit | Mapping[str, Any]) -> EditResult:
    """Edit a document.

    Args:
        document: The document.
        place: The selected symbol.
        edit: An `edits.Edit`, or its plain values with "do".

    Raises:
        EditError: No such place or edit, or the edit is impossible there; the message is for the user.
    """
    parsed = parse_edit(edit)
    page = next((i for i, each in enumerate(document.pages) if each.number == place.page), None)
    if page is None or not 0 <= place.staff < len(document.pages[page].staves):
        raise EditError(f"there is no staff {place.staff} on page {place.page}")
    part = open_part(document, page, place.staff)
    editor = part.editor
    empty = not editor.symbols and isinstance(parsed, _ON_EMPTY)
    if not 0 <= place.symbol < len(editor.symbols) and not empty:
        raise EditError(f"there is no symbol {place.symbol} on staff {place.staff} of page {place.page}")
    if editor.reading.unread and not isinstance(parsed, edits.UseReading):
        raise EditError(f"this staff was not read ({editor.reading.unread}); use what was read on it first")
    editor.selected = 0 if empty else place.symbol
    _apply(part, parsed)

    staves = [list(each.staves) for each in document.pages]
    changed = []
    for each, (page, staff) in zip(part.editors, part.places, strict=True):
        if each.changed:
            staves[page][staff] = each.finished()
            changed.append((document.pages[page].number, staff))
    pages = [replace(old, staves=tuple(new)) for old, new in zip(document.pages, staves, strict=True)]
    selected = Place(place.page, place.staff, editor.selected)
    return EditResult(assemble(document.source, document.score.title, pages), selected, tuple(changed))


def _apply(part: PartEditor, edit: Edit) -> None:
    editor = part.editor
    match edit:
        case edits.MoveNote():
            notes.move(editor, edit.steps)
        case edits.Step():
            notes.to_step(editor, edit.step)
        case edits.Accidental():
            notes.set_accidental(editor, edit.sign)
        case edits.SetValue():
            notes.set_value(editor, edit.value)
        case edits.Dots():
            notes.set_dots(editor, edit.dots)
        case edits.Tie():
            notes.toggle_tie(editor)
        case edits.Fermata():
            notes.toggle_fermata(editor)
        case edits.Grace():
            notes.toggle_grace(editor)
        case edits.ToRest():
            notes.toggle_rest(part)
        case edits.Delete():
            insert_delete.delete(part)
        case edits.Insert():
            insert_delete.insert(editor, edit.what, before=edit.before)
        case edits.SetBarline():
            insert_delete.set_barline(editor, edit.kind)
        case edits.ToTuplet():
            insert_delete.toggle_tuplet(editor, edit.actual)
        case edits.SetClef():
            signs.set_sign(part, edit.sign)
        case edits.SetKey():
            signs.set_sign(part, Key(edit.fifths))
        case edits.SetMeter():
            signs.set_sign(part, edit.sign)
        case edits.Token():
            _set_token(part, edit.token)
        case edits.Accept():  # a note and its accidental are accepted together
            index = editor.selected
            note = editor.head(index) if editor.token(index) == "accidental" else index
            for each in range(editor.start(note), note + 1):
                editor.accept(each)
        case edits.UseReading():
            if not editor.reading.unread:
                raise EditError("what was read on this staff is used already")
            editor.reading = replace(editor.reading, unread="")
            editor.changed = True
        case _:
            assert_never(edit)


def _set_token(part: PartEditor, token: str) -> None:
    """Replace the selected token by any other one, with the consequences of clefs and keys."""
    check_token(token)
    editor = part.editor
    sign, old = signs.parse_clef_key_meter(token), editor.event(editor.selected)
    old_is_sign = editor.is_sign(editor.selected)
    if sign is not None and type(sign) is type(old):
        signs.change_sign(part, editor.selected, sign)
    elif sign is None and not old_is_sign:
        if isinstance(old, Note) and not isinstance(parse_sign(token), Note):
            notes.strip(part, editor.selected)
        index = editor.selected
        editor.set_token(index, token, polygon=editor.in_place(index, token))
    else:
        if old_is_sign:
            signs.delete_sign(part, editor.selected)
        else:
            if isinstance(old, Note):
                notes.strip(part, editor.selected)
            editor.remove(editor.selected)
        index = editor.selected
        if sign is not None:
            signs.insert_sign(part, index, sign)
        else:
            editor.insert(index, token)
            editor.selected = index
    if not editor.finished().symbols[editor.selected].used:
        raise EditError(f"{token!r} cannot stand here")
