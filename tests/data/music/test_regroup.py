"""The same music on other staves."""

from dataclasses import replace
from fractions import Fraction

from focal_omr.data.music.regroup import on_one_staff, one_staff
from focal_omr.encodings.columns import NoteColumn
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.score.score import Clef, Lyric, Part, Score, Sign, Slur
from focal_omr.score.validate import validate
from tests.rich_scores import HALF, WHOLE, chord, measure, rest, rich_score


def _sung(id_: str, names: str, clef: Clef, **how: object) -> Part:
    events = tuple(
        chord(f"{id_}{i}", Fraction(i, 2), name, HALF, marks=(Lyric("la"),))
        for i, name in enumerate(names.split())
    )
    own = measure(f"{id_}m1", events, signs=(Sign(Fraction(0), clef, 1),), **how)
    return Part(id=id_, measures=(own,), spanners=(Slur(f"{id_}0", f"{id_}1"),))


def test_two_parts_share_a_staff_with_stems_up_and_down() -> None:
    joined = on_one_staff(_sung("S", "C5 D5", Clef("G", 2)), _sung("A", "E4 F4", Clef("G", 2)))
    assert joined is not None
    score = Score(parts=(joined,))
    assert validate(score) == []
    columns = [c for c in score_to_columns(score).systems[0][0] if isinstance(c, NoteColumn)]
    assert [[group is not None for group in c.groups] for c in columns] == [[True, True, False]] * 2
    lyrics = [e.id for *_, e in score.events() for mark in getattr(e, "marks", ()) if isinstance(mark, Lyric)]
    assert lyrics == ["S0", "S1"]
    assert joined.spanners == (Slur("S0", "S1"), Slur("A0", "A1"))


def test_one_of_two_rests_of_the_measure_is_enough() -> None:
    parts = [
        Part(
            id=name,
            measures=(
                measure(
                    f"{name}m1",
                    (rest(name + "r", Fraction(0), WHOLE, measure=True),),
                    signs=(Sign(Fraction(0), Clef("G", 2)),),
                ),
            ),
        )
        for name in "SA"
    ]
    joined = on_one_staff(*parts)
    assert joined is not None
    assert len(joined.measures[0].voices) == 1


def test_parts_that_cannot_share_a_staff() -> None:
    upper, lower = _sung("S", "C5 D5", Clef("G", 2)), _sung("A", "E4 F4", Clef("G", 2))
    two_voices = replace(
        lower.measures[0], voices=(*lower.measures[0].voices, replace(upper.measures[0].voices[0], number=2))
    )
    assert on_one_staff(upper, replace(lower, measures=(two_voices,))) is None
    assert on_one_staff(upper, replace(lower, measures=lower.measures * 2)) is None
    assert on_one_staff(upper, _sung("P", "E4 F4", Clef("percussion", 3))) is None


def test_a_staff_of_a_piano_alone() -> None:
    piano = rich_score().parts[1]
    assert one_staff(piano, 1) is None  # its voice goes to the other staff
    first = replace(piano, measures=piano.measures[1:], spanners=piano.spanners[1:])
    upper = one_staff(first, 1)
    assert upper is not None
    assert upper.staves == 1
    assert validate(Score(parts=(upper,))) == []
    assert {event.staff for *_, event in Score(parts=(upper,)).events()} == {1}
