"""Insertion and deletion of events and barlines; edits of tuplets."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from focal_omr.editing.clef_key_meter import delete_sign
from focal_omr.editing.notes import near_pitch
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.part_rows import Spot
from focal_omr.editing.printed import Target
from focal_omr.editing.selection import Selection
from focal_omr.encodings.one_voice import FORWARD
from focal_omr.encodings.semantic import TUPLET_NORMAL
from focal_omr.errors import EditError
from focal_omr.score.records import NOTE_VALUES, BarlineKind
from focal_omr.score.score import Barline, Chord, Duration, Event, Note, Rest, Sign, Tuplet

__all__ = ["delete", "insert", "insert_barline", "insert_event", "set_barline", "toggle_tuplet"]

_RIGHT: dict[BarlineKind, Barline] = {
    "single": Barline(),
    "double": Barline("light-light"),
    "final": Barline("light-heavy"),
    "repeat_start": Barline(),  # the sign is the left barline of the next measure, if there is one
    "repeat_end": Barline("light-heavy", "backward"),
    "repeat_both": Barline("light-heavy", "backward"),
}
_TUPLET_MARKS = ("tuplet", "tuplet end")


def delete(selection: Selection, restated: str | None = None) -> None:
    """Delete the selected symbol, with what has no meaning without it.

    Args:
        selection: The selection; what it stood for may be gone afterwards.
        restated: As `clef_key_meter.delete_sign`, for a sign.
    """
    part, spot, mark = selection.part, selection.spot, selection.target.mark
    if mark == "accidental":
        selection.put_note(replace(selection.note("an accidental")[1], accidental=None))
    elif mark == "tie":
        selection.put_note(replace(selection.note("a tie")[1], tie_to=None))
        selection.target = Target(selection.target.id, "tie")
    elif mark in _TUPLET_MARKS:
        _remove_tuplet(selection)
    elif mark == "left barline":
        part.put_row(spot, [item for item in selection.row if not isinstance(item, Barline)])
    elif mark == "barline" and spot.measure + 1 < len(part.measures):
        part.join(spot.measure)
    elif mark == "barline":
        part.measures[spot.measure] = replace(part.measures[spot.measure], right=None)
    elif isinstance(selection.item, Sign):
        delete_sign(selection, restated)
    else:
        _delete_event(selection)


def _delete_event(selection: Selection) -> None:
    """Delete a note, a rest, or of a chord one note."""
    part, spot, id_, event = selection.part, selection.spot, selection.target.id, selection.item
    assert isinstance(event, Event)
    if isinstance(event, Chord):
        one = tuple(note for note in event.notes if note.id == id_)
        selection.untie(replace(event, notes=one) if one else event)
    if isinstance(event, Chord) and len(event.notes) > 1 and event.id != id_:
        selection.put(replace(event, notes=tuple(note for note in event.notes if note.id != id_)))
        return
    if multirest := part.multirest(spot.measure):
        first, last = part.measures[multirest.start], part.measures[multirest.stop - 1]
        late = last.signs if len(multirest) > 1 else ()
        part.measures[multirest.start : multirest.stop] = [
            replace(first, id=last.id, right=last.right, multirest=None, signs=(*first.signs, *late))
        ]
    part.leave(event.id)
    part.put_row(spot, [item for item in selection.row if item != event])


# Insertion --------------------------------------------------------------------------------------------------


def insert(selection: Selection, what: str, *, before: bool) -> None:
    """Insert a note, rest or barline beside the selected symbol.

    Args:
        selection: The selection, which becomes what is inserted.
        what: "note", "rest" or "barline".
        before: Whether to insert before the selected symbol, not after it.

    Raises:
        EditError: A barline cannot stand inside a tuplet.
    """
    if what == "barline":
        if (tuplet := selection.tuplet) is not None:
            end, mark = (tuplet.start, "tuplet end") if before else (tuplet.end, "tuplet")
            if selection.target.id != end or selection.target.mark == mark:
                raise EditError("a barline cannot stand inside a tuplet")
        insert_barline(selection, selection.gap(before=before), "single")
        return
    part = selection.part
    # It is like the selected note or rest, else like the nearest, looking back first.
    item, after_mark = selection.item, selection.target.mark == "tuplet" and not before
    selected = isinstance(item, Chord | Rest) and not after_mark and not selection.is_multirest
    events = [item] if selected else selection.neighbours(forward=before)
    model = next((event for event in events if isinstance(event, Chord | Rest)), None)
    duration = model.duration if model else Duration(Fraction(1, 4))
    spot, tuplet = _beside(selection, before=before)
    id_ = part.new_id(part.measures[spot.measure].id)
    zero = Fraction(0)
    event: Chord | Rest = Rest(id=id_, onset=zero, duration=duration, length=zero, staff=spot.staff)
    if what == "note":
        pitch = model.notes[-1].pitch if isinstance(model, Chord) else near_pitch(selection)
        event = Chord(
            id=id_,
            onset=zero,
            duration=duration,
            length=zero,
            notes=(Note(id=id_, pitch=pitch),),
            staff=spot.staff,
            grace=model.grace if isinstance(model, Chord) else None,
        )
    if tuplet is not None:
        first = selection.target.id == tuplet.start and selection.target.mark != "tuplet end"
        grown = replace(tuplet, start=id_) if first else replace(tuplet, end=id_)
        part.set_spanner(tuplet, grown)
    insert_event(selection, spot, event)


def insert_event(selection: Selection, spot: Spot, event: Event) -> None:
    """Insert an event.

    Args:
        selection: The selection, which becomes the event.
        spot: The gap.
        event: The event; its times follow from the gap.
    """
    part = selection.part
    spot = part.room(spot)
    row = part.row(spot)
    row.insert(spot.at, event)
    part.put_row(spot, row)
    selection.target = Target(event.id)


def insert_barline(selection: Selection, spot: Spot, kind: BarlineKind) -> None:
    """Insert a barline.

    Args:
        selection: The selection, which becomes the barline.
        spot: The gap.
        kind: Its kind.
    """
    part = selection.part
    spot = part.edge(spot)
    part.split(spot, Barline())
    _set_right(part, spot.measure, kind)
    selection.target = Target(part.measures[spot.measure].id, "barline")


def _beside(selection: Selection, *, before: bool) -> tuple[Spot, Tuplet | None]:
    """The gap for a note beside the selection, and the tuplet that grows by it at its end."""
    part, target = selection.part, selection.target
    gap = selection.gap(before=before)
    tuplet = selection.tuplet
    if tuplet is None:
        return gap, None
    if target.mark in _TUPLET_MARKS:
        return gap, tuplet if before == (target.mark == "tuplet end") else None
    full = _fill(part.inside(tuplet), tuplet.actual)
    grows = not full and target.id == (tuplet.start if before else tuplet.end)
    return gap, tuplet if grows else None


# Tuplets and barlines ---------------------------------------------------------------------------------------


def toggle_tuplet(selection: Selection, actual: int) -> None:
    """Make a tuplet of the selected note and those after it, or plain notes of a tuplet.

    Raises:
        EditError: The notes from the selected one on do not fill a tuplet.
    """
    if selection.tuplet is not None:
        _remove_tuplet(selection)
        return
    selection.event("a place in a tuplet")
    inside: list[Chord | Rest] = []
    for item in selection.row[selection.spot.at :]:
        if not isinstance(item, Chord | Rest):
            break
        inside.append(item)
        if _fill(inside, actual):
            unit = _written(inside) / actual
            value = Duration(unit) if unit != inside[0].duration.value else None
            tuplet = Tuplet(inside[0].id, inside[-1].id, actual, TUPLET_NORMAL[actual], value)
            selection.part.spanners.append(tuplet)
            selection.part.put_row(selection.spot, selection.row)
            return
    raise EditError(f"the notes from here on do not fill a tuplet of {actual}")


def _remove_tuplet(selection: Selection) -> None:
    tuplet = selection.tuplet
    assert tuplet is not None
    selection.part.set_spanner(tuplet, None)
    selection.part.put_row(selection.spot, selection.row)


def _fill(events: Iterable[Event], actual: int) -> bool:
    """Whether notes and rests fill a tuplet: their total length is that of `actual` notes of one plain value.

    That value is the shortest among them or longer: a triplet may consist of a quarter and an eighth, or of a
    dotted eighth, a sixteenth and an eighth.
    """
    timed = [e for e in events if isinstance(e, Rest) or (isinstance(e, Chord) and not e.grace)]
    if not timed:
        return False
    unit = _written(timed) / actual
    return unit >= min(event.duration.value for event in timed) and unit in NOTE_VALUES.values()


def _written(events: Iterable[Event]) -> Fraction:
    """The total of the written durations, without grace notes."""
    timed = (e for e in events if isinstance(e, Rest) or (isinstance(e, Chord) and not e.grace))
    return sum((event.duration.length for event in timed), Fraction(0))


def set_barline(selection: Selection, kind: BarlineKind) -> None:
    """Set the kind of the selected barline.

    Raises:
        EditError: The selected symbol is not a barline.
    """
    part, spot = selection.part, selection.spot
    if selection.target.mark == "left barline" and kind != "repeat_start":
        part.put_row(spot, [item for item in selection.row if not isinstance(item, Barline)])
        insert_barline(selection, spot, kind)
    elif selection.target.mark == "barline":
        _set_right(part, spot.measure, kind)
    elif selection.target.mark != "left barline":
        raise EditError(f"only a barline has a kind; selected is: {selection.name}")


def _set_right(part: PartEditor, index: int, kind: BarlineKind) -> None:
    """Set the barline after a measure."""
    following = part.measures[index + 1] if index + 1 < len(part.measures) else None
    opens = kind in ("repeat_start", "repeat_both")
    right = _RIGHT[kind]
    if following is None or following.left_after is not None:
        right = FORWARD if kind == "repeat_start" else replace(right, style="heavy-heavy") if opens else right
    elif opens or (following.left is not None and following.left.repeat == "forward"):
        part.measures[index + 1] = replace(following, left=FORWARD if opens else None)
    part.measures[index] = replace(part.measures[index], right=right)
