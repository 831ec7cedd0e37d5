"""Evaluation of a network that reads columns on shards of labelled staves, by texture and by factor value."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from focal_omr.data.degrade.augment import plain_strip
from focal_omr.data.engraving.column_shards import StoredStaff, column_shard_index, is_column_shard
from focal_omr.encodings.column_factors import FACTORS, column_factors
from focal_omr.encodings.columns import Column, flat_symbols
from focal_omr.encodings.from_columns import score_from_columns
from focal_omr.errors import DataError
from focal_omr.metrics import correct_mask, error_rates
from focal_omr.recognize import Recognizer
from focal_omr.score.score import Chord

__all__ = ["ColumnEvaluation", "ColumnReading", "NoteCounts", "evaluate_columns", "find_column_shards"]

_LEAST_COUNT = 20  # of a factor value whose error is reported


class NoteCounts(NamedTuple):
    """Notes by pitch, onset and duration, and bars: how many were read, are in the label, and are in both."""

    hits: int
    read: int
    labelled: int
    right_bars: int
    bars: int

    @property
    def f1(self) -> float:
        """F1 of the notes in percent; 100 without any."""
        total = self.read + self.labelled
        return 200 * self.hits / total if total else 100.0

    @property
    def bars_right(self) -> float:
        """Share of bars that are exactly right, in percent."""
        return 100 * self.right_bars / self.bars if self.bars else 100.0


@dataclass(frozen=True)
class ColumnReading:
    """The columns of a staff as read and as labelled."""

    id: str
    texture: str
    hypothesis: tuple[Column, ...]
    reference: tuple[Column, ...]

    @cached_property
    def notes(self) -> NoteCounts:
        """Its notes and bars, those of one number compared."""
        read, labelled = _bars(self.hypothesis), _bars(self.reference)
        both = [a & b for a, b in zip(read, labelled, strict=False)]
        right = sum(a == b for a, b in zip(read, labelled, strict=False))
        hits, notes_read, notes = (sum(bar.total() for bar in bars) for bars in (both, read, labelled))
        return NoteCounts(hits, notes_read, notes, right, len(labelled))


@dataclass(frozen=True)
class ColumnEvaluation:
    """The result of an evaluation.

    Attributes:
        readings: One for each staff.
        seconds: Time for reading, without loading the model.
    """

    readings: tuple[ColumnReading, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; rates are in percent.

        `by_texture` has them for each kind of music, `by_value` the share of reference columns that were read
        wrong for each factor value that occurs at least 20 times, the rarest first.
        """
        textures = sorted({reading.texture for reading in self.readings})
        return {
            **_figures(self.readings),
            "seconds": round(self.seconds, 3),
            "by_texture": {
                texture: _figures([each for each in self.readings if each.texture == texture])
                for texture in textures
            },
            "by_value": {
                name: {"count": count, "error": round(100 * wrong / count, 2)}
                for name, (count, wrong) in self.value_errors.items()
                if count >= _LEAST_COUNT
            },
        }

    @cached_property
    def value_errors(self) -> dict[str, tuple[int, int]]:
        """For each factor value in the labels: number of columns with it, and of those read wrong; the rarest
        first."""
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for reading in self.readings:
            right = correct_mask(_comparable(reading.reference), _comparable(reading.hypothesis))
            for column, good in zip(reading.reference, right, strict=True):
                for name in set(_values(column)):
                    counts[name][0] += 1
                    counts[name][1] += not good
        return {
            name: (count, wrong) for name, (count, wrong) in sorted(counts.items(), key=lambda e: e[1][0])
        }


def find_column_shards(folder: Path) -> list[Path]:
    """The shards of columns in a folder, by name."""
    return sorted(path for path in folder.glob("*.tar") if is_column_shard(path))


def evaluate_columns(
    recognizer: Recognizer, folder: Path, *, on_progress: Callable[[StoredStaff], None] | None = None
) -> ColumnEvaluation:
    """Read every staff of the shards of a folder and compare its columns with the label.

    Args:
        recognizer: Reads the strips; its network reads columns.
        folder: Holds shards of `focal-omr data systems`.
        on_progress: Called before each staff.

    Raises:
        DataError: The folder holds no such shards, or they are damaged.
    """
    shards = find_column_shards(folder)
    if not shards:
        raise DataError(f"{folder}: no shards of columns; make them with `focal-omr data systems`")
    readings = []
    started = time.perf_counter()
    for shard in shards:
        for staff in column_shard_index(shard):
            if on_progress:
                on_progress(staff)
            hypothesis = recognizer.read_columns(plain_strip(staff.gray()))
            reference = staff.label().columns
            readings.append(ColumnReading(staff.id, staff.texture, tuple(hypothesis), reference))
    return ColumnEvaluation(tuple(readings), time.perf_counter() - started)


def _figures(readings: Sequence[ColumnReading]) -> dict[str, Any]:
    hypotheses, references = [r.hypothesis for r in readings], [r.reference for r in readings]
    symbols = error_rates([*map(_flat, hypotheses)], [*map(_flat, references)])
    columns = error_rates([*map(_comparable, hypotheses)], [*map(_comparable, references)])
    notes = NoteCounts(*(sum(each) for each in zip(*(r.notes for r in readings), strict=True)))
    return {
        "samples": symbols.samples,
        "symbols": symbols.symbols,
        "ser": round(symbols.ser, 3),
        "column_error": round(columns.ser, 3),
        "sequence_error_rate": round(columns.sequence_error_rate, 3),
        "note_f1": round(notes.f1, 3),
        "bars_right": round(notes.bars_right, 3),
    }


def _flat(columns: Sequence[Column]) -> list[Hashable]:
    return [symbol for column in columns for symbol in flat_symbols(column)]


def _comparable(columns: Sequence[Column]) -> list[Hashable]:
    """Columns without their advance, which follows from the durations."""
    return [tuple(flat_symbols(column)) for column in columns]


def _values(column: Column) -> Iterator[str]:
    """Names of the factor values of a column, without positions: "up.value=1/4", "accidental=sharp"."""
    for factor, index in zip(FACTORS, column_factors(column), strict=True):
        if index >= 0 and factor.name != "advance":
            place, _, name = factor.name.rpartition(".")
            value = factor.values[index]
            if place.lstrip("-").isdigit() and value and name == "head":
                yield f"position={place}"
            yield f"{name if place.lstrip('-').isdigit() else factor.name}={value}"


def _bars(columns: Sequence[Column]) -> list[Counter[Hashable]]:
    """The notes of each bar: pitch, onset and duration."""
    score = score_from_columns([[columns]]).score
    return [
        Counter(
            (str(note.pitch), event.onset, event.duration, event.grace is not None)
            for voice in measure.voices
            for event in voice.events
            if isinstance(event, Chord)
            for note in event.notes
        )
        for measure in score.parts[0].measures
    ]
