"""Score to columns and back: each construct by hand, and random scores."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest
from made_columns import BAR, BASS, RandomScore, col, facts, meter, notes, opening, scale

from focal_omr.encodings.column_factors import FACTORS, column_factors, column_from_factors
from focal_omr.encodings.columns import Column, Group, Head, NoteColumn, SignColumn
from focal_omr.encodings.from_columns import DecodedScore, score_from_columns
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import NotationError
from focal_omr.score.score import (
    Barline,
    Chord,
    Clef,
    Ending,
    Jump,
    Key,
    Measure,
    MeasureRepeat,
    Ottava,
    Pitch,
    Rest,
    Score,
    Space,
    Tremolo,
    Tuplet,
)
from focal_omr.score.validate import validate

ZERO, QUARTER, HALF = Fraction(0), Fraction(1, 4), Fraction(1, 2)


def decode(*staves: list[Column], parts: tuple[int, ...] | None = None) -> DecodedScore:
    decoded = score_from_columns([list(staves)], parts or (1,) * len(staves))
    assert validate(decoded.score) == []
    return decoded


def bars(*staves: list[Column], parts: tuple[int, ...] | None = None) -> tuple[Measure, ...]:
    """Measures of the first part."""
    decoded = decode(*staves, parts=parts)
    assert (decoded.unsolved, decoded.disagreements) == ((), ())
    return decoded.score.parts[0].measures


def stays(*staves: list[Column], parts: tuple[int, ...] | None = None) -> Score:
    """The score of columns, which give back the columns but for the advance."""
    score = decode(*staves, parts=parts).score
    back = score_to_columns(score)
    assert back.outside == ()
    assert [[_bare(c) for c in own] for own in back.systems[0]] == [[_bare(c) for c in own] for own in staves]
    again = score_from_columns(back.systems, back.staves).score
    assert again == score
    return score


def _bare(column: Column) -> Column:
    return replace(column, advance=None) if isinstance(column, NoteColumn) else column


def chords(measure: Measure, voice: int = 0) -> list[Chord]:
    return [event for event in measure.voices[voice].events if isinstance(event, Chord)]


def pitches(measure: Measure, voice: int = 0) -> list[str]:
    return [
        "/".join(f"{n.pitch.step}{n.pitch.octave}" for n in chord.notes) for chord in chords(measure, voice)
    ]


def test_one_voice() -> None:
    score = stays([*opening(key=1, time=meter(4, 4)), *scale(4), BAR, *scale(2, "1/2", 3), BAR])
    first, second = score.parts[0].measures
    assert pitches(first) == ["E4", "F4", "G4", "A4"]
    assert isinstance(pitch := chords(first)[1].notes[0].pitch, Pitch)
    assert pitch.alter == 1
    assert [chord.onset for chord in chords(second)] == [ZERO, HALF]


def test_ids_are_unique_and_generated() -> None:
    score = stays([*opening(time=meter(2, 4)), *scale(2), BAR])
    assert score.parts[0].measures[0].id == "P1m1"
    assert [event.id for event in score.parts[0].measures[0].voices[0].events] == ["P1m1s1e1", "P1m1s1e2"]


def test_two_voices_that_cross() -> None:
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", 1), notes("1/2", 4)),
        col(notes("1/4", 6)),
        BAR,
    ]
    measure = stays(columns).parts[0].measures[0]
    assert pitches(measure, 0) == ["F4", "D5"]
    assert pitches(measure, 1) == ["B4"]
    assert [chord.stem for chord in chords(measure, 0)] == ["up", "up"]


def test_a_head_shared_by_two_stems() -> None:
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", (3, Head("sharp", True))), notes("1/2", (3, Head("sharp")))),
        col(notes("1/4", (3, Head()))),
        BAR,
    ]
    measure = stays(columns).parts[0].measures[0]
    assert pitches(measure, 0) == ["A4", "A4"]
    assert chords(measure)[0].notes[0].tie_to == chords(measure)[1].id
    assert chords(measure, 1)[0].notes[0].tie_to is None


def test_columns_know_the_ids_of_their_events_and_notes() -> None:
    shared = col(notes("1/4", (3, Head("sharp"))), notes("1/2", (1, Head()), (3, Head("sharp"))))
    score = decode([*opening(time=meter(2, 4)), shared, BAR]).score
    (column,) = [c for c in score_to_columns(score).systems[0][0] if isinstance(c, NoteColumn)]
    told = {g.event: [head.note for _, head in g.heads] for g in column.groups if g}
    assert told == {
        chord.id: [n.id for n in chord.notes] for *_, chord in score.events() if isinstance(chord, Chord)
    }
    assert len({note for own in told.values() for note in own}) == 3


@pytest.mark.parametrize("bare", [0, 1])
def test_a_stem_without_a_head_of_its_own_shares_the_other_one(bare: int) -> None:
    score = decode([*opening(time=meter(1, 4)), col(notes("1/4", 3), notes("1/4", 3)), BAR]).score
    (part,) = score.parts
    voices = [*part.measures[0].voices]
    chord = chords(part.measures[0], bare)[0]
    hidden = replace(chord, notes=(replace(chord.notes[0], head="none"),))
    voices[bare] = replace(voices[bare], events=(hidden,))
    part = replace(part, measures=(replace(part.measures[0], voices=tuple(voices)),))
    found = score_to_columns(replace(score, parts=(part,)))
    assert found.outside == ()
    assert found.systems[0][0][2] == col(notes("1/4", 3), notes("1/4", 3), advance="1/4")


def test_seconds_and_unisons_of_one_stem() -> None:
    columns = [*opening(time=meter(2, 4)), col(notes("1/2", 2, 3, 6, 6)), BAR]
    assert pitches(stays(columns).parts[0].measures[0]) == ["G4/A4/D5/D5"]


def test_grace_notes_lead_to_their_note() -> None:
    grace = {"grace": "slash"}
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/8", 2, **grace)),
        col(notes("1/8", (3, Head(tie=True)), **grace)),
        col(notes("1/4", 3)),
        col(notes("1/4", 4)),
        col(notes("1/16", 5, grace="plain")),
        BAR,
    ]
    score = decode(columns).score
    events = chords(score.parts[0].measures[0])
    assert [event.onset for event in events] == [ZERO, ZERO, ZERO, QUARTER, HALF]
    assert [event.grace for event in events] == ["slash", "slash", None, None, "plain"]
    assert events[1].notes[0].tie_to == events[2].id
    assert facts(score_from_columns(score_to_columns(score).systems).score) == facts(score)


def test_grace_notes_of_two_voices_stay_apart() -> None:
    columns = [
        *opening(time=meter(1, 4)),
        col(notes("1/8", 8, grace="plain"), notes("1/8", -1, grace="plain")),
        col(notes("1/4", 7), notes("1/4", 0)),
        BAR,
    ]
    measure = stays(columns).parts[0].measures[0]
    assert pitches(measure, 0) == ["F5", "E5"]
    assert pitches(measure, 1) == ["D4", "E4"]


def test_tuplets_close_by_their_length() -> None:
    triplet, quintuplet = {"ratio": (3, 2)}, {"ratio": (5, 4)}
    columns = [
        *opening(time=meter(3, 4)),
        col(notes("1/4", 0, **triplet)),
        col(notes("1/8", 1, **triplet)),
        *(col(notes("1/8", 2, **triplet)) for _ in range(3)),
        *(col(notes("1/16", 3, **quintuplet)) for _ in range(5)),
        BAR,
    ]
    score = stays(columns)
    tuplets = [s for s in score.parts[0].spanners if isinstance(s, Tuplet)]
    assert [(t.actual, t.normal) for t in tuplets] == [(3, 2), (3, 2), (5, 4)]
    events = chords(score.parts[0].measures[0])
    assert [(t.start, t.end) for t in tuplets] == [
        (events[0].id, events[1].id),
        (events[2].id, events[4].id),
        (events[5].id, events[9].id),
    ]


def test_duplets() -> None:
    columns = [*opening(time=meter(6, 8)), *(col(notes("1/8", 0, ratio=(2, 3))) for _ in range(4)), BAR]
    tuplets = stays(columns).parts[0].spanners
    assert [(t.actual, t.normal) for t in tuplets if isinstance(t, Tuplet)] == [(2, 3), (2, 3)]


def test_nested_tuplets() -> None:
    inner, outer = {"ratio": (9, 4)}, {"ratio": (3, 2)}
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", 0, **outer)),
        *(col(notes("1/8", 1, **inner)) for _ in range(3)),
        col(notes("1/4", 2, **outer)),
        BAR,
    ]
    score = stays(columns)
    events = chords(score.parts[0].measures[0])
    tuplets = {
        (t.start, t.end): (t.actual, t.normal) for t in score.parts[0].spanners if isinstance(t, Tuplet)
    }
    assert tuplets == {(events[0].id, events[4].id): (3, 2), (events[1].id, events[3].id): (3, 2)}


def test_a_tremolo_between_two_chords() -> None:
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/2", 0, tremolo=3)),
        col(notes("1/2", 4, tremolo=3)),
        BAR,
    ]
    events = chords(stays(columns).parts[0].measures[0])
    assert [(event.onset, event.length) for event in events] == [(ZERO, QUARTER), (QUARTER, QUARTER)]
    assert [event.marks for event in events] == [(Tremolo(3, "start"),), (Tremolo(3, "stop"),)]


def test_ties_into_a_chord() -> None:
    tied = Head(tie=True)
    columns = [
        *opening(time=meter(3, 4)),
        col(notes("1/4", (0, tied))),
        col(notes("1/4", (2, tied))),
        col(notes("1/4", 0, 2, 4)),
        BAR,
    ]
    first, second, last = chords(stays(columns).parts[0].measures[0])
    assert first.notes[0].tie_to == last.notes[0].id
    assert second.notes[0].tie_to == last.notes[1].id


def test_a_tie_leads_to_the_head_of_its_own_stem() -> None:
    """A unison of two voices, one of which was tied before."""
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", 4), notes("1/4", (3, Head(tie=True)))),
        col(notes("1/4", 3), notes("1/4", 3)),
        BAR,
    ]
    measure = stays(columns).parts[0].measures[0]
    assert chords(measure, 1)[0].notes[0].tie_to == chords(measure, 1)[1].id


def test_an_alteration_is_tied_over_the_barline() -> None:
    columns = [
        *opening(clef=BASS, time=meter(2, 4)),
        col(notes("1/2", (2, Head("sharp", True)))),
        BAR,
        col(notes("1/4", 2)),
        col(notes("1/4", 2)),
        BAR,
    ]
    second = stays(columns).parts[0].measures[1]
    assert [str(chord.notes[0].pitch) for chord in chords(second)] == [
        str(Pitch("B", 2, 1)),
        str(Pitch("B", 2)),
    ]


def test_a_tie_that_leads_nowhere_ends() -> None:
    columns = [*opening(time=meter(1, 4)), col(notes("1/4", (0, Head(tie=True)))), BAR]
    columns += [*scale(1, first=1), BAR, *scale(1), BAR]
    measures = stays(columns).parts[0].measures
    assert chords(measures[0])[0].notes[0].tie_to == ""


def test_a_rest_ends_a_tie_that_leads_nowhere() -> None:
    tied = (0, Head(tie=True))
    alone = [col(notes("1/4", tied)), col(notes("1/4")), col(notes("1/4", 0)), BAR]
    (measure,) = stays([*opening(time=meter(3, 4)), *alone]).parts[0].measures
    assert chords(measure)[0].notes[0].tie_to == ""
    beside = [
        col(notes("1/4", 4), notes("1/4", tied)),
        col(notes("1/4", 5), notes("1/4")),
        col(notes("1/4", 6), notes("1/4", 0)),
        BAR,
    ]
    (measure,) = stays([*opening(time=meter(3, 4)), *beside]).parts[0].measures
    assert chords(measure, 1)[0].notes[0].tie_to == ""


def test_a_tie_may_lead_to_either_of_two_heads_at_one_position() -> None:
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", 4), notes("1/4", (3, Head(tie=True)))),
        col(notes("1/4", 3), notes("1/4", 3)),
        BAR,
    ]
    score = decode(columns).score
    (part,) = score.parts
    upper, lower = part.measures[0].voices
    first, other = chords(part.measures[0], 1)[0], chords(part.measures[0], 0)[1]
    crossed = replace(first, notes=(replace(first.notes[0], tie_to=other.notes[0].id),))
    voices = (upper, replace(lower, events=(crossed, *lower.events[1:])))
    part = replace(part, measures=(replace(part.measures[0], voices=voices),))
    assert score_to_columns(replace(score, parts=(part,))).outside == ()


def test_a_clef_before_the_barline_belongs_to_the_next_measure() -> None:
    columns = [*opening(time=meter(1, 4)), *scale(1), SignColumn("clef", BASS), BAR, *scale(1), BAR]
    first, second = stays(columns).parts[0].measures
    assert [sign.value for sign in first.signs] == [Clef("G", 2), meter(1, 4)]
    assert [(sign.onset, sign.value) for sign in second.signs] == [(ZERO, BASS)]
    assert pitches(second) == ["G2"]


def test_a_clef_inside_a_measure() -> None:
    columns = [*opening(time=meter(2, 4)), *scale(1), SignColumn("clef", BASS), *scale(1), BAR]
    measure = stays(columns).parts[0].measures[0]
    assert (measure.signs[-1].onset, measure.signs[-1].value) == (QUARTER, BASS)


def test_repeats_and_endings() -> None:
    columns = [
        *opening(time=meter(1, 4)),
        SignColumn("barline", "repeat-start"),
        *scale(1),
        BAR,
        SignColumn("ending", "1"),
        *scale(1),
        SignColumn("ending", "stop"),
        SignColumn("barline", "repeat-end"),
        SignColumn("ending", "2"),
        *scale(1),
        SignColumn("ending", "discontinue"),
        SignColumn("barline", "repeat-both"),
        *scale(1),
        SignColumn("barline", "final"),
    ]
    part = stays(columns).parts[0]
    assert [m.left for m in part.measures] == [
        Barline("heavy-light", "forward"),
        None,
        None,
        Barline("heavy-light", "forward"),
    ]
    assert [m.right.repeat if m.right else "" for m in part.measures] == [None, "backward", "backward", None]
    assert [s for s in part.spanners if isinstance(s, Ending)] == [
        Ending("P1m2", "P1m2", "1"),
        Ending("P1m3", "P1m3", "2", closed=False),
    ]


def test_an_upbeat_of_rests_before_a_repeat() -> None:
    start = SignColumn("barline", "repeat-start")
    upper = [*opening(time=meter(2, 4)), *scale(1), start, *scale(2), BAR]
    lower = [*opening(time=meter(2, 4)), start, *scale(2), BAR]
    measures = bars(upper, lower)
    assert [m.length for m in measures] == [QUARTER, HALF]
    assert [m.pickup for m in measures] == [True, False]


def test_multi_measure_rests() -> None:
    columns = [*opening(time=meter(2, 4)), *scale(2), BAR, SignColumn("multirest", 3), BAR, *scale(2), BAR]
    measures = stays(columns).parts[0].measures
    assert [m.length for m in measures] == [HALF] * 5
    assert [m.multirest and m.multirest.measures for m in measures] == [None, 3, None, None, None]


def test_a_measure_rest_beside_another_voice() -> None:
    whole = Group(None)
    columns = [*opening(time=meter(2, 4)), *scale(1), col(whole, advance="0"), *scale(1), BAR]
    measure = bars(columns)[0]
    kinds = [[type(event).__name__ for event in voice.events] for voice in measure.voices]
    assert sorted(kinds) == [["Chord", "Chord"], ["Rest"]]
    rest = next(v.events[0] for v in measure.voices if isinstance(v.events[0], Rest))
    assert (rest.measure, rest.onset, rest.length) == (True, ZERO, HALF)


def test_a_staff_on_which_nothing_is_printed_is_silent_without_a_rest() -> None:
    lower = [*opening(time=meter(2, 4)), BAR]
    decoded = decode([*opening(time=meter(2, 4)), *scale(2), BAR], lower)
    events = decoded.score.parts[1].measures[0].voices[0].events
    assert [(type(event), event.length) for event in events] == [(Space, HALF)]


def test_measure_repeats() -> None:
    columns = [*opening(time=meter(1, 4)), *scale(1), BAR, SignColumn("measure-repeat", 1), BAR]
    assert bars(columns)[1].repeats == ((1, MeasureRepeat(1)),)


def test_octave_lines() -> None:
    columns = [
        *opening(time=meter(3, 4)),
        *scale(1),
        SignColumn("sign", "ottava-1"),
        *scale(1),
        SignColumn("sign", "ottava-stop"),
        *scale(1),
        BAR,
    ]
    part = stays(columns).parts[0]
    assert pitches(part.measures[0]) == ["E4", "E5", "E4"]
    line = next(s for s in part.spanners if isinstance(s, Ottava))
    assert (line.start.onset, line.end.onset, line.octaves) == (QUARTER, HALF, 1)


def test_segno_and_coda() -> None:
    columns = [*opening(time=meter(1, 4)), SignColumn("sign", "segno"), *scale(1), BAR]
    assert [d.value for d in bars(columns)[0].directions] == [Jump("segno")]


def test_percussion() -> None:
    columns = [
        *opening(clef=Clef("percussion", 3), time=meter(1, 4)),
        col(notes("1/4", (4, Head(kind="x")))),
        BAR,
    ]
    note = chords(stays(columns).parts[0].measures[0])[0].notes[0]
    assert (note.pitch.step, note.pitch.octave, note.head) == ("B", 4, "x")


def test_a_dashed_barline_divides_a_measure_or_ends_a_full_one() -> None:
    dashed = SignColumn("barline", "dashed")
    columns = [
        *opening(time=meter(3, 4)),
        *scale(1),
        dashed,
        *scale(2),
        BAR,
        *scale(3),
        dashed,
        *scale(3),
        BAR,
    ]
    measures = stays(columns).parts[0].measures
    assert [m.length for m in measures] == [Fraction(3, 4)] * 3
    assert measures[0].barlines == ((QUARTER, Barline("dashed")),)
    assert measures[1].right == Barline("dashed")


def test_three_stems() -> None:
    columns = [
        *opening(time=meter(2, 4)),
        col(notes("1/4", 8), notes("1/2", 0), notes("1/4", 4)),
        col(notes("1/4", 9), None, notes("1/4", 5)),
        BAR,
    ]
    measure = bars(columns)[0]
    assert [pitches(measure, voice) for voice in range(3)] == [["F5", "G5"], ["E4"], ["B4", "C5"]]


# Systems -------------------------------------------------------------------------------------------------


def test_silence_at_the_beginning_of_a_staff_is_told_by_the_other_staves() -> None:
    upper = [*opening(time=meter(4, 4)), *scale(4), BAR]
    lower = [
        *opening(clef=BASS, time=meter(4, 4)),
        *(col(notes("1/4", step), advance="1/4") for step in range(2)),
        BAR,
    ]
    measure = bars(upper, lower, parts=(2,))[0]
    assert [event.onset for event in measure.voices[-1].events] == [ZERO, HALF, Fraction(3, 4)]
    assert isinstance(measure.voices[-1].events[0], Space)


def test_a_staff_with_other_barlines_is_unread_and_named() -> None:
    upper = [*opening(time=meter(2, 4)), *scale(2), BAR, *scale(2), BAR]
    lower = [*opening(time=meter(2, 4)), *scale(4), BAR]
    decoded = decode(upper, upper, lower)
    assert [(f.measure, f.staff, f.reason) for f in decoded.disagreements] == [
        (0, 3, "1 measures, the other staves have 2")
    ]
    assert [m.unread[0].staff for m in decoded.score.parts[2].measures] == [1, 1]


def test_staves_with_other_meters_and_keys_are_named() -> None:
    upper = [*opening(key=1, time=meter(2, 4)), *scale(2), BAR]
    lower = [*opening(key=2), *scale(2), BAR]
    decoded = decode(upper, upper, lower, parts=(1, 2))
    assert [(f.staff, f.reason) for f in decoded.disagreements] == [
        (3, "meter missing, the other staves have 2/4"),
        (3, "key 2, the other staves have 1"),
    ]


def test_a_bar_that_nothing_completes_is_named() -> None:
    columns = [*opening(time=meter(2, 4)), *scale(2), BAR, *scale(1, "1"), BAR, *scale(2), BAR]
    decoded = score_from_columns([[columns, [*opening(time=meter(2, 4)), *(3 * [*scale(2), BAR])]]], (1, 1))
    assert [(f.measure, f.staff) for f in decoded.unsolved] == [(1, 1)]
    assert len(decoded.score.parts[0].measures) == 3


def test_a_clef_and_key_that_a_system_repeats_are_no_signs() -> None:
    columns = [*opening(key=-2, time=meter(1, 4)), *scale(1), BAR]
    again = [*opening(key=-2), *scale(1), BAR]
    score = score_from_columns([[columns], [again]]).score
    assert score.parts[0].measures[1].signs == ()
    assert score.parts[0].measures[1].break_before == "system"
    assert [[_bare(c) for c in own[0]] for own in score_to_columns(score).systems] == [columns, again]


def test_signs_after_the_last_barline_announce_the_next_system() -> None:
    columns = [*opening(time=meter(1, 4)), *scale(1), BAR, SignColumn("key", Key(3))]
    assert len(bars(columns)) == 1


def test_staves_are_counted() -> None:
    with pytest.raises(NotationError, match="system 1 has 1 staves, needed are 2"):
        score_from_columns([[opening()]], (2,))


# What columns cannot say ---------------------------------------------------------------------------------


def test_what_is_outside_is_named() -> None:
    score = decode([*opening(time=meter(2, 4)), *scale(2), BAR, *scale(2), BAR]).score
    first, second = score.parts[0].measures
    hidden = replace(first, right=None)
    late = Space(id="s", onset=ZERO, length=QUARTER)
    shifted = replace(second, voices=(replace(second.voices[0], events=(late, second.voices[0].events[1])),))
    changed = replace(score, parts=(replace(score.parts[0], measures=(hidden, shifted)),))
    assert [(o.measure, o.staff, o.reason) for o in score_to_columns(changed).outside] == [
        (0, 1, "a measure that no barline ends"),
        (1, 1, "silence without a rest at the beginning of a measure"),
    ]


def test_grace_notes_alone_on_a_staff_are_outside() -> None:
    """As in a run of grace notes through both staves of a piano; at the beginning they are told."""
    upper = [*opening(time=meter(2, 4)), *scale(2), BAR]
    lower = [*opening(time=meter(2, 4)), col(notes("1/8", 0, grace="plain")), BAR]
    score = decode(upper, lower, parts=(2,)).score
    assert score_to_columns(score).outside == ()
    (part,) = score.parts
    (measure,) = part.measures
    above, below = measure.voices
    grace = replace(chords(measure, 1)[0], onset=QUARTER)
    measure = replace(measure, voices=(above, replace(below, events=(grace,))))
    changed = score_to_columns(replace(score, parts=(replace(part, measures=(measure,)),)))
    assert [(o.staff, o.reason) for o in changed.outside] == [(2, "grace notes alone on a staff")]


def test_a_misprinted_value_is_outside() -> None:
    """Its length is no tuplet's; one of 3/4 of its value, as in a quadruplet, is not told from a tuplet."""
    score = decode([*opening(time=meter(4, 4)), *scale(4), BAR]).score
    event = next(e for *_, e in score.events() if isinstance(e, Chord))
    measure = score.parts[0].measures[0]
    events = tuple(
        replace(e, duration=replace(e.duration, value=HALF)) if e is event else e
        for e in measure.voices[0].events
    )
    changed = replace(measure, voices=(replace(measure.voices[0], events=events),))
    part = replace(score.parts[0], measures=(changed, *score.parts[0].measures[1:]))
    reasons = [o.reason for o in score_to_columns(replace(score, parts=(part,))).outside]
    assert reasons == ["a note value other than the time it takes"]


def test_two_alterations_at_one_position_are_outside() -> None:
    columns = [*opening(time=meter(1, 4)), col(notes("1/4", 3), notes("1/4", 3)), BAR]
    score = decode(columns).score
    measure = score.parts[0].measures[0]
    upper = chords(measure)[0]
    sharp = replace(upper, notes=(replace(upper.notes[0], pitch=Pitch("A", 4, 1)),))
    voices = (replace(measure.voices[0], events=(sharp,)), measure.voices[1])
    changed = replace(score, parts=(replace(score.parts[0], measures=(replace(measure, voices=voices),)),))
    assert [o.reason for o in score_to_columns(changed).outside] == ["two alterations at one position"]


# Random scores -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(60))
def test_random_scores_come_back(seed: int) -> None:
    score = RandomScore(seed).make()
    columns = score_to_columns(score)
    outside = {o.measure for o in columns.outside}
    told = [
        [[column_from_factors(column_factors(c)) for c in own] for own in system]
        for system in columns.systems
    ]
    decoded = score_from_columns(told, columns.staves)
    assert (decoded.unsolved, decoded.disagreements) == ((), ())
    assert validate(decoded.score) == []
    for index, (got, want) in enumerate(zip(facts(decoded.score), facts(score), strict=True)):
        if not {index - 1, index, index + 1} & outside:
            assert got == want


@pytest.mark.parametrize("seed", range(60))
def test_random_scores_come_back_without_advance(seed: int) -> None:
    score = RandomScore(seed).make()
    columns = score_to_columns(score)
    outside = {o.measure for o in columns.outside}
    told = [[[_bare(c) for c in own] for own in system] for system in columns.systems]
    decoded = score_from_columns(told, columns.staves)
    for index, (got, want) in enumerate(zip(facts(decoded.score), facts(score), strict=True)):
        if not {index - 1, index, index + 1} & outside:
            assert got == want


def _any_column(draw: random.Random) -> Column:
    """Any column of the table, notes and barlines most of all."""
    while True:
        values = [0 if draw.random() < 0.93 else draw.randrange(len(f.values)) for f in FACTORS]
        kind = draw.choice(["notes", "notes", "notes", ("barline", "single"), None])
        values[0] = draw.randrange(1, len(FACTORS[0].values)) if kind is None else FACTORS[0].index[kind]
        for stem in ("up.value", "down.value"):
            values[next(i for i, f in enumerate(FACTORS) if f.name == stem)] = draw.choice([0, 0, 4, 5, 6])
        try:
            return column_from_factors(values)
        except NotationError:
            continue


@pytest.mark.parametrize("seed", range(15))
def test_whatever_is_read_becomes_a_score(seed: int) -> None:
    draw = random.Random(seed)
    staves = draw.choice([(1,), (2,), (1, 2)])
    systems = [
        [[_any_column(draw) for _ in range(draw.randrange(30))] for _ in range(sum(staves))] for _ in range(2)
    ]
    decoded = score_from_columns(systems, staves)
    wrong = [violation for violation in validate(decoded.score) if "the meter says" not in violation.reason]
    assert wrong == []
