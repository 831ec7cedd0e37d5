"""Records of the comparison: printed notes of a whole score, bar by bar.

Each printed note counts with its written duration, so two tied notes count twice; a grace note has duration
0. Rests and invisible notes are not compared: a bar of rests is a bar without notes, however it is written.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from focal_omr.errors import NotationError

__all__ = [
    "MARKS",
    "Bar",
    "PrintedNote",
    "Staff",
    "Syllable",
    "choose_staves",
    "dynamics_in",
    "spell",
    "take_staves",
]

# Kinds of marks. Ties and tuplets are compared by staff and onset, the others by their number in the bar.
MARKS = ("ties", "slurs", "tuplets", "articulations", "dynamics", "hairpins")
_SIGNS = {-2.0: "bb", -1.0: "b", 0.0: "", 1.0: "#", 2.0: "x"}
_DYNAMIC = re.compile(r"\b(?:p{1,6}|f{1,6}|mp|mf|[sr]?fz|sffz|sf|sfp|sfpp|fp|ffp|rf|pf|n|fzp)\b")


class PrintedNote(NamedTuple):
    """A printed note.

    Attributes:
        staff: From the top of the system, from 1.
        onset: Quarters from the beginning of its bar.
        pitch: Spelled, as it sounds: F#4 is not Gb4. `spell` makes it.
        duration: Quarters, including dots and tuplets; 0 for a grace note.
    """

    staff: int
    onset: Fraction
    pitch: str
    duration: Fraction

    @property
    def height(self) -> int:
        """Diatonic steps above C0."""
        octave = re.search(r"-?\d+$", self.pitch)
        return "CDEFGAB".find(self.pitch[0]) + 7 * int(octave[0] if octave else 0)

    @property
    def written(self) -> tuple[str, Fraction]:
        """Spelled pitch and duration, which both have to be read right."""
        return self.pitch, self.duration

    def __str__(self) -> str:
        return f"{self.pitch}:{self.duration}"


class Syllable(NamedTuple):
    """The lyrics of one verse under one note."""

    staff: int
    onset: Fraction
    verse: str
    text: str


@dataclass
class Bar:
    """A bar of all staves.

    Attributes:
        index: Position in the document, from 1.
        number: Number in the document; "" if it has none. A score of two movements may use a number twice.
        notes: In the order of the document.
        voices: Name of the voice of each note.
        marks: Kind (see `MARKS`) -> what is printed in this bar, as tuples that begin with the staff.
        syllables: In the order of the document.
        length: Duration of the bar in quarters.
    """

    index: int
    number: str = ""
    notes: list[PrintedNote] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    marks: dict[str, Counter[tuple[object, ...]]] = field(
        default_factory=lambda: {kind: Counter() for kind in MARKS}
    )
    syllables: list[Syllable] = field(default_factory=list)
    length: Fraction = Fraction(0)

    def staff_notes(self, staff: int) -> list[PrintedNote]:
        """The notes of a staff by onset; at one onset grace notes first, then from the lowest pitch up.

        Equal notes give equal lists, in whatever order a file has them.
        """
        notes = (note for note in self.notes if note.staff == staff)
        return sorted(notes, key=lambda n: (n.onset, n.duration > 0, n.height, n.pitch, n.duration))


@dataclass(frozen=True)
class Staff:
    """A staff of a score.

    Attributes:
        name: Name of its part, numbered if the part has several staves; "" if it has none.
        part: Name of its part.
        source: Id of the MusicXML part; "" for other formats.
    """

    name: str
    part: str = ""
    source: str = ""


def spell(step: str, alter: float, octave: int) -> str:
    """A spelled pitch such as F#4.

    Args:
        step: C .. B.
        alter: Semitones; 0.5 for a quarter tone, which is written as a number.
        octave: Scientific; C4 is middle C.
    """
    return f"{step}{_SIGNS.get(alter, f'({alter:+g})')}{octave}"


def dynamics_in(text: str) -> list[str]:
    """The dynamic marks in a text such as "mp legato"."""
    return _DYNAMIC.findall(text)


def choose_staves(staves: Sequence[Staff], wanted: str) -> list[int]:
    """Find the staves of a part by name, or one staff by name or number; returns indices, from 0.

    Raises:
        NotationError: There is no such part, or several have that name.
    """

    def plain(name: str) -> str:
        return " ".join(name.replace("_", " ").casefold().split())

    found = [i for i, each in enumerate(staves) if plain(wanted) in (plain(each.name), plain(each.part))]
    if len(found) == 1 or (found and staves[found[0]].source and len({staves[i].source for i in found}) == 1):
        return found
    if not found and wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(staves):
        return [int(wanted) - 1]
    named = ", ".join(f"{number} {each.name!r}" for number, each in enumerate(staves, 1))
    raise NotationError(f"{len(found) or 'no'} parts named {wanted!r}; needed is one of: {named}")


def take_staves(bars: Sequence[Bar], indices: Sequence[int]) -> Iterator[Bar]:
    """The bars with the staves of the given indices alone, from 0, numbered anew."""
    staves = {index + 1: number for number, index in enumerate(indices, 1)}
    for bar in bars:
        yield replace(
            bar,
            notes=[n._replace(staff=staves[n.staff]) for n in bar.notes if n.staff in staves],
            voices=[v for n, v in zip(bar.notes, bar.voices, strict=True) if n.staff in staves],
            marks={
                kind: Counter({(staves[m[0]], *m[1:]): n for m, n in marks.items() if m[0] in staves})
                for kind, marks in bar.marks.items()
            },
            syllables=[s._replace(staff=staves[s.staff]) for s in bar.syllables if s.staff in staves],
        )
