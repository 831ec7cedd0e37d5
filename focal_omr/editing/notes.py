"""Edits of one note or rest: pitch, accidental, value, dots, tie, fermata, grace."""

from dataclasses import replace
from fractions import Fraction
from typing import Literal

from focal_omr.editing.edits import AccidentalSign, Value
from focal_omr.editing.selection import Selection
from focal_omr.errors import EditError
from focal_omr.score.records import NOTE_VALUES
from focal_omr.score.score import Chord, Duration, Fermata, Note, Pitch, Rest, Unpitched
from focal_omr.score.signs import STEPS, Step

__all__ = [
    "move",
    "near_pitch",
    "set_accidental",
    "set_dots",
    "set_value",
    "to_chord",
    "to_step",
    "toggle_fermata",
    "toggle_grace",
    "toggle_rest",
    "toggle_tie",
    "transposed",
]

_OCTAVE = len(STEPS)
_MIDDLE_LINE = 4  # steps above the lowest
_EIGHTH = Duration(Fraction(1, 8))
_NAMES: dict[AccidentalSign, str] = {
    "n": "natural",
    "#": "sharp",
    "##": "double-sharp",
    "b": "flat",
    "bb": "flat-flat",
}


def transposed(pitch: Pitch | Unpitched, steps: int) -> Pitch | Unpitched:
    """A pitch moved by diatonic steps, with its alteration.

    Raises:
        EditError: The result is outside of octaves 0 to 9.
    """
    octave, step = divmod(pitch.diatonic + steps, _OCTAVE)
    if not 0 <= octave <= 9:
        raise EditError("a note would be out of range")
    return replace(pitch, step=STEPS[step], octave=octave)


def move(selection: Selection, steps: int) -> None:
    """Move a note by diatonic steps; only whole octaves keep its accidental."""
    _, note = selection.note("a pitch")
    accidental = None if steps % _OCTAVE else note.accidental
    selection.put_note(replace(note, pitch=transposed(note.pitch, steps), accidental=accidental))


def to_step(selection: Selection, step: Step) -> None:
    """Change a note or rest to the nearest note of a name; for a rest, nearest to the note before it."""
    event = selection.event("a pitch")
    pitch = selection.note("a pitch")[1].pitch if isinstance(event, Chord) else near_pitch(selection)
    steps = (STEPS.index(step) - STEPS.index(pitch.step) + _OCTAVE // 2) % _OCTAVE - _OCTAVE // 2
    if isinstance(event, Rest):
        selection.put(to_chord(event, transposed(pitch, steps)))
    elif steps:
        move(selection, steps)


def near_pitch(selection: Selection) -> Pitch:
    """The pitch of the note before the selection, else of the note after it, else of the middle line."""
    for event in selection.neighbours():
        if isinstance(event, Chord) and isinstance(pitch := event.notes[-1].pitch, Pitch):
            return pitch
    octave, step = divmod(selection.part.clef(selection.spot).lowest_line + _MIDDLE_LINE, _OCTAVE)
    return Pitch(STEPS[step], octave)


def to_chord(rest: Rest, pitch: Pitch | Unpitched) -> Chord:
    """A note in place of a rest."""
    return Chord(
        id=rest.id,
        onset=rest.onset,
        duration=rest.duration,
        length=rest.length,
        notes=(Note(id=rest.id, pitch=pitch),),
        staff=rest.staff,
        cue=rest.cue,
        marks=rest.marks,
    )


def set_accidental(selection: Selection, sign: AccidentalSign | None) -> None:
    """Set the printed accidental of a note."""
    _, note = selection.note("an accidental")
    selection.put_note(replace(note, accidental=None if sign is None else _NAMES[sign]))


def set_value(selection: Selection, value: Value) -> None:
    """Set the value of a note or rest, without dots."""
    event = selection.event("a value")
    selection.put(replace(event, duration=Duration(NOTE_VALUES[value])))


def set_dots(selection: Selection, dots: int) -> None:
    """Set the number of dots of a note or rest."""
    event = selection.event("dots")
    selection.put(replace(event, duration=replace(event.duration, dots=dots)))


def toggle_fermata(selection: Selection) -> None:
    """Toggle the fermata of a note or rest."""
    event = selection.event("a fermata")
    others = tuple(mark for mark in event.marks if not isinstance(mark, Fermata))
    held = len(others) < len(event.marks)
    selection.put(replace(event, marks=others if held else (*others, Fermata(placement="above"))))


def toggle_grace(selection: Selection) -> None:
    """Change a note to a grace note, or back."""
    chord, _ = selection.note("a size")
    small: Literal["slash", "plain"] = "slash" if chord.duration == _EIGHTH else "plain"
    selection.put(replace(chord, grace=None if chord.grace else small))


def toggle_tie(selection: Selection) -> None:
    """Toggle the tie to the next note."""
    _, note = selection.note("a tie")
    selection.put_note(replace(note, tie_to="" if note.tie_to is None else None))


def toggle_rest(selection: Selection) -> None:
    """Change a note to a rest, without accidental and ties, or a rest to a note.

    Raises:
        EditError: The selected symbol is a grace note, or neither a note nor a rest.
    """
    event = selection.event("a value")
    if isinstance(event, Rest):
        selection.put(to_chord(event, near_pitch(selection)))
        return
    if event.grace:
        raise EditError("a grace note cannot become a rest")
    selection.put(to_rest(selection, event))


def to_rest(selection: Selection, chord: Chord) -> Rest:
    """A rest in place of a chord, whose ties end."""
    selection.untie(chord)
    fermata = tuple(mark for mark in chord.marks if isinstance(mark, Fermata))
    return Rest(
        id=chord.id,
        onset=chord.onset,
        duration=chord.duration,
        length=chord.length,
        staff=chord.staff,
        cue=chord.cue,
        marks=fermata,
    )
