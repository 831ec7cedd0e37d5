"""Drawn test pages: staves with clefs, heads and stems; text, tables."""

from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

PAPER, INK = 250, 20


def blank_page(width: int = 1000, height: int = 1300) -> Gray:
    return np.full((height, width), PAPER, np.uint8)


def draw_lines(
    page: Gray, top: int, *, left: int = 80, right: int = 920, lines: int = 5, space: int = 8, seed: int = 0
) -> None:
    """A staff with a clef, bar lines and notes."""
    random = Random(seed)
    bottom = top + (lines - 1) * space
    for k in range(lines):
        page[top + k * space, left : right + 1] = INK
    middle = (top + bottom) // 2
    cv2.ellipse(page, (left + 2 * space, middle), (space, max(space, 2 * space)), 0, 0, 360, INK, 3)
    cv2.line(page, (left + 2 * space, top - 2 * space), (left + 2 * space, bottom + 2 * space), INK, 2)
    for x in range(left + 5 * space, right - 2 * space, 3 * space):
        y = middle + random.randrange(-5, 6) * space // 2
        cv2.ellipse(page, (x, y), (round(0.6 * space), round(0.4 * space)), -20, 0, 360, INK, -1)
        cv2.line(page, (x + space // 2, y), (x + space // 2, y - 3 * space), INK, 1)
        if random.random() < 0.2:
            cv2.line(page, (x + 2 * space, top), (x + 2 * space, bottom), INK, 1)


def draw_text(page: Gray, top: int, *, rows: int, pitch: int = 22) -> None:
    for row in range(rows):
        words = "how the old tune came to be written down and by whom it was sung"[row % 7 :]
        cv2.putText(page, words, (80, top + row * pitch), cv2.FONT_HERSHEY_COMPLEX, 0.7, INK, 1)


def draw_table(page: Gray, top: int, *, rows: int, pitch: int = 24) -> None:
    for row in range(rows + 1):
        page[top + row * pitch, 80:921] = INK
    for x in range(80, 921, 168):
        page[top : top + rows * pitch, x] = INK
        for row in range(rows):
            place = (x + 6, top + row * pitch + 17)
            cv2.putText(page, f"{x + row}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1)


def seen_aslant(page: Gray, corners: list[tuple[float, float]]) -> tuple[Gray, NDArray[np.float32]]:
    """The page in perspective, its corners moved by fractions of its size, and the matrix for points."""
    height, width = page.shape
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = flat + np.array(corners, np.float32) * np.array([width, height], np.float32)
    moved -= moved.min(axis=0)
    matrix = cv2.getPerspectiveTransform(flat, moved)
    size = (int(np.ceil(moved[:, 0].max())), int(np.ceil(moved[:, 1].max())))
    seen = cv2.warpPerspective(page, matrix, size, flags=cv2.INTER_AREA, borderValue=PAPER)
    return np.asarray(seen, np.uint8), matrix.astype(np.float32)
