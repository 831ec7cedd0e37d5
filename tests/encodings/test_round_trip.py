"""Round trips of generated staves through tokens and Verovio (10,000: benchmarks.round_trip)."""

from benchmarks.round_trip import failures, mei_trouble
from focal_omr.encodings.semantic import read_semantic
from focal_omr.formats.verovio import Engraver


def test_two_hundred_staves_round_trip() -> None:
    assert failures(7, 0, None, 200) == []


def test_beam_of_grace_notes_keeps_the_outer_beam() -> None:
    graces = "gracenote-E5_sixteenth gracenote-D5_sixteenth"
    label = f"clef-G2 timeSignature-2/4 note-C5_eighth {graces} note-C5_eighth note-G4_quarter barline"
    assert mei_trouble(read_semantic(label), Engraver()) is None
