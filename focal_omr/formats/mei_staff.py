"""One staff of an MEI document, read measure by measure: whole, or the runs of one of its voices.

The reading rules stand in `mei_reader`.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_elements import (
    BARLINES,
    SIGN_ATTRIBUTES,
    alterations,
    beamed,
    clef,
    key_signature,
    sign_attributes,
    time_signature,
    whole_number,
    written_duration,
)
from focal_omr.score.accidentals import AccidentalState
from focal_omr.score.records import (
    STEPS,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Pitch,
    Rest,
    Tuplet,
)

logger = logging.getLogger(__name__)

_ID = "{http://www.w3.org/XML/1998/namespace}id"
_SIGNS: dict[str, Callable[[dict[str, str]], Clef | Key | Meter]] = {
    "clef": clef,
    "keySig": key_signature,
    "meterSig": time_signature,
}
# What needs a voice of its own, or stands for music that is not written out.
_VOICED = frozenset({"note", "rest", "chord", "mRest", "multiRest", "mRpt", "mRpt2", "multiRpt", "beatRpt"})


@dataclass
class StaffReader:
    """Reads one staff, measure by measure."""

    staff_def: ET.Element
    timeline: Sequence[ET.Element]
    ties: frozenset[str]  # ids of the notes at which a tie begins
    fermatas: frozenset[str]
    voice: int | None = None  # None: the staff must have one voice
    gaps: int = 0  # measures that `runs` left out
    measures: list[Measure] = field(default_factory=list)
    signs: list[Event] = field(default_factory=list)  # read before their measure
    state: AccidentalState = field(default_factory=AccidentalState)

    @property
    def number(self) -> str:
        return self.staff_def.get("n", "1")

    def part(self) -> Part:
        count = 0
        try:
            if self.staff_def.get("lines", "5") != "5":
                raise NotationError(f"{self.staff_def.get('lines')} lines; a staff of five is needed")
            for element in self.timeline:
                if element.tag == "measure":
                    count += 1
                    self._measure(element)
                else:
                    self._definition(element)
        except NotationError as error:
            raise NotationError(f"staff {self.number}, measure {max(count, 1)}: {error}") from None
        return Part(tuple(self.measures), element_text(self.staff_def.find("label")))

    def runs(self) -> Iterator[tuple[int, Part]]:
        """Parts without a gap, each with the number of the measure that it begins with."""
        if self.staff_def.get("lines", "5") != "5":
            return
        count, first = 0, 0
        in_force: dict[type, Event] = {}
        for element in self.timeline:
            try:
                if element.tag != "measure":
                    self._definition(element)
                    continue
                count += 1
                if not self.measures:
                    first = count - 1
                    self._open_run(in_force)
                self._measure(element)
                in_force.update(_last_signs(self.measures[-1].events))
            except NotationError as error:
                logger.debug("staff %s, measure %d: %s", self.number, max(count, 1), error)
                yield from self._close_run(first)
                self.gaps += 1
                if not self._pass_over(element, in_force):
                    return
        yield from self._close_run(first)

    def _pass_over(self, element: ET.Element, in_force: dict[type, Event]) -> bool:
        """Whether reading can go on after an element that could not be read: all its signs are known."""
        if element.tag != "measure":
            return False
        try:
            in_force.update(_last_signs([*self.signs, *self._signs_of(element)]))
        except NotationError:
            return False
        self.signs.clear()
        self.state = AccidentalState(self.state.key)
        return True

    def _open_run(self, in_force: dict[type, Event]) -> None:
        signs = in_force | _last_signs(self.signs)
        self.signs[:] = [signs[kind] for kind in (Clef, Key, Meter) if kind in signs]

    def _close_run(self, first: int) -> Iterator[tuple[int, Part]]:
        if self.measures:
            yield first, Part(tuple(self.measures), element_text(self.staff_def.find("label")))
        self.measures = []

    def _signs_of(self, measure: ET.Element) -> list[Event]:
        """The signs of a measure that is left out; NotationError for one that cannot be read."""
        layers, _ = staff_layers(measure, self.number)
        elements = [e for layer in layers for e in layer.iter() if e.tag in _SIGNS]
        signs = (self._sign(element.tag, dict(element.attrib)) for element in elements)
        return [sign for sign in signs if sign is not None]

    def _definition(self, element: ET.Element) -> None:
        """Take the signs of a scoreDef or staffDef; those for this staff go before those for all."""
        own = [staff for staff in element.iter("staffDef") if staff.get("n", "1") == self.number]
        if element.tag == "staffDef" and not own:
            return
        for tag in SIGN_ATTRIBUTES:
            found = (sign_attributes(definition, tag) for definition in [*own, element])
            attributes = next((each for each in found if each), None)
            if attributes and (sign := self._sign(tag, attributes)):
                self.signs.append(sign)

    def _sign(self, tag: str, attributes: dict[str, str]) -> Event | None:
        if attributes.get("visible") == "false" or attributes.get("form") == "invis":
            return None
        sign = _SIGNS[tag](attributes)
        if isinstance(sign, Key):
            self.state.set_key(sign)
        return sign

    def _measure(self, element: ET.Element) -> None:
        self._left_barline(element.get("left", ""))
        events = [*self.signs, *self._staff(element)]
        self.signs.clear()
        right = element.get("right", "single")
        if right not in BARLINES:
            raise NotationError(f"a barline {right!r}; known are {', '.join(BARLINES)}")
        self.measures.append(Measure(tuple(events), BARLINES[right]))
        self.state.barline()

    def _left_barline(self, left: str) -> None:
        """Bring a repeat sign at a measure's beginning to the end of the measure before it."""
        if left not in ("rptstart", "rptboth"):
            return
        if not self.measures:  # the piece begins with the sign: the clef and its company stand before it
            self.measures.append(Measure(tuple(self.signs), "repeat_start"))
            self.signs.clear()
            return
        last = self.measures[-1]
        both = left == "rptboth" or last.barline in ("repeat_end", "repeat_both")
        self.measures[-1] = replace(last, barline="repeat_both" if both else "repeat_start")

    def _staff(self, measure: ET.Element) -> list[Event]:
        layers, voices = staff_layers(measure, self.number)
        if len(voices) > 1:
            return self._events(self._voice(layers, voices))
        if self.voice:
            raise NotationError("no second voice here")
        return self._events((voices or layers or [ET.Element("layer")])[0])

    def _voice(self, layers: Sequence[ET.Element], voices: Sequence[ET.Element]) -> ET.Element:
        """The wanted voice of a measure with several, where it fills the measure by itself."""
        if self.voice is None:
            raise NotationError(f"{len(voices)} voices; a Score holds one voice per staff")
        if self.voice >= len(voices):
            raise NotationError("fewer voices here")
        if any(element.tag in _SIGNS for layer in layers for element in layer.iter()):
            raise NotationError("a clef, key or meter inside a measure of several voices")
        layer = voices[self.voice]
        if any(e.tag == "space" or e.get("visible") == "false" for e in layer.iter()):
            raise NotationError("a voice that is silent for a part of the measure")
        return layer

    def _events(self, parent: ET.Element, *, grace: bool = False) -> list[Event]:
        return [event for child in parent for event in self._read(child, grace)]

    def _read(self, element: ET.Element, grace: bool) -> list[Event]:
        """The events that an element of a layer stands for."""
        if element.get("visible") == "false":
            return []
        match element.tag:
            case "note":
                return [self._note(element, grace)]
            case "rest":
                return [Rest(written_duration(element), self._has_fermata(element))]
            case "mRest":
                return [Rest(Duration("whole"), self._has_fermata(element))]
            case "multiRest":
                # Verovio 6.4 writes num="0" for the "Z" of ABC, which is one bar.
                return [MultiRest(max(1, whole_number(element, "num")))]
            case "clef" | "keySig" | "meterSig":
                sign = self._sign(element.tag, dict(element.attrib))
                return [sign] if sign else []
            case "beam":
                return beamed(self._events(element, grace=grace))
            case "graceGrp":
                return self._events(element, grace=True)
            case "tuplet":
                return [self._tuplet(element, grace)]
        if any(_is_voiced(inner) for inner in element.iter()):
            raise NotationError(f"a <{element.tag}>, which a Score of single notes cannot hold")
        return []

    def _note(self, element: ET.Element, grace: bool) -> Note:
        step = element.get("pname", "").upper()
        if step not in STEPS:
            raise NotationError(f"a note with the pname {step.lower()!r}; a .. g is needed")
        octave = whole_number(element, "oct")
        printed, sounding = alterations(element)
        alter = next((a for a in (sounding, printed) if a is not None), self.state.expected(step, octave))
        identity = element.get(_ID, "")
        note = Note(
            Pitch(step, octave, alter),
            written_duration(element),
            accidental=printed,
            tie=identity in self.ties or element.get("tie", "") in ("i", "m"),
            grace=grace or "grace" in element.attrib,
            fermata=self._has_fermata(element),
        )
        self.state.hear(note)
        return note

    def _has_fermata(self, element: ET.Element) -> bool:
        return "fermata" in element.attrib or element.get(_ID, "") in self.fermatas

    def _tuplet(self, element: ET.Element, grace: bool) -> Tuplet:
        events = self._events(element, grace=grace)
        inner = tuple(event for event in events if isinstance(event, Note | Rest))
        if len(inner) < len(events) or not inner:
            raise NotationError("a tuplet with something else than notes and rests in it")
        return Tuplet(whole_number(element, "num"), whole_number(element, "numbase"), inner)


def _last_signs(events: Sequence[Event]) -> dict[type, Event]:
    """The last clef, key and meter of these events, by kind."""
    return {type(event): event for event in events if isinstance(event, Clef | Key | Meter)}


def _is_voiced(element: ET.Element) -> bool:
    return element.tag in _VOICED and element.get("visible") != "false"


def staff_layers(measure: ET.Element, staff: str) -> tuple[list[ET.Element], list[ET.Element]]:
    """All layers of a staff's measure, and those with music in them."""
    staves = [s for s in measure.iterfind("staff") if s.get("n", "1") == staff]
    layers = [layer for staff_element in staves for layer in staff_element.iterfind("layer")]
    return layers, [layer for layer in layers if any(_is_voiced(element) for element in layer.iter())]


def element_text(element: ET.Element | None) -> str:
    """The text inside an element, blanks joined."""
    return "" if element is None else " ".join("".join(element.itertext()).split())
