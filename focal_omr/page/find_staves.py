"""Staff finder for a page: all staves of five lines, and other ruled lines.

The page is dewarped and scaled to a working image (`dewarp`), combs of five teeth are led over it (`combs`),
the lines along each path are traced and judged like those of a crop (`search`), and then examined at full
resolution (`line_test`).
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.images.load import as_dark_on_light
from focal_omr.page.dewarp import Spacing, dewarp, dewarp_staff, estimate_curves, level_page, warp_back
from focal_omr.page.other_lines import OtherLines, find_other_lines
from focal_omr.page.paper import Mask, find_sheet
from focal_omr.page.search import SearchResult, search
from focal_omr.staff.find import Staff
from focal_omr.staff.space import space_candidates
from focal_omr.staff.verdict import describe_lines
from focal_omr.staff.working_image import ROWS

__all__ = ["OtherLines", "PageStaves", "SmallPage", "find_staves"]

_LONG_SIDE_PX = 1600  # of the image in which slopes and staff spaces are estimated: a space has 5 to 12 px
_SURE_SPACES = 60  # rows of staves look like the lines of a huge one, which is 8 spaces long
_ENOUGH_STAVES = 3  # to tell how the staff space changes down the page
_UNEVEN = 1.08  # a staff space to that of the search, anywhere on the page
_FAINT = 0.35  # of the median contrast of a page's staves
_COARSE = 1.5  # of the median flatness


@dataclass(frozen=True)
class PageStaves:
    """The staves of a page.

    Attributes:
        staves: from top to bottom, in a row from left to right.
        others: ruled lines that are reported and not read.
        seen: where there is no staff, what was seen instead, as the text of a `NoStaffError`; else empty.
    """

    staves: tuple[Staff, ...]
    others: tuple[OtherLines, ...] = field(default=())
    seen: str = ""


@dataclass(frozen=True)
class SmallPage:
    """A page at the size at which slopes and staff spaces are estimated, with paper in place of a desk.

    Attributes:
        gray: (H, W) uint8 gray levels.
        shrink: how many times smaller it is than the page.
        sheet: (H, W) True on the sheet; None where it fills the page.
    """

    gray: NDArray[np.uint8]
    shrink: int
    sheet: Mask | None

    @classmethod
    def of(cls, gray: NDArray[np.uint8]) -> "SmallPage":
        """Shrink a page of (H, W) uint8 gray levels with light paper."""
        shrink = max(1, -(-max(gray.shape) // _LONG_SIDE_PX))
        height, width = (max(1, side // shrink) for side in gray.shape)
        whole = gray[: height * shrink, : width * shrink]  # integer factors are ten times faster
        small = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        sheet = find_sheet(small)
        if sheet is not None:
            small = np.where(sheet, small, np.uint8(np.median(small[sheet])))
        return cls(small, shrink, sheet)


def find_staves(
    gray: NDArray[np.uint8], *, small: SmallPage | None = None, name: str = "image"
) -> PageStaves:
    """Find all staves of five lines on a page.

    Args:
        gray: (H, W) uint8 gray levels of an upright page at 70 to 600 dpi, printed or photographed; light
            lines on a dark ground are found too, where `small` is not given.
        small: the same page, shrunk; made here by default.
        name: name of the image in `seen`.

    Returns:
        the staves in pixels of the image; the reason where there are none.
    """
    if small is None:
        gray = as_dark_on_light(gray)
        small = SmallPage.of(gray)
    curves = estimate_curves(small.gray)
    level_small = small.gray if curves is None else dewarp(small.gray, curves)
    page_curves = None if curves is None else curves.scaled(small.shrink)
    results: list[SearchResult] = []
    for space_px in space_candidates(level_small):
        spacing = Spacing(float(np.sqrt(space_px * small.shrink)))
        results.append(search(gray, level_page(gray, page_curves, spacing), small.sheet))
        lengths = results[-1].lengths_spaces
        if sum(lengths) >= _SURE_SPACES and max(lengths) >= _SURE_SPACES / 2:
            break
    best = max(results, key=lambda result: sum(result.lengths_spaces), default=None)
    if best is not None and best.found and (better := _better_spacing(best)) is not None:
        again = search(gray, level_page(gray, page_curves, better), small.sheet)
        best = again if sum(again.lengths_spaces) >= sum(best.lengths_spaces) else best
    staves = _clear_staves(best) if best is not None and best.found else []
    shrink, others = small.shrink, []
    for other in find_other_lines(level_small, [dewarp_staff(staff, curves, shrink) for staff in staves]):
        left, top, right, bottom = other.box
        ys = np.array([top, top, bottom, bottom], np.float32)
        if curves is not None:
            ys = warp_back(np.array([left, right, left, right], np.float32), ys, curves)
        box = (left * shrink, float(ys.min()) * shrink, right * shrink, float(ys.max()) * shrink)
        others.append(OtherLines(box, other.kind, other.reason))
    if staves:
        return PageStaves(tuple(staves), tuple(others))
    traces = [trace for result in results for trace in result.others]
    seen = f"{name}: no staff of five lines: {describe_lines(gray, traces)}"
    return PageStaves((), tuple(others), seen)


def _better_spacing(result: SearchResult) -> Spacing | None:
    """The staff space of the staves that were found and its change down the page.

    None where the search went by nearly that already.
    """
    level = result.level
    row_px = np.gradient(level.names.astype(np.float64))
    traces = [each.trace for each in result.found]
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


def _clear_staves(result: SearchResult) -> list[Staff]:
    """The staves without what is much fainter or coarser, from top to bottom, in a row from left to right.

    The first shows through from the back of the sheet, the second is the grain of the desk it lies on: in
    one of 12 photographs on a wooden desk a flatness of 0.72, where that of the staves was 0.4. Two staves
    stand in a row where one goes on at the height of the other, along its slope.
    """
    contrast = float(np.median([each.strokes.contrast for each in result.found]))
    flatness = float(np.median([each.strokes.flatness for each in result.found]))
    coarse = max(_COARSE * flatness, 0.65)
    clear = [
        each.staff
        for each in result.found
        if each.strokes.contrast >= _FAINT * contrast and each.strokes.flatness <= coarse
    ]

    def in_a_row(one: Staff, other: Staff) -> bool:
        left, right = sorted((one, other), key=lambda staff: float(staff.xs[0]))
        slope = float((left.middle_ys[-1] - left.middle_ys[0]) / (left.xs[-1] - left.xs[0]))
        gap = float(right.xs[0] - left.xs[-1])
        step = float(right.middle_ys[0] - left.middle_ys[-1]) - slope * gap
        return gap > -left.space_px and abs(step) < 2 * left.space_px

    rows: list[list[Staff]] = []
    for staff in sorted(clear, key=lambda staff: float(staff.middle_ys.mean())):
        row = next((row for row in rows if all(in_a_row(staff, other) for other in row)), None)
        if row is None:
            rows.append([staff])
        else:
            row.append(staff)
    return [staff for row in rows for staff in sorted(row, key=lambda staff: float(staff.xs[0]))]
