"""Augmentation: staff images become strips as from a scan or photo, and clean images become scans or photos.

This module draws a kind (none, scan, camera) and a strength per sample. The effects are shared by both:
`print_defects` (print and paper), `warp` (geometry), `optics` (scanner and camera) and `surroundings`.

The last step of a strip is the `normalise_ink` that recognition uses, so that the network sees one kind of
strip. All randomness comes from one generator: the same generator state gives the same strip.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.ink import ink_rows
from focal_omr.data.degrade.noise import Gray
from focal_omr.data.degrade.optics import photographed, scanned
from focal_omr.data.degrade.print_defects import printed
from focal_omr.data.degrade.surroundings import (
    with_finger,
    with_neighbour,
    with_page_edge,
    with_stamp,
    with_text,
)
from focal_omr.data.degrade.warp import Grid, jittered_grid, regular_grid, resample, warp_sheet
from focal_omr.data.staff_image import STAFF_IMAGE_SPACE_PX
from focal_omr.errors import DataError
from focal_omr.staff.strip import STAFF_SPACE_PX, normalise_ink

KINDS = ("none", "scan", "camera")
_STAMPED = 0.04  # watermarks and library stamps over the notes
_KIND_PROBABILITIES = (0.25, 0.35, 0.4)  # in training
PRIMUS_SPACE_PX = 18  # staff space of the images of PrIMuS and of `data render`


@dataclass(frozen=True)
class PlacedStrip:
    """A strip, and where its columns come from.

    Attributes:
        ink: (H, W) ink from 0 to 1.
        columns: Column of the staff image that each column shows on the middle line, rising, (W,).
    """

    ink: NDArray[np.float32]
    columns: NDArray[np.float32]

    def place(self, xs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Columns of the strip of columns of the staff image, (N,)."""
        return np.interp(xs, self.columns, np.arange(len(self.columns), dtype=np.float64))


def plain_strip(image: Gray) -> NDArray[np.float32]:
    """Convert a staff image (H', W') to a strip (H, W) without degradation.

    An image of 140 rows gives a strip of 96, with four spaces around the staff; one of 180 rows gives 128,
    with six.
    """
    return normalise_ink(resample(image, *regular_grid(image.shape)))


def degraded_strip(
    image: Gray,
    rng: Generator,
    *,
    degrade: float = 1.0,
    neighbour: Gray | None = None,
    kind: str | None = None,
    strength: float | None = None,
) -> NDArray[np.float32]:
    """Convert a staff image to a strip as from a print, scan or photo.

    Args:
        image: As `degraded_placed_strip`, (H', W').
        rng: Random generator.
        degrade: 0 only small geometric errors .. 1 all effects at all strengths.
        neighbour: A staff image that may show above or below.
        kind: "none", "scan" or "camera"; None draws it.
        strength: 0 mild .. 1 the worst that is legible; None draws it uniformly.

    Returns:
        (H, W) ink from 0 to 1.

    Raises:
        DataError: The kind is unknown, or the strength out of range.
    """
    placed = degraded_placed_strip(
        image, rng, degrade=degrade, neighbour=neighbour, kind=kind, strength=strength
    )
    return placed.ink


def degraded_placed_strip(
    image: Gray,
    rng: Generator,
    *,
    degrade: float = 1.0,
    neighbour: Gray | None = None,
    kind: str | None = None,
    strength: float | None = None,
) -> PlacedStrip:
    """Convert a staff image to a strip as from a print, scan or photo, with the place of each of its columns.

    Args:
        image: (H', W') staff image, of 140 or 180 rows as in `plain_strip`.
        rng: Random generator.
        degrade: 0 only small geometric errors .. 1 all effects at all strengths.
        neighbour: A staff image that may show above or below, as on a page.
        kind: "none", "scan" or "camera"; None draws it.
        strength: 0 mild .. 1 the worst that is legible; None draws it uniformly.

    Returns:
        The strip (H, W).

    Raises:
        DataError: The kind is unknown, or the strength out of range.
    """
    drawn_kind, drawn_strength = str(rng.choice(KINDS, p=_KIND_PROBABILITIES)), float(rng.random())
    kind = drawn_kind if kind is None else kind
    strength = degrade * (drawn_strength if strength is None else strength)
    check_degradation(kind, strength)
    top, bottom = ink_rows(image)
    sheet = image
    has_neighbour, has_text = rng.random(2) < np.array([0.3, 0.2]) * degrade
    if has_neighbour and neighbour is not None:
        sheet = with_neighbour(sheet, neighbour, rng)
    if has_text:
        sheet = with_text(sheet, rng)
    if rng.random() < _STAMPED * degrade:
        sheet = with_stamp(sheet, rng)
    if kind == "none" or not strength:
        grid = jittered_grid(image.shape, rng, strength=0.0)
        return _placed(resample(sheet, *grid), grid)
    print_strength, strength = _split_strength(strength, rng)
    sheet = printed(sheet, rng, strength=print_strength, space_px=STAFF_IMAGE_SPACE_PX)
    if kind == "scan":
        sheet = scanned(sheet, rng, strength=strength, space_px=STAFF_IMAGE_SPACE_PX)
        grid = jittered_grid(image.shape, rng, strength=0.3 * strength)
        return _placed(resample(sheet, *grid), grid)
    # A third of a space stays free around the ink; left and right all paper and 0.2 spaces may be covered.
    side, gap = 6.2 * STAFF_IMAGE_SPACE_PX, STAFF_IMAGE_SPACE_PX / 3
    free = (side, top - gap, side, image.shape[0] - 1 - bottom - gap)
    sheet = _with_covered_edges(sheet, rng, strength, free)
    grid = jittered_grid(image.shape, rng, strength=strength)
    strip = photographed(resample(sheet, *grid), rng, strength=strength, space_px=STAFF_SPACE_PX)
    return _placed(strip, grid)


def _placed(strip: Gray, grid: Grid) -> PlacedStrip:
    return PlacedStrip(normalise_ink(strip), np.maximum.accumulate(grid[0][strip.shape[0] // 2]))


def _with_covered_edges(
    sheet: Gray, rng: Generator, strength: float, free: tuple[float, float, float, float]
) -> Gray:
    """Perhaps show the page edge, or a finger that holds the sheet."""
    has_edge, has_finger = rng.random(2) < np.array([0.5, 0.12]) * np.sqrt(strength)
    if has_edge:
        sheet = with_page_edge(sheet, rng, free=free)
    return with_finger(sheet, rng, free=free) if has_finger else sheet


def degraded_image(
    gray: Gray,
    rng: Generator,
    *,
    kind: str,
    strength: float | None = None,
    space_px: float = PRIMUS_SPACE_PX,
) -> Gray:
    """Degrade a clean image of a staff to a scan or photo.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Random generator.
        kind: "none", "scan" (print defects, slightly rotated, grainy or black and white) or "camera" (also
            bent, in perspective, unevenly lit, blurred, compressed).
        strength: 0 mild .. 1 the worst that is legible; None draws it uniformly.
        space_px: Staff space of the image in pixels.

    Returns:
        (H', W').

    Raises:
        DataError: The kind is unknown, or the strength out of range.
    """
    drawn = float(rng.random())
    strength = drawn if strength is None else strength
    check_degradation(kind, strength)
    if kind == "none":
        return gray
    print_strength, strength = _split_strength(strength, rng)
    if kind == "scan":
        sheet = printed(gray, rng, strength=print_strength, space_px=space_px)
        turned = warp_sheet(sheet, rng, turn_deg=0.1 + 0.5 * strength, perspective=0)
        return scanned(turned, rng, strength=strength, space_px=space_px)
    border = np.round(rng.uniform(0.5, 4, 4) * space_px).astype(int).tolist()  # left, top, right, bottom
    gray = np.asarray(
        cv2.copyMakeBorder(gray, border[1], border[3], border[0], border[2], cv2.BORDER_CONSTANT, value=255),
        np.uint8,
    )
    sheet = printed(gray, rng, strength=print_strength, space_px=space_px)
    sheet = _with_covered_edges(sheet, rng, strength, (border[0], border[1], border[2], border[3]))
    seen = warp_sheet(
        sheet,
        rng,
        turn_deg=0.2 + 1.1 * strength,
        perspective=0.12 * strength,
        bend_px=0.8 * strength * space_px,
    )
    return photographed(seen, rng, strength=strength, space_px=space_px)


def _split_strength(strength: float, rng: Generator) -> tuple[float, float]:
    """Divide the strength between print and capture: the worst of both would be illegible."""
    share = rng.random()
    return strength * min(1.0, 1.6 * share), strength * min(1.0, 1.6 * (1 - share))


def check_degradation(kind: str, strength: float | None = None) -> None:
    """Check the kind and strength of degradation.

    Raises:
        DataError: The kind is unknown, or the strength out of range.
    """
    if kind not in KINDS:
        raise DataError(f"unknown degradation {kind!r}; known are none, scan and camera")
    if strength is not None and not 0 <= strength <= 1:
        raise DataError(f"strength {strength} is out of range; it must be from 0 to 1")
