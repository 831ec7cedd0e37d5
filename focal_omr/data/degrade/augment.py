"""A plate becomes a staff strip as a scan or a photo would give it, and a clean picture a scan or a photo.

Here is drawn what happens, and how much of it: a kind (none, scan, camera) and a strength for each sample.
What it looks like is said once, for both: `wear` (print and paper), `warp` (geometry), `optics` (scanner and
camera), `surroundings` (what stands around a staff).

The last step of a strip is the same `normalise_ink` that recognition uses, so that the network sees one kind
of strip. All chance comes from one generator: the same generator state gives the same strip.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from focal_omr.data.degrade.chance import Gray
from focal_omr.data.degrade.ink import ink_rows
from focal_omr.data.degrade.optics import photographed, scanned
from focal_omr.data.degrade.print_defects import printed
from focal_omr.data.degrade.surroundings import (
    with_finger,
    with_neighbour,
    with_page_edge,
    with_text,
)
from focal_omr.data.degrade.warp import jittered_grid, regular_grid, resampled, warp_sheet
from focal_omr.data.engraving.render import STAFF_IMAGE_SPACE_PX
from focal_omr.errors import DataError
from focal_omr.staff.strip import STAFF_SPACE_PX, normalise_ink

__all__ = ["KINDS", "PRIMUS_SPACE_PX", "check_degradation", "degraded_image", "degraded_strip", "plain_strip"]

KINDS = ("none", "scan", "camera")
_SHARES = (0.25, 0.35, 0.4)  # how often each kind comes in training
PRIMUS_SPACE_PX = 18  # staff space of PrIMuS pictures and of those that `data render` makes


def plain_strip(plate: Gray) -> NDArray[np.float32]:
    """(96, W) ink of a plate without any degradation."""
    return normalise_ink(resampled(plate, *regular_grid(plate.shape[1])))


def degraded_strip(
    plate: Gray,
    rng: Generator,
    *,
    degrade: float = 1.0,
    neighbour: Gray | None = None,
    kind: str | None = None,
    strength: float | None = None,
) -> NDArray[np.float32]:
    """A strip as it might come from a print, a scan or a photo.

    Args:
        plate: (140, W) from `render`.
        rng: Source of all chance.
        degrade: 0 only small movements; 1 everything, of all strengths.
        neighbour: A plate whose staff may show above or below, as on a page.
        kind: "none", "scan" or "camera"; drawn if it is not given.
        strength: 0 mild .. 1 as bad as the worst that is legible; drawn evenly if it is not given.

    Returns:
        (96, W) ink from 0 to 1.

    Raises:
        DataError: Another kind, or a strength out of range.
    """
    drawn_kind, drawn_strength = str(rng.choice(KINDS, p=_SHARES)), float(rng.random())
    kind = drawn_kind if kind is None else kind
    strength = degrade * (drawn_strength if strength is None else strength)
    check_degradation(kind, strength)
    top, bottom = ink_rows(plate)
    sheet = _surrounded(plate, neighbour, rng, degrade)
    if kind == "none" or not strength:
        return normalise_ink(resampled(sheet, *jittered_grid(plate.shape[1], rng, strength=0.0)))
    print_strength, strength = _divided(strength, rng)
    sheet = printed(sheet, rng, strength=print_strength, space_px=STAFF_IMAGE_SPACE_PX)
    if kind == "scan":
        sheet = scanned(sheet, rng, strength=strength, space_px=STAFF_IMAGE_SPACE_PX)
        return normalise_ink(resampled(sheet, *jittered_grid(plate.shape[1], rng, strength=0.3 * strength)))
    # A third of a space is kept around the ink. Left and right the paper may go, and a fifth of a space more.
    side, gap = 6.2 * STAFF_IMAGE_SPACE_PX, STAFF_IMAGE_SPACE_PX / 3
    free = (side, top - gap, side, plate.shape[0] - 1 - bottom - gap)
    sheet = _ended(sheet, rng, strength, free)
    strip = resampled(sheet, *jittered_grid(plate.shape[1], rng, strength=strength))
    return normalise_ink(photographed(strip, rng, strength=strength, space_px=STAFF_SPACE_PX))


def _surrounded(plate: Gray, neighbour: Gray | None, rng: Generator, degrade: float) -> Gray:
    """The plate among other things of its page, each as often as pages have it."""
    beside, text = rng.random(2) < np.array([0.3, 0.2]) * degrade
    if beside and neighbour is not None:
        plate = with_neighbour(plate, neighbour, rng)
    return with_text(plate, rng) if text else plate


def _ended(sheet: Gray, rng: Generator, strength: float, free: tuple[float, float, float, float]) -> Gray:
    """A sheet whose end, or a finger that holds it, is in the picture."""
    ends, held = rng.random(2) < np.array([0.5, 0.12]) * np.sqrt(strength)
    if ends:
        sheet = with_page_edge(sheet, rng, free=free)
    return with_finger(sheet, rng, free=free) if held else sheet


def degraded_image(
    gray: Gray,
    rng: Generator,
    *,
    kind: str,
    strength: float | None = None,
    space_px: float = PRIMUS_SPACE_PX,
) -> Gray:
    """A clean picture of a staff as a scanner or a phone would give it.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Source of all chance.
        kind: "none", "scan" (worn print, slightly turned, grainy or in black and white) or "camera" (also
            bent, in perspective, unevenly lit, blurred, compressed).
        strength: 0 mild .. 1 as bad as the worst that is legible; drawn evenly if it is not given.
        space_px: Distance of two staff lines in the picture.

    Raises:
        DataError: Another kind, or a strength out of range.
    """
    drawn = float(rng.random())
    strength = drawn if strength is None else strength
    check_degradation(kind, strength)
    if kind == "none":
        return gray
    print_strength, strength = _divided(strength, rng)
    if kind == "scan":
        sheet = printed(gray, rng, strength=print_strength, space_px=space_px)
        turned = warp_sheet(sheet, rng, turn_deg=0.1 + 0.5 * strength, perspective=0)
        return scanned(turned, rng, strength=strength, space_px=space_px)
    wide = np.round(rng.uniform(0.5, 4, 4) * space_px).astype(int).tolist()  # left, top, right, bottom
    gray = np.asarray(
        cv2.copyMakeBorder(gray, wide[1], wide[3], wide[0], wide[2], cv2.BORDER_CONSTANT, value=255), np.uint8
    )
    sheet = printed(gray, rng, strength=print_strength, space_px=space_px)
    sheet = _ended(sheet, rng, strength, (wide[0], wide[1], wide[2], wide[3]))
    seen = warp_sheet(
        sheet,
        rng,
        turn_deg=0.2 + 1.1 * strength,
        perspective=0.12 * strength,
        bend_px=0.8 * strength * space_px,
    )
    return photographed(seen, rng, strength=strength, space_px=space_px)


def _divided(strength: float, rng: Generator) -> tuple[float, float]:
    """What of the strength goes to the print, what to its picture: the worst of both would be illegible."""
    share = rng.random()
    return strength * min(1.0, 1.6 * share), strength * min(1.0, 1.6 * (1 - share))


def check_degradation(kind: str, strength: float | None = None) -> None:
    """Raise DataError for a kind of wear that there is not, or a strength out of range."""
    if kind not in KINDS:
        raise DataError(f"degradation {kind!r}; known are none, scan and camera")
    if strength is not None and not 0 <= strength <= 1:
        raise DataError(f"strength {strength}; needed is one from 0 to 1")
