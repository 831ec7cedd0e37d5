"""Which systems of columns are one piece, and which staff is whose."""

from collections.abc import Sequence

import pytest
from column_outputs import network_output
from made_columns import BASS, TREBLE, col, meter, notes, opening

from focal_omr.decode.columns import decode_columns
from focal_omr.document.column_pieces import (
    ColumnSystem,
    begins_piece,
    part_sizes,
    place_staves,
    usual_sizes,
)
from focal_omr.encodings.columns import Column, SignColumn
from focal_omr.page.systems import System
from focal_omr.score.score import Clef

NOTES: list[Column] = [col(notes("1/4", 3), advance="1/4")]
FINAL = SignColumn("barline", "final")


def system(*staves: Sequence[Column], indent: float = 0.0, joined: tuple[bool, ...] = ()) -> ColumnSystem:
    numbers = tuple(range(len(staves)))
    read = tuple(tuple(decode_columns(network_output(staff))) for staff in staves)
    return ColumnSystem(0, System(numbers, indent, joined or (False,) * (len(staves) - 1)), read)


def clef(sign: Clef) -> list[Column]:
    return [*opening(clef=sign), *NOTES]


SONG = system(clef(TREBLE), clef(TREBLE), clef(BASS), joined=(False, True))


@pytest.mark.parametrize(
    ("joined", "sizes"),
    [
        ((), (1,)),
        ((True,), (2,)),
        ((False, True), (1, 2)),
        ((True, True, True), (1, 1, 1, 1)),
        ((True, False, True), (2, 2)),
    ],
)
def test_two_staves_with_common_barlines_are_one_part(
    joined: tuple[bool, ...], sizes: tuple[int, ...]
) -> None:
    assert part_sizes(joined) == sizes


def test_a_piece_begins_after_a_final_barline_with_a_meter_or_an_indent() -> None:
    closed, going_on = system([*NOTES, FINAL]), system(NOTES)
    printed = system([*opening(time=meter(3, 4)), *NOTES])
    assert begins_piece(None, going_on)
    assert begins_piece(closed, printed)
    assert begins_piece(closed, system(NOTES, indent=8))
    assert not begins_piece(closed, going_on)
    assert not begins_piece(going_on, printed)
    assert begins_piece(going_on, system([*opening(time=meter(3, 4)), *NOTES], indent=8))


def test_fewer_staves_are_no_new_piece() -> None:
    assert not begins_piece(SONG, system(clef(TREBLE), clef(BASS), joined=(True,)))


def test_the_parts_of_a_piece_are_those_of_most_full_systems() -> None:
    blurred = system(clef(TREBLE), clef(TREBLE), clef(BASS), joined=(True, True))
    assert usual_sizes([blurred, SONG, SONG]) == (1, 2)
    assert usual_sizes([SONG, system(clef(TREBLE))]) == (1, 2)


def test_a_hidden_voice_does_not_shift_the_piano() -> None:
    piano = system(clef(TREBLE), clef(BASS), joined=(True,))
    assert place_staves(piano, SONG, (1, 2)) == [None, 0, 1]


def test_a_lone_staff_is_the_voice() -> None:
    assert place_staves(system(clef(TREBLE)), SONG, (1, 2)) == [0, None, None]


def test_clefs_tell_which_staff_is_left_out() -> None:
    full = system(clef(TREBLE), clef(Clef("C", 3)), clef(BASS))
    assert place_staves(system(clef(TREBLE), clef(BASS)), full, (1, 1, 1)) == [0, None, 1]


def test_all_staves_are_in_their_order() -> None:
    assert place_staves(SONG, SONG, (1, 2)) == [0, 1, 2]
