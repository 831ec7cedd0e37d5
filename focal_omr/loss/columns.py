"""The few columns of a batch's log probabilities that its targets need: the blank's and each label's.

Of 1782 classes a staff names 25. What CTC computes from their columns alone is the same to the last bit, and
costs a fraction of a pass over all classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from focal_omr.loss.checks import CtcBatch


@dataclass(frozen=True)
class LabelColumns:
    """The columns of a batch, and the targets in their terms.

    Attributes:
        labels: (B, S) targets, the blank beyond each one's length; S is 1 or more.
        classes: (B, 1 + S) class of each column: the blank, then each label in its place.
        fresh: (B, S) whether a label differs from the one before it.
        names: (B, S) column of each label, and of equal neighbours the first one's, since a blank must stand
            between them.
    """

    labels: Tensor
    classes: Tensor
    fresh: Tensor
    names: Tensor

    @classmethod
    def of(cls, batch: CtcBatch, blank: int) -> "LabelColumns":
        """The columns that a checked batch needs."""
        labels = _padded(batch.targets, batch.target_lengths, fill=blank)
        classes = torch.cat((torch.full_like(labels[:, :1], blank), labels), 1)
        fresh = torch.ones_like(labels, dtype=torch.bool)
        fresh[:, 1:] = labels[:, 1:] != labels[:, :-1]
        spots = torch.arange(labels.shape[1], device=labels.device)
        return cls(labels, classes, fresh, torch.where(fresh, spots + 1, 0).cummax(1).values)

    def of_frames(self, frames: int) -> Tensor:
        """(T, B, 1 + S) the classes, for gathering and scattering."""
        return self.classes.expand(frames, -1, -1)


def _padded(targets: Tensor, lengths: Tensor, *, fill: int) -> Tensor:
    """Targets as (B, S), `fill` beyond each one's length; S is 1 or more."""
    if targets.dim() == 1:
        targets = pad_sequence(list(torch.split(targets, lengths.tolist())), batch_first=True)
    longest = int(lengths.max())
    targets = targets[:, :longest] if longest else targets.new_zeros(len(lengths), 1)
    spots = torch.arange(targets.shape[1], device=targets.device)
    return targets.masked_fill(spots >= lengths.to(targets.device)[:, None], fill)
