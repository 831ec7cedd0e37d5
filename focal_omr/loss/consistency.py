"""Consistency regularisation (CR-CTC) between two views of one image."""

import torch
from torch import Tensor


def consistency_loss(one: Tensor, two: Tensor, lengths: Tensor) -> Tensor:
    """Compute half the symmetric KL divergence between the frame posteriors of two views.

    0.5 * sum over frames of KL(sg(two) || one) + KL(sg(one) || two), where sg stops the gradient, averaged
    over the batch. Add it, with a weight, to the CTC loss of both views.

    Args:
        one: Natural log-probabilities of the first views, normalised over C, (T, B, C).
        two: The same of the second views; frame t of both must show the same place.
        lengths: Frames of each sequence, (B,).

    Returns:
        Nats, a scalar, at least 0.

    Raises:
        ValueError: The views have different shapes.

    Source: Yao et al. 2024, arXiv 2410.05101, equations 3 and 4.
    """
    if one.shape != two.shape:
        shapes = f"{tuple(one.shape)} and {tuple(two.shape)}"
        raise ValueError(f"the views have shapes {shapes}; they must be equal")
    frames = torch.arange(one.shape[0], device=one.device)
    inside = frames[:, None] < lengths.to(one.device)  # (T, B)
    both = 0.5 * (_divergence(two, one) + _divergence(one, two))
    return torch.where(inside, both, 0).sum() / one.shape[1]


def _divergence(target: Tensor, moving: Tensor) -> Tensor:
    """Compute KL(sg(target) || moving) of each frame, (T, B); a class of probability 0 adds nothing."""
    target = target.detach()
    terms = target.exp() * (target - moving)
    return torch.where(torch.isneginf(target), 0, terms).sum(-1)
