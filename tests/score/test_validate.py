"""Validation of scores: what is right has no violations, and each violation is named with its place."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from musicxml_snippets import SNIPPETS, document, measure, note
from score_strategies import scores

from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.score.score import (
    Chord,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Ending,
    Event,
    Fingering,
    Glissando,
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
    Space,
    Spanner,
    Tuplet,
    Voice,
)
from focal_omr.score.validate import validate

F = Fraction
QUARTER = Duration(F(1, 4))


def _chord(id_: str, onset: Fraction) -> Chord:
    notes = (Note(id=id_, pitch=Pitch("C", 5)),)
    return Chord(id=id_, onset=onset, duration=QUARTER, length=F(1, 4), notes=notes)


def _measure(number: int) -> Measure:
    events = tuple(_chord(f"m{number}n{beat}", F(beat, 4)) for beat in range(4))
    return Measure(id=f"m{number}", number=str(number), voices=(Voice(1, events),))


VALID = Score(
    parts=(
        Part(
            id="P1",
            measures=(
                replace(_measure(1), signs=(Sign(F(0), Meter((((4,), 4),))),)),
                *map(_measure, (2, 3)),
            ),
        ),
    )
)


def _with_measure(index: int, change: Callable[[Measure], Measure]) -> Score:
    part = VALID.parts[0]
    measures = [change(m) if number == index else m for number, m in enumerate(part.measures)]
    return replace(VALID, parts=(replace(part, measures=tuple(measures)),))


def _with_event(index: int, change: Callable[[Chord], Event]) -> Score:
    """The score with an event of its second measure changed."""

    def changed(measure: Measure) -> Measure:
        events = [
            change(e) if number == index and isinstance(e, Chord) else e
            for number, e in enumerate(measure.voices[0].events)
        ]
        return replace(measure, voices=(Voice(1, tuple(events)),))

    return _with_measure(1, changed)


def _with_spanner(spanner: Spanner) -> Score:
    return replace(VALID, parts=(replace(VALID.parts[0], spanners=(spanner,)),))


def _with_note(**change: object) -> Score:
    return _with_event(1, lambda e: replace(e, notes=(replace(e.notes[0], **change),)))  # type: ignore[arg-type]


def _with_sign(value: Clef | Key | Meter, staff: int | None = None) -> Score:
    return _with_measure(1, lambda m: replace(m, signs=(Sign(F(1, 4), value, staff),)))


def _moment(measure: str, onset: Fraction = Fraction(0)) -> Moment:
    return Moment(measure, onset)


LOW_HIGH = (Note(id="a", pitch=Pitch("E", 5)), Note(id="b", pitch=Pitch("C", 5)))

VIOLATIONS: dict[str, tuple[Score, list[str]]] = {
    "an id twice": (
        _with_event(1, lambda _: _chord("m1n1", F(1, 4))),
        ["part P1, measure 2: id 'm1n1' is used twice"],
    ),
    "no id": (_with_measure(1, lambda m: replace(m, id="")), ["part P1, measure 2: an id is empty"]),
    "a gap": (
        _with_event(1, lambda e: replace(e, onset=F(3, 8))),
        [
            "part P1, measure 2: begins at 3/8, the event before ends at 1/4",
            "part P1, measure 2: begins at 1/2, the event before ends at 5/8",
        ],
    ),
    "a voice that ends early": (
        _with_measure(
            1, lambda m: replace(m, voices=(*m.voices, Voice(2, (_chord("x", F(0)),))))
        ),
        ["part P1, measure 2: voice 2 ends at 1/4, the longest one at 1"],
    ),
    "a short measure": (
        _with_measure(1, lambda m: replace(m, voices=(Voice(1, m.voices[0].events[:3]),))),
        ["part P1, measure 2: lasts 3/4, the meter says 1"],
    ),
    "a length that is not that of the duration": (
        _with_event(3, lambda e: replace(e, duration=Duration(F(1, 8)))),
        ["part P1, measure 2: lasts 1/4, its duration and tuplets give 1/8"],
    ),
    "no note value": (
        _with_event(3, lambda e: replace(e, duration=Duration(F(1, 3)))),
        [
            "part P1, measure 2: 1/3 is no note value",
            "part P1, measure 2: lasts 1/4, its duration and tuplets give 1/3",
        ],
    ),
    "no notes": (
        _with_event(1, lambda e: replace(e, notes=())),
        ["part P1, measure 2: a chord without notes"],
    ),
    "notes from high to low": (
        _with_event(1, lambda e: replace(e, notes=LOW_HIGH)),
        ["part P1, measure 2: its notes are not ordered from low to high"],
    ),
    "a space without length": (
        _with_measure(
            1,
            lambda m: replace(
                m, voices=(Voice(1, (Space(id="s", onset=F(0), length=F(0)), *m.voices[0].events)),)
            ),
        ),
        ["part P1, measure 2: a space without length"],
    ),
    "a staff too many": (
        _with_event(1, lambda e: replace(e, staff=2)),
        ["part P1, measure 2: staff 2 of a part with 1"],
    ),
    "a note on a staff too many": (_with_note(staff=3), ["part P1, measure 2: staff 3 of a part with 1"]),
    "a clef on a staff too many": (
        _with_sign(Clef("G", 2), 2),
        ["part P1, measure 2: staff 2 of a part with 1"],
    ),
    "dynamics on a staff too many": (
        _with_measure(1, lambda m: replace(m, directions=(Direction(F(0), Dynamic("p"), 2),))),
        ["part P1, measure 2: staff 2 of a part with 1"],
    ),
    "a fingering of another chord": (
        _with_event(1, lambda e: replace(e, marks=(Fingering("1", "m1n1"),))),
        ["part P1, measure 2: a fingering of note 'm1n1', which is not in the chord"],
    ),
    "a beam that was not begun": (
        _with_event(1, lambda e: replace(e, beams=("end",))),
        ["part P1, measure 2: beam 'end' does not follow the beam before it"],
    ),
    "no such clef": (
        _with_sign(Clef("G", 9)),
        ["part P1, measure 2: no such sign: Clef(shape='G', line=9, octave=0)"],
    ),
    "no such key": (_with_sign(Key(8)), ["part P1, measure 2: no such sign: Key(fifths=8, cancel=None)"]),
    "no such meter": (
        _with_sign(Meter((((0,), 4),))),
        ["part P1, measure 2: no such sign: Meter(terms=(((0,), 4),), symbol=None)"],
    ),
    "a tie to nothing": (
        _with_note(tie_to="x"),
        ["part P1, measure 2: a tie to 'x', which is no note of the part"],
    ),
    "a tie backwards": (
        _with_note(tie_to="m1n1"),
        ["part P1, measure 2: a tie to 'm1n1', which does not come later"],
    ),
    "a tie to another pitch": (
        _with_note(tie_to="m3n0", pitch=Pitch("D", 5)),
        ["part P1, measure 2: a tie to 'm3n0', which has another pitch"],
    ),
    "a slur to nothing": (_with_spanner(Slur("m1n1", "x")), ["part P1: slur at 'x', which is unknown"]),
    "a slur backwards": (
        _with_spanner(Slur("m2n1", "m1n1")),
        ["part P1, measure 2: the slur ends before it begins"],
    ),
    "a glissando between events that are no notes": (
        _with_spanner(Glissando("m1", "m1n1")),
        ["part P1: glissando at 'm1', which is unknown"],
    ),
    "a hairpin at no measure": (
        _with_spanner(Hairpin(_moment("m1"), _moment("x"), "crescendo")),
        ["part P1: hairpin at unknown measure 'x'"],
    ),
    "a hairpin backwards": (
        _with_spanner(Hairpin(_moment("m1", F(1, 2)), _moment("m1"), "crescendo")),
        ["part P1, measure 1: the hairpin ends before it begins"],
    ),
    "an ending backwards": (
        _with_spanner(Ending("m2", "m1", "1")),
        ["part P1, measure 2: the ending ends before it begins"],
    ),
    "a tuplet over a barline": (
        _with_spanner(Tuplet("m1n1", "m2n1", 3, 2)),
        ["part P1, measure 1: the tuplet does not lie in one voice of one measure"],
    ),
    "a tuplet of nothing": (
        _with_spanner(Tuplet("m1n1", "m1n1", 0, 2)),
        ["part P1, measure 1: a tuplet of 0:2"],
    ),
    "parts of unlike numbers of measures": (
        replace(
            VALID,
            parts=(
                *VALID.parts,
                Part(id="P2", measures=(replace(_measure(9), id="x"),)),
            ),
        ),
        ["part P2: 1 measures, but part P1 has 3"],
    ),
}  # fmt: skip


def test_a_valid_score_has_no_violations() -> None:
    assert validate(VALID) == []


@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_named_with_its_place(name: str) -> None:
    score, expected = VIOLATIONS[name]
    assert [str(violation) for violation in validate(score)] == expected


@given(scores())
def test_random_scores_are_valid(score: Score) -> None:
    assert validate(score) == []


@pytest.mark.parametrize(
    "name", ["beams", "beam over a barline and a rest", "grace notes", "tremolo", "pickup"]
)
def test_these_are_no_violations(name: str) -> None:
    assert validate(read_musicxml(SNIPPETS[name])) == []


def test_grace_notes_inside_a_beam_have_beams_of_their_own() -> None:
    grace = "<grace/>"
    body = (
        note("C5", "eighth", beam="begin")
        + note("D5", "16th", head=grace, beam="begin,begin")
        + note("E5", "16th", head=grace, beam="end,end")
        + note("C5", "eighth", beam="end")
        + note("C5", "half", value="<dot/>", ticks=36)
    )
    assert validate(read_musicxml(document(measure(body)))) == []


def test_short_measures_beside_double_barlines_are_no_violations() -> None:
    half = note("C5", "half")
    double = "<barline location='right'><bar-style>light-light</bar-style></barline>"
    whole = note("C5", "whole")
    bars = (whole, half + double, half, whole)
    data = document(*(measure(bar, number) for number, bar in enumerate(bars, 1)))
    assert validate(read_musicxml(data)) == []


def test_rests_of_the_measure_last_as_long_as_it() -> None:
    def rest(m: Measure) -> Measure:
        event = Rest(id="r", onset=F(0), duration=Duration(F(1)), length=F(1, 2), measure=True)
        return replace(m, voices=(*m.voices, Voice(2, (event,))))

    assert [v.reason for v in validate(_with_measure(1, rest))] == [
        "voice 2 ends at 1/2, the longest one at 1",
        "lasts 1/2, its duration and tuplets give 1",
    ]
