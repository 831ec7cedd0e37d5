"""Every element that Verovio draws of a system, with its kind, staff and box, read from the SVG."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from xml.etree import ElementTree as ET

from focal_omr.data.engraving.svg_boxes import SVG, Box, glyphs, shape_box, union
from focal_omr.errors import EngraveError

__all__ = ["SVG_ATTRIBUTES", "DrawnElement", "DrawnSystem", "StaffFrame", "read_system"]

SPACE = 180  # SVG units, at Verovio's default `unit` of 9
_MAX_Y = 1_000_000  # SVG units; a page has 600,000 at most
_ROTATION = re.compile(r"rotate\((-?[\d.]+) (-?[\d.]+),(-?[\d.]+)\)")
_TRANSLATION = re.compile(r"translate\((-?\d+), ?(-?\d+)\)")

# Verovio's classes of what is drawn, by the name that an element has in labels.
_KINDS = {
    **{"notehead": "head", "stem": "stem", "flag": "flag", "beam": "beam", "accid": "accidental"},
    **{"dots": "dot", "rest": "rest", "mRest": "rest", "multiRest": "multirest", "artic": "articulation"},
    **{"ledgerLines": "ledger", "tupletNum": "tuplet-number", "tupletBracket": "tuplet-bracket"},
    **{"clef": "clef", "keySig": "key", "meterSig": "meter", "meterSigGrp": "meter", "barLine": "barline"},
    **{"mRpt": "measure-repeat", "mRpt2": "measure-repeat", "multiRpt": "measure-repeat"},
    **{"verse": "lyric", "syl": "lyric", "dynam": "dynamic", "dir": "words", "tempo": "tempo"},
    **{"fing": "fingering", "harm": "chord-symbol", "fb": "figured-bass", "reh": "rehearsal"},
    **{"tie": "tie", "lv": "tie", "slur": "slur", "hairpin": "hairpin", "octave": "ottava", "pedal": "pedal"},
    **{"gliss": "glissando", "arpeg": "arpeggio", "trill": "ornament", "mordent": "ornament"},
    **{"turn": "ornament", "ornam": "ornament", "fermata": "fermata", "breath": "breath"},
    **{"caesura": "breath", "repeatMark": "jump", "voltaBracket": "ending", "ending": "ending"},
    **{"bTrem": "tremolo", "fTrem": "tremolo", "grpSym": "group-symbol", "label": "name", "mNum": "number"},
    **{"line": "line", "labelAbbr": "name", "ornamentAccid": "ornament", "graceGrp": "beam"},
}
_EVENTS = frozenset(("note", "chord", "rest", "mRest", "multiRest", "mRpt", "mRpt2", "multiRpt"))
_AT_TOP = frozenset(("ending", "number"))  # drawn above the top staff, for all of them
_EACH = frozenset(("dot", "beam"))  # each shape is an element of its own
_CONTROLS = (
    *("tie", "lv", "slur", "dynam", "dir", "tempo", "fing", "harm", "hairpin", "octave", "pedal", "gliss"),
    *("arpeg", "trill", "mordent", "turn", "ornam", "fermata", "breath", "caesura", "reh", "repeatMark"),
)
# Attributes that Verovio copies into the SVG, as its option `svgAdditionalAttribute` wants them.
SVG_ATTRIBUTES = [f"{tag}@{name}" for tag in (*_CONTROLS, "line") for name in ("startid", "staff")]


@dataclass(frozen=True, slots=True)
class DrawnElement:
    """One thing that is drawn.

    Attributes:
        kind: head, stem, accidental, dot, rest, tie, slur, clef, lyric ...
        id: Id of the note or event in the score that it belongs to; of other signs, that of their measure.
        staff: Index of the staff, from 0 at the top; -1: of the whole system.
        box: Left, top, right and bottom.
    """

    kind: str
    id: str
    staff: int
    box: Box

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.box[0] + self.box[2]) / 2


@dataclass(frozen=True, slots=True)
class StaffFrame:
    """Where a staff lies, in SVG units: the ends of its lines, and its lines from the top."""

    left: float
    right: float
    line_ys: tuple[float, ...]


@dataclass(frozen=True)
class DrawnSystem:
    """A system of Verovio, in SVG units within the page margin.

    Attributes:
        margin: (x, y) of the origin of these units on the page.
    """

    staves: tuple[StaffFrame, ...]
    elements: tuple[DrawnElement, ...]
    margin: tuple[int, int]


def read_system(svg: str, staff_of: Mapping[str, int]) -> DrawnSystem:
    """Read what Verovio drew, from its SVG of one system.

    Args:
        svg: By Verovio.
        staff_of: Index of the staff of each event and note of the score, by id: Verovio keeps those that
            cross over to another staff with their voice.

    Raises:
        EngraveError: There is no system, or its staves have other than five lines each.
    """
    root = ET.fromstring(svg)
    page = next((g for g in root.iter(f"{SVG}g") if g.get("class") == "page-margin"), None)
    if page is None or (origin := _TRANSLATION.match(page.get("transform", ""))) is None:
        raise EngraveError("the SVG has no page of Verovio")
    frames = _frames(page)
    reader = _Reader(glyphs(root), frames, staff_of)
    reader.read(page)
    return DrawnSystem(frames, tuple(reader.elements()), (int(origin[1]), int(origin[2])))


def _frames(page: ET.Element) -> tuple[StaffFrame, ...]:
    lines: dict[int, list[tuple[float, float, float]]] = defaultdict(list)  # by staff (left, right, y)
    for measure in page.iter(f"{SVG}g"):
        if measure.get("class") != "measure":
            continue
        for number, staff in enumerate(g for g in measure if g.get("class") == "staff"):
            for path in staff.findall(f"{SVG}path"):
                x, y, right, _ = (float(n) for n in re.findall(r"-?\d+", path.get("d", ""))[:4])
                lines[number].append((x, right, y))
    if not lines:
        raise EngraveError("Verovio drew no staff")
    frames = []
    for number in range(len(lines)):
        ys = tuple(sorted({y for _, _, y in lines[number]}))
        if len(ys) != 5 or max(map(abs, ys)) > _MAX_Y:  # see `glyphs` about impossible heights
            raise EngraveError(f"Verovio drew {len(ys)} lines of staff {number + 1} instead of 5")
        lefts, rights, _ = zip(*lines[number], strict=True)
        frames.append(StaffFrame(min(lefts), max(rights), ys))
    return tuple(frames)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the SVG's tree a shape stands: what it belongs to."""

    kind: str = ""
    unit: int = 0  # number of the group that the shape's element is
    event: str = ""
    note: str = ""
    measure: str = ""
    staff: int = -1


class _Reader:
    """Collects the shapes of an SVG by the element that they are part of."""

    def __init__(
        self, defined: Mapping[str, Box], frames: tuple[StaffFrame, ...], staff_of: Mapping[str, int]
    ) -> None:
        self.defined, self.frames, self.staff_of = defined, frames, staff_of
        self.shapes: list[tuple[_Place, Box]] = []
        self.units = 0

    def read(self, page: ET.Element) -> None:
        """Collects everything that is drawn on a page."""
        self._walk(page, _Place())

    def elements(self) -> Iterator[DrawnElement]:
        """The elements, in the order of the SVG."""
        for place, found in groupby(self.shapes, key=lambda shape: shape[0]):
            id_ = place.note or place.event or place.measure
            staff = self.staff_of.get(id_, place.staff)
            if place.kind == "barline":
                boxes = [box for _, box in found]
                for number, frame in enumerate(self.frames):  # on each staff its lines and dots
                    top, bottom = frame.line_ys[0] - 10, frame.line_ys[-1] + 10
                    own = union(box for box in boxes if top < (box[1] + box[3]) / 2 < bottom)
                    if own is not None:
                        yield DrawnElement("barline", place.measure, number, own)
            elif box := union(box for _, box in found):
                yield DrawnElement(place.kind, id_, 0 if place.kind in _AT_TOP else staff, box)

    def _walk(self, group: ET.Element, place: _Place) -> None:
        staff = 0
        for child in group:
            if child.tag != f"{SVG}g":
                box = shape_box(child, self.defined) if place.kind else None
                if box is not None:
                    if turned := _ROTATION.match(group.get("transform", "")):  # an arpeggio
                        box = _turned(box, *map(float, turned.groups()))
                    if place.kind in _EACH:
                        self.units += 1
                        place = replace(place, unit=self.units)
                    self.shapes.append((place, box))
                continue
            name = child.get("class", "").partition(" ")[0]
            inner = self._enter(child, name, place)
            if name == "staff":
                inner = _Place("", 0, "", "", inner.measure, staff)
                staff += 1
            self._walk(child, inner)

    def _enter(self, group: ET.Element, name: str, place: _Place) -> _Place:
        """The place of what a group holds."""
        kind, unit, event, note, measure = place.kind, place.unit, place.event, place.note, place.measure
        id_ = group.get("id", "")
        if name == "measure":
            return _Place(measure=id_)
        if name in _EVENTS:
            if event and name == "note":
                note = id_
            else:
                event = id_
            kind = ""
        if start := group.get("data-startid"):
            note, event = "", start[1:]
        staff = place.staff
        if name in _CONTROLS and (told := group.get("data-staff")):
            staff = int(told.split()[0]) - 1
        if name in _KINDS and not (kind == "key" or (kind == "lyric" and name == "syl")):
            kind, unit = _KINDS[name], self.units + 1
            self.units += 1
        return _Place(kind, unit, event, note, measure, staff)


def _turned(box: Box, degrees: float, x: float, y: float) -> Box:
    """The box around a box that is turned about a point."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = [(a - x, b - y) for a in box[::2] for b in box[1::2]]
    xs = [x + a * cos - b * sin for a, b in corners]
    ys = [y + a * sin + b * cos for a, b in corners]
    return min(xs), min(ys), max(xs), max(ys)
