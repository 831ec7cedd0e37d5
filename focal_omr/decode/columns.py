"""Columns from the output of the column network: peaks, and the other ways in which each can be read.

A run of frames whose best kind is not the blank is a column; it is several where the frames disagree by more
than `_SPLIT` nats. The factors of notes are decoded together, because they must fit: a head belongs to a
stem that is there, a stem that is no rest has a head. Everything is numpy over all columns of a staff.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from focal_omr.encodings.bar_solver import Choices, Reading
from focal_omr.encodings.column_factors import (
    ADVANCES,
    FACTORS,
    OTHER,
    POSITIONS,
    STEMS_AT,
    WITH_THIRD,
    column_factors,
    column_from_factors,
)
from focal_omr.encodings.columns import STEMS, Column, Group, NoteColumn
from focal_omr.score.score import Duration

__all__ = ["DecodedColumn", "column_choices", "column_probabilities", "decode_columns", "note_confidence"]

Values = NDArray[np.intp]
LogProbs = NDArray[Any]

_SPLIT = 3.0  # nats by which two columns must explain neighbouring frames better than one
_FAINT = 0.1  # probability of the kinds but the blank in a frame that may be a column, too
_LIKELY = -4.0  # nats behind the best: what is less probable is no way to read a column
_MAX_READINGS = 8
_MAX_RATIOS = 2
_ABSENCE_FACTOR = 2  # bars that do not add up more often have a wrong duration than a note too many
_LIKELY_TUPLET = -8.0  # the same for tuplets, which are one sign over three notes or more
_CONTRADICTED = 3.0  # nats at most for another advance than the network says

_NUMBER = {factor.name: number for number, factor in enumerate(FACTORS)}
_OFFSETS = np.array([factor.offset for factor in FACTORS])
_STARTS = [*_OFFSETS.tolist()]
_KINDS = slice(0, len(FACTORS[0].values))
_NOTES = FACTORS[0].index["notes"]
_FRACTION = FACTORS[0].index["meter", "fraction"]
_MULTIREST = FACTORS[0].index["multirest"]
_METER = [_NUMBER["meter.beats"], _NUMBER["meter.unit"]]
_TENS = [_NUMBER["multirest.tens"], _NUMBER["multirest.units"]]
_ADVANCE = _NUMBER["advance"]
_GROUPS = [_NUMBER[f"{stem}.value"] for stem in STEMS]
_GROUP_SIZE = _GROUPS[1] - _GROUPS[0]
_HEADS = _NUMBER[f"{POSITIONS[0]}.head"]
_HEAD_FACTORS = np.arange(_HEADS, len(FACTORS)).reshape(len(POSITIONS), -1)  # (33, 4)
_HEAD_CLASSES = (_OFFSETS[_HEAD_FACTORS[:, 0]])[:, None] + np.arange(len(STEMS_AT))  # (33, 7)

_ABSENT, _MEASURE, _REST, _SOUNDS = range(4)  # what a stem may be


@dataclass(frozen=True, slots=True)
class DecodedColumn:
    """A column that was read.

    Attributes:
        column: As most probable; None where the blank is more probable (a column that may be there).
        first_frame, end_frame: Its run of frames.
        peak_frame: Frame of the run in which the column is most probable.
        probabilities: (F,) of the value of each factor in that frame, in the order of `FACTORS`; 1 where the
            factor is not asked.
        row: (WIDTH,) log-probabilities of that frame.
        absence: Log-probability that all frames of its run are blank.
    """

    column: Column | None
    first_frame: int
    end_frame: int
    peak_frame: int
    probabilities: NDArray[np.float64]
    row: LogProbs
    absence: float

    @property
    def confidence(self) -> float:
        """Probability of the whole column: the product over its factors."""
        return float(self.probabilities.prod())


def note_confidence(decoded: DecodedColumn, stem: int, position: int | None) -> float:
    """Probability that a note is read right: the product of the factors that say its kind, duration and head.

    Args:
        decoded: Its column.
        stem: Index in `STEMS`.
        position: Diatonic steps from the lowest line; None for a rest.
    """
    own, first = decoded.probabilities, _GROUPS[stem]
    confidence = own[0] * own[first : first + _GROUP_SIZE].prod()
    if position is not None:
        confidence *= own[_HEAD_FACTORS[position - POSITIONS[0]]].prod()
    return float(confidence)


def column_probabilities(row: LogProbs, column: Column) -> NDArray[np.float64]:
    """(F,) probability of the value of each factor of a column in a (WIDTH,) row; 1 where it is not asked."""
    values = np.array(column_factors(column))
    return np.where(values < 0, 1.0, np.exp(row[np.maximum(_OFFSETS + values, 0)].astype(np.float64)))


def decode_columns(log_probs: LogProbs, *, faint: bool = False) -> list[DecodedColumn]:
    """The columns of a staff, from left to right.

    Args:
        log_probs: (T, WIDTH) natural log-probabilities, a log-softmax within each factor.
        faint: Whether to return also columns that are less probable than the blank, with `column` None.
    """
    segments = [*_segments(log_probs)]
    if faint:
        segments = sorted([*segments, *_faint_frames(log_probs, segments)])
    if not segments:
        return []
    peaks = np.array([peak for _, _, peak in segments])
    rows = log_probs[peaks]
    values = _fitting_values(rows)
    told = np.take_along_axis(rows, _OFFSETS + values, axis=1).astype(np.float64)
    probabilities = np.where(_asked(values), np.exp(told), 1.0)
    decoded = []
    for index, (first, end, peak) in enumerate(segments):
        column = column_from_factors(values[index].tolist())
        absence = float(log_probs[first:end, 0].sum())
        found = DecodedColumn(column, first, end, peak, probabilities[index], rows[index], absence)
        blank = faint and rows[index, _KINDS].argmax() == 0
        decoded.append(replace(found, column=None) if blank else found)
    return decoded


# Peaks -----------------------------------------------------------------------------------------------------


def _segments(log_probs: LogProbs) -> Iterator[tuple[int, int, int]]:
    """(first frame, end frame, peak frame) of each column."""
    best = log_probs[:, _KINDS].argmax(axis=1)
    seen = np.flatnonzero(best)
    if not seen.size:
        return
    values = _best_values(log_probs[seen])
    classes = np.where(_asked(values), _OFFSETS + values, -1)  # (N, F)
    changes = np.concatenate([[True], (classes[1:] != classes[:-1]).any(axis=1)])
    own = [classes[index][classes[index] >= 0] for index in np.flatnonzero(changes)]
    column = np.cumsum(changes) - 1  # of each frame, index in `own`
    for run in np.split(np.arange(seen.size), np.flatnonzero(np.diff(seen) > 1) + 1):
        first_column, frames = int(column[run[0]]), seen[run]
        columns = own[first_column : int(column[run[-1]]) + 1]
        # (frames, columns) log-probability of each column in each frame
        emitted = np.array([log_probs[frames][:, classes].sum(axis=1) for classes in columns]).T
        for first, end, number in _stretches(emitted, (column[run] - first_column).tolist()):
            peak = first + int(emitted[first:end, number].argmax())
            yield int(frames[first]), int(frames[end - 1]) + 1, int(frames[peak])


def _stretches(emitted: NDArray[Any], which: Sequence[int]) -> list[tuple[int, int, int]]:
    """(first, end, column) of the stretches of a run of frames that are one column each.

    Args:
        emitted: (N, C) log-probability of each column in each frame.
        which: The best column of each frame.
    """
    edges = [0, *(at for at in range(1, len(which)) if which[at] != which[at - 1]), len(which)]
    stretches = [(first, end, which[first]) for first, end in pairwise(edges)]
    while len(stretches) > 1:
        gains = []
        for (first, middle, one), (_, end, other) in pairwise(stretches):
            apart = emitted[first:middle, one].sum() + emitted[middle:end, other].sum()
            together, column = max((float(emitted[first:end, c].sum()), c) for c in (one, other))
            gains.append((float(apart) - together, first, end, column))
        gain, first, end, column = min(gains)
        if gain > _SPLIT:
            break
        at = next(index for index, stretch in enumerate(stretches) if stretch[0] == first)
        stretches[at : at + 2] = [(first, end, column)]
    return stretches


def _faint_frames(
    log_probs: LogProbs, segments: Sequence[tuple[int, int, int]]
) -> list[tuple[int, int, int]]:
    """Frames in which a column is less probable than the blank, but not improbable."""
    share = 1 - np.exp(log_probs[:, 0].astype(np.float64))
    taken = np.zeros(len(share) + 2, bool)
    for first, end, _ in segments:
        taken[first : end + 2] = True  # and beside them: the feet of a peak
    padded = np.concatenate([[0.0], share, [0.0]])
    top = (share >= _FAINT) & (share > padded[:-2]) & (share >= padded[2:]) & ~taken[1:-1]
    return [(frame, frame + 1, frame) for frame in np.flatnonzero(top).tolist()]


# Values of factors -----------------------------------------------------------------------------------------


def _best_values(rows: LogProbs) -> Values:
    """(N, WIDTH) -> (N, F) the most probable value of each factor; of the kind but the blank."""
    values = np.empty((len(rows), len(FACTORS)), np.intp)
    values[:, 0] = 1 + rows[:, 1 : _KINDS.stop].argmax(axis=1)
    for number, factor in enumerate(FACTORS[1:_HEADS], 1):
        values[:, number] = rows[:, factor.offset : factor.offset + len(factor.values)].argmax(axis=1)
    heads = rows[:, _STARTS[_HEADS] :].reshape(len(rows), len(POSITIONS), -1)
    first = _STARTS[_HEADS]
    for part in range(_HEAD_FACTORS.shape[1]):
        factor = FACTORS[_HEADS + part]
        own = slice(factor.offset - first, factor.offset - first + len(factor.values))
        values[:, _HEAD_FACTORS[:, part]] = heads[:, :, own].argmax(axis=2)
    return values


def _asked(values: Values) -> NDArray[np.bool_]:
    """(N, F) -> (N, F) which factors are asked, see `column_factors`."""
    asked = np.zeros(values.shape, bool)
    asked[:, 0] = True
    asked[:, _METER] = (values[:, 0] == _FRACTION)[:, None]
    asked[:, _TENS] = (values[:, 0] == _MULTIREST)[:, None]
    notes = values[:, 0] == _NOTES
    asked[:, _ADVANCE] = notes
    for first in _GROUPS:
        asked[:, first] = notes
        asked[:, first + 1 : first + _GROUP_SIZE] = (notes & (values[:, first] > 1))[:, None]
        asked[:, first + _GROUP_SIZE - 1] = notes & (values[:, first] > 0)
    heads = values[:, _HEAD_FACTORS[:, 0]]  # (N, 33)
    asked[:, _HEAD_FACTORS] = (notes[:, None] & (heads > 0))[:, :, None]
    asked[:, _HEAD_FACTORS[:, 0]] = notes[:, None]
    return asked


# Stems and heads that fit ----------------------------------------------------------------------------------

# What the three stems may be together, all absent left out; and for each the heads that fit it.
_STATES = np.array([states for states in product(range(4), repeat=3) if any(states)])  # (63, 3)
_PATTERNS = [[WITH_THIRD.get(own, own) if third else own for own in STEMS_AT] for third in _STATES[:, 2]]
_FITS = np.array(
    [
        [all(states[stem] == _SOUNDS for stem in stems) for stems in patterns]
        for states, patterns in zip(_STATES, _PATTERNS, strict=True)
    ]
)  # (63, 7)
_HAS = np.array(
    [[[stem in stems for stems in patterns] for stem in range(3)] for patterns in _PATTERNS]
)  # (63, 3, 7)


def _state_scores(rows: LogProbs) -> NDArray[np.float64]:
    """(N, WIDTH) -> (N, 63) log-probability of stems and heads together, by `_STATES`."""
    stems = np.empty((len(rows), 3, 4))
    for stem, first in enumerate(_GROUPS):
        spans = [rows[:, FACTORS[n].offset :][:, : len(FACTORS[n].values)] for n in range(first, first + 7)]
        value, rest = spans[0], spans[2]
        more = sum(span.max(axis=1) for span in (spans[1], *spans[3:6]))
        fermata = spans[6].max(axis=1)
        written = value[:, 2:].max(axis=1) + more + fermata
        stems[:, stem, _ABSENT] = value[:, 0]
        stems[:, stem, _MEASURE] = value[:, 1] + fermata
        stems[:, stem, _REST] = written + rest[:, 1]
        stems[:, stem, _SOUNDS] = written + rest[:, 0]
    scores = stems[:, np.arange(3), _STATES].sum(axis=2)
    heads = rows[:, _HEAD_CLASSES]  # (N, 33, 7)
    known: dict[tuple[bytes, bytes], NDArray[Any]] = {}
    for number, (states, fits, has) in enumerate(zip(_STATES, _FITS, _HAS, strict=True)):
        sounding = states == _SOUNDS
        key = (fits.tobytes(), sounding.tobytes())
        if key not in known:
            best = heads[:, :, fits].max(axis=2)  # (N, 33)
            known[key] = best.sum(axis=1)
            for stem in np.flatnonzero(sounding).tolist():
                own = heads[:, :, fits & has[stem]].max(axis=2, initial=-np.inf)
                known[key] += (own - best).max(axis=1)  # 0 where it has a head
        scores[:, number] += known[key]
    return np.asarray(scores)


def _with_states(rows: LogProbs, values: Values, states: NDArray[np.intp]) -> None:
    """Changes (N, F) values of notes, in place, so that stems and heads are as (N,) indices of `_STATES`."""
    at = np.arange(len(rows))
    for stem, first in enumerate(_GROUPS):
        own = _STATES[states, stem]
        span = rows[:, FACTORS[first].offset :][:, 2 : len(FACTORS[first].values)]
        values[:, first] = np.where(own >= _REST, 2 + span.argmax(axis=1), own)
        values[:, first + 2] = own == _REST
    heads = np.where(_FITS[states][:, None, :], rows[:, _HEAD_CLASSES], -np.inf)  # (N, 33, 7)
    best = heads.argmax(axis=2)
    highest = heads.max(axis=2)
    for stem in range(3):
        has = _HAS[states, stem]  # (N, 7)
        lacks = (_STATES[states, stem] == _SOUNDS) & ~has[at[:, None], best].any(axis=1)
        for index in np.flatnonzero(lacks):
            regret = np.where(has[index], heads[index], -np.inf) - highest[index][:, None]  # (33, 7)
            position, pattern = np.unravel_index(int(regret.argmax()), regret.shape)
            best[index, position] = pattern
    values[:, _HEAD_FACTORS[:, 0]] = best


def _fitting_values(rows: LogProbs) -> Values:
    """(N, WIDTH) -> (N, F) the most probable values; those of notes fit each other."""
    values = _best_values(rows)
    groups, rests = values[:, _GROUPS], values[:, [first + 2 for first in _GROUPS]]  # (N, 3)
    heads = values[:, _HEAD_FACTORS[:, 0]]  # (N, 33)
    has = np.stack([_HAS[0, stem][heads].any(axis=1) for stem in range(3)], axis=1)
    fit = (has == ((groups > 1) & (rests == 0))).all(axis=1) & (groups > 0).any(axis=1) & (groups[:, 2] == 0)
    torn = np.flatnonzero((values[:, 0] == _NOTES) & ~fit)
    if torn.size:
        own = values[torn]
        _with_states(rows[torn], own, _state_scores(rows[torn]).argmax(axis=1))
        values[torn] = own
    return values


# Other readings --------------------------------------------------------------------------------------------


def column_choices(decoded: Sequence[DecodedColumn]) -> list[Choices]:
    """The ways to read each of these columns, all of them notes or frames that may be notes."""
    if not decoded:
        return []
    rows = np.array([each.row for each in decoded])
    absences = np.array([each.absence for each in decoded])
    doubtful = np.flatnonzero(_are_doubtful(rows) | (absences > rows[:, _NOTES] + _LIKELY))
    prices = (
        dict(zip(doubtful.tolist(), -_state_scores(rows[doubtful]), strict=True)) if doubtful.size else {}
    )
    best = _best_values(rows)
    best[:, 0] = _NOTES
    found = []
    for index, (row, each) in enumerate(zip(rows, decoded, strict=True)):
        readings = []
        if index not in prices and isinstance(each.column, NoteColumn):
            readings = [Reading(each.column)]
        elif index in prices:
            own = prices[index] - prices[index].min()
            for state in np.flatnonzero(own < -_LIKELY).tolist():
                readings += _state_readings(row, best[index], state, float(own[state]))
        if each.absence > row[_NOTES] + _LIKELY:
            price = float(row[_NOTES]) - each.absence
            readings.append(Reading(None, max(price, _ABSENCE_FACTOR * price)))
        readings.sort(key=lambda reading: reading.price + reading.tuplet)
        least = readings[0].price
        kept = tuple(replace(each, price=each.price - least) for each in readings[:_MAX_READINGS])
        found.append(Choices(kept, *_advances(row)))
    return found


def _are_doubtful(rows: LogProbs) -> NDArray[np.bool_]:
    """(N, WIDTH) -> (N,) whether another stem or duration is likely."""
    doubtful = np.zeros(len(rows), bool)
    for first in _GROUPS:
        for number in range(first, first + _GROUP_SIZE - 1):
            factor = FACTORS[number]
            span = rows[:, factor.offset : factor.offset + len(factor.values)]
            second = np.partition(span, -2, axis=1)[:, -2] if span.shape[1] > 1 else -np.inf
            behind = _LIKELY_TUPLET if number == first + 4 else _LIKELY
            present = 1 if number == first else rows[:, FACTORS[first].offset] < np.log(0.95)
            doubtful |= (second > span.max(axis=1) + behind) & np.asarray(present, bool)
    return np.asarray(doubtful)


def _advances(row: LogProbs) -> tuple[tuple[tuple[Fraction, float], ...], float]:
    """Advances of a (WIDTH,) row with their prices, the cheapest first, and the price of all others."""
    advances = row[_STARTS[_ADVANCE] :][: len(ADVANCES)].astype(np.float64)
    best = int(advances.argmax())
    if ADVANCES[best] == OTHER:
        return (), 0.0
    prices = advances[best] - advances
    likely = [i for i in np.flatnonzero(prices < _CONTRADICTED).tolist() if ADVANCES[i] != OTHER]
    pairs = sorted((float(prices[i]), Fraction(str(ADVANCES[i]))) for i in likely)
    return tuple((advance, price) for price, advance in pairs), _CONTRADICTED


def _state_readings(row: LogProbs, values: Values, state: int, price: float) -> Iterator[Reading]:
    """The readings of a (WIDTH,) row with stems as in `_STATES`; they differ in durations.

    Args:
        row: Log-probabilities.
        values: (F,) most probable values of the row.
        state: Index in `_STATES`.
        price: Of the state, in nats.
    """
    own = values[None].copy()
    _with_states(row[None], own, np.array([state]))
    column = column_from_factors(own[0].tolist())
    assert isinstance(column, NoteColumn)
    durations = [
        [(0.0, 0.0, group)] if group is None or group.duration is None else _durations(row, stem, group)
        for stem, group in enumerate(column.groups)
    ]
    for ways in product(*durations):
        total = price + sum(own_price for own_price, _, _ in ways)
        if total < -_LIKELY:
            up, down, third = (group for *_, group in ways)
            tuplet = max(own_tuplet for _, own_tuplet, _ in ways)
            yield Reading(replace(column, groups=(up, down, third)), total, tuplet)


def _durations(row: LogProbs, stem: int, group: Group) -> list[tuple[float, float, Group]]:
    """A group with its likely durations; before it the prices of value and dots, and of tuplets."""
    first = _GROUPS[stem]
    ways: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]  # the cheapest for the factors so far
    for number in (first, first + 1, first + 3, first + 5):
        prices = row[_STARTS[number] :][: len(FACTORS[number].values)]
        if number == first:
            prices = np.where(np.arange(len(prices)) < 2, -np.inf, prices)
        elif number == first + 3 and not group.heads:
            prices = prices[:1]  # a rest is no grace note
        prices = prices.max() - prices
        likely = [(float(prices[i]), i) for i in np.flatnonzero(prices < -_LIKELY).tolist()]
        longer = [(total + price, (*way, i)) for total, way in ways for price, i in likely]
        ways = sorted(way for way in longer if way[0] < -_LIKELY)[:_MAX_READINGS]
    factor = FACTORS[first + 4]
    tuplets = row[factor.offset : factor.offset + len(factor.values)]
    tuplets = tuplets.max() - tuplets
    ratios = sorted((float(tuplets[i]), i) for i in np.flatnonzero(tuplets < -_LIKELY_TUPLET).tolist())
    found = []
    for price, way in ways:
        value, dots, grace, tremolo = (
            FACTORS[first + at].values[i] for at, i in zip((0, 1, 3, 5), way, strict=True)
        )
        duration = Duration(value, dots)
        other = replace(group, duration=duration, grace=grace, tremolo=tremolo)
        found += [
            (price, tuplet, replace(other, ratio=factor.values[i])) for tuplet, i in ratios[:_MAX_RATIOS]
        ]
    return found
