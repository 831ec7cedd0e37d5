"""Changes of what stands there at all: symbols put in and taken out, tuplets, barlines."""

from focal_omr.editing.clef_key_meter import delete_sign
from focal_omr.editing.notes import near_pitch
from focal_omr.editing.part_staves import Passage
from focal_omr.editing.staff_editor import Draft
from focal_omr.encodings.semantic import parse_barline, sign_token
from focal_omr.errors import MendError
from focal_omr.score.records import NOTE_VALUES, BarlineKind, Duration, Note, Rest


def delete(passage: Passage) -> None:
    """The selected symbol goes, with what has no meaning without it."""
    draft = passage.draft
    index = draft.selected
    event = draft.event(index)
    tuplet = draft.tuplet(index)
    if isinstance(event, Note | Rest):
        _delete_timed(passage, index, tuplet)
    elif draft.is_sign(index) and draft.is_used(index):
        delete_sign(passage, index)
    elif tuplet and index in tuplet:
        _remove_all(draft, tuplet)
        draft.selected = index
    elif draft.token(index) == "accidental" and draft.is_used(index):
        note, event = draft.note(index, has="an accidental")
        draft.selected = note
        draft.put_note(note, event, None)
    else:
        draft.remove(index)
        draft.selected = index
    draft.selected = draft.head(max(0, min(draft.selected, len(draft.symbols) - 1)))


def _delete_timed(passage: Passage, index: int, tuplet: tuple[int, int] | None) -> None:
    """A note or rest goes; of a tuplet that has no other the marks too."""
    draft = passage.draft
    gone = [*range(draft.start(index), index + 1), *draft.ties(index)]
    if tuplet and len(draft.timed(*tuplet)) == 1:
        gone += tuplet
    if isinstance(draft.event(index), Note) and (found := passage.tie_before(index)):
        other, tie = found
        if other is draft:
            gone.append(tie)
        else:
            other.remove(tie)
    _remove_all(draft, gone)
    draft.selected = max(gone) + 1 - len(gone)


def _remove_all(draft: Draft, indices: list[int] | tuple[int, ...]) -> None:
    for index in sorted(indices, reverse=True):
        draft.remove(index)


# Put in -----------------------------------------------------------------------------------------------------


def insert(draft: Draft, what: str, *, before: bool) -> None:
    """A note, a rest or a barline beside the selected symbol."""
    index = draft.head(draft.selected)
    if what == "barline":
        _insert_at(draft, _outside(draft, index, before=before), "barline")
        return
    at = _beside(draft, index, before=before)
    model = _nearest(draft, index, before=before)
    duration = model.duration if model else Duration("quarter")
    if what == "rest":
        _insert_at(draft, at, sign_token(Rest(duration)))
        return
    pitch = model.pitch if isinstance(model, Note) else near_pitch(draft, index)
    grace = isinstance(model, Note) and model.grace
    _insert_at(draft, at, sign_token(Rest(duration)))
    draft.put_note(at, Note(pitch, duration, grace=grace), None)


def _insert_at(draft: Draft, index: int, token: str) -> None:
    draft.insert(index, token)
    draft.selected = index


def _beside(draft: Draft, index: int, *, before: bool) -> int:
    """Where a note beside a symbol goes: into its tuplet, if that has room."""
    if not draft.symbols:
        return 0
    at = draft.start(index) if before else draft.end(index)
    tuplet = draft.tuplet(index)
    if tuplet is None or index in tuplet or not _is_full(draft, draft.timed(*tuplet), _actual(draft, tuplet)):
        return at
    first, last = tuplet
    inside = draft.timed(first, last)
    if before and index == inside[0]:
        return first
    return last + 1 if not before and index == inside[-1] else at


def _outside(draft: Draft, index: int, *, before: bool) -> int:
    """Where a barline beside a symbol goes. Raises MendError within a tuplet."""
    if not draft.symbols:
        return 0
    tuplet = draft.tuplet(index)
    if tuplet is None:
        return draft.start(index) if before else draft.end(index)
    first, last = tuplet
    inside = draft.timed(first, last)
    if before and index in (first, inside[0]):
        return first
    if not before and index in (last, inside[-1]):
        return last + 1
    raise MendError("a barline cannot stand inside a tuplet")


def _nearest(draft: Draft, index: int, *, before: bool) -> Note | Rest | None:
    """The note or rest that a new one is like: the selected one, else the nearest, looking back first."""
    back, on = range(index, -1, -1), range(index + 1, len(draft.symbols))
    for place in (*on, *back) if before and not isinstance(draft.event(index), Note | Rest) else (*back, *on):
        event = draft.event(place)
        if isinstance(event, Note | Rest):
            return event
    return None


# Tuplets and barlines ---------------------------------------------------------------------------------------


def toggle_tuplet(draft: Draft, actual: int) -> None:
    """The selected note and those that follow become a tuplet; a tuplet becomes plain notes."""
    index = draft.head(draft.selected)
    if tuplet := draft.tuplet(index):
        _remove_all(draft, tuplet)
        draft.selected = draft.head(max(0, min(draft.selected, len(draft.symbols) - 1)))
        return
    draft.selected, _ = draft.note_or_rest(index, has="a place in a tuplet")
    end = _tuplet_end(draft, draft.selected, actual)
    draft.insert(end, "tuplet-end")
    start = draft.start(draft.selected)
    draft.insert(start, f"tuplet-{actual}")


def _tuplet_end(draft: Draft, index: int, actual: int) -> int:
    """The index after the last symbol of the tuplet that begins with a note or rest."""
    inside: list[int] = []
    place = index
    while place < len(draft.symbols):
        event = draft.event(place)
        if isinstance(event, Note | Rest):
            inside.append(place)
            if _is_full(draft, inside, actual):
                return draft.end(place)
        elif draft.token(place) not in ("tie", "accidental"):
            break
        place = draft.after(place)
    raise MendError(f"the notes from here on do not fill a tuplet of {actual}")


def _actual(draft: Draft, tuplet: tuple[int, int]) -> int:
    return int(draft.token(tuplet[0]).partition("-")[2])


def _is_full(draft: Draft, inside: list[int], actual: int) -> bool:
    """Whether notes and rests are a whole tuplet: together as long as `actual` notes of one plain value.

    That value is the shortest among them or a longer one: a triplet may be of a quarter and an eighth, or of
    a dotted eighth, a sixteenth and an eighth.
    """
    events = [draft.event(index) for index in inside]
    timed = [e for e in events if isinstance(e, Rest) or (isinstance(e, Note) and not e.grace)]
    if not timed:
        return False
    total = sum(event.duration.length for event in timed) / actual
    shortest = min(NOTE_VALUES[event.duration.value] for event in timed)
    return total >= shortest and total in NOTE_VALUES.values()


def set_barline(draft: Draft, kind: BarlineKind) -> None:
    """Another kind in the place of the selected barline."""
    if parse_barline(draft.token(draft.selected)) is None:
        raise MendError(f"only a barline has a kind; selected is: {draft.name(draft.selected)}")
    draft.set_token(draft.selected, "barline" if kind == "single" else f"barline-{kind}")
