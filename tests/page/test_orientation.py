"""Pages that lie on their side or stand on their head."""

import numpy as np
import pytest
from drawn_page import blank_page, draw_lines, draw_text

from focal_omr.page.orientation import upright
from focal_omr.staff.find import Staff


@pytest.fixture(scope="module")
def page() -> np.ndarray:
    gray = blank_page(800, 1000)
    for seed, top in enumerate((120, 260, 400)):
        draw_lines(gray, top, right=720, seed=seed)
    draw_text(gray, 520, rows=8)
    return gray


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_page_is_turned_back(page: np.ndarray, turns: int):
    turned = upright(np.ascontiguousarray(np.rot90(page, -turns)))
    assert turned.quarter_turns == turns
    assert np.array_equal(turned.gray, page)
    assert [round(float(staff.middle_ys.mean())) for staff in turned.found.staves] == [136, 276, 416]
    assert turned.sure


@pytest.mark.parametrize("over", [False, True])
def test_where_clefs_do_not_decide_readings_do(page: np.ndarray, over: bool):
    both_ends = page.copy()
    for top in (120, 260, 400):  # as much ink on the right end as on the left
        both_ends[top - 16 : top + 50, 680:721] = both_ends[top - 16 : top + 50, 120:79:-1]
    shown = np.ascontiguousarray(np.rot90(both_ends, 2 if over else 0))
    asked: list[Staff] = []

    def confidence(gray: np.ndarray, staff: Staff) -> float:
        asked.append(staff)
        y, left = round(float(staff.middle_ys[0])), round(float(staff.xs[0]))
        at = gray[y, left : left + 40]
        assert at.min() < 100  # the staff lies where it says
        return 0.99 if np.array_equal(gray, both_ends) else 0.9

    turned = upright(shown, confidence=confidence)
    assert len(asked) == 6
    assert turned.quarter_turns == (2 if over else 0)
    assert not upright(shown).sure
    assert upright(shown).quarter_turns == 0


def test_a_page_without_staves_is_left_as_it_is():
    blank = upright(blank_page(300, 400))
    assert (blank.quarter_turns, blank.found.staves, blank.sure) == (0, (), False)
    low = upright(np.full((16, 900), 255, np.uint8))
    assert (low.quarter_turns, low.found.staves) == (0, ())
