"""Marks of an event (articulations, lyrics ...) and directions of a moment (dynamics, tempo ...)."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from focal_omr.score.signs import Duration

Placement = Literal["above", "below"]


@dataclass(frozen=True, slots=True)
class Articulation:
    """An articulation by its MusicXML name: staccato, accent, tenuto, strong-accent, breath-mark, caesura
    ..."""

    name: str
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Ornament:
    """An ornament by its MusicXML name: trill-mark, mordent, inverted-mordent, turn ...

    Attributes:
        accidentals: MusicXML names of the accidentals printed with it.
    """

    name: str
    placement: Placement | None = None
    accidentals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Technique:
    """A playing technique by its MusicXML name: up-bow, down-bow, open-string, harmonic, string ...; text if
    it has one."""

    name: str
    text: str = ""
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Fermata:
    """A fermata; `shape` is normal, angled, square ..."""

    shape: str = "normal"
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Fingering:
    """A fingering; `note` is the id of the note it belongs to, None: the chord's."""

    text: str
    note: str | None = None
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Arpeggio:
    """An arpeggio; chords of one moment with the same non-empty `group` are rolled as one.

    `direction` "none" is the bracket that forbids it.
    """

    direction: Literal["up", "down", "none"] | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Tremolo:
    """A tremolo of `beams` strokes on one chord, or between two: then `between` says which of them this
    is."""

    beams: int
    between: Literal["start", "stop"] | None = None


@dataclass(frozen=True, slots=True)
class Lyric:
    """One syllable.

    Attributes:
        text: The syllable; elided syllables are separated by an undertie (U+203F).
        verse: Verse label, usually "1", "2" ...
        syllabic: single, begin, middle or end: whether a hyphen joins it to its neighbours.
        extend: An extender line follows.
    """

    text: str
    verse: str = "1"
    syllabic: Literal["single", "begin", "middle", "end"] = "single"
    extend: bool = False
    placement: Placement | None = None


Mark = Articulation | Ornament | Technique | Fermata | Fingering | Arpeggio | Tremolo | Lyric


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A dynamic mark: p, mf, sfz ... or any other text set as one."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is neither tempo, dynamic nor lyric."""

    text: str
    style: Literal["normal", "italic", "bold", "bold-italic"] = "normal"


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo: words ("Allegro"), a metronome mark (`beat` and `per_minute`), or both.

    Attributes:
        quarters: Quarter notes a minute for playback, where the source tells it.
    """

    text: str = ""
    beat: Duration | None = None
    per_minute: Fraction | None = None
    quarters: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rehearsal mark."""

    text: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A sign or instruction that says where to go on; `text` as printed ("D.C. al Fine")."""

    kind: Literal["segno", "coda", "to-coda", "da-capo", "dal-segno", "fine"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class ChordSymbol:
    """A chord symbol: root and bass as ("B", -1), `kind` by its MusicXML name, `text` as printed.

    Attributes:
        degrees: (type, value, alter) of added, altered and subtracted degrees.
    """

    root: tuple[str, int] | None
    kind: str
    text: str | None = None
    bass: tuple[str, int] | None = None
    degrees: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class FiguredBass:
    """Figures from top to bottom: (prefix, number, suffix) as text; `length` in whole notes, if told."""

    figures: tuple[tuple[str, str, str], ...]
    length: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """What is printed at a moment of a staff and belongs to no single event."""

    onset: Fraction
    value: Dynamic | Words | Tempo | Rehearsal | Jump | ChordSymbol | FiguredBass
    staff: int = 1
    placement: Placement | None = None
