"""Pages that lie on their side or stand on their head are turned upright.

Sideways: staff lines are the longest thin lines of a page; they run across it, not down. Upside down: each
staff begins with a clef and, mostly, a signature, so that more ink lies on its left end than on its right.
Where the clefs do not decide, a reading of both ways has to: `TurnedPage.sure` says so.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.image_file import as_dark_on_light
from focal_omr.page.staves import PageStaves, find_staves
from focal_omr.staff_lines.staff import Staff
from focal_omr.staff_lines.work import to_darkness, to_ridges

__all__ = ["TurnedPage", "head_up", "lies_sideways", "upright"]

_LONG_SIDE_PX = 1600
_STRIP_PX = 16  # lines go on over it, stems and letters do not
_CLEARLY = 1.3
_SURE = 0.3  # of the staves, for one way more than for the other


@dataclass(frozen=True)
class TurnedPage:
    """A page as it is to be read.

    Attributes:
        gray: (H, W) upright.
        quarter_turns: by which the picture was turned to the left, 0 to 3.
        found: its staves, in pixels of the upright page.
        sure: whether the clefs say clearly which way is up; else a reading of both ways should decide.
    """

    gray: NDArray[np.uint8]
    quarter_turns: int
    found: PageStaves
    sure: bool


def upright(gray: NDArray[np.uint8], *, name: str = "image") -> TurnedPage:
    """Turn a page so that it can be read, and find its staves.

    Args:
        gray: (H, W) gray values; light lines on dark ground become dark ones.
        name: what `found.seen` calls the picture.
    """
    gray = as_dark_on_light(gray)
    turns = 1 if lies_sideways(gray) else 0
    page = np.ascontiguousarray(np.rot90(gray, turns))
    found = find_staves(page, name=name)
    votes = head_up(page, found.staves)
    if votes < 0:
        turns, page = turns + 2, np.ascontiguousarray(np.rot90(page, 2))
        found = find_staves(page, name=name)
    return TurnedPage(page, turns, found, abs(votes) >= _SURE)


def lies_sideways(gray: NDArray[np.uint8]) -> bool:
    """Whether the thin lines of a page run down it."""
    gray = as_dark_on_light(gray)
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    height, width = (max(1, side // shrink) for side in gray.shape)
    whole = gray[: height * shrink, : width * shrink]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return _lines(np.ascontiguousarray(small.T)) > _CLEARLY * _lines(np.asarray(small, np.uint8))


def _lines(small: NDArray[np.uint8]) -> float:
    """How much there is of ridges that go on from strip to strip."""
    strips = max(1, small.shape[1] // _STRIP_PX)
    means = cv2.resize(small[:, : strips * _STRIP_PX], (strips, small.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = cv2.dilate(to_ridges(to_darkness(np.asarray(means, np.float32)), 2), np.ones((3, 1), np.uint8))
    if strips < 4:
        return 0.0
    along = np.minimum.reduce([ridges[:, at : strips - 3 + at] for at in range(4)])
    return float((along**2).sum())


def head_up(gray: NDArray[np.uint8], staves: tuple[Staff, ...]) -> float:
    """Which way up a page is, by its clefs.

    Args:
        gray: (H, W) the page, paper light.
        staves: its staves.

    Returns:
        1 where all staves begin with more ink than they end with, -1 where all end with more, else between.
        Observed: 0.56 to 1 for upright pages, -0.33 to -1 for the same upside down (27 printed pages).
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
