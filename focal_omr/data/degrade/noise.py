"""Cheap noise for degradation: pieces of one precomputed tile of grain.

Fresh Gaussian noise costs more than all other effects of a strip together (96 x 600 pixels: 0.9 ms). A
randomly placed and mirrored piece of a fixed tile costs 0.02 ms and looks the same.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Gray = NDArray[np.uint8]

GRAIN_MEAN = 128
GRAIN_STD = 32
_TILE_SHAPE = (700, 4200)  # larger images repeat the tile


def grain(shape: tuple[int, int], rng: Generator) -> Gray:
    """Independent noise (H, W) with mean 128 and standard deviation 32."""
    tile = _tile()
    rows, columns = (-(-side // whole) for side, whole in zip(shape, tile.shape, strict=True))
    if rows > 1 or columns > 1:
        tile = np.tile(tile, (rows, columns))
    top = int(rng.integers(tile.shape[0] - shape[0] + 1))
    left = int(rng.integers(tile.shape[1] - shape[1] + 1))
    piece = tile[top : top + shape[0], left : left + shape[1]]
    flip_y, flip_x = (1 if rng.random() < 0.5 else -1 for _ in range(2))
    return np.ascontiguousarray(piece[::flip_y, ::flip_x])


def clouds(shape: tuple[int, int], rng: Generator, *, cell_px: tuple[float, float]) -> Gray:
    """Smooth noise (H, W) with mean 128 and a standard deviation of about 25.

    Args:
        shape: (H, W).
        rng: Random generator.
        cell_px: (rows, columns) over which it varies.
    """
    small = tuple(max(2, int(np.ceil(side / cell)) + 1) for side, cell in zip(shape, cell_px, strict=True))
    coarse = grain((small[0], small[1]), rng)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def add_noise(gray: Gray, noise: Gray, std: float) -> Gray:
    """Add noise to an image.

    Args:
        gray: (H, W).
        noise: (H, W), from `grain` or `clouds`.
        std: Standard deviation of the added grain in gray values.
    """
    share = std / GRAIN_STD
    return np.asarray(cv2.addWeighted(gray, 1, noise, share, -GRAIN_MEAN * share), np.uint8)


@lru_cache(maxsize=1)
def _tile() -> Gray:
    values = np.random.default_rng(0).normal(GRAIN_MEAN, GRAIN_STD, _TILE_SHAPE)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
