"""CRNNs: convolutions over a staff image, bidirectional LSTMs along it, class log-probabilities per frame.

Interface: `forward(images, widths) -> (log_probs, lengths)`. The result for a sample does not depend on its
batch: padding beyond its width is masked, and the backward direction starts at its last frame.

Shapes: T frames, B batch, C classes with blank, H rows, W columns.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from focal_omr.config import ModelConfig
from focal_omr.encodings.factors import symbol_factors
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError
from focal_omr.staff.strip import PLAIN_HEIGHT_PX, STRIP_HEIGHT_PX


def build_model(config: ModelConfig, vocabulary: Vocabulary) -> nn.Module:
    """Build the network of a configuration with random weights."""
    return PaperCrnn(vocabulary.classes) if config.preset == "paper" else Crnn(config, vocabulary)


def frame_px(config: ModelConfig) -> int:
    """Return the input pixels per output frame."""
    return PaperCrnn.FRAME_PX if config.preset == "paper" else Crnn.FRAME_PX


def input_height_px(config: ModelConfig) -> int:
    """Return the height of the input in pixels."""
    return PLAIN_HEIGHT_PX if config.preset == "paper" else STRIP_HEIGHT_PX


class Crnn(nn.Module):
    """The `default` preset: five strided convolutions and bidirectional LSTM layers on a staff strip.

    Args:
        config: Layer sizes.
        vocabulary: Symbols of the output classes.

    Attributes:
        masked: Whether padding is masked; not needed for a batch of one.
    """

    FRAME_PX = 4  # half a staff space; a note head is 2.5 frames wide, which separates the densest print
    _STRIDES = ((2, 2), (2, 2), (2, 1), (2, 1), (2, 1))  # (rows, columns)
    masked = True

    def __init__(self, config: ModelConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        channels = (1, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.1, inplace=True),
            )
            for inputs, outputs, stride in zip(channels[:-1], config.channels, self._STRIDES, strict=True)
        )
        rows = STRIP_HEIGHT_PX // 2 ** len(self._STRIDES)
        self.project = nn.Sequential(
            nn.Linear(config.channels[-1] * rows, config.features), nn.LayerNorm(config.features), nn.SiLU()
        )
        self.recurrent = nn.ModuleList(
            BidirectionalLstm(config.features if layer == 0 else 2 * config.hidden, config.hidden)
            for layer in range(config.layers)
        )
        self.dropout = nn.Dropout(config.dropout)
        if config.factorised:
            self.head: nn.Module = FactorisedLinear(2 * config.hidden, vocabulary)
        else:
            self.head = nn.Linear(2 * config.hidden, vocabulary.classes)

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute class log-probabilities of every frame.

        Args:
            images: (B, 1, 96, W) strips, ink 1, paper 0, zero-padded.
            widths: (B,) widths without padding, in pixels.

        Returns:
            Log-probabilities (T, B, C) as `torch.nn.functional.ctc_loss` takes them, and lengths (B,) in
            frames.
        """
        x = images.contiguous(memory_format=torch.channels_last)
        lengths = widths
        for block, (_, stride) in zip(self.convolutions, self._STRIDES, strict=True):
            x = block(x)
            if stride > 1:  # else length and mask stay as they are
                lengths = (lengths + stride - 1) // stride
                mask = _mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype)
            if self.masked:
                x = x * mask
        x = x.permute(3, 0, 1, 2).flatten(2)  # (T, B, C * rows)
        x = self.dropout(self.project(x))
        for layer in self.recurrent:
            x = self.dropout(layer(x, lengths))
        return self.head(x).float().log_softmax(-1), lengths


def _mask(lengths: Tensor, size: int) -> Tensor:
    """Return a mask (B, size), true at positions below each length."""
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


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


class FactorisedLinear(nn.Module):
    """Linear layer whose weight for a symbol is the sum of its factors' weights and a residual.

    Factors are shared by symbols: pitch, duration and so on, see `encodings.factors`. A symbol's logit is the
    sum of its factors' logits plus the residual's.

    Args:
        inputs: Features.
        vocabulary: Symbols of the output classes.

    Source: the idea of predicting pitch and duration separately, here as sums of logits.
    """

    membership: Tensor

    def __init__(self, inputs: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        factors = [("blank",), *(symbol_factors(symbol) for symbol in vocabulary.symbols)]
        names = {name: row for row, name in enumerate(sorted({name for each in factors for name in each}))}
        membership = torch.zeros(len(factors), len(names))
        for class_id, each in enumerate(factors):
            for name in each:
                membership[class_id, names[name]] = 1.0
        self.register_buffer("membership", membership, persistent=False)
        self.factor_rows, self.symbols = names, ("blank", *vocabulary.symbols)
        self.factor_weight = nn.Parameter(torch.randn(len(names), inputs) / (2 * inputs**0.5))
        self.factor_bias = nn.Parameter(torch.zeros(len(names)))
        # Per-symbol residuals; their names are keys of checkpoints.
        self.own_weight = nn.Parameter(torch.zeros(len(factors), inputs))
        self.own_bias = nn.Parameter(torch.zeros(len(factors)))

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to logits (..., C); for the recurrent output, (T, B, inputs) to (T, B, C)."""
        return nn.functional.linear(x, *self.folded())

    @torch.no_grad()
    def copy_matching_rows(self, source: "FactorisedLinear") -> None:
        """Copy the weights of the factors and symbols that both layers have."""
        for name, row in self.factor_rows.items():
            if (other := source.factor_rows.get(name)) is not None:
                self.factor_weight[row] = source.factor_weight[other]
                self.factor_bias[row] = source.factor_bias[other]
        rows = {symbol: row for row, symbol in enumerate(source.symbols)}
        for row, symbol in enumerate(self.symbols):
            if (other := rows.get(symbol)) is not None:
                self.own_weight[row] = source.own_weight[other]
                self.own_bias[row] = source.own_bias[other]

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return weight (C, inputs) and bias (C,) of the equivalent plain linear layer."""
        weight = self.membership @ self.factor_weight + self.own_weight
        return weight, self.membership @ self.factor_bias + self.own_bias


def copy_matching_weights(model: nn.Module, source: nn.Module) -> None:
    """Copy the weights of `source` into `model`, a network of the same sizes with any vocabulary.

    In a factorised head, factors and symbols are matched by name; the others keep their random weights. So a
    trained network can be trained further with added symbols or another encoding.

    Raises:
        ModelError: The networks differ in more than their vocabularies.
    """
    body = {name: value for name, value in source.state_dict().items() if not name.startswith("head.")}
    expected = {name: value for name, value in model.state_dict().items() if not name.startswith("head.")}
    if {name: value.shape for name, value in body.items()} != {
        n: value.shape for n, value in expected.items()
    }:
        raise ModelError("the weights to start from have other layer sizes than the configuration")
    model.load_state_dict(body, strict=False)
    head, other = model.get_submodule("head"), source.get_submodule("head")
    if isinstance(head, FactorisedLinear) and isinstance(other, FactorisedLinear):
        head.copy_matching_rows(other)
        return
    try:
        head.load_state_dict(other.state_dict())
    except RuntimeError as error:
        raise ModelError(
            "the weights to start from have another output layer than the configuration"
        ) from error


class PaperCrnn(nn.Module):
    """The `paper` preset: the CRNN of Calvo-Zaragoza & Rizo 2018 on images of height 128.

    Args:
        classes: Output classes with blank.

    Source: Calvo-Zaragoza & Rizo 2018, "End-to-End Neural Optical Music Recognition of Monophonic Scores".
    Deviation: lengths come from each sample's own width and padding is masked; the published code gives all
    samples of a batch the padded length.
    """

    FRAME_PX = 16

    def __init__(self, classes: int) -> None:
        super().__init__()
        channels = (1, 32, 64, 128, 256)
        blocks: list[nn.Module] = []
        for inputs, outputs in pairwise(channels):
            blocks += [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
                nn.MaxPool2d(2),
            ]
        self.convolutions = nn.Sequential(*blocks)
        rows = PLAIN_HEIGHT_PX // self.FRAME_PX
        self.recurrent = nn.LSTM(256 * rows, 512, num_layers=2, bidirectional=True, dropout=0.5)
        self.head = nn.Linear(1024, classes)

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the same as `Crnn.forward`, for images (B, 1, 128, W); log-probabilities are (T, B, C)."""
        x, lengths = images, widths
        for layer in self.convolutions:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                lengths = lengths // 2
                x = x * _mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype)
        x = x.permute(3, 0, 1, 2).flatten(2)  # (T, B, 256 * 8)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0], total_length=x.shape[0])
        return self.head(x).float().log_softmax(-1), lengths
