"""Staves cut out of engraved systems: where the lines lie, and whether the labels say what is drawn."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from rich_scores import EIGHTH, HALF, QUARTER, WHOLE, chord

from focal_omr.data.engraving.system_staves import STAFF_HEIGHT_PX, EngravedStaff, engrave_system
from focal_omr.encodings.as_printed import as_printed
from focal_omr.encodings.columns import NoteColumn, SignColumn
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import EngraveError
from focal_omr.formats.verovio import Engraver
from focal_omr.score.score import (
    Chord,
    Clef,
    Direction,
    Dynamic,
    Event,
    Key,
    Lyric,
    Measure,
    Meter,
    Part,
    PartGroup,
    Rest,
    Score,
    Sign,
    Slur,
    Voice,
)

F = Fraction
_QUARTER_ON = (F(0), F(1, 4), F(1, 2), F(3, 4))


def _measure(id_: str, *voices: tuple[Event, ...], signs: tuple[Sign, ...] = ()) -> Measure:
    return Measure(
        id=id_,
        number="1",
        voices=tuple(Voice(number, events) for number, events in enumerate(voices, 1)),
        signs=signs,
    )


def _song() -> Score:
    """A voice with lyrics and a piano of two staves, one measure."""
    opening = (Sign(F(0), Clef("G", 2)), Sign(F(0), Key(-2)), Sign(F(0), Meter((((4,), 4),))))
    melody = tuple(
        chord(f"v{n}", onset, name, marks=(Lyric("la"),))
        for n, (onset, name) in enumerate(zip(_QUARTER_ON, ("B4", "E#5", "A4", "G6"), strict=True))
    )
    right = (
        chord("r1", F(0), "C4 D4 G4", HALF),
        chord("r2", F(1, 2), "E4 F4", QUARTER, notes={"accidental": "natural"}),
        Rest(id="r3", onset=F(3, 4), duration=QUARTER, length=F(1, 4)),
    )
    low = (chord("l1", F(0), "G3", WHOLE, staff=2),)
    bass = (
        chord("b1", F(0), "C3", HALF, staff=2),
        *(chord(f"b{n}", F(n, 8), "D3", EIGHTH, staff=2) for n in range(4, 8)),
    )
    signs = (Sign(F(0), Clef("G", 2), 1), Sign(F(0), Clef("F", 4), 2), *opening[1:])
    piano = _measure("pm", right, low, bass, signs=signs)
    piano = replace(piano, directions=(Direction(F(0), Dynamic("mf"), 1, "below"),))
    score = Score(
        parts=(
            Part(id="P1", name="Voice", measures=(_measure("vm", melody, signs=opening),)),
            Part(id="P2", name="Piano", staves=2, measures=(piano,), spanners=(Slur("b4", "b7"),)),
        ),
        groups=(PartGroup("P1", "P2"),),
    )
    return as_printed(score, stems=False)[0]


@pytest.fixture(scope="module")
def staves() -> list[EngravedStaff]:
    return engrave_system(Engraver(), Random(1), _song())


def test_the_lines_of_each_staff_lie_at_rows_70_to_110(staves: list[EngravedStaff]) -> None:
    assert len(staves) == 3
    for staff in staves:
        assert staff.gray.shape[0] == STAFF_HEIGHT_PX == 180
        ink = 255 - staff.gray[60:121, 60:-60].mean(axis=1)
        assert sorted(60 + row for row in np.argsort(ink)[-5:]) == [70, 80, 90, 100, 110]


def test_columns_are_those_of_the_score_from_left_to_right(staves: list[EngravedStaff]) -> None:
    columns = score_to_columns(staves[0].score).systems[0]
    assert [staff.columns for staff in staves] == list(columns)
    for staff in staves:
        assert list(staff.xs) == sorted(staff.xs)
        assert staff.xs[0] > 60


def test_the_score_says_the_stems_that_are_drawn(staves: list[EngravedStaff]) -> None:
    stems = {e.id: e.stem for *_, e in staves[0].score.events() if isinstance(e, Chord)}
    assert stems["b1"] == "down"  # below another voice
    assert stems["v3"] == "down"
    assert stems["v2"] == "up"
    assert stems["l1"] is None


def test_every_drawn_element_has_its_staff_and_its_box(staves: list[EngravedStaff]) -> None:
    voice, right, left = ({(e.kind, e.id): e.box for e in s.elements if e.staff == s.staff} for s in staves)
    assert {f"v{n}" for n in range(4)} == {id_ for kind, id_ in voice if kind == "head"}
    assert {f"v{n}" for n in range(4)} == {id_ for kind, id_ in voice if kind == "lyric"}
    assert ("accidental", "v1") in voice
    assert {("rest", "r3"), ("stem", "r1"), ("head", "r1.2")} <= set(right)
    assert any(kind == "dynamic" for kind, _ in right)
    assert ("slur", "b4") in left
    # The middle line of the treble clef is B4, a line is ten pixels from the next one.
    for id_, row in (("v0", 90), ("v2", 95), ("v3", 30)):
        left_, top, right_, bottom = voice["head", id_]
        assert abs((top + bottom) / 2 - row) < 1
        assert 10 < right_ - left_ < 16


def test_the_ink_of_heads_lies_in_their_boxes(staves: list[EngravedStaff]) -> None:
    for staff in staves:
        for element in staff.elements:
            if element.kind == "head" and element.staff == staff.staff:
                left, top, right, bottom = map(round, element.box)
                middle = staff.gray[max(top, 0) + 2 : bottom - 2, left + 3 : right - 3]
                assert middle.min() < 100


def test_the_x_of_a_column_is_that_of_its_stem(staves: list[EngravedStaff]) -> None:
    right = staves[1]
    (chord_x,) = [
        x
        for column, x in zip(right.columns, right.xs, strict=True)
        if isinstance(column, NoteColumn) and any(g and g.event == "r1" for g in column.groups)
    ]
    (stem,) = [e for e in right.elements if (e.kind, e.id) == ("stem", "r1")]
    assert abs(stem.x - chord_x) < 0.01


def test_a_system_that_is_too_wide_is_refused() -> None:
    score = _song()
    many = []
    for part in score.parts:
        first = part.measures[0]
        bars = [_renamed(first, n) for n in range(30)]
        many.append(replace(part, measures=tuple(bars), spanners=()))
    with pytest.raises(EngraveError, match="spaces wide with the tightest spacing"):
        engrave_system(Engraver(), Random(1), replace(score, parts=tuple(many)))


def _renamed(measure: Measure, number: int) -> Measure:
    """A copy of a measure with other ids."""

    def event(old: Event) -> Event:
        if isinstance(old, Chord):
            notes = tuple(replace(n, id=f"{n.id}-{number}") for n in old.notes)
            return replace(old, id=f"{old.id}-{number}", notes=notes)
        return replace(old, id=f"{old.id}-{number}")

    voices = tuple(replace(v, events=tuple(map(event, v.events))) for v in measure.voices)
    return replace(measure, id=f"{measure.id}-{number}", voices=voices, signs=() if number else measure.signs)


def test_what_columns_cannot_say_is_refused() -> None:
    score = _song()
    part = score.parts[0]
    broken = replace(part.measures[0], unread=())
    two = tuple(
        Voice(n, (Rest(id=f"m{n}", onset=F(0), duration=WHOLE, length=F(1), measure=True),)) for n in (1, 2)
    )
    broken = replace(broken, voices=two)
    with pytest.raises(EngraveError, match="columns cannot say two rests of the whole measure"):
        engrave_system(Engraver(), Random(1), Score(parts=(replace(part, measures=(broken,)),)))


def test_the_same_seed_draws_the_same(staves: list[EngravedStaff]) -> None:
    again = engrave_system(Engraver(), Random(1), _song())
    other = engrave_system(Engraver(), Random(2), _song())
    assert all(
        np.array_equal(a.gray, b.gray) and a.elements == b.elements
        for a, b in zip(staves, again, strict=True)
    )
    assert not np.array_equal(staves[0].gray, other[0].gray)


def test_a_barline_stands_on_every_staff(staves: list[EngravedStaff]) -> None:
    for staff in staves:
        assert isinstance(staff.columns[-1], SignColumn)
        assert staff.columns[-1].kind == "barline"
        own = [e for e in staff.elements if e.kind == "barline" and e.staff == staff.staff]
        assert len(own) == 1
        assert abs(own[0].box[1] - 70) < 1.5
        assert abs(own[0].box[3] - 110) < 1.5
