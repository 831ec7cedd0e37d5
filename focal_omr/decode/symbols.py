"""CTC decoding, greedy or by beam search with musical constraints, with frames and confidences."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import exp, log1p
from operator import itemgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from focal_omr.encodings.vocabulary import BLANK

S = TypeVar("S")  # state of the rules
BEAM_WIDTH = 8
_MIN_LOG_PROB = math.log(0.001)  # of a class to be tried in a frame
_MAX_CANDIDATES = 6  # classes tried in a frame
_MAX_GAP = 15.0  # nats behind the best hypothesis; more than rules can make up for
_FIRST, _VALUE = itemgetter(0), itemgetter(1)
_IMPOSSIBLE = (-math.inf, -math.inf)


@dataclass(frozen=True)
class Decoded:
    """One decoded symbol.

    Attributes:
        class_id: Class of the network's output, never the blank.
        first_frame: First frame of its run.
        end_frame: Frame after its last one.
        peak_frame: Frame of its run in which the class is most probable.
        confidence: Probability of the class in that frame, 0 .. 1.
    """

    class_id: int
    first_frame: int
    end_frame: int
    peak_frame: int
    confidence: float


def greedy_decode(log_probs: NDArray[Any], best: NDArray[np.intp] | None = None) -> list[Decoded]:
    """Take the best class of every frame, collapse runs and drop blanks.

    Args:
        log_probs: (T, C) natural log-probabilities of one sample.
        best: (T,) argmax of `log_probs` over classes, if already known.

    Returns:
        Symbols from left to right.

    Source: Graves et al. 2006, "Connectionist temporal classification", section 3.2, best path decoding.
    """
    best = log_probs.argmax(axis=1) if best is None else best
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = [0, *edges.tolist()], [*edges.tolist(), len(best)]
    runs = [
        (int(best[start]), start, end)
        for start, end in zip(starts, ends, strict=True)
        if start < end and best[start] != BLANK
    ]
    peaks = [
        start if end == start + 1 else start + int(log_probs[start:end, class_id].argmax())
        for class_id, start, end in runs
    ]
    confidences = np.exp(log_probs[peaks, [class_id for class_id, _, _ in runs]]).tolist() if runs else []
    return [Decoded(*run, *rest) for run, *rest in zip(runs, peaks, confidences, strict=True)]


class Rules(Protocol[S]):
    """Scores of symbol sequences for a beam search, as a state machine.

    Attributes:
        pinned: Classes (meters) that the beam may substitute for each other but neither insert nor delete. In
            frames where one of them is the best class, only pinned classes are tried; elsewhere none is.
    """

    pinned: frozenset[int]

    @property
    def start(self) -> S:
        """State before the first symbol."""

    def step(self, state: S, class_id: int) -> tuple[S, float]:
        """Return the state after a symbol, and the symbol's bonus (or, if negative, penalty) in nats."""


@dataclass(slots=True, eq=False)
class _Prefix(Generic[S]):
    """A hypothesis: a node of the prefix tree of all sequences tried.

    Attributes:
        class_id: Last symbol; the blank for the empty sequence.
        parent: The sequence without its last symbol.
        state: State of the rules after it.
        bonus: Sum of the rules' bonuses.
        children: Sequences with one more symbol, by that symbol.
    """

    class_id: int
    parent: "_Prefix[S] | None"
    state: S
    bonus: float
    children: "dict[int, _Prefix[S]]" = field(default_factory=dict)

    def extend(self, class_id: int, rules: Rules[S]) -> "_Prefix[S]":
        """Create the child for a symbol."""
        state, bonus = rules.step(self.state, class_id)
        child = self.children[class_id] = _Prefix(class_id, self, state, self.bonus + bonus)
        return child

    def class_ids(self) -> list[int]:
        """Return all symbols of the sequence, from the first."""
        reversed_, node = [], self
        while node.parent is not None:
            reversed_.append(node.class_id)
            node = node.parent
        return reversed_[::-1]


# Hypothesis -> (log-probability of its paths that end in a blank, of those that end in its last symbol).
_Beam = dict[_Prefix[S], tuple[float, float]]


def beam_decode(
    log_probs: NDArray[Any], rules: Rules[S], *, start: S | None = None, beam_width: int = BEAM_WIDTH
) -> list[Decoded]:
    """Find the sequence with the best sum of network log-probability and rule bonuses.

    Args:
        log_probs: (T, C) natural log-probabilities of one sample.
        rules: Bonus in nats of every symbol in its context.
        start: State of the rules before the first symbol; None: `rules.start`.
        beam_width: Hypotheses kept after each frame.

    Returns:
        Symbols from left to right, with the frames of their best alignment.

    Source: Prefix beam search, Hannun et al. 2014, arXiv 1408.2873, algorithm 1, with the rules in place of
    the language model. Deviations: in each frame at most six classes with a probability above 0.001 extend
    hypotheses; hypotheses 15 nats behind the best one are dropped.
    """
    best = log_probs.argmax(axis=1)
    candidates = _candidates(log_probs, best, rules.pinned)
    beam: _Beam[S] = {_Prefix(BLANK, None, rules.start if start is None else start, 0.0): (0.0, -math.inf)}
    done = 0  # frames
    for frame, symbols in enumerate(candidates.symbols):
        if symbols is None:  # two frames of three have no candidates; runs of them are skipped at once
            continue
        beam = _skip_frames(beam, candidates.log_probs, done, frame)
        beam = _prune(_extend(beam, candidates.log_probs, frame, symbols, rules), beam_width)
        done = frame + 1
    beam = _skip_frames(beam, candidates.log_probs, done, len(candidates.symbols))
    class_ids = max(beam.items(), key=_total)[0].class_ids()
    greedy = greedy_decode(log_probs, best)
    return greedy if class_ids == [symbol.class_id for symbol in greedy] else align(log_probs, class_ids)


def _skip_frames(beam: _Beam[S], log_probs: dict[int, list[float]], first: int, end: int) -> _Beam[S]:
    """Advance all hypotheses over frames [first, end) in which none is extended, in one step.

    A hypothesis may stay in its last symbol for the first k of these n frames and be in blanks for the rest.
    With B and S the sums of both log-probabilities over the first k frames, the sum of exp(S - B) over k = 0
    .. n - 1 is the same for all hypotheses with that last symbol, and computed once.
    """
    if first == end:
        return beam
    blanks = log_probs[BLANK][first:end]
    all_blanks = sum(blanks)
    by_class: dict[int, tuple[float, float]] = {}  # log of that sum; S over all frames
    after = {}
    for prefix, (in_blank, in_symbol) in beam.items():
        if (known := by_class.get(prefix.class_id)) is None:
            symbols = log_probs[prefix.class_id][first:end]
            total = difference = 0.0
            for blank, symbol in zip(blanks, symbols, strict=True):
                total += exp(difference)
                difference += symbol - blank
            known = by_class[prefix.class_id] = math.log(total), sum(symbols)
        staying, all_symbols = known
        after[prefix] = _log_add(in_blank, in_symbol + staying) + all_blanks, in_symbol + all_symbols
    return after


def _extend(
    beam: _Beam[S],
    log_probs: dict[int, list[float]],
    frame: int,
    symbols: list[tuple[int, float]],
    rules: Rules[S],
) -> _Beam[S]:
    """Advance over one frame: every hypothesis as it is, and extended by every candidate symbol."""
    here = {class_id: values[frame] for class_id, values in log_probs.items()}
    blank = here[BLANK]
    after: _Beam[S] = {}
    for prefix, (in_blank, in_symbol) in beam.items():
        either, last = _log_add(in_blank, in_symbol), prefix.class_id
        known = after.get(prefix, _IMPOSSIBLE)  # its parent may have been extended to it already
        after[prefix] = either + blank, _log_add(known[1], in_symbol + here[last])
        for class_id, log_prob in symbols:
            before = in_blank if class_id == last else either  # equal neighbours need a blank between them
            if before > -math.inf:
                child = prefix.children.get(class_id) or prefix.extend(class_id, rules)
                known = after.get(child, _IMPOSSIBLE)
                after[child] = known[0], _log_add(known[1], before + log_prob)
    return after


def _prune(beam: _Beam[S], beam_width: int) -> _Beam[S]:
    """Keep the best hypotheses, in any order."""
    if len(beam) == 1:
        return beam
    totals = [(_total(item), item) for item in beam.items()]
    threshold = max(totals, key=_FIRST)[0] - _MAX_GAP
    best = [each for each in totals if each[0] > threshold]
    if len(best) > beam_width:
        best.sort(key=_FIRST, reverse=True)
        del best[beam_width:]
    return dict(item for _, item in best)


class _Candidates(NamedTuple):
    """Classes that the beam search considers.

    Attributes:
        symbols: Per frame, (class, log-probability) of symbols to try, best first; None if there are none.
        log_probs: Log-probabilities in each frame, by class, for the blank and all symbols tried anywhere.
    """

    symbols: list[list[tuple[int, float]] | None]
    log_probs: dict[int, list[float]]


def _candidates(log_probs: NDArray[Any], best: NDArray[np.intp], pinned: Collection[int]) -> _Candidates:
    """Select up to 6 classes with p > 0.001 per frame, as plain Python numbers.

    Where a pinned class is the best one, all other classes get probability 0, blank included; elsewhere all
    pinned classes do.
    """
    is_pinned = [class_id in pinned for class_id in best.tolist()]
    symbols: list[list[tuple[int, float]] | None] = [[] if each else None for each in is_pinned]
    likely = log_probs > _MIN_LOG_PROB
    likely[:, BLANK] = False
    flat = np.flatnonzero(likely)
    frames, class_ids = (each.tolist() for each in np.divmod(flat, log_probs.shape[1]))
    for frame, class_id, log_prob in zip(frames, class_ids, log_probs.ravel()[flat].tolist(), strict=True):
        if (class_id in pinned) is is_pinned[frame]:
            if (known := symbols[frame]) is None:
                symbols[frame] = [(class_id, log_prob)]
            else:
                known.append((class_id, log_prob))
    for each in symbols:
        if each is not None and len(each) > 1:
            each.sort(key=_VALUE, reverse=True)
            del each[_MAX_CANDIDATES:]
    used = sorted({BLANK, *class_ids})
    values = log_probs[:, used].astype(np.float64)
    impossible = np.array(is_pinned)[:, None] != np.array([class_id in pinned for class_id in used])
    values[impossible] = -np.inf
    return _Candidates(symbols, dict(zip(used, values.T.tolist(), strict=True)))


def _log_add(one: float, other: float) -> float:
    """Return log(exp(one) + exp(other)); for two numbers much faster than `np.logaddexp`."""
    if one < other:
        one, other = other, one
    return one if other == -math.inf else one + log1p(exp(other - one))


def _total(item: tuple[_Prefix[Any], tuple[float, float]]) -> float:
    """Return log-probability plus bonus of a hypothesis."""
    prefix, (in_blank, in_symbol) = item
    if in_blank == -math.inf:  # every hypothesis that was extended in this frame
        return in_symbol + prefix.bonus
    return _log_add(in_blank, in_symbol) + prefix.bonus


def align(log_probs: NDArray[Any], class_ids: Sequence[int]) -> list[Decoded]:
    """Find the most probable alignment of a symbol sequence.

    Args:
        log_probs: (T, C) natural log-probabilities; T must suffice for the sequence.
        class_ids: Symbols without blanks.

    Source: Viterbi on the CTC lattice, Graves et al. 2006.
    """
    states = np.full(2 * len(class_ids) + 1, BLANK)
    states[1::2] = class_ids
    emitted = log_probs[:, states].astype(np.float64)  # (T, 2U + 1)
    can_skip = np.zeros(len(states), bool)  # the blank before a symbol, unless the symbol before is equal
    can_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:2] = emitted[0, :2]
    steps = np.zeros(emitted.shape, np.int8)  # states advanced on the best way to each state
    for frame in range(1, len(emitted)):
        one = np.concatenate(([-np.inf], score[:-1]))
        two = np.where(can_skip, np.concatenate(([-np.inf, -np.inf], score[:-2]))[: len(states)], -np.inf)
        choices = np.stack((score, one, two))
        steps[frame] = choices.argmax(axis=0)
        score = choices.max(axis=0) + emitted[frame]
    state = len(states) - 1 if len(states) == 1 or score[-1] >= score[-2] else len(states) - 2
    path = np.empty(len(emitted), int)
    for frame in range(len(emitted) - 1, -1, -1):
        path[frame] = state
        state -= int(steps[frame, state])
    aligned = []
    for index, class_id in enumerate(class_ids):
        frames = np.flatnonzero(path == 2 * index + 1)
        run = log_probs[frames, class_id]
        peak = int(run.argmax())
        first, end = int(frames[0]), int(frames[-1]) + 1
        aligned.append(Decoded(class_id, first, end, int(frames[peak]), float(np.exp(run[peak]))))
    return aligned
