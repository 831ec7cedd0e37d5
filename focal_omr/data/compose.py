"""Music composed at random: plain enough to look like real incipits, odd enough to hold every symbol.

Real tunes teach what is usual. This composer sees to the rest: clefs, keys and meters in all combinations,
and, by `must_have`, each symbol of the vocabulary in some staff that can hold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random
from typing import TypeVar

from focal_omr.notation.score import (
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
    sound_accidentals,
)
from focal_omr.notation.semantic import TUPLET_NORMAL, parse_barline, parse_sign

# How often each clef, meter ... is drawn. The weights follow what 18th-century incipits and modern parts
# show most, with a floor so that none is rare.
_CLEFS = {
    Clef("G", 2): 50,
    Clef("C", 1): 12,
    Clef("F", 4): 12,
    Clef("C", 3): 6,
    Clef("C", 4): 5,
    Clef("C", 2): 2,
    Clef("F", 3): 2,
    Clef("G", 1): 2,
    Clef("C", 5): 1,
    Clef("F", 5): 1,
}
_FIFTHS = {0: 22, 1: 14, -1: 14, 2: 13, -2: 11, 3: 8, -3: 9, 4: 4, -4: 4, 5: 2, -5: 2, 6: 1, -6: 1, 7: 1}
_METERS = {
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
# Rhythms of one beat, as shares of that beat, with weights.
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
_CELLS_OF_THREE: dict[tuple[Fraction, ...], int] = {
    (Fraction(1),): 24,
    (Fraction(1, 3),) * 3: 30,
    (Fraction(2, 3), Fraction(1, 3)): 24,
    (Fraction(1, 3), Fraction(2, 3)): 3,
    (Fraction(1, 2), Fraction(1, 6), Fraction(1, 3)): 12,
    (Fraction(1, 3), Fraction(1, 3), Fraction(1, 6), Fraction(1, 6)): 6,
    (Fraction(1, 6),) * 6: 8,
}
_PLAIN = {Duration(value, dots).length: Duration(value, dots) for dots in (2, 1, 0) for value in NOTE_VALUES}


T = TypeVar("T")


def _draw(random: Random, weights: dict[T, int]) -> T:
    return random.choices(list(weights), list(weights.values()))[0]


@dataclass(frozen=True)
class Style:
    """How often things happen in one staff; drawn once for it, so that staves differ."""

    rest: float
    grace: float
    tie: float
    fermata: float
    altered: float
    repeated: float
    leap: float
    tuplet: float
    merge: float  # beats joined to longer notes
    sign_change: float  # a new clef, key or meter at a bar
    multirest: float  # the staff opens with a rest of many bars
    halvings: int  # of the beat that is filled at a time: 1 makes 32nds and 64ths of what were 16ths

    @classmethod
    def drawn(cls, random: Random) -> "Style":
        often = random.random
        return cls(
            rest=0.25 * often() ** 2,
            grace=0.25 * often() ** 4,
            tie=0.15 * often() ** 3,
            fermata=0.15 * often() ** 5,
            altered=0.3 * often() ** 3,
            repeated=0.5 * often() ** 2,
            leap=0.5 * often(),
            tuplet=0.3 * often() ** 5,
            merge=often() ** 1.5,
            sign_change=0.15 * often() ** 3,
            multirest=0.15,
            halvings=random.choices((0, 1, 2), (12, 4, 1))[0],
        )


def compose(random: Random, *, symbols: int = 24, must_have: str | None = None) -> Score:
    """A staff of random music.

    Args:
        random: Source of all chance.
        symbols: About how many tokens the staff shall have.
        must_have: A semantic symbol that must occur; the clef is chosen so that its note fits. Not `tie`,
            `accidental` or a symbol of tuplets: these come by themselves.
    """
    forced = parse_sign(must_have) if must_have else None
    clef = forced if isinstance(forced, Clef) else _draw(random, _CLEFS)
    if isinstance(forced, Note):
        clef = _clef_for(random, forced.pitch)
    key = forced if isinstance(forced, Key) else Key(_draw(random, _FIFTHS))
    meter = forced if isinstance(forced, Meter) else _draw(random, _METERS)
    style = Style.drawn(random)
    if isinstance(forced, Note):  # it needs the clef and the key that were chosen for it
        style = replace(style, sign_change=0.0)
    melody = _Melody(random, clef, key, style)
    unmeasured = must_have is None and random.random() < 0.03
    measures = melody.measures(meter, symbols, unmeasured=unmeasured)
    lead: list[Event] = [clef]
    if key.fifths or must_have == "keySignature-CM":
        lead.append(key)
    if random.random() < 0.87 or isinstance(forced, Meter):
        lead.append(meter)
    measures[0] = replace(measures[0], events=(*lead, *measures[0].events))
    measures = _force(random, measures, must_have)
    return Score((sound_accidentals(Part(mend_ties(measures))),))


def mend_ties(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """The measures with every tie removed that is not followed by the same note."""
    following: Event | None = None

    def mended(event: Event) -> Event:
        nonlocal following
        if isinstance(event, Tuplet):
            inner = tuple(reversed([mended(e) for e in reversed(event.events)]))
            return replace(event, events=inner)  # type: ignore[arg-type]  # notes and rests stay what they are
        if isinstance(event, Note) and event.tie:
            event = replace(event, tie=_continues(event, following))
        following = event
        return event

    backwards = []
    for measure in reversed(measures):
        events = [mended(event) for event in reversed(measure.events)]
        backwards.append(replace(measure, events=tuple(reversed(events))))
    return tuple(reversed(backwards))


def _clef_for(random: Random, pitch: Pitch) -> Clef:
    """A clef under which the pitch lies at most about four ledger lines off the staff, if there is one."""
    near = {clef: weight for clef, weight in _CLEFS.items() if -8 <= pitch.diatonic - clef.lowest_line <= 16}
    return _draw(random, near or _CLEFS)


def _force(random: Random, measures: list[Measure], must_have: str | None) -> list[Measure]:
    """The measures with the wanted symbol put at a random place, if it is not a sign of the beginning."""
    if must_have is None:
        return measures
    sign = parse_sign(must_have)
    has_room = [
        number
        for number, measure in enumerate(measures)
        if not (isinstance(sign, Note | Rest) and any(isinstance(e, MultiRest) for e in measure.events))
    ]
    place = random.choice(has_room)
    measure = measures[place]
    if kind := parse_barline(must_have):
        measures[place] = replace(measure, barline=kind)
        return measures
    if isinstance(sign, MultiRest):
        measures.insert(max(place, 1), Measure((sign,)))
    if isinstance(sign, Note):
        key = next((e for m in measures for e in m.events if isinstance(e, Key)), Key(0))
        named = sign.pitch.alter
        sign = replace(sign, accidental=None if named == key.alter(sign.pitch.step) else named)
    if isinstance(sign, Note | Rest):
        where = [i for i, event in enumerate(measure.events) if isinstance(event, Note | Rest)]
        index = random.choice(where) if where else len(measure.events)
        measures[place] = replace(
            measure, events=(*measure.events[:index], sign, *measure.events[index + 1 :])
        )
    return measures


def _continues(note: Note, following: Event | None) -> bool:
    """Whether `following` is the same note, unmarked."""
    if not isinstance(following, Note) or following.accidental is not None:
        return False
    return following.pitch.diatonic == note.pitch.diatonic


class _Melody:
    """A walk over the staff that fills bars."""

    def __init__(self, random: Random, clef: Clef, key: Key, style: Style) -> None:
        self.random, self.clef, self.key, self.style = random, clef, key, style
        self.centre = random.gauss(4, 2)
        self.width = random.uniform(3, 7)
        self.position = round(self.centre)  # steps above the lowest line
        self.tied = False  # the note before this place asks for the same note again

    def measures(self, meter: Meter, symbols: int, *, unmeasured: bool) -> list[Measure]:
        made: list[Measure] = []
        count = 3
        if self.random.random() < self.style.multirest:
            made.append(
                Measure(
                    (MultiRest(self.random.choice((self.random.randint(1, 9), self.random.randint(1, 99)))),)
                )
            )
            count += 2
        if self.random.random() < 0.3:
            made.append(Measure(tuple(self._fill(self.random.choice((Fraction(1, 8), _beat(meter)))))))
        before = len(made)
        while count < symbols or len(made) == before:
            changes, meter = self._changes(meter) if made else ([], meter)
            barline: BarlineKind = _draw(self.random, _BARLINES)
            measure = Measure((*changes, *self._bar(meter)), barline)
            count += len(measure.events) + 1
            made.append(measure)
        if unmeasured:
            return [Measure(tuple(event for measure in made for event in measure.events), None)]
        return self._ending(made)

    def _ending(self, made: list[Measure]) -> list[Measure]:
        """PrIMuS incipits stop anywhere; systems of a page stop at a barline."""
        last = made[-1]
        if self.random.random() < 0.3 and len(last.events) > 1:
            kept = self.random.randint(1, len(last.events))
            made[-1] = Measure(last.events[:kept], None)
        elif self.random.random() < 0.1:
            made[-1] = replace(last, barline="final")
        return made

    def _changes(self, meter: Meter) -> tuple[list[Event], Meter]:
        if self.tied or self.random.random() > self.style.sign_change:
            return [], meter
        kind = self.random.randrange(3)
        if kind == 0:
            self.clef = _draw(self.random, _CLEFS)
            return [self.clef], meter
        if kind == 1:
            fifths = self.random.choice([f for f in range(-5, 6) if f not in (0, self.key.fifths)])
            self.key = Key(fifths)
            return [self.key], meter
        meter = _draw(self.random, _METERS)
        return [meter], meter

    def _bar(self, meter: Meter) -> list[Event]:
        if self.random.random() < 0.04:
            return [Rest(Duration("whole"))]
        length = meter.length
        if not _writable(length):
            length = Fraction(1)  # a meter such as 2/3 has no bars of written values
        return self._fill(length, max(_beat(meter) / 2**self.style.halvings, Fraction(1, 16)))

    def _fill(self, length: Fraction, beat: Fraction = Fraction(1, 4)) -> list[Event]:
        events: list[Event] = []
        while length > 0:
            span = min(self._span(beat), length)
            if _PLAIN.get(span) is None:
                span = max(value for value in _PLAIN if value <= length)
            events += self._beat(span)
            length -= span
        return events

    def _span(self, beat: Fraction) -> Fraction:
        if self.random.random() < 0.35 * self.style.merge:
            return beat * self.random.choice((2, 2, 3, 4))
        return beat

    def _beat(self, span: Fraction) -> list[Event]:
        """One beat or a longer note: a cell of rhythm, perhaps a tuplet."""
        if span >= Fraction(1, 2) and self.random.random() < 0.75:
            return self._notes([span])
        if span in (Fraction(1, 4), Fraction(1, 2)) and self.random.random() < self.style.tuplet:
            return [self._tuplet(span)]
        of_three = span.numerator == 3
        shares = _draw(self.random, _CELLS_OF_THREE if of_three else _CELLS)
        lengths = [span * share for share in shares]
        return self._notes(lengths if all(length in _PLAIN for length in lengths) else [span])

    def _tuplet(self, span: Fraction) -> Tuplet:
        actual = self.random.choices((3, 5, 6, 7), (12, 1, 3, 1))[0]
        normal = TUPLET_NORMAL[actual]
        value = _PLAIN[span / normal]
        events = [e for e in self._notes([value.length] * actual) if not (isinstance(e, Note) and e.grace)]
        return Tuplet(actual, normal, tuple(e for e in events if isinstance(e, Note | Rest)))

    def _notes(self, lengths: Sequence[Fraction]) -> list[Event]:
        events: list[Event] = []
        for length in lengths:
            duration = _PLAIN[length]
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
            graces.append(replace(self._note(Duration(value)), grace=True, tie=False))
            self.tied = False
        return graces

    def _note(self, duration: Duration, *, fermata: bool = False) -> Note:
        if not self.tied:
            self._walk()
        diatonic = self.clef.lowest_line + self.position
        step, octave = STEPS[diatonic % 7], diatonic // 7
        pitch = Pitch(step, octave, self.key.alter(step))
        accidental = None
        if not self.tied and self.random.random() < self.style.altered:
            accidental = self.random.choice((-1, 0, 0, 1, 1, self.key.alter(step)))
        self.tied = self.random.random() < self.style.tie
        return Note(pitch, duration, accidental, tie=self.tied, fermata=fermata)

    def _walk(self) -> None:
        if self.random.random() < self.style.repeated:
            return
        far = self.random.random() < self.style.leap
        size = self.random.choice((2, 2, 3, 4, 5, 7)) if far else 1
        pull = (self.centre - self.position) / self.width
        up = self.random.random() < min(max(0.5 + pull / 2, 0.05), 0.95)
        self.position = min(max(self.position + (size if up else -size), -7), 15)


def _beat(meter: Meter) -> Fraction:
    """The beat of a meter: dotted in compound ones."""
    unit = Fraction(1, meter.unit)
    if not _writable(unit):
        return Fraction(1, 4)
    compound = meter.unit >= 8 and meter.beats % 3 == 0
    return unit * 3 if compound else max(unit, Fraction(1, 8))


def _writable(length: Fraction) -> bool:
    """Whether note values can add up to this length."""
    return length.denominator in (1, 2, 4, 8, 16, 32)
