"""Columns as serial symbols, to compare with: note after note, and an *advance* between two columns.

A symbol is a column with a single note or rest, or a sign; the advance is one more kind, the last of the
first factor. A chord needs a frame for each of its notes, which dense music does not have.

Source: Alfaro-Contreras, Calvo-Zaragoza & Iñesta 2019, "Approaching end-to-end optical music recognition for
homophonic scores"; factors instead of one class per symbol are ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from focal_omr.decode.columns import decode_columns
from focal_omr.encodings.column_factors import (
    FACTORS,
    OFFSETS,
    column_factors,
    column_from_factors,
    column_vocabulary,
)
from focal_omr.encodings.columns import Column, Group, NoteColumn
from focal_omr.encodings.vocabulary import Vocabulary

__all__ = ["ADVANCE", "SERIAL_OFFSETS", "read_serial", "serial_factors", "serial_vocabulary"]

ADVANCE = "kind=advance"
_ADVANCE_KIND = len(FACTORS[0].values)
SERIAL_OFFSETS = (0, *(offset + 1 for offset in OFFSETS[1:]))


def serial_vocabulary() -> Vocabulary:
    """The values of all factors with the advance as the last kind."""
    symbols = column_vocabulary().symbols
    return Vocabulary((*symbols[: _ADVANCE_KIND - 1], ADVANCE, *symbols[_ADVANCE_KIND - 1 :]))


def serial_factors(factors: NDArray[np.int8]) -> NDArray[np.int8]:
    """The symbols of columns, (V, K), of their factors, (U, K), with an advance between two columns."""
    advance = [_ADVANCE_KIND, *[-1] * (len(FACTORS) - 1)]
    rows: list[Sequence[int]] = []
    for number, row in enumerate(factors.tolist()):
        rows += [advance] * bool(number)
        rows += [column_factors(symbol) for symbol in _symbols(column_from_factors(row))]
    return np.array(rows, np.int8).reshape(len(rows), len(FACTORS))


def read_serial(log_probs: NDArray[np.float32]) -> tuple[Column, ...]:
    """Read columns greedily.

    Args:
        log_probs: (T, F + 1) natural log-probabilities of the values of `serial_vocabulary`.
    """
    advances = log_probs[:, : OFFSETS[1] + 1].argmax(axis=1) == _ADVANCE_KIND
    rest = np.delete(log_probs, _ADVANCE_KIND, axis=1)
    rest[advances, 0] = 0.0  # a frame of an advance holds no symbol
    rest[advances, 1 : OFFSETS[1]] = -np.inf
    starts = np.flatnonzero(advances & ~np.concatenate(([False], advances[:-1])))
    symbols = [each for each in decode_columns(rest) if each.column is not None]
    columns = []
    for start, end in pairwise((-1, *starts.tolist(), len(log_probs))):
        own = [each.column for each in symbols if start <= each.first_frame < end]
        columns += _united([column for column in own if column is not None])
    return tuple(columns)


def _symbols(column: Column) -> list[Column]:
    """A column for each note and rest of a column."""
    if not isinstance(column, NoteColumn):
        return [column]
    symbols: list[Column] = []
    for stem, group in enumerate(column.groups):
        if group is None:
            continue
        single = [replace(group, heads=(head,)) for head in group.heads] or [group]
        symbols += [_notes({stem: each}, column.advance) for each in single]
    return symbols


def _united(symbols: Iterable[Column]) -> list[Column]:
    """The columns of the symbols between two advances: the notes as one, the signs as they are."""
    signs: list[Column] = []
    groups: dict[int, Group] = {}
    advance = None
    for symbol in symbols:
        if not isinstance(symbol, NoteColumn):
            signs.append(symbol)
            continue
        advance = symbol.advance
        for stem, group in enumerate(symbol.groups):
            if group is not None:
                heads = (*(groups[stem].heads if stem in groups else ()), *group.heads)
                groups[stem] = replace(group, heads=tuple(sorted(heads, key=itemgetter(0))))
    return [*signs, _notes(groups, advance)] if groups else signs


def _notes(groups: Mapping[int, Group], advance: Fraction | None) -> NoteColumn:
    """A column of notes of its groups by stem."""
    return NoteColumn((groups.get(0), groups.get(1), groups.get(2)), advance)
