"""Print and paper defects, applied before an image is scanned or photographed.

Every effect takes an `amount` from 0 (none) to 1 (as bad as a legible print gets) and has its sizes in staff
spaces, so that it is the same on a staff image (10 px), a strip (8 px) and a crop (18 px).
"""

import cv2
import numpy as np
from numpy.random import Generator

from focal_omr.data.degrade.effects import apply_effects
from focal_omr.data.degrade.ink import line_darkness, threshold_below
from focal_omr.data.degrade.noise import Gray, add_noise, clouds, grain


def printed(gray: Gray, rng: Generator, *, strength: float, space_px: float) -> Gray:
    """Degrade a clean engraving to an old, cheap or repeatedly copied print.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Random generator.
        strength: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.

    Returns:
        (H, W).
    """
    effects = (
        (ragged, 0.5),
        (faded, 0.4),
        (blotted, 0.3),
        (speckled, 0.25),
        (show_through, 0.25),
        (mottled, 0.4),
    )
    return apply_effects(effects, gray, rng, strength, space_px)


def ragged(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Spread or erode ink unevenly: strokes become thicker, thinner or lumpy, and thin ones break.

    The image is blurred, thresholded against clouds, and sharpened again.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    soft = cv2.GaussianBlur(gray, (0, 0), (0.03 + 0.05 * amount) * space_px)
    cell = space_px * rng.uniform(0.15, 0.5)
    cloud = clouds(soft.shape, rng, cell_px=(cell, cell * rng.uniform(1, 4)))
    # Relative to the staff lines, which break first: the threshold lies at 60 % of their darkness, at worst
    # between 45 (spread ink) and 75 % (broken lines). Below 45 the clouds would show on the paper.
    lines = line_darkness(np.asarray(soft, np.uint8), space_px=space_px)
    uneven = add_noise(np.asarray(soft, np.uint8), cloud, 0.22 * lines * amount)
    middle = 255 - threshold_below(lines, 0.6 + amount * rng.uniform(-0.15, 0.15))
    gain = 1.5 + 1.5 * amount
    levels = np.clip((np.arange(256) - middle) * gain + 140, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(uneven, levels), np.uint8)


def faded(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Fade thin strokes while note heads, beams and clefs keep their ink; in places a line disappears.

    Sharpening, downsampling and compression of photos have the same effect. Half the time only horizontal
    strokes fade, as where a copy of a copy drops staff lines.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    across = max(3, 2 * round(0.17 * space_px) + 1)
    size = (1, across) if rng.random() < 0.5 else (across, across)
    thick = cv2.morphologyEx(gray, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, size))
    thin = cv2.subtract(thick, gray)
    cloud = clouds(gray.shape, rng, cell_px=(0.7 * space_px, space_px * rng.uniform(1, 6)))
    # Share of ink that is kept, of 255: all at amount 0; at worst half, and an eighth where the cloud is low.
    share = np.clip(255 + amount * (2.5 * (np.arange(256) - 128.0) - 125), 32, 255).astype(np.uint8)
    kept = cv2.LUT(cloud, share)
    return np.asarray(cv2.subtract(thick, cv2.multiply(thin, kept, scale=1 / 255)), np.uint8)


def blotted(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Add specks of dirt on the paper and holes in the ink, up to a third of a space large.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    out = gray.copy()
    height, width = gray.shape
    # At worst one per 12 square spaces: 45 on a short staff 14 spaces high and 40 wide.
    count = rng.poisson(amount * height * width / (12 * space_px**2))
    for x, y, size, shape, angle, tone in rng.random((count, 6)):
        long = space_px * (0.04 + 0.28 * amount * size**3)
        axes = (max(1, round(long)), max(1, round(long * (0.4 + 0.6 * shape))))
        shade = 255 if tone < 0.5 else int(200 * (tone - 0.5))
        place = (int(x * width), int(y * height))
        cv2.ellipse(out, place, axes, 180 * float(angle), 0, 360, shade, -1, cv2.LINE_AA)
    return out


def speckled(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Add fine salt and pepper noise: up to 2 % of the dots of the print, each a tenth of a space.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    height, width = gray.shape
    dot = max(1.0, 0.1 * space_px)
    dots = grain((int(height / dot) + 1, int(width / dot) + 1), rng)
    # 2 % of the dots lie 2.05 standard deviations above the mean.
    edge = 128 + 32 * (2.05 + 1.5 * (1 - amount))
    size = (width, height)
    pepper = cv2.resize(cv2.threshold(dots, edge, 255, cv2.THRESH_BINARY)[1], size)
    salt = cv2.resize(cv2.threshold(dots, 256 - edge, 255, cv2.THRESH_BINARY_INV)[1], size)
    pepper = cv2.convertScaleAbs(pepper, alpha=rng.uniform(0.3, 1))
    return np.asarray(cv2.add(cv2.subtract(gray, pepper), salt), np.uint8)


def show_through(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Add the print on the other side of the sheet, mirrored, soft and pale.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    back = cv2.flip(gray, 1)
    shift = (int(rng.uniform(-0.3, 0.3) * gray.shape[1]), int(rng.uniform(-5, 5) * space_px))
    back = np.roll(back, shift, axis=(1, 0))
    back = cv2.GaussianBlur(back, (0, 0), rng.uniform(0.08, 0.2) * space_px)
    # At worst three tenths of the darkness show through; more would compete with the staff.
    pale = cv2.convertScaleAbs(back, alpha=0.3 * amount, beta=255 * (1 - 0.3 * amount))
    return np.asarray(cv2.multiply(gray, pale, scale=1 / 255), np.uint8)


def mottled(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Add fibres and stains of the paper: clouds of two sizes, darker and lighter by up to 18 gray values.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    stains = clouds(gray.shape, rng, cell_px=(3 * space_px, 5 * space_px))
    fibres = clouds(gray.shape, rng, cell_px=(0.12 * space_px, rng.uniform(0.12, 0.5) * space_px))
    # Darken first, else the lighter half of the clouds would saturate.
    darker = cv2.convertScaleAbs(gray, alpha=1 - 0.15 * amount)
    return add_noise(add_noise(np.asarray(darker, np.uint8), stains, 12 * amount), fibres, 14 * amount)
