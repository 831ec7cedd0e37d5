"""What symbols have in common: `note-Bb4_eighth.` is a note, B4, flat, an eighth, dotted.

A network that scores a symbol as the sum of its factors learns from every B4 and every dotted note what
helps with this one, which is what a symbol seen ten times needs.
"""

from focal_omr.encodings.printed import note_sign, unsigned
from focal_omr.encodings.semantic import parse_sign
from focal_omr.score.records import Clef, Duration, Key, Meter, MultiRest, Note, Rest

# A printed note without an accidental shares its factor with the semantic natural: an encoding can go
# on with the other's weights. Checkpoints hold the factors in the order of these names: do not rename them.
_ALTER_NAMES = {"": "0", "n": "n", "#": "1", "b": "-1", "##": "2", "bb": "-2"}


def symbol_factors(symbol: str) -> tuple[str, ...]:
    """Factors of a semantic or printed symbol; a symbol like none other has its own name as factor."""
    match parse_sign(unsigned(symbol)):
        case Note() as note:
            kind = "gracenote" if note.grace else "note"
            name = f"pitch {note.pitch.step}{note.pitch.octave}"
            alter = f"alter {_ALTER_NAMES[note_sign(symbol) or '']}"
            return (kind, name, alter, *_duration(kind, note.duration), *_fermata(note.fermata))
        case Rest() as rest:
            return ("rest", *_duration("rest", rest.duration), *_fermata(rest.fermata))
        case MultiRest(bars):
            digits = f"{bars:02d}"
            return ("multirest", f"digits {len(str(bars))}", f"tens {digits[-2]}", f"units {digits[-1]}")
        case Clef(shape, line):
            return ("clef", f"clef {shape}", f"clef line {line}")
        case Key(fifths):
            return ("key", f"key {fifths}")
        case Meter(beats, unit, sign):
            return ("meter", f"sign {sign}") if sign else ("meter", f"beats {beats}", f"unit {unit}")
    kind, _, _ = symbol.partition("-")
    return (kind, symbol)


def _duration(kind: str, duration: Duration) -> tuple[str, ...]:
    return (f"{kind} {duration.value}", f"value {duration.value}", f"dots {duration.dots}")


def _fermata(fermata: bool) -> tuple[str, ...]:
    return ("fermata",) if fermata else ()
