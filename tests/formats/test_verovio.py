"""The Verovio toolkit: MIDI output, input checks, and independence of calls."""

import re
from fractions import Fraction

import pytest
from one_voice import write_musicxml

from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import EngraveError
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.score.records import Measure, Note, Part, Tuplet, flat_events, sounding_length

TUNE = (
    "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter tie note-G4_quarter note-F#4_quarter barline"
)


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver()


def mei(label: str) -> str:
    return write_mei(read_semantic(label))


# MIDI ------------------------------------------------------------------------------------------------------


def midi_notes(data: bytes) -> list[tuple[int, Fraction, Fraction]]:
    """(pitch, start, end) of every note, in quarters, by start."""
    assert data[:4] == b"MThd"
    division, position = int.from_bytes(data[12:14], "big"), 14
    notes = []
    while position < len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "big")
        notes += _track_notes(data[position + 8 : position + 8 + length], division)
        position += 8 + length
    return sorted(notes, key=lambda note: (note[1], note[0]))


def _track_notes(track: bytes, division: int) -> list[tuple[int, Fraction, Fraction]]:
    notes, begun, index, time, status = [], {}, 0, 0, 0

    def number() -> int:
        nonlocal index
        value = 0
        while True:
            index += 1
            value = value << 7 | track[index - 1] & 127
            if track[index - 1] < 128:
                return value

    while index < len(track):
        time += number()
        if track[index] >= 128:
            status, index = track[index], index + 1
        if status == 255:
            index += 1
            size = number()
            index += size
        elif status >> 4 in (8, 9):
            pitch, loud = track[index], track[index + 1]
            index += 2
            if status >> 4 == 9 and loud:
                begun[pitch] = time
            else:
                notes.append((pitch, Fraction(begun.pop(pitch), division), Fraction(time, division)))
        else:
            index += 1 if status >> 4 in (12, 13) else 2
    return notes


def expected_notes(part: Part) -> list[tuple[int, Fraction, Fraction]]:
    """The same for a part without grace notes; ties are merged, multi-measure rests in full length."""
    notes: list[tuple[int, Fraction, Fraction]] = []
    time, meter, tied = Fraction(0), Fraction(4), False
    for measure in part.measures:
        for event in measure.events:
            scale = Fraction(event.normal, event.actual) if isinstance(event, Tuplet) else Fraction(1)
            for leaf in flat_events(Measure((event,))):
                end = time + 4 * sounding_length(leaf) * scale
                if isinstance(leaf, Note) and tied:
                    notes[-1] = (*notes[-1][:2], end)
                elif isinstance(leaf, Note):
                    notes.append((leaf.pitch.midi, time, end))
                tied = leaf.tie if isinstance(leaf, Note) else tied
                meter = 4 * leaf.length if hasattr(leaf, "unit") else meter
                time = end + (meter * leaf.bars if hasattr(leaf, "bars") else 0)
    return notes


@pytest.mark.parametrize(
    "label",
    [
        TUNE,
        "clef-G2 keySignature-FM timeSignature-C note-Bb4_quarter note-B4_quarter note-Bb4_quarter "
        "note-Bb4_quarter barline note-Bb4_whole barline",
        "clef-G2 timeSignature-C note-F#4_whole tie barline note-F4_half note-F4_half tie barline "
        "note-F4_half tie note-F4_half barline",
        "clef-G2 timeSignature-3/4 note-C5_half. barline multirest-24 barline note-C5_half. barline",
        "clef-G2 timeSignature-6/8 rest-half. barline multirest-1111 barline note-C5_half. barline",
        "clef-F4 timeSignature-2/4 tuplet-3 note-C3_eighth note-D3_eighth note-E3_eighth tuplet-end "
        "rest-eighth note-E3_sixteenth. note-F3_thirty_second barline note-C3_eighth.. "
        "note-C3_thirty_second rest-quarter",
        "clef-G2 timeSignature-3/4 note-C5_quarter barline note-C5_half barline note-C5_quarter "
        "barline-double",
        "note-C5_double_whole note-D5_quadruple_whole note-E5_half",
    ],
    ids=["tie", "carry", "tied accidental", "24 bars", "1111 bars", "tuplet, dots", "short bars", "no signs"],
)
def test_midi_has_the_notes_of_the_score(engraver, label):
    score = read_semantic(label)
    heard = midi_notes(engraver.midi(write_mei(score)))
    wanted = expected_notes(score.parts[0])
    assert [pitch for pitch, *_ in heard] == [pitch for pitch, *_ in wanted]
    for (_, start, end), (_, wanted_start, wanted_end) in zip(heard, wanted, strict=True):
        # Verovio ends notes one tick early, with 120 ticks per quarter.
        assert abs(start - wanted_start) <= Fraction(1, 120)
        assert abs(end - wanted_end) <= Fraction(2, 120)


@pytest.mark.parametrize(
    ("label", "pitches"),
    [
        ("note-C5_half barline-repeat_start note-D5_half barline-repeat_end note-E5_half", [72, 74, 74, 76]),
        ("note-C5_half barline-repeat_both note-D5_half barline-repeat_end", [72, 72, 74, 74]),
        ("clef-G2 barline-repeat_start note-C5_half barline-repeat_end note-D5_half barline", [72, 72, 74]),
    ],
)
def test_repeats_are_played(engraver, label, pitches):
    assert [pitch for pitch, *_ in midi_notes(engraver.midi(mei(label)))] == pitches


def test_single_whole_rest_fills_its_bar(engraver):
    label = "clef-G2 timeSignature-3/4 note-C5_half. barline rest-whole barline note-C5_half. barline"
    assert [start for _, start, _ in midi_notes(engraver.midi(mei(label)))] == [0, 6]


def test_grace_notes_sound_near_their_note(engraver):
    heard = midi_notes(engraver.midi(mei("clef-G2 note-C5_quarter gracenote-E5_eighth note-D5_quarter")))
    assert [pitch for pitch, *_ in heard] == [72, 76, 74]
    assert all(
        abs(start - near) < Fraction(1, 4) for (_, start, _), near in zip(heard, (0, 1, 1), strict=True)
    )


# SVG and the timemap ---------------------------------------------------------------------------------------


def test_every_event_is_drawn_with_its_id(engraver):
    label = "clef-G2 timeSignature-3/4 note-C5_half. barline rest-whole barline rest-half note-C5_quarter"
    svg = engraver.svg(mei(label))
    assert all(f'id="{name}"' in svg for name in ("p1m1e3", "p1m2e1", "p1m3e1", "p1m3e2"))


def test_repeat_signs_are_drawn_once(engraver):
    # A second @left beside a @right made Verovio 6.4 draw the left half of a double repeat only.
    engraver = Engraver(**ONE_STAFF)
    kinds = ("repeat_start", "repeat_both", "repeat_end", "single")
    half = "note-C5_half"
    svgs = [
        engraver.svg(mei(f"clef-G2 {half} barline-{kind} {half} barline".replace("-single", "")))
        for kind in kinds
    ]
    dots = [svg.count("<ellipse") + svg.count('xlink:href="#E044') for svg in svgs]
    assert dots[3] < dots[0] == dots[2] < dots[1]


def test_pages(engraver):
    long = mei("clef-G2 timeSignature-C " + "note-C5_whole barline " * 300)
    assert "<svg" in Engraver().svg(long, page=2)
    with pytest.raises(EngraveError, match="page 9 of a score of 3 pages"):
        Engraver().svg(long, page=9)
    with pytest.raises(EngraveError, match=r"page 2 of a score of 1 page$"):
        Engraver(pageHeight=60000, adjustPageHeight=True).svg(long, page=2)


def test_the_timemap(engraver):
    begun = [moment for moment in engraver.timemap(mei(TUNE)) if "on" in moment]
    assert [(moment["qstamp"], moment["on"]) for moment in begun] == [
        (0, ["p1m1e4"]),
        (1, ["p1m1e5"]),
        (2, ["p1m1e6"]),
    ]


def test_output_is_deterministic(engraver):
    text = "X:1\nM:3/4\nK:G\nGAB-|B6|]\n"
    # Verovio writes the current second into the header.
    first, second = (re.sub(r' isodate="[^"]+"', "", each.mei(text)) for each in (engraver, Engraver()))
    assert first == second
    assert engraver.svg(mei(TUNE)) == engraver.svg(mei(TUNE))
    assert engraver.midi(mei(TUNE)) == engraver.midi(mei(TUNE))


# Formats in and out ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [write_mei, write_musicxml])
def test_detected_format_does_not_persist(engraver, write):
    engraver.mei("**kern\n4c\n*-\n")
    score = read_semantic(TUNE)
    assert write_semantic(read_mei(engraver.mei(write(score)))) == write_semantic(score)


def test_pae_round_trips(engraver):
    label = (
        "clef-G2 keySignature-FM timeSignature-3/4 note-C5_quarter note-C#5_eighth note-D5_eighth "
        "rest-quarter barline multirest-3 barline note-Bb4_half._fermata barline"
    )
    pae = engraver.pae(mei(label))
    assert " ".join(write_semantic(read_mei(engraver.mei(pae))).split()) == label


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "looks like none of mei, musicxml, kern, abc, pae"),
        ("Hello, world", "looks like none of"),
        ("<html/>", "looks like none of"),
        ("<mei", "Verovio could not read the score"),
        ('<score-partwise version="4.0"/>', "Verovio found no measure in this musicxml document"),
        ("**kern\n*-\n", "Verovio found no measure in this kern document"),
        ("**kern\n4c\t4d\n*-\n", "line 2 has 2 columns; 1 are needed"),
        ("**kern\t**kern\n4c\t4e\n*^\t*\n4c\t4e\n*-\t*-\n", "line 4 has 2 columns; 3 are needed"),
        ("X:1\nCDE|\n", "a line that begins with K: is needed"),
        ("X:1\nK:C\nCDE|\n\nX:2\nK:C\nEDC|\n", "2 tunes"),
        ("X:1\nK:C\nCDE|\nK:G\nEDC|\n", r"the key changes \(C, G\)"),
        ("X:1\nK:C\n!trill\nCDE|\n", "line 3 has an unpaired '!'"),
    ],
)
def test_invalid_input_is_an_error(engraver, text, reason):
    with pytest.raises(EngraveError, match=reason):
        engraver.mei(text)


def test_named_formats(engraver):
    with pytest.raises(EngraveError, match="input format 'midi'; known are auto, mei"):
        engraver.mei("", input_format="midi")
    for kind, reason in (("abc", "0 tunes"), ("kern", "no column of notes"), ("mei", "could not read")):
        with pytest.raises(EngraveError, match=reason):
            engraver.mei("Hello", input_format=kind)


def test_kern_with_split_and_joined_spines(engraver):
    text = "!! a comment\n**kern\t**dynam\n*^\t*\n4c\t4e\tf\n*v\t*v\t*\n=1\t=1\n\n4c\t.\n*-\t*-\n"
    assert "<measure" in engraver.mei(text)


def test_options_are_checked(engraver):
    with pytest.raises(EngraveError, match="no option colour, wideness"):
        Engraver(wideness=1, colour=2)
    with pytest.raises(EngraveError, match="could not read"):
        engraver.svg("no music")
