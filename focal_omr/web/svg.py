"""Verovio's SVG for a web page: inherited colour, no styles, ids for signs, a class for doubtful events."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree as ET

from focal_omr.errors import EngraveError

_NAMESPACE = "http://www.w3.org/2000/svg"
_STROKED = ("ellipse", "path", "polygon", "polyline", "rect")
_REMOVED = ("defs", "desc", "style")
# The style sheet of Verovio 6.4, as attributes.
_FONTS = {
    **dict.fromkeys(("ending", "fing", "reh", "tempo"), ("font-weight", "bold")),
    **dict.fromkeys(("dir", "dynam", "mNum"), ("font-style", "italic")),
}


class ScoreDefSign(NamedTuple):
    """A clef, key or meter of a scoreDef, which Verovio draws with an id of its own.

    Attributes:
        staff: Index of its staff, from 0.
        kind: Class of its SVG element.
        id: The id to give to that element.
    """

    staff: int
    kind: str
    id: str


@dataclass(frozen=True)
class EngravedScore:
    """One score as Verovio draws it.

    Attributes:
        svg: With a view box and without xlink.
        signs: For each measure, the signs of the scoreDef before it.
    """

    svg: str
    signs: Sequence[Sequence[ScoreDefSign]] = ()


def plain_svg(
    scores: Sequence[EngravedScore], *, ids: Collection[str] = (), doubtful: Collection[str] = ()
) -> str:
    """Stack scores into one SVG without style sheet, styles and colours.

    It has the current colour, a view box, no size, and no other ids but those of glyphs.

    Args:
        scores: The scores, in one font.
        ids: Ids of elements to keep.
        doubtful: Ids of elements that get the class "doubtful".

    Raises:
        EngraveError: An SVG without a view box.
    """
    whole = ET.Element("svg", {"xmlns": _NAMESPACE, "fill": "currentColor"})
    glyphs = ET.SubElement(whole, "defs")
    width = height = 0.0
    for score in scores:
        root = ET.fromstring(score.svg)
        size = re.fullmatch(r"0 0 ([\d.]+) ([\d.]+)", root.get("viewBox", ""))
        if size is None:
            raise EngraveError(f"Verovio's SVG has the view box {root.get('viewBox')!r}")
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        known = {glyph.get("id") for glyph in glyphs}
        glyphs.extend([g for defs in root.iter("defs") for g in defs if g.get("id") not in known])
        _clean(root, ids)
        _set_sign_ids(root, score.signs)
        root.attrib = {"y": f"{height:g}", "width": size[1], "height": size[2], "viewBox": f"{size[0]}"}
        whole.append(root)
        width, height = max(width, float(size[1])), height + float(size[2])
    for element in whole.iter("g"):
        if element.get("id") in doubtful:
            element.set("class", f"{element.get('class')} doubtful")
    whole.set("viewBox", f"0 0 {width:g} {height:g}")
    return ET.tostring(whole, encoding="unicode")


def _clean(element: ET.Element, ids: Collection[str]) -> None:
    """Remove styles, foreign ids and empty milestone elements of pages and sections, recursively."""
    for child in list(element):
        kind = child.get("class", "")
        if child.tag in _REMOVED or "Milestone" in kind or "placeholder" in kind:
            element.remove(child)
    kind = element.get("class", "").partition(" ")[0]
    element.attrib.pop("color", None)
    if element.get("id") not in ids:
        element.attrib.pop("id", None)
    if kind in _FONTS:
        element.set(*_FONTS[kind])
    if element.tag in _STROKED and "stroke" not in element.attrib:
        element.set("stroke", "currentColor")
    for child in element:
        _clean(child, ids)


def _set_sign_ids(root: ET.Element, signs: Sequence[Sequence[ScoreDefSign]]) -> None:
    measures = (element for element in root.iter("g") if element.get("class") == "measure")
    for measure, before in zip(measures, signs, strict=False):
        staves = [element for element in measure if element.get("class") == "staff"]
        for sign in before:
            staff = staves[sign.staff] if sign.staff < len(staves) else ()
            found = next((element for element in staff if element.get("class") == sign.kind), None)
            if found is not None:
                found.set("id", sign.id)
