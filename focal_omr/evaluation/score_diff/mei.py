"""MEI as a judge reads it: chords, several voices and staves and all, without a `Score` between.

A note sounds what `@accid.ges` says, else its printed accidental, else what the key signature and the
accidentals before it make of it; ties given by an element of their own are not followed there. A sign that
repeats a beat or a bar holds no notes.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.records import Bar, NoteEvent, VoicedPart
from focal_omr.formats.mei_elements import (
    alterations,
    element_text,
    parse_key,
    parse_meter,
    sign_attributes,
    staff_layers,
    whole_number,
    written_duration,
)
from focal_omr.score.accidentals import AccidentalState
from focal_omr.score.bounds import MAX_BARS, MAX_NUMBER
from focal_omr.score.records import STEPS, Duration, Note, Pitch

__all__ = ["mei_parts"]

_REPEATS = ("mRpt", "mRpt2", "multiRpt", "halfmRpt")


def mei_parts(root: ET.Element) -> list[VoicedPart]:
    """Every staff of an MEI document.

    Raises:
        NotationError: Another document, no staff, or an element that cannot be read.
    """
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    score = root.find(".//score")
    if root.tag != "mei" or score is None:
        raise NotationError(f"a <{root.tag}> document without a <score>; needed is one of MEI with one")
    staves: dict[str, ET.Element] = {}
    for staff_def in score.iter("staffDef"):
        staves.setdefault(staff_def.get("n", "1"), staff_def)
    if not staves:
        raise NotationError("an MEI document without a <staffDef>")
    return [_part(score, number, staff_def) for number, staff_def in staves.items()]


def _part(score: ET.Element, number: str, staff_def: ET.Element) -> VoicedPart:
    reader = _StaffReader(number)
    for element in score.iter():
        try:
            reader.read(element)
        except NotationError as error:
            raise NotationError(f"staff {number}, measure {len(reader.bars) + 1}: {error}") from None
    return VoicedPart(element_text(staff_def.find("label")), tuple(reader.bars))


@dataclass
class _StaffReader:
    """Reads the measures of one staff, one after the other."""

    staff: str
    bars: list[Bar] = field(default_factory=list)
    bar_length: Fraction = Fraction(4)  # quarters, by the meter
    state: AccidentalState = field(default_factory=AccidentalState)
    # Of the present bar:
    notes: list[NoteEvent] = field(default_factory=list)
    has_chord: bool = False
    multirest: int = 0
    now: Fraction = Fraction(0)

    def read(self, element: ET.Element) -> None:
        """Read a measure, or what a definition says of this staff."""
        if element.tag == "measure":
            self._measure(element)
        elif element.tag == "scoreDef" or (element.tag == "staffDef" and element.get("n", "1") == self.staff):
            self._signs(element)

    def _signs(self, definition: ET.Element) -> None:
        if attributes := sign_attributes(definition, "keySig"):
            self.state.set_key(parse_key(attributes))
        attributes = sign_attributes(definition, "meterSig")
        if attributes and attributes.get("form") != "invis":
            self.bar_length = 4 * parse_meter(attributes).length

    def _measure(self, measure: ET.Element) -> None:
        layers, voices = staff_layers(measure, self.staff)
        self.notes, self.has_chord, self.multirest = [], len(voices) > 1, 0
        length = Fraction(0)
        for layer in layers:
            self.now = Fraction(0)
            self._walk(layer, Fraction(1))
            length = max(length, self.now)
            self.state.barline()
        notes = tuple(sorted(self.notes, key=lambda note: note.onset))
        self._append(measure.get("n", ""), notes, length)
        for _ in range(self.multirest - 1):
            self._append("", (), self.bar_length)

    def _append(self, number: str, notes: tuple[NoteEvent, ...], length: Fraction) -> None:
        self.bars.append(Bar(len(self.bars) + 1, number, notes, length, self.has_chord))

    def _walk(self, parent: ET.Element, scale: Fraction) -> None:
        for element in parent:
            match element.tag:
                case "note" | "chord" | "rest" | "space":
                    self._timed(element, scale)
                case "mRest" | "mSpace":
                    self.now += self.bar_length
                case "multiRest":
                    self.multirest = max(1, whole_number(element, "num"))
                    if len(self.bars) + self.multirest > MAX_BARS:
                        raise NotationError(f"more than {MAX_BARS} bars, which are all that are read")
                    self.now += self.bar_length
                case "keySig":
                    self.state.set_key(parse_key(dict(element.attrib)))
                case "meterSig":
                    self.bar_length = 4 * parse_meter(dict(element.attrib)).length
                case "beam" | "bTrem":
                    self._walk(element, scale)
                case "fTrem":  # either of the two notes is written with the time of both
                    self._walk(element, scale / 2)
                case "tuplet":
                    actual, normal = whole_number(element, "num"), whole_number(element, "numbase")
                    if not (0 < actual <= MAX_NUMBER and 0 < normal <= MAX_NUMBER):
                        raise NotationError(f"a tuplet {actual}:{normal}; 1 to {MAX_NUMBER} are known")
                    self._walk(element, scale * Fraction(normal, actual))
                case tag if tag in _REPEATS:
                    self.now += self.bar_length

    def _timed(self, element: ET.Element, scale: Fraction) -> None:
        heads = [head for head in element.iter("note") if head.get("visible") != "false"]
        if "grace" in element.attrib:
            for head in heads:  # its accidental holds for the notes after it
                self._alter(head)
            return
        lasts = 4 * written_duration(element).length * scale
        for head in heads:
            alter = self._alter(head)
            step, octave = _place(head)
            event = NoteEvent(len(self.bars) + 1, self.now, step, alter, octave, lasts)
            self.notes.append(event)
        self.has_chord |= len(heads) > 1
        self.now += lasts

    def _alter(self, head: ET.Element) -> int:
        """What a note sounds above its step, in semitones; it is heard for those after it."""
        step, octave = _place(head)
        printed, sounding = alterations(head)
        expected = self.state.expected(step, octave)
        alter = next((each for each in (sounding, printed) if each is not None), expected)
        tied = head.get("tie", "") in ("i", "m")
        pitch = Pitch(step, octave, alter)  # type: ignore[arg-type]  # `_place` looked
        self.state.hear(Note(pitch, Duration("quarter"), printed, tie=tied))  # how long does not matter
        return alter


def _place(head: ET.Element) -> tuple[str, int]:
    step = head.get("pname", "").upper()
    if step not in STEPS:
        raise NotationError(f"a note with the pname {step.lower()!r}; a .. g is needed")
    return step, whole_number(head, "oct")
