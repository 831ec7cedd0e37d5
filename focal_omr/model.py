"""The networks: convolutions over a staff, a recurrent part along it, a class for every frame.

`forward(images, widths) -> (log_probs, lengths)` and nothing else. A sample's result does not depend on the
batch it is in: what lies beyond its own width is masked, and the backward direction starts at its own end.
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
    """The network that a configuration names, with fresh weights."""
    return PaperCrnn(vocabulary.classes) if config.preset == "paper" else Crnn(config, vocabulary)


def frame_px(config: ModelConfig) -> int:
    """Pixels of the network's input per frame of its output."""
    return PaperCrnn.FRAME_PX if config.preset == "paper" else Crnn.FRAME_PX


def input_height_px(config: ModelConfig) -> int:
    """Rows of the network's input."""
    return PLAIN_HEIGHT_PX if config.preset == "paper" else STRIP_HEIGHT_PX


class Crnn(nn.Module):
    """The `default` preset: five strided convolutions and two bidirectional LSTM layers on a staff strip."""

    FRAME_PX = 4  # half a staff space; a note head is 2.5 frames wide, which the densest print leaves apart
    _STRIDES = ((2, 2), (2, 2), (2, 1), (2, 1), (2, 1))
    masked = True  # what lies beyond a strip's own width; not needed where strips go through one by one

    def __init__(self, config: ModelConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        widths = (1, *config.channels)
        self.convolutions = nn.ModuleList(
            _block(before, after, stride)
            for before, after, stride in zip(widths[:-1], config.channels, self._STRIDES, strict=True)
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
        """Log-probabilities of the classes in every frame.

        Args:
            images: (B, 1, 96, W) strips, ink 1, paper 0, zero beyond each one's own width.
            widths: (B,) own widths in pixels.

        Returns:
            log_probs (T, B, C) as `torch.nn.functional.ctc_loss` wants them, and the lengths (B,) in frames.
        """
        x = images.contiguous(memory_format=torch.channels_last)
        lengths = widths
        for block, (_, stride) in zip(self.convolutions, self._STRIDES, strict=True):
            x = block(x)
            if stride > 1:  # where frames stay as wide, so does the mask
                lengths = (lengths + stride - 1) // stride
                mask = _mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype)
            if self.masked:
                x = x * mask
        x = x.permute(3, 0, 1, 2).flatten(2)  # (T, B, C * rows)
        x = self.dropout(self.project(x))
        for layer in self.recurrent:
            x = self.dropout(layer(x, lengths))
        return self.head(x).float().log_softmax(-1), lengths


def _block(before: int, after: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1, inplace=True),
    )


def _mask(lengths: Tensor, size: int) -> Tensor:
    """(B, size) true below each sample's own length."""
    return torch.arange(size, device=lengths.device)[None, :] < lengths[:, None]


class BidirectionalLstm(nn.Module):
    """One bidirectional LSTM layer over sequences of different lengths, without packing.

    The backward direction reads each sequence reversed within its own length. That gives what a packed
    sequence gives, on the fused kernel and in ONNX.
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(inputs, hidden)
        self.back = nn.LSTM(inputs, hidden)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(T, B, inputs), (B,) -> (T, B, 2 * hidden)."""
        turn = _reversal(lengths, x.shape[0])
        ahead, _ = self.ahead(x)
        back, _ = self.back(_take(x, turn))
        return torch.cat((ahead, _take(back, turn)), dim=2)


def _reversal(lengths: Tensor, frames: int) -> Tensor:
    """(T, B) indices that reverse the first `length` frames of each sequence and leave the others."""
    place = torch.arange(frames, device=lengths.device)[:, None]
    return torch.where(place < lengths[None, :], lengths[None, :] - 1 - place, place)


def _take(x: Tensor, index: Tensor) -> Tensor:
    return x.gather(0, index[:, :, None].expand(-1, -1, x.shape[2]))


class FactorisedLinear(nn.Module):
    """A linear layer over symbols whose weights are sums of factor weights, plus a part of their own.

    Source: the idea of predicting pitch and duration apart, as sums of logits; see `notation.factors`.
    """

    membership: Tensor

    def __init__(self, inputs: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        factors = [("blank",), *(symbol_factors(symbol) for symbol in vocabulary.symbols)]
        names = {name: row for row, name in enumerate(sorted({name for each in factors for name in each}))}
        membership = torch.zeros(len(factors), len(names))
        for number, each in enumerate(factors):
            for name in each:
                membership[number, names[name]] = 1.0
        self.register_buffer("membership", membership, persistent=False)
        self.factor_rows, self.symbols = names, ("blank", *vocabulary.symbols)
        self.factor_weight = nn.Parameter(torch.randn(len(names), inputs) / (2 * inputs**0.5))
        self.factor_bias = nn.Parameter(torch.zeros(len(names)))
        self.own_weight = nn.Parameter(torch.zeros(len(factors), inputs))
        self.own_bias = nn.Parameter(torch.zeros(len(factors)))

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., C)."""
        return nn.functional.linear(x, *self.folded())

    @torch.no_grad()
    def copy_matching_rows(self, source: "FactorisedLinear") -> None:
        """Copy the rows of the factors and symbols that both have."""
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
        """Weight (C, inputs) and bias (C,) of the plain linear layer that this one is."""
        weight = self.membership @ self.factor_weight + self.own_weight
        return weight, self.membership @ self.factor_bias + self.own_bias


def copy_matching_weights(model: nn.Module, source: nn.Module) -> None:
    """Give `model` the weights of `source`, a network of the same sizes with perhaps another vocabulary.

    Of a factorised head the factors and symbols of the same names are taken, and what is new stays fresh: so
    a trained network goes on with symbols that were added, or with another encoding.

    Raises:
        ModelError: The networks differ in more than their symbols.
    """
    body = {name: value for name, value in source.state_dict().items() if not name.startswith("head.")}
    own = {name: value for name, value in model.state_dict().items() if not name.startswith("head.")}
    if {name: value.shape for name, value in body.items()} != {n: value.shape for n, value in own.items()}:
        raise ModelError("the weights to start from belong to a network of other sizes")
    model.load_state_dict(body, strict=False)
    head, other = model.get_submodule("head"), source.get_submodule("head")
    if isinstance(head, FactorisedLinear) and isinstance(other, FactorisedLinear):
        head.copy_matching_rows(other)
        return
    try:
        head.load_state_dict(other.state_dict())
    except RuntimeError as error:
        raise ModelError("the weights to start from have another kind of output") from error


class PaperCrnn(nn.Module):
    """The `paper` preset: the CRNN of Calvo-Zaragoza & Rizo 2018 on images of height 128.

    Our one deviation: a sample's length comes from its own width, and what lies beyond it is masked, where
    the published code gives every sample of a batch the padded one.
    """

    FRAME_PX = 16

    def __init__(self, classes: int) -> None:
        super().__init__()
        channels = (1, 32, 64, 128, 256)
        blocks: list[nn.Module] = []
        for before, after in pairwise(channels):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after),
                nn.LeakyReLU(0.2),
                nn.MaxPool2d(2),
            ]
        self.convolutions = nn.Sequential(*blocks)
        rows = PLAIN_HEIGHT_PX // self.FRAME_PX
        self.recurrent = nn.LSTM(256 * rows, 512, num_layers=2, bidirectional=True, dropout=0.5)
        self.head = nn.Linear(1024, classes)

    def forward(self, images: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """As `Crnn.forward`, for images (B, 1, 128, W)."""
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
