"""From frames to symbols: CTC decoding, greedy or by a beam with rules, with place and confidence."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import exp, log1p
from operator import itemgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from focal_omr.encodings.vocabulary import BLANK

S = TypeVar("S")
BEAM_WIDTH = 8  # readings that are followed at a time
_LEAST_TRIED = math.log(0.001)
_MOST_TRIED = 6
_FAR_BEHIND = 15.0  # nats that no rules make up for
_FIRST, _VALUE = itemgetter(0), itemgetter(1)
_IMPOSSIBLE = (-math.inf, -math.inf)


@dataclass(frozen=True)
class Decoded:
    """One decoded symbol.

    Attributes:
        number: Class number (never the blank).
        first_frame: First frame of its run.
        end_frame: Frame after its last one.
        peak_frame: Frame in which the class is most probable.
        confidence: The class's probability in that frame, 0 .. 1.
    """

    number: int
    first_frame: int
    end_frame: int
    peak_frame: int
    confidence: float


def greedy_decode(log_probs: NDArray[Any], likeliest: NDArray[np.intp] | None = None) -> list[Decoded]:
    """Best class of every frame, runs collapsed, blanks dropped.

    Args:
        log_probs: (T, C) natural logarithms of one sample's frames.
        likeliest: (T,) the best class of each, where it is known.

    Returns:
        The symbols from left to right.

    Source: Graves et al. 2006, "Connectionist temporal classification", section 3.2, best path decoding.
    """
    best = log_probs.argmax(axis=1) if likeliest is None else likeliest
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(best)]
    runs = [
        (int(best[start]), start, end)
        for start, end in zip(starts, ends, strict=True)
        if start < end and best[start] != BLANK
    ]
    peaks = [
        start if end == start + 1 else start + int(log_probs[start:end, number].argmax())
        for number, start, end in runs
    ]
    sure = np.exp(log_probs[peaks, [number for number, _, _ in runs]]).tolist() if runs else []
    return [Decoded(*run, peak, each) for run, peak, each in zip(runs, peaks, sure, strict=True)]


class Rules(Protocol[S]):
    """What a beam search asks about music: a state, and what one more symbol is worth in it.

    Attributes:
        pinned: Classes that change what others are worth. Where the network sees one of them, one of them is
            read, and nowhere else: the search exchanges them, but neither drops nor invents them.
    """

    pinned: frozenset[int]

    @property
    def start(self) -> S:
        """The state before the first symbol."""

    def step(self, state: S, number: int) -> tuple[S, float]:
        """The state after a symbol, and its bonus or malus in nats."""


@dataclass(slots=True, eq=False)
class _Prefix(Generic[S]):
    """A sequence of symbols, as a node of the tree of all that were tried.

    Attributes:
        number: Its last symbol; the blank for the empty sequence.
        before: The sequence without it.
        state: Of the rules after it.
        bonus: Sum of what the rules gave.
        longer: One symbol more, by that symbol.
    """

    number: int
    before: "_Prefix[S] | None"
    state: S
    bonus: float
    longer: "dict[int, _Prefix[S]]" = field(default_factory=dict)

    def extended(self, number: int, rules: Rules[S]) -> "_Prefix[S]":
        """One symbol more, for the first time."""
        state, worth = rules.step(self.state, number)
        longer = self.longer[number] = _Prefix(number, self, state, self.bonus + worth)
        return longer

    def numbers(self) -> list[int]:
        reversed_, node = [], self
        while node.before is not None:
            reversed_.append(node.number)
            node = node.before
        return reversed_[::-1]


def beam_decode(
    log_probs: NDArray[Any], rules: Rules[S], *, start: S | None = None, beam_width: int = BEAM_WIDTH
) -> list[Decoded]:
    """The symbols that network and rules together find best.

    Args:
        log_probs: (T, C) natural logarithms of one sample's frames.
        rules: Adds a bonus, in nats, to every symbol where it stands.
        start: The rules' state before the first symbol; None: `rules.start`.
        beam_width: Sequences that are followed at a time.

    Returns:
        The symbols from left to right, in the frames of their best alignment.

    Source: prefix beam search, Hannun et al. 2014, arXiv 1408.2873, algorithm 1, with the rules in the place
    of the language model. Deviation: in each frame only classes of a probability above 0.001, at most six,
    are tried as longer sequences; sequences 15 nats behind the likeliest are left.
    """
    likeliest = log_probs.argmax(axis=1)
    frames = _candidates(log_probs, likeliest, rules.pinned)
    # Sequence -> (log probability of ending in a blank, of ending in its last symbol).
    beam: dict[_Prefix[S], tuple[float, float]] = {
        _Prefix(BLANK, None, rules.start if start is None else start, 0.0): (0.0, -math.inf)
    }
    frame = 0
    for end, symbols in enumerate(frames.tried):
        if symbols is None:  # as in two frames of three: every sequence stays as it is
            continue
        beam = _through_blanks(beam, frames.values, frame, end)
        beam = _best(_through_symbols(beam, frames.values, end, symbols, rules), beam_width)
        frame = end + 1
    beam = _through_blanks(beam, frames.values, frame, len(frames.tried))
    best = max(beam.items(), key=_total)[0].numbers()
    greedy = greedy_decode(log_probs, likeliest)
    return greedy if best == [symbol.number for symbol in greedy] else align(log_probs, best)


def _through_blanks(
    beam: dict[_Prefix[S], tuple[float, float]], values: dict[int, list[float]], first: int, end: int
) -> dict[_Prefix[S], tuple[float, float]]:
    """The sequences after frames in which none of them gets longer, all of these frames at once.

    A sequence that ends in its last symbol may stay in it for some of the frames, and is in blanks then: with
    b and s the sums of both their logarithms so far, that is a sum of exp(s - b) for each symbol, once.
    """
    if first == end:
        return beam
    blanks = values[BLANK][first:end]
    through = sum(blanks)
    known: dict[int, tuple[float, float]] = {}  # by symbol: logarithm of that sum, and s of all frames
    after = {}
    for prefix, (in_blank, in_symbol) in beam.items():
        if (both := known.get(prefix.number)) is None:
            both = known[prefix.number] = _staying(blanks, values[prefix.number][first:end])
        staying, symbols = both
        after[prefix] = _sum(in_blank, in_symbol + staying) + through, in_symbol + symbols
    return after


def _staying(blanks: list[float], symbols: list[float]) -> tuple[float, float]:
    shares = apart = 0.0
    for blank, symbol in zip(blanks, symbols, strict=True):
        shares += exp(apart)
        apart += symbol - blank
    return math.log(shares), sum(symbols)


def _through_symbols(
    beam: dict[_Prefix[S], tuple[float, float]],
    values: dict[int, list[float]],
    frame: int,
    symbols: list[tuple[int, float]],
    rules: Rules[S],
) -> dict[_Prefix[S], tuple[float, float]]:
    """The sequences after a frame, each as it was and longer by each of the symbols."""
    here = {number: of_frames[frame] for number, of_frames in values.items()}
    blank = here[BLANK]
    found: dict[_Prefix[S], tuple[float, float]] = {}
    for prefix, (in_blank, in_symbol) in beam.items():
        either, last = _sum(in_blank, in_symbol), prefix.number
        known = found.get(prefix, _IMPOSSIBLE)  # of its beginning, longer by its last symbol
        found[prefix] = either + blank, _sum(known[1], in_symbol + here[last])
        for number, value in symbols:
            before = in_blank if number == last else either
            if before > -math.inf:
                longer = prefix.longer.get(number) or prefix.extended(number, rules)
                known = found.get(longer, _IMPOSSIBLE)
                found[longer] = known[0], _sum(known[1], before + value)
    return found


def _best(
    found: dict[_Prefix[S], tuple[float, float]], beam_width: int
) -> dict[_Prefix[S], tuple[float, float]]:
    """The likeliest sequences, in any order, without those that are far behind."""
    if len(found) == 1:
        return found
    totals = [(_total(item), item) for item in found.items()]
    least = max(totals, key=_FIRST)[0] - _FAR_BEHIND
    kept = [each for each in totals if each[0] > least]
    if len(kept) > beam_width:
        kept.sort(key=_FIRST, reverse=True)
        del kept[beam_width:]
    return dict(item for _, item in kept)


class _Frames(NamedTuple):
    """What a beam search looks at.

    Attributes:
        tried: For each frame (class, log probability) of the likeliest symbols, the likeliest first; None
            where there are none, and blanks go on.
        values: Log probabilities in each frame, by class, of the blank and of all that are tried somewhere.
    """

    tried: list[list[tuple[int, float]] | None]
    values: dict[int, list[float]]


def _candidates(log_probs: NDArray[Any], likeliest: NDArray[np.intp], kept: Collection[int]) -> _Frames:
    """The few classes of each frame that come into question, as plain numbers.

    Where one of `kept` is the likeliest these are certain as a group, and elsewhere impossible.
    """
    seen = [number in kept for number in likeliest.tolist()]
    tried: list[list[tuple[int, float]] | None] = [[] if sure else None for sure in seen]
    likely = log_probs > _LEAST_TRIED
    likely[:, BLANK] = False
    flat = np.flatnonzero(likely)
    frames, numbers = (each.tolist() for each in np.divmod(flat, log_probs.shape[1]))
    for frame, number, value in zip(frames, numbers, log_probs.ravel()[flat].tolist(), strict=True):
        if (number in kept) is seen[frame]:
            if (known := tried[frame]) is None:
                tried[frame] = [(number, value)]
            else:
                known.append((number, value))
    for each in tried:
        if each is not None and len(each) > 1:
            each.sort(key=_VALUE, reverse=True)
            del each[_MOST_TRIED:]
    used = sorted({BLANK, *numbers})
    values = log_probs[:, used].astype(np.float64)
    impossible = np.array(seen)[:, None] != np.array([number in kept for number in used])
    values[impossible] = -np.inf
    return _Frames(tried, dict(zip(used, values.T.tolist(), strict=True)))


def _sum(one: float, other: float) -> float:
    """log(exp(one) + exp(other))."""
    if one < other:
        one, other = other, one
    return one if other == -math.inf else one + log1p(exp(other - one))


def _total(item: tuple[_Prefix[Any], tuple[float, float]]) -> float:
    prefix, (in_blank, in_symbol) = item
    if in_blank == -math.inf:  # as of every sequence that just got longer
        return in_symbol + prefix.bonus
    return _sum(in_blank, in_symbol) + prefix.bonus


def align(log_probs: NDArray[Any], numbers: Sequence[int]) -> list[Decoded]:
    """The frames in which a sequence of symbols is most probable.

    Args:
        log_probs: (T, C).
        numbers: Classes, without blanks; T frames must be enough for them.

    Source: Viterbi on the CTC lattice, Graves et al. 2006.
    """
    states = np.full(2 * len(numbers) + 1, BLANK)
    states[1::2] = numbers
    emitted = log_probs[:, states].astype(np.float64)  # (T, 2U + 1)
    skips = np.zeros(len(states), bool)  # from the symbol before, over the blank between
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = emitted[0, :2]
    came = np.zeros(emitted.shape, np.int8)
    for frame in range(1, len(emitted)):
        one = np.concatenate(([-np.inf], score[:-1]))
        two = np.where(skips, np.concatenate(([-np.inf, -np.inf], score[:-2]))[: len(states)], -np.inf)
        choices = np.stack((score, one, two))
        came[frame] = choices.argmax(axis=0)
        score = choices.max(axis=0) + emitted[frame]
    at = len(states) - 1 if len(states) == 1 or score[-1] >= score[-2] else len(states) - 2
    path = np.empty(len(emitted), int)
    for frame in range(len(emitted) - 1, -1, -1):
        path[frame] = at
        at -= int(came[frame, at])
    return [
        _aligned(log_probs, number, np.flatnonzero(path == 2 * k + 1)) for k, number in enumerate(numbers)
    ]


def _aligned(log_probs: NDArray[Any], number: int, frames: NDArray[np.intp]) -> Decoded:
    run = log_probs[frames, number]
    peak = int(run.argmax())
    first, end = int(frames[0]), int(frames[-1]) + 1
    return Decoded(number, first, end, int(frames[peak]), float(np.exp(run[peak])))
