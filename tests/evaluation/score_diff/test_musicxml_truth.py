"""MusicXML to bars: every kind of element that changes what is counted."""

import sys
from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.musicxml import musicxml_parts, only_parts

F = Fraction


def note(step="C", kind="quarter", duration=2, more="", pitch="", attributes=""):
    pitch = pitch or f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note {attributes}>{more}{pitch}<duration>{duration}</duration><type>{kind}</type></note>"


def document(*measures, name="Viola"):
    bars = "".join(f'<measure number="{n}">{inner}</measure>' for n, inner in enumerate(measures))
    return ET.fromstring(
        f'<score-partwise><part-list><score-part id="P1"><part-name>{name}</part-name></score-part>'
        f'</part-list><part id="P1">{bars}</part></score-partwise>'
    )


DIVISIONS = "<attributes><divisions>2</divisions></attributes>"


def bars(*measures):
    (part,) = musicxml_parts(document(DIVISIONS + measures[0], *measures[1:]))
    return part.bars


def reads(bar):
    return [str(note) for note in bar.notes]


def test_pitch_duration_and_onset():
    triplet = (
        "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    )
    sharp = "<pitch><step>F</step><alter>1</alter><octave>5</octave></pitch>"
    dotted = note("D", "quarter", 3).replace("</type>", "</type><dot/>")
    in_triplet = note("E", "eighth", 1).replace("</note>", triplet + "</note>")
    (bar,) = bars(note(pitch=sharp) + dotted + in_triplet)
    assert reads(bar) == ["F#5:1", "D4:3/2", "E4:1/3"]
    assert [note.onset for note in bar.notes] == [0, 1, F(5, 2)]
    assert (bar.index, bar.number, bar.length) == (1, "0", 3)


def test_a_note_without_a_type_lasts_its_duration():
    (bar,) = bars(note(duration=3).replace("<type>quarter</type>", ""))
    assert reads(bar) == ["C4:3/2"]


def test_grace_notes_rests_and_invisible_notes_are_no_notes():
    grace = "<note><grace/><pitch><step>A</step><octave>4</octave></pitch><type>eighth</type></note>"
    rest = note(pitch="<rest/>")
    hidden = note("B", attributes='print-object="no"')
    (bar,) = bars(grace + rest + hidden + note("D"))
    assert reads(bar) == ["D4:1"]
    assert bar.notes[0].onset == 2
    assert not bar.has_chord


def test_tied_notes_count_as_they_are_printed():
    first, second = bars(note(more='<tie type="start"/>'), note(more='<tie type="stop"/>'))
    assert (reads(first), reads(second)) == (["C4:1"], ["C4:1"])
    assert second.notes[0].bar == 2


def test_chords():
    plain, chord = bars(note(), note() + note("E", more="<chord/>") + note("G"))
    assert (plain.has_chord, chord.has_chord) == (False, True)
    assert [(str(n), n.onset) for n in chord.notes] == [("C4:1", 0), ("E4:1", 0), ("G4:1", 1)]


@pytest.mark.parametrize(("hidden", "several"), [("", True), ('print-object="no"', False)])
def test_two_voices(hidden, several):
    second = "<backup><duration>2</duration></backup>" + note(pitch="<rest/>", attributes=hidden).replace(
        "<type>", "<voice>2</voice><type>"
    )
    first = note().replace("<type>", "<voice>1</voice><type>")
    (bar,) = bars(first + second)
    assert bar.has_chord is several
    assert bar.length == 1


def test_staves_are_parts_of_their_own():
    left = note("E").replace("</note>", "<staff>2</staff></note>")
    right = note("C").replace("</note>", "<staff>1</staff></note>")
    staves = "<attributes><staves>2</staves></attributes>"
    parts = musicxml_parts(
        document(DIVISIONS + staves + right + "<backup><duration>2</duration></backup>" + left)
    )
    assert [part.name for part in parts] == ["Viola staff 1", "Viola staff 2"]
    assert [reads(part.bars[0]) for part in parts] == [["C4:1"], ["E4:1"]]
    assert not any(part.bars[0].has_chord for part in parts)


def test_only_parts():
    root = document(note())
    root.extend(ET.fromstring('<a><part id="P2"><measure/></part></a>'))
    assert [part.get("id") for part in only_parts(root, {"P2"}).iter("part")] == ["P2"]
    assert only_parts(root, {"P2"}).find("part-list/score-part") is None
    assert only_parts(root, {"P1"}).findtext("part-list/score-part/part-name") == "Viola"


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (ET.Element("score-timewise"), "a <score-timewise> document; needed is MusicXML"),
        (ET.Element("score-partwise"), "without a <part>"),
        (
            document("<attributes><time><beats>1e300</beats><beat-type>4</beat-type></time></attributes>"),
            "<beats> with '1e300'; a number of up to 2 digits is needed",
        ),
        (document("<attributes><key><fifths>99999</fifths></key></attributes>"), "<fifths> with '99999'"),
        (document(note(kind="third")), "part 'Viola': .*third"),
        (document(note(duration="x")), "part 'Viola': ValueError: could not convert string to float: 'x'"),
        (
            document("<attributes><divisions>0</divisions></attributes>" + note()),
            "part 'Viola': ZeroDivisionError",
        ),
    ],
)
def test_what_cannot_be_read_is_said(root, message):
    with pytest.raises(NotationError, match=message):
        musicxml_parts(root)


def test_without_music21_the_message_names_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(OmrError, match=r"needs music21, .*: pip install 'focal-ctc-omr\[judge\]'"):
        musicxml_parts(document(note()))
