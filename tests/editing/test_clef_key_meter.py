"""Edits of clef, key and meter."""

import pytest
from hand_made import make_document, tokens_of, with_unread

from focal_omr.editing.apply import Place, apply_edit
from focal_omr.errors import EditError


def change(label: str, symbol: int, **values) -> tuple[str, int]:
    edited = apply_edit(make_document(label), Place(1, 0, symbol), values)
    return " ".join(tokens_of(edited.document)), edited.place.symbol


@pytest.mark.parametrize(
    ("label", "symbol", "clef", "after", "selected"),
    [
        ("clef-G2 note-B4_half", 0, "F4", "clef-F4 note-D3_half", 0),
        ("clef-G2 note-B4_half", 1, "F4", "clef-F4 note-D3_half", 0),  # beside it: the same one
        ("clef-G2 note-B4_half note-B4_half", 2, "C3", "clef-G2 note-B4_half clef-C3 note-C4_half", 2),
        ("clef-G2 keySignature-GM note-D5_half", 0, "F4", "clef-F4 keySignature-GM note-F#3_half", 0),
        ("clef-G2 note-Db5_half", 0, "F4", "clef-F4 note-Fb3_half", 0),
        ("clef-G2 keySignature-GM note-D#5_half", 0, "F4",
         "clef-F4 keySignature-GM accidental note-F#3_half", 0),
        ("clef-G2 keySignature-GM accidental note-F#5_half", 0, "F4",
         "clef-F4 keySignature-GM note-A#3_half", 0),
        ("clef-G2 note-B4_half clef-F4 note-D3_half", 0, "C4",
         "clef-C4 note-A3_half clef-F4 note-D3_half", 0),
        ("keySignature-GM note-B4_half", 1, "F4", "clef-F4 keySignature-GM note-D3_half", 0),
        ("clef-G2 barline accidental note-B4_half", 3, "F4",
         "clef-G2 barline clef-F4 accidental note-D3_half", 2),
        ("clef-G2 rest-half tuplet-3 note-B4_half note-B4_half note-B4_half tuplet-end", 3, "F4",
         "clef-G2 rest-half clef-F4 tuplet-3 note-D3_half note-D3_half note-D3_half tuplet-end", 2),
    ],
)  # fmt: skip
def test_heads_stay_on_their_lines(label, symbol, clef, after, selected):
    assert change(label, symbol, do="clef", clef=clef) == (after, selected)


@pytest.mark.parametrize(
    ("label", "symbol", "fifths", "after"),
    [
        ("keySignature-GM note-F#4_half note-F4_half note-Bb4_half", 0, -1,
         "keySignature-FM note-F4_half accidental note-F4_half accidental note-Bb4_half"),
        ("clef-G2 timeSignature-C note-F4_half", 0, 1,
         "clef-G2 keySignature-GM timeSignature-C note-F#4_half"),
        ("clef-G2 timeSignature-C note-F4_half", 2, 1,
         "clef-G2 keySignature-GM timeSignature-C note-F#4_half"),
        ("note-F#4_half note-F#4_half", 1, 1, "note-F#4_half keySignature-GM accidental note-F#4_half"),
        ("keySignature-GM accidental note-F#4_half", 0, 0, "keySignature-CM note-F#4_half"),
        ("keySignature-GM note-F#4_half keySignature-GM note-F#4_half", 0, 0,
         "keySignature-CM note-F4_half keySignature-GM note-F#4_half"),
    ],
)  # fmt: skip
def test_printed_accidentals_stay_when_the_key_changes(label, symbol, fifths, after):
    assert change(label, symbol, do="key", fifths=fifths)[0] == after


@pytest.mark.parametrize(
    ("label", "symbol", "meter", "after"),
    [
        ("clef-G2 timeSignature-C note-C5_half", 2, "3/4", "clef-G2 timeSignature-3/4 note-C5_half"),
        ("clef-G2 note-C5_half barline note-C5_half", 3, "C/",
         "clef-G2 note-C5_half barline timeSignature-C/ note-C5_half"),
        ("clef-G2 note-C5_half", 0, "12/8", "clef-G2 timeSignature-12/8 note-C5_half"),
        ("", 0, "C", "timeSignature-C"),
    ],
)  # fmt: skip
def test_meters(label, symbol, meter, after):
    assert change(label, symbol, do="meter", meter=meter)[0] == after


def test_bars_are_renumbered():
    document = make_document("clef-G2 timeSignature-4/4 note-C5_half. barline note-C5_half. barline")
    assert document.staves[0].bars == (None, False) or document.staves[0].bars == (False, False)
    edited = apply_edit(document, Place(1, 0, 1), {"do": "meter", "meter": "3/4"}).document
    assert edited.staves[0].bars == (True, True)
    assert edited.warnings == ()


SYSTEMS = (
    "clef-G2 keySignature-GM note-F#4_whole barline",
    "clef-G2 keySignature-GM note-F#4_whole barline",
    "note-F#4_whole barline",
    "clef-G2 keySignature-GM note-F#4_whole keySignature-CM note-F4_whole",
    "clef-G2 keySignature-GM note-F#4_whole",
)


def test_following_staves_of_the_part_change():
    edited = apply_edit(make_document(*SYSTEMS, pages=2), Place(1, 0, 1), {"do": "key", "fifths": 2})
    read = [" ".join(tokens_of(edited.document, page, staff)) for page, staff in
            ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1))]  # fmt: skip
    assert read == [
        "clef-G2 keySignature-DM note-F#4_whole barline",
        "clef-G2 keySignature-DM note-F#4_whole barline",
        "note-F#4_whole barline",
        "clef-G2 keySignature-DM note-F#4_whole keySignature-CM note-F4_whole",
        "clef-G2 keySignature-GM note-F#4_whole",
    ]
    assert edited.staves == ((1, 0), (1, 1), (2, 0))
    clefs = apply_edit(make_document(*SYSTEMS, pages=2), Place(1, 1, 0), {"do": "clef", "clef": "F4"})
    assert tokens_of(clefs.document, 0, 0)[0] == "clef-G2"
    assert tokens_of(clefs.document, 0, 2) == ["note-A2_whole", "barline"]
    assert tokens_of(clefs.document, 1, 1) == ["clef-F4", "keySignature-GM", "note-A2_whole"]
    assert len(clefs.staves) == 4
    second = clefs.document.pages[0].staves[1].symbols
    assert [each.mended for each in second] == [True, False, False, False]
    assert second[2].confidence == 0.75  # consequences of an edit keep their confidence
    assert [staff.mended for staff in clefs.document.staves] == [False, True, False, True, True]


def test_other_parts_and_other_signs_stay():
    document = make_document(
        ("clef-G2 note-B4_whole", "clef-G2 note-B4_whole"), ("clef-G2 note-B4_whole", "clef-F4 note-D3_whole")
    )
    assert apply_edit(document, Place(1, 0, 0), {"do": "clef", "clef": "C3"}).staves == ((1, 0), (1, 2))
    assert apply_edit(document, Place(1, 1, 0), {"do": "clef", "clef": "C3"}).staves == ((1, 1),)


def test_unread_staff_still_carries_its_signs():
    document = with_unread(make_document(*SYSTEMS[:2], "clef-G2 keySignature-GM note-F#4_whole"), 0, 1)
    edited = apply_edit(document, Place(1, 0, 1), {"do": "key", "fifths": 0})
    assert edited.staves == ((1, 0), (1, 1), (1, 2))
    assert not any(symbol.used for symbol in edited.document.staves[1].symbols)
    assert tokens_of(edited.document, 0, 2)[2] == "note-F4_whole"


def test_deleted_sign_restores_the_one_before():
    document = make_document("clef-G2 note-B4_half clef-F4 note-D3_half", "clef-F4 note-D3_half")
    edited = apply_edit(document, Place(1, 0, 2), {"do": "delete"})
    assert tokens_of(edited.document) == ["clef-G2", "note-B4_half", "note-B4_half"]
    assert tokens_of(edited.document, 0, 1) == ["clef-F4", "note-D3_half"]  # it has its own
    keys = make_document("keySignature-GM note-F#4_half", "note-F#4_half")
    edited = apply_edit(keys, Place(1, 0, 0), {"do": "delete"})
    assert [tokens_of(edited.document, 0, staff)[0] for staff in (0, 1)] == ["note-F4_half"] * 2


def test_signs_inside_a_tuplet_are_an_error():
    document = make_document("tuplet-3 note-C4_half note-C4_half note-C4_half tuplet-end")
    for values in ({"do": "clef", "clef": "F4"}, {"do": "key", "fifths": 1}, {"do": "meter", "meter": "C"}):
        with pytest.raises(EditError, match="inside a tuplet"):
            apply_edit(document, Place(1, 0, 2), values)
    for values in ({"do": "clef", "clef": "X9"}, {"do": "key", "fifths": 8}, {"do": "meter", "meter": "3/5"}):
        with pytest.raises(EditError, match="no such edit"):
            apply_edit(document, Place(1, 0, 0), values)
    with pytest.raises(EditError, match="out of range"):
        apply_edit(make_document("clef-F4 note-C9_half"), Place(1, 0, 0), {"do": "clef", "clef": "G1"})
