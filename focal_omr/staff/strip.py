"""Staff strips, the input of the network: one staff, straightened and scaled to fixed rows.

The same functions serve a crop, a staff of a page and the training images.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.errors import ImageError
from focal_omr.images.load import as_dark_on_light, decode_gray, load_gray, median_gray
from focal_omr.staff.find import Staff, find_staff

__all__ = [
    "MARGIN_SPACES",
    "MAX_STRIP_WIDTH_PX",
    "MIDDLE_LINE_PX",
    "MIN_PLAIN_WIDTH_PX",
    "PLAIN_HEIGHT_PX",
    "STAFF_SPACE_PX",
    "STRIP_HEIGHT_PX",
    "STRIP_SPACES",
    "Staff",
    "Strip",
    "as_dark_on_light",
    "decode_gray",
    "extract_strip",
    "find_staff",
    "load_gray",
    "normalise_ink",
    "plain_image",
    "staff_strip",
    "straighten",
    "strip_height",
    "to_page",
    "to_strip",
]

STRIP_SPACES = 4  # paper above and below the staff in a strip of the one-voice network
STAFF_SPACE_PX = 8  # distance of two staff lines in a strip
STRIP_HEIGHT_PX = 2 * (2 + STRIP_SPACES) * STAFF_SPACE_PX  # its rows: 96
MIDDLE_LINE_PX = STRIP_HEIGHT_PX // 2  # row of its middle line: the lines lie at rows 32, 40, 48, 56 and 64
PLAIN_HEIGHT_PX = 128  # rows of a plain image, the input of the 2018 paper
MIN_PLAIN_WIDTH_PX = 16  # one frame of its network
MARGIN_SPACES = 1.0  # paper kept left and right of the staff's ends
MAX_STRIP_WIDTH_PX = 8000  # a staff of 1000 spaces; a page's longest staves have 120

_EXACT_ROWS = 24  # rows between two that are mapped exactly
_MARGIN_PX = round(MARGIN_SPACES * STAFF_SPACE_PX)
_CELL_PX = 4  # the paper is estimated in cells of half a staff space: between two lines lies one
_PAPER_CELLS = 13  # ... as the lightest within 6.5 spaces, more than the widest multi-beam block
_INK_BINS, _LEAST_DARKNESS, _DARKNESS_RANGE = 256, -0.25, 1.25  # of the histogram of darkness


@dataclass(frozen=True)
class Strip:
    """A straightened staff, its middle line in the middle of the strip.

    Attributes:
        ink: (H, W) float32, 0 paper to 1 ink: 96 rows with the lines at 32, 40, 48, 56 and 64, or with six
            spaces around the staff 128 rows with the lines at 48, 56, 64, 72 and 80.
        staff: the staff in the source image.
    """

    ink: NDArray[np.float32]
    staff: Staff


@dataclass(frozen=True)
class _Geometry:
    """Map between strip pixels and image pixels, exact both ways.

    With e = (v - 48) / 8, the height below the middle line in staff spaces, and x0(u) the place of strip
    column u on the middle line:

        x = x0(u) - lean * e,    y = middle(x) + space(x) * e

    A skewed staff is thereby rotated, a curled one is straightened column by column.

    Attributes:
        staff: the staff in the image.
        slope: dy / dx of the staff as a whole.
        step_px: image pixels along x per strip column.
        lean_px: image pixels to the left per staff space downwards.
    """

    staff: Staff
    slope: float
    step_px: float
    lean_px: float

    @classmethod
    def of(cls, staff: Staff) -> "_Geometry":
        xs, ys = staff.xs.astype(np.float64), staff.middle_ys.astype(np.float64)
        xs, ys = xs - xs.mean(), ys - ys.mean()
        slope = float(xs @ ys / (xs @ xs))
        step_px = staff.space_px / (1 + slope**2) / STAFF_SPACE_PX
        return cls(staff, slope, step_px, staff.space_px * slope / (1 + slope**2))

    def middle(self, x_px: NDArray[Any]) -> NDArray[Any]:
        """y of the middle line (M,); beyond the ends of the staff it goes on with the slope of the whole."""
        xs, ys = self.staff.xs, self.staff.middle_ys
        beyond = x_px - np.clip(x_px, xs[0], xs[-1])
        return np.asarray(np.interp(x_px, xs, ys) + self.slope * beyond)

    def to_page(self, u: NDArray[Any], v: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Strip pixels -> image pixels, arrays of one shape such as (M,)."""
        below = (v - MIDDLE_LINE_PX) / STAFF_SPACE_PX
        x = self.staff.xs[0] + (u - _MARGIN_PX) * self.step_px - self.lean_px * below
        return x, self.middle(x) + self.staff.spaces_at(x) * below


def to_page(staff: Staff, x_px: Any, y_px: Any) -> tuple[Any, Any]:
    """Map strip pixels to pixels of the source image.

    Args:
        staff: the staff in the source image.
        x_px: column of the strip, a number or an array (M,).
        y_px: row of the strip, of the same shape.

    Returns:
        (x, y) in the source image, floats or arrays of that shape.
    """
    x, y = _Geometry.of(staff).to_page(np.asarray(x_px, np.float64), np.asarray(y_px, np.float64))
    return (x, y) if np.ndim(x) else (float(x), float(y))


def to_strip(staff: Staff, x_px: Any, y_px: Any) -> tuple[Any, Any]:
    """Map pixels of the source image to strip pixels; the inverse of `to_page`.

    Args:
        staff: the staff in the source image.
        x_px: column of the source image, a number or an array (M,).
        y_px: row of the source image, of the same shape.

    Returns:
        (column, row) of the strip, floats or arrays of that shape.
    """
    geometry = _Geometry.of(staff)
    x, y = np.asarray(x_px, np.float64), np.asarray(y_px, np.float64)
    below = (y - geometry.middle(x)) / staff.spaces_at(x)
    u = (x + geometry.lean_px * below - staff.xs[0]) / geometry.step_px + _MARGIN_PX
    v = below * STAFF_SPACE_PX + MIDDLE_LINE_PX
    return (u, v) if np.ndim(u) else (float(u), float(v))


def staff_strip(gray: NDArray[np.uint8], *, name: str = "image") -> Strip:
    """Find the staff of a crop and extract its strip: `find_staff` and `extract_strip` in one.

    Args:
        gray: (H, W) uint8 gray levels; light lines on a dark ground are read too.
        name: name of the image in error messages.

    Raises:
        NoStaffError: see `find_staff`.
        ImageError: see `extract_strip`.
    """
    gray = as_dark_on_light(gray)
    return extract_strip(gray, find_staff(gray, name=name, dark_on_light=True), name=name)


def strip_height(spaces: int) -> int:
    """Rows of a strip with this number of staff spaces above and below the staff."""
    return 2 * (2 + spaces) * STAFF_SPACE_PX


def extract_strip(
    gray: NDArray[np.uint8], staff: Staff, *, name: str = "image", spaces: int = STRIP_SPACES
) -> Strip:
    """Cut out, straighten and scale a staff, and normalise its ink.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
        staff: the staff in the image.
        name: name of the image in error messages.
        spaces: staff spaces above and below the staff; a strip of fewer spaces is the middle rows of one of
            more, apart from their normalisation.

    Returns:
        the strip; what lies outside the image is paper.

    Raises:
        ImageError: the strip would be wider than `MAX_STRIP_WIDTH_PX`.
    """
    geometry = _Geometry.of(staff)
    length_px = float(staff.xs[-1] - staff.xs[0])
    width = round(length_px / geometry.step_px) + 1 + 2 * _MARGIN_PX
    if width > MAX_STRIP_WIDTH_PX:
        raise ImageError(
            f"{name}: the staff is {length_px / staff.space_px:.0f} staff spaces long, which makes a strip "
            f"of {width} pixels; at most {MAX_STRIP_WIDTH_PX} are read"
        )
    # Exact in each 24th row and linear in between, which saves 3 ms per staff; a staff leans by less than a
    # pixel in eight rows, so the error is below 0.03 px.
    height = strip_height(spaces)
    coarse = np.arange(0, height + _EXACT_ROWS, _EXACT_ROWS, dtype=np.float32)
    coarse += MIDDLE_LINE_PX - height // 2
    part = (np.arange(_EXACT_ROWS, dtype=np.float32) / _EXACT_ROWS)[None, :, None]
    maps = []
    for exact in geometry.to_page(*np.meshgrid(np.arange(width, dtype=np.float32), coarse)):
        above = exact.astype(np.float32)[:, None, :]
        fine = above[:-1] + part * (above[1:] - above[:-1])
        maps.append(fine.reshape(-1, width)[:height])
    sampled = _sample(gray, maps[0], maps[1], scale=staff.space_px / STAFF_SPACE_PX)
    return Strip(normalise_ink(sampled), staff)


def straighten(
    gray: NDArray[np.uint8], staff: Staff, *, space_px: int, margin_spaces: int, half_spaces: int
) -> NDArray[np.uint8]:
    """Cut out and straighten a staff at any scale, its ink as it is.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
        staff: the staff in the image.
        space_px: distance of two staff lines in the result.
        margin_spaces: paper kept left and right of the staff's ends.
        half_spaces: paper kept above and below its middle line.

    Returns:
        (2 * half_spaces * space_px, W) uint8 gray levels; what lies outside the image is paper.
    """
    geometry = _Geometry.of(staff)
    step = STAFF_SPACE_PX / space_px  # strip pixels per pixel of the result
    length = float(staff.xs[-1] - staff.xs[0]) / geometry.step_px / step
    columns = np.arange(round(length) + 1 + 2 * margin_spaces * space_px) - margin_spaces * space_px
    rows = np.arange(2 * half_spaces * space_px) - half_spaces * space_px
    u, v = np.meshgrid(columns * step + _MARGIN_PX, rows * step + MIDDLE_LINE_PX)
    x, y = geometry.to_page(u, v)
    return _sample(gray, x.astype(np.float32), y.astype(np.float32), scale=staff.space_px / space_px)


def _sample(
    gray: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32], *, scale: float
) -> NDArray[np.uint8]:
    """Sample gray levels at (H, W) places (x, y), each averaged over about scale x scale pixels.

    Bilinear sampling alone drops thin lines when it shrinks. So the region is first shrunk by area, by an
    integer factor (others take ten times as long), to twice the strip's scale or more, then low-passed for
    the remaining factor, then sampled.
    """
    height, width = gray.shape
    left, top = max(0, int(x.min()) - 2), max(0, int(y.min()) - 2)
    right, bottom = min(width, int(x.max()) + 3), min(height, int(y.max()) + 3)
    whole = region = gray[top:bottom, left:right]
    shrink = max(1, int(scale / 2))
    if shrink > 1:
        rows, columns = (-side % shrink for side in region.shape)  # missing
        region = cv2.copyMakeBorder(region, 0, rows, 0, columns, cv2.BORDER_REPLICATE)
        size = region.shape[1] // shrink, region.shape[0] // shrink
        region = cv2.resize(region, size, interpolation=cv2.INTER_AREA)
    left_over = scale / shrink
    if left_over > 1.05:
        # A box of 2 px has a standard deviation of 0.58; 0.35 * sqrt(2^2 - 1) = 0.6.
        sigma = 0.35 * float(np.sqrt(left_over**2 - 1))
        side = max(5, 2 * int(np.ceil(2.5 * sigma)) + 1)
        region = cv2.GaussianBlur(region, (side, side), sigma)
    map_x = x * np.float32(1 / shrink) + np.float32((0.5 - left) / shrink - 0.5)
    map_y = y * np.float32(1 / shrink) + np.float32((0.5 - top) / shrink - 0.5)
    inside = (
        min(map_x.min(), map_y.min()) >= 0
        and map_x.max() <= region.shape[1] - 1
        and map_y.max() <= region.shape[0] - 1
    )
    # Beyond the edges lies paper.
    paper = 0.0 if inside else median_gray(whole)  # the histogram takes as long as sampling
    sampled = cv2.remap(
        region, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=paper
    )
    return np.asarray(sampled, np.uint8)


def normalise_ink(gray: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert gray levels at the strip's scale to ink: uneven light flattened, contrast stretched.

    Every caller that makes a strip, the training augmentation too, ends with this function.

    Args:
        gray: (H, W) gray levels 0 to 255, light paper, staff space 8 px.

    Returns:
        (H, W) float32, 0 paper to 1 ink. Paper without ink stays near 0: what differs from the paper by less
        than a quarter of its brightness is never stretched to full ink.
    """
    values = np.ascontiguousarray(gray, np.float32)
    height, width = values.shape
    # The paper is a closing over 6.5 staff spaces, on means over cells, else it would follow the lightest
    # grain of a noisy image.
    size = (max(1, round(width / _CELL_PX)), max(1, round(height / _CELL_PX)))
    cells = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    kernel = np.ones((_PAPER_CELLS, _PAPER_CELLS), np.uint8)
    closed = cv2.morphologyEx(cells, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.blur(closed, (3, 3), borderType=cv2.BORDER_REPLICATE)
    paper = cv2.max(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), 1.0)
    darkness = np.asarray(cv2.subtract(1.0, cv2.divide(values, paper)), np.float32)
    # Paper is the most frequent thing in a strip (70 to 90 % of its pixels), so its middle and, on the light
    # side where no ink is, its spread are quantiles. Full ink is the darkest 0.5 %: note heads, clef, beams.
    levels = (darkness - np.float32(_LEAST_DARKNESS)) * np.float32(_INK_BINS / _DARKNESS_RANGE)
    levels = np.clip(levels, 0, _INK_BINS - 1).astype(np.uint8)
    counts = np.cumsum(cv2.calcHist([levels], [0], None, [_INK_BINS], [0, _INK_BINS]).ravel())
    spread_at, paper_at, ink_at = np.searchsorted(counts, counts[-1] * np.array([0.16, 0.5, 0.995]))
    middle = _LEAST_DARKNESS + (paper_at + 1) * _DARKNESS_RANGE / _INK_BINS
    spread = (paper_at - spread_at) * _DARKNESS_RANGE / _INK_BINS
    low = middle + 1.5 * spread
    # Observed: printed ink has a darkness of 0.6 to 0.9 after scaling, a faint pencil copy 0.3, the grain of
    # empty camera paper 0.02 to 0.1.
    high = max(_LEAST_DARKNESS + ink_at * _DARKNESS_RANGE / _INK_BINS, middle + 0.25, middle + 6 * spread)
    scaled = (darkness - np.float32(low)) * np.float32(1 / (high - low))
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def plain_image(gray: NDArray[np.uint8], *, name: str = "image") -> NDArray[np.float32]:
    """Scale a whole image to height 128, the input of the 2018 paper's network; no staff is located.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
        name: name of the image in error messages.

    Returns:
        (128, W * 128 / H) float32, (255 - gray) / 255: ink 1, paper 0.

    Raises:
        ImageError: the result would be narrower than `MIN_PLAIN_WIDTH_PX` or wider than `MAX_STRIP_WIDTH_PX`.
    """
    height, width = gray.shape
    size = (round(width * PLAIN_HEIGHT_PX / height), PLAIN_HEIGHT_PX)
    if not MIN_PLAIN_WIDTH_PX <= size[0] <= MAX_STRIP_WIDTH_PX:
        raise ImageError(
            f"{name}: {width} x {height} pixels are {size[0]} x {size[1]} for this network, which reads "
            f"widths from {MIN_PLAIN_WIDTH_PX} to {MAX_STRIP_WIDTH_PX}"
        )
    scaled = cv2.resize(
        gray, size, interpolation=cv2.INTER_AREA if height > PLAIN_HEIGHT_PX else cv2.INTER_LINEAR
    )
    return np.asarray((255 - scaled.astype(np.float32)) / 255, np.float32)
