"""State of a staff: clef, key, accidentals of the measure, octave line and open ties.

Columns are written and read with the same state, so that a pitch is written with an accidental exactly where
it would be read wrong without.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction

from focal_omr.encodings.columns import NoteColumn
from focal_omr.score.score import Clef, Key

__all__ = ["ALTERS", "OpenTie", "StaffState"]

# Alteration in semitones that a printed accidental means.
ALTERS = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "flat-flat": -2}


@dataclass(frozen=True, slots=True)
class OpenTie:
    """A tie that begins at a note: the note's id, alteration and stem, and where it ends in the piece."""

    note: str
    alter: int
    end: Fraction
    stem: int


@dataclass
class StaffState:
    """The state of one staff; times are whole notes from the beginning of the piece.

    Attributes:
        accidentals: Alterations of this measure by diatonic step.
        octaves: Octaves by which the notes sound above what is printed (an octave line).
        ties: Open ties by diatonic step.
    """

    clef: Clef = field(default_factory=lambda: Clef("G", 2))
    key: Key = field(default_factory=lambda: Key(0))
    accidentals: dict[int, int] = field(default_factory=dict)
    octaves: int = 0
    ties: dict[int, list[OpenTie]] = field(default_factory=dict)

    def step(self, position: int) -> int:
        """`Pitch.diatonic` of a head at a position."""
        return position + self.clef.lowest_line + 7 * self.octaves

    def position(self, step: int) -> int:
        """The position at which a diatonic step is printed."""
        return step - self.clef.lowest_line - 7 * self.octaves

    def tie_before(self, step: int, begin: Fraction) -> OpenTie | None:
        """The tie that leads to a head without accidental: of those of its step that ended by then, the
        last.

        A tie that ended earlier leads here too: notes of a written-out arpeggio are tied to a chord.
        """
        ended = [tie for tie in self.ties.get(step, ()) if tie.end <= begin]
        return max(ended, key=lambda tie: tie.end, default=None)

    def alter(self, step: int, begin: Fraction) -> int:
        """Alteration in semitones of a head without accidental."""
        before = self.tie_before(step, begin)
        if before is not None:
            return before.alter
        return self.accidentals.get(step, self.key.alter("CDEFGAB"[step % 7]))

    def take_tie(
        self, step: int, alter: int, begin: Fraction, stem: int, beside: Collection[int]
    ) -> OpenTie | None:
        """Removes and returns the open tie that leads to a note, None if there is none.

        Args:
            step: Diatonic step of the note.
            alter: Its alteration in semitones.
            begin: Where it begins.
            stem: Its stem.
            beside: Stems of other heads at its position; a tie from one of them leads to that head.
        """
        ended = [
            tie
            for tie in self.ties.get(step, ())
            if tie.end <= begin and tie.alter == alter and (tie.stem == stem or tie.stem not in beside)
        ]
        if not ended:
            return None
        found = max(ended, key=lambda tie: (tie.end, tie.stem == stem))
        self.ties[step].remove(found)
        return found

    def end_ties(self, column: NoteColumn, begin: Fraction) -> None:
        """Ends the ties that a rest follows: they lead to no later note.

        Args:
            column: The rest, and what begins with it.
            begin: Where it begins.
        """
        rests = {stem for stem, group in enumerate(column.groups) if group and not group.heads}
        alone = not any(group and group.heads for group in column.groups)
        if not rests or any(group and group.duration is None for group in column.groups):
            return
        for step, ties in self.ties.items():
            self.ties[step] = [t for t in ties if t.end > begin or not (alone or t.stem in rests)]

    def open_tie(self, step: int, tie: OpenTie) -> None:
        """A tie begins."""
        self.ties.setdefault(step, []).append(tie)

    def end_measure(self, begun: Fraction) -> None:
        """Accidentals hold to the barline; a tie waits to the end of the measure after its note.

        Args:
            begun: Where the measure that ends began.
        """
        self.accidentals.clear()
        for step in [*self.ties]:
            self.ties[step] = [tie for tie in self.ties[step] if tie.end > begun]
