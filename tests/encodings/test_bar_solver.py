"""The bar solver on measures made by hand."""

import time
from fractions import Fraction

import pytest
from made_columns import col, notes

from focal_omr.encodings.bar_solver import SolvedBar, solve_bar
from focal_omr.encodings.columns import Group, NoteColumn


def onsets(solved: SolvedBar, staff: int = 0) -> str:
    return " ".join(str(onset) for onset in solved.onsets[staff])


def up(*values: str) -> list[NoteColumn]:
    return [col(notes(value, 0)) for value in values]


FULL = Fraction(1)


def test_one_voice() -> None:
    solved = solve_bar([up("1/4", "1/8", "1/8", "1/2")], FULL)
    assert (onsets(solved), solved.length, solved.unsolved) == ("0 1/4 3/8 1/2", FULL, ())


def test_the_next_column_begins_when_the_first_stem_ends() -> None:
    columns = [
        col(notes("1/4", 4), notes("1/2", 0)),
        col(notes("1/2", 4)),
        col(None, notes("1/2", 0)),
        col(notes("1/4", 4)),
    ]
    assert onsets(solve_bar([columns], FULL)) == "0 1/4 1/2 3/4"


def test_a_stem_that_still_sounds_waits() -> None:
    columns = [col(notes("1/4", 4), notes("1/2", 0)), col(None, notes("1/2", 0))]
    assert onsets(solve_bar([columns], FULL)) == "0 1/2"


def test_tuplets_against_plain_notes() -> None:
    triplet = notes("1/4", 4, ratio=(3, 2))
    columns = [
        col(triplet, notes("1/4", 0)),
        col(triplet),
        col(None, notes("1/4", 0)),
        col(triplet),
        col(notes("1/2", 4), notes("1/2", 0)),
    ]
    assert onsets(solve_bar([columns], FULL)) == "0 1/6 1/4 1/3 1/2"


def test_grace_notes_begin_with_what_they_lead_to() -> None:
    grace = col(notes("1/8", 0, grace="plain"))
    assert (
        onsets(solve_bar([[grace, *up("1/2"), grace, grace, *up("1/2"), grace]], FULL)) == "0 0 1/2 1/2 1/2 1"
    )


def test_a_measure_rest_has_no_time() -> None:
    whole = NoteColumn((Group(None), None, None))
    solved = solve_bar([[whole], up("1/4", "1/2")], Fraction(3, 4))
    assert (onsets(solved), onsets(solved, 1), solved.length) == ("0", "0 1/4", Fraction(3, 4))
    assert solve_bar([[whole]], None).length == 1


def test_the_other_staves_tell_the_length_of_a_pickup() -> None:
    solved = solve_bar([up("1/4"), up("1/8", "1/8")], FULL, pickup=True)
    assert (solved.length, onsets(solved), onsets(solved, 1)) == (Fraction(1, 4), "0", "0 1/8")


def test_without_meter_the_longest_staff_tells() -> None:
    assert solve_bar([up("1/4", "1/1"), up("1/4")], None).length == Fraction(5, 4)


def test_advance_tells_of_silence() -> None:
    columns = [
        col(notes("1/4", 4), notes("1/8", 0), advance="1/4"),
        col(None, notes("1/4", 0), advance="3/4"),
    ]
    assert onsets(solve_bar([columns, up("1/1")], FULL)) == "0 1/4"
    bare = [col(*column.groups) for column in columns]
    assert solve_bar([bare, up("1/1")], FULL).unsolved == ()


def test_a_wrong_advance_is_outvoted() -> None:
    columns = up("1/4", "1/4", "1/2")
    wrong = [col(columns[0].groups[0], advance="1/4"), col(columns[1].groups[0], advance="1/8"), columns[2]]
    assert onsets(solve_bar([wrong], FULL)) == "0 1/4 1/2"


def test_silence_at_the_beginning() -> None:
    late = [col(notes("1/4", 0), advance="1/4"), col(notes("1/4", 0), advance="1/4")]
    assert onsets(solve_bar([up("1/1"), late], FULL), 1) == "1/2 3/4"


def test_a_measure_does_not_begin_with_silence_of_all_staves() -> None:
    """The last measure is short, and one staff begins late."""
    eighths = [col(notes("1/8", 0), advance="1/8") for _ in range(2)]
    solved = solve_bar([eighths, eighths[:1]], Fraction(1), pickup=True)
    assert (onsets(solved), onsets(solved, 1), solved.length) == ("0 1/8", "1/8", Fraction(1, 4))


def test_a_staff_that_nothing_completes_is_named() -> None:
    solved = solve_bar([up("1/2", "1/2"), up("1/2", "1/2", "1/8"), up("1/1")], FULL)
    assert solved.unsolved == (1,)
    assert solved.length == Fraction(9, 8)
    assert onsets(solved, 1) == "0 1/2 1"


@pytest.mark.parametrize("parts", [4, 12])
def test_a_bar_takes_little_time(parts: int) -> None:
    staff = [
        col(notes("1/16", 4), notes("1/8", 0)) if step % 2 == 0 else col(notes("1/16", 4))
        for step in range(16)
    ]
    staves = [staff for _ in range(parts)]
    solve_bar(staves, FULL)
    began = time.perf_counter()
    for _ in range(10):
        solved = solve_bar(staves, FULL)
    assert solved.onsets[-1][-1] == Fraction(15, 16)
    assert time.perf_counter() - began < 0.02 * parts  # 10 bars; measured: a twentieth of it


def test_bad_readings_end_soon() -> None:
    odd = [col(notes("1/16", 4), notes("1/8" if step % 3 else "1/2", 0)) for step in range(40)]
    began = time.perf_counter()
    assert solve_bar([odd, up("1/1")], FULL).unsolved
    assert time.perf_counter() - began < 2
