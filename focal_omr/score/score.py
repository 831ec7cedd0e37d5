"""The score of everything that is printed: parts, measures, voices and events as frozen records.

Readers make these records, writers take them, and nothing re-derives structure from token strings. Times are
exact: an onset is a Fraction of a whole note from the beginning of its measure, a length is a Fraction of a
whole note. Every measure, event and note has an id that is unique in the score and survives each format that
can hold one.

    Score > Part > Measure > Voice > Chord (Note ...), Rest, Space

What belongs to one event (articulations, lyrics, fermatas ...) is a *mark* of that event. What belongs to a
moment of a staff (dynamics, words, tempo, chord symbols ...) is a *direction* of the measure. What changes
how a staff is read (clef, key, meter ...) is a *sign* of the measure. What connects two events or moments
(slurs, tuplets, hairpins ...) is a *spanner* of the part.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from focal_omr.score.marks import (
    Arpeggio,
    Articulation,
    ChordSymbol,
    Direction,
    Dynamic,
    Fermata,
    FiguredBass,
    Fingering,
    Jump,
    Lyric,
    Mark,
    Ornament,
    Placement,
    Rehearsal,
    Technique,
    Tempo,
    Tremolo,
    Words,
)
from focal_omr.score.signs import (
    Clef,
    Duration,
    Key,
    Meter,
    Pitch,
    Sign,
    StaffLines,
    Transposition,
    Unpitched,
)
from focal_omr.score.spanners import (
    Ending,
    Glissando,
    Hairpin,
    Moment,
    Ottava,
    Pedal,
    Slur,
    Spanner,
    TrillLine,
    Tuplet,
)

__all__ = [
    "Arpeggio",
    "Articulation",
    "Barline",
    "BeamPart",
    "Chord",
    "ChordSymbol",
    "Clef",
    "Direction",
    "Duration",
    "Dynamic",
    "Ending",
    "Event",
    "Fermata",
    "FiguredBass",
    "Fingering",
    "Glissando",
    "Hairpin",
    "Jump",
    "Key",
    "Lyric",
    "Mark",
    "Measure",
    "MeasureRepeat",
    "Meter",
    "Moment",
    "MultiRest",
    "Note",
    "Ornament",
    "Ottava",
    "Part",
    "PartGroup",
    "Pedal",
    "Pitch",
    "Placement",
    "Rehearsal",
    "Rest",
    "Score",
    "Sign",
    "Slur",
    "Space",
    "Spanner",
    "StaffLines",
    "Technique",
    "Tempo",
    "Transposition",
    "Tremolo",
    "TrillLine",
    "Tuplet",
    "Unpitched",
    "Unread",
    "Voice",
    "Words",
]

BeamPart = Literal["begin", "continue", "end", "forward hook", "backward hook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note of a chord.

    Attributes:
        accidental: MusicXML name of the printed accidental (sharp, natural, flat-flat ...); None: none
        printed.
        enclosed: The accidental is printed in parentheses or brackets.
        tie_to: Id of the note that this one is tied to; "" for a tie that leads to no note (laissez vibrer,
            or its other end was not read).
        head: MusicXML name of the note head: normal, x, diamond, slash ...
        staff: Staff of the note where it is not its chord's (a cross-staff chord); from 1.
        doubtful: Whether writers show it in colour as perhaps misread; ignored by comparisons.
    """

    id: str
    pitch: Pitch | Unpitched
    accidental: str | None = None
    enclosed: Literal["parentheses", "bracket"] | None = None
    tie_to: str | None = None
    head: str = "normal"
    staff: int | None = None
    doubtful: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chord:
    """One or more notes on one stem.

    Attributes:
        onset: From the beginning of the measure, in whole notes.
        duration: As written; of a grace note, its shape.
        length: Sounding, in whole notes: `duration.length` times the ratios of its tuplets; 0 for grace
        notes.
        staff: From 1, the top staff of the part.
        notes: From the lowest to the highest.
        grace: A grace note, with a slash through its stem or without.
        beams: From the first beam (eighths) on.
    """

    id: str
    onset: Fraction
    duration: Duration
    length: Fraction
    notes: tuple[Note, ...]
    staff: int = 1
    grace: Literal["slash", "plain"] | None = None
    cue: bool = False
    stem: Literal["up", "down", "none", "double"] | None = None
    beams: tuple[BeamPart, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """A printed rest.

    Attributes:
        duration: As written; of a whole-measure rest, a whole note whatever the meter.
        measure: A rest of the whole measure: `length` is the measure's.
        position: Where it is set, if known: a diatonic step as of `Pitch.diatonic`.
    """

    id: str
    onset: Fraction
    duration: Duration
    length: Fraction
    staff: int = 1
    measure: bool = False
    position: int | None = None
    cue: bool = False
    beams: tuple[BeamPart, ...] = ()
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Time of a voice in which nothing is printed."""

    id: str
    onset: Fraction
    length: Fraction
    staff: int = 1


Event = Chord | Rest | Space


@dataclass(frozen=True, slots=True)
class Voice:
    """Events one after the other; grace notes stand before the event that they lead to."""

    number: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Barline:
    """A barline by its MusicXML style (regular, light-light, light-heavy, dashed ...), and its repeat
    sign."""

    style: str = "regular"
    repeat: Literal["forward", "backward"] | None = None


@dataclass(frozen=True, slots=True)
class MultiRest:
    """This measure and the next ones, `measures` together, are printed as one multi-measure rest."""

    measures: int


@dataclass(frozen=True, slots=True)
class MeasureRepeat:
    """A measure-repeat sign: the contents are those of the last `measures`; `slashes` as printed."""

    measures: int = 1
    slashes: int = 1


@dataclass(frozen=True, slots=True)
class Unread:
    """Part of a measure that was seen and not read; its voices say nothing of this staff."""

    staff: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of one part.

    Attributes:
        number: As printed or counted; not unique.
        pickup: Shorter than the meter says on purpose (an upbeat, or a measure split by a repeat).
        left, right: Barlines; no left one is the usual, and no right one means that the music just stops.
        left_after: Number of signs printed before the left barline, where it is a barline of its own (a
            system that opens with clef, key and repeat sign); None: it is one with the right barline of the
            measure before.
        barlines: Barlines inside the measure, by onset.
        repeats: Measure-repeat signs by staff.
        break_before: A new system or page begins with it.
    """

    id: str
    number: str
    voices: tuple[Voice, ...]
    signs: tuple[Sign, ...] = ()
    directions: tuple[Direction, ...] = ()
    pickup: bool = False
    left: Barline | None = None
    right: Barline | None = Barline()
    left_after: int | None = None
    barlines: tuple[tuple[Fraction, Barline], ...] = ()
    multirest: MultiRest | None = None
    repeats: tuple[tuple[int, MeasureRepeat], ...] = ()
    unread: tuple[Unread, ...] = ()
    break_before: Literal["system", "page"] | None = None

    @property
    def length(self) -> Fraction:
        """Length in whole notes: the end of its longest voice."""
        ends = (voice.events[-1].onset + voice.events[-1].length for voice in self.voices if voice.events)
        return max(ends, default=Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An instrument or singer: measures on one staff or more."""

    id: str
    measures: tuple[Measure, ...]
    staves: int = 1
    name: str = ""
    abbreviation: str = ""
    spanners: tuple[Spanner, ...] = ()


@dataclass(frozen=True, slots=True)
class PartGroup:
    """Parts, by their ids of the first and the last, joined at their left by a brace, bracket, line or
    square."""

    start: str
    end: str
    symbol: Literal["brace", "bracket", "line", "square"] | None = "bracket"
    barlines: bool = True
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Parts that sound together."""

    parts: tuple[Part, ...]
    groups: tuple[PartGroup, ...] = ()
    title: str = ""
    subtitle: str = ""
    composer: str = ""
    lyricist: str = ""
    copyright: str = ""

    def events(self) -> Iterator[tuple[Part, Measure, Voice, Event]]:
        """Every event with where it stands, part by part and voice by voice."""
        for part in self.parts:
            for measure in part.measures:
                for voice in measure.voices:
                    for event in voice.events:
                        yield part, measure, voice, event
