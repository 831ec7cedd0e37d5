"""Measures of MusicXML: notes, backups and attributes in the order of the file become voices with onsets."""

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal, TypeVar, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats import musicxml_elements as elements
from focal_omr.formats.musicxml_elements import squeezed
from focal_omr.formats.musicxml_part import PartState
from focal_omr.formats.musicxml_signs import SignReader
from focal_omr.formats.musicxml_spanners import TimedEvent, read_tuplets
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    BeamPart,
    Chord,
    Duration,
    Event,
    Fermata,
    Fingering,
    Lyric,
    Mark,
    Measure,
    Note,
    Ornament,
    Pitch,
    Rest,
    Space,
    Technique,
    Tremolo,
    Voice,
)

__all__ = ["MeasureReader"]

# Programs round tuplets to their divisions. Less than a 128th note, more than the coarsest rounding seen.
_ROUNDING = Fraction(1, 160)
# The order in which the schema wants them: equal marks in another order are equal.
_MARK_ORDER = (Ornament, Tremolo, Technique, Fingering, Articulation, Fermata, Arpeggio, Lyric)
_MAX_VOICES = 64  # per measure and part; orchestral condensed scores reach 8
_TUPLETS = ((3, 2), (5, 4), (6, 4), (7, 4), (9, 8))
_EXACT = Fraction(1, 2000)
_ZERO = Fraction(0)
_E = TypeVar("_E", Chord, Rest)


@dataclass(slots=True)
class _Lane:
    """The events of one voice in the order of the file."""

    number: int
    staff: int
    items: list[TimedEvent] = field(default_factory=list)
    count: int = 0
    end: Fraction = _ZERO
    hidden: list[ET.Element] = field(default_factory=list)  # tuplets that begin at notes that are not printed
    beam_begins: bool = False  # at a note that is not printed


class MeasureReader:
    """Reads one measure; positions are whole notes from its beginning."""

    def __init__(self, part: PartState, element: ET.Element, index: int) -> None:
        self.part, self.element = part, element
        self.id = part.ids.keep(element.get("id"), f"{part.id}m{index + 1}")
        self.now = self.end = _ZERO
        self.graces = 0  # read since the last note or jump
        self.times = [_ZERO]  # every position reached, in order
        self.lanes: dict[tuple[str, int], _Lane] = {}  # by the name of the voice; 0 but for second staves
        self.beside = SignReader(part, self.id)

    def read(self, index: int) -> Measure:
        """The measure, the one of number `index` in its part.

        Raises:
            NotationError: What cannot be read or laid in time, without its place.
        """
        breaks: Literal["system", "page"] | None = None
        chords: dict[ET.Element, list[ET.Element]] = {}
        leader: ET.Element | None = None
        for note in self.element.iterfind("note"):
            if note.find("chord") is None:
                leader, chords[note] = note, [note]
            elif leader is None:
                raise NotationError("a <chord/> without a note before it")
            else:
                chords[leader].append(note)
        children = list(self.element)
        for place, child in enumerate(children):
            match child.tag:
                case "note" if child in chords:
                    if self.end or not elements.is_filler(child, self.element):
                        self._event(chords[child])
                case "backup" | "forward":
                    self._jump(child)
                case "attributes":
                    self.beside.attributes(child, self.now, self.graces)
                case "direction":
                    self.beside.direction(child, self.now)
                case "harmony":
                    self.beside.chord_symbol(child, self.now)
                case "figured-bass":
                    notes = (e for e in children[place:] if e.tag == "note")
                    self.beside.figured_bass(child, self.now, next(notes, child))
                case "barline":
                    self.beside.barline(child, self.now)
                case "grouping":
                    self.beside.grouping(child)
                case "sound":
                    self.beside.sound(child, (self.now, 1, None), "")
                case "print":
                    breaks = "system" if child.get("new-system") == "yes" else breaks
                    breaks = "page" if child.get("new-page") == "yes" else breaks
        voices = tuple(self._voices())
        self.part.spanners.end_measure()
        self.part.time += self.end
        self.part.measure = self.id
        return Measure(
            id=self.id,
            number=squeezed(self.element.get("number")) or str(index + 1),
            voices=voices,
            pickup=self.element.get("implicit") == "yes",
            repeats=tuple(sorted(self.part.repeats.items())),
            break_before=breaks,
            **self.beside.in_order(),
        )

    # Time --------------------------------------------------------------------------------------------------

    def _length(self, element: ET.Element) -> Fraction:
        """The duration of an element in whole notes, as its divisions say it."""
        length = self.part.ticks(element.findtext("duration") or "0")
        if length < 0:
            raise NotationError(f"a duration of {length} whole notes")
        return length

    def _jump(self, element: ET.Element) -> None:
        """A backup or forward, to a time that is known if it leads close to one."""
        step = self._length(element) * (-1 if element.tag == "backup" else 1)
        goal = self.now + step
        if goal < -_ROUNDING:
            raise NotationError(f"a backup of {-step} whole notes at {self.now} leads before the measure")
        place = bisect_left(self.times, goal)
        # A short step must not lead back to where it began.
        others = [time for time in self.times[max(place - 2, 0) : place + 2] if time != self.now]
        nearest = min(others, key=lambda time: abs(time - goal), default=goal)
        self._move(max(nearest, _ZERO) if abs(nearest - goal) < _ROUNDING else max(goal, _ZERO))
        self.graces = 0

    def _move(self, time: Fraction) -> None:
        self.now = time
        place = bisect_left(self.times, time)
        if place == len(self.times) or self.times[place] != time:
            insort(self.times, time)
        self.end = max(self.end, time)

    # Events ------------------------------------------------------------------------------------------------

    def _event(self, notes: list[ET.Element]) -> None:
        """Adds the chord or rest of one <note> and those that carry a <chord/> after it."""
        lead = notes[0]
        rest, grace = lead.find("rest"), lead.find("grace")
        if rest is not None and len(notes) > 1:
            raise NotationError("a <chord/> after a rest")
        staff = self.part.staff(lead)
        name = squeezed(lead.findtext("voice")) or "1"
        lane = self._lane(name, staff)
        numbers = elements.read_time_modification(lead)
        ratio = Fraction(numbers[1], numbers[0])
        length = _ZERO if grace is not None else self._length(lead)
        if grace is None and length == 0:
            raise NotationError("a note without duration that is no grace note")
        duration = _written_value(lead, length)
        printed = [note for note in notes if note.get("print-object") != "no"]
        fills = rest is not None and self._fills_measure(rest, duration, length, ratio)
        if fills:
            duration, numbers = Duration(Fraction(1)), (1, 1)
        elif duration is None:
            duration = elements.duration_of(length / ratio) if grace is None else Duration(Fraction(1, 8))
            if duration is None and printed:
                raise NotationError(f"a note of {length} whole notes without a <type>")
        if not fills and grace is None and duration is not None:
            written = duration.length
            if numbers == (1, 1) and written != length:
                numbers = _untold_tuplet(written, length)
            if numbers != (1, 1) or written != length:
                exact = written * Fraction(numbers[1], numbers[0])
                length = exact if abs(exact - length) < _ROUNDING else length
        lane.count += 1
        tuplets = [t for n in lead.iterfind("notations") for t in n.iterfind("tuplet")]
        if not printed or duration is None:
            _leave_out(lane, tuplets, elements.read_beams(lead))
        else:
            beams = elements.read_beams(lead)
            if lane.beam_begins and beams[:1] != ("begin",):
                beams = _without_end(beams, "end", "begin")
            lane.beam_begins = False
            common: dict[str, Any] = {
                "onset": self.now,
                "duration": duration,
                "length": length,
                "staff": staff,
                "cue": lead.find("cue") is not None,
                "beams": beams,
            }
            generated = f"{self.id}v{lane.number}e{lane.count}"
            event: Chord | Rest
            if rest is None:
                event = self._chord(printed, generated, name, common)
            else:
                id_ = self.part.ids.keep(lead.get("id"), generated)
                position = elements.read_rest_position(rest)
                event = Rest(id=id_, measure=fills, position=position, **common)
                event = self._marked(event, [(lead, None)], name)
            lane.items.append(TimedEvent(event, numbers, [*lane.hidden, *tuplets]))
            lane.hidden.clear()
        self._move(self.now + length)
        self.graces = 0 if grace is None else self.graces + 1
        lane.end = max(lane.end, self.now)

    def _lane(self, name: str, staff: int) -> _Lane:
        """The voice of that name. Files that number the voices of each staff anew have two of it, told apart
        by their overlap."""
        lane = self.lanes.get((name, staff)) or self.lanes.get((name, 0))
        if lane is not None and not (lane.staff != staff and lane.end > self.now):
            return lane
        used = {other.number for other in self.lanes.values()}
        wanted = int(name) if name.isdecimal() and len(name) < 6 else 0
        number = (
            wanted if wanted > 0 and wanted not in used else next(n for n in range(1, 99) if n not in used)
        )
        key = (name, 0 if lane is None else staff)
        lane = self.lanes[key] = _Lane(number, staff)
        if len(self.lanes) > _MAX_VOICES:
            raise NotationError(f"more than {_MAX_VOICES} voices")
        return lane

    def _fills_measure(
        self, rest: ET.Element, told: Duration | None, length: Fraction, ratio: Fraction
    ) -> bool:
        """Whether a rest is one of the whole measure: as marked, or without a note value of its own."""
        if self.now != 0:
            return False
        untold = told is None and (length == self.part.meter or elements.duration_of(length / ratio) is None)
        return rest.get("measure") == "yes" or untold

    def _chord(self, notes: list[ET.Element], generated: str, voice: str, common: dict[str, Any]) -> Chord:
        """The chord of the notes printed; `common` holds what a rest has too."""
        ids = self.part.ids
        pitched = [(elements.read_pitch(note), note) for note in notes]
        pitched.sort(key=lambda p: (p[0].diatonic, p[0].alter if isinstance(p[0], Pitch) else 0))
        lead, alone = notes[0], len(notes) == 1
        first = pitched[0][1].get("id")
        told = next((id_ for n in notes for e in n.iterfind("notations") if (id_ := e.get("id"))), None)
        if told is None and first and not alone and first.endswith(".1") and first[:-2] not in ids.taken:
            told = first[:-2]
        id_ = ids.keep(told or (first if alone else None), generated)
        grace = lead.find("grace")
        read: list[Note] = []
        for number, (pitch, note) in enumerate(pitched, 1):
            accidental, enclosed = elements.read_accidental(note)
            staff = self.part.staff(note)
            ties = {e.get("type") for e in note.iterfind("tie")}
            ties |= {e.get("type") for e in note.iterfind("notations/tied")}
            note_id = id_ if alone and told is None else ids.keep(note.get("id"), f"{id_}.{number}")
            read.append(
                Note(
                    id=note_id,
                    pitch=pitch,
                    accidental=accidental,
                    enclosed=enclosed,
                    tie_to="" if "let-ring" in ties else None,
                    head=elements.read_head(note),
                    staff=None if staff == common["staff"] else staff,
                )
            )
            begin = self.part.time + self.now
            self.part.spanners.tie(read[-1], ties, (begin, begin + common["length"]), voice)
        stem = squeezed(lead.findtext("stem"))
        chord = Chord(
            id=id_,
            notes=tuple(read),
            grace=None if grace is None else "slash" if grace.get("slash") == "yes" else "plain",
            stem=cast("Any", stem if stem in ("up", "down", "none", "double") else None),
            **common,
        )
        marked = [(note, each.id) for each, (_, note) in zip(read, pitched, strict=True)]
        return self._marked(chord, marked, voice)

    def _marked(self, event: _E, notes: Sequence[tuple[ET.Element, str | None]], voice: str) -> _E:
        """The event with the marks of its <note> elements, whose spanners begin and end."""
        spanners = self.part.spanners
        marks: list[Mark] = []
        for element, note_id in notes:
            marks += elements.read_marks(element, note_id)
            for child in (e for notations in element.iterfind("notations") for e in notations):
                match child.tag:
                    case "slur":
                        spanners.slur(child, event.id, event.onset, voice)
                    case "glissando" | "slide" if note_id is not None:
                        spanners.note_line(child, note_id)
                    case "ornaments":
                        for wavy in child.iterfind("wavy-line"):
                            spanners.note_line(wavy, event.id)
                    case "dynamics":
                        self.beside.dynamics(child, (event.onset, event.staff, None))
        if not marks:
            return event
        arpeggios = [mark for mark in marks if isinstance(mark, Arpeggio)][:1]  # it stands at each note
        marks = [mark for mark in marks if not isinstance(mark, Arpeggio)] + arpeggios
        return replace(event, marks=tuple(sorted(marks, key=lambda mark: _MARK_ORDER.index(type(mark)))))

    def _voices(self) -> Iterator[Voice]:
        """The voices: contiguous events, padded with spaces to the end of the measure."""
        lanes = [lane for lane in self.lanes.values() if lane.items]
        if not lanes and self.end:
            yield Voice(1, (self._space(1, _ZERO, self.end, 1),))
        for lane in lanes:
            lane.items.sort(key=lambda item: item.event.onset)
            events: list[Event] = []
            end = _ZERO
            for item in lane.items:
                event = item.event
                if event.onset < end:
                    raise NotationError(
                        f"overlapping events: voice {lane.number} begins one at {event.onset} before the last"
                        f" one ends at {end}"
                    )
                if event.onset > end:
                    events.append(self._space(lane.number, end, event.onset, event.staff))
                events.append(event)
                end = event.onset + event.length
            if end < self.end:
                events.append(self._space(lane.number, end, self.end, events[-1].staff))
            self.part.spanners.found += read_tuplets(lane.items)
            yield Voice(lane.number, tuple(events))

    def _space(self, voice: int, start: Fraction, end: Fraction, staff: int) -> Space:
        id_ = self.part.ids.keep(None, f"{self.id}v{voice}s{start.numerator}-{start.denominator}")
        return Space(id=id_, onset=start, length=end - start, staff=staff)


def _untold_tuplet(written: Fraction, length: Fraction) -> tuple[int, int]:
    """(actual, normal) where a note lasts 2/3, 4/5 ... of its value without saying why; else (1, 1)."""
    for actual, normal in _TUPLETS:
        if length and abs(written * normal / actual - length) < _EXACT:
            return actual, normal
    return 1, 1


def _written_value(note: ET.Element, length: Fraction) -> Duration | None:
    """The duration as written: each chord of a tremolo has the time of both, which some files do not say."""
    duration = elements.read_value(note)
    kinds = {tremolo.get("type") for tremolo in note.iterfind("notations/ornaments/tremolo")}
    if duration is not None and kinds & {"start", "stop"} and duration.length == length:
        return Duration(2 * duration.value, duration.dots)
    return duration


def _leave_out(lane: _Lane, tuplets: list[ET.Element], beams: tuple[BeamPart, ...]) -> None:
    """Hands the ends of tuplets and beams at a note that is not printed to its neighbours in the voice."""
    for element in tuplets:
        number = element.get("number", "1")
        begun = [e for e in lane.hidden if e.get("number", "1") == number]
        if element.get("type") == "start":
            lane.hidden.append(element)
        elif begun:
            lane.hidden.remove(begun[0])
        elif lane.items:
            lane.items[-1].tuplets.append(element)
    if beams[:1] == ("begin",):
        lane.beam_begins = True
    elif beams[:1] == ("end",) and lane.items:
        item = lane.items[-1]
        if not isinstance(item.event, Space):
            item.event = replace(item.event, beams=_without_end(item.event.beams, "begin", "end"))


def _without_end(beams: tuple[BeamPart, ...], lost: BeamPart, new: BeamPart) -> tuple[BeamPart, ...]:
    """The beams of a note beside one that is not printed: none if it had the other end of the first beam,
    `lost`; else its beams end there, as `new` says."""
    if beams[:1] == (lost,):
        return ()
    hook: BeamPart = "backward hook" if new == "end" else "forward hook"
    return tuple(new if beam == "continue" else hook if beam == lost else beam for beam in beams)
