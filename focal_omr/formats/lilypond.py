"""LilyPond input for one staff: the second engraver, for pictures that Verovio did not draw.

Every accidental, beam and barline is written out, since they shall be drawn as the score has them and not by
LilyPond's rules. Source: the notation reference of LilyPond 2.24.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, takewhile

from focal_omr.encodings.semantic import KEY_NAMES
from focal_omr.errors import NotationError
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Pitch,
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
        NotationError: Not exactly one part, or what this does not write: rests of several bars, clefs that
            LilyPond has no name for.
    """
    if len(score.parts) != 1:
        raise NotationError(f"LilyPond gets one staff; this score has {len(score.parts)} parts")
    measures = score.parts[0].measures
    body = " ".join((*_unprinted(measures), *_part(measures)))
    return f"{{ \\accidentalStyle forget \\cadenzaOn {body} }}"


def _unprinted(measures: Sequence[Measure]) -> Iterator[str]:
    """A staff without a clef or a meter shows none: LilyPond would print a treble clef, and a C."""
    signs = takewhile(lambda event: isinstance(event, Clef | Key | Meter), measures[0].events)
    kinds = {type(event) for event in signs}
    for kind, name in ((Clef, "Clef"), (Meter, "TimeSignature")):
        if kind not in kinds:
            yield f"\\once \\omit Staff.{name}"


def _part(measures: Sequence[Measure]) -> Iterator[str]:
    key = Key(0)
    for measure in measures:
        for grace, group in groupby(measure.events, key=is_grace):
            words = []
            for event in group:
                key = event if isinstance(event, Key) else key
                words.append(_event(event, key))
            yield f"\\grace {{ {' '.join(words)} }}" if grace else " ".join(words)
        if measure.barline is not None:
            yield f'\\bar "{_BARLINES[measure.barline]}"'


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
            return f"\\key {_key_name(event)} \\major"
        case Meter():
            style = "default" if event.symbol else "numeric"
            return f"\\{style}TimeSignature \\time {event.beats}/{event.unit}"
    raise NotationError(f"LilyPond gets no {event!r} from here")


def _note(note: Note, key: Key) -> str:
    # `forget` prints what differs from the key; the rest is forced or left out as the score has it.
    unmarked = note.accidental is None
    carried = unmarked and note.pitch.alter != key.alter(note.pitch.step)
    omitted = "\\once \\omit Accidental " if carried else ""
    beam = {"start": "[", "end": "]"}.get(note.beam or "", "")
    return (
        f"{omitted}{_pitch(note.pitch)}{'' if unmarked else '!'}{_duration(note.duration)}"
        f"{beam}{'~' if note.tie else ''}{_fermata(note.fermata)}"
    )


def _pitch(pitch: Pitch) -> str:
    octave = pitch.octave - 3
    return f"{pitch.step.lower()}{_ALTERS[pitch.alter]}" + ("'" * octave if octave > 0 else "," * -octave)


def _duration(duration: Duration) -> str:
    return _DURATIONS[duration.value] + "." * duration.dots


def _fermata(fermata: bool) -> str:
    return "\\fermata" if fermata else ""


def _key_name(key: Key) -> str:
    name = KEY_NAMES[key.fifths].removesuffix("M")
    return name[0].lower() + {"b": "es", "#": "is"}.get(name[1:], "")
