"""Columns to score: the bars of a system's staves are laid in time together and become measures with voices.

Columns have no ids: those of the score are generated, from part, measure, staff and the order of the columns.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, cast

from focal_omr.encodings.bar_solver import solve_bar
from focal_omr.encodings.column_bars import Bar, opens_with_repeat, split_bars, timed_columns
from focal_omr.encodings.column_voices import (
    TimedGroup,
    join_voices,
    pair_tremolos,
    silence,
    tuplets_of,
    voice_of,
    with_ties,
)
from focal_omr.encodings.columns import BARLINES, SUBDIVIDING, Column, NoteColumn, SignColumn
from focal_omr.encodings.staff_state import ALTERS, OpenTie, StaffState
from focal_omr.errors import NotationError
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Direction,
    Duration,
    Ending,
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
    Score,
    Sign,
    Spanner,
    Unpitched,
    Unread,
    Voice,
)

__all__ = ["DecodedScore", "Fault", "score_from_columns"]

_ZERO = Fraction(0)
_WHOLE = Duration(Fraction(1))


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one staff: index of the measure, staff of the system from 1, and what."""

    measure: int
    staff: int
    reason: str


@dataclass(frozen=True, slots=True)
class DecodedScore:
    """The score that columns say, and where they cannot all be right.

    Attributes:
        score: A score whose ids are generated.
        unsolved: Bars whose durations do not fill the measure, whatever their onsets; and, at the top staff,
            measures in the middle of the music that are not as long as the meter says.
        disagreements: Staves that have other barlines, meters or keys than the other ones.
        ids: Ids of events and notes in the score, by `Group.event` and `Head.note` of the columns.
        starts: For each system the index of its first measure.
    """

    score: Score
    unsolved: tuple[Fault, ...]
    disagreements: tuple[Fault, ...]
    ids: Mapping[str, str] = field(default_factory=dict)
    starts: tuple[int, ...] = ()


def score_from_columns(
    systems: Sequence[Sequence[Sequence[Column]]], staves: Sequence[int] = (1,), *, before: int = 0
) -> DecodedScore:
    """The score that the columns of its staves say.

    A staff that has another number of measures than most in its system is unread there.

    Args:
        systems: For each system the columns of each staff, from the top.
        staves: Number of staves of each part, from the top.
        before: Number of measures before these, in what they are a piece of; ids count on.

    Raises:
        NotationError: A system has other than `sum(staves)` staves.
    """
    decoder = _ScoreDecoder(staves, before)
    starts = []
    for number, columns in enumerate(systems, 1):
        if len(columns) != sum(staves):
            raise NotationError(f"system {number} has {len(columns)} staves, needed are {sum(staves)}")
        starts.append(decoder.count)
        decoder.read_system(columns)
    parts = tuple(part.finish() for part in decoder.parts)
    ids = {source: id_ for part in decoder.parts for source, id_ in part.ids.items()}
    return DecodedScore(
        Score(parts=parts), tuple(decoder.unsolved), tuple(decoder.disagreements), ids, tuple(starts)
    )


@dataclass(frozen=True, slots=True)
class _BarFrame:
    """What all parts share of a measure."""

    index: int
    length: Fraction
    full: Fraction
    left: Barline | None
    right: Barline | None
    rests: int  # measures of a multi-measure rest
    new_system: bool
    solved: bool


class _ScoreDecoder:
    """Reads the bars of all staves side by side."""

    def __init__(self, staves: Sequence[int], before: int) -> None:
        self.parts: list[_PartDecoder] = []
        first = 0
        for number, count in enumerate(staves, 1):
            self.parts.append(_PartDecoder(f"P{number}", range(first, first + count), before))
            first += count
        self.meter: Meter | None = None
        self.left: Barline | None = None
        self.divided = False  # a double barline or repeat sign stands before the next measure
        self.count = 0
        self.unsolved: list[Fault] = []
        self.disagreements: list[Fault] = []

    def read_system(self, staves: Sequence[Sequence[Column]]) -> None:
        """Appends the measures of one system."""
        opens = all(opens_with_repeat(columns) for columns in staves)
        bars = [split_bars(columns, opens=opens) for columns in staves]
        counts = Counter(len(own) for own in bars)
        usual = max(counts, key=lambda count: (counts[count], count))
        unread = set()
        for staff, own in enumerate(bars):
            if len(own) != usual:
                reason = f"{len(own)} measures, the other staves have {usual}"
                self.disagreements.append(Fault(self.count, staff + 1, reason))
                unread.add(staff)
                bars[staff] = [Bar() for _ in range(usual)]
        index, begun = 0, False
        while index < usual:
            together = [own[index] for own in bars]
            while index + 1 < usual and self._goes_on(together):
                index += 1
                for bar, own in zip(together, bars, strict=True):
                    divided = [SignColumn("barline", bar.barline)] if bar.barline else []
                    bar.columns += [*divided, *own[index].columns]
                    bar.barline = own[index].barline
            self._read_bar(together, unread, new_system=not begun)
            begun = True
            index += 1

    def _goes_on(self, bars: Sequence[Bar]) -> bool:
        """Whether a barline divides a measure that is not full yet."""
        if not all(bar.barline in (*SUBDIVIDING, None) for bar in bars):
            return False
        full = self._meter_of(bars)
        length = None if full is None else full.length
        if length is None:
            return False
        return solve_bar([bar.notes for bar in bars], None).length < length

    def _meter_of(self, bars: Sequence[Bar]) -> Meter | None:
        """The meter of a bar: as most staves say that have one."""
        own = Counter(c.value for bar in bars for c in bar.signs if isinstance(c.value, Meter))
        found = own.most_common(1)
        return found[0][0] if found else self.meter

    def _read_bar(self, bars: Sequence[Bar], unread: set[int], *, new_system: bool) -> None:
        self._compare_signs(bars, unread)
        self.meter = self._meter_of(bars)
        full = (self.meter.length if self.meter else None) or Fraction(1)
        rests = [c.value for bar in bars for c in bar.signs if c.kind == "multirest"]
        if any(c.kind == "barline" and c.value == "repeat-start" for bar in bars for c in bar.signs):
            self.left = Barline("heavy-light", "forward")
        barlines = Counter(bar.barline for bar in bars).most_common(1)[0][0]
        pickup = not self.count or self.divided or barlines != "single"
        notes = [bar.notes for bar in bars]
        solved = solve_bar(notes, None if self.meter is None else self.meter.length, pickup=pickup)
        self.unsolved += (
            Fault(self.count, staff + 1, "its durations do not fill the measure") for staff in solved.unsolved
        )
        if solved.length != full and self.meter is not None and not (pickup or solved.unsolved):
            reason = f"it lasts {solved.length} whole notes, the meter says {full}"
            self.unsolved.append(Fault(self.count, 1, reason))
        self.divided = barlines != "single"
        style, backward, forward = BARLINES.get(barlines or "", ("", False, False))
        right = Barline(style, "backward" if backward else None) if style else None
        frame = _BarFrame(
            self.count,
            solved.length,
            full,
            self.left,
            right,
            int(cast("int", rests[0])) if rests else 0,
            new_system and self.count > 0,
            not solved.unsolved,
        )
        endings = [c.value for bar in bars for c in bar.signs if c.kind == "ending"]
        for part in self.parts:
            own = [(bars[staff], solved.onsets[staff], staff in unread) for staff in part.staves]
            part.read_bar(own, frame, cast("list[str]", endings))
        self.left = Barline("heavy-light", "forward") if forward else None
        self.count += max(1, frame.rests)

    def _compare_signs(self, bars: Sequence[Bar], unread: set[int]) -> None:
        """Names staves without the meter of most others, and staves of one part with different keys."""
        for kind, groups in (("meter", [range(len(bars))]), ("key", [part.staves for part in self.parts])):
            for staves in groups:
                read = [staff for staff in staves if staff not in unread]
                told = {s: tuple(c.value for c in bars[s].signs if c.kind == kind) for s in read}
                if len(set(told.values())) < 2:
                    continue
                usual = Counter(told.values()).most_common(1)[0][0]
                for staff, values in told.items():
                    if values != usual:
                        reason = f"{kind} {_names(values)}, the other staves have {_names(usual)}"
                        self.disagreements.append(Fault(self.count, staff + 1, reason))


@dataclass
class _StaffReader:
    """The state of a staff of a part, and the moment at which its octave line began."""

    number: int
    state: StaffState = field(default_factory=StaffState)
    ottava: Moment | None = None


class _PartDecoder:
    """Appends measures to one part."""

    def __init__(self, part_id: str, staves: range, before: int) -> None:
        self.id, self.staves, self.before = part_id, staves, before
        self.ids: dict[str, str] = {}
        self.readers = [_StaffReader(number) for number in range(1, len(staves) + 1)]
        self.measures: list[Measure] = []
        self.spanners: list[Spanner] = []
        self.tie_to: dict[str, str] = {}
        self.ending: Ending | None = None
        self.begun = _ZERO

    def finish(self) -> Part:
        """The part, with its ties."""
        measures = tuple(with_ties(measure, self.tie_to) for measure in self.measures)
        return Part(id=self.id, measures=measures, staves=len(self.staves), spanners=tuple(self.spanners))

    def read_bar(
        self,
        bars: Iterable[tuple[Bar, Sequence[Fraction], bool]],
        frame: _BarFrame,
        endings: Iterable[str],
    ) -> None:
        """Appends a measure, or the measures of a multi-measure rest.

        Args:
            bars: For each staff its bar, the onsets of its note columns and whether it is unread.
            frame: What all parts share.
            endings: Numbers of endings that begin here, "stop" and "discontinue" of such that end.
        """
        self.measure_id = f"{self.id}m{self.before + len(self.measures) + 1}"
        self.length = frame.length
        self.signs: list[Sign] = []
        self.directions: list[Direction] = []
        self.barlines: list[tuple[Fraction, Barline]] = []
        voices: list[Voice] = []
        repeats, unread = [], []
        for reader, (bar, onsets, skip) in zip(self.readers, bars, strict=True):
            repeat = next((c.value for c in bar.signs if c.kind == "measure-repeat"), None)
            entries = self._read_staff(reader, bar, onsets)
            if skip:
                unread.append(Unread(reader.number, "its barlines are not those of the other staves"))
            elif entries:
                voices += self._voices(reader.number, entries)
            elif isinstance(repeat, int):
                repeats.append((reader.number, MeasureRepeat(repeat)))
            else:
                voices.append(silence(self.measure_id, reader.number, frame.length, printed=frame.rests > 0))
            reader.state.end_measure(self.begun)
        for value in endings:
            self._ending(value)
        measure = Measure(
            id=self.measure_id,
            number=str(len(self.measures) + 1),
            voices=tuple(voices),
            signs=tuple(_shared_signs(self.signs, len(self.staves))),
            directions=tuple(self.directions),
            pickup=frame.solved and frame.length != frame.full,
            left=frame.left,
            right=Barline() if frame.rests > 1 else frame.right,
            barlines=tuple(dict.fromkeys(self.barlines)),
            multirest=MultiRest(frame.rests) if frame.rests else None,
            repeats=tuple(repeats),
            unread=tuple(unread),
            break_before="system" if frame.new_system else None,
        )
        self.measures.append(measure)
        for more in range(2, frame.rests + 1):
            number = len(self.measures) + 1
            id_ = f"{self.id}m{self.before + number}"
            rests = tuple(silence(id_, reader.number, frame.length, printed=True) for reader in self.readers)
            right = frame.right if more == frame.rests else Barline()
            self.measures.append(Measure(id=id_, number=str(number), voices=rests, right=right))
        self.begun += frame.length * max(1, frame.rests)

    def _ending(self, value: str) -> None:
        if value not in ("stop", "discontinue"):
            self.ending = Ending(self.measure_id, self.measure_id, "" if value == "other" else value)
        elif self.ending is not None:
            self.spanners.append(replace(self.ending, end=self.measure_id, closed=value == "stop"))
            self.ending = None

    def _read_staff(self, reader: _StaffReader, bar: Bar, onsets: Sequence[Fraction]) -> list[TimedGroup]:
        """The groups of one staff, with their events; signs go to the measure."""
        entries: list[TimedGroup] = []
        for number, (column, onset) in enumerate(timed_columns(bar.columns, onsets, self.length)):
            if isinstance(column, SignColumn):
                opens = not entries and (number < bar.early or not isinstance(column.value, Clef))
                self._sign(reader, column, _ZERO if opens else onset)
                continue
            for stem, group in enumerate(column.groups):
                if group is not None:
                    length = self.length if group.length is None else group.length
                    begin = _ZERO if group.length is None else onset
                    event = self._event(reader, column, stem, begin, length, len(entries) + 1)
                    entries.append(TimedGroup(begin, length, stem, group, event))
            reader.state.end_ties(column, self.begun + onset)
        entries.sort(key=lambda entry: entry.onset)
        return entries

    def _sign(self, reader: _StaffReader, column: SignColumn, now: Fraction) -> None:
        value, state = column.value, reader.state
        if isinstance(value, Clef | Key):
            known = value in (state.clef, state.key) and self.measures  # repeated where a system begins
            if isinstance(value, Clef):
                if "percussion" in (value.shape, state.clef.shape):
                    state.ties.clear()
                state.clef = value
            else:
                state.key = value
                state.accidentals.clear()
            if not known:
                self.signs.append(Sign(now, value, reader.number))
        elif isinstance(value, Meter):
            self.signs.append(Sign(now, value, reader.number))
        elif column.kind == "barline" and value in SUBDIVIDING:
            self.barlines.append((now, Barline(BARLINES[str(value)][0])))
        elif column.kind == "sign" and value in ("segno", "coda"):
            self.directions.append(Direction(now, Jump(cast("Any", value)), reader.number))
        elif column.kind == "sign":
            here = Moment(self.measure_id, now, reader.number)
            if reader.ottava is not None:
                self.spanners.append(Ottava(reader.ottava, here, state.octaves))
            state.octaves = 0 if value == "ottava-stop" else int(str(value).removeprefix("ottava-"))
            reader.ottava = here if state.octaves else None

    # Events ------------------------------------------------------------------------------------------------

    def _event(
        self,
        reader: _StaffReader,
        column: NoteColumn,
        stem: int,
        onset: Fraction,
        length: Fraction,
        number: int,
    ) -> Chord | Rest:
        group = column.groups[stem]
        assert group is not None
        id_ = f"{self.measure_id}s{reader.number}e{number}"
        if group.event:
            self.ids[group.event] = id_
        duration = group.duration or _WHOLE
        marks = (Fermata(),) if group.fermata else ()
        if not group.heads:
            whole = group.duration is None
            return Rest(
                id=id_,
                onset=onset,
                duration=duration,
                length=length,
                staff=reader.number,
                measure=whole,
                marks=marks,
            )
        direction = None if stem == 2 or duration.value >= 1 else ("up", "down")[stem]
        return Chord(
            id=id_,
            onset=onset,
            duration=duration,
            length=length,
            notes=tuple(self._notes(reader.state, column, stem, (id_, onset, length))),
            staff=reader.number,
            grace=group.grace,
            stem=cast("Any", direction),
            marks=marks,
        )

    def _notes(
        self, state: StaffState, column: NoteColumn, stem: int, chord: tuple[str, Fraction, Fraction]
    ) -> Iterator[Note]:
        """The notes of a stem; `chord` is the id, onset and length of its chord."""
        id_, onset, length = chord
        group = column.groups[stem]
        assert group is not None
        begin = self.begun + onset
        for number, (position, head) in enumerate(group.heads, 1):
            note_id = id_ if len(group.heads) == 1 else f"{id_}.{number}"
            if head.note:
                self.ids[head.note] = note_id
            step = state.step(position)
            letter, octave = cast("Any", "CDEFGAB"[step % 7]), step // 7
            pitch: Pitch | Unpitched
            alter = 0
            if state.clef.shape == "percussion":
                pitch = Unpitched(letter, octave)
            else:
                if head.accidental is not None:
                    state.accidentals[step] = ALTERS[head.accidental]
                    alter = state.accidentals[step]
                else:
                    alter = state.alter(step, begin)
                pitch = Pitch(letter, octave, alter)
            beside = [other for other in column.stems_at(position) if other != stem]
            before = state.take_tie(step, alter, begin, stem, beside)
            if before is not None:
                self.tie_to[before.note] = note_id
            if head.tie:
                state.open_tie(step, OpenTie(note_id, alter, begin + length, stem))
                self.tie_to.setdefault(note_id, "")
            yield Note(id=note_id, pitch=pitch, accidental=head.accidental, head=head.kind)

    def _voices(self, staff: int, entries: Sequence[TimedGroup]) -> Iterator[Voice]:
        for number, chain in enumerate(join_voices(entries), 1):
            pair_tremolos(chain)
            self.spanners += tuplets_of(chain)
            space = f"{self.measure_id}s{staff}v{number}s"
            yield voice_of(chain, 4 * (staff - 1) + number, self.length, space)


def _shared_signs(signs: Sequence[Sign], staves: int) -> Iterator[Sign]:
    """Keys and meters that stand on all staves become one sign of the part."""
    seen: set[tuple[Fraction, object]] = set()
    for sign in signs:
        key = (sign.onset, sign.value)
        alike = [other for other in signs if (other.onset, other.value) == key]
        if isinstance(sign.value, Clef) or len(alike) < staves:
            yield sign
        elif key not in seen:
            seen.add(key)
            yield replace(sign, staff=None)


def _names(values: Sequence[object]) -> str:
    def name(value: object) -> str:
        if isinstance(value, Key):
            return str(value.fifths)
        terms = value.terms if isinstance(value, Meter) else ()
        return "+".join(f"{'+'.join(map(str, beats))}/{unit}" for beats, unit in terms) or "none"

    return ", ".join(map(name, values)) or "missing"
