"""Every staff of a page, and what is ruled but no staff of five lines.

The page is levelled (`level`), combs of five teeth are led over it (`combs`), and along each path the lines
are measured and judged as those of a crop are (`staff_lines`).
"""

from dataclasses import dataclass, field
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.image_file import as_dark_on_light
from focal_omr.page.level import Spacing, find_curves, level_picture, levelled
from focal_omr.page.search import Searched, search
from focal_omr.staff_lines.space import space_candidates
from focal_omr.staff_lines.staff import Staff
from focal_omr.staff_lines.work import ROWS

__all__ = ["OtherLines", "PageStaves", "find_staves"]

Kind = Literal["tablature", "one-line", "unclear"]

_LONG_SIDE_PX = 1600  # of the picture in which the staff space is looked for
_SURE_SPACES = 60  # rows of staves look like the lines of a huge one, which is 8 spaces long
_ENOUGH_STAVES = 3
_UNEVEN = 1.08  # a staff space to that of the search, anywhere on the page


@dataclass(frozen=True)
class OtherLines:
    """Ruled lines that are not a staff of five.

    Attributes:
        box: (left, top, right, bottom) in pixels.
        kind: what they are.
        reason: why they are no staff, in words.
    """

    box: tuple[float, float, float, float]
    kind: Kind
    reason: str


@dataclass(frozen=True)
class PageStaves:
    """What was found on a page.

    Attributes:
        staves: from top to bottom, within a row from left to right.
        others: ruled lines that are reported and not read.
        seen: where there is no staff, what was seen instead, in words; else empty.
    """

    staves: tuple[Staff, ...]
    others: tuple[OtherLines, ...] = field(default=())
    seen: str = ""


def find_staves(gray: NDArray[np.uint8], *, name: str = "image") -> PageStaves:
    """Find every staff of five lines on a page."""
    gray = as_dark_on_light(gray)
    small, shrink = _shrunk(gray)
    curves = find_curves(small)
    if curves is not None:
        small, curves = levelled(small, curves), curves.scaled(shrink)
    best: Searched | None = None
    for space in space_candidates(small):
        found = search(gray, level_picture(gray, curves, Spacing(float(np.sqrt(space * shrink)))))
        best = found if best is None or found.length_spaces > best.length_spaces else best
        if best.length_spaces >= _SURE_SPACES and _longest(best) >= _SURE_SPACES / 2:
            break
    if best is None or not best.staves:
        return PageStaves((), seen="nothing")
    if spacing := _better_spacing(best):
        again = search(gray, level_picture(gray, curves, spacing))
        best = again if again.length_spaces >= best.length_spaces else best
    return PageStaves(tuple(sorted(best.staves, key=lambda staff: float(staff.middle_ys.mean()))))


def _longest(found: Searched) -> float:
    return max((trace.length_spaces for trace in found.traces), default=0.0)


def _better_spacing(found: Searched) -> Spacing | None:
    """The staff space of the staves that were found, and how it changes down the page.

    None where the search went by nearly that already.
    """
    level = found.level
    row_px = np.gradient(level.names.astype(np.float64))
    spans = [slice(trace.first, trace.last + 1) for trace in found.traces]
    rows = np.array([t.middle[span].mean() for t, span in zip(found.traces, spans, strict=True)])
    sizes = np.array([t.space[span].mean() for t, span in zip(found.traces, spans, strict=True)])
    at = np.clip(rows.astype(int), 0, row_px.size - 1)
    ys, roots = level.names[at].astype(np.float64), np.sqrt(sizes * row_px[at])
    if len(rows) < _ENOUGH_STAVES:
        spacing = Spacing(float(np.median(roots)))
    else:
        slope, root = np.polyfit(ys, roots, 1)
        spacing = Spacing(float(root), float(slope))
    places = np.linspace(0, level.names.size - 1, 9).astype(int)
    wanted = spacing.at(level.names[places].astype(np.float64)) / row_px[places] / ROWS
    return spacing if max(wanted.max(), 1 / wanted.min()) > _UNEVEN else None


def _shrunk(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The page at a size at which staff spaces are found, and how many times smaller that is."""
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    height, width = (side // shrink for side in gray.shape)
    whole = gray[: height * shrink, : width * shrink]  # whole numbers shrink ten times faster
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8), shrink
