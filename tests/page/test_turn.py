"""Pages that lie on their side or stand on their head."""

import numpy as np
import pytest
from drawn_page import blank_page, draw_lines, draw_text

from focal_omr.page.turn import lies_sideways, upright


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


def test_a_page_without_staves_is_left_as_it_is():
    blank = upright(blank_page(300, 400))
    assert (blank.quarter_turns, blank.found.staves, blank.sure) == (0, (), False)
    assert not lies_sideways(np.full((16, 900), 255, np.uint8))
