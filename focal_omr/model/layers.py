"""Layers that the networks share: padding masks and bidirectional LSTMs for sequences of any lengths."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["BidirectionalLstm", "convolution", "frame_mask"]


def frame_mask(lengths: Tensor, size: int) -> Tensor:
    """Return a mask, true at positions below each length, (B, size), of lengths (B,)."""
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


def convolution(
    inputs: int, outputs: int, stride: tuple[int, int], **options: int | tuple[int, int]
) -> nn.Sequential:
    """A convolution with batch normalisation and leaky ReLU.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        stride: (rows, columns).
        **options: Of `torch.nn.Conv2d`; by default a kernel of 3 x 3 and a padding of 1.
    """
    kernel: dict[str, Any] = {"kernel_size": 3, "padding": 1, **options}
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, stride=stride, bias=False, **kernel),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(0.1, inplace=True),
    )


class BidirectionalLstm(nn.Module):
    """Bidirectional LSTM layer over sequences of different lengths, without packing.

    The backward direction reads each sequence reversed within its length. This equals a packed sequence, but
    runs on the fused kernel and exports to ONNX.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        # Both names are keys of checkpoints.
        self.ahead = nn.LSTM(inputs, hidden)  # forward direction
        self.back = nn.LSTM(inputs, hidden)  # backward direction

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map (T, B, inputs) with lengths (B,) to (T, B, 2 * hidden)."""
        frame = torch.arange(x.shape[0], device=lengths.device)[:, None]
        reversal = torch.where(frame < lengths[None, :], lengths[None, :] - 1 - frame, frame)  # (T, B)
        forward, _ = self.ahead(x)
        backward, _ = self.back(_gather_frames(x, reversal))
        return torch.cat((forward, _gather_frames(backward, reversal)), dim=2)


def _gather_frames(x: Tensor, index: Tensor) -> Tensor:
    """Select frames of x (T, B, F) by an index (T, B)."""
    return x.gather(0, index[:, :, None].expand(-1, -1, x.shape[2]))
