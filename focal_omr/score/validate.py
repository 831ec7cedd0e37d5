"""Validation of a score: every violation of what its records promise, with its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Ending,
    Event,
    Fingering,
    Glissando,
    Hairpin,
    Key,
    Measure,
    Meter,
    Note,
    Ottava,
    Part,
    Pedal,
    Pitch,
    Rest,
    Score,
    Slur,
    Spanner,
    TrillLine,
    Tuplet,
    Unpitched,
    Voice,
)

__all__ = ["Violation", "validate"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation: the id of the record that is wrong, where it stands in words, and what is wrong."""

    id: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where an event or note stands: (measure index, voice index, event index), for order and identity."""

    measure: int
    voice: int
    index: int
    event: Event
    note: Note | None = None

    @property
    def time(self) -> tuple[int, Fraction]:
        return self.measure, self.event.onset


def validate(score: Score) -> list[Violation]:
    """Every violation in the score; an empty list for a valid one.

    Checked are ids (unique, present), voices (contiguous events that fill the measure, lengths that follow
    from durations and tuplets), chords (notes from low to high), staves, ties (to a later note of the same
    pitch), spanners (ends that exist, in order), beams (balanced), signs in range, and parts with equally
    many and equally long measures.
    """
    found = list(_id_violations(score))
    for part in score.parts:
        found += _PartCheck(part).violations()
    lengths = [[measure.length for measure in part.measures] for part in score.parts]
    for part, own in zip(score.parts[1:], lengths[1:], strict=True):
        if len(own) != len(lengths[0]):
            reason = f"{len(own)} measures, but part {score.parts[0].id} has {len(lengths[0])}"
            found.append(Violation(part.id, f"part {part.id}", reason))
    return found


def _id_violations(score: Score) -> Iterator[Violation]:
    seen: set[str] = set()
    for part in score.parts:
        holders = [(part.id, f"part {part.id}")]
        for measure in part.measures:
            place = f"part {part.id}, measure {measure.number}"
            holders.append((measure.id, place))
            for voice in measure.voices:
                for event in voice.events:
                    holders.append((event.id, place))
                    if isinstance(event, Chord) and [note.id for note in event.notes] != [event.id]:
                        holders += ((note.id, place) for note in event.notes)
        for id_, place in holders:
            if not id_ or id_ in seen:
                yield Violation(id_, place, f"id {id_!r} is used twice" if id_ else "an id is empty")
            seen.add(id_)


def _sounding(note: Note) -> int | Unpitched:
    """What two tied notes share, though they may be spelled in two ways."""
    return note.pitch.midi if isinstance(note.pitch, Pitch) else note.pitch


class _PartCheck:
    """Collects the violations of one part."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.found: list[Violation] = []
        self.events: dict[str, _Placed] = {}
        self.notes: dict[str, _Placed] = {}
        self.measures = {measure.id: index for index, measure in enumerate(part.measures)}
        for number, measure in enumerate(part.measures):
            for voice_number, voice in enumerate(measure.voices):
                for index, event in enumerate(voice.events):
                    self.events[event.id] = _Placed(number, voice_number, index, event)
                    for note in event.notes if isinstance(event, Chord) else ():
                        self.notes[note.id] = _Placed(number, voice_number, index, event, note)
        self.ratios = self._tuplet_ratios()
        self.open_beams: set[tuple[int, bool]] = set()  # by voice, and whether of grace notes

    def violations(self) -> list[Violation]:
        """Every violation in the part."""
        meter: Fraction | None = None
        for index, measure in enumerate(self.part.measures):
            for sign in measure.signs:
                self._check_sign(measure, sign.value)
                self._check_staff(measure, measure.id, sign.staff or 1)
                if isinstance(sign.value, Meter) and sign.onset == 0:
                    meter = sign.value.length
            self._check_voices_end(measure)
            if meter is not None:
                self._check_length(index, meter)
            for voice in measure.voices:
                self._check_voice(measure, voice)
            staves = {staff for staff, _ in measure.repeats} | {d.staff for d in measure.directions}
            for staff in sorted(staves | {unread.staff for unread in measure.unread}):
                self._check_staff(measure, measure.id, staff)
        for placed in self.notes.values():
            self._check_tie(placed)
        for spanner in self.part.spanners:
            self._check_spanner(spanner)
        return self.found

    def _add(self, measure: Measure, id_: str, reason: str) -> None:
        self.found.append(Violation(id_, f"part {self.part.id}, measure {measure.number}", reason))

    def _measure_of(self, placed: _Placed) -> Measure:
        return self.part.measures[placed.measure]

    def _check_voices_end(self, measure: Measure) -> None:
        if measure.unread or measure.multirest or measure.repeats:
            return
        for voice in measure.voices:
            end = voice.events[-1].onset + voice.events[-1].length if voice.events else Fraction(0)
            if end != measure.length:
                reason = f"voice {voice.number} ends at {end}, the longest one at {measure.length}"
                self._add(measure, measure.id, reason)

    def _check_length(self, index: int, meter: Fraction) -> None:
        """A measure lasts what its meter says. Shorter are pickups, the first and last one, and those beside
        a repeat sign or double barline, where a phrase begins inside a measure."""
        measures = self.part.measures
        measure, length = measures[index], measures[index].length
        if length == meter or measure.unread or measure.multirest or measure.repeats:
            return
        beside = measures[max(index - 1, 0) : index + 2]
        edge = index in (0, len(measures) - 1) or any(
            barline not in (None, Barline()) for m in beside for barline in (m.left, m.right)
        )
        split = any(m is not measure and (m.pickup or m.length + length == meter) for m in beside)
        if length > meter or not (measure.pickup or edge or split):
            self._add(measure, measure.id, f"lasts {length}, the meter says {meter}")

    def _check_voice(self, measure: Measure, voice: Voice) -> None:
        expected = Fraction(0)
        for event in voice.events:
            if event.onset != expected:
                self._add(measure, event.id, f"begins at {event.onset}, the event before ends at {expected}")
            expected = event.onset + event.length
            self._check_staff(measure, event.id, event.staff)
            if isinstance(event, Chord | Rest):
                self._check_event(measure, event)
                self._check_beam(measure, voice, event)
            elif event.length <= 0:
                self._add(measure, event.id, "a space without length")

    def _check_beam(self, measure: Measure, voice: Voice, event: Chord | Rest) -> None:
        """Beams begin, go on over rests, grace notes and barlines, and end; grace notes have their own."""
        first = event.beams[0] if event.beams else None
        key = voice.number, isinstance(event, Chord) and event.grace is not None
        is_open = key in self.open_beams
        if first in ("begin", "continue", "end") and is_open == (first == "begin"):
            self._add(measure, event.id, f"beam {first!r} does not follow the beam before it")
        if first == "begin":
            self.open_beams.add(key)
        elif first == "end":
            self.open_beams.discard(key)

    def _check_event(self, measure: Measure, event: Chord | Rest) -> None:
        value = event.duration.value
        if (
            value <= 0
            or value.numerator & (value.numerator - 1)
            or value.denominator & (value.denominator - 1)
        ):
            self._add(measure, event.id, f"{value} is no note value")
        if isinstance(event, Rest) and event.measure:
            wanted = measure.length
        elif isinstance(event, Chord) and event.grace:
            wanted = Fraction(0)
        else:
            wanted = event.duration.length * self.ratios.get(event.id, 1)
            if any(getattr(mark, "between", None) for mark in event.marks):
                wanted /= 2  # each of the two chords is written with the time of both
        if event.length != wanted:
            self._add(measure, event.id, f"lasts {event.length}, its duration and tuplets give {wanted}")
        if isinstance(event, Rest):
            return
        if not event.notes:
            self._add(measure, event.id, "a chord without notes")
        steps = [note.pitch.diatonic for note in event.notes]
        if steps != sorted(steps):
            self._add(measure, event.id, "its notes are not ordered from low to high")
        own = {note.id for note in event.notes}
        for note in event.notes:
            if note.staff is not None:
                self._check_staff(measure, note.id, note.staff)
        for mark in event.marks:
            if isinstance(mark, Fingering) and mark.note is not None and mark.note not in own:
                self._add(measure, event.id, f"a fingering of note {mark.note!r}, which is not in the chord")

    def _check_staff(self, measure: Measure, id_: str, staff: int) -> None:
        if not 1 <= staff <= self.part.staves:
            self._add(measure, id_, f"staff {staff} of a part with {self.part.staves}")

    def _check_sign(self, measure: Measure, value: object) -> None:
        wrong = (
            (isinstance(value, Clef) and not 1 <= value.line <= 6)
            or (isinstance(value, Key) and not -7 <= value.fifths <= 7)
            or (isinstance(value, Meter) and any(min(*b, u) < 1 for b, u in value.terms))
        )
        if wrong:
            self._add(measure, measure.id, f"no such sign: {value}")

    def _check_tie(self, placed: _Placed) -> None:
        note = placed.note
        assert note is not None
        if not note.tie_to:
            return
        measure, other = self._measure_of(placed), self.notes.get(note.tie_to)
        if other is None or other.note is None:
            self._add(measure, note.id, f"a tie to {note.tie_to!r}, which is no note of the part")
        elif _sounding(other.note) != _sounding(note):
            self._add(measure, note.id, f"a tie to {note.tie_to!r}, which has another pitch")
        elif other.time < placed.time or (other.time == placed.time and placed.event.length):
            self._add(measure, note.id, f"a tie to {note.tie_to!r}, which does not come later")

    def _tuplet_ratios(self) -> dict[str, Fraction]:
        """Of each event within tuplets, the product of their ratios normal / actual."""
        ratios: dict[str, Fraction] = {}
        for spanner in self.part.spanners:
            if not isinstance(spanner, Tuplet) or spanner.actual < 1:
                continue
            start, end = self.events.get(spanner.start), self.events.get(spanner.end)
            if start is None or end is None or (start.measure, start.voice) != (end.measure, end.voice):
                continue  # named by `_check_spanner`
            voice = self.part.measures[start.measure].voices[start.voice]
            for event in voice.events[start.index : end.index + 1]:
                ratios[event.id] = ratios.get(event.id, Fraction(1)) * Fraction(
                    spanner.normal, spanner.actual
                )
        return ratios

    def _check_spanner(self, spanner: Spanner) -> None:
        name = type(spanner).__name__.lower()
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            known = self.measures
            ends = [(known.get(m.measure), m.onset) for m in (spanner.start, spanner.end)]
            ids = [spanner.start.measure, spanner.end.measure]
        elif isinstance(spanner, Ending):
            ends = [(self.measures.get(id_), Fraction(0)) for id_ in (spanner.start, spanner.end)]
            ids = [spanner.start, spanner.end]
        else:
            self._check_event_spanner(name, spanner)
            return
        for (index, _), id_ in zip(ends, ids, strict=True):
            if index is None:
                self.found.append(
                    Violation(id_, f"part {self.part.id}", f"{name} at unknown measure {id_!r}")
                )
        (first, first_onset), (last, last_onset) = ends
        if first is not None and last is not None and (first, first_onset) > (last, last_onset):
            self._add(self.part.measures[first], ids[0], f"the {name} ends before it begins")

    def _check_event_spanner(self, name: str, spanner: Slur | Tuplet | Glissando | TrillLine) -> None:
        table = self.notes if isinstance(spanner, Glissando) else self.events
        ends = [table.get(id_) for id_ in (spanner.start, spanner.end) if id_ is not None]
        for id_ in (spanner.start, spanner.end):
            if id_ is not None and id_ not in table:
                self.found.append(
                    Violation(id_, f"part {self.part.id}", f"{name} at {id_!r}, which is unknown")
                )
        if len(ends) < 2 or ends[0] is None or ends[1] is None:
            return
        start, end = ends[0], ends[1]
        measure = self._measure_of(start)
        if (start.measure, start.event.onset) > (end.measure, end.event.onset):
            self._add(measure, start.event.id, f"the {name} ends before it begins")
        if isinstance(spanner, Tuplet):
            if (start.measure, start.voice) != (end.measure, end.voice) or start.index > end.index:
                self._add(measure, start.event.id, "the tuplet does not lie in one voice of one measure")
            if min(spanner.actual, spanner.normal) < 1:
                self._add(measure, start.event.id, f"a tuplet of {spanner.actual}:{spanner.normal}")
