"""MusicXML reader: a partwise or timewise document becomes a `Score` with everything the records can hold.

Source: MusicXML 4.0, W3C Community Group final report.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, cast
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.safe_xml import parse_xml
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    BeamPart,
    Chord,
    ChordSymbol,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Ending,
    Event,
    Fermata,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Jump,
    Key,
    Lyric,
    Mark,
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    MultiRest,
    Note,
    Ornament,
    Ottava,
    Part,
    PartGroup,
    Pedal,
    Pitch,
    Placement,
    Rehearsal,
    Rest,
    Score,
    Sign,
    Slur,
    Space,
    Spanner,
    StaffLines,
    Technique,
    Tempo,
    Transposition,
    Tremolo,
    TrillLine,
    Tuplet,
    Unpitched,
    Voice,
    Words,
)

__all__ = ["read_musicxml"]

NOTE_TYPES = {
    "maxima": Fraction(8),
    "long": Fraction(4),
    "breve": Fraction(2),
    "whole": Fraction(1),
    "half": Fraction(1, 2),
    "quarter": Fraction(1, 4),
    "eighth": Fraction(1, 8),
    "16th": Fraction(1, 16),
    "32nd": Fraction(1, 32),
    "64th": Fraction(1, 64),
    "128th": Fraction(1, 128),
    "256th": Fraction(1, 256),
    "512th": Fraction(1, 512),
    "1024th": Fraction(1, 1024),
}
# Programs round tuplets to their divisions. Less than a 128th note, more than the coarsest rounding seen.
_ROUNDING = Fraction(1, 160)
# The order in which the schema wants them: equal marks in another order are equal.
_MARK_ORDER = (Ornament, Tremolo, Technique, Fingering, Articulation, Fermata, Arpeggio, Lyric)
_MAX_VOICES = 64  # per measure and part; orchestral condensed scores reach 8
_ZERO = Fraction(0)


def read_musicxml(data: str | bytes) -> Score:
    """The score of a MusicXML document (unzipped).

    Ids of notes and measures are kept where they are unique and generated where there are none. Durations
    that were rounded to divisions are made exact again by the note values and tuplets printed.

    Args:
        data: The document, as text or in its declared encoding.

    Raises:
        NotationError: It is no MusicXML, or its voices cannot be laid in time: what, in which part and
            measure.
    """
    root = parse_xml(data)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise NotationError(f"not a MusicXML score: its root is <{root.tag}>, needed is <score-partwise>")
    ids = _Ids(root)
    parts = tuple(
        _PartReader(element, _part_head(root, element.get("id", "")), ids).read()
        for element in root.iterfind("part")
    )
    if not parts:
        raise NotationError("a MusicXML score without parts")
    credit = {e.get("type", ""): _text(e) for e in root.iterfind("identification/creator")}
    titles = [text for text in (root.findtext("work/work-title"), root.findtext("movement-title")) if text]
    return Score(
        parts=parts,
        groups=tuple(_part_groups(root)),
        title=_squeezed(titles[0]) if titles else "",
        subtitle=_squeezed(titles[1]) if len(set(titles)) > 1 else "",
        composer=credit.get("composer", ""),
        lyricist=credit.get("lyricist", credit.get("poet", "")),
        copyright=_squeezed(root.findtext("identification/rights") or ""),
    )


def _partwise(root: ET.Element) -> ET.Element:
    """A timewise document turned into a partwise one."""
    out = ET.Element("score-partwise")
    out.extend(child for child in root if child.tag != "measure")
    parts: dict[str, ET.Element] = {}
    for measure in root.iterfind("measure"):
        for part in measure.iterfind("part"):
            id_ = part.get("id", "")
            if id_ not in parts:
                parts[id_] = ET.SubElement(out, "part", id=id_)
            own = ET.SubElement(parts[id_], "measure", measure.attrib)
            own.extend(part)
    return out


def _part_head(root: ET.Element, id_: str) -> ET.Element:
    found = (e for e in root.iterfind("part-list/score-part") if e.get("id") == id_)
    return next(found, ET.Element("score-part"))


def _part_groups(root: ET.Element) -> Iterator[PartGroup]:
    open_groups: dict[str, tuple[ET.Element, list[str]]] = {}
    for element in root.iterfind("part-list/*"):
        if element.tag == "score-part":
            for _, members in open_groups.values():
                members.append(element.get("id", ""))
            continue
        number = element.get("number", "1")
        if element.get("type") == "start":
            open_groups[number] = (element, [])
        elif number in open_groups:
            head, members = open_groups.pop(number)
            if members:
                symbol = head.findtext("group-symbol")
                kind = symbol if symbol in ("brace", "bracket", "line", "square") else None
                yield PartGroup(
                    members[0],
                    members[-1],
                    cast("Any", kind),
                    barlines=head.findtext("group-barline", "yes") != "no",
                    name=_squeezed(head.findtext("group-name") or ""),
                )


class _Ids:
    """Ids of a document: those that are there and unique, and generated ones that collide with none of
    them."""

    def __init__(self, root: ET.Element) -> None:
        self.taken = {id_ for element in root.iter() if (id_ := element.get("id"))}
        self.given: set[str] = set()

    def keep(self, wanted: str | None, generated: str) -> str:
        """The wanted id if it is there and was not given yet; else the generated one, made unique."""
        if wanted and wanted not in self.given:
            self.given.add(wanted)
            return wanted
        candidate, number = generated, 1
        while candidate in self.taken or candidate in self.given:
            number += 1
            candidate = f"{generated}_{number}"
        self.given.add(candidate)
        return candidate


@dataclass
class _Item:
    """An event that is being read: its record, and what connects it to others until the voice is known
    whole."""

    event: Event
    ratio: Fraction = Fraction(1)
    numbers: tuple[int, int] = (1, 1)  # actual and normal of its time modification
    tuplets: list[ET.Element] = field(default_factory=list)


class _PartReader:
    """Reads one part, measure by measure; positions are whole notes from the beginning of the measure."""

    def __init__(self, element: ET.Element, head: ET.Element, ids: _Ids) -> None:
        self.element, self.head, self.ids = element, head, ids
        self.id = ids.keep(element.get("id"), "P")
        self.divisions = Fraction(1)
        self.staves = 1
        self.spanners: list[Spanner] = []
        self.open: dict[tuple[str, str], Any] = {}  # by kind and number: where a spanner began
        self.early: dict[tuple[str, str], str] = {}  # slurs whose end stands before their start in the file
        self.early_lines: dict[tuple[str, str], Moment] = {}
        self.ties: list[tuple[Fraction, Fraction, Note, bool, bool]] = []  # onset, end, note, stop, start
        self.multirest: MultiRest | None = None
        self.repeat: dict[int, MeasureRepeat] = {}
        self.begun = _ZERO  # time at which the measure begins

    def read(self) -> Part:
        """The part."""
        numbers = [e.text for tag in ("staves", "staff") for e in self.element.iter(tag)]
        self.staves = max([1, *(int(n) for n in numbers if n and n.strip().isdigit() and int(n) < 100)])
        measures = [
            self._measure(element, index) for index, element in enumerate(self.element.iterfind("measure"))
        ]
        for (kind, _), start in self.open.items():
            if kind == "slur":
                self.spanners.append(Slur(start[0], None, start[1], start[2]))
            elif kind == "ending" and measures:
                self.spanners.append(replace(start, end=measures[-1].id, closed=False))
        return Part(
            id=self.id,
            measures=tuple(self._tied(measures)),
            staves=self.staves,
            name=_squeezed(self.head.findtext("part-name") or ""),
            abbreviation=_squeezed(self.head.findtext("part-abbreviation") or ""),
            spanners=tuple(sorted(self.spanners, key=_spanner_order(measures))),
        )

    def _measure(self, element: ET.Element, index: int) -> Measure:
        self.number = element.get("number") or str(index + 1)
        self.measure_id = self.ids.keep(element.get("id"), f"{self.id}m{index + 1}")
        self.now = self.end = _ZERO
        self.known = {_ZERO}
        self.voices: dict[str, list[_Item]] = {}
        self.chord: tuple[list[_Item], int] | None = None
        self.signs: list[Sign] = []
        self.directions: list[Direction] = []
        self.barlines: list[tuple[Fraction, Barline]] = []
        self.left: Barline | None = None
        self.right: Barline | None = Barline()
        self.multirest = None
        breaks: Literal["system", "page"] | None = None
        notes = element.findall("note")
        self.several = {  # the first notes of chords of several notes
            first for first, second in pairwise(notes) if second.find("chord") is not None
        }
        for child in element:
            match child.tag:
                case "note":
                    self._note(child)
                case "backup" | "forward":
                    self._jump(child)
                case "attributes":
                    self._attributes(child)
                case "direction":
                    self._direction(child)
                case "harmony":
                    self._harmony(child)
                case "figured-bass":
                    self._figured_bass(child)
                case "barline":
                    self._barline(child)
                case "sound":
                    self._sound(child, self.now, 1, None, "")
                case "print":
                    breaks = (
                        "page"
                        if child.get("new-page") == "yes"
                        else "system"
                        if child.get("new-system") == "yes"
                        else breaks
                    )
        voices = tuple(self._voices())
        self.begun += self.end
        return Measure(
            id=self.measure_id,
            number=self.number,
            voices=voices,
            signs=tuple(self.signs),
            directions=tuple(sorted(self.directions, key=lambda d: (d.onset, d.staff))),
            pickup=element.get("implicit") == "yes",
            left=self.left,
            right=self.right,
            barlines=tuple(self.barlines),
            multirest=self.multirest,
            repeats=tuple(sorted(self.repeat.items())),
            break_before=breaks,
        )

    def _error(self, reason: str) -> NotationError:
        return NotationError(f"part {self.element.get('id')}, measure {self.number}: {reason}")

    # Time and voices ---------------------------------------------------------------------------------------

    def _length(self, element: ET.Element) -> Fraction:
        """The duration of an element in whole notes, as its divisions say it."""
        return _fraction(element.findtext("duration") or "0", self._error) / self.divisions / 4

    def _jump(self, element: ET.Element) -> None:
        step = self._length(element) * (-1 if element.tag == "backup" else 1)
        goal = self.now + step
        if goal < -_ROUNDING:
            raise self._error(f"a backup of {-step} whole notes at {self.now} leads before the measure")
        nearest = min(self.known, key=lambda time: abs(time - goal))
        self._move(nearest if abs(nearest - goal) < _ROUNDING else goal)

    def _move(self, time: Fraction) -> None:
        self.now = time
        self.known.add(time)
        self.end = max(self.end, time)

    def _note(self, element: ET.Element) -> None:
        voice = element.findtext("voice") or "1"
        items = self.voices.setdefault(voice, [])
        if len(self.voices) > _MAX_VOICES:
            raise self._error(f"more than {_MAX_VOICES} voices")
        hidden = element.get("print-object") == "no"
        if element.find("chord") is not None:
            if self.chord is None:
                raise self._error("a <chord/> without a note before it")
            if not hidden:
                self._add_to_chord(element, *self.chord)
            return
        grace, rest = element.find("grace"), element.find("rest")
        sounding = _ZERO if grace is not None else self._length(element)
        duration, numbers = self._written(element, sounding)
        ratio = Fraction(numbers[1], numbers[0])
        length = sounding
        whole_measure = rest is not None and (
            rest.get("measure") == "yes"
            or (element.find("type") is None and duration.length * ratio != sounding)
        )
        if grace is None and not whole_measure and abs(duration.length * ratio - sounding) < _ROUNDING:
            length = duration.length * ratio
        staff = self._staff(element)
        id_ = f"{self.measure_id}v{voice}e{len(items) + 1}"
        event: Event
        if hidden:
            self.chord = (items, -1)
            self._move(self.now + length)
            return
        elif rest is not None:
            event = Rest(
                id=self.ids.keep(element.get("id"), id_),
                onset=self.now,
                duration=duration,
                length=length,
                staff=staff,
                measure=whole_measure,
                position=_display_step(rest),
                cue=element.find("cue") is not None,
                beams=_beams(element),
            )
        else:
            event = Chord(
                id=self._chord_id(element, id_),
                onset=self.now,
                duration=duration,
                length=length,
                notes=(),
                staff=staff,
                grace=None if grace is None else "slash" if grace.get("slash") == "yes" else "plain",
                cue=element.find("cue") is not None,
                stem=cast("Any", element.findtext("stem")),
                beams=_beams(element),
            )
        items.append(_Item(event, Fraction(1) if whole_measure else ratio, numbers))
        if isinstance(event, Chord):
            self.chord = (items, len(items) - 1)
            self._add_to_chord(element, items, len(items) - 1)
        else:
            self.chord = (items, len(items) - 1)
            self._marks(element, items[-1], None)
        self._move(self.now + length)

    def _chord_id(self, element: ET.Element, generated: str) -> str:
        """The id of a chord: that of its only note; of several, what stands before the dot of `chord.1`."""
        own = element.get("id")
        if element not in self.several:
            return self.ids.keep(own, generated)
        named = own and own.endswith(".1") and own[:-2] not in self.ids.taken
        return self.ids.keep(own[:-2] if own and named else None, generated)

    def _written(self, element: ET.Element, sounding: Fraction) -> tuple[Duration, tuple[int, int]]:
        """The written duration, and (actual, normal) of the time modification."""
        modification = element.find("time-modification")
        numbers = (1, 1)
        if modification is not None:
            actual = _integer(modification.findtext("actual-notes"), self._error)
            normal = _integer(modification.findtext("normal-notes"), self._error)
            if not (0 < actual < 1000 and 0 < normal < 1000):
                raise self._error(f"a time modification of {actual} in the time of {normal}")
            numbers = (actual, normal)
        kind = element.findtext("type")
        if kind is not None and kind in NOTE_TYPES:
            return Duration(NOTE_TYPES[kind], min(len(element.findall("dot")), 4)), numbers
        if element.find("rest") is not None and (sounding == 0 or kind is None):
            exact = _as_duration(sounding * Fraction(numbers[0], numbers[1]))
            return exact or Duration(Fraction(1)), numbers
        exact = _as_duration(sounding * Fraction(numbers[0], numbers[1]))
        if exact is None and element.find("grace") is None:
            raise self._error(f"a note of {sounding} whole notes without a <type>")
        return exact or Duration(Fraction(1, 8)), numbers

    def _staff(self, element: ET.Element) -> int:
        return min(max(_integer(element.findtext("staff") or "1", self._error), 1), self.staves)

    def _add_to_chord(self, element: ET.Element, items: list[_Item], index: int) -> None:
        if index < 0:  # the first note of the chord is hidden
            return
        item = items[index]
        chord = item.event
        if not isinstance(chord, Chord):
            raise self._error("a <chord/> after a rest")
        staff = self._staff(element)
        alone = not chord.notes and element not in self.several
        note_id = (
            chord.id if alone else self.ids.keep(element.get("id"), f"{chord.id}.{len(chord.notes) + 1}")
        )
        accidental = element.find("accidental")
        note = Note(
            id=note_id,
            pitch=self._pitch(element),
            accidental=None if accidental is None else (accidental.text or "").strip() or None,
            enclosed=_enclosed(accidental),
            head=(element.findtext("notehead") or "normal").strip(),
            staff=None if staff == chord.staff else staff,
        )
        ties = [*element.iterfind("tie"), *element.iterfind("notations/tied")]
        kinds = {tie.get("type") for tie in ties}
        if kinds & {"start", "stop"}:
            begin = self.begun + chord.onset
            self.ties.append((begin, begin + chord.length, note, "stop" in kinds, "start" in kinds))
        elif "let-ring" in kinds:
            note = replace(note, tie_to="")
        item.event = replace(chord, notes=(*chord.notes, note))
        self._marks(element, item, note)

    def _pitch(self, element: ET.Element) -> Pitch | Unpitched:
        pitch, unpitched = element.find("pitch"), element.find("unpitched")
        if pitch is not None:
            step, octave = pitch.findtext("step") or "", pitch.findtext("octave")
            alter = _fraction(pitch.findtext("alter") or "0", self._error)
            if step not in "CDEFGAB" or not step or alter.denominator != 1 or abs(alter) > 3:
                raise self._error(f"no pitch: step {step!r}, alter {alter}")
            return Pitch(cast("Any", step), _integer(octave, self._error), int(alter))
        if unpitched is not None:
            step = unpitched.findtext("display-step") or "B"
            return Unpitched(
                cast("Any", step), _integer(unpitched.findtext("display-octave") or "4", self._error)
            )
        raise self._error("a note without pitch")

    def _voices(self) -> Iterator[Voice]:
        """The voices of the measure: contiguous, padded with spaces to its end, with their tuplets as
        spanners."""
        numbers = iter(range(1, _MAX_VOICES + 2))
        for name, items in self.voices.items():
            items.sort(key=lambda item: item.event.onset)
            filled: list[Event] = []
            end = _ZERO
            for item in items:
                if item.event.onset < end:
                    reason = f"voice {name} begins an event at {item.event.onset} before the last one ends at {end}"
                    raise self._error(f"overlapping events: {reason}")
                if item.event.onset > end:
                    filled.append(self._space(name, end, item.event.onset, item.event.staff))
                event = item.event
                if isinstance(event, Chord):
                    event = replace(event, notes=tuple(sorted(event.notes, key=_height)))
                filled.append(event)
                end = event.onset + event.length
            if end < self.end and filled:
                filled.append(self._space(name, end, self.end, filled[-1].staff))
            self._tuplets(items)
            if filled:
                number = next(numbers)
                yield Voice(int(name) if name.isdigit() and len(name) < 6 else number, tuple(filled))

    def _space(self, voice: str, start: Fraction, end: Fraction, staff: int) -> Space:
        id_ = self.ids.keep(None, f"{self.measure_id}v{voice}s{start.numerator}-{start.denominator}")
        return Space(id=id_, onset=start, length=end - start, staff=staff)

    # Tuplets -----------------------------------------------------------------------------------------------

    def _tuplets(self, items: list[_Item]) -> None:
        """Tuplets of one voice: as notated, and where only a time modification tells of one, as it
        implies."""
        open_: list[tuple[str, str, Tuplet]] = []  # number, id of the first event, the tuplet
        implied: list[_Item] = []
        for item in items:
            event = item.event
            if isinstance(event, Space) or (isinstance(event, Chord) and event.grace):
                continue
            starts = [e for e in item.tuplets if e.get("type") == "start"]
            for element in sorted(starts, key=lambda e: e.get("number") or "1"):
                inside = Fraction(1)
                for _, _, tuplet in open_:
                    inside *= Fraction(tuplet.normal, tuplet.actual)
                tuplet = self._tuplet(element, item, inside, alone=len(starts) == 1)
                open_.append((element.get("number") or "1", event.id, tuplet))
            covered = Fraction(1)
            for _, _, tuplet in open_:
                covered *= Fraction(tuplet.normal, tuplet.actual)
            between = any(isinstance(m, Tremolo) and m.between for m in _marks_of(event))
            rest = item.ratio / covered * (2 if between and item.ratio != covered else 1)
            if rest != 1:
                if implied and implied[0].numbers != item.numbers:
                    self._close_implied(implied)
                implied.append(item)
                if _is_complete(implied):
                    self._close_implied(implied)
            else:
                self._close_implied(implied)
            stops = {e.get("number") or "1" for e in item.tuplets if e.get("type") == "stop"}
            for entry in [entry for entry in open_ if entry[0] in stops]:
                open_.remove(entry)
                self.spanners.append(replace(entry[2], end=event.id))
        self._close_implied(implied)
        timed = [item.event for item in items if not isinstance(item.event, Space)]
        for _, _, tuplet in open_:  # its end is missing, or in the next measure
            self.spanners.append(replace(tuplet, end=timed[-1].id))

    def _tuplet(self, element: ET.Element, item: _Item, inside: Fraction, *, alone: bool) -> Tuplet:
        actual = element.findtext("tuplet-actual/tuplet-number")
        normal = element.findtext("tuplet-normal/tuplet-number")
        value: Duration | None = None
        own = item.ratio / inside
        numbers = (own.denominator, own.numerator)
        if inside == 1 and item.numbers != (1, 1):
            numbers = item.numbers
        if actual and normal and not (alone and own != Fraction(int(normal), int(actual))):
            numbers = (_integer(actual, self._error), _integer(normal, self._error))
            kind = element.findtext("tuplet-actual/tuplet-type")
            if kind in NOTE_TYPES:
                value = Duration(NOTE_TYPES[kind], len(element.findall("tuplet-actual/tuplet-dot")))
                first = item.event.duration.value if isinstance(item.event, Chord | Rest) else None
                value = None if value == Duration(first or _ZERO) else value
        shown = element.get("show-number")
        bracket = element.get("bracket")
        return Tuplet(
            item.event.id,
            item.event.id,
            *numbers,
            value,
            cast("Any", shown if shown in ("both", "none") else "actual"),
            None if bracket is None else bracket == "yes",
            _placement(element),
        )

    def _close_implied(self, items: list[_Item]) -> None:
        if items:
            actual, normal = items[0].numbers
            first, last = items[0].event.id, items[-1].event.id
            self.spanners.append(Tuplet(first, last, actual, normal, number="none", bracket=False))
        items.clear()

    # Marks and spanners of notes ---------------------------------------------------------------------------

    def _marks(self, element: ET.Element, item: _Item, note: Note | None) -> None:
        """Adds the marks of a <note> to its event, and begins and ends its spanners."""
        marks: list[Mark] = []
        event = item.event
        for notations in element.iterfind("notations"):
            for child in notations:
                match child.tag:
                    case "articulations":
                        marks += (Articulation(e.tag, _placement(e)) for e in child)
                    case "ornaments":
                        marks += self._ornaments(child, event)
                    case "technical":
                        for e in child:
                            if e.tag == "fingering":
                                own = None if note is None else note.id
                                marks.append(Fingering(_text(e), own, _placement(e)))
                            else:
                                marks.append(Technique(e.tag, _text(e), _placement(e)))
                    case "fermata":
                        upright = child.get("type", "upright") == "upright"
                        marks.append(Fermata(_text(child) or "normal", "above" if upright else "below"))
                    case "arpeggiate" | "non-arpeggiate":
                        direction = "none" if child.tag == "non-arpeggiate" else child.get("direction")
                        arpeggio = Arpeggio(cast("Any", direction), child.get("number", ""))
                        if not any(isinstance(m, Arpeggio) for m in (*_marks_of(event), *marks)):
                            marks.append(arpeggio)
                    case "dynamics":
                        self._dynamics(child, event.onset, event.staff)
                    case "slur":
                        self._slur(child, event.id)
                    case "tuplet":
                        item.tuplets.append(child)
                    case "glissando" | "slide" if note is not None:
                        self._glissando(child, note.id)
        for lyric in element.iterfind("lyric"):
            marks += _lyric(lyric)
        if marks and isinstance(event, Chord | Rest):
            ordered = sorted((*event.marks, *marks), key=lambda mark: _MARK_ORDER.index(type(mark)))
            item.event = replace(event, marks=tuple(ordered))

    def _ornaments(self, element: ET.Element, event: Event) -> list[Mark]:
        marks: list[Mark] = []
        for child in element:
            if child.tag == "accidental-mark":
                if marks and isinstance(marks[-1], Ornament):
                    last = marks[-1]
                    marks[-1] = replace(last, accidentals=(*last.accidentals, _text(child)))
            elif child.tag == "tremolo":
                kind = child.get("type", "single")
                between = kind if kind in ("start", "stop") else None
                marks.append(Tremolo(_integer(_text(child) or "3", self._error), cast("Any", between)))
            elif child.tag == "wavy-line":
                key = ("wavy-line", child.get("number", "1"))
                if child.get("type") == "start":
                    self.open[key] = event.id
                elif child.get("type") == "stop" and key in self.open:
                    self.spanners.append(TrillLine(self.open.pop(key), event.id))
            else:
                marks.append(Ornament(child.tag, _placement(child)))
        return marks

    def _slur(self, element: ET.Element, event: str) -> None:
        key = ("slur", element.get("number", "1"))
        if element.get("type") == "start":
            placement, dashed = _placement(element), element.get("line-type") == "dashed"
            if key in self.early:
                self.spanners.append(Slur(event, self.early.pop(key), placement, dashed))
            else:
                if key in self.open:
                    left = self.open.pop(key)
                    self.spanners.append(Slur(left[0], None, left[1], left[2]))
                self.open[key] = (event, placement, dashed)
        elif element.get("type") == "stop":
            if key in self.open:
                start, placement, dashed = self.open.pop(key)
                self.spanners.append(Slur(start, event, placement, dashed))
            else:
                self.early[key] = event

    def _glissando(self, element: ET.Element, note: str) -> None:
        key = (element.tag, element.get("number", "1"))
        if element.get("type") == "start":
            self.open[key] = (note, _text(element))
        elif key in self.open:
            start, text = self.open.pop(key)
            self.spanners.append(Glissando(start, note, element.tag == "glissando", text))

    def _tied(self, measures: list[Measure]) -> Iterator[Measure]:
        """The measures with each tie led to the next note of its pitch, or to none."""
        self.ties.sort(key=lambda tie: tie[0])
        waiting: dict[Pitch | Unpitched, list[tuple[Fraction, Note]]] = defaultdict(list)
        ends: dict[str, str] = {}
        for onset, end, note, stop, start in self.ties:
            if stop and waiting[note.pitch]:
                queue = waiting[note.pitch]
                found = min(queue, key=lambda entry: (abs(entry[0] - onset), entry[0]))
                queue.remove(found)
                ends[found[1].id] = note.id
            if start:
                ends[note.id] = ""
                waiting[note.pitch].append((end, note))
        for measure in measures:
            if not ends:
                yield measure
                continue
            voices = tuple(
                replace(voice, events=tuple(_with_ties(event, ends) for event in voice.events))
                for voice in measure.voices
            )
            yield replace(measure, voices=voices)

    # Signs -------------------------------------------------------------------------------------------------

    def _attributes(self, element: ET.Element) -> None:
        divisions = element.findtext("divisions")
        if divisions is not None:
            self.divisions = _fraction(divisions, self._error)
            if self.divisions <= 0:
                raise self._error(f"divisions of {divisions}")
        for child in element:
            number = child.get("number")
            staff = int(number) if number and number.isdigit() and int(number) <= self.staves else None
            match child.tag:
                case "key" if child.find("fifths") is not None:
                    cancel = child.findtext("cancel")
                    fifths = _integer(child.findtext("fifths"), self._error)
                    if not -7 <= fifths <= 7:
                        raise self._error(f"a key signature of {fifths} fifths")
                    key = Key(fifths, None if cancel is None else _integer(cancel, self._error))
                    self.signs.append(Sign(self.now, key, staff))
                case "time":
                    self.signs.append(Sign(self.now, self._meter(child), staff))
                case "clef":
                    self.signs.append(Sign(self.now, self._clef(child), staff or 1))
                case "transpose":
                    octaves = _integer(child.findtext("octave-change") or "0", self._error)
                    value = Transposition(
                        _integer(child.findtext("diatonic") or "0", self._error) + 7 * octaves,
                        int(_fraction(child.findtext("chromatic") or "0", self._error)) + 12 * octaves,
                    )
                    self.signs.append(Sign(self.now, value, staff))
                case "staff-details" if child.find("staff-lines") is not None:
                    lines = StaffLines(_integer(child.findtext("staff-lines"), self._error))
                    self.signs.append(Sign(self.now, lines, staff or 1))
                case "measure-style":
                    self._measure_style(child, staff)

    def _clef(self, element: ET.Element) -> Clef:
        shape = element.findtext("sign") or "G"
        if shape not in ("G", "F", "C", "percussion", "TAB", "none"):
            raise self._error(f"a clef {shape!r}")
        line = {"G": 2, "F": 4, "C": 3}.get(shape, 3)
        return Clef(
            cast("Any", shape),
            _integer(element.findtext("line") or str(line), self._error),
            _integer(element.findtext("clef-octave-change") or "0", self._error),
        )

    def _meter(self, element: ET.Element) -> Meter:
        beats = [_text(e) for e in element.iterfind("beats")]
        units = [_text(e) for e in element.iterfind("beat-type")]
        terms = []
        for over, under in zip(beats, units, strict=False):
            if not re.fullmatch(r"\d{1,3}(\s*\+\s*\d{1,3})*", over) or not re.fullmatch(r"\d{1,4}", under):
                raise self._error(f"a meter of {over}/{under}")
            terms.append((tuple(int(number) for number in over.split("+")), int(under)))
        if any(min(*numbers, unit) < 1 for numbers, unit in terms):
            raise self._error(f"a meter of {'+'.join(beats)}/{'+'.join(units)}")
        symbol = element.get("symbol")
        kept = symbol if symbol in ("common", "cut", "single-number") else None
        return Meter(tuple(terms), cast("Any", kept))

    def _measure_style(self, element: ET.Element, staff: int | None) -> None:
        rest, repeat = element.find("multiple-rest"), element.find("measure-repeat")
        if rest is not None:
            self.multirest = MultiRest(max(1, _integer(_text(rest) or "1", self._error)))
        if repeat is not None:
            staves = range(1, self.staves + 1) if staff is None else (staff,)
            for number in staves:
                if repeat.get("type") == "stop":
                    self.repeat.pop(number, None)
                else:
                    slashes = _integer(repeat.get("slashes") or "1", self._error)
                    sign = MeasureRepeat(_integer(_text(repeat) or "1", self._error), slashes)
                    self.repeat[number] = sign

    # Directions --------------------------------------------------------------------------------------------

    def _direction(self, element: ET.Element) -> None:
        offset = _fraction(element.findtext("offset") or "0", self._error) / self.divisions / 4
        onset, staff = max(self.now + offset, _ZERO), self._staff(element)
        placement = _placement(element)
        texts: list[ET.Element] = []
        beat: tuple[Duration | None, Fraction | None] | None = None
        for child in (e for kind in element.iterfind("direction-type") for e in kind):
            number = child.get("number", "1")
            match child.tag:
                case "words":
                    texts.append(child)
                case "metronome":
                    beat = _metronome(child)
                case "dynamics":
                    self._dynamics(child, onset, staff, placement)
                case "rehearsal":
                    self.directions.append(Direction(onset, Rehearsal(_text(child)), staff, placement))
                case "segno" | "coda":
                    jump = Jump(cast("Any", child.tag))
                    self.directions.append(Direction(onset, jump, staff, placement))
                case "wedge":
                    self._line("wedge", number, child.get("type", ""), onset, staff, (child, placement))
                case "octave-shift":
                    self._line("octave", number, child.get("type", ""), onset, staff, (child, placement))
                case "pedal":
                    self._line("pedal", number, child.get("type", ""), onset, staff, (child, placement))
        text = _squeezed("".join(e.text or "" for e in texts))
        sound = element.find("sound")
        told = sound is not None and self._sound(sound, onset, staff, placement, text)
        speed = None if sound is None else sound.get("tempo")
        if beat is not None or (speed and text):
            tempo = Tempo(text, *(beat or (None, None)), _fraction(speed, self._error) if speed else None)
            self.directions.append(Direction(onset, tempo, staff, placement))
        elif text and not told:
            self.directions.append(Direction(onset, Words(text, _style(texts[0])), staff, placement))

    def _sound(
        self, sound: ET.Element, onset: Fraction, staff: int, placement: Placement | None, text: str
    ) -> bool:
        """Adds the jump that a <sound> tells of; whether it does, so that its words are told."""
        kinds = {"dacapo": "da-capo", "dalsegno": "dal-segno", "tocoda": "to-coda", "fine": "fine"}
        for attribute, kind in kinds.items():
            if sound.get(attribute):
                jump = Jump(cast("Any", kind), text)
                self.directions.append(Direction(onset, jump, staff, placement))
                return True
        return False

    def _dynamics(
        self, element: ET.Element, onset: Fraction, staff: int, placement: Placement | None = None
    ) -> None:
        texts = [_text(e) if e.tag == "other-dynamics" else e.tag for e in element]
        for text in texts:
            if text:
                direction = Direction(onset, Dynamic(text), staff, _placement(element) or placement)
                self.directions.append(direction)

    def _line(
        self,
        kind: str,
        number: str,
        type_: str,
        onset: Fraction,
        staff: int,
        how: tuple[ET.Element, Placement | None],
    ) -> None:
        """Begins or ends a hairpin, octave line or pedal."""
        here = Moment(self.measure_id, onset, staff)
        key = (kind, f"{number} on {staff}")
        if type_ not in ("crescendo", "diminuendo", "up", "down", "start") and key not in self.open:
            key = next((k for k in self.open if k[0] == kind and k[1].startswith(f"{number} on")), key)
        if type_ in ("stop", "discontinue", "change"):
            if key in self.open:
                start, begun = self.open.pop(key)
                self._end_line(kind, start, begun, here)
            else:
                self.early_lines[key] = here
        if type_ in ("crescendo", "diminuendo", "up", "down", "start", "change"):
            end = self.early_lines.pop(key, None)
            if end is not None and end.measure == here.measure and end.onset > here.onset:
                self._end_line(kind, here, how, end)
            else:
                self.open[key] = (here, how)

    def _end_line(
        self, kind: str, start: Moment, how: tuple[ET.Element, Placement | None], end: Moment
    ) -> None:
        element, placement = how
        match kind:
            case "wedge":
                self.spanners.append(Hairpin(start, end, cast("Any", element.get("type")), placement))
            case "octave":
                octaves = {"8": 1, "15": 2, "22": 3}.get(element.get("size", "8"), 1)
                up = element.get("type") == "down"  # notes printed lower sound higher: 8va
                self.spanners.append(Ottava(start, end, octaves if up else -octaves))
            case "pedal":
                self.spanners.append(Pedal(start, end, element.get("line") == "yes"))

    def _harmony(self, element: ET.Element) -> None:
        offset = _fraction(element.findtext("offset") or "0", self._error) / self.divisions / 4
        kind = element.find("kind")
        degrees = tuple(
            (
                degree.findtext("degree-type") or "add",
                _integer(degree.findtext("degree-value") or "1", self._error),
                int(_fraction(degree.findtext("degree-alter") or "0", self._error)),
            )
            for degree in element.iterfind("degree")
        )
        symbol = ChordSymbol(
            self._root(element, "root"),
            _squeezed(kind.text or "") if kind is not None else "none",
            None if kind is None else kind.get("text"),
            self._root(element, "bass"),
            degrees,
        )
        onset = max(self.now + offset, _ZERO)
        self.directions.append(Direction(onset, symbol, self._staff(element), _placement(element)))

    def _root(self, element: ET.Element, name: str) -> tuple[str, int] | None:
        step = element.findtext(f"{name}/{name}-step")
        alter = _fraction(element.findtext(f"{name}/{name}-alter") or "0", self._error)
        return None if not step else (_squeezed(step), int(alter))

    def _figured_bass(self, element: ET.Element) -> None:
        figures = tuple(
            tuple(_squeezed(figure.findtext(tag) or "") for tag in ("prefix", "figure-number", "suffix"))
            for figure in element.iterfind("figure")
        )
        length = self._length(element) if element.find("duration") is not None else None
        value = FiguredBass(cast("Any", figures), length)
        self.directions.append(Direction(self.now, value, self._staff(element), _placement(element)))

    def _barline(self, element: ET.Element) -> None:
        repeat = element.find("repeat")
        direction = None if repeat is None else repeat.get("direction")
        kept = direction if direction in ("forward", "backward") else None
        barline = Barline(element.findtext("bar-style") or "regular", cast("Any", kept))
        location = element.get("location", "right")
        if location == "left":
            self.left = barline if barline != Barline() else self.left
        elif location == "middle":
            self.barlines.append((self.now, barline))
        else:
            self.right = None if barline.style == "none" and kept is None else barline
        for sign in ("segno", "coda"):
            if element.find(sign) is not None:
                onset = _ZERO if location == "left" else self.now
                self.directions.append(Direction(onset, Jump(cast("Any", sign))))
        ending = element.find("ending")
        if ending is None:
            return
        key = ("ending", "")
        if ending.get("type") == "start":
            numbers = ending.get("number", "")
            self.open[key] = Ending(self.measure_id, self.measure_id, numbers, _text(ending))
        elif key in self.open:
            closed = ending.get("type") == "stop"
            self.spanners.append(replace(self.open.pop(key), end=self.measure_id, closed=closed))


def _spanner_order(measures: list[Measure]) -> Callable[[Spanner], tuple[Any, ...]]:
    """Sorts spanners by where they begin, whatever their order in the file."""
    places: dict[str, tuple[int, Fraction, int]] = {}
    for index, measure in enumerate(measures):
        places[measure.id] = (index, _ZERO, 0)
        for voice in measure.voices:
            for number, event in enumerate(voice.events):
                for id_ in _ids_of(event):
                    places[id_] = (index, event.onset, number)

    def place(end: str | Moment | None) -> tuple[int, Fraction, int]:
        if isinstance(end, Moment):
            return places[end.measure][0], end.onset, 0
        return places.get(end or "", (-1, _ZERO, 0))

    def key(spanner: Spanner) -> tuple[Any, ...]:
        start, end = place(spanner.start), place(spanner.end)
        return start, type(spanner).__name__, tuple(-x for x in end), str(spanner.start), str(spanner.end)

    return key


# Leaves ----------------------------------------------------------------------------------------------------


def _fraction(text: str, error: Any) -> Fraction:
    """A decimal number of at most 20 characters; a longer one could take all memory."""
    if re.fullmatch(r"\s*-?\d{1,12}(\.\d{1,8})?\s*", text):
        return Fraction(text.strip())
    raise error(f"{text[:40]!r} is no number")


def _integer(text: str | None, error: Any) -> int:
    value = _fraction(text or "", error)
    if value.denominator != 1:
        raise error(f"{text!r} is no whole number")
    return int(value)


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _text(element: ET.Element) -> str:
    return _squeezed(element.text or "")


def _placement(element: ET.Element) -> Placement | None:
    value = element.get("placement") or {"over": "above", "under": "below"}.get(
        element.get("orientation", "")
    )
    return cast("Placement", value) if value in ("above", "below") else None


def _style(element: ET.Element) -> Literal["normal", "italic", "bold", "bold-italic"]:
    italic, bold = element.get("font-style") == "italic", element.get("font-weight") == "bold"
    return "bold-italic" if italic and bold else "italic" if italic else "bold" if bold else "normal"


def _enclosed(accidental: ET.Element | None) -> Literal["parentheses", "bracket"] | None:
    if accidental is None:
        return None
    if accidental.get("parentheses") == "yes" or accidental.get("cautionary") == "yes":
        return "parentheses" if accidental.get("bracket") != "yes" else "bracket"
    return "bracket" if accidental.get("bracket") == "yes" else None


def _beams(element: ET.Element) -> tuple[BeamPart, ...]:
    beams = sorted(element.iterfind("beam"), key=lambda beam: beam.get("number", "1"))
    names = [_text(beam) for beam in beams]
    known = ("begin", "continue", "end", "forward hook", "backward hook")
    return tuple(cast("BeamPart", name) for name in names if name in known)


def _display_step(element: ET.Element) -> int | None:
    step, octave = element.findtext("display-step"), element.findtext("display-octave")
    if not step or not octave or step not in "CDEFGAB" or not octave.strip().isdigit():
        return None
    return Pitch(cast("Any", step), int(octave)).diatonic


def _as_duration(length: Fraction) -> Duration | None:
    """The note value and at most three dots that last so long; None if there are none."""
    for value in NOTE_TYPES.values():
        for dots in range(4):
            if Duration(value, dots).length == length:
                return Duration(value, dots)
    return None


def _height(note: Note) -> tuple[int, int]:
    alter = note.pitch.alter if isinstance(note.pitch, Pitch) else 0
    return note.pitch.diatonic, alter


def _ids_of(event: Event) -> tuple[str, ...]:
    return (event.id, *(note.id for note in event.notes)) if isinstance(event, Chord) else (event.id,)


def _marks_of(event: Event) -> tuple[Mark, ...]:
    return () if isinstance(event, Space) else event.marks


def _is_complete(items: list[_Item]) -> bool:
    """Whether the events of an implied tuplet last as long as a plain note value."""
    written = sum(
        (item.event.duration.length for item in items if isinstance(item.event, Chord | Rest)), _ZERO
    )
    share = written / items[0].numbers[0]
    return share.numerator & (share.numerator - 1) == 0 and share.denominator & (share.denominator - 1) == 0


def _with_ties(event: Event, ends: dict[str, str]) -> Event:
    if not isinstance(event, Chord) or not any(note.id in ends for note in event.notes):
        return event
    notes = tuple(replace(n, tie_to=ends[n.id]) if n.id in ends else n for n in event.notes)
    return replace(event, notes=notes)


def _lyric(element: ET.Element) -> Iterator[Lyric]:
    text = "".join(e.text or "" for e in element if e.tag in ("text", "elision")).strip()
    extend = element.find("extend") is not None
    if not text and not extend:
        return
    syllabic = element.findtext("syllabic") or "single"
    kept = syllabic if syllabic in ("single", "begin", "middle", "end") else "single"
    verse = element.get("number") or element.get("name") or "1"
    yield Lyric(text, verse, cast("Any", kept), extend, _placement(element))


def _metronome(element: ET.Element) -> tuple[Duration | None, Fraction | None]:
    kind = element.findtext("beat-unit")
    beat = Duration(NOTE_TYPES[kind], len(element.findall("beat-unit-dot"))) if kind in NOTE_TYPES else None
    digits = re.search(r"\d{1,4}(\.\d{1,4})?", element.findtext("per-minute") or "")
    return beat, Fraction(digits[0]) if digits else None
