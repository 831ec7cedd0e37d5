"""The records that are compared: printed notes, bar by bar.

Each printed note counts with its written duration, so two tied notes count twice. Grace notes, rests and
invisible notes are not compared; a bar of rests is a bar without notes, however it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from focal_omr.errors import NotationError

__all__ = ["NoteEvent", "VoicedBar", "VoicedPart", "choose_part"]

_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "x"}


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """A printed note.

    Attributes:
        bar: Index of its bar in the part, from 1; a pickup is bar 1.
        onset: Quarters from the beginning of its bar.
        step: C .. B.
        alter: Semitones above the step, as it sounds; 0.5 for a quarter tone.
        octave: Scientific; C4 is middle C.
        duration: Quarters, including dots and tuplets.
    """

    bar: int
    onset: Fraction
    step: str
    alter: float
    octave: int
    duration: Fraction

    @property
    def pitch(self) -> tuple[str, float, int]:
        """The spelled pitch: F sharp is not G flat."""
        return self.step, self.alter, self.octave

    @property
    def written(self) -> tuple[str, float, int, Fraction]:
        """Spelled pitch and duration, which both have to be read right."""
        return *self.pitch, self.duration

    def __str__(self) -> str:
        sign = _SIGNS.get(self.alter)  # type: ignore[call-overload]  # 1.0 is 1 as a key
        return f"{self.step}{f'({self.alter:+g})' if sign is None else sign}{self.octave}:{self.duration}"


@dataclass(frozen=True)
class VoicedBar:
    """A bar of one staff, with all its voices.

    Attributes:
        index: Position in the document, from 1.
        number: Number in the document; "" if it has none. A score of two movements may use a number twice.
        notes: In order of onset.
        length: Duration of the bar in quarters.
        has_chord: It holds a chord or two voices.
    """

    index: int
    number: str = ""
    notes: tuple[NoteEvent, ...] = ()
    length: Fraction = Fraction(0)
    has_chord: bool = False


@dataclass(frozen=True)
class VoicedPart:
    """The bars of one staff.

    Attributes:
        name: Name of the part; "" if it has none.
        bars: All bars.
        source: Id of the MusicXML part; "" for other formats.
    """

    name: str
    bars: tuple[VoicedBar, ...]
    source: str = ""

    @property
    def notes(self) -> list[NoteEvent]:
        """All notes of the part."""
        return [note for bar in self.bars for note in bar.notes]


def choose_part(parts: Sequence[VoicedPart], wanted: str) -> int:
    """Find a part by name or number; returns its index, from 0.

    Args:
        parts: The parts of a score.
        wanted: A name, in which case, "_" and blanks do not matter; or a number from 1.

    Raises:
        NotationError: There is no such part, or several have that name.
    """

    def plain(name: str) -> str:
        return " ".join(name.replace("_", " ").casefold().split())

    found = [index for index, part in enumerate(parts) if plain(part.name) == plain(wanted)]
    if len(found) == 1:
        return found[0]
    if not found and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(parts):
        return int(wanted) - 1
    named = ", ".join(f"{number} {part.name!r}" for number, part in enumerate(parts, 1))
    raise NotationError(f"{len(found) or 'no'} parts named {wanted!r}; needed is one of: {named}")
