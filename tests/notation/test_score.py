from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from strategies import scores

from focal_omr.notation.score import (
    AccidentalState,
    Clef,
    Duration,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Pitch,
    Rest,
    Tuplet,
    flat_events,
    open_tie,
    print_accidentals,
    sound_accidentals,
    sounding_length,
)

QUARTER = Duration("quarter")


def note(step="F", octave=4, alter=0, **fields):
    return Note(Pitch(step, octave, alter), fields.pop("duration", QUARTER), **fields)


@pytest.mark.parametrize(
    ("pitch", "diatonic", "midi"),
    [
        (Pitch("C", 4), 28, 60),
        (Pitch("A", 4), 33, 69),
        (Pitch("B", 3, 1), 27, 60),
        (Pitch("C", 5, -1), 35, 71),
        (Pitch("F", 2, 2), 17, 43),
    ],
)
def test_pitch(pitch, diatonic, midi):
    assert (pitch.diatonic, pitch.midi) == (diatonic, midi)


@pytest.mark.parametrize(
    ("clef", "lowest"),
    [
        (Clef("G", 2), Pitch("E", 4)),
        (Clef("G", 1), Pitch("G", 4)),
        (Clef("F", 4), Pitch("G", 2)),
        (Clef("F", 3), Pitch("B", 2)),
        (Clef("C", 1), Pitch("C", 4)),
        (Clef("C", 3), Pitch("F", 3)),
        (Clef("C", 5), Pitch("B", 2)),
    ],
)
def test_lowest_line_of_a_clef(clef, lowest):
    assert clef.lowest_line == lowest.diatonic


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_key_signature_alters_its_own_letters(fifths):
    sharps, flats = "FCGDAEB"[: max(fifths, 0)], "BEADGCF"[: max(-fifths, 0)]
    altered = {step: Key(fifths).alter(step) for step in "ABCDEFG"}
    assert altered == {step: (step in sharps) - (step in flats) for step in "ABCDEFG"}


def test_dots_add_halves():
    lengths = [Duration("half", dots).length for dots in range(3)]
    assert lengths == [Fraction(1, 2), Fraction(3, 4), Fraction(7, 8)]


def test_sounding_length_of_a_bar():
    triplet = Tuplet(3, 2, (note(), Rest(QUARTER), note(grace=True), note()))
    bar = Measure((Clef("G", 2), Meter(4, 4), triplet, MultiRest(3), note(duration=Duration("quarter", 1))))
    assert sounding_length(triplet) == Fraction(1, 2)
    assert bar.length == Fraction(7, 8)
    assert len(list(flat_events(bar))) == 8


def test_an_accidental_holds_for_its_bar_and_octave():
    state = AccidentalState(Key(1))
    assert state.expected("F", 4) == 1
    state.hear(note(accidental=0))
    assert [state.expected("F", octave) for octave in (3, 4, 5)] == [1, 0, 1]
    state.barline()
    assert state.expected("F", 4) == 1


def test_a_tie_carries_an_accidental_for_one_note():
    state = AccidentalState()
    state.hear(note(alter=1, accidental=1, tie=True))
    state.barline()
    assert state.expected("F", 4) == 1
    assert state.expected("F", 5) == 0
    state.hear(note(alter=1))
    assert state.expected("F", 4) == 0


def test_a_new_key_ends_the_accidentals_before_it():
    state = AccidentalState()
    state.hear(note(alter=-1, accidental=-1))
    state.set_key(Key(2))
    assert state.expected("F", 4) == 1


def test_a_tie_passes_over_grace_notes():
    tied, grace = note(tie=True), note("G", grace=True)
    assert open_tie(tied, grace) is tied
    assert open_tie(tied, note("G")) is None
    assert open_tie(replace(tied, grace=True), grace) is None
    assert open_tie(tied, replace(grace, tie=True)).grace


def test_print_accidentals_marks_only_what_needs_it():
    events = (Key(1), note(alter=1), note(), note(), note("G"), note(octave=5, alter=1), note(alter=1))
    part = print_accidentals(Part((Measure(events), Measure((note(alter=1), note())))))
    printed = [[n.accidental for n in m.events if isinstance(n, Note)] for m in part.measures]
    assert printed == [[None, 0, None, None, None, 1], [None, 0]]


def test_sound_accidentals_reads_what_is_printed():
    events = (Key(-1), note("B"), note("B", accidental=0), note("B"), note("B", octave=5))
    part = sound_accidentals(Part((Measure(events), Measure((note("B"),)))))
    alters = [n.pitch.alter for m in part.measures for n in m.events if isinstance(n, Note)]
    assert alters == [-1, 0, 0, -1, -1]


@given(scores())
def test_what_is_printed_sounds(score):
    (part,) = score.parts
    assert sound_accidentals(part) == part
    assert sound_accidentals(print_accidentals(part)) == print_accidentals(part)


@given(scores())
def test_print_accidentals_keeps_the_sound(score):
    (part,) = score.parts

    def heard(part):
        return [e.pitch for m in part.measures for e in flat_events(m) if isinstance(e, Note)]

    assert heard(print_accidentals(part)) == heard(part)
