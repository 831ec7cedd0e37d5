"""MEI names of what the records of a score name as MusicXML does, and the reverse tables.

Source: Music Encoding Initiative guidelines 5.0, data types of the CMN module.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.score.score import BeamPart, Duration, Meter

__all__ = [
    "ACCIDENTALS",
    "ARTICULATIONS",
    "BARLINES",
    "DURATIONS",
    "FIGURES",
    "GESTURAL",
    "GROUP_SYMBOLS",
    "HEADS",
    "ID",
    "JUMPS",
    "MEI_NAMESPACE",
    "ORNAMENTS",
    "as_recip",
    "beat_unit",
    "engraved_beams",
    "flags",
    "from_recip",
    "inverted",
    "sub",
]

MEI_NAMESPACE = "http://www.music-encoding.org/ns/mei"
ID = "{http://www.w3.org/XML/1998/namespace}id"

DURATIONS = {
    Fraction(8): "maxima",
    Fraction(4): "long",
    Fraction(2): "breve",
    **{Fraction(1, 2**power): str(2**power) for power in range(11)},
}
ACCIDENTALS = {
    "sharp": "s",
    "flat": "f",
    "natural": "n",
    "double-sharp": "x",
    "sharp-sharp": "ss",
    "flat-flat": "ff",
    "natural-sharp": "ns",
    "natural-flat": "nf",
    "triple-sharp": "ts",
    "triple-flat": "tf",
    "quarter-sharp": "1qs",
    "quarter-flat": "1qf",
    "three-quarters-sharp": "3qs",
    "three-quarters-flat": "3qf",
}
GESTURAL = {-3: "tf", -2: "ff", -1: "f", 0: "n", 1: "s", 2: "ss", 3: "ts"}
# Articulations and playing techniques that MEI knows as @artic.
ARTICULATIONS = {
    "accent": "acc",
    "soft-accent": "acc-soft",
    "strong-accent": "marc",
    "staccato": "stacc",
    "tenuto": "ten",
    "detached-legato": "ten-stacc",
    "staccatissimo": "stacciss",
    "spiccato": "spicc",
    "scoop": "scoop",
    "plop": "rip",
    "doit": "doit",
    "falloff": "fall",
    "stress": "stress",
    "unstress": "unstress",
    "up-bow": "upbow",
    "down-bow": "dnbow",
    "harmonic": "harm",
    "open-string": "open",
    "stopped": "stop",
    "snap-pizzicato": "snap",
    "double-tongue": "dbltongue",
    "triple-tongue": "trpltongue",
    "fingernails": "fingernail",
    "heel": "heel",
    "toe": "toe",
    "tap": "tap",
    "bend": "bend",
    "smear": "smear",
    "flip": "flip",
    "golpe": "lhpizz",
}
TECHNIQUES = frozenset(list(ARTICULATIONS)[list(ARTICULATIONS).index("up-bow") :])
HEADS = {
    "x": "x",
    "diamond": "diamond",
    "slash": "slash",
    "back slashed": "backslash",
    "cross": "+",
    "square": "square",
    "rectangle": "rectangle",
    "triangle": "isotriangle",
    "circled": "circle",
}
# MusicXML style and repeat of a barline.
BARLINES = {
    ("regular", None): "single",
    ("light-light", None): "dbl",
    ("light-heavy", None): "end",
    ("heavy", None): "heavy",
    ("dashed", None): "dashed",
    ("dotted", None): "dotted",
    ("none", None): "invis",
    ("heavy-light", "forward"): "rptstart",
    ("light-heavy", "backward"): "rptend",
    ("heavy-heavy", "backward"): "rptboth",
}
GROUP_SYMBOLS = {"brace": "brace", "bracket": "bracket", "line": "line", "square": "bracketsq"}
JUMPS = {"segno": "segno", "coda": "coda", "da-capo": "daCapo", "dal-segno": "dalSegno", "fine": "fine"}
# Element and attributes of the ornaments that MEI knows; others are an <ornam> with their name.
ORNAMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "trill-mark": ("trill", {}),
    "mordent": ("mordent", {"form": "lower"}),
    "inverted-mordent": ("mordent", {"form": "upper"}),
    "turn": ("turn", {"form": "upper"}),
    "inverted-turn": ("turn", {"form": "lower"}),
    "delayed-turn": ("turn", {"form": "upper", "delayed": "true"}),
    "delayed-inverted-turn": ("turn", {"form": "lower", "delayed": "true"}),
}
# Prefixes and suffixes of the figures of a figured bass.
FIGURES = {
    "sharp": "\u266f",
    "flat": "\u266d",
    "natural": "\u266e",
    "double-sharp": "\U0001d12a",
    "flat-flat": "\U0001d12b",
    "slash": "/",
    "backslash": "\\",
    "vertical": "|",
    "cross": "+",
}


def inverted(table: Mapping[str, str]) -> dict[str, str]:
    """The reverse of a table of names."""
    return {value: key for key, value in table.items()}


def sub(parent: ET.Element, tag: str, attributes: Mapping[str, str | None], text: str = "") -> ET.Element:
    """A new child element; attributes that are None are left out.

    Args:
        parent: Where it is appended.
        tag: Its name.
        attributes: Its attributes.
        text: Its text.
    """
    known = {name: value for name, value in attributes.items() if value is not None}
    element = ET.SubElement(parent, tag, known)
    if text:
        element.text = text
    return element


def as_recip(length: Fraction) -> str:
    """A length in whole notes as a Humdrum *recip value: "4" is a quarter, "4%3" three quarters."""
    inverse = 1 / length
    return str(inverse) if inverse.denominator == 1 else f"{inverse.numerator}%{inverse.denominator}"


def from_recip(text: str) -> Fraction | None:
    """The length in whole notes of a Humdrum *recip value without dots; None if it is none."""
    numerator, _, denominator = text.partition("%")
    if not (numerator.isdecimal() and (denominator or "1").isdecimal()) or len(text) > 20:
        return None
    if int(numerator) == 0 or int(denominator or "1") == 0:
        return None
    return Fraction(int(denominator or "1"), int(numerator))


def beat_unit(meter: Meter | None) -> int:
    """The note value that time stamps count, 4 for quarters: the shortest one of the meter."""
    return max((unit for _, unit in meter.terms), default=4) if meter is not None else 4


def flags(duration: Duration) -> int:
    """Number of flags or beams of a note value: 1 for an eighth."""
    return max(0, duration.value.denominator.bit_length() - 3)


def engraved_beams(durations: Sequence[Duration], breaks: Sequence[int | None]) -> list[tuple[BeamPart, ...]]:
    """The beams of notes that are beamed together.

    A short beam that meets no neighbour points into the pair of notes that it belongs to.

    Args:
        durations: Written durations of the notes.
        breaks: For each note the number of beams that lead on to the next one, None: all.
    """
    levels = [flags(duration) for duration in durations]
    joined = [  # number of beams between each note and the next
        min(left, right) if limit is None else min(left, right, limit)
        for left, right, limit in zip(levels, levels[1:], breaks, strict=False)
    ]
    joined = [0, *joined, 0]
    beams: list[tuple[BeamPart, ...]] = []
    position = Fraction(0)
    for index, duration in enumerate(durations):
        own: list[BeamPart] = []
        for level in range(1, levels[index] + 1):
            before, after = joined[index] >= level, joined[index + 1] >= level
            if before or after:
                own.append("continue" if before and after else "end" if before else "begin")
                continue
            starts_pair = (position / Fraction(1, 2 ** (level + 1))).denominator == 1
            last = index == len(durations) - 1
            own.append("forward hook" if index == 0 or (starts_pair and not last) else "backward hook")
        beams.append(tuple(own))
        position += duration.length
    return beams
