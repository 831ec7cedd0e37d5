"""Replacement of a symbol by any semantic token."""

from dataclasses import replace
from fractions import Fraction

from focal_omr.editing.clef_key_meter import ClefKeyMeter, change_sign, insert_sign
from focal_omr.editing.edits import check_token
from focal_omr.editing.hearing import ALTERS
from focal_omr.editing.insert_delete import delete, insert_barline, insert_event, set_barline
from focal_omr.editing.notes import to_rest
from focal_omr.editing.part_rows import Spot
from focal_omr.editing.printed import Target
from focal_omr.editing.selection import Selection
from focal_omr.encodings.one_voice import ACCIDENTAL_NAMES, NO_BARLINE, to_score
from focal_omr.encodings.semantic import TUPLET_NORMAL, parse_barline, parse_sign
from focal_omr.errors import EditError
from focal_omr.score import records
from focal_omr.score.score import Chord, Duration, Event, Measure, MultiRest, Pitch, Rest, Sign, Voice

ClefKeyMeterRecord = records.Clef | records.Key | records.Meter

__all__ = ["as_score_sign", "set_token"]


def as_score_sign(sign: ClefKeyMeterRecord) -> ClefKeyMeter:
    """The clef, key or meter of a one-voice score as that of a whole score."""
    value = _measures(sign)[0].signs[0].value
    assert isinstance(value, ClefKeyMeter)
    return value


def _measures(event: records.Event) -> tuple[Measure, ...]:
    """The measures of one event alone."""
    return to_score(records.Score((records.Part((records.Measure((event,), None),)),))).parts[0].measures


def set_token(selection: Selection, token: str) -> None:
    """Replace the selected symbol by that of a token, with the consequences of clefs, keys and meters.

    Raises:
        EditError: An unknown token, or one that cannot stand here.
    """
    check_token(token)
    part, item, mark = selection.part, selection.item, selection.target.mark
    new, kind = parse_sign(token), parse_barline(token)
    sign = as_score_sign(new) if isinstance(new, ClefKeyMeterRecord) else None
    if isinstance(item, Sign) and type(item.value) is type(sign) and sign is not None:
        change_sign(selection, selection.spot, sign)
    elif kind is not None and "barline" in mark:
        set_barline(selection, kind)
    elif mark == "" and isinstance(item, Chord | Rest) and isinstance(new, records.Note | records.Rest):
        if not selection.is_multirest:
            _replace_event(selection, item, new)
            return
    elif mark == "tuplet" and token.startswith("tuplet-") and token != "tuplet-end":
        tuplet, actual = selection.tuplet, int(token.partition("-")[2])
        assert tuplet is not None
        part.set_spanner(tuplet, replace(tuplet, actual=actual, normal=TUPLET_NORMAL[actual]))
        part.put_row(selection.spot, selection.row)
    elif token != selection.token:
        _put(selection, token)


def _replace_event(selection: Selection, old: Chord | Rest, new: records.Note | records.Rest) -> None:
    """Replace a note or rest by another one, which keeps its ties if it is a note, and its place."""
    event = _measures(new)[0].voices[0].events[0]
    old = to_rest(selection, old) if isinstance(old, Chord) and isinstance(event, Rest) else old
    event = replace(event, id=old.id, onset=old.onset, staff=old.staff)
    if isinstance(event, Chord):
        (note,) = event.notes
        assert isinstance(note.pitch, Pitch)
        same = old.notes[-1] if isinstance(old, Chord) else None
        key = selection.part.key(selection.spot)
        reminded = same is not None and ALTERS.get(same.accidental or "") == key.alter(same.pitch.step)
        own = note.pitch.alter if reminded or note.pitch.alter != key.alter(note.pitch.step) else None
        sign = None if own is None else ACCIDENTAL_NAMES[own]
        tie = same.tie_to if same is not None else None
        event = replace(event, notes=(replace(note, id=old.id, accidental=sign, tie_to=tie),))
    selection.put(event)


def _put(selection: Selection, token: str) -> None:
    """Remove the selected symbol and put the one of a token into its place."""
    part, new, kind = selection.part, parse_sign(token), parse_barline(token)
    if selection.is_gap:
        spot = selection.spot
    else:
        after = selection.target.mark in ("tie", "tuplet end")
        spot = selection.spot._replace(at=selection.spot.at + after)
        delete(selection)
    row = part.row(spot)
    before, after_it = (row[n] if 0 <= n < len(row) else None for n in (spot.at - 1, spot.at))
    if isinstance(new, records.Note | records.Rest):
        id_ = part.new_id(part.measures[spot.measure].id)
        rest = Rest(
            id=id_, onset=Fraction(0), duration=Duration(Fraction(1)), length=Fraction(0), staff=spot.staff
        )
        insert_event(selection, spot, rest)
        placed = Selection(part, selection.target)
        _replace_event(placed, rest, new)
    elif token == "tie" and isinstance(before, Chord):
        tied = Selection(part, Target(before.notes[-1].id))
        tied.put_note(replace(before.notes[-1], tie_to=""))
        selection.target = Target(before.notes[-1].id, "tie")
    elif (
        token == "accidental" and isinstance(after_it, Chord) and isinstance(after_it.notes[-1].pitch, Pitch)
    ):
        note = after_it.notes[-1]
        marked = Selection(part, Target(note.id))
        name = ACCIDENTAL_NAMES[part.key(spot).alter(note.pitch.step)]
        marked.put_note(replace(note, accidental=name))
        selection.target = Target(note.id, "accidental")
    elif part.in_tuplet(spot) or (
        kind is None and not isinstance(new, ClefKeyMeterRecord | records.MultiRest)
    ):
        raise EditError(f"{token!r} cannot stand here")
    elif kind is not None:
        insert_barline(selection, spot, kind)
    elif isinstance(new, records.MultiRest):
        _insert_multirest(selection, spot, new.bars)
    elif isinstance(new, ClefKeyMeterRecord):
        insert_sign(selection, spot, as_score_sign(new))
    else:
        raise EditError(f"{token!r} cannot stand here")


def _insert_multirest(selection: Selection, spot: Spot, bars: int) -> None:
    """Insert a multi-measure rest at a gap, in measures of its own; the selection becomes it."""
    part = selection.part
    spot = part.room(spot)
    for behind in (True, False):
        row = part.row(spot)
        if any(isinstance(item, Event) for item in (row[: spot.at] if behind else row[spot.at :])):
            part.split(spot, NO_BARLINE)
            spot = part.opening(spot.measure + 1, spot.staff) if behind else spot
    measure, meter = part.measures[spot.measure], part.meter(spot.measure)
    length = (meter.length if meter else None) or Fraction(1)
    id_ = part.new_id(measure.id)
    made = []
    for number in range(1, bars + 1):
        own = f"{id_}.{number}"
        rest = Rest(
            id=own,
            onset=Fraction(0),
            duration=Duration(Fraction(1)),
            length=length,
            staff=spot.staff,
            measure=True,
        )
        last = number == bars
        one = Measure(id=measure.id if last else f"{own}m", number="", voices=(Voice(1, (rest,)),))
        made.append(replace(one, right=measure.right) if last else one)
    made[0] = replace(
        made[0],
        signs=measure.signs,
        multirest=MultiRest(bars),
        left=measure.left,
        left_after=measure.left_after,
        break_before=measure.break_before,
    )
    part.measures[spot.measure : spot.measure + 1] = made
    selection.target = Target(f"{id_}.1")
