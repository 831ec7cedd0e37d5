"""The bar solver: onsets of the columns of one measure, on all staves of a system at once.

A column begins when a sounding note or rest ends. Which one is a search over onsets in integer ticks, the
cheapest first: it costs nothing to go on when the first of the sounding stems ends and `advance` says the
same; silence that no rest tells, an advance that is contradicted and a stem that begins before its last note
ended have their price. The measure is as long as the meter says, or for a price as long as its staves say.

A column that may be read in several ways has a price for each, and the search chooses among them. Where it is
known where columns stand, those below each other should begin together, and those in between in between.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from heapq import heappop, heappush
from itertools import accumulate
from math import inf, lcm

from focal_omr.encodings.columns import NoteColumn

__all__ = ["Choices", "Reading", "SolvedBar", "solve_bar", "solve_readings"]

_SILENCE_TOLD = 0.4  # nothing ends where the next column begins, and advance says so
_SILENCE_DOUBTED = 1.5  # the same where the column may be read in another way
_CONTRADICTED = 1.0  # advance says otherwise
_STEM_TAKEN = 1.0  # a stem begins before its last note ended
_LATE_START = 1.5  # silence before the first column
_LATE_START_DOUBTED = 3.0  # the same where another reading may fill it
_SILENCE = 2.0  # silence that only the other staves or the meter tell
_OTHER_LENGTH = 3.0  # a measure that is not as long as its meter
_PICKUP = 1.0  # the same at the beginning, the end, a repeat sign or a double barline
_NO_READING = 4.5  # a staff that cannot fill the measure
_MAX_NODES = 3000
_APART = 2.0  # a column does not begin when what stands above or below it begins
_SILENCE_SEEN = 1.0  # silence that only a column of another staff at the same place tells
_TUPLET_GOES_ON = 0.05  # of the price of a tuplet that the column before is in, too
_SAME_SPACES, _BESIDE_SPACES = 0.8, 1.2  # columns so near are one moment; further apart, they are not
_SURE_COST = 1.5  # of a staff by which others are placed


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a column of notes, with prices in nats.

    Attributes:
        column: The column; None: nothing is there.
        price: Of all but its tuplets.
        tuplet: Of its tuplets, or of there being none; next to nothing where that goes on from the column
            before.
    """

    column: NoteColumn | None
    price: float = 0.0
    tuplet: float = 0.0

    @property
    def ratio(self) -> tuple[int, int]:
        """Of the first stem in a tuplet."""
        groups = self.column.groups if self.column else ()
        return next((group.ratio for group in groups if group and group.ratio != (1, 1)), (1, 1))


@dataclass(frozen=True, slots=True)
class Choices:
    """The ways to read one column.

    Attributes:
        readings: The cheapest first.
        advances: (whole notes to the next column, price in nats), the cheapest first; empty if not known.
        contradicted: Price of any other advance.
        x: Where it stands along the system, in staff spaces; None: not known.
    """

    readings: tuple[Reading, ...]
    advances: tuple[tuple[Fraction, float], ...] = ()
    contradicted: float = _CONTRADICTED
    x: float | None = None

    @classmethod
    def of(cls, column: NoteColumn) -> "Choices":
        """A column that is known."""
        advance = column.advance
        return cls((Reading(column),), () if advance is None else ((advance, 0.0),))


@dataclass(frozen=True, slots=True)
class SolvedBar:
    """Where the columns of a measure begin.

    Attributes:
        length: Of the measure, in whole notes.
        onsets: For each staff the onset of each column, in whole notes; 0 for a rest of the whole measure.
        unsolved: Index of each staff whose durations do not fill the measure, whatever the onsets; its
            columns begin one after the other.
        chosen: For each staff the index of the reading of each column.
        cost: What it costs, in nats.
    """

    length: Fraction
    onsets: tuple[tuple[Fraction, ...], ...]
    unsolved: tuple[int, ...] = ()
    chosen: tuple[tuple[int, ...], ...] = ()
    cost: float = 0.0


@dataclass(slots=True)
class _Sound:
    """What a reading adds: (stem, ticks) of each group with a length. `fills`: a rest of the whole measure;
    `instant`: the next column begins together with this one, which is a grace note, say."""

    price: float
    tuplet: float
    ratio: tuple[int, int]
    stems: list[tuple[int, int]]
    fills: bool
    instant: bool


@dataclass(slots=True)
class _Moment:
    """A column in ticks: its readings, and the prices of its advances; none: not known."""

    sounds: list[_Sound]
    advances: dict[int, float] = field(default_factory=dict)
    contradicted: float = _CONTRADICTED
    silence: float = _SILENCE_TOLD
    x: float | None = None

    @property
    def advance(self) -> int | None:
        """Its most probable advance."""
        return next(iter(self.advances), None)


@dataclass(frozen=True, slots=True)
class _Path:
    """Times of the columns of one staff, the last one being the end; the readings chosen; the cost."""

    times: Sequence[int]
    chosen: Sequence[int]
    cost: float = 0.0


def solve_bar(
    staves: Sequence[Sequence[NoteColumn]], full: Fraction | None, *, pickup: bool = False
) -> SolvedBar:
    """The cheapest onsets of the columns of one measure.

    Args:
        staves: The note columns of each staff; a staff without any rests.
        full: Length of a full measure in whole notes; None without meter.
        pickup: Whether the measure may well be shorter: at the beginning, the end or a repeat sign.
    """
    return solve_readings([[*map(Choices.of, columns)] for columns in staves], full, pickup=pickup)


def solve_readings(
    staves: Sequence[Sequence[Choices]], full: Fraction | None, *, pickup: bool = False
) -> SolvedBar:
    """The cheapest readings and onsets of the columns of one measure.

    Args:
        staves: What each column of each staff may be; a staff without any rests.
        full: Length of a full measure in whole notes; None without meter.
        pickup: Whether the measure may well be shorter: at the beginning, the end or a repeat sign.
    """
    ticks = _ticks(staves, full)
    moments = [[_moment(choices, ticks) for choices in columns] for columns in staves]
    sounds = [any(sound.stems for moment in own for sound in moment.sounds) for own in moments]
    sounding = [own for own, any_ in zip(moments, sounds, strict=True) if any_]
    wanted = None if full is None else int(full * ticks)
    first = tuple((0,) * len(columns) for columns in staves)
    if not sounding:
        silent = tuple((Fraction(0),) * len(columns) for columns in staves)
        return SolvedBar(full or Fraction(1), silent, (), first)
    length, paths, cost = _told(sounding, wanted) or _cheapest(
        sounding, wanted, _PICKUP if pickup else _OTHER_LENGTH
    )
    placed = [path or _Path(_in_turn(own), [0] * len(own)) for path, own in zip(paths, sounding, strict=True)]
    length = max([length, *(path.times[-1] for path in placed)])
    solved = iter(zip(paths, placed, strict=True))
    onsets: list[tuple[Fraction, ...]] = []
    chosen: list[tuple[int, ...]] = []
    unsolved = []
    for index, own in enumerate(moments):
        times: Sequence[int] = [0] * len(own)
        choice: Sequence[int] = first[index]
        if sounds[index]:
            found, path = next(solved)
            times, choice = path.times[: len(own)], path.chosen
            if found is None:
                unsolved.append(index)
        rests = [moment.sounds[k].fills for moment, k in zip(own, choice, strict=True)]
        pairs = zip(times, rests, strict=True)
        onsets.append(tuple(Fraction(0 if rest else time, ticks) for time, rest in pairs))
        chosen.append(tuple(choice))
    return SolvedBar(Fraction(length, ticks), tuple(onsets), tuple(unsolved), tuple(chosen), cost)


_Solution = tuple[int, list[_Path | None], float]


def _told(staves: Sequence[Sequence[_Moment]], wanted: int | None) -> _Solution | None:
    """Length, times and cost as the advances tell, where all of them are known and the durations have room.

    A staff whose advances make less than the measure begins later than the others. Where another reading may
    be what the meter asks for, that has to be searched for.
    """
    best = [[moment.sounds[0] for moment in staff] for staff in staves]
    for staff, sounds in zip(staves, best, strict=True):
        if any(m.advance is None and not sound.instant for m, sound in zip(staff, sounds, strict=True)):
            return None
    told = [
        [0, *accumulate(0 if s.instant else m.advance or 0 for m, s in zip(staff, sounds, strict=True))]
        for staff, sounds in zip(staves, best, strict=True)
    ]
    length = max(own[-1] for own in told)
    other = wanted not in (length, None) and any(len(m.sounds) > 1 for staff in staves for m in staff)
    if other or (length != wanted and any(own[-1] != length for own in told)):
        return None
    for staff, sounds, own in zip(staves, best, told, strict=True):
        shift = length - own[-1]
        own[:] = [time + shift for time in own]
        ends = set(own[:1])
        for moment, sound, time, following in zip(staff, sounds, own, own[1:], strict=False):
            ends.update(time + long for _, long in sound.stems)
            doubted = len(moment.sounds) > 1 and not sound.instant
            if doubted and following not in ends:  # another reading may end there
                return None
        if max(ends) > length:
            return None
    return length, [_Path(own, [0] * (len(own) - 1)) for own in told], 0.0


def _cheapest(staves: Sequence[Sequence[_Moment]], wanted: int | None, price: float) -> _Solution:
    """Length of the measure, times of each staff and cost, which is the least."""
    best: _Solution | None = None
    for length in dict.fromkeys(_lengths(staves, wanted)):
        cost = 0.0 if wanted in (length, None) else price
        limit = inf if best is None else best[2] - cost
        if limit <= 0:
            continue
        solved = [_search(staff, length, (), min(limit, 2 * _NO_READING)) for staff in staves]
        # A staff that needs it begins where columns of the others begin, too.
        grid = sorted({time for found in solved if found is not None for time in found.times})
        for index, found in enumerate(solved):
            if found is None or found.cost >= _SILENCE:
                again = _search(staves[index], length, grid, min(limit, 2 * _NO_READING))
                if again is not None and (found is None or again.cost < found.cost):
                    solved[index] = again
        _place_by_others(staves, solved, length, min(limit, 2 * _NO_READING))
        if all(found is not None and found.times[0] > 0 for found in solved):
            cost += _SILENCE  # of all staves
        cost += sum(_NO_READING if found is None else found.cost for found in solved)
        if best is None or cost < best[2]:
            best = (length, solved, cost)
        if not best[2]:
            break
    assert best is not None
    return best


def _place_by_others(
    staves: Sequence[Sequence[_Moment]], solved: list[_Path | None], length: int, limit: float
) -> None:
    """Searches again, in place, for staves that cost something, by where the columns of sure ones stand.

    Args:
        staves: Their moments.
        solved: The path of each staff so far.
        length: Of the measure, in ticks.
        limit: Cost that is too much.
    """
    if len(staves) < 2 or not any(found is None or found.cost for found in solved):
        return
    costs = [_NO_READING if found is None else found.cost for found in solved]
    anchors: list[tuple[float, int]] = []
    for index in sorted(range(len(staves)), key=costs.__getitem__):
        found = solved[index]
        if anchors and costs[index]:
            found = _search(staves[index], length, (), limit, anchors) or found
            solved[index] = found
        if found is None or found.cost > _SURE_COST:
            continue
        for moment, time, number in zip(staves[index], found.times, found.chosen, strict=False):
            if moment.x is not None and not moment.sounds[number].instant:
                anchors.append((moment.x, time))


@dataclass(frozen=True, slots=True)
class _Window:
    """When a moment should begin by where it stands: at one of `near`, else after `after` and not after
    `before`."""

    near: frozenset[int]
    after: int
    before: int

    def price(self, time: int) -> float:
        """Of beginning at a time."""
        fits = time in self.near if self.near else self.after < time <= self.before
        return 0.0 if fits else _APART


def _window(moment: _Moment, anchors: Sequence[tuple[float, int]], length: int) -> _Window | None:
    if moment.x is None or moment.sounds[0].instant or not anchors:
        return None
    at = moment.x
    near = frozenset(time for x, time in anchors if abs(x - at) <= _SAME_SPACES)
    after = max((time for x, time in anchors if x < at - _BESIDE_SPACES), default=-1)
    before = min((time for x, time in anchors if x > at + _BESIDE_SPACES), default=length)
    return _Window(near, after, before)


def _ticks(staves: Sequence[Sequence[Choices]], full: Fraction | None) -> int:
    """Ticks of a whole note by which every length is a whole number."""
    denominators = {1 if full is None else full.denominator}
    for columns in staves:
        for choices in columns:
            denominators.update(advance.denominator for advance, _ in choices.advances)
            for reading in choices.readings:
                for group in reading.column.groups if reading.column else ():
                    if group is not None and (length := group.length) is not None:
                        denominators.add(length.denominator)
    return lcm(*denominators)


def _moment(choices: Choices, ticks: int) -> _Moment:
    sounds = []
    told = bool(choices.advances and choices.advances[0][0])
    for reading in choices.readings:
        stems, fills = [], False
        for stem, group in enumerate(reading.column.groups if reading.column else ()):
            if group is None:
                continue
            length = group.length
            if length:
                stems.append((stem, length.numerator * (ticks // length.denominator)))
            fills = fills or length is None
        instant = not stems and (fills or reading.column is None or not told)
        ratio = reading.ratio
        sounds.append(_Sound(reading.price, reading.tuplet, ratio, stems, fills and not stems, instant))
    advances = {a.numerator * (ticks // a.denominator): price for a, price in choices.advances}
    doubted = len(sounds) > 1 or len(advances) > 1
    silence = _SILENCE_DOUBTED if doubted else _SILENCE_TOLD
    return _Moment(sounds, advances, choices.contradicted, silence, choices.x)


def _lengths(staves: Sequence[Sequence[_Moment]], wanted: int | None) -> Iterable[int]:
    """Lengths of the measure worth trying: as the meter says, as the staves say."""
    lasting = [[m for m in staff if not m.sounds[0].instant] for staff in staves]
    told = [sum(m.advance or 0 for m in own) for own in lasting if own and all(m.advance for m in own)]
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
        sound = moment.sounds[0]
        times.append(now)
        if sound.instant:
            continue
        ends |= {now + length for _, length in sound.stems}
        ends = {end for end in ends if end > now}
        now = now + moment.advance if moment.advance is not None else min(ends, default=now)
    return [*times, max([now, *ends])]


_Ends = tuple[int, int, int, int]  # of the three stems, and of a rest of the whole measure


def _search(
    staff: Sequence[_Moment],
    length: int,
    grid: Sequence[int],
    limit: float,
    anchors: Sequence[tuple[float, int]] = (),
) -> _Path | None:
    """The cheapest times and readings of the moments of one staff in a measure of `length`.

    Args:
        staff: Its moments, at least one.
        length: Of the measure, in ticks.
        grid: Other times at which a column may begin.
        limit: Cost that is too much.
        anchors: (place, time) of columns on other staves.
    """
    count = len(staff)
    windows = [_window(moment, anchors, length) for moment in staff]
    # (cost, moments left, serial, times so far, readings so far, ends of the stems, ratio of the tuplet)
    heap: list[tuple[float, int, int, tuple[int, ...], tuple[int, ...], _Ends, tuple[int, int]]] = []
    start = length - _in_turn(staff)[-1]
    late = _LATE_START if any(moment.advance is None for moment in staff) else _SILENCE_TOLD
    if any(len(moment.sounds) > 1 or len(moment.advances) > 1 for moment in staff):
        late = _LATE_START_DOUBTED
    serial = 0
    for time, cost in ((0, 0.0), (start, late), *((time, _SILENCE + 0.5) for time in grid)):
        if (time > 0 or not cost) and time < length:
            cost += windows[0].price(time) if windows[0] else 0.0
            heappush(heap, (cost, count, serial := serial + 1, (time,), (), (0, 0, 0, 0), (1, 1)))
    seen: set[tuple[int, int, _Ends, tuple[int, int]]] = set()
    while heap and serial < _MAX_NODES:
        cost, left, _, times, chosen, before, within = heappop(heap)
        if cost >= limit:
            return None
        now = times[-1]
        if not left:
            return _Path(times, chosen, cost)
        if (left, now, before, within) in seen:
            continue
        seen.add((left, now, before, within))
        moment = staff[count - left]
        for number, sound in enumerate(moment.sounds):
            ends = [*before]
            # What was taken for plain notes once is so for all notes of a tuplet, and its advances with them.
            share = _TUPLET_GOES_ON if sound.ratio == within else 1.0
            own_cost = cost + sound.price + share * sound.tuplet
            doubt = share if sound.tuplet else 1.0
            ratio = sound.ratio if sound.stems else within
            for stem, own in sound.stems:
                own_cost += _STEM_TAKEN * (ends[stem] > now)
                ends[stem] = max(ends[stem], now + own)
            if sound.fills:
                ends[3] = length
            if max(ends) > length:
                continue
            state = (ends[0], ends[1], ends[2], ends[3])
            window = windows[count - left + 1] if left > 1 else None
            times_after = _next_times(moment, sound, now, state, length, left == 1, grid, window, doubt)
            for time, price in times_after:
                serial += 1
                entry = (own_cost + price, left - 1, serial, (*times, time), (*chosen, number), state, ratio)
                heappush(heap, entry)
    return None


def _next_times(
    moment: _Moment,
    sound: _Sound,
    now: int,
    ends: _Ends,
    length: int,
    last: bool,
    grid: Sequence[int],
    window: _Window | None,
    doubt: float,
) -> Iterator[tuple[int, float]]:
    """Times at which the next moment may begin, with their price; after the last one, the end of the
    measure."""
    sounding = sorted({end for end in ends if end > now})
    advances = {} if sound.instant else moment.advances
    if doubt < 1:
        advances = {advance: doubt * price for advance, price in advances.items()}
    contradicted = doubt * moment.contradicted if advances else 0.0
    if last:
        ended = length == (sounding[-1] if sounding else now)
        told = advances.get(length - now)
        silence = _SILENCE if told is None else moment.silence
        yield length, (contradicted if told is None else told) + (0.0 if ended else silence)
        return
    if sound.instant:
        yield now, 0.0
        return
    prices = {
        now + advance: price + (0.0 if now + advance in sounding else moment.silence)
        for advance, price in advances.items()
        if now + advance <= length
    }
    for rank, end in enumerate(sounding):
        prices.setdefault(end, rank + contradicted)
    for time in window.near if window else ():
        if time > now:
            prices.setdefault(time, _SILENCE_SEEN + contradicted)
    for time in grid:
        if time > now:
            prices.setdefault(time, _SILENCE + contradicted)
    for time, price in prices.items():
        yield time, price + (window.price(time) if window else 0.0)
