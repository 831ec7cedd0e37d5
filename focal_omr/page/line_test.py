"""Test of five lines at full resolution: whether they are ruled lines with music on them.

From afar, five rows of text look like five lines. From near, a line goes on while letters stop and start; it
is thin against the staff space; and there is paper between two lines.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.find import Staff
from focal_omr.staff.working_image import Floats, quantile

_FINE = 16  # samples to a staff space, both ways
_HALF = _FINE // 2
_LEDGER = 5 * _FINE // 2  # a ledger line is 1.8 spaces long


@dataclass(frozen=True)
class Strokes:
    """Measurements along five lines.

    Attributes:
        breaks: (5,) how often each line stops or starts again, per staff space.
        contrast: darkness of the lines, 0 paper to 1 black.
        flatness: darkness 0.19 spaces beside the lines, relative to that on them.
        between: rise of the darkness between the lines, relative to them; 0 where it gets lighter all the
            way.
        sixth: share of the length over which one more line is seen above or below; ledger lines and beams do
            not count.
        touched_spaces: length in staff spaces over which ink lies on a line and reaches 0.25 spaces to both
            sides of it: clefs, heads, stems, bar lines.
    """

    breaks: Floats
    contrast: float
    flatness: float
    between: float
    sixth: float
    touched_spaces: float

    @property
    def are_lines(self) -> bool:
        """Whether these are ruled lines.

        Observed, the median of the breaks and the most of one line: in camera images of strength 0.85 up to
        0.6 and 0.6, in a print with broken lines 0.3 and 0.53; rows of text 4.2 and more; rules that
        alternate with text 0.02 and 2.4 and more. Flatness and contrast: in the same images up to 0.73, and
        0.12 and more, but one of them good; the grain of a desk 0.73 to 0.93, and 0.01 to 0.18; a faint grid
        behind a page has a contrast of 0.05.
        """
        whole = float(np.median(self.breaks)) < 1.5 and float(self.breaks.max()) < 2.2
        seen = self.contrast >= 0.07 and not (self.flatness > 0.7 and self.contrast < 0.2)
        return whole and seen and self.between < 0.5

    @property
    def hold_music(self) -> bool:
        """Whether anything stands on the lines: a clef alone is 2.5 spaces wide.

        Observed: 12 and more for staves, 0.6 to 2.5 for tables of four or five rows with text in them.
        """
        return self.touched_spaces >= 2.7


def measure_strokes(gray: NDArray[np.uint8], staff: Staff) -> Strokes:
    """Measure five lines in the image itself.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
        staff: the supposed position of the lines.
    """
    # (7, 17, N) samples at the five lines and one more on each side, within half a space of each.
    count = max(2, round(float(staff.xs[-1] - staff.xs[0]) / staff.space_px * _FINE))
    x = np.linspace(staff.xs[0], staff.xs[-1], count).astype(np.float32)
    offsets = (np.arange(-3, 4)[:, None] + np.arange(-_HALF, _HALF + 1) / _FINE).ravel()
    below = offsets[:, None] * staff.spaces_at(x)
    map_y = (np.interp(x, staff.xs, staff.middle_ys) + below).astype(np.float32)
    map_x = np.ascontiguousarray(np.broadcast_to(x, map_y.shape))
    left, top = max(0, int(x[0]) - 2), max(0, int(map_y.min()) - 2)
    part = gray[top : int(map_y.max()) + 3, left : int(x[-1]) + 3]
    if staff.space_px > _FINE:
        part = cv2.blur(part, (round(staff.space_px / _FINE),) * 2)
    samples = cv2.remap(part, map_x - left, map_y - top, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    samples = cv2.blur(samples, (2, 1)).reshape(7, -1, count)
    paper = cv2.dilate(samples.max(axis=1), np.ones((1, 2 * _FINE + 1), np.uint8))
    darkness = np.asarray(1 - samples.astype(np.float32) / np.maximum(paper, 1)[:, None], np.float32)
    on_line = darkness[:, _HALF - 1 : _HALF + 2].max(axis=1)
    level = quantile(on_line[1:6], 0.6)
    seen = on_line > 0.5 * level
    breaks = (seen[1:6, 1:] != seen[1:6, :-1]).sum(axis=1) * _FINE / seen.shape[1]
    profile = np.median(darkness[1:6], axis=2).mean(axis=0)  # (17,) over the heights
    peak = max(float(profile[_HALF - 1 : _HALF + 2].max()), 1e-3)
    beside = float(profile[[_HALF - 3, _HALF + 3]].mean())
    outwards = (profile[_HALF:] + profile[_HALF::-1]) / 2  # (9,) from a line to the middle between two
    rise = float((outwards - np.minimum.accumulate(outwards)).max())
    between = rise / max(float(outwards[0] - outwards.min()), 1e-3)
    thick = np.minimum(darkness[:, _HALF - 4], darkness[:, _HALF + 4]) > 0.5 * level
    beam = np.maximum(darkness[:, _HALF - 4], darkness[:, _HALF + 4]) > 0.5 * level
    more = (seen & ~beam)[[0, 6]].astype(np.uint8)
    sixth = float(cv2.morphologyEx(more, cv2.MORPH_OPEN, np.ones((1, _LEDGER), np.uint8)).mean(axis=1).max())
    touched = float(thick[1:6].any(axis=0).sum()) / _FINE
    return Strokes(breaks.astype(np.float32), level, beside / peak, between, sixth, touched)
