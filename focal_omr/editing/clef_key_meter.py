"""Edits of clefs, keys and meters.

Note heads and printed accidentals stay where they are: a new clef renames the notes, a new key changes their
alterations, a new meter the length of measure rests, up to the next such sign.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

from focal_omr.editing.hearing import map_notes
from focal_omr.editing.notes import transposed
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.part_rows import DEFAULT_CLEF, Spot
from focal_omr.editing.printed import Target
from focal_omr.editing.selection import Selection
from focal_omr.errors import EditError
from focal_omr.score.score import Chord, Clef, Event, Key, Meter, Note, Rest, Sign

__all__ = ["ClefKeyMeter", "change_sign", "delete_sign", "insert_sign", "set_sign"]

ClefKeyMeter: TypeAlias = Clef | Key | Meter
_ORDER: tuple[type[ClefKeyMeter], ...] = (Clef, Key, Meter)  # in printed order


def set_sign(selection: Selection, value: ClefKeyMeter) -> None:
    """Set a clef, key or meter at the selected symbol: change one that stands there, or insert it."""
    row, group = selection.row, _group(selection)
    kinds = {index: type(item.value) for index in group if isinstance(item := row[index], Sign)}
    same = [index for index, kind in kinds.items() if kind is type(value)]
    if same:
        index = selection.spot.at if selection.spot.at in same else same[-1]
        change_sign(selection, selection.spot._replace(at=index), value)
    else:
        earlier = [i for i, kind in kinds.items() if kind in _ORDER[: _ORDER.index(type(value))]]
        index = earlier[-1] + 1 if earlier else group.start
        insert_sign(selection, selection.spot._replace(at=index), value)


def _group(selection: Selection) -> range:
    """The places in the row of the consecutive signs that a new sign here joins; may be empty.

    Raises:
        EditError: The place is inside a tuplet.
    """
    row, first = selection.row, selection.spot.at
    last = first
    while last < len(row) and isinstance(row[last], Sign):
        last += 1
    tuplet = selection.part.tuplet(selection.spot) if "barline" not in selection.target.mark else None
    if tuplet is not None and (selection.target.id != tuplet.start or selection.target.mark == "tuplet end"):
        raise EditError("a clef, key or meter cannot stand inside a tuplet")
    while first > 0 and isinstance(row[first - 1], Sign):
        first -= 1
    return range(first, last)


def change_sign(selection: Selection, spot: Spot, value: ClefKeyMeter) -> None:
    """Replace a sign by one of the same kind.

    Args:
        selection: The selection, which becomes the sign.
        spot: The place of the sign.
        value: The new one.
    """
    part = selection.part
    row = part.row(spot)
    sign = row[spot.at]
    assert isinstance(sign, Sign)
    row[spot.at] = replace(sign, value=value)
    part.put_row(spot, row)
    selection.target = Target(sign.id)
    _follow(part, spot._replace(at=spot.at + 1), sign.value, value)


def insert_sign(selection: Selection, spot: Spot, value: ClefKeyMeter) -> None:
    """Insert a sign.

    Args:
        selection: The selection, which becomes the sign.
        spot: The gap.
        value: The clef, key or meter.
    """
    part = selection.part
    old = part.clef(spot) if isinstance(value, Clef) else part.key(spot)
    row = part.row(spot)
    id_ = part.new_id(part.measures[spot.measure].id)
    staff = spot.staff if isinstance(value, Clef) else None
    row.insert(spot.at, Sign(Fraction(0), value, staff, id=id_))
    part.put_row(spot, row)
    selection.target = Target(id_)
    _follow(part, spot._replace(at=spot.at + 1), old, value)


def delete_sign(selection: Selection, restated: str | None = None) -> None:
    """Delete the selected sign: the one before it stays in force.

    Args:
        selection: The selection.
        restated: Id of the first event before which the sign is printed again, at the beginning of a system,
            and stays in force; None: it is not.
    """
    part, spot = selection.part, selection.spot
    sign = selection.row[spot.at]
    assert isinstance(sign, Sign)
    if restated is not None:
        again = part.find(restated)
        row = part.row(again)
        row.insert(again.at, replace(sign, id=part.new_id(sign.id)))
        part.put_row(again, row)
    row = part.row(spot)
    del row[spot.at]
    part.put_row(spot, row)
    _follow(part, spot, sign.value, part.clef(spot) if isinstance(sign.value, Clef) else part.key(spot))


def _follow(part: PartEditor, spot: Spot, old: object, new: object) -> None:
    """Draw the consequences of a sign that changed, up to the next one of its kind.

    Args:
        part: The part.
        spot: The place after the sign.
        old: The clef, key or meter that was in force there.
        new: The one in force now.
    """
    if old == new:
        return
    if isinstance(new, Clef):
        steps = new.lowest_line - (old if isinstance(old, Clef) else DEFAULT_CLEF).lowest_line
        _rename(part, spot, steps)
        return
    kind = Key if isinstance(old, Key) and isinstance(new, Key) else Meter
    for index in range(spot.measure, len(part.measures)):
        if kind is Key:
            part.touch(index)
        if index > spot.measure and any(isinstance(s.value, kind) for s in part.measures[index].signs):
            return
        for voice in part.measures[index].voices if kind is Meter else ():
            if len(voice.events) == 1 and isinstance(voice.events[0], Rest):
                whole = Spot(index, voice.number, voice.events[0].staff, 0)
                part.put_row(whole, part.row(whole))  # a measure rest takes the length of the meter


def _rename(part: PartEditor, spot: Spot, steps: int) -> None:
    """Move the notes of a staff by diatonic steps, from a place to its next clef."""
    for index in range(spot.measure, len(part.measures)):
        measure = part.measures[index]
        row = part.row(spot._replace(measure=index))
        begin = spot.at if index == spot.measure else 0
        clefs = (
            n for n, i in enumerate(row) if n >= begin and isinstance(i, Sign) and isinstance(i.value, Clef)
        )
        end = next(clefs, None)
        reached = {
            note.id
            for event in _between(part, spot._replace(measure=index), begin, end)
            for note in event.notes
            if (note.staff or event.staff) == spot.staff
        }

        def renamed(note: Note, reached: set[str] = reached) -> Note:
            return replace(note, pitch=transposed(note.pitch, steps)) if note.id in reached else note

        part.measures[index] = map_notes(measure, renamed)
        part.touch(index)
        if end is not None:
            return


def _between(part: PartEditor, spot: Spot, begin: int, end: int | None) -> Iterator[Chord]:
    """The chords of a measure between two places of a row; in other voices, at the same moments."""
    row = part.row(spot)
    own = [item for item in row[begin:end] if isinstance(item, Chord)]
    yield from own
    before = [item for item in row[:begin] if isinstance(item, Event)]
    after = [item for item in row[end:] if isinstance(item, Event)] if end is not None else []
    first = before[-1].onset + before[-1].length if before else Fraction(0)
    last = after[0].onset if after else None
    for voice in part.measures[spot.measure].voices:
        for event in voice.events if voice.number != spot.voice else ():
            if isinstance(event, Chord) and first <= event.onset and (last is None or event.onset < last):
                yield event
