"""How wrong a reading is. Pure functions of symbol sequences; percentages are of 100.

SER is the corpus' edits over the corpus' reference symbols (not a mean of per-sample rates; it may exceed
100). SeqER is the share of samples with at least one edit.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
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

    @property
    def edits_per_sample(self) -> float:
        """Edits over samples, no percentage: what the seed study's plots name Symbol Error Rate (%)."""
        return self.edits / self.samples if self.samples else 0.0


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


_SIGNS_AT_ONCE = 1 << 20  # random signs of a permutation test in memory: 8 MB of them as floats


def paired_bootstrap(
    edits_a: ArrayLike, edits_b: ArrayLike, symbols: ArrayLike, *, seed: int = 0, draws: int = 10_000
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of SER(a) - SER(b), each read on the same samples.

    Each draw takes samples with replacement, and training seeds with replacement, the same for both systems.
    Of a single run the interval holds no spread of training.

    Args:
        edits_a: Edits of system a, whole numbers, (runs, samples): a row for each training seed.
        edits_b: Those of system b, (runs, samples); row k of both has the same training seed.
        symbols: Reference symbols, (samples,).
        seed: Of the draws.
        draws: How many.

    Returns:
        (low, high) in percentage points; both below 0 where a makes fewer errors.

    Raises:
        ValueError: The shapes do not fit, the numbers are not whole, or there is nothing to draw.

    Source: Efron & Tibshirani 1993, chapter 13; of the difference of two systems: Bisani & Ney 2004, doi
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
    """Two-sided p-value of SER(a) - SER(b): how often a difference as large comes of swapping at random.

    The two systems are swapped sample by sample, with all training seeds of a sample as one unit: what is
    tested is these runs on other samples, not other runs.

    Args:
        edits_a: Edits of system a, whole numbers, (runs, samples).
        edits_b: Those of system b, (runs, samples).
        symbols: Reference symbols, (samples,). A swap leaves their sum as it is, so only the shape matters.
        seed: Of the draws.
        draws: How many.

    Returns:
        (1 + draws whose difference is as large as the one observed) / (1 + draws): never 0.

    Raises:
        ValueError: As of `paired_bootstrap`.

    Source: Noreen 1989, "Computer-Intensive Methods for Testing Hypotheses"; Yeh 2000, arXiv cs/0008005.
    """
    difference, _ = _paired(edits_a, edits_b, symbols, draws)
    by_sample = difference.sum(axis=0)
    by_sample = by_sample[by_sample != 0]  # swapping equals changes nothing
    observed = abs(by_sample.sum())
    rng = np.random.default_rng(seed)
    as_large, left = 0, draws
    while left:
        rows = min(left, max(1, _SIGNS_AT_ONCE // max(1, len(by_sample))))
        swapped = rng.integers(0, 2, size=(rows, len(by_sample)), dtype=np.int8).astype(np.float64)
        # Exact, as floats hold whole numbers up to 2^53: a draw that equals the observed one has to count.
        as_large += int((np.abs(by_sample.sum() - 2 * swapped @ by_sample) >= observed).sum())
        left -= rows
    return (1 + as_large) / (1 + draws)


def _paired(
    edits_a: ArrayLike, edits_b: ArrayLike, symbols: ArrayLike, draws: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Edits of a less those of b, (runs, samples), and the symbols, (samples,)."""
    a, b, lengths = np.asarray(edits_a), np.asarray(edits_b), np.asarray(symbols)
    if a.ndim != 2 or a.shape != b.shape or lengths.shape != a.shape[1:]:
        raise ValueError(
            f"edits {a.shape} and {b.shape}, symbols {lengths.shape}: needed are two of (runs, samples) and "
            "one of (samples,)"
        )
    if not a.size or draws < 1:
        raise ValueError(f"{a.shape[0]} runs, {a.shape[1]} samples and {draws} draws: needed is one of each")
    if not all(np.issubdtype(each.dtype, np.integer) for each in (a, b, lengths)):
        raise ValueError(f"edits {a.dtype} and {b.dtype}, symbols {lengths.dtype}: needed are whole numbers")
    return a.astype(np.int64) - b.astype(np.int64), lengths.astype(np.int64)


def error_rates(
    hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Hashable]]
) -> ErrorRates:
    """Rates over a set. Raises ValueError where the two lists have different lengths."""
    edits = [edit_distance(h, r) for h, r in zip(hypotheses, references, strict=True)]
    symbols = sum(len(reference) for reference in references)
    return ErrorRates(len(references), symbols, sum(edits), sum(1 for count in edits if count))


@dataclass(frozen=True)
class EditWeights:
    """What an edit of each symbol costs, in occurrences of training: whole numbers, so that sums are exact.

    Attributes:
        insertions: Of a symbol that is read where the reference has none: how often it occurs. Of the symbols
            of training.
        deletions: Of a symbol of the reference that is not read: how often the symbol at its place occurs
            when the ranking by frequency is reversed. Missing the rarest costs as much as the most frequent
            one occurs.
        largest: Occurrences of the most frequent symbol: costs over this are 0 .. 1.
    """

    insertions: Mapping[str, int]
    deletions: Mapping[str, int]
    largest: int

    def insertion(self, symbol: str) -> int:
        """Cost of reading a symbol where there is none; of one that training lacks as of the rarest."""
        return self.insertions.get(symbol, min(self.insertions.values()))

    def deletion(self, symbol: str) -> int:
        """Cost of missing a symbol; of one that training lacks as of the rarest."""
        return self.deletions.get(symbol, self.largest)


def edit_weights(counts: Mapping[str, int]) -> EditWeights:
    """The costs of edits from how often the symbols occur in training; of equal counts the name ranks.

    Source: "weighted testing" of the seed study, doi 10.1109/PuneCon46936.2019.9105720, which has the table
    of weights but no distance that uses it.

    Raises:
        ValueError: No symbols, or one that does not occur.
    """
    if not counts or min(counts.values()) < 1:
        raise ValueError("weights of edits need symbols that occur once or more in training")
    ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    reverse = {symbol: counts[other] for symbol, other in zip(ranked, reversed(ranked), strict=True)}
    return EditWeights(dict(counts), reverse, counts[ranked[0]])


def weighted_distance(hypothesis: Sequence[str], reference: Sequence[str], weights: EditWeights) -> float:
    """Least cost of deletions and insertions that make the reference the hypothesis; the dearest one costs 1.

    A substitution costs the deletion of the one symbol and the insertion of the other. It is no metric: the
    two directions cost differently.
    """
    # The cost of all symbols of both, less that of a common subsequence that saves most: one row for each
    # symbol of the reference, column j for the first j of the hypothesis.
    ids = {symbol: number for number, symbol in enumerate(dict.fromkeys(hypothesis))}
    read = np.array([ids[symbol] for symbol in hypothesis], np.int64)
    saved = np.zeros(len(hypothesis) + 1, np.int64)
    for symbol in reference:
        if symbol in ids:
            worth = weights.deletion(symbol) + weights.insertion(symbol)
            saved[1:] = np.maximum(saved[1:], saved[:-1] + worth * (read == ids[symbol]))
            saved = np.maximum.accumulate(saved)
    total = sum(map(weights.deletion, reference)) + sum(map(weights.insertion, hypothesis))
    return (total - int(saved[-1])) / weights.largest


def weighted_symbol_error(
    hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]], counts: Mapping[str, int]
) -> float:
    """Symbol error in percent in which a missed symbol costs the more the rarer it is in training.

    Args:
        hypotheses: What was read.
        references: What is written, as many.
        counts: Symbol -> occurrences in training; see `edit_weights`.

    Returns:
        The corpus' `weighted_distance` over the cost of missing all of its reference symbols: reading nothing
        is 100, and more is possible. 0 for no symbols.

    Raises:
        ValueError: The two lists have different lengths, or counts as of `edit_weights`.
    """
    weights = edit_weights(counts)
    cost = sum(weighted_distance(h, r, weights) for h, r in zip(hypotheses, references, strict=True))
    total = sum(weights.deletion(symbol) for reference in references for symbol in reference)
    return 100 * cost * weights.largest / total if total else 0.0


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


def correct_mask(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> list[bool]:
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


def roc_auc(scores: Sequence[float], positive: Sequence[bool]) -> float:
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
