"""Decoding of columns: peaks, factors that fit each other, and other readings."""

from fractions import Fraction

import numpy as np
import pytest
from column_outputs import doubt, network_output
from made_columns import BAR, RandomScore, col, meter, notes, opening

from focal_omr.decode.columns import column_choices, decode_columns, note_confidence
from focal_omr.encodings.columns import Head, NoteColumn, SignColumn
from focal_omr.encodings.to_columns import score_to_columns

CHORD = col(notes("1/4", 3, (5, Head("sharp", True))), notes("1/2", 0), advance="1/4")
STAFF = [*opening(key=2, time=meter(7, 8)), CHORD, col(notes("1/8", dots=1), advance="3/16"), BAR]


@pytest.mark.parametrize("noise", [0.0, 0.8])
def test_columns_of_random_scores_come_back(noise: float) -> None:
    read = 0
    for seed in range(8):
        for staff in score_to_columns(RandomScore(seed).make()).systems[0]:
            decoded = decode_columns(network_output(staff, noise=noise, seed=seed))
            assert [each.column for each in decoded] == [*staff]
            read += len(staff)
    assert read > 200


def test_nothing_is_read_from_blanks() -> None:
    assert decode_columns(network_output([])) == []
    assert decode_columns(network_output([])[:0]) == []


def test_a_column_over_several_frames_is_one() -> None:
    log_probs = np.repeat(network_output(STAFF), 2, axis=0)
    decoded = decode_columns(log_probs)
    assert [each.column for each in decoded] == STAFF
    assert [(each.first_frame, each.end_frame) for each in decoded[:2]] == [(2, 4), (8, 10)]


def test_a_frame_that_hardly_differs_is_the_same_column() -> None:
    log_probs = np.repeat(network_output([CHORD]), 2, axis=0)
    doubt(log_probs, 3, "3.accidental", "flat", 0.6)
    (decoded,) = decode_columns(log_probs)
    assert decoded.column == CHORD
    assert decoded.peak_frame == 2


def test_neighbours_without_a_blank_are_two_columns() -> None:
    other = col(notes("1/4", 4), advance="1/4")
    pair = network_output([CHORD, other])[[1, 4]]
    assert [each.column for each in decode_columns(pair)] == [CHORD, other]


def test_heads_belong_to_stems_that_are_there() -> None:
    log_probs = network_output([col(notes("1/4", 3), advance="1/4")])
    doubt(log_probs, 1, "3.head", (1,), 0.6)  # of a stem down, which there is none of
    (decoded,) = decode_columns(log_probs)
    assert decoded.column == col(notes("1/4", 3), advance="1/4")


def test_a_stem_that_is_no_rest_has_a_head() -> None:
    log_probs = network_output([col(notes("1/4", 3), advance="1/4")])
    doubt(log_probs, 1, "3.head", (), 0.9)
    (decoded,) = decode_columns(log_probs)
    assert decoded.column == col(notes("1/4", 3), advance="1/4")


def test_the_confidence_of_a_note_is_that_of_its_own_factors() -> None:
    log_probs = network_output([CHORD])
    doubt(log_probs, 1, "5.accidental", "flat", 0.2)
    (decoded,) = decode_columns(log_probs)
    assert note_confidence(decoded, 0, 5) == pytest.approx(0.8, abs=0.02)
    assert note_confidence(decoded, 0, 3) > 0.98
    assert decoded.confidence == pytest.approx(0.8, abs=0.05)


def test_other_durations_are_choices_with_their_price() -> None:
    log_probs = network_output([CHORD])
    doubt(log_probs, 1, "up.value", Fraction(1, 8), 0.2)
    doubt(log_probs, 1, "advance", Fraction(1, 8), 0.4)
    (choices,) = column_choices(decode_columns(log_probs))
    first, second = (reading.column for reading in choices.readings[:2])
    assert first == CHORD
    assert isinstance(second, NoteColumn)
    assert second.groups == (notes("1/8", 3, (5, Head("sharp", True))), CHORD.groups[1], None)
    assert choices.readings[1].price == pytest.approx(np.log(4), abs=0.01)
    assert [advance for advance, _ in choices.advances] == [Fraction(1, 4), Fraction(1, 8)]


def test_a_faint_column_may_be_nothing() -> None:
    log_probs = network_output([CHORD, BAR])
    doubt(log_probs, 1, "kind", "blank", 0.7)
    assert [each.column for each in decode_columns(log_probs)] == [BAR]
    faint, bar = decode_columns(log_probs, faint=True)
    assert (faint.column, bar.column) == (None, BAR)
    (choices,) = column_choices([faint])
    assert [reading.column for reading in choices.readings[:2]] == [None, CHORD]


def test_signs_have_the_confidence_of_their_factors() -> None:
    log_probs = network_output([SignColumn("meter", meter(7, 8))])
    doubt(log_probs, 1, "meter.unit", 4, 0.3)
    assert decode_columns(log_probs)[0].confidence == pytest.approx(0.7, abs=0.02)


def test_a_tuplet_has_a_price_of_its_own() -> None:
    log_probs = network_output([CHORD])
    doubt(log_probs, 1, "up.ratio", (3, 2), 0.1)
    (choices,) = column_choices(decode_columns(log_probs))
    prices = {
        reading.column.groups[0].ratio: (reading.price, reading.tuplet)
        for reading in reversed(choices.readings)
        if reading.column and reading.column.groups[0]
    }
    assert prices[1, 1] == pytest.approx((0, 0), abs=0.01)
    assert prices[3, 2] == pytest.approx((0, np.log(9)), abs=0.01)
