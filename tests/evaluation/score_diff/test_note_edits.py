"""Errors that were put in are the errors that are counted."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from focal_omr.evaluation.score_diff.note_edits import note_edits
from focal_omr.evaluation.score_diff.records import PrintedNote


def notes(text):
    """Notes such as "C4 D4:2"; a quarter where no duration is told."""
    made, now = [], Fraction(0)
    for word in text.split():
        pitch, _, duration = word.partition(":")
        made.append(PrintedNote(1, now, pitch, Fraction(duration or 1)))
        now += made[-1].duration
    return made


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ("C4 D4 E4 F4", {}),
        ("C4 D4 E4 G4", {"pitch": 1}),
        ("C4 D4 E4 F4:2", {"duration": 1}),
        ("C4:2 D4 E4 F4", {"duration": 1}),  # what it shifts does not count
        ("C4 D4 E4 B5:2", {"both": 1}),
        ("C4 E4 F4", {"missed": 1}),
        ("C4 D4 E4 F4 F4", {"added": 1}),
        ("", {"missed": 4}),
        ("C4:1/2 D5 E4 F4 F4", {"duration": 1, "pitch": 1, "added": 1}),
    ],
)
def test_kinds(result, expected):
    assert dict(note_edits(notes(result), notes("C4 D4 E4 F4"))) == expected


_texts = st.lists(st.sampled_from(["C4", "D4", "E4", "C4:2", "D4:2"]), max_size=6).map(" ".join)


@given(_texts, _texts)
def test_their_number_is_the_edit_distance(result, truth):
    edits = note_edits(notes(result), notes(truth))
    written = ([note.written for note in notes(text)] for text in (result, truth))
    assert edits.total() == Levenshtein.distance(*written)
    assert edits["added"] - edits["missed"] == len(notes(result)) - len(notes(truth))
    assert edits.total() == note_edits(notes(truth), notes(result)).total()
