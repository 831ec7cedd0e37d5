"""MEI, written by hand: the form in which Verovio gets every score to engrave, convert or play.

Source: Music Encoding Initiative guidelines 5.0, CMN module; checked by Verovio's reading of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.score.records import (
    BarlineKind,
    BeamPlace,
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
# Seen by all who are colour-blind in any way, and unlike ink. Source: Okabe and Ito, 2008.
DOUBTFUL_COLOUR = "#D55E00"
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
    # The declaration by hand: ElementTree would name the encoding of the machine's locale.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(mei_tree(score), encoding="unicode")


def event_id(part: int, event: int) -> str:
    """The id of an event in MEI: the part from 1, the event from 0 with tuplets opened."""
    return f"p{part}e{event}"


def mei_tree(score: Score, *, ids: Sequence[Sequence[str | None]] | None = None) -> ET.Element:
    """The score as a tree of MEI elements.

    Args:
        score: The score.
        ids: For each part the ids of its events, tuplets opened, where it is cut out of a longer score; signs
            may have none. None: those of `event_id`.

    Raises:
        NotationError: A score without parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; one part at least is needed")
    root = ET.Element("mei", {"xmlns": MEI_NAMESPACE, "meiversion": "5.0"})
    title = _path(root, "meiHead", "fileDesc", "titleStmt", "title")
    title.text = score.title
    ET.SubElement(root.find("meiHead/fileDesc"), "pubStmt")  # type: ignore[arg-type]  # made in the line above
    body = _path(root, "music", "body", "mdiv", "score")
    folded = [fold_repeat_starts(part) for part in score.parts]
    writers = [
        _MeiPart(number, part, None if ids is None else ids[number - 1])
        for number, (part, _) in enumerate(folded, 1)
    ]
    body.append(_first_score_def(writers))
    section = ET.SubElement(body, "section")
    for index in range(max(len(writer.part.measures) for writer in writers)):
        broken = next((b for w in writers if (b := w.measure(index).break_before)), None)
        if broken and index:
            section.append(ET.Element("pb" if broken == "page" else "sb"))
        for change in _changes(index, writers) if index else ():
            section.append(change)
        section.append(_measure(index, writers))
    if folded[0][1]:
        section.find("measure").set("left", "rptstart")  # type: ignore[union-attr]  # it begins a measure
    return root


def _path(parent: ET.Element, *names: str) -> ET.Element:
    for name in names:
        parent = ET.SubElement(parent, name)
    return parent


def _signs(events: Sequence[Event], kinds: tuple[type, ...]) -> int:
    """How many events at the beginning are of these kinds, in the order given (a scoreDef's)."""
    latest = -1
    for count, event in enumerate(events):
        place = kinds.index(type(event)) if type(event) in kinds else -1
        if place <= latest:
            return count
        latest = place
    return len(events)


@dataclass
class _MeiPart:
    """What a part needs while its measures are written one after the other."""

    number: int
    part: Part
    ids: Sequence[str | None] | None = None
    events: int = 0  # that were written
    tied: Note | None = None
    tied_at: tuple[str, ET.Element] = ("", ET.Element("none"))  # the id of the tied note, and its measure
    meter: Meter | None = None
    here: ET.Element = field(default_factory=lambda: ET.Element("measure"))  # being written

    def measure(self, index: int) -> Measure:
        return self.part.measures[index] if index < len(self.part.measures) else Measure((), None)

    def leading(self, index: int) -> Sequence[Event]:
        """Signs of this measure that belong before it, in a scoreDef."""
        measure = self.measure(index)
        count = _signs(measure.events, (Clef, Key, Meter))
        # A clef alone stands within the music, but where a system begins. One with a key or a meter does not:
        # Verovio 6.4 lets a meter that stands in a layer hold for no rest of whole measures.
        if index and count == 1 and not measure.break_before and isinstance(measure.events[0], Clef):
            return ()
        return measure.events[:count]

    def signs(self, index: int, staff_def: ET.Element) -> None:
        """Append the signs that belong before a measure; they are the next events of the part."""
        for event in self.leading(index):
            staff_def.append(_with_id(_element(event), self._next_id()))

    def write(self, index: int, here: ET.Element) -> None:
        """Append this part's staff of one measure to its element; ties and fermatas follow the staves."""
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
        """Append the events, those of a beam in a beam element, that of grace notes in a beam too."""
        beams = [parent]
        for event in events:
            place = _beam_place(event)
            if place == "start":
                beams.append(ET.SubElement(beams[-1], "beam"))
            beams[-1].append(self._event(event))
            if place == "end" and len(beams) > 1:
                beams.pop()

    def _event(self, event: Event) -> ET.Element:
        if isinstance(event, Tuplet):
            tuplet = ET.Element("tuplet", num=str(event.actual), numbase=str(event.normal))
            self._fill(tuplet, event.events)
            return tuplet
        identity = self._next_id()
        element = _with_id(_element(event), identity)
        if isinstance(event, Note):
            self._tie(str(identity), event)
        if isinstance(event, Note | Rest) and event.fermata:
            ET.SubElement(self.here, "fermata", startid=f"#{identity}", place="above")
        return element

    def _next_id(self) -> str | None:
        number = self.events
        self.events += 1
        return event_id(self.number, number) if self.ids is None else self.ids[number]

    def _tie(self, identity: str, note: Note) -> None:
        """Write the tie that ends here. By ids: Verovio 6.4 lets a @tie end at a grace note between."""
        if tie_ends(self.tied, note):
            start, measure = self.tied_at
            ET.SubElement(measure, "tie", startid=f"#{start}", endid=f"#{identity}")
        self.tied = open_tie(self.tied, note)
        if self.tied is note:
            self.tied_at = (identity, self.here)


def _beam_place(event: Event) -> BeamPlace | None:
    """Where an event stands in a beam; a tuplet that begins or ends inside a longer beam counts whole."""
    if isinstance(event, Note):
        return event.beam
    if isinstance(event, Tuplet):
        places = [e.beam for e in event.events if isinstance(e, Note)]
        opens, closes = places.count("start"), places.count("end")
        return "start" if opens > closes else "end" if closes > opens else None
    return None


def _with_id(element: ET.Element, identity: str | None) -> ET.Element:
    if identity is not None:
        element.set("xml:id", identity)
    return element


def _element(event: Event) -> ET.Element:
    match event:
        case Note():
            return _note(event)
        case Rest():
            return ET.Element("rest", _duration(event.duration))
        case MultiRest():
            return ET.Element("multiRest", num=str(event.bars))
        case Clef():
            return ET.Element("clef", shape=event.shape, line=str(event.line))
        case Key():
            return ET.Element("keySig", sig=_key_signature(event))
        case Meter():
            return ET.Element("meterSig", _meter(event))
    raise TypeError(f"no MEI element for {event!r}")


def _note(note: Note) -> ET.Element:
    element = ET.Element("note", _duration(note.duration))
    element.set("pname", note.pitch.step.lower())
    element.set("oct", str(note.pitch.octave))
    if note.accidental is not None:
        element.set("accid", MEI_ACCIDENTALS[note.accidental])
    else:
        element.set("accid.ges", MEI_ACCIDENTALS[note.pitch.alter])
    if note.grace:
        element.set("grace", "unacc" if note.duration.value == "eighth" else "acc")
    if note.doubtful:
        element.set("color", DOUBTFUL_COLOUR)
    return element


def _duration(duration: Duration) -> dict[str, str]:
    dots = {"dots": str(duration.dots)} if duration.dots else {}
    return {"dur": MEI_DURATIONS[duration.value], **dots}


def _key_signature(key: Key) -> str:
    return f"{abs(key.fifths)}{'s' if key.fifths > 0 else 'f'}" if key.fifths else "0"


def _meter(meter: Meter) -> dict[str, str]:
    symbol = {"sym": _METER_SYMBOLS[meter.symbol]} if meter.symbol else {}
    return {"count": str(meter.beats), "unit": str(meter.unit), **symbol}


def _first_score_def(writers: Sequence[_MeiPart]) -> ET.Element:
    score_def = ET.Element("scoreDef")
    group = ET.SubElement(score_def, "staffGrp")
    for writer in writers:
        staff_def = ET.SubElement(group, "staffDef", n=str(writer.number), lines="5")
        if writer.part.name:
            ET.SubElement(staff_def, "label").text = writer.part.name
        writer.signs(0, staff_def)
    return score_def


def _changes(index: int, writers: Sequence[_MeiPart]) -> Iterator[ET.Element]:
    """A scoreDef with the signs that change before a measure; nothing without changes."""
    if not any(writer.leading(index) for writer in writers):
        return
    score_def = ET.Element("scoreDef")
    group = ET.SubElement(score_def, "staffGrp")
    for writer in writers:
        writer.signs(index, ET.SubElement(group, "staffDef", n=str(writer.number)))
    yield score_def


def _measure(index: int, writers: Sequence[_MeiPart]) -> ET.Element:
    kind = writers[0].measure(index).barline
    # No @left in the next measure for a repeat sign: Verovio 6.4 would draw it, and not the one before it.
    measure = ET.Element("measure", n=str(index + 1), right=_right(kind))
    for writer in writers:
        writer.write(index, measure)
    # The schema wants all staves before what refers to them.
    measure[:] = sorted(measure, key=lambda element: element.tag != "staff")
    return measure


def _right(kind: BarlineKind | None) -> str:
    return "invis" if kind is None else MEI_BARLINES[kind]
