"""What the runs of a study say together: means over seeds, intervals, differences and how sure they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.metrics import paired_bootstrap, permutation_test

_SURE = 0.05  # p-value, corrected for the number of comparisons, below which a difference counts


@dataclass(frozen=True)
class Cell:
    """One loss on one test of one set.

    Attributes:
        set: Name of the set.
        test: Name of the test.
        loss: Name of the loss.
        seeds: Of its runs.
        figures: Name -> one value for each seed.
        edits: (seeds, samples).
        symbols: (samples,) reference symbols.
        seconds: Of training, in the mean.
    """

    set: str
    test: str
    loss: str
    seeds: tuple[int, ...]
    figures: Mapping[str, tuple[float, ...]]
    edits: NDArray[np.int64]
    symbols: NDArray[np.int64]
    seconds: float

    def mean(self, name: str) -> float:
        """A figure's mean over the seeds."""
        return float(np.mean(self.figures[name]))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the SER over seeds and samples."""
        return paired_bootstrap(self.edits, np.zeros_like(self.edits), self.symbols)


@dataclass(frozen=True)
class Difference:
    """A loss against the baseline.

    Attributes:
        set: Name of the set.
        test: Name of the test.
        loss: Name of the loss.
        points: SER of the loss minus that of the baseline, in percentage points.
        low: Lower bound of its 95 % interval over seeds and samples.
        high: Upper bound.
        p: Two-sided p-value of a permutation of the samples.
        corrected: The same after Holm's correction for the comparisons on this test.
        better: Seeds with which the loss has the lower SER, and how many there are.
    """

    set: str
    test: str
    loss: str
    points: float
    low: float
    high: float
    p: float
    corrected: float
    better: tuple[int, int]

    @property
    def sure(self) -> bool:
        """Whether both the interval and the test say that there is a difference."""
        return self.corrected < _SURE and (self.low > 0 or self.high < 0)


def cells(results: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Results of runs gathered by set, test and loss, in their order."""
    keys = dict.fromkeys((r["set"], test, r["loss"]) for r in results for test in r["tests"])
    return [_cell(key, results) for key in keys]


def _cell(key: tuple[str, str, str], results: Sequence[Mapping[str, Any]]) -> Cell:
    name, test, loss = key
    own = sorted(
        (r for r in results if (r["set"], r["loss"]) == (name, loss)), key=lambda result: int(result["seed"])
    )
    tests = [result["tests"][test] for result in own]
    return Cell(
        name,
        test,
        loss,
        tuple(result["seed"] for result in own),
        {figure: tuple(each["figures"][figure] for each in tests) for figure in tests[0]["figures"]},
        np.array([each["edits"] for each in tests]),
        np.array(tests[0]["symbols"]),
        float(np.mean([result["seconds"] for result in own])),
    )


def differences(all_cells: Sequence[Cell], baseline: str) -> list[Difference]:
    """Every loss against the baseline on each test; those that lack one of its seeds are left out."""
    found: list[Difference] = []
    for base in all_cells:
        if base.loss == baseline:
            others = [
                cell
                for cell in all_cells
                if (cell.set, cell.test) == (base.set, base.test)
                and cell.loss != baseline
                and cell.seeds == base.seeds
            ]
            found += _against(base, others)
    return found


def _against(base: Cell, others: Sequence[Cell]) -> list[Difference]:
    ps = [permutation_test(other.edits, base.edits, base.symbols) for other in others]
    compared = []
    for other, p, corrected in zip(others, ps, holm(ps), strict=True):
        low, high = paired_bootstrap(other.edits, base.edits, base.symbols)
        sers = list(zip(other.figures["ser"], base.figures["ser"], strict=True))
        better = sum(ours < theirs for ours, theirs in sers)
        points = other.mean("ser") - base.mean("ser")
        compared.append(
            Difference(base.set, base.test, other.loss, points, low, high, p, corrected, (better, len(sers)))
        )
    return compared


def holm(ps: Sequence[float]) -> list[float]:
    """p-values corrected for their number, in their order.

    Source: Holm 1979, Scandinavian Journal of Statistics 6(2):65-70.
    """
    order = sorted(range(len(ps)), key=lambda index: ps[index])
    corrected, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        corrected[index] = largest
    return corrected
