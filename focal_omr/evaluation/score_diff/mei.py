"""MEI reader of the comparison: every staff, layer and control event of whole scores.

A note sounds as `@oct.ges` and `@accid.ges` say, else as its printed accidental, else as the key signature
and the earlier accidentals of the bar make it; ties given by <tie> elements are not followed for that. Signs
that repeat a beat or a bar hold no notes.

Source: Music Encoding Initiative guidelines 5.0, CMN module.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.records import Bar, PrintedNote, Staff, Syllable, dynamics_in, spell
from focal_omr.formats.mei_elements import alterations, element_text, parse_key, sign_attributes, whole_number
from focal_omr.score.accidentals import AccidentalState
from focal_omr.score.bounds import MAX_BARS, MAX_NUMBER
from focal_omr.score.records import STEPS, Duration, Note, Pitch

__all__ = ["read_mei_bars"]

_WHOLE_BAR = ("mRest", "mSpace", "mRpt", "mRpt2", "multiRpt", "halfmRpt")
_GROUPS = ("beam", "bTrem", "graceGrp", "fTrem", "tuplet")
_QUARTERS = {"maxima": Fraction(32), "long": Fraction(16), "breve": Fraction(8)} | {
    str(2**n): Fraction(4, 2**n) for n in range(12)
}
_MAX_DOTS = 9
_ELISION = "\u203f"  # the undertie that MusicXML files have between syllables
# MEI -> MusicXML names of what is compared by name.
_ARTICULATIONS = {
    **{"acc": "accent", "stacc": "staccato", "ten": "tenuto", "stacciss": "staccatissimo"},
    **{"marc": "strong-accent", "spicc": "spiccato", "ten-stacc": "detached-legato"},
    **{"acc-soft": "soft-accent", "fall": "falloff"},
}
_HAIRPINS = {"cres": "crescendo", "dim": "diminuendo"}
_METER_SIGNS = {"common": Fraction(4), "cut": Fraction(4)}


def read_mei_bars(root: ET.Element) -> tuple[list[Staff], list[Bar]]:
    """Read an MEI document, whose namespaces are removed: its staves and bars.

    Raises:
        NotationError: Another kind of document, no staff, or an element that cannot be read.
    """
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    score = root.find(".//score")
    if root.tag != "mei" or score is None:
        raise NotationError(f"a <{root.tag}> document without a <score>; needed is one of MEI with one")
    definitions: dict[str, ET.Element] = {}
    for staff_def in score.iter("staffDef"):
        definitions.setdefault(staff_def.get("n", "1"), staff_def)
    if not definitions:
        raise NotationError("an MEI document without a <staffDef>")
    numbers = {name: number for number, name in enumerate(definitions, 1)}
    elements = [each for each in score.iter() if each.tag in ("scoreDef", "staffDef", "measure")]
    ties = {each.get("startid", "").removeprefix("#") for each in score.iter("tie")}
    bars: list[Bar] = []
    for name in definitions:
        reader = _MeiStaffReader(name, numbers, bars, ties)
        for element in elements:
            try:
                reader.read(element)
            except NotationError as error:
                raise NotationError(f"staff {name}, measure {reader.count + 1}: {error}") from None
    labels = (element_text(staff_def.find("label")) for staff_def in definitions.values())
    return [Staff(label, label) for label in labels], bars


@dataclass
class _MeiStaffReader:
    """Reads the measures of one staff in order into bars, which are made where they are missing."""

    staff: str
    numbers: Mapping[str, int]  # numbers from the top, from 1, by @n
    bars: list[Bar]
    ties: set[str]  # ids of notes and chords that are tied to the next
    count: int = 0  # bars so far
    bar_length: Fraction = Fraction(4)  # quarters, by the meter
    state: AccidentalState = field(default_factory=AccidentalState)
    # The current bar:
    bar: Bar = field(default_factory=lambda: Bar(0))
    voice: str = ""
    multirest: int = 0
    now: Fraction = Fraction(0)

    def read(self, element: ET.Element) -> None:
        """Read a measure, or a definition that applies to this staff."""
        if element.tag == "measure":
            self._measure(element)
        elif element.tag == "scoreDef" or element.get("n", "1") == self.staff:
            if attributes := sign_attributes(element, "keySig"):
                self.state.set_key(parse_key(attributes))
            self._set_meter(sign_attributes(element, "meterSig"))

    def _measure(self, element: ET.Element) -> None:
        self.multirest = 1
        self.bar = self._next_bar(element.get("n", ""))
        length = Fraction(0)
        staves = [each for each in element.iterfind("staff") if each.get("n", "1") == self.staff]
        for number, layer in enumerate((layer for each in staves for layer in each.iterfind("layer")), 1):
            self.now, self.voice = Fraction(0), f"{self.staff}/{layer.get('n', number)}"
            self._walk(layer, Fraction(1))
            length = max(length, self.now)
            self.state.barline()
        self.bar.length = max(self.bar.length, length)
        if self.staff == next(iter(self.numbers)):
            self._control_events(element)
        for _ in range(1, self.multirest):
            self._next_bar("").length = self.bar_length

    def _next_bar(self, number: str) -> Bar:
        self.count += 1
        if self.count > MAX_BARS:
            raise NotationError(f"more than {MAX_BARS} bars, which are all that are read")
        if self.count > len(self.bars):
            self.bars.append(Bar(self.count, number))
        return self.bars[self.count - 1]

    def _set_meter(self, attributes: Mapping[str, str]) -> None:
        """Set the length of a bar, if a meter with numbers or a sign for them is printed."""
        count, unit = attributes.get("count", ""), attributes.get("unit", "")
        beats = [beat.strip() for beat in count.split("+")]
        if all(b.isascii() and b.isdigit() and len(b) < 5 for b in (*beats, unit)) and int(unit) > 0:
            self.bar_length = Fraction(4 * sum(map(int, beats)), int(unit))
        elif sign := _METER_SIGNS.get(attributes.get("sym", "")):
            self.bar_length = sign
        elif count or unit:
            raise NotationError(f"a time signature {count!r}/{unit!r}; expected two whole numbers")

    def _control_events(self, measure: ET.Element) -> None:
        """Read what is printed beside the staves of a measure."""
        for element in measure:
            staff = self.numbers.get(element.get("staff", "").split(" ")[0], 1)
            match element.tag:
                case "slur":
                    self.bar.marks["slurs"][staff, "slur"] += 1
                case "fermata" | "breath" | "caesura" as name:
                    self.bar.marks["articulations"][staff, "breath-mark" if name == "breath" else name] += 1
                case "dynam":
                    self.bar.marks["dynamics"].update((staff, d) for d in dynamics_in(element_text(element)))
                case "hairpin":
                    form = element.get("form", "")
                    self.bar.marks["hairpins"][staff, _HAIRPINS.get(form, form)] += 1

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
                    self.now += self.bar_length
                case "keySig":
                    self.state.set_key(parse_key(dict(element.attrib)))
                case "meterSig":
                    self._set_meter(element.attrib)
                case "beam" | "bTrem" | "graceGrp":
                    self._walk(element, scale)
                case "fTrem":  # each of the two notes is written with the duration of both
                    self._walk(element, scale / 2)
                case "tuplet":
                    actual, normal = whole_number(element, "num"), whole_number(element, "numbase")
                    if not (0 < actual <= MAX_NUMBER and 0 < normal <= MAX_NUMBER):
                        raise NotationError(f"a tuplet {actual}:{normal}; 1 to {MAX_NUMBER} are known")
                    if element.get("num.visible") != "false" or element.get("bracket.visible") == "true":
                        events = (e for e in element.iter() if e.tag in ("note", "chord", "rest"))
                        first = next((e for e in events if "grace" not in e.attrib), element)
                        staff = self.numbers.get(first.get("staff", ""), self.numbers[self.staff])
                        self.bar.marks["tuplets"][staff, self.now, (actual, normal)] += 1
                    self._walk(element, scale * Fraction(normal, actual))

    def _timed(self, element: ET.Element, scale: Fraction) -> None:
        """Read a note, chord, rest or space."""
        is_grace = "grace" in element.attrib or any("grace" in head.attrib for head in element.iter("note"))
        lasts = Fraction(0) if is_grace else _quarters(element) * scale
        own = self.numbers.get(element.get("staff", self.staff), self.numbers[self.staff])
        for head in element.iter("note"):
            if head.get("visible") == "false":
                continue
            step, octave = head.get("pname", "").upper(), whole_number(head, "oct")
            if step not in STEPS:
                raise NotationError(f"a note with the pname {step.lower()!r}; a .. g is needed")
            printed, sounding = alterations(head)
            expected = self.state.expected(step, octave)
            alter = next(each for each in (sounding, printed, expected) if each is not None)
            tied = any(
                each.get("tie", "") in ("i", "m") or each.get(_ID) in self.ties for each in (head, element)
            )
            # The accidental holds for later notes; the duration has no effect.
            self.state.hear(Note(Pitch(step, octave, alter), Duration("quarter"), printed, tie=tied))
            if "oct.ges" in head.attrib:  # under an octave line
                octave = whole_number(head, "oct.ges")
            staff, pitch = self.numbers.get(head.get("staff", ""), own), spell(step, alter, octave)
            self.bar.notes.append(PrintedNote(staff, self.now, pitch, lasts))
            self.bar.voices.append(self.voice)
            if tied:
                self.bar.marks["ties"][staff, self.now, pitch] += 1
        if element.get("visible") != "false":
            self._marks(element, own)
        self.now += lasts

    def _marks(self, element: ET.Element, staff: int) -> None:
        """Read what hangs at a note, chord or rest: articulations, fermata, lyrics."""
        for each in element.iter():
            for name in each.get("artic", "").split():
                self.bar.marks["articulations"][staff, _ARTICULATIONS.get(name, name)] += 1
            self.bar.marks["articulations"][staff, "fermata"] += "fermata" in each.attrib
            if each.tag == "verse":
                syllables = (("".join(syl.itertext()), syl.get("con") == "b") for syl in each.iter("syl"))
                text = "".join(text + _ELISION * elided for text, elided in syllables).strip()
                if text := unicodedata.normalize("NFC", text):
                    self.bar.syllables.append(Syllable(staff, self.now, each.get("n", "1"), text))


_ID = "{http://www.w3.org/XML/1998/namespace}id"


def _quarters(element: ET.Element) -> Fraction:
    value = element.get("dur", "")
    if value not in _QUARTERS:
        raise NotationError(f"a <{element.tag}> with dur={value!r}; known are {', '.join(_QUARTERS)}")
    dots = whole_number(element, "dots") if "dots" in element.attrib else 0
    if dots > _MAX_DOTS:
        raise NotationError(f"a <{element.tag}> with {dots} dots; the maximum is {_MAX_DOTS}")
    return _QUARTERS[value] * (2 - Fraction(1, 2**dots))
