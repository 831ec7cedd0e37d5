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
from itertools import groupby, pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from focal_omr.config import ModelConfig
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.model.factor_softmax import log_softmax_by_factor
from focal_omr.model.layers import BidirectionalLstm, convolution, frame_mask
from focal_omr.staff.strip import strip_height

__all__ = ["COLUMN_SPACES", "ColumnNetwork"]

COLUMN_SPACES = 6  # around the staff in a strip
_TO_ROW = 16  # features that the frame's vector sends to each row


class ColumnNetwork(nn.Module):
    """The network of the `columns` preset.

    Args:
        config: Layer sizes; `channels` are those of the two convolutions of the stem and of the three that
            reduce the rows.
        vocabulary: The values of the factors, `factor=value`, as `encodings.column_factors` has them: those
            of positions, `position.factor=value`, are the last, and the same for each position.

    Attributes:
        frame_names, row_names: Values that the two branches tell, the latter without their position.
        masked: Whether padding is masked; not needed for a batch of one.
    """

    FRAME_PX = 4
    masked = True

    def __init__(self, config: ModelConfig, vocabulary: Vocabulary) -> None:
        super().__init__()
        names = ("kind=blank", *vocabulary.symbols)
        of_rows = [name.partition(".") for name in names if name.split(".")[0].lstrip("-").isdigit()]
        rows = len({position for position, *_ in of_rows})
        self.frame_names = names[: len(names) - len(of_rows)]
        self.row_names = tuple(name for *_, name in of_rows[: len(of_rows) // rows])
        self.frame_sizes, self.row_sizes = _sizes(self.frame_names), _sizes(self.row_names)
        stem, local, *down = config.channels
        features, mixed = config.features, config.row_features
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
        self.frame_head = nn.Linear(features, len(self.frame_names))
        self.to_rows = nn.Linear(features, _TO_ROW * rows)
        self.from_frame = nn.Conv2d(_TO_ROW, mixed, 1)
        self.from_local = nn.Conv2d(local, mixed, 1, bias=False)
        self.row_embedding = nn.Parameter(torch.zeros(1, mixed, rows, 1))
        self.mix = convolution(mixed, mixed, (1, 1), dilation=(1, 3), padding=(1, 3))
        self.row_head = nn.Conv2d(mixed, len(self.row_names), 1)

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
        # Logits of the factors of every position, (B, values, 33, T), from the lowest position up.
        said = self.to_rows(frames).unflatten(2, (_TO_ROW, -1)).permute(1, 2, 3, 0)  # (B, 16, 33, T)
        local = functional.pad(self.from_local(x), (0, 0, 0, 1))  # the lowest position is below the strip
        mixed = functional.leaky_relu(local + self.from_frame(said) + self.row_embedding, 0.1)
        mixed = mixed + self.mix(self._mask(mixed, lengths))
        rows = self.row_head(mixed).permute(3, 0, 2, 1).flip(2)  # (T, B, 33, values of a row)
        of_frame = log_softmax_by_factor(self.frame_head(frames), self.frame_sizes)
        of_rows = log_softmax_by_factor(rows, self.row_sizes)
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
        of_frame = smoothed[: len(self.frame_names)]
        of_row = smoothed[len(self.frame_names) :].view(-1, len(self.row_names)).sum(0)
        for layer, own, sizes in (
            (self.frame_head, of_frame, self.frame_sizes),
            (self.row_head, of_row, self.row_sizes),
        ):
            prior = [part.log() - part.sum().log() for part in torch.split(own, list(sizes))]
            assert layer.bias is not None
            layer.bias.copy_(torch.cat(prior))  # in place: an optimizer may hold it

    @torch.no_grad()
    def copy_matching(self, source: "ColumnNetwork") -> None:
        """Copy the weights of a network of the same sizes; its values are matched by name.

        Values that `source` lacks keep their random weights.

        Raises:
            RuntimeError: The networks differ in more than their values.
        """
        heads = ("frame_head.", "row_head.")
        body = {name: value for name, value in source.state_dict().items() if not name.startswith(heads)}
        missing, unexpected = self.load_state_dict(body, strict=False)
        if unexpected or not all(name.startswith(heads) for name in missing):
            raise RuntimeError("other layers")
        for layer, names, other, known in (
            (self.frame_head, self.frame_names, source.frame_head, source.frame_names),
            (self.row_head, self.row_names, source.row_head, source.row_names),
        ):
            assert layer.bias is not None
            assert other.bias is not None
            for row, name in enumerate(names):
                if name in known:
                    layer.weight[row] = other.weight[known.index(name)]
                    layer.bias[row] = other.bias[known.index(name)]


def _sizes(names: Sequence[str]) -> tuple[int, ...]:
    """How many values each factor has."""
    return tuple(len([*values]) for _, values in groupby(names, lambda name: name.partition("=")[0]))
