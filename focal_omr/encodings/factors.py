"""Factors of symbols: `note-Bb4_eighth.` is a note, B4, flat, an eighth, dotted.

A network that scores a symbol as the sum of its factors shares parameters between all B4s and all dotted
notes, which helps rare symbols.
"""

from focal_omr.encodings.printed import note_sign, unsigned
from focal_omr.encodings.semantic import parse_sign
from focal_omr.score.records import Clef, Key, Meter, MultiRest, Note, Rest

# A printed note without an accidental shares its factor with the semantic natural, so that weights transfer
# between encodings. Checkpoints store factors in the order of these names: do not rename them.
_ALTER_NAMES = {"": "0", "n": "n", "#": "1", "b": "-1", "##": "2", "bb": "-2"}


def symbol_factors(symbol: str) -> tuple[str, ...]:
    """The factors of a semantic or printed symbol; an unrelated symbol has its own name as a factor."""
    match parse_sign(unsigned(symbol)):
        case Note() as note:
            kind = "gracenote" if note.grace else "note"
            name = f"pitch {note.pitch.step}{note.pitch.octave}"
            alter = f"alter {_ALTER_NAMES[note_sign(symbol) or '']}"
            return (kind, name, alter, *_duration(kind, note))
        case Rest() as rest:
            return ("rest", *_duration("rest", rest))
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


def _duration(kind: str, event: Note | Rest) -> tuple[str, ...]:
    value, dots = event.duration.value, event.duration.dots
    fermata = ("fermata",) if event.fermata else ()
    return (f"{kind} {value}", f"value {value}", f"dots {dots}", *fermata)
