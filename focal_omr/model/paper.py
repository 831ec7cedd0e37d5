"""The `paper` preset: the CRNN of Calvo-Zaragoza & Rizo 2018 on plain images."""

from itertools import pairwise

from torch import Tensor, nn

from focal_omr.model.layers import frame_mask
from focal_omr.staff.strip import PLAIN_HEIGHT_PX

__all__ = ["PaperCrnn"]


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
                x = x * frame_mask(lengths, x.shape[3])[:, None, None, :].to(x.dtype)
        x = x.permute(3, 0, 1, 2).flatten(2)  # (T, B, 256 * 8)
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)
        x, _ = nn.utils.rnn.pad_packed_sequence(self.recurrent(packed)[0], total_length=x.shape[0])
        return self.head(x).float().log_softmax(-1), lengths
