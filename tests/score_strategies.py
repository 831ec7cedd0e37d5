"""Random valid scores with many kinds of records.

A score is in the form in which the MusicXML reader gives it: ids that are generated from places, no two
spaces beside each other, marks, signs and spanners in order. It is made from one random number, since
drawing each choice through hypothesis takes a hundred times as long.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import strategies as st

from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    Chord,
    ChordSymbol,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Event,
    Fermata,
    Fingering,
    Hairpin,
    Jump,
    Key,
    Lyric,
    Mark,
    Measure,
    Meter,
    Moment,
    Note,
    Ornament,
    Part,
    Pitch,
    Rehearsal,
    Rest,
    Score,
    Sign,
    Slur,
    Space,
    Spanner,
    Tempo,
    Tremolo,
    Tuplet,
    Voice,
    Words,
)

__all__ = ["random_score", "scores"]

_METERS = (
    Meter((((4,), 4),)),
    Meter((((3,), 4),)),
    Meter((((7,), 8),)),
    Meter((((3, 2), 8),)),
    Meter((((2,), 2),), "cut"),
    Meter((((2,), 4), ((3,), 8))),
)
_VALUES = [Duration(Fraction(1, 2**n), dots) for n in range(5) for dots in (1, 0)]
_ABOVE: tuple[Any, ...] = (None, "above", "below")
_TEXTS = ("a", "dolce", "più f", "<b> & 'c'", 'the "d"')


def _marks(r: Random, note: str) -> tuple[Mark, ...]:
    """Some marks, in the order of the reader; the fingering belongs to `note`."""
    every: list[Mark] = [
        Ornament(r.choice(("trill-mark", "turn", "mordent")), r.choice(_ABOVE)),
        Tremolo(r.randint(1, 4)),
        Fingering("2", note),
        Articulation(r.choice(("staccato", "accent", "tenuto")), r.choice(_ABOVE)),
        Fermata(r.choice(("normal", "square")), r.choice(_ABOVE[1:])),
        Arpeggio(r.choice((None, "up", "down", "none"))),
        Lyric(r.choice(_TEXTS), r.choice("12"), r.choice(("single", "begin", "end"))),
    ]
    return tuple(mark for mark in every if r.random() < 0.1)


def _direction(r: Random, onset: Fraction, staff: int) -> Direction:
    value = r.choice(
        (
            Dynamic(r.choice(("p", "mf", "sfz", "molto p"))),
            Words(r.choice(_TEXTS), r.choice(("normal", "italic", "bold", "bold-italic"))),
            Tempo(r.choice(("", "Lento")), r.choice(_VALUES), Fraction(r.randint(30, 240))),
            Tempo("Presto", quarters=Fraction(r.randint(300, 2400), 10)),
            Rehearsal(r.choice(_TEXTS)),
            Jump(r.choice(("segno", "coda"))),
            Jump(r.choice(("da-capo", "dal-segno", "fine", "to-coda")), r.choice(("", "D.C."))),
            ChordSymbol((r.choice("CDG"), r.randint(-1, 1)), r.choice(("minor", "major-seventh"))),
        )
    )
    return Direction(onset, value, staff, r.choice(_ABOVE))


def _chord(r: Random, id_: str, onset: Fraction, value: Duration, staff: int) -> Chord:
    places = sorted(r.sample(range(7, 55), r.choice((1, 1, 2, 3))))
    notes = tuple(
        Note(
            id=id_ if len(places) == 1 else f"{id_}.{number}",
            pitch=Pitch("CDEFGAB"[place % 7], place // 7, r.randint(-2, 2)),  # type: ignore[arg-type]
            accidental=r.choice((None, None, "sharp", "natural")),
            head=r.choice(("normal", "normal", "x")),
        )
        for number, place in enumerate(places, 1)
    )
    return Chord(
        id=id_,
        onset=onset,
        duration=value,
        length=value.length,
        notes=notes,
        staff=staff,
        stem=r.choice((None, "up", "down")),
        marks=_marks(r, notes[-1].id),
    )


def _voice(r: Random, place: str, number: int, length: Fraction, staff: int) -> tuple[Voice, list[Spanner]]:
    """A voice that fills `length`, and its tuplets; `place` is the beginning of its ids."""
    events: list[Event] = []
    tuplets: list[Spanner] = []
    onset, count = Fraction(0), 0
    while onset < length:
        kind = r.choice(("chord", "chord", "chord", "rest", "space", "grace", "triplet"))
        fitting = [v for v in _VALUES if v.length <= length - onset]
        value = r.choice(fitting) if fitting else Duration(Fraction(1, 32))
        count += 1
        id_ = f"{place}v{number}e{count}"
        if kind == "triplet" and value.dots == 0 and value.length > Fraction(1, 16):
            third = value.length / 3
            for index in range(3):
                id_ = f"{place}v{number}e{count + index}"
                chord = _chord(r, id_, onset + index * third, Duration(value.value / 2), staff)
                events.append(replace(chord, length=third))
            count += 2
            tuplets.append(Tuplet(events[-3].id, id_, 3, 2, bracket=r.choice((None, True, False))))
        elif kind == "space" and not (events and isinstance(events[-1], Space)):
            count -= 1
            id_ = f"{place}v{number}s{onset.numerator}-{onset.denominator}"
            events.append(Space(id=id_, onset=onset, length=value.length, staff=staff))
        elif kind == "rest":
            events.append(Rest(id=id_, onset=onset, duration=value, length=value.length, staff=staff))
        elif kind == "grace":
            chord = _chord(r, id_, onset, Duration(Fraction(1, 8)), staff)
            events.append(replace(chord, length=Fraction(0), grace=r.choice(("slash", "plain"))))
            continue
        else:
            events.append(_chord(r, id_, onset, value, staff))
        onset += value.length
    return Voice(number, tuple(events)), tuplets


def _measure(
    r: Random, place: str, number: int, meter: Meter | None, length: Fraction, staves: int
) -> tuple[Measure, list[Spanner]]:
    voices, spanners = [], []
    for voice in range(1, r.randint(1, 3) + 1):
        made, tuplets = _voice(r, place, voice, length, min(voice, staves))
        if any(not isinstance(event, Space) for event in made.events):
            voices.append(made)
            spanners += tuplets
    if not voices:
        whole = Duration(Fraction(1))
        rest = Rest(id=f"{place}v1e1", onset=Fraction(0), duration=whole, length=length, measure=True)
        voices.append(Voice(1, (rest,)))
    signs = []
    if number == 1:
        signs += (Sign(Fraction(0), Clef("G", 2, r.randint(-1, 1)), staff + 1) for staff in range(staves))
    signs += [Sign(Fraction(0), Key(r.randint(-7, 7)))] if r.random() < 0.3 else []
    signs += [] if meter is None else [Sign(Fraction(0), meter, printed=r.random() < 0.9)]
    if r.random() < 0.3:
        signs.append(Sign(length / 2, Clef(r.choice("GFC"), r.randint(1, 5)), r.randint(1, staves)))
    directions = [
        _direction(r, length * r.randint(0, 4) / 4, r.randint(1, staves)) for _ in range(r.randint(0, 3))
    ]
    directions.sort(key=lambda direction: (direction.onset, direction.staff))
    for _ in range(r.choice((0, 0, 1, 2))):
        start, end = sorted(r.sample(range(5), 2))
        moments = (Moment(place, length * time / 4, r.randint(1, staves)) for time in (start, end))
        spanners.append(Hairpin(*moments, r.choice(("crescendo", "diminuendo")), r.choice(_ABOVE)))
    measure = Measure(
        id=place,
        number=str(number),
        voices=tuple(voices),
        signs=tuple(signs),
        directions=tuple(directions),
        right=r.choice((Barline(), Barline("light-light"), Barline("light-heavy", "backward"))),
        break_before=r.choice((None, None, "system", "page")),
    )
    return measure, spanners


def _part(r: Random, id_: str, meters: list[Meter | None]) -> Part:
    staves = r.randint(1, 2)
    measures: list[Measure] = []
    spanners: list[Spanner] = []
    length = Fraction(1)
    for number, meter in enumerate(meters, 1):
        length = (meter.length if meter else None) or length
        measure, own = _measure(r, f"{id_}m{number}", number, meter, length, staves)
        measures.append(measure)
        spanners += own
    chords = [e for m in measures for v in m.voices for e in v.events if isinstance(e, Chord)]
    for first, second in r.sample([*pairwise(chords)], min(len(chords) // 2, r.randint(0, 3))):
        if first.onset <= second.onset or first.id.split("v")[0] != second.id.split("v")[0]:
            spanners.append(Slur(first.id, second.id, r.choice(_ABOVE), r.random() < 0.2))
    name = r.choice(_TEXTS)
    return Part(
        id=id_, measures=tuple(measures), staves=staves, name=name, spanners=_ordered(measures, spanners)
    )


def _ordered(measures: list[Measure], spanners: list[Spanner]) -> tuple[Spanner, ...]:
    """The spanners in the order of the reader: by place, kind and end."""
    places: dict[str, tuple[int, Fraction, int]] = {}
    indices = {measure.id: index for index, measure in enumerate(measures)}
    for measure in measures:
        for voice in measure.voices:
            for number, event in enumerate(voice.events):
                places[event.id] = (indices[measure.id], event.onset, number)

    def place(end: object) -> tuple[int, Fraction, int]:
        return (indices[end.measure], end.onset, 0) if isinstance(end, Moment) else places[str(end)]

    def order(spanner: Spanner) -> tuple[object, ...]:
        last = tuple(-number for number in place(spanner.end))
        name = type(spanner).__name__
        return place(spanner.start), name, last, str(spanner.start), str(spanner.end), repr(spanner)

    return tuple(sorted(spanners, key=order))


def random_score(seed: int) -> Score:
    """A score of one or two parts with one to three measures; the same seed gives the same score."""
    r = Random(seed)
    meters: list[Meter | None] = [r.choice(_METERS)]
    meters += (r.choice((None, *_METERS)) for _ in range(r.randint(0, 2)))
    parts = tuple(_part(r, f"P{number}", meters) for number in range(1, r.randint(1, 2) + 1))
    return Score(parts=parts, title=r.choice(("", *_TEXTS)), composer=r.choice(("", *_TEXTS)))


def scores() -> st.SearchStrategy[Score]:
    """Random valid scores."""
    return st.integers(0, 2**32).map(random_score)
