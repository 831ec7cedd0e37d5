"""Clefs, keys and meters of composed music, drawn by how often they are printed or as wished."""

from fractions import Fraction

from focal_omr.data.music.choices import Choices, weighted
from focal_omr.encodings.column_factors import BEATS, CLEFS, UNITS
from focal_omr.score.score import Clef, Key, Meter

__all__ = ["draw_clef", "draw_key", "draw_meter"]

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
    """A meter of at most three whole notes; a long one where a breve is wished for."""
    signs = {("meter", "common"): _COMMON, ("meter", "cut"): _CUT}
    wished = choices.take("kind", signs)
    if wished is not None:
        return signs[wished]
    beats, unit = choices.take("meter.beats", BEATS), choices.take("meter.unit", UNITS)
    if beats is None and unit is None:
        if any(Fraction(2) in choices.wishes.get(f"{stem}.value", ()) for stem in ("up", "down", "third")):
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
