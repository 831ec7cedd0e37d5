"""What all kinds of wear draw from: how much of an effect, and cheap noise cut out of one tile of grain.

Gaussian noise drawn anew costs more than all other effects of a strip together (96 x 600 pixels: 0.9 ms); a
piece of a tile that is drawn once, at a place and mirrored by chance, costs 0.02 ms and looks the same.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

GRAIN_MIDDLE = 128
_MOST = 1.7  # of effects together, in times the strength
GRAIN_SPREAD = 32  # standard deviation of `grain`: what an effect divides its own amplitude by
_TILE = (700, 4200)  # rows, columns; larger pictures repeat it


def draw_amount(rng: Generator, strength: float, *, often: float) -> float:
    """How much of one effect a picture has: 0 or, as often as `often` says, 0.3 to 1 times the strength."""
    return amounts(rng, strength, (often,))[0]


def amounts(rng: Generator, strength: float, odds: Sequence[float], *, most: float = _MOST) -> list[float]:
    """How much of each of several effects a picture has: 0, or up to the strength.

    Their sum is at most `most` times the strength: a picture of full strength has one or two effects at
    their worst or several by halves. All of them at their worst would leave nothing to read. The generator
    moves on by the same numbers whatever the strength.
    """
    has, share = rng.random((2, len(odds)))
    drawn = np.where(has < np.asarray(odds), 0.3 + 0.7 * share, 0.0)
    return [float(much) for much in drawn * strength * min(1.0, most / max(drawn.sum(), 1e-9))]


def all_of(
    effects: Sequence[tuple[Callable[..., Gray], float]],
    gray: Gray,
    rng: Generator,
    strength: float,
    space_px: float,
    *,
    most: float = _MOST,
) -> Gray:
    """The picture after the effects that are drawn, in their order; each comes with how often it does."""
    drawn = amounts(rng, strength, [often for _, often in effects], most=most)
    for (effect, _), much in zip(effects, drawn, strict=True):
        if much:
            gray = effect(gray, rng, amount=much, space_px=space_px)
    return gray


def grain(shape: tuple[int, int], rng: Generator) -> Gray:
    """(H, W) independent noise with mean 128 and standard deviation 32."""
    tile = _tile()
    rows, columns = (-(-side // whole) for side, whole in zip(shape, tile.shape, strict=True))
    if rows > 1 or columns > 1:
        tile = np.tile(tile, (rows, columns))
    top = int(rng.integers(tile.shape[0] - shape[0] + 1))
    left = int(rng.integers(tile.shape[1] - shape[1] + 1))
    piece = tile[top : top + shape[0], left : left + shape[1]]
    return np.ascontiguousarray(piece[:: _sign(rng), :: _sign(rng)])


def clouds(shape: tuple[int, int], rng: Generator, *, cell_px: tuple[float, float]) -> Gray:
    """(H, W) noise around 128 that changes over (rows, columns) of `cell_px`; its spread is about 25."""
    small = tuple(max(2, int(np.ceil(side / cell)) + 1) for side, cell in zip(shape, cell_px, strict=True))
    coarse = grain((small[0], small[1]), rng)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def add_noise(gray: Gray, noise: Gray, spread: float) -> Gray:
    """The picture plus noise from here, of this standard deviation in gray values."""
    share = spread / GRAIN_SPREAD
    return np.asarray(cv2.addWeighted(gray, 1, noise, share, -GRAIN_MIDDLE * share), np.uint8)


def _sign(rng: Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


@lru_cache(maxsize=1)
def _tile() -> Gray:
    drawn = np.random.default_rng(0).normal(GRAIN_MIDDLE, GRAIN_SPREAD, _TILE)
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
