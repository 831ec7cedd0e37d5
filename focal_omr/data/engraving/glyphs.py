"""Glyph positions read from Verovio's SVG.

The columns are stored beside the labels of engraved staves, to initialise a network frame by frame or to
evaluate boxes. The heights verify the agnostic labels, whose staff positions we compute ourselves.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.errors import EngraveError
from focal_omr.score.event_ids import event_id
from focal_omr.score.records import Clef, Key, Meter

SVG_UNITS_PER_SPACE = 180  # Verovio's unit, at its default `unit` of 9
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_FIRST_POINT = re.compile(r"M?(-?\d+)[ ,](-?\d+)")
_TRANSLATION = re.compile(r"translate\((-?\d+), ?(-?\d+)\)")
_MAX_Y = 1_000_000  # SVG units; a page has 600,000 at most
_NOTEHEAD_UNITS = 212  # width of a black head of Verovio's fonts at full size: 1.18 spaces
_SIGN_CLASSES = {Clef: "clef", Key: "keySig", Meter: "meterSig"}
_BY_ORDER = (*_SIGN_CLASSES.values(), "barLine", "tie")
_OWNERS = frozenset((*_BY_ORDER, "note", "rest", "mRest", "multiRest"))


@dataclass(frozen=True, slots=True)
class EngravedGlyph:
    """One drawn glyph.

    Attributes:
        kind: Verovio's class of the element that draws it: notehead, accid, keyAccid, dots, ...
        owner_kind: Class of the symbol that it is part of: note, keySig, barLine, ...; or empty.
        owner: Id of that symbol.
        code: SMuFL code point as four hexadecimal digits; empty for shapes.
        x, y: Its origin in SVG units within the page margin, y downwards.
    """

    kind: str
    owner_kind: str
    owner: str
    code: str
    x: int
    y: int


@dataclass(frozen=True)
class Engraving:
    """The content of an engraved staff.

    Attributes:
        left, right: Ends of the staff lines.
        line_ys: The five lines from top to bottom.
        margin: (x, y) of the origin of these coordinates on the page.
        glyphs: In the order of the SVG.
    """

    left: int
    right: int
    line_ys: tuple[int, ...]
    margin: tuple[int, int]
    glyphs: tuple[EngravedGlyph, ...]

    def step(self, glyph: EngravedGlyph) -> float:
        """Height in steps above the lowest line."""
        return (self.line_ys[-1] - glyph.y) / (SVG_UNITS_PER_SPACE / 2)


def read_engraving(svg: str) -> Engraving:
    """Read the staff and its glyphs from Verovio's SVG of one staff.

    Raises:
        EngraveError: The SVG has no staff of five lines.
    """
    page = next(_groups(ET.fromstring(svg), "page-margin"), None)
    if page is None or (origin := _TRANSLATION.match(page.get("transform", ""))) is None:
        raise EngraveError("the SVG has no page of Verovio")
    lines: list[tuple[int, int, int]] = []  # (left, right, y)
    for staff in _groups(page, "staff"):
        for path in staff.findall(f"{_SVG}path"):
            numbers = [int(number) for number in re.findall(r"-?\d+", path.get("d", ""))]
            lines.append((numbers[0], numbers[2], numbers[1]))
    ys = tuple(sorted({y for _, _, y in lines}))
    if len(ys) != 5:
        raise EngraveError(f"Verovio drew {len(ys)} staff lines instead of 5")
    # Verovio 6.4 sometimes draws a staff at heights near the limits of its integers: with lyrics under grace
    # notes 8 of 400 (`distractors` adds none there), without them some 2 of 10,000.
    if max(map(abs, ys)) > _MAX_Y:
        raise EngraveError(f"Verovio drew the staff at height {ys[0]}")
    left, right = min(x for x, _, _ in lines), max(x for _, x, _ in lines)
    margin = (int(origin[1]), int(origin[2]))
    return Engraving(left, right, ys, margin, tuple(_glyphs(page, "", "", "")))


def _groups(root: ET.Element, name: str) -> Iterator[ET.Element]:
    return (group for group in root.iter(f"{_SVG}g") if group.get("class") == name)


def _glyphs(group: ET.Element, kind: str, owner_kind: str, owner: str) -> Iterator[EngravedGlyph]:
    for child in group:
        if child.tag == f"{_SVG}g":
            inner = child.get("class", "").partition(" ")[0]
            owns = inner in _OWNERS and not owner
            about = (inner, child.get("id", "")) if owns else (owner_kind, owner)
            yield from _glyphs(child, inner, *about)
        elif (origin := _origin(child)) is not None:
            code = child.get(_LINK, "")[1:].partition("-")[0] if child.tag == f"{_SVG}use" else ""
            yield EngravedGlyph(kind, owner_kind, owner, code, *origin)


def _origin(shape: ET.Element) -> tuple[int, int] | None:
    match shape.tag.removeprefix(_SVG):
        case "use":
            found = _TRANSLATION.match(shape.get("transform", ""))
        case "path":
            found = _FIRST_POINT.match(shape.get("d", ""))
        case "polygon":  # the head of a long, which no font has
            found = _FIRST_POINT.match(shape.get("points", ""))
        case "ellipse":
            return int(shape.get("cx", 0)), int(shape.get("cy", 0))
        case _:
            found = None
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True)
class TokenPosition:
    """Position of a semantic token, in SVG units from the staff's left end.

    Attributes:
        x: Centre of a note head, or left edge of another sign; None where nothing is drawn.
        accidental_x: Left edge of a note's printed accidental.
    """

    x: int | None
    accidental_x: int | None = None


def token_positions(
    engraving: Engraving, tokens: Sequence[str], *, first_event: int = 0
) -> list[TokenPosition]:
    """Find the position of each token of a staff's semantic label.

    Notes and rests are found by the ids that `mei_tree` gives them; clefs, signatures, barlines and ties by
    their order from left to right, since Verovio draws those from its own copies.

    Args:
        engraving: The engraved staff.
        tokens: The label of everything visible.
        first_event: Index in the engraved score of the label's first event.

    Raises:
        EngraveError: A note or rest was not drawn, or the numbers of clefs, signatures, barlines or ties
            differ from the label.
    """
    owned: dict[str, list[EngravedGlyph]] = defaultdict(list)
    for glyph in engraving.glyphs:
        owned[glyph.owner].append(glyph)
    # Left edges of the symbols that are found by their order; the leftmost is the last, to be popped.
    drawn: dict[str, list[int]] = {kind: [] for kind in _BY_ORDER}
    for glyphs in owned.values():
        if glyphs[0].owner_kind in drawn:
            drawn[glyphs[0].owner_kind].append(min(glyph.x for glyph in glyphs))
    for xs in drawn.values():
        xs.sort(reverse=True)

    positions: list[TokenPosition] = []
    measure, event, last, key = 1, first_event + 1, TokenPosition(None), Key(0)
    for token in tokens:
        sign = parse_sign(token)
        kind = _SIGN_CLASSES.get(type(sign)) or ("barLine" if parse_barline(token) else token)
        if kind in _BY_ORDER:
            if sign == Key(0) == key:  # C major is drawn, as naturals, only after another key
                position = TokenPosition(None)
            elif drawn[kind]:
                position = TokenPosition(drawn[kind].pop() - engraving.left)
            else:
                raise EngraveError(f"Verovio did not draw {token}")
            key = sign if isinstance(sign, Key) else key
        elif sign is not None:
            position = last = _event_position(
                owned.get(event_id(1, measure, event), []), token, engraving.left
            )
        else:  # the marks of tuplets and reminders stand at their notes
            position = last if token == "tuplet-end" else TokenPosition(None)
        event += sign is not None
        if parse_barline(token):
            measure, event = measure + 1, 1
        positions.append(position)
    if extra := [f"{len(xs)} more of {kind}" for kind, xs in drawn.items() if xs]:
        raise EngraveError(f"Verovio drew {', '.join(extra)} than the label has")
    return positions


def _event_position(glyphs: Sequence[EngravedGlyph], token: str, left: int) -> TokenPosition:
    heads = [glyph.x for glyph in glyphs if glyph.kind == "notehead"]
    if heads:
        accidental_x = next((glyph.x - left for glyph in glyphs if glyph.kind == "accid"), None)
        return TokenPosition(heads[0] + _NOTEHEAD_UNITS // 2 - left, accidental_x)
    if not glyphs:
        raise EngraveError(f"Verovio drew nothing for {token}")
    return TokenPosition(min(glyph.x for glyph in glyphs) - left)
