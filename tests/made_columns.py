"""Columns made by hand, and random scores, for the tests of columns."""

import random
from fractions import Fraction
from typing import Any

from focal_omr.encodings.columns import Column, Group, Head, NoteColumn, SignColumn
from focal_omr.score.score import (
    Chord,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Sign,
    Tuplet,
    Voice,
)

TREBLE, BASS = Clef("G", 2), Clef("F", 4)
BAR = SignColumn("barline", "single")


def meter(beats: int, unit: int) -> Meter:
    return Meter((((beats,), unit),))


def opening(*, clef: Clef = TREBLE, key: int = 0, time: Meter | None = None) -> list[Column]:
    """What a system begins with."""
    columns: list[Column] = [SignColumn("clef", clef)]
    columns += [SignColumn("key", Key(key))] if key else []
    return [*columns, *([SignColumn("meter", time)] if time else [])]


def notes(value: str, *heads: int | tuple[int, Head], dots: int = 0, **more: Any) -> Group:
    """A group by the note value ("1/4") and positions; a rest without any."""
    told = tuple((head, Head()) if isinstance(head, int) else head for head in heads)
    return Group(Duration(Fraction(value), dots), told, **more)


def col(
    up: Group | None = None,
    down: Group | None = None,
    third: Group | None = None,
    *,
    advance: str | None = None,
) -> NoteColumn:
    return NoteColumn((up, down, third), None if advance is None else Fraction(advance))


def scale(count: int, value: str = "1/4", first: int = 0) -> list[Column]:
    """Notes one step above the other."""
    return [col(notes(value, first + step)) for step in range(count)]


def facts(score: Score) -> list[list[tuple[Any, ...]]]:
    """What each measure says, without ids: notes and rests with part, staff, onset, duration, tie."""
    found: list[list[tuple[Any, ...]]] = []
    for number, part in enumerate(score.parts):
        for index, measure in enumerate(part.measures):
            found += [[]] if index == len(found) else []
            for voice in measure.voices:
                for event in voice.events:
                    if isinstance(event, Rest):
                        found[index].append((number, event.staff, event.onset, event.length, "", "", ""))
                    elif isinstance(event, Chord):
                        kind = (event.duration.value, event.duration.dots, event.grace or "")
                        for note in event.notes:
                            staff = note.staff or event.staff
                            tied = "" if note.tie_to is None else "tied" if note.tie_to else "open"
                            found[index].append(
                                (number, staff, event.onset, str(kind), str(note.pitch), tied)
                            )
    return [sorted(own, key=str) for own in found]


class RandomScore:
    """A random score: parts of one or two staves, each with one or two voices; chords, rests, ties, graces,
    triplets, clef and key changes."""

    def __init__(self, seed: int, *, voices: int = 2, gaps: bool = False) -> None:
        self.random = random.Random(seed)
        self.voices, self.gaps = voices, gaps
        self.count = 0
        self.spanners: list[Tuplet] = []

    def make(self) -> Score:
        self.meter = self.random.choice([meter(4, 4), meter(3, 4), meter(6, 8), meter(2, 2), meter(5, 8)])
        keys = [self.random.choice([None, None, *range(-7, 8)]) for _ in range(4)]
        parts = tuple(self._part(f"P{n}", staves, keys) for n, staves in enumerate(self._staves(), 1))
        return Score(parts=parts)

    def _staves(self) -> list[int]:
        return self.random.choice([[1], [2], [1, 2], [1, 1]])

    def _id(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def _part(self, id_: str, staves: int, keys: list[int | None]) -> Part:
        self.spanners = []
        clefs = [self.random.choice([TREBLE, BASS, Clef("C", 3)]) for _ in range(staves)]
        measures = []
        for index, key in enumerate(keys):
            signs = [Sign(Fraction(0), Key(key))] if key is not None else []
            if index == 0:
                signs.append(Sign(Fraction(0), self.meter))
            for staff, clef in enumerate(clefs, 1):
                if index == 0 or self.random.random() < 0.2:
                    clefs[staff - 1] = clef = self.random.choice([TREBLE, BASS, Clef("C", 4)])
                    signs.append(Sign(Fraction(0), clef, staff))
            voices = [
                Voice(4 * (staff - 1) + number, tuple(self._events(staff, number, clefs[staff - 1])))
                for staff in range(1, staves + 1)
                for number in range(1, self.random.randint(1, self.voices) + 1)
            ]
            breaks: Any = "system" if index == 2 else None
            measures.append(
                Measure(
                    id=self._id(),
                    number=str(index + 1),
                    voices=tuple(voices),
                    signs=tuple(signs),
                    break_before=breaks,
                )
            )
        return Part(id=id_, measures=tuple(measures), staves=staves, spanners=tuple(self.spanners))

    def _events(self, staff: int, voice: int, clef: Clef) -> list[Event]:
        length = self.meter.length or Fraction(1)
        if self.random.random() < 0.1:
            whole = Duration(Fraction(1))
            return [
                Rest(
                    id=self._id(), onset=Fraction(0), duration=whole, length=length, staff=staff, measure=True
                )
            ]
        events: list[Event] = []
        now = Fraction(0)
        while now < length:
            left = length - now
            if left >= Fraction(1, 4) and self.random.random() < 0.15:
                run = [
                    self._event(
                        now + i * Fraction(1, 12),
                        Duration(Fraction(1, 8)),
                        Fraction(2, 3),
                        staff,
                        voice,
                        clef,
                    )
                    for i in range(3)
                ]
                self.spanners.append(Tuplet(run[0].id, run[-1].id, 3, 2))
                events += run
                now += Fraction(1, 4)
                continue
            fits = [d for d in DURATIONS if d.length <= left]
            if self.random.random() < 0.1:
                grace = self._event(
                    now, Duration(Fraction(1, 8)), Fraction(0), staff, voice, clef, grace="slash"
                )
                events.append(grace)
            event = self._event(now, self.random.choice(fits), Fraction(1), staff, voice, clef)
            events.append(event)
            now += event.length
        return self._tied(events)

    def _event(
        self,
        onset: Fraction,
        duration: Duration,
        share: Fraction,
        staff: int,
        voice: int,
        clef: Clef,
        grace: Any = None,
    ) -> Event:
        length = duration.length * share
        if grace is None and self.random.random() < 0.2:
            return Rest(id=self._id(), onset=onset, duration=duration, length=length, staff=staff)
        positions = sorted(
            self.random.sample(range(0, 9) if voice == 1 else range(-3, 5), self.random.randint(1, 3))
        )
        made = []
        for position in positions:
            step = position + clef.lowest_line
            pitch = Pitch("CDEFGAB"[step % 7], step // 7, self.random.choice([0, 0, 0, 1, -1, 2]))  # type: ignore[arg-type]
            made.append(Note(id=self._id(), pitch=pitch))
        stem: Any = None if duration.value >= 1 else "up" if voice == 1 else "down"
        id_ = made[0].id if len(made) == 1 else self._id()
        return Chord(
            id=id_,
            onset=onset,
            duration=duration,
            length=length,
            notes=tuple(made),
            staff=staff,
            grace=grace,
            stem=stem,
        )

    def _tied(self, events: list[Event]) -> list[Event]:
        """Notes of one pitch that follow each other are tied, most of them."""
        for index in range(len(events) - 1):
            first, second = events[index], events[index + 1]
            if isinstance(first, Chord) and isinstance(second, Chord) and not second.grace:
                ends = {note.pitch: note.id for note in second.notes}
                made = tuple(
                    Note(id=n.id, pitch=n.pitch, tie_to=ends[n.pitch])
                    if n.pitch in ends and self.random.random() < 0.8
                    else n
                    for n in first.notes
                )
                events[index] = Chord(
                    id=first.id,
                    onset=first.onset,
                    duration=first.duration,
                    length=first.length,
                    notes=made,
                    staff=first.staff,
                    grace=first.grace,
                    stem=first.stem,
                )
        return events


DURATIONS = [
    *(Duration(Fraction(1, n)) for n in (1, 2, 4, 4, 8, 8, 8, 16, 16)),
    *(Duration(Fraction(1, n), 1) for n in (2, 4, 8)),
]
