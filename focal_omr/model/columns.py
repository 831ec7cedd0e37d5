"""The `columns` preset: a strip of six spaces becomes the factors of a column in each frame.

The trunk keeps rows: after two strides of 2 a row of its features is 4 px high, one diatonic step, and row r
shows position 20 - r. From there

* one branch goes on to a vector per frame, through strided convolutions and LSTMs over pairs of frames; it
  gives the kind of the column, the durations of the stems and the advance;
* the other stays at 33 rows: local features and what the frame's vector says to each row give head,
  accidental, tie and kind of head. Its weights are the same for all rows, so that a pitch far above the staff
  is learned from those in it.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from focal_omr.config import ModelConfig
from focal_omr.encodings.column_factors import FACTORS, POSITIONS
from focal_omr.model.layers import BidirectionalLstm, convolution, frame_mask
from focal_omr.staff.strip import strip_height

__all__ = ["COLUMN_SPACES", "ColumnNetwork"]

COLUMN_SPACES = 6  # around the staff in a strip
_SIZES = tuple(len(factor.values) for factor in FACTORS)
_OF_ROW = 4  # factors of a position: head, accidental, tie, kind
_OF_FRAME = len(FACTORS) - _OF_ROW * len(POSITIONS)  # all others, which come first
_FRAME_SIZES, _ROW_SIZES = _SIZES[:_OF_FRAME], _SIZES[-_OF_ROW:]
_TO_ROW = 16  # features that the frame's vector sends to each row


class ColumnNetwork(nn.Module):
    """The network of the `columns` preset.

    Args:
        config: Layer sizes; `channels` are those of the two convolutions of the stem and of the three that
            reduce the rows.

    Attributes:
        masked: Whether padding is masked; not needed for a batch of one.
    """

    FRAME_PX = 4
    masked = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        stem, local, *down = config.channels
        rows, features, mixed = len(POSITIONS), config.features, config.row_features
        self.stem = nn.ModuleList(
            # The second with a kernel of 2: backward of 3 takes ten times as long in bfloat16 on a CPU.
            (convolution(1, stem, (2, 2)), convolution(stem, local, (2, 2), kernel_size=2, padding=0))
        )
        self.local = nn.ModuleList(
            (
                convolution(local, local, (1, 1)),
                convolution(local, local, (1, 1), dilation=(1, 2), padding=(1, 2)),
            )
        )
        self.down = nn.ModuleList(
            convolution(inputs, outputs, (2, 1)) for inputs, outputs in pairwise((local, *down))
        )
        of_all_rows = down[-1] * (strip_height(COLUMN_SPACES) // 2**5)
        self.project = nn.Sequential(nn.Linear(of_all_rows, features), nn.LayerNorm(features), nn.SiLU())
        self.recurrent = nn.ModuleList(
            BidirectionalLstm(2 * features if layer == 0 else 2 * config.hidden, config.hidden)
            for layer in range(config.layers)
        )
        self.frame = nn.Sequential(nn.Linear(features + 2 * config.hidden, features), nn.SiLU())
        self.dropout = nn.Dropout(config.dropout)
        self.frame_head = nn.Linear(features, sum(_FRAME_SIZES))
        self.to_rows = nn.Linear(features, _TO_ROW * rows)
        self.from_frame = nn.Conv2d(_TO_ROW, mixed, 1)
        self.from_local = nn.Conv2d(local, mixed, 1, bias=False)
        self.row_embedding = nn.Parameter(torch.zeros(1, mixed, rows, 1))
        self.mix = convolution(mixed, mixed, (1, 1), dilation=(1, 3), padding=(1, 3))
        self.row_head = nn.Conv2d(mixed, sum(_ROW_SIZES), 1)

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the log-probabilities of the values of all factors in every frame.

        Args:
            images: (B, 1, 128, W) strips, ink 1, paper 0, zero-padded.
            widths: (B,) widths without padding, in pixels.

        Returns:
            Log-probabilities (T, B, F), in the order of `encodings.column_factors.FACTORS`, and lengths (B,)
            in frames.
        """
        half, lengths = (widths + 1) // 2, (widths + 3) // 4
        x = self._mask(self.stem[0](images.contiguous(memory_format=torch.channels_last)), half)
        x = self._mask(self.stem[1](functional.pad(x, (0, 1))), lengths)  # one more: W / 4 rounded up
        for layer in self.local:
            x = self._mask(x + layer(x), lengths)
        frames = self._frames(x, lengths)  # (T, B, features)
        rows = self._rows(x, frames, lengths)  # (T, B, 33, values of a row)
        of_frame = log_softmax_by_factor(self.frame_head(frames), _FRAME_SIZES)
        of_rows = log_softmax_by_factor(rows, _ROW_SIZES)
        return torch.cat((of_frame, of_rows.flatten(2)), 2), lengths

    def _frames(self, x: Tensor, lengths: Tensor) -> Tensor:
        """A vector per frame, (T, B, features), from the features of the trunk, (B, C, 32, T)."""
        for layer in self.down:
            x = self._mask(layer(x), lengths)
        local = self.project(x.permute(3, 0, 1, 2).flatten(2))
        if self.masked:
            local = local * frame_mask(lengths, local.shape[0]).T[..., None]
        # Two frames, a staff space, are one step of the LSTMs: half the time for the same context.
        odd = functional.pad(local, (0, 0, 0, 0, 0, 1))[1::2]
        context = torch.cat((local[::2], odd), 2)
        for layer in self.recurrent:
            context = self.dropout(layer(context, (lengths + 1) // 2))
        context = torch.stack((context, context), 1).flatten(0, 1)[: local.shape[0]]
        out: Tensor = self.dropout(self.frame(torch.cat((local, context), 2)))
        return out

    def _rows(self, x: Tensor, frames: Tensor, lengths: Tensor) -> Tensor:
        """Logits of the factors of every position, (T, B, 33, values), from the lowest position up."""
        said = self.to_rows(frames).unflatten(2, (_TO_ROW, -1)).permute(1, 2, 3, 0)  # (B, 16, 33, T)
        local = functional.pad(self.from_local(x), (0, 0, 0, 1))  # the lowest position is below the strip
        mixed = functional.leaky_relu(local + self.from_frame(said) + self.row_embedding, 0.1)
        mixed = mixed + self.mix(self._mask(mixed, lengths))
        rows: Tensor = self.row_head(mixed)
        return rows.permute(3, 0, 2, 1).flip(2)

    def _mask(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Set features (B, C, H, W) beyond each length to 0."""
        return x * frame_mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype) if self.masked else x

    @torch.no_grad()
    def set_prior(self, counts: Tensor) -> None:
        """Set the biases of the output layers to the logarithm of how frequent each value is.

        A network that starts there need not learn first that most positions have no head.

        Args:
            counts: Occurrences of each value in training, (F,), those of the blank in frames.

        Source: Lin et al. 2017, arXiv 1708.02002, section 3.3.
        """
        smoothed = counts.double() + 1
        of_frame = smoothed[: sum(_FRAME_SIZES)]
        of_row = smoothed[sum(_FRAME_SIZES) :].view(len(POSITIONS), -1).sum(0)
        for layer, own, sizes in (
            (self.frame_head, of_frame, _FRAME_SIZES),
            (self.row_head, of_row, _ROW_SIZES),
        ):
            prior = [part.log() - part.sum().log() for part in torch.split(own, list(sizes))]
            layer.bias = nn.Parameter(torch.cat(prior).float())


def log_softmax_by_factor(logits: Tensor, sizes: Sequence[int]) -> Tensor:
    """Log-softmax within each factor of (..., sum of sizes), in float32."""
    return torch.cat([part.log_softmax(-1) for part in torch.split(logits.float(), list(sizes), -1)], -1)
