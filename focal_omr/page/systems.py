"""Systems: groups the staves of a page that sound together, and measures the indent of each system.

Staves of one system are joined at the left by a line; a brace or a bracket stands left of it. A system that
begins further right than its neighbours is the first of a piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.find import Staff
from focal_omr.staff.working_image import quantile

__all__ = ["System", "find_systems"]

# From the left end of the lines, where the joining line, or a bracket, may stand.
_BESIDE_SPACES = (-1.5, 0.8)
_JOINED = 0.93  # of the rows between two staves that the line covers
_FARTHEST_SPACES = 40.0  # between two staves of a system, from line to line: six verses take 26
_BEGIN_SPACES = 4.0  # right of the joining line
_ROWS = 4  # per staff space of the region that is searched for the line


@dataclass(frozen=True)
class System:
    """Staves that sound together.

    Attributes:
        staves: their indices on the page, from 0, from top to bottom.
        indent_spaces: distance in staff spaces by which it begins further right than the system before or
            after it, whichever begins further left; 0 or more.
        joined: for each staff but the last, whether barlines run on to the next one, as they do between the
            staves of one instrument or of a group of instruments; ignored by comparisons.
    """

    staves: tuple[int, ...]
    indent_spaces: float = 0.0
    joined: tuple[bool, ...] = field(default=(), compare=False)


def find_systems(gray: NDArray[np.uint8], staves: Sequence[Staff]) -> list[System]:
    """Group the staves of a page into systems.

    Args:
        gray: (H, W) uint8 gray levels of the page, light paper.
        staves: its staves from top to bottom.

    Returns:
        the systems from top to bottom; together they have every staff once.
    """
    groups: list[list[int]] = []
    for number, staff in enumerate(staves):
        if groups and _are_joined(gray, staves[groups[-1][-1]], staff):
            groups[-1].append(number)
        else:
            groups.append([number])
    lefts = [float(median(staves[number].xs[0] for number in group)) for group in groups]
    systems = []
    for place, group in enumerate(groups):
        beside = lefts[max(0, place - 1) : place] + lefts[place + 1 : place + 2]
        indent_px = max(0.0, lefts[place] - min(beside, default=lefts[place]))
        pairs = pairwise(staves[number] for number in group)
        joined = tuple(_barlines_run_on(gray, upper, lower) for upper, lower in pairs)
        systems.append(System(tuple(group), indent_px / staves[group[0]].space_px, joined))
    return systems


def _are_joined(gray: NDArray[np.uint8], upper: Staff, lower: Staff) -> bool:
    """Whether a line runs down from the lowest line of a staff to the highest of the next, at their left."""
    space = (upper.space_px + lower.space_px) / 2
    top = float(upper.middle_ys[0]) + 2 * upper.space_px
    bottom = float(lower.middle_ys[0]) - 2 * lower.space_px
    left, right = (min(float(upper.xs[0]), float(lower.xs[0])) + _BESIDE_SPACES[0] * space,
                   max(float(upper.xs[0]), float(lower.xs[0])) + _BESIDE_SPACES[1] * space)  # fmt: skip
    apart = abs(float(upper.xs[0]) - float(lower.xs[0])) / space
    if not 0 < bottom - top <= _FARTHEST_SPACES * space or apart > 3:
        return False
    region = gray[max(0, round(top)) : round(bottom), max(0, round(left)) : max(1, round(right))]
    if 0 in region.shape:
        return False
    size = (
        max(1, round(region.shape[1] / space * 2 * _ROWS)),
        max(2, round(region.shape[0] / space * _ROWS)),
    )
    small = cv2.resize(region, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    paper = quantile(small, 0.9)
    # A thin line fills about a third of a cell; it may lean by a cell or two on its way down.
    dark = cv2.dilate((small < 0.75 * paper).astype(np.uint8), np.ones((1, 3), np.uint8))
    return bool(dark.mean(axis=0).max() >= _JOINED)


def _barlines_run_on(gray: NDArray[np.uint8], upper: Staff, lower: Staff) -> bool:
    """Whether barlines run through the gap between two staves, right of the line that joins them all."""
    space = (upper.space_px + lower.space_px) / 2
    left, right = max(upper.xs[0], lower.xs[0]), min(upper.xs[-1], lower.xs[-1])
    xs = np.arange(left + _BEGIN_SPACES * space, right + 0.4 * space, space / _ROWS)
    if len(xs) < 2:
        return False
    # The gap, straightened: from the lowest line of the upper staff to the highest of the lower one.
    slope = float((upper.middle_ys[-1] - upper.middle_ys[0]) / (upper.xs[-1] - upper.xs[0]))
    top = np.interp(xs, upper.xs, upper.middle_ys) + 2 * upper.spaces_at(xs)
    lean = -slope * (np.interp(xs, lower.xs, lower.middle_ys) - 2 * lower.spaces_at(xs) - top)
    bottom = np.interp(xs + lean, lower.xs, lower.middle_ys) - 2 * lower.spaces_at(xs + lean)
    down = np.linspace(0, 1, max(2, round(float((bottom - top).mean()) / space * _ROWS)))[:, None]
    x, y = (xs + down * lean).astype(np.float32), (top + down * (bottom - top)).astype(np.float32)
    first = max(0, int(x.min()) - 2), max(0, int(y.min()) - 2)
    near = gray[first[1] : int(y.max()) + 3, first[0] : int(x.max()) + 3]
    if 0 in near.shape:
        return False
    near = cv2.blur(near, (max(1, round(space / _ROWS)),) * 2)
    region = cv2.remap(near, x - first[0], y - first[1], cv2.INTER_LINEAR, borderValue=255)
    region = region.astype(np.float32)
    paper = quantile(region, 0.9)
    dark = cv2.dilate((region < 0.75 * paper).astype(np.uint8), np.ones((1, 3), np.uint8))
    return bool((dark.mean(axis=0) >= _JOINED).any())
