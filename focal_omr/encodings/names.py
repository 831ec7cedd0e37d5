"""Musical names of symbols: `note-C#5_eighth.` is a C♯5 dotted eighth, `clef-C3` the alto clef."""

from focal_omr.encodings.semantic import KEY_NAMES, parse_barline, parse_sign
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Duration,
    Event,
    Key,
    Meter,
    MultiRest,
    Note,
    Rest,
)

_CLEFS = {
    "G1": "French violin clef",
    "G2": "treble clef",
    "C1": "soprano clef",
    "C2": "mezzo-soprano clef",
    "C3": "alto clef",
    "C4": "tenor clef",
    "C5": "baritone C clef",  # the same pitches as F3, another sign
    "F3": "baritone F clef",
    "F4": "bass clef",
    "F5": "sub-bass clef",
}
_BARLINES: dict[BarlineKind, str] = {
    "single": "barline",
    "double": "double barline",
    "final": "final barline",
    "repeat_start": "start of repeat",
    "repeat_end": "end of repeat",
    "repeat_both": "end and start of repeat",
}
_VALUES = {
    "quadruple_whole": "longa",
    "double_whole": "breve",
    "thirty_second": "thirty-second",
    "sixty_fourth": "sixty-fourth",
    "hundred_twenty_eighth": "128th",
}
# Double signs in words: few fonts have their characters.
_SIGNS = {-2: " double flat ", -1: "♭", 0: "", 1: "♯", 2: " double sharp "}
_DOTS = ("", "dotted ", "double-dotted ", "triple-dotted ")
_TUPLETS = {
    "2": "duplet",
    "3": "triplet",
    "4": "quadruplet",
    "5": "quintuplet",
    "6": "sextuplet",
    "7": "septuplet",
    "8": "octuplet",
    "9": "nonuplet",
    "end": "end of tuplet",
}
_METERS = {"C": "common time", "C/": "cut time"}


def symbol_name(token: str) -> str:
    """The unique name of a semantic token; a token outside of the grammar is its own name."""
    if barline := parse_barline(token):
        return _BARLINES[barline]
    if (sign := parse_sign(token)) is not None:
        return _sign_name(sign) or token
    head, _, kind = token.partition("-")
    if head == "tuplet" and kind:
        return _TUPLETS.get(kind, f"tuplet of {kind}")
    return "reminder accidental" if token == "accidental" else token


def _sign_name(sign: Event) -> str | None:
    match sign:
        case Note():
            grace = "grace " if sign.grace else ""
            pitch = f"{sign.pitch.step}{_SIGNS[sign.pitch.alter]}{sign.pitch.octave}"
            return f"{grace}{pitch} {_duration(sign.duration)}{_fermata(sign.fermata)}"
        case Rest():
            return f"{_duration(sign.duration)} rest{_fermata(sign.fermata)}"
        case MultiRest():
            return "1 bar's rest" if sign.bars == 1 else f"{sign.bars} bars' rest"
        case Clef():
            place = f"{sign.shape}{sign.line}"
            return _CLEFS.get(place, f"{sign.shape} clef on line {sign.line}")
        case Key():
            name = KEY_NAMES[sign.fifths].removesuffix("M")
            return f"{name[0]}{name[1:].replace('#', '♯').replace('b', '♭')} major key"
        case Meter():
            return _METERS.get(sign.symbol or "", f"{sign.beats}/{sign.unit} time")
    return None


def _duration(duration: Duration) -> str:
    dots = duration.dots
    dotted = _DOTS[dots] if dots < len(_DOTS) else f"{dots}-dotted "
    return dotted + _VALUES.get(duration.value, duration.value)


def _fermata(fermata: bool) -> str:
    return " with fermata" if fermata else ""
