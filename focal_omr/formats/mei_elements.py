"""MEI elements and attributes as score records, shared by the MEI reader and the score diff.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_writer import MEI_ACCIDENTALS, MEI_BARLINES, MEI_DURATIONS
from focal_omr.score.records import BarlineKind, Clef, Duration, Key, Meter

_VALUES = {mei: value for value, mei in MEI_DURATIONS.items()}
_ALTERS = {mei: alter for alter, mei in MEI_ACCIDENTALS.items()} | {"ss": 2, "nf": -1, "ns": 1}
BARLINES: dict[str, BarlineKind | None] = {
    **{mei: kind for kind, mei in MEI_BARLINES.items()},
    "invis": None,
    "dashed": "single",
    "dotted": "single",
    "heavy": "single",
    "dbldashed": "double",
    "dbldotted": "double",
    "dblheavy": "double",
}
_MAX_DIGITS = 5  # no musical number is longer, and Python refuses to convert thousands of digits
_MAX_DOTS = 9  # the length of a dotted value is a fraction with one binary digit per dot
_METER_SIGNS = {"common": Meter(4, 4, "C"), "cut": Meter(2, 2, "C/")}
# Attributes of a scoreDef or staffDef that stand for a child element; MEI 4 and MEI 5 names.
SIGN_ATTRIBUTES = {
    "clef": {"clef.shape": "shape", "clef.line": "line", "clef.dis": "dis"},
    "keySig": {"keysig": "sig", "key.sig": "sig"},
    "meterSig": {"meter.count": "count", "meter.unit": "unit", "meter.sym": "sym", "meter.form": "form"},
}
# Elements that sound, rest, or stand for music that is not written out.
_MUSIC = frozenset({"note", "rest", "chord", "mRest", "multiRest", "mRpt", "mRpt2", "multiRpt", "beatRpt"})


def element_text(element: ET.Element | None) -> str:
    """The text inside an element with whitespace collapsed; empty for None."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


def has_music(element: ET.Element) -> bool:
    """Whether an element or a descendant is a visible note, chord, rest or repeat."""
    return any(each.tag in _MUSIC and each.get("visible") != "false" for each in element.iter())


def staff_layers(measure: ET.Element, staff: str) -> tuple[list[ET.Element], list[ET.Element]]:
    """All layers of the staff with this `n` in a measure, and those of them that hold music."""
    staves = [each for each in measure.iterfind("staff") if each.get("n", "1") == staff]
    layers = [layer for each in staves for layer in each.iterfind("layer")]
    return layers, [layer for layer in layers if has_music(layer)]


def whole_number(element: ET.Element, name: str) -> int:
    """An attribute as a whole number.

    Raises:
        NotationError: The attribute is missing, not a number, or has more than 5 digits.
    """
    text = element.get(name, "")
    if (number := _parse_number(text)) is None:
        raise NotationError(f"a <{element.tag}> with {name}={text!r}; expected a whole number")
    return number


def _parse_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None


def written_duration(element: ET.Element) -> Duration:
    """The printed duration of a note or rest.

    Raises:
        NotationError: `@dur` is unknown, or there are more than 9 dots.
    """
    value = element.get("dur", "")
    if value not in _VALUES:
        raise NotationError(f"a <{element.tag}> with dur={value!r}; known are {', '.join(_VALUES)}")
    dots = whole_number(element, "dots") if "dots" in element.attrib else 0
    if dots > _MAX_DOTS:
        raise NotationError(f"a <{element.tag}> with {dots} dots; the maximum is {_MAX_DOTS}")
    return Duration(_VALUES[value], dots)


def alterations(note: ET.Element) -> tuple[int | None, int | None]:
    """The alterations, in semitones, of a note's printed and of its sounding accidental.

    Raises:
        NotationError: An accidental is unknown.
    """
    printed = sounding = None
    for source in [note, *note.iter("accid")]:
        for name in ("accid.ges", "accid"):
            if not (value := source.get(name)):
                continue
            if value not in _ALTERS:
                raise NotationError(f"an accidental {value!r}; known are {', '.join(_ALTERS)}")
            # An editorial accidental stands above the staff, not before the note.
            if name == "accid.ges" or source.get("func") == "edit":
                sounding = _ALTERS[value]
            else:
                printed = _ALTERS[value]
    return printed, sounding


def sign_attributes(definition: ET.Element, tag: str) -> dict[str, str]:
    """The attributes of a clef, keySig or meterSig in a definition.

    Args:
        definition: A scoreDef or staffDef.
        tag: A key of `SIGN_ATTRIBUTES`.

    Returns:
        The attributes of the child element, or else those that the definition itself holds; empty without a
        sign.
    """
    if (child := definition.find(tag)) is not None:
        return dict(child.attrib)
    names = SIGN_ATTRIBUTES[tag]
    return {names[name]: value for name, value in definition.attrib.items() if name in names}


def parse_clef(attributes: Mapping[str, str]) -> Clef:
    """A clef from the attributes of a <clef>.

    Raises:
        NotationError: Not a G, F or C clef on a line, or an octave clef.
    """
    shape, line = attributes.get("shape", ""), attributes.get("line", "")
    if shape not in ("G", "F", "C") or line not in ("1", "2", "3", "4", "5") or "dis" in attributes:
        octaves = " with an octave sign" if "dis" in attributes else ""
        raise NotationError(f"a clef {shape}{line}{octaves}; expected a plain G, F or C clef on a line")
    return Clef(shape, int(line))  # type: ignore[arg-type]  # checked in the line above


def parse_key(attributes: Mapping[str, str]) -> Key:
    """A key signature from the attributes of a <keySig>.

    Raises:
        NotationError: Not 0 to 7 sharps or flats.
    """
    signature = attributes.get("sig", "")
    number, kind = signature[:1], signature[1:]
    if number not in tuple("01234567") or (kind not in ("s", "f") and signature != "0"):
        raise NotationError(f"a key signature {signature!r}; expected 0 .. 7 sharps (s) or flats (f)")
    return Key(-int(number) if kind == "f" else int(number))


def parse_meter(attributes: Mapping[str, str]) -> Meter:
    """A time signature from the attributes of a <meterSig>; C and cut C alone mean 4/4 and 2/2.

    Raises:
        NotationError: Neither two whole numbers nor a known sign.
    """
    sign = _METER_SIGNS.get(attributes.get("sym", ""))
    count, unit = attributes.get("count", ""), attributes.get("unit", "")
    if (beats := _parse_number(count)) and (beat_unit := _parse_number(unit)):
        return Meter(beats, beat_unit, sign.symbol if sign else None)
    if sign is None or count or unit:
        raise NotationError(f"a time signature {count!r}/{unit!r}; expected two whole numbers")
    return sign
