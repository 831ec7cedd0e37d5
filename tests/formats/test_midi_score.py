"""Whole scores as MIDI, read back by a small reader of this test's own."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from rich_scores import chord, measure, rest, rich_score

from focal_omr.errors import NotationError
from focal_omr.formats.instruments import program_of
from focal_omr.formats.midi import Playback
from focal_omr.formats.midi_score import write_midi_score
from focal_omr.score.score import (
    Articulation,
    Barline,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Ending,
    Hairpin,
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    Ottava,
    Part,
    Score,
    Sign,
    Slur,
    Space,
    Tempo,
    Transposition,
    Voice,
)

F = Fraction
QUARTER, EIGHTH, WHOLE = Duration(F(1, 4)), Duration(F(1, 8)), Duration(F(1))


@dataclass(frozen=True)
class Sounding:
    """A note of a file, times in quarters."""

    channel: int
    pitch: int
    start: Fraction
    end: Fraction
    velocity: int


def number(data: Iterator[int]) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value
    raise AssertionError("the file ends within a number")


def tracks(midi: bytes) -> tuple[int, list[bytes]]:
    assert midi[:4] == b"MThd"
    ticks, found, at = int.from_bytes(midi[12:14], "big"), [], 14
    while at < len(midi):
        assert midi[at : at + 4] == b"MTrk"
        size = int.from_bytes(midi[at + 4 : at + 8], "big")
        found.append(midi[at + 8 : at + 8 + size])
        at += 8 + size
    assert len(found) == int.from_bytes(midi[10:12], "big")
    return ticks, found


def messages(midi: bytes) -> Iterator[tuple[int, Fraction, int, bytes]]:
    """Track, time in quarters, status (or 0x100 + kind for meta events) and data of every message."""
    ticks, found = tracks(midi)
    for track, content in enumerate(found):
        data, now = iter(content), 0
        for first in data:
            now += first if first < 0x80 else (first & 0x7F) << 7 | 0
            if first >= 0x80:
                now -= (first & 0x7F) << 7
                value = first & 0x7F
                while True:
                    byte = next(data)
                    value = value << 7 | byte & 0x7F
                    if byte < 0x80:
                        break
                now += value
            status = next(data)
            if status == 0xFF:
                kind = next(data)
                size = number(data)
                yield track, F(now, ticks), 0x100 + kind, bytes(next(data) for _ in range(size))
            else:
                size = 1 if status >> 4 in (0xC, 0xD) else 2
                yield track, F(now, ticks), status, bytes(next(data) for _ in range(size))


def sounding(midi: bytes) -> list[Sounding]:
    notes, open_ = [], {}
    for _, time, status, data in messages(midi):
        if status >> 4 == 9:
            assert (status & 15, data[0]) not in open_
            open_[status & 15, data[0]] = (time, data[1])
        elif status >> 4 == 8:
            start, velocity = open_.pop((status & 15, data[0]))
            notes.append(Sounding(status & 15, data[0], start, time, velocity))
    assert not open_
    return sorted(notes, key=lambda note: (note.start, note.pitch))


def played(score: Score, playback: Playback | None = None) -> list[tuple[int, Fraction, Fraction]]:
    return [(note.pitch, note.start, note.end) for note in sounding(write_midi_score(score, playback))]


def melody(*measures: Measure, **how: object) -> Score:
    return Score(parts=(Part(id="P", measures=measures, **how),))  # type: ignore[arg-type]


def four(id_: str, names: str, **how: object) -> Measure:
    found = (chord(f"{id_}n{n}", F(n, 4), name) for n, name in enumerate(names.split()))
    return measure(id_, tuple(found), **how)


def test_repeats_and_endings_are_played() -> None:
    score = melody(
        four("m1", "C4"),
        four("m2", "D4", right=Barline("light-heavy", "backward")),
        four("m3", "E4"),
        spanners=(Ending("m2", "m2", "1"), Ending("m3", "m3", "2")),
    )
    assert [pitch for pitch, *_ in played(score)] == [60, 62, 60, 64]
    assert [start for _, start, _ in played(score)] == [F(0), F(1), F(2), F(3)]
    assert [pitch for pitch, *_ in played(score, Playback())] == [60, 62, 64]


def test_ties_sound_as_one_note_also_over_barlines() -> None:
    first = four("m1", "C4 C4")
    tied = replace(
        first.voices[0].events[1], notes=(replace(chord("m1n1", F(1, 4), "C4").notes[0], tie_to="m2n0"),)
    )
    first = replace(first, voices=(Voice(1, (first.voices[0].events[0], tied)),))
    assert played(melody(first, four("m2", "C4"))) == [(60, F(0), F(1)), (60, F(1), F(3))]


def test_a_tie_is_not_joined_where_a_repeat_comes_between() -> None:
    note = replace(chord("a", F(0), "C4").notes[0], tie_to="b")
    first = measure(
        "m1", (replace(chord("a", F(0), "C4"), notes=(note,)),), right=Barline("light-heavy", "backward")
    )
    second = measure("m2", (chord("b", F(0), "C4"),))
    assert played(melody(first, second)) == [(60, F(0), F(1)), (60, F(1), F(3))]


def test_grace_notes_take_their_time_from_the_note_that_they_lead_to() -> None:
    slashed = chord("g", F(0), "D4", EIGHTH, grace="slash")
    plain = chord("h", F(1, 4), "D4", EIGHTH, grace="plain")
    score = melody(measure("m1", (slashed, chord("a", F(0), "C4"), plain, chord("b", F(1, 4), "C4"))))
    assert played(score) == [
        *((62, F(0), F(1, 8)), (60, F(1, 8), F(1))),
        *((62, F(1), F(3, 2)), (60, F(3, 2), F(2))),
    ]


def test_grace_notes_at_the_end_take_it_from_the_note_before() -> None:
    score = melody(measure("m1", (chord("a", F(0), "C4"), chord("g", F(1, 4), "D4", EIGHTH, grace="slash"))))
    assert played(score) == [(60, F(0), F(7, 8)), (62, F(7, 8), F(1))]


def test_transposing_instruments_sound_as_they_do() -> None:
    score = melody(four("m1", "C4", signs=(Sign(F(0), Transposition(-1, -2)),)))
    assert [pitch for pitch, *_ in played(score)] == [58]


def test_pitches_under_an_octave_line_are_as_written_in_the_records() -> None:
    line = Ottava(Moment("m1", F(0)), Moment("m1", F(1, 4)), 1)
    assert [pitch for pitch, *_ in played(melody(four("m1", "C6"), spanners=(line,)))] == [84]


def test_dynamics_hairpins_and_accents_are_velocities() -> None:
    directions = (
        Direction(F(0), Dynamic("p")),
        Direction(F(1, 2), Dynamic("sfz")),
        Direction(F(3, 4), Dynamic("f")),
    )
    score = melody(
        four("m1", "C4 D4 E4 F4", directions=directions),
        spanners=(Hairpin(Moment("m1", F(0)), Moment("m1", F(3, 4)), "crescendo"),),
    )
    quiet, louder, sudden, loud = (note.velocity for note in sounding(write_midi_score(score)))
    assert quiet == 50
    assert quiet < louder < loud == 88
    assert sudden == 110
    accented = melody(measure("m1", (chord("a", F(0), "C4", marks=(Articulation("accent"),)),)))
    assert (
        sounding(write_midi_score(accented))[0].velocity
        > sounding(write_midi_score(melody(four("m1", "C4"))))[0].velocity
    )


def test_staccato_is_short_and_a_slur_changes_nothing() -> None:
    marks = (Articulation("staccato"),)
    score = melody(
        measure("m1", (chord("a", F(0), "C4", marks=marks), chord("b", F(1, 4), "D4"))),
        spanners=(Slur("a", "b"),),
    )
    assert played(score) == [(60, F(0), F(1, 2)), (62, F(1), F(2))]


def test_tempo_and_meter_stand_in_the_first_track() -> None:
    tempo = Tempo("Andante", Duration(F(1, 4), 1), F(40))
    score = melody(
        four("m1", "C4", signs=(Sign(F(0), Meter((((6,), 8),))),)),
        four("m2", "C4", directions=(Direction(F(0), tempo), Direction(F(1, 8), Tempo("", quarters=F(90))))),
    )
    first = [
        (time, status, data) for track, time, status, data in messages(write_midi_score(score)) if track == 0
    ]
    tempos = [
        (time, 60_000_000 / int.from_bytes(data, "big")) for time, status, data in first if status == 0x151
    ]
    assert [time for time, _ in tempos] == [F(0), F(1), F(3, 2)]
    assert [speed for _, speed in tempos] == pytest.approx([120, 60, 90], rel=1e-5)
    assert [data[:2] for _, status, data in first if status == 0x158] == [bytes((6, 3))]


def test_parts_have_channels_and_instruments_by_their_names() -> None:
    parts = [
        Part(id=n, measures=(four(f"{n}m1", "C4"),), name=n) for n in ("Violine", "Viola", "Violoncello")
    ]
    drums = Part(
        id="D", measures=(four("Dm1", "C4", signs=(Sign(F(0), Clef("percussion", 3), 1),)),), name="Snare"
    )
    programs = [
        (status & 15, data[0])
        for _, _, status, data in messages(write_midi_score(Score(parts=(*parts, drums))))
        if status >> 4 == 0xC
    ]
    assert programs == [(0, 40), (1, 41), (2, 42), (9, 0)]
    chosen = write_midi_score(Score(parts=tuple(parts)), Playback(instruments=(5, 6)))
    assert [data[0] for _, _, status, data in messages(chosen) if status >> 4 == 0xC] == [5, 6, 6]


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("Flauto I", 73),
        ("Corno inglese", 69),
        ("Horn in F", 60),
        ("Basso continuo", 6),
        ("Bass", 52),
        ("?", 0),
    ],
)
def test_names_of_instruments(name: str, program: int) -> None:
    assert program_of(name) == program


def test_a_measure_repeat_plays_the_measure_before() -> None:
    empty = measure("m2", (Space(id="s", onset=F(0), length=F(1, 4)),), repeats=((1, MeasureRepeat()),))
    third = replace(empty, id="m3", voices=(Voice(1, (Space(id="t", onset=F(0), length=F(1, 4)),)),))
    assert [pitch for pitch, *_ in played(melody(four("m1", "C4"), empty, third))] == [60, 60, 60]


def test_the_score_with_everything_is_played() -> None:
    notes = sounding(write_midi_score(rich_score()))
    assert {note.channel for note in notes} == {0, 1, 9}
    assert max(note.end for note in notes) == 4 * 6  # measures 1 2 1 3, and D.C.: 1 3
    assert len(notes) > 40


def test_a_score_without_parts_is_refused() -> None:
    with pytest.raises(NotationError, match="without parts"):
        write_midi_score(Score(parts=()))
    assert sounding(write_midi_score(melody(measure("m1", (rest("r", F(0), WHOLE),))))) == []
