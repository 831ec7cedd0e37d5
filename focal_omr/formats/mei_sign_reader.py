"""Clefs, keys, meters and barlines of MEI as records."""

import re
from collections.abc import Iterator
from typing import Any, cast
from xml.etree import ElementTree as ET

from focal_omr.formats.mei_terms import BARLINES
from focal_omr.score.score import Barline, Clef, Key, Meter, Placement

__all__ = ["barline", "placement", "sign_of", "whole_number"]

_BARLINES = {name: Barline(style, cast("Any", repeat)) for (style, repeat), name in BARLINES.items()}
_BARLINES["rptboth"] = Barline("light-heavy", "backward")


def sign_of(element: ET.Element, key: Key) -> Clef | Key | Meter | None:
    """The sign of a clef, keySig, meterSig or meterSigGrp element; None for one that the records lack.

    Args:
        element: The element.
        key: The key in force, whose naturals a new one may cancel.
    """
    if element.tag == "clef":
        shape = {"perc": "percussion", "GG": "G"}.get(element.get("shape", "G"), element.get("shape", "G"))
        if element.get("visible") == "false":
            shape = "none"
        if shape not in ("G", "F", "C", "percussion", "TAB", "none"):
            return None
        line = whole_number(element, "line", {"G": 2, "F": 4, "C": 3}.get(shape, 3))
        octave = {"8": 1, "15": 2, "22": 3}.get(element.get("dis", ""), 0)
        octave = octave if element.get("dis.place") != "below" else -octave
        octave = -1 if element.get("shape") == "GG" else octave
        return Clef(cast("Any", shape), line, octave)
    if element.tag == "keySig":
        return _key(element, key)
    terms = element.findall("meterSig") if element.tag == "meterSigGrp" else [element]
    read = [term for child in terms for term in _meter_terms(child)]
    symbol = element.get("sym") or ("single-number" if element.get("form") == "num" else None)
    return Meter(tuple(read), cast("Any", symbol if symbol in ("common", "cut", "single-number") else None))


def _key(element: ET.Element, key: Key) -> Key | None:
    match = re.fullmatch(r"([0-7])([sf]?)", element.get("sig", ""))
    if match is None:
        signs = [child.get("accid") for child in element.iterfind("keyAccid")]
        if not signs or len(set(signs)) > 1 or signs[0] not in ("s", "f") or len(signs) > 7:
            return None
        match = cast("re.Match[str]", re.fullmatch(r"(\d)([sf])", f"{len(signs)}{signs[0]}"))
    fifths = int(match[1]) * (-1 if match[2] == "f" else 1)
    cancel = element.get("cancelaccid") or element.get("sig.showchange")
    return Key(fifths, key.fifths if cancel in ("before", "after", "before-bar", "true") else None)


def _meter_terms(element: ET.Element) -> Iterator[tuple[tuple[int, ...], int]]:
    count, unit = element.get("count", ""), element.get("unit", "")
    if not count and element.get("sym") in ("common", "cut"):
        count, unit = ("4", "4") if element.get("sym") == "common" else ("2", "2")
    if re.fullmatch(r"\d{1,3}(\+\d{1,3})*", count) and re.fullmatch(r"\d{1,4}", unit):
        beats = tuple(int(number) for number in count.split("+"))
        if min(*beats, int(unit)) > 0:
            yield beats, int(unit)


def barline(form: str) -> Barline:
    """The barline of an MEI form; varied ones that the records lack are read as the plain one."""
    return _BARLINES.get(form) or _BARLINES["dbl" if form.startswith("dbl") else "single"]


def placement(element: ET.Element, attribute: str = "place") -> Placement | None:
    """Above or below, if an attribute says so."""
    value = element.get(attribute)
    return cast("Placement", value) if value in ("above", "below") else None


def whole_number(element: ET.Element, attribute: str, default: int) -> int:
    """A whole number of an attribute; the default where there is none, or less than 1.

    Args:
        element: The element.
        attribute: Its attribute.
        default: The number instead.
    """
    text = element.get(attribute, "")
    return int(text) or default if text.isdecimal() and len(text) < 5 else default
