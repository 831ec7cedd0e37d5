"""Rhythms of one voice: written durations that fill a measure, with tuplets and tremolos."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from focal_omr.data.music.choices import Choices
from focal_omr.encodings.column_factors import ADVANCES, RATIOS
from focal_omr.score.score import Duration, Meter

__all__ = ["Rhythm", "RhythmStyle", "Slot", "advance_leads", "beat_of", "fill", "written"]

_ZERO = Fraction(0)
F = Fraction
# Rhythms of one beat, as shares of the beat, with weights.
_CELLS: dict[tuple[Fraction, ...], float] = {
    (F(1),): 36,
    (F(1, 2), F(1, 2)): 26,
    (F(3, 4), F(1, 4)): 12,
    (F(1, 4), F(3, 4)): 2,
    (F(1, 4),) * 4: 14,
    (F(1, 2), F(1, 4), F(1, 4)): 7,
    (F(1, 4), F(1, 4), F(1, 2)): 7,
    (F(1, 4), F(1, 2), F(1, 4)): 2,
    (F(7, 8), F(1, 8)): 3,
    (F(3, 4), F(1, 8), F(1, 8)): 4,
    (F(1, 2), *(F(1, 8),) * 4): 3,
    (F(1, 8),) * 8: 1,
}
_TERNARY_CELLS: dict[tuple[Fraction, ...], float] = {
    (F(1),): 24,
    (F(1, 3),) * 3: 30,
    (F(2, 3), F(1, 3)): 24,
    (F(1, 3), F(2, 3)): 3,
    (F(1, 2), F(1, 6), F(1, 3)): 12,
    (F(1, 3), F(1, 3), F(1, 6), F(1, 6)): 6,
    (F(1, 6),) * 6: 8,
}
_TUPLETS: dict[tuple[int, int], float] = {(3, 2): 30, (6, 4): 6, (5, 4): 4, (7, 4): 2, (2, 3): 3, (4, 3): 2}
_WRITTEN = {
    Duration(F(2) ** power, dots).length: Duration(F(2) ** power, dots)
    for dots in (3, 2, 1, 0)
    for power in range(1, -9, -1)
}
_BY_LENGTH = sorted(_WRITTEN.items(), reverse=True)
# Tuplets that are written as one in another.
_NESTED = {(9, 4): ((3, 2), (3, 2)), (15, 8): ((3, 2), (5, 4)), (5, 6): ((5, 4), (2, 3))}
_LONGEST = F(2)


@dataclass
class Slot:
    """A place in a voice for a chord, a rest or a space.

    Attributes:
        onset, length: In the measure, in whole notes.
        duration: As written; None: a space.
        rest: For a rest.
        tremolo: Strokes of a tremolo with the next slot (start) or the one before (stop).
    """

    onset: Fraction
    length: Fraction
    duration: Duration | None
    rest: bool = False
    tremolo: tuple[int, Literal["start", "stop"]] | None = None


@dataclass
class Rhythm:
    """The slots of a voice in a measure; tuplets as (first slot, last slot, actual, normal, value)."""

    slots: list[Slot] = field(default_factory=list)
    tuplets: list[tuple[int, int, int, int, Fraction]] = field(default_factory=list)

    @property
    def end(self) -> Fraction:
        """Where the last slot ends."""
        return self.slots[-1].onset + self.slots[-1].length if self.slots else _ZERO

    def add(self, duration: Duration, factor: Fraction = Fraction(1)) -> None:
        """Append a slot of a written duration, in tuplets of a combined factor."""
        self.slots.append(Slot(self.end, duration.length * factor, duration))

    def add_space(self, length: Fraction) -> None:
        """Append time in which nothing is printed."""
        self.slots.append(Slot(self.end, length, None))


@dataclass(frozen=True)
class RhythmStyle:
    """Rates of a voice's rhythms: beats merged into longer notes, tuplets, rests, tremolos, and how often
    the beat is halved."""

    merge: float
    tuplet: float
    rest: float
    tremolo: float
    halvings: int


def beat_of(meter: Meter) -> Fraction:
    """The beat in whole notes, dotted in compound meters."""
    if not meter.terms:
        return F(1, 4)
    beats, unit = meter.terms[0]
    if unit >= 8 and len(beats) == 1 and beats[0] % 3 == 0:
        return F(3, unit)
    return F(1, min(unit, 8))


def written(length: Fraction, choices: Choices) -> list[Duration]:
    """Written durations that add up to a length, longest first.

    Args:
        length: In whole notes, a multiple of 1/256.
        choices: Draws the number of dots.

    Raises:
        ValueError: The length is no multiple of 1/256.
    """
    found: list[Duration] = []
    dots = choices.random.choice((0, 1, 1, 2, 3))
    while length > 0:
        duration = next(
            (d for size, d in _BY_LENGTH if size <= length and d.dots <= dots),
            None,
        )
        if duration is None:
            raise ValueError(f"{length} cannot be written")
        found.append(duration)
        length -= duration.length
    return found


def fill(
    choices: Choices,
    stem: str,
    length: Fraction,
    beat: Fraction,
    style: RhythmStyle,
    lead: Sequence[Duration] = (),
) -> Rhythm:
    """Fill a length, first with what is wished for on this stem.

    Args:
        choices: Draws, and knows the wishes.
        stem: Prefix of the stem's factors.
        length: Of the measure, in whole notes.
        beat: Length of a beat.
        style: Rates.
        lead: Durations that it begins with.
    """
    rhythm = Rhythm()
    for duration in lead:
        rhythm.add(duration)
    beat = max(beat / 2**style.halvings, F(1, 16))
    special = _wished(choices, stem, length - rhythm.end)
    before = rhythm.end + choices.random.randrange(4) * beat
    while length - rhythm.end > 0:
        left = length - rhythm.end
        if special is not None and (rhythm.end >= before or special[0] + beat > left):
            if special[0] <= left:
                _add_special(rhythm, special, choices)
            special = None
            continue
        span = beat
        if choices.chance(0.35 * style.merge):
            span *= choices.random.choice((2, 2, 3, 4))
        _add_span(rhythm, min(span, left), choices, style)
    for slot in rhythm.slots[len(lead) :]:
        slot.rest = slot.tremolo is None and choices.chance(style.rest)
    return rhythm


def advance_leads(choices: Choices, length: Fraction) -> tuple[list[Duration], list[Duration]]:
    """Durations with which two voices begin, so that a wished advance comes between their notes."""
    possible = [each for each in ADVANCES if isinstance(each, Fraction) and 0 < each <= length]
    advance = choices.take("advance", possible)
    if advance is None:
        return [], []
    if advance in _WRITTEN:
        return [_WRITTEN[advance]], [_WRITTEN[advance]]
    for first in sorted(_WRITTEN):
        after = next((size for size in sorted(_WRITTEN) if size >= advance), length)
        if first + advance in _WRITTEN and max(first + after, first + advance) <= length:
            return [_WRITTEN[first + advance]], [_WRITTEN[first], _WRITTEN[after]]
    if _in_tuplet(advance) is not None:
        choices.wishes["advance"].insert(0, advance)  # for one voice
    return [], []


def _in_tuplet(advance: Fraction) -> tuple[tuple[int, int], Duration, Fraction] | None:
    """A ratio, a duration that lasts as long in a tuplet of it, and the value of the tuplet's notes."""
    for actual, normal in _TUPLETS:
        duration = _WRITTEN.get(advance * Fraction(actual, normal))
        if duration is not None:
            value = duration.value / 2
            while actual * value <= duration.length:
                value *= 2
            return (actual, normal), duration, value
    return None


def _wished(choices: Choices, stem: str, length: Fraction) -> tuple[Fraction, str, Any] | None:
    """A wish that a rhythm fulfils: the length that it takes, its kind and value."""
    ratio = choices.take(f"{stem}.ratio", RATIOS[1:])
    if ratio is not None:
        normal = _NESTED[ratio][0][1] if ratio in _NESTED else ratio[1]
        values = [F(1, n) for n in (4, 8, 16, 32) if F(normal, n) <= min(length, F(1))]
        if values:
            return normal * choices.random.choice(values), "ratio", ratio
    advance = choices.take("advance", (a for a in ADVANCES if isinstance(a, Fraction) and _in_tuplet(a)))
    if isinstance(advance, Fraction) and (found := _in_tuplet(advance)) is not None:
        span = found[2] * found[0][1]
        if span <= length:
            return span, "member", found
    strokes = choices.take(f"{stem}.tremolo", (1, 2, 3, 4))
    if strokes is not None:
        span = choices.random.choice((F(1, 4), F(1, 2), F(1)))
        return (span, "tremolo", strokes) if span <= length else None
    value = choices.take(f"{stem}.value", [d.value for d in _WRITTEN.values()])
    dots = choices.take(f"{stem}.dots", (0, 1, 2, 3))
    if value is None and dots is None:
        return None
    if value is None:
        value = choices.random.choice((F(1, 2), F(1, 4), F(1, 8)))
    dots = min(dots or 0, 9 - value.denominator.bit_length())
    duration = Duration(value, dots)
    span = Fraction(-(-duration.length // F(1, 8)), 8)  # whole eighths
    if span > length >= duration.length:
        span = duration.length
    return (span, "value", duration) if span <= length else None


def _add_special(rhythm: Rhythm, special: tuple[Fraction, str, Any], choices: Choices) -> None:
    span, kind, value = special
    if kind == "tremolo":
        _add_tremolo(rhythm, value, span)
    elif kind == "ratio":
        if value in _NESTED:
            outer, inner = _NESTED[value]
            _add_nested(rhythm, outer, inner, span / outer[1])
        else:
            _add_tuplet(rhythm, value, span / value[1], choices)
    elif kind == "member":
        ratio, duration, unit = value
        first = len(rhythm.slots)
        for each in (duration, *written(ratio[0] * unit - duration.length, choices)):
            rhythm.add(each, F(ratio[1], ratio[0]))
        rhythm.tuplets.append((first, len(rhythm.slots) - 1, *ratio, unit))
    else:
        others = written(span - value.length, choices)
        for duration in [value, *others] if choices.chance(0.6) else [*reversed(others), value]:
            rhythm.add(duration)


def _add_span(rhythm: Rhythm, span: Fraction, choices: Choices, style: RhythmStyle) -> None:
    """Fill one span: a note, a cell, a tuplet or a tremolo."""
    if choices.chance(style.tremolo) and span in (F(1, 4), F(1, 2), F(1)):
        _add_tremolo(rhythm, choices.random.choice((1, 2, 3, 3)), span)
        return
    ternary = span.numerator == 3
    ratios = {
        r: w for r, w in _TUPLETS.items() if (r[1] % 3 == 0) == ternary and F(1, 64) <= span / r[1] <= F(1, 4)
    }
    if ratios and choices.chance(style.tuplet):
        ratio = choices.random.choices([*ratios], [*ratios.values()])[0]
        _add_tuplet(rhythm, ratio, span / ratio[1], choices)
        return
    cells = _TERNARY_CELLS if ternary else _CELLS
    shares: Sequence[Fraction] = (F(1),)
    if span < F(1, 2) or not choices.chance(0.75):
        shares = choices.random.choices([*cells], [*cells.values()])[0]
    lengths = [span * share for share in shares]
    if any(length not in _WRITTEN or length < F(1, 128) for length in lengths):
        for duration in written(span, choices):
            rhythm.add(duration)
        return
    for length in lengths:
        rhythm.add(_WRITTEN[length])


def _add_tremolo(rhythm: Rhythm, strokes: int, span: Fraction) -> None:
    """Two chords of half the span each, both written with the whole."""
    for side in ("start", "stop"):
        slot = Slot(rhythm.end, span / 2, Duration(span), tremolo=(strokes, side))
        rhythm.slots.append(slot)


def _add_tuplet(rhythm: Rhythm, ratio: tuple[int, int], value: Fraction, choices: Choices) -> None:
    """A tuplet of notes of a value, some of them joined or split."""
    first = len(rhythm.slots)
    factor = F(ratio[1], ratio[0])
    left = ratio[0]
    while left:
        size = 2 if left > 1 and ratio[0] > 2 and choices.chance(0.12) else 1
        if size == 1 and value > F(1, 64) and choices.chance(0.06):
            rhythm.add(Duration(value / 2), factor)
            rhythm.add(Duration(value / 2), factor)
        elif size == 1 and left > 1 and value > F(1, 64) and choices.chance(0.06):
            rhythm.add(Duration(value, 1), factor)
            rhythm.add(Duration(value / 2), factor)
            size = 2
        else:
            rhythm.add(Duration(value * size), factor)
        left -= size
    rhythm.tuplets.append((first, len(rhythm.slots) - 1, *ratio, value))


def _add_nested(rhythm: Rhythm, outer: tuple[int, int], inner: tuple[int, int], unit: Fraction) -> None:
    """A tuplet of units of a value, the first of them replaced by a tuplet.

    Args:
        rhythm: What it is appended to.
        outer, inner: The ratios.
        unit: Value of the outer tuplet's notes.
    """
    taken = inner[1] if inner[1] == 3 else 1  # units of the outer tuplet that the inner one takes
    value = unit * taken / inner[1]
    factor = F(outer[1], outer[0])
    first = len(rhythm.slots)
    for _ in range(inner[0]):
        rhythm.add(Duration(value), factor * F(inner[1], inner[0]))
    rhythm.tuplets.append((first, len(rhythm.slots) - 1, *inner, value))
    for _ in range(outer[0] - taken):
        rhythm.add(Duration(unit), factor)
    rhythm.tuplets.append((first, len(rhythm.slots) - 1, *outer, unit))
