"""Share of stacked note heads."""

import cv2
import numpy as np

from focal_omr.document.stacked_heads import stacked_head_share


def strip(*columns: tuple[int, ...]) -> np.ndarray:
    """Heads of 10 x 8 px, 40 px apart, at these rows of each column, with stems."""
    ink = np.zeros((96, 80 + 40 * len(columns)), np.float32)
    ink[[32, 40, 48, 56, 64]] = 1
    for number, rows in enumerate(columns):
        x = 60 + 40 * number
        for row in rows:
            cv2.ellipse(ink, (x, row), (5, 4), -20, 0, 360, 1, -1)
        cv2.line(ink, (x + 4, min(rows) - 24), (x + 4, max(rows)), 1, 1)
    return ink


def test_a_melody_has_no_stacked_heads():
    assert stacked_head_share(strip((48,), (52,), (40,), (64,), (60,))) == 0


def test_chords_have_stacked_heads():
    assert stacked_head_share(strip((48, 64), (40, 56), (52, 60), (48, 56, 64))) == 1  # seconds to sixths
    assert stacked_head_share(strip((48,), (48, 64), (40,), (52,))) == 2 / 5


def test_beams_are_no_heads():
    ink = strip((60,), (64,), (60,), (56,))
    ink[20:24, 60:185] = ink[27:31, 60:185] = 1
    assert stacked_head_share(ink) == 0


def test_an_empty_staff_has_share_zero():
    assert stacked_head_share(strip()) == 0
