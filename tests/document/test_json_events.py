"""Events in the JSON of a reading: ids that the score's files have too, voices, pitches and times."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
from hand_made import make_document, with_unread
from hypothesis import given, settings
from strategies import labels

from focal_omr.document.assemble import document_from_json
from focal_omr.document.document import Document, Symbol
from focal_omr.encodings.semantic import parse_sign
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.score import records
from focal_omr.score.score import Chord, Clef, Duration, Measure, Note, Part, Pitch, Score, Sign, Voice

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "document.schema.json").read_text())
ID = "{http://www.w3.org/XML/1998/namespace}id"
OPEN = "clef-G2 keySignature-GM timeSignature-2/4"
SYSTEM = "clef-G2 keySignature-GM"


def symbols_of(document: Document) -> list[dict]:
    plain = document.to_json()
    jsonschema.validate(plain, SCHEMA)
    return [symbol for page in plain["pages"] for staff in page["staves"] for symbol in staff["symbols"]]


def check(document: Document) -> list[dict]:
    """Notes and rests have ids, which the notes and rests of MusicXML and MEI have too, in this order."""
    symbols = symbols_of(document)
    used = [symbol for symbol in symbols if symbol["used"]]
    timed = [
        s for s in used if isinstance(parse_sign(s["token"]), records.Note | records.Rest | records.MultiRest)
    ]
    ids = [symbol["event"] for symbol in symbols if symbol["event"]]
    assert ids == [symbol["event"] for symbol in timed]
    assert len(set(ids)) == len(ids)
    notes = {
        note.get("id"): note for note in ET.fromstring(write_musicxml_score(document.score)).iter("note")
    }
    mei = {element.get(ID): element for element in ET.fromstring(write_mei_score(document.score)).iter()}
    for symbol in timed:
        note, element = notes[symbol["event"]], mei[symbol["event"]]
        assert element.tag.endswith("note") == (note.find("pitch") is not None) == ("pitch" in symbol)
        if "pitch" in symbol:
            assert symbol["pitch"] == _pitch(note)
    return symbols


def _pitch(note: ET.Element) -> str:
    step, octave = note.findtext("pitch/step"), note.findtext("pitch/octave")
    alter = int(note.findtext("pitch/alter") or 0)
    return f"{step}{'#' * alter}{'b' * -alter}{octave}"


def test_pitches_and_times():
    document = make_document(
        f"{OPEN} note-F#5_quarter tie tuplet-3 note-F#5_eighth rest-eighth note-Bb4_eighth tuplet-end "
        "barline",
        f"{SYSTEM} gracenote-A4_eighth note-F5_quarter note-F5_quarter barline multirest-3 barline",
    )
    found = {s["event"]: s for s in check(document) if s["event"]}
    keys = ("pitch", "onset", "duration", "bar", "voice", "staff")
    assert {id_: tuple(symbol.get(key) for key in keys) for id_, symbol in found.items()} == {
        "p1m1e4": ("F#5", "0", "1/4", 1, 1, 1),
        "p1m1e5": ("F#5", "1/4", "1/12", 1, 1, 1),
        "p1m1e6": (None, "1/3", "1/12", 1, 1, 1),
        "p1m1e7": ("Bb4", "5/12", "1/12", 1, 1, 1),
        "p1m2e1": ("A4", "0", "0", 2, 1, 1),
        "p1m2e2": ("F5", "0", "1/4", 2, 1, 1),
        "p1m2e3": ("F5", "1/4", "1/4", 2, 1, 1),
        "p1m3e1": (None, "0", "3/2", 3, 1, 1),
    }
    assert found["p1m2e2"]["token"] == "note-F5_quarter"


def test_several_parts_and_an_unread_staff():
    document = with_unread(
        make_document(
            (f"{OPEN} note-G4_half barline", f"{OPEN} note-B4_half barline"),
            (f"{SYSTEM} note-G4_half barline", f"{SYSTEM} note-C5_half barline"),
        ),
        0,
        2,
    )
    symbols = symbols_of(document)
    assert [s["event"] for s in symbols if s["event"]] == ["p1m1e4", "p2m1e4", "p2m2e1"]
    assert all(s["voice"] is None and "onset" not in s for s in symbols if s["event"] is None)


@settings(max_examples=40, deadline=None)
@given(labels())
def test_any_label(tokens):
    check(make_document(" ".join(["clef-G2", *tokens, "barline"])))


def test_documents_of_columns_have_their_scores():
    """Chords on two staves: each head has its note's id, and the score comes back as it was."""
    rest = make_document("clef-F4 timeSignature-2/4 rest-half barline-final", title="Duo")
    (page,) = rest.pages
    (staff,) = page.staves
    notes = tuple(Note(id=f"c.{n}", pitch=Pitch(step, 4)) for n, step in enumerate("CEG", 1))
    chord = Chord(
        id="c", onset=Fraction(0), duration=Duration(Fraction(1, 2)), length=Fraction(1, 2), notes=notes
    )
    signs = (Sign(Fraction(0), Clef("G", 2), 1), Sign(Fraction(0), Clef("F", 4), 2))
    measure = Measure(id="m1", number="1", voices=(Voice(1, (chord,)),), signs=signs, pickup=True)
    score = Score(parts=(Part(id="P1", measures=(measure,), staves=2),), title="Duo")
    (corners,) = {symbol.polygon for symbol in staff.symbols[:1]}
    heads = tuple(
        Symbol(f"note-{n}4_half", corners, 0.5, event="c", note=f"c.{k}") for k, n in enumerate("CEG", 1)
    )
    read = replace(staff, symbols=heads, part_staff=2)
    document = Document(
        rest.source, (replace(page, staves=(read,)),), (score,), score, ("odd",), from_columns=True
    )
    found = symbols_of(document)
    assert [(s["event"], s["note"], s["pitch"], s["voice"], s["staff"]) for s in found] == [
        ("c", "c.1", "C4", 1, 2),
        ("c", "c.2", "E4", 1, 2),
        ("c", "c.3", "G4", 1, 2),
    ]
    again = document_from_json(json.loads(json.dumps(document.to_json())))
    assert (again.score, again.pieces, again.warnings) == (document.score, document.pieces, document.warnings)
    assert again.to_json() == document.to_json()
    assert [(s.event, s.note) for s in again.symbols] == [(s.event, s.note) for s in document.symbols]
