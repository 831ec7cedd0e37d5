from dataclasses import replace
from fractions import Fraction

import pytest

from focal_omr.score.records import (
    Clef,
    Duration,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Pitch,
    Rest,
    Tuplet,
    flat_events,
    open_tie,
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


def test_tie_passes_over_grace_notes():
    tied, grace = note(tie=True), note("G", grace=True)
    assert open_tie(tied, grace) is tied
    assert open_tie(tied, note("G")) is None
    assert open_tie(replace(tied, grace=True), grace) is None
    assert open_tie(tied, replace(grace, tie=True)).grace
