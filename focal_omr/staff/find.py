"""Where a staff lies in a picture.

1. The staff space (`space`), and a working picture in which it has a fixed size (`work`).
2. The staff: a comb of five teeth is led through the picture (`path`); of several staves the complete one
   nearest the centre is taken.
3. The lines: the picture is straightened along that path, each line's ridge is measured against the path,
   a smooth curve is fitted to what most lines say, and the ends are looked for (`lines`, `verdict`).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import NoStaffError
from focal_omr.images.load import as_dark_on_light
from focal_omr.staff.comb_path import BLOCK, comb_paths
from focal_omr.staff.lines import Trace, refine
from focal_omr.staff.space import space_candidates
from focal_omr.staff.verdict import is_covered, is_staff, what_was_seen
from focal_omr.staff.working_image import Floats, Work, to_cells, to_ridges, without_thick, work_picture

__all__ = ["Staff", "find_staff"]


@dataclass(frozen=True)
class Staff:
    """Where a staff lies in a picture, in that picture's pixels (a pixel's centre has whole coordinates).

    Attributes:
        xs: (N,) increasing, N >= 2; the first is the left end of the lines, the last their right end.
        middle_ys: (N,) y of the middle line at xs, straight between them.
        space_px: distance of two neighbouring lines, measured along y; the mean where it varies.
        spaces_px: (N,) that distance at xs, straight between them (photographs: perspective, curl), or None
            where it is the same everywhere.
    """

    xs: NDArray[np.float32]
    middle_ys: NDArray[np.float32]
    space_px: float
    spaces_px: NDArray[np.float32] | None = None


def find_staff(gray: NDArray[np.uint8], *, name: str = "image", dark_on_light: bool = False) -> Staff:
    """Find the complete staff of five lines nearest the vertical centre of a crop.

    Args:
        gray: (H, W) gray values; light lines on dark ground are found too.
        name: what an error message calls the picture.
        dark_on_light: whether it is known to be, and need not be looked at for that.

    Returns:
        the staff, from the left to the right end of its lines.

    Raises:
        NoStaffError: no five parallel lines at one distance; the message says what was seen.
    """
    gray = gray if dark_on_light else as_dark_on_light(gray)
    seen: list[tuple[Trace, Work]] = []
    for space_px in space_candidates(gray):
        work = work_picture(gray, space_px=space_px)
        traces = _traces(work.darkness)
        good = [trace for trace in traces if is_staff(trace)]
        if good:
            return _to_picture(_nearest_centre(good, work.darkness.shape[0]), work)
        seen += [(trace, work) for trace in traces]
    for trace, work in seen:
        if is_covered(trace):
            return _to_picture(trace, work)
    raise NoStaffError(f"{name}: no staff of five lines: {what_was_seen(gray, [trace for trace, _ in seen])}")


def _traces(work: Floats) -> list[Trace]:
    """All candidates in a working picture (rows, cells)."""
    rows, cells = work.shape
    blocks = max(1, round(cells / BLOCK))
    ridges = to_ridges(cv2.resize(without_thick(work), (blocks, rows), interpolation=cv2.INTER_AREA), 3)
    return [refine(work, to_cells(path.astype(np.float32), cells)) for path in comb_paths(ridges)]


def _nearest_centre(traces: list[Trace], rows: int) -> Trace:
    longest = max(trace.last - trace.first for trace in traces)
    rivals = [trace for trace in traces if trace.last - trace.first >= 0.5 * longest]
    return min(rivals, key=lambda t: abs(float(t.middle[t.first : t.last + 1].mean()) - rows / 2))


def _to_picture(trace: Trace, work: Work) -> Staff:
    """From cells and rows of the working picture to pixels, one point for each two spaces of length."""
    points = max(2, round((trace.last - trace.first) / BLOCK))
    cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points)
    rows = np.interp(cells, np.arange(trace.middle.size), trace.middle)
    spaces = (np.interp(cells, np.arange(trace.space.size), trace.space) * work.row_px).astype(np.float32)
    xs, ys = (cells + 0.5) * work.cell_px - 0.5, (rows + 0.5) * work.row_px - 0.5
    return Staff(xs.astype(np.float32), ys.astype(np.float32), float(spaces.mean()), spaces)
