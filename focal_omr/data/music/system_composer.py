"""Composer of systems: one to four staves of random music, with what real scores show rarely."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from random import Random
from typing import Any

from focal_omr.data.music.choices import Choices, weighted
from focal_omr.data.music.decorations import Decorator
from focal_omr.data.music.rhythm import beat_of
from focal_omr.data.music.sign_composer import SignComposer
from focal_omr.data.music.staff_composer import StaffComposer, StaffMeasure
from focal_omr.score.score import (
    Direction,
    Key,
    Measure,
    MeasureRepeat,
    MultiRest,
    Part,
    PartGroup,
    Score,
    Sign,
    Spanner,
    Voice,
)

__all__ = ["compose_system"]

_ZERO = Fraction(0)
# Staves of each part, by texture, with weights.
_TEXTURES: dict[str, tuple[tuple[int, ...], float]] = {
    "one": ((1,), 58),
    "piano": ((2,), 26),
    "duo": ((1, 1), 6),
    "song": ((1, 2), 6),
    "quartet": ((1, 1, 1, 1), 4),
}
_PICKUP, _MULTIREST = 0.15, 0.05


@dataclass
class _PartDraft:
    """What a part has so far."""

    staves: list[StaffComposer]
    decorators: list[Decorator]
    measures: list[Measure] = field(default_factory=list)
    spanners: list[Spanner] = field(default_factory=list)


def compose_system(random: Random, columns: int, wishes: Sequence[tuple[str, Any]] = ()) -> tuple[Score, str]:
    """Compose a system; return it with its texture. It need not fit the alphabet of columns.

    Args:
        random: Random generator.
        columns: Approximate number of columns of its widest staff.
        wishes: Rare (factor, value) pairs to use, the most wanted first.
    """
    composer = _SystemComposer(Choices(random, wishes))
    return composer.compose(columns), composer.texture


class _SystemComposer:
    """Composes measure after measure for all staves."""

    def __init__(self, choices: Choices) -> None:
        self.choices, self.random = choices, choices.random
        self.texture = weighted(self.random, {name: weight for name, (_, weight) in _TEXTURES.items()})
        self.ids: Iterator[str] = (f"n{number}" for number in count(1))
        self.voiced = choices.chance(0.75)  # as many voices as the wishes need
        self.signs = SignComposer(choices)
        self.parts: list[_PartDraft] = []
        for part, staves in enumerate(_TEXTURES[self.texture][0], 1):
            vocal = self.texture == "song" and part == 1
            own = [self._staff(part, staff) for staff in range(1, staves + 1)]
            self.parts.append(_PartDraft(own, [Decorator(choices, vocal=vocal) for _ in own]))
        self.width = 0

    def _staff(self, part: int, number: int) -> StaffComposer:
        weights = (60, 33, 7) if self.texture in ("one", "piano") else (88, 12, 0)
        voices = self.random.choices((1, 2, 3), weights)[0]
        if self.voiced and (part, number) == (1, 1):
            voices = max(voices, self._voices_wished())
        chordal = self.choices.chance(0.5 if self.texture == "piano" else 0.2)
        return StaffComposer(self.choices, self.ids, (part, number), voices=voices, chordal=chordal)

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
        full = self.signs.full
        if self.choices.chance(_PICKUP):
            self._measure(min(beat_of(self.signs.meter), full), opening=True, pickup=True)
        else:
            self._measure(full, opening=True)
        while self.width < columns:
            before = self.width
            if self._multirest():
                continue
            self._measure(None)
            if self.width + (self.width - before) / 2 > columns:
                break
        parts = tuple(
            Part(
                id=f"P{number}",
                measures=tuple(part.measures),
                staves=len(part.staves),
                spanners=tuple(part.spanners),
            )
            for number, part in enumerate(self.parts, 1)
        )
        bracket = self.texture in ("quartet", "duo")
        return Score(parts=parts, groups=(PartGroup("P1", parts[-1].id),) if bracket else ())

    def _measure(self, length: Fraction | None, *, opening: bool = False, pickup: bool = False) -> None:
        """One measure of all parts.

        Args:
            length: In whole notes; None: as the meter says.
            opening: The first measure.
            pickup: Shorter than the meter says.
        """
        index = len(self.parts[0].measures) + 1
        signs = self.signs.opening() if opening else self.signs.changes()
        length = length or self.signs.full
        keys = [(_ZERO, self.signs.key)]
        inner, new_key = self.signs.inner(length)
        if new_key is not None and isinstance(new_key.value, Key):
            signs.append(new_key)
            keys.append((new_key.onset, new_key.value))
        left, right = self.signs.barlines()
        jumps = self.signs.jumps(length)
        self.parts[0].spanners += self.signs.endings(f"m1.{index}", right)
        widest = 0
        for number, part in enumerate(self.parts, 1):
            id_ = f"m{number}.{index}"
            found = [staff.begin(id_, length, keys) for staff in part.staves]
            for place, (staff, own) in enumerate(zip(part.staves, found, strict=True), 1):
                lower = part.staves[place] if place < len(part.staves) else None
                staff.compose(own, length, self.signs.meter, lower, first=opening)
            if opening:
                clefs = (Sign(_ZERO, staff.state.clefs[0][1], staff.number) for staff in part.staves)
                found[0].signs[:0] = clefs
            directions = [*jumps] if number == 1 else []
            directions += self._decorations(part, found, id_, length)
            part.measures.append(
                Measure(
                    id=id_,
                    number=str(index - pickup),
                    voices=tuple(_voices(part, found)),
                    signs=(*(sign for own in found for sign in own.signs), *signs),
                    directions=tuple(directions),
                    pickup=pickup,
                    left=left,
                    right=right,
                    barlines=tuple(inner),
                    repeats=tuple((n, MeasureRepeat()) for n, own in enumerate(found, 1) if own.repeats),
                )
            )
            widest = max(widest, *(own.columns for own in found))
        self.width += widest + 1 + len(signs)

    def _decorations(
        self, part: _PartDraft, found: Sequence[StaffMeasure], measure: str, length: Fraction
    ) -> list[Direction]:
        """Decorate the staves of a part; spanners are added, directions returned."""
        directions: list[Direction] = []
        for staff, decorator, own in zip(part.staves, part.decorators, found, strict=True):
            decorations = decorator.decorations(own.voices, measure, staff.number, length)
            directions += decorations.directions
            part.spanners += (*own.spanners, *decorations.spanners)
        return directions

    def _multirest(self) -> bool:
        """A rest of several measures in all parts, printed as one."""
        take = self.choices.take
        tens, units = take("multirest.tens"), take("multirest.units")
        wished = tens is not None or units is not None or take("kind", ["multirest"]) is not None
        if not wished and not self.choices.chance(_MULTIREST):
            return False
        drawn = divmod(self.random.choice((self.random.randint(2, 9), self.random.randint(2, 99))), 10)
        length = 10 * (drawn[0] if tens is None else tens) + (drawn[1] if units is None else units)
        length = max(length, 2)
        left = self.signs.left
        for number, part in enumerate(self.parts, 1):
            for place in range(length):
                index = len(part.measures) + 1
                found = []
                for staff in part.staves:
                    staff.rest()
                    found.append(StaffMeasure([[staff.measure_rest(self.signs.full)]]))
                part.measures.append(
                    Measure(
                        id=f"m{number}.{index}",
                        number=str(index),
                        voices=tuple(_voices(part, found)),
                        left=None if place else left,
                        multirest=None if place else MultiRest(length),
                    )
                )
        self.signs.left = None
        self.width += 2
        return True


def _voices(part: _PartDraft, found: Sequence[StaffMeasure]) -> Iterator[Voice]:
    """The voices of a part, numbered by staff."""
    for staff, own in zip(part.staves, found, strict=True):
        for number, events in enumerate(own.voices, 4 * staff.number - 3):
            yield Voice(number, tuple(event.record() for event in events))
