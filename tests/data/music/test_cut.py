"""Excerpts of whole scores: what is carried in, what is cut off."""

from fractions import Fraction

import pytest

from focal_omr.data.music.cut import cut, signs_before
from focal_omr.score.score import (
    Clef,
    Hairpin,
    Key,
    Meter,
    Moment,
    MultiRest,
    Ottava,
    Part,
    PartGroup,
    Score,
    Sign,
    Slur,
)
from focal_omr.score.validate import validate
from tests.rich_scores import HALF, WHOLE, chord, measure, rest, rich_score

_TWO = Meter((((2,), 2),))


def _score() -> Score:
    """Four measures: a tie from the first to the second, a slur from the second to the third."""
    first = (
        chord("n1", Fraction(0), "C5", HALF),
        chord("n2", Fraction(1, 2), "D5", HALF, notes={"tie_to": "n3"}),
    )
    second = (chord("n3", Fraction(0), "D5", HALF), chord("n4", Fraction(1, 2), "E5", HALF))
    third = (chord("n5", Fraction(0), "F5", HALF), chord("n6", Fraction(1, 2), "G5", HALF))
    signs = (Sign(Fraction(0), Clef("G", 2), 1), Sign(Fraction(0), Key(2)), Sign(Fraction(0), _TWO))
    measures = (
        measure("Am1", first, signs=signs, break_before="page"),
        measure(
            "Am2", second, signs=(Sign(Fraction(1, 2), Clef("C", 3), 1), Sign(Fraction(0), Key(-1, cancel=2)))
        ),
        measure("Am3", third),
        measure("Am4", (rest("r", Fraction(0), WHOLE, measure=True),), multirest=MultiRest(1)),
    )
    spanners = (
        Slur("n4", "n5"),
        Slur("n5", "n6"),
        Ottava(Moment("Am1", Fraction(1, 2)), Moment("Am3", Fraction(1, 2)), 1),
        Hairpin(Moment("Am1", Fraction(0)), Moment("Am1", Fraction(1)), "crescendo"),
    )
    return Score(parts=(Part(id="A", measures=measures, spanners=spanners),), groups=(PartGroup("A", "A"),))


def test_the_whole_is_the_score_itself() -> None:
    score = _score()
    whole = cut(score, range(4))
    assert whole.parts[0].spanners == score.parts[0].spanners
    assert whole.parts[0].measures[0].break_before is None
    assert whole.parts[0].measures[1:] == score.parts[0].measures[1:]
    assert validate(whole) == []


def test_signs_in_force_are_carried_in_and_not_those_replaced() -> None:
    part = cut(_score(), range(1, 3)).parts[0]
    values = [sign.value for sign in part.measures[0].signs]
    assert values == [Clef("G", 2), _TWO, Clef("C", 3), Key(-1, cancel=2)]
    last = cut(_score(), range(2, 4)).parts[0].measures[0].signs
    assert [sign.value for sign in last] == [Clef("C", 3), Key(-1), _TWO]  # a carried key cancels nothing
    assert all(sign.onset == 0 for sign in last)
    assert signs_before(_score().parts[0], 0) == []


def test_what_leads_out_is_cut() -> None:
    part = cut(_score(), range(1)).parts[0]
    assert all(note.tie_to is None for note in part.measures[0].voices[0].events[1].notes)  # type: ignore[union-attr]
    assert part.spanners == (
        Ottava(Moment("Am1", Fraction(1, 2)), Moment("Am1", Fraction(1)), 1),
        Hairpin(Moment("Am1", Fraction(0)), Moment("Am1", Fraction(1)), "crescendo"),
    )
    later = cut(_score(), range(2, 3)).parts[0]
    assert later.spanners == (
        Slur("n5", "n6"),
        Ottava(Moment("Am3", Fraction(0)), Moment("Am3", Fraction(1, 2)), 1),
    )


def test_a_multi_measure_rest_needs_all_its_measures() -> None:
    score = _score()
    longer = (
        *score.parts[0].measures[:3],
        measure("Am4", (rest("r", Fraction(0), WHOLE, measure=True),), multirest=MultiRest(2)),
        measure("Am5", (rest("s", Fraction(0), WHOLE, measure=True),)),
    )
    part = Part(id="A", measures=longer)
    assert cut(Score(parts=(part,)), range(3, 4)).parts[0].measures[0].multirest is None
    assert cut(Score(parts=(part,)), range(3, 5)).parts[0].measures[0].multirest == MultiRest(2)


def test_parts_are_chosen_with_the_groups_that_hold_them() -> None:
    score = rich_score()
    assert [part.id for part in cut(score, range(3), [1]).parts] == ["B"]
    assert cut(score, range(3), [1]).groups == ()
    assert cut(score, range(3), [0, 1]).groups == score.groups


@pytest.mark.parametrize("start", range(3))
def test_excerpts_of_a_rich_score_are_valid(start: int) -> None:
    assert validate(cut(rich_score(), range(start, 3))) == []
