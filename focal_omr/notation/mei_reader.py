"""MEI to `Score`: the way in for every format that Verovio reads.

A `Score` holds what is printed on a staff of one voice. Lyrics, dynamics, slurs, ornaments, chord names,
fingerings, figured bass, voltas and layout are no part of it: the reader passes over them silently.
What takes part in the music but cannot be said in a `Score` (chords, a second voice, tremolos, repeat signs
for a measure, octave clefs, quarter tones) is an error that names staff and measure.

Reading rules:
  - A note sounds what `@accid.ges` says, else its printed `@accid`, else what the key signature and the
    accidentals before it make of it.
  - A score in which no note has a printed accidental comes from a source that tells only what sounds: its
    accidentals are printed where they are needed.
  - Spaces and invisible rests and notes take no ink and are left out; their bar is then shorter than its
    meter. A measure rest is the whole rest that is printed.
  - A clef, key or meter change between two measures opens the second one, as Verovio draws it.
  - Dashed, dotted and heavy barlines are read as the plain ones that they vary.
  - A fermata without `@startid` stands over a barline in what Verovio writes, and is left out.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.notation.mei_elements import (
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
from focal_omr.notation.score import (
    STEPS,
    AccidentalState,
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
    Score,
    Tuplet,
    flat_events,
    print_accidentals,
    sound_accidentals,
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


def read_mei(text: str, *, skip_polyphonic: bool = False) -> Score:
    """The score of an MEI document, one part per staff.

    Args:
        text: An MEI document, as Verovio writes it.
        skip_polyphonic: Leave out the staves that a `Score` cannot hold (and log why) instead of refusing
            the document for their sake.

    Raises:
        NotationError: Not MEI, a staff that a `Score` cannot hold, or no staff that it can.
    """
    root = _parse(text)
    score = _only_score(root)
    timeline = list(_timeline(score))
    ties, fermatas = _start_ids(score, "tie"), _start_ids(score, "fermata")
    parts: list[Part] = []
    reasons: list[str] = []
    for staff_def in _staff_defs(timeline):
        try:
            parts.append(_StaffReader(staff_def, timeline, ties, fermatas).part())
        except NotationError as error:
            if not skip_polyphonic:
                raise
            logger.info("left out: %s", error)
            reasons.append(str(error))
    if not parts:
        raise NotationError(
            "the MEI document has no staff that can be read" + "".join(f"; {r}" for r in reasons)
        )
    return Score(tuple(_with_accidentals(parts, root)), _text(root.find("meiHead/fileDesc/titleStmt/title")))


def _parse(text: str) -> ET.Element:
    """The tree with bare tag names."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise NotationError(f"not an MEI document: {error}; it begins with {text[:40]!r}") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag != "mei":
        raise NotationError(f"not an MEI document: its root is <{root.tag}>, an MEI document's is <mei>")
    return root


def _only_score(root: ET.Element) -> ET.Element:
    scores = list(root.iter("score"))
    if len(scores) != 1:
        raise NotationError(f"the MEI document has {len(scores)} <score> elements; exactly one is needed")
    return scores[0]


def _timeline(parent: ET.Element) -> Iterator[ET.Element]:
    """Definitions and measures in their order, sections and endings opened."""
    for child in parent:
        if child.tag in ("section", "ending"):
            yield from _timeline(child)
        elif child.tag in ("scoreDef", "staffDef", "measure"):
            yield child
        elif child.find(".//measure") is not None:
            raise NotationError(
                f"measures inside <{child.tag}> cannot be read; they must stand in a <section>"
            )


def _staff_defs(timeline: Sequence[ET.Element]) -> list[ET.Element]:
    """The first definition of every staff."""
    staves: dict[str, ET.Element] = {}
    for element in timeline:
        for staff_def in element.iter("staffDef"):
            staves.setdefault(staff_def.get("n", "1"), staff_def)
    return list(staves.values())


def _start_ids(score: ET.Element, tag: str) -> frozenset[str]:
    # Verovio 6.4 leaves out the "#" at the startid of a tie from ABC.
    return frozenset(element.get("startid", "").removeprefix("#") for element in score.iter(tag)) - {""}


def _text(element: ET.Element | None) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _with_accidentals(parts: Sequence[Part], root: ET.Element) -> Iterator[Part]:
    """The parts with accidentals printed, or sounding, where the source does not tell them."""
    # Verovio 6.4 gives an ABC note the alteration of the key signature even after an accidental in its bar.
    # May go when "K:F\n=BB" is read with a second B natural.
    from_abc = any(
        "abc music" in _text(p) for p in root.iterfind("meiHead/encodingDesc/appInfo/application/p")
    )
    marked = any(note.accidental is not None for part in parts for note in _notes(part))
    for part in parts:
        if not marked:
            yield print_accidentals(part)
        else:
            yield sound_accidentals(part) if from_abc else part


def _notes(part: Part) -> Iterator[Note]:
    for measure in part.measures:
        yield from (event for event in flat_events(measure) if isinstance(event, Note))


# One staff --------------------------------------------------------------------------------------------------


@dataclass
class _StaffReader:
    """Reads one staff, measure by measure."""

    staff_def: ET.Element
    timeline: Sequence[ET.Element]
    ties: frozenset[str]  # ids of the notes at which a tie begins
    fermatas: frozenset[str]
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
        return Part(tuple(self.measures), _text(self.staff_def.find("label")))

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
        staves = [s for s in measure.iterfind("staff") if s.get("n", "1") == self.number]
        layers = [layer for staff in staves for layer in staff.iterfind("layer")]
        voices = [layer for layer in layers if any(_is_voiced(element) for element in layer.iter())]
        if len(voices) > 1:
            raise NotationError(f"{len(voices)} voices; a Score holds one voice per staff")
        return self._events((voices or layers or [ET.Element("layer")])[0])

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


def _is_voiced(element: ET.Element) -> bool:
    return element.tag in _VOICED and element.get("visible") != "false"
