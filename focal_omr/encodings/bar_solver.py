"""The bar solver: onsets of the columns of one measure, on all staves of a system at once.

A column begins when a sounding note or rest ends. Which one is a search over onsets in integer ticks, the
cheapest first: it costs nothing to go on when the first of the sounding stems ends and `advance` says the
same; silence that no rest tells, an advance that is contradicted and a stem that begins before its last note
ended have their price. The measure is as long as the meter says, or for a price as long as its staves say.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from itertools import accumulate
from math import lcm

from focal_omr.encodings.columns import NoteColumn

__all__ = ["SolvedBar", "solve_bar"]

_SILENCE_TOLD = 0.4  # nothing ends where the next column begins, and advance says so
_CONTRADICTED = 1.0  # advance says otherwise
_STEM_TAKEN = 1.0  # a stem begins before its last note ended
_LATE_START = 1.5  # silence before the first column
_SILENCE = 2.0  # silence that only the other staves or the meter tell
_OTHER_LENGTH = 3.0  # a measure that is not as long as its meter
_PICKUP = 1.0  # the same at the beginning, the end, a repeat sign or a double barline
_NO_READING = 4.5  # a staff that cannot fill the measure
_MAX_NODES = 3000


@dataclass(frozen=True, slots=True)
class SolvedBar:
    """Where the columns of a measure begin.

    Attributes:
        length: Of the measure, in whole notes.
        onsets: For each staff the onset of each column, in whole notes; 0 for a rest of the whole measure.
        unsolved: Index of each staff whose durations do not fill the measure, whatever the onsets; its
            columns begin one after the other.
    """

    length: Fraction
    onsets: tuple[tuple[Fraction, ...], ...]
    unsolved: tuple[int, ...] = ()


@dataclass(slots=True)
class _Moment:
    """Columns that begin together: grace notes and what they lead to, in ticks.

    Attributes:
        columns: Indices of the columns.
        stems: (stem, length) of each group with a length.
        advance: Ticks to the next moment, None if not known.
    """

    columns: list[int]
    stems: list[tuple[int, int]] = field(default_factory=list)
    advance: int | None = None


def solve_bar(
    staves: Sequence[Sequence[NoteColumn]], full: Fraction | None, *, pickup: bool = False
) -> SolvedBar:
    """The cheapest onsets of the columns of one measure.

    Args:
        staves: The note columns of each staff; a staff without any rests.
        full: Length of a full measure in whole notes; None without meter.
        pickup: Whether the measure may well be shorter: at the beginning, the end or a repeat sign.
    """
    ticks = _ticks(staves, full)
    moments = [_moments(columns, ticks) for columns in staves]
    sounding = [own for own in moments if own]
    wanted = None if full is None else int(full * ticks)
    if not sounding:
        silent = tuple((Fraction(0),) * len(columns) for columns in staves)
        return SolvedBar(full or Fraction(1), silent)
    times: Sequence[list[int] | None] | None = _told(sounding, wanted)
    length = times[0][-1] if times is not None and times[0] is not None else 0
    if times is None:
        length, times = _cheapest(sounding, wanted, _PICKUP if pickup else _OTHER_LENGTH)
    placed = [own if own is not None else _in_turn(staff) for own, staff in zip(times, sounding, strict=True)]
    length = max([length, *(own[-1] for own in placed)])
    solved = iter(times)
    placing = iter(placed)
    onsets: list[tuple[Fraction, ...]] = []
    unsolved = []
    for index, columns in enumerate(staves):
        own = [0] * len(columns)
        if moments[index]:
            for moment, time in zip(moments[index], next(placing), strict=False):
                for column in moment.columns:
                    own[column] = time
            if next(solved) is None:
                unsolved.append(index)
        onsets.append(tuple(Fraction(time, ticks) for time in own))
    return SolvedBar(Fraction(length, ticks), tuple(onsets), tuple(unsolved))


def _told(staves: Sequence[Sequence[_Moment]], wanted: int | None) -> list[list[int] | None] | None:
    """The times that the advances tell, where all of them are known and the durations have room in them.

    A staff whose advances make less than the measure begins later than the others.
    """
    told = [[0, *accumulate(m.advance or 0 for m in staff)] for staff in staves]
    length = max(own[-1] for own in told)
    if any(m.advance is None for staff in staves for m in staff):
        return None
    if length != wanted and any(own[-1] != length for own in told):
        return None
    for staff, own in zip(staves, told, strict=True):
        shift = length - own[-1]
        own[:] = [time + shift for time in own]
        if any(t + long > length for t, m in zip(own, staff, strict=False) for _, long in m.stems):
            return None
    return [*told]


def _cheapest(
    staves: Sequence[Sequence[_Moment]], wanted: int | None, price: float
) -> tuple[int, list[list[int] | None]]:
    """The length of the measure and times of each staff that cost the least."""
    best: tuple[float, int, list[list[int] | None]] | None = None
    for length in dict.fromkeys(_lengths(staves, wanted)):
        solved = [_search(staff, length, ()) for staff in staves]
        # A staff that needs it begins where columns of the others begin, too.
        grid = sorted({time for found in solved if found is not None for time in found[1]})
        for index, found in enumerate(solved):
            if found is None or found[0] >= _SILENCE:
                again = _search(staves[index], length, grid)
                if again is not None and (found is None or again[0] < found[0]):
                    solved[index] = again
        cost = 0.0 if wanted in (length, None) else price
        cost += sum(_NO_READING if found is None else found[0] for found in solved)
        times = [None if found is None else found[1] for found in solved]
        if best is None or cost < best[0]:
            best = (cost, length, times)
        if not best[0]:
            break
    assert best is not None
    return best[1:]


def _ticks(staves: Sequence[Sequence[NoteColumn]], full: Fraction | None) -> int:
    """Ticks of a whole note by which every length is a whole number."""
    denominators = {1 if full is None else full.denominator}
    for columns in staves:
        for column in columns:
            if column.advance is not None:
                denominators.add(column.advance.denominator)
            for group in column.groups:
                if group is not None and (length := group.length) is not None:
                    denominators.add(length.denominator)
    return lcm(*denominators)


def _moments(columns: Sequence[NoteColumn], ticks: int) -> list[_Moment]:
    moments: list[_Moment] = []
    joined = False  # grace notes wait for what they lead to
    for number, column in enumerate(columns):
        groups = [(stem, group) for stem, group in enumerate(column.groups) if group is not None]
        if all(group.duration is None for _, group in groups):
            continue
        if not joined:
            moments.append(_Moment([]))
        moment = moments[-1]
        moment.columns.append(number)
        for stem, group in groups:
            length = group.length
            if length:
                moment.stems.append((stem, length.numerator * (ticks // length.denominator)))
        advance = column.advance
        joined = not moment.stems and not advance
        if not joined and advance is not None:
            moment.advance = advance.numerator * (ticks // advance.denominator)
    return moments


def _lengths(staves: Sequence[Sequence[_Moment]], wanted: int | None) -> Iterable[int]:
    """Lengths of the measure worth trying: as the meter says, as the staves say."""
    told = [sum(m.advance or 0 for m in staff) for staff in staves if all(m.advance for m in staff)]
    if wanted is not None:
        yield wanted
    elif told:
        yield max(told)
    yield from sorted(set(told), reverse=True)[:2]
    yield from sorted({_in_turn(staff)[-1] for staff in staves}, reverse=True)[:3]


def _in_turn(staff: Sequence[_Moment]) -> list[int]:
    """Times of the moments where each begins as soon as the first sounding stem ends, and the end of all."""
    times, now, ends = [], 0, set[int]()
    for moment in staff:
        times.append(now)
        ends |= {now + length for _, length in moment.stems}
        ends = {end for end in ends if end > now}
        now = now + moment.advance if moment.advance is not None else min(ends, default=now)
    return [*times, max([now, *ends])]


def _search(staff: Sequence[_Moment], length: int, grid: Sequence[int]) -> tuple[float, list[int]] | None:
    """The cheapest times of the moments of one staff in a measure of `length`, with their cost; the last time
    is the end.

    Args:
        staff: Its moments, at least one.
        length: Of the measure, in ticks.
        grid: Other times at which a column may begin.
    """
    count = len(staff)
    # (cost, moments left, serial, times so far, ends of the stems)
    heap: list[tuple[float, int, int, tuple[int, ...], tuple[int, int, int]]] = []
    start = length - _in_turn(staff)[-1]
    late = _LATE_START if any(moment.advance is None for moment in staff) else _SILENCE_TOLD
    serial = 0
    for time, cost in ((0, 0.0), (start, late), *((time, _SILENCE + 0.5) for time in grid)):
        if (time > 0 or not cost) and time < length:
            heappush(heap, (cost, count, serial := serial + 1, (time,), (0, 0, 0)))
    seen: set[tuple[int, int, tuple[int, int, int]]] = set()
    while heap and serial < _MAX_NODES:
        cost, left, _, times, before = heappop(heap)
        now = times[-1]
        if not left:
            return cost, list(times)
        if (left, now, before) in seen:
            continue
        seen.add((left, now, before))
        moment = staff[count - left]
        ends = [*before]
        for stem, own in moment.stems:
            cost += _STEM_TAKEN * (ends[stem] > now)
            ends[stem] = max(ends[stem], now + own)
        if max(ends) > length:
            continue
        state = (ends[0], ends[1], ends[2])
        for time, price in _next_times(moment, now, state, length, left == 1, grid):
            heappush(heap, (cost + price, left - 1, serial := serial + 1, (*times, time), state))
    return None


def _next_times(
    moment: _Moment, now: int, ends: tuple[int, int, int], length: int, last: bool, grid: Sequence[int]
) -> Iterable[tuple[int, float]]:
    """Times at which the next moment may begin, with their price; after the last one, the end of the
    measure."""
    sounding = sorted({end for end in ends if end > now})
    told = None if moment.advance is None else now + moment.advance
    if last:
        ended = length == (sounding[-1] if sounding else now)
        if told is None:
            yield length, 0.0 if ended else _SILENCE
        elif told == length:
            yield length, 0.0 if ended else _SILENCE_TOLD
        else:
            yield length, _CONTRADICTED + (0.0 if ended else _SILENCE)
        return
    if told is not None and told <= length:
        yield told, 0.0 if told in sounding else _SILENCE_TOLD
    for rank, end in enumerate(sounding):
        if end != told:
            yield end, rank + (0.0 if told is None else _CONTRADICTED)
    for time in grid:
        if time > now and time != told and time not in sounding:
            yield time, _SILENCE + (0.0 if told is None else _CONTRADICTED)
