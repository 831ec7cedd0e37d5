"""Alignment of the bars of two scores by dynamic programming.

A pair of bars costs its notes that are not in both, half each for pitch and for the rest, an unpaired bar its
notes and a half. Pairs far from the diagonal are not tried.

Source: Levenshtein 1966; edit distance of sequences whose elements are multisets.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from operator import itemgetter

from focal_omr.evaluation.score_diff.records import Bar

__all__ = ["BarPair", "align_bars"]

# A bar of the result and the bar of the truth that it is paired with; None: it has no partner.
BarPair = tuple[Bar | None, Bar | None]
_BAND = 40  # bars off the diagonal beyond the difference in number


def align_bars(result: Sequence[Bar], truth: Sequence[Bar]) -> list[BarPair]:
    """The pairs of bars with the lowest total cost, in order. Bars of rest cost next to nothing."""
    ids: dict[Hashable, int] = {}
    hyps: list[frozenset[int]] = []
    refs: list[
        frozenset[int]
    ] = []  # the notes of each bar and their pitches as numbers; what is there twice has two
    for bars, features in ((result, hyps), (truth, refs)):
        for bar in bars:
            keys = Counter[Hashable](bar.notes) + Counter[Hashable](note.pitch for note in bar.notes)
            repeated = ((key, k) for key, count in keys.items() for k in range(count))
            features.append(frozenset(ids.setdefault(key, len(ids)) for key in repeated))
    band = abs(len(hyps) - len(refs)) + _BAND
    costs: dict[int, int] = {}  # of aligning the first bars of the result with the first j of the truth
    steps: list[dict[int, str]] = []
    for i in range(len(hyps) + 1):
        row: dict[int, int] = {}
        step: dict[int, str] = {}
        for j in range(max(0, i - band), min(len(refs), i + band) + 1):
            ways = [] if i or j else [(0, "")]
            if i and j:
                hyp, ref = hyps[i - 1], refs[j - 1]
                different = len(hyp) + len(ref) - 2 * len(hyp & ref)  # two features a note
                ways.append((costs[j - 1] + different, "pair"))
            if j - 1 in row:
                ways.append((row[j - 1] + len(refs[j - 1]) + 1, "missing"))
            if j in costs:
                ways.append((costs[j] + len(hyps[i - 1]) + 1, "extra"))
            row[j], step[j] = min(ways, key=itemgetter(0))
        costs = row
        steps.append(step)
    pairs: list[BarPair] = []
    i, j = len(hyps), len(refs)
    while i or j:
        way = steps[i][j]
        i, j = i - (way != "missing"), j - (way != "extra")
        pairs.append((None if way == "missing" else result[i], None if way == "extra" else truth[j]))
    return pairs[::-1]
