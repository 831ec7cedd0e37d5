"""Symbols put into a staff that is there, its bars kept as long as they are wherever that can be."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import TypeGuard

from focal_omr.data.music.clefs import HIGHEST_POSITION, LOWEST_POSITION
from focal_omr.data.music.slots import SHORTEST, Bar, Slot, fill_count, plain_values, windows
from focal_omr.data.music.ties import drop_dangling_ties
from focal_omr.encodings.semantic import TUPLET_NORMAL, note_token, parse_barline, parse_sign
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.score.accidentals import sound_accidentals
from focal_omr.score.records import (
    NOTE_VALUES,
    STEPS,
    BarlineKind,
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

_LONGEST_BAR = Fraction(4)  # that is filled; longer ones are left with one symbol
_TUPLET_VALUES = ("eighth", "sixteenth", "quarter")


@dataclass
class Staff:
    """A staff of one clef into which symbols are put one after the other.

    Signs go in first: a key that changes under a note changes what its symbol is.
    """

    part: Part
    random: Random
    bars: list[Bar] = field(init=False)
    clef: Clef = field(init=False)

    def __post_init__(self) -> None:
        self.bars = [Bar([Slot(event) for event in m.events], m.barline) for m in self.part.measures]
        first = self.part.measures[0].events[0]
        self.clef = first if isinstance(first, Clef) else Clef("G", 2)

    def score(self) -> Score:
        """The staff as it is now."""
        measures = [Measure(tuple(slot.event for slot in bar.slots), bar.barline) for bar in self.bars]
        return Score((sound_accidentals(Part(drop_dangling_ties(measures), self.part.name)),))

    @property
    def size(self) -> int:
        """About how many symbols it has."""
        return sum(len(bar.slots) + 1 for bar in self.bars)

    def insert(self, symbol: str) -> bool:
        """Put a semantic symbol in; False where it has no place."""
        if kind := parse_barline(symbol):
            return self._barline(kind)
        if symbol.startswith("tuplet-"):
            return self._tuplet(3 if symbol == "tuplet-end" else int(symbol.removeprefix("tuplet-")))
        match sign := parse_sign(symbol):
            case Note(grace=True):
                return self._grace(sign)
            case Note() | Rest():
                return self._timed(sign, sign.duration.length)
            case Clef():
                return sign == self.clef
            case Key():
                return self._key(sign)
            case Meter():
                return self._meter(sign)
            case MultiRest():
                self._new_bar(self._any_bar(), [Slot(sign, kept=True)])
                return True
        return self._tie() if symbol == "tie" else symbol == "accidental" and self._reminder()

    # Notes and rests ----------------------------------------------------------------------------------------

    def _timed(self, event: Note | Rest | Tuplet, length: Fraction) -> bool:
        """Put something that takes time in the place of what takes as long, or of more, and fill that up."""
        found = list(windows(self.bars, length))
        if not found:
            return self._bar_for(event, length)
        least = min(window.fill_count for window in found)
        window = self.random.choice([window for window in found if window.fill_count == least])
        key = self._key_at(window.bar, window.start)
        first = window.bar.slots[window.start].event
        near = first.pitch.diatonic if isinstance(first, Note) else self._middle(event)
        fillers = self._fillers(window.left_over, near, key)
        slot = Slot(_marked(event, key), kept=True)
        window.bar.slots[window.start : window.end] = [slot, *map(Slot, fillers)]
        return True

    def _bar_for(self, event: Note | Rest | Tuplet, length: Fraction) -> bool:
        """A new bar of what no bar has room for; as long as the meter says, or longer."""
        place = self._any_bar()
        meter, key = self._meter_at(place), self._key_at(self.bars[place - 1])
        left_over = max(Fraction(0), meter.length - length if meter else Fraction(0))
        if fill_count(left_over) > 4:
            left_over = Fraction(0)
        fillers = self._fillers(left_over, self._middle(event), key)
        self._new_bar(place, [Slot(_marked(event, key), kept=True), *map(Slot, fillers)])
        return True

    def _middle(self, event: Event) -> int:
        return event.pitch.diatonic if isinstance(event, Note) else self.clef.lowest_line + 4

    def _fillers(self, length: Fraction, near: int, key: Key) -> list[Event]:
        """Notes of rising values that take so long together, around a pitch; else rests."""
        return [
            self._filler(value, near, key)
            for value in sorted(plain_values(length), key=NOTE_VALUES.__getitem__)
        ]

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

    def _grace(self, note: Note) -> bool:
        places = [
            (bar, index)
            for bar in self.bars
            for index, slot in enumerate(bar.slots)
            if isinstance(slot.event, Note) and not slot.event.grace
        ]
        if not places:
            return False
        bar, index = self.random.choice(places)
        bar.slots.insert(index, Slot(_marked(note, self._key_at(bar, index)), kept=True))
        return True

    def _tuplet(self, actual: int) -> bool:
        normal = TUPLET_NORMAL[actual]
        value = self.random.choice(_TUPLET_VALUES)
        near = self.clef.lowest_line + self.random.randint(0, 8)
        # All notes of the plain scale, so that they have symbols whatever the key is.
        fillers = [self._filler(value, near, self._key_at(self.bars[0])) for _ in range(actual)]
        notes = tuple(event for event in fillers if isinstance(event, Note | Rest))
        return self._timed(Tuplet(actual, normal, notes), NOTE_VALUES[value] * normal)

    def _tie(self) -> bool:
        """Two neighbouring notes made one pitch and tied."""
        for bar in self.random.sample(self.bars, len(self.bars)):
            for one, two in zip(bar.slots, bar.slots[1:], strict=False):
                first, second = one.event, two.event
                if _is_full(first) and _is_full(second) and not two.kept:
                    one.event = replace(first, tie=True)
                    two.event = replace(second, pitch=first.pitch, accidental=None)
                    one.kept = two.kept = True
                    return True
        return False

    def _reminder(self) -> bool:
        """A printed accidental that the key signature has anyway."""
        for bar in self.random.sample(self.bars, len(self.bars)):
            for index, slot in enumerate(bar.slots):
                if isinstance(slot.event, Note) and not slot.kept and slot.event.accidental is None:
                    alter = self._key_at(bar, index).alter(slot.event.pitch.step)
                    slot.event = replace(slot.event, accidental=alter)
                    slot.kept = True
                    return True
        return False

    # Signs and bars -----------------------------------------------------------------------------------------

    def _key(self, key: Key) -> bool:
        """Change the first key signature, or one at a bar; naturals alone only show after another key."""
        first = self.bars[0].slots
        place = next((i for i, slot in enumerate(first) if isinstance(slot.event, Key)), None)
        if not key.fifths:
            if len(self.bars) < 2:
                return False
            if place is None:
                first.insert(1, Slot(Key(self.random.choice((-3, -2, -1, 1, 2, 3)))))
            self._at_bar(self.bars[self.random.randrange(1, len(self.bars))], key)
        elif place is None:
            first.insert(1, Slot(key, kept=True))
        else:
            first[place] = Slot(key, kept=True)
        return True

    def _at_bar(self, bar: Bar, sign: Key | Meter) -> None:
        """Put a sign at the beginning of a bar, in the order key, meter; one of its kind there goes."""
        lead = 0
        while lead < len(bar.slots) and isinstance(bar.slots[lead].event, Clef | Key | Meter):
            lead += 1
        signs = [slot for slot in bar.slots[:lead] if not isinstance(slot.event, type(sign))]
        signs.append(Slot(sign, kept=True))
        signs.sort(key=lambda slot: (Clef, Key, Meter).index(type(slot.event)))
        bar.slots[:lead] = signs

    def _meter(self, meter: Meter) -> bool:
        """A bar in another meter, and the one before it again; or the first sign changed to one as long."""
        first = [slot for slot in self.bars[0].slots if isinstance(slot.event, Meter)]
        if first and isinstance(first[0].event, Meter) and first[0].event.length == meter.length:
            first[0].event, first[0].kept = meter, True
            return True
        place = self._any_bar() if first else len(self.bars)
        before = self._meter_at(place)
        if before and place < len(self.bars):
            self._at_bar(self.bars[place], before)
        slots = [
            Slot(meter, kept=True),
            *map(Slot, self._music_of(meter, self._key_at(self.bars[place - 1]))),
        ]
        self._new_bar(place, slots)
        return True

    def _music_of(self, meter: Meter, key: Key) -> list[Event]:
        """Plain notes that fill a bar; some of them, where no values add up to it (2/3)."""
        length = meter.length
        if length > _LONGEST_BAR or SHORTEST % length.denominator:
            length = Fraction(1)
        beat = Fraction(1, meter.unit) if meter.unit in (1, 2, 4, 8, 16) else Fraction(1, 4)
        beat = max(beat, length / 16)
        near = self.clef.lowest_line + self.random.randint(0, 8)
        events: list[Event] = []
        while length > 0:
            span = min(self.random.choice((beat, beat, 2 * beat)), length)
            events += self._fillers(span, near, key)
            length -= span
        return events

    def _barline(self, kind: BarlineKind) -> bool:
        bars = self.bars[:-1] if kind == "repeat_start" else self.bars
        free = [bar for bar in bars if not bar.kept and bar.barline is not None]
        if not free:
            return False
        bar = self.bars[-1] if kind == "final" and self.bars[-1] in free else self.random.choice(free)
        bar.barline, bar.kept = kind, True
        return True

    def _any_bar(self) -> int:
        """Where a new bar may go: after the first one, or later."""
        return self.random.randint(1, len(self.bars))

    def _new_bar(self, place: int, slots: list[Slot]) -> None:
        bar = Bar(slots, "single")
        if place == len(self.bars) and self.bars[-1].barline is None:
            self.bars[-1].barline, bar.barline = "single", None
        self.bars.insert(place, bar)

    def _events_until(self, bar: Bar, index: int | None = None) -> Iterator[Event]:
        for each in self.bars:
            slots = each.slots[:index] if each is bar else each.slots
            yield from (slot.event for slot in slots)
            if each is bar:
                return

    def _key_at(self, bar: Bar, index: int | None = None) -> Key:
        """The key at an event of a bar, or at the bar's end."""
        keys = [event for event in self._events_until(bar, index) if isinstance(event, Key)]
        return keys[-1] if keys else Key(0)

    def _meter_at(self, place: int) -> Meter | None:
        """The meter before the bar at a place."""
        meters = [e for e in self._events_until(self.bars[place - 1]) if isinstance(e, Meter)]
        return meters[-1] if meters else None


def _is_full(event: Event) -> TypeGuard[Note]:
    return isinstance(event, Note) and not event.grace


def _marked(event: Event, key: Key) -> Event:
    """A note whose pitch names its symbol's alteration, with that printed where the key has it not."""
    if not isinstance(event, Note) or event.pitch.alter == key.alter(event.pitch.step):
        return event
    return replace(event, accidental=event.pitch.alter)
