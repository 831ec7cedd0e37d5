"""Studies of columns: sets of engraved systems, and readings as sequences of factor values."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from focal_omr.data.degrade.augment import plain_strip
from focal_omr.data.engraving.column_shards import StoredStaff, column_shard_index
from focal_omr.data.engraving.render_systems import write_column_shards
from focal_omr.data.loader import list_staves
from focal_omr.data.music.score_stream import MusicSource
from focal_omr.data.subset import imbalance_ratio
from focal_omr.encodings.column_factors import FACTORS, column_factors
from focal_omr.encodings.columns import Column, flat_symbols
from focal_omr.errors import ConfigError
from focal_omr.experiment.grid import SystemsConfig
from focal_omr.experiment.set_parts import IMBALANCE, TEST, TRAIN, StudySet
from focal_omr.metrics import error_rates
from focal_omr.runtime.atomic_files import write_atomic
from focal_omr.training.column_validation import read_columns
from focal_omr.training.validation import InputReading

__all__ = ["column_figures", "prepare_systems", "read_column_set", "value_names"]

_ADVANCE = next(number for number, factor in enumerate(FACTORS) if factor.name == "advance")


def prepare_systems(config: SystemsConfig, folder: Path) -> StudySet:
    """Engrave the staves of a study of columns; existing ones are reused.

    Args:
        config: Sizes and seed.
        folder: The data go into a folder of the set's name below it.

    Raises:
        ConfigError: The folder holds data of other settings.
    """
    place = folder / config.name.replace(" ", "-")
    note = place / "set.json"
    made_of = {"data": f"composed systems, seed {config.seed}", "set": config.model_dump(mode="json")}
    if note.exists():
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["made_of"] != made_of:
            raise ConfigError(f"{place}: prepared with other settings; choose another --out folder")
    else:
        shutil.rmtree(place, ignore_errors=True)  # left by an interrupted run: the note is written last
        known = {"made_of": made_of, **_engrave(config, place)}
        write_atomic(note, json.dumps(known, indent=1).encode())
    shards = {part: place / "shards" / part for part in (TRAIN, TEST, IMBALANCE)}
    return StudySet(config.name, shards, known["counts"][TRAIN], known)


def _engrave(config: SystemsConfig, place: Path) -> dict[str, Any]:
    """Engrave the parts of a set; the notes on it."""
    sizes = {TRAIN: config.train, TEST: config.test, IMBALANCE: config.imbalance}
    counts: dict[str, Counter[str]] = {}
    samples = {}
    for number, (part, size) in enumerate(sizes.items()):
        source = MusicSource(rare=1.0 if part == IMBALANCE else config.rare)
        seed = 10 * config.seed + number
        write_column_shards(place / "shards" / part, count=1, seed=seed, source=source, size=size)
        staves = _staves(place / "shards" / part)
        labels = (value_names(staff.label().columns) for staff in staves)
        counts[part] = Counter(name for label in labels for name in label)
        samples[part] = len(staves)
    return {
        "pool": {"samples": sum(samples.values())},
        "samples": samples,
        "defects": [],
        "left_out": [],
        "ratios": {part: round(imbalance_ratio(each), 1) for part, each in counts.items()},
        "counts": {part: dict(each.most_common()) for part, each in counts.items()},
    }


def read_column_set(model: nn.Module, folder: Path) -> tuple[list[StoredStaff], list[tuple[Column, ...]]]:
    """Read the staves of a folder of shards without degradation.

    Args:
        model: Network of the `columns` preset in evaluation mode.
        folder: Folder of shards.

    Returns:
        The staves, and the columns read in each.
    """
    staves = _staves(folder)
    return staves, read_columns(model, [plain_strip(staff.gray()) for staff in staves])


def column_figures(
    read: Sequence[Sequence[Column]], references: Sequence[Sequence[Column]]
) -> tuple[list[InputReading], list[list[str]], dict[str, float]]:
    """Sequences of factor values, and the error rates of whole columns and of notes.

    Args:
        read: Columns read, one sequence per staff.
        references: Columns of the labels.

    Returns:
        Readings and references as `value_names`, and `column_error` and `note_error` in percent.
    """
    whole, flat = [], []
    for side in (read, references):
        symbols = [[tuple(flat_symbols(column)) for column in columns] for columns in side]
        whole.append(symbols)
        flat.append([[*chain.from_iterable(columns)] for columns in symbols])
    figures = {"column_error": error_rates(*whole).ser, "note_error": error_rates(*flat).ser}
    readings = []
    for columns in read:
        names = tuple(value_names(columns))
        readings.append(InputReading(names, tuple(np.ones(len(names)))))
    return readings, [value_names(columns) for columns in references], figures


def value_names(columns: Iterable[Column]) -> list[str]:
    """The factor values of columns, without those that say that there is nothing, and without the advance.

    A head has its position; accidental, tie and kind of head count for all positions together.
    """
    names = []
    for column in columns:
        for number, (factor, value) in enumerate(zip(FACTORS, column_factors(column), strict=True)):
            if number == _ADVANCE or value < 0 or (value == 0 and number):
                continue
            place, _, what = factor.name.rpartition(".")
            own = what if place.lstrip("-").isdigit() and what != "head" else factor.name
            names.append(f"{own}={factor.values[value]}")
    return names


def _staves(folder: Path) -> list[StoredStaff]:
    return list_staves([str(folder)], held_out=0, index=column_shard_index)[0]
