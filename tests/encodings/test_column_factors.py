"""The factor table: every value comes back, and what it cannot say is named."""

from fractions import Fraction

import pytest
from made_columns import col, notes

from focal_omr.encodings.column_factors import FACTORS, POSITIONS, WIDTH, column_factors, column_from_factors
from focal_omr.encodings.columns import Column, Group, Head, NoteColumn, SignColumn
from focal_omr.errors import NotationError
from focal_omr.score.score import Clef, Duration, Meter

NAMES = {factor.name: number for number, factor in enumerate(FACTORS)}
NOTES = FACTORS[0].values.index("notes")


def test_the_table_is_as_wide_as_its_values() -> None:
    assert len(NAMES) == len(FACTORS)
    assert sum(len(factor.values) for factor in FACTORS) == WIDTH
    assert 700 <= WIDTH <= 1000
    assert [factor.offset for factor in FACTORS[1:]] == [f.offset + len(f.values) for f in FACTORS[:-1]]


def test_every_kind_of_sign_comes_back() -> None:
    beats, unit = NAMES["meter.beats"], NAMES["meter.unit"]
    for index, kind in enumerate(FACTORS[0].values):
        if kind in ("blank", "notes", "multirest"):
            continue
        values = [-1] * len(FACTORS)
        values[0] = index
        if kind == ("meter", "fraction"):
            values[beats], values[unit] = 6, 3
        assert column_factors(column_from_factors(values)) == tuple(values), kind


def test_every_meter_comes_back() -> None:
    for beats in FACTORS[NAMES["meter.beats"]].values:
        for unit in FACTORS[NAMES["meter.unit"]].values:
            column = SignColumn("meter", Meter(((beats, unit),)))
            assert column_from_factors(column_factors(column)) == column


@pytest.mark.parametrize("measures", range(1, 100))
def test_every_multi_measure_rest_comes_back(measures: int) -> None:
    column = SignColumn("multirest", measures)
    assert column_from_factors(column_factors(column)) == column


def _values_that_matter() -> list[list[int]]:
    """Each value of each factor of notes once, in a column where it is asked."""
    up, down, third = (NAMES[f"{stem}.value"] for stem in ("up", "down", "third"))
    first = NAMES[f"{POSITIONS[0]}.head"]
    made = []
    for number, factor in enumerate(FACTORS):
        if number in (0, NAMES["meter.beats"], NAMES["meter.unit"]) or factor.name.startswith("multirest"):
            continue
        for index in range(len(factor.values)):
            values = [-1] * len(FACTORS)
            values[0], values[NAMES["advance"]] = NOTES, 1
            values[first::4] = [0] * len(POSITIONS)
            for value in (up, down, third):
                values[value : value + 7] = [4, 0, 0, 0, 0, 0, 0]
            for position, head in ((0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)):
                place = NAMES[f"{position}.head"]
                values[place : place + 4] = [head, 0, 0, 0]
            where = factor.name.split(".")[0]
            if number >= first:
                place = NAMES[f"{where}.head"]
                if values[place] == 0:
                    values[place : place + 4] = [4, 0, 0, 0]
            values[number] = index
            made.append(_normal(values))
    return made


def _normal(values: list[int]) -> list[int]:
    """Without what is not asked: heads of a rest, accidentals without heads."""
    for number, stem in enumerate(("up", "down", "third"), 1):
        place = NAMES[f"{stem}.value"]
        rest = values[place + 2] == 1 or values[place] < 2
        if values[place] == 0:
            values[place + 1 : place + 7] = [-1] * 6
        elif values[place] == 1:
            values[place + 1 : place + 6] = [-1] * 5
        for position in POSITIONS if rest else ():
            head = NAMES[f"{position}.head"]
            if values[head] == number or (values[head] == 4 and number < 3):
                values[head] = 0 if values[head] == number else 3 - number
                values[head + 2] = min(values[head + 2], 1)
    for position in POSITIONS:
        head = NAMES[f"{position}.head"]
        if values[head] == 0:
            values[head + 1 : head + 4] = [-1] * 3
        elif values[head] < 4:
            values[head + 2] = min(values[head + 2], 1)
    return values


def test_every_value_of_notes_comes_back() -> None:
    made = _values_that_matter()
    assert len(made) > 700
    for values in made:
        assert list(column_factors(column_from_factors(values))) == values


def test_an_advance_outside_the_table_is_left_to_the_durations() -> None:
    column = col(notes("1/4", 0), advance="17/23")
    assert column_from_factors(column_factors(column)) == NoteColumn(column.groups, None)


def test_a_shared_head_has_one_accidental_and_a_tie_for_each_stem() -> None:
    sharp = "sharp"
    column = col(notes("1/4", (3, Head(sharp, True))), notes("1/2", (3, Head(sharp))), advance="1/4")
    assert column_from_factors(column_factors(column)) == column


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (col(notes("1/4", 21)), "a note more than six spaces from the staff"),
        (col(notes("1/4", -13)), "a note more than six spaces from the staff"),
        (col(notes("1/4", 0, ratio=(17, 16))), "tuplets of 17:16"),
        (col(notes("1/1024", 0)), "a note value of 1/1024"),
        (col(notes("1/4", 0, dots=4)), "4 dots"),
        (col(notes("1/4", 0, tremolo=7)), "a tremolo of 7 strokes between two stems"),
        (col(None, None, notes("1/8", 0, grace="plain")), "a grace note on a third stem"),
        (
            col(notes("1/4", 0), notes("1/4", 0), notes("1/4", 0)),
            "heads of more than two stems",
        ),
        (
            col(notes("1/4", (0, Head("flat"))), notes("1/4", (0, Head("sharp")))),
            "two different heads at one position",
        ),
        (col(notes("1/4", (0, Head("triple-sharp")))), "an accidental triple-sharp"),
        (col(notes("1/4", (0, Head(kind="cluster")))), "a head of kind cluster"),
        (SignColumn("clef", Clef("TAB", 5)), "the clef"),
        (SignColumn("barline", "wavy"), "the barline wavy"),
        (SignColumn("multirest", 100), "a rest of 100 measures"),
        (SignColumn("meter", Meter((((23,), 16),))), "a meter of 23/16"),
        (SignColumn("meter", Meter((((2,), 4), ((3,), 8)))), "a meter of several fractions"),
    ],
)
def test_what_the_table_cannot_say_is_named(column: Column, reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        column_factors(column)


def test_values_that_are_no_column() -> None:
    with pytest.raises(NotationError, match="blank"):
        column_from_factors([0] * len(FACTORS))
    empty = list(column_factors(col(notes("1/4", 0))))
    empty[NAMES["0.head"]] = 0
    with pytest.raises(NotationError, match="without a note or rest"):
        column_from_factors(empty)


def test_a_second_head_is_the_third_stem_s_where_there_is_one() -> None:
    for column in (col(notes("1/4", 3, 3)), col(notes("1/4", 3), None, notes("1/2", 3))):
        assert column_from_factors(column_factors(column)) == column


def test_a_stem_may_have_no_head_at_its_end() -> None:
    column = col(notes("1/4", (3, Head(kind="none"))))
    assert column_from_factors(column_factors(column)) == column


def test_a_rest_has_no_heads() -> None:
    values = list(column_factors(col(notes("1/4", 0))))
    values[NAMES["up.rest"]] = 1
    assert column_from_factors(values) == NoteColumn((Group(Duration(Fraction(1, 4))), None, None), None)
