"""The kern writer and its round trip through Verovio."""

import pytest
from normal_form import normal
from one_voice import save_one_voice

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.kern import write_kern
from focal_omr.formats.one_voice_files import load_one_voice
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import Score

LABELS = {
    "signs": (
        "clef-C3 keySignature-EbM timeSignature-C/ note-Eb4_whole clef-F4 note-C3_half keySignature-DM "
        "timeSignature-3/4 note-F#3_quarter barline note-C3_half. barline"
    ),
    "accidentals": (
        "clef-G2 keySignature-GM timeSignature-C note-F4_quarter note-F#4_quarter note-Bb4_quarter "
        "note-C##5_quarter barline note-Dbb5_whole barline"
    ),
    "ties": "clef-G2 timeSignature-1/4 note-F#4_quarter tie barline note-F4_quarter tie note-F4_quarter",
    "grace": "clef-G2 timeSignature-2/4 gracenote-G4_eighth note-F4_half barline",
    "rests": "clef-G2 timeSignature-6/8 note-G4_half._fermata barline rest-whole barline-double",
    "values": "clef-G2 note-C4_quadruple_whole note-C4_double_whole. note-C2_half.. note-C4_sixty_fourth",
    "tuplets": (
        "clef-G2 timeSignature-2/4 tuplet-3 note-C5_quarter rest-eighth tuplet-end tuplet-5 "
        "note-C5_sixteenth note-D5_sixteenth note-E5_sixteenth note-D5_sixteenth note-C5_sixteenth "
        "tuplet-end barline"
    ),
    "repeats": (
        "clef-G2 timeSignature-2/4 barline-repeat_start note-C5_half barline-repeat_both note-C5_half "
        "barline-repeat_end note-C5_half barline-final"
    ),
}


def unbeamed(score: Score) -> list[object]:
    return normal(Score(tuple(beam_by_meter(part) for part in score.parts), score.title))


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_score_round_trips(tmp_path, label):
    score = read_semantic(label)
    save_one_voice(score, tmp_path / "tune.krn")
    assert unbeamed(load_one_voice(tmp_path / "tune.krn")) == unbeamed(score)


def test_lines():
    kern = write_kern(
        read_semantic("clef-G2 keySignature-DM timeSignature-C note-C#5_eighth note-D4_eighth barline")
    )
    assert kern.split("\n") == [
        *("**kern", "*clefG2", "*k[f#c#]", "*M4/4", "*met(c)", "=1-", "8cc#L", "8dJ", "=", "*-", "")
    ]


def test_equal_onsets_share_a_line():
    upper = read_semantic("clef-G2 timeSignature-3/4 gracenote-D5_eighth note-C5_half. barline").parts[0]
    lower = read_semantic("clef-F4 timeSignature-3/4 note-C3_quarter note-D3_quarter barline").parts[0]
    lines = write_kern(Score((upper, lower), "Duet")).split("\n")
    assert lines[0] == "!!!OTL: Duet"
    assert lines[2] == "*clefF4\t*clefG2"  # the lowest staff first
    # The lower part is a quarter short: an invisible rest.
    assert lines[5:9] == [".\t8ddq", "4C\t2.cc", "4D\t.", "4ryy\t."]


def test_parts_round_trip(tmp_path):
    two = Score((read_semantic(LABELS["ties"]).parts[0], read_semantic(LABELS["grace"]).parts[0]))
    save_one_voice(two, tmp_path / "two.krn")
    assert len(load_one_voice(tmp_path / "two.krn").parts) == 2


def test_score_without_parts():
    with pytest.raises(NotationError, match="without parts"):
        write_kern(Score(()))
