"""Columns as serial symbols: nothing is lost, and what a perfect network says is read back."""

from collections.abc import Sequence

import numpy as np
import pytest
from column_staves import staff_record

from focal_omr.data.serial_columns import (
    ADVANCE,
    SERIAL_OFFSETS,
    read_serial,
    serial_factors,
    serial_vocabulary,
)
from focal_omr.encodings.column_factors import FACTORS, WIDTH, column_factors, column_from_factors
from focal_omr.encodings.columns import Column, NoteColumn, flat_symbols


def _factors(columns: Sequence[Column]) -> np.ndarray:
    return np.array([column_factors(column) for column in columns], np.int8)


def _output(symbols: np.ndarray) -> np.ndarray:
    """Log-probabilities of a network that is sure of each symbol in one frame, with a blank after each."""
    log_probs = np.full((2 * len(symbols), WIDTH + 1), -9.0, np.float32)
    for frame in range(len(log_probs)):
        row = symbols[frame // 2] if frame % 2 == 0 else np.zeros(len(FACTORS), np.int8)
        for offset, value in zip(SERIAL_OFFSETS[:-1], row, strict=True):
            log_probs[frame, offset + max(0, int(value))] = -0.01
    return log_probs


def test_the_vocabulary_has_one_kind_more() -> None:
    vocabulary = serial_vocabulary()
    assert vocabulary.classes == WIDTH + 1 == SERIAL_OFFSETS[-1]
    assert vocabulary.symbols[SERIAL_OFFSETS[1] - 2] == ADVANCE


@pytest.mark.parametrize("number", range(12))
def test_symbols_are_read_back_as_columns(number: int) -> None:
    # As the factors tell them: all endings but the usual ones are "other".
    columns = [column_from_factors(column_factors(column)) for column in staff_record(number).columns]
    if any(isinstance(column, NoteColumn) and column.groups[2] is not None for column in columns):
        pytest.skip("a third stem takes the heads of another where a single note cannot say so")
    symbols = serial_factors(_factors(columns))
    notes = sum(len(flat_symbols(column)) for column in columns)
    assert len(symbols) == notes + len(columns) - 1
    read = read_serial(_output(symbols))
    assert [sorted(map(repr, flat_symbols(c))) for c in read] == [
        sorted(map(repr, flat_symbols(c))) for c in columns
    ]


def test_no_columns_are_no_symbols() -> None:
    assert serial_factors(np.zeros((0, len(FACTORS)), np.int8)).shape == (0, len(FACTORS))
    assert read_serial(np.full((3, WIDTH + 1), -1.0, np.float32)) == ()
