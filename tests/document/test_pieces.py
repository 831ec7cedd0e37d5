"""Grouping of systems into pieces, and joining of pieces."""

from fractions import Fraction

import pytest

from focal_omr.document.pieces import StaffBars, SystemTokens, begins_piece, join_pieces, make_piece
from focal_omr.encodings.one_voice import to_score
from focal_omr.score.score import Clef, Key, Rest
from focal_omr.score.validate import validate

OPENING = "clef-G2 timeSignature-2/4"
BAR = "note-F4_quarter note-A4_quarter barline"


def system(*staves: str, indent: float = 0.0) -> SystemTokens:
    return SystemTokens(tuple(tuple(staff.split()) for staff in staves), indent)


@pytest.mark.parametrize(
    ("before", "after", "indent", "begins"),
    [
        ("barline-final", OPENING, 0, True),
        ("barline-repeat_end", OPENING, 0, True),
        ("barline-final", "clef-G2", 8, True),
        ("barline", OPENING, 8, True),
        ("barline-double", "clef-G2", 8, True),
        ("barline-double", OPENING, 0, False),  # a meter that changes within a piece
        ("barline-final", "clef-G2", 0, False),
        ("barline", OPENING, 0, False),
        ("barline", "clef-G2", 8, False),
    ],
)
def test_two_of_three_signs_begin_a_piece(before: str, after: str, indent: float, begins: bool):
    first = system(f"{OPENING} note-F4_half {before}")
    assert begins_piece(first, system(f"{after} {BAR}", indent=indent)) is begins


def test_a_different_number_of_staves_begins_a_piece():
    assert begins_piece(None, system(OPENING))
    assert begins_piece(system(OPENING), system("clef-G2", "clef-F4"))


def test_bars_are_numbered_and_checked_across_systems():
    piece = make_piece(
        [
            system(f"{OPENING} note-C4_quarter barline {BAR} note-F4_quarter"),
            system("clef-G2 note-F4_quarter barline multirest-3 barline note-F4_quarter barline"),
        ]
    )
    assert piece.bars == (
        (StaffBars(1, (None, True, None)),),
        (StaffBars(3, (True, True, False)),),
    )
    assert len(piece.score.parts[0].measures) == 5


def test_a_full_bar_without_a_barline_at_the_end_of_a_system_is_closed():
    piece = make_piece([system(f"{OPENING} {BAR} note-F4_half"), system(f"clef-G2 {BAR}")])
    assert piece.added_barlines == ((0, 0),)
    assert [measure.length for measure in piece.score.parts[0].measures] == [Fraction(1, 2)] * 3
    assert piece.bars[0][0] == StaffBars(1, (True, True))


def test_inferred_triplets_complete_their_bars():
    triplet = "tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end"
    plain = "note-C5_eighth note-D5_eighth note-E5_eighth"
    piece = make_piece([system(f"{OPENING} {triplet} {plain} barline {plain} {plain} barline {BAR}")])
    assert piece.implied_tuplets == (1, 2)
    assert piece.bars[0][0].bars == (True, True, True)


def test_an_unprinted_meter_is_inferred_from_most_bars():
    piece = make_piece([system(f"clef-G2 {' '.join([BAR] * 5)} note-F4_quarter barline")])
    assert piece.implied_length == Fraction(1, 2)
    assert piece.bars[0][0].bars[-1] is False


def test_parts_stay_separate_and_pieces_are_joined():
    two = make_piece([system(f"{OPENING} {BAR}", f"clef-F4 timeSignature-2/4 {BAR}")]).score
    one = make_piece([system(f"{OPENING} {BAR} multirest-2 barline")]).score
    first, second = to_score(two), to_score(one, before=1)
    score = join_pieces([first, second], title="Tunes")
    assert score.title == "Tunes"
    assert not list(validate(score))
    assert [[measure.number for measure in part.measures] for part in score.parts] == [
        ["1", "2", "3", "4"]
    ] * 2
    silent = score.parts[1].measures[1]
    assert [type(event) for event in silent.voices[0].events] == [Rest]
    assert silent.length == Fraction(1, 2)
    assert [m.break_before for m in score.parts[0].measures] == [None, "system", None, None]
    (alone,) = join_pieces([second]).parts
    assert [measure.voices for measure in alone.measures] == [m.voices for m in second.parts[0].measures]


def test_a_piece_without_a_key_after_one_with_sharps_is_in_c_major():
    sharp = to_score(make_piece([system(f"clef-G2 keySignature-DM {BAR}")]).score)
    plain = to_score(make_piece([system(f"clef-G2 barline-repeat_start {BAR}")]).score, before=1)
    (part,) = join_pieces([sharp, plain]).parts
    assert [sign.value for sign in part.measures[1].signs] == [Clef("G", 2), Key(0)]
    assert part.measures[1].left_after == 2
    (part,) = join_pieces([plain, sharp]).parts
    assert [sign.value for sign in part.measures[0].signs] == [Clef("G", 2)]
