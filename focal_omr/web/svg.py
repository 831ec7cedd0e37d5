"""Verovio's SVG made fit for a web page: no styles, the page's own colour, ids for signs, doubt."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

from focal_omr.errors import EngraveError

_NAMESPACE = "http://www.w3.org/2000/svg"
_STROKED = ("ellipse", "path", "polygon", "polyline", "rect")
_LEFT_OUT = ("desc", "style")
# What Verovio 6.4 says in its style sheet, as attributes.
_FONTS = {
    **dict.fromkeys(("ending", "fing", "reh", "tempo"), ("font-weight", "bold")),
    **dict.fromkeys(("dir", "dynam", "mNum"), ("font-style", "italic")),
}
_EVENT_ID = re.compile(r"p\d+e\d+")


class Sign(NamedTuple):
    """A clef, key or meter that Verovio gives an id of its own.

    Attributes:
        staff: Number of its staff, from 0.
        kind: The class that its element has.
        id: To be given.
    """

    staff: int
    kind: str
    id: str


@dataclass(frozen=True)
class Drawn:
    """One score as Verovio draws it.

    Attributes:
        svg: With a view box and without xlink.
        signs: For each measure the signs before it.
    """

    svg: str
    signs: Sequence[Sequence[Sign]] = ()


def plain_svg(drawn: Sequence[Drawn], *, doubtful: Collection[str] = ()) -> str:
    """Scores below each other as one SVG without style sheet, styles and colours.

    It has the current colour, a view box, no size, and no ids but those of `mei.event_id` and of glyphs.

    Args:
        drawn: The scores, of one font.
        doubtful: Ids of elements to be of the class "doubtful".

    Raises:
        EngraveError: An SVG without a view box.
    """
    whole = ET.Element("svg", {"xmlns": _NAMESPACE, "fill": "currentColor"})
    glyphs = ET.SubElement(whole, "defs")
    width = height = 0.0
    for each in drawn:
        root = ET.fromstring(each.svg)
        size = re.fullmatch(r"0 0 ([\d.]+) ([\d.]+)", root.get("viewBox", ""))
        if size is None:
            raise EngraveError(f"Verovio's SVG has the view box {root.get('viewBox')!r}")
        _clean(root, glyphs)
        _name_signs(root, each.signs)
        root.attrib = {"y": f"{height:g}", "width": size[1], "height": size[2], "viewBox": f"{size[0]}"}
        whole.append(root)
        width, height = max(width, float(size[1])), height + float(size[2])
    for element in whole.iter("g"):
        if element.get("id") in doubtful:
            element.set("class", f"{element.get('class')} doubtful")
    whole.set("viewBox", f"0 0 {width:g} {height:g}")
    return ET.tostring(whole, encoding="unicode")


def _clean(root: ET.Element, glyphs: ET.Element) -> None:
    """Take off namespaces, styles and foreign ids, and move the glyphs to those of the whole."""
    known = {glyph.get("id") for glyph in glyphs}
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for glyph in [glyph for defs in root.iter("defs") for glyph in defs]:
        if glyph.get("id") not in known:
            glyphs.append(glyph)
    _plain(root)


def _plain(element: ET.Element) -> None:
    for child in [child for child in element if _is_left_out(child)]:
        element.remove(child)
    kind = element.get("class", "").partition(" ")[0]
    element.attrib.pop("color", None)
    if not _EVENT_ID.fullmatch(element.get("id", "")):
        element.attrib.pop("id", None)
    if kind in _FONTS:
        element.set(*_FONTS[kind])
    if element.tag in _STROKED and "stroke" not in element.attrib:
        element.set("stroke", "currentColor")
    for child in element:
        _plain(child)


def _is_left_out(element: ET.Element) -> bool:
    """Styles, and the marks of pages and sections, which hold nothing to see."""
    kind = element.get("class", "")
    return element.tag in (*_LEFT_OUT, "defs") or "Milestone" in kind or "placeholder" in kind


def _name_signs(root: ET.Element, signs: Sequence[Sequence[Sign]]) -> None:
    measures = (element for element in root.iter("g") if element.get("class") == "measure")
    for measure, before in zip(measures, signs, strict=False):
        staves = [element for element in measure if element.get("class") == "staff"]
        for sign in before:
            staff = staves[sign.staff] if sign.staff < len(staves) else ()
            found = next((element for element in staff if element.get("class") == sign.kind), None)
            if found is not None:
                found.set("id", sign.id)
