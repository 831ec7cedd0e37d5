"""Staves engraved by LilyPond: what is written, refused and left out, and labels of what LilyPond draws."""

import shutil
from random import Random

import numpy as np
import pytest
from small_scores import small_score

from focal_omr.data.engraving.lilypond_score import drawable, write_lilypond_score
from focal_omr.data.engraving.lilypond_staves import lilypond_systems
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import EngraveError
from focal_omr.score.score import Articulation, Lyric, MeasureRepeat, Slur, Tuplet

needs_lilypond = pytest.mark.skipif(shutil.which("lilypond") is None, reason="needs the program lilypond")


def test_what_is_not_written_is_left_out_of_thesmall_score() -> None:
    (part,) = drawable(small_score()).parts
    assert part.measures[0].directions == ()
    assert part.spanners == (Tuplet("a", "c", 3, 2), Slur("a", "c"))
    assert [m for v in part.measures[0].voices for e in v.events for m in getattr(e, "marks", ())] == [
        Lyric("la"),
        Articulation("staccato"),
    ]


def test_notes_are_written_with_ids_accidentals_and_tuplets() -> None:
    text = write_lilypond_score(drawable(small_score()), "")
    assert '\\clef "treble" \\key f \\major \\numericTimeSignature \\time 3/4' in text
    assert "\\tuplet 3/2 {" in text
    assert """\\tweak output-attributes #'((class . "head") (id . "d.1")) fis''! """ in text
    assert '"la"1*3/4' in text
    assert "\\voiceOne" in text
    assert "\\voiceTwo" in text


def test_what_columns_need_and_is_not_written_is_refused() -> None:
    with pytest.raises(EngraveError, match="a measure of its kind is not written for LilyPond"):
        write_lilypond_score(small_score(repeats=((1, MeasureRepeat()),)), "")


@needs_lilypond
def test_labels_say_what_lilypond_draws() -> None:
    (staves,) = lilypond_systems(Random(1), [small_score()])
    assert isinstance(staves, list), staves
    (staff,) = staves
    assert staff.columns == score_to_columns(staff.score).systems[0][0]
    assert list(staff.xs) == sorted(staff.xs)
    assert {e.id for e in staff.elements if e.kind == "head"} == {"a", "b", "c", "d.1", "d.2", "f", "g"}
    assert {e.id for e in staff.elements if e.kind == "stem"} == {"a", "b", "c", "d", "f", "g"}
    assert [e.id for e in staff.elements if e.kind == "accidental"] == ["d.1"]
    ink = 255 - staff.gray[60:121, 60:-60].mean(axis=1)
    assert {70, 80, 90, 100, 110} <= {60 + int(row) for row in np.argsort(ink)[-12:]}
    for element in staff.elements:
        if element.kind == "head":
            left, top, right, bottom = map(round, element.box)
            assert staff.gray[top + 2 : bottom - 2, left + 3 : right - 3].min() < 100
