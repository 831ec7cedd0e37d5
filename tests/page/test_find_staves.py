"""Every staff of a page, and nothing else."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from drawn_page import blank_page, draw_lines, draw_table, draw_text, seen_aslant
from shared_data import SHARED

from focal_omr.images.load import load_gray
from focal_omr.page.find_staves import find_staves
from focal_omr.staff.find import Staff

TOPS = (120, 260, 400, 540, 680)
# Counted by eye.
PETRIE = {"010": 13, "033": 12, "056": 12, "079": 12, "102": 11, "125": 12}
REAL_PAGES = SHARED / "data" / "pages" / "petrie"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """OpenCV's threads make small pictures slower, tenfold when the machine is busy."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def worst_error(staff: Staff, xs: np.ndarray, middle_ys: np.ndarray) -> float:
    """How far the middle line is off, in spaces."""
    return float(np.abs(np.interp(xs, staff.xs, staff.middle_ys) - middle_ys).max() / staff.space_px)


def page_of_staves(**how: int) -> np.ndarray:
    page = blank_page()
    for seed, top in enumerate(TOPS):
        draw_lines(page, top, seed=seed, **how)
    return page


def test_staves_of_a_page_from_top_to_bottom():
    page = page_of_staves()
    draw_text(page, 50, rows=2)
    draw_text(page, 800, rows=9)
    found = find_staves(page)
    assert [round(float(staff.middle_ys.mean())) for staff in found.staves] == [top + 16 for top in TOPS]
    for staff in found.staves:
        assert staff.space_px == pytest.approx(8, rel=0.01)
        assert (staff.xs[0], staff.xs[-1]) == pytest.approx((80, 920), abs=5)
    assert found.others == ()
    assert found.seen == ""


def test_a_staff_with_next_to_nothing_on_it_is_one_among_others():
    page = blank_page()
    for top in (100, 400):
        draw_lines(page, top)
    for line in range(5):
        page[250 + 8 * line, 80:920] = 0
    page[245:283, 500:503] = 0  # one barline
    found = find_staves(page).staves
    assert [round(float(staff.middle_ys.mean())) for staff in found] == [116, 266, 416]


def test_an_indented_staff_and_a_short_one():
    page = blank_page()
    draw_lines(page, 100, left=200)
    draw_lines(page, 250)
    draw_lines(page, 400, right=300)
    found = find_staves(page).staves
    assert [float(staff.xs[0]) for staff in found] == pytest.approx([200, 80, 80], abs=6)
    assert [float(staff.xs[-1]) for staff in found] == pytest.approx([920, 920, 300], abs=6)


def test_two_staves_side_by_side():
    page = blank_page()
    draw_lines(page, 100)
    draw_lines(page, 250, right=450)
    draw_lines(page, 250, left=520, seed=1)
    draw_lines(page, 400)
    found = find_staves(page).staves
    assert [round(float(staff.middle_ys.mean())) for staff in found] == [116, 266, 266, 416]
    assert float(found[1].xs[-1]) == pytest.approx(450, abs=6)
    assert float(found[2].xs[0]) == pytest.approx(520, abs=6)


@pytest.mark.parametrize("factor", [0.6, 2.5])
def test_any_resolution(factor: float):
    page = page_of_staves()
    scaled = cv2.resize(page, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    found = find_staves(np.asarray(scaled, np.uint8)).staves
    assert len(found) == len(TOPS)
    assert float(found[0].space_px) == pytest.approx(8 * factor, rel=0.02)


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (0, 0.066), (0, 0.066), (0, 0)],  # skewed by 5 degrees
        [(0.12, 0.1), (-0.1, 0), (0, 0), (0, 0.05)],  # smaller and turned at the top
        [(0, 0.15), (0, -0.05), (0, 0.1), (0, -0.1)],  # from the left
    ],
    ids=["skew", "from below", "from the left"],
)
def test_pages_seen_aslant(corners: list[tuple[float, float]]):
    big = cv2.resize(page_of_staves(), None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    seen, matrix = seen_aslant(np.asarray(big, np.uint8), corners)
    found = find_staves(seen).staves
    assert len(found) == len(TOPS)
    for staff, top in zip(found, TOPS, strict=True):
        points = np.array([[[2 * x, 2 * (top + 16) + 0.5] for x in range(100, 900, 50)]], np.float32)
        xs, ys = cv2.perspectiveTransform(points, matrix)[0].T
        assert worst_error(staff, xs, ys) < 0.15


def test_light_lines_on_dark_ground():
    assert len(find_staves(255 - page_of_staves()).staves) == len(TOPS)


@pytest.mark.parametrize(("lines", "kind"), [(1, "one-line"), (4, "unclear"), (6, "tablature")])
def test_other_numbers_of_lines_are_reported(lines: int, kind: str):
    page = blank_page()
    draw_lines(page, 100)
    draw_lines(page, 250)
    draw_lines(page, 420, lines=lines, space=12)
    found = find_staves(page)
    assert [round(float(staff.middle_ys.mean())) for staff in found.staves] == [116, 266]
    (other,) = found.others
    assert other.kind == kind
    assert other.reason.startswith(f"{lines} ")
    left, top, right, bottom = other.box
    assert (left, right) == pytest.approx((80, 920), abs=25)
    assert (top, bottom) == pytest.approx((420, 420 + (lines - 1) * 12), abs=6)


@pytest.mark.parametrize("pitch", [18, 22, 30])
def test_text_is_no_staff(pitch: int):
    page = blank_page()
    draw_text(page, 60, rows=1200 // pitch - 1, pitch=pitch)
    found = find_staves(page, name="prose.png")
    assert found.staves == ()
    assert found.seen.startswith("prose.png: no staff of five lines: ")


@pytest.mark.parametrize("rows", [3, 4, 5, 9])
def test_tables_are_no_staves(rows: int):
    page = blank_page()
    draw_table(page, 100, rows=rows)
    draw_table(page, 700, rows=rows)
    assert find_staves(page).staves == ()


def test_five_lines_with_nothing_on_them_are_not_read():
    page = blank_page()
    page[100:133:8, 80:921] = 20
    assert find_staves(page).staves == ()


@pytest.mark.parametrize("shape", [(16, 16), (17, 300), (900, 20)])
def test_pictures_too_small_for_a_staff(shape: tuple[int, int]):
    gray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert find_staves(gray).staves == ()


def test_blank_paper():
    assert "the image is blank" in find_staves(blank_page()).seen


@pytest.mark.skipif(not REAL_PAGES.is_dir(), reason="the pages are not beside the repository")
@pytest.mark.parametrize("page", PETRIE)
def test_staves_of_a_real_print(page: str):
    found = find_staves(load_gray(REAL_PAGES / f"petrie-{page}.png"))
    assert len(found.staves) == PETRIE[page]
    assert found.others == ()
