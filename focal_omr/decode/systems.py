"""The staves of a system decoded together: their barlines agree, and every voice fills its bar.

What the network says of each staff alone becomes one reading: a barline stands on all staves or on none, and
in each bar the ways to read every column are searched by the bar solver for those that add up.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import NoneType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from focal_omr.decode.columns import DecodedColumn, column_choices, column_probabilities, decode_columns
from focal_omr.encodings.bar_solver import Choices, SolvedBar, solve_readings
from focal_omr.encodings.column_factors import FACTORS
from focal_omr.encodings.columns import BARLINES, SUBDIVIDING, Column, NoteColumn, SignColumn
from focal_omr.score.score import Meter

__all__ = ["DecodedSystem", "StaffOutput", "decode_system"]

# Barlines of two staves are one within this many staff spaces; two of one staff are further apart.
_TOGETHER = 1.5
_MOST_EVIDENCE = 6.0  # nats that one staff adds for or against a barline
_KINDS = [FACTORS[0].index["barline", name] for name in BARLINES]
_NAMES = [*BARLINES]


@dataclass(frozen=True, slots=True)
class StaffOutput:
    """What the network says of a staff.

    Attributes:
        log_probs: (T, WIDTH) natural log-probabilities.
        xs: (T,) where the middle of each frame lies on the page, in staff spaces.
    """

    log_probs: NDArray[Any]
    xs: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecodedSystem:
    """The columns of a system.

    Attributes:
        staves: Columns of each staff, from the top, each with a `column`.
        bar_length: Length of a bar at its end in whole notes, for the next system; None if not known.
    """

    staves: tuple[tuple[DecodedColumn, ...], ...]
    bar_length: Fraction | None


def decode_system(
    staves: Sequence[StaffOutput], *, bar_length: Fraction | None = None, begins: bool = False
) -> DecodedSystem:
    """The columns of all staves of a system that fit each other.

    Args:
        staves: From the top.
        bar_length: Length of a bar in whole notes where the system begins; None if not known.
        begins: Whether music begins with this system, maybe with a pickup.
    """
    faint = [decode_columns(staff.log_probs, faint=True) for staff in staves]
    columns = [
        _with_choices(staff, own)
        for staff, own in zip(staves, _with_common_barlines(staves, faint), strict=True)
    ]
    prints_meter = any(map(_meters, columns))
    solved = [*_solve_bars(columns, bar_length, begins=begins)]
    if bar_length is None and not prints_meter:
        lengths = Counter(bar.solved.length for bar in solved if not bar.solved.unsolved)
        usual = lengths.most_common(1)
        if usual and 2 * usual[0][1] > len(solved):
            bar_length = usual[0][0]
            solved = [*_solve_bars(columns, bar_length, begins=begins)]
    read: list[list[DecodedColumn]] = [[] for _ in staves]
    for bar in solved:
        for own, chosen in zip(read, bar.columns, strict=True):
            own += chosen
        bar_length = bar.full
    return DecodedSystem(tuple(map(tuple, read)), bar_length)


class _Item(NamedTuple):
    """A column, and the ways to read it; None for a sign."""

    decoded: DecodedColumn
    choices: Choices | None


# Barlines --------------------------------------------------------------------------------------------------


def _with_common_barlines(
    staves: Sequence[StaffOutput], columns: Sequence[Sequence[DecodedColumn]]
) -> list[list[DecodedColumn]]:
    """The columns of each staff, with barlines where the staves together say that there is one."""
    kept = [[each for each in own if not _is_barline(each)] for own in columns]
    for group in _barlines(staves, columns):
        x = float(np.median([staves[number].xs[each.peak_frame] for number, each in group.items()]))
        peaks = [
            group[number].peak_frame if number in group else _most_likely_barline(staff, x)
            for number, staff in enumerate(staves)
        ]
        rows = [staff.log_probs[peak] for staff, peak in zip(staves, peaks, strict=True)]
        kinds = np.array([row[_KINDS] for row in rows], np.float64)  # (S, kinds)
        shares = np.clip(np.exp(kinds).sum(axis=1), 1e-9, 1 - 1e-9)
        evidence = np.clip(np.log(shares / (1 - shares)), -_MOST_EVIDENCE, _MOST_EVIDENCE)
        if evidence.sum() <= 0:
            continue
        column = SignColumn("barline", _NAMES[int(kinds.sum(axis=0).argmax())])
        for number, (row, peak) in enumerate(zip(rows, peaks, strict=True)):
            first, end = peak, peak + 1
            if number in group:
                first, end = group[number].first_frame, group[number].end_frame
            kept[number].append(
                DecodedColumn(column, first, end, peak, column_probabilities(row, column), row, float(row[0]))
            )
    for own in kept:
        own.sort(key=lambda each: each.peak_frame)
    return kept


def _is_barline(decoded: DecodedColumn) -> bool:
    return isinstance(decoded.column, SignColumn) and decoded.column.kind == "barline"


def _barlines(
    staves: Sequence[StaffOutput], columns: Sequence[Sequence[DecodedColumn]]
) -> list[dict[int, DecodedColumn]]:
    """The barlines of all staves, those at one place together: by number of the staff."""
    found = sorted(
        (float(staff.xs[each.peak_frame]), number, each.peak_frame, each)
        for number, (staff, own) in enumerate(zip(staves, columns, strict=True))
        for each in own
        if _is_barline(each)
    )
    groups: list[dict[int, DecodedColumn]] = []
    last = -np.inf
    for x, number, _, each in found:
        if x - last > _TOGETHER or number in groups[-1]:
            groups.append({})
        groups[-1][number] = each
        last = x
    return groups


def _most_likely_barline(staff: StaffOutput, x: float) -> int:
    """The frame within reach of x in which a barline is most probable."""
    near = np.flatnonzero(np.abs(staff.xs - x) <= _TOGETHER)
    if not near.size:
        return int(np.abs(staff.xs - x).argmin())
    return int(near[staff.log_probs[near][:, _KINDS].max(axis=1).argmax()])


# Bars ------------------------------------------------------------------------------------------------------


def _with_choices(staff: StaffOutput, columns: Sequence[DecodedColumn]) -> list[_Item]:
    """Columns with the ways to read those that are or may be notes."""
    notes = [each for each in columns if isinstance(each.column, NoteColumn | NoneType)]
    placed = zip(notes, column_choices(notes), strict=True)
    choices = (replace(own, x=float(staff.xs[each.peak_frame])) for each, own in placed)
    return [
        _Item(each, next(choices) if isinstance(each.column, NoteColumn | NoneType) else None)
        for each in columns
    ]


@dataclass(frozen=True, slots=True)
class _Bar:
    """A measure: its columns on each staff as chosen, how it was solved, and a full measure's length."""

    columns: list[list[DecodedColumn]]
    solved: SolvedBar
    full: Fraction | None


def _solve_bars(staves: Sequence[Sequence[_Item]], full: Fraction | None, *, begins: bool) -> Iterator[_Bar]:
    """The measures of a system, one after the other."""
    bars = [_split(items) for items in staves]
    divided = begins
    for index in range(max(map(len, bars))):
        together = [own[index] if index < len(own) else [] for own in bars]
        meters = Counter(meter for own in together for meter in _meters(own)).most_common(1)
        full = meters[0][0].length if meters else full
        ends = [own[-1].decoded.column for own in together if own and _is_barline(own[-1].decoded)]
        single = bool(ends) and ends[0] == SignColumn("barline", "single")
        yield _solve(together, full, pickup=divided or not single)
        notes = any(item.choices for own in together for item in own)
        divided = not single or (divided and not notes)


def _split(items: Sequence[_Item]) -> list[list[_Item]]:
    """The columns of each measure, its barline last."""
    bars: list[list[_Item]] = [[]]
    for item in items:
        bars[-1].append(item)
        column = item.decoded.column
        if isinstance(column, SignColumn) and column.kind == "barline" and column.value not in SUBDIVIDING:
            bars.append([])
    return bars if bars[-1] else bars[:-1]


def _meters(items: Sequence[_Item]) -> list[Meter]:
    signs = [item.decoded.column for item in items if isinstance(item.decoded.column, SignColumn)]
    return [sign.value for sign in signs if isinstance(sign.value, Meter)]


def _solve(staves: Sequence[Sequence[_Item]], full: Fraction | None, *, pickup: bool) -> _Bar:
    """One measure: the readings that the bar solver chooses, each with the advance that it found."""
    choices = [[item.choices for item in own if item.choices is not None] for own in staves]
    solved = solve_readings(choices, full, pickup=pickup)
    chosen: list[list[DecodedColumn]] = []
    for number, own in enumerate(staves):
        ways = zip(choices[number], solved.chosen[number], strict=True)
        readings = [options.readings[way].column for options, way in ways]
        if number not in solved.unsolved:
            readings = _with_advances(readings, solved.onsets[number], solved.length)
        columns = iter(readings)
        read = ((item.decoded, next(columns) if item.choices else item.decoded.column) for item in own)
        chosen.append([_read_as(decoded, column) for decoded, column in read if column is not None])
    return _Bar(chosen, solved, full)


def _read_as(decoded: DecodedColumn, column: Column) -> DecodedColumn:
    """A column read in another way, or only with another advance, on which no confidence depends."""
    before = decoded.column
    same = (
        isinstance(column, NoteColumn) and isinstance(before, NoteColumn) and column.groups == before.groups
    )
    if same or column == before:
        return replace(decoded, column=column)
    return replace(decoded, column=column, probabilities=column_probabilities(decoded.row, column))


def _with_advances(
    columns: Sequence[NoteColumn | None], onsets: Sequence[Fraction], length: Fraction
) -> list[NoteColumn | None]:
    """Columns that tell the time to the next one, as it was found."""
    following = length
    told: list[NoteColumn | None] = []
    for column, onset in zip(reversed(columns), reversed(onsets), strict=True):
        if column is None:
            told.append(None)
        elif all(group is None or group.duration is None for group in column.groups):
            told.append(replace(column, advance=Fraction(0)))
        else:
            told.append(replace(column, advance=following - onset))
            following = onset
    return told[::-1]
