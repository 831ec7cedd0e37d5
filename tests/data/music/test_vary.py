"""Variation: what it changes and what it keeps."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.data.music.clefs import CLEFS, clefs_for, fits_strip
from focal_omr.data.music.draw import draw_composed
from focal_omr.data.music.vary import scaled, shifted, varied, with_clef, with_key
from focal_omr.encodings.semantic import read_semantic, score_to_tokens, tokens_to_score, write_semantic
from focal_omr.score.records import Clef, Duration, Key, Meter, Note, Pitch, Score, flat_events

seeds = st.integers(0, 10**9)


def _scaled(label: str, doublings: int) -> str:
    part = scaled(read_semantic(label).parts[0], doublings)
    return " ".join(write_semantic(Score((part,))).split())


@pytest.mark.parametrize(
    ("label", "doublings", "wanted"),
    [
        (
            "timeSignature-3/4 note-G4_half. barline rest-whole barline",
            -1,
            "timeSignature-3/8 note-G4_quarter. barline rest-whole barline",
        ),
        (
            "timeSignature-C note-G4_half rest-half barline rest-whole barline",
            -1,
            "timeSignature-4/8 note-G4_quarter rest-quarter barline rest-whole barline",
        ),
        (
            "timeSignature-2/4 note-G4_half barline rest-whole_fermata note-G4_half barline",
            1,
            "timeSignature-2/2 note-G4_whole barline rest-double_whole_fermata note-G4_whole barline",
        ),
        # A bar of 4/2 has room for two whole rests: a bar's rest is a breve.
        ("timeSignature-4/4 rest-whole barline", 1, "timeSignature-4/2 rest-double_whole barline"),
        ("timeSignature-4/2 rest-double_whole barline", -1, "timeSignature-4/4 rest-whole barline"),
        ("note-G4_half barline rest-whole barline", -1, "note-G4_quarter barline rest-whole barline"),
        (
            "timeSignature-3/4 tuplet-3 note-G4_half note-G4_half note-G4_half tuplet-end barline",
            -1,
            "timeSignature-3/8 tuplet-3 note-G4_quarter note-G4_quarter note-G4_quarter tuplet-end barline",
        ),
        ("note-G4_quadruple_whole", 1, "note-G4_quadruple_whole"),
        ("timeSignature-3/1 note-G4_half", 1, "timeSignature-3/1 note-G4_half"),
    ],
)
def test_values_are_doubled_and_halved(label: str, doublings: int, wanted: str) -> None:
    assert _scaled(label, doublings) == wanted


@given(seeds)
def test_variation_keeps_full_bars_full(seed: int) -> None:
    """Where all bars of a staff are as long as its meter, they are so after it."""
    random = Random(seed)
    label = ["clef-G2", "timeSignature-3/4"]
    for _ in range(4):
        label += random.choice((["note-G4_half", "note-A4_quarter"], ["note-C5_half."], ["rest-whole"]))
        label.append("barline")
    part = varied(tokens_to_score(label).parts[0], random)
    (meter,) = (event for event in part.measures[0].events if isinstance(event, Meter))
    for measure in part.measures:
        assert measure.length in (meter.length, Fraction(1))
    assert tokens_to_score(score_to_tokens(Score((part,)))).parts[0].measures


@given(seeds)
def test_a_varied_staff_is_grammatical(seed: int) -> None:
    random = Random(seed)
    part = varied(draw_composed(random).parts[0], random)
    assert score_to_tokens(tokens_to_score(score_to_tokens(Score((part,))))) == score_to_tokens(
        Score((part,))
    )


def test_another_clef_leaves_the_notes_where_they_stand() -> None:
    part = read_semantic("clef-G2 note-G4_half barline clef-F4 note-F3_half barline").parts[0]
    changed = Score((with_clef(part, Clef("C", 3)),))
    assert " ".join(score_to_tokens(changed)) == "clef-C3 note-A3_half barline note-E4_half barline"


def test_another_key_and_a_shift() -> None:
    part = read_semantic("clef-G2 keySignature-GM note-G4_half barline keySignature-CM note-F4_half").parts[0]
    changed = Score((with_key(part, Key(0)),))
    assert " ".join(score_to_tokens(changed)) == "clef-G2 note-G4_half barline note-F4_half"
    up = [e.pitch.octave for m in shifted(part, 7).measures for e in flat_events(m) if isinstance(e, Note)]
    assert up == [5, 5]


def test_every_clef_is_chosen() -> None:
    part = read_semantic("clef-G2 note-B4_half barline").parts[0]
    chosen = {varied(part, Random(seed)).measures[0].events[0] for seed in range(1500)}
    assert chosen == set(CLEFS)


def test_a_pitch_has_the_clefs_that_show_it() -> None:
    quarter = Duration("quarter")
    assert not clefs_for(Note(Pitch("C", 1), quarter))
    assert set(clefs_for(Note(Pitch("E", 1), quarter))) == {Clef("F", 5)}
    for step, octave, seen in (("D", 3, False), ("E", 3, True), ("F", 6, True), ("G", 6, False)):
        assert (Clef("G", 2) in clefs_for(Note(Pitch(step, octave), quarter))) == seen
    for step, octave, seen in (("B", 5, True), ("C", 6, False)):
        assert (Clef("G", 2) in clefs_for(Note(Pitch(step, octave), quarter, fermata=True))) == seen
        assert (Clef("G", 2) in clefs_for(Note(Pitch(step, octave), quarter, grace=True))) == seen
    assert fits_strip(read_semantic("clef-G2 note-E3_half").parts[0])
    assert not fits_strip(read_semantic("clef-G2 note-D3_half").parts[0])
