"""Conversion between printed accidentals and sounding pitches."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from focal_omr.score.records import NO_KEY, Event, Key, Note, Part, Tuplet, open_tie

__all__ = ["AccidentalState", "map_notes", "print_accidentals", "sound_accidentals"]


@dataclass
class AccidentalState:
    """Alterations in force: the key signature and the accidentals printed earlier in the bar.

    An accidental holds to the end of its bar for its own step and octave; a tie carries it over the barline
    for that one note.
    """

    key: Key = NO_KEY
    _printed: dict[tuple[str, int], int] = field(default_factory=dict)
    _tied: Note | None = None

    def barline(self) -> None:
        """Clear the accidentals of the bar; a tie over the barline stays."""
        self._printed.clear()

    def set_key(self, key: Key) -> None:
        """Change the key signature, which also cancels earlier accidentals of the bar."""
        self.key = key
        self._printed.clear()

    def expected(self, step: str, octave: int, *, grace: bool = False) -> int:
        """The alteration of a note without a printed accidental at this point.

        Args:
            step: Letter name, A to G.
            octave: Scientific octave number.
            grace: Whether the note is a grace note.

        Returns:
            Semitones, -2 .. 2.
        """
        tied = self._tied
        if tied is not None and grace and not tied.grace:
            tied = None  # the tie of a full-size note passes over grace notes
        if tied is not None and (tied.pitch.step, tied.pitch.octave) == (step, octave):
            return tied.pitch.alter
        return self._printed.get((step, octave), self.key.alter(step))

    def hear(self, note: Note) -> None:
        """Update the state with a note that was read or written."""
        if note.accidental is not None:
            self._printed[note.pitch.step, note.pitch.octave] = note.accidental
        self._tied = open_tie(self._tied, note)


def map_notes(part: Part, change: Callable[[Note, AccidentalState], Note]) -> Part:
    """The part with every note replaced by `change(note, state)`, with the state before the note."""
    state = AccidentalState()

    def mapped(event: Event) -> Event:
        match event:
            case Key():
                state.set_key(event)
            case Tuplet():
                inner = tuple(mapped(e) for e in event.events)
                return replace(event, events=inner)  # type: ignore[arg-type]  # Note and Rest stay what they are
            case Note():
                changed = change(event, state)
                state.hear(changed)
                return changed
        return event

    measures = []
    for measure in part.measures:
        measures.append(replace(measure, events=tuple(mapped(event) for event in measure.events)))
        state.barline()
    return replace(part, measures=tuple(measures))


def print_accidentals(part: Part) -> Part:
    """The part with a printed accidental on exactly the notes whose sounding pitch needs one.

    For scores from formats that encode sounding pitches only (MIDI, kern, ABC).
    """

    def printed(note: Note, state: AccidentalState) -> Note:
        needed = note.pitch.alter != state.expected(note.pitch.step, note.pitch.octave, grace=note.grace)
        return replace(note, accidental=note.pitch.alter if needed else None)

    return map_notes(part, printed)


def sound_accidentals(part: Part) -> Part:
    """The part with sounding pitches derived from key signature, printed accidentals and their carry."""

    def sounding(note: Note, state: AccidentalState) -> Note:
        step, octave = note.pitch.step, note.pitch.octave
        alter = state.expected(step, octave, grace=note.grace) if note.accidental is None else note.accidental
        if note.pitch.alter == alter:
            return note
        return replace(note, pitch=replace(note.pitch, alter=alter))

    return map_notes(part, sounding)
