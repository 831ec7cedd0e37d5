"""The preprocessing: a picture becomes a staff strip, the one thing the network sees.

A strip holds one staff, straightened and scaled so that its five lines lie at fixed rows. The same
functions serve a crop, a staff of a page and the training pictures.
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
    "Staff",
    "Strip",
    "as_dark_on_light",
    "decode_gray",
    "extract_strip",
    "find_staff",
    "load_gray",
    "normalise_ink",
    "plain_picture",
    "staff_strip",
    "straighten",
    "to_page",
]

STRIP_HEIGHT_PX = 96  # rows of a strip
STAFF_SPACE_PX = 8  # distance of two staff lines in a strip
MIDDLE_LINE_PX = 48  # row of the middle line: the lines lie at rows 32, 40, 48, 56 and 64
PLAIN_HEIGHT_PX = 128  # rows of a plain picture, the input of the 2018 paper
MIN_PLAIN_WIDTH_PX = 16  # one frame of its network
MARGIN_SPACES = 1.0  # paper kept left and right of the staff's ends
MAX_STRIP_WIDTH_PX = 8000  # a staff of 1000 spaces; a page's longest staves have 120

_EXACT_ROWS = 24  # see `_page_map`
_MARGIN_PX = round(MARGIN_SPACES * STAFF_SPACE_PX)
_CELL_PX = 4  # normalise_ink looks for paper in cells of half a staff space: between two lines lies one
_PAPER_CELLS = 13  # ... and takes the lightest within 6.5 spaces, more than the widest multi-beam block


@dataclass(frozen=True)
class _Geometry:
    """The map between strip pixels and picture pixels, exact both ways.

    With e = (v - 48) / 8, the height below the middle line in staff spaces, and x0(u) the place of strip
    column u on the middle line:

        x = x0(u) - lean * e,    y = middle(x) + space(x) * e

    A skewed staff is thereby rotated, a curled one is straightened column by column.
    """

    staff: Staff
    slope: float  # dy / dx of the staff as a whole

    @property
    def step_px(self) -> float:
        """Picture pixels along x per strip column."""
        return self.staff.space_px / (1 + self.slope**2) / STAFF_SPACE_PX

    @property
    def lean_px(self) -> float:
        """Picture pixels to the left per staff space downwards."""
        return self.staff.space_px * self.slope / (1 + self.slope**2)

    def middle(self, x_px: NDArray[Any]) -> NDArray[Any]:
        """y of the middle line; beyond the staff's ends it goes on with the slope of the whole."""
        xs, ys = self.staff.xs, self.staff.middle_ys
        beyond = x_px - np.clip(x_px, xs[0], xs[-1])
        return np.asarray(np.interp(x_px, xs, ys) + self.slope * beyond)

    def space(self, x_px: NDArray[Any]) -> NDArray[Any] | float:
        """Distance of two lines, measured along y."""
        if self.staff.spaces_px is None:
            return self.staff.space_px
        return np.asarray(np.interp(x_px, self.staff.xs, self.staff.spaces_px))

    def to_page(self, u: NDArray[Any], v: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        below = (v - MIDDLE_LINE_PX) / STAFF_SPACE_PX
        x = self.staff.xs[0] + (u - _MARGIN_PX) * self.step_px - self.lean_px * below
        return x, self.middle(x) + self.space(x) * below

    def to_strip(self, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        below = (y - self.middle(x)) / self.space(x)
        u = (x + self.lean_px * below - self.staff.xs[0]) / self.step_px + _MARGIN_PX
        return u, below * STAFF_SPACE_PX + MIDDLE_LINE_PX


@dataclass(frozen=True)
class Strip:
    """A staff, straightened: its lines lie at rows 32, 40, 48, 56 and 64.

    Attributes:
        ink: (96, W) from 0 for paper to 1 for ink.
        staff: the staff in the source picture.
    """

    ink: NDArray[np.float32]
    staff: Staff

    def to_page(self, x_px: Any, y_px: Any) -> tuple[Any, Any]:
        """Strip pixel (column, row) -> pixel (x, y) of the source picture; numbers or arrays of one shape."""
        return to_page(self.staff, x_px, y_px)

    def to_strip(self, x_px: Any, y_px: Any) -> tuple[Any, Any]:
        """Pixel (x, y) of the source picture -> strip pixel (column, row); the inverse of `to_page`."""
        return to_strip(self.staff, x_px, y_px)


def to_page(staff: Staff, x_px: Any, y_px: Any) -> tuple[Any, Any]:
    """Pixel (column, row) of a staff's strip -> (x, y) of its picture; numbers or arrays of one shape."""
    x, y = _geometry(staff).to_page(np.asarray(x_px, np.float64), np.asarray(y_px, np.float64))
    return (x, y) if np.ndim(x) else (float(x), float(y))


def to_strip(staff: Staff, x_px: Any, y_px: Any) -> tuple[Any, Any]:
    """Pixel (x, y) of a staff's picture -> (column, row) of its strip; the inverse of `to_page`."""
    x, y = _geometry(staff).to_strip(np.asarray(x_px, np.float64), np.asarray(y_px, np.float64))
    return (x, y) if np.ndim(x) else (float(x), float(y))


def _geometry(staff: Staff) -> _Geometry:
    xs, ys = staff.xs.astype(np.float64), staff.middle_ys.astype(np.float64)
    xs, ys = xs - xs.mean(), ys - ys.mean()
    return _Geometry(staff, float(xs @ ys / (xs @ xs)))


def staff_strip(gray: NDArray[np.uint8], *, name: str = "image") -> Strip:
    """Find the staff of a crop and extract its strip: `find_staff` and `extract_strip` in one.

    Args:
        gray: (H, W) gray values; light lines on dark ground are read too.
        name: what an error message calls the picture.

    Raises:
        NoStaffError: see `find_staff`.
        ImageError: see `extract_strip`.
    """
    gray = as_dark_on_light(gray)
    return extract_strip(gray, find_staff(gray, name=name, dark_on_light=True), name=name)


def extract_strip(gray: NDArray[np.uint8], staff: Staff, *, name: str = "image") -> Strip:
    """Cut out, straighten and scale a staff, and normalise its ink.

    Args:
        gray: (H, W) the picture, paper light.
        staff: where its staff lies.
        name: what an error message calls the picture.

    Returns:
        the strip; what lies outside the picture is paper.

    Raises:
        ImageError: the strip would be wider than `MAX_STRIP_WIDTH_PX`.
    """
    geometry = _geometry(staff)
    length_px = float(staff.xs[-1] - staff.xs[0])
    width = round(length_px / geometry.step_px) + 1 + 2 * _MARGIN_PX
    if width > MAX_STRIP_WIDTH_PX:
        raise ImageError(
            f"{name}: the staff is {length_px / staff.space_px:.0f} staff spaces long, which makes a strip "
            f"of {width} pixels; at most {MAX_STRIP_WIDTH_PX} are read"
        )
    x, y = _page_map(geometry, width)
    return Strip(normalise_ink(_sample(gray, x, y, scale=staff.space_px / STAFF_SPACE_PX)), staff)


def straighten(
    gray: NDArray[np.uint8], staff: Staff, *, space_px: int, margin_spaces: int, half_spaces: int
) -> NDArray[np.uint8]:
    """Cut out and straighten a staff at any scale, its ink as it is.

    Args:
        gray: (H, W) the picture, paper light.
        staff: where its staff lies.
        space_px: distance of two staff lines in the result.
        margin_spaces: what is kept left and right of the staff's ends.
        half_spaces: what is kept above and below its middle line.

    Returns:
        (2 * half_spaces * space_px, W) gray values; what lies outside the picture is paper.
    """
    geometry = _geometry(staff)
    step = STAFF_SPACE_PX / space_px  # strip pixels in a pixel of the result
    length = float(staff.xs[-1] - staff.xs[0]) / geometry.step_px / step
    columns = np.arange(round(length) + 1 + 2 * margin_spaces * space_px) - margin_spaces * space_px
    rows = np.arange(2 * half_spaces * space_px) - half_spaces * space_px
    u, v = np.meshgrid(columns * step + _MARGIN_PX, rows * step + MIDDLE_LINE_PX)
    x, y = geometry.to_page(u, v)
    return _sample(gray, x.astype(np.float32), y.astype(np.float32), scale=staff.space_px / space_px)


def _page_map(geometry: _Geometry, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(96, W) picture coordinates x and y of each strip pixel.

    Exact in each 24th row and straight between them, which saves 3 ms for each staff; a staff leans by less
    than a pixel in eight rows, so it deviates by less than 0.03 px.
    """
    coarse = np.arange(0, STRIP_HEIGHT_PX + 1, _EXACT_ROWS, dtype=np.float32)
    u, v = np.meshgrid(np.arange(width, dtype=np.float32), coarse)
    part = (np.arange(_EXACT_ROWS, dtype=np.float32) / _EXACT_ROWS)[None, :, None]
    maps = []
    for exact in geometry.to_page(u, v):
        above = exact.astype(np.float32)[:, None, :]
        fine = above[:-1] + part * (above[1:] - above[:-1])
        maps.append(fine.reshape(STRIP_HEIGHT_PX, width))
    return maps[0], maps[1]


def _sample(
    gray: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32], *, scale: float
) -> NDArray[np.uint8]:
    """The gray values at (x, y), each averaged over about scale x scale pixels.

    Bilinear sampling alone drops thin lines when it shrinks. So the region is first shrunk by area, by a
    whole number (others take ten times as long), to twice the strip's scale or more, then low-passed for the
    factor that is left, then sampled.
    """
    height, width = gray.shape
    left, top = max(0, int(x.min()) - 2), max(0, int(y.min()) - 2)
    right, bottom = min(width, int(x.max()) + 3), min(height, int(y.max()) + 3)
    whole = region = gray[top:bottom, left:right]
    shrink = max(1, int(scale / 2))
    if shrink > 1:
        rows, columns = (-side % shrink for side in region.shape)  # that are missing
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
    paper = 0.0 if inside else median_gray(whole)  # beyond the edges; counting takes as long as sampling
    sampled = cv2.remap(
        region, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=paper
    )
    return np.asarray(sampled, np.uint8)


def normalise_ink(gray: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Gray values at the strip's scale -> ink: uneven light flattened, contrast stretched.

    Args:
        gray: (H, W) of 0..255, paper light, staff space 8 px. Every caller that makes a strip, the training
            augmentation too, ends with this function.

    Returns:
        (H, W) from 0 for paper to 1 for ink. Paper without ink stays near 0: what differs from the paper by
        less than a quarter of its brightness is never stretched to full ink.
    """
    values = np.ascontiguousarray(gray, np.float32)
    paper = cv2.max(_paper(values), 1.0)
    darkness = cv2.subtract(1.0, cv2.divide(values, paper))
    low, high = _ink_range(darkness)
    scaled = (darkness - np.float32(low)) * np.float32(1 / (high - low))
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def _paper(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The (H, W) brightness of the paper under each pixel: a closing of (H, W) over 6.5 staff spaces.

    The closing works on means over cells, else it would follow the lightest grain of a noisy picture.
    """
    height, width = values.shape
    size = (max(1, round(width / _CELL_PX)), max(1, round(height / _CELL_PX)))
    cells = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    kernel = np.ones((_PAPER_CELLS, _PAPER_CELLS), np.uint8)
    closed = cv2.morphologyEx(cells, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_REPLICATE)
    smooth = cv2.blur(closed, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _ink_range(darkness: NDArray[np.float32]) -> tuple[float, float]:
    """The darkness that counts as no ink and the one that counts as full ink.

    Paper is the most frequent thing in a strip (70 to 90 % of its pixels), so its middle and, on the light
    side where no ink is, its spread are quantiles. Full ink is the darkest 0.5 %: note heads, clef, beams.
    """
    bins, lowest = 256, -0.25
    levels = np.clip((darkness - np.float32(lowest)) * np.float32(bins / 1.25), 0, bins - 1).astype(np.uint8)
    counts = np.cumsum(cv2.calcHist([levels], [0], None, [bins], [0, bins]).ravel())
    spread_at, paper_at, ink_at = np.searchsorted(counts, counts[-1] * np.array([0.16, 0.5, 0.995]))
    paper, spread = lowest + (paper_at + 1) * 1.25 / bins, (paper_at - spread_at) * 1.25 / bins
    low = paper + 1.5 * spread
    # Observed: printed ink has a darkness of 0.6 to 0.9 after scaling, a faint pencil copy 0.3, the
    # grain of empty camera paper 0.02 to 0.1.
    high = max(lowest + ink_at * 1.25 / bins, paper + 0.25, paper + 6 * spread)
    return low, high


def plain_picture(gray: NDArray[np.uint8], *, name: str = "image") -> NDArray[np.float32]:
    """The input of the 2018 paper's network: the whole picture scaled to height 128, nothing measured.

    Args:
        gray: (H, W) gray values, paper light.
        name: what an error message calls the picture.

    Returns:
        (128, W * 128 / H) of (255 - gray) / 255: ink 1, paper 0.

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
