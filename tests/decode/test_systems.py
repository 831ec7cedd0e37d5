"""Decoding of systems: staves agree about barlines, and bars are filled."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from column_outputs import FRAMES, doubt, staff_output
from made_columns import BAR, BASS, RandomScore, col, facts, meter, notes, opening

from focal_omr.decode.systems import DecodedSystem, StaffOutput, decode_system
from focal_omr.encodings.columns import Column, SignColumn
from focal_omr.encodings.from_columns import score_from_columns
from focal_omr.encodings.to_columns import score_to_columns

UPPER = [
    *opening(time=meter(3, 4)),
    *(col(notes("1/4", step), advance="1/4") for step in (1, 2, 3)),
    BAR,
    col(notes("1/2", 4, dots=1), advance="3/4"),
    BAR,
]
LOWER = [
    *opening(clef=BASS, time=meter(3, 4)),
    *(col(notes("1/4", step), advance="1/4") for step in (5, 6, 7)),
    BAR,
    col(notes("1/2", 4, dots=1), advance="3/4"),
    BAR,
]


def columns(system: DecodedSystem) -> list[list[Column | None]]:
    return [[each.column for each in staff] for staff in system.staves]


def at(staff: StaffOutput, number: int) -> int:
    """The frame of a column."""
    return FRAMES * number + 1


def decode(*staves: StaffOutput, **more: object) -> DecodedSystem:
    return decode_system(staves, **more)  # type: ignore[arg-type]


def test_random_scores_come_back_through_noise() -> None:
    bars = 0
    for seed in range(6):
        truth = score_to_columns(RandomScore(seed).make())
        decoded = [
            decode(*(staff_output(staff, noise=0.8, seed=seed) for staff in system), begins=True)
            for system in truth.systems
        ]
        read = score_from_columns([columns(system) for system in decoded], truth.staves).score  # type: ignore[misc]
        meant = score_from_columns(truth.systems, truth.staves).score
        assert facts(read) == facts(meant)
        bars += len(facts(read))
    assert bars > 20


def test_staves_that_agree_are_read_as_they_are() -> None:
    system = decode(staff_output(UPPER), staff_output(LOWER))
    assert columns(system) == [UPPER, LOWER]
    assert system.bar_length == Fraction(3, 4)


def test_a_barline_that_one_staff_hardly_sees_stands_on_both() -> None:
    lower = staff_output(LOWER)
    doubt(lower.log_probs, at(lower, 5), "kind", "blank", 0.8)
    assert columns(decode(staff_output(UPPER), lower)) == [UPPER, LOWER]


def test_a_barline_that_one_staff_half_sees_stands_on_none() -> None:
    upper, lower = staff_output(UPPER), staff_output(LOWER)
    doubt(lower.log_probs, at(lower, 3), "kind", ("barline", "single"), 0.7)
    read = columns(decode(upper, lower))
    assert [[column == BAR for column in staff].count(True) for staff in read] == [2, 2]


def test_the_kind_of_a_barline_is_that_of_all_staves() -> None:
    repeat = SignColumn("barline", "repeat-end")
    upper, lower = staff_output([*UPPER[:-1], repeat]), staff_output([*LOWER[:-1], repeat])
    doubt(lower.log_probs, at(lower, 7), "kind", ("barline", "single"), 0.7)
    assert [staff[-1] for staff in columns(decode(upper, lower))] == [repeat, repeat]


def test_a_duration_that_fills_the_bar_is_taken() -> None:
    staff = staff_output(UPPER)
    doubt(staff.log_probs, at(staff, 3), "up.value", Fraction(1, 8), 0.7)
    doubt(staff.log_probs, at(staff, 3), "advance", Fraction(1, 8), 0.7)
    (read,) = columns(decode(staff))
    assert read == UPPER


def test_a_faint_note_that_fills_the_bar_is_taken() -> None:
    staff = staff_output(UPPER)
    doubt(staff.log_probs, at(staff, 4), "kind", "blank", 0.7)
    (read,) = columns(decode(staff))
    assert read == UPPER


def test_without_a_meter_most_bars_tell_the_length() -> None:
    columns_ = [column for column in UPPER if not isinstance(column, SignColumn) or column.kind != "meter"]
    system = decode(staff_output(columns_))
    assert system.bar_length == Fraction(3, 4)


def test_a_bar_that_nothing_fills_stays_as_it_was_read() -> None:
    short: Sequence[Column] = [*UPPER[:4], *UPPER[5:]]
    (read,) = columns(decode(staff_output(short)))
    assert [column for column in read if isinstance(column, SignColumn)] == [
        column for column in short if isinstance(column, SignColumn)
    ]
    assert len(read) == len(short)


def test_confidence_is_that_of_the_reading_taken() -> None:
    staff = staff_output(UPPER)
    doubt(staff.log_probs, at(staff, 3), "up.value", Fraction(1, 8), 0.7)
    (read,) = decode(staff).staves
    assert np.isclose(read[3].confidence, 0.3, atol=0.02)
