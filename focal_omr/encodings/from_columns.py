"""Columns to score: the bar solver lays the columns of a system's staves on one time axis and joins them to
voices."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import permutations
from typing import Any, cast

from focal_omr.encodings.columns import Column, Group, NoteColumn, SignColumn
from focal_omr.encodings.to_columns import ALTERS, BARLINE_NAMES
from focal_omr.errors import NotationError
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Direction,
    Duration,
    Ending,
    Event,
    Fermata,
    Jump,
    Key,
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    MultiRest,
    Note,
    Ottava,
    Part,
    Pitch,
    Rest,
    Sign,
    Space,
    Spanner,
    Tuplet,
    Unpitched,
    Voice,
)

__all__ = ["part_from_columns"]

_STYLES = {name: style for style, name in reversed(BARLINE_NAMES.items())}
_ZERO = Fraction(0)
_WHOLE = Duration(Fraction(1))


def part_from_columns(
    systems: Sequence[Sequence[Sequence[Column]]], *, part_id: str = "P1", name: str = ""
) -> Part:
    """The part that the columns of its staves say.

    Args:
        systems: For each system the columns of each staff, from the top.
        part_id: Id of the part; ids of its measures and events begin with it.
        name: Name of the part.

    Raises:
        NotationError: The staves of a system have other numbers of measures.
    """
    return _PartDecoder(part_id, name).decode(systems)


@dataclass
class _Bar:
    """The columns of one measure of one staff, and the barline that closes it (None: the system ends without
    one)."""

    columns: list[Column] = field(default_factory=list)
    barline: str | None = None


@dataclass
class _Timed:
    """A stem group with its onset and length in the measure."""

    onset: Fraction
    length: Fraction
    stem: int
    group: Group
    event: Event | None = None


@dataclass
class _StaffState:
    clef: Clef = field(default_factory=lambda: Clef("G", 2))
    key: Key = field(default_factory=lambda: Key(0))
    accidentals: dict[int, int] = field(default_factory=dict)
    ottava: tuple[Moment, int] | None = None
    # Notes whose tie is open: by diatonic step of the pitch, the note's id, its alteration and where it ends.
    ties: dict[int, list[tuple[str, int, Fraction]]] = field(default_factory=dict)


class _PartDecoder:
    def __init__(self, part_id: str, name: str) -> None:
        self.id, self.name = part_id, name
        self.measures: list[Measure] = []
        self.spanners: list[Spanner] = []
        self.tie_to: dict[str, str] = {}
        self.states: list[_StaffState] = []
        self.meter: Meter | None = None
        self.ending: Ending | None = None
        self.begun = _ZERO

    def decode(self, systems: Sequence[Sequence[Sequence[Column]]]) -> Part:
        """The whole part."""
        for number, staves in enumerate(systems):
            bars = [_split(columns) for columns in staves]
            if len({len(own) for own in bars}) > 1:
                counts = ", ".join(str(len(own)) for own in bars)
                raise NotationError(f"the staves of system {number + 1} have {counts} measures")
            while len(self.states) < len(bars):
                self.states.append(_StaffState())
            left = None
            for index in range(len(bars[0]) if bars else 0):
                left = self._bar([own[index] for own in bars], left, new_system=index == 0 and number > 0)
        measures = tuple(self._with_ties(measure) for measure in self.measures)
        return Part(
            id=self.id,
            measures=measures,
            staves=max(1, len(self.states)),
            name=self.name,
            spanners=tuple(self.spanners),
        )

    def _bar(self, bars: list[_Bar], left: Barline | None, *, new_system: bool) -> Barline | None:
        """Appends the measure of one bar of all staves; the left barline of the next one is returned."""
        columns = [c for bar in bars for c in bar.columns if isinstance(c, SignColumn)]
        if any(c.kind == "barline" for c in columns):  # a repeat sign before the first note of a system
            left = Barline("heavy-light", "forward")
        meter = next((c.value for c in columns if c.kind == "meter"), None)
        if isinstance(meter, Meter):
            self.meter = meter
        count = next((c.value for c in columns if c.kind == "multirest"), None)
        number = len(self.measures) + 1
        self.measure_id = f"{self.id}m{number}"
        self.signs: list[Sign] = []
        self.directions: list[Direction] = []
        repeats: list[tuple[int, MeasureRepeat]] = []
        clocks = [_clock(bar.columns) for bar in bars]
        length = max((clock.length for clock in clocks), default=_ZERO)
        full = (self.meter.length if self.meter else None) or Fraction(1)
        if not length:
            length = full
        voices: list[Voice] = []
        for staff, (bar, clock) in enumerate(zip(bars, clocks, strict=True), 1):
            for column in bar.columns:
                if isinstance(column, SignColumn) and column.kind == "measure-repeat":
                    repeats.append((staff, MeasureRepeat(int(cast("int", column.value)))))
            voices += self._staff_voices(bar.columns, staff, length, clock)
        name = next((bar.barline for bar in bars if bar.barline), None)
        right, after = _barlines(name)
        measure = Measure(
            id=self.measure_id,
            number=str(number),
            voices=tuple(voices),
            signs=tuple(self._shared_signs(len(bars))),
            directions=tuple(self.directions),
            pickup=length < full,
            left=left,
            right=right,
            multirest=MultiRest(int(count)) if isinstance(count, int) else None,
            repeats=tuple(repeats),
            break_before="system" if new_system else None,
        )
        self._endings(columns)
        self.measures.append(measure)
        self.begun += length
        for _ in range(int(count) - 1 if isinstance(count, int) else 0):
            self._append_rest(measure, full, len(bars))
        if isinstance(count, int):
            last = replace(self.measures[-1], right=right)
            if count > 1:
                self.measures[-2 if count == 2 else -count] = replace(measure, right=Barline())
            self.measures[-1] = last if count > 1 else replace(measure, right=right)
        return after

    def _append_rest(self, like: Measure, length: Fraction, staves: int) -> None:
        number = len(self.measures) + 1
        id_ = f"{self.id}m{number}"
        voices = tuple(_rest_voice(id_, staff, length) for staff in range(1, staves + 1))
        self.measures.append(Measure(id=id_, number=str(number), voices=voices))
        self.begun += length

    def _shared_signs(self, staves: int) -> Iterator[Sign]:
        """Keys and meters that stand on all staves become one sign of the part."""
        seen: set[tuple[Fraction, object]] = set()
        for sign in self.signs:
            if isinstance(sign.value, Clef):
                yield sign
                continue
            key = (sign.onset, sign.value)
            alike = [s for s in self.signs if (s.onset, s.value) == key]
            if len(alike) < staves:
                yield sign
            elif key not in seen:
                seen.add(key)
                yield replace(sign, staff=None)

    def _endings(self, columns: list[SignColumn]) -> None:
        for column in columns:
            if column.kind != "ending":
                continue
            if column.value in ("stop", "discontinue"):
                if self.ending is not None:
                    closed = column.value == "stop"
                    self.spanners.append(replace(self.ending, end=self.measure_id, closed=closed))
                self.ending = None
            else:
                self.ending = Ending(self.measure_id, self.measure_id, str(column.value))

    # One staff ---------------------------------------------------------------------------------------------

    def _staff_voices(
        self, columns: list[Column], staff: int, length: Fraction, clock: "_Clock"
    ) -> list[Voice]:
        state = self.states[staff - 1]
        now = length - clock.length if clock.length else _ZERO
        if any(isinstance(c, SignColumn) and c.kind == "multirest" for c in columns) or not any(
            isinstance(c, NoteColumn) for c in columns
        ):
            self._read_signs(columns, staff, state, length)
            repeated = any(isinstance(c, SignColumn) and c.kind == "measure-repeat" for c in columns)
            return [] if repeated else [_rest_voice(self.measure_id, staff, length)]
        timed: list[_Timed] = []
        for column in columns:
            if isinstance(column, SignColumn):
                self._read_sign(column, staff, state, now, length)
                continue
            for stem, group in enumerate(column.groups):
                if group is None:
                    continue
                own = group.length
                onset = _ZERO if own is None else now
                entry = _Timed(onset, length if own is None else own, stem, group)
                entry.event = self._event(entry, staff, state, len(timed))
                timed.append(entry)
            now += column.advance
        state.accidentals.clear()
        return self._chains(timed, staff, length)

    def _read_signs(self, columns: list[Column], staff: int, state: _StaffState, length: Fraction) -> None:
        for column in columns:
            if isinstance(column, SignColumn):
                self._read_sign(column, staff, state, _ZERO, length)
        state.accidentals.clear()

    def _read_sign(
        self, column: SignColumn, staff: int, state: _StaffState, now: Fraction, length: Fraction
    ) -> None:
        value = column.value
        if isinstance(value, Clef | Key):
            old = state.clef if isinstance(value, Clef) else Key(state.key.fifths)
            known = value == old and len(self.measures) > 0  # repeated at the beginning of a system
            if isinstance(value, Clef):
                state.clef = value
            else:
                state.key = value
                state.accidentals.clear()
            if not known:
                self.signs.append(Sign(now, value, staff))
        elif isinstance(value, Meter):
            self.signs.append(Sign(now, value, staff))
        elif column.kind == "sign":
            here = Moment(self.measure_id, now, staff)
            if value in ("segno", "coda"):
                self.directions.append(Direction(now, Jump(cast("Any", value)), staff))
            elif value == "ottava-stop":
                if state.ottava is not None:
                    self.spanners.append(Ottava(state.ottava[0], here, state.ottava[1]))
                state.ottava = None
            else:
                state.ottava = (here, int(str(value).removeprefix("ottava-")))

    def _event(self, timed: _Timed, staff: int, state: _StaffState, index: int) -> Chord | Rest:
        group = timed.group
        id_ = f"{self.measure_id}s{staff}e{index + 1}"
        marks = (Fermata(),) if group.fermata else ()
        duration = group.duration or _WHOLE
        if not group.heads:
            return Rest(
                id=id_,
                onset=timed.onset,
                duration=duration,
                length=timed.length,
                staff=staff,
                measure=group.duration is None,
                marks=marks,
            )
        notes = []
        for number, (position, head) in enumerate(group.heads, 1):
            note_id = id_ if len(group.heads) == 1 else f"{id_}.{number}"
            octaves = state.ottava[1] if state.ottava else 0
            step = position + state.clef.lowest_line + 7 * octaves
            letter, octave = "CDEFGAB"[step % 7], step // 7
            begin = self.begun + timed.onset
            # A tie that ends earlier leads here too: notes of a written-out arpeggio are tied to a chord.
            ended = [tie for tie in state.ties.get(step, []) if tie[2] <= begin]
            before = max(ended, key=lambda tie: tie[2], default=None)
            if state.clef.shape == "percussion":
                pitch: Pitch | Unpitched = Unpitched(cast("Any", letter), octave)
                alter = 0
            else:
                alter = state.accidentals.get(step, state.key.alter(letter))
                if head.accidental is not None:
                    alter = state.accidentals[step] = ALTERS[head.accidental]
                elif before is not None:
                    alter = before[1]
                pitch = Pitch(cast("Any", letter), octave, alter)
            if before is not None and before[1] == alter:
                self.tie_to[before[0]] = note_id
                state.ties[step].remove(before)
            if head.tie:
                state.ties.setdefault(step, []).append((note_id, alter, begin + timed.length))
                self.tie_to.setdefault(note_id, "")
            notes.append(Note(id=note_id, pitch=pitch, accidental=head.accidental, head=head.kind))
        stem = None if timed.stem == 2 or duration.value >= 1 else ("up", "down")[timed.stem]
        return Chord(
            id=id_,
            onset=timed.onset,
            duration=duration,
            length=timed.length,
            notes=tuple(notes),
            staff=staff,
            grace=group.grace,
            stem=cast("Any", stem),
            marks=marks,
        )

    def _chains(self, timed: list[_Timed], staff: int, length: Fraction) -> list[Voice]:
        """Joins the events of a staff to voices: what ends where another begins goes on, by the same stem if
        it can."""
        chains: list[list[_Timed]] = []
        waiting: list[_Timed] = []  # grace notes before the event that they lead to
        position = 0
        while position < len(timed):
            onset = timed[position].onset
            together = []
            while position < len(timed) and timed[position].onset == onset:
                if timed[position].group.grace:
                    waiting.append(timed[position])
                else:
                    together.append(timed[position])
                position += 1
            if not together:
                continue
            for entry, chain in zip(together, _best_chains(chains, together), strict=True):
                own = [g for g in waiting if g.stem == entry.stem or len(together) == 1]
                waiting = [g for g in waiting if g not in own]
                chain += [*own, entry]
            if waiting:
                chains[-1][-1:-1] = waiting
                waiting = []
        if waiting:  # grace notes at the end of the measure
            chains = chains or [[]]
            chains[0] += waiting
        chains.sort(key=lambda chain: min(e.stem for e in chain) if len(chains) > 1 else 0)
        return [
            self._voice(chain, 4 * (staff - 1) + number, staff, length)
            for number, chain in enumerate(chains, 1)
        ]

    def _voice(self, chain: list[_Timed], number: int, staff: int, length: Fraction) -> Voice:
        events: list[Event] = []
        end = _ZERO
        for entry in chain:
            assert entry.event is not None
            if entry.onset > end:
                id_ = f"{self.measure_id}v{number}s{len(events) + 1}"
                events.append(Space(id=id_, onset=end, length=entry.onset - end, staff=staff))
            events.append(entry.event)
            end = entry.onset + entry.length
        if end < length:
            id_ = f"{self.measure_id}v{number}s{len(events) + 1}"
            events.append(Space(id=id_, onset=end, length=length - end, staff=staff))
        self._tuplets(chain)
        return Voice(number, tuple(events))

    def _tuplets(self, chain: list[_Timed]) -> None:
        """Runs of events with one ratio that together last a plain note value become tuplets."""
        run: list[_Timed] = []
        for entry in [*(e for e in chain if not e.group.grace), None]:
            ratio = entry.group.ratio if entry is not None else (1, 1)
            if run and (ratio != run[0].group.ratio or _is_plain(sum((e.length for e in run), _ZERO), run)):
                first, last = run[0].event, run[-1].event
                assert first is not None
                assert last is not None
                self.spanners.append(Tuplet(first.id, last.id, *run[0].group.ratio))
                run = []
            if entry is not None and ratio != (1, 1):
                run.append(entry)

    def _with_ties(self, measure: Measure) -> Measure:
        voices = []
        for voice in measure.voices:
            events = []
            for event in voice.events:
                if isinstance(event, Chord) and any(note.id in self.tie_to for note in event.notes):
                    notes = tuple(
                        replace(n, tie_to=self.tie_to[n.id]) if n.id in self.tie_to else n
                        for n in event.notes
                    )
                    event = replace(event, notes=notes)
                events.append(event)
            voices.append(replace(voice, events=tuple(events)))
        return replace(measure, voices=tuple(voices))


@dataclass(frozen=True)
class _Clock:
    """The time that the columns of one bar of one staff tell."""

    length: Fraction


def _clock(columns: list[Column]) -> _Clock:
    return _Clock(sum((c.advance for c in columns if isinstance(c, NoteColumn)), _ZERO))


def _split(columns: Sequence[Column]) -> list[_Bar]:
    """Bars of a staff; signs that only open the system belong to its first bar, a clef before a barline to
    the next."""
    bars = [_Bar()]
    for column in columns:
        opened = any(
            isinstance(c, NoteColumn) or c.kind in ("multirest", "measure-repeat") for c in bars[-1].columns
        )
        opens = len(bars) == 1 and not opened and column == SignColumn("barline", "repeat-start")
        if isinstance(column, SignColumn) and column.kind == "barline" and not opens:
            bars[-1].barline = str(column.value)
            late: list[Column] = []
            while bars[-1].columns and _is_clef(bars[-1].columns[-1]) and opened:
                late.insert(0, bars[-1].columns.pop())
            if bars[-1].columns and _is_ending(bars[-1].columns[-1]):
                stop = bars[-1].columns.pop()
                while bars[-1].columns and _is_clef(bars[-1].columns[-1]) and opened:
                    late.insert(0, bars[-1].columns.pop())
                bars[-1].columns.append(stop)
            bars.append(_Bar(list(late)))
        else:
            bars[-1].columns.append(column)
    if not any(isinstance(c, NoteColumn) or c.kind != "clef" for c in bars[-1].columns):
        bars.pop()
    return bars


def _is_clef(column: Column) -> bool:
    return isinstance(column, SignColumn) and column.kind == "clef"


def _is_ending(column: Column) -> bool:
    return isinstance(column, SignColumn) and column.kind == "ending"


def _barlines(name: str | None) -> tuple[Barline | None, Barline | None]:
    """The right barline of a measure and the left one of the next."""
    if name is None:
        return None, None
    if name == "repeat-start":
        return Barline(), Barline("heavy-light", "forward")
    if name == "repeat-end":
        return Barline("light-heavy", "backward"), None
    if name == "repeat-both":
        return Barline("light-heavy", "backward"), Barline("heavy-light", "forward")
    return Barline(_STYLES[name]), None


def _rest_voice(measure_id: str, staff: int, length: Fraction) -> Voice:
    rest = Rest(
        id=f"{measure_id}s{staff}r", onset=_ZERO, duration=_WHOLE, length=length, staff=staff, measure=True
    )
    return Voice(4 * (staff - 1) + 1, (rest,))


def _best_chains(chains: list[list[_Timed]], together: list[_Timed]) -> list[list[_Timed]]:
    """For events of one moment the chains that they go on with, new ones among them; each chain once."""
    free = [c for c in chains if c[-1].onset + c[-1].length <= together[0].onset]
    options: list[list[_Timed] | None] = [*free, *([None] * len(together))]

    def cost(choice: tuple[list[_Timed] | None, ...]) -> float:
        total = 0.0
        for entry, chain in zip(together, choice, strict=True):
            if chain is None:
                total += 1.5
            else:
                ends = chain[-1].onset + chain[-1].length == entry.onset
                total += (0 if ends else 1.2) + (0 if chain[-1].stem == entry.stem else 0.5)
        return total

    best = min(permutations(options, len(together)), key=cost)
    result = []
    for chain in best:
        if chain is None:
            chain = []
            chains.append(chain)
        result.append(chain)
    return result


def _is_plain(length: Fraction, run: list[_Timed]) -> bool:
    """Whether a run of tuplet notes lasts a plain note value, so that its tuplet is complete."""
    del run
    return (
        length.numerator & (length.numerator - 1) == 0 and length.denominator & (length.denominator - 1) == 0
    )
