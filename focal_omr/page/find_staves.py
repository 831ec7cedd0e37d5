"""Every staff of a page, and what is ruled but no staff of five lines.

The page is levelled (`level`), combs of five teeth are led over it (`combs`), and along each path the lines
are measured and judged as those of a crop are (`search`, `staff_lines`), then looked at closely (`strokes`).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.images.load import as_dark_on_light
from focal_omr.page.dewarp import Curves, Spacing, find_curves, level_picture, levelled, to_level, to_page
from focal_omr.page.other_lines import OtherLines, find_others
from focal_omr.page.paper import Mask, find_sheet, on_paper_alone
from focal_omr.page.search import Searched, search
from focal_omr.staff.find import Staff
from focal_omr.staff.space import space_candidates
from focal_omr.staff.verdict import what_was_seen
from focal_omr.staff.working_image import ROWS

__all__ = ["OtherLines", "PageStaves", "SmallPage", "find_staves", "find_staves_on"]

_LONG_SIDE_PX = (
    1600  # of the picture in which slopes and staff spaces are found: there a space has 5 to 12 px
)
_SURE_SPACES = 60  # rows of staves look like the lines of a huge one, which is 8 spaces long
_ENOUGH_STAVES = 3  # to say how the staff space changes down the page
_UNEVEN = 1.08  # a staff space to that of the search, anywhere on the page
_FAINT = 0.35  # of the usual contrast of a page's staves
_COARSE = 1.5  # of the usual flatness


@dataclass(frozen=True)
class PageStaves:
    """What was found on a page.

    Attributes:
        staves: from top to bottom, in a row from left to right.
        others: ruled lines that are reported and not read.
        seen: where there is no staff, what was seen instead, as in the text of a `NoStaffError`; else empty.
    """

    staves: tuple[Staff, ...]
    others: tuple[OtherLines, ...] = field(default=())
    seen: str = ""


def find_staves(gray: NDArray[np.uint8], *, name: str = "image") -> PageStaves:
    """Find every staff of five lines on a page.

    Args:
        gray: (H, W) gray values of an upright page at 70 to 600 dpi, printed or photographed; light lines on
            dark ground are found too.
        name: what `seen` calls the picture.

    Returns:
        staves in pixels of the picture; none, and the reason, where there are none.
    """
    gray = as_dark_on_light(gray)
    return find_staves_on(gray, SmallPage.of(gray), name=name)


@dataclass(frozen=True)
class SmallPage:
    """A page at a size at which slopes and staff spaces are found, with paper in the place of a desk.

    Attributes:
        gray: (H, W).
        shrink: How many times smaller that is.
        sheet: Where the sheet is; None where it fills the page.
    """

    gray: NDArray[np.uint8]
    shrink: int
    sheet: Mask | None

    @classmethod
    def of(cls, gray: NDArray[np.uint8]) -> "SmallPage":
        """Of a page whose paper is light."""
        small, shrink = _shrunk(gray)
        sheet = find_sheet(small)
        return cls(small if sheet is None else on_paper_alone(small, sheet), shrink, sheet)


def find_staves_on(gray: NDArray[np.uint8], page: SmallPage, *, name: str = "image") -> PageStaves:
    """`find_staves` on a page whose paper is light, and that was looked at from afar."""
    small, shrink, sheet = page.gray, page.shrink, page.sheet
    curves = find_curves(small)
    level_small = small if curves is None else levelled(small, curves)
    page_curves = None if curves is None else curves.scaled(shrink)
    tried: list[Searched] = []
    for space in space_candidates(level_small):
        spacing = Spacing(float(np.sqrt(space * shrink)))
        tried.append(search(gray, level_picture(gray, page_curves, spacing), sheet))
        if tried[-1].length_spaces >= _SURE_SPACES and tried[-1].longest_spaces >= _SURE_SPACES / 2:
            break
    best = max(tried, key=lambda searched: searched.length_spaces, default=None)
    if best is not None and best.found and (better := _better_spacing(best)) is not None:
        again = search(gray, level_picture(gray, page_curves, better), sheet)
        best = again if again.length_spaces >= best.length_spaces else best
    staves = _in_order(_clear(best)) if best is not None else []
    others = find_others(level_small, [to_level(staff, curves, shrink) for staff in staves])
    boxed = tuple(_on_page(other, curves, shrink) for other in others)
    if staves:
        return PageStaves(tuple(staves), boxed)
    traces = [trace for searched in tried for trace in searched.others]
    return PageStaves((), boxed, f"{name}: no staff of five lines: {what_was_seen(gray, traces)}")


def _shrunk(gray: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The page at a size at which staff spaces are found, and how many times smaller that is."""
    shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
    height, width = (max(1, side // shrink) for side in gray.shape)
    whole = gray[: height * shrink, : width * shrink]  # whole numbers shrink ten times faster
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8), shrink


def _better_spacing(found: Searched) -> Spacing | None:
    """The staff space of the staves that were found, and how it changes down the page.

    None where the search went by nearly that already.
    """
    level = found.level
    row_px = np.gradient(level.names.astype(np.float64))
    traces = [each.trace for each in found.found]
    rows = np.array([t.middle[t.first : t.last + 1].mean() for t in traces])
    sizes = np.array([t.space[t.first : t.last + 1].mean() for t in traces])
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


def _clear(found: Searched) -> list[Staff]:
    """The staves without what is much fainter or coarser than the others.

    The first shows through from the back of the sheet, the second is the grain of the desk it lies on: in
    one of 12 photographs on a wooden desk a flatness of 0.72, where that of the staves was 0.4.
    """
    if not found.found:
        return []
    contrast = float(np.median([each.strokes.contrast for each in found.found]))
    flatness = float(np.median([each.strokes.flatness for each in found.found]))
    coarse = max(_COARSE * flatness, 0.65)
    clear = [
        s for s in found.found if s.strokes.contrast >= _FAINT * contrast and s.strokes.flatness <= coarse
    ]
    return [each.staff for each in clear]


def _in_order(staves: list[Staff]) -> list[Staff]:
    """From top to bottom, in a row from left to right.

    Two staves stand in a row where one goes on at the height of the other, along its slope.
    """
    rows: list[list[Staff]] = []
    for staff in sorted(staves, key=_height):
        row = next((row for row in rows if all(_beside(staff, other) for other in row)), None)
        if row is None:
            rows.append([staff])
        else:
            row.append(staff)
    return [staff for row in rows for staff in sorted(row, key=lambda staff: float(staff.xs[0]))]


def _height(staff: Staff) -> float:
    return float(staff.middle_ys.mean())


def _beside(one: Staff, other: Staff) -> bool:
    left, right = sorted((one, other), key=lambda staff: float(staff.xs[0]))
    slope = float((left.middle_ys[-1] - left.middle_ys[0]) / (left.xs[-1] - left.xs[0]))
    gap = float(right.xs[0] - left.xs[-1])
    step = float(right.middle_ys[0] - left.middle_ys[-1]) - slope * gap
    return gap > -left.space_px and abs(step) < 2 * left.space_px


def _on_page(other: OtherLines, curves: Curves | None, shrink: int) -> OtherLines:
    left, top, right, bottom = other.box
    xs = np.array([left, right, left, right], np.float32)
    ys = to_page(xs, np.array([top, top, bottom, bottom], np.float32), curves)
    box = (left * shrink, float(ys.min()) * shrink, right * shrink, float(ys.max()) * shrink)
    return OtherLines(box, other.kind, other.reason)
