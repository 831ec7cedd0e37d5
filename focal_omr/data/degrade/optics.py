"""What a scanner or a phone makes of a sheet: tones, light, shadow, blur, noise and compression.

As in `wear`, every effect takes an `amount` from 0 (nothing) to 1 (the worst that is legible) and has its
sizes in staff spaces.
"""

import cv2
import numpy as np
from numpy.random import Generator

from focal_omr.data.degrade.chance import Gray, add_noise, all_of, clouds, grain
from focal_omr.data.degrade.ink import line_darkness, threshold_below

__all__ = [
    "bilevel",
    "blurred",
    "coarser",
    "compressed",
    "lit",
    "noisy",
    "photographed",
    "scanned",
    "shaded",
    "shaken",
    "sharpened",
    "toned",
]

_FAINTEST_LINES = 70  # gray values below the paper that black and white needs


def scanned(gray: Gray, rng: Generator, *, strength: float, space_px: float) -> Gray:
    """A print as a flatbed scanner or a copier gives it; a third of the scans are black and white.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Source of all chance.
        strength: 0 as it is .. 1 the worst that is legible.
        space_px: Distance of two staff lines.

    Returns:
        (H, W).
    """
    out = toned(gray, rng, amount=strength)
    effects = (
        (coarser, 0.25),
        (lit, 0.2),
        (blurred, 0.5),
        (noisy, 0.6),
        (compressed, 0.3),
        (bilevel, 0.35),
    )
    return all_of(effects, out, rng, strength, space_px)


def photographed(gray: Gray, rng: Generator, *, strength: float, space_px: float) -> Gray:
    """A sheet as a phone takes it, the geometry apart: light, lens, sensor, and what its software does.

    Args:
        gray: (H, W) ink 0 .. paper 255.
        rng: Source of all chance.
        strength: 0 as it is .. 1 the worst that is legible.
        space_px: Distance of two staff lines.

    Returns:
        (H, W).
    """
    out = toned(gray, rng, amount=strength)
    effects = (
        (lit, 0.7),
        (shaded, 0.35),
        (coarser, 0.4),
        (blurred, 0.5),
        (shaken, 0.25),
        (noisy, 0.7),
        (sharpened, 0.35),
        (compressed, 0.6),
    )
    return all_of(effects, out, rng, strength, space_px, most=2.5)


def toned(gray: Gray, rng: Generator, *, amount: float) -> Gray:
    """Ink lighter than black and paper darker than white: a contrast of a third is left at worst.

    Observed: the photos of this project's benchmark have ink at 18 and paper at 160 to 200.
    """
    ink, paper = rng.uniform(0, 80) * amount, 255 - rng.uniform(0, 95) * amount
    return np.asarray(cv2.convertScaleAbs(gray, alpha=(paper - ink) / 255, beta=ink), np.uint8)


def lit(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Light that changes over tens of spaces, by up to half from end to end."""
    height, width = gray.shape
    light = clouds(gray.shape, rng, cell_px=(12 * space_px, rng.uniform(15, 50) * space_px))
    slope = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(rng.uniform(-0.25, 0.25) * amount)
    row = np.clip(230 * (1 + slope), 0, 255).astype(np.uint8)[None, :]
    falls = np.broadcast_to(row, (height, width))
    return np.asarray(cv2.multiply(gray, add_noise(falls, light, 32 * amount), scale=1 / 230), np.uint8)


def shaded(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """The shadow of a hand or a phone: one side of a slanted, soft line gets down to 35 % of the light."""
    height, width = gray.shape
    middle = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    angle = rng.uniform(0, 2 * np.pi)
    soft = space_px * rng.uniform(0.5, 6)
    # The mask is drawn at an eighth of the size: it is smooth, and cosines of a whole strip cost 0.5 ms.
    step = 8 if min(height, width) >= 32 else 1
    y, x = np.mgrid[0 : height + step : step, 0 : width + step : step].astype(np.float32)
    away = (x - middle[0]) * np.cos(angle) + (y - middle[1]) * np.sin(angle)
    light = 255 * (1 - 0.65 * amount * np.clip(away / soft, 0, 1))
    mask = cv2.resize(light.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(gray, mask, scale=1 / 255), np.uint8)


def blurred(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Out of focus: at worst by a fifth of a space, where sharps still differ from naturals."""
    sigma = space_px * 0.2 * amount
    if sigma < 0.25:  # narrower than a pixel can show
        return gray
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma), np.uint8)


def shaken(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """Moved while it was taken: blurred along a line of up to two thirds of a space."""
    length = 0.65 * space_px * amount
    angle = rng.uniform(0, np.pi)
    half = max(1, int(np.ceil(length / 2)))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-length / 2, length / 2, 8 * half):
        kernel[round(half + t * np.sin(angle)), round(half + t * np.cos(angle))] += 1
    return np.asarray(cv2.filter2D(gray, -1, kernel / kernel.sum()), np.uint8)


def coarser(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """A picture of fewer pixels: at worst 4.5 for a staff space.

    Half the time it is shrunk without averaging, as some apps do: one staff line then comes out black, the
    next one pale (observed in the benchmark's photos).
    """
    # 7.5 and more change nothing that a strip would show.
    factor = min(1.0, (4.5 + 3.5 * (1 - amount)) / space_px)
    height, width = gray.shape
    how = cv2.INTER_AREA if rng.random() < 0.5 or factor < 0.5 else cv2.INTER_LINEAR
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(gray, size, interpolation=how)
    back = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), np.uint8)


def noisy(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """A sensor's grain: fine, or in the soft lumps that noise removal leaves."""
    if rng.random() < 0.6:
        return add_noise(gray, grain(gray.shape, rng), 22 * amount)
    cell = max(1.0, space_px * rng.uniform(0.1, 0.3))
    lumps = clouds(gray.shape, rng, cell_px=(cell, cell))
    return add_noise(gray, lumps, 14 * amount)  # with 22, heads of a size with the lumps drown


def sharpened(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """What phones do by themselves: light halos around ink, grain made coarser."""
    soft = cv2.GaussianBlur(gray, (0, 0), space_px * rng.uniform(0.1, 0.25))
    share = 1.5 * amount
    return np.asarray(cv2.addWeighted(gray, 1 + share, soft, -share, 0), np.uint8)


def compressed(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """JPEG, of a quality from 90 down to 12."""
    quality = round(90 - 78 * amount * rng.uniform(0.6, 1))
    data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def bilevel(gray: Gray, rng: Generator, *, amount: float, space_px: float) -> Gray:
    """A scan in black and white: at twice the picture's resolution, or at worst at its own.

    The threshold lies between the paper and the thin lines; close to the paper it shows grain and stains,
    close to the lines it breaks them. Where lines are too faint for one that keeps both them and the paper in
    half notes, the picture stays gray.
    """
    height, width = gray.shape
    fine = rng.random() > amount
    lines = line_darkness(gray, space_px=space_px)
    if lines < _FAINTEST_LINES:
        return gray
    below = threshold_below(lines, 0.55 + amount * rng.uniform(-0.1, 0.2))
    paper = float(np.median(gray))
    if fine:
        gray = np.asarray(cv2.resize(gray, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC), np.uint8)
    if rng.random() < 0.4:  # a threshold for each place, as scanning programs choose it
        # Within 2 spaces, and the lines beside heads and stems are lost: there the surroundings are dark.
        reach = 2 * round(space_px * (2 if fine else 1) * rng.uniform(2.5, 5)) + 1
        out = cv2.adaptiveThreshold(
            gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, reach, 0.55 * below
        )
    else:
        out = cv2.threshold(gray, paper - below, 255, cv2.THRESH_BINARY)[1]
    return np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
