"""How far two scores are apart."""

from fractions import Fraction

import pytest
from hypothesis import given
from strategies import scores

from focal_omr.compare import compare_scores, sounding_notes
from focal_omr.notation.score import Score
from focal_omr.notation.semantic import read_semantic

F = Fraction


def _notes(label):
    return [(note.onset, note.pitch, note.duration) for note in sounding_notes(read_semantic(label))]


def test_notes_sound_where_they_are_written():
    label = (
        "clef-G2 keySignature-DM timeSignature-3/4 note-F#4_quarter rest-eighth gracenote-A4_eighth"
        " note-C#5_eighth. barline rest-whole barline multirest-2 barline tuplet-3 note-C5_eighth rest-eighth"
        " note-C#5_eighth tuplet-end barline note-C#5_half"
    )
    assert _notes(label) == [
        (0, 66, 1),
        (F(3, 2), 69, 0),
        (F(3, 2), 73, F(3, 4)),
        (F(45, 4), 72, F(1, 3)),  # after a bar of rest and two more, each of three quarters
        (F(45, 4) + F(2, 3), 72, F(1, 3)),  # the natural before the first one still holds
        (F(49, 4), 73, 2),
    ]


def test_a_wrong_duration_counts_once_as_written_and_shifts_what_follows():
    truth = read_semantic("clef-G2 note-C4_quarter note-D4_quarter note-E4_quarter note-F4_quarter")
    result = read_semantic("clef-G2 note-C4_quarter note-D4_half note-E4_quarter note-F4_quarter")
    compared = compare_scores(result, truth)
    assert (compared.matched, compared.note_edits, compared.symbol_edits) == (1, 1, 1)
    assert (compared.precision, compared.recall, compared.f1) == (0.25, 0.25, 0.25)
    assert (compared.note_error, compared.ser) == (25.0, 20.0)


def test_pitches_are_what_sounds():
    # The token names the printed accidental; the second note sounds sharp all the same.
    truth = read_semantic("clef-G2 note-F#4_quarter note-F4_quarter barline")
    assert [note.pitch for note in sounding_notes(truth)] == [66, 66]


def test_parts_are_kept_apart():
    one, two = (read_semantic(f"clef-G2 note-{name}4_quarter").parts[0] for name in "CD")
    both = compare_scores(Score((one, two)), Score((two, one)))
    assert (both.matched, both.note_edits, both.truth_notes) == (0, 2, 2)


def test_without_notes():
    empty, note = Score(()), read_semantic("note-C4_quarter")
    assert compare_scores(empty, empty).f1 == 1.0
    assert compare_scores(empty, note).to_json()["f1"] == 0.0
    assert compare_scores(note, empty).note_error == 100.0


@given(scores(), scores())
def test_a_score_equals_itself_and_figures_stay_in_range(a, b):
    same, other = compare_scores(a, a), compare_scores(a, b)
    assert (same.f1, same.note_edits, same.symbol_edits) == (1.0, 0, 0)
    assert 0 <= other.f1 <= 1
    assert other.f1 == pytest.approx(compare_scores(b, a).f1)
    assert other.matched <= min(other.result_notes, other.truth_notes)
