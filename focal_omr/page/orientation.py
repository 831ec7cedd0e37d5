"""Page orientation: turns pages upright that lie on their side or upside down.

Sideways: staff lines are the longest thin lines of a page; they run across it, not down. Upside down: a
    network
reads such a page with less confidence, which is the surest sign. The cheap one is that staves begin with a
clef and, mostly, a signature: there is more ink at their left end than at their right one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.images.load import as_dark_on_light
from focal_omr.page.find_staves import PageStaves, SmallPage, find_staves
from focal_omr.staff.find import Staff
from focal_omr.staff.working_image import quantile, to_darkness, to_ridges

__all__ = ["TurnedPage", "upright", "upright_vote"]

_STRIP_PX = 16  # lines go on over it, stems and letters do not
_CLEARLY = 1.3  # lines down the page to lines across it
_MORE = 1.15  # ink at one end of a staff to that at the other
_SURE = 0.6  # vote of the staves that decides
_READ_STAVES = 3  # the longest ones are read both ways


@dataclass(frozen=True)
class TurnedPage:
    """A page, turned upright.

    Attributes:
        gray: (H, W) uint8 gray levels, upright.
        quarter_turns: number of quarter turns to the left that were applied, 0 to 3.
        found: its staves, in pixels of the upright page.
        sure: whether it is clear which way is up; otherwise the page was not turned over.
    """

    gray: NDArray[np.uint8]
    quarter_turns: int
    found: PageStaves
    sure: bool


Confidence = Callable[[NDArray[np.uint8], Staff], float]


def upright(
    gray: NDArray[np.uint8], *, confidence: Confidence | None = None, name: str = "image"
) -> TurnedPage:
    """Turn a page upright and find its staves.

    Args:
        gray: (H, W) uint8 gray levels; light lines on a dark ground become dark ones.
        confidence: returns the confidence, 0 to 1, with which a staff of a page is read. It is called where
            the clefs do not tell clearly that the page is upright. Observed, the mean of three staves: 0.98
            to 1 upright, 0.80 to 0.99 upside down, and less than upright on each of 27 printed and 16
            photographed pages.
        name: name of the image in `found.seen`.
    """
    gray = as_dark_on_light(gray)
    small = SmallPage.of(gray)
    down = _line_strength(np.ascontiguousarray(small.gray.T))
    turns = 1 if down > _CLEARLY * _line_strength(small.gray) else 0
    page = np.ascontiguousarray(np.rot90(gray, turns))
    found = find_staves(page, small=None if turns else small, name=name)
    if turns and not found.staves:  # the lines down the page were those of a dark edge or a table
        turns, page, found = 0, gray, find_staves(gray, small=small, name=name)
    vote = upright_vote(page, found.staves)
    over, sure = vote <= -_SURE, abs(vote) >= _SURE
    if confidence is not None and found.staves and vote < _SURE:
        longest = sorted(found.staves, key=lambda staff: float(staff.xs[0] - staff.xs[-1]))[:_READ_STAVES]
        upside_down = np.ascontiguousarray(np.rot90(page, 2))
        as_it_is = sum(confidence(page, staff) for staff in longest)
        turned = 0.0
        for staff in longest:
            spaces = None if staff.spaces_px is None else staff.spaces_px[::-1]
            xs, ys = page.shape[1] - 1 - staff.xs[::-1], page.shape[0] - 1 - staff.middle_ys[::-1]
            turned += confidence(upside_down, Staff(xs, ys, staff.space_px, spaces))
        over, sure = turned > as_it_is or (over and turned == as_it_is), True
    if over:
        turns, page = turns + 2, np.ascontiguousarray(np.rot90(page, 2))
        found = find_staves(page, name=name)
    return TurnedPage(page, turns, found, sure)


def _line_strength(small: NDArray[np.uint8]) -> float:
    """Strength of the ridges of a small page (H, W) that go on from strip to strip."""
    strips = max(1, small.shape[1] // _STRIP_PX)
    means = cv2.resize(small[:, : strips * _STRIP_PX], (strips, small.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = cv2.dilate(to_ridges(to_darkness(np.asarray(means)), 2), np.ones((3, 1), np.uint8))
    if strips < 4:
        return 0.0
    along = np.minimum.reduce([ridges[:, at : strips - 3 + at] for at in range(4)])
    return float((along**2).sum())


def upright_vote(gray: NDArray[np.uint8], staves: tuple[Staff, ...]) -> float:
    """Vote of the clefs on which way up a page is.

    Args:
        gray: (H, W) uint8 gray levels of the page, light paper.
        staves: its staves.

    Returns:
        1 where all staves begin with more ink than they end with, -1 where all end with more, else between.
        Observed: 0.56 to 1 for upright pages, -0.33 to -1 for the same upside down (27 printed pages); of 16
        photographed pages of random music, which has many staves without a signature, two had -0.3.
    """
    votes = []  # ink between the lines in the first and the last four spaces
    for staff in staves:
        space, inks = staff.space_px, []
        for start in (float(staff.xs[0]) + 0.4 * space, float(staff.xs[-1]) - 4.0 * space):
            x = np.arange(start, start + 3.6 * space, space / 8, dtype=np.float32)
            heights = np.arange(-2.4, 2.5, 0.2)[:, None]
            middle = np.interp(x, staff.xs, staff.middle_ys)
            map_y = (middle + heights * staff.spaces_at(x)).astype(np.float32)
            map_x = np.ascontiguousarray(np.broadcast_to(x, map_y.shape))
            seen = cv2.remap(gray, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            paper = quantile(seen, 0.9)  # the light may fall from one side
            inks.append(float((1 - seen.astype(np.float32) / max(paper, 1.0)).mean()))
        left, right = inks
        votes.append(0 if max(left, right) < _MORE * min(left, right) else int(np.sign(left - right)))
    return float(np.mean(votes)) if votes else 0.0
