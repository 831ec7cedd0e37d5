"""What is printed and what sounds: accidentals in their bar, over ties, in a key."""

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
