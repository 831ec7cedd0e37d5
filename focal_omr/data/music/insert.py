"""Insertion of symbols into an existing staff; its measures keep their length wherever possible."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import TypeGuard

from focal_omr.data.music.clefs import HIGHEST_POSITION, LOWEST_POSITION
from focal_omr.data.music.slots import SHORTEST, MeasureSlots, Slot, fill_count, plain_values, windows
from focal_omr.data.music.ties import drop_dangling_ties
from focal_omr.encodings.semantic import TUPLET_NORMAL, note_token, parse_barline, parse_sign
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.score.accidentals import sound_accidentals
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
)

_MAX_FILLED = Fraction(4)  # longest measure that is filled; longer ones get one symbol
_TUPLET_VALUES = ("eighth", "sixteenth", "quarter")


@dataclass
class SymbolInserter:
    """A staff of one clef into which symbols are inserted one by one.

    Insert keys and meters first: a key that changes under a note changes the symbol of the note.

    Attributes:
        part: The staff.
        random: Random generator.
        measures: Its current measures.
        clef: Its clef.
    """

    part: Part
    random: Random
    measures: list[MeasureSlots] = field(init=False)
    clef: Clef = field(init=False)

    def __post_init__(self) -> None:
        self.measures = [
            MeasureSlots([Slot(event) for event in m.events], m.barline) for m in self.part.measures
        ]
        first = self.part.measures[0].events[0]
        self.clef = first if isinstance(first, Clef) else Clef("G", 2)

    def score(self) -> Score:
        """Return the current staff."""
        measures = [Measure(tuple(slot.event for slot in m.slots), m.barline) for m in self.measures]
        return Score((sound_accidentals(Part(drop_dangling_ties(measures), self.part.name)),))

    @property
    def size(self) -> int:
        """Approximate number of symbols."""
        return sum(len(measure.slots) + 1 for measure in self.measures)

    def insert(self, symbol: str) -> bool:
        """Insert a semantic symbol; False if it has no place."""
        if kind := parse_barline(symbol):
            measures = self.measures[:-1] if kind == "repeat_start" else self.measures
            free = [m for m in measures if not m.pinned and m.barline is not None]
            if not free:
                return False
            last = self.measures[-1]
            measure = last if kind == "final" and last in free else self.random.choice(free)
            measure.barline, measure.pinned = kind, True
            return True
        if symbol.startswith("tuplet-"):
            actual = 3 if symbol == "tuplet-end" else int(symbol.removeprefix("tuplet-"))
            normal, value = TUPLET_NORMAL[actual], self.random.choice(_TUPLET_VALUES)
            near = self.clef.lowest_line + self.random.randint(0, 8)
            # Only unaltered notes, which have symbols in every key.
            fillers = [self._filler(value, near, self._key_at(self.measures[0])) for _ in range(actual)]
            notes = tuple(event for event in fillers if isinstance(event, Note | Rest))
            return self._replace_timed(Tuplet(actual, normal, notes), NOTE_VALUES[value] * normal)
        match sign := parse_sign(symbol):
            case Note(grace=True):
                return self._insert_grace(sign)
            case Note() | Rest():
                return self._replace_timed(sign, sign.duration.length)
            case Clef():
                return sign == self.clef
            case Key():
                return self._insert_key(sign)
            case Meter():
                return self._insert_meter(sign)
            case MultiRest():
                self._insert_measure(self._random_place(), [Slot(sign, pinned=True)])
                return True
        return self._tie() if symbol == "tie" else symbol == "accidental" and self._add_reminder()

    # Notes and rests ----------------------------------------------------------------------------------------

    def _replace_timed(self, event: Note | Rest | Tuplet, length: Fraction) -> bool:
        """Replace events of at least this length by `event` and filler notes.

        Without such events, a new measure holds it, filled to the meter's length if few notes suffice.
        """
        slot_windows = list(windows(self.measures, length))
        middle = event.pitch.diatonic if isinstance(event, Note) else self.clef.lowest_line + 4
        if not slot_windows:
            place = self._random_place()
            meter, key = self._meter_before(place), self._key_at(self.measures[place - 1])
            excess = max(Fraction(0), meter.length - length if meter else Fraction(0))
            if fill_count(excess) > 4:
                excess = Fraction(0)
            fillers = self._fillers(excess, middle, key)
            self._insert_measure(
                place, [Slot(_with_accidental(event, key), pinned=True), *map(Slot, fillers)]
            )
            return True
        least = min(window.fill_count for window in slot_windows)
        window = self.random.choice([window for window in slot_windows if window.fill_count == least])
        key = self._key_at(window.measure, window.start)
        first = window.measure.slots[window.start].event
        near = first.pitch.diatonic if isinstance(first, Note) else middle
        fillers = self._fillers(window.excess, near, key)
        slot = Slot(_with_accidental(event, key), pinned=True)
        window.measure.slots[window.start : window.end] = [slot, *map(Slot, fillers)]
        return True

    def _fillers(self, length: Fraction, near: int, key: Key) -> list[Event]:
        """Return notes, or else rests, of increasing values that add up to a length, around a pitch."""
        values = sorted(plain_values(length), key=NOTE_VALUES.__getitem__)
        return [self._filler(value, near, key) for value in values]

    def _filler(self, value: str, near: int, key: Key) -> Event:
        lowest = self.clef.lowest_line
        for _ in range(4):
            position = near + self.random.choice((-2, -1, -1, 0, 1, 1, 2)) - lowest
            diatonic = lowest + min(max(position, LOWEST_POSITION + 2), HIGHEST_POSITION - 2)
            step = STEPS[diatonic % 7]
            note = Note(Pitch(step, diatonic // 7, key.alter(step)), Duration(value))
            if note_token(note) in full_semantic():
                return note
        return Rest(Duration(value))

    def _insert_grace(self, note: Note) -> bool:
        places = [
            (measure, index)
            for measure in self.measures
            for index, slot in enumerate(measure.slots)
            if _is_full_note(slot.event)
        ]
        if not places:
            return False
        measure, index = self.random.choice(places)
        grace = Slot(_with_accidental(note, self._key_at(measure, index)), pinned=True)
        measure.slots.insert(index, grace)
        return True

    def _tie(self) -> bool:
        """Give two adjacent notes one pitch and tie them."""
        for measure in self.random.sample(self.measures, len(self.measures)):
            for one, two in zip(measure.slots, measure.slots[1:], strict=False):
                first, second = one.event, two.event
                if _is_full_note(first) and _is_full_note(second) and not two.pinned:
                    one.event = replace(first, tie=True)
                    two.event = replace(second, pitch=first.pitch, accidental=None)
                    one.pinned = two.pinned = True
                    return True
        return False

    def _add_reminder(self) -> bool:
        """Print an accidental that the key signature already implies."""
        for measure in self.random.sample(self.measures, len(self.measures)):
            for index, slot in enumerate(measure.slots):
                if isinstance(slot.event, Note) and not slot.pinned and slot.event.accidental is None:
                    alter = self._key_at(measure, index).alter(slot.event.pitch.step)
                    slot.event = replace(slot.event, accidental=alter)
                    slot.pinned = True
                    return True
        return False

    # Signatures and measures --------------------------------------------------------------------------------

    def _insert_key(self, key: Key) -> bool:
        """Replace the first key signature, or insert a change: naturals are only printed after another."""
        first = self.measures[0].slots
        place = next((i for i, slot in enumerate(first) if isinstance(slot.event, Key)), None)
        if not key.fifths:
            if len(self.measures) < 2:
                return False
            if place is None:
                first.insert(1, Slot(Key(self.random.choice((-3, -2, -1, 1, 2, 3)))))
            self._put_at_start(self.measures[self.random.randrange(1, len(self.measures))], key)
        elif place is None:
            first.insert(1, Slot(key, pinned=True))
        else:
            first[place] = Slot(key, pinned=True)
        return True

    def _put_at_start(self, measure: MeasureSlots, sign: Key | Meter) -> None:
        """Put a signature at the start of a measure, in the order key, meter; it replaces one of its kind."""
        lead = 0
        while lead < len(measure.slots) and isinstance(measure.slots[lead].event, Clef | Key | Meter):
            lead += 1
        signs = [slot for slot in measure.slots[:lead] if not isinstance(slot.event, type(sign))]
        signs.append(Slot(sign, pinned=True))
        signs.sort(key=lambda slot: (Clef, Key, Meter).index(type(slot.event)))
        measure.slots[:lead] = signs

    def _insert_meter(self, meter: Meter) -> bool:
        """Change the first meter to one of the same length, or insert a measure in another meter.

        After that measure the previous meter is restored.
        """
        first = [slot for slot in self.measures[0].slots if isinstance(slot.event, Meter)]
        if first and isinstance(first[0].event, Meter) and first[0].event.length == meter.length:
            first[0].event, first[0].pinned = meter, True
            return True
        place = self._random_place() if first else len(self.measures)
        before = self._meter_before(place)
        if before and place < len(self.measures):
            self._put_at_start(self.measures[place], before)
        key = self._key_at(self.measures[place - 1])
        # Plain notes fill the measure, or a whole note's length if no values add up to it (2/3).
        length = meter.length
        if length > _MAX_FILLED or SHORTEST % length.denominator:
            length = Fraction(1)
        beat = Fraction(1, meter.unit) if meter.unit in (1, 2, 4, 8, 16) else Fraction(1, 4)
        beat = max(beat, length / 16)
        near = self.clef.lowest_line + self.random.randint(0, 8)
        events: list[Event] = []
        while length > 0:
            span = min(self.random.choice((beat, beat, 2 * beat)), length)
            events += self._fillers(span, near, key)
            length -= span
        self._insert_measure(place, [Slot(meter, pinned=True), *map(Slot, events)])
        return True

    def _random_place(self) -> int:
        """Draw an index for a new measure, after the first one."""
        return self.random.randint(1, len(self.measures))

    def _insert_measure(self, place: int, slots: list[Slot]) -> None:
        measure = MeasureSlots(slots, "single")
        if place == len(self.measures) and self.measures[-1].barline is None:
            self.measures[-1].barline, measure.barline = "single", None
        self.measures.insert(place, measure)

    def _events_until(self, measure: MeasureSlots, index: int | None = None) -> Iterator[Event]:
        for each in self.measures:
            slots = each.slots[:index] if each is measure else each.slots
            yield from (slot.event for slot in slots)
            if each is measure:
                return

    def _key_at(self, measure: MeasureSlots, index: int | None = None) -> Key:
        """Return the key at an event of a measure, or at the end of the measure."""
        keys = [event for event in self._events_until(measure, index) if isinstance(event, Key)]
        return keys[-1] if keys else Key(0)

    def _meter_before(self, place: int) -> Meter | None:
        """Return the meter before the measure at an index."""
        meters = [e for e in self._events_until(self.measures[place - 1]) if isinstance(e, Meter)]
        return meters[-1] if meters else None


def _is_full_note(event: Event) -> TypeGuard[Note]:
    return isinstance(event, Note) and not event.grace


def _with_accidental(event: Event, key: Key) -> Event:
    """Return the event; for a note, with the accidental of its pitch printed unless the key implies it."""
    if not isinstance(event, Note) or event.pitch.alter == key.alter(event.pitch.step):
        return event
    return replace(event, accidental=event.pitch.alter)
