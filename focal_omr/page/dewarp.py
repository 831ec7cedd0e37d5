"""Dewarping: estimates skew, perspective and curl of a page, and makes its lines level.

Tiles of the page are sheared by several slopes; where the row means of a tile are most uneven, its lines (of
staves and of text alike) are horizontal. A smooth field of slopes is fitted to all tiles and integrated from
the middle of the page to its sides. Where lines converge, so do these curves: perspective is undone in the
same step.

Shapes: (H, W) images, R rows and C cells of a working image.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from focal_omr.staff.comb_path import BLOCK
from focal_omr.staff.find import Staff
from focal_omr.staff.lines import Trace
from focal_omr.staff.working_image import (
    CELLS,
    ROWS,
    Floats,
    make_working_image,
    quantile,
    to_darkness,
    to_ridges,
)

_COLUMN_PX = 4
_TILE_PX = 96  # about 12 spaces: lines go on over it, words do not
_STEEPEST = 0.32
_STEP = 0.02  # between slopes that are tried; over a tile this is the thickness of a line
_LEVEL_SLOPE = 0.006  # what is less steep everywhere is level: half a space over half a page
_ENOUGH_TILES = 0.7  # three staves have 3, pages without lines 0 to 0.3


@dataclass(frozen=True)
class Curves:
    """The lines of a page: curves y(x), named by the y at which they cross its middle column.

    Attributes:
        xs: (M,) columns in pixels, evenly spaced.
        names: (K,) y in the middle column, evenly spaced; beyond the image where curves leave it.
        ys: (K, M) y of each curve in each column.
    """

    xs: Floats
    names: Floats
    ys: Floats

    def grid(self, names: Floats, xs: Floats) -> Floats:
        """The (A, B) y of the curves with (A,) names in (B,) columns."""
        column = (xs - self.xs[0]) / (self.xs[1] - self.xs[0])
        row = (names - self.names[0]) / (self.names[1] - self.names[0])
        map_x, map_y = np.meshgrid(column.astype(np.float32), row.astype(np.float32))
        return np.asarray(
            cv2.remap(self.ys, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def scaled(self, factor: float) -> "Curves":
        """The curves of the image enlarged by a factor."""
        xs, names, ys = ((a + 0.5) * factor - 0.5 for a in (self.xs, self.names, self.ys))
        return Curves(xs.astype(np.float32), names.astype(np.float32), ys.astype(np.float32))


def estimate_curves(gray: NDArray[np.uint8]) -> Curves | None:
    """Estimate the curves that the lines of a page follow; None where they are level.

    Args:
        gray: (H, W) uint8 gray levels, light paper, as small as a staff space of 5 to 10 px allows.
    """
    slopes, weights = _tile_slopes(gray)
    if float(weights.sum()) < _ENOUGH_TILES:
        return None
    field = _fit_field(slopes, weights)
    u = np.linspace(-1, 1, 9)
    if float(np.abs(_terms(*np.meshgrid(u, u)) @ field).max()) < _LEVEL_SLOPE:
        return None
    # Integrate the field from the middle column to both sides.
    height, width = gray.shape
    half, points = 24, 2 * 24 + 1
    xs, u = np.linspace(0, width - 1, points), np.linspace(-1, 1, points)
    step = xs[1] - xs[0]
    steepest = float(np.abs(_terms(*np.meshgrid(u, u)) @ field).max())
    beyond = 1.2 * steepest * width / 2
    names = np.linspace(-beyond, height - 1 + beyond, 49)
    ys = np.empty((names.size, points))
    ys[:, half] = names
    for side in (-1, 1):
        for index in range(half, half + side * half, side):
            y = ys[:, index]
            v = np.clip(2 * y / height - 1, -1.2, 1.2)
            between = np.full_like(v, (u[index] + u[index + side]) / 2)
            ys[:, index + side] = y + side * step * (_terms(between, v) @ field)
    return Curves(xs.astype(np.float32), names.astype(np.float32), ys.astype(np.float32))


def _tile_slopes(gray: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    """(tiles down, tiles across) slope of the lines of each tile, and its confidence, 0 to 1."""
    columns = max(1, gray.shape[1] // _COLUMN_PX)
    whole = gray[:, : columns * _COLUMN_PX]
    means = cv2.resize(whole, (columns, gray.shape[0]), interpolation=cv2.INTER_AREA)
    ridges = to_ridges(to_darkness(np.asarray(means)), 2)
    ridges = np.minimum(ridges, max(quantile(ridges, 0.95), 0.02)).astype(np.float32)
    wide, high = _TILE_PX // _COLUMN_PX, _TILE_PX
    across, down = max(1, columns // wide), max(1, ridges.shape[0] // high)
    columns, rows = min(across * wide, columns), min(down * high, ridges.shape[0])
    ridges = np.ascontiguousarray(ridges[:rows, :columns])
    place = np.arange(columns, dtype=np.float32)
    run = (place % wide - np.float32((wide - 1) / 2)) * _COLUMN_PX  # px from the middle of the tile
    map_x, row = np.meshgrid(place, np.arange(rows, dtype=np.float32))
    tried = np.arange(-_STEEPEST, _STEEPEST + _STEP / 2, _STEP)
    scores = np.empty((tried.size, down, across), np.float32)
    for index, slope in enumerate(tried):
        sheared = cv2.remap(ridges, map_x, row + np.float32(slope) * run, cv2.INTER_LINEAR)
        profile = cv2.resize(sheared, (across, rows), interpolation=cv2.INTER_AREA)
        scores[index] = cv2.resize(profile * profile, (across, down), interpolation=cv2.INTER_AREA)
    best = np.clip(scores.argmax(axis=0), 1, tried.size - 2)[None]
    before, at, after = (np.take_along_axis(scores, best + d, axis=0)[0] for d in (-1, 0, 1))
    offset = 0.5 * (after - before) / np.maximum(2 * at - before - after, 1e-9)  # vertex of the parabola
    usual = np.median(scores, axis=0)
    clear = np.clip((at / np.maximum(usual, 1e-9) - 1.3) / 2, 0, 1)
    strong = np.clip(at / max(float(np.quantile(at, 0.9)), 1e-9), 0, 1)
    slopes = tried[best[0]] + np.clip(offset, -0.5, 0.5) * _STEP
    return slopes.astype(np.float32), (clear * strong).astype(np.float32)


def _terms(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 5) basis of the field of slopes; u and v go from -1 to 1 over the page."""
    return np.stack([np.ones_like(u), u, v, u * v, u * u], axis=-1)


def _fit_field(slopes: Floats, weights: Floats) -> NDArray[np.float64]:
    """(5,) coefficients of the field that most tiles agree with, by reweighted least squares."""
    down, across = slopes.shape
    u, v = np.meshgrid((np.arange(across) + 0.5) * 2 / across - 1, (np.arange(down) + 0.5) * 2 / down - 1)
    terms, wanted = _terms(u, v).reshape(-1, 5), slopes.ravel().astype(np.float64)
    weight = weights.ravel().astype(np.float64)
    order = np.argsort(wanted)
    sums = np.cumsum(weight[order])
    median = float(wanted[order[int(np.searchsorted(sums, sums[-1] / 2))]])
    field: NDArray[np.float64] = np.array([median, 0, 0, 0, 0], np.float64)
    ridge = np.diag([1e-4, 0.02, 0.02, 0.05, 0.1])  # in tiles; keeps the field plain where few ask for more
    for limit in (0.3, 0.15, 0.08, 0.04, 0.02, 0.02, 0.02):
        off = (wanted - terms @ field) / limit
        use = weight / (1 + off**2) ** 2
        field = np.asarray(
            np.linalg.solve(terms.T @ (use[:, None] * terms) + ridge, terms.T @ (use * wanted))
        )
    return field


@dataclass(frozen=True)
class Spacing:
    """How the staff space changes down the middle column of a page.

    Its square root is linear in y: seen aslant, a page's y is (a Y + b) / (c Y + 1) of the sheet's Y, and
    that function's derivative is the square of a linear function of y.

    Attributes:
        root: square root of the staff space in pixels at y = 0.
        slope: change of `root` per pixel downwards.
    """

    root: float
    slope: float = 0.0

    def at(self, ys: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) y -> (N,) staff space in pixels, a third to three times that at y = 0."""
        return np.asarray(np.clip(self.root + self.slope * ys, 0.58 * self.root, 1.73 * self.root) ** 2)


@dataclass(frozen=True)
class LevelPage:
    """Working image of a page, dewarped, with the map back to the page.

    Attributes:
        darkness: (R, C) 8 rows and 4 cells per staff space in the middle column of the page.
        map_y: (R, C) y on the page of each point.
        names: (R,) y of each row in the middle column of the page.
        cell_px: columns of the page per cell.
    """

    darkness: Floats
    map_y: Floats
    names: Floats
    cell_px: float

    def to_staff(self, trace: Trace) -> Staff:
        """Convert a trace to pixels of the page, with one point per block."""
        points = max(2, round((trace.last - trace.first) / BLOCK))
        cells = np.linspace(trace.first - 0.5, trace.last + 0.5, points).astype(np.float32)
        at = np.arange(trace.middle.size)
        rows = np.interp(cells, at, trace.middle).astype(np.float32)
        spaces = np.interp(cells, at, trace.space).astype(np.float32)
        ys, above, below = (
            cv2.remap(
                self.map_y,
                cells[None],
                (rows + np.float32(k) * spaces)[None],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )[0]
            for k in (0, -2, 2)
        )
        xs = ((cells + 0.5) * self.cell_px - 0.5).astype(np.float32)
        spaces_px = ((below - above) / 4).astype(np.float32)
        return Staff(xs, ys, float(spaces_px.mean()), spaces_px)

    def sample_mask(self, mask: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Sample a mask of the page at each point of the working image.

        Args:
            mask: (A, B) uint8, the mask at any size.
            shape: (H, W) of the page.

        Returns:
            (R, C) uint8.
        """
        rows, cells = self.map_y.shape
        map_x = np.broadcast_to(
            (np.arange(cells, dtype=np.float32) + 0.5) * np.float32(self.cell_px), (rows, cells)
        )
        scale_x, scale_y = mask.shape[1] / shape[1], mask.shape[0] / shape[0]
        at = (np.float32(scale_x) * map_x, np.float32(scale_y) * self.map_y)
        return np.asarray(cv2.remap(mask, *at, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def level_page(gray: NDArray[np.uint8], curves: Curves | None, spacing: Spacing) -> LevelPage:
    """Make the working image of a page, dewarped, with the same staff space everywhere.

    Args:
        gray: (H, W) uint8 gray levels, light paper.
        curves: the lines of the page; None where they are level.
        spacing: the staff space down the page.
    """
    height, width = gray.shape
    if curves is None and not spacing.slope:
        work = make_working_image(gray, space_px=spacing.root**2)
        names = ((np.arange(work.darkness.shape[0]) + 0.5) * work.row_px - 0.5).astype(np.float32)
        map_y = np.ascontiguousarray(np.broadcast_to(names[:, None], work.darkness.shape))
        return LevelPage(work.darkness, map_y, names, work.cell_px)
    if curves is None:
        ends = np.linspace(0, height - 1, 2).astype(np.float32)
        ys = np.repeat(ends[:, None], 2, axis=1)
        curves = Curves(np.linspace(0, width - 1, 2).astype(np.float32), ends, ys)
    space_px = float(np.median(spacing.at(np.linspace(0, height - 1, 9))))
    cells = min(max(1, round(width * CELLS / space_px)), width)
    fine = min(max(1, round(height * 3 * ROWS / space_px)), height)
    means = cv2.resize(gray, (cells, fine), interpolation=cv2.INTER_AREA)
    xs = ((np.arange(cells) + 0.5) * width / cells - 0.5).astype(np.float32)
    # Twice as many rows as wanted: 16 per staff space, an even number.
    places = np.linspace(float(curves.names[0]), float(curves.names[-1]), 1000)
    rows = np.concatenate([[0.0], np.cumsum(np.diff(places) * 2 * ROWS / spacing.at(places[:-1]))])
    count = max(2, int(rows[-1]) // 2 * 2)
    names = np.asarray(np.interp(np.arange(count) + 0.5, rows, places), np.float32)
    map_y = curves.grid(names, xs)
    map_x = np.ascontiguousarray(np.broadcast_to(np.arange(cells, dtype=np.float32), map_y.shape))
    fine_y = (map_y + np.float32(0.5)) * np.float32(fine / height) - np.float32(0.5)
    seen = cv2.remap(means, map_x, fine_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    size = (cells, names.size // 2)
    darkness = to_darkness(np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA)))
    map_y = np.asarray((map_y[::2] + map_y[1::2]) / 2, np.float32)
    names = np.asarray((names[::2] + names[1::2]) / 2, np.float32)
    return LevelPage(darkness, map_y, names, width / cells)


def dewarp(gray: NDArray[np.uint8], curves: Curves) -> NDArray[np.uint8]:
    """Make the lines of a page (H, W) level; the result (A, W) is as high as its curves reach."""
    xs = np.arange(gray.shape[1], dtype=np.float32)
    names = np.arange(curves.names[0], curves.names[-1] + 1, dtype=np.float32)
    map_y = curves.grid(names, xs)
    map_x = np.ascontiguousarray(np.broadcast_to(xs, map_y.shape))
    level = cv2.remap(gray, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(level, np.uint8)


def warp_back(xs: Floats, ys: Floats, curves: Curves) -> Floats:
    """Map points of a dewarped image to the y in the image it was made of.

    Args:
        xs: (N,) columns, which dewarping leaves as they are.
        ys: (N,) rows of the dewarped image.
        curves: the curves it was dewarped by.

    Returns:
        (N,) rows of the source image.
    """
    at = ((xs - curves.xs[0]) / (curves.xs[1] - curves.xs[0]))[None]
    names = (ys / (curves.names[1] - curves.names[0]))[None]
    found = cv2.remap(curves.ys, at.astype(np.float32), names.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(found[0], np.float32)


def dewarp_staff(staff: Staff, curves: Curves | None, shrink: int) -> Staff:
    """Map a staff of a page to the smaller, dewarped image of the page.

    Args:
        staff: the staff in pixels of the page.
        curves: the curves by which the smaller image was dewarped; None where it was not.
        shrink: how many times smaller it is.
    """
    xs = np.asarray((staff.xs + 0.5) / shrink - 0.5, np.float32)
    middle = np.asarray((staff.middle_ys + 0.5) / shrink - 0.5, np.float32)
    spaces = np.full_like(xs, 1) * np.asarray(staff.spaces_at(staff.xs) / shrink, np.float32)
    if curves is None:
        return Staff(xs, middle, staff.space_px / shrink, spaces)
    column = np.clip(np.rint((xs - curves.xs[0]) / (curves.xs[1] - curves.xs[0])), 0, curves.xs.size - 1)
    heights = np.array(
        [
            np.interp([y - space, y, y + space], curves.ys[:, int(at)], curves.names - curves.names[0])
            for y, space, at in zip(middle, spaces, column, strict=True)
        ]
    )
    above, level, below = heights.astype(np.float32).T
    return Staff(xs, level, staff.space_px / shrink, np.asarray((below - above) / 2, np.float32))
