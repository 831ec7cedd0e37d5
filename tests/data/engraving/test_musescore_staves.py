"""Staves engraved by MuseScore: the same labels as those of Verovio, taken from what MuseScore draws."""

import re
import shutil
from random import Random

import numpy as np
import pytest
from small_scores import small_score

from focal_omr.data.engraving.musescore_staves import musescore_systems
from focal_omr.data.engraving.musescore_system import blackened, coloured, read_musescore
from focal_omr.data.engraving.system_staves import EngravedStaff
from focal_omr.encodings.columns import NoteColumn
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import EngraveError
from focal_omr.score.score import Score

_INSTALLED = any(map(shutil.which, ("mscore3", "musescore3")))
needs_musescore = pytest.mark.skipif(not _INSTALLED, reason="MuseScore 3 is not installed")
LINES = "".join(
    f'<polyline class="StaffLines" stroke-width="2" points="100,{y} 900,{y}"/>' for y in range(100, 201, 25)
)


def test_each_note_has_a_colour_of_its_own_and_ends_black() -> None:
    text, ids = coloured('<note id="a"><pitch/></note><note id="b"><rest/></note>')
    assert ids == ["", "a", "b"]
    assert re.findall(r'id="(\w)" color="#(\d+)"', text) == [("a", "000001"), ("b", "000002")]
    assert blackened('<path fill="#00000a"/><path stroke="#000001"/>').count('"#000000"') == 2


def test_another_number_of_staves_is_refused() -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">{LINES}</svg>'
    with pytest.raises(EngraveError, match="MuseScore drew 1 staves"):
        read_musescore(svg, [""], Score(parts=()), {})


@pytest.fixture(scope="module")
def staff() -> EngravedStaff:
    (staves,) = musescore_systems(Random(1), [small_score()])
    assert isinstance(staves, list), staves
    (staff,) = staves
    return staff


@needs_musescore
def test_labels_say_what_musescore_draws(staff: EngravedStaff) -> None:
    assert staff.columns == score_to_columns(staff.score).systems[0][0]
    assert list(staff.xs) == sorted(staff.xs)
    assert {e.id for e in staff.elements if e.kind == "head"} == {"a", "b", "c", "d.1", "d.2", "f", "g"}
    assert {e.id for e in staff.elements if e.kind == "stem"} == {"a", "b", "c", "d", "f", "g"}
    assert [e.id for e in staff.elements if e.kind == "accidental"] == ["d.1"]
    ink = 255 - staff.gray[60:121, 60:-60].mean(axis=1)
    assert {70, 80, 90, 100, 110} <= {60 + int(row) for row in np.argsort(ink)[-12:]}
    boxes = {e.id: e.box for e in staff.elements if e.kind == "head"}
    for column in staff.columns:
        for group in column.groups if isinstance(column, NoteColumn) else ():
            for position, head in group.heads if group else ():
                left, top, right, bottom = boxes[head.note]
                assert abs((top + bottom) / 2 - (110 - 5 * position)) < 3
                assert (
                    staff.gray[round(top) + 2 : round(bottom) - 2, round(left) + 3 : round(right) - 3].min()
                    < 100
                )


@needs_musescore
def test_the_same_seed_draws_the_same(staff: EngravedStaff) -> None:
    (again,) = musescore_systems(Random(1), [small_score()])
    assert isinstance(again, list)
    assert np.array_equal(again[0].gray, staff.gray)
