"""Inference of unprinted tuplets and bar lengths."""

from fractions import Fraction

import pytest

from focal_omr.encodings.implied import infer_bar_length, infer_tuplets
from focal_omr.encodings.semantic import read_semantic
from focal_omr.score.records import Part, Tuplet

TRIPLET = "tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end"
PLAIN = "note-C5_eighth note-D5_eighth note-E5_eighth"


def part(*bars: str, opening: str = "clef-G2 timeSignature-2/4") -> Part:
    return read_semantic(f"{opening} " + " ".join(f"{bar} barline" for bar in bars)).parts[0]


def tuplets(of: Part) -> list[int]:
    return [sum(isinstance(event, Tuplet) for event in measure.events) for measure in of.measures]


def test_triplets_after_printed_ones_need_no_number():
    read = part(f"{TRIPLET} {PLAIN}", f"{PLAIN} {PLAIN}", f"note-C5_quarter {PLAIN}")
    made, changed = infer_tuplets(read)
    assert (tuplets(made), changed) == ([2, 2, 1], [0, 1, 2])
    assert {measure.length for measure in made.measures} == {Fraction(1, 2)}


def test_nothing_is_inferred_before_a_printed_tuplet():
    read = part(f"{PLAIN} {PLAIN}", f"{TRIPLET} note-C5_quarter")
    assert infer_tuplets(read) == (read, [])


@pytest.mark.parametrize(
    "bar",
    [
        f"{PLAIN} note-C5_eighth",  # full already
        f"{PLAIN} {PLAIN} note-C5_quarter",  # too long even so
        f"note-C5_sixteenth {PLAIN} note-C5_eighth",  # no group begins on a beat
        "note-C5_eighth rest-quarter note-C5_eighth note-D5_eighth",  # no three equal notes
    ],
)
def test_tuplets_are_inferred_only_if_they_fill_the_bar(bar: str):
    _, changed = infer_tuplets(part(f"{TRIPLET} note-C5_quarter", bar))
    assert changed == []


def test_grace_notes_may_stand_within_a_group():
    grace = "note-C5_eighth gracenote-B4_eighth note-D5_eighth note-E5_eighth"
    made, changed = infer_tuplets(part(f"{TRIPLET} note-C5_quarter", f"note-C5_quarter {grace}"))
    assert changed == [1]
    (tuplet,) = [event for event in made.measures[1].events if isinstance(event, Tuplet)]
    assert len(tuplet.events) == 4


def test_bar_length_is_that_of_most_bars():
    bars = ["note-C5_half"] * 4 + ["note-C5_quarter"]
    assert infer_bar_length(part(*bars, opening="clef-G2")) == Fraction(1, 2)
    assert infer_bar_length(part(*bars)) is None  # there is a meter
    assert infer_bar_length(part(*bars[3:], "multirest-4", "rest-whole", opening="clef-G2")) is None  # few
    mixed = [f"note-C5_{value}" for value in ("half", "quarter", "eighth", "whole", "half")]
    assert infer_bar_length(part(*mixed, opening="clef-G2")) is None


def test_triplets_are_inferred_without_a_meter():
    read = part(f"{TRIPLET} note-C5_quarter", f"{PLAIN} {PLAIN}", opening="clef-G2")
    _, changed = infer_tuplets(read, bar_length=Fraction(1, 2))
    assert changed == [1]
