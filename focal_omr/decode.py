"""From frames to symbols: CTC decoding, greedy or by a beam with rules, with place and confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from focal_omr.notation.vocabulary import BLANK

S = TypeVar("S")
BEAM_WIDTH = 8  # readings that are followed at a time
_LEAST_TRIED = math.log(0.001)
_MOST_TRIED = 6
_VALUE = itemgetter(1)


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
    symbols = []
    for start, end in zip(starts, ends, strict=True):
        if end == start or (number := int(best[start])) == BLANK:
            continue
        run = log_probs[start:end, number]
        peak = start + int(run.argmax())
        symbols.append(Decoded(number, start, end, peak, float(np.exp(run.max()))))
    return symbols


class Rules(Protocol[S]):
    """What a beam search asks about music: a state, and what one more symbol is worth in it.

    Attributes:
        kept: Classes that change what others are worth. Where the network sees one of them, one of them is
            read, and nowhere else: the search exchanges them, but neither drops nor invents them.
    """

    kept: frozenset[int]

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
        if (known := self.longer.get(number)) is None:
            state, worth = rules.step(self.state, number)
            known = self.longer[number] = _Prefix(number, self, state, self.bonus + worth)
        return known

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
    are tried as longer sequences.
    """
    likeliest = log_probs.argmax(axis=1)
    frames = _without_choice(log_probs.astype(np.float64), likeliest, sorted(rules.kept))
    # Sequence -> (log probability of ending in a blank, of ending in its last symbol).
    beam: dict[_Prefix[S], tuple[float, float]] = {
        _Prefix(BLANK, None, rules.start if start is None else start, 0.0): (0.0, -math.inf)
    }
    value_at = frames.item  # a plain number, faster than the array gives one of its own
    for frame, symbols in enumerate(_worth_trying(frames)):
        blank = value_at(frame, BLANK)
        if not symbols:  # as in two frames of three: every sequence stays as it is
            beam = {
                prefix: (_sum(in_blank, in_symbol) + blank, in_symbol + value_at(frame, prefix.number))
                for prefix, (in_blank, in_symbol) in beam.items()
            }
            continue
        found: dict[_Prefix[S], tuple[float, float]] = {}
        for prefix, (in_blank, in_symbol) in beam.items():
            either = _sum(in_blank, in_symbol)
            _add(found, prefix, either + blank, in_symbol + value_at(frame, prefix.number))
            for number, value in symbols:
                before = in_blank if number == prefix.number else either
                if before > -math.inf:
                    _add(found, prefix.extended(number, rules), -math.inf, before + value)
        beam = _best(found, beam_width)
    best = max(beam.items(), key=_total)[0].numbers()
    greedy = greedy_decode(log_probs, likeliest)
    return greedy if best == [symbol.number for symbol in greedy] else align(log_probs, best)


def _best(
    found: dict[_Prefix[S], tuple[float, float]], beam_width: int
) -> dict[_Prefix[S], tuple[float, float]]:
    """The likeliest sequences, first the likeliest; all of them, in any order, where they are few."""
    if len(found) <= beam_width:
        return found
    return dict(sorted(found.items(), key=_total, reverse=True)[:beam_width])


def _without_choice(
    frames: NDArray[np.float64], likeliest: NDArray[np.intp], kept: Sequence[int]
) -> NDArray[np.float64]:
    """The frames with the classes of `kept` made certain, as a group, where one of them is the likeliest.

    They are changed in place.
    """
    if not kept:
        return frames
    inside = np.zeros(frames.shape[1], bool)
    inside[kept] = True
    seen = inside[likeliest]
    frames[np.ix_(~seen, inside)] = -np.inf
    frames[np.ix_(seen, ~inside)] = -np.inf
    return frames


def _worth_trying(frames: NDArray[np.float64]) -> list[list[tuple[int, float]]]:
    """For each frame (class, log probability) of the likeliest symbols."""
    tried: list[list[tuple[int, float]]] = [[] for _ in frames]
    likely = frames > _LEAST_TRIED
    likely[:, BLANK] = False
    places = np.nonzero(likely)
    for frame, number, value in zip(*(each.tolist() for each in (*places, frames[places])), strict=True):
        tried[frame].append((number, value))
    for each in tried:
        if len(each) > 1:
            each.sort(key=_VALUE, reverse=True)
            del each[_MOST_TRIED:]
    return tried


def _sum(one: float, other: float) -> float:
    """log(exp(one) + exp(other))."""
    if one < other:
        one, other = other, one
    return one if other == -math.inf else one + math.log1p(math.exp(other - one))


def _add(
    found: dict[_Prefix[S], tuple[float, float]], prefix: _Prefix[S], in_blank: float, in_symbol: float
) -> None:
    before = found.get(prefix)
    if before is not None:
        in_blank, in_symbol = _sum(before[0], in_blank), _sum(before[1], in_symbol)
    found[prefix] = in_blank, in_symbol


def _total(item: tuple[_Prefix[Any], tuple[float, float]]) -> float:
    prefix, (in_blank, in_symbol) = item
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
