"""LilyPond writer for one staff, for training images from a second engraver.

Every accidental, beam and barline is explicit, so that LilyPond draws them as in the score and not by its own
rules.

Source: the notation reference of LilyPond 2.24.
"""

from itertools import groupby, takewhile

from focal_omr.encodings.semantic import KEY_NAMES
from focal_omr.errors import NotationError
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Duration,
    Event,
    Key,
    Meter,
    Note,
    Rest,
    Score,
    Tuplet,
    is_grace,
)

_DURATIONS = {
    "quadruple_whole": "\\longa",
    "double_whole": "\\breve",
    "whole": "1",
    "half": "2",
    "quarter": "4",
    "eighth": "8",
    "sixteenth": "16",
    "thirty_second": "32",
    "sixty_fourth": "64",
    "hundred_twenty_eighth": "128",
}
_ALTERS = {-2: "eses", -1: "es", 0: "", 1: "is", 2: "isis"}
_CLEFS = {
    Clef("G", 1): "french",
    Clef("G", 2): "treble",
    Clef("C", 1): "soprano",
    Clef("C", 2): "mezzosoprano",
    Clef("C", 3): "alto",
    Clef("C", 4): "tenor",
    Clef("C", 5): "baritone",
    Clef("F", 3): "varbaritone",
    Clef("F", 4): "bass",
    Clef("F", 5): "subbass",
}
_BARLINES: dict[BarlineKind, str] = {
    "single": "|",
    "double": "||",
    "final": "|.",
    "repeat_start": ".|:",
    "repeat_end": ":|.",
    "repeat_both": ":..:",
}


def write_lilypond(score: Score) -> str:
    """The music of a score of one part as a LilyPond expression `{ ... }`.

    Raises:
        NotationError: Not exactly one part, a multi-measure rest, or a clef that LilyPond has no name for.
    """
    if len(score.parts) != 1:
        raise NotationError(f"LilyPond gets one staff; this score has {len(score.parts)} parts")
    measures = score.parts[0].measures
    # LilyPond would print a treble clef and a C on a staff without clef and meter.
    signs = takewhile(lambda event: isinstance(event, Clef | Key | Meter), measures[0].events)
    kinds = {type(event) for event in signs}
    omitted = [
        f"\\once \\omit Staff.{name}"
        for kind, name in ((Clef, "Clef"), (Meter, "TimeSignature"))
        if kind not in kinds
    ]
    music: list[str] = []
    key = Key(0)
    for measure in measures:
        for grace, group in groupby(measure.events, key=is_grace):
            words = []
            for event in group:
                key = event if isinstance(event, Key) else key
                words.append(_event(event, key))
            music.append(f"\\grace {{ {' '.join(words)} }}" if grace else " ".join(words))
        if measure.barline is not None:
            music.append(f'\\bar "{_BARLINES[measure.barline]}"')
    return f"{{ \\accidentalStyle forget \\cadenzaOn {' '.join([*omitted, *music])} }}"


def _event(event: Event, key: Key) -> str:
    match event:
        case Note():
            return _note(event, key)
        case Rest():
            return f"r{_duration(event.duration)}{_fermata(event.fermata)}"
        case Tuplet():
            inner = " ".join(_event(each, key) for each in event.events)
            return f"\\tuplet {event.actual}/{event.normal} {{ {inner} }}"
        case Clef() if event in _CLEFS:
            return f'\\clef "{_CLEFS[event]}"'
        case Key():
            name = KEY_NAMES[event.fifths].removesuffix("M")
            name = name[0].lower() + {"b": "es", "#": "is"}.get(name[1:], "")
            return f"\\key {name} \\major"
        case Meter():
            style = "default" if event.symbol else "numeric"
            return f"\\{style}TimeSignature \\time {event.beats}/{event.unit}"
    raise NotationError(f"LilyPond gets no {event!r} from here")


def _note(note: Note, key: Key) -> str:
    # `forget` prints every accidental that differs from the key; the others are forced, or omitted where an
    # earlier one in the bar still holds.
    unmarked = note.accidental is None
    carried = unmarked and note.pitch.alter != key.alter(note.pitch.step)
    omitted = "\\once \\omit Accidental " if carried else ""
    octave = note.pitch.octave - 3
    pitch = note.pitch.step.lower() + _ALTERS[note.pitch.alter] + ("'" * octave or "," * -octave)
    beam = {"start": "[", "end": "]"}.get(note.beam or "", "")
    return (
        f"{omitted}{pitch}{'' if unmarked else '!'}{_duration(note.duration)}"
        f"{beam}{'~' if note.tie else ''}{_fermata(note.fermata)}"
    )


def _duration(duration: Duration) -> str:
    return _DURATIONS[duration.value] + "." * duration.dots


def _fermata(fermata: bool) -> str:
    return "\\fermata" if fermata else ""
