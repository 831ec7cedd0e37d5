"""Error rates, significance tests and calibration measures, as pure functions of symbol sequences.

Percentages are 0 .. 100. The symbol error rate (SER) is the number of edits in all samples over their number
of reference symbols, not a mean over samples; it can exceed 100. The sequence error rate (SeqER) is the share
of samples with at least one edit.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class ErrorRates:
    """Error counts and rates of a set of samples.

    Attributes:
        samples: Number of samples.
        symbols: Number of reference symbols.
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
        """Sequence error rate in percent."""
        return 100 * self.wrong_samples / self.samples if self.samples else 0.0

    @property
    def edits_per_sample(self) -> float:
        """Mean edits per sample; the plots of the seed study call this Symbol Error Rate (%)."""
        return self.edits / self.samples if self.samples else 0.0


def edit_distance(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """Compute the Levenshtein distance: the minimum number of substitutions, deletions and insertions."""
    return int(Levenshtein.distance(hypothesis, reference))


def bootstrap_ser(
    edits: Sequence[int], symbols: Sequence[int], *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float]:
    """Compute the 95 % percentile bootstrap interval of the SER over samples.

    Args:
        edits: Edits of each sample.
        symbols: Reference symbols of each sample.
        seed: Random seed.
        draws: Number of resamples.

    Returns:
        (low, high) in percent.

    Source: Efron & Tibshirani 1993, chapter 13.
    """
    rng = np.random.default_rng(seed)
    both = np.array([edits, symbols])
    rates = []
    for _ in range(draws):  # in a loop: vectorised, the 87 thousand samples of PrIMuS would need 7 GB
        wrong, total = both[:, rng.integers(len(edits), size=len(edits))].sum(axis=1)
        rates.append(100 * wrong / total if total else 0.0)
    low, high = np.percentile(rates, [2.5, 97.5])
    return float(low), float(high)


_SIGNS_PER_CHUNK = 1 << 20  # random signs of a permutation test in memory: 8 MB as floats


def paired_bootstrap(
    edits_a: ArrayLike, edits_b: ArrayLike, symbols: ArrayLike, *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float]:
    """Compute the 95 % percentile bootstrap interval of SER(a) - SER(b) on the same samples.

    Samples and training seeds are resampled, jointly for both systems. With one run per system the interval
    does not include the variance of training.

    Args:
        edits_a: Edits of system a, integers, (runs, samples): one row per training seed.
        edits_b: Edits of system b, (runs, samples); row k has the same training seed in both.
        symbols: Reference symbols, (samples,).
        seed: Random seed.
        draws: Number of resamples.

    Returns:
        (low, high) in percentage points; both negative if a makes fewer errors.

    Raises:
        ValueError: Shapes do not match, a value is not an integer, or there is nothing to resample.

    Source: Efron & Tibshirani 1993, chapter 13; for the difference of two systems: Bisani & Ney 2004, doi
    10.1109/ICASSP.2004.1326009.
    """
    difference, lengths = _paired(edits_a, edits_b, symbols, draws)
    runs, samples = difference.shape
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        rows, columns = rng.integers(runs, size=runs), rng.integers(samples, size=samples)
        more, total = difference[rows].sum(axis=0)[columns].sum(), runs * lengths[columns].sum()
        found.append(100 * more / total if total else 0.0)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def permutation_test(
    edits_a: ArrayLike, edits_b: ArrayLike, symbols: ArrayLike, *, seed: int = 0, draws: int = 10_000
) -> float:
    """Compute the two-sided p-value of SER(a) - SER(b) by an approximate randomisation test.

    Systems are swapped at random per sample, with all training seeds of a sample as one unit: the test
    generalises these runs to other samples, not to other runs.

    Args:
        edits_a: Edits of system a, integers, (runs, samples).
        edits_b: Edits of system b, (runs, samples).
        symbols: Reference symbols, (samples,). Swapping does not change their sum; only the shape matters.
        seed: Random seed.
        draws: Number of random swaps.

    Returns:
        (1 + draws with a difference at least as large as observed) / (1 + draws), never 0.

    Raises:
        ValueError: As `paired_bootstrap`.

    Source: Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"; Yeh 2000, arXiv cs/0008005.
    """
    difference, _ = _paired(edits_a, edits_b, symbols, draws)
    by_sample = difference.sum(axis=0)
    by_sample = by_sample[by_sample != 0]  # swapping equal counts changes nothing
    observed = abs(by_sample.sum())
    rng = np.random.default_rng(seed)
    as_large, remaining = 0, draws
    while remaining:
        rows = min(remaining, max(1, _SIGNS_PER_CHUNK // max(1, len(by_sample))))
        swapped = rng.integers(0, 2, size=(rows, len(by_sample)), dtype=np.int8).astype(np.float64)
        # Exact: floats hold integers up to 2^53, and draws equal to the observed difference must count.
        as_large += int((np.abs(by_sample.sum() - 2 * swapped @ by_sample) >= observed).sum())
        remaining -= rows
    return (1 + as_large) / (1 + draws)


def _paired(
    edits_a: ArrayLike, edits_b: ArrayLike, symbols: ArrayLike, draws: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Check paired counts; return edits of a minus those of b, (runs, samples), and symbols, (samples,)."""
    a, b, lengths = np.asarray(edits_a), np.asarray(edits_b), np.asarray(symbols)
    if a.ndim != 2 or a.shape != b.shape or lengths.shape != a.shape[1:]:
        raise ValueError(
            f"edits have shapes {a.shape} and {b.shape}, symbols {lengths.shape}; "
            "they must be (runs, samples) twice and (samples,)"
        )
    if not a.size or draws < 1:
        raise ValueError(f"{a.shape[0]} runs, {a.shape[1]} samples, {draws} draws; each must be at least 1")
    if not all(np.issubdtype(each.dtype, np.integer) for each in (a, b, lengths)):
        raise ValueError(f"edits are {a.dtype} and {b.dtype}, symbols {lengths.dtype}; they must be integers")
    return a.astype(np.int64) - b.astype(np.int64), lengths.astype(np.int64)


def error_rates(
    hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Hashable]]
) -> ErrorRates:
    """Compute error rates of a set of samples.

    Raises:
        ValueError: The two lists have different lengths.
    """
    edits = [edit_distance(h, r) for h, r in zip(hypotheses, references, strict=True)]
    symbols = sum(len(reference) for reference in references)
    return ErrorRates(len(references), symbols, sum(edits), sum(1 for count in edits if count))


@dataclass(frozen=True)
class EditWeights:
    """Costs of edits by symbol, as integer counts in the training data so that sums are exact.

    Attributes:
        insertions: Cost of inserting each training symbol: its count.
        deletions: Cost of deleting each training symbol: the count of the symbol with the reversed frequency
            rank. Deleting the rarest symbol costs the count of the most frequent one.
        largest: Count of the most frequent symbol; costs divided by it are 0 .. 1.
    """

    insertions: Mapping[str, int]
    deletions: Mapping[str, int]
    largest: int

    def insertion(self, symbol: str) -> int:
        """Return the cost of inserting a symbol; symbols not in training cost as much as the rarest."""
        return self.insertions.get(symbol, min(self.insertions.values()))

    def deletion(self, symbol: str) -> int:
        """Return the cost of deleting a symbol; symbols not in training cost as much as the rarest."""
        return self.deletions.get(symbol, self.largest)


def edit_weights(counts: Mapping[str, int]) -> EditWeights:
    """Derive edit costs from training counts; ties in frequency are ranked by name.

    Source: "weighted testing" of the seed study, doi 10.1109/PuneCon46936.2019.9105720, which has the table
    of weights but no distance that uses it.

    Raises:
        ValueError: There are no symbols, or a count is below 1.
    """
    if not counts or min(counts.values()) < 1:
        raise ValueError("edit weights need at least one symbol, each with a training count of once or more")
    ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    reverse = {symbol: counts[other] for symbol, other in zip(ranked, reversed(ranked), strict=True)}
    return EditWeights(dict(counts), reverse, counts[ranked[0]])


def weighted_distance(hypothesis: Sequence[str], reference: Sequence[str], weights: EditWeights) -> float:
    """Compute the minimum cost of deletions and insertions that turn the reference into the hypothesis.

    The most expensive edit costs 1. A substitution is a deletion and an insertion. The distance is not
    symmetric.

    Args:
        hypothesis: Symbols read.
        reference: True symbols.
        weights: Costs from `edit_weights`.
    """
    # Cost of deleting and inserting everything, minus the savings of the best common subsequence by dynamic
    # programming: a row per reference symbol, column j for the first j symbols of the hypothesis.
    ids = {symbol: id_ for id_, symbol in enumerate(dict.fromkeys(hypothesis))}
    read = np.array([ids[symbol] for symbol in hypothesis], np.int64)
    saved = np.zeros(len(hypothesis) + 1, np.int64)
    for symbol in reference:
        if symbol in ids:
            saving = weights.deletion(symbol) + weights.insertion(symbol)
            saved[1:] = np.maximum(saved[1:], saved[:-1] + saving * (read == ids[symbol]))
            saved = np.maximum.accumulate(saved)
    total = sum(map(weights.deletion, reference)) + sum(map(weights.insertion, hypothesis))
    return (total - int(saved[-1])) / weights.largest


def weighted_symbol_error(
    hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]], counts: Mapping[str, int]
) -> float:
    """Compute a symbol error rate in which missing a symbol costs more the rarer it is in training.

    Args:
        hypotheses: Sequences read.
        references: True sequences, as many.
        counts: Training counts by symbol; see `edit_weights`.

    Returns:
        Sum of `weighted_distance` over the cost of deleting all reference symbols, in percent: 100 for empty
        hypotheses, possibly more; 0 without reference symbols.

    Raises:
        ValueError: The two lists have different lengths, or as `edit_weights`.
    """
    weights = edit_weights(counts)
    cost = sum(weighted_distance(h, r, weights) for h, r in zip(hypotheses, references, strict=True))
    total = sum(weights.deletion(symbol) for reference in references for symbol in reference)
    return 100 * cost * weights.largest / total if total else 0.0


@dataclass(frozen=True)
class SymbolErrors:
    """Counts by symbol, from one optimal alignment per sample.

    Attributes:
        count: Occurrences in the references.
        hit: Occurrences read correctly.
        confused: Substitutions by (reference symbol, symbol read).
        inserted: Insertions.
    """

    count: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)
    confused: Counter[tuple[str, str]] = field(default_factory=Counter)
    inserted: Counter[str] = field(default_factory=Counter)

    def miss_rate(self, symbols: Sequence[str]) -> float:
        """Compute the miss rate: share of occurrences of these symbols not read correctly, in percent."""
        total = sum(self.count[symbol] for symbol in symbols)
        return 100 * (1 - sum(self.hit[symbol] for symbol in symbols) / total) if total else 0.0

    def macro_error(self, *, least: int = 1) -> float:
        """Compute the macro-averaged miss rate over reference symbols in percent: 100 minus the macro recall.

        Symbols with fewer than `least` occurrences are left out, because their rates are close to 0 or 100.
        """
        shares = [self.miss_rate([symbol]) for symbol, count in self.count.items() if count >= least]
        return sum(shares) / len(shares) if shares else 0.0

    def error_rate(self, symbols: Sequence[str]) -> float:
        """Compute the SER of some symbols in percent: their misses and insertions per occurrence."""
        total = sum(self.count[symbol] for symbol in symbols)
        wrong = sum(self.count[s] - self.hit[s] + self.inserted[s] for s in symbols)
        return 100 * wrong / total if total else 0.0

    def by_bin(self, bins: Mapping[str, str]) -> dict[str, float]:
        """Compute the miss rate of each bin in percent.

        Args:
            bins: Bin of each symbol; symbols without one are ignored.
        """
        return {name: self.miss_rate(symbols) for name, symbols in _members(bins).items()}

    def ser_by_bin(self, bins: Mapping[str, str]) -> dict[str, float]:
        """Compute the SER of each bin in percent; `bins` as in `by_bin`."""
        return {name: self.error_rate(symbols) for name, symbols in _members(bins).items()}


def _members(bins: Mapping[str, str]) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {name: [] for name in dict.fromkeys(bins.values())}
    for symbol, name in bins.items():
        members[name].append(symbol)
    return members


def symbol_errors(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> SymbolErrors:
    """Count errors by symbol.

    Raises:
        ValueError: The two lists have different lengths.
    """
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


def correct_mask(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> list[bool]:
    """Return, for each symbol read, whether an optimal alignment matches it to an equal reference symbol."""
    right = [False] * len(hypothesis)
    for code in Levenshtein.opcodes(reference, hypothesis):
        if code.tag == "equal":
            right[code.dest_start : code.dest_end] = [True] * (code.dest_end - code.dest_start)
    return right


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], *, bins: int = 15
) -> float:
    """Compute the expected calibration error: the mean gap of confidence and accuracy over bins.

    Args:
        confidences: Confidence of each symbol, 0 .. 1.
        right: Whether each symbol was right.
        bins: Number of bins of equal width, weighted by their number of symbols.

    Returns:
        0 .. 1; 0 without symbols.

    Source: Naeini et al. 2015 and Guo et al. 2017, arXiv 1706.04599, equation 3.
    """
    if not confidences:
        return 0.0
    values, hits = np.asarray(confidences), np.asarray(right, np.float64)
    bin_ids = np.minimum((values * bins).astype(int), bins - 1)
    gaps = [abs(float((values[bin_ids == k] - hits[bin_ids == k]).sum())) for k in range(bins)]
    return sum(gaps) / len(values)


def roc_auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Compute the area under the ROC curve: probability that a positive scores higher than a negative.

    Args:
        scores: Score of each item.
        positive: Whether each item is positive.

    Returns:
        0 .. 1; 0.5 is chance. Ties count half. NaN if all items are positive, or none is.

    Source: Hanley & McNeil 1982; the statistic of Mann & Whitney 1947.
    """
    labels = np.asarray(positive, bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return float("nan")
    _, index, counts = np.unique(np.asarray(scores, np.float64), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[index]  # from 1; ties share their mean rank
    return float((ranks[labels].mean() - (positives + 1) / 2) / negatives)
