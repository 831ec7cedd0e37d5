"""One-voice scores as whole scores, and back."""

from fractions import Fraction

import pytest
from hypothesis import given
from strategies import agnostic_scores, labels, scores

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic, tokens_to_score, write_semantic
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import NotationError
from focal_omr.score import records
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.event_ids import event_ids
from focal_omr.score.score import (
    Articulation,
    Barline,
    Chord,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Event,
    Lyric,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Sign,
    Slur,
    Space,
    Spanner,
    Tuplet,
    Voice,
)
from focal_omr.score.validate import validate

F = Fraction
ZERO, ONE = F(0), F(1)
HEAD = "clef-G2 keySignature-GM timeSignature-3/4 "


def whole(label: str) -> Score:
    return to_score(read_semantic(label))


def only_part(score: Score) -> tuple[Measure, ...]:
    (part,) = score.parts
    return part.measures


def events(*measures: Measure) -> list[Event]:
    return [event for measure in measures for voice in measure.voices for event in voice.events]


def there_and_back(score: records.Score) -> records.Score:
    again, left_out = from_score(to_score(score))
    assert left_out == ()
    return again


@given(scores())
def test_there_and_back(score):
    assert there_and_back(score) == score


@given(agnostic_scores())
def test_there_and_back_with_beams(score):
    assert there_and_back(score) == score


@given(labels())
def test_there_and_back_from_labels(tokens):
    score = tokens_to_score(tokens)
    beamed = records.Score(tuple(map(beam_by_meter, score.parts)))
    assert there_and_back(beamed) == beamed


@given(scores())
def test_ids_are_those_of_the_events(score):
    found = [event.id for *_, event in to_score(score).events()]
    (known,) = event_ids(score)
    assert len(set(found)) == len(found)
    assert {id_.partition(".")[0] for id_ in found} == {
        id_
        for id_, event in zip(known, _flat(score), strict=True)
        if not isinstance(event, records.Clef | records.Key | records.Meter)
    }


@given(scores())
def test_ids_and_times_are_valid(score):
    wrong = [str(each) for each in validate(to_score(score)) if "beam" not in str(each)]
    assert not [reason for reason in wrong if "meter says" not in reason and "tie to" not in reason]


def _flat(score: records.Score) -> list[records.Event]:
    return [event for measure in score.parts[0].measures for event in records.flat_events(measure)]


def test_multi_rests_repeats_and_pickups():
    first, *rests, last = only_part(
        whole(f"{HEAD} note-G4_quarter barline multirest-3 barline-repeat_start note-G4_half. barline-final")
    )
    assert (first.number, first.pickup, first.right) == ("0", True, Barline())
    assert [measure.number for measure in rests] == ["1", "2", "3"]
    assert [measure.multirest for measure in rests] == [MultiRest(3), None, None]
    assert [rest.id for rest in events(*rests)] == ["p1m2e1", "p1m2e1.2", "p1m2e1.3"]
    assert all(isinstance(rest, Rest) and rest.measure and rest.length == F(3, 4) for rest in events(*rests))
    assert (last.left, last.right) == (Barline("heavy-light", "forward"), Barline("light-heavy"))


def test_signs_before_a_repeat_sign_open_its_measure():
    (measure,) = only_part(whole(f"{HEAD} barline-repeat_start note-G4_half. barline-repeat_end"))
    assert (measure.left, measure.left_after) == (Barline("heavy-light", "forward"), 3)
    assert measure.right == Barline("light-heavy", "backward")
    assert len(measure.signs) == 3
    assert [event.id for event in events(measure)] == ["p1m2e1"]


def test_tuplets_ties_and_grace_notes():
    score = whole(
        f"{HEAD} tuplet-3 note-G4_quarter tie note-G4_eighth tuplet-end gracenote-A4_eighth note-G4_half tie "
        "barline note-A4_half. barline"
    )
    (part,) = score.parts
    first, second, grace, half, last = (event for event in events(*part.measures))
    assert part.spanners == (Tuplet("p1m1e4", "p1m1e5", 3, 2, Duration(F(1, 8))),)
    assert [each.onset for each in (first, second, grace, half)] == [0, F(1, 6), F(1, 4), F(1, 4)]
    assert isinstance(grace, Chord)
    assert (grace.grace, grace.length) == ("slash", 0)
    ties = [event.notes[0].tie_to for event in (first, second, half, last) if isinstance(event, Chord)]
    assert ties == ["p1m1e5", None, "", None]


def test_parts_of_different_lengths_end_together():
    long, short = read_semantic(f"{HEAD} rest-half. barline rest-half. barline"), read_semantic(HEAD)
    score = to_score(records.Score((*long.parts, *short.parts)))
    assert [len(part.measures) for part in score.parts] == [2, 2]
    assert not [each for each in validate(score) if "id" in each.reason]


# Whole scores of more than one voice -----------------------------------------------------------------------


def chord(id_: str, *pitches: str, onset: Fraction = ZERO, value: Fraction = ONE, **more: object) -> Chord:
    notes = tuple(
        Note(id=f"{id_}.{n}" if len(pitches) > 1 else id_, pitch=Pitch(p[0], int(p[1])))  # type: ignore[arg-type]
        for n, p in enumerate(pitches, 1)
    )
    return Chord(id=id_, onset=onset, duration=Duration(value), length=value, notes=notes, **more)  # type: ignore[arg-type]


def one_measure(*voices: tuple[Event, ...], spanners: tuple[Spanner, ...] = (), **more: object) -> Score:
    numbered = tuple(Voice(number, each) for number, each in enumerate(voices, 1))
    measure = Measure(id="m", number="7", voices=numbered, **more)  # type: ignore[arg-type]
    return Score(parts=(Part(id="P1", measures=(measure,), staves=2, spanners=spanners),))


def test_what_is_left_out_is_named():
    marks = (Articulation("staccato"), Lyric("la"), Articulation("accent"))
    score = one_measure(
        (chord("a", "C4", "E4", "G4", marks=marks),),
        (chord("b", "C3"),),
        spanners=(Slur("a", None), Slur("b", None)),
        directions=(Direction(ZERO, Dynamic("p")), Direction(ZERO, Dynamic("f"), 2)),
    )
    one_voice, left_out = from_score(score, part=1, staff=1)
    assert write_semantic(one_voice).split() == ["note-G4_whole", "barline"]
    assert left_out == (
        "1 dynamic in measure 7",
        "voice 2 of measure 7",
        "2 articulations, first in measure 7",
        "1 lyric syllable in measure 7",
        "2 chord notes, first in measure 7",
        "1 slur in measure 7",
    )
    both, _ = from_score(score)
    assert len(both.parts) == 2
    with pytest.raises(NotationError, match="part 2 of a score of 1 parts"):
        from_score(score, part=2)
    with pytest.raises(NotationError, match="staff 3 of a part of 2 staves"):
        from_score(score, staff=3)


def test_time_without_notes_becomes_rests():
    score = one_measure(
        (
            chord("a", "C4", value=F(1, 4)),
            Space(id="s", onset=F(1, 4), length=F(1, 12)),
            chord("b", "C4", onset=F(1, 3), value=F(1, 4), staff=2),
        ),
        spanners=(),
    )
    one_voice, left_out = from_score(score, part=1, staff=1)
    (measure,) = one_voice.parts[0].measures
    assert measure.length == F(7, 12)
    assert left_out == ("1 event on another staff in measure 7",)


def test_meters_clefs_and_barlines_of_other_kinds():
    signs = (
        Sign(ZERO, Clef("G", 2, -1), 1),
        Sign(ZERO, Meter((((3, 2), 8), ((1,), 4)))),
        Sign(ZERO, Clef("percussion", 3), 2),
    )
    score = one_measure((chord("a", "C4"),), signs=signs, right=Barline("dashed"))
    one_voice, left_out = from_score(score, part=1, staff=1)
    assert write_semantic(one_voice).split() == ["clef-G2", "timeSignature-7/8", "note-C4_whole", "barline"]
    assert left_out == (
        "1 octave of a clef in measure 7",
        "1 form of a meter in measure 7",
        "1 dashed barline in measure 7",
    )


def test_what_no_voice_can_say_is_an_error():
    with pytest.raises(NotationError, match="measure 7: a note value of 1/256"):
        from_score(one_measure((chord("a", "C4", value=F(1, 256)),)))
