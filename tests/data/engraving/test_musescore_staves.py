"""Staves engraved by MuseScore: the same labels as those of Verovio, taken from what MuseScore draws."""

import re
import shutil
from itertools import islice
from random import Random

import numpy as np
import pytest

from focal_omr.data.engraving.musescore_staves import musescore_systems
from focal_omr.data.engraving.musescore_system import blackened, coloured, read_musescore
from focal_omr.data.engraving.system_staves import EngravedStaff
from focal_omr.data.music.score_stream import MusicSource
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
def systems() -> list[list[EngravedStaff]]:
    scores = [drawn.score for drawn in islice(MusicSource().stream("musescore"), 12)]
    return [result for result in musescore_systems(Random(1), scores) if isinstance(result, list)]


@needs_musescore
def test_most_systems_can_be_used(systems: list[list[EngravedStaff]]) -> None:
    assert len(systems) >= 4


@needs_musescore
def test_lines_columns_and_heads_are_where_the_labels_say(systems: list[list[EngravedStaff]]) -> None:
    for staves in systems:
        assert [set(staff.columns) for staff in staves] == [
            set(columns) for columns in score_to_columns(staves[0].score).systems[0]
        ]
        for staff in staves:
            ink = 255 - staff.gray[60:121, 60:-60].mean(axis=1)
            assert {70, 80, 90, 100, 110} <= {60 + int(row) for row in np.argsort(ink)[-12:]}
            boxes = {e.id: e.box for e in staff.elements if e.kind == "head"}
            for column in staff.columns:
                for group in column.groups if isinstance(column, NoteColumn) else ():
                    for position, head in group.heads if group else ():
                        if head.note in boxes:
                            _, top, _, bottom = boxes[head.note]
                            assert abs((top + bottom) / 2 - (110 - 5 * position)) < 5
            assert list(staff.xs) == sorted(staff.xs)


@needs_musescore
def test_the_same_seed_draws_the_same(systems: list[list[EngravedStaff]]) -> None:
    scores = [drawn.score for drawn in islice(MusicSource().stream("musescore"), 12)]
    again = [result for result in musescore_systems(Random(1), scores) if isinstance(result, list)]
    assert len(again) == len(systems)
    for one, other in zip(systems, again, strict=True):
        assert all(np.array_equal(a.gray, b.gray) for a, b in zip(one, other, strict=True))
