"""Pages that lie on their side or stand on their head are turned upright.

Sideways: staff lines are the longest thin lines of a page; they run across it, not down. Upside down: each
staff begins with a clef and, mostly, a signature, so that more ink lies on its left end than on its right one.
Where the clefs do not decide, both readings have to: `TurnedPage.sure` says so.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.image_file import as_dark_on_light
from focal_omr.page.staves import find_staves
from focal_omr.staff_lines.staff import Staff
from focal_omr.staff_lines.work import to_darkness, to_ridges

__all__ = ["TurnedPage", "head_up", "lies_sideways", "upright"]

_LONG_SIDE_PX = 1600
_STRIP_PX = 16  # lines go on over it, stems and letters do not
_CLEARLY = 1.3


@dataclass(frozen=True)
class TurnedPage:
    """A page as it is to be read.

    Attributes:
        gray: (H, W) upright.
        quarter_turns: by which the picture was turned to the left.
        sure: whether the clefs say clearly which end is up; else a reading of both should decide.
    """

    gray: NDArray[np.uint8]
    quarter_turns: int
    sure: bool


def upright(gray: NDArray[np.uint8]) -> TurnedPage:
    """Turn a page so that it can be read.

    Args:
        gray: (H, W) gray values.
    """
    turns = 1 if lies_sideways(gray) else 0
    page = np.ascontiguousarray(np.rot90(gray, turns))
    votes = head_up(page, find_staves(page).staves)
    if votes < 0:
        turns, page = turns + 2, np.ascontiguousarray(np.rot90(page, 2))
    return TurnedPage(page, turns, abs(votes) >= 0.5)


def lies_sideways(gray: NDArray[np.uint8]) -> bool:
    """Whether the thin lines of a page run down it."""
    gray = as_dark_on_light(gray)
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    height, width = (side // shrink for side in gray.shape)
    small = cv2.resize(
        gray[: height * shrink, : width * shrink], (width, height), interpolation=cv2.INTER_AREA
    )
    return _lines(np.ascontiguousarray(small.T)) > _CLEARLY * _lines(np.asarray(small, np.uint8))


def _lines(small: NDArray[np.uint8]) -> float:
    """How much there is of ridges that go on from strip to strip."""
    strips = max(1, small.shape[1] // _STRIP_PX)
    means = cv2.resize(small[:, : strips * _STRIP_PX], (strips, small.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = cv2.dilate(to_ridges(to_darkness(np.asarray(means, np.float32)), 2), np.ones((3, 1), np.uint8))
    if strips < 4:
        return 0.0
    along = np.minimum(
        np.minimum(ridges[:, :-3], ridges[:, 1:-2]), np.minimum(ridges[:, 2:-1], ridges[:, 3:])
    )
    return float((along**2).sum())


def head_up(gray: NDArray[np.uint8], staves: tuple[Staff, ...]) -> float:
    """Which end of a page is up, by its clefs: 1 if all staves begin with one, -1 if all end with one, else between.

    Args:
        gray: (H, W) the page.
        staves: its staves.
    """
    votes = [_vote(gray, staff) for staff in staves]
    return float(np.mean(votes)) if votes else 0.0


def _vote(gray: NDArray[np.uint8], staff: Staff) -> int:
    left, right = (_end_ink(gray, staff, side) for side in (0, -1))
    return int(np.sign(left - right))


def _end_ink(gray: NDArray[np.uint8], staff: Staff, side: int) -> float:
    """Share of ink between the lines in the first, or last, four spaces."""
    space = staff.space_px
    start = float(staff.xs[side]) + (0.4 if side == 0 else -4.0) * space
    x = np.arange(start, start + 3.6 * space, space / 8, dtype=np.float32)
    spaces = staff.space_px if staff.spaces_px is None else np.interp(x, staff.xs, staff.spaces_px)
    heights = np.arange(-2.4, 2.5, 0.2)[:, None]
    map_y = (np.interp(x, staff.xs, staff.middle_ys) + heights * spaces).astype(np.float32)
    map_x = np.ascontiguousarray(np.broadcast_to(x, map_y.shape))
    seen = cv2.remap(gray, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float((255 - seen.astype(np.float32)).mean())
