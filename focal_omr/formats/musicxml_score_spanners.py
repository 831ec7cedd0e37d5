"""Spanners of a part as the MusicXML elements at their ends, filed under the places of these."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any
from xml.etree import ElementTree as ET

from focal_omr.formats.musicxml_score_elements import tuplet_start
from focal_omr.score.score import (
    Chord,
    Ending,
    Event,
    Glissando,
    Hairpin,
    Moment,
    Ottava,
    Part,
    Pedal,
    Slur,
    Space,
    TrillLine,
    Tuplet,
)

__all__ = ["SpannerEnds"]

# Slurs with one end have numbers of their own, so that no reader joins them; MusicXML 3.1 knows 1 to 6.
_NUMBERS, _ONLY_END, _ONLY_START = (1, 2, 3, 4, *range(7, 17)), "5", "6"
_LINE_TAGS = {Hairpin: "wedge", Ottava: "octave-shift", Pedal: "pedal"}


class SpannerEnds:
    """The elements at the ends of a part's spanners.

    Attributes:
        notations: By id of an event or note, (rank, element): ends that stand before the starts have rank 0.
        lines: By id of a measure, (moment, element, placement) of hairpins, octave lines and pedals.
        endings: By id of a measure, (type, ending).
        ratios: By id of an event within tuplets, (actual, normal) of all of them together.
    """

    def __init__(self, part: Part) -> None:
        self.notations: dict[str, list[tuple[int, ET.Element]]] = defaultdict(list)
        self.lines: dict[str, list[tuple[Moment, ET.Element, str | None]]] = defaultdict(list)
        self.endings: dict[str, list[tuple[str, Ending]]] = defaultdict(list)
        self.ratios: dict[str, tuple[int, int]] = {}
        self._order: dict[str, int] = {}  # of events and notes, in the file
        self._places: dict[str, tuple[Sequence[Event], int]] = {}  # the events of its voice, and its index
        events = (
            (voice.events, index, event)
            for measure in part.measures
            for voice in measure.voices
            for index, event in enumerate(voice.events)
        )
        for number, (own, index, event) in enumerate(events):
            self._places[event.id] = own, index
            self._order[event.id] = number
            for note in event.notes if isinstance(event, Chord) else ():
                self._order[note.id] = number
        slurs = [s for s in part.spanners if isinstance(s, Slur)]
        self._slurs(slurs)
        self._note_lines([s for s in part.spanners if isinstance(s, Glissando)])
        self._note_lines([s for s in part.spanners if isinstance(s, TrillLine)])
        self._tuplets([s for s in part.spanners if isinstance(s, Tuplet) and s.start in self._order])
        measures = {measure.id: index for index, measure in enumerate(part.measures)}
        for kind in (Hairpin, Ottava, Pedal):
            self._lines([s for s in part.spanners if isinstance(s, kind)], measures)
        for ending in part.spanners:
            if isinstance(ending, Ending):
                self.endings[ending.start].append(("start", ending))
                self.endings[ending.end].append(("stop" if ending.closed else "discontinue", ending))

    def _add(self, id_: str, start: str | None, element: ET.Element) -> None:
        """Files an element; `start` is the id where its spanner begins, None at the beginning itself."""
        self.notations[id_].append((1 if start is None else 2 if start == id_ else 0, element))

    def _numbers(self, spans: list[tuple[str, str]]) -> list[int]:
        """A number for each pair of ids that no other open pair has in the order of the file."""
        ends = [(self._order.get(start, 0), self._order.get(end, 0)) for start, end in spans]
        return _free_numbers([(min(pair), max(pair)) for pair in ends])

    def _slurs(self, slurs: list[Slur]) -> None:
        whole = [slur for slur in slurs if slur.start and slur.end]
        numbers = dict(
            zip(map(id, whole), self._numbers([(s.start or "", s.end or "") for s in whole]), strict=True)
        )
        for slur in slurs:
            how = {"line-type": "dashed"} if slur.dashed else {}
            if slur.placement:
                how["placement"] = slur.placement
            if slur.start:
                number = str(numbers[id(slur)]) if slur.end else _ONLY_START
                self._add(slur.start, None, ET.Element("slur", {"type": "start", "number": number, **how}))
            if slur.end:
                number = str(numbers[id(slur)]) if slur.start else _ONLY_END
                how = {} if slur.start else how
                self._add(
                    slur.end, slur.start or "", ET.Element("slur", {"type": "stop", "number": number, **how})
                )

    def _note_lines(self, spanners: Sequence[Glissando | TrillLine]) -> None:
        numbers = self._numbers([(s.start, s.end) for s in spanners])
        for spanner, number in zip(spanners, numbers, strict=True):
            tag, how = "wavy-line", {"number": str(number)}
            if isinstance(spanner, Glissando):
                tag = "glissando" if spanner.wavy else "slide"
                how["line-type"] = "wavy" if spanner.wavy else "solid"
            start = ET.Element(tag, {"type": "start", **how})
            start.text = (isinstance(spanner, Glissando) and spanner.text) or None
            self._add(spanner.start, None, start)
            self._add(spanner.end, spanner.start, ET.Element(tag, {"type": "stop", **how}))

    def _tuplets(self, tuplets: list[Tuplet]) -> None:
        tuplets.sort(key=lambda s: (self._order[s.start], -self._order.get(s.end, 0)))  # outer ones first
        depth: dict[str, int] = defaultdict(int)
        for tuplet in tuplets:
            events, first = self._places[tuplet.start]
            own, last = self._places.get(tuplet.end, (events, first))
            for event in events[first : (last if own is events else first) + 1]:
                depth[event.id] += 1
                actual, normal = self.ratios.get(event.id, (1, 1))
                self.ratios[event.id] = (actual * tuplet.actual, normal * tuplet.normal)
            number, event = depth[tuplet.start], events[first]
            duration = None if isinstance(event, Space) else event.duration
            self._add(tuplet.start, None, tuplet_start(tuplet, duration, number))
            stop = ET.Element("tuplet", {"type": "stop", "number": str(number)})
            self._add(tuplet.end, tuplet.start, stop)

    def _lines(self, spanners: Sequence[Hairpin | Ottava | Pedal], measures: dict[str, int]) -> None:
        spans: list[Any] = [
            tuple((measures.get(moment.measure, 0), moment.onset) for moment in (s.start, s.end))
            for s in spanners
        ]
        for spanner, number in zip(spanners, _free_numbers(spans), strict=True):
            how, start, placement = {"number": str(number)}, "start", None
            match spanner:
                case Hairpin():
                    start, placement = spanner.kind, spanner.placement
                case Ottava():
                    start = "down" if spanner.octaves > 0 else "up"
                    how["size"] = str(7 * abs(spanner.octaves) + 1)
                case Pedal():
                    how |= {"line": "yes", "sign": "no"} if spanner.line else {"line": "no", "sign": "yes"}
            tag = _LINE_TAGS[type(spanner)]
            begin, end = ET.Element(tag, {"type": start, **how}), ET.Element(tag, {"type": "stop", **how})
            self.lines[spanner.start.measure].append((spanner.start, begin, placement))
            self.lines[spanner.end.measure].append((spanner.end, end, None))


def _free_numbers(spans: list[tuple[int, int]] | list[tuple[tuple[int, Fraction], ...]]) -> list[int]:
    """Of each span (first, last), the lowest of `_NUMBERS` that no span that touches it has."""
    numbers = [0] * len(spans)
    active: list[tuple[Any, int]] = []
    free: list[int] = []
    used = 0
    for index in sorted(range(len(spans)), key=lambda index: spans[index]):
        first, last = spans[index]
        while active and active[0][0] < first:
            heappush(free, heappop(active)[1])
        if free:
            number = heappop(free)
        else:
            used += 1
            number = used
        heappush(active, (last, number))
        numbers[index] = _NUMBERS[(number - 1) % len(_NUMBERS)]
    return numbers
