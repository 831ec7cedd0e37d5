"""MEI reader: a document of our own writer or of another program becomes a `Score` of everything in it.

Reading rules:
  - A note sounds as @accid.ges says, else as its printed @accid. Without both it is natural in a document
    that has @accid.ges at all; else the key signature and the accidentals before it hold.
  - @oct.ges goes before @oct, so that pitches under an octave line are as they sound.
  - Of alternatives (<choice>, <app>, <subst>) the first reading is taken; editorial marks are looked through.
  - A multi-measure rest becomes as many measures.
  - A layer that is shorter than its measure is filled up with a space.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_control_reader import ControlReader, DraftMeasure
from focal_omr.formats.mei_drafts import StaffState
from focal_omr.formats.mei_layer_reader import LayerReader
from focal_omr.formats.mei_part_builder import Frame, PartBuilder, PartHead, Timeline
from focal_omr.formats.mei_sign_reader import sign_of
from focal_omr.formats.mei_straddles import split_straddles
from focal_omr.formats.mei_terms import GROUP_SYMBOLS, ID, inverted
from focal_omr.formats.safe_xml import parse_xml
from focal_omr.score.score import Clef, Key, Meter, Part, PartGroup, Score, StaffLines, Transposition

__all__ = ["mei_score", "parse_mei", "read_mei_score"]

_ZERO = Fraction(0)
_MAX_VOICES = 64  # per measure and part; orchestral condensed scores reach 8
_MAX_STAVES = 500  # large orchestras with choirs reach 60
_SYMBOLS = inverted(GROUP_SYMBOLS)
_EDITORIAL = frozenset(
    ("supplied", "unclear", "add", "sic", "corr", "orig", "reg", "damage", "restore", "rdg", "lem")
)
_ALTERNATIVES = frozenset(("choice", "app", "subst"))
_DROPPED = frozenset(("del", "ossia", "gap"))
_SIGN_TAGS = ("clef", "keySig", "meterSig", "meterSigGrp")


def read_mei_score(data: str | bytes) -> Score:
    """The score of an MEI document.

    Args:
        data: The document, as text or in its declared encoding.

    Raises:
        NotationError: It is no MEI, has no staff or no measure, or a note in it cannot be read: which, where.
    """
    return mei_score(*parse_mei(data))


def parse_mei(data: str | bytes) -> tuple[ET.Element, ET.Element]:
    """The <mei> element of a document and its <score>, without namespaces and editorial elements.

    Raises:
        NotationError: It is no MEI, or has no score.
    """
    root = parse_xml(data)
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag != "mei":
        raise NotationError(f"not an MEI document: its root is <{root.tag}>, needed is <mei>")
    score = next(root.iter("score"), None)
    if score is None:
        raise NotationError("an MEI document without a <score>")
    _resolve_editorial(score)
    return root, score


def mei_score(root: ET.Element, score: ET.Element) -> Score:
    """The score of the elements that `parse_mei` returns.

    Raises:
        NotationError: No staff or no measure, or a note that cannot be read: which, where.
    """
    reader = _ScoreReader(score)
    parts = reader.read()
    titles = [text for e in root.iterfind("meiHead/fileDesc/titleStmt/title") if (text := _text(e))]
    people = {
        e.get("role", e.tag): _text(e) for e in root.iterfind("meiHead/fileDesc/titleStmt/respStmt/persName")
    }
    head = root.find("meiHead")
    for role in ("composer", "lyricist"):
        for element in () if head is None else head.iter(role):
            people.setdefault(role, _text(element))
    rights = root.find("meiHead/fileDesc/pubStmt/availability")
    return Score(
        parts=tuple(parts),
        groups=tuple(reader.groups),
        title=titles[0] if titles else "",
        subtitle=titles[1] if len(titles) > 1 else "",
        composer=people.get("composer", ""),
        lyricist=people.get("lyricist", ""),
        copyright="" if rights is None else _text(rights),
    )


def _resolve_editorial(element: ET.Element) -> None:
    """Replaces editorial elements by what they hold, in place."""
    pending = [element]
    while pending:
        parent = pending.pop()
        children: list[ET.Element] = []
        stack = list(parent)[::-1]
        while stack:
            child = stack.pop()
            if child.tag in _ALTERNATIVES:
                options = [c for c in child if c.tag not in _DROPPED]
                stack += options[:1]
            elif child.tag in _EDITORIAL:
                stack += list(child)[::-1]
            elif child.tag not in _DROPPED:
                children.append(child)
        if children != list(parent):
            parent[:] = children
        pending += children


class _ScoreReader:
    """Reads the <score> of a document."""

    def __init__(self, score: ET.Element) -> None:
        self.score = score
        self.given: set[str] = set()
        self.taken = {id_ for element in score.iter() if (id_ := element.get(ID))}
        self.groups: list[PartGroup] = []
        self.heads: list[PartHead] = []
        first = score.find("scoreDef")
        top = None if first is None else first.find("staffGrp")
        if top is not None:
            self._heads(top)
        if not self.heads:
            raise NotationError("an MEI document without staves: <staffDef> is needed")
        self.numbers = [
            d.get("n", str(i)) for i, d in enumerate((d for h in self.heads for d in h.staves), 1)
        ]
        if len(self.numbers) > _MAX_STAVES:
            raise NotationError(
                f"an MEI document of {len(self.numbers)} staves; the maximum is {_MAX_STAVES}"
            )
        self.places = {
            number: (part, staff)
            for (part, staff), number in zip(
                ((p, s) for p, head in enumerate(self.heads) for s in range(1, len(head.staves) + 1)),
                self.numbers,
                strict=True,
            )
        }
        self.states = {number: StaffState() for number in self.numbers}
        self.keys = {number: Key(0) for number in self.numbers}
        self.lines: dict[str, str] = {}
        self.gestural = any(e.get("accid.ges") for e in score.iter() if e.tag in ("note", "accid"))
        self.pending: list[tuple[str, Clef | Key | Meter | Transposition | StaffLines]] = []
        self.breaks: tuple[Literal["system", "page"], str] | None = None
        self.endings: list[tuple[ET.Element, int, int]] = []
        self.frames: list[Frame] = []

    def keep_id(self, wanted: str | None, generated: str) -> str:
        """The wanted id if it is there and was not given yet; else the generated one, made unique."""
        if wanted and wanted not in self.given:
            self.given.add(wanted)
            return wanted
        candidate, number = generated, 1
        while candidate in self.taken or candidate in self.given:
            number += 1
            candidate = f"{generated}_{number}"
        self.given.add(candidate)
        return candidate

    def _heads(self, group: ET.Element) -> None:
        """The parts of a <staffGrp>, and the groups in it."""
        for child in group:
            if child.tag == "staffDef":
                head = PartHead(self.keep_id(child.get(ID), f"P{len(self.heads) + 1}"), [child])
                head.name, head.abbreviation = _labels(child)
                self.heads.append(head)
            elif child.tag == "staffGrp" and _is_part(child):
                head = PartHead(self.keep_id(child.get(ID), f"P{len(self.heads) + 1}"))
                head.staves = child.findall("staffDef")
                head.name, head.abbreviation = _labels(child)
                if not head.name:
                    head.name, head.abbreviation = _labels(head.staves[0])
                self.heads.append(head)
            elif child.tag == "staffGrp":
                before = len(self.heads)
                self._heads(child)
                symbol = _symbol(child)
                members = self.heads[before:]
                if members and (symbol or child.get("type") == "group"):
                    self.groups.append(
                        PartGroup(
                            members[0].id,
                            members[-1].id,
                            cast("Any", _SYMBOLS.get(symbol or "")),
                            barlines=child.get("bar.thru") == "true",
                            name=_labels(child)[0],
                        )
                    )

    # Sections ----------------------------------------------------------------------------------------------

    def read(self) -> list[Part]:
        """All parts."""
        self._walk(self.score)
        if not self.frames:
            raise NotationError("an MEI document without measures")
        self.measures: list[list[DraftMeasure]] = [[] for _ in self.heads]
        for index, frame in enumerate(self.frames):
            self._read_measure(index, frame)
        ends = [
            max((d.onset + d.length for part in self.measures for d in part[index].drafts()), default=_ZERO)
            for index in range(len(self.frames))
        ]
        pieces: dict[str, str] = {}
        for part in self.measures:
            pieces |= split_straddles(part, ends, self.keep_id)
        for index in range(len(self.frames)):
            self._set_lengths(index)
        controls = ControlReader(self.measures, self.places, pieces)
        for index, frame in enumerate(self.frames):
            controls.read_measure(frame.element, index)
        timeline = Timeline(self.frames, self.endings, self.places, self.keep_id)
        return [
            PartBuilder(timeline, head, own, controls).build()
            for head, own in zip(self.heads, self.measures, strict=True)
        ]

    def _walk(self, parent: ET.Element) -> None:
        for child in parent:
            match child.tag:
                case "scoreDef":
                    self._definition(child)
                case "staffDef":
                    self._staff_definition(child, child.get("n", ""))
                case "measure":
                    self.frames.append(Frame(child, self.pending, self.breaks))
                    self.pending, self.breaks = [], None
                case "sb" | "pb":
                    kind: Literal["system", "page"] = "page" if child.tag == "pb" else "system"
                    self.breaks = (kind, child.get("corresp", ""))
                case "ending":
                    first = len(self.frames)
                    self._walk(child)
                    if len(self.frames) > first:
                        self.endings.append((child, first, len(self.frames) - 1))
                case "section" | "mdiv" | "lem" | "part" | "parts":
                    self._walk(child)

    def _definition(self, element: ET.Element) -> None:
        shared = list(_definition_signs(element))
        own = list(element.iter("staffDef"))
        with_own = {(d.get("n"), s.tag) for d in own for s in _definition_signs(d)}
        for number in self.numbers:
            for sign in shared:
                if (number, sign.tag) not in with_own:
                    self._pend(number, sign)
        for definition in own:
            self._staff_definition(definition, definition.get("n", ""))

    def _staff_definition(self, element: ET.Element, number: str) -> None:
        if number not in self.places:
            return
        for sign in _definition_signs(element):
            self._pend(number, sign)
        if element.get("trans.diat") or element.get("trans.semi"):
            steps = [element.get(f"trans.{kind}", "0") for kind in ("diat", "semi")]
            if not all(re.fullmatch(r"-?[0-9]{1,3}", text) for text in steps):
                raise NotationError(f"staff {number}: a transposition of {' and '.join(steps)} steps")
            self.pending.append((number, Transposition(*map(int, steps))))
        lines = element.get("lines", "")
        if lines.isdecimal() and len(lines) < 3 and lines != self.lines.get(number, "5"):
            self.pending.append((number, StaffLines(int(lines))))
            self.lines[number] = lines
        if element.get("dur.default"):
            self.states[number].default = element.get("dur.default", "4")

    def _pend(self, number: str, element: ET.Element) -> None:
        sign = sign_of(element, self.keys[number])
        if sign is not None:
            self.pending.append((number, sign))
            if isinstance(sign, Key):
                self.keys[number] = sign

    # Measures ----------------------------------------------------------------------------------------------

    def _read_measure(self, index: int, frame: Frame) -> None:
        for number, sign in frame.signs:
            if isinstance(sign, Key):
                self.states[number].key = sign
            elif isinstance(sign, Meter):
                self.states[number].meter = sign
        staves = {element.get("n", ""): element for element in frame.element.iterfind("staff")}
        for unknown in staves.keys() - self.places.keys():
            if staves[unknown].find("layer/*") is not None:
                name = f"staff {unknown}" if unknown else "a staff without number"
                raise NotationError(f"measure {frame.number(index)}: {name}, which no <staffDef> names")
        numbers = iter(self.numbers)
        for part, head in enumerate(self.heads):
            own = [next(numbers) for _ in head.staves]
            first = staves.get(own[0])
            wanted = frame.element.get(ID) if part == 0 else None if first is None else first.get(ID)
            id_ = self.keep_id(wanted, f"{head.id}m{index + 1}")
            local = {number: staff for staff, number in enumerate(own, 1)}
            units = {staff: self.states[number].unit for staff, number in enumerate(own, 1)}
            measure = DraftMeasure(id_, part, index, units)
            self.measures[part].append(measure)
            for staff, number in enumerate(own, 1):
                state = self.states[number]
                state.in_measure.clear()
                layers = staves[number].findall("layer") if number in staves else []
                if len(measure.voices) + len(layers) > _MAX_VOICES:
                    raise NotationError(f"measure {frame.number(index)}: more than {_MAX_VOICES} voices")
                for layer in layers:
                    reader = LayerReader(state, self.keep_id, local.get, gestural=self.gestural)
                    order = len(measure.voices) + 1
                    try:
                        voice = reader.read(layer, staff, f"{id_}v{order}")
                    except NotationError as error:
                        place = f"staff {number}, measure {frame.number(index)}"
                        raise NotationError(f"{place}: {error}") from None
                    measure.voices.append(voice)
            # MusicXML numbers voices from 5 on the second staff, where the layers of a staff count anew.
            taken = [voice.number for voice in measure.voices if not voice.empty]
            if len(set(taken)) < len(taken):
                on_staff: dict[int, int] = defaultdict(int)
                for voice in measure.voices:
                    on_staff[voice.staff] += 1
                    voice.number = 4 * (voice.staff - 1) + on_staff[voice.staff]

    def _set_lengths(self, index: int) -> None:
        """Gives the events that fill a measure its length: as told, as other voices last, or the meter's."""
        measures = [part[index] for part in self.measures]
        ends = [
            max((d.onset + d.length for d in measure.drafts() if not d.fills), default=_ZERO)
            for measure in measures
        ]
        for measure, end in zip(measures, ends, strict=True):
            told = next((voice.told for voice in measure.voices if voice.told), None)
            number = self.numbers[sum(len(head.staves) for head in self.heads[: measure.part])]
            signs = (own for frame in self.frames[index::-1] for own in frame.signs[::-1])
            meter = next((s for own, s in signs if own == number and isinstance(s, Meter)), None)
            length = told or end or max(ends) or (meter and meter.length) or Fraction(1)
            for draft in measure.drafts():
                if draft.fills:
                    draft.length = length


# Leaves ----------------------------------------------------------------------------------------------------


def _is_part(group: ET.Element) -> bool:
    """Whether a <staffGrp> is one part: it says so, or is a brace whose staves have at most one label."""
    if group.get("type") in ("part", "group"):
        return group.get("type") == "part"
    staves = group.findall("staffDef")
    labels = {_labels(staff)[0] or staff.get("label", "") for staff in staves} - {""}
    return (
        _symbol(group) == "brace" and len(staves) > 1 and group.find("staffGrp") is None and len(labels) < 2
    )


def _symbol(group: ET.Element) -> str | None:
    child = group.find("grpSym")
    return group.get("symbol") or (None if child is None else child.get("symbol"))


def _labels(element: ET.Element) -> tuple[str, str]:
    label, short = element.find("label"), element.find("labelAbbr")
    name = element.get("label", "") if label is None else _text(label)
    return name, element.get("label.abbr", "") if short is None else _text(short)


def _text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _definition_signs(element: ET.Element) -> Iterator[ET.Element]:
    """Clef, key and meter of a definition, children or attributes, as elements."""
    for tag in _SIGN_TAGS:
        yield from element.iterfind(tag)
    names = {
        "clef": ("clef.shape", "clef.line", "clef.dis", "clef.dis.place"),
        "keySig": ("key.sig", "keysig"),
        "meterSig": ("meter.count", "meter.unit", "meter.sym", "meter.form"),
    }
    for tag, attributes in names.items():
        told = {name.rpartition(".")[2]: value for name in attributes if (value := element.get(name))}
        if tag == "clef" and "clef.dis.place" in element.attrib:
            told["dis.place"] = told.pop("place")
        if tag == "keySig" and "keysig" in told:
            told = {"sig": told["keysig"]}
        if told:
            yield ET.Element(tag, told)
