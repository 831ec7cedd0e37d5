"""The sheet on a desk."""

import cv2
import numpy as np
import pytest
from drawn_page import blank_page, draw_lines

from focal_omr.page.find_staves import find_staves
from focal_omr.page.paper import find_sheet

TOPS = (120, 260, 400)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A page, turned by 3 degrees, on a desk with a strong grain."""
    page = blank_page(800, 600)
    for seed, top in enumerate(TOPS):
        draw_lines(page, top, right=720, seed=seed)
    grain = np.random.default_rng(0).normal(0, 1, (1000, 1200)).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), sigmaX=40, sigmaY=2)
    desk = np.clip(80 + 15 * grain / grain.std(), 0, 255).astype(np.uint8)
    matrix = cv2.getRotationMatrix2D((400, 300), 3, 1) + np.array([[0, 0, 200], [0, 0, 200]])
    turned = cv2.warpAffine(page, matrix, (1200, 1000))
    whole = cv2.warpAffine(np.full_like(page, 255), matrix, (1200, 1000))
    return np.where(whole > 128, turned, desk).astype(np.uint8)


def test_the_sheet_is_what_is_bright(photo: np.ndarray):
    sheet = find_sheet(photo)
    assert sheet is not None
    assert sheet[500, 600]
    assert not sheet[100, 100]
    assert float(sheet.mean()) == pytest.approx(800 * 600 / photo.size, rel=0.1)


def test_staves_are_found_on_the_sheet_alone(photo: np.ndarray):
    assert len(find_staves(photo).staves) == len(TOPS)


def test_paper_that_fills_the_picture_is_no_sheet_on_a_desk():
    assert find_sheet(blank_page()) is None
    with_pictures = blank_page()
    with_pictures[100:400, 200:800] = 60
    with_pictures[600:1200, 300:700] = 30
    sheet = find_sheet(with_pictures)
    assert sheet is None or sheet.all()


def test_half_a_page_in_the_shade_is_not_left_out():
    page = blank_page()
    for seed, top in enumerate((*TOPS, 700, 850)):
        draw_lines(page, top, seed=seed)
    page[560:] = (page[560:] * 0.5).astype(np.uint8)
    assert len(find_staves(page).staves) == 5
