"""Where five lines may lie on a levelled page: places at which a comb of five teeth meets lines.

A page is full of lines and of text, and its staves differ in length, in contrast and a little in size. So
what a tooth meets is measured against the clearest lines nearby, combs of several sizes are tried, and the
place that is best over a dozen spaces is followed to both sides.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.comb_path import BLOCK, best_path
from focal_omr.staff.working_image import LINES, ROWS, Floats, to_ridges, without_thick

SIZES = (1.0, 0.94, 1.06, 0.88, 1.12, 0.81, 0.75)  # staff spaces of a page: perspective, small staves
_WINDOW = 9  # blocks, 13.5 spaces: words are shorter
_NEARBY = 41  # blocks and spaces: how far contrast is compared
_ENOUGH = 3.0  # of five teeth; staves have 3.8 to 5, text up to 2.9
_CLIMB_COST = 0.3  # of a tooth, for a row: a step to the next line costs half of five teeth
_BAND_SPACES = 8  # above and below the place, within which a path is looked for
_END_SHARE = 0.5  # of five teeth
_BLANK_BLOCKS = 3  # without lines and without ink: 4.5 spaces, between two staves of a row
_BLANK_LINES = 1.0  # of five teeth
_BLANK_INK = 0.04  # of full darkness; five lines alone have 0.1


@dataclass(frozen=True)
class Place:
    """A path along which five lines seem to lie.

    Attributes:
        rows: (blocks,) row of the middle line in each block of the page's width.
        first, last: the blocks over which lines are met.
        after, before: the blocks between which they are to be measured: beyond lies blank paper and, maybe,
            another staff of the same row.
        size: distance of the lines, relative to the working picture's staff space.
        score: how many of five lines are met, on average over 13 spaces at the best place.
    """

    rows: NDArray[np.intp]
    first: int
    last: int
    after: int
    before: int
    size: float
    score: float


class Combs:
    """The combs of a page. What was followed is crossed out, so that the next place is another one."""

    def __init__(self, darkness: Floats) -> None:
        rows, cells = darkness.shape
        blocks = max(1, round(cells / BLOCK))
        self.blocks = blocks
        self._ink = cv2.blur(
            cv2.resize(darkness, (blocks, rows), interpolation=cv2.INTER_AREA), (1, 5 * ROWS)
        )
        thin = cv2.resize(without_thick(darkness), (blocks, rows), interpolation=cv2.INTER_AREA)
        teeth = cv2.blur(to_ridges(np.asarray(thin, np.float32), 3), (1, 3), borderType=cv2.BORDER_CONSTANT)
        limit = 0.5 * _contrast(teeth)
        met = np.minimum(teeth / np.maximum(limit, 1e-3), 1).astype(np.float32)
        self._met = [_comb(met, size) for size in SIZES]
        self._means = [_windowed(comb) for comb in self._met]

    def best(self) -> Place | None:
        """The best place that is left, or None."""
        tops = [float(mean.max()) for mean in self._means]
        # A comb of another size has to be clearly better than that of the usual one.
        which = int(np.argmax([top - 0.15 * (index > 0) for index, top in enumerate(tops)]))
        if tops[which] < _ENOUGH:
            return None
        row, block = divmod(int(self._means[which].argmax()), self._means[which].shape[1])
        return self._follow(which, row, block)

    def _follow(self, which: int, row: int, block: int) -> Place:
        comb = self._met[which]
        reach = round(_BAND_SPACES * ROWS)
        top, bottom = max(0, row - reach), min(comb.shape[0], row + reach + 1)
        near = comb[top:bottom].copy()
        aside = np.abs(np.arange(top, bottom) - row) > ROWS // 2
        near[aside, block] = 0
        path, _ = best_path(near, _CLIMB_COST, start=block)
        columns = np.arange(path.size)
        along = (near[path, columns] / 5).astype(np.float32)
        blank = (along < _BLANK_LINES / 5) & (self._ink[path + top, columns] < _BLANK_INK)
        after, before = _piece(blank, block)
        first, last = _stretch(along[after:before] - np.float32(_END_SHARE), block - after)
        score = float(self._means[which][row, block])
        return Place(path + top, first + after, last + after, after, before, SIZES[which], score)

    def cross_out(self, rows: Floats, first: int, last: int, *, spaces: float) -> None:
        """Leave out what lies within so many spaces of a path, from one block to another.

        Args:
            rows: (blocks,) the path.
        """
        height, blocks = self._met[0].shape
        along = slice(max(0, first), min(blocks, last + 1))
        middle = rows[along].astype(np.float64)
        tops = np.maximum(np.rint(middle - spaces * ROWS).astype(int), 0)
        bottoms = np.maximum(np.minimum(np.rint(middle + spaces * ROWS).astype(int) + 1, height), tops)
        if not tops.size:
            return
        lowest, highest = max(0, int(tops.min()) - 1), min(height, int(bottoms.max()) + 1)
        place = np.arange(lowest, highest)[:, None]
        left = (place < tops) | (place >= bottoms)  # (rows, blocks) what stays
        for comb, mean in zip(self._met, self._means, strict=True):
            comb[lowest:highest, along] *= left
            mean[lowest:highest] = _windowed(comb[lowest:highest])


def _contrast(teeth: Floats) -> Floats:
    """(rows, blocks) how clear lines are nearby: five of them at once, the weakest left out."""
    weakest = np.sort(_teeth(teeth, 1.0), axis=0)[1]
    clear = _windowed(weakest)
    small = cv2.resize(clear, (clear.shape[1], max(1, clear.shape[0] // ROWS)), interpolation=cv2.INTER_AREA)
    local = cv2.blur(cv2.dilate(small, np.ones((_NEARBY, _NEARBY), np.uint8)), (_NEARBY // 2, _NEARBY // 2))
    local = np.maximum(local, 0.25 * float(clear.max()))
    return np.asarray(cv2.resize(local, clear.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _teeth(values: Floats, size: float) -> Floats:
    """(5, rows, blocks) what each tooth of a comb meets whose middle one is at each row."""
    height, width = values.shape
    map_x, map_y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    shifts = [np.float32(k * ROWS * size) for k in LINES]
    return np.stack([cv2.remap(values, map_x, map_y + shift, cv2.INTER_LINEAR) for shift in shifts])


def _comb(met: Floats, size: float) -> Floats:
    """(rows, blocks) how many of five lines are met."""
    height = met.shape[0]
    reach = int(2 * ROWS * size) + 2
    padded = np.pad(met, ((reach, reach), (0, 0)))
    total = np.zeros_like(met)
    for k in LINES:
        whole, part = divmod(k * ROWS * size, 1)
        at = reach + int(whole)
        total += np.float32(1 - part) * padded[at : at + height]
        if part > 0:
            total += np.float32(part) * padded[at + 1 : at + 1 + height]
    return total


def _windowed(comb: Floats) -> Floats:
    """Means over a dozen spaces; a little climb is allowed for."""
    higher = cv2.dilate(comb, np.ones((3, 1), np.uint8))
    return np.asarray(cv2.blur(higher, (_WINDOW, 1), borderType=cv2.BORDER_CONSTANT), np.float32)


def _piece(blank: NDArray[np.bool_], start: int) -> tuple[int, int]:
    """The blocks, from the first to before the last, around `start` and between stretches of blank paper."""
    runs = np.convolve(blank, np.ones(_BLANK_BLOCKS, int), "valid") == _BLANK_BLOCKS  # begins at each block
    left = np.flatnonzero(runs[: max(0, start - _BLANK_BLOCKS + 1)])
    right = np.flatnonzero(runs[start + 1 :])
    after = int(left[-1]) + _BLANK_BLOCKS - 1 if left.size else 0
    before = start + 1 + int(right[0]) + 1 if right.size else blank.size
    return after, before


def _stretch(gains: Floats, start: int) -> tuple[int, int]:
    """The first and last block of the stretch around `start` with the greatest sum of gains."""
    right = np.cumsum(gains[start:])
    left = np.cumsum(gains[start::-1])
    return start - int(left.argmax()), start + int(right.argmax())
