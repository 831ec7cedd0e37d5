"""Edits as functions of scores: several staves and voices, chords, ties, tuplets and slurs."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hand_made import make_document, tokens_of

from focal_omr.editing.apply import Place, apply_edit
from focal_omr.editing.edit_score import edit_score
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.printed import Target, printed
from focal_omr.errors import EditError
from focal_omr.score.score import (
    Chord,
    Clef,
    Duration,
    Event,
    Hairpin,
    Key,
    Measure,
    Meter,
    Moment,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Sign,
    Slur,
    Tuplet,
    Voice,
)

QUARTER = Fraction(1, 4)
ZERO = Fraction(0)


def chord(id_: str, onset: int, *pitches: str, value: Fraction = QUARTER, staff: int = 1) -> Chord:
    """A chord at a quarter of its measure; pitches are as C4, and C#4 with a printed sharp."""
    notes = []
    for number, name in enumerate(pitches, 1):
        sharp = "#" in name
        pitch = Pitch(name[0], int(name[-1]), 1 if sharp else 0)  # type: ignore[arg-type]
        own = id_ if len(pitches) == 1 else f"{id_}.{number}"
        notes.append(Note(id=own, pitch=pitch, accidental="sharp" if sharp else None))
    return Chord(
        id=id_, onset=onset * QUARTER, duration=Duration(value), length=value, notes=tuple(notes), staff=staff
    )


def piano() -> Score:
    """Two measures of 3/4 on two staves: chords above a second voice, and a left hand in the bass clef."""
    signs = (
        Sign(ZERO, Clef("G", 2), 1, id="clef1"),
        Sign(ZERO, Clef("F", 4), 2, id="clef2"),
        Sign(ZERO, Key(0), id="key"),
        Sign(ZERO, Meter((((3,), 4),)), id="meter"),
    )
    first = Measure(
        id="m1",
        number="1",
        signs=signs,
        voices=(
            Voice(1, (chord("a1", 0, "E5", "G5"), chord("a2", 1, "F5", "A5"), chord("a3", 2, "F5"))),
            Voice(2, (chord("b1", 0, "C4"), chord("b2", 1, "F4"), chord("b3", 2, "F4"))),
            Voice(5, (chord("c1", 0, "C3", value=3 * QUARTER, staff=2),)),
        ),
    )
    c1 = replace(first.voices[2].events[0], duration=Duration(Fraction(1, 2), 1))
    first = replace(first, voices=(*first.voices[:2], Voice(5, (c1,))))
    whole = Rest(
        id="r1", onset=ZERO, duration=Duration(Fraction(1)), length=3 * QUARTER, measure=True, staff=2
    )
    second = Measure(
        id="m2",
        number="2",
        voices=(
            Voice(1, (chord("d1", 0, "F5"), chord("d2", 1, "G5"), chord("d3", 2, "A5"))),
            Voice(5, (whole,)),
        ),
    )
    spanners = (Slur("a1", "a3"), Hairpin(Moment("m1", ZERO), Moment("m2", QUARTER), "crescendo"))
    part = Part(id="P1", measures=(first, second), staves=2, spanners=spanners)
    return Score(parts=(part,))


def events(score: Score) -> dict[str, Event]:
    return {event.id: event for *_, event in score.events()}


def names(score: Score, *ids: str) -> list[str]:
    """The pitches of notes."""
    notes = {n.id: n for e in events(score).values() if isinstance(e, Chord) for n in e.notes}
    return [f"{notes[i].pitch.step}{notes[i].pitch.octave}{notes[i].pitch.alter:+d}" for i in ids]


def test_an_accidental_holds_in_every_voice_of_its_staff_on_its_line_to_the_end_of_the_measure():
    before = piano()
    after = edit_score(before, "a2.1", {"do": "accidental", "sign": "#"}).score
    assert names(after, "a2.1", "a3", "d1") == ["F5+1", "F5+1", "F5+0"]
    assert names(after, "b2", "b3") == ["F4+0", "F4+0"]
    assert before == piano()  # the score that was given stays as it is
    again = edit_score(after, Target("a2.1", "accidental"), {"do": "delete"}).score
    assert again == before


def test_a_tie_leads_to_the_next_chord_of_its_voice_and_carries_the_accidental_over_the_barline():
    after = edit_score(piano(), "a3", {"do": "accidental", "sign": "#"}).score
    after = edit_score(after, "a3", {"do": "tie"}).score
    assert events(after)["a3"].notes[0].tie_to == "d1"
    assert names(after, "a3", "d1") == ["F5+1", "F5+1"]
    away = edit_score(after, "d1", {"do": "move", "steps": 1}).score
    assert events(away)["a3"].notes[0].tie_to == ""
    gone = edit_score(after, "d1", {"do": "delete"}).score
    assert events(gone)["a3"].notes[0].tie_to is None


def test_one_note_of_a_chord_is_moved_or_deleted():
    moved = edit_score(piano(), "a1.1", {"do": "move", "steps": 4})
    assert [note.id for note in events(moved.score)["a1"].notes] == ["a1.2", "a1.1"]  # from the lowest one on
    assert moved.selected == Target("a1.1")
    left = edit_score(piano(), "a1.1", {"do": "delete"}).score
    assert [note.id for note in events(left)["a1"].notes] == ["a1.2"]
    assert left.parts[0].spanners == piano().parts[0].spanners


def test_only_the_voice_of_an_event_moves_in_time():
    half = edit_score(piano(), "a1", {"do": "value", "value": "half"}).score
    onsets = {id_: event.onset / QUARTER for id_, event in events(half).items()}
    assert [onsets[id_] for id_ in ("a2", "a3", "b2", "b3", "d2")] == [2, 3, 1, 2, 1]
    inserted = edit_score(piano(), "b1", {"do": "insert", "what": "note"})
    voice = inserted.score.parts[0].measures[0].voices[1]
    assert [event.onset / QUARTER for event in voice.events] == [0, 1, 2, 3]
    assert voice.events[1].id == inserted.selected.id
    assert names(inserted.score, inserted.selected.id) == ["C4+0"]


def test_a_clef_renames_the_notes_of_its_staff_in_all_voices_and_no_others():
    after = edit_score(piano(), "clef1", {"do": "clef", "clef": "C3"}).score
    assert names(after, "a1.1", "b1", "d1", "c1") == ["F4+0", "D3+0", "G4+0", "C3+0"]
    later = edit_score(piano(), "d2", {"do": "clef", "clef": "F4"})
    assert names(later.score, "a1.1", "d1", "d2", "d3") == ["E5+0", "F5+0", "B3+0", "C4+0"]
    assert later.score.parts[0].measures[1].signs[0].onset == QUARTER
    back = edit_score(later.score, later.selected, {"do": "delete"}).score
    assert back == piano()


def test_a_key_and_a_meter_hold_for_all_staves():
    sharp = edit_score(piano(), "key", {"do": "key", "fifths": 1}).score
    assert names(sharp, "a2.1", "b2", "d1", "c1") == ["F5+1", "F4+1", "F5+1", "C3+0"]
    longer = edit_score(piano(), "meter", {"do": "meter", "meter": "C"}).score
    assert events(longer)["r1"].length == 1
    assert longer.parts[0].measures[0].signs[3].value == Meter((((4,), 4),), "common")


def test_a_tuplet_scales_its_events_and_shrinks_with_them():
    score = piano()
    for id_ in ("d1", "d2", "d3"):
        score = edit_score(score, id_, {"do": "value", "value": "eighth"}).score
    score = edit_score(score, "d1", {"do": "tuplet", "actual": 3}).score
    assert score.parts[0].spanners[-1] == Tuplet("d1", "d3", 3, 2)
    assert [events(score)[id_].onset for id_ in ("d1", "d2", "d3")] == [0, Fraction(1, 12), Fraction(1, 6)]
    less = edit_score(score, "d1", {"do": "delete"}).score
    assert less.parts[0].spanners[-1] == Tuplet("d2", "d3", 3, 2)
    plain = edit_score(score, Target("d3", "tuplet end"), {"do": "delete"}).score
    assert events(plain)["d3"].onset == QUARTER
    assert not any(isinstance(spanner, Tuplet) for spanner in plain.parts[0].spanners)


def test_a_slur_goes_with_its_note():
    after = edit_score(piano(), "a3", {"do": "delete"}).score
    assert [type(spanner) for spanner in after.parts[0].spanners] == [Hairpin]


def test_a_barline_divides_all_voices_or_is_refused():
    with pytest.raises(EditError, match="a note of another voice sounds across this place"):
        edit_score(piano(), "a1", {"do": "insert", "what": "barline"})
    alone = edit_score(piano(), "c1", {"do": "delete"}).score
    after = edit_score(alone, "a1", {"do": "insert", "what": "barline"})
    first, second, _ = after.score.parts[0].measures
    assert after.selected == Target(first.id, "barline")
    assert [[event.id for voice in m.voices for event in voice.events] for m in (first, second)] == [
        ["a1", "b1"],
        ["a2", "a3", "b2", "b3"],
    ]
    hairpin = after.score.parts[0].spanners[1]
    assert hairpin.start == Moment(first.id, ZERO)
    joined = edit_score(after.score, after.selected, {"do": "delete"}).score
    assert events(joined) == events(alone)
    assert joined.parts[0].spanners[1] == Hairpin(Moment("m1", ZERO), Moment("m2", QUARTER), "crescendo")


def test_unknown_ids_and_edits_of_readings_are_errors():
    with pytest.raises(EditError, match="there is no event 'z'"):
        edit_score(piano(), "z", {"do": "tie"})
    with pytest.raises(EditError, match="not a score"):
        edit_score(piano(), "a1", {"do": "accept"})


@pytest.mark.parametrize(
    ("symbol", "target", "edit"),
    [
        (3, Target("p1m1e4"), {"do": "move", "steps": 2}),
        (3, Target("p1m1e4"), {"do": "delete"}),
        (3, Target("p1m1e4"), {"do": "insert", "what": "barline"}),
        (1, Target("p1m1e2"), {"do": "key", "fifths": -2}),
        (0, Target("p1m1e1"), {"do": "clef", "clef": "F4"}),
        (5, Target("p1m1e5", "tie"), {"do": "delete"}),
        (6, Target("p1m1", "barline"), {"do": "delete"}),
        (6, Target("p1m1", "barline"), {"do": "barline", "kind": "repeat_both"}),
        (7, Target("p1m2e1"), {"do": "tuplet", "actual": 3}),
        (9, Target("p1m2e3"), {"do": "token", "token": "rest-half."}),
        (9, Target("p1m2e3"), {"do": "token", "token": "multirest-3"}),
    ],
)
def test_a_document_shows_what_its_score_became(symbol, target, edit):
    document = make_document(
        "clef-G2 keySignature-GM timeSignature-3/4 note-C#5_half note-D5_quarter tie barline "
        "note-D5_eighth note-E5_eighth note-F#5_eighth barline-final"
    )
    after = edit_score(document.pieces[0], target, edit).score
    part = PartEditor(after.parts[0])
    tokens = [each.token for each in printed(part, 0, len(part.measures))]
    assert tokens == tokens_of(apply_edit(document, Place(1, 0, symbol), edit).document)
