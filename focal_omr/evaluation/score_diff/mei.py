"""MEI reader of the comparison: chords, voices and several staves included.

A note sounds as `@accid.ges` says, else as its printed accidental, else as the key signature and the earlier
accidentals of the bar make it; ties given by <tie> elements are not followed for that. Signs that repeat a
beat or a bar hold no notes.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedBar, VoicedPart
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

_WHOLE_BAR = ("mRest", "mSpace", "mRpt", "mRpt2", "multiRpt", "halfmRpt")


def mei_parts(root: ET.Element) -> list[VoicedPart]:
    """Read every staff of an MEI document, whose namespaces are removed.

    Raises:
        NotationError: Another kind of document, no staff, or an element that cannot be read.
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
    parts = []
    for number, staff_def in staves.items():
        reader = _MeiStaffReader(number)
        for element in score.iter():
            try:
                reader.read(element)
            except NotationError as error:
                raise NotationError(f"staff {number}, measure {len(reader.bars) + 1}: {error}") from None
        parts.append(VoicedPart(element_text(staff_def.find("label")), tuple(reader.bars)))
    return parts


@dataclass
class _MeiStaffReader:
    """Reads the measures of one staff in order."""

    staff: str
    bars: list[VoicedBar] = field(default_factory=list)
    bar_length: Fraction = Fraction(4)  # quarters, by the meter
    state: AccidentalState = field(default_factory=AccidentalState)
    # The current bar:
    notes: list[NoteEvent] = field(default_factory=list)
    has_chord: bool = False
    multirest: int = 0
    now: Fraction = Fraction(0)

    def read(self, element: ET.Element) -> None:
        """Read a measure, or a definition that applies to this staff."""
        if element.tag == "scoreDef" or (element.tag == "staffDef" and element.get("n", "1") == self.staff):
            if attributes := sign_attributes(element, "keySig"):
                self.state.set_key(parse_key(attributes))
            attributes = sign_attributes(element, "meterSig")
            if attributes and attributes.get("form") != "invis":
                self.bar_length = 4 * parse_meter(attributes).length
        if element.tag != "measure":
            return
        layers, voices = staff_layers(element, self.staff)
        self.notes, self.has_chord, self.multirest = [], len(voices) > 1, 0
        length = Fraction(0)
        for layer in layers:
            self.now = Fraction(0)
            self._walk(layer, Fraction(1))
            length = max(length, self.now)
            self.state.barline()
        self.notes.sort(key=lambda note: note.onset)
        index = len(self.bars) + 1
        self.bars.append(VoicedBar(index, element.get("n", ""), tuple(self.notes), length, self.has_chord))
        for rest in range(1, self.multirest):
            self.bars.append(VoicedBar(index + rest, length=self.bar_length, has_chord=self.has_chord))

    def _walk(self, parent: ET.Element, scale: Fraction) -> None:
        """Read the content of a layer or a group, whose durations are multiplied by `scale`."""
        for element in parent:
            match element.tag:
                case "note" | "chord" | "rest" | "space":
                    self._timed(element, scale)
                case tag if tag in _WHOLE_BAR:
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
                case "fTrem":  # each of the two notes is written with the duration of both
                    self._walk(element, scale / 2)
                case "tuplet":
                    actual, normal = whole_number(element, "num"), whole_number(element, "numbase")
                    if not (0 < actual <= MAX_NUMBER and 0 < normal <= MAX_NUMBER):
                        raise NotationError(f"a tuplet {actual}:{normal}; 1 to {MAX_NUMBER} are known")
                    self._walk(element, scale * Fraction(normal, actual))

    def _timed(self, element: ET.Element, scale: Fraction) -> None:
        """Read a note, chord, rest or space; grace notes only for their accidentals."""
        pitches: list[tuple[str, int, int]] = []
        for head in element.iter("note"):
            if head.get("visible") == "false":
                continue
            step, octave = head.get("pname", "").upper(), whole_number(head, "oct")
            if step not in STEPS:
                raise NotationError(f"a note with the pname {step.lower()!r}; a .. g is needed")
            printed, sounding = alterations(head)
            expected = self.state.expected(step, octave)
            alter = next(each for each in (sounding, printed, expected) if each is not None)
            tied = head.get("tie", "") in ("i", "m")
            # The accidental holds for later notes; the duration has no effect.
            self.state.hear(Note(Pitch(step, octave, alter), Duration("quarter"), printed, tie=tied))
            pitches.append((step, alter, octave))
        if "grace" in element.attrib:
            return
        lasts = 4 * written_duration(element).length * scale
        self.notes += (NoteEvent(len(self.bars) + 1, self.now, *pitch, lasts) for pitch in pitches)
        self.has_chord |= len(pitches) > 1
        self.now += lasts
