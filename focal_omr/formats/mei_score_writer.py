"""MEI writer for whole scores: everything that the records hold, in the form that Verovio engraves.

Source: Music Encoding Initiative guidelines 5.0, CMN module; checked by Verovio's reading of it.
"""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from xml.etree import ElementTree as ET

from focal_omr import __version__
from focal_omr.errors import NotationError
from focal_omr.formats.mei_control_writer import PartControls
from focal_omr.formats.mei_layer_writer import PartLayers
from focal_omr.formats.mei_terms import BARLINES, GROUP_SYMBOLS, ID, MEI_NAMESPACE, sub
from focal_omr.formats.xml_text import write_elements
from focal_omr.score.score import (
    Barline,
    Clef,
    Ending,
    Key,
    Measure,
    Meter,
    Part,
    Rest,
    Score,
    Sign,
    StaffLines,
    Transposition,
)

__all__ = ["write_mei_score"]

_ZERO = Fraction(0)
_REPEAT = Barline("heavy-light", "forward")


def write_mei_score(score: Score) -> str:
    """The score as an MEI document; the same score gives the same text.

    The `xml:id` of events, notes, parts and measures are those of the records. One <measure> is that of all
    parts: it has the id, number and barlines of the first part's measure; the first staves of the other parts
    have the ids of theirs.

    Raises:
        NotationError: A score without parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; at least one part is needed")
    root = ET.Element("mei", {"xmlns": MEI_NAMESPACE, "meiversion": "5.0"})
    _write_head(sub(root, "meiHead", {}), score)
    body = sub(sub(sub(sub(root, "music", {}), "body", {}), "mdiv", {}), "score", {})
    _SectionWriter(score).write(body)
    return write_elements(root, '<?xml version="1.0" encoding="UTF-8"?>\n', " ")


def _write_head(head: ET.Element, score: Score) -> None:
    description = sub(head, "fileDesc", {})
    titles = sub(description, "titleStmt", {})
    sub(titles, "title", {"type": "main"} if score.title else {}, score.title)
    if score.subtitle:
        sub(titles, "title", {"type": "subordinate"}, score.subtitle)
    people = [(role, name) for role in ("composer", "lyricist") if (name := getattr(score, role))]
    if people:
        statement = sub(titles, "respStmt", {})
        for role, name in people:
            sub(statement, "persName", {"role": role}, name)
    publication = sub(description, "pubStmt", {})
    if score.copyright:
        sub(sub(publication, "availability", {}), "useRestrict", {}, score.copyright)
    application = sub(sub(sub(head, "encodingDesc", {}), "appInfo", {}), "application", {})
    sub(application, "name", {}, f"Focal-CTC-OMR {__version__}")


class _SectionWriter:
    """Writes the measures of all parts into one section."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.first = list(accumulate((part.staves for part in score.parts), initial=1))[:-1]
        self.layers = [PartLayers(part, staff) for part, staff in zip(score.parts, self.first, strict=True)]
        self.controls = [
            PartControls(part, staff) for part, staff in zip(score.parts, self.first, strict=True)
        ]
        self.numbers = [{m.id: n for n, m in enumerate(part.measures)} for part in score.parts]

    def write(self, parent: ET.Element) -> None:
        """Write the score definition and the section."""
        self._write_definition(parent, 0)
        section = sub(parent, "section", {})
        endings = self._endings()
        here, last = section, -1
        skip = 0
        for index in range(max(len(part.measures) for part in self.score.parts)):
            if skip:
                skip -= 1
                continue
            if index > last:
                here = section
            own = {p.id: p.measures[index].break_before for p in self.score.parts if index < len(p.measures)}
            breaks = {part: kind for part, kind in own.items() if kind}
            if breaks and index:
                corresp = (
                    " ".join(f"#{id_}" for id_ in breaks) if len(breaks) < len(self.score.parts) else None
                )
                tag = "pb" if "page" in breaks.values() else "sb"
                sub(here if index <= last else section, tag, {"corresp": corresp})
            if index:
                self._write_definition(section if index > last else here, index)
            if index in endings and index > last:
                last, attributes = endings[index]
                here = sub(section, "ending", attributes)
            multirest = self._multirest(index)
            self._write_measure(here, index, multirest or None)
            skip = max(multirest - 1, 0)

    def _endings(self) -> dict[int, tuple[int, dict[str, str]]]:
        """By the index of its first measure each ending: the index of its last one, and its attributes."""
        owners: dict[tuple[int, int, str, str, bool], list[str]] = defaultdict(list)
        for part, numbers in zip(self.score.parts, self.numbers, strict=True):
            for ending in part.spanners:
                if isinstance(ending, Ending) and ending.start in numbers and ending.end in numbers:
                    span = numbers[ending.start], numbers[ending.end]
                    owners[(*span, ending.numbers, ending.text, ending.closed)].append(part.id)
        found: dict[int, tuple[int, dict[str, str]]] = {}
        for (start, end, number, text, closed), parts in owners.items():
            attributes = {"n": number, "lendsym": "angledown" if closed else "none"}
            if text:
                attributes["label"] = text
            if len(parts) < len(self.score.parts):
                attributes["corresp"] = " ".join(f"#{id_}" for id_ in parts)
            found.setdefault(start, (end, attributes))
        return found

    def _multirest(self, index: int) -> int:
        """The number of measures that begin here and can be written as one multi-measure rest; else 0."""
        measures = [part.measures[index] for part in self.score.parts if index < len(part.measures)]
        rest = measures[0].multirest
        if (
            rest is None
            or any(m.multirest != rest for m in measures)
            or len(measures) < len(self.score.parts)
        ):
            return 0
        for part in self.score.parts:
            for measure in part.measures[index : index + rest.measures]:
                plain = (
                    measure is part.measures[index]
                    or not (measure.signs or measure.directions or measure.break_before or measure.multirest)
                ) and all(
                    len(v.events) == 1 and isinstance(v.events[0], Rest) and v.events[0].measure
                    for v in measure.voices
                )
                if not plain or measure.unread or measure.repeats or measure.barlines:
                    return 0
        return rest.measures if index + rest.measures <= len(self.score.parts[0].measures) else 0

    def _write_measure(self, parent: ET.Element, index: int, multirest: int | None) -> None:
        owner = next(part for part in self.score.parts if index < len(part.measures))
        head = owner.measures[index]
        closing = owner.measures[index + (multirest or 1) - 1]
        left = None if head.left is None or self._is_merged(index) else _barline(head.left)
        right = "invis" if closing.right is None else _barline(closing.right)
        right = "rptstart" if self._is_merged(index + (multirest or 1)) else right
        attributes = {
            ID: head.id,
            "n": head.number,
            "metcon": "false" if head.pickup else None if index else "true",
            "left": left,
            "right": right,
        }
        element = sub(parent, "measure", attributes)
        late: list[ET.Element] = []
        for number, part in enumerate(self.score.parts):
            if index >= len(part.measures):
                continue
            measure = part.measures[index]
            layers = self.layers[number]
            layers.begin(measure)
            staves = len(element)
            late += layers.write(index, element, _inserted(part, index), multirest)
            if part is not owner:
                element[staves].set(ID, measure.id)
        element.extend(late)
        for controls, part in zip(self.controls, self.score.parts, strict=True):
            if index < len(part.measures):
                controls.write(index, element)

    def _is_merged(self, index: int) -> bool:
        """Whether the left repeat sign of a measure is the right barline of the one before.

        Verovio 6.4 would draw both.
        """
        owner = self.score.parts[0].measures
        if not 0 < index < len(owner):
            return False
        measure = owner[index]
        alone = measure.left_after is None and not measure.break_before
        return alone and measure.left == _REPEAT and owner[index - 1].right == Barline()

    # Definitions -------------------------------------------------------------------------------------------

    def _write_definition(self, parent: ET.Element, index: int) -> None:
        """Writes the <scoreDef> before a measure; the first one describes all staves."""
        if not index:
            self._write_first_definition(parent)
            return
        definition = ET.Element("scoreDef")
        group = sub(definition, "staffGrp", {})
        for part, first in zip(self.score.parts, self.first, strict=True):
            if index >= len(part.measures):
                continue
            for staff in range(1, part.staves + 1):
                signs = _divided_signs(part.measures[index], staff, index)[0]
                if signs:
                    _write_signs(sub(group, "staffDef", {"n": str(first + staff - 1)}), signs)
        if len(group):
            parent.append(definition)

    def _write_first_definition(self, parent: ET.Element) -> None:
        top = sub(sub(parent, "scoreDef", {}), "staffGrp", {})
        open_ = [top]
        ends: list[str] = []
        order = {part.id: number for number, part in enumerate(self.score.parts)}
        groups = [g for g in self.score.groups if g.start in order and g.end in order]
        groups.sort(key=lambda g: order[g.end] - order[g.start], reverse=True)
        for part, first in zip(self.score.parts, self.first, strict=True):
            for group in (g for g in groups if g.start == part.id):
                if ends and order[group.end] > order[ends[-1]]:
                    continue  # it crosses another one, which MEI cannot say
                attributes = {
                    "type": "group",
                    "symbol": GROUP_SYMBOLS.get(group.symbol or ""),
                    "bar.thru": "true" if group.barlines else "false",
                }
                element = sub(open_[-1], "staffGrp", attributes)
                if group.name:
                    sub(element, "label", {}, group.name)
                open_.append(element)
                ends.append(group.end)
            _write_part_definition(open_[-1], part, first)
            while ends and ends[-1] == part.id:
                ends.pop()
                open_.pop()


def _write_part_definition(parent: ET.Element, part: Part, first: int) -> None:
    holder, attributes = parent, {ID: part.id}
    if part.staves > 1:
        shape = {"type": "part", "symbol": "brace", "bar.thru": "true"}
        holder, attributes = sub(parent, "staffGrp", {ID: part.id, **shape}), {}
        _write_labels(holder, part)
    for staff in range(1, part.staves + 1):
        definition = sub(holder, "staffDef", {"n": str(first + staff - 1), "lines": "5", **attributes})
        if part.staves == 1:
            _write_labels(definition, part)
        if part.measures:
            _write_signs(definition, _divided_signs(part.measures[0], staff, 0)[0])


def _write_labels(parent: ET.Element, part: Part) -> None:
    if part.name:
        sub(parent, "label", {}, part.name)
    if part.abbreviation:
        sub(parent, "labelAbbr", {}, part.abbreviation)


def _divided_signs(measure: Measure, staff: int, index: int) -> tuple[list[Sign], list[Sign]]:
    """The signs of one staff that go into the definition before its measure, and those inside the measure.

    A clef alone is inside, where Verovio draws it small, unless a system begins.
    """
    opening: list[Sign] = []
    inside: list[Sign] = []
    for sign in measure.signs:
        if (sign.staff or staff) == staff:
            if sign.id and (sign.staff or 1) != staff:
                sign = replace(sign, id="")  # one for all staves has its id on the first
            again = any(type(other.value) is type(sign.value) for other in opening)
            (inside if sign.onset or again else opening).append(sign)
    moves = index > 0 and not measure.break_before and not measure.multirest and not measure.repeats
    if moves and len(opening) == 1 and isinstance(opening[0].value, Clef):
        return [], [*opening, *inside]
    return opening, inside


def _inserted(part: Part, index: int) -> dict[int, list[tuple[Fraction, ET.Element]]]:
    """By staff what stands inside a measure, at its onset: clefs, keys, meters and barlines."""
    found: dict[int, list[tuple[Fraction, ET.Element]]] = defaultdict(list)
    measure = part.measures[index]
    for staff in range(1, part.staves + 1):
        for onset, barline in measure.barlines:
            found[staff].append((onset, ET.Element("barLine", {"form": _barline(barline)})))
        for sign in _divided_signs(measure, staff, index)[1]:
            if (element := _sign(sign)) is not None:
                found[staff].append((sign.onset, element))
    return found


# Leaves ----------------------------------------------------------------------------------------------------


def _barline(barline: Barline) -> str:
    if (barline.style, barline.repeat) in BARLINES:
        return BARLINES[barline.style, barline.repeat]
    if barline.repeat:
        return "rptstart" if barline.repeat == "forward" else "rptend"
    return "heavy" if barline.style.startswith("heavy") else "single"


def _write_signs(definition: ET.Element, signs: list[Sign]) -> None:
    """Writes the signs that open a measure of one staff, in the order that MEI's schema wants."""
    for kind in (Clef, Key, Meter):
        for sign in signs:
            element = _sign(sign) if isinstance(sign.value, kind) else None
            if element is not None:
                definition.append(element)
    for sign in signs:
        if isinstance(sign.value, Transposition):
            definition.set("trans.diat", str(sign.value.diatonic))
            definition.set("trans.semi", str(sign.value.chromatic))
        elif isinstance(sign.value, StaffLines):
            definition.set("lines", str(sign.value.lines))


def _sign(sign: Sign) -> ET.Element | None:
    element = _sign_element(sign.value)
    if element is not None and not sign.printed:
        element.set("visible", "false")
    if element is not None and sign.id:
        element.set(ID, sign.id)
    return element


def _sign_element(value: object) -> ET.Element | None:
    if isinstance(value, Clef):
        attributes = {"shape": {"percussion": "perc", "none": "G"}.get(value.shape, value.shape)}
        if value.shape == "none":
            attributes["visible"] = "false"
        attributes["line"] = str(value.line)
        if value.octave:
            attributes["dis"] = str(7 * abs(value.octave) + 1)
            attributes["dis.place"] = "above" if value.octave > 0 else "below"
        return ET.Element("clef", attributes)
    if isinstance(value, Key):
        signature = f"{abs(value.fifths)}{'s' if value.fifths > 0 else 'f'}" if value.fifths else "0"
        cancel = {} if value.cancel is None else {"cancelaccid": "before"}
        return ET.Element("keySig", {"sig": signature, **cancel})
    if not isinstance(value, Meter):
        return None
    if not value.terms:
        return ET.Element("meterSig", {"visible": "false"})
    elements = []
    for beats, unit in value.terms:
        attributes = {"count": "+".join(map(str, beats)), "unit": str(unit)}
        if value.symbol in ("common", "cut"):
            attributes["sym"] = value.symbol
        elif value.symbol == "single-number":
            attributes["form"] = "num"
        elements.append(ET.Element("meterSig", attributes))
    if len(elements) == 1:
        return elements[0]
    group = ET.Element("meterSigGrp", {"func": "mixed"})
    group.extend(elements)
    return group
