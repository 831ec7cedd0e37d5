"""The factors of a column: what a network has to tell about it, as one table of softmaxes.

`FACTORS` is the table, `column_factors` the values of a column and `column_from_factors` the column of
values. The kind of a column says which factors are asked: the kind says which clef it is, a meter has beats
and a unit, notes have groups and positions; and an accidental is asked only where there is a head. So the
product of the factors asked is a probability over all columns.

The values are those of the OpenScore songs, string quartets and orchestral movements, and what is usual
besides; `OTHER` stands for the rest where the column can be read without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Any, cast

from focal_omr.encodings.columns import BARLINES, STEMS, Column, Group, Head, NoteColumn, SignColumn
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import NotationError
from focal_omr.score.score import Clef, Duration, Key, Meter

__all__ = [
    "FACTORS",
    "OFFSETS",
    "OTHER",
    "POSITIONS",
    "WIDTH",
    "Factor",
    "column_factors",
    "column_from_factors",
    "column_vocabulary",
]

OTHER = "other"
# Diatonic steps from the lowest line: six spaces below the staff to six above it.
POSITIONS = range(-12, 21)
VALUES = tuple(Fraction(2) ** power for power in range(1, -9, -1))  # breve to 1/256
RATIOS = (
    *((1, 1), (3, 2), (2, 3), (5, 4), (7, 4), (4, 3), (9, 8), (7, 6), (5, 3), (11, 8), (13, 8), (7, 8)),
    *((9, 4), (5, 6), (15, 8), (5, 2), (11, 12)),
)
CLEFS = (
    *(Clef("G", 2), Clef("F", 4), Clef("C", 3), Clef("C", 4), Clef("C", 1), Clef("G", 2, -1)),
    *(Clef("G", 2, 1), Clef("F", 4, -1), Clef("F", 3), Clef("C", 2), Clef("C", 5), Clef("G", 1)),
    *(Clef("F", 5), Clef("percussion", 3)),
)
BEATS = (
    *((n,) for n in (*range(1, 13), 15, 16, 18)),
    (3, 2),
    (2, 3),
    (3, 4),
    (3, 2, 2),
    (2, 2, 3),
    (3, 3, 2),
)
UNITS = (1, 2, 4, 8, 16)
SYMBOLS = {Meter((((4,), 4),), "common"): "common", Meter((((2,), 2),), "cut"): "cut"}
ENDINGS = ("1", "2", "3", "1, 2", OTHER, "stop", "discontinue")
SIGNS = ("segno", "coda", "ottava-1", "ottava-2", "ottava--1", "ottava-stop")
ACCIDENTALS = (None, "sharp", "flat", "natural", "double-sharp", "flat-flat")
HEADS = ("normal", "diamond", "x", "none")  # none: the bare end of a stem
# Which stems have a head at a position; two heads of one stem where there is no third stem that could have
# the second one. And of two heads at one position which are tied.
STEMS_AT: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (2,), (0, 1), (0, 0), (1, 1))
WITH_THIRD: dict[tuple[int, ...], tuple[int, ...]] = {(0, 0): (0, 2), (1, 1): (1, 2)}
TIES = ((False, False), (True, True), (True, False), (False, True))
MAX_MULTIREST = 99
# In whole notes. They cover 99.97 % of the columns of songs and 99.99 % of those of quartets and orchestra.
ADVANCES = (
    OTHER,
    *(
        Fraction(n, 64)
        for n in (0, 1, 2, 3, 4, 6, 8, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 48, 56, 64, 80, 96, 128)
    ),
    *(Fraction(n, 48) for n in (1, 2, 4, 8, 10, 16, 20, 28, 32)),
    *(
        Fraction(*pair)
        for pair in ((1, 36), (1, 18), (1, 40), (1, 20), (3, 80), (1, 10), (3, 20), (1, 28), (7, 40))
    ),
    *(Fraction(*pair) for pair in ((3, 88), (1, 44), (57, 88))),
)


@dataclass(frozen=True)
class Factor:
    """One thing that a column tells: a softmax over `values`.

    Attributes:
        offset: Column of its first value in a multi-hot vector of all factors.
        index: Index of each value.
    """

    name: str
    values: tuple[Any, ...]
    offset: int
    index: dict[Any, int] = field(repr=False)


def _table() -> Iterator[tuple[str, tuple[Any, ...]]]:
    kinds: list[object] = ["blank", "notes"]
    kinds += [("clef", clef) for clef in CLEFS]
    kinds += [("key", Key(fifths)) for fifths in range(-7, 8)]
    kinds += [("meter", name) for name in ("fraction", "common", "cut", "none")]
    kinds += [("barline", name) for name in BARLINES]
    kinds += [("ending", name) for name in ENDINGS]
    kinds += [("sign", name) for name in SIGNS]
    kinds += [("measure-repeat", measures) for measures in (1, 2, 4)]
    yield "kind", (*kinds, "multirest")
    yield "meter.beats", BEATS
    yield "meter.unit", UNITS
    yield "multirest.tens", tuple(range(MAX_MULTIREST // 10 + 1))
    yield "multirest.units", tuple(range(10))
    yield "advance", ADVANCES
    for stem in STEMS:
        third = stem == "third"  # 1 of 2,500 columns has one
        yield f"{stem}.value", (None, "measure", *VALUES)
        yield f"{stem}.dots", (0, 1) if third else (0, 1, 2, 3)
        yield f"{stem}.rest", (False, True)
        yield f"{stem}.grace", (None,) if third else (None, "plain", "slash")
        yield f"{stem}.ratio", RATIOS[:2] if third else RATIOS
        yield f"{stem}.tremolo", (0,) if third else (0, 1, 2, 3, 4)
        yield f"{stem}.fermata", (False, True)
    for position in POSITIONS:
        yield f"{position}.head", STEMS_AT
        yield f"{position}.accidental", ACCIDENTALS
        yield f"{position}.tie", TIES
        yield f"{position}.kind", HEADS


_VALUES = tuple(_table())
OFFSETS = tuple(accumulate((len(values) for _, values in _VALUES), initial=0))
FACTORS: tuple[Factor, ...] = tuple(
    Factor(name, values, offset, {value: i for i, value in enumerate(values)})
    for (name, values), offset in zip(_VALUES, OFFSETS, strict=False)
)
WIDTH = OFFSETS[-1]
_NAMES = {factor.name: number for number, factor in enumerate(FACTORS)}
_KINDS = FACTORS[0].index
_NOTES = _KINDS["notes"]
_ADVANCE = _NAMES["advance"]
_GROUPS = [_NAMES[f"{stem}.value"] for stem in STEMS]
_HEADS = _NAMES[f"{POSITIONS[0]}.head"]
_GROUP_SIZE = _GROUPS[1] - _GROUPS[0]
_HEAD_SIZE = 4
_EMPTY = (-1,) * len(FACTORS)


def column_vocabulary() -> Vocabulary:
    """The values of all factors by name; the blank, the first of them, is no symbol."""
    names = [f"{factor.name}={value}".replace(" ", "") for factor in FACTORS for value in factor.values]
    return Vocabulary(tuple(names[1:]))


def column_factors(column: Column) -> tuple[int, ...]:
    """The index of the value of each factor; -1 where the factor is not asked.

    Raises:
        NotationError: The table cannot say the column: why.
    """
    if isinstance(column, SignColumn):
        return _sign_factors(column)
    out = [*_EMPTY]
    out[0] = _NOTES
    out[_ADVANCE] = FACTORS[_ADVANCE].index.get(column.advance, 0)
    at: dict[int, list[tuple[int, Head]]] = {}
    for stem, group in enumerate(column.groups):
        first = _GROUPS[stem]
        if group is None:
            out[first] = 0
            continue
        heads = group.heads
        out[first : first + _GROUP_SIZE] = _group_factors(group, first)
        for position, head in heads:
            at.setdefault(position, []).append((stem, head))
    out[_HEADS::_HEAD_SIZE] = [0] * len(POSITIONS)
    for position, found in at.items():
        if position not in POSITIONS:
            raise NotationError("a note more than six spaces from the staff")
        first = _HEADS + _HEAD_SIZE * (position - POSITIONS[0])
        out[first : first + _HEAD_SIZE] = _head_factors(tuple(found), column.groups[2] is not None)
    return tuple(out)


def column_from_factors(values: Sequence[int]) -> Column:
    """The column of factor values, as `column_factors` gives them; values that are not asked are not looked
    at.

    Raises:
        NotationError: The values are those of the blank, or of notes without any group.
    """
    kind = FACTORS[0].values[values[0]]
    if kind == "notes":
        return _notes(values)
    if kind == "multirest":
        name = _NAMES["multirest.tens"]
        return SignColumn("multirest", 10 * values[name] + values[name + 1])
    if kind == "blank":
        raise NotationError("the blank is no column")
    name, value = kind
    if name == "meter":
        if value == "fraction":
            beats = BEATS[values[_NAMES["meter.beats"]]]
            value = Meter(((beats, UNITS[values[_NAMES["meter.unit"]]]),))
        else:
            signs = {symbol: meter for meter, symbol in SYMBOLS.items()}
            value = signs.get(value, Meter(()))
    return SignColumn(cast("Any", name), value)


def _sign_factors(column: SignColumn) -> tuple[int, ...]:
    out = [*_EMPTY]
    value = column.value
    if isinstance(value, Meter):
        name = SYMBOLS.get(value, "fraction" if value.terms else "none")
        out[0] = _KINDS["meter", name]
        if name == "fraction":
            if len(value.terms) > 1:
                raise NotationError("a meter of several fractions")
            beats, unit = value.terms[0]
            for factor, part in (("meter.beats", beats), ("meter.unit", unit)):
                number = _NAMES[factor]
                if part not in FACTORS[number].index:
                    raise NotationError(f"a meter of {'+'.join(map(str, beats))}/{unit}")
                out[number] = FACTORS[number].index[part]
        return tuple(out)
    if column.kind == "multirest":
        measures = int(cast("int", value))
        if not 0 < measures <= MAX_MULTIREST:
            raise NotationError(f"a rest of {measures} measures")
        number = _NAMES["multirest.tens"]
        out[0], out[number], out[number + 1] = _KINDS["multirest"], *divmod(measures, 10)
        return tuple(out)
    index = _KINDS.get((column.kind, value))
    if index is None and column.kind == "ending":
        index = _KINDS["ending", OTHER]
    if index is None:
        raise NotationError(f"the {column.kind} {value}")
    out[0] = index
    return tuple(out)


def _group_factors(group: Group, first: int) -> tuple[int, ...]:
    if group.duration is None:
        return (1, -1, -1, -1, -1, -1, int(group.fermata))
    duration, ratio = group.duration, group.ratio
    told = (duration.value, duration.dots, not group.heads, group.grace, ratio, group.tremolo, group.fermata)
    out = tuple(FACTORS[first + i].index.get(value, -1) for i, value in enumerate(told))
    if -1 in out:
        names = (
            f"a note value of {duration.value}",
            f"{duration.dots} dots",
            "rest",
            "a grace note",
            f"tuplets of {ratio[0]}:{ratio[1]}",
            f"a tremolo of {group.tremolo} strokes between two stems",
        )
        raise NotationError(names[out.index(-1)] + (" on a third stem" if first == _GROUPS[2] else ""))
    return out


@lru_cache(maxsize=4096)
def _head_factors(found: tuple[tuple[int, Head], ...], third: bool) -> tuple[int, ...]:
    stems = tuple(stem for stem, _ in found)
    head, other = found[0][1], found[-1][1]
    pairs = {WITH_THIRD.get(pair, pair) if third else pair: index for index, pair in enumerate(STEMS_AT)}
    if stems not in pairs:
        raise NotationError("heads of more than two stems at one position")
    if replace(other, tie=head.tie) != head:
        raise NotationError("two different heads at one position")
    if head.accidental not in ACCIDENTALS:
        raise NotationError(f"an accidental {head.accidental}")
    if head.kind not in HEADS:
        raise NotationError(f"a head of kind {head.kind}")
    return (
        pairs[stems],
        ACCIDENTALS.index(head.accidental),
        TIES.index((head.tie, other.tie)),
        HEADS.index(head.kind),
    )


def _notes(values: Sequence[int]) -> NoteColumn:
    heads: tuple[list[tuple[int, Head]], ...] = ([], [], [])
    for number, position in enumerate(POSITIONS):
        first = _HEADS + _HEAD_SIZE * number
        stems = STEMS_AT[values[first]]
        if not stems:
            continue
        if values[_GROUPS[2]]:
            stems = WITH_THIRD.get(stems, stems)
        accidental, kind = ACCIDENTALS[values[first + 1]], HEADS[values[first + 3]]
        for stem, tie in zip(stems, TIES[values[first + 2]], strict=False):
            heads[stem].append((position, Head(accidental, tie, kind)))
    groups = [
        _group(values[first : first + _GROUP_SIZE], tuple(own))
        for first, own in zip(_GROUPS, heads, strict=True)
    ]
    if not any(groups):
        raise NotationError("a column of notes without a note or rest")
    advance = ADVANCES[values[_ADVANCE]]
    return NoteColumn(cast("Any", tuple(groups)), None if advance == OTHER else cast("Any", advance))


def _group(values: Sequence[int], heads: tuple[tuple[int, Head], ...]) -> Group | None:
    """A group of its factors; a rest has no heads, whatever the positions say, and notes without heads are
    none."""
    value, dots, rest, grace, ratio, tremolo, fermata = values
    if value == 0:
        return None
    if value == 1:
        return Group(None, fermata=bool(fermata))
    if not (rest or heads):
        return None
    kind = None if rest else cast("Any", (None, "plain", "slash")[grace])
    duration = Duration(VALUES[value - 2], dots)
    return Group(duration, () if rest else heads, kind, RATIOS[ratio], tremolo, bool(fermata))
