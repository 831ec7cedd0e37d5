"""Ruled lines that are not staves of five: tablature, one-line percussion, chant, tables.

They are reported, not read. Single lines are searched for on what the staves leave of a page, and lines at
one distance are grouped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.find import Staff
from focal_omr.staff.working_image import Floats, to_darkness, to_ridges

Kind = Literal["tablature", "one-line", "unclear"]

_BLOCK_PX = 12
_GAP_BLOCKS = 5  # closed: a number or a head stands on the line
_SHORTEST_SHARE = 0.25  # of the page's width; a volta bracket or a slur is shorter, or crossed by nothing
_FAINTEST = 0.06  # ridge of a line against its paper
_FARTHEST_SHARE = 1 / 36  # of the page's height between two lines of a group
_UNEVEN = 1.3  # ratio of two distances in a group
_CROSSINGS = 6  # bar lines and stems on a one-line staff


@dataclass(frozen=True)
class OtherLines:
    """Ruled lines that are not a staff of five.

    Attributes:
        box: (left, top, right, bottom) in pixels.
        kind: their kind.
        reason: why they are no staff, in words.
    """

    box: tuple[float, float, float, float]
    kind: Kind
    reason: str


@dataclass(frozen=True)
class _Line:
    """A level line: its ends and its height in pixels."""

    left: int
    right: int
    y: float


def find_other_lines(small: NDArray[np.uint8], staves: Sequence[Staff]) -> list[OtherLines]:
    """Find the ruled lines of a level page besides its staves.

    Args:
        small: (H, W) uint8 gray levels of the page, dewarped, with staff spaces of 5 to 10 px.
        staves: its staves, in pixels of the same image.

    Returns:
        lines with boxes in pixels of that image, from top to bottom.
    """
    paper = cv2.blur(cv2.dilate(small, np.ones((25, 25), np.uint8)), (25, 25))
    mask = np.zeros_like(small)
    for staff in staves:
        margin = 2 * staff.space_px
        xs = np.concatenate([[staff.xs[0] - margin], staff.xs, [staff.xs[-1] + margin]])
        ys = np.interp(xs, staff.xs, staff.middle_ys)
        reach = 3.2 * (np.ones_like(xs) * staff.spaces_at(xs))
        outline = np.concatenate([np.stack([xs, ys - reach], 1), np.stack([xs, ys + reach], 1)[::-1]])
        cv2.fillPoly(mask, [outline.round().astype(np.int32)], 255)
    darkness = to_darkness(np.asarray(cv2.copyTo(paper, mask, small.copy()), np.uint8))
    found = []
    for group in _line_groups(darkness):
        kind: Kind = "unclear"
        count, reason = len(group), f"{len(group)} parallel lines, 5 are needed"
        if count == 2 or (count == 1 and _crossings(darkness, group[0]) < _CROSSINGS):
            continue  # a mere rule
        if count == 1:
            kind, reason = "one-line", "1 line, 5 are needed"
        elif count == 5:
            reason = "5 lines, uneven or with next to nothing on them"
        elif count == 6:
            kind = "tablature"
        left, right = min(line.left for line in group), max(line.right for line in group)
        box = (float(left), group[0].y - 2, float(right), group[-1].y + 2)
        found.append(OtherLines(box, kind, reason))
    return found


def _line_groups(darkness: Floats) -> list[list[_Line]]:
    """The thin level lines of the (H, W) darkness, those grouped that follow each other at one distance."""
    height, width = darkness.shape
    blocks = max(1, width // _BLOCK_PX)
    means = cv2.resize(darkness[:, : blocks * _BLOCK_PX], (blocks, height), interpolation=cv2.INTER_AREA)
    seen = (to_ridges(np.asarray(means, np.float32), 2) > _FAINTEST).astype(np.uint8)
    seen = cv2.dilate(seen, np.ones((2, 1), np.uint8))
    seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((1, _GAP_BLOCKS), np.uint8))
    shortest = max(8, round(_SHORTEST_SHARE * blocks))
    seen = cv2.morphologyEx(seen, cv2.MORPH_OPEN, np.ones((1, shortest // 3), np.uint8))
    count, _, stats, centres = cv2.connectedComponentsWithStats(seen, connectivity=8)
    lines = []
    for index in range(1, count):
        left, _, wide, high, area = (int(value) for value in stats[index])
        if not (wide >= shortest and high <= 12 and area >= 0.6 * wide):
            continue
        line = _Line(left * _BLOCK_PX, (left + wide) * _BLOCK_PX, float(centres[index][1]))
        # A line goes on where letters stop and start: text has ink in 0.4 to 0.75 of its columns.
        reach = high // 2 + 1
        top = max(0, round(line.y) - reach)
        band = darkness[top : round(line.y) + reach + 1, line.left : line.right].max(axis=0)
        if float((band > 0.5 * float(np.quantile(band, 0.5))).mean()) > 0.9:
            lines.append(line)
    groups: list[list[_Line]] = []
    for line in sorted(lines, key=lambda line: line.y):
        for group in groups:
            step = line.y - group[-1].y
            common = min(line.right, group[-1].right) - max(line.left, group[-1].left)
            near = 3 <= step <= _FARTHEST_SHARE * height and common > 0.7 * (line.right - line.left)
            usual = group[1].y - group[0].y if len(group) > 1 else step
            if near and 1 / _UNEVEN < step / usual < _UNEVEN:
                group.append(line)
                break
        else:
            groups.append([line])
    return groups


def _crossings(darkness: Floats, line: _Line) -> int:
    """Number of strokes that cross a line of the (H, W) darkness."""
    y = round(line.y)
    reach = max(4, round(0.004 * darkness.shape[0]))
    if y < 2 * reach or y + 2 * reach >= darkness.shape[0]:
        return 0
    above = darkness[y - 2 * reach : y - reach + 1, line.left : line.right].min(axis=0)
    below = darkness[y + reach : y + 2 * reach + 1, line.left : line.right].min(axis=0)
    ink = (np.minimum(above, below) > 0.3).astype(int)
    return int((np.diff(ink) == 1).sum())
