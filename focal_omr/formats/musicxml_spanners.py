"""Spanners of a MusicXML part: their ends, collected as they are read, joined by number, voice and time.

Files number slurs anew in each voice, write the end of a slur before its start where it crosses voices, and
leave ends out. An end that is missing is `None` in a slur; a line without an end ends with its measure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast
from xml.etree import ElementTree as ET

from focal_omr.formats.musicxml_elements import integer, placement, squeezed, text_of
from focal_omr.formats.musicxml_names import NOTE_TYPES
from focal_omr.score.score import (
    Chord,
    Duration,
    Ending,
    Event,
    Glissando,
    Hairpin,
    Measure,
    Moment,
    Note,
    Ottava,
    Pedal,
    Pitch,
    Placement,
    Slur,
    Space,
    Spanner,
    Tremolo,
    TrillLine,
    Tuplet,
    Unpitched,
)

__all__ = ["SpannerReader", "TimedEvent", "read_tuplets"]

_LINE_STARTS = {
    "wedge": ("crescendo", "diminuendo"),
    "octave-shift": ("up", "down"),
    "pedal": ("start", "change"),
}
_LINE_ENDS = ("stop", "discontinue", "change")
_OCTAVES = {"8": 1, "15": 2, "22": 3}


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a slur, as it stands in a <note>."""

    event: str
    onset: Fraction
    voice: str
    placement: Placement | None
    dashed: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """The start of a hairpin, octave line or pedal, and the end of its measure if nothing ends it."""

    start: Moment
    element: ET.Element
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class _Tie:
    """The ends of ties at one note; times in whole notes from the beginning of the part."""

    onset: Fraction
    end: Fraction
    voice: str
    note: Note
    stops: bool
    starts: bool


class SpannerReader:
    """Joins the ends of the spanners of one part."""

    def __init__(self) -> None:
        self.found: list[Spanner] = []
        self._slurs: dict[str, list[_End]] = defaultdict(list)  # by number: starts without an end yet
        self._early_slurs: dict[str, list[_End]] = defaultdict(list)  # ends without a start yet
        self._lines: dict[tuple[str, str, int], list[_Line]] = defaultdict(list)  # kind, number, staff
        self._early_lines: dict[tuple[str, str, int], Moment] = {}
        self._note_lines: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)  # (id, text)
        self._ending: Ending | None = None
        self._ties: list[_Tie] = []

    def slur(self, element: ET.Element, event: str, onset: Fraction, voice: str) -> None:
        """Begin or end a slur.

        Args:
            element: The <slur>.
            event: Id of the event it stands at.
            onset: Onset of the event in its measure.
            voice: Voice of the event, as the file names it.
        """
        number = element.get("number", "1")
        here = _End(event, onset, voice, placement(element), element.get("line-type") == "dashed")
        waiting = self._slurs[number]
        if element.get("type") == "stop":
            own = [end for end in waiting if end.voice == voice] or waiting
            if own:
                start = own[-1]
                waiting.remove(start)
                self._add_slur(start, event)
            else:
                self._early_slurs[number].append(here)
        elif element.get("type") == "start":
            early = [end for end in self._early_slurs[number] if end.onset >= onset]
            if early:
                self._early_slurs[number].remove(early[0])
                self._add_slur(here, early[0].event)
                return
            for unended in [end for end in waiting if end.voice == voice]:
                waiting.remove(unended)
                self._add_slur(unended, None)
            waiting.append(here)

    def _add_slur(self, start: _End, end: str | None) -> None:
        self.found.append(Slur(start.event, end, start.placement, start.dashed))

    def note_line(self, element: ET.Element, id_: str) -> None:
        """Begin or end a glissando or slide (ids of notes) or a trill line (ids of events)."""
        key = (element.tag, element.get("number", "1"))
        if element.get("type") == "start":
            self._note_lines[key].append((id_, text_of(element)))
        elif element.get("type") == "stop" and self._note_lines[key]:
            start, text = self._note_lines[key].pop()
            if element.tag == "wavy-line":
                self.found.append(TrillLine(start, id_))
            else:
                self.found.append(Glissando(start, id_, element.tag == "glissando", text))

    def line(self, element: ET.Element, here: Moment, above_or_below: Placement | None) -> None:
        """Begin or end a hairpin, octave line or pedal.

        Args:
            element: A <wedge>, <octave-shift> or <pedal>.
            here: Where it stands.
            above_or_below: Placement of its direction.
        """
        kind, number, type_ = element.tag, element.get("number", "1"), element.get("type", "")
        key = (kind, number, here.staff)
        if type_ in _LINE_ENDS:
            # A line may end on another staff than it began, but not before its start, which may stand in
            # another voice.
            at = [key, *(other for other in self._lines if other[:2] == key[:2] and other != key)]
            lines = [
                (other, line)
                for other in at
                for line in self._lines.get(other, ())
                if line.start.measure != here.measure or line.start.onset <= here.onset
            ]
            if lines:
                other, line = lines[0]
                self._lines[other].remove(line)
                self._add_line(line, here)
            else:
                self._early_lines[key] = here
        if type_ in _LINE_STARTS[kind]:
            line = _Line(here, element, above_or_below)
            end = self._early_lines.pop(key, None)
            if end is not None and end.onset > here.onset:
                self._add_line(line, end)
            else:
                self._lines[key].append(line)

    def _add_line(self, line: _Line, end: Moment) -> None:
        element = line.element
        match element.tag:
            case "wedge":
                kind = cast("Any", element.get("type"))
                self.found.append(Hairpin(line.start, end, kind, line.placement))
            case "octave-shift":
                octaves = _OCTAVES.get(element.get("size", "8"), 1)
                up = element.get("type") == "down"  # notes printed lower sound higher: 8va
                self.found.append(Ottava(line.start, end, octaves if up else -octaves))
            case "pedal":
                self.found.append(Pedal(line.start, end, element.get("line") == "yes"))

    def ending(self, element: ET.Element, measure: str, before: str | None) -> None:
        """Begin or end an ending.

        Args:
            element: The <ending>.
            measure: Id of its measure.
            before: Id of the measure before, where an ending without an end of its own ends.
        """
        if element.get("type") == "start":
            if self._ending is not None and before is not None:
                self.found.append(replace(self._ending, end=before, closed=False))
            numbers = [n for n in squeezed(element.get("number")).replace(",", " ").split() if n.isdecimal()]
            self._ending = Ending(measure, measure, ", ".join(numbers), text_of(element))
        elif self._ending is not None:
            closed = element.get("type") == "stop"
            self.found.append(replace(self._ending, end=measure, closed=closed))
            self._ending = None

    def tie(self, note: Note, kinds: set[str | None], span: tuple[Fraction, Fraction], voice: str) -> None:
        """Note the ties of a note, to be joined when the part is read.

        Args:
            note: The note.
            kinds: Types of its <tie> and <tied> elements.
            span: When it begins and ends, in whole notes from the beginning of the part.
            voice: Its voice, as the file names it.
        """
        if kinds & {"start", "stop"}:
            self._ties.append(_Tie(*span, voice, note, "stop" in kinds, "start" in kinds))

    def end_measure(self) -> None:
        """Give up the ends whose start was expected in other voices of the same measure."""
        for ends in self._early_slurs.values():
            self.found += (Slur(None, end.event, end.placement, end.dashed) for end in ends)
            ends.clear()
        self._early_lines.clear()

    def end_part(self, measures: list[Measure]) -> list[Spanner]:
        """Every spanner of the part, by where it begins, whatever their order in the file."""
        for starts in self._slurs.values():
            for start in starts:
                self._add_slur(start, None)
        lengths = {measure.id: measure.length for measure in measures}
        for line in (line for lines in self._lines.values() for line in lines):
            measure = line.start.measure
            end = max(line.start.onset, lengths[measure])
            self._add_line(line, replace(line.start, onset=end))
        if self._ending is not None and measures:
            self.found.append(replace(self._ending, end=measures[-1].id, closed=False))
        places: dict[str | None, tuple[int, Fraction, int]] = {}
        for index, measure_ in enumerate(measures):
            places[measure_.id] = (index, Fraction(0), 0)
            for voice in measure_.voices:
                for number, event in enumerate(voice.events):
                    places[event.id] = (index, event.onset, number)
                    for note in event.notes if isinstance(event, Chord) else ():
                        places[note.id] = (index, event.onset, number)

        def place(end: str | Moment | None) -> tuple[int, Fraction, int]:
            if isinstance(end, Moment):
                return places[end.measure][0], end.onset, 0
            return places.get(end, (-1, Fraction(0), 0))

        def order(spanner: Spanner) -> tuple[Any, ...]:
            first, last = place(spanner.start or spanner.end), place(spanner.end)
            name = type(spanner).__name__
            return first, name, tuple(-x for x in last), str(spanner.start), str(spanner.end), repr(spanner)

        return sorted(self.found, key=order)

    def tied_notes(self) -> dict[str, str]:
        """Of each note with a tie, the id of the note it leads to; "" where there is none.

        It is the next one of its pitch where the tie ends, of its own spelling and voice if there are
        several.
        """
        waiting: dict[int | Unpitched, list[_Tie]] = defaultdict(list)  # by the key on a piano
        ends: dict[str, str] = {}
        for tie in sorted(self._ties, key=lambda tie: tie.onset):
            pitch = tie.note.pitch
            queue = waiting[pitch.midi if isinstance(pitch, Pitch) else pitch]
            if tie.stops and queue:
                found = min(
                    queue,
                    key=lambda t: (
                        abs(t.end - tie.onset),
                        t.note.pitch != tie.note.pitch,
                        t.voice != tie.voice,
                        t.onset,
                    ),
                )
                queue.remove(found)
                ends[found.note.id] = tie.note.id
            if tie.starts:
                ends[tie.note.id] = ""
                queue.append(tie)
        return ends


# Tuplets -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class TimedEvent:
    """An event of a voice with what its <note> tells of tuplets.

    Attributes:
        numbers: Actual and normal number of its time modification.
        tuplets: <tuplet> elements of its notations.
    """

    event: Event
    numbers: tuple[int, int] = (1, 1)
    tuplets: list[ET.Element] = field(default_factory=list)

    @property
    def ratio(self) -> Fraction:
        """Sounding to written length."""
        return Fraction(self.numbers[1], self.numbers[0])


def read_tuplets(items: Iterable[TimedEvent]) -> Iterator[Tuplet]:
    """The tuplets of one voice in one measure.

    They are as notated; where only a time modification tells of one, it is without number and bracket and
    ends where its notes last as long as a plain note value.

    Args:
        items: Events in their order, with what they tell.

    Raises:
        NotationError: A tuplet with impossible numbers.
    """
    open_: list[tuple[str, Tuplet]] = []
    implied: list[TimedEvent] = []
    implied_ratio = Fraction(1)
    last: Event | None = None
    for item in items:
        event = item.event
        if isinstance(event, Space) or (isinstance(event, Chord) and event.grace):
            continue
        ratio = item.ratio
        if any(isinstance(mark, Tremolo) and mark.between for mark in event.marks):
            # Each of the two chords of a tremolo is written with the time of both.
            halved = 2 * event.length / event.duration.length
            ratio = halved if halved <= 1 else ratio
        starts = [e for e in item.tuplets if e.get("type") == "start"]
        for element in sorted(starts, key=lambda e: e.get("number") or "1"):
            inside = _product(open_)
            if ratio != item.ratio and ratio == inside:
                continue  # it stands for a tremolo between two chords
            tuplet = _tuplet(element, item, ratio / inside, alone=len(starts) == 1)
            open_.append((element.get("number") or "1", tuplet))
        rest = ratio / _product(open_)
        if implied and rest != implied_ratio:
            yield _implied(implied, implied_ratio)
            implied = []
        if rest != 1:
            implied.append(item)
            implied_ratio = rest
            if _is_complete(implied, rest):
                yield _implied(implied, rest)
                implied = []
        stops = {e.get("number") or "1" for e in item.tuplets if e.get("type") == "stop"}
        for entry in [entry for entry in open_ if entry[0] in stops]:
            open_.remove(entry)
            yield replace(entry[1], end=event.id)
        last = event
    if implied:
        yield _implied(implied, implied_ratio)
    for _, tuplet in open_:  # its end is missing, or in the next measure
        if last is not None:
            yield replace(tuplet, end=last.id)


def _product(open_: list[tuple[str, Tuplet]]) -> Fraction:
    ratio = Fraction(1)
    for _, tuplet in open_:
        ratio *= Fraction(tuplet.normal, tuplet.actual)
    return ratio


def _tuplet(element: ET.Element, item: TimedEvent, own: Fraction, *, alone: bool) -> Tuplet:
    """A tuplet that begins; `own` is its ratio within those around it."""
    event = item.event
    first = Duration(Fraction(0)) if isinstance(event, Space) else event.duration
    numbers = item.numbers if item.ratio == own else (own.denominator, own.numerator)
    value: Duration | None = None
    told = [element.findtext(f"tuplet-{name}/tuplet-number") for name in ("actual", "normal")]
    if told[0] and told[1]:
        actual, normal = (integer(text, 1, 999, "a tuplet") for text in told)
        if not alone or own == Fraction(normal, actual):
            numbers = (actual, normal)
            kind = squeezed(element.findtext("tuplet-actual/tuplet-type"))
            if kind in NOTE_TYPES:
                value = Duration(NOTE_TYPES[kind], len(element.findall("tuplet-actual/tuplet-dot")[:4]))
                value = None if value == Duration(first.value) else value
    shown, bracket = element.get("show-number"), element.get("bracket")
    return Tuplet(
        event.id,
        event.id,
        *numbers,
        value,
        cast("Any", shown if shown in ("both", "none") else "actual"),
        None if bracket is None else bracket == "yes",
        placement(element),
    )


def _implied(items: list[TimedEvent], ratio: Fraction) -> Tuplet:
    first, last = items[0].event.id, items[-1].event.id
    numbers = items[0].numbers if items[0].ratio == ratio else (ratio.denominator, ratio.numerator)
    return Tuplet(first, last, *numbers, number="none", bracket=False)


def _is_complete(items: list[TimedEvent], ratio: Fraction) -> bool:
    """Whether the events of an implied tuplet last as long as a plain note value."""
    lengths = (item.event.duration.length for item in items if not isinstance(item.event, Space))
    actual = items[0].numbers[0] if items[0].ratio == ratio else ratio.denominator
    share = sum(lengths, Fraction(0)) / actual
    return share.numerator & (share.numerator - 1) == 0 and share.denominator & (share.denominator - 1) == 0
