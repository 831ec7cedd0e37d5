"""Edits of one note or rest: pitch, accidental, value, dots, tie, fermata, grace."""

from dataclasses import replace

from focal_omr.editing.edits import AccidentalSign
from focal_omr.editing.part_staves import PartEditor
from focal_omr.editing.staff_editor import StaffEditor, transpose_diatonic
from focal_omr.encodings.semantic import note_token, sign_token
from focal_omr.errors import EditError
from focal_omr.score.records import STEPS, Duration, Note, Pitch, Rest, Step

_OCTAVE = len(STEPS)
_MIDDLE_LINE = 4  # steps above the lowest
_ALTERS: dict[AccidentalSign, int] = {"n": 0, "#": 1, "##": 2, "b": -1, "bb": -2}


def move(editor: StaffEditor, steps: int) -> None:
    """Move a note by diatonic steps; only whole octaves keep its accidental."""
    editor.selected, note = editor.note(editor.selected, has="a pitch")
    accidental = None if steps % _OCTAVE else editor.accidental(editor.selected)
    editor.put_note(editor.selected, replace(note, pitch=transpose_diatonic(note.pitch, steps)), accidental)


def to_step(editor: StaffEditor, step: Step) -> None:
    """Change a note or rest to the nearest note of a name; for a rest, nearest to the note before it."""
    editor.selected, event = editor.note_or_rest(editor.selected, has="a pitch")
    pitch = event.pitch if isinstance(event, Note) else near_pitch(editor, editor.selected)
    steps = (STEPS.index(step) - STEPS.index(pitch.step) + _OCTAVE // 2) % _OCTAVE - _OCTAVE // 2
    if isinstance(event, Note):
        if steps:
            move(editor, steps)
        else:
            editor.set_token(editor.selected, editor.token(editor.selected))
        return
    note = Note(transpose_diatonic(pitch, steps), event.duration, fermata=event.fermata)
    editor.put_note(editor.selected, note, None)


def near_pitch(editor: StaffEditor, index: int) -> Pitch:
    """The pitch of the note before a symbol, else of the note after it, else of the middle line."""
    for place in (*range(index - 1, -1, -1), *range(index + 1, len(editor.symbols))):
        event = editor.event(place)
        if isinstance(event, Note):
            return event.pitch
    octave, step = divmod(editor.clef(index).lowest_line + _MIDDLE_LINE, _OCTAVE)
    return Pitch(STEPS[step], octave)


def set_accidental(editor: StaffEditor, sign: AccidentalSign | None) -> None:
    """Set the printed accidental of a note."""
    editor.selected, note = editor.note(editor.selected, has="an accidental")
    editor.put_note(editor.selected, note, None if sign is None else _ALTERS[sign])


def set_value(editor: StaffEditor, value: str) -> None:
    """Set the value of a note or rest, without dots."""
    editor.selected, event = editor.note_or_rest(editor.selected, has="a value")
    _put_plain(editor, replace(event, duration=Duration(value)))


def set_dots(editor: StaffEditor, dots: int) -> None:
    """Set the number of dots of a note or rest."""
    editor.selected, event = editor.note_or_rest(editor.selected, has="dots")
    _put_plain(editor, replace(event, duration=replace(event.duration, dots=dots)))


def toggle_fermata(editor: StaffEditor) -> None:
    """Toggle the fermata of a note or rest."""
    editor.selected, event = editor.note_or_rest(editor.selected, has="a fermata")
    _put_plain(editor, replace(event, fermata=not event.fermata))


def toggle_grace(editor: StaffEditor) -> None:
    """Change a note to a grace note, or back."""
    editor.selected, note = editor.note(editor.selected, has="a size")
    _put_plain(editor, replace(note, grace=not note.grace))


def _put_plain(editor: StaffEditor, event: Note | Rest) -> None:
    """Replace the selected note or rest by one of the same pitch."""
    token = note_token(event) if isinstance(event, Note) else sign_token(event)
    editor.set_token(editor.selected, token)


def toggle_tie(editor: StaffEditor) -> None:
    """Toggle the tie to the next note."""
    editor.selected, _ = editor.note(editor.selected, has="a tie")
    ties = editor.ties(editor.selected)
    for tie in reversed(ties):
        editor.remove(tie)
    if not ties:
        editor.insert(editor.selected + 1, "tie")


def toggle_rest(part: PartEditor) -> None:
    """Change a note to a rest, without accidental and ties, or a rest to a note.

    Raises:
        EditError: The selected symbol is a grace note, or neither a note nor a rest.
    """
    editor = part.editor
    editor.selected, event = editor.note_or_rest(editor.selected, has="a value")
    if isinstance(event, Rest):
        note = Note(near_pitch(editor, editor.selected), event.duration, fermata=event.fermata)
        editor.put_note(editor.selected, note, None)
        return
    if event.grace:
        raise EditError("a grace note cannot become a rest")
    strip(part, editor.selected)
    editor.put_rest(editor.selected, Rest(event.duration, event.fermata))


def strip(part: PartEditor, index: int) -> None:
    """Remove what belongs to a note of the edited staff: accidental, ties, and the tie that leads to it."""
    editor = part.editor
    for tie in reversed(editor.ties(index)):
        editor.remove(tie)
    before = part.tie_before(index)
    if (start := editor.start(index)) < index:
        editor.remove(start)
    if before:
        other, tie = before
        other.remove(tie)
