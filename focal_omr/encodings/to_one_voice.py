"""Whole scores as one-voice scores: what a single voice can say, and an account of the rest."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import prod
from typing import Any, cast

from focal_omr.encodings.left_out import LeftOut
from focal_omr.encodings.one_voice import ACCIDENTAL_NAMES, BEAM_PARTS, METER_SYMBOLS, NO_BARLINE
from focal_omr.errors import NotationError
from focal_omr.score import records
from focal_omr.score.bounds import check_bounds
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Duration,
    Ending,
    Event,
    Fermata,
    Glissando,
    Hairpin,
    Key,
    Measure,
    Meter,
    Ottava,
    Part,
    Pedal,
    Pitch,
    Rest,
    Score,
    Sign,
    Space,
    Spanner,
    Tremolo,
    Tuplet,
)

__all__ = ["from_score"]

_VALUE_NAMES = {value: name for name, value in records.NOTE_VALUES.items()}
_ALTERS = {name: alter for alter, name in ACCIDENTAL_NAMES.items()} | {
    **{"sharp-sharp": 2, "double-flat": -2, "natural-sharp": 1, "natural-flat": -1},
}
_BEAM_PLACES = {part: place for place, part in BEAM_PARTS.items()}
_SYMBOLS = {name: symbol for symbol, name in METER_SYMBOLS.items()}
_MAX_ALTER = 2
_ZERO = Fraction(0)


def from_score(
    score: Score, *, part: int | None = None, staff: int | None = None
) -> tuple[records.Score, tuple[str, ...]]:
    """The one-voice score of a whole score.

    Each staff becomes a part with the first voice of each measure that has notes or rests on it. Of a chord
    the highest note is kept. What has no pitch, stands on another staff or is small becomes a rest.

    Args:
        score: The whole score.
        part: Number of the only part to take, from 1; None: all.
        staff: Number of the only staff of each part to take, from 1; None: all.

    Returns:
        The score, and one phrase for each kind of thing that is left out: how many, and where the first one
        is. Details of engraving (stems, positions of rests, printed numbers) are not mentioned.

    Raises:
        NotationError: No such part or staff, or an event that one voice cannot say even without its marks: a
            value shorter than a 128th, a triple sharp.
    """
    if part is not None and not 1 <= part <= len(score.parts):
        raise NotationError(f"part {part} of a score of {len(score.parts)} parts")
    found = LeftOut()
    parts = []
    for number, each in enumerate(score.parts, 1):
        if part is not None and number != part:
            continue
        if staff is not None and not 1 <= staff <= each.staves:
            raise NotationError(f"staff {staff} of a part of {each.staves} staves")
        found.part = f"part {number}" if len(score.parts) > 1 and part is None else ""
        for one in range(1, each.staves + 1) if staff is None else (staff,):
            parts.append(_StaffReader(each, one, found).read())
    check_bounds(*parts)
    return records.Score(tuple(parts), score.title), found.phrases()


@dataclass(frozen=True, slots=True)
class _Item:
    """An event as a record, its onset, and the tuplets that it is in, from the outer one on."""

    event: records.Event
    onset: Fraction
    tuplets: tuple[Tuplet, ...] = ()


class _StaffReader:
    """Reads one staff of a part."""

    def __init__(self, part: Part, staff: int, found: LeftOut) -> None:
        self.part, self.staff, self.found = part, staff, found
        self.meter: records.Meter | None = None
        self.tuplets = _tuplets_of(part)
        self.numbers = {measure.id: measure.number for measure in part.measures}
        self.places: dict[str, str] = {}  # measure numbers of the events and notes that are kept
        self.measures: list[records.Measure] = []
        self.pending: list[records.Event] = []  # of measures that go on without a barline
        self.broken: records.Break | None = None

    def read(self) -> records.Part:
        """The part of this staff."""
        measures = self.part.measures
        index = 0
        while index < len(measures):
            index = self._measure(index)
        if self.pending:
            self._close(None)
        for spanner in self.part.spanners:
            self._leave_spanner(spanner)
        return records.Part(tuple(self.measures), self.part.name)

    def _measure(self, index: int) -> int:
        """Read a measure, or the measures of a multi-measure rest; returns the index of the next one."""
        measure = self.part.measures[index]
        following = index + 1
        self._leave_contents(measure)
        signs = [(sign, converted) for sign in measure.signs if (converted := self._sign(sign, measure))]
        self.meter = next(
            (
                event
                for sign, event in reversed(signs)
                if sign.onset == 0 and isinstance(event, records.Meter)
            ),
            self.meter,
        )
        items = list(self._items(measure))
        if measure.multirest is not None:
            count = 1
            while count < measure.multirest.measures and self._is_silent(following):
                count, following = count + 1, following + 1
            items = [_Item(records.MultiRest(count), _ZERO)]
            for sign in self.part.measures[following - 1].signs if following - 1 > index else ():
                if converted := self._sign(sign, self.part.measures[following - 1]):
                    signs.append((sign, converted))
        events = list(self._merged(items, signs, measure))
        self.meter = next(
            (event for _, event in reversed(signs) if isinstance(event, records.Meter)), self.meter
        )
        if not self.pending and self.broken is None:
            self.broken = measure.break_before
        if measure.left is not None and measure.left.repeat == "forward":
            events = self._open_repeat(measure, events, first=index == 0)
        self.pending += events
        last = self.part.measures[following - 1]
        after = self.part.measures[following] if following < len(self.part.measures) else None
        kind = self._barline(last, after)
        if last.right != NO_BARLINE or kind == "repeat_start" or after is None:
            self._close(kind)
        return following

    def _close(self, barline: records.BarlineKind | None) -> None:
        self.measures.append(records.Measure(tuple(self.pending), barline, self.broken))
        self.pending, self.broken = [], None

    def _open_repeat(
        self, measure: Measure, events: list[records.Event], *, first: bool
    ) -> list[records.Event]:
        """Puts the signs before a left repeat sign into a measure of their own; returns what is left."""
        count = measure.left_after
        if count is None and first:
            leads = (n for n, event in enumerate(events) if not isinstance(event, _SIGNS))
            count = next(leads, len(events))
        if count is None:
            return events
        self.pending += events[:count]
        self._close("repeat_start")
        return events[count:]

    def _is_silent(self, index: int) -> bool:
        """Whether a measure can belong to the multi-measure rest before it."""
        if index >= len(self.part.measures):
            return False
        measure, before = self.part.measures[index], self.part.measures[index - 1]
        events = [event for voice in measure.voices for event in voice.events if event.staff == self.staff]
        silent = all(
            isinstance(event, Space) or (isinstance(event, Rest) and event.measure) for event in events
        )
        at_start = any(sign.onset == 0 and sign.staff in (None, self.staff) for sign in measure.signs)
        closed = measure.left is not None or before.right != Barline() or measure.break_before is not None
        return silent and measure.multirest is None and not at_start and not closed

    # Events ------------------------------------------------------------------------------------------------

    def _items(self, measure: Measure) -> Iterator[_Item]:
        """The events of the first voice with notes or rests on the staff; the others are left out."""
        own = [
            voice
            for voice in measure.voices
            if any(event.staff == self.staff and not isinstance(event, Space) for event in voice.events)
        ]
        for voice in own[1:]:
            self.found.add(f"voice {voice.number}", f"voice {voice.number}", measure.number)
        if not own:
            if self.part.staves > 1 and measure.length:
                rest = Rest(id="", onset=_ZERO, duration=Duration(Fraction(1)), length=measure.length)
                yield from self._rests(replace(rest, measure=True), ())
            return
        for event in own[0].events:
            tuplets = self.tuplets.get(event.id, ())
            if isinstance(event, Space):
                yield from self._rests(event, tuplets)
            elif event.staff != self.staff:
                self.found.add("event on another staff", "events on another staff", measure.number)
                if event.length:
                    yield from self._rests(event, tuplets)
            else:
                self.places[event.id] = measure.number
                for mark in event.marks:
                    if not isinstance(mark, Fermata):
                        self.found.add_record(mark, measure.number)
                if isinstance(event, Chord):
                    yield from self._chord(event, tuplets, measure)
                else:
                    yield from self._rests(event, tuplets)

    def _chord(self, chord: Chord, tuplets: tuple[Tuplet, ...], measure: Measure) -> Iterator[_Item]:
        for _ in chord.notes[1:]:
            self.found.add("chord note", "chord notes", measure.number)
        note = chord.notes[-1] if chord.notes else None
        if note is None or not isinstance(note.pitch, Pitch) or chord.cue:
            kind = "cue note" if chord.cue else "unpitched note"
            self.found.add(kind, f"{kind}s", measure.number)
            if chord.length:
                yield from self._rests(chord, tuplets)
            return
        self.places[note.id] = measure.number
        if abs(note.pitch.alter) > _MAX_ALTER:
            raise NotationError(f"measure {measure.number}: a note altered by {note.pitch.alter} semitones")
        if note.accidental is not None and (note.accidental not in _ALTERS or note.enclosed):
            self.found.add("special accidental", "special accidentals", measure.number)
        if note.head != "normal":
            self.found.add("note head", "note heads", measure.number)
        between = any(isinstance(mark, Tremolo) and mark.between for mark in chord.marks)
        value = chord.duration.value / 2 if between else chord.duration.value
        if value not in _VALUE_NAMES:
            known = f"one voice has {min(_VALUE_NAMES)} to {max(_VALUE_NAMES)}"
            raise NotationError(f"measure {measure.number}: a note value of {value}; {known}")
        event = records.Note(
            note.pitch,
            records.Duration(_VALUE_NAMES[value], chord.duration.dots),
            accidental=_ALTERS.get(note.accidental or ""),
            tie=note.tie_to is not None,
            grace=chord.grace is not None,
            fermata=_has_fermata(chord),
            beam=_BEAM_PLACES.get(chord.beams[0]) if chord.beams else None,
        )
        yield _Item(event, chord.onset, tuplets)

    def _rests(self, event: Event, tuplets: tuple[Tuplet, ...]) -> Iterator[_Item]:
        """A rest, or rests in place of an event that is left out."""
        fermata = isinstance(event, Rest) and _has_fermata(event)
        fills = isinstance(event, Rest) and event.measure
        plain = isinstance(event, Rest) and not fills and event.duration.value in _VALUE_NAMES
        if fills and self.meter is not None and self.meter.length < 2:
            rests: tuple[records.Event, ...] = (records.Rest(records.Duration("whole")),)
        elif plain and isinstance(event, Rest):
            name = _VALUE_NAMES[event.duration.value]
            rests = (records.Rest(records.Duration(name, event.duration.dots)),)
        else:
            ratios = (Fraction(tuplet.normal, tuplet.actual) for tuplet in tuplets)
            rests = tuple(_rests_of(event.length / prod(ratios, start=Fraction(1))))
        for number, rest in enumerate(rests):
            if fermata and number == 0 and isinstance(rest, records.Rest):
                rest = replace(rest, fermata=True)
            yield _Item(rest, event.onset, tuplets)

    def _merged(
        self, items: Sequence[_Item], signs: Sequence[tuple[Sign, records.Event]], measure: Measure
    ) -> Iterator[records.Event]:
        """Events and signs in printed order, tuplets grouped; a sign inside a tuplet goes before it."""
        # A stable sort, which keeps the printed order at one onset.
        waiting = deque(sorted(signs, key=lambda pair: pair[0].onset))
        graces: dict[Fraction, int] = {}
        for tuplets, group in groupby(items, key=lambda item: item.tuplets):
            inside: list[records.Event] = []
            for item in group:
                before = graces.get(item.onset, 0)
                small = records.is_grace(item.event)
                while waiting and (
                    waiting[0][0].onset < item.onset
                    or (waiting[0][0].onset == item.onset and (not small or waiting[0][0].graces <= before))
                ):
                    if inside and tuplets:
                        self.found.add("sign inside a tuplet", "signs inside tuplets", measure.number)
                    yield waiting.popleft()[1]
                graces[item.onset] = before + small
                if not tuplets or isinstance(item.event, records.Tuplet):
                    yield item.event
                else:
                    inside.append(item.event)
            if inside:
                if len(tuplets) > 1:
                    self.found.add("nested tuplet", "nested tuplets", measure.number)
                actual, normal = 1, 1
                for tuplet in tuplets:
                    actual, normal = actual * tuplet.actual, normal * tuplet.normal
                yield records.Tuplet(actual, normal, tuple(cast("Any", inside)))
        yield from (event for _, event in waiting)

    # Signs and barlines ------------------------------------------------------------------------------------

    def _sign(self, sign: Sign, measure: Measure) -> records.Clef | records.Key | records.Meter | None:
        """The record of a sign of this staff; None if it has none."""
        value = sign.value
        if sign.staff not in (None, self.staff):
            return None
        match value:
            case Clef():
                if value.octave:
                    self.found.add("octave of a clef", "octaves of clefs", measure.number)
                if value.shape not in ("G", "F", "C"):
                    self.found.add(f"{value.shape} clef", f"{value.shape} clefs", measure.number)
                    return None
                return records.Clef(value.shape, value.line)
            case Key():
                if value.cancel is not None:
                    self.found.add("cancelled key", "cancelled keys", measure.number)
                return records.Key(value.fifths)
            case Meter():
                return self._meter(value, measure)
        self.found.add_record(value, measure.number)
        return None

    def _meter(self, meter: Meter, measure: Measure) -> records.Meter | None:
        length = meter.length
        if length is None:
            self.found.add("sign of no meter", "signs of no meter", measure.number)
            return None
        if len(meter.terms) != 1 or len(meter.terms[0][0]) != 1 or meter.symbol == "single-number":
            self.found.add("form of a meter", "forms of meters", measure.number)
        unit = max(unit for _, unit in meter.terms)
        beats = length * unit
        if beats.denominator != 1:
            unit, beats = length.denominator, Fraction(length.numerator)
        symbol = _SYMBOLS.get(meter.symbol or "")
        return records.Meter(int(beats), unit, cast("Any", symbol))

    def _barline(self, measure: Measure, following: Measure | None) -> records.BarlineKind | None:
        """The barline between two measures; None: none is printed."""
        right, left = measure.right, following.left if following else None
        opens = bool(left and left.repeat == "forward" and following and following.left_after is None)
        for barline in (*([right] if right else []), *(each for _, each in measure.barlines)):
            if barline.style not in _KNOWN_STYLES:
                self.found.add(f"{barline.style} barline", f"{barline.style} barlines", measure.number)
        if measure.barlines:
            self.found.add("barline inside a measure", "barlines inside measures", measure.number)
        if right is not None and right.repeat == "backward":
            return "repeat_both" if opens or right.style == "heavy-heavy" else "repeat_end"
        if opens or (right is not None and right.repeat == "forward"):
            return "repeat_start"
        if right is None or right == NO_BARLINE:
            return None
        style = (
            left.style if left is not None and right.style == "regular" and not left.repeat else right.style
        )
        return {"light-light": "double", "light-heavy": "final"}.get(style, "single")  # type: ignore[return-value]

    # What is left out --------------------------------------------------------------------------------------

    def _leave_contents(self, measure: Measure) -> None:
        for direction in measure.directions:
            if direction.staff == self.staff:
                self.found.add_record(direction.value, measure.number)
        if any(staff == self.staff for staff, _ in measure.repeats):
            self.found.add("measure-repeat sign", "measure-repeat signs", measure.number)
        if any(each.staff == self.staff for each in measure.unread):
            self.found.add("unread bar", "unread bars", measure.number)

    def _leave_spanner(self, spanner: Spanner) -> None:
        """Count a spanner that begins on this staff in the voice that is kept."""
        if isinstance(spanner, Tuplet):
            return
        number: str | None
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            number = (
                self.numbers.get(spanner.start.measure, "") if spanner.start.staff == self.staff else None
            )
        elif isinstance(spanner, Ending):
            number = self.numbers.get(spanner.start, "")
        elif isinstance(spanner, Glissando):
            number = self.places.get(spanner.start)
        else:
            number = self.places.get(spanner.start or spanner.end or "")
        if number is not None:
            self.found.add_record(spanner, number)


# Leaves ----------------------------------------------------------------------------------------------------


_SIGNS = (records.Clef, records.Key, records.Meter)
_KNOWN_STYLES = ("regular", "light-light", "light-heavy", "heavy-light", "heavy-heavy", "none")


def _tuplets_of(part: Part) -> dict[str, tuple[Tuplet, ...]]:
    """For each event in tuplets, those that it is in, from the longest one on."""
    own = [voice.events for measure in part.measures for voice in measure.voices]
    voices = {event.id: events for events in own for event in events}
    places = {event.id: index for events in own for index, event in enumerate(events)}
    found: dict[str, list[Tuplet]] = {}
    for tuplet in (spanner for spanner in part.spanners if isinstance(spanner, Tuplet)):
        if voices.get(tuplet.start) is not voices.get(tuplet.end) or tuplet.start not in places:
            continue
        for event in voices[tuplet.start][places[tuplet.start] : places[tuplet.end] + 1]:
            found.setdefault(event.id, []).append(tuplet)
    size = {id(t): places[t.end] - places[t.start] for each in found.values() for t in each}
    return {id_: tuple(sorted(each, key=lambda t: -size[id(t)])) for id_, each in found.items()}


def _has_fermata(event: Chord | Rest) -> bool:
    return any(isinstance(mark, Fermata) for mark in event.marks)


def _rests_of(length: Fraction) -> Iterator[records.Rest | records.Tuplet]:
    """Rests that last so long together.

    Raises:
        NotationError: A length that is no sum of note values, with or without one tuplet.
    """
    odd = length.denominator
    while odd % 2 == 0:
        odd //= 2
    if odd > 1:
        normal = 1 << (odd.bit_length() - 1)
        inner = tuple(_rests_of(length * odd / normal))
        yield records.Tuplet(odd, normal, cast("Any", inner))
        return
    left = length
    for name, value in records.NOTE_VALUES.items():
        while value <= left:
            dots = next((n for n in (2, 1) if value * (2 - Fraction(1, 2**n)) <= left), 0)
            rest = records.Rest(records.Duration(name, dots))
            left -= rest.duration.length
            yield rest
    if left:
        raise NotationError(f"a silence of {length} whole notes; rests of one voice are 1/128 or longer")
