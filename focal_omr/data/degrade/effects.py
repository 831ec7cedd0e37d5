"""Random amounts of degradation effects, and their application in sequence."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from focal_omr.data.degrade.noise import Gray

_MAX_SUM = 1.7  # of all amounts, in multiples of the strength


def draw_amount(rng: Generator, strength: float, *, chance: float) -> float:
    """Draw the amount of one effect.

    Args:
        rng: Random generator.
        strength: Maximum amount.
        chance: Probability that the effect occurs.

    Returns:
        0, or 0.3 to 1 times the strength.
    """
    return draw_amounts(rng, strength, (chance,))[0]


def draw_amounts(
    rng: Generator, strength: float, chances: Sequence[float], *, max_sum: float = _MAX_SUM
) -> list[float]:
    """Draw the amounts of several effects.

    Their sum is limited: an image of full strength has one or two effects at their worst or several at half.
    All of them at their worst would leave nothing legible. The generator advances by the same number of draws
    whatever the strength.

    Args:
        rng: Random generator.
        strength: Maximum amount of one effect.
        chances: Probability of each effect.
        max_sum: Maximum sum of the amounts, in multiples of the strength.

    Returns:
        For each effect 0, or up to the strength.
    """
    has, share = rng.random((2, len(chances)))
    amounts = np.where(has < np.asarray(chances), 0.3 + 0.7 * share, 0.0)
    return [float(a) for a in amounts * strength * min(1.0, max_sum / max(amounts.sum(), 1e-9))]


def apply_effects(
    effects: Sequence[tuple[Callable[..., Gray], float]],
    gray: Gray,
    rng: Generator,
    strength: float,
    space_px: float,
    *,
    max_sum: float = _MAX_SUM,
) -> Gray:
    """Apply randomly drawn effects in order.

    Args:
        effects: Pairs of an effect and its probability.
        gray: (H, W) image.
        rng: Random generator.
        strength: Maximum amount of one effect, 0 .. 1.
        space_px: Staff space in pixels.
        max_sum: See `draw_amounts`.

    Returns:
        (H, W).
    """
    amounts = draw_amounts(rng, strength, [chance for _, chance in effects], max_sum=max_sum)
    for (effect, _), amount in zip(effects, amounts, strict=True):
        if amount:
            gray = effect(gray, rng, amount=amount, space_px=space_px)
    return gray
