"""Signs of composed music: clefs, keys, meters, barlines, endings, drawn by how often they are printed or as
wished."""

from collections.abc import Sequence
from fractions import Fraction

from focal_omr.data.music.choices import Choices, weighted
from focal_omr.encodings.column_factors import BEATS, CLEFS, OTHER, UNITS
from focal_omr.encodings.columns import BARLINES, STEMS
from focal_omr.score.score import Barline, Clef, Direction, Ending, Jump, Key, Meter, Sign

__all__ = ["SignComposer", "draw_clef", "draw_key", "draw_meter"]

_ZERO = Fraction(0)
_METER_SHOWN = 0.6

_CLEFS = {
    **{Clef("G", 2): 50, Clef("F", 4): 26, Clef("C", 3): 8, Clef("C", 4): 6, Clef("C", 1): 6},
    **{Clef("G", 2, -1): 4, Clef("G", 2, 1): 2, Clef("F", 4, -1): 2, Clef("F", 3): 2, Clef("C", 2): 2},
    **{Clef("C", 5): 1, Clef("G", 1): 1, Clef("F", 5): 1, Clef("percussion", 3): 2},
}
_FIFTHS = {
    0: 22,
    1: 14,
    -1: 14,
    2: 13,
    -2: 12,
    3: 9,
    -3: 9,
    4: 6,
    -4: 6,
    5: 4,
    -5: 4,
    6: 2,
    -6: 2,
    7: 1,
    -7: 1,
}
_COMMON, _CUT = Meter((((4,), 4),), "common"), Meter((((2,), 2),), "cut")
_METERS = {
    (4, 4): 12,
    (3, 4): 14,
    (2, 4): 12,
    (6, 8): 10,
    (3, 8): 5,
    (2, 2): 3,
    (3, 2): 3,
    (12, 8): 3,
    (9, 8): 3,
    (6, 4): 2,
    (5, 4): 2,
    (4, 2): 2,
    (7, 8): 1,
    (5, 8): 1,
    (4, 8): 1,
    (6, 16): 0.5,
}
_BARLINES = {
    **{"single": 100, "double": 2, "final": 1, "repeat-start": 2, "repeat-end": 2, "repeat-both": 1},
    **{"dashed": 0.4, "dotted": 0.4, "heavy": 0.1, "heavy-light": 0.1, "tick": 0.1, "short": 0.1},
}
_ENDINGS = ("1", "2", "3", "1, 2", OTHER, "stop", "discontinue")
_MAX_LENGTH = Fraction(3)


def draw_clef(choices: Choices, *, lower: bool) -> Clef:
    """A clef; of the lower of two staves mostly a bass clef."""
    wished = choices.take("kind", [("clef", clef) for clef in CLEFS])
    if wished is not None:
        return wished[1]
    if lower and choices.chance(0.8):
        return Clef("F", 4)
    return weighted(choices.random, _CLEFS)


def draw_key(choices: Choices) -> Key:
    """A key signature."""
    wished = choices.take("kind", [("key", Key(fifths)) for fifths in range(-7, 8)])
    return wished[1] if wished is not None else Key(weighted(choices.random, _FIFTHS))


def draw_meter(choices: Choices) -> Meter:
    """A meter of at most three whole notes; a long one where a note of more than a whole is wished for."""
    signs = {("meter", "common"): _COMMON, ("meter", "cut"): _CUT}
    wished = choices.take("kind", signs)
    if wished is not None:
        return signs[wished]
    beats, unit = choices.take("meter.beats", BEATS), choices.take("meter.unit", UNITS)
    if beats is None and unit is None:
        breve = any(Fraction(2) in choices.wishes.get(f"{stem}.value", ()) for stem in STEMS)
        if breve or any(each > 1 for each in choices.wishes.get("advance", ())):
            return Meter((((4,), 2),))
        if choices.chance(0.2):
            return choices.random.choice((_COMMON, _CUT))
        drawn = weighted(choices.random, _METERS)
        return Meter((((drawn[0],), drawn[1]),))
    if beats is None:
        beats = choices.random.choice([b for b in BEATS if Fraction(sum(b), unit) <= _MAX_LENGTH])
    units = [u for u in UNITS if Fraction(1, 4) <= Fraction(sum(beats), u) <= Fraction(3, 2)]
    if unit not in UNITS or Fraction(sum(beats), unit) > _MAX_LENGTH:
        unit = choices.random.choice(units or [16])
    return Meter(((beats, unit),))


class SignComposer:
    """What all staves of a system share: key, meter, barlines, endings.

    Args:
        choices: Random generator and wishes.

    Attributes:
        key, meter: In force at the end of what is composed.
        left: Left barline of the next measure.
    """

    def __init__(self, choices: Choices) -> None:
        self.choices, self.random = choices, choices.random
        uniform = self.random.random
        self.key, self.meter = draw_key(choices), draw_meter(choices)
        self.left: Barline | None = None
        self.change = 0.2 * uniform() ** 3
        self.jump_rate = 0.06 * uniform() ** 2
        self.ending_rate = 0.1 * uniform() ** 2
        self.divided_rate = 0.3 * uniform() ** 8

    @property
    def full(self) -> Fraction:
        """Length of a measure."""
        return self.meter.length or Fraction(1)

    def opening(self) -> list[Sign]:
        """Key and meter at the beginning of the system."""
        if self.choices.take("kind", [("barline", "repeat-start")]) or self.choices.chance(0.04):
            self.left = Barline("heavy-light", "forward")
        printed = self.choices.chance(_METER_SHOWN)
        return [Sign(_ZERO, Key(self.key.fifths)), Sign(_ZERO, self.meter, printed=printed)]

    def changes(self) -> list[Sign]:
        """A new key and meter at the beginning of a later measure."""
        choices, signs = self.choices, []
        wished = any(value[0] == "key" for value in choices.wishes.get("kind", ()))
        if choices.chance(self.change) or (wished and choices.chance(0.5)):
            old, self.key = self.key, draw_key(choices)
            if self.key.fifths != old.fifths:
                signs.append(Sign(_ZERO, self._cancelling(old)))
        if choices.chance(self.change / 2):
            meter = draw_meter(choices)
            if meter != self.meter:
                self.meter = meter
                signs.append(Sign(_ZERO, meter))
        return signs

    def inner(self, length: Fraction) -> tuple[list[tuple[Fraction, Barline]], Sign | None]:
        """A barline inside a measure, or a new key."""
        if not self.choices.chance(self.divided_rate) or length < Fraction(1, 2):
            return [], None
        if self.choices.chance(0.7):
            return [(length / 2, Barline(self.random.choice(("dashed", "dotted"))))], None
        old, drawn = self.key, draw_key(self.choices)
        if drawn.fifths in (0, old.fifths):  # naturals alone are not set inside a measure
            return [], None
        self.key = drawn
        return [], Sign(length / 2, self._cancelling(old))

    def _cancelling(self, old: Key) -> Key:
        """The new key, often with naturals for the old one; one without accidentals is nothing else."""
        cancels = not self.key.fifths or self.choices.chance(0.5)
        return Key(self.key.fifths, old.fifths if cancels else None)

    def barlines(self) -> tuple[Barline | None, Barline]:
        """The left and right barline of a measure; the left one of the next is remembered."""
        left = self.left
        wished = self.choices.take("kind", [("barline", name) for name in _BARLINES])
        style, back, forth = BARLINES[wished[1] if wished else weighted(self.random, _BARLINES)]
        self.left = Barline("heavy-light", "forward") if forth else None
        return left, Barline(style, "backward" if back else None)

    def jumps(self, length: Fraction) -> Sequence[Direction]:
        """A segno or coda at the beginning or end of a measure."""
        wished = self.choices.take("kind", [("sign", "segno"), ("sign", "coda")])
        if wished is None and not self.choices.chance(self.jump_rate):
            return ()
        name = wished[1] if wished else self.random.choice(("segno", "coda"))
        jump = Jump("segno") if name == "segno" else Jump("coda")
        return (Direction(self.random.choice((_ZERO, length)), jump, 1, "above"),)

    def endings(self, measure: str, right: Barline) -> Sequence[Ending]:
        """An ending over one measure."""
        wished = self.choices.take("kind", [("ending", name) for name in _ENDINGS])
        if wished is None and not self.choices.chance(self.ending_rate):
            return ()
        name = wished[1] if wished else self.random.choice(("1", "2", "1", "2", "3"))
        closed = name == "stop" or (
            name != "discontinue" and (bool(right.repeat) or self.choices.chance(0.5))
        )
        if name in ("stop", "discontinue"):
            name = self.random.choice(("1", "2"))
        elif name == OTHER:
            name = self.random.choice(("4", "1-3", "2, 3"))
        return (Ending(measure, measure, name, closed=closed),)
