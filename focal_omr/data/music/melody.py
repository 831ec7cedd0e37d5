"""Random walks over the staff that fill measures with rhythms, in a style drawn per staff."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import TypeVar

from focal_omr.data.music.clefs import CLEFS, HIGHEST_POSITION, LOWEST_POSITION, is_visible
from focal_omr.encodings.semantic import TUPLET_NORMAL, note_token
from focal_omr.encodings.vocabulary import full_semantic
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
    Pitch,
    Rest,
    Tuplet,
    is_grace,
)

# Weights by usual frequency, with a floor so that none is rare.
METERS = {
    Meter(4, 4, "C"): 24,
    Meter(2, 2, "C/"): 12,
    Meter(3, 4): 16,
    Meter(2, 4): 12,
    Meter(4, 4): 8,
    Meter(6, 8): 8,
    Meter(3, 8): 6,
    Meter(3, 2): 4,
    Meter(2, 2): 2,
    Meter(12, 8): 2,
    Meter(9, 8): 1,
    Meter(6, 4): 1,
    Meter(5, 4): 1,
}
_BARLINES: dict[BarlineKind, int] = {
    "single": 100,
    "double": 2,
    "final": 1,
    "repeat_start": 2,
    "repeat_end": 2,
    "repeat_both": 1,
}
# Rhythms of one beat, as shares of the beat, with weights.
_CELLS: dict[tuple[Fraction, ...], int] = {
    (Fraction(1),): 36,
    (Fraction(1, 2), Fraction(1, 2)): 26,
    (Fraction(3, 4), Fraction(1, 4)): 12,
    (Fraction(1, 4), Fraction(3, 4)): 2,
    (Fraction(1, 4),) * 4: 14,
    (Fraction(1, 2), Fraction(1, 4), Fraction(1, 4)): 7,
    (Fraction(1, 4), Fraction(1, 4), Fraction(1, 2)): 7,
    (Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)): 2,
    (Fraction(7, 8), Fraction(1, 8)): 3,
    (Fraction(3, 4), Fraction(1, 8), Fraction(1, 8)): 4,
    (Fraction(1, 2), *(Fraction(1, 8),) * 4): 3,
    (Fraction(1, 8),) * 8: 1,
}
_TERNARY_CELLS: dict[tuple[Fraction, ...], int] = {
    (Fraction(1),): 24,
    (Fraction(1, 3),) * 3: 30,
    (Fraction(2, 3), Fraction(1, 3)): 24,
    (Fraction(1, 3), Fraction(2, 3)): 3,
    (Fraction(1, 2), Fraction(1, 6), Fraction(1, 3)): 12,
    (Fraction(1, 3), Fraction(1, 3), Fraction(1, 6), Fraction(1, 6)): 6,
    (Fraction(1, 6),) * 6: 8,
}
# Note values by length; `_COMMON` are those for which notes of all pitches have symbols.
_VALUES = {Duration(value, dots).length: Duration(value, dots) for dots in (2, 1, 0) for value in NOTE_VALUES}

_SHORTEST = {0: Fraction(1, 64), 1: Fraction(3, 32), 2: Fraction(7, 16)}  # by dots
_COMMON = {length: duration for length, duration in _VALUES.items() if length >= _SHORTEST[duration.dots]}


T = TypeVar("T")


def weighted(random: Random, weights: dict[T, int]) -> T:
    """Draw one of the keys by their weights."""
    return random.choices(list(weights), list(weights.values()))[0]


@dataclass(frozen=True)
class Style:
    """Rates of events in one staff, drawn once per staff so that staves differ."""

    rest: float
    grace: float
    tie: float
    fermata: float
    altered: float
    repeated: float
    leap: float
    tuplet: float
    merge: float  # beats merged into longer notes
    sign_change: float  # a new clef, key or meter at a measure
    multirest: float  # the staff starts with a multi-measure rest
    halvings: int  # of the beat: 1 turns 16ths into 32nds

    @classmethod
    def drawn(cls, random: Random) -> "Style":
        """Draw a style; most rates are low in most staves."""
        uniform = random.random
        return cls(
            rest=0.25 * uniform() ** 2,
            grace=0.25 * uniform() ** 4,
            tie=0.15 * uniform() ** 3,
            fermata=0.15 * uniform() ** 5,
            altered=0.3 * uniform() ** 3,
            repeated=0.5 * uniform() ** 2,
            leap=0.5 * uniform(),
            tuplet=0.3 * uniform() ** 5,
            merge=uniform() ** 1.5,
            sign_change=0.15 * uniform() ** 3,
            multirest=0.15,
            halvings=random.choices((0, 1, 2), (12, 4, 1))[0],
        )

    @classmethod
    def plain(cls, random: Random) -> "Style":
        """Draw a style of common notes and rests in small steps, without anything else."""
        return cls(
            rest=0.15 * random.random(),
            grace=0.0,
            tie=0.0,
            fermata=0.0,
            altered=0.0,
            repeated=0.3 * random.random(),
            leap=0.2 * random.random(),
            tuplet=0.0,
            merge=random.random(),
            sign_change=0.0,
            multirest=0.0,
            halvings=0,
        )


class Melody:
    """A random walk over the staff that fills measures.

    Args:
        random: Random generator.
        clef: First clef.
        key: First key.
        style: Rates of events.
    """

    def __init__(self, random: Random, clef: Clef, key: Key, style: Style) -> None:
        self.random, self.clef, self.key, self.style = random, clef, key, style
        self.centre = random.gauss(4, 2)
        self.width = random.uniform(3, 7)
        self.position = round(self.centre)  # steps above the lowest line
        self.tied = False  # whether the previous note is tied to the next one

    def measures(self, meter: Meter, symbols: int, *, unmeasured: bool) -> list[Measure]:
        """Compose the measures of a staff.

        Args:
            meter: First meter.
            symbols: Approximate number of tokens.
            unmeasured: Leave out the barlines.
        """
        random, style = self.random, self.style
        measures: list[Measure] = []
        count = 3
        if not unmeasured and random.random() < style.multirest:  # it needs barlines around it
            length = random.choice((random.randint(1, 9), random.randint(1, 99)))
            measures.append(Measure((MultiRest(length),)))
            count += 2
        if random.random() < 0.3:
            measures.append(Measure(tuple(self._fill(random.choice((Fraction(1, 8), _beat(meter)))))))
        before = len(measures)
        longest = 0
        while count + longest / 2 < symbols or len(measures) == before:
            changes, meter = self._sign_change(meter) if measures else ([], meter)
            barline: BarlineKind = weighted(random, _BARLINES)
            measure = Measure((*changes, *self._measure(meter)), barline)
            size = 1 + sum(len(e.events) + 2 if isinstance(e, Tuplet) else 1 for e in measure.events)
            count, longest = count + size, max(longest, size)
            measures.append(measure)
        if unmeasured:
            return [Measure(tuple(event for measure in measures for event in measure.events), None)]
        # PrIMuS incipits stop anywhere; the systems of a page stop at a barline.
        last = measures[-1]
        if random.random() < 0.3 and len(last.events) > 1:
            measures[-1] = Measure(last.events[: random.randint(1, len(last.events))], None)
        elif random.random() < 0.1:
            measures[-1] = replace(last, barline="final")
        return measures

    def _sign_change(self, meter: Meter) -> tuple[list[Event], Meter]:
        """Draw a new clef, key or meter at the rate of the style; return it with the meter in force."""
        if self.tied or self.random.random() > self.style.sign_change:
            return [], meter
        kind = self.random.randrange(3)
        if kind == 0:
            self.clef = weighted(self.random, CLEFS)
            return [self.clef], meter
        if kind == 1:
            fifths = self.random.choice([f for f in range(-5, 6) if f not in (0, self.key.fifths)])
            self.key = Key(fifths)
            return [self.key], meter
        meter = weighted(self.random, METERS)
        return [meter], meter

    def _measure(self, meter: Meter) -> list[Event]:
        if self.random.random() < 0.04:
            return [Rest(Duration("whole"))]
        length = meter.length
        if not _is_writable(length):
            length = Fraction(1)  # no note values fill a measure of a meter such as 2/3
        return self._fill(length, max(_beat(meter) / 2**self.style.halvings, Fraction(1, 16)))

    def _fill(self, length: Fraction, beat: Fraction = Fraction(1, 4)) -> list[Event]:
        events: list[Event] = []
        while length > 0:
            span = beat
            if self.random.random() < 0.35 * self.style.merge:
                span *= self.random.choice((2, 2, 3, 4))
            span = min(span, length)
            if span not in _VALUES:
                span = max(value for value in _VALUES if value <= length)
            events += self._beat(span)
            length -= span
        return events

    def _beat(self, span: Fraction) -> list[Event]:
        """Fill one beat with a rhythmic cell or a tuplet, or a longer span with one note."""
        if span >= Fraction(1, 2) and self.random.random() < 0.75:
            return self._notes([span])
        if span in (Fraction(1, 4), Fraction(1, 2)) and self.random.random() < self.style.tuplet:
            actual = self.random.choices((3, 5, 6, 7), (12, 1, 3, 1))[0]
            normal = TUPLET_NORMAL[actual]
            events = [e for e in self._notes([span / normal] * actual) if not is_grace(e)]
            return [Tuplet(actual, normal, tuple(e for e in events if isinstance(e, Note | Rest)))]
        cells = _TERNARY_CELLS if span.numerator == 3 else _CELLS
        lengths = [span * share for share in weighted(self.random, cells)]
        return self._notes(lengths if all(length in _COMMON for length in lengths) else [span])

    def _notes(self, lengths: Sequence[Fraction]) -> list[Event]:
        events: list[Event] = []
        for length in lengths:
            duration = _VALUES[length]
            fermata = self.random.random() < self.style.fermata and length >= Fraction(1, 4)
            if not self.tied and self.random.random() < self.style.rest:
                events.append(Rest(duration, fermata))
                continue
            if not self.tied and self.random.random() < self.style.grace:
                events += self._graces()
            events.append(self._note(duration, fermata=fermata))
        return events

    def _graces(self) -> list[Event]:
        value = self.random.choices(
            ("eighth", "sixteenth", "quarter", "thirty_second", "half"), (8, 5, 2, 1, 1)
        )[0]
        count = self.random.choice((1, 1, 1, 2, 3)) if value != "half" else 1
        graces: list[Event] = []
        for _ in range(count):
            note = replace(self._note(Duration(value)), grace=True, tie=False)
            if not self._is_encodable(note):  # low and high grace notes have symbols only up to eighths
                note = replace(note, duration=Duration("eighth"))
            if self._is_encodable(note):
                graces.append(note)
            self.tied = False
        return graces

    def _is_encodable(self, note: Note) -> bool:
        """Return whether the vocabulary encodes a note in this key and a strip shows it completely."""
        step = note.pitch.step
        alter = self.key.alter(step) if note.accidental is None else note.accidental
        token = note_token(replace(note, pitch=replace(note.pitch, alter=alter)))
        return token in full_semantic() and is_visible(note, self.clef)

    def _note(self, duration: Duration, *, fermata: bool = False) -> Note:
        """Draw the next note; a plainer one if the vocabulary has no symbol for it."""
        attempts = 1 if self.tied else 3
        for _ in range(attempts):
            note = self._draw_note(duration, fermata=fermata)
            if self._is_encodable(note):
                break
            note = replace(note, accidental=None, fermata=False)
            if self._is_encodable(note):
                break
        self.tied = note.tie
        return note

    def _draw_note(self, duration: Duration, *, fermata: bool) -> Note:
        random = self.random
        if not self.tied and random.random() >= self.style.repeated:
            is_leap = random.random() < self.style.leap
            size = random.choice((2, 2, 3, 4, 5, 7)) if is_leap else 1
            pull = (self.centre - self.position) / self.width
            up = random.random() < min(max(0.5 + pull / 2, 0.05), 0.95)
            position = self.position + (size if up else -size)
            self.position = min(max(position, LOWEST_POSITION), HIGHEST_POSITION)
        diatonic = self.clef.lowest_line + self.position
        step, octave = STEPS[diatonic % 7], diatonic // 7
        pitch = Pitch(step, octave, self.key.alter(step))
        accidental = None
        if not self.tied and random.random() < self.style.altered:
            accidental = random.choice((-1, 0, 0, 1, 1, self.key.alter(step)))
        tie = random.random() < self.style.tie
        return Note(pitch, duration, accidental, tie=tie, fermata=fermata)


def _beat(meter: Meter) -> Fraction:
    """Return the beat of a meter, in whole notes; dotted in compound meters."""
    unit = Fraction(1, meter.unit)
    if not _is_writable(unit):
        return Fraction(1, 4)
    compound = meter.unit >= 8 and meter.beats % 3 == 0
    return unit * 3 if compound else max(unit, Fraction(1, 8))


def _is_writable(length: Fraction) -> bool:
    """Return whether note values can add up to this length."""
    return length.denominator in (1, 2, 4, 8, 16, 32)
