"""What is compared: the notes that are printed, bar by bar.

Each printed note counts, with the duration that is written: of two tied notes both. Grace notes, rests and
what is invisible are no notes here; a bar of rests is a bar without notes, however it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from focal_omr.errors import NotationError

__all__ = ["Bar", "NoteEvent", "VoicedPart", "choose_part"]

_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "x"}


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """A printed note.

    Attributes:
        bar: Which bar of its part, from 1; a pickup is bar 1.
        onset: Quarters from the beginning of its bar.
        step: C .. B.
        alter: Semitones that sound above the step; 0.5 for a quarter tone.
        octave: Scientific; C4 is middle C.
        duration: Quarters, dots and tuplets counted in.
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
        """What has to be read right: spelled pitch and duration."""
        return *self.pitch, self.duration

    def __str__(self) -> str:
        sign = _SIGNS.get(self.alter)  # type: ignore[call-overload]  # 1.0 is 1 as a key
        return f"{self.step}{f'({self.alter:+g})' if sign is None else sign}{self.octave}:{self.duration}"


@dataclass(frozen=True)
class Bar:
    """A bar of one staff.

    Attributes:
        index: From 1, in the order of the document.
        number: What the document names it; "" if it does not, and the same twice in a score of two movements.
        notes: In the order of their onsets.
        length: Quarters that it takes.
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
        name: Of the part; "" if it has none.
        bars: All of them.
        source: Where it comes from: the id of a MusicXML part; "" if there is no such document.
    """

    name: str
    bars: tuple[Bar, ...]
    source: str = ""

    @property
    def notes(self) -> list[NoteEvent]:
        """All notes of the part."""
        return [note for bar in self.bars for note in bar.notes]


def choose_part(parts: Sequence[VoicedPart], wanted: str) -> int:
    """The place, from 0, of the part of this name or number.

    Args:
        parts: Of a score.
        wanted: A name, upper and lower case, "_" and blank alike; or a number from 1.

    Raises:
        NotationError: No such part, or several of that name.
    """
    found = [place for place, part in enumerate(parts) if _plain(part.name) == _plain(wanted)]
    if len(found) == 1:
        return found[0]
    if not found and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted) <= len(parts):
        return int(wanted) - 1
    named = ", ".join(f"{number} {part.name!r}" for number, part in enumerate(parts, 1))
    raise NotationError(f"{len(found) or 'no'} parts named {wanted!r}; needed is one of: {named}")


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
