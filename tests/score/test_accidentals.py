"""Printed accidentals and sounding pitches: within bars, across ties, with key signatures."""

from hypothesis import given
from strategies import scores

from focal_omr.score.accidentals import AccidentalState, print_accidentals, sound_accidentals
from focal_omr.score.records import (
    Duration,
    Key,
    Measure,
    Note,
    Part,
    Pitch,
    flat_events,
)

QUARTER = Duration("quarter")


def note(step="F", octave=4, alter=0, **fields):
    return Note(Pitch(step, octave, alter), fields.pop("duration", QUARTER), **fields)


def test_accidental_holds_for_its_bar_and_octave():
    state = AccidentalState(Key(1))
    assert state.expected("F", 4) == 1
    state.hear(note(accidental=0))
    assert [state.expected("F", octave) for octave in (3, 4, 5)] == [1, 0, 1]
    state.barline()
    assert state.expected("F", 4) == 1


def test_tie_carries_accidental_for_one_note():
    state = AccidentalState()
    state.hear(note(alter=1, accidental=1, tie=True))
    state.barline()
    assert state.expected("F", 4) == 1
    assert state.expected("F", 5) == 0
    state.hear(note(alter=1))
    assert state.expected("F", 4) == 0


def test_new_key_cancels_earlier_accidentals():
    state = AccidentalState()
    state.hear(note(alter=-1, accidental=-1))
    state.set_key(Key(2))
    assert state.expected("F", 4) == 1


def test_print_accidentals_marks_only_necessary_ones():
    events = (Key(1), note(alter=1), note(), note(), note("G"), note(octave=5, alter=1), note(alter=1))
    part = print_accidentals(Part((Measure(events), Measure((note(alter=1), note())))))
    printed = [[n.accidental for n in m.events if isinstance(n, Note)] for m in part.measures]
    assert printed == [[None, 0, None, None, None, 1], [None, 0]]


def test_sound_accidentals_follows_printed_accidentals():
    events = (Key(-1), note("B"), note("B", accidental=0), note("B"), note("B", octave=5))
    part = sound_accidentals(Part((Measure(events), Measure((note("B"),)))))
    alters = [n.pitch.alter for m in part.measures for n in m.events if isinstance(n, Note)]
    assert alters == [-1, 0, 0, -1, -1]


@given(scores())
def test_printed_accidentals_determine_pitches(score):
    (part,) = score.parts
    assert sound_accidentals(part) == part
    assert sound_accidentals(print_accidentals(part)) == print_accidentals(part)


@given(scores())
def test_print_accidentals_keeps_sounding_pitches(score):
    (part,) = score.parts

    def heard(part):
        return [e.pitch for m in part.measures for e in flat_events(m) if isinstance(e, Note)]

    assert heard(print_accidentals(part)) == heard(part)
