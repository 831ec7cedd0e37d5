"""Beams of whole scores by the meter: as those of one voice, and for chords, voices and additive meters."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import assume, given, settings
from strategies import scores

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic
from focal_omr.score import records
from focal_omr.score.accidentals import map_notes
from focal_omr.score.beaming import beam_by_meter as beam_one_voice
from focal_omr.score.beams import beam_by_meter
from focal_omr.score.score import (
    Chord,
    Duration,
    Measure,
    Meter,
    Note,
    Part,
    Pitch,
    Score,
    Sign,
    Tuplet,
    Voice,
)

EIGHTH = Duration(Fraction(1, 8))


def chord(id_: str, onset: Fraction, steps: str = "C") -> Chord:
    notes = tuple(Note(id=f"{id_}{step}", pitch=Pitch(step, 4)) for step in steps)
    return Chord(id=id_, onset=onset, duration=EIGHTH, length=Fraction(1, 8), notes=notes)


def voice(number: int, count: int, steps: str = "C") -> Voice:
    return Voice(number, tuple(chord(f"v{number}e{n}", Fraction(n, 8), steps) for n in range(count)))


def beams(score: Score) -> list[list[str]]:
    (part,) = score.parts
    voices = (voice for measure in part.measures for voice in measure.voices)
    return [["/".join(event.beams) for event in voice.events if isinstance(event, Chord)] for voice in voices]


def one_measure(meter: Meter, *voices: Voice) -> Score:
    signs = (Sign(Fraction(0), meter),)
    return Score(parts=(Part(id="P1", measures=(Measure(id="m1", number="1", voices=voices, signs=signs),)),))


@settings(max_examples=60, deadline=None)
@given(scores())
def test_one_voice_is_beamed_as_its_records(score):
    (part,) = (map_notes(part, lambda note, _: replace(note, beam=None)) for part in score.parts)
    bare, beamed = (to_score(records.Score((each,))) for each in (part, beam_one_voice(part)))
    # A clef between grace notes does not end their beam here.
    assume(not any(sign.graces for measure in bare.parts[0].measures for sign in measure.signs))
    assert beam_by_meter(bare) == beamed


def test_every_voice_has_its_beams_and_chords_are_one_event():
    score = one_measure(Meter((((2,), 4),)), voice(1, 4, "CEG"), voice(2, 2))
    assert beams(beam_by_meter(score)) == [["begin", "continue", "continue", "end"], ["begin", "end"]]


def test_an_additive_meter_tells_its_groups():
    score = one_measure(Meter((((2, 3), 8),)), voice(1, 5))
    assert beams(beam_by_meter(score)) == [["begin", "end", "begin", "continue", "end"]]


def test_known_beams_are_kept():
    score = beam_by_meter(one_measure(Meter((((2,), 4),)), voice(1, 4)))
    (part,) = score.parts
    more = replace(part, id="P2", measures=(replace(part.measures[0], voices=(voice(1, 4),)),))
    both = replace(score, parts=(part, more))
    assert beam_by_meter(both) is both


def test_tuplets_have_a_bracket_unless_they_are_one_beam():
    triplet = "tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end"
    mixed = "tuplet-3 note-C5_quarter note-E5_eighth tuplet-end"
    score = beam_by_meter(to_score(read_semantic(f"timeSignature-2/4 {triplet} {mixed} barline")))
    assert [s.bracket for s in score.parts[0].spanners if isinstance(s, Tuplet)] == [False, True]
