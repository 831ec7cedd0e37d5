"""What the token of a note says of its print, and pitches up and down the staff."""

from focal_omr.errors import EditError
from focal_omr.score.records import STEPS, Key, Note, Pitch


def printed_accidental(note: Note, key: Key, *, marked: bool) -> int | None:
    """The alteration that the printed accidental of a note's token names; None: none is printed."""
    return note.pitch.alter if marked or note.pitch.alter != key.alter(note.pitch.step) else None


def moved(pitch: Pitch, steps: int) -> Pitch:
    """A pitch some steps up the staff, its alteration as it was. Raises EditError beyond octaves 0 to 9."""
    octave, step = divmod(pitch.diatonic + steps, len(STEPS))
    if not 0 <= octave <= 9:
        raise EditError("a note would be out of range")
    return Pitch(STEPS[step], octave, pitch.alter)
