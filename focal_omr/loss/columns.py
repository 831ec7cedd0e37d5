"""Label columns: the classes of a batch's log-probabilities that occur in its targets, and the blank.

A staff has 25 labels out of 1782 classes. CTC on their columns alone gives the same bits for a fraction of a
pass over all classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from focal_omr.loss.checks import CtcBatch


@dataclass(frozen=True)
class LabelColumns:
    """Columns of a batch, and its targets as column numbers.

    Attributes:
        labels: (B, S) targets, padded with the blank; S is at least 1.
        classes: (B, 1 + S) class of each column: the blank, then each label in order.
        differs: (B, S) whether a label differs from the one before it.
        column: (B, S) column of each label; of a run of equal labels, that of the first, because CTC must
            see them as equal to require a blank between them.
    """

    labels: Tensor
    classes: Tensor
    differs: Tensor
    column: Tensor

    @classmethod
    def of(cls, batch: CtcBatch, blank: int) -> "LabelColumns":
        """Build the columns of a batch; `blank` is the class id of the blank."""
        labels, lengths = batch.targets, batch.target_lengths
        if labels.dim() == 1:
            labels = pad_sequence(list(torch.split(labels, lengths.tolist())), batch_first=True)
        longest = int(lengths.max())
        labels = labels[:, :longest] if longest else labels.new_zeros(len(lengths), 1)
        position = torch.arange(labels.shape[1], device=labels.device)
        labels = labels.masked_fill(position >= lengths.to(labels.device)[:, None], blank)
        classes = torch.cat((torch.full_like(labels[:, :1], blank), labels), 1)
        differs = torch.ones_like(labels, dtype=torch.bool)
        differs[:, 1:] = labels[:, 1:] != labels[:, :-1]
        return cls(labels, classes, differs, torch.where(differs, position + 1, 0).cummax(1).values)

    def index(self, frames: int) -> Tensor:
        """Return the class of each column, (T, B, 1 + S), for gather and scatter over classes."""
        return self.classes.expand(frames, -1, -1)
