"""One part of an MEI document, from drafts of its measures to records."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError
from focal_omr.formats.mei_control_reader import ControlReader, DraftMeasure
from focal_omr.formats.mei_sign_reader import barline
from focal_omr.score.bounds import MAX_BARS
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    Clef,
    Ending,
    Fermata,
    Fingering,
    Key,
    Lyric,
    Measure,
    Meter,
    MultiRest,
    Ornament,
    Part,
    Sign,
    Space,
    Spanner,
    StaffLines,
    Technique,
    Transposition,
    Tremolo,
    Voice,
)

__all__ = ["Frame", "PartBuilder", "PartHead", "Timeline"]

_ZERO = Fraction(0)
_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5"}
_MARK_ORDER = (Ornament, Tremolo, Technique, Fingering, Articulation, Fermata, Arpeggio, Lyric)


@dataclass
class PartHead:
    """A part as its definition describes it."""

    id: str
    staves: list[ET.Element] = field(default_factory=list)
    name: str = ""
    abbreviation: str = ""


@dataclass
class Frame:
    """What one <measure> says of all parts."""

    element: ET.Element
    signs: list[tuple[str, Clef | Key | Meter | Transposition | StaffLines]]  # by the staff's @n
    breaks: tuple[Literal["system", "page"], str] | None

    def number(self, index: int) -> str:
        """The number of the measure as printed, else as counted from its index."""
        return self.element.get("n") or str(index + 1)


@dataclass
class Timeline:
    """What the parts of a document share.

    Attributes:
        endings: <ending> elements with the indices of their first and last measures.
        places: By the number of a staff in the document, the index of its part and its staff there.
        keep_id: Gives the id of an element: its own, or a new one.
    """

    frames: list[Frame]
    endings: list[tuple[ET.Element, int, int]]
    places: dict[str, tuple[int, int]]
    keep_id: Callable[[str | None, str], str]


class PartBuilder:
    """Builds the records of one part.

    Args:
        timeline: What all parts share.
        head: The part's definition.
        drafts: Its measures.
        controls: The reader that has read all control elements.
    """

    def __init__(
        self, timeline: Timeline, head: PartHead, drafts: list[DraftMeasure], controls: ControlReader
    ) -> None:
        self.timeline, self.head, self.drafts = timeline, head, drafts
        self.number = drafts[0].part
        self.spanners = controls.spanners[self.number]
        self.meter: Meter | None = None
        self.tied = {**self._attribute_ties(), **controls.tied}

    def build(self) -> Part:
        """The part.

        Raises:
            NotationError: It has more than `MAX_BARS` measures.
        """
        measures: list[Measure] = []
        spanners = list(self.spanners)
        renamed: dict[int, int] = {}
        begin: Barline | None = None  # of a sign that closes one repeat and opens the next one
        for draft, frame in zip(self.drafts, self.timeline.frames, strict=True):
            renamed[draft.index] = len(measures)
            measure = self._measure(draft, frame)
            measures.append(measure)
            spanners += (tuplet for voice in draft.voices for tuplet in voice.tuplets)
            count = max((voice.multirest or 1 for voice in draft.voices), default=1)
            for _ in range(count - 1):
                measures.append(self._more_rest(measure, len(measures)))
            if len(measures) > MAX_BARS:
                raise NotationError(f"part {self.head.id} has more than {MAX_BARS} measures")
            if begin is not None:
                measures[-count] = replace(measures[-count], left=measures[-count].left or begin)
            opens = frame.element.get("right") in ("rptboth", "rptstart")
            begin = Barline("heavy-light", "forward") if opens else None
            if count > 1:
                measures[-count] = replace(measures[-count], right=Barline())
                measures[-1] = replace(measures[-1], right=measure.right)
        if begin is not None:
            alone = begin if measures[-1].right == Barline() else Barline("heavy-heavy", "backward")
            measures[-1] = replace(measures[-1], right=alone)
        for element, first, last in self.timeline.endings:
            owners = element.get("corresp", "")
            if not owners or f"#{self.head.id}" in owners.split():
                closed = element.get("lendsym") not in ("none", "angleup") if element.get("lendsym") else True
                end = measures[renamed.get(last + 1, len(measures)) - 1].id
                numbers, text = _passes(element.get("n", ""))
                text = element.get("label", text)
                spanners.append(Ending(self.drafts[first].id, end, numbers, text, closed))
        return Part(
            id=self.head.id,
            measures=tuple(measures),
            staves=len(self.head.staves),
            name=self.head.name,
            abbreviation=self.head.abbreviation,
            spanners=tuple(_in_order(spanners, measures)),
        )

    def _attribute_ties(self) -> dict[str, str]:
        """Of each note tied by @tie the note that it leads to: the nearest one of its pitch."""
        waiting: dict[object, list[tuple[Fraction, str]]] = defaultdict(list)
        tied: dict[str, str] = {}
        begun = _ZERO
        for measure in self.drafts:
            for draft in sorted(measure.drafts(), key=lambda draft: draft.onset):
                pitches = {note.id: note.pitch for note in draft.notes}
                for id_, stops, starts in draft.ties:
                    queue = waiting[pitches[id_]]
                    if stops and queue:
                        onset = begun + draft.onset
                        found = min(queue, key=lambda entry: abs(entry[0] - onset))
                        queue.remove(found)
                        tied[found[1]] = id_
                    if starts:
                        tied[id_] = ""
                        queue.append((begun + draft.onset + draft.length, id_))
            begun += max((d.onset + d.length for d in measure.drafts()), default=_ZERO)
        return tied

    def _measure(self, draft: DraftMeasure, frame: Frame) -> Measure:
        element = frame.element
        signs = self._signs(draft, frame)
        for sign in signs:
            if isinstance(sign.value, Meter) and sign.onset == 0:
                self.meter = sign.value
        length = max((d.onset + d.length for d in draft.drafts()), default=_ZERO)
        voices = tuple(self._voices(draft, length))
        full = self.meter.length if self.meter is not None else None
        metcon = element.get("metcon")
        upbeat = metcon is None and draft.index == 0 and full is not None and _ZERO < length < full
        left, right = element.get("left"), element.get("right", "single")
        barlines = [entry for voice in draft.voices if voice.staff == 1 for entry in voice.barlines]
        breaks = frame.breaks
        if breaks and breaks[1] and f"#{self.head.id}" not in breaks[1].split():
            breaks = None
        multirest = max((voice.multirest or 0 for voice in draft.voices), default=0)
        repeats = {v.staff: v.repeat for v in draft.voices if v.repeat is not None}
        return Measure(
            id=draft.id,
            number=element.get("n", str(draft.index + 1)),
            voices=voices,
            signs=tuple(signs),
            directions=tuple(sorted(draft.directions, key=lambda d: (d.onset, d.staff))),
            pickup=metcon == "false" or upbeat,
            left=None if left is None or left == "single" else barline(left),
            right=None if right == "invis" else barline("single" if right == "rptstart" else right),
            barlines=tuple(sorted(barlines, key=lambda entry: entry[0])),
            multirest=MultiRest(multirest) if multirest else None,
            repeats=tuple(sorted(repeats.items())),
            unread=tuple(draft.unread),
            break_before=breaks[0] if breaks else None,
        )

    def _voices(self, measure: DraftMeasure, length: Fraction) -> Iterator[Voice]:
        for voice in sorted((v for v in measure.voices if not v.empty), key=lambda v: v.number):
            end = voice.events[-1].onset + voice.events[-1].length
            events = [
                draft.event(self.tied, lambda mark: _MARK_ORDER.index(type(mark))) for draft in voice.events
            ]
            if end < length:
                id_ = self.timeline.keep_id(
                    None, f"{measure.id}v{voice.number}s{end.numerator}-{end.denominator}"
                )
                events.append(Space(id=id_, onset=end, length=length - end, staff=events[-1].staff))
            yield Voice(voice.number, tuple(events))

    def _signs(self, draft: DraftMeasure, frame: Frame) -> list[Sign]:
        """The signs of a measure; what all staves have at one onset is a sign of the part."""
        found: list[Sign] = []
        for number, value in frame.signs:
            part, staff = self.timeline.places[number]
            if part == self.number:
                found.append(Sign(_ZERO, value, staff))
        found += (Sign(onset, value, v.staff) for v in draft.voices for onset, value in v.signs)
        staves: dict[tuple[Fraction, object], set[int | None]] = defaultdict(set)
        for sign in found:
            staves[sign.onset, sign.value].add(sign.staff)
        merged: list[Sign] = []
        for sign in found:
            common = len(staves[sign.onset, sign.value]) == len(self.head.staves)
            if common and isinstance(sign.value, Key | Meter | Transposition):
                sign = replace(sign, staff=None)
            if sign not in merged:
                merged.append(sign)
        return merged

    def _more_rest(self, measure: Measure, index: int) -> Measure:
        """A further measure of a multi-measure rest."""
        id_ = self.timeline.keep_id(None, f"{self.head.id}m{index + 1}")
        number = str(int(measure.number) + index) if measure.number.isdecimal() else str(index + 1)
        voices = tuple(
            replace(
                voice,
                events=tuple(
                    replace(e, id=self.timeline.keep_id(None, f"{id_}v{voice.number}e1"))
                    for e in voice.events
                ),
            )
            for voice in measure.voices
        )
        return Measure(id=id_, number=number, voices=voices)


def _passes(printed: str) -> tuple[str, str]:
    """The numbers of an ending, and what is printed where it is more: "1ma", "IIdo", "1. e 2."."""
    if re.fullmatch(r"[\d, ]*", printed):
        return printed, ""
    roman = re.match(r"IV|V|I{1,3}", printed)
    numbers = re.findall(r"\d{1,2}", printed) or [_ROMAN[roman[0]] for roman in [roman] if roman]
    return ", ".join(numbers), printed


def _in_order(spanners: list[Spanner], measures: list[Measure]) -> list[Spanner]:
    """Spanners by where they begin."""
    places: dict[str, tuple[int, Fraction, int]] = {}
    for index, measure in enumerate(measures):
        places[measure.id] = (index, _ZERO, 0)
        for voice in measure.voices:
            for number, event in enumerate(voice.events):
                for id_ in (event.id, *(note.id for note in getattr(event, "notes", ()))):
                    places[id_] = (index, event.onset, number)

    def place(end: Any) -> tuple[int, Fraction, int]:
        if end is None or isinstance(end, str):
            return places.get(end or "", (-1, _ZERO, 0))
        return places[end.measure][0], end.onset, 0

    def key(spanner: Spanner) -> tuple[Any, ...]:
        start, end = place(spanner.start), place(spanner.end)
        return start, type(spanner).__name__, tuple(-x for x in end), str(spanner.start), str(spanner.end)

    return sorted(spanners, key=key)
