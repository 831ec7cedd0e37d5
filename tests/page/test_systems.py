"""Which staves are joined, and which systems are indented."""

import cv2
import numpy as np
import pytest

from focal_omr.page.systems import System, find_systems
from focal_omr.staff.find import Staff

SPACE = 10.0


def staff(middle: float, left: float = 100.0) -> Staff:
    xs = np.array([left, 900.0], np.float32)
    return Staff(xs, np.full(2, middle, np.float32), SPACE)


def draw(staves: list[Staff]) -> np.ndarray:
    gray = np.full((1200, 1000), 255, np.uint8)
    for each in staves:
        for line in range(-2, 3):
            y = round(float(each.middle_ys[0]) + line * SPACE)
            cv2.line(gray, (round(float(each.xs[0])), y), (900, y), 0, 1)
    return gray


@pytest.mark.parametrize("x", [100, 90], ids=["a line at the left end", "a bracket beside it"])
def test_staves_that_a_line_joins_are_one_system(x: int):
    staves = [staff(100), staff(220), staff(400), staff(520)]
    gray = draw(staves)
    for top, bottom in ((80, 240), (380, 540)):
        cv2.line(gray, (x, top), (x, bottom), 0, 2)
    assert find_systems(gray, staves) == [System((0, 1)), System((2, 3))]


def test_staves_that_nothing_joins_are_systems_of_their_own():
    staves = [staff(100), staff(220), staff(340)]
    gray = draw(staves)
    cv2.line(gray, (100, 150), (100, 190), 0, 2)  # half of the way: a stem, a letter
    cv2.line(gray, (400, 100), (400, 340), 0, 2)  # not at the left
    assert find_systems(gray, staves) == [System((0,)), System((1,)), System((2,))]


def test_a_worn_joining_line_joins_still():
    staves = [staff(100), staff(220)]
    gray = draw(staves)
    cv2.line(gray, (99, 80), (103, 240), 60, 2)  # it leans
    gray[160:163, 95:110] = 255  # and is broken
    assert find_systems(gray, staves) == [System((0, 1))]


def test_a_system_is_indented_against_its_neighbours():
    staves = [staff(100, left=180), staff(300), staff(500), staff(700, left=200)]
    indents = [system.indent_spaces for system in find_systems(draw(staves), staves)]
    assert indents == pytest.approx([8, 0, 0, 10])


def test_a_page_without_staves_has_no_systems():
    assert find_systems(np.full((100, 100), 255, np.uint8), []) == []


def test_barlines_that_run_on_join_the_staves_of_an_instrument():
    staves = [staff(100), staff(220), staff(340)]
    gray = draw(staves)
    cv2.line(gray, (100, 80), (100, 360), 0, 2)
    for x in (500, 900):
        cv2.line(gray, (x, 80), (x, 120), 0, 2)
        cv2.line(gray, (x, 200), (x, 360), 0, 2)
    (system,) = find_systems(gray, staves)
    assert system.joined == (False, True)


def test_barlines_run_on_where_the_page_is_tilted():
    staves = [staff(100), staff(220)]
    gray = draw(staves)
    for x in (100, 500, 900):
        cv2.line(gray, (x, 80), (x, 240), 0, 2)
    turn = cv2.getRotationMatrix2D((500, 300), 2, 1)
    turned = cv2.warpAffine(gray, turn, (1000, 1200), borderValue=255)
    tilted = []
    for each in staves:
        points = np.stack([each.xs, each.middle_ys, np.ones(2, np.float32)])
        x, y = turn @ points
        tilted.append(Staff(x.astype(np.float32), y.astype(np.float32), SPACE))
    (system,) = find_systems(turned, tilted)
    assert system.joined == (True,)


def test_stems_and_words_between_staves_are_no_barlines():
    staves = [staff(100), staff(220)]
    gray = draw(staves)
    cv2.line(gray, (100, 80), (100, 240), 0, 2)
    cv2.line(gray, (400, 100), (400, 175), 0, 2)
    cv2.putText(gray, "cantabile", (300, 170), cv2.FONT_HERSHEY_SIMPLEX, 1, 0, 2)
    (system,) = find_systems(gray, staves)
    assert system.joined == (False,)
