"""MEI reader: the entry for every format that Verovio converts to MEI.

A `Score` holds what is printed on staves of one voice each. Lyrics, dynamics, slurs, ornaments, chord names,
fingerings, figured bass, voltas and layout are not part of it and are skipped silently. Music that a `Score`
cannot hold (chords, a second voice, tremolos, measure repeats, octave clefs, quarter tones) is an error that
names staff and measure.

Reading rules:
  - A note sounds as `@accid.ges` says, else as its printed `@accid`, else by the key signature and the
    accidentals before it.
  - If no note of a score has a printed accidental, its source only encodes sounding pitches: accidentals are
    printed where they are needed.
  - Spaces and invisible rests and notes leave no ink and are dropped; their bar is then shorter than its
    meter. A measure rest is read as the whole rest that is printed.
  - A clef, key or meter change between two measures opens the second one, as Verovio draws it.
  - Dashed, dotted and heavy barlines are read as the plain ones that they vary.
  - A fermata without `@startid` belongs to a barline in Verovio's output and is dropped.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_elements import (
    BARLINES,
    SIGN_ATTRIBUTES,
    alterations,
    element_text,
    has_music,
    parse_clef,
    parse_key,
    parse_meter,
    sign_attributes,
    staff_layers,
    whole_number,
    written_duration,
)
from focal_omr.formats.safe_xml import parse_xml
from focal_omr.score.accidentals import AccidentalState, print_accidentals, sound_accidentals
from focal_omr.score.bounds import check_bounds
from focal_omr.score.records import (
    NOTE_VALUES,
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
    Score,
    Tuplet,
    flat_events,
)

__all__ = ["MonophonicRun", "read_mei", "read_monophonic_runs"]

logger = logging.getLogger(__name__)

_ID = "{http://www.w3.org/XML/1998/namespace}id"
_SIGNS: dict[str, Callable[[Mapping[str, str]], Clef | Key | Meter]] = {
    "clef": parse_clef,
    "keySig": parse_key,
    "meterSig": parse_meter,
}


def read_mei(text: str) -> Score:
    """The score of an MEI document, one part per staff.

    Raises:
        NotationError: Not MEI, no staff, or a staff that a `Score` cannot hold.
    """
    document = _open_document(text)
    if not document.staff_defs:
        raise NotationError("the MEI document has no staff that can be read")
    parts = [_MeiStaff(document, staff_def).part() for staff_def in document.staff_defs]
    check_bounds(*parts)
    title = element_text(document.root.find("meiHead/fileDesc/titleStmt/title"))
    return Score(tuple(_with_accidentals(parts, document.root)), title)


@dataclass(frozen=True)
class MonophonicRun:
    """Consecutive measures of one voice that a `Score` can hold.

    Attributes:
        part: The measures; the first one opens with the clef, key and meter in force there.
        staff: Index of the staff in the document, from 0.
        voice: Index of the voice on that staff, from 0.
        first: Index of the run's first measure in the document, from 0.
        whole: Whether the run is the whole staff, which then has one voice.
    """

    part: Part
    staff: int
    voice: int
    first: int
    whole: bool


def read_monophonic_runs(text: str) -> tuple[list[MonophonicRun], int]:
    """All monophonic music of an MEI document: whole staves, or runs of measures of single voices.

    A measure with chords, or one that a voice does not fill, ends a run; the next measure may begin another.

    Returns:
        The runs, and the total number of measures over all staves.

    Raises:
        NotationError: Not MEI, or not exactly one score in it.
    """
    document = _open_document(text)
    measures = [element for element in document.timeline if element.tag == "measure"]
    runs: list[MonophonicRun] = []
    for number, staff_def in enumerate(document.staff_defs):
        staff = staff_def.get("n", "1")
        voices = max((len(staff_layers(measure, staff)[1]) for measure in measures), default=0)
        for voice in range(voices):
            reader = _MeiStaff(document, staff_def, voice)
            found = list(reader.runs())
            whole = voices == 1 and not reader.skipped
            runs += [MonophonicRun(part, number, voice, first, whole) for first, part in found]
    check_bounds(*(run.part for run in runs))
    parts = _with_accidentals([run.part for run in runs], document.root)
    total = len(measures) * len(document.staff_defs)
    return [replace(run, part=part) for run, part in zip(runs, parts, strict=True)], total


# The document -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Document:
    """A parsed MEI document.

    Attributes:
        root: The tree, with tag names without namespace.
        timeline: Definitions and measures in order, with sections and endings flattened.
        staff_defs: The first definition of every staff.
        ties, fermatas: Ids of the notes at which one begins.
    """

    root: ET.Element
    timeline: Sequence[ET.Element]
    staff_defs: Sequence[ET.Element]
    ties: frozenset[str]
    fermatas: frozenset[str]


def _open_document(text: str) -> _Document:
    try:
        root = parse_xml(text)
    except NotationError as error:
        raise NotationError(f"not an MEI document, {error}; it begins with {text[:40]!r}") from None
    for element in root.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    if root.tag != "mei":
        raise NotationError(f"not an MEI document: its root is <{root.tag}>, an MEI document's is <mei>")
    scores = list(root.iter("score"))
    if len(scores) != 1:
        raise NotationError(f"the MEI document has {len(scores)} <score> elements; exactly one is needed")
    timeline = list(_timeline(scores[0]))
    staff_defs: dict[str, ET.Element] = {}
    for element in timeline:
        for staff_def in element.iter("staffDef"):
            staff_defs.setdefault(staff_def.get("n", "1"), staff_def)
    ties, fermatas = (  # Verovio 6.4 omits the "#" in the startid of a tie from ABC
        frozenset(element.get("startid", "").removeprefix("#") for element in scores[0].iter(tag)) - {""}
        for tag in ("tie", "fermata")
    )
    return _Document(root, timeline, list(staff_defs.values()), ties, fermatas)


def _timeline(parent: ET.Element) -> Iterator[ET.Element]:
    for child in parent:
        if child.tag in ("section", "ending"):
            yield from _timeline(child)
        elif child.tag in ("scoreDef", "staffDef", "measure"):
            yield child
        elif child.find(".//measure") is not None:
            raise NotationError(
                f"measures inside <{child.tag}> cannot be read; they must stand in a <section>"
            )


def _with_accidentals(parts: Sequence[Part], root: ET.Element) -> list[Part]:
    """The parts with printed accidentals, or sounding ones, derived where the source does not encode them."""
    # Verovio 6.4 gives an ABC note the alteration of the key signature even after an accidental in its bar.
    # May go when "K:F\n=BB" is read with a second B natural.
    applications = root.iterfind("meiHead/encodingDesc/appInfo/application/p")
    from_abc = any("abc music" in element_text(application) for application in applications)
    events = (event for part in parts for measure in part.measures for event in flat_events(measure))
    if not any(isinstance(event, Note) and event.accidental is not None for event in events):
        return [print_accidentals(part) for part in parts]
    return [sound_accidentals(part) for part in parts] if from_abc else list(parts)


# One staff --------------------------------------------------------------------------------------------------


@dataclass
class _MeiStaff:
    """Reader of one staff, measure by measure.

    Attributes:
        voice: Index of the voice to read; None: the staff must have a single voice.
        skipped: Number of measures that `runs` left out.
        signs: Clefs, keys and meters that open the next measure.
    """

    document: _Document
    staff_def: ET.Element
    voice: int | None = None
    skipped: int = 0
    measures: list[Measure] = field(default_factory=list)
    signs: list[Event] = field(default_factory=list)
    state: AccidentalState = field(default_factory=AccidentalState)

    def __post_init__(self) -> None:
        self.number = self.staff_def.get("n", "1")
        self.label = element_text(self.staff_def.find("label"))
        self.lines = self.staff_def.get("lines", "5")

    def part(self) -> Part:
        """The whole staff; NotationError where a `Score` cannot hold it."""
        count = 0
        try:
            if self.lines != "5":
                raise NotationError(f"{self.lines} lines; a staff of five is needed")
            for element in self.document.timeline:
                if element.tag == "measure":
                    count += 1
                    self._measure(element)
                else:
                    self._definition(element)
        except NotationError as error:
            raise NotationError(f"staff {self.number}, measure {max(count, 1)}: {error}") from None
        return Part(tuple(self.measures), self.label)

    def runs(self) -> Iterator[tuple[int, Part]]:
        """Runs of readable measures as (index of the first measure, part)."""
        if self.lines != "5":
            return
        count, first = 0, 0
        in_force: dict[type, Event] = {}
        for element in self.document.timeline:
            try:
                if element.tag != "measure":
                    self._definition(element)
                    continue
                count += 1
                if not self.measures:
                    first = count - 1
                    opening = in_force | _last_signs(self.signs)
                    self.signs = [opening[kind] for kind in (Clef, Key, Meter) if kind in opening]
                self._measure(element)
                in_force.update(_last_signs(self.measures[-1].events))
            except NotationError as error:
                logger.debug("staff %s, measure %d: %s", self.number, max(count, 1), error)
                yield from self._close_run(first)
                self.skipped += 1
                if not self._skip(element, in_force):
                    return
        yield from self._close_run(first)

    def _close_run(self, first: int) -> Iterator[tuple[int, Part]]:
        if self.measures:
            yield first, Part(tuple(self.measures), self.label)
        self.measures = []

    def _skip(self, element: ET.Element, in_force: dict[type, Event]) -> bool:
        """Collect the signs of an unreadable element; False where one of them is unreadable too."""
        if element.tag != "measure":
            return False
        try:
            layers, _ = staff_layers(element, self.number)
            elements = [each for layer in layers for each in layer.iter() if each.tag in _SIGNS]
            signs = [self._sign(each.tag, each.attrib) for each in elements]
        except NotationError:
            return False
        in_force.update(_last_signs([*self.signs, *(sign for sign in signs if sign is not None)]))
        self.signs.clear()
        self.state = AccidentalState(self.state.key)
        return True

    def _definition(self, element: ET.Element) -> None:
        """Collect the signs of a scoreDef or staffDef; this staff's own have precedence."""
        own = [staff for staff in element.iter("staffDef") if staff.get("n", "1") == self.number]
        if element.tag == "staffDef" and not own:
            return
        for tag in SIGN_ATTRIBUTES:
            found = (sign_attributes(definition, tag) for definition in [*own, element])
            attributes = next((each for each in found if each), None)
            if attributes and (sign := self._sign(tag, attributes)):
                self.signs.append(sign)

    def _sign(self, tag: str, attributes: Mapping[str, str]) -> Event | None:
        if attributes.get("visible") == "false" or attributes.get("form") == "invis":
            return None
        sign = _SIGNS[tag](attributes)
        if isinstance(sign, Key):
            self.state.set_key(sign)
        return sign

    def _measure(self, element: ET.Element) -> None:
        left = element.get("left")
        if left in ("rptstart", "rptboth"):  # belongs to the end of the measure before
            if self.measures:
                last = self.measures[-1]
                both = left == "rptboth" or last.barline in ("repeat_end", "repeat_both")
                self.measures[-1] = replace(last, barline="repeat_both" if both else "repeat_start")
            else:  # at the start of the piece, clef, key and meter precede the sign
                self.measures.append(Measure(tuple(self.signs), "repeat_start"))
                self.signs.clear()
        events = [*self.signs, *self._events(self._layer(element))]
        self.signs.clear()
        right = element.get("right", "single")
        if right not in BARLINES:
            raise NotationError(f"a barline {right!r}; known are {', '.join(BARLINES)}")
        self.measures.append(Measure(tuple(events), BARLINES[right]))
        self.state.barline()

    def _layer(self, measure: ET.Element) -> ET.Element:
        """The layer of the wanted voice. Of several voices it must fill the measure by itself."""
        layers, voices = staff_layers(measure, self.number)
        if len(voices) <= 1:
            if self.voice:
                raise NotationError("no second voice here")
            return (voices or layers or [ET.Element("layer")])[0]
        if self.voice is None:
            raise NotationError(f"{len(voices)} voices; a Score holds one voice per staff")
        if self.voice >= len(voices):
            raise NotationError("fewer voices here")
        if any(element.tag in _SIGNS for layer in layers for element in layer.iter()):
            raise NotationError("a clef, key or meter inside a measure of several voices")
        layer = voices[self.voice]
        if any(each.tag == "space" or each.get("visible") == "false" for each in layer.iter()):
            raise NotationError("a voice that is silent for a part of the measure")
        return layer

    def _events(self, parent: ET.Element, *, grace: bool = False) -> list[Event]:
        return [event for child in parent for event in self._read(child, grace)]

    def _read(self, element: ET.Element, grace: bool) -> list[Event]:
        """The events of one element of a layer."""
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
                sign = self._sign(element.tag, element.attrib)
                return [sign] if sign else []
            case "beam":
                return _beamed(self._events(element, grace=grace))
            case "graceGrp":
                return self._events(element, grace=True)
            case "tuplet":
                events = self._events(element, grace=grace)
                inner = tuple(event for event in events if isinstance(event, Note | Rest))
                if len(inner) < len(events) or not inner:
                    raise NotationError("a tuplet must hold notes and rests only")
                return [Tuplet(whole_number(element, "num"), whole_number(element, "numbase"), inner)]
        if has_music(element):
            raise NotationError(f"a <{element.tag}>, which a Score of single notes cannot hold")
        return []

    def _note(self, element: ET.Element, grace: bool) -> Note:
        step = element.get("pname", "").upper()
        if step not in STEPS:
            raise NotationError(f"a note with the pname {step.lower()!r}; expected a .. g")
        octave = whole_number(element, "oct")
        printed, sounding = alterations(element)
        alter = next((a for a in (sounding, printed) if a is not None), self.state.expected(step, octave))
        note = Note(
            Pitch(step, octave, alter),
            written_duration(element),
            accidental=printed,
            tie=element.get(_ID, "") in self.document.ties or element.get("tie", "") in ("i", "m"),
            grace=grace or "grace" in element.attrib,
            fermata=self._has_fermata(element),
        )
        self.state.hear(note)
        return note

    def _has_fermata(self, element: ET.Element) -> bool:
        return "fermata" in element.attrib or element.get(_ID, "") in self.document.fermatas


def _last_signs(events: Sequence[Event]) -> dict[type, Event]:
    """The last clef, key and meter among the events, by type."""
    return {type(event): event for event in events if isinstance(event, Clef | Key | Meter)}


def _beamed(events: Sequence[Event]) -> list[Event]:
    """The events of a <beam> with `Note.beam` set; grace notes between full-size notes keep theirs."""
    notes = [
        note
        for event in events
        for note in (event.events if isinstance(event, Tuplet) else (event,))
        if isinstance(note, Note) and NOTE_VALUES[note.duration.value] < NOTE_VALUES["quarter"]
    ]
    if not all(note.grace for note in notes):
        notes = [note for note in notes if not note.grace]
    places = {id(note): place for place, note in enumerate(notes)} if len(notes) > 1 else {}

    def placed(event: Event) -> Event:
        match event:
            case Tuplet():
                return replace(event, events=tuple(placed(e) for e in event.events))  # type: ignore[misc]
            case Note() if id(event) in places:
                place = places[id(event)]
                return replace(
                    event, beam="start" if place == 0 else "end" if place == len(notes) - 1 else "middle"
                )
            case Note(grace=False):
                return replace(event, beam=None)
        return event

    return [placed(event) for event in events]
