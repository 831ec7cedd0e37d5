"""Mapping between symbols on the scan and events of the score."""

import pytest
from hand_made import make_document, with_unread
from shared_data import SHARED
from web_documents import (
    NAMES,
    WEIGHTS,
    Timed,
    all_symbols,
    example,
    on_one_page,
    one_after_the_other,
    recognizer,
)

from focal_omr.document.document import Document
from focal_omr.document.events import SymbolPlace, event_places
from focal_omr.encodings.semantic import parse_sign
from focal_omr.score import records
from focal_omr.score.score import Chord, Clef, Event, Key, Meter, Rest, Sign

PAGES = SHARED / "data" / "pages"
OPEN = "clef-G2 keySignature-GM timeSignature-2/4"
SYSTEM = "clef-G2 keySignature-GM"


def check(document: Document) -> None:
    """Used notes and rests, and signs kept in the score, have the ids of events that say the same."""
    events = events_by_id(document)
    ids = ids_of(document)
    assert len(set(ids.values())) == len(ids)
    for symbol in all_symbols(document).values():
        if symbol.used and isinstance(parse_sign(symbol.token), Timed):
            assert symbol.event is not None, symbol
        if symbol.event is not None:
            assert same(symbol.token, events[symbol.event]), symbol
    assert places_of(document).keys() <= events.keys()


def events_by_id(document: Document) -> dict[str, Event | Sign]:
    """The events and signs of the score by id."""
    events: dict[str, Event | Sign] = {event.id: event for *_, event in document.score.events()}
    for part in document.score.parts:
        events |= {sign.id: sign for measure in part.measures for sign in measure.signs if sign.id}
    return events


def places_of(document: Document) -> dict[str, SymbolPlace]:
    return event_places(document.pages)


def ids_of(document: Document) -> dict[SymbolPlace, str]:
    return {place: id_ for id_, place in places_of(document).items() if place.symbol is not None}


def same(token: str, event: Event | Sign) -> bool:
    """Whether a token matches an event; accidentals that hold through the bar are not in the token."""
    sign = parse_sign(token)
    if isinstance(event, Chord) and isinstance(sign, records.Note):
        (note,) = event.notes
        same_place = (sign.pitch.step, sign.pitch.octave) == (note.pitch.step, note.pitch.octave)
        sounds = note.accidental is None or sign.pitch.alter == note.pitch.alter
        value = records.NOTE_VALUES[sign.duration.value], sign.duration.dots
        same_value = value == (event.duration.value, event.duration.dots)
        return same_place and sounds and same_value and sign.grace == (event.grace is not None)
    if isinstance(event, Sign):
        match sign, event.value:
            case records.Clef(shape, line), Clef(other, place, 0):
                return (shape, line) == (other, place)
            case records.Key(fifths), Key(others):
                return fifths == others
            case records.Meter(beats, unit), Meter((((others,), other),)):
                return (beats, unit) == (others, other)
        return False
    return isinstance(event, Rest) and isinstance(sign, records.Rest | records.MultiRest)


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there")
@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    check(example(name))


@pytest.mark.skipif(not (PAGES.is_dir() and WEIGHTS.is_file()), reason="the pages are not there")
@pytest.mark.parametrize(
    "file",
    ["quartet-parts/sq8437280-Part-Violoncello.pdf", "petrie/petrie-033.png", "petrie/petrie-102.png"],
)
def test_real_pages(file):
    document = recognizer().read(PAGES / file)
    check(document)
    assert len(ids_of(document)) > 250


def test_repeated_signs_are_no_events_and_changed_ones_are():
    document = make_document(
        f"{OPEN} note-G4_half barline note-G4_half barline",
        f"{SYSTEM} note-F#4_half tie note-F4_half barline keySignature-FM",
        "clef-F4 keySignature-FM note-B3_quarter accidental note-Bb3_quarter barline-final",
    )
    check(document)
    ids = ids_of(document)
    assert SymbolPlace(1, 0, 0) in ids  # the first clef
    assert SymbolPlace(1, 1, 0) not in ids
    assert SymbolPlace(1, 1, 1) not in ids
    assert SymbolPlace(1, 1, 6) in ids  # announced at the end of the line, repeated on the next
    assert SymbolPlace(1, 2, 0) in ids
    assert SymbolPlace(1, 2, 1) not in ids


def test_printed_and_inferred_tuplets():
    triplet = "tuplet-3 note-G4_eighth note-A4_eighth note-B4_eighth tuplet-end note-G4_quarter barline"
    silent = "note-G4_eighth note-A4_eighth note-B4_eighth gracenote-C5_eighth note-C5_quarter barline"
    check(make_document(f"{OPEN} {triplet}", f"{SYSTEM} {silent} multirest-3 barline note-G4_half barline"))


def test_unread_staves_have_rests_without_symbols():
    document = with_unread(
        make_document(
            (f"{OPEN} note-G4_half barline", f"{OPEN} note-B4_half barline note-B4_half barline"),
            (f"{SYSTEM} note-G4_half barline note-A4_half barline", f"{SYSTEM} note-B4_half barline"),
        ),
        0,
        2,
    )
    check(document)
    places = places_of(document)
    unread = [id_ for id_, place in places.items() if place.symbol is None]
    assert [(id_[:2], places[id_]) for id_ in unread] == [("p1", SymbolPlace(1, 2, None))] * 2


def test_pieces_with_other_parts_and_without_a_key():
    document = one_after_the_other(
        make_document((f"{OPEN} note-G4_half barline-final", f"{OPEN} note-G4_half barline-final")),
        make_document("clef-G2 timeSignature-2/4 note-F4_half barline note-F4_half barline-final"),
        make_document(("clef-G2 note-A4_half barline-final", "clef-F4 note-A3_half barline-final")),
        make_document("clef-G2 note-A4_half barline note-B4_half barline-final"),
    )
    for each in (document, on_one_page(document)):
        check(each)
    places = places_of(document)
    # The natural key of the first piece that prints none is no symbol.
    signs = [sign for measure in document.score.parts[0].measures for sign in measure.signs]
    assert [sign.value for sign in signs if sign.id not in places] == [Key(0)]
    assert document.score.parts[0].measures[1].signs[1].value == Key(0)
    assert sum(id_.startswith("p2") for id_ in places) == 4 + 2


def test_broken_grammar_and_repeat_signs():
    check(
        make_document(
            f"{OPEN} barline-repeat_start tie note-G4_half barline-repeat_end tuplet-3 note-A4_half"
        )
    )
