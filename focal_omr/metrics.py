"""How wrong a reading is. Pure functions of symbol sequences; percentages are of 100.

SER is the corpus' edits over the corpus' reference symbols (not a mean of per-sample rates; it may exceed
100). SeqER is the share of samples with at least one edit.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class ErrorRates:
    """Error of a set of samples.

    Attributes:
        samples: Number of samples.
        symbols: Reference symbols in all of them.
        edits: Substitutions, deletions and insertions.
        wrong_samples: Samples with at least one edit.
    """

    samples: int
    symbols: int
    edits: int
    wrong_samples: int

    @property
    def ser(self) -> float:
        """Symbol error rate in percent."""
        return 100 * self.edits / self.symbols if self.symbols else 0.0

    @property
    def sequence_error_rate(self) -> float:
        """Share of samples with an error, in percent."""
        return 100 * self.wrong_samples / self.samples if self.samples else 0.0


def edit_distance(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """Fewest substitutions, deletions and insertions, each of cost 1, between two sequences."""
    return int(Levenshtein.distance(hypothesis, reference))


def bootstrap_ser(
    edits: Sequence[int], symbols: Sequence[int], *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the SER, samples drawn with replacement.

    Args:
        edits: Edits of each sample.
        symbols: Reference symbols of each sample.
        seed: Of the draws.
        draws: How many.

    Returns:
        (low, high) in percent.

    Source: Efron & Tibshirani 1993, chapter 13.
    """
    rng = np.random.default_rng(seed)
    both = np.array([edits, symbols])
    rates = []
    for _ in range(draws):  # one by one: all at once are 7 GB for the 87 thousand samples of PrIMuS
        wrong, total = both[:, rng.integers(len(edits), size=len(edits))].sum(axis=1)
        rates.append(100 * wrong / total if total else 0.0)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


def error_rates(
    hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Hashable]]
) -> ErrorRates:
    """Rates over a set. Raises ValueError where the two lists have different lengths."""
    edits = [edit_distance(h, r) for h, r in zip(hypotheses, references, strict=True)]
    symbols = sum(len(reference) for reference in references)
    return ErrorRates(len(references), symbols, sum(edits), sum(1 for count in edits if count))


@dataclass(frozen=True)
class SymbolErrors:
    """What happened to each reference symbol in one best alignment per sample.

    Attributes:
        count: Occurrences in the references.
        hit: Of these, read as they are.
        confused: (reference symbol, read symbol) -> how often the one was read as the other.
        inserted: Symbols read where the reference has none.
    """

    count: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    inserted: Counter[str] = field(default_factory=Counter)

    def missed(self, symbols: Sequence[str]) -> float:
        """Share of the occurrences of these symbols that were not read, in percent."""
        total = sum(self.count[symbol] for symbol in symbols)
        return 100 * (1 - sum(self.hit[symbol] for symbol in symbols) / total) if total else 0.0

    def macro_error(self, *, least: int = 1) -> float:
        """Mean over the reference's symbols of the share missed, in percent: a rare one counts fully.

        Symbols that occur less than `least` times are left out: their shares are 0 or 100.
        """
        shares = [self.missed([symbol]) for symbol, count in self.count.items() if count >= least]
        return sum(shares) / len(shares) if shares else 0.0

    def error_rate(self, symbols: Sequence[str]) -> float:
        """SER of some symbols in percent: their occurrences missed, and they inserted, per occurrence."""
        total = sum(self.count[symbol] for symbol in symbols)
        wrong = sum(self.count[s] - self.hit[s] + self.inserted[s] for s in symbols)
        return 100 * wrong / total if total else 0.0

    def by_bin(self, bins: Mapping[str, str]) -> dict[str, float]:
        """Share missed in each bin of symbols, in percent. A symbol without a bin counts nowhere."""
        return {name: self.missed(symbols) for name, symbols in _members(bins).items()}

    def ser_by_bin(self, bins: Mapping[str, str]) -> dict[str, float]:
        """SER in each bin of symbols, in percent. A symbol without a bin counts nowhere."""
        return {name: self.error_rate(symbols) for name, symbols in _members(bins).items()}


def _members(bins: Mapping[str, str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {name: [] for name in dict.fromkeys(bins.values())}
    for symbol, name in bins.items():
        members[name].append(symbol)
    return members


def symbol_errors(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> SymbolErrors:
    """Errors by symbol. Raises ValueError where the two lists have different lengths."""
    errors = SymbolErrors()
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        errors.count.update(reference)
        for code in Levenshtein.opcodes(reference, hypothesis):
            source = reference[code.src_start : code.src_end]
            target = hypothesis[code.dest_start : code.dest_end]
            if code.tag == "equal":
                errors.hit.update(source)
            elif code.tag == "replace":
                errors.confused.update(zip(source, target, strict=True))
            elif code.tag == "insert":
                errors.inserted.update(target)
    return errors


def read_right(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> list[bool]:
    """For each symbol that was read whether a best alignment pairs it with an equal one of the reference."""
    right = [False] * len(hypothesis)
    for code in Levenshtein.opcodes(reference, hypothesis):
        if code.tag == "equal":
            right[code.dest_start : code.dest_end] = [True] * (code.dest_end - code.dest_start)
    return right


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], *, bins: int = 15
) -> float:
    """By how much confidence and share of right symbols differ, in the mean over bins of confidence.

    Args:
        confidences: 0 .. 1.
        right: Whether each symbol was right.
        bins: Of equal width; each counts by its number of symbols.

    Returns:
        0 .. 1; 0 for no symbols.

    Source: Naeini et al. 2015 and Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    if not confidences:
        return 0.0
    values, hits = np.asarray(confidences), np.asarray(right, np.float64)
    places = np.minimum((values * bins).astype(int), bins - 1)
    gaps = [abs(float((values[places == k] - hits[places == k]).sum())) for k in range(bins)]
    return sum(gaps) / len(values)


def ranking_quality(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """The chance that one of the positives has a higher score than one of the others (area under the ROC).

    Args:
        scores: What ranks.
        positive: What is to come first.

    Returns:
        0 .. 1; 0.5 is chance. Equal scores count half. NaN where all are positive, or none is.

    Source: Hanley & McNeil 1982; the statistic of Mann & Whitney 1947.
    """
    wanted = np.asarray(positive, bool)
    ones, others = int(wanted.sum()), int((~wanted).sum())
    if not ones or not others:
        return float("nan")
    _, place, counts = np.unique(np.asarray(scores, np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # from 1, equal scores share theirs
    return float((ranks[wanted].mean() - (ones + 1) / 2) / others)
