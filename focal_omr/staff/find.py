"""Staff finder for a crop, the image of a single staff.

1. The staff space is estimated, and a working image made in which it has a fixed size.
2. A comb of five teeth is led through it; of several staves the complete one nearest the centre is taken.
3. The lines are traced along that path, and judged.

Pages have a finder of their own (`focal_omr.page.search`). Both share the estimate of the space, the search
for the best path, the tracer and the verdict. They differ in what a comb meets: here ridges are clipped at
one limit for the whole crop and a path crosses all of it; a page compares contrast locally, tries combs of
several sizes, and has staves side by side.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import NoStaffError
from focal_omr.images.load import as_dark_on_light
from focal_omr.staff.comb_path import BLOCK, comb_paths
from focal_omr.staff.lines import Trace, trace_lines
from focal_omr.staff.space import space_candidates
from focal_omr.staff.verdict import describe_lines, is_covered_staff, is_staff
from focal_omr.staff.working_image import (
    WorkingImage,
    make_working_image,
    resample,
    to_ridges,
    without_thick,
)

__all__ = ["Staff", "find_staff"]


@dataclass(frozen=True)
class Staff:
    """Position of a staff in an image, in pixels (the centre of a pixel has integer coordinates).

    Attributes:
        xs: (N,) float32, increasing, N >= 2; from the left end of the lines to their right end.
        middle_ys: (N,) float32, y of the middle line at `xs`, straight in between.
        space_px: distance of two neighbouring lines, measured along y; the mean where it varies.
        spaces_px: (N,) float32, that distance at `xs`, straight in between (photographs: perspective, curl);
            None where it is the same everywhere.
    """

    xs: NDArray[np.float32]
    middle_ys: NDArray[np.float32]
    space_px: float
    spaces_px: NDArray[np.float32] | None = None

    def spaces_at(self, xs: NDArray[Any]) -> NDArray[np.float64] | float:
        """Distance of two lines in pixels at columns (M,)."""
        return self.space_px if self.spaces_px is None else np.interp(xs, self.xs, self.spaces_px)


def find_staff(gray: NDArray[np.uint8], *, name: str = "image", dark_on_light: bool = False) -> Staff:
    """Find the complete staff of five lines nearest the vertical centre of a crop.

    Args:
        gray: (H, W) uint8 gray levels; light lines on a dark ground are found too.
        name: name of the image in error messages.
        dark_on_light: the paper is known to be light; skips the check.

    Returns:
        the staff, from the left to the right end of its lines.

    Raises:
        NoStaffError: no five parallel lines at one distance; the message says what was seen.
    """
    gray = gray if dark_on_light else as_dark_on_light(gray)
    seen: list[tuple[Trace, WorkingImage]] = []
    for space_px in space_candidates(gray):
        work = make_working_image(gray, space_px=space_px)
        rows, cells = work.darkness.shape
        size = (max(1, round(cells / BLOCK)), rows)
        ridges = to_ridges(cv2.resize(without_thick(work.darkness), size, interpolation=cv2.INTER_AREA), 3)
        paths = [resample(path.astype(np.float32), cells) for path in comb_paths(ridges)]
        traces = [trace_lines(work.darkness, path) for path in paths]
        if good := [trace for trace in traces if is_staff(trace)]:
            longest = max(trace.last - trace.first for trace in good)
            rivals = [trace for trace in good if trace.last - trace.first >= 0.5 * longest]
            centre = rows / 2
            nearest = min(rivals, key=lambda t: abs(float(t.middle[t.first : t.last + 1].mean()) - centre))
            return _to_staff(nearest, work)
        seen += [(trace, work) for trace in traces]
    for trace, work in seen:
        if is_covered_staff(trace):
            return _to_staff(trace, work)
    raise NoStaffError(
        f"{name}: no staff of five lines: {describe_lines(gray, [trace for trace, _ in seen])}"
    )


def _to_staff(trace: Trace, work: WorkingImage) -> Staff:
    """Convert cells and rows of a working image to pixels, with one point per block."""
    points = max(2, round((trace.last - trace.first) / BLOCK))
    cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points)
    rows = np.interp(cells, np.arange(trace.middle.size), trace.middle)
    spaces = (np.interp(cells, np.arange(trace.space.size), trace.space) * work.row_px).astype(np.float32)
    xs, ys = (cells + 0.5) * work.cell_px - 0.5, (rows + 0.5) * work.row_px - 0.5
    return Staff(xs.astype(np.float32), ys.astype(np.float32), float(spaces.mean()), spaces)
