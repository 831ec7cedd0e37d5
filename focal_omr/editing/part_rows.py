"""The measures of a part while it is edited, as rows of what is printed.

A *row* is what one voice of a measure prints on its staff, from left to right: its events, the signs of the
staff, and a left barline of its own. Edits change rows; onsets, lengths and measure rests follow from them,
and at the end carried accidentals and ties.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, count
from math import prod
from typing import NamedTuple, TypeVar

from focal_omr.editing.hearing import Hearing
from focal_omr.errors import EditError
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Part,
    Rest,
    Sign,
    Space,
    Tuplet,
    Voice,
)

__all__ = ["DEFAULT_CLEF", "Item", "PartRows", "Spot"]

DEFAULT_CLEF = Clef("G", 2)  # as `document.geometry` for a staff without a clef
_WHOLE = Duration(Fraction(1))
_ZERO = Fraction(0)

Item = Event | Sign | Barline
S = TypeVar("S", Clef, Key, Meter)


class Spot(NamedTuple):
    """A place in the row of a voice.

    Attributes:
        measure: Index of the measure in the part.
        voice: Number of the voice.
        staff: Number of its staff.
        at: Index of an item of the row, or of the gap before that item.
    """

    measure: int
    voice: int
    staff: int
    at: int


class PartRows:
    """The rows of one part.

    Args:
        part: The part; it stays as it is.

    Attributes:
        measures: The current measures.
        spanners: The current spanners.
        touched: Ids of the measures whose pitches and ties are to be found again.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.measures = list(part.measures)
        self.spanners = list(part.spanners)
        self.touched: set[str] = set()

    def finished(self) -> Part:
        """The edited part.

        Raises:
            EditError: A note is out of range.
        """
        while self.measures:
            last = self.measures[-1]
            if last.voices or last.signs or last.directions or last.left or last.right:
                break
            del self.measures[-1]
        indices = [index for index, measure in enumerate(self.measures) if measure.id in self.touched]
        measures = self.measures
        if indices:
            measures = Hearing(self.part.staves, measures).heard(indices[0], indices[-1])
        return replace(self.part, measures=tuple(measures), spanners=tuple(self.spanners))

    # Places ------------------------------------------------------------------------------------------------

    def find(self, id_: str) -> Spot:
        """The place of an event, a note, or a sign.

        Raises:
            EditError: The part has none of this id.
        """
        for number, measure in enumerate(self.measures):
            for voice in measure.voices:
                for event in voice.events:
                    if event.id == id_ or (
                        isinstance(event, Chord) and any(note.id == id_ for note in event.notes)
                    ):
                        spot = Spot(number, voice.number, event.staff, 0)
                        return spot._replace(at=self.row(spot).index(event))
            for sign in measure.signs:
                if sign.id == id_:
                    spot = self.opening(number, sign.staff or 1)
                    row = self.row(spot)
                    return spot._replace(at=next(i for i, item in enumerate(row) if item is sign))
        raise EditError(f"there is no event {id_!r}")

    def holds(self, id_: str) -> bool:
        """Whether the part has a measure, event, note or sign of an id."""
        return any(id_ in _ids(measure) for measure in self.measures)

    def find_measure(self, id_: str) -> int:
        """The index of a measure.

        Raises:
            EditError: The part has none of this id.
        """
        for number, measure in enumerate(self.measures):
            if measure.id == id_:
                return number
        raise EditError(f"there is no measure {id_!r}")

    def opening(self, measure: int, staff: int = 1) -> Spot:
        """The beginning of the first voice on a staff of a measure."""
        voices = (v.number for v in self.measures[measure].voices if any(e.staff == staff for e in v.events))
        return Spot(measure, next(voices, 1), staff, 0)

    def closing(self, measure: int) -> Spot:
        """The end of the first voice on the first staff of a measure."""
        spot = self.opening(measure)
        return spot._replace(at=len(self.row(spot)))

    def multirest(self, measure: int) -> range | None:
        """The measures of the multi-measure rest that a measure belongs to; None: it is none."""
        for first in range(measure, -1, -1):
            rest = self.measures[first].multirest
            if rest is not None:
                whole = range(first, min(first + rest.measures, len(self.measures)))
                return whole if measure in whole else None
            if not any(
                isinstance(e, Rest) and e.measure for v in self.measures[first].voices for e in v.events
            ):
                return None
        return None

    def new_id(self, like: str) -> str:
        """An id that nothing in the part has."""
        used = set(chain.from_iterable(_ids(measure) for measure in self.measures))
        return next(id_ for n in count(1) if (id_ := f"{like}.{n}") not in used)

    # Rows --------------------------------------------------------------------------------------------------

    def row(self, spot: Spot) -> list[Item]:
        """The row of a voice."""
        measure = self.measures[spot.measure]
        signs = sorted(
            (sign for sign in measure.signs if sign.staff in (None, spot.staff)), key=lambda sign: sign.onset
        )
        items: list[Item] = []
        onset, graces = _ZERO, 0
        for event in next((voice.events for voice in measure.voices if voice.number == spot.voice), ()):
            onset, graces = event.onset, graces if event.onset == onset else 0
            while signs and (signs[0].onset, signs[0].graces) <= (onset, graces):
                items.append(signs.pop(0))
            items.append(event)
            graces += isinstance(event, Chord) and event.grace is not None
        items += signs
        if measure.left is not None and measure.left_after is not None:
            items.insert(measure.left_after, measure.left)
        return items

    def put_row(self, spot: Spot, items: Sequence[Item]) -> None:
        """Replace the row of a voice.

        Args:
            spot: A place in it.
            items: The new row; onsets and lengths follow from durations and tuplets. Only signs stand before
                a left barline.
        """
        at = next((n for n, item in enumerate(items) if isinstance(item, Barline)), None)
        left = next((item for item in items if isinstance(item, Barline)), None)
        row = [item for item in items if not isinstance(item, Barline)]
        measure = self.measures[spot.measure]
        others = [voice for voice in measure.voices if voice.number != spot.voice]
        alone = not any(event.staff == spot.staff for voice in others for event in voice.events)
        events, signs = self._timed(spot, row, alone=alone)
        voices = [*others, *([Voice(spot.voice, tuple(events))] if events else [])]
        waiting, merged = list(signs), []  # those of other staves stay in their order
        for sign in measure.signs:
            if sign.staff not in (None, spot.staff):
                merged.append(sign)
            elif waiting:
                merged.append(waiting.pop(0))
        self.measures[spot.measure] = replace(
            measure,
            voices=tuple(sorted(voices, key=lambda voice: voice.number)),
            signs=(*merged, *waiting),
            left=measure.left if measure.left_after is None else left,
            left_after=at,
        )
        self.touched.add(measure.id)

    def _timed(
        self, spot: Spot, items: Sequence[Event | Sign], *, alone: bool
    ) -> tuple[list[Event], list[Sign]]:
        """Events and signs of a row with their times; signs stay beside other voices, if there are any."""
        single = sum(not isinstance(item, Sign) for item in items) == 1
        starts = {t.start: t for t in self.spanners if isinstance(t, Tuplet)}
        events: list[Event] = []
        signs: list[Sign] = []
        open_: list[Tuplet] = []
        onset, graces = _ZERO, 0
        for item in items:
            if isinstance(item, Sign):
                moved = alone or item not in self.measures[spot.measure].signs
                signs.append(replace(item, onset=onset, graces=graces) if moved else item)
                continue
            if item.id in starts:
                open_.append(starts[item.id])
            event: Event = item
            if isinstance(item, Rest):
                event = self._filling(spot.measure, item) if single else replace(item, measure=False)
            if not isinstance(event, Space) and not (isinstance(event, Rest) and event.measure):
                grace = isinstance(event, Chord) and event.grace is not None
                ratio = prod((Fraction(t.normal, t.actual) for t in open_), start=Fraction(1))
                event = replace(event, length=_ZERO if grace else event.duration.length * ratio)
            events.append(event if event.onset == onset else replace(event, onset=onset))
            open_ = [tuplet for tuplet in open_ if tuplet.end != item.id]
            graces = graces + 1 if isinstance(item, Chord) and item.grace else 0
            onset += event.length
        return events, signs

    def _filling(self, measure: int, rest: Rest) -> Rest:
        """A rest that is alone in its voice: a whole rest fills a measure in which two have no room."""
        meter = self.meter(measure)
        length = meter.length if meter else None
        if rest.measure and (self.measures[measure].multirest or length is None):
            return rest
        fills = rest.duration == _WHOLE and length is not None and length < 2
        return (
            replace(rest, measure=fills, length=length) if fills and length else replace(rest, measure=False)
        )

    # Signs in force ----------------------------------------------------------------------------------------

    def clef(self, spot: Spot) -> Clef:
        """The clef in force at a place."""
        return self._in_force(Clef, spot) or DEFAULT_CLEF

    def key(self, spot: Spot) -> Key:
        """The key signature in force at a place."""
        return self._in_force(Key, spot) or Key(0)

    def meter(self, measure: int) -> Meter | None:
        """The meter in force at the beginning of a measure."""
        signs = [sign.value for sign in self.measures[measure].signs if sign.onset == 0]
        own = [value for value in signs if isinstance(value, Meter)]
        return own[-1] if own else self._in_force(Meter, Spot(measure, 1, 1, 0))

    def _in_force(self, kind: type[S], spot: Spot) -> S | None:
        row = self.row(spot)[: spot.at]
        values = [item.value for item in row if isinstance(item, Sign) and isinstance(item.value, kind)]
        measure = spot.measure
        while not values and measure > 0:
            measure -= 1
            signs = sorted(self.measures[measure].signs, key=lambda sign: sign.onset)
            values = [s.value for s in signs if isinstance(s.value, kind) and s.staff in (None, spot.staff)]
        return values[-1] if values else None

    def touch(self, measure: int) -> None:
        """Find the pitches and ties of a measure again when the edit is finished."""
        self.touched.add(self.measures[measure].id)


def _ids(measure: Measure) -> Iterator[str]:
    yield measure.id
    yield from (sign.id for sign in measure.signs)
    for voice in measure.voices:
        for event in voice.events:
            yield event.id
            yield from (note.id for note in event.notes) if isinstance(event, Chord) else ()
