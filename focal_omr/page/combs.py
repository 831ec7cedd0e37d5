"""Combs of five teeth on a levelled page: places at which they meet five lines.

A page is full of lines and of text, and its staves differ in length, in contrast and a little in size. So
what a tooth meets is measured against the clearest lines nearby, combs of several sizes are tried, and the
place that is best over a dozen spaces is followed to both sides. Shapes: R rows of the working image, N
blocks.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.comb_path import BLOCK, best_path
from focal_omr.staff.working_image import LINES, ROWS, Floats, to_ridges, without_thick

_SIZES = (1.0, 0.94, 1.06, 0.88, 1.12, 0.81, 0.75)  # relative staff spaces: perspective, small staves
_OTHER_SIZE_COST = 0.15  # of a tooth: a comb of another size has to be clearly better than the usual one
_WINDOW = 9  # blocks, 13.5 spaces: words are shorter
_NEARBY = 41  # blocks and spaces within which contrast is compared
_ENOUGH = 3.0  # of five teeth; staves have 3.8 to 5, text up to 2.9
_CLIMB_COST = 0.3  # of a tooth per row: a step to the next line costs half of five teeth
_BAND_SPACES = 8  # above and below the place, within which a path is looked for
_END_SHARE = 0.5  # of five teeth
_BLANK_BLOCKS = 3  # without lines and without ink: 4.5 spaces, between two staves of a row
_BLANK_LINES = 1.0  # of five teeth
_BLANK_INK = 0.04  # of full darkness; five lines alone have 0.1


@dataclass(frozen=True)
class CombPath:
    """A path along which five lines seem to lie.

    Attributes:
        rows: (N,) row of the middle line in each block of the page's width.
        first, last: the blocks over which lines are met.
        after, before: the blocks between which they are to be traced: beyond lies blank paper and, maybe,
            another staff of the same row.
        size: distance of the lines, relative to the working image's staff space.
    """

    rows: NDArray[np.intp]
    first: int
    last: int
    after: int
    before: int
    size: float


class Combs:
    """The combs of a page. What was followed is crossed out, so that the next path is another one.

    Args:
        darkness: (R, C) darkness of the page's working image.
    """

    def __init__(self, darkness: Floats) -> None:
        rows, cells = darkness.shape
        self.blocks = max(1, round(cells / BLOCK))
        size = (self.blocks, rows)
        self._ink = cv2.blur(cv2.resize(darkness, size, interpolation=cv2.INTER_AREA), (1, 5 * ROWS))
        thin = cv2.resize(without_thick(darkness), size, interpolation=cv2.INTER_AREA)
        teeth = cv2.blur(to_ridges(np.asarray(thin, np.float32), 3), (1, 3), borderType=cv2.BORDER_CONSTANT)
        # How clear lines are nearby: five of them at once, the weakest left out.
        map_x, map_y = np.meshgrid(
            np.arange(self.blocks, dtype=np.float32), np.arange(rows, dtype=np.float32)
        )
        shifts = [np.float32(k * ROWS) for k in LINES]
        five = np.stack([cv2.remap(teeth, map_x, map_y + shift, cv2.INTER_LINEAR) for shift in shifts])
        clear = _windowed(np.sort(five, axis=0)[1])
        small = cv2.resize(clear, (self.blocks, max(1, rows // ROWS)), interpolation=cv2.INTER_AREA)
        widest = cv2.dilate(small, np.ones((_NEARBY, _NEARBY), np.uint8))
        local = np.maximum(cv2.blur(widest, (_NEARBY // 2, _NEARBY // 2)), 0.25 * float(clear.max()))
        contrast = np.asarray(cv2.resize(local, size, interpolation=cv2.INTER_LINEAR), np.float32)
        met = np.minimum(teeth / np.maximum(0.5 * contrast, 1e-3), 1).astype(np.float32)
        self._met = [_comb_sums(met, relative) for relative in _SIZES]  # (R, N) teeth met, for each size
        self._means = [_windowed(comb) for comb in self._met]

    def next_path(self) -> CombPath | None:
        """The best path that is left, or None."""
        tops = [float(mean.max()) for mean in self._means]
        which = int(np.argmax([top - _OTHER_SIZE_COST * (index > 0) for index, top in enumerate(tops)]))
        if tops[which] < _ENOUGH:
            return None
        comb = self._met[which]
        row, block = divmod(int(self._means[which].argmax()), self.blocks)
        reach = round(_BAND_SPACES * ROWS)
        top, bottom = max(0, row - reach), min(comb.shape[0], row + reach + 1)
        near = comb[top:bottom].copy()
        near[np.abs(np.arange(top, bottom) - row) > ROWS // 2, block] = 0
        path, _ = best_path(near, _CLIMB_COST, start=block)
        columns = np.arange(path.size)
        along = (near[path, columns] / 5).astype(np.float32)
        # The part of the path around the place, between stretches of blank paper.
        blank = (along < _BLANK_LINES / 5) & (self._ink[path + top, columns] < _BLANK_INK)
        runs = (
            np.convolve(blank, np.ones(_BLANK_BLOCKS, int), "valid") == _BLANK_BLOCKS
        )  # begins at each block
        left = np.flatnonzero(runs[: max(0, block - _BLANK_BLOCKS + 1)])
        right = np.flatnonzero(runs[block + 1 :])
        after = int(left[-1]) + _BLANK_BLOCKS - 1 if left.size else 0
        before = block + 1 + int(right[0]) + 1 if right.size else blank.size
        # Of that part, the stretch around the place with the greatest sum of gains.
        gains = along - np.float32(_END_SHARE)
        first = block - int(np.cumsum(gains[after : block + 1][::-1]).argmax())
        last = block + int(np.cumsum(gains[block:before]).argmax())
        return CombPath(path + top, first, last, after, before, _SIZES[which])

    def cross_out(self, rows: Floats, first: int, last: int, *, spaces: float) -> None:
        """Leave out what lies near a path.

        Args:
            rows: (N,) row of the path in each block.
            first: first block.
            last: last block.
            spaces: reach above and below the path, in staff spaces.
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
        outside = (place < tops) | (place >= bottoms)
        for comb, mean in zip(self._met, self._means, strict=True):
            comb[lowest:highest, along] *= outside
            mean[lowest:highest] = _windowed(comb[lowest:highest])


def _comb_sums(met: Floats, size: float) -> Floats:
    """(R, N) -> (R, N) how many of the five teeth of a comb of this relative size meet a line."""
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
    """(R, N) -> (R, N) means over a dozen spaces; a little climb is allowed for."""
    higher = cv2.dilate(comb, np.ones((3, 1), np.uint8))
    return np.asarray(cv2.blur(higher, (_WINDOW, 1), borderType=cv2.BORDER_CONSTANT), np.float32)
