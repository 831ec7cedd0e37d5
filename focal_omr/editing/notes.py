"""Changes of one note or rest: pitch, accidental, value, dots, tie, fermata, grace."""

from dataclasses import replace

from focal_omr.editing.edits import AccidentalSign
from focal_omr.editing.part_staves import Passage
from focal_omr.editing.spelling import moved
from focal_omr.editing.staff_editor import Draft
from focal_omr.encodings.semantic import note_token, sign_token
from focal_omr.errors import MendError
from focal_omr.score.records import STEPS, Duration, Note, Pitch, Rest, Step

_OCTAVE = len(STEPS)
_MIDDLE_LINE = 4  # steps above the lowest
_ALTERS: dict[AccidentalSign, int] = {"n": 0, "#": 1, "##": 2, "b": -1, "bb": -2}


def move(draft: Draft, steps: int) -> None:
    """A note up or down; its accidental stays with it by octaves alone."""
    draft.selected, note = draft.note(draft.selected, has="a pitch")
    accidental = None if steps % _OCTAVE else draft.accidental(draft.selected)
    draft.put_note(draft.selected, replace(note, pitch=moved(note.pitch, steps)), accidental)


def to_step(draft: Draft, step: Step) -> None:
    """The nearest note of a name; a rest becomes the one nearest to the note before it."""
    draft.selected, event = draft.note_or_rest(draft.selected, has="a pitch")
    pitch = event.pitch if isinstance(event, Note) else near_pitch(draft, draft.selected)
    steps = (STEPS.index(step) - STEPS.index(pitch.step) + _OCTAVE // 2) % _OCTAVE - _OCTAVE // 2
    if isinstance(event, Note):
        if steps:
            move(draft, steps)
        else:
            draft.set_token(draft.selected, draft.token(draft.selected))
        return
    note = Note(moved(pitch, steps), event.duration, fermata=event.fermata)
    draft.put_note(draft.selected, note, None)


def near_pitch(draft: Draft, index: int) -> Pitch:
    """The pitch of the note before a symbol, else of the one after it, else of the middle line."""
    for place in (*range(index - 1, -1, -1), *range(index + 1, len(draft.symbols))):
        event = draft.event(place)
        if isinstance(event, Note):
            return event.pitch
    octave, step = divmod(draft.clef(index).lowest_line + _MIDDLE_LINE, _OCTAVE)
    return Pitch(STEPS[step], octave)


def set_accidental(draft: Draft, sign: AccidentalSign | None) -> None:
    """The accidental printed before a note."""
    draft.selected, note = draft.note(draft.selected, has="an accidental")
    draft.put_note(draft.selected, note, None if sign is None else _ALTERS[sign])


def set_value(draft: Draft, value: str) -> None:
    """The value of a note or rest; its dots go."""
    draft.selected, event = draft.note_or_rest(draft.selected, has="a value")
    _put_plain(draft, replace(event, duration=Duration(value)))


def set_dots(draft: Draft, dots: int) -> None:
    """The dots of a note or rest."""
    draft.selected, event = draft.note_or_rest(draft.selected, has="dots")
    _put_plain(draft, replace(event, duration=replace(event.duration, dots=dots)))


def toggle_fermata(draft: Draft) -> None:
    """A fermata over a note or rest, or none."""
    draft.selected, event = draft.note_or_rest(draft.selected, has="a fermata")
    _put_plain(draft, replace(event, fermata=not event.fermata))


def toggle_grace(draft: Draft) -> None:
    """A grace note or a full one."""
    draft.selected, note = draft.note(draft.selected, has="a size")
    _put_plain(draft, replace(note, grace=not note.grace))


def _put_plain(draft: Draft, event: Note | Rest) -> None:
    """A note or rest in the place of the selected one, which has the same pitch."""
    token = note_token(event) if isinstance(event, Note) else sign_token(event)
    draft.set_token(draft.selected, token)


def toggle_tie(draft: Draft) -> None:
    """A tie to the next note, or none."""
    draft.selected, _ = draft.note(draft.selected, has="a tie")
    ties = draft.ties(draft.selected)
    for tie in reversed(ties):
        draft.remove(tie)
    if not ties:
        draft.insert(draft.selected + 1, "tie")


def toggle_rest(passage: Passage) -> None:
    """A note becomes a rest, without accidental and ties; a rest becomes a note near the one before."""
    draft = passage.draft
    draft.selected, event = draft.note_or_rest(draft.selected, has="a value")
    if isinstance(event, Rest):
        note = Note(near_pitch(draft, draft.selected), event.duration, fermata=event.fermata)
        draft.put_note(draft.selected, note, None)
        return
    if event.grace:
        raise MendError("a grace note cannot become a rest")
    strip(passage, draft.selected)
    draft.put_rest(draft.selected, Rest(event.duration, event.fermata))


def strip(passage: Passage, index: int) -> None:
    """What belongs to a note of the mended staff goes: its accidental, its ties, the tie that leads to it."""
    draft = passage.draft
    for tie in reversed(draft.ties(index)):
        draft.remove(tie)
    before = passage.tie_before(index)
    if (start := draft.start(index)) < index:
        draft.remove(start)
    if before:
        other, tie = before
        other.remove(tie)
