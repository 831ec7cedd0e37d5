"""Joining of consecutive staves into one part."""

from fractions import Fraction

import pytest

from focal_omr.encodings.join_staves import (
    StaffContext,
    StaffTokens,
    is_over,
    join_staves,
    join_tokens,
    opening_signs,
    prints_meter,
)
from focal_omr.score.records import Clef, Key, Meter, Note

OPENING = "clef-G2 keySignature-DM timeSignature-2/4"
BAR = "note-F#4_quarter note-A4_quarter barline"


def staff(text: str, **options: str) -> StaffTokens:
    return StaffTokens(tuple(text.split()), **options)  # type: ignore[arg-type]


def test_restated_signs_are_dropped():
    tokens, starts, _ = join_tokens([staff(f"{OPENING} {BAR}"), staff(f"clef-G2 keySignature-DM {BAR}")])
    assert " ".join(tokens) == f"{OPENING} {BAR} {BAR}"
    assert starts == [0, 6]


def test_changed_sign_at_a_system_stays():
    tokens, _, _ = join_tokens([staff(f"{OPENING} {BAR}"), staff(f"clef-F4 keySignature-GM {BAR}")])
    assert tokens[6:8] == ["clef-F4", "keySignature-GM"]


def test_courtesy_signs_are_not_doubled():
    """A key and meter after the last barline of a system are restated at the start of the next one."""
    first = staff(f"{OPENING} {BAR} keySignature-CM timeSignature-3/4")
    tokens, _, _ = join_tokens([first, staff("clef-G2 timeSignature-3/4 note-C4_half. barline")])
    assert tokens.count("timeSignature-3/4") == tokens.count("keySignature-CM") == 1


def test_bar_continues_across_systems():
    part = join_staves(
        [
            staff(f"{OPENING} {BAR} note-F#4_quarter", break_before=None),
            staff("clef-G2 keySignature-DM note-A4_quarter barline", break_before="system"),
        ]
    )
    assert [len(measure.events) for measure in part.measures] == [5, 2]
    assert [measure.break_before for measure in part.measures] == [None, None]


def test_first_measure_of_a_system_has_a_break():
    texts = [f"{OPENING} {BAR} {BAR}", f"clef-G2 keySignature-DM {BAR}", f"clef-G2 keySignature-DM {BAR}"]
    breaks = (None, "system", "page")
    part = join_staves([staff(t, break_before=b) for t, b in zip(texts, breaks, strict=True)])
    assert [measure.break_before for measure in part.measures] == [None, None, "system", "page"]


def test_key_of_an_earlier_system_applies():
    part = join_staves([staff(f"{OPENING} {BAR}"), staff(f"clef-G2 {BAR}")])
    notes = [event for measure in part.measures for event in measure.events if isinstance(event, Note)]
    assert [note.pitch.alter for note in notes] == [1, 0, 1, 0]
    assert all(note.accidental is None for note in notes)


def test_carried_holds_the_last_signs():
    carried = StaffContext().updated(f"{OPENING} {BAR} clef-C3".split())
    assert carried == StaffContext(Clef("C", 3), Key(2), Meter(2, 4))
    assert carried.bar_length == Fraction(1, 2)
    assert carried.sounding_key == Key(2)
    assert StaffContext().sounding_key == Key(0)


def test_opening_signs_end_at_the_first_note():
    assert opening_signs(f"{OPENING} {BAR} clef-F4".split()) == OPENING.split()
    assert prints_meter(OPENING.split())
    assert not prints_meter(f"clef-G2 {BAR} timeSignature-C".split())


@pytest.mark.parametrize(
    ("last", "over", "over_or_double"),
    [
        ("barline-final", True, True),
        ("barline-repeat_end", True, True),
        ("barline-double", False, True),
        ("barline", False, False),
        ("timeSignature-3/4", False, False),
    ],
)
def test_pieces_end_at_some_barlines(last: str, over: bool, over_or_double: bool):
    tokens = [*BAR.split(), last]
    assert (is_over(tokens), is_over(tokens, double=True)) == (over, over_or_double)
    assert not is_over([])
