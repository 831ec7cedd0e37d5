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
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from focal_omr.score.records import STEPS, Step

__all__ = [
    "Arpeggio",
    "Articulation",
    "Barline",
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

Placement = Literal["above", "below"]
BeamPart = Literal["begin", "continue", "end", "forward hook", "backward hook"]

# Pitches and durations -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pitch:
    """A written pitch: `alter` in semitones, `octave` scientific (C4 is middle C).

    A transposing part has its written pitches; `Transposition` leads to the sounding ones. An octave clef is
    already counted in, as in MusicXML and MEI: a tenor's middle C in a G clef with an 8 below is C4.
    """

    step: Step
    octave: int
    alter: int = 0

    @property
    def diatonic(self) -> int:
        """Diatonic steps above C0, alteration ignored (C4 is 28)."""
        return 7 * self.octave + STEPS.index(self.step)

    @property
    def midi(self) -> int:
        """MIDI note number (C4 is 60)."""
        return 12 * (self.octave + 1) + (0, 2, 4, 5, 7, 9, 11)[STEPS.index(self.step)] + self.alter


@dataclass(frozen=True, slots=True)
class Unpitched:
    """The place on the staff of a percussion note, named as in a G clef on line 2."""

    step: Step
    octave: int

    @property
    def diatonic(self) -> int:
        """Diatonic steps above C0 of the place, read in a G clef."""
        return 7 * self.octave + STEPS.index(self.step)


@dataclass(frozen=True, slots=True)
class Duration:
    """A written duration: the note value as a Fraction of a whole note (8 to 1/1024), and a number of
    dots."""

    value: Fraction
    dots: int = 0

    @property
    def length(self) -> Fraction:
        """Length in whole notes, with dots, without tuplets."""
        return self.value * (2 - Fraction(1, 2**self.dots))


# Marks of an event ---------------------------------------------------------------------------------------


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

# Events --------------------------------------------------------------------------------------------------


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
    """

    id: str
    pitch: Pitch | Unpitched
    accidental: str | None = None
    enclosed: Literal["parentheses", "bracket"] | None = None
    tie_to: str | None = None
    head: str = "normal"
    staff: int | None = None


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
        position: Where it is set, where that is told: a diatonic step as of `Pitch.diatonic`.
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


# Signs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clef:
    """A clef on a line counted from the lowest (1 to 5); `octave` is 1 for an 8 above, -1 for an 8 below."""

    shape: Literal["G", "F", "C", "percussion", "TAB", "none"]
    line: int
    octave: int = 0

    @property
    def lowest_line(self) -> int:
        """`Pitch.diatonic` of a note on the lowest line; of a percussion clef, the place as read in a G
        clef."""
        on_its_line = {"G": 32, "F": 24, "C": 28}.get(self.shape)
        if on_its_line is None:
            return 30
        return on_its_line + 7 * self.octave - 2 * (self.line - 1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature: sharps (positive) or flats (negative); `cancel` is the signature whose naturals are
    printed."""

    fifths: int
    cancel: int | None = None

    def alter(self, step: str) -> int:
        """Alteration in semitones that the signature gives to `step`."""
        order = "FCGDAEB".index(step)
        return (self.fifths + 6 - order) // 7 if self.fifths > 0 else -((-self.fifths + order) // 7)


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature.

    Attributes:
        terms: ((beats, ...), unit) for each fraction: 6/8 is (((6,), 8),), 3+2/8 is (((3, 2), 8),) and
            2/4+3/8 is (((2,), 4), ((3,), 8)). Empty: without meter.
        symbol: common or cut where printed as that sign, single-number where the unit is not printed.
    """

    terms: tuple[tuple[tuple[int, ...], int], ...]
    symbol: Literal["common", "cut", "single-number"] | None = None

    @property
    def length(self) -> Fraction | None:
        """Length of a full measure in whole notes; None without meter."""
        return sum((Fraction(sum(beats), unit) for beats, unit in self.terms), Fraction(0)) or None


@dataclass(frozen=True, slots=True)
class Transposition:
    """From written to sounding pitch: diatonic steps and semitones, octaves counted in."""

    diatonic: int
    chromatic: int


@dataclass(frozen=True, slots=True)
class StaffLines:
    """The number of lines of the staff, where it is not five."""

    lines: int


@dataclass(frozen=True, slots=True)
class Sign:
    """What changes how a staff is read, from an onset on; `staff` None: on all staves of the part.

    Attributes:
        graces: Number of the grace notes at its onset that stand before it.
        printed: False for a sign that holds but is not drawn, such as the meter of a cadenza.
    """

    onset: Fraction
    value: Clef | Key | Meter | Transposition | StaffLines
    staff: int | None = None
    graces: int = 0
    printed: bool = True


# Directions ----------------------------------------------------------------------------------------------


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


# Measures ------------------------------------------------------------------------------------------------


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


# Spanners ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moment:
    """A time on a staff: a measure's id and an onset in it."""

    measure: str
    onset: Fraction
    staff: int = 1


@dataclass(frozen=True, slots=True)
class Slur:
    """A slur from one event to another (ids of events; None: its end was not read)."""

    start: str | None
    end: str | None
    placement: Placement | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Tuplet:
    """`actual` notes in the time of `normal` ones, from one event to another of the same voice (ids of
    events).

    Attributes:
        value: The note value that the numbers count; None: that of its first event.
        number: Whether both numbers, one or none are printed.
        bracket: Whether a bracket is printed; None: not told.
    """

    start: str
    end: str
    actual: int
    normal: int
    value: Duration | None = None
    number: Literal["actual", "both", "none"] = "actual"
    bracket: bool | None = None
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Hairpin:
    """A crescendo or diminuendo hairpin."""

    start: Moment
    end: Moment
    kind: Literal["crescendo", "diminuendo"]
    placement: Placement | None = None


@dataclass(frozen=True, slots=True)
class Ottava:
    """An octave line: `octaves` is 1 for 8va, -1 for 8vb, 2 for 15ma. Pitches are as they sound."""

    start: Moment
    end: Moment
    octaves: int


@dataclass(frozen=True, slots=True)
class Pedal:
    """A pedal, down from one moment to another; drawn as a line, or as signs."""

    start: Moment
    end: Moment
    line: bool = False


@dataclass(frozen=True, slots=True)
class Glissando:
    """A glissando (wavy) or slide (straight) between two notes (ids of notes)."""

    start: str
    end: str
    wavy: bool = True
    text: str = ""


@dataclass(frozen=True, slots=True)
class TrillLine:
    """A wavy line from one event to another (ids of events)."""

    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Ending:
    """An ending over measures (ids of the first and the last): "1", "2", "1, 3"; `closed` with a hook at its
    right."""

    start: str
    end: str
    numbers: str
    text: str = ""
    closed: bool = True


Spanner = Slur | Tuplet | Hairpin | Ottava | Pedal | Glissando | TrillLine | Ending

# Parts ---------------------------------------------------------------------------------------------------


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
