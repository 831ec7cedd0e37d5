"""The `default` preset: a CRNN over a staff strip with one class per symbol."""

import torch
from torch import Tensor, nn

from focal_omr.config import ModelConfig
from focal_omr.encodings.factors import symbol_factors
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.errors import ModelError
from focal_omr.model.columns import ColumnNetwork
from focal_omr.model.layers import BidirectionalLstm, convolution, frame_mask
from focal_omr.staff.strip import STRIP_HEIGHT_PX

__all__ = ["Crnn", "FactorisedLinear", "copy_matching_weights"]


_OTHER_SIZES = "the weights to start from have other layer sizes than the configuration"


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
            convolution(inputs, outputs, stride)
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
                mask = frame_mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype)
            if self.masked:
                x = x * mask
        x = x.permute(3, 0, 1, 2).flatten(2)  # (T, B, C * rows)
        x = self.dropout(self.project(x))
        for layer in self.recurrent:
            x = self.dropout(layer(x, lengths))
        return self.head(x).float().log_softmax(-1), lengths


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
    if isinstance(model, ColumnNetwork) and isinstance(source, ColumnNetwork):
        try:
            return model.copy_matching(source)
        except RuntimeError:
            raise ModelError(_OTHER_SIZES) from None
    body = {name: value for name, value in source.state_dict().items() if not name.startswith("head.")}
    expected = {name: value for name, value in model.state_dict().items() if not name.startswith("head.")}
    if {name: value.shape for name, value in body.items()} != {
        n: value.shape for n, value in expected.items()
    }:
        raise ModelError(_OTHER_SIZES)
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
