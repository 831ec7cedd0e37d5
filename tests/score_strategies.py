"""Hypothesis strategies for whole scores: random, valid, and with every kind of record.

A score is in the form in which the MusicXML reader gives it: ids that are generated from places, spaces that
are not beside each other, marks, signs and spanners in order.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

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

__all__ = ["scores"]

_METERS = (
    Meter((((4,), 4),)),
    Meter((((3,), 4),)),
    Meter((((7,), 8),)),
    Meter((((3, 2), 8),)),
    Meter((((2,), 2),), "cut"),
    Meter((((2,), 4), ((3,), 8))),
)
_VALUES = [Duration(Fraction(1, 2**n), dots) for n in range(5) for dots in (1, 0)]
_PLACEMENTS = st.sampled_from((None, "above", "below"))
_TEXTS = st.text("abc äß&<>\"'", min_size=1, max_size=8).map(lambda text: " ".join(text.split()) or "a")

_pitches = st.builds(Pitch, st.sampled_from("CDEFGAB"), st.integers(1, 7), st.integers(-2, 2))
_marks = st.tuples(
    st.none() | st.builds(Ornament, st.sampled_from(("trill-mark", "turn", "mordent")), _PLACEMENTS),
    st.none() | st.builds(Tremolo, st.integers(1, 4)),
    st.none() | st.builds(Articulation, st.sampled_from(("staccato", "accent", "tenuto")), _PLACEMENTS),
    st.none()
    | st.builds(Fermata, st.sampled_from(("normal", "square")), st.sampled_from(("above", "below"))),
    st.none() | st.builds(Arpeggio, st.sampled_from((None, "up", "down", "none"))),
    st.none() | st.builds(Lyric, _TEXTS, st.sampled_from("12"), st.sampled_from(("single", "begin", "end"))),
).map(lambda marks: tuple(mark for mark in marks if mark is not None))
_directions = st.one_of(
    st.builds(Dynamic, st.sampled_from(("p", "mf", "sfz", "molto p"))),
    st.builds(Words, _TEXTS, st.sampled_from(("normal", "italic", "bold", "bold-italic"))),
    st.builds(
        Tempo,
        st.just("") | _TEXTS,
        st.sampled_from(_VALUES),
        st.none() | st.integers(30, 240).map(Fraction),
        st.none() | st.integers(30, 240).map(Fraction),
    ),
    st.builds(Rehearsal, _TEXTS),
    st.builds(Jump, st.sampled_from(("segno", "coda"))),
    st.builds(Jump, st.sampled_from(("da-capo", "dal-segno", "fine", "to-coda")), _TEXTS),
    st.builds(ChordSymbol, st.tuples(st.sampled_from("CDG"), st.integers(-1, 1)), st.just("minor")),
)
_clefs = st.builds(Clef, st.sampled_from("GFC"), st.integers(1, 5), st.integers(-1, 1))


@st.composite
def _chord(draw: st.DrawFn, id_: str, onset: Fraction, value: Duration, staff: int) -> Chord:
    pitches = draw(st.lists(_pitches, min_size=1, max_size=3, unique_by=lambda pitch: pitch.diatonic))
    pitches.sort(key=lambda pitch: pitch.diatonic)
    notes = tuple(
        Note(
            id=id_ if len(pitches) == 1 else f"{id_}.{number}",
            pitch=pitch,
            accidental=draw(st.sampled_from((None, "sharp", "natural"))),
            head=draw(st.sampled_from(("normal", "normal", "x"))),
        )
        for number, pitch in enumerate(pitches, 1)
    )
    marks: list[Mark] = list(draw(st.just(()) | _marks))
    if draw(st.booleans()):
        marks.append(Fingering("2", notes[-1].id))
    order = (Ornament, Tremolo, Fingering, Articulation, Fermata, Arpeggio, Lyric)
    marks.sort(key=lambda mark: order.index(type(mark)))
    return Chord(
        id=id_,
        onset=onset,
        duration=value,
        length=value.length,
        notes=notes,
        staff=staff,
        stem=draw(st.sampled_from((None, "up", "down"))),
        marks=tuple(marks),
    )


@st.composite
def _voice(
    draw: st.DrawFn, place: str, number: int, length: Fraction, staff: int
) -> tuple[Voice, list[Tuplet]]:
    """A voice that fills `length`; `place` is the beginning of its ids."""
    events: list[Event] = []
    tuplets: list[Tuplet] = []
    onset, count = Fraction(0), 0
    while onset < length:
        kind = draw(st.sampled_from(("chord", "chord", "chord", "rest", "space", "grace", "triplet")))
        value = draw(
            st.sampled_from([v for v in _VALUES if v.length <= length - onset] or [Duration(Fraction(1, 16))])
        )
        if kind == "triplet" and value.dots == 0 and value.length > Fraction(1, 16):
            part = Duration(value.value / 2)
            for index in range(3):
                count += 1
                chord = draw(
                    _chord(f"{place}v{number}e{count}", onset + index * value.length / 3, part, staff)
                )
                events.append(replace(chord, length=value.length / 3))
            first, last = events[-3].id, events[-1].id
            tuplets.append(Tuplet(first, last, 3, 2, bracket=draw(st.sampled_from((None, True, False)))))
        elif (
            kind == "space"
            and not (events and isinstance(events[-1], Space))
            and onset + value.length < length
        ):
            id_ = f"{place}v{number}s{onset.numerator}-{onset.denominator}"
            events.append(Space(id=id_, onset=onset, length=value.length, staff=staff))
        else:
            count += 1
            id_ = f"{place}v{number}e{count}"
            if kind == "rest":
                events.append(Rest(id=id_, onset=onset, duration=value, length=value.length, staff=staff))
            elif kind == "grace":
                eighth = Duration(Fraction(1, 8))
                chord = draw(_chord(id_, onset, eighth, staff))
                events.append(
                    replace(chord, length=Fraction(0), grace=draw(st.sampled_from(("slash", "plain"))))
                )
                continue
            else:
                events.append(draw(_chord(id_, onset, value, staff)))
        onset += value.length
    return Voice(number, tuple(events)), tuplets


@st.composite
def _part(draw: st.DrawFn, id_: str, meters: list[Meter | None]) -> Part:
    staves = draw(st.integers(1, 2))
    measures: list[Measure] = []
    spanners: list[Spanner] = []
    length = Fraction(1)
    for number, meter in enumerate(meters, 1):
        place = f"{id_}m{number}"
        if meter is not None:
            length = meter.length or length
        voices = []
        for voice in range(1, draw(st.integers(1, 3)) + 1):
            made, tuplets = draw(_voice(place, voice, length, min(voice, staves)))
            if any(not isinstance(event, Space) for event in made.events):
                voices.append(made)
                spanners += tuplets
        if not voices:
            rest = Rest(
                id=f"{place}v1e1",
                onset=Fraction(0),
                duration=Duration(Fraction(1)),
                length=length,
                measure=True,
            )
            voices.append(Voice(1, (rest,)))
        signs = [Sign(Fraction(0), meter)] if meter is not None else []
        if draw(st.booleans()):
            signs.insert(0, Sign(Fraction(0), Key(draw(st.integers(-7, 7)))))
        signs += (Sign(Fraction(0), draw(_clefs), staff) for staff in range(1, staves + 1) if number == 1)
        if draw(st.booleans()):
            signs.append(Sign(length / 2, draw(_clefs), draw(st.integers(1, staves))))
        directions = [
            Direction(
                length * draw(st.integers(0, 4)) / 4,
                draw(_directions),
                draw(st.integers(1, staves)),
                draw(_PLACEMENTS),
            )
            for _ in range(draw(st.integers(0, 2)))
        ]
        directions.sort(key=lambda direction: (direction.onset, direction.staff))
        if draw(st.booleans()):
            start, end = sorted(draw(st.lists(st.integers(0, 4), min_size=2, max_size=2, unique=True)))
            moments = (Moment(place, length * time / 4, 1) for time in (start, end))
            spanners.append(Hairpin(*moments, draw(st.sampled_from(("crescendo", "diminuendo")))))
        measures.append(
            Measure(
                id=place,
                number=str(number),
                voices=tuple(voices),
                signs=tuple(signs),
                directions=tuple(directions),
                right=draw(
                    st.sampled_from((Barline(), Barline("light-light"), Barline("light-heavy", "backward")))
                ),
                break_before=draw(st.sampled_from((None, "system", "page"))),
            )
        )
    voice = [e for m in measures for v in m.voices if v.number == 1 for e in v.events if isinstance(e, Chord)]
    for first, second in draw(
        st.lists(st.sampled_from([*pairwise(voice)]), max_size=3, unique=True)
        if len(voice) > 1
        else st.just([])
    ):
        spanners.append(Slur(first.id, second.id, draw(_PLACEMENTS), draw(st.booleans())))
    return Part(
        id=id_,
        measures=tuple(measures),
        staves=staves,
        name=draw(_TEXTS),
        spanners=_ordered(measures, spanners),
    )


def _ordered(measures: list[Measure], spanners: list[Spanner]) -> tuple[Spanner, ...]:
    """The spanners in the order of the reader: by place, kind and end."""
    places: dict[str, tuple[int, Fraction, int]] = {}
    index_of = {measure.id: index for index, measure in enumerate(measures)}
    for measure in measures:
        for voice in measure.voices:
            for number, event in enumerate(voice.events):
                places[event.id] = (index_of[measure.id], event.onset, number)

    def place(end: object) -> tuple[int, Fraction, int]:
        return (index_of[end.measure], end.onset, 0) if isinstance(end, Moment) else places[str(end)]

    return tuple(
        sorted(
            spanners,
            key=lambda s: (
                place(s.start), type(s).__name__, tuple(-x for x in place(s.end)), str(s.start), str(s.end), repr(s),
            ),
        )
    )  # fmt: skip


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Scores of one or two parts with one to three measures."""
    meters: list[Meter | None] = [draw(st.sampled_from(_METERS))]
    meters += draw(st.lists(st.none() | st.sampled_from(_METERS), max_size=2))
    parts = tuple(draw(_part(f"P{number}", meters)) for number in range(1, draw(st.integers(1, 2)) + 1))
    return Score(parts=parts, title=draw(st.just("") | _TEXTS), composer=draw(st.just("") | _TEXTS))
