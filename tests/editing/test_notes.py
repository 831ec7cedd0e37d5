"""Edits of one note: pitch, accidental, value and tie."""

import pytest
from hand_made import SPACE_PX, make_document, tokens_of

from focal_omr.document.document import Document
from focal_omr.editing.apply import Place, apply_edit
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import EditError
from focal_omr.score.records import Note

PLACE = Place(1, 0, 0)


def change(label: str, symbol: int, **values) -> tuple[str, int, Document]:
    """The label after an edit, the index of the selected symbol, the document."""
    edited = apply_edit(make_document(label), Place(1, 0, symbol), values)
    assert edited.staves == ((1, 0),)
    return " ".join(tokens_of(edited.document)), edited.place.symbol, edited.document


@pytest.mark.parametrize(
    ("label", "symbol", "values", "after", "selected"),
    [
        # A step up takes the alteration of the key; an octave keeps the accidental.
        ("keySignature-GM note-E4_half", 1, {"steps": 1}, "keySignature-GM note-F#4_half", 1),
        ("keySignature-GM note-E#4_half", 1, {"steps": 1}, "keySignature-GM note-F#4_half", 1),
        ("keySignature-GM note-F4_half", 1, {"steps": 1}, "keySignature-GM note-G4_half", 1),
        ("note-Bb4_half.", 0, {"steps": 7}, "note-Bb5_half.", 0),
        ("keySignature-GM note-F4_half", 1, {"steps": -7}, "keySignature-GM note-F3_half", 1),
        ("accidental note-G4_half tie", 1, {"steps": 7}, "accidental note-G5_half tie", 1),
        ("accidental note-G4_half tie", 1, {"steps": 2}, "note-B4_half tie", 0),
        ("accidental note-G4_half tie", 0, {"steps": -1}, "note-F4_half tie", 0),
        ("note-G4_half tie", 1, {"steps": -1}, "note-F4_half tie", 0),
        ("gracenote-C4_eighth", 0, {"steps": -1}, "gracenote-B3_eighth", 0),
    ],
)
def test_moving(label, symbol, values, after, selected):
    assert change(label, symbol, do="move", **values)[:2] == (after, selected)


@pytest.mark.parametrize(
    ("before", "step", "after"),
    [
        ("note-C4_half", "B", "note-B3_half"),
        ("note-C4_half", "G", "note-G3_half"),  # a fourth down and not a fifth up
        ("note-C4_half", "F", "note-F4_half"),
        ("note-C#4_half", "C", "note-C#4_half"),
        ("note-C#4_half", "D", "note-D4_half"),
        ("note-B4_half rest-quarter_fermata", "D", "note-B4_half note-D5_quarter_fermata"),
    ],
)
def test_letters_take_the_nearest_octave(before, step, after):
    last = len(before.split()) - 1
    assert change(before, last, do="step", step=step)[0] == after


@pytest.mark.parametrize(
    ("label", "symbol", "sign", "after", "selected"),
    [
        ("note-C4_half", 0, "#", "note-C#4_half", 0),
        ("note-C#4_half", 0, "bb", "note-Cbb4_half", 0),
        ("note-C#4_half", 0, None, "note-C4_half", 0),
        ("note-C4_half", 0, "n", "accidental note-C4_half", 1),
        ("accidental note-C4_half", 1, None, "note-C4_half", 0),
        ("accidental note-C4_half", 0, "##", "note-C##4_half", 0),
        ("keySignature-DM note-F#4_half", 1, "n", "keySignature-DM note-F4_half", 1),
        ("keySignature-DM note-F#4_half", 1, "#", "keySignature-DM accidental note-F#4_half", 2),
        ("keySignature-DM note-F4_half", 1, None, "keySignature-DM note-F#4_half", 1),
    ],
)
def test_printed_accidentals(label, symbol, sign, after, selected):
    assert change(label, symbol, do="accidental", sign=sign)[:2] == (after, selected)


def test_accidental_holds_to_the_end_of_its_bar():
    label = "clef-G2 note-C5_quarter note-D5_quarter note-C5_quarter barline note-C5_quarter"
    document = change(label, 1, do="accidental", sign="#")[2]
    assert tokens_of(document)[3] == "note-C5_quarter"  # tokens have printed accidentals only
    alters = [
        event.pitch.alter
        for measure in from_score(document.score)[0].parts[0].measures
        for event in measure.events
        if isinstance(event, Note)
    ]
    assert alters == [1, 0, 1, 0]


def test_key_of_an_earlier_staff_applies():
    document = make_document("clef-G2 keySignature-AM note-F#4_whole barline", "clef-G2 note-E4_whole")
    edited = apply_edit(document, Place(1, 1, 1), {"do": "move", "steps": 1})
    assert tokens_of(edited.document, 0, 1)[1] == "note-F#4_whole"
    assert edited.staves == ((1, 1),)


@pytest.mark.parametrize(
    ("label", "values", "after"),
    [
        ("note-C4_half..", {"do": "value", "value": "quarter"}, "note-C4_quarter"),
        ("rest-half._fermata", {"do": "value", "value": "eighth"}, "rest-eighth_fermata"),
        ("note-C#4_half", {"do": "dots", "dots": 2}, "note-C#4_half.."),
        ("rest-half.", {"do": "dots", "dots": 0}, "rest-half"),
        ("note-C4_half", {"do": "fermata"}, "note-C4_half_fermata"),
        ("rest-half_fermata", {"do": "fermata"}, "rest-half"),
        ("note-C4_half", {"do": "grace"}, "gracenote-C4_half"),
        ("gracenote-C4_half", {"do": "grace"}, "note-C4_half"),
        ("note-C4_half", {"do": "tie"}, "note-C4_half tie"),
        ("note-C4_half tie", {"do": "tie"}, "note-C4_half"),
        ("note-C4_half", {"do": "rest"}, "rest-half"),
        ("rest-half.", {"do": "rest"}, "note-B4_half."),
    ],
)
def test_values_dots_ties_and_fermatas(label, values, after):
    assert change(label, 0, **values)[:2] == (after, 0)


def test_rest_has_no_ties_and_no_accidental():
    label = "note-C4_half tie barline accidental note-C4_half tie note-C4_half"
    assert change(label, 4, do="rest")[:2] == ("note-C4_half barline rest-half note-C4_half", 2)
    document = make_document("clef-F4 rest-half barline note-E3_half rest-half")
    assert tokens_of(apply_edit(document, Place(1, 0, 4), {"do": "rest"}).document)[4] == "note-E3_half"
    alone = apply_edit(make_document("clef-F4 rest-half"), Place(1, 0, 1), {"do": "rest"}).document
    assert tokens_of(alone)[1] == "note-D3_half"  # the middle line


def test_edited_symbols_are_marked_and_move_on_the_image():
    before = make_document("clef-G2 note-C5_half note-D5_half")
    document = apply_edit(before, Place(1, 0, 1), {"do": "move", "steps": 3}).document
    old, new = before.staves[0].symbols[1], document.staves[0].symbols[1]
    assert (new.confidence, new.mended, document.staves[0].mended) == (1.0, True, True)
    for (x, y), (u, v) in zip(old.polygon, new.polygon, strict=True):
        assert (u, v) == pytest.approx((x, y - 1.5 * SPACE_PX))
    other = document.staves[0].symbols[2]
    assert other is before.staves[0].symbols[2]
    assert (other.confidence, other.mended) == (0.75, False)


@pytest.mark.parametrize(
    ("label", "values", "message"),
    [
        ("rest-quarter", {"do": "move", "steps": 1}, "only a note has a pitch; selected is: quarter rest"),
        ("rest-quarter", {"do": "tie"}, "only a note has a tie"),
        ("barline", {"do": "value", "value": "half"}, "only a note or a rest has a value"),
        ("multirest-3", {"do": "dots", "dots": 1}, "has dots; selected is: 3 bars' rest"),
        ("rest-quarter", {"do": "accidental", "sign": "#"}, "an accidental"),
        ("gracenote-C4_half", {"do": "rest"}, "a grace note cannot become a rest"),
        ("note-C9_half", {"do": "move", "steps": 7}, "out of range"),
        ("note-C0_half", {"do": "move", "steps": -1}, "out of range"),
        ("note-G9_half", {"do": "accidental", "sign": "#"}, "out of range"),
        ("note-C4_half", {"do": "move", "steps": "1"}, "no such edit: steps: "),
        ("note-C4_half", {"do": "value", "value": "third"}, "no such edit: value: "),
        ("note-C4_half", {"do": "shout"}, "no such edit: "),
        ("note-C4_half", {}, "no such edit: "),
        ("note-C4_half", {"do": "tie", "more": 1}, "no such edit: more"),
    ],
)
def test_impossible_edits_are_errors(label, values, message):
    with pytest.raises(EditError, match=message) as error:
        apply_edit(make_document(label), PLACE, values)
    assert "\n" not in str(error.value)


def test_unknown_places_are_errors():
    document = make_document("note-C4_half")
    for place in (Place(2, 0, 0), Place(1, 1, 0), Place(1, 0, 1), Place(1, 0, -1), Place(1, -1, 0)):
        with pytest.raises(EditError, match="there is no"):
            apply_edit(document, place, {"do": "tie"})
