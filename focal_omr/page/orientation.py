"""Pages that lie on their side or stand on their head are turned upright.

Sideways: staff lines are the longest thin lines of a page; they run across it, not down. Upside down: a
network reads a page on its head with less confidence, which is the surest sign. The cheap one is that staves
begin with a clef and, mostly, a signature: more ink lies on their left end than on their right one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.images.load import as_dark_on_light
from focal_omr.page.find_staves import PageStaves, SmallPage, find_staves_on
from focal_omr.staff.find import Staff
from focal_omr.staff.working_image import quantile, to_darkness, to_ridges

__all__ = ["TurnedPage", "head_up", "turned_over", "upright"]

_STRIP_PX = 16  # lines go on over it, stems and letters do not
_CLEARLY = 1.3
_MORE = 1.15  # ink on one end than on the other
_SURE = 0.6  # of the staves, for one way more than for the other
_READ = 3  # staves, the longest, that are read both ways


@dataclass(frozen=True)
class TurnedPage:
    """A page as it is to be read.

    Attributes:
        gray: (H, W) upright.
        quarter_turns: by which the picture was turned to the left, 0 to 3.
        found: its staves, in pixels of the upright page.
        sure: whether it is clear which way is up; else the page was not turned over.
    """

    gray: NDArray[np.uint8]
    quarter_turns: int
    found: PageStaves
    sure: bool


Confidence = Callable[[NDArray[np.uint8], Staff], float]


def upright(
    gray: NDArray[np.uint8], *, confidence: Confidence | None = None, name: str = "image"
) -> TurnedPage:
    """Turn a page so that it can be read, and find its staves.

    Args:
        gray: (H, W) gray values; light lines on dark ground become dark ones.
        confidence: how surely a staff of a page can be read, 0 .. 1. It is asked where the clefs do not say
            clearly that the page is upright. Observed, the mean of three staves: 0.98 to 1 upright, 0.80 to
            0.99 upside down, and less than upright on each of 27 printed and 16 photographed pages.
        name: what `found.seen` calls the picture.
    """
    gray = as_dark_on_light(gray)
    small = SmallPage.of(gray)
    turns = 1 if _runs_down(small) else 0
    page = np.ascontiguousarray(np.rot90(gray, turns))
    found = find_staves_on(page, SmallPage.of(page) if turns else small, name=name)
    if turns and not found.staves:  # what ran down the page were no staff lines: a dark edge, a table
        turns, page, found = 0, gray, find_staves_on(gray, small, name=name)
    votes = head_up(page, found.staves)
    over, sure = votes <= -_SURE, abs(votes) >= _SURE
    if confidence is not None and found.staves and votes < _SURE:
        gain = _gain_by_turning(page, found.staves, confidence)
        over, sure = gain > 0 or (over and gain == 0), True
    if over:
        turns, page = turns + 2, np.ascontiguousarray(np.rot90(page, 2))
        found = find_staves_on(page, SmallPage.of(page), name=name)
    return TurnedPage(page, turns, found, sure)


def _gain_by_turning(page: NDArray[np.uint8], staves: tuple[Staff, ...], confidence: Confidence) -> float:
    """How much more surely the longest staves are read with the page turned over."""
    longest = sorted(staves, key=lambda staff: float(staff.xs[0] - staff.xs[-1]))[:_READ]
    over = np.ascontiguousarray(np.rot90(page, 2))
    as_it_is = sum(confidence(page, staff) for staff in longest)
    turned = sum(confidence(over, turned_over(staff, page.shape)) for staff in longest)
    return turned - as_it_is


def turned_over(staff: Staff, shape: tuple[int, ...]) -> Staff:
    """A staff of a picture of this shape in the picture turned by 180 degrees."""
    spaces = None if staff.spaces_px is None else staff.spaces_px[::-1]
    xs, ys = shape[1] - 1 - staff.xs[::-1], shape[0] - 1 - staff.middle_ys[::-1]
    return Staff(xs, ys, staff.space_px, spaces)


def _runs_down(page: SmallPage) -> bool:
    return _lines(np.ascontiguousarray(page.gray.T)) > _CLEARLY * _lines(page.gray)


def _lines(small: NDArray[np.uint8]) -> float:
    """How much there is of ridges that go on from strip to strip."""
    strips = max(1, small.shape[1] // _STRIP_PX)
    means = cv2.resize(small[:, : strips * _STRIP_PX], (strips, small.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = cv2.dilate(to_ridges(to_darkness(np.asarray(means)), 2), np.ones((3, 1), np.uint8))
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
        Observed: 0.56 to 1 for upright pages, -0.33 to -1 for the same upside down (27 printed pages); of 16
        photographed pages of random music, which has many staves without a signature, two had -0.3.
    """
    votes = [_vote(gray, staff) for staff in staves]
    return float(np.mean(votes)) if votes else 0.0


def _vote(gray: NDArray[np.uint8], staff: Staff) -> int:
    left, right = (_end_ink(gray, staff, side) for side in (0, -1))
    return 0 if max(left, right) < _MORE * min(left, right) else int(np.sign(left - right))


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
    paper = quantile(seen, 0.9)  # the light may fall from one side
    return float((1 - seen.astype(np.float32) / max(paper, 1.0)).mean())
