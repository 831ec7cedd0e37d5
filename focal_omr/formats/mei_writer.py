"""MEI writer; Verovio engraves, converts and plays scores in this form.

Source: Music Encoding Initiative guidelines 5.0, CMN module; checked by Verovio's reading of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.score.event_ids import event_ids
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Rest,
    Score,
    Tuplet,
    closing_meter,
    fold_repeat_starts,
    is_measure_rest,
    open_tie,
    opening_meter,
    tie_ends,
)

MEI_NAMESPACE = "http://www.music-encoding.org/ns/mei"
MEI_DURATIONS = {
    "quadruple_whole": "long",
    "double_whole": "breve",
    "whole": "1",
    "half": "2",
    "quarter": "4",
    "eighth": "8",
    "sixteenth": "16",
    "thirty_second": "32",
    "sixty_fourth": "64",
    "hundred_twenty_eighth": "128",
}
MEI_ACCIDENTALS = {-2: "ff", -1: "f", 0: "n", 1: "s", 2: "x"}
MEI_BARLINES: dict[BarlineKind, str] = {
    "single": "single",
    "double": "dbl",
    "final": "end",
    "repeat_start": "rptstart",
    "repeat_end": "rptend",
    "repeat_both": "rptboth",
}
_METER_SYMBOLS = {"C": "common", "C/": "cut"}


def write_mei(score: Score) -> str:
    """The score as an MEI document. Raises NotationError as `mei_tree` does."""
    # The declaration is explicit: ElementTree would name the encoding of the machine's locale.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(mei_tree(score), encoding="unicode")


def mei_tree(score: Score, *, ids: Sequence[Sequence[str | None]] | None = None) -> ET.Element:
    """The score as a tree of MEI elements.

    Args:
        score: The score.
        ids: For each part the ids of its events, tuplets flattened, where the score is an excerpt of a longer
            one; clefs, keys and meters may have None. None: those of
            `score.event_ids`.

    Raises:
        NotationError: The score has no parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; one part at least is needed")
    root = ET.Element("mei", {"xmlns": MEI_NAMESPACE, "meiversion": "5.0"})
    file_desc = _descend(root, "meiHead", "fileDesc")
    _descend(file_desc, "titleStmt", "title").text = score.title
    ET.SubElement(file_desc, "pubStmt")
    music = _descend(root, "music", "body", "mdiv", "score")
    folded = [fold_repeat_starts(part) for part in score.parts]
    parts = [
        _MeiPart(number, part, own)
        for number, ((part, _), own) in enumerate(zip(folded, ids or event_ids(score), strict=True), 1)
    ]
    music.append(_score_def(0, parts))
    section = ET.SubElement(music, "section")
    for index in range(max(len(part.part.measures) for part in parts)):
        broken = next((b for part in parts if (b := part.measure(index).break_before)), None)
        if broken and index:
            section.append(ET.Element("pb" if broken == "page" else "sb"))
        if index and any(part.leading(index) for part in parts):
            section.append(_score_def(index, parts))
        barline = parts[0].measure(index).barline
        # No @left on the next measure for a repeat sign: Verovio 6.4 would draw it, and drop the one before.
        right = "invis" if barline is None else MEI_BARLINES[barline]
        measure = ET.SubElement(section, "measure", n=str(index + 1), right=right)
        for part in parts:
            part.write(index, measure)
        # The schema wants all staves before the elements that refer to them.
        measure[:] = sorted(measure, key=lambda element: element.tag != "staff")
    if folded[0][1]:
        section.find("measure").set("left", "rptstart")  # type: ignore[union-attr]  # it begins a measure
    return root


def _descend(parent: ET.Element, *names: str) -> ET.Element:
    for name in names:
        parent = ET.SubElement(parent, name)
    return parent


def _score_def(index: int, parts: "Sequence[_MeiPart]") -> ET.Element:
    """The scoreDef before a measure, with the signs that open it; the first one also describes the staves."""
    score_def = ET.Element("scoreDef")
    group = ET.SubElement(score_def, "staffGrp")
    for part in parts:
        staff_def = ET.SubElement(group, "staffDef", n=str(part.number))
        if index == 0:
            staff_def.set("lines", "5")
            if part.part.name:
                ET.SubElement(staff_def, "label").text = part.part.name
        part.write_signs(index, staff_def)
    return score_def


@dataclass
class _MeiPart:
    """Writer of one part, measure by measure.

    Attributes:
        events: Number of events written so far.
        tied_at: Id of the tied note, and its <measure>.
        here: The <measure> that is being written.
    """

    number: int
    part: Part
    ids: Sequence[str | None]
    events: int = 0
    tied: Note | None = None
    tied_at: tuple[str, ET.Element] = ("", ET.Element("none"))
    meter: Meter | None = None
    here: ET.Element = field(default_factory=lambda: ET.Element("measure"))

    def measure(self, index: int) -> Measure:
        return self.part.measures[index] if index < len(self.part.measures) else Measure((), None)

    def leading(self, index: int) -> Sequence[Event]:
        """The opening signs of a measure that belong into a scoreDef: clef, key, meter in this order."""
        measure = self.measure(index)
        count, latest = 0, -1
        for event in measure.events:
            rank = next((rank for rank, kind in enumerate((Clef, Key, Meter)) if isinstance(event, kind)), -1)
            if rank <= latest:
                break
            count, latest = count + 1, rank
        # A clef alone stays in the layer unless a system begins. One with a key or a meter does not: Verovio
        # 6.4 ignores a meter in a layer for rests of whole measures.
        if index and count == 1 and not measure.break_before and isinstance(measure.events[0], Clef):
            return ()
        return measure.events[:count]

    def write_signs(self, index: int, staff_def: ET.Element) -> None:
        """Append the signs that open a measure; they are the next events of the part."""
        for event in self.leading(index):
            staff_def.append(_with_id(_element(event), self._next_id()))

    def write(self, index: int, here: ET.Element) -> None:
        """Append this part's staff to a <measure>; its ties and fermatas follow the staff."""
        self.here = here
        staff = ET.SubElement(here, "staff", n=str(self.number))
        layer = ET.SubElement(staff, "layer", n="1")
        lead = len(self.leading(index))
        measure = self.measure(index)
        self._fill(layer, measure.events[lead:])
        rest = layer.find("rest")
        if rest is not None and is_measure_rest(measure, opening_meter(measure, self.meter)):
            rest.tag = "mRest"
            del rest.attrib["dur"]
        self.meter = closing_meter(measure, self.meter)

    def _fill(self, parent: ET.Element, events: Sequence[Event]) -> None:
        """Append events, with <beam> elements; a beam of grace notes may stand inside another one."""
        beams = [parent]
        for event in events:
            place = event.beam if isinstance(event, Note) else None
            if isinstance(event, Tuplet):  # one that begins or ends inside a longer beam counts as a whole
                places = [each.beam for each in event.events if isinstance(each, Note)]
                opens, closes = places.count("start"), places.count("end")
                place = "start" if opens > closes else "end" if closes > opens else None
            if place == "start":
                beams.append(ET.SubElement(beams[-1], "beam"))
            if isinstance(event, Tuplet):
                tuplet = ET.SubElement(beams[-1], "tuplet", num=str(event.actual), numbase=str(event.normal))
                self._fill(tuplet, event.events)
            else:
                identity = self._next_id()
                beams[-1].append(_with_id(_element(event), identity))
                if isinstance(event, Note):
                    # Ties refer to ids: Verovio 6.4 ends a @tie at a grace note between.
                    if tie_ends(self.tied, event):
                        start, measure = self.tied_at
                        ET.SubElement(measure, "tie", startid=f"#{start}", endid=f"#{identity}")
                    self.tied = open_tie(self.tied, event)
                    if self.tied is event:
                        self.tied_at = (str(identity), self.here)
                if isinstance(event, Note | Rest) and event.fermata:
                    ET.SubElement(self.here, "fermata", startid=f"#{identity}", place="above")
            if place == "end" and len(beams) > 1:
                beams.pop()

    def _next_id(self) -> str | None:
        number = self.events
        self.events += 1
        return self.ids[number]


def _with_id(element: ET.Element, identity: str | None) -> ET.Element:
    if identity is not None:
        element.set("xml:id", identity)
    return element


def _element(event: Event) -> ET.Element:
    """The element of one event, without an id."""
    match event:
        case Note():
            element = ET.Element("note", _duration(event.duration))
            element.set("pname", event.pitch.step.lower())
            element.set("oct", str(event.pitch.octave))
            if event.accidental is not None:
                element.set("accid", MEI_ACCIDENTALS[event.accidental])
            else:
                element.set("accid.ges", MEI_ACCIDENTALS[event.pitch.alter])
            if event.grace:
                element.set("grace", "unacc" if event.duration.value == "eighth" else "acc")
            return element
        case Rest():
            return ET.Element("rest", _duration(event.duration))
        case MultiRest():
            return ET.Element("multiRest", num=str(event.bars))
        case Clef():
            return ET.Element("clef", shape=event.shape, line=str(event.line))
        case Key(fifths):
            return ET.Element("keySig", sig=f"{abs(fifths)}{'s' if fifths > 0 else 'f'}" if fifths else "0")
        case Meter():
            symbol = {"sym": _METER_SYMBOLS[event.symbol]} if event.symbol else {}
            return ET.Element("meterSig", {"count": str(event.beats), "unit": str(event.unit), **symbol})
    raise TypeError(f"no MEI element for {event!r}")


def _duration(duration: Duration) -> dict[str, str]:
    dots = {"dots": str(duration.dots)} if duration.dots else {}
    return {"dur": MEI_DURATIONS[duration.value], **dots}
