"""Application of an edit to a document."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from focal_omr.document.assemble import assemble
from focal_omr.document.document import Document, StaffReading
from focal_omr.editing import edits
from focal_omr.editing.edit_score import edit_selection
from focal_omr.editing.edits import Edit, parse_edit
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.selection import Selection
from focal_omr.editing.symbols import PartSymbols, Side, Slot
from focal_omr.encodings.names import symbol_name
from focal_omr.encodings.semantic import ungrammatical
from focal_omr.errors import EditError
from focal_omr.score.score import Part


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


def apply_edit(document: Document, place: Place, edit: Edit | Mapping[str, Any]) -> EditResult:
    """Edit a document.

    Args:
        document: The document.
        place: The selected symbol.
        edit: An `edits.Edit`, or its plain values with "do".

    Raises:
        EditError: No such place or edit, the edit is impossible there, or the document was read as columns;
            the message is for the user.
    """
    parsed = parse_edit(edit)
    if document.from_columns:  # its symbols do not tell all of its music: the score would be flattened
        raise EditError("corrections of music with several voices are not possible yet")
    page = next((page for page in document.pages if page.number == place.page), None)
    if page is None or not 0 <= place.staff < len(page.staves):
        raise EditError(f"there is no staff {place.staff} on page {place.page}")
    reading = page.staves[place.staff]
    on_empty = edits.Insert | edits.SetClef | edits.SetKey | edits.SetMeter | edits.UseReading
    empty = not reading.symbols and isinstance(parsed, on_empty)
    if not 0 <= place.symbol < len(reading.symbols) and not empty:
        raise EditError(f"there is no symbol {place.symbol} on staff {place.staff} of page {place.page}")
    if reading.unread and not isinstance(parsed, edits.UseReading):
        raise EditError(f"this staff was not read ({reading.unread}); use what was read on it first")
    believed = replace(reading, unread="")
    if not isinstance(parsed, edits.UseReading):
        return _edit_part(document, place, parsed)
    if not reading.unread:
        raise EditError("what was read on this staff is used already")
    return _with_staves(document, {(place.page, place.staff): _with_used(believed)}, place)


def _edit_part(document: Document, place: Place, edit: Edit) -> EditResult:
    """Edit the part of a staff that was read, or was given up and is used from now on."""
    of_document = {(page.number, n): (page, r) for page in document.pages for n, r in enumerate(page.staves)}
    _, edited = of_document[place.page, place.staff]
    members = [
        (where, page, reading)
        for where, (page, reading) in of_document.items()
        if (reading.piece, reading.part) == (edited.piece, edited.part)
    ]
    # Signs hold on unread staves, too: their symbols change as if they were read.
    if any(reading.unread for _, _, reading in members):
        read = {where: _with_used(replace(reading, unread="")) for where, _, reading in members}
        document_read = _with_staves(document, read, place).document
        symbols_read = {(p.number, n): r for p in document_read.pages for n, r in enumerate(p.staves)}
        readings = [symbols_read[where] for where, _, _ in members]
    else:
        document_read, readings = document, [reading for _, _, reading in members]
    part = document_read.pieces[edited.piece - 1].parts[edited.part - 1]
    symbols = PartSymbols(readings, [page for _, page, _ in members], part)
    staff = next(n for n, (where, _, _) in enumerate(members) if where == (place.page, place.staff))
    row = [slot for slot in symbols.slots if slot.staff == staff]
    chosen = row[place.symbol] if row else None
    selected = _edit_symbols(symbols, part, chosen, staff, edit)

    changed = {}
    for (where, _, old), before, after in zip(members, readings, symbols.finished(), strict=True):
        if after is not before or where == (place.page, place.staff):
            changed[where] = _with_used(replace(after, unread=old.unread))
    row = [slot for slot in symbols.slots if slot.staff == staff]
    result = _with_staves(document, changed, replace(place, symbol=row.index(selected) if selected else 0))
    after = next(page for page in result.document.pages if page.number == place.page).staves[place.staff]
    if isinstance(edit, edits.Token) and not after.symbols[result.place.symbol].used:
        raise EditError(f"{edit.token!r} cannot stand here")
    return result


def _edit_symbols(
    symbols: PartSymbols, part: Part, chosen: Slot | None, staff: int, edit: Edit
) -> Slot | None:
    """Apply an edit to the symbols of a part.

    Args:
        symbols: The symbols, which change.
        part: The part in the score.
        chosen: The selected symbol; None: its staff has none.
        staff: Index of its staff.
        edit: The edit.

    Returns:
        The symbol that is selected afterwards.
    """
    target = symbols.target(chosen) if chosen is not None else None
    if isinstance(edit, edits.Accept) and chosen is not None:
        symbols.accept(chosen)
        return chosen
    if isinstance(edit, edits.Delete) and chosen is not None and target is None:
        return symbols.drop(chosen)
    editor = PartEditor(part)
    name = symbol_name(chosen.symbol.token) if chosen is not None else ""
    beside = (target, None) if target is not None else symbols.beside(chosen, staff)
    selection = Selection(editor, *beside, name=name)
    edit_selection(selection, edit, symbols.restated(chosen) if chosen is not None else None)
    side: Side | None = "instead" if isinstance(edit, edits.Token) else None
    if isinstance(edit, edits.Insert):
        side = "before" if edit.before else "after"
    symbols.follow(editor.finished(), selection.target, chosen, staff, side)
    after = symbols.selected(selection.target, chosen, staff)
    if (
        after is not None
        and after.target == selection.target
        and not isinstance(edit, edits.Tie | edits.ToTuplet)
    ):
        after.symbol = replace(after.symbol, confidence=1.0, used=True)
    return after


def _with_used(reading: StaffReading) -> StaffReading:
    """A staff whose symbols are used where grammar allows it; none if it was not read."""
    dropped = set(ungrammatical([symbol.token for symbol in reading.symbols]))
    symbols = tuple(
        symbol if symbol.used == used else replace(symbol, used=used)
        for index, symbol in enumerate(reading.symbols)
        for used in [not reading.unread and index not in dropped]
    )
    return replace(reading, symbols=symbols)


def _with_staves(
    document: Document, staves: Mapping[tuple[int, int], StaffReading], selected: Place
) -> EditResult:
    """The document with some staves replaced, by page number and index on the page."""
    pages = [
        replace(
            page,
            staves=tuple(staves.get((page.number, n), reading) for n, reading in enumerate(page.staves)),
        )
        for page in document.pages
    ]
    return EditResult(assemble(document.source, document.score.title, pages), selected, tuple(staves))
