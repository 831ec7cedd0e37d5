"""Score to columns: what is printed on one staff of a part, system by system.

Stems, accidentals and the places of rests are set as an engraver would where the score does not say.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from focal_omr.encodings.columns import ACCIDENTALS, POSITIONS, Column, Group, Head, NoteColumn, SignColumn
from focal_omr.score.score import (
    Chord,
    Clef,
    Direction,
    Ending,
    Fermata,
    Jump,
    Key,
    Measure,
    Meter,
    Note,
    Ottava,
    Part,
    Pitch,
    Rest,
    Sign,
)

__all__ = ["ALTERS", "BARLINE_NAMES", "StaffColumns", "staff_columns"]

# Alteration in semitones that a printed accidental means.
ALTERS = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "flat-flat": -2}
_SAME_SIGN = {
    **{"sharp-sharp": "double-sharp", "double-flat": "flat-flat", "natural-sharp": "sharp"},
    **{"natural-flat": "flat"},
}
BARLINE_NAMES = {
    "regular": "single",
    "light-light": "double",
    "light-heavy": "final",
    "dashed": "dashed",
    "dotted": "dotted",
    "heavy": "heavy",
    "heavy-heavy": "heavy",
    "heavy-light": "heavy-light",
    "tick": "tick",
    "short": "short",
}
_ZERO = Fraction(0)
_MIDDLE = 4  # position of the middle line


@dataclass
class StaffColumns:
    """The columns of one staff of a part.

    Attributes:
        systems: Columns of each system.
        outside: (measure number, reason) for everything that columns cannot say.
    """

    systems: list[list[Column]] = field(default_factory=list)
    outside: list[tuple[str, str]] = field(default_factory=list)


def staff_columns(part: Part, staff: int, *, top: bool = True) -> StaffColumns:
    """The columns of one staff, system by system; each system begins with the clef and key in force.

    Args:
        part: A valid part; `Measure.break_before` says where systems begin.
        staff: Number of the staff, from 1.
        top: Whether endings, segno and coda are printed over this staff.
    """
    return _StaffEncoder(part, staff, top).encode()


class _StaffEncoder:
    """The clef, key, octave line and accidentals in force, measure after measure."""

    def __init__(self, part: Part, staff: int, top: bool) -> None:
        self.part, self.staff = part, staff
        self.clef, self.key = Clef("G", 2), Key(0)
        self.meter: Meter | None = None
        self.result = StaffColumns()
        self.accidentals: dict[int, int] = {}
        self.tied_to = {
            note.tie_to
            for measure in part.measures
            for voice in measure.voices
            for event in voice.events
            if isinstance(event, Chord)
            for note in event.notes
            if note.tie_to
        }
        endings = [spanner for spanner in part.spanners if isinstance(spanner, Ending) and top]
        self.ending_starts = {ending.start: ending for ending in endings}
        self.ending_ends = {ending.end: ending for ending in endings}
        order = {measure.id: index for index, measure in enumerate(part.measures)}
        self.ottavas = [
            ((order[o.start.measure], o.start.onset), (order[o.end.measure], o.end.onset), o.octaves)
            for o in part.spanners
            if isinstance(o, Ottava) and o.start.staff == staff
        ]
        self.top = top

    def encode(self) -> StaffColumns:
        """All systems."""
        skip = 0
        measures = self.part.measures
        for index, measure in enumerate(measures):
            begins = not self.result.systems or (measure.break_before and not skip)
            if begins:
                self.result.systems.append([])
            columns = self.result.systems[-1]
            after = measures[index + 1] if index + 1 < len(measures) else None
            if skip:
                skip -= 1
            else:
                columns += self._opening(measure, begins=bool(begins), first=index == 0)
                if measure.multirest is not None:
                    columns.append(SignColumn("multirest", measure.multirest.measures))
                    skip = measure.multirest.measures - 1
                else:
                    columns += self._contents(measure, index)
            if not skip:
                columns += self._closing(measure, after)
        return self.result

    def _outside(self, measure: Measure, reason: str) -> None:
        self.result.outside.append((measure.number, reason))

    # Signs -------------------------------------------------------------------------------------------------

    def _opening(self, measure: Measure, *, begins: bool, first: bool) -> Iterator[Column]:
        """What is printed at the beginning of a measure, before its first note."""
        signs = [s.value for s in self._signs(measure) if s.onset == 0]
        clefs = [s for s in signs if isinstance(s, Clef)]
        keys = [s for s in signs if isinstance(s, Key)]
        meters = [s for s in signs if isinstance(s, Meter)]
        if clefs:
            self.clef = clefs[-1]
        if begins:
            yield SignColumn("clef", self.clef)
        if keys:
            self.key = keys[-1]
        if keys or (begins and self.key.fifths):
            yield SignColumn("key", self.key if keys else Key(self.key.fifths))
        if meters:
            self.meter = meters[-1]
            yield SignColumn("meter", meters[-1])
        if begins and measure.left is not None and measure.left.repeat == "forward":
            yield SignColumn("barline", "repeat-start")
        if measure.id in self.ending_starts:
            yield SignColumn("ending", self.ending_starts[measure.id].numbers)

    def _signs(self, measure: Measure) -> list[Sign]:
        return [sign for sign in measure.signs if sign.staff in (None, self.staff)]

    def _closing(self, measure: Measure, after: Measure | None) -> Iterator[Column]:
        """What is printed from the end of the last note to the barline; a new clef stands before it."""
        clefs = [s.value for s in self._signs(measure) if s.onset >= measure.length > 0]
        new = [s.value for s in self._signs(after) if s.onset == 0] if after is not None else []
        clef = next((c for c in reversed([*clefs, *new]) if isinstance(c, Clef)), None)
        if clef is not None and clef != self.clef:
            self.clef = clef
            yield SignColumn("clef", clef)
        if measure.id in self.ending_ends:
            yield SignColumn("ending", "stop" if self.ending_ends[measure.id].closed else "discontinue")
        right, left = measure.right, after.left if after is not None else None
        opens = left is not None and left.repeat == "forward" and after is not None and not after.break_before
        if right is not None and right.repeat == "backward":
            yield SignColumn("barline", "repeat-both" if opens else "repeat-end")
        elif opens:
            yield SignColumn("barline", "repeat-start")
        elif right is not None:
            name = BARLINE_NAMES.get(right.style)
            if name is None:
                self._outside(measure, f"barline {right.style}")
            yield SignColumn("barline", name or "single")
        elif after is not None:
            self._outside(measure, "a measure without barline")
            yield SignColumn("barline", "single")
        self.accidentals.clear()

    # Notes -------------------------------------------------------------------------------------------------

    def _contents(self, measure: Measure, index: int) -> Iterator[Column]:
        for number, sign in measure.repeats:
            if number == self.staff:
                yield SignColumn("measure-repeat", sign.measures)
                return
        if any(unread.staff == self.staff for unread in measure.unread):
            self._outside(measure, "unread")
            return
        if measure.barlines:
            self._outside(measure, "a barline inside the measure")
        voices = self._voices(measure)
        timed = sorted({e.onset for events in voices for e in events if not _is_measure_rest(e)})
        rests = [e for events in voices for e in events if _is_measure_rest(e)]
        later = [s for s in self._signs(measure) if 0 < s.onset < measure.length]
        jumps = [d for d in measure.directions if isinstance(d.value, Jump) and self.top]
        length = measure.length
        if len(rests) > 1:
            self._outside(measure, "two rests of the whole measure")
        for onset, following in pairwise([*timed, length]):
            if rests and 2 * onset >= length:
                yield NoteColumn((_measure_rest(rests.pop()), None, None), _ZERO)
            yield from self._signs_at(measure, index, onset, later, jumps)
            yield from self._notes_at(measure, index, onset, following - onset, voices)
        if rests:
            yield NoteColumn((_measure_rest(rests.pop()), None, None), _ZERO)
        yield from self._signs_at(measure, index, length, later, jumps)

    def _signs_at(
        self, measure: Measure, index: int, onset: Fraction, later: list[Sign], jumps: list[Direction]
    ) -> Iterator[Column]:
        """Signs inside the measure, up to an onset; octave lines that end or begin there."""
        for begin, end, octaves in self.ottavas:
            if end == (index, onset) and begin < end:
                yield SignColumn("sign", "ottava-stop")
            if begin == (index, onset) and onset < measure.length:
                yield SignColumn("sign", f"ottava-{octaves}")
        while jumps and jumps[0].onset <= onset:
            jump = jumps.pop(0).value
            if isinstance(jump, Jump) and jump.kind in ("segno", "coda"):
                yield SignColumn("sign", jump.kind)
        while later and later[0].onset <= onset:
            value = later.pop(0).value
            if isinstance(value, Clef):
                self.clef = value
                yield SignColumn("clef", value)
            elif isinstance(value, Key):
                self.key = value
                self.accidentals.clear()
                yield SignColumn("key", value)
            elif isinstance(value, Meter):
                yield SignColumn("meter", value)

    def _voices(self, measure: Measure) -> list[list[Chord | Rest]]:
        """Events of each voice that have something on this staff."""
        found = []
        for voice in measure.voices:
            own = [
                event
                for event in voice.events
                if (isinstance(event, Rest) and event.staff == self.staff)
                or (
                    isinstance(event, Chord)
                    and any((n.staff or event.staff) == self.staff for n in event.notes)
                )
            ]
            if any((n.staff or e.staff) != e.staff for e in own if isinstance(e, Chord) for n in e.notes):
                self._outside(measure, "a chord on two staves")
            if own:
                found.append(own)
        return found

    def _notes_at(
        self,
        measure: Measure,
        index: int,
        onset: Fraction,
        advance: Fraction,
        voices: list[list[Chord | Rest]],
    ) -> Iterator[Column]:
        """Grace notes that lead to an onset, then what begins there."""
        graces: list[list[tuple[int, Chord]]] = []
        begun: list[tuple[int, Chord | Rest]] = []
        for rank, events in enumerate(voices):
            own = [e for e in events if e.onset == onset and isinstance(e, Chord) and e.grace]
            for number, grace in enumerate(reversed(own)):  # the last ones of two voices stand together
                graces += [[]] if number == len(graces) else []
                graces[number].append((rank, grace))
            begun += [
                (rank, e) for e in events if e.onset == onset and not _is_measure_rest(e) and e not in own
            ]
        several = len(voices) > 1
        columns: list[Sequence[tuple[int, Chord | Rest]]] = [*reversed(graces), begun]
        for column in columns:
            groups = self._groups(measure, index, column, several)
            if any(groups):
                yield NoteColumn(groups, advance if column is begun else _ZERO)
            elif column is begun and column:
                self._outside(measure, "nothing of a column can be said")

    def _groups(
        self, measure: Measure, index: int, events: Sequence[tuple[int, Chord | Rest]], several: bool
    ) -> tuple[Group | None, Group | None, Group | None]:
        groups: list[Group | None] = [None, None, None]
        for rank, event in sorted(events, key=lambda pair: (pair[1].__class__ is Rest, pair[0])):
            heads = self._heads(measure, index, event) if isinstance(event, Chord) else ()
            wanted = _stem(event, heads, rank, several)
            place = next((p for p in (wanted, 2, 1 - wanted if wanted < 2 else 0) if groups[p] is None), None)
            if place is None:
                self._outside(measure, "more than three stems at one moment")
                continue
            ratio = _ratio(event)
            if ratio is None:
                self._outside(measure, "a length that no tuplet explains")
                ratio = (1, 1)
            grace = event.grace if isinstance(event, Chord) else None
            fermata = any(isinstance(mark, Fermata) for mark in event.marks)
            groups[place] = Group(event.duration, heads, grace, ratio, fermata)
        return groups[0], groups[1], groups[2]

    def _heads(self, measure: Measure, index: int, chord: Chord) -> tuple[tuple[int, Head], ...]:
        heads = []
        octaves = sum(octaves for begin, end, octaves in self.ottavas if begin <= (index, chord.onset) < end)
        for note in chord.notes:
            if (note.staff or chord.staff) != self.staff:
                continue
            position = note.pitch.diatonic - 7 * octaves - self.clef.lowest_line
            if position not in POSITIONS:
                self._outside(measure, "a note more than six spaces from the staff")
            heads.append(
                (position, Head(self._accidental(measure, note), note.tie_to is not None, note.head))
            )
        return tuple(sorted(heads, key=lambda head: head[0]))

    def _accidental(self, measure: Measure, note: Note) -> str | None:
        """The accidental as printed, or as it has to be for the note to be read right."""
        if not isinstance(note.pitch, Pitch):
            return None
        step = note.pitch.diatonic
        printed = _SAME_SIGN.get(note.accidental or "", note.accidental)
        expected = self.accidentals.get(step, self.key.alter(note.pitch.step))
        if note.id in self.tied_to:
            expected = note.pitch.alter
        if printed is not None and printed not in ACCIDENTALS:
            self._outside(measure, f"accidental {printed}")
        if printed is not None and ALTERS.get(printed) != note.pitch.alter:
            printed = None
        if printed is None and note.pitch.alter != expected:
            printed = next((name for name, alter in ALTERS.items() if alter == note.pitch.alter), None)
            if printed is None:
                self._outside(measure, f"an alteration of {note.pitch.alter} semitones")
        if printed is not None:
            self.accidentals[step] = note.pitch.alter
        return printed


def _is_measure_rest(event: Chord | Rest) -> bool:
    return isinstance(event, Rest) and event.measure


def _measure_rest(rest: Chord | Rest) -> Group:
    return Group(None, fermata=any(isinstance(mark, Fermata) for mark in rest.marks))


def _stem(event: Chord | Rest, heads: tuple[tuple[int, Head], ...], rank: int, several: bool) -> int:
    """Index of the stem group: as the score says, by the voice where there are several, by the place of the
    heads."""
    if isinstance(event, Chord) and event.stem in ("up", "down"):
        return 0 if event.stem == "up" else 1
    if several:
        return min(rank, 2)
    if not heads:
        return 0
    low, high = heads[0][0] - _MIDDLE, heads[-1][0] - _MIDDLE
    return 0 if abs(low) > abs(high) or (abs(low) == abs(high) and low < 0) else 1


def _ratio(event: Chord | Rest) -> tuple[int, int] | None:
    """Actual and normal notes of an event's tuplets, reduced; None if its length is no such share of its
    duration."""
    if isinstance(event, Chord) and event.grace:
        return 1, 1
    share = event.duration.length / event.length
    return (share.numerator, share.denominator) if share.numerator < 64 and share.denominator < 64 else None
