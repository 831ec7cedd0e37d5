"""MusicXML of one-voice scores against the W3C schema, Verovio and music21, and element by element."""

import random
import warnings
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from normal_form import normal
from one_voice import write_musicxml
from strategies import CLEFS, clefs, keys, meters, notes, printed, rests, scores, tuplets

from focal_omr import __version__
from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import (
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Tuplet,
    flat_events,
    sounding_length,
)

# Every feature of a Score at least once; two of them end with a repeat sign or with nothing.
EXAMPLES = {
    "signs": (
        "clef-C3 keySignature-EbM timeSignature-C/ note-Eb4_whole clef-F4 note-C3_half keySignature-DM "
        "timeSignature-3/4 note-F#3_quarter barline note-C3_half."
    ),
    "accidentals": (
        "clef-G2 keySignature-GM timeSignature-C note-F4_quarter note-F#4_quarter note-Bb4_quarter "
        "note-C##5_quarter barline accidental note-F#4_half note-Dbb5_half barline"
    ),
    "ties": (
        "clef-G2 timeSignature-2/4 note-F#4_half tie barline note-F4_half tie barline note-F4_quarter "
        "gracenote-G4_eighth note-F4_quarter barline"
    ),
    "grace": (
        "clef-G2 timeSignature-2/4 gracenote-G4_eighth note-F4_quarter gracenote-A4_quarter note-F4_quarter "
        "barline gracenote-E4_sixteenth gracenote-F4_sixteenth note-G4_half barline"
    ),
    "fermatas": (
        "clef-G2 timeSignature-2/4 note-F4_quarter_fermata rest-quarter_fermata barline rest-whole_fermata "
        "barline-final"
    ),
    "rests": (
        "clef-G2 timeSignature-6/8 note-G4_half. barline multirest-12 barline rest-whole barline rest-half. "
        "barline multirest-2 barline-double"
    ),
    "values": (
        "clef-G2 note-C4_quadruple_whole note-C4_double_whole. note-C4_whole note-C4_half.. note-C4_eighth "
        "note-C4_sixteenth note-C4_thirty_second note-C4_sixty_fourth note-C4_hundred_twenty_eighth"
    ),
    "tuplets": (
        "clef-G2 timeSignature-2/4 tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end "
        "tuplet-3 note-C5_quarter rest-eighth tuplet-end barline tuplet-5 note-C5_sixteenth "
        "note-D5_sixteenth note-E5_sixteenth note-D5_sixteenth note-C5_sixteenth tuplet-end rest-quarter "
        "barline"
    ),
    "barlines": (
        "clef-G2 timeSignature-2/4 barline-repeat_start note-C5_half barline-repeat_end note-C5_half "
        "barline-double note-C5_half barline-repeat_start note-C5_half barline-repeat_both note-C5_half "
        "barline-final"
    ),
    "beams": (
        "clef-G2 timeSignature-2/4 note-C5_eighth. note-C5_sixteenth note-C5_sixteenth note-C5_eighth "
        "note-C5_sixteenth barline note-C5_thirty_second note-C5_thirty_second note-C5_sixteenth "
        "note-C5_eighth note-C5_quarter barline"
    ),
    "pickup": "clef-G2 timeSignature-3/4 note-G4_quarter barline note-C5_half. barline note-C5_half barline",
    "no signs": "note-G4_quarter rest-quarter note-F#4_half",
    "opens a repeat at the end": "clef-G2 timeSignature-2/4 note-C5_half barline-repeat_start",
    "odd meter": "clef-G2 timeSignature-2/48 note-C5_eighth barline note-C5_sixteenth barline",
    "nothing": "",
}


def musicxml_tree(score: Score) -> ET.Element:
    return ET.fromstring(write_musicxml(score))


def tree(label: str) -> ET.Element:
    return musicxml_tree(read_semantic(label))


def texts(root: ET.Element, path: str) -> list[str | None]:
    return [element.text for element in root.iterfind(path)]


# The schema ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_examples_are_valid(schema, label):
    schema.assertValid(etree.fromstring(write_musicxml(read_semantic(label)).encode()))


@settings(max_examples=30)
@given(scores())
def test_every_score_is_valid(schema, score):
    schema.assertValid(etree.fromstring(write_musicxml(score).encode()))


# Long scores -----------------------------------------------------------------------------------------------

_VALUES = [Duration(value, dots) for value in ("half", "quarter", "eighth", "sixteenth") for dots in (0, 1)]


def _long_part(seed: int) -> Part:
    """200 full bars; clef, key and meter change every 20, and every tenth bar rests."""
    chance = random.Random(seed)
    measures: list[Measure] = []
    for _ in range(10):
        meter = chance.choice([Meter(2, 4), Meter(3, 4), Meter(6, 8), Meter(4, 4, "C"), Meter(2, 2, "C/")])
        signs = (chance.choice(CLEFS), Key(chance.randint(-7, 7)), meter)
        for place in range(20):
            resting = place % 10 == 3
            events = (Rest(Duration("whole")),) if resting else tuple(_full_bar(chance, meter.length))
            barline = chance.choice(("single", "double", "repeat_end", "final")) if place == 19 else "single"
            measures.append(Measure((signs if place == 0 else ()) + events, barline))
    measures[-1] = replace(measures[-1], barline="final")
    return beam_by_meter(printed(Part(tuple(measures))))


def _full_bar(chance: random.Random, left: Fraction) -> Iterator[Note | Rest | Tuplet]:
    if chance.random() < 0.2:
        thirds = [Note(_pitch(chance), Duration("eighth")) for _ in range(3)]
        yield Tuplet(3, 2, tuple(thirds))
        left -= Fraction(1, 4)
    while left:
        value = chance.choice(
            [each for each in _VALUES if each.length <= left] or [Duration("thirty_second")]
        )
        left -= value.length
        rest = chance.random() < 0.15
        yield Rest(value) if rest else Note(_pitch(chance), value, tie=chance.random() < 0.1)


def _pitch(chance: random.Random) -> Pitch:
    return Pitch(chance.choice("CDEFGAB"), chance.randint(3, 5), chance.choice((-1, 0, 0, 1)))


@pytest.mark.parametrize("seed", range(3))
def test_long_scores_are_valid_and_round_trip(schema, tmp_path, seed):
    part = _long_part(seed)
    (tmp_path / "long.musicxml").write_text(write_musicxml(Score((part,))))
    document = etree.parse(str(tmp_path / "long.musicxml"))
    schema.assertValid(document)
    assert len(document.findall("part/measure")) == 200
    ours, theirs = (
        _without_ties(score)[-1] for score in (Score((part,)), load_one_voice(tmp_path / "long.musicxml"))
    )
    # Verovio moves a clef from a bar's beginning to the end of the one before it: so without barlines.
    assert [event for m in theirs for event in m.events] == [event for m in ours for event in m.events]
    assert [m.barline for m in theirs] == [m.barline for m in ours]


def _untied(event: Event) -> Event:
    match event:
        case Note():
            return replace(event, tie=False)
        case Tuplet():
            return replace(event, events=tuple(map(_untied, event.events)))
    return event


def _without_ties(score: Score) -> list[object]:
    """The normal form but for ties: random ones lead to other pitches, too."""
    *head, measures = normal(score)
    return [*head, [replace(measure, events=tuple(map(_untied, measure.events))) for measure in measures]]


# Score -> MusicXML -> Verovio -> Score ---------------------------------------------------------------------

# Verovio 6.4 loses details of valid MusicXML: a key or meter change within a bar (moves to its start), a clef
# at the start of a bar (moves to the end of the bar before), signs and notes beside a multi-measure rest, the
# barline kind after a multi-measure rest of one bar, tuplets of one note; a grace note at the start of a
# tuplet moves out of it. MusicXML itself does not encode the order of signs, nor a repeat after the last bar.
_WHOLE_TUPLETS = tuplets().filter(lambda t: len(t.events) > 1 and all(map(sounding_length, t.events)))


@st.composite
def _comparable_scores(draw: st.DrawFn) -> Score:
    score = draw(scores(events=notes | notes | rests | _WHOLE_TUPLETS))
    measures = list(score.parts[0].measures)
    opening = (draw(clefs), draw(keys), draw(meters))
    while measures and not measures[-1].events and measures[-1].barline == "repeat_start":
        measures.pop()  # it would begin after the last bar
    if measures and measures[-1].barline == "repeat_both":
        measures[-1] = replace(measures[-1], barline="repeat_end")
    measures[:1] = [replace(measures[0], events=opening + measures[0].events)] if measures else []
    return Score((beam_by_meter(printed(Part(tuple(measures)))),))


@settings(max_examples=40)
@given(_comparable_scores())
def test_score_round_trips_through_musicxml_and_verovio(score):
    if not any(flat_events(measure) for measure in score.parts[0].measures):
        return
    again = read_mei(Engraver().mei(write_musicxml(score)))
    assert _without_ties(again) == _without_ties(score)


@pytest.mark.parametrize("name", ["accidentals", "ties", "grace", "fermatas", "rests", "tuplets", "barlines"])
def test_examples_round_trip_through_verovio(name):
    score = read_semantic(EXAMPLES[name])
    assert write_semantic(read_mei(Engraver().mei(write_musicxml(score)))) == write_semantic(score)


# music21 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["accidentals", "ties", "grace", "tuplets", "rests", "pickup", "values", "signs"]
)
def test_music21_reads_the_same_pitches(name):
    score = read_semantic(EXAMPLES[name])
    heard = [(n.pitch.midi, n.quarterLength) for n in _music21_notes(write_musicxml(score))]
    assert heard == list(_lengths(score.parts[0]))


def _music21_notes(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # music21's own deprecations
        from music21 import converter

        return converter.parseData(text, format="musicxml").flatten().notes


def _lengths(part):
    for measure in part.measures:
        for event in measure.events:
            scale = Fraction(event.normal, event.actual) if isinstance(event, Tuplet) else 1
            for leaf in flat_events(Measure((event,))):
                if isinstance(leaf, Note):
                    yield leaf.pitch.midi, 4 * sounding_length(leaf) * scale


# Element by element ----------------------------------------------------------------------------------------


def test_header():
    part = read_semantic("note-G4_quarter").parts[0]
    root = musicxml_tree(Score((replace(part, name="Flute"), part), "A tune"))
    assert texts(root, "work/work-title") == ["A tune"]
    assert texts(root, "part-list/score-part/part-name") == ["Flute", None]
    assert texts(root, "identification/encoding/software") == [f"Focal-CTC-OMR {__version__}"]
    assert [part.get("id") for part in root.iterfind("part")] == ["P1", "P2"]


def test_output_is_deterministic():
    assert write_musicxml(read_semantic(EXAMPLES["beams"])) == write_musicxml(
        read_semantic(EXAMPLES["beams"])
    )


def test_signs_anywhere():
    first, second = tree(EXAMPLES["signs"]).iterfind("part/measure")
    assert [child.tag for child in first] == [
        "attributes",
        "note",
        "attributes",
        "note",
        "attributes",
        "note",
    ]
    assert [child.tag for child in first[4]] == ["key", "time"]
    assert first.find("attributes/time").get("symbol") == "cut"
    assert texts(first, "attributes/clef/sign") == ["C", "F"]
    assert texts(first, "attributes/key/fifths") == ["-3", "2"]
    assert first.find("attributes/key/mode") is None  # nothing tells it
    assert second.find("attributes") is None


def test_accidentals_and_pitches():
    root = tree(EXAMPLES["accidentals"])
    assert texts(root, ".//accidental") == ["natural", "flat", "double-sharp", "sharp", "flat-flat"]
    assert texts(root, ".//alter") == ["-1", "2", "1", "-2"]


def test_ties_cross_barlines_and_grace_notes():
    kinds = [
        [tie.get("type") for tie in note.iterfind("tie")] for note in tree(EXAMPLES["ties"]).iter("note")
    ]
    assert kinds == [["start"], ["stop", "start"], ["stop"], [], []]
    assert [t.get("type") for t in tree(EXAMPLES["ties"]).iter("tied")] == ["start", "stop", "start", "stop"]


def test_grace_notes_take_no_time():
    grace = [note for note in tree(EXAMPLES["grace"]).iter("note") if note.find("grace") is not None]
    assert [note.find("grace").get("slash") for note in grace] == ["yes", None, None, None]
    assert all(note.find("duration") is None for note in grace)


@pytest.mark.parametrize("bars", [1, 2, 1111])
def test_multimeasure_rests(bars):
    root = tree(
        f"clef-G2 timeSignature-3/4 note-C5_half. barline multirest-{bars} barline note-C5_half. barline"
    )
    measures = root.findall("part/measure")
    assert len(measures) == bars + 2
    assert texts(root, ".//multiple-rest") == [str(bars)]
    rest = measures[bars].find("note")
    assert rest.find("rest").get("measure") == "yes"
    assert rest.findtext("duration") == "3"


def test_signs_and_notes_beside_a_multimeasure_rest():
    measures = tree("timeSignature-2/4 note-C5_half multirest-2 clef-F4 barline-double note-C5_half").findall(
        "part/measure"
    )
    assert [m.findtext("barline/bar-style") for m in measures] == ["none", None, "light-light", "none"]
    assert measures[2].findtext("attributes/clef/sign") == "F"
    measures = tree("multirest-2 note-C5_half barline").findall("part/measure")
    assert [len(m.findall("note")) for m in measures] == [1, 1, 1]


def test_single_whole_rest_fills_its_bar():
    _, _, *rests = tree(
        "timeSignature-3/4 note-C5_half. barline rest-whole barline rest-whole timeSignature-C barline "
        "rest-whole note-C5_half barline timeSignature-4/2 rest-whole barline"
    ).iterfind("part/measure/note")
    assert [note.findtext("duration") for note in rests] == ["3", "4", "2", "4"]
    assert [note.find("rest").get("measure") for note in rests if note.find("rest") is not None] == [
        "yes",
        None,
        None,
    ]


def test_tuplets():
    root = tree(EXAMPLES["tuplets"])
    assert root.findtext(".//divisions") == "15"
    assert [(t.get("type"), t.get("bracket")) for t in root.iter("tuplet")] == [
        ("start", "no"),
        ("stop", None),
        ("start", "yes"),
        ("stop", None),
        ("start", "no"),
        ("stop", None),
    ]
    assert texts(root, ".//actual-notes") == ["3"] * 5 + ["5"] * 5
    assert texts(root, ".//normal-notes") == ["2"] * 5 + ["4"] * 5


def test_barlines():
    barlines = [
        (number, b.get("location"), b.findtext("bar-style"), (b.find("repeat") or {}).get("direction"))
        for number, measure in enumerate(tree(EXAMPLES["barlines"]).iterfind("part/measure"), 1)
        for b in measure.iterfind("barline")
    ]
    assert [(n, where, style) for n, where, style, _ in barlines] == [
        (1, "left", "heavy-light"),
        (1, "right", "light-heavy"),
        (2, "right", "light-light"),
        (4, "left", "heavy-light"),
        (4, "right", "light-heavy"),
        (5, "left", "heavy-light"),
        (5, "right", "light-heavy"),
    ]
    directions = [repeat.get("direction") for repeat in tree(EXAMPLES["barlines"]).iter("repeat")]
    assert directions == ["forward", "backward", "forward", "backward", "forward"]


def test_music_that_just_stops_has_no_barline():
    assert texts(tree("note-C5_half barline note-C5_half"), ".//bar-style") == ["none"]


def test_pickup_bars():
    measures = tree(EXAMPLES["pickup"]).findall("part/measure")
    assert [(m.get("number"), m.get("implicit")) for m in measures] == [
        ("0", "yes"),
        ("1", None),
        ("2", None),
    ]
    assert [m.get("number") for m in tree(EXAMPLES["no signs"]).iterfind("part/measure")] == ["1"]


def test_beams_by_level():
    beams = [
        "/".join(beam.text or "" for beam in note.iterfind("beam"))
        for note in tree(EXAMPLES["beams"]).iter("note")
    ]
    assert beams == [
        "begin",
        "end/backward hook",
        "begin/forward hook",
        "continue",
        "end/backward hook",
        "begin/begin/begin",
        "continue/continue/end",
        "continue/end",
        "end",
        "",
    ]


def test_hook_points_to_the_dotted_note_that_it_completes():
    eighth, sixteenth, dotted = Duration("eighth"), Duration("sixteenth"), Duration("eighth", 1)
    places = ("start", "middle", "end")
    events = tuple(
        Note(Pitch("C", 5), d, beam=b) for d, b in zip((eighth, sixteenth, dotted), places, strict=True)
    )
    root = musicxml_tree(Score((Part((Measure(events),)),)))
    assert texts(root, ".//beam") == ["begin", "continue", "forward hook", "end"]


def test_shorter_parts_are_filled_up():
    long, short = (
        read_semantic(text).parts[0] for text in ("note-C5_half barline note-C5_half", "rest-half barline")
    )
    one, two = musicxml_tree(Score((short, long))).iterfind("part")
    assert len(one) == len(two) == 2
    assert one[1].findtext("barline/bar-style") == "none"


def test_attributes_have_the_order_of_the_schema():
    events = (Meter(2, 4), Clef("G", 2), Key(-1), Key(2))
    attributes = musicxml_tree(Score((Part((Measure(events),)),))).findall(".//attributes")
    assert [[child.tag for child in each] for each in attributes] == [
        ["divisions", "key", "time", "clef"],
        ["key"],
    ]


def test_score_without_parts_is_an_error():
    with pytest.raises(NotationError, match="without parts"):
        write_musicxml(Score(()))
