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
