"""Single MEI elements and attributes, read into the records that they stand for.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_writer import MEI_ACCIDENTALS, MEI_BARLINES, MEI_DURATIONS
from focal_omr.score.records import (
    NOTE_VALUES,
    BarlineKind,
    Clef,
    Duration,
    Event,
    Key,
    Meter,
    Note,
    Tuplet,
)

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
_MOST_DIGITS = 5  # more has no number in music, and Python refuses thousands of them
_MOST_DOTS = 9
_METER_SIGNS = {"common": Meter(4, 4, "C"), "cut": Meter(2, 2, "C/")}
# Attributes of a scoreDef or staffDef that stand for a sign, by the sign's element: MEI 4 and MEI 5 names.
SIGN_ATTRIBUTES = {
    "clef": {"clef.shape": "shape", "clef.line": "line", "clef.dis": "dis"},
    "keySig": {"keysig": "sig", "key.sig": "sig"},
    "meterSig": {"meter.count": "count", "meter.unit": "unit", "meter.sym": "sym", "meter.form": "form"},
}


def whole_number(element: ET.Element, name: str) -> int:
    """An attribute that must be a whole number of at most `_MOST_DIGITS` digits."""
    number = _whole(element.get(name, ""))
    if number is None:
        raise NotationError(
            f"a <{element.tag}> with {name}={element.get(name, '')!r}; a whole number is needed"
        )
    return number


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def written_duration(element: ET.Element) -> Duration:
    """The duration of a note or rest as it is printed."""
    value = element.get("dur", "")
    if value not in _VALUES:
        raise NotationError(f"a <{element.tag}> with dur={value!r}; known are {', '.join(_VALUES)}")
    dots = whole_number(element, "dots") if "dots" in element.attrib else 0
    if dots > _MOST_DOTS:  # its length would be a fraction of as many digits
        raise NotationError(f"a <{element.tag}> with {dots} dots; at most {_MOST_DOTS} are read")
    return Duration(_VALUES[value], dots)


def alterations(note: ET.Element) -> tuple[int | None, int | None]:
    """The alterations that a note's accidental and its sounding accidental name."""
    printed = sounding = None
    for source in [note, *note.iter("accid")]:
        if value := source.get("accid.ges"):
            sounding = _alter(value)
        if value := source.get("accid"):
            if (
                source.get("func") == "edit"
            ):  # an editor's accidental stands above the staff, not before the note
                sounding = _alter(value)
            else:
                printed = _alter(value)
    return printed, sounding


def _alter(name: str) -> int:
    if name not in _ALTERS:
        raise NotationError(f"an accidental {name!r}; known are {', '.join(_ALTERS)}")
    return _ALTERS[name]


def sign_attributes(definition: ET.Element, tag: str) -> dict[str, str]:
    """A sign's attributes, from its element in a definition or from the definition's own attributes."""
    if (child := definition.find(tag)) is not None:
        return dict(child.attrib)
    names = SIGN_ATTRIBUTES[tag]
    return {names[name]: value for name, value in definition.attrib.items() if name in names}


def clef(attributes: dict[str, str]) -> Clef:
    """A clef; one that sounds an octave away from where it is printed is refused."""
    shape, line = attributes.get("shape", ""), attributes.get("line", "")
    if shape not in ("G", "F", "C") or line not in ("1", "2", "3", "4", "5") or "dis" in attributes:
        octaves = " with an octave sign" if "dis" in attributes else ""
        raise NotationError(f"a clef {shape}{line}{octaves}; a plain G, F or C clef on a line is needed")
    return Clef(shape, int(line))  # type: ignore[arg-type]  # checked in the line above


def key_signature(attributes: dict[str, str]) -> Key:
    """A key signature of sharps or of flats."""
    signature = attributes.get("sig", "")
    number, kind = signature[:1], signature[1:]
    if number not in tuple("01234567") or (kind not in ("s", "f") and signature != "0"):
        raise NotationError(f"a key signature {signature!r}; 0 .. 7 sharps (s) or flats (f) are needed")
    return Key(-int(number) if kind == "f" else int(number))


def time_signature(attributes: dict[str, str]) -> Meter:
    """A time signature; one that is only a sign means 4/4 or 2/2."""
    sign = _METER_SIGNS.get(attributes.get("sym", ""))
    count, unit = attributes.get("count", ""), attributes.get("unit", "")
    if (beats := _whole(count)) and (of := _whole(unit)):
        return Meter(beats, of, sign.symbol if sign else None)
    if sign is None or count or unit:
        raise NotationError(f"a time signature {count!r}/{unit!r}; two whole numbers are needed")
    return sign


def beamed(events: Sequence[Event]) -> list[Event]:
    """The events of a beam, every note with its place in it; grace notes among others keep what they have."""
    notes = [note for event in events for note in _opened(event) if _takes_beam(note)]
    if not all(note.grace for note in notes):
        notes = [note for note in notes if not note.grace]
    members = {id(note): place for place, note in enumerate(notes)} if len(notes) > 1 else {}

    def placed(event: Event) -> Event:
        match event:
            case Tuplet():
                return replace(event, events=tuple(placed(e) for e in event.events))  # type: ignore[misc]
            case Note() if id(event) in members:
                place = members[id(event)]
                return replace(
                    event, beam="start" if place == 0 else "end" if place == len(notes) - 1 else "middle"
                )
            case Note(grace=False):
                return replace(event, beam=None)
        return event

    return [placed(event) for event in events]


def _opened(event: Event) -> tuple[Event, ...]:
    return event.events if isinstance(event, Tuplet) else (event,)


def _takes_beam(event: Event) -> TypeGuard[Note]:
    return isinstance(event, Note) and NOTE_VALUES[event.duration.value] < NOTE_VALUES["quarter"]
