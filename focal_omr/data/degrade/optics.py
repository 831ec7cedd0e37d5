"""Scanner and camera effects: contrast, lighting, shadow, blur, noise and compression.

As in `print_defects`, every effect takes an `amount` from 0 (none) to 1 (the worst that is legible) and has
its sizes in staff spaces.
"""

import cv2
import numpy as np
from numpy.random import Generator

from focal_omr.data.degrade.effects import apply_effects
from focal_omr.data.degrade.ink import line_darkness, threshold_below
from focal_omr.data.degrade.noise import Gray, add_noise, clouds, grain

_MIN_LINE_DARKNESS = 70  # gray values between paper and lines that binarisation needs


def scanned(gray: Gray, rng: Generator, *, strength: float, space_px: float) -> Gray:
    """Scan a print with a flatbed scanner or copier; a third of the scans are black and white.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Random generator.
        strength: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.

    Returns:
        (H, W).
    """
    out = low_contrast(gray, rng, amount=strength)
    effects = (
        (downsampled, 0.25),
        (unevenly_lit, 0.2),
        (blurred, 0.5),
        (noisy, 0.6),
        (compressed, 0.3),
        (bilevel, 0.35),
    )
    return apply_effects(effects, out, rng, strength, space_px)


def photographed(gray: Gray, rng: Generator, *, strength: float, space_px: float) -> Gray:
    """Photograph a sheet with a phone, without the geometry: lighting, lens, sensor and postprocessing.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Random generator.
        strength: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.

    Returns:
        (H, W).
    """
    out = low_contrast(gray, rng, amount=strength)
    effects = (
        (unevenly_lit, 0.7),
        (shadowed, 0.35),
        (downsampled, 0.4),
        (blurred, 0.5),
        (motion_blurred, 0.25),
        (noisy, 0.7),
        (sharpened, 0.35),
        (compressed, 0.6),
    )
    return apply_effects(effects, out, rng, strength, space_px, max_sum=2.5)


def low_contrast(gray: Gray, rng: Generator, *, amount: float) -> Gray:
    """Lighten the ink and darken the paper; at worst a third of the contrast is left.

    Observed: the photos of this project's benchmark have ink at 18 and paper at 160 to 200.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
    """
    ink, paper = rng.uniform(0, 80) * amount, 255 - rng.uniform(0, 95) * amount
    return np.asarray(cv2.convertScaleAbs(gray, alpha=(paper - ink) / 255, beta=ink), np.uint8)


def unevenly_lit(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Vary the lighting over tens of spaces, by up to half from end to end.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    height, width = gray.shape
    light = clouds(gray.shape, rng, cell_px=(12 * space_px, rng.uniform(15, 50) * space_px))
    slope = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(rng.uniform(-0.25, 0.25) * amount)
    row = np.clip(230 * (1 + slope), 0, 255).astype(np.uint8)[None, :]
    falls = np.broadcast_to(row, (height, width))
    return np.asarray(cv2.multiply(gray, add_noise(falls, light, 32 * amount), scale=1 / 230), np.uint8)


def shadowed(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Cast the shadow of a hand or phone: one side of a slanted, soft edge gets down to 35 % of the light.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    height, width = gray.shape
    middle = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    angle = rng.uniform(0, 2 * np.pi)
    soft = space_px * rng.uniform(0.5, 6)
    # The smooth mask is computed at an eighth of the size; at full size it would cost 0.5 ms a strip.
    step = 8 if min(height, width) >= 32 else 1
    y, x = np.mgrid[0 : height + step : step, 0 : width + step : step].astype(np.float32)
    away = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle)
    light = 255 * (1 - 0.65 * amount * np.clip(away / soft, 0, 1))
    mask = cv2.resize(light.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(gray, mask, scale=1 / 255), np.uint8)


def blurred(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Defocus by up to a fifth of a space, where sharps still differ from naturals.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    sigma = space_px * 0.2 * amount
    if sigma < 0.25:  # less than a pixel can show
        return gray
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma), np.uint8)


def motion_blurred(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Blur along a line of up to two thirds of a space.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    length = 0.65 * space_px * amount
    angle = rng.uniform(0, np.pi)
    half = max(1, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-length / 2, length / 2, 8 * half):
        kernel[round(half + t * np.sin(angle)), round(half + t * np.cos(angle))] += 1
    return np.asarray(cv2.filter2D(gray, -1, kernel / kernel.sum()), np.uint8)


def downsampled(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Reduce the resolution, at worst to 4.5 pixels per staff space.

    Half the time without averaging, as some apps do: one staff line comes out black, the next one pale
    (observed in the benchmark's photos).

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    # From 7.5 on a strip would not show a difference.
    factor = min(1.0, (4.5 + 3.5 * (1 - amount)) / space_px)
    height, width = gray.shape
    how = cv2.INTER_AREA if rng.random() < 0.5 or factor < 0.5 else cv2.INTER_LINEAR
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(gray, size, interpolation=how)
    back = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), np.uint8)


def noisy(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Add sensor noise: fine grain, or the soft blobs that denoising leaves.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    if rng.random() < 0.6:
        return add_noise(gray, grain(gray.shape, rng), 22 * amount)
    cell = max(1.0, space_px * rng.uniform(0.1, 0.3))
    blobs = clouds(gray.shape, rng, cell_px=(cell, cell))
    return add_noise(gray, blobs, 14 * amount)  # at 22, note heads of the size of the blobs are lost


def sharpened(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Sharpen as phones do: light halos around ink, coarser grain.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    soft = cv2.GaussianBlur(gray, (0, 0), space_px * rng.uniform(0.1, 0.25))
    share = 1.5 * amount
    return np.asarray(cv2.addWeighted(gray, 1 + share, soft, -share, 0), np.uint8)


def compressed(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Compress as JPEG with a quality from 90 down to 12.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    quality = round(90 - 78 * amount * rng.uniform(0.6, 1))
    data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def bilevel(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Binarise at twice the image's resolution, or at worst at its own.

    The threshold lies between the paper and the thin lines; close to the paper it shows grain and stains,
    close to the lines it breaks them. If the lines are too faint for a threshold that keeps both them and the
    paper inside half notes, the image stays gray.

    Args:
        gray: (H, W) image.
        rng: Random generator.
        amount: 0 none .. 1 the worst that is legible.
        space_px: Staff space in pixels.
    """
    height, width = gray.shape
    fine = rng.random() > amount
    lines = line_darkness(gray, space_px=space_px)
    if lines < _MIN_LINE_DARKNESS:
        return gray
    below = threshold_below(lines, 0.55 + amount * rng.uniform(-0.1, 0.2))
    paper = float(np.median(gray))
    if fine:
        gray = np.asarray(cv2.resize(gray, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC), np.uint8)
    if rng.random() < 0.4:  # adaptive threshold, as in scanning software
        # Below 2 spaces the lines beside heads and stems are lost, because their surroundings are dark.
        reach = 2 * round(space_px * (2 if fine else 1) * rng.uniform(2.5, 5)) + 1
        out = cv2.adaptiveThreshold(
            gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, reach, 0.55 * below
        )
    else:
        out = cv2.threshold(gray, paper - below, 255, cv2.THRESH_BINARY)[1]
    return np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
