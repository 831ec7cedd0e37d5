"""Columns of one staff: its signs and notes, measure after measure, as they are printed.

Accidentals, stems and the places of rests are set as an engraver would where the score does not say.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from focal_omr.encodings.columns import (
    BARLINES,
    SUBDIVIDING,
    Column,
    Group,
    Head,
    NoteColumn,
    SignColumn,
)
from focal_omr.encodings.staff_state import ALTERS, OpenTie, StaffState
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
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
    Tremolo,
)

__all__ = ["Layout", "Outside", "StaffEncoder"]

_SAME_SIGN = {
    **{"sharp-sharp": "double-sharp", "double-flat": "flat-flat", "natural-sharp": "sharp"},
    **{"natural-flat": "flat"},
}
_STYLES = {style: name for name, (style, back, forth) in BARLINES.items() if not (back or forth)}
_STYLES["heavy-heavy"] = "heavy"
_ZERO = Fraction(0)
_MIDDLE = 4  # position of the middle line
_Groups = tuple[Group | None, Group | None, Group | None]


@dataclass(frozen=True, slots=True)
class Outside:
    """What columns cannot say: index of the measure, staff of the system from 1, and why."""

    measure: int
    staff: int
    reason: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What all staves share: measures at which systems begin, lengths of measures, barlines inside them,
    multi-measure rests by their first measure, and the measures inside those."""

    starts: tuple[int, ...]
    lengths: tuple[Fraction, ...]
    barlines: tuple[tuple[tuple[Fraction, Barline], ...], ...]
    multirests: dict[int, int]
    skipped: frozenset[int]


class StaffEncoder:
    """The state of the staff, measure after measure."""

    def __init__(self, part: Part, staff: int, number: int, layout: Layout, top: Sequence[Measure]) -> None:
        self.part, self.staff, self.number, self.layout = part, staff, number, layout
        self.top_measures = top  # their barlines go through the system
        self.top = number == 1  # endings, segno and coda are printed over the top staff
        self.state = StaffState()
        self.outside: list[Outside] = []
        self.begun = _ZERO
        self.index = 0
        self.ties: dict[str, int] = {}  # measures of the notes at which ties begin
        # Of each pitch of the column, notes whose ties lead to it as columns say, and in the score.
        self.led_here: dict[tuple[int, int], tuple[set[str], set[str]]] = {}
        self.stems: dict[str, Literal["up", "down"]] = {}
        self.accidentals: dict[str, str | None] = {}
        notes = [
            (note, note.staff or event.staff)
            for measure in part.measures
            for voice in measure.voices
            for event in voice.events
            if isinstance(event, Chord)
            for note in event.notes
        ]
        self.own_notes = {note.id for note, own in notes if own == staff}
        self.tied_from = {note.tie_to: note.id for note, own in notes if note.tie_to and own == staff}
        endings = [spanner for spanner in part.spanners if isinstance(spanner, Ending) and self.top]
        self.ending_starts = {ending.start: ending for ending in endings}
        self.ending_ends = {ending.end: ending for ending in endings}
        order = {measure.id: index for index, measure in enumerate(part.measures)}
        self.ottavas: list[tuple[int, Fraction, str]] = []
        for o in part.spanners:
            if isinstance(o, Ottava) and o.start.staff == staff:
                start, end = (order[o.start.measure], o.start.onset), (order[o.end.measure], o.end.onset)
                if start < end:
                    self.ottavas += [(*start, f"ottava-{o.octaves}"), (*end, "ottava-stop")]
        self.ottavas.sort(key=lambda entry: (*entry[:2], entry[2] != "ottava-stop"))

    def encode(self) -> list[list[Column]]:
        """The columns of each system."""
        systems: list[list[Column]] = []
        for index, length in enumerate(self.layout.lengths):
            measure = self.part.measures[index]
            self.index = index
            if index in self.layout.starts:
                systems.append([])
            columns = systems[-1]
            if index not in self.layout.skipped:
                columns += self._opening(measure, begins=index in self.layout.starts)
                if index in self.layout.multirests:
                    columns.append(SignColumn("multirest", self.layout.multirests[index]))
                else:
                    columns += self._contents(measure, length)
            if index + 1 not in self.layout.skipped:
                columns += self._closing(measure, length)
            self.state.end_measure(self.begun)
            self.begun += length
        return systems

    def _cannot(self, reason: str) -> None:
        self.outside.append(Outside(self.index, self.number, reason))

    # Signs -------------------------------------------------------------------------------------------------

    def _opening(self, measure: Measure, *, begins: bool) -> Iterator[Column]:
        """What is printed at the beginning of a measure, before its first note."""
        state = self.state
        signs = [s for s in measure.signs if s.staff in (None, self.staff) and s.onset == 0]
        values = [s.value for s in signs if s.printed or not isinstance(s.value, Meter)]
        clef, key = state.clef, state.key
        meter: Meter | None = None
        for value in values:
            if isinstance(value, Clef):
                clef = _printed(value)
            elif isinstance(value, Key):
                key = Key(value.fifths)
            elif isinstance(value, Meter):
                meter = value
        if begins or clef != state.clef:
            yield SignColumn("clef", clef)
        if key != state.key or (begins and key.fifths):
            yield SignColumn("key", key)
        if meter is not None:
            yield SignColumn("meter", meter)
        state.clef, state.key = clef, key
        left = self.top_measures[self.index].left
        if begins and left is not None and left.repeat == "forward":
            yield SignColumn("barline", "repeat-start")
        if measure.id in self.ending_starts:
            yield SignColumn("ending", self.ending_starts[measure.id].numbers)

    def _closing(self, measure: Measure, length: Fraction) -> Iterator[Column]:
        """What is printed from the end of the last note to the barline; a new clef stands before it."""
        last = self.index + 1 == len(self.layout.lengths)
        after = None if last else self.part.measures[self.index + 1]
        new = [s for s in measure.signs if s.onset >= length > 0]
        new += [] if after is None else [s for s in after.signs if s.onset == 0]
        own = (s.value for s in new if s.staff in (None, self.staff))
        clefs = [_printed(value) for value in own if isinstance(value, Clef)]
        if clefs and clefs[-1] != self.state.clef:
            self.state.clef = clefs[-1]
            yield SignColumn("clef", clefs[-1])
        if measure.id in self.ending_ends:
            yield SignColumn("ending", "stop" if self.ending_ends[measure.id].closed else "discontinue")
        ends_system = last or self.index + 1 in self.layout.starts
        left = None if ends_system else self.top_measures[self.index + 1].left
        name = self._barline(
            self.top_measures[self.index].right, opens=left is not None and left.repeat == "forward"
        )
        if name is None and not ends_system:
            self._cannot("a measure that no barline ends")
            name = "single"
        full = self.meter.length if self.meter else None
        if name in SUBDIVIDING and full is not None and length < full:
            self._cannot(f"a {name} barline after a measure that is not full")
            name = "single"
        if name is not None:
            yield SignColumn("barline", name)

    def _barline(self, right: Barline | None, *, opens: bool) -> str | None:
        if right is not None and right.repeat == "backward":
            return "repeat-both" if opens else "repeat-end"
        if opens:
            return "repeat-start"
        if right is None:
            return None
        if right.style not in _STYLES:
            self._cannot(f"barline {right.style}")
        return _STYLES.get(right.style, "single")

    @property
    def meter(self) -> Meter | None:
        """The meter in force at the end of the measure."""
        for measure in reversed(self.part.measures[: self.index + 1]):
            for sign in reversed(measure.signs):
                if isinstance(sign.value, Meter) and sign.staff in (None, self.staff):
                    return sign.value
        return None

    # Notes -------------------------------------------------------------------------------------------------

    def _contents(self, measure: Measure, length: Fraction) -> Iterator[Column]:
        """Signs and notes inside a measure, in time."""
        for number, sign in measure.repeats:
            if number == self.staff:
                yield SignColumn("measure-repeat", sign.measures)
                return
        if any(unread.staff == self.staff for unread in measure.unread):
            self._cannot("unread")
            return
        voices = self._voices(measure, length)
        timed = sorted({e.onset for voice in voices for e in voice.events})
        if timed and timed[-1] > 0 and not any(e.length for voice in voices for e in voice.events):
            self._cannot("grace notes alone on a staff")
        signs = list(self._inner_signs(measure, length))
        rests = [event for voice in voices for event in voice.measure_rests]
        if len(rests) > 1:
            self._cannot("two rests of the whole measure")
        for onset, following in pairwise([*timed, length]):
            if rests and 2 * onset >= length:
                yield _measure_rest(rests.pop(0))
            yield from self._signs_until(signs, onset)
            columns = list(self._notes_at(onset, voices))
            if columns:
                yield from columns[:-1]
                yield replace(columns[-1], advance=following - onset)
        if rests:
            yield _measure_rest(rests[0])
        yield from self._signs_until(signs, length)

    def _inner_signs(self, measure: Measure, length: Fraction) -> Iterator[tuple[Fraction, Column]]:
        """Signs after the beginning of a measure, by onset; octave lines, segno and coda from its
        beginning on."""
        found: list[tuple[Fraction, int, Column]] = []
        for index, onset, name in self.ottavas:
            if index == self.index and (name == "ottava-stop" or onset < length):
                found.append((onset, 0 if name == "ottava-stop" else 4, SignColumn("sign", name)))
            elif index + 1 == self.index and name != "ottava-stop" and onset >= self.layout.lengths[index]:
                found.append((_ZERO, 4, SignColumn("sign", name)))
        for sign in measure.signs:
            if sign.staff in (None, self.staff) and 0 < sign.onset < length:
                if isinstance(sign.value, Clef):
                    found.append((sign.onset, 1, SignColumn("clef", _printed(sign.value))))
                elif isinstance(sign.value, Key):
                    found.append((sign.onset, 2, SignColumn("key", Key(sign.value.fifths))))
                elif isinstance(sign.value, Meter) and sign.printed:
                    found.append((sign.onset, 3, SignColumn("meter", sign.value)))
        for direction in measure.directions if self.top else ():
            if isinstance(direction.value, Jump) and direction.value.kind in ("segno", "coda"):
                found.append((direction.onset, 5, SignColumn("sign", direction.value.kind)))
        for onset, barline in self.layout.barlines[self.index]:
            name = _STYLES.get(barline.style, "")
            if name in SUBDIVIDING and barline.repeat is None and 0 < onset < length:
                found.append((onset, -1, SignColumn("barline", name)))
            else:
                self._cannot(f"a {barline.style} barline inside the measure")
        for onset, _, column in sorted(found, key=lambda entry: entry[:2]):
            yield min(onset, length), column

    def _signs_until(self, signs: list[tuple[Fraction, Column]], onset: Fraction) -> Iterator[Column]:
        while signs and signs[0][0] <= onset:
            column = signs.pop(0)[1]
            assert isinstance(column, SignColumn)
            value = column.value
            if value in (self.state.clef, self.state.key):
                continue
            if isinstance(value, Clef):
                self.state.clef = value
            elif isinstance(value, Key):
                self.state.key = value
                self.state.accidentals.clear()
            elif column.kind == "sign" and str(value).startswith("ottava"):
                octaves = 0 if value == "ottava-stop" else int(str(value).removeprefix("ottava-"))
                if octaves and self.state.octaves:
                    self._cannot("two octave lines at once")
                self.state.octaves = octaves
            yield column

    def _voices(self, measure: Measure, length: Fraction) -> list["_StaffVoice"]:
        """The voices that have something on this staff."""
        found = []
        for events in (voice.events for voice in measure.voices):
            own = _StaffVoice([], [])
            for event in events:
                if isinstance(event, Rest) and event.staff == self.staff:
                    whole = event.duration.length == 1 and event.onset == 0 and event.length == length
                    (own.measure_rests if event.measure or whole else own.events).append(event)
                elif isinstance(event, Chord):
                    staves = {note.staff or event.staff for note in event.notes}
                    if len(staves) > 1 and self.staff in staves:
                        self._cannot("a chord on two staves")
                        notes = (n for n in event.notes if (n.staff or event.staff) == self.staff)
                        own.events.append(replace(event, notes=tuple(notes)))
                    elif self.staff in staves:
                        own.events.append(event)
            if own.events or own.measure_rests:
                found.append(own)
        stems = [voice.usual_stem() for voice in found]
        for rank, (voice, stem) in enumerate(zip(found, stems, strict=True)):
            if len(found) > 1:
                taken = stems[:rank] + stems[rank + 1 :]
                voice.stem = stem if stem is not None else next((s for s in (0, 1) if s not in taken), 2)
                stems[rank] = voice.stem
        return found

    def _notes_at(self, onset: Fraction, voices: list["_StaffVoice"]) -> Iterator[NoteColumn]:
        """Grace notes that lead to an onset, then what begins there."""
        graces: list[list[tuple[_StaffVoice, Chord | Rest]]] = []
        begun: list[tuple[_StaffVoice, Chord | Rest]] = []
        for voice in voices:
            here = voice.starting(onset)
            own = [event for event in here if isinstance(event, Chord) and event.grace]
            for number, grace in enumerate(reversed(own)):  # the last ones of two voices stand together
                graces += [[]] if number == len(graces) else []
                graces[number].append((voice, grace))
            begun += [(voice, event) for event in here if not (isinstance(event, Chord) and event.grace)]
        for column in (*reversed(graces), begun):
            groups = self._groups(column)
            if any(groups):
                found = NoteColumn(groups, _ZERO)
                self.state.end_ties(found, self.begun + onset)
                yield found

    def _groups(self, events: Sequence[tuple["_StaffVoice", Chord | Rest]]) -> _Groups:
        """The events of one moment on their stems."""
        placed: list[Chord | Rest | None] = [None, None, None]
        for voice, event in sorted(events, key=lambda pair: isinstance(pair[1], Rest)):
            wanted = self._stem(event, voice)
            order = (wanted, 2, 0, 1)
            place = next((p for p in order if placed[p] is None), None)
            if place is None:
                self._cannot("more than three stems at one moment")
            else:
                placed[place] = event
                if place < 2:
                    self.stems[event.id] = "down" if place else "up"
        groups: list[Group | None] = [None, None, None]
        printed: dict[int, tuple[Head, int]] = {}
        stems: dict[int, list[int]] = {}  # of the heads at each diatonic step
        for place, found in enumerate(placed):
            for note in found.notes if isinstance(found, Chord) else ():
                stems.setdefault(note.pitch.diatonic, []).append(place)
        for place, found in enumerate(placed):
            if found is not None:
                heads = self._heads(found, place, stems, printed) if isinstance(found, Chord) else ()
                groups[place] = self._group(found, heads)
        for read, true in self.led_here.values():  # which of two heads at one position a tie leads to is open
            if read != true:
                reason = "a tie that does not lead to the next note of its pitch on the staff"
                places = {self.index, *(self.ties.get(note, self.index) for note in read ^ true)}
                self.outside += (Outside(index, self.number, reason) for index in sorted(places))
        self.led_here.clear()
        return _shared_heads(groups, printed)

    def _stem(self, event: Chord | Rest, voice: "_StaffVoice") -> int:
        """Index of the stem: as the score says, as the voice has it where there are several, by the place
        of the heads."""
        if isinstance(event, Chord) and event.stem in ("up", "down"):
            return 0 if event.stem == "up" else 1
        if voice.stem is not None or isinstance(event, Rest):
            return voice.stem or 0
        steps = [self.state.position(note.pitch.diatonic) - _MIDDLE for note in event.notes]
        return (
            0 if abs(steps[0]) > abs(steps[-1]) or (abs(steps[0]) == abs(steps[-1]) and steps[0] < 0) else 1
        )

    def _group(self, event: Chord | Rest, heads: tuple[tuple[int, Head], ...]) -> Group:
        grace = event.grace if isinstance(event, Chord) else None
        tremolo = next((m.beams for m in event.marks if isinstance(m, Tremolo) and m.between), 0)
        ratio = (1, 1)
        if not grace:
            share = event.duration.length / event.length / (2 if tremolo else 1)
            ratio = share.numerator, share.denominator
            if share != 1 and not any(n & (n - 1) for n in ratio):  # no tuplet, but a misprint
                self._cannot("a note value other than the time it takes")
        fermata = any(isinstance(mark, Fermata) for mark in event.marks)
        return Group(event.duration, heads, grace, ratio, tremolo, fermata, event.id)

    def _heads(
        self, chord: Chord, stem: int, stems: Mapping[int, list[int]], printed: dict[int, tuple[Head, int]]
    ) -> tuple[tuple[int, Head], ...]:
        """The heads of a chord.

        Args:
            chord: The chord.
            stem: Its stem.
            stems: Stems of the heads of the column, by diatonic step.
            printed: What is printed at each position of the column, with its alteration; the heads are
                added.
        """
        heads: list[tuple[int, Head]] = []
        begin = self.begun + chord.onset
        for note in chord.notes:
            step = note.pitch.diatonic
            position = self.state.position(step)
            head = Head(self._accidental(note, step, begin), note.tie_to is not None, note.head, note.id)
            self.accidentals[note.id] = head.accidental
            alter = note.pitch.alter if isinstance(note.pitch, Pitch) else 0
            other, other_alter = printed.get(position, (head, alter))
            if "none" in (head.kind, other.kind):  # a stem whose head is that of another one, or without any
                head = replace(head, kind=other.kind if head.kind == "none" else head.kind)
            elif other.kind != head.kind:
                self._cannot("two kinds of heads at one position")
            if other_alter != alter:
                self._cannot("two alterations at one position")
            if head.accidental is None:
                head = replace(head, accidental=other.accidental)
            if isinstance(note.pitch, Pitch) == (self.state.clef.shape == "percussion"):
                self._cannot("a pitched note in a percussion clef, or an unpitched one in another")
            if note.tie_to and note.tie_to not in self.own_notes:
                self._cannot("a tie to another staff")
            heads.append((position, head))
            printed[position] = head, alter
            beside = [other for other in stems[step] if other != stem]
            tie = self.state.take_tie(step, alter, begin, stem, beside)
            read, true = self.led_here.setdefault((step, alter), (set(), set()))
            read |= {tie.note} if tie else set()
            true |= {self.tied_from[note.id]} if note.id in self.tied_from else set()
            if head.tie:
                self.ties[note.id] = self.index
                self.state.open_tie(step, OpenTie(note.id, alter, begin + chord.length, stem))
        return tuple(heads)

    def _accidental(self, note: Note, step: int, begin: Fraction) -> str | None:
        """The accidental as printed, or as it has to be for the note to be read right."""
        if not isinstance(note.pitch, Pitch):
            return None
        wanted = note.pitch.alter
        printed = _SAME_SIGN.get(note.accidental or "", note.accidental)
        if ALTERS.get(printed or "") != wanted:
            printed = None
        if printed is None and wanted != self.state.alter(step, begin):
            printed = next((name for name, alter in ALTERS.items() if alter == wanted), None)
            if printed is None:
                self._cannot(f"an alteration of {wanted} semitones")
        if printed is not None:
            self.state.accidentals[step] = wanted
        return printed


@dataclass
class _StaffVoice:
    """What a voice has on one staff; `stem` is its usual stem where the staff has several voices."""

    events: list[Chord | Rest]
    measure_rests: list[Rest]
    stem: int | None = None
    _by_onset: dict[Fraction, list[Chord | Rest]] = field(default_factory=dict)

    def starting(self, onset: Fraction) -> list[Chord | Rest]:
        """The events that begin at an onset."""
        if not self._by_onset:
            for event in self.events:
                self._by_onset.setdefault(event.onset, []).append(event)
        return self._by_onset.get(onset, [])

    def usual_stem(self) -> int | None:
        """The stem that most of its chords have, None if they have none."""
        stems = [event.stem for event in self.events if isinstance(event, Chord) and not event.grace]
        up, down = stems.count("up"), stems.count("down")
        return None if up == down else 0 if up > down else 1


def _printed(clef: Clef) -> Clef:
    """The clef as it is printed: a percussion clef stands in the middle of the staff."""
    return replace(clef, line=3) if clef.shape == "percussion" else clef


def _measure_rest(rest: Rest) -> NoteColumn:
    fermata = any(isinstance(mark, Fermata) for mark in rest.marks)
    group = Group(None, fermata=fermata, event=rest.id)
    return NoteColumn((group, None, None), _ZERO)


def _shared_heads(groups: Sequence[Group | None], printed: dict[int, tuple[Head, int]]) -> _Groups:
    """The groups, with what is printed of a shared head in each of them."""
    shared = [
        group
        and replace(
            group,
            heads=tuple((p, replace(printed[p][0], tie=head.tie, note=head.note)) for p, head in group.heads),
        )
        for group in groups
    ]
    return shared[0], shared[1], shared[2]
