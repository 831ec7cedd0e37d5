"""MusicXML to bars: every kind of element that changes what is counted."""

from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from focal_omr.errors import NotationError
from focal_omr.evaluation.score_diff.musicxml import only_parts, read_musicxml

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
    return read_musicxml(document(DIVISIONS + measures[0], *measures[1:]))[1]


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


def test_grace_notes_have_no_duration_and_rests_and_invisible_notes_are_no_notes():
    grace = "<note><grace/><pitch><step>A</step><octave>4</octave></pitch><type>eighth</type></note>"
    rest = note(pitch="<rest/>")
    hidden = note("B", attributes='print-object="no"')
    (bar,) = bars(rest + hidden + grace + note("D"))
    assert reads(bar) == ["A4:0", "D4:1"]
    assert [note.onset for note in bar.notes] == [2, 2]
    assert reads(bar) == [str(note) for note in bar.staff_notes(1)]


def test_tied_notes_count_as_they_are_printed():
    first, second = bars(note(more='<tie type="start"/>'), note(more='<tie type="stop"/>'))
    assert (reads(first), reads(second)) == (["C4:1"], ["C4:1"])
    assert (dict(first.marks["ties"]), dict(second.marks["ties"])) == ({(1, 0, "C4"): 1}, {})


def test_chords_and_voices():
    back = "<backup><duration>4</duration></backup>"
    low = note("E", "half", 4).replace("<type>", "<voice>2</voice><type>")
    (bar,) = bars(note("G") + note("C", more="<chord/>") + note("G") + back + low)
    assert [(str(n), n.onset, voice) for n, voice in zip(bar.notes, bar.voices, strict=True)] == [
        *[("G4:1", 0, "P1/1"), ("C4:1", 0, "P1/1"), ("G4:1", 1, "P1/1")],
        ("E4:2", 0, "P1/2"),
    ]
    assert list(map(str, bar.staff_notes(1))) == ["C4:1", "E4:2", "G4:1", "G4:1"]
    assert bar.length == 2


def test_onsets_that_divisions_cannot_hold_are_those_that_are_printed():
    ratio = (
        "<time-modification><actual-notes>{}</actual-notes><normal-notes>{}</normal-notes>"
        "</time-modification></note>"
    )

    def group(count, actual, normal, duration, kind):
        return note("C", kind, duration).replace("</note>", ratio.format(actual, normal)) * count

    def read(divisions, *durations):
        head = f"<attributes><divisions>{divisions}</divisions></attributes>"
        notes = group(5, 5, 4, durations[0], "16th") + group(3, 3, 2, durations[1], "eighth")
        return read_musicxml(document(head + notes))[1][0].notes

    assert read(480, 96, 160) == read(128, 26, 43)


def test_staves_are_numbered_from_the_top_of_the_system():
    left = note("E").replace("</note>", "<staff>2</staff></note>")
    right = note("C").replace("</note>", "<staff>1</staff></note>")
    staves = "<attributes><staves>2</staves></attributes>"
    root = document(DIVISIONS + staves + right + "<backup><duration>2</duration></backup>" + left)
    root.extend(ET.fromstring(f'<a><part id="P2"><measure>{note("F")}</measure></part></a>'))
    staves, (bar,) = read_musicxml(root)
    assert [(staff.name, staff.part) for staff in staves] == [
        *[("Viola staff 1", "Viola"), ("Viola staff 2", "Viola")],
        ("", ""),
    ]
    assert [(note.staff, str(note)) for note in bar.notes] == [(1, "C4:1"), (2, "E4:1"), (3, "F4:1")]


def test_lyrics_with_verses_and_elisions():
    sung = (
        '<lyric number="2"><text>lo</text><elision>_</elision><text>a</text></lyric><lyric><text>cafe\u0301'
        "</text></lyric><lyric><extend/></lyric>"
    )
    (bar,) = bars(note().replace("</note>", sung + "</note>"))
    assert [(s.verse, s.text) for s in bar.syllables] == [("2", "lo_a"), ("1", "caf\u00e9")]


def test_dynamics_in_texts_hairpins_and_articulations():
    marks = (
        "<notations><slur type='start'/><slur type='stop'/><fermata/><articulations><accent/><staccato/>"
        "</articulations><dynamics><other-dynamics>(sf) possibile</other-dynamics></dynamics></notations>"
    )
    directions = (
        "<direction><direction-type><dynamics><mf/></dynamics></direction-type><staff>1</staff></direction>"
        "<direction><direction-type><wedge type='diminuendo'/></direction-type></direction>"
        "<direction><direction-type><wedge type='stop'/></direction-type></direction>"
    )
    (bar,) = bars(directions + note().replace("</note>", marks + "</note>"))
    assert {kind: sorted(name for _, name in found) for kind, found in bar.marks.items() if found} == {
        **{"dynamics": ["mf", "sf"], "hairpins": ["diminuendo"], "slurs": ["slur"]},
        "articulations": ["accent", "fermata", "staccato"],
    }


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
        (document(note(kind="third")), "part 'Viola', measure 1: a <type> 'third'; known are maxima, long"),
        (document(note(), note(duration="x")), "part 'Viola', measure 2: <note> with duration 'x'; a number"),
        (document("<attributes><divisions>0</divisions></attributes>"), "measure 1: 0 divisions"),
        (document("<backup/>"), "measure 1: <backup> with duration ''; a number"),
        (document(note(step="H")), "measure 1: a note with the step 'H'; A .. G is needed"),
        (document(note(pitch="<rest/>").replace("<rest/>", "")), "a <note> without pitch, rest or unpitched"),
        (document(note().replace("</type>", "</type>" + "<dot/>" * 10)), "10 dots; the maximum is 9"),
        (document(note().replace("<type>", "<staff>0</staff><type>")), "<note> with staff 0; 1 to 999"),
        (
            document("".join(note().replace("<type>", f"<voice>{n}</voice><type>") for n in range(10_000))),
            "part 'Viola', measure 1: 10000 voices; up to 100 are read",
        ),
    ],
)
def test_what_cannot_be_read_is_said(root, message):
    with pytest.raises(NotationError, match=message) as error:
        read_musicxml(root)
    assert "\n" not in str(error.value)
