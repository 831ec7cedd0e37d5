"""Composer of systems: one to four staves of random music, with what real scores show rarely."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from random import Random
from typing import Any, Literal

from focal_omr.data.music.choices import Choices, weighted
from focal_omr.data.music.decorations import Decorator
from focal_omr.data.music.drafts import EventDraft
from focal_omr.data.music.opening_signs import draw_clef, draw_key, draw_meter
from focal_omr.data.music.rhythm import Rhythm, Slot, advance_leads, beat_of, fill
from focal_omr.data.music.voice_composer import StaffState, VoiceComposer, VoiceStyle
from focal_omr.encodings.columns import BARLINES
from focal_omr.score.score import (
    Barline,
    Clef,
    Direction,
    Duration,
    Ending,
    Jump,
    Key,
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    MultiRest,
    Ottava,
    Part,
    PartGroup,
    Score,
    Sign,
    Spanner,
    Tuplet,
    Voice,
)

__all__ = ["compose_system"]

_ZERO = Fraction(0)
_WHOLE = Duration(Fraction(1))
# Staves of each part, by texture, with weights.
_TEXTURES: dict[str, tuple[tuple[int, ...], float]] = {
    "one": ((1,), 58),
    "piano": ((2,), 26),
    "duo": ((1, 1), 6),
    "song": ((1, 2), 6),
    "quartet": ((1, 1, 1, 1), 4),
}
_CENTRES = {1: (4,), 2: (8, 0), 3: (9, -1, 4)}  # of the voices of a staff
_BARLINES = {
    **{"single": 100, "double": 2, "final": 1, "repeat-start": 2, "repeat-end": 2, "repeat-both": 1},
    **{"dashed": 0.4, "dotted": 0.4, "heavy": 0.1, "heavy-light": 0.1, "tick": 0.1, "short": 0.1},
}
_METER_SHOWN = 0.6


@dataclass(frozen=True)
class _Style:
    """Rates of a system, drawn once."""

    sign_change: float
    clef_change: float
    second_voice: float
    empty: float
    ottava: float
    measure_repeat: float
    jump: float
    ending: float
    multirest: float
    divided: float  # measures with a dashed or dotted barline inside
    cross_staff: float
    spaces: float

    @classmethod
    def drawn(cls, random: Random) -> "_Style":
        uniform = random.random
        return cls(
            sign_change=0.2 * uniform() ** 3,
            clef_change=0.3 * uniform() ** 4,
            second_voice=1 - 0.4 * uniform(),
            empty=random.choice((0.02, 0.02, 0.1, 0.5, 0.9)) * uniform(),
            ottava=0.25 * uniform() ** 4,
            measure_repeat=0.4 * uniform() ** 8,
            jump=0.06 * uniform() ** 2,
            ending=0.1 * uniform() ** 2,
            multirest=0.05,
            divided=0.3 * uniform() ** 8,
            cross_staff=0.3 * uniform() ** 3,
            spaces=uniform(),
        )


@dataclass
class _StaffPlan:
    """A staff with its voices."""

    part: int
    state: StaffState
    voices: list[VoiceComposer]


@dataclass
class _PartDraft:
    """What a part has so far."""

    staves: int
    measures: list[Measure] = field(default_factory=list)
    spanners: list[Spanner] = field(default_factory=list)


def compose_system(random: Random, columns: int, wishes: Sequence[tuple[str, Any]] = ()) -> tuple[Score, str]:
    """Compose a system; return it with its texture. It need not fit the alphabet of columns.

    Args:
        random: Random generator.
        columns: Approximate number of columns of its widest staff.
        wishes: Rare (factor, value) pairs to use, the most wanted first.
    """
    choices = Choices(random, wishes)
    composer = _SystemComposer(choices)
    return composer.compose(columns), composer.texture


class _SystemComposer:
    """Composes measure after measure for all staves."""

    def __init__(self, choices: Choices) -> None:
        self.choices, self.random = choices, choices.random
        self.style = _Style.drawn(self.random)
        weights = {name: weight for name, (_, weight) in _TEXTURES.items()}
        self.texture = weighted(self.random, weights)
        numbers = count(1)
        self.ids: Iterator[str] = (f"n{number}" for number in numbers)
        self.key, self.meter = draw_key(choices), draw_meter(choices)
        self.voiced = choices.chance(0.6)  # as many voices as the wishes need
        self.parts = [_PartDraft(staves) for staves in _TEXTURES[self.texture][0]]
        self.staves = [
            self._staff(number, staff + 1)
            for number, part in enumerate(self.parts)
            for staff in range(part.staves)
        ]
        self.decorators = [
            Decorator(choices, vocal=self.texture == "song" and staff.part == 0) for staff in self.staves
        ]
        self.left: Barline | None = None
        self.open_ending = False
        self.width = 0

    def _staff(self, part: int, number: int) -> _StaffPlan:
        choices, random = self.choices, self.random
        clef = draw_clef(choices, lower=number == 2)
        voices = random.choices((1, 2, 3), (60, 33, 7) if self.texture in ("one", "piano") else (88, 12, 0))[
            0
        ]
        if self.voiced and number == 1 and not part:
            voices = max(voices, self._voices_wished())
        chordal = random.random() < (0.5 if self.texture == "piano" else 0.2)
        composers = [
            VoiceComposer(
                choices,
                VoiceStyle.drawn(choices, centre, chordal=chordal),
                self.ids,
                (0, 1, 2)[index] if voices > 1 else random.choice((0, 1)),
            )
            for index, centre in enumerate(_CENTRES[voices])
        ]
        return _StaffPlan(part, StaffState(number, [(_ZERO, clef)], self.key), composers)

    def _voices_wished(self) -> int:
        """Voices of a staff on which the wishes can be fulfilled: a stem points up or down for certain only
        where there are two."""
        wished = {name.partition(".")[0] for name, values in self.choices.wishes.items() if values}
        stems = {stem for _, kind, value in self.choices.heads if kind == "head" for stem in value}
        if "third" in wished or 2 in stems:
            return 3
        paired = any(kind == "tie" and value[0] != value[1] for _, kind, value in self.choices.heads)
        return 2 if wished & {"up", "down"} or stems or paired else 1

    def compose(self, columns: int) -> Score:
        """Measures until there are about as many columns."""
        if self.random.random() < 0.15:
            self._measure(min(beat_of(self.meter), self._full), opening=True, pickup=True)
        while self.width < columns or not self.parts[0].measures:
            before = self.width
            if self.parts[0].measures and self._multirest():
                continue
            self._measure(self._full, opening=not self.parts[0].measures)
            if self.width + (self.width - before) / 2 > columns:
                break
        parts = tuple(
            Part(
                id=f"P{number}",
                measures=tuple(part.measures),
                staves=part.staves,
                spanners=tuple(part.spanners),
            )
            for number, part in enumerate(self.parts, 1)
        )
        bracket = self.texture in ("quartet", "duo")
        return Score(parts=parts, groups=(PartGroup("P1", parts[-1].id),) if bracket else ())

    @property
    def _full(self) -> Fraction:
        return self.meter.length or Fraction(1)

    # Measures ----------------------------------------------------------------------------------------------

    def _measure(self, length: Fraction, *, opening: bool, pickup: bool = False) -> None:
        """One measure of all parts."""
        index = len(self.parts[0].measures)
        signs = self._opening_signs() if opening else self._changes()
        if not opening and any(isinstance(sign.value, Meter) for part in signs for sign in part):
            length = self._full
        right, next_left = self._barlines()
        divided = self._divided(length)
        voices: list[list[Voice]] = [[] for _ in self.parts]
        directions: list[list[Direction]] = [[] for _ in self.parts]
        repeats: list[list[tuple[int, MeasureRepeat]]] = [[] for _ in self.parts]
        widest = 0
        for staff, decorator in zip(self.staves, self.decorators, strict=True):
            part = self.parts[staff.part]
            if not opening:
                staff.state.next_measure()
            staff.state.key = self.key
            for sign in signs[staff.part]:
                if isinstance(sign.value, Clef) and sign.staff == staff.state.number:
                    staff.state.clefs = [(_ZERO, sign.value)]
            self._ottava(staff, part, index, length)
            repeated = bool(part.measures) and self._repeats_measure()
            if repeated:
                repeats[staff.part].append((staff.state.number, MeasureRepeat()))
            written = (
                self._silent(staff, length)
                if repeated
                else self._voices(staff, part, length, signs[staff.part])
            )
            found = decorator.decorations(
                written, f"m{staff.part + 1}.{index + 1}", staff.state.number, length
            )
            directions[staff.part] += found.directions
            part.spanners += found.spanners
            for number, events in enumerate(written, 4 * staff.state.number - 3):
                voices[staff.part].append(Voice(number, tuple(event.record() for event in events)))
            onsets = {event.onset for events in written for event in events if event.duration}
            graces = sum(event.grace is not None for events in written for event in events)
            widest = max(widest, len(onsets) + graces)
        self.width += widest + 1 + len(signs[0])
        self._jump(directions[0], length)
        for number, part in enumerate(self.parts):
            part.measures.append(
                Measure(
                    id=f"m{number + 1}.{index + 1}",
                    number=str(index if pickup else index + 1),
                    voices=tuple(voices[number]),
                    signs=tuple(signs[number]),
                    directions=tuple(directions[number]),
                    pickup=pickup,
                    left=self.left,
                    right=right,
                    barlines=divided,
                    repeats=tuple(repeats[number]),
                )
            )
        self.left = next_left
        self._ending(index, right)

    def _voices(
        self, staff: _StaffPlan, part: _PartDraft, length: Fraction, signs: list[Sign]
    ) -> list[list[EventDraft]]:
        """The voices of a staff in a measure."""
        random, style = self.random, self.style
        present = [v for i, v in enumerate(staff.voices) if i == 0 or random.random() < style.second_voice]
        beat = beat_of(self.meter)
        if len(present) == 1 and (
            random.random() < style.empty or self.choices.take("up.value", ("measure",)) is not None
        ):
            present[0].last = None
            return [
                [EventDraft(next(self.ids), _ZERO, length, _WHOLE, staff.state.number, measure_rest=True)]
            ]
        rhythms = []
        leads = advance_leads(self.choices, length) if len(present) > 1 else ()
        for number, voice in enumerate(present):
            name = ("up", "down", "third")[voice.stem]
            lead = leads[number] if number < len(leads) else ()
            rhythm = fill(self.choices, name, length, beat, voice.style.rhythm, lead)
            if number:
                self._thin(rhythm)
            rhythms.append(rhythm)
        self._clef_change(staff, rhythms[0], signs)
        group = beat * random.choice((1, 1, 2)) if beat.numerator == 1 else beat
        written = []
        for number, (voice, rhythm) in enumerate(zip(present, rhythms, strict=True)):
            stems: tuple[Literal["up", "down"], ...] = ("up", "down", "up")
            stem = stems[number] if len(present) > 1 else None
            if number == 0 and stem is not None and voice.stem:
                voice.stem = 0
            events = voice.measure(rhythm, staff.state, group, stem)
            part.spanners += self._tuplets(rhythm, [e for e in events if e.grace is None])
            written.append(events)
        for voice in staff.voices:
            if voice not in present:
                voice.last = None
        return written

    def _silent(self, staff: _StaffPlan, length: Fraction) -> list[list[EventDraft]]:
        """A rest of the whole measure."""
        for voice in staff.voices:
            voice.last = None
        return [[EventDraft(next(self.ids), _ZERO, length, _WHOLE, staff.state.number, measure_rest=True)]]

    def _repeats_measure(self) -> bool:
        """Whether a sign repeats the measure before; its own contents are a rest, over which it stands."""
        wished = self.choices.take("kind", [("measure-repeat", 1)])
        return wished is not None or self.choices.chance(self.style.measure_repeat)

    def _thin(self, rhythm: Rhythm) -> None:
        """A lower voice has spaces in place of some of its rests, outside tuplets."""
        inside = {i for first, last, *_ in rhythm.tuplets for i in range(first, last + 1)}
        for index, slot in enumerate(rhythm.slots):
            if slot.rest and index not in inside and self.random.random() < self.style.spaces:
                rhythm.slots[index] = Slot(slot.onset, slot.length, None)

    def _tuplets(self, rhythm: Rhythm, events: Sequence[EventDraft]) -> Iterator[Tuplet]:
        number: Any = weighted(self.random, {"actual": 80, "none": 14, "both": 6})
        bracket = weighted(self.random, {None: 50, True: 25, False: 25})
        for first, last, actual, normal, value in rhythm.tuplets:
            yield Tuplet(
                events[first].id,
                events[last].id,
                actual,
                normal,
                Duration(value),
                number=number,
                bracket=bracket,
            )

    # Signs -------------------------------------------------------------------------------------------------

    def _opening_signs(self) -> list[list[Sign]]:
        printed = self.random.random() < _METER_SHOWN
        signs: list[list[Sign]] = [
            [Sign(_ZERO, Key(self.key.fifths)), Sign(_ZERO, self.meter, printed=printed)] for _ in self.parts
        ]
        for staff in self.staves:
            clef = staff.state.clefs[-1][1]
            signs[staff.part].insert(0, Sign(_ZERO, clef, staff.state.number))
        if self.choices.take("kind", [("barline", "repeat-start")]) or self.random.random() < 0.04:
            self.left = Barline("heavy-light", "forward")
        return signs

    def _changes(self) -> list[list[Sign]]:
        """New clefs, keys and meters at the beginning of a measure."""
        choices, signs = self.choices, [[] for _ in self.parts]  # type: ignore[var-annotated]
        for staff in self.staves:
            if choices.chance(self.style.clef_change / 2):
                clef = draw_clef(choices, lower=False)
                pitched = {clef.shape, staff.state.clefs[-1][1].shape}.isdisjoint({"percussion"})
                if pitched:
                    signs[staff.part].append(Sign(_ZERO, clef, staff.state.number))
        shared: list[Sign] = []
        wished = any(value[0] == "key" for value in choices.wishes.get("kind", ()) if value != "multirest")
        if choices.chance(self.style.sign_change) or (wished and choices.chance(0.5)):
            cancel = self.key.fifths if choices.chance(0.5) else None
            new = draw_key(choices)
            if new.fifths != self.key.fifths:
                self.key = new
                shared.append(Sign(_ZERO, Key(new.fifths, cancel)))
        if choices.chance(self.style.sign_change / 2):
            meter = draw_meter(choices)
            if meter != self.meter:
                self.meter = meter
                shared.append(Sign(_ZERO, meter))
        for own in signs:
            own += shared
        return signs

    def _clef_change(self, staff: _StaffPlan, rhythm: Rhythm, signs: list[Sign]) -> None:
        """A new clef inside the measure, before a note of the first voice."""
        onsets = [slot.onset for slot in rhythm.slots if slot.onset > 0 and slot.duration is not None]
        old = staff.state.clefs[-1][1]
        if not onsets or old.shape == "percussion" or not self.choices.chance(self.style.clef_change):
            return
        clef = draw_clef(self.choices, lower=False)
        if clef.shape != "percussion" and clef != old:
            onset = self.random.choice(onsets)
            staff.state.clefs.append((onset, clef))
            signs.append(Sign(onset, clef, staff.state.number))

    def _ottava(self, staff: _StaffPlan, part: _PartDraft, index: int, length: Fraction) -> None:
        """An octave line over a measure."""
        staff.state.ottavas = []
        wished = self.choices.take("kind", [("sign", f"ottava-{n}") for n in (1, 2, -1)])
        if wished is None and not self.choices.chance(self.style.ottava):
            return
        octaves = (
            int(wished[1].removeprefix("ottava-")) if wished else self.random.choice((1, 1, 1, -1, -1, 2))
        )
        staff.state.ottavas = [(_ZERO, octaves)]
        id_, number = f"m{staff.part + 1}.{index + 1}", staff.state.number
        part.spanners.append(Ottava(Moment(id_, _ZERO, number), Moment(id_, length, number), octaves))

    def _barlines(self) -> tuple[Barline, Barline | None]:
        """The right barline of a measure and the left one of the next."""
        wished = self.choices.take("kind", [("barline", name) for name in _BARLINES])
        name = wished[1] if wished else weighted(self.random, _BARLINES)
        style, back, forth = BARLINES[name]
        right = Barline(style, "backward" if back else None)
        return right, Barline("heavy-light", "forward") if forth else None

    def _divided(self, length: Fraction) -> tuple[tuple[Fraction, Barline], ...]:
        if not self.choices.chance(self.style.divided) or length < Fraction(1, 2):
            return ()
        return ((length / 2, Barline(self.random.choice(("dashed", "dotted")))),)

    def _jump(self, directions: list[Direction], length: Fraction) -> None:
        wished = self.choices.take("kind", [("sign", "segno"), ("sign", "coda")])
        if wished or self.choices.chance(self.style.jump):
            drawn = wished[1] if wished else self.random.choice(("segno", "coda"))
            jump = Jump("segno") if drawn == "segno" else Jump("coda")
            directions.append(Direction(self.random.choice((_ZERO, length)), jump, 1, "above"))

    def _ending(self, index: int, right: Barline) -> None:
        """A first or second ending over the measure."""
        numbers = [("ending", n) for n in ("1", "2", "3", "1, 2", "other", "stop", "discontinue")]
        wished = self.choices.take("kind", numbers)
        if wished is None and not self.choices.chance(self.style.ending):
            return
        name = wished[1] if wished else self.random.choice(("1", "2", "1", "2", "3"))
        closed = name != "discontinue" and (
            name == "stop" or right.repeat is not None or self.choices.chance(0.5)
        )
        if name in ("stop", "discontinue"):
            name = self.random.choice(("1", "2"))
        id_ = f"m1.{index + 1}"
        self.parts[0].spanners.append(
            Ending(
                id_, id_, self.random.choice(("4", "1-3", "2, 3")) if name == "other" else name, closed=closed
            )
        )

    def _multirest(self) -> bool:
        """A rest of several measures in all parts, printed as one."""
        tens = self.choices.take("multirest.tens")
        units = self.choices.take("multirest.units")
        wished = tens is not None or units is not None or self.choices.take("kind", ["multirest"]) is not None
        if not wished and not self.choices.chance(self.style.multirest):
            return False
        drawn = self.random.choice((self.random.randint(2, 9), self.random.randint(2, 99)))
        length = max(
            10 * (drawn // 10 if tens is None else tens) + (drawn % 10 if units is None else units), 2
        )
        for staff in self.staves:
            for voice in staff.voices:
                voice.last = None
        for place in range(length):
            for number, part in enumerate(self.parts):
                part.measures.append(self._resting(part, number, MultiRest(length) if not place else None))
        self.left = None
        self.width += 2
        return True

    def _resting(self, part: _PartDraft, number: int, rest: MultiRest | None) -> Measure:
        """A measure of rests."""
        voices = tuple(
            Voice(
                4 * staff + 1,
                (
                    EventDraft(
                        next(self.ids), _ZERO, self._full, _WHOLE, staff + 1, measure_rest=True
                    ).record(),
                ),
            )
            for staff in range(part.staves)
        )
        index = len(part.measures) + 1
        return Measure(
            id=f"m{number + 1}.{index}",
            number=str(index),
            voices=voices,
            left=self.left if rest else None,
            multirest=rest,
        )
