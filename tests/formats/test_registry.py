"""Whole scores by suffix: loading, saving, conversion, and what formats leave out."""

import zipfile
from dataclasses import replace
from unittest.mock import ANY

import pytest

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import NotationError, OutputError
from focal_omr.formats.midi import Playback
from focal_omr.formats.registry import convert_score, load_score, save_score, write_score
from focal_omr.score.score import Chord

LABEL = (
    "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter tie note-G4_quarter note-F#4_quarter "
    "barline note-D5_half._fermata barline"
)
NOTE = (
    '<note id="{id}">{chord}<pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>4</duration>'
    "<voice>{voice}</voice><type>whole</type><staff>{staff}</staff>{more}</note>"
)
BACK = "<backup><duration>4</duration></backup>"


def note(id_: str, pitch: str, *, voice: int = 1, staff: int = 1, chord: str = "", more: str = "") -> str:
    return NOTE.format(
        id=id_, chord=chord, step=pitch[0], octave=pitch[1], voice=voice, staff=staff, more=more
    )


SLUR = '<notations><slur type="{}" number="1"/></notations>'
LYRIC = "<lyric><syllabic>single</syllabic><text>la</text></lyric>"
PIANO = (
    '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Piano</part-name></score-part>'
    '</part-list><part id="P1">'
    '<measure number="1"><attributes><divisions>1</divisions><key><fifths>0</fifths></key>'
    "<time><beats>4</beats><beat-type>4</beat-type></time><staves>2</staves>"
    '<clef number="1"><sign>G</sign><line>2</line></clef><clef number="2"><sign>F</sign><line>4</line></clef>'
    "</attributes>"
    + note("a", "C5", more=SLUR.format("start") + LYRIC)
    + note("b", "E5", chord="<chord/>")
    + BACK
    + note("c", "A4", voice=2)
    + BACK
    + note("d", "C3", voice=5, staff=2)
    + '</measure><measure number="2">'
    + note("e", "D5", more=SLUR.format("stop"))
    + BACK
    + note("f", "D3", voice=5, staff=2)
    + "</measure></part></score-partwise>"
)


@pytest.fixture
def piano(tmp_path):
    path = tmp_path / "piano.musicxml"
    path.write_text(PIANO)
    return path


@pytest.mark.parametrize("suffix", [".musicxml", ".xml", ".mxl", ".mei", ".semantic", ".pae"])
def test_one_voice_round_trips(tmp_path, suffix):
    path = tmp_path / f"tune{suffix}"
    save_score(to_score(read_semantic(LABEL)), path)
    one_voice, left_out = from_score(load_score(path))
    assert " ".join(write_semantic(one_voice).split()) == LABEL
    assert left_out == ()


def test_zipped_musicxml_is_as_its_specification_says(tmp_path, piano):
    save_score(load_score(piano), tmp_path / "piano.mxl")
    with zipfile.ZipFile(tmp_path / "piano.mxl") as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
    assert load_score(tmp_path / "piano.mxl") == load_score(piano)
    again = (tmp_path / "piano.mxl").read_bytes()
    save_score(load_score(piano), tmp_path / "piano.mxl")
    assert (tmp_path / "piano.mxl").read_bytes() == again


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".mei"])
def test_whole_scores_keep_everything(tmp_path, piano, suffix):
    score = load_score(piano)
    assert [event.id for *_, event in score.events() if isinstance(event, Chord)]
    converted = convert_score((piano, tmp_path / f"again{suffix}"), Playback())
    assert converted.left_out == ()
    (tmp_path / f"again{suffix}").write_bytes(converted.data)
    again = load_score(tmp_path / f"again{suffix}")
    assert list(again.events()) == [
        (replace(part, measures=ANY), replace(measure, signs=ANY), voice, event)
        for part, measure, voice, event in score.events()
    ]
    for ours, theirs in zip(again.parts[0].measures, score.parts[0].measures, strict=True):
        assert set(ours.signs) == set(theirs.signs)


def test_one_voice_formats_say_what_they_leave_out(piano, tmp_path):
    converted = convert_score((piano, tmp_path / "piano.krn"), Playback())
    assert converted.left_out == (
        "voice 2 of measure 1",
        "1 lyric syllable in measure 1",
        "1 chord note in measure 1",
        "1 slur in measure 1",
    )
    assert converted.data.decode().count("**kern") == 2


def test_svg_has_all_staves_and_voices(piano):
    svg = write_score(load_score(piano), "svg").data.decode()
    assert svg.count('class="notehead"') == 6
    assert svg.count('class="staff"') == 4


def test_one_voice_without_beams_is_beamed_where_beams_are_printed():
    score = to_score(read_semantic("clef-G2 timeSignature-2/4 " + "note-G4_eighth " * 4 + "barline"))
    assert b"<beam" in write_score(score, "musicxml").data
    assert write_score(score, "agnostic").data.count(b"note.eighth") == 4


@pytest.mark.parametrize("name", ["piano.txt", "piano"])
def test_unknown_suffixes(piano, tmp_path, name):
    with pytest.raises(OutputError, match=r"unknown suffix .*; known are \.musicxml"):
        convert_score((piano, tmp_path / name), Playback())
    with pytest.raises(NotationError, match=r"unknown suffix .*; known are \.mei"):
        load_score(tmp_path / name)


def test_errors_name_the_file(piano, tmp_path):
    with pytest.raises(NotationError, match=r"piano\.musicxml: a semantic label is one staff"):
        convert_score((piano, tmp_path / "piano.semantic"), Playback())
    piano.write_text("<score-partwise/>")
    with pytest.raises(NotationError, match=r"^[^:]*piano\.musicxml: a MusicXML score without parts$"):
        convert_score((piano, tmp_path / "piano.mei"), Playback())
