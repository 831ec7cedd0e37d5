"""Where the engraver put every symbol: Verovio's SVG read back.

The x positions are stored beside the labels of rendered staves, to start a network frame by frame or to judge
boxes; the heights check the agnostic labels, whose places are ours and not Verovio's.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.errors import EngraveError
from focal_omr.score.records import Clef, Key, Meter

SVG_UNITS_PER_SPACE = 180  # Verovio's own unit, at its default `unit` of 9
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_FIRST_POINT = re.compile(r"M?(-?\d+)[ ,](-?\d+)")
_TRANSLATION = re.compile(r"translate\((-?\d+), ?(-?\d+)\)")
_FARTHEST = 1_000_000  # SVG units; a page has 600,000 at most
_NOTEHEAD_UNITS = 212  # width of a black head of Verovio's fonts at full size: 1.18 spaces
_SIGN_CLASSES = {Clef: "clef", Key: "keySig", Meter: "meterSig"}
_BY_ORDER = (*_SIGN_CLASSES.values(), "barLine", "tie")
_OWNERS = frozenset((*_BY_ORDER, "note", "rest", "mRest", "multiRest"))


@dataclass(frozen=True, slots=True)
class Glyph:
    """One drawn sign.

    Attributes:
        kind: Verovio's class of the element that draws it: notehead, accid, keyAccid, dots, ...
        owner_kind: Class of the sign that it is a part of: note, keySig, barLine, ...; else empty.
        owner: That sign's id.
        code: SMuFL code point as four hexadecimal digits; empty for what is drawn as a shape.
        x, y: Its origin in SVG units inside the page's margins, y downwards.
    """

    kind: str
    owner_kind: str
    owner: str
    code: str
    x: int
    y: int


@dataclass(frozen=True)
class Engraving:
    """What stands on an engraved staff.

    Attributes:
        left, right: Ends of its lines.
        line_ys: Its five lines from top to bottom.
        margin: (x, y) of the origin of all these coordinates on the page.
        glyphs: What is drawn, in the order of the SVG.
    """

    left: int
    right: int
    line_ys: tuple[int, ...]
    margin: tuple[int, int]
    glyphs: tuple[Glyph, ...]

    def step(self, glyph: Glyph) -> float:
        """Height in steps above the lowest line."""
        return (self.line_ys[-1] - glyph.y) / (SVG_UNITS_PER_SPACE / 2)


def read_engraving(svg: str) -> Engraving:
    """The staff and the glyphs of an SVG by Verovio of one staff.

    Raises:
        EngraveError: It has no staff of five lines.
    """
    page = next(_of_class(ET.fromstring(svg), "page-margin"), None)
    if page is None or (origin := _TRANSLATION.match(page.get("transform", ""))) is None:
        raise EngraveError("an SVG without a page of Verovio's")
    lines = [points for staff in _of_class(page, "staff") for points in _staff_lines(staff)]
    ys = tuple(sorted({y for _, _, y in lines}))
    if len(ys) != 5:
        raise EngraveError(f"Verovio drew {len(ys)} staff lines instead of 5")
    # Verovio 6.4 now and then draws a staff at heights near the end of its numbers: with lyrics under grace
    # notes 8 of 400 (`furniture` puts none there), without them some 2 of 10,000.
    if max(map(abs, ys)) > _FARTHEST:
        raise EngraveError(f"Verovio drew the staff at height {ys[0]}")
    left, right = min(x for x, _, _ in lines), max(x for _, x, _ in lines)
    margin = (int(origin[1]), int(origin[2]))
    return Engraving(left, right, ys, margin, tuple(_glyphs(page, "", "", "")))


def _of_class(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (group for group in root.iter(f"{_SVG}g") if group.get("class") == name)


def _staff_lines(staff: ET.Element) -> Iterator[tuple[int, int, int]]:
    """(left, right, y) of the lines drawn directly in a staff."""
    for path in staff.findall(f"{_SVG}path"):
        numbers = [int(number) for number in re.findall(r"-?\d+", path.get("d", ""))]
        yield numbers[0], numbers[2], numbers[1]


def _glyphs(group: ET.Element, kind: str, owner_kind: str, owner: str) -> Iterator[Glyph]:
    for child in group:
        if child.tag == f"{_SVG}g":
            inner = child.get("class", "").partition(" ")[0]
            owns = inner in _OWNERS and not owner
            about = (inner, child.get("id", "")) if owns else (owner_kind, owner)
            yield from _glyphs(child, inner, *about)
        elif (place := _place(child)) is not None:
            code = child.get(_LINK, "")[1:].partition("-")[0] if child.tag == f"{_SVG}use" else ""
            yield Glyph(kind, owner_kind, owner, code, *place)


def _place(shape: ET.Element) -> tuple[int, int] | None:
    match shape.tag.removeprefix(_SVG):
        case "use":
            found = _TRANSLATION.match(shape.get("transform", ""))
        case "path":
            found = _FIRST_POINT.match(shape.get("d", ""))
        case "polygon":  # the head of a long, which no font draws
            found = _FIRST_POINT.match(shape.get("points", ""))
        case "ellipse":
            return int(shape.get("cx", 0)), int(shape.get("cy", 0))
        case _:
            found = None
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True)
class Place:
    """Where a semantic token stands, in SVG units right of the staff's left end.

    Attributes:
        x: The middle of a note's head, else where the sign begins; None where nothing is drawn for it.
        accidental_x: Where a note's printed accidental begins.
    """

    x: int | None
    accidental_x: int | None = None


def token_places(engraving: Engraving, tokens: Sequence[str], *, first_event: int = 0) -> list[Place]:
    """A place for each token of the staff's semantic label.

    Notes and rests are found by the ids that `mei_tree` gives them; clefs, signatures, barlines and ties by
    their order from left to right, since Verovio draws those from copies of its own.

    Args:
        engraving: What was drawn.
        tokens: The label of all that can be seen.
        first_event: Number in the score that was engraved of the label's first event.

    Raises:
        EngraveError: A note or rest was not drawn, or another number of clefs, signatures, barlines or ties
            than the label has.
    """
    owned: dict[str, list[Glyph]] = defaultdict(list)
    for glyph in engraving.glyphs:
        owned[glyph.owner].append(glyph)
    drawn = _in_order(owned.values())
    places: list[Place] = []
    event, last, key = first_event, Place(None), Key(0)
    for token in tokens:
        sign = parse_sign(token)
        kind = _SIGN_CLASSES.get(type(sign)) or ("barLine" if parse_barline(token) else token)
        if kind in _BY_ORDER:
            # C major is drawn where it ends another key, as its naturals.
            nothing = sign == Key(0) == key
            place = Place(None) if nothing else Place(_next(drawn[kind], token))
            key = sign if isinstance(sign, Key) else key
        elif sign is not None:
            place = last = _event_place(owned.get(f"p1e{event}", []), token)
        else:  # the marks of tuplets and reminders stand at their notes
            place = last if token == "tuplet-end" else Place(None)
        event += sign is not None
        places.append(place)
    if left := [f"{len(places)} more of {kind}" for kind, places in drawn.items() if places]:
        raise EngraveError(f"Verovio drew {', '.join(left)} than the label has")
    return [_from_left(place, engraving.left) for place in places]


def _in_order(owned: Iterable[Sequence[Glyph]]) -> dict[str, list[int]]:
    """For each kind that is found by its order where its signs begin, the rightmost first."""
    found: dict[str, list[int]] = {kind: [] for kind in _BY_ORDER}
    for glyphs in owned:
        if glyphs[0].owner_kind in found:
            found[glyphs[0].owner_kind].append(min(glyph.x for glyph in glyphs))
    return {kind: sorted(places, reverse=True) for kind, places in found.items()}


def _next(places: list[int], token: str) -> int:
    if not places:
        raise EngraveError(f"Verovio did not draw {token}")
    return places.pop()


def _event_place(glyphs: Sequence[Glyph], token: str) -> Place:
    heads = [glyph.x for glyph in glyphs if glyph.kind == "notehead"]
    if heads:
        accidental = next((glyph.x for glyph in glyphs if glyph.kind == "accid"), None)
        return Place(heads[0] + _NOTEHEAD_UNITS // 2, accidental)
    if not glyphs:
        raise EngraveError(f"Verovio drew nothing for {token}")
    return Place(min(glyph.x for glyph in glyphs))


def _from_left(place: Place, left: int) -> Place:
    return Place(*(None if x is None else x - left for x in (place.x, place.accidental_x)))
