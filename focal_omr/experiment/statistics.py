"""Comparison of losses over training seeds: means, intervals and paired t-tests.

The unit of replication is the training seed. The test staves are the same for all seeds, so a test that
resamples staves only says how these trained networks differ, not whether another training would differ in the
same way. Every loss is trained with the same seeds, so the differences are taken within each seed.

The paired t-test was chosen over an exact sign-flip permutation of the seeds because the smallest p-value of
the latter is 2 / 2^n, which is 0.25 for three seeds. The price is the assumption that the differences of the
seeds are normally distributed, which a handful of seeds cannot verify.

Source: Colas, Sigaud & Oudeyer 2018, "How Many Random Seeds?", arXiv 1806.08295.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atan, cos, inf, pi, sin, sqrt
from statistics import fmean, stdev
from typing import Any

ALPHA = 0.05  # two-sided, for all comparisons with the baseline on one test together
POWER = 0.8
MAX_SEEDS = 1000  # up to which `seeds_needed` searches


@dataclass(frozen=True)
class LossScores:
    """Metrics of one loss on one test of one data set.

    Attributes:
        set: Name of the data set.
        test: Name of the test.
        loss: Name of the loss.
        seeds: Training seeds, in ascending order.
        metrics: Metric -> one value per seed.
        seconds: Mean training time.
    """

    set: str
    test: str
    loss: str
    seeds: tuple[int, ...]
    metrics: Mapping[str, tuple[float, ...]]
    seconds: float

    def mean(self, name: str) -> float:
        """Mean of a metric over the seeds."""
        return fmean(self.metrics[name])

    @property
    def interval(self) -> tuple[float, float]:
        """95 % t interval of the mean SER over seeds, in percent, cut off at 0."""
        low, high = mean_interval(self.metrics["ser"])
        return max(0.0, low), high


@dataclass(frozen=True)
class Difference:
    """Paired comparison of a loss with the baseline on one test.

    Interval and p-value come from one test with one Bonferroni correction, so they cannot contradict each
    other: p < 0.05 exactly where the interval excludes 0.

    Attributes:
        set: Name of the data set.
        test: Name of the test.
        loss: Name of the loss.
        points: Mean SER of the loss minus that of the baseline, in percentage points.
        low: Lower bound of the simultaneous 95 % interval; -inf with one seed.
        high: Upper bound; inf with one seed.
        p: Two-sided p-value of the paired t-test times the number of comparisons, at most 1.
        seeds: Number of seeds.
        better: Seeds with which the loss has the lower SER.
        needed: Estimated number of seeds that would show a difference of this size; None above `MAX_SEEDS`
            and where the data allow no estimate.
    """

    set: str
    test: str
    loss: str
    points: float
    low: float
    high: float
    p: float
    seeds: int
    better: int
    needed: int | None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def collect_scores(results: Sequence[Mapping[str, Any]]) -> list[LossScores]:
    """Group results of training runs by data set, test and loss, in order of appearance."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for result in sorted(results, key=lambda result: int(result["seed"])):
        for test in result["tests"]:
            groups.setdefault((result["set"], test, result["loss"]), []).append(result)
    keys = dict.fromkeys(
        (result["set"], test, result["loss"]) for result in results for test in result["tests"]
    )
    scores = []
    for name, test, loss in keys:
        runs = groups[name, test, loss]
        values = [run["tests"][test]["figures"] for run in runs]
        scores.append(
            LossScores(
                name,
                test,
                loss,
                tuple(run["seed"] for run in runs),
                {metric: tuple(value[metric] for value in values) for metric in values[0]},
                fmean(run["seconds"] for run in runs),
            )
        )
    return scores


def compare_with_baseline(scores: Sequence[LossScores], baseline: str) -> list[Difference]:
    """Compare every loss with the baseline on each test; losses that lack one of its seeds are left out."""
    found: list[Difference] = []
    for base in (each for each in scores if each.loss == baseline):
        others = [
            each
            for each in scores
            if (each.set, each.test, each.seeds) == (base.set, base.test, base.seeds)
            and each.loss != baseline
        ]
        for other in others:
            pairs = zip(other.metrics["ser"], base.metrics["ser"], strict=True)
            deltas = [ours - theirs for ours, theirs in pairs]
            low, high = mean_interval(deltas, comparisons=len(others))
            found.append(
                Difference(
                    base.set,
                    base.test,
                    other.loss,
                    fmean(deltas),
                    low,
                    high,
                    t_test(deltas, comparisons=len(others)),
                    len(deltas),
                    sum(delta < 0 for delta in deltas),
                    seeds_needed(deltas, comparisons=len(others)),
                )
            )
    return found


# Student's t ------------------------------------------------------------------------------------------------


def t_tail(t: float, degrees: int) -> float:
    """Two-sided tail probability P(|T| >= |t|) of Student's t distribution, 0 to 1.

    Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom.
    """
    theta = atan(abs(t) / sqrt(degrees))
    odd = degrees % 2
    term = cos(theta) if odd else 1.0
    total = 0.0
    for k in range(2 + odd, degrees + 1, 2):
        total += term
        term *= (k - 1) / k * cos(theta) ** 2
    inside = 2 / pi * (theta + sin(theta) * total) if odd else sin(theta) * total
    return max(0.0, 1 - inside)


def t_quantile(tail: float, degrees: int) -> float:
    """The t >= 0 whose two-sided tail probability is `tail` (0 < tail <= 1)."""
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > tail:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if t_tail(middle, degrees) > tail else (low, middle)
    return high


def mean_interval(values: Sequence[float], *, comparisons: int = 1) -> tuple[float, float]:
    """t interval of the mean at confidence 1 - 0.05 / `comparisons`; infinite for one value."""
    if len(values) < 2:
        return -inf, inf
    mean, error = fmean(values), stdev(values) / sqrt(len(values))
    margin = t_quantile(ALPHA / comparisons, len(values) - 1) * error
    return mean - margin, mean + margin


def t_test(deltas: Sequence[float], *, comparisons: int = 1) -> float:
    """Two-sided p-value of mean 0, Bonferroni-corrected; 1 for one value.

    Bonferroni's correction was chosen over Holm's because its intervals have a closed form.
    """
    if len(deltas) < 2:
        return 1.0
    mean, error = fmean(deltas), stdev(deltas) / sqrt(len(deltas))
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return min(1.0, comparisons * t_tail(mean / error, len(deltas) - 1))


def seeds_needed(deltas: Sequence[float], *, comparisons: int = 1) -> int | None:
    """Seeds with which the test would detect the observed mean at the observed spread with 80 % power.

    The spread of a few seeds is itself uncertain: this is an order of magnitude.

    Returns:
        The number, or None where it is above `MAX_SEEDS` or there is no spread to estimate it from.

    Source: NIST/SEMATECH e-Handbook of Statistical Methods, 7.2.2.2: n >= (t_alpha + t_beta)^2 (s / delta)^2,
    the quantiles with n - 1 degrees of freedom.
    """
    if len(deltas) < 2 or not (spread := stdev(deltas)) or not (mean := abs(fmean(deltas))):
        return None

    def enough(seeds: int) -> bool:
        quantiles = t_quantile(ALPHA / comparisons, seeds - 1) + t_quantile(2 * (1 - POWER), seeds - 1)
        return quantiles * spread <= mean * sqrt(seeds)

    low, high = 1, MAX_SEEDS
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
