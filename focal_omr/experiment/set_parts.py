"""Data set of a study: its parts as folders of shards, and what is known about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["IMBALANCE", "PARTS", "TEST", "TRAIN", "StudySet"]

TRAIN, TEST, IMBALANCE = PARTS = ("train", "test", "imbalance")


@dataclass(frozen=True)
class StudySet:
    """A prepared data set.

    Attributes:
        name: Its name in the grid.
        shards: Part (train, test, imbalance) -> folder of shards.
        counts: Occurrences of each symbol in the training part.
        notes: Sizes, ratios and defects, for the report.
    """

    name: str
    shards: dict[str, Path]
    counts: dict[str, int]
    notes: dict[str, Any]
