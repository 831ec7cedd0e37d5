"""Variations of whole scores: there and back again, and printed alike under another clef."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from focal_omr.data.music.score_stream import draw_composed
from focal_omr.data.music.variation import rescaled, transposed, under_clef
from focal_omr.encodings.columns import Column, NoteColumn, SignColumn
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.score.score import Chord, Clef, Key, Part, Pitch, Score, Sign
from focal_omr.score.validate import validate
from tests.rich_scores import HALF, chord, measure


def _one(names: str, *signs: Sign) -> Score:
    events = tuple(chord(f"n{i}", Fraction(i, 2), name, HALF) for i, name in enumerate(names.split()))
    return Score(parts=(Part(id="A", measures=(measure("Am1", events, signs=signs),)),))


def _pitches(score: Score) -> list[Pitch]:
    return [n.pitch for *_, e in score.events() if isinstance(e, Chord) for n in e.notes]  # type: ignore[misc]


@pytest.mark.parametrize(("fifths", "names"), [(1, "G4 C#5"), (-1, "F4 B4"), (2, "D4 G#4"), (-3, "Eb4 A4")])
def test_a_score_moves_with_its_key(fifths: int, names: str) -> None:
    score = _one("C4 F#4", Sign(Fraction(0), Key(0)))
    moved = transposed(score, fifths)
    assert moved is not None
    assert moved.parts[0].measures[0].signs == (Sign(Fraction(0), Key(fifths)),)
    assert _pitches(moved) == _pitches(_one(names))


@pytest.mark.parametrize("seed", range(12))
def test_variations_undo_each_other(seed: int) -> None:
    score = draw_composed(Random(seed)).score
    plain = replace(score, parts=tuple(replace(p, spanners=()) for p in score.parts))
    up = transposed(score, 2, -1)
    if up is not None:
        assert validate(up) == []
        back = transposed(up, -2)
        assert back is not None
        assert _pitches(back) == _pitches(transposed(score, 0, 0))  # type: ignore[arg-type]
    longer = rescaled(plain, 1)
    if longer is not None:
        again = rescaled(longer, -1)
        assert again is not None
        assert [(e.onset, e.length) for *_, e in again.events()] == [
            (e.onset, e.length) for *_, e in score.events()
        ]


def _places(columns: tuple[Column, ...]) -> list[list[list[int]]]:
    """Positions of the heads of each stem, column by column."""
    return [
        [[position for position, _ in group.heads] for group in column.groups if group]
        for column in columns
        if isinstance(column, NoteColumn)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_under_another_clef_every_note_stays_at_its_position(seed: int) -> None:
    score = draw_composed(Random(seed)).score
    changed = under_clef(score, 0, Clef("C", 4))
    if changed is None:
        return
    assert validate(changed) == []
    before, after = (score_to_columns(each).systems[0] for each in (score, changed))
    assert after[0][0] == SignColumn("clef", Clef("C", 4))
    assert _places(after[0]) == _places(before[0])
    assert after[1:] == before[1:]


def test_what_is_not_possible_is_none() -> None:
    sharp = _one("C4 F#4", Sign(Fraction(0), Key(6)))
    assert transposed(sharp, 2) is None  # eight sharps
    assert transposed(_one("Cbb4 D4"), -7) is None  # a triple flat
    assert rescaled(rescaled(_one("C4 D4"), 1) or sharp, 2) is None  # four whole notes in one
    assert under_clef(sharp, 0, Clef("F", 4)) is None  # no clef to replace
