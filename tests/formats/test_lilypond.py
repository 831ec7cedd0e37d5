"""LilyPond input: printed details are explicit, and unsupported events are errors."""

import pytest

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.lilypond import write_lilypond
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Part, Score


def _written(label: str) -> str:
    score = read_semantic(label)
    return write_lilypond(Score((beam_by_meter(score.parts[0]),)))


def test_whole_staff():
    assert _written(
        "clef-G2 keySignature-DM timeSignature-C note-F#4_eighth note-A4_eighth note-C5_quarter. "
        "gracenote-Bb4_eighth rest-eighth_fermata barline-repeat_end note-D5_double_whole tie note-D5_half"
    ) == (
        '{ \\accidentalStyle forget \\cadenzaOn \\clef "treble" \\key d \\major \\defaultTimeSignature '
        "\\time 4/4 fis'8[ a'8] c''!4. \\grace { bes'!8 } r8\\fermata \\bar \":|.\" d''\\breve~ d''2 }"
    )


def test_carried_accidental_is_not_printed_again():
    # The second note sounds sharp without a sign; after the barline the same name is natural.
    assert "fis'!4 \\once \\omit Accidental fis'4 \\bar \"|\" f'4" in _written(
        "clef-G2 note-F#4_quarter note-F4_quarter barline note-F4_quarter"
    )


def test_reminder_and_double_accidentals():
    written = _written("clef-F4 keySignature-FM accidental note-Bb2_half note-C##2_half note-Ebb3_half")
    assert "bes,!2 cisis,!2 eeses!2" in written


def test_tuplets_and_meters():
    written = _written(
        "clef-C1 timeSignature-3/8 tuplet-3 note-C4_eighth rest-eighth note-D4_eighth tuplet-end"
    )
    assert "\\numericTimeSignature \\time 3/8 \\tuplet 3/2 { c'8 r8 d'8 }" in written


@pytest.mark.parametrize("label", ["clef-G2 multirest-3 barline", "clef-G3 note-C4_half"])
def test_unsupported_events_are_errors(label):
    with pytest.raises(NotationError, match="LilyPond gets no"):
        _written(label)


def test_one_staff_at_a_time():
    with pytest.raises(NotationError, match="2 parts"):
        write_lilypond(Score((Part(()), Part(()))))


def test_missing_clef_and_meter_are_omitted() -> None:
    # LilyPond prints a treble clef and a C by default.
    assert _written("clef-G2 note-C4_quarter").count("\\omit") == 1
    assert "\\once \\omit Staff.TimeSignature \\clef" in _written("clef-G2 note-C4_quarter timeSignature-C")
    assert "\\once \\omit Staff.Clef \\key" in _written("keySignature-GM timeSignature-C note-C4_quarter")
    assert "\\omit" not in _written("clef-G2 keySignature-GM timeSignature-C note-C4_quarter")
