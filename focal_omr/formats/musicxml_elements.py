"""Elements of MusicXML read one at a time: pitches, clefs, meters, marks, lyrics, chord symbols.

Each function turns one element into a record or a plain value. What cannot be read raises a NotationError
that says what is wrong; the reader of the measure adds where.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats import musicxml_names as names
from focal_omr.formats.musicxml_names import NOTE_TYPES
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    BeamPart,
    ChordSymbol,
    Clef,
    Duration,
    Fermata,
    FiguredBass,
    Fingering,
    Key,
    Lyric,
    Mark,
    Meter,
    Ornament,
    Pitch,
    Placement,
    Technique,
    Transposition,
    Tremolo,
    Unpitched,
)

__all__ = [
    "decimal",
    "duration_of",
    "integer",
    "placement",
    "read_accidental",
    "read_barline",
    "read_beams",
    "read_chord_symbol",
    "read_clef",
    "read_figured_bass",
    "read_head",
    "read_key",
    "read_lyric",
    "read_marks",
    "read_meter",
    "read_metronome",
    "read_pitch",
    "read_rest_position",
    "read_time_modification",
    "read_transposition",
    "read_value",
    "squeezed",
    "text_of",
    "words_style",
]

# More than any print has.
_MAX_TUPLET = 999
_MAX_TREMOLO_BEAMS = 8

# Numbers and texts ---------------------------------------------------------------------------------------


def decimal(text: str | None) -> Fraction:
    """A decimal number of at most 12 digits before its point; longer ones could take all memory.

    Raises:
        NotationError: It is something else.
    """
    if text is None or not re.fullmatch(r"\s*[-+]?\d{1,12}(\.\d{0,8})?\s*", text, re.ASCII):
        raise NotationError(f"{(text or '')[:40]!r} is no number")
    return Fraction(text.strip())


def integer(text: str | None, low: int = -(10**9), high: int = 10**9, what: str = "a number") -> int:
    """A whole number between two bounds.

    Args:
        text: The number in digits.
        low: The lowest number allowed.
        high: The highest number allowed.
        what: Its name in the message of the error.

    Raises:
        NotationError: It is no whole number, or out of bounds.
    """
    value = decimal(text)
    if value.denominator != 1 or not low <= value <= high:
        raise NotationError(f"{what} of {(text or '').strip()}")
    return value.numerator


def squeezed(text: str | None) -> str:
    """A text without white space around it, and single spaces in it."""
    return " ".join((text or "").split())


def text_of(element: ET.Element) -> str:
    """The text of an element, white space squeezed."""
    return squeezed(element.text)


def placement(element: ET.Element) -> Placement | None:
    """Above or below, by the placement or orientation of an element."""
    value = element.get("placement") or {"over": "above", "under": "below"}.get(
        element.get("orientation", "")
    )
    return cast("Placement", value) if value in ("above", "below") else None


def words_style(element: ET.Element) -> Literal["normal", "italic", "bold", "bold-italic"]:
    """The style of a <words> element."""
    italic, bold = element.get("font-style") == "italic", element.get("font-weight") == "bold"
    return "bold-italic" if italic and bold else "italic" if italic else "bold" if bold else "normal"


def _name(value: str | None, known: frozenset[str] | tuple[str, ...]) -> Any:
    """The value if it is one of the known names, else None."""
    return value if value in known else None


# Notes ---------------------------------------------------------------------------------------------------


def read_pitch(note: ET.Element) -> Pitch | Unpitched:
    """The pitch of a <note>, or its place on a percussion staff.

    Raises:
        NotationError: It has neither, or a pitch that does not exist; microtones are among these.
    """
    pitch, unpitched = note.find("pitch"), note.find("unpitched")
    if pitch is not None:
        step, alter = squeezed(pitch.findtext("step")), decimal(pitch.findtext("alter") or "0")
        if len(step) != 1 or step not in "CDEFGAB" or alter.denominator != 1 or abs(alter) > 3:
            raise NotationError(f"no pitch: step {step[:40]!r}, alter {alter}")
        octave = integer(pitch.findtext("octave"), 0, 9, "a pitch in an octave")
        return Pitch(cast("Any", step), octave, int(alter))
    if unpitched is not None:
        step = squeezed(unpitched.findtext("display-step")) or "B"
        if len(step) != 1 or step not in "CDEFGAB":
            raise NotationError(f"no place on a staff: step {step[:40]!r}")
        octave = integer(unpitched.findtext("display-octave") or "4", 0, 9, "a note in an octave")
        return Unpitched(cast("Any", step), octave)
    raise NotationError("a note without pitch")


def read_value(note: ET.Element) -> Duration | None:
    """The note value and dots of a <note>; None where there is no value."""
    kind = squeezed(note.findtext("type"))
    return Duration(NOTE_TYPES[kind], min(len(note.findall("dot")), 4)) if kind in NOTE_TYPES else None


def duration_of(length: Fraction) -> Duration | None:
    """The note value and at most three dots that last `length` whole notes; None if there are none."""
    for value in NOTE_TYPES.values():
        if value <= length < 2 * value:
            dotted = (Duration(value, dots) for dots in range(4))
            return next((duration for duration in dotted if duration.length == length), None)
    return None


def read_time_modification(note: ET.Element) -> tuple[int, int]:
    """(actual, normal): actual notes in the time of normal ones; (1, 1) without a time modification.

    Raises:
        NotationError: Numbers below 1 or above 999.
    """
    element = note.find("time-modification")
    if element is None:
        return 1, 1
    actual, normal = (
        integer(element.findtext(tag), 1, _MAX_TUPLET, f"a time modification with {tag}")
        for tag in ("actual-notes", "normal-notes")
    )
    return actual, normal


def read_accidental(note: ET.Element) -> tuple[str | None, Literal["parentheses", "bracket"] | None]:
    """The printed accidental of a <note>, and what encloses it."""
    element = note.find("accidental")
    name = None if element is None else _name(text_of(element), names.ACCIDENTALS)
    if element is None or name is None:
        return None, None
    if element.get("bracket") == "yes":
        return name, "bracket"
    enclosed = "yes" in (element.get("parentheses"), element.get("cautionary"))
    return name, "parentheses" if enclosed and element.get("parentheses") != "no" else None


def read_head(note: ET.Element) -> str:
    """The MusicXML name of the note head."""
    return _name(squeezed(note.findtext("notehead")), names.NOTE_HEADS) or "normal"


def read_beams(note: ET.Element) -> tuple[BeamPart, ...]:
    """The beams of a <note>, from the first (eighths) on."""
    beams = sorted(note.iterfind("beam"), key=lambda beam: beam.get("number", "1"))
    known = ("begin", "continue", "end", "forward hook", "backward hook")
    return tuple(cast("BeamPart", name) for beam in beams[:8] if (name := text_of(beam)) in known)


def is_filler(note: ET.Element, measure: ET.Element) -> bool:
    """Whether the last note of a measure is a rest without ink and room, for the length of grace notes."""
    hidden = note.get("print-object") == note.get("print-spacing") == "no" and note.find("rest") is not None
    return hidden and measure.findall("note")[-1] is note


def read_rest_position(rest: ET.Element) -> int | None:
    """Where a <rest> is set, as a diatonic step above C0; None where that is not told."""
    step, octave = squeezed(rest.findtext("display-step")), squeezed(rest.findtext("display-octave"))
    if len(step) != 1 or step not in "CDEFGAB" or not re.fullmatch("[0-9]", octave):
        return None
    return Pitch(cast("Any", step), int(octave)).diatonic


def read_lyric(element: ET.Element) -> Lyric | None:
    """One syllable; None where nothing is printed. An empty elision counts as an undertie."""
    parts = [
        (e.text or names.ELISION) if e.tag == "elision" else (e.text or "")
        for e in element
        if e.tag in ("text", "elision")
    ]
    text, extend = "".join(parts).strip(), element.find("extend") is not None
    if element.get("print-object") == "no" or not (text or extend):
        return None
    syllabic = _name(element.findtext("syllabic"), ("single", "begin", "middle", "end")) if text else None
    verse = element.get("number") or element.get("name") or "1"
    return Lyric(
        text,
        verse if re.fullmatch(r"[\w.:-]+", verse) else "1",
        syllabic or "single",
        extend,
        placement(element),
    )


# Marks ---------------------------------------------------------------------------------------------------


def read_marks(note: ET.Element, note_id: str | None) -> Iterator[Mark]:
    """The marks in the notations of a <note>, without those that are spanners, and its lyrics.

    Args:
        note: The element.
        note_id: Id of the note in a chord; None for a rest.

    Raises:
        NotationError: A tremolo with a number of strokes that does not exist.
    """
    for child in (e for notations in note.iterfind("notations") for e in notations):
        match child.tag:
            case "articulations":
                for e in child:
                    if e.tag in names.ARTICULATIONS:
                        yield Articulation(e.tag, placement(e))
            case "ornaments":
                yield from _ornaments(child)
            case "technical":
                for e in child:
                    if e.tag == "fingering":
                        yield Fingering(text_of(e), note_id, placement(e))
                    elif e.tag in ("string", "fret"):
                        if re.fullmatch("[1-9][0-9]?", text_of(e)):
                            yield Technique(e.tag, text_of(e), placement(e))
                    elif e.tag in names.TECHNIQUES:
                        text = text_of(e) if e.tag in ("pluck", "tap", "other-technical") else ""
                        yield Technique(e.tag, text, placement(e))
            case "fermata":
                upright = child.get("type", "upright") == "upright"
                shape = _name(text_of(child), names.FERMATAS) or "normal"
                yield Fermata(shape, "above" if upright else "below")
            case "arpeggiate":
                direction = _name(child.get("direction"), ("up", "down"))
                yield Arpeggio(direction, child.get("number", ""))
            case "non-arpeggiate":
                yield Arpeggio("none", child.get("number", ""))
    for lyric in note.iterfind("lyric"):
        if (syllable := read_lyric(lyric)) is not None:
            yield syllable


def _ornaments(element: ET.Element) -> Iterator[Ornament | Tremolo]:
    """Ornaments, each with the accidentals that follow it, and tremolos."""
    children = list(element)
    for index, child in enumerate(children):
        if child.tag in names.ORNAMENTS:
            accidentals = []
            for follower in children[index + 1 :]:
                if follower.tag != "accidental-mark":
                    break
                if (name := text_of(follower)) in names.ACCIDENTALS:
                    accidentals.append(name)
            yield Ornament(child.tag, placement(child), tuple(accidentals))
        elif child.tag == "tremolo":
            beams = integer(text_of(child) or "3", 0, _MAX_TREMOLO_BEAMS, "a tremolo")
            yield Tremolo(beams, _name(child.get("type"), ("start", "stop")))


# Signs ---------------------------------------------------------------------------------------------------


def read_key(element: ET.Element) -> Key | None:
    """A key signature; None for one that is spelled out accidental by accidental.

    Raises:
        NotationError: More than seven sharps or flats.
    """
    if element.find("fifths") is None:
        return None
    cancel = element.findtext("cancel")
    fifths = integer(element.findtext("fifths"), -7, 7, "a key signature")
    return Key(fifths, None if cancel is None else integer(cancel, -7, 7, "a cancelled key signature"))


def read_meter(element: ET.Element) -> Meter:
    """A time signature; without beats, no meter.

    Raises:
        NotationError: Beats or units that are no numbers.
    """
    beats, units = ([text_of(e) for e in element.iterfind(tag)] for tag in ("beats", "beat-type"))
    terms = []
    for over, under in zip(beats, units, strict=False):
        if not re.fullmatch(r"[0-9]{1,3}( ?\+ ?[0-9]{1,3})*", over) or not re.fullmatch("[0-9]{1,4}", under):
            raise NotationError(f"a meter of {over[:40]}/{under[:40]}")
        numbers = tuple(int(number) for number in over.split("+"))
        if min(*numbers, int(under)) < 1:
            raise NotationError(f"a meter of {over[:40]}/{under}")
        terms.append((numbers, int(under)))
    return Meter(tuple(terms), _name(element.get("symbol"), ("common", "cut", "single-number")))


def read_clef(element: ET.Element) -> Clef:
    """A clef.

    Raises:
        NotationError: A sign or line that does not exist.
    """
    shape = squeezed(element.findtext("sign")) or "G"
    if shape not in ("G", "F", "C", "percussion", "TAB", "none"):
        raise NotationError(f"a clef {shape[:40]!r}")
    line = str({"G": 2, "F": 4, "TAB": 5}.get(shape, 3))
    return Clef(
        cast("Any", shape),
        integer(element.findtext("line") or line, 1, 6, "a clef on a line"),
        integer(element.findtext("clef-octave-change") or "0", -3, 3, "a clef with an octave change"),
    )


def read_transposition(element: ET.Element) -> Transposition:
    """The transposition of an instrument, octaves counted in.

    Raises:
        NotationError: Numbers that no instrument has.
    """
    octaves = integer(element.findtext("octave-change") or "0", -9, 9, "a transposition by octaves")
    diatonic, chromatic = (
        integer(element.findtext(tag) or "0", -99, 99, f"a {tag} transposition")
        for tag in ("diatonic", "chromatic")
    )
    return Transposition(diatonic + 7 * octaves, chromatic + 12 * octaves)


def read_barline(element: ET.Element) -> Barline:
    """A barline with its repeat sign."""
    repeat = element.find("repeat")
    direction = None if repeat is None else _name(repeat.get("direction"), ("forward", "backward"))
    return Barline(_name(squeezed(element.findtext("bar-style")), names.BAR_STYLES) or "regular", direction)


# Directions ----------------------------------------------------------------------------------------------


def read_metronome(element: ET.Element) -> tuple[Duration | None, Fraction | None]:
    """The beat of a metronome mark and how many there are in a minute, None where they are missing."""
    kind = squeezed(element.findtext("beat-unit"))
    if kind not in NOTE_TYPES:
        return None, None
    digits = re.search(r"[0-9]{1,4}(\.[0-9]{1,4})?", element.findtext("per-minute") or "")
    beat = Duration(NOTE_TYPES[kind], min(len(element.findall("beat-unit-dot")), 4))
    return beat, Fraction(digits[0]) if digits else None


def read_chord_symbol(element: ET.Element) -> ChordSymbol:
    """A <harmony>: root, kind, bass and degrees.

    Raises:
        NotationError: An alteration or degree that is no number.
    """
    kind = element.find("kind")
    degrees = tuple(
        (
            _name(degree.findtext("degree-type"), ("add", "alter", "subtract")) or "add",
            integer(degree.findtext("degree-value") or "1", 1, 99, "a degree"),
            integer(degree.findtext("degree-alter") or "0", -3, 3, "a degree with an alteration"),
        )
        for degree in element.iterfind("degree")
    )
    return ChordSymbol(
        _chord_tone(element, "root"),
        "none" if kind is None else _name(text_of(kind), names.CHORD_KINDS) or "other",
        None if kind is None else kind.get("text"),
        _chord_tone(element, "bass"),
        degrees,
    )


def _chord_tone(element: ET.Element, name: str) -> tuple[str, int] | None:
    step = squeezed(element.findtext(f"{name}/{name}-step"))
    if len(step) != 1 or step not in "CDEFGAB":
        return None
    return step, integer(
        element.findtext(f"{name}/{name}-alter") or "0", -3, 3, f"a {name} with an alteration"
    )


def read_figured_bass(element: ET.Element, length: Fraction | None) -> FiguredBass:
    """Figures from top to bottom.

    Args:
        element: The <figured-bass> element.
        length: How long they hold, in whole notes, if known.
    """
    figures = [
        [squeezed(figure.findtext(tag)) for tag in ("prefix", "figure-number", "suffix")]
        for figure in element.iterfind("figure")
    ]
    return FiguredBass(tuple((a, b, c) for a, b, c in figures), length)
