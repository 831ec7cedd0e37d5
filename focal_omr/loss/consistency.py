"""CR-CTC: two views of one picture are to be read alike."""

import torch
from torch import Tensor


def consistency_loss(one: Tensor, two: Tensor, lengths: Tensor) -> Tensor:
    """Half the symmetric divergence of two views' posteriors, each drawn towards the other held still.

    0.5 * sum over frames of KL(sg(two) || one) + KL(sg(one) || two), where sg lets no gradient through: the
    plain batch mean of the sequences' sums, in nats. To be added, weighed, to a CTC loss of both views.

    Args:
        one: Natural log probabilities, normalised over C, (T, B, C).
        two: The same of the other views; frame t of both must show the same place.
        lengths: Frames of each sequence, (B,).

    Returns:
        Nats, a scalar of 0 or more.

    Raises:
        ValueError: The two have different shapes.

    Source: Yao et al. 2024, arXiv 2410.05101, equations 3 and 4.
    """
    if one.shape != two.shape:
        shapes = f"{tuple(one.shape)} and {tuple(two.shape)}"
        raise ValueError(f"the views have shapes {shapes}; needed are equal ones")
    frames = torch.arange(one.shape[0], device=one.device)
    inside = frames[:, None] < lengths.to(one.device)  # (T, B)
    both = 0.5 * (_divergence(two, one) + _divergence(one, two))
    return torch.where(inside, both, 0).sum() / one.shape[1]


def _divergence(still: Tensor, moving: Tensor) -> Tensor:
    """KL(sg(still) || moving) of each frame, (T, B); a class of probability 0 adds nothing."""
    target = still.detach()
    terms = target.exp() * (target - moving)
    return torch.where(torch.isneginf(target), 0, terms).sum(-1)
