"""MusicXML writer, for notation programs.

Source: MusicXML 4.0, W3C Community Group final report; element order by its schema.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from xml.etree import ElementTree as ET

from focal_omr import __version__
from focal_omr.errors import NotationError
from focal_omr.formats.mei_writer import DOUBTFUL_COLOUR
from focal_omr.formats.written_bars import (
    WrittenBar,
    quarter_lengths,
    ties_that_end,
    written_bars,
)
from focal_omr.score.beaming import beam_by_meter, beam_types, one_beam
from focal_omr.score.event_ids import event_ids
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Duration,
    Key,
    Measure,
    Meter,
    Note,
    Rest,
    Score,
    Tuplet,
    flat_events,
    open_tie,
    sounding_length,
    tie_ends,
)

_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPES = {
    "quadruple_whole": "long",
    "double_whole": "breve",
    "whole": "whole",
    "half": "half",
    "quarter": "quarter",
    "eighth": "eighth",
    "sixteenth": "16th",
    "thirty_second": "32nd",
    "sixty_fourth": "64th",
    "hundred_twenty_eighth": "128th",
}
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_METER_SYMBOLS = {"C": "common", "C/": "cut"}
# Style and repeat direction of a measure's right barline; None: no element is written.
_RIGHT_BARLINES: dict[BarlineKind | None, tuple[str, str | None] | None] = {
    "single": None,
    "double": ("light-light", None),
    "final": ("light-heavy", None),
    "repeat_start": None,  # written at the left of the next measure
    "repeat_end": ("light-heavy", "backward"),
    "repeat_both": ("light-heavy", "backward"),
    None: ("none", None),
}
_ATTRIBUTE_ORDER = ("divisions", "key", "time", "clef", "measure-style")


def write_musicxml(score: Score) -> str:
    """Write a score as a MusicXML 4.0 document; the same score gives the same text.

    A multi-measure rest of N bars becomes N measures, as the format requires. Parts that are shorter than the
    longest one end with empty measures. A tie that leads to no note is dropped. Parts without beams get beams
    by the meter. Notes marked as doubtful have the colour `DOUBTFUL_COLOUR`. Notes and rests have the ids of
    `score.event_ids`; the bars of a multi-measure rest but the first have its id, a dot and their number.

    Raises:
        NotationError: The score has no parts.
    """
    root = musicxml_tree(score)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}{ET.tostring(root, encoding="unicode")}\n'


def musicxml_tree(score: Score) -> ET.Element:
    """Build the tree of MusicXML elements of a score.

    Raises:
        NotationError: The score has no parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; one part at least is needed")
    parts = [list(written_bars(beam_by_meter(part))) for part in score.parts]
    longest = max(parts, key=len) or [WrittenBar((), None)]  # the schema wants one measure at least
    divisions = lcm(
        *(length.denominator for bars in parts for bar in bars for length in quarter_lengths(bar))
    )
    root = ET.Element("score-partwise", version="4.0")
    _append_header(root, score, breaks=any(bar.break_before for bars in parts for bar in bars[1:]))
    ids, first = event_ids(score), 0 if longest[0].is_pickup else 1
    for number, bars in enumerate(parts, 1):
        part = ET.SubElement(root, "part", id=f"P{number}")
        writer = _MusicXmlPart(part, divisions, ties_that_end(bars), iter(ids[number - 1]))
        bars += [WrittenBar((), bar.barline) for bar in longest[len(bars) :]]
        for index, bar in enumerate(bars):
            writer.write(bar, index + first, last=index == len(bars) - 1)
    return root


def _append_header(root: ET.Element, score: Score, *, breaks: bool) -> None:
    """Append everything before the first part; `breaks`: the score encodes system and page breaks."""
    if score.title:
        ET.SubElement(ET.SubElement(root, "work"), "work-title").text = score.title
    encoding = ET.SubElement(ET.SubElement(root, "identification"), "encoding")
    ET.SubElement(encoding, "software").text = f"Focal-CTC-OMR {__version__}"
    for element in ("accidental", "beam"):
        ET.SubElement(encoding, "supports", element=element, type="yes")
    for kind in ("new-page", "new-system") if breaks else ():
        ET.SubElement(encoding, "supports", element="print", attribute=kind, type="yes", value="yes")
    part_list = ET.SubElement(root, "part-list")
    for number, part in enumerate(score.parts, 1):
        score_part = ET.SubElement(part_list, "score-part", id=f"P{number}")
        ET.SubElement(score_part, "part-name").text = part.name
        # Without an instrument MuseScore 3 complains; it chooses one itself.
        instrument = ET.SubElement(score_part, "score-instrument", id=f"P{number}-I1")
        ET.SubElement(instrument, "instrument-name").text = part.name


# One part --------------------------------------------------------------------------------------------------


@dataclass
class _MusicXmlPart:
    """Writer of one part, measure by measure.

    Attributes:
        part: The <part>, to which measures are appended.
        divisions: Divisions of a quarter note.
        tie_starts: Indices of the notes whose tie leads to another note.
        ids: Ids of the remaining events.
        last_id: Id of the last rest.
        note_count: Number of notes written so far.
        tied: The last note, if its tie is still open.
        bar: The measure being written.
        beams: Beam types of the remaining notes of this bar, by level.
    """

    part: ET.Element
    divisions: int
    tie_starts: set[int]
    ids: Iterator[str]
    last_id: str = ""
    note_count: int = 0
    tied: Note | None = None
    bar: WrittenBar = field(default_factory=lambda: WrittenBar((), None))
    beams: list[list[str]] = field(default_factory=list)

    def write(self, bar: WrittenBar, number: int, *, last: bool) -> None:
        """Append one measure."""
        measure = ET.SubElement(self.part, "measure", number=str(number))
        first = len(self.part) == 1
        if number == 0:
            measure.set("implicit", "yes")
        if bar.break_before and not first:
            ET.SubElement(measure, "print", {f"new-{bar.break_before}": "yes"})
        if bar.opens_repeat:
            _append_barline(measure, "left", "heavy-light", "forward")
        self.bar = bar
        self.beams = beam_types(
            [event for event in flat_events(Measure(bar.events)) if isinstance(event, Note)]
        )
        self._append_events(measure, first=first)
        right = _RIGHT_BARLINES[bar.barline]
        if last and bar.barline == "repeat_start":  # there is no next measure to hold it at its left
            right = ("heavy-light", "forward")
        if right:
            _append_barline(measure, "right", *right)

    def _append_events(self, measure: ET.Element, *, first: bool) -> None:
        attributes: ET.Element | None = None
        if first:
            attributes = ET.SubElement(measure, "attributes")
            ET.SubElement(attributes, "divisions").text = str(self.divisions)
        for event in self.bar.events:
            if isinstance(event, Clef | Key | Meter):
                next(self.ids)
                element = _attribute_element(event)
                if attributes is None or attributes.find(element.tag) is not None:
                    attributes = ET.SubElement(measure, "attributes")
                attributes.append(element)
                continue
            if isinstance(event, Rest) and self.bar.multirest:
                # In attributes of its own: Verovio 6.4 reads signs beside it twice in the first measure.
                style = ET.SubElement(ET.SubElement(measure, "attributes"), "measure-style")
                ET.SubElement(style, "multiple-rest").text = str(self.bar.multirest)
            attributes = None
            match event:
                case Note():
                    measure.append(self._note(event))
                case Rest():
                    measure.append(self._rest(event))
                case Tuplet():
                    measure.extend(self._tuplet(event))
                case _:
                    raise TypeError(f"no MusicXML element for {event!r}")
        if measure.find("note") is not None and not any(quarter_lengths(self.bar)):
            # An invisible rest gives a length to a bar of grace notes only: music21 10.5 divides by it.
            hidden = ET.SubElement(measure, "note", {"print-object": "no"})
            ET.SubElement(hidden, "rest")
            ET.SubElement(hidden, "duration").text = "1"
            ET.SubElement(hidden, "voice").text = "1"
        for attributes in measure.iterfind("attributes"):
            attributes[:] = sorted(attributes, key=lambda child: _ATTRIBUTE_ORDER.index(child.tag))

    def _note(self, note: Note, tuplet: Tuplet | None = None) -> ET.Element:
        colour = {"color": DOUBTFUL_COLOUR} if note.doubtful else {}
        element = ET.Element("note", {"id": next(self.ids), **colour})
        if note.grace:
            ET.SubElement(element, "grace", {"slash": "yes"} if note.duration.value == "eighth" else {})
        pitch = ET.SubElement(element, "pitch")
        ET.SubElement(pitch, "step").text = note.pitch.step
        if note.pitch.alter:
            ET.SubElement(pitch, "alter").text = str(note.pitch.alter)
        ET.SubElement(pitch, "octave").text = str(note.pitch.octave)
        if not note.grace:
            self._append_duration(element, sounding_length(note), tuplet)
        ties = ["stop"] if tie_ends(self.tied, note) else []
        ties += ["start"] if self.note_count in self.tie_starts else []
        self.tied = open_tie(self.tied, note)
        self.note_count += 1
        for kind in ties:
            ET.SubElement(element, "tie", type=kind)
        _append_value(element, note.duration)
        if note.accidental is not None:
            ET.SubElement(element, "accidental").text = _ACCIDENTALS[note.accidental]
        if tuplet and not note.grace:
            _append_time_modification(element, tuplet)
        for level, beam in enumerate(self.beams.pop(0), 1):
            if beam:
                ET.SubElement(element, "beam", number=str(level)).text = beam
        _append_notations(element, note.fermata, ties)
        return element

    def _rest(self, rest: Rest, tuplet: Tuplet | None = None) -> ET.Element:
        if self.bar.rest_bar == 1:
            self.last_id = identity = next(self.ids)
        else:
            identity = f"{self.last_id}.{self.bar.rest_bar}"
        element = ET.Element("note", id=identity)
        if self.bar.rest is None:
            ET.SubElement(element, "rest")
            self._append_duration(element, sounding_length(rest), tuplet)
            _append_value(element, rest.duration)
        else:
            ET.SubElement(element, "rest", measure="yes")
            self._append_duration(element, self.bar.rest, None)
            ET.SubElement(element, "voice").text = "1"
        if tuplet:
            _append_time_modification(element, tuplet)
        _append_notations(element, rest.fermata, [])
        return element

    def _append_duration(self, element: ET.Element, length: Fraction, tuplet: Tuplet | None) -> None:
        """Append a length, given in whole notes, in divisions."""
        scale = Fraction(tuplet.normal, tuplet.actual) if tuplet else 1
        ET.SubElement(element, "duration").text = str(4 * length * scale * self.divisions)

    def _tuplet(self, tuplet: Tuplet) -> list[ET.Element]:
        notes = [event for event in tuplet.events if isinstance(event, Note)]
        one_group = len(notes) == len(tuplet.events) and one_beam(notes)
        elements = []
        for event in tuplet.events:
            write = self._note if isinstance(event, Note) else self._rest
            elements.append(write(event, tuplet))  # type: ignore[arg-type]  # each gets its own kind
        timed = [element for element in elements if element.find("grace") is None]
        if timed:
            for element, kind in ((timed[0], "start"), (timed[-1], "stop")):
                notations = element.find("notations")
                if notations is None:
                    notations = ET.SubElement(element, "notations")
                bracket = {"bracket": "no" if one_group else "yes"} if kind == "start" else {}
                ET.SubElement(notations, "tuplet", {"type": kind, "number": "1", **bracket})
        return elements


# Single elements -------------------------------------------------------------------------------------------


def _attribute_element(event: Clef | Key | Meter) -> ET.Element:
    match event:
        case Clef():
            element = ET.Element("clef")
            ET.SubElement(element, "sign").text = event.shape
            ET.SubElement(element, "line").text = str(event.line)
        case Key():
            element = ET.Element("key")
            ET.SubElement(element, "fifths").text = str(event.fifths)
            ET.SubElement(element, "mode").text = "major"
        case Meter():
            element = ET.Element("time", {"symbol": _METER_SYMBOLS[event.symbol]} if event.symbol else {})
            ET.SubElement(element, "beats").text = str(event.beats)
            ET.SubElement(element, "beat-type").text = str(event.unit)
    return element


def _append_barline(measure: ET.Element, location: str, style: str, repeat: str | None) -> None:
    barline = ET.SubElement(measure, "barline", location=location)
    ET.SubElement(barline, "bar-style").text = style
    if repeat:
        ET.SubElement(barline, "repeat", direction=repeat)


def _append_value(element: ET.Element, duration: Duration) -> None:
    ET.SubElement(element, "voice").text = "1"
    ET.SubElement(element, "type").text = _TYPES[duration.value]
    for _ in range(duration.dots):
        ET.SubElement(element, "dot")


def _append_time_modification(element: ET.Element, tuplet: Tuplet) -> None:
    modification = ET.SubElement(element, "time-modification")
    ET.SubElement(modification, "actual-notes").text = str(tuplet.actual)
    ET.SubElement(modification, "normal-notes").text = str(tuplet.normal)


def _append_notations(element: ET.Element, fermata: bool, ties: Sequence[str]) -> None:
    if not (fermata or ties):
        return
    notations = ET.SubElement(element, "notations")
    for kind in ties:
        ET.SubElement(notations, "tied", type=kind)
    if fermata:
        ET.SubElement(notations, "fermata", type="upright")
