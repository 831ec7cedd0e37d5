"""Insertion and deletion of symbols, tuplets, barlines."""

import pytest
from hand_made import STEP_PX, make_document, tokens_of, with_unread

from focal_omr.editing.apply import Place, apply_edit
from focal_omr.errors import EditError

TRIPLET = "tuplet-3 note-C4_eighth note-D4_eighth note-E4_eighth tuplet-end"


def change(label: str, symbol: int, **values) -> tuple[str, int]:
    edited = apply_edit(make_document(label), Place(1, 0, symbol), values)
    return " ".join(tokens_of(edited.document)), edited.place.symbol


@pytest.mark.parametrize(
    ("label", "symbol", "after", "selected"),
    [
        ("note-C4_half note-D4_half", 0, "note-D4_half", 0),
        ("note-C4_half note-D4_half", 1, "note-C4_half", 0),
        ("note-C4_half", 0, "", 0),
        ("note-C4_half tie barline note-C4_half tie note-C4_half", 3, "note-C4_half barline note-C4_half", 2),
        ("accidental note-C4_half tie rest-half", 1, "rest-half", 0),
        ("note-C4_half tie note-C4_half", 1, "note-C4_half note-C4_half", 1),
        ("accidental note-C4_half", 0, "note-C4_half", 0),
        ("note-C4_half accidental note-D4_half", 0, "accidental note-D4_half", 1),
        ("barline note-C4_half", 0, "note-C4_half", 0),
        (TRIPLET, 2, "tuplet-3 note-C4_eighth note-E4_eighth tuplet-end", 2),
        ("rest-half tuplet-3 note-C4_half tie tuplet-end barline", 2, "rest-half barline", 1),
        (TRIPLET, 0, "note-C4_eighth note-D4_eighth note-E4_eighth", 0),
        (TRIPLET, 4, "note-C4_eighth note-D4_eighth note-E4_eighth", 2),
        ("note-C4_half tie tuplet-3 note-C4_half tuplet-end rest-half", 3, "note-C4_half rest-half", 1),
        ("tuplet-3 note-C4_half barline", 0, "note-C4_half barline", 0),  # one that never ended
        ("barline tie note-C4_half", 1, "barline note-C4_half", 1),
        ("timeSignature-3/4 note-C4_half", 0, "note-C4_half", 0),
    ],
)
def test_deleting(label, symbol, after, selected):
    assert change(label, symbol, do="delete") == (after, selected)


def test_tie_across_staves_is_deleted_with_its_note():
    document = make_document(
        "clef-G2 note-C5_whole tie barline", "clef-G2 note-C5_whole barline", "clef-G2 note-D5_whole"
    )
    edited = apply_edit(document, Place(1, 1, 1), {"do": "delete"})
    assert tokens_of(edited.document, 0, 0) == ["clef-G2", "note-C5_whole", "barline"]
    assert tokens_of(edited.document, 0, 1) == ["clef-G2", "barline"]
    assert edited.staves == ((1, 0), (1, 1))
    assert [staff.mended for staff in edited.document.staves] == [True, True, False]
    kept = apply_edit(document, Place(1, 2, 1), {"do": "delete"})
    assert kept.staves == ((1, 2),)


@pytest.mark.parametrize(
    ("label", "symbol", "what", "before", "after", "selected"),
    [
        ("note-C#4_half.", 0, "note", False, "note-C#4_half. note-C4_half.", 1),
        ("accidental note-C4_half tie barline", 1, "note", True,
         "note-C4_half accidental note-C4_half tie barline", 0),
        ("note-C4_half tie barline", 0, "rest", False, "note-C4_half tie rest-half barline", 2),
        ("note-C4_half_fermata tie barline", 1, "note", False,
         "note-C4_half_fermata tie note-C4_half barline", 2),
        ("rest-half note-D5_quarter", 0, "note", False, "rest-half note-D5_half note-D5_quarter", 1),
        ("clef-G2 barline", 0, "note", False, "clef-G2 note-B4_quarter barline", 1),
        ("clef-G2 barline note-D5_half", 1, "note", True, "clef-G2 note-D5_half barline note-D5_half", 1),
        ("keySignature-GM rest-half note-F#4_half", 1, "note", False,
         "keySignature-GM rest-half note-F#4_half note-F#4_half", 2),
        ("note-C4_half tie", 0, "barline", False, "note-C4_half tie barline", 2),
        ("accidental note-C4_half", 1, "barline", True, "barline accidental note-C4_half", 0),
        (f"{TRIPLET}", 3, "note", False, f"{TRIPLET} note-E4_eighth", 5),
        (f"{TRIPLET}", 1, "note", True, f"note-C4_eighth {TRIPLET}", 0),
        (f"{TRIPLET}", 3, "barline", False, f"{TRIPLET} barline", 5),
        (f"{TRIPLET}", 1, "barline", True, f"barline {TRIPLET}", 0),
        ("tuplet-3 note-C4_eighth note-D4_eighth tuplet-end", 2, "note", False,
         "tuplet-3 note-C4_eighth note-D4_eighth note-D4_eighth tuplet-end", 3),
        ("", 0, "note", False, "note-B4_quarter", 0),
        ("", 0, "barline", True, "barline", 0),
    ],
)  # fmt: skip
def test_inserting(label, symbol, what, before, after, selected):
    assert change(label, symbol, do="insert", what=what, before=before) == (after, selected)


def test_new_symbol_is_placed_between_its_neighbours():
    document = make_document("clef-G2 note-C5_half note-D5_half")
    new = apply_edit(document, Place(1, 0, 1), {"do": "insert", "what": "note"}).document.staves[0].symbols[2]
    left, top, right, bottom = new.box
    assert (left + right) / 2 == pytest.approx(2.5 * STEP_PX, abs=0.5)
    assert (top + bottom) / 2 == pytest.approx(95, abs=0.5)  # the third space
    assert (new.mended, new.confidence, new.used) == (True, 1.0, True)
    last = (
        apply_edit(document, Place(1, 0, 2), {"do": "insert", "what": "barline"})
        .document.staves[0]
        .symbols[3]
    )
    assert last.box[1::2] == pytest.approx((80, 120), abs=0.5)
    assert 3 * STEP_PX < last.box[0] < last.box[2] <= 5 * STEP_PX


@pytest.mark.parametrize(
    ("label", "symbol", "actual", "after", "selected"),
    [
        ("note-C4_eighth note-D4_eighth note-E4_eighth barline", 0, 3, f"{TRIPLET} barline", 1),
        ("accidental note-C4_quarter tie note-C4_eighth rest-half", 1, 3,
         "tuplet-3 accidental note-C4_quarter tie note-C4_eighth tuplet-end rest-half", 2),
        ("note-C4_eighth. note-D4_sixteenth note-E4_eighth note-F4_half", 0, 3,
         "tuplet-3 note-C4_eighth. note-D4_sixteenth note-E4_eighth tuplet-end note-F4_half", 1),
        ("rest-eighth gracenote-C4_eighth note-D4_quarter tie", 0, 3,
         "tuplet-3 rest-eighth gracenote-C4_eighth note-D4_quarter tie tuplet-end", 1),
        (TRIPLET, 2, 3, "note-C4_eighth note-D4_eighth note-E4_eighth", 1),
        (TRIPLET, 0, 5, "note-C4_eighth note-D4_eighth note-E4_eighth", 0),
    ],
)  # fmt: skip
def test_tuplets(label, symbol, actual, after, selected):
    assert change(label, symbol, do="tuplet", actual=actual) == (after, selected)


def test_barlines():
    assert change("note-C4_half barline", 1, do="barline", kind="repeat_end")[0] == (
        "note-C4_half barline-repeat_end"
    )
    assert change("barline-final", 0, do="barline", kind="single")[0] == "barline"


@pytest.mark.parametrize(
    ("label", "symbol", "values", "message"),
    [
        ("note-C4_half", 0, {"do": "barline", "kind": "final"}, "only a barline has a kind"),
        (TRIPLET, 2, {"do": "insert", "what": "barline"}, "cannot stand inside a tuplet"),
        ("note-C4_half note-D4_half barline note-D4_half", 0, {"do": "tuplet", "actual": 3}, "do not fill"),
        ("note-C4_half", 0, {"do": "tuplet", "actual": 3}, "do not fill a tuplet of 3"),
        ("barline", 0, {"do": "tuplet", "actual": 3}, "a place in a tuplet; selected is: barline"),
        ("note-C4_half", 0, {"do": "tuplet", "actual": 13}, "no such edit: actual"),
        ("note-C4_half", 0, {"do": "believe"}, "used already"),
        ("note-C4_half", 0, {"do": "token", "token": "note-H4_half"}, "no such symbol"),
        ("note-C4_half", 0, {"do": "token", "token": "multirest-100000"}, "no such symbol"),
        ("note-C4_half", 0, {"do": "token", "token": "timeSignature-3/5"}, "out of range"),
        ("note-C4_half", 0, {"do": "token", "token": "note-C4_half....."}, "no such symbol"),
        ("note-C4_half", 0, {"do": "token", "token": "tuplet-3"}, "'tuplet-3' cannot stand here"),
        ("barline", 0, {"do": "token", "token": "tie"}, "'tie' cannot stand here"),
    ],
)
def test_impossible_edits_are_errors(label, symbol, values, message):
    with pytest.raises(EditError, match=message):
        change(label, symbol, **values)


@pytest.mark.parametrize(
    ("label", "symbol", "token", "after"),
    [
        ("note-C4_half tie note-D4_half", 2, "rest-quarter", "note-C4_half rest-quarter"),
        ("accidental note-C4_half tie", 1, "barline", "barline"),
        ("barline", 0, "multirest-12", "multirest-12"),
        ("keySignature-CM note-F4_half", 0, "keySignature-GM", "keySignature-GM note-F#4_half"),
        ("note-C4_half note-F4_half", 0, "keySignature-GM", "keySignature-GM note-F#4_half"),
        ("clef-F4 note-D3_half", 0, "rest-half", "rest-half note-B4_half"),
        ("note-C4_half note-C4_half", 1, "note-Gb4_half", "note-C4_half note-Gb4_half"),
        ("rest-half rest-half", 1, "rest-quarter", "rest-half rest-quarter"),
    ],
)
def test_replacing_a_token(label, symbol, token, after):
    assert change(label, symbol, do="token", token=token)[0] == after


def test_accepting_only_sets_the_confidence():
    document = make_document("accidental note-C4_half tie barline")
    for symbol, sure in ((0, [0, 1]), (1, [0, 1]), (2, [2]), (3, [3])):
        edited = apply_edit(document, Place(1, 0, symbol), {"do": "accept"})
        symbols = edited.document.staves[0].symbols
        assert [i for i, each in enumerate(symbols) if each.confidence == 1] == sure
        assert not any(each.mended for each in symbols)
        assert not edited.document.staves[0].mended
        assert (edited.staves, edited.document.score) == (((1, 0),), document.score)


def test_reading_of_an_unread_staff_can_be_used():
    labels = ("clef-G2 note-C5_whole barline", "clef-G2 note-D5_whole barline tie")
    document = make_document(*labels)
    unread = with_unread(document, 0, 1)
    with pytest.raises(EditError, match=r"this staff was not read \(chords\)"):
        apply_edit(unread, Place(1, 1, 1), {"do": "tie"})
    believed = apply_edit(unread, Place(1, 1, 1), {"do": "believe"})
    assert (believed.document, believed.staves) == (document, ((1, 1),))
    assert document.staves[1].symbols[3].used is False
