"""Errors that were put in are the errors that are counted."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from focal_omr.evaluation.score_diff.align_bars import note_errors
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedBar


def bars(*texts, chords=()):
    """Bars of notes such as "C4 D4:2"; a quarter where no duration is told."""
    made = []
    for index, text in enumerate(texts, 1):
        notes, now = [], Fraction(0)
        for word in text.split():
            name, _, duration = word.partition(":")
            length = Fraction(duration or 1)
            notes.append(NoteEvent(index, now, name[0], name.count("#"), int(name[-1]), length))
            now += length
        made.append(VoicedBar(index, str(index), tuple(notes), now, index in chords))
    return tuple(made)


TRUTH = bars("C4 D4 E4 F4", "G4:2 A4:2", "B4 C5 D5 E5", "F4 F#4 G4 A4")


def edits(result, truth=TRUTH):
    return dict(note_errors(result, truth).edits)


def test_a_part_equals_itself():
    errors = note_errors(TRUTH, TRUTH)
    assert (dict(errors.edits), errors.flat_edits, len(errors.truth_notes)) == ({}, 0, 14)
    assert [(len(g.truth), len(g.result)) for g in errors.groups] == [(1, 1)] * 4


@pytest.mark.parametrize(
    ("bar", "text", "expected"),
    [
        (0, "C4 D4 E4 G4", {"pitch": 1}),
        (3, "F4 F4 G4 A4", {"pitch": 1}),
        (0, "C4 D4 E4 F4:2", {"duration": 1}),
        (0, "C4 D4 E4 B5:2", {"both": 1}),
        (0, "C4 E4 F4", {"missed": 1}),
        (0, "C4 D4 E4 F4 F4", {"added": 1}),
        (1, "", {"missed": 2}),
        (2, "B4:1/2 C5 D6 E5 E5", {"duration": 1, "pitch": 1, "added": 1}),
    ],
)
def test_errors_within_a_bar(bar, text, expected):
    texts = [" ".join(map(str, each.notes)) for each in TRUTH]
    texts[bar] = text
    errors = note_errors(bars(*texts), TRUTH)
    assert dict(errors.edits) == expected
    assert [bar for g in errors.groups if g.edits for bar in g.truth] == [TRUTH[bar]]


@pytest.mark.parametrize("index", range(4))
def test_a_bar_dropped_or_read_twice_shifts_nothing(index):
    count = len(TRUTH[index].notes)
    dropped = note_errors(TRUTH[:index] + TRUTH[index + 1 :], TRUTH)
    assert dict(dropped.edits) == {"missed": count}
    assert [g.truth for g in dropped.groups if not g.result] == [(TRUTH[index],)]
    assert edits(TRUTH[: index + 1] + TRUTH[index:]) == {"added": count}


def test_a_transposed_part_is_all_pitch_errors():
    up = [replace(bar, notes=tuple(replace(n, octave=n.octave + 2) for n in bar.notes)) for bar in TRUTH]
    assert edits(up) == {"pitch": 14}


def test_barlines_that_are_missing_added_or_misplaced_cost_no_note():
    assert edits(bars("C4 D4 E4 F4 G4:2 A4:2", "B4 C5 D5 E5", "F4 F#4 G4 A4")) == {}
    assert edits(bars("C4 D4", "E4 F4", "G4:2 A4:2", "B4 C5 D5 E5", "F4 F#4 G4 A4")) == {}
    assert edits(bars("C4 D4 E4", "F4 G4:2 A4:2", "B4 C5 D5 E5", "F4 F#4 G4 A4")) == {}


def test_bars_of_rest_cost_nothing():
    resting = bars("C4", "", "", "", "D4")
    errors = note_errors(bars("C4", "D4"), resting)
    assert dict(errors.edits) == {}
    assert [g.truth[0].index for g in errors.groups if not g.result] == [2, 3, 4]
    assert dict(note_errors(resting, bars("C4", "", "D4")).edits) == {}


def test_bars_with_chords_are_left_out_on_both_sides():
    truth = bars("C4 D4 E4 F4", "G4:2 B4:2", "B4 C5 D5 E5", chords=(2,))
    errors = note_errors(bars("C4 D4 E4 F4", "B4:2 C4 C4", "B4 C5 D5 F5"), truth)
    assert dict(errors.edits) == {"pitch": 1}
    assert (len(errors.truth_notes), len(errors.result_notes), errors.flat_edits) == (8, 8, 1)
    assert [g.left_out for g in errors.groups] == [False, True, False]
    # The result has no bar for it: its neighbours count all the same.
    assert dict(note_errors(bars("C4 D4 E4 F4", "B4 C5 D5 E5"), truth).edits) == {}
    # A barline that is missing beside it takes no bar of the truth with it.
    merged = note_errors(bars("C4 D4 E4 F4 G4:2", "B4 C5 D5 E5"), truth)
    assert len(merged.truth_notes) == 8


def test_a_chord_that_was_invented_counts():
    assert edits(bars("C4 D4", chords=(1,)), bars("C4")) == {"added": 1}


def test_nothing():
    assert edits((), ()) == {}
    assert edits((), TRUTH) == {"missed": 14}
    assert edits(TRUTH, ()) == {"added": 14}


_texts = st.lists(
    st.lists(st.sampled_from(["C4", "D4", "E4", "C4:2", "D4:2"]), max_size=4).map(" ".join), max_size=5
)


@settings(max_examples=150)
@given(_texts, _texts, st.sets(st.integers(1, 5)))
def test_bounds_of_the_edits(read, meant, chords):
    result, truth = bars(*read), bars(*meant, chords=chords)
    errors = note_errors(result, truth)
    assert [bar for g in errors.groups for bar in g.truth] == list(truth)
    assert [bar for g in errors.groups for bar in g.result] == list(result)
    kept = [note for bar in truth if not bar.has_chord for note in bar.notes]
    assert errors.truth_notes == kept
    missed, added = (errors.edits[kind] for kind in ("missed", "added"))
    assert len(errors.result_notes) - len(kept) == added - missed
    assert errors.flat_edits <= errors.edits.total() <= len(kept) + len(errors.result_notes)
    if not any(bar.has_chord for bar in truth):
        sides = ([n.written for bar in side for n in bar.notes] for side in (result, truth))
        assert errors.flat_edits == Levenshtein.distance(*sides)


@settings(max_examples=60)
@given(_texts, _texts)
def test_the_truth_and_the_result_may_be_exchanged(read, meant):
    there, back = note_errors(bars(*read), bars(*meant)), note_errors(bars(*meant), bars(*read))
    assert there.edits.total() == back.edits.total()
