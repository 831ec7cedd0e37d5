"""CRNNs: convolutions over a staff image, bidirectional LSTMs along it, log-probabilities per frame.

Interface: `forward(images, widths) -> (log_probs, lengths)`. The result for a sample does not depend on its
batch: padding beyond its width is masked, and the backward direction starts at its last frame.

Shapes: T frames, B batch, C classes with blank or F values of factors, H rows, W columns.
"""

from torch import nn

from focal_omr.config import ModelConfig
from focal_omr.encodings.vocabulary import Vocabulary
from focal_omr.model.columns import COLUMN_SPACES, ColumnNetwork
from focal_omr.model.crnn import Crnn, FactorisedLinear, copy_matching_weights
from focal_omr.model.layers import BidirectionalLstm
from focal_omr.model.paper import PaperCrnn
from focal_omr.staff.strip import PLAIN_HEIGHT_PX, STRIP_HEIGHT_PX, strip_height

__all__ = [
    "BidirectionalLstm",
    "ColumnNetwork",
    "Crnn",
    "FactorisedLinear",
    "PaperCrnn",
    "build_model",
    "copy_matching_weights",
    "frame_px",
    "input_height_px",
]


def build_model(config: ModelConfig, vocabulary: Vocabulary) -> nn.Module:
    """Build the network of a configuration with random weights.

    Args:
        config: Preset and layer sizes.
        vocabulary: Symbols of the output classes.
    """
    if config.preset == "columns":
        return ColumnNetwork(config, vocabulary)
    return PaperCrnn(vocabulary.classes) if config.preset == "paper" else Crnn(config, vocabulary)


def frame_px(config: ModelConfig) -> int:
    """Return the input pixels per output frame."""
    frames = {"default": Crnn.FRAME_PX, "paper": PaperCrnn.FRAME_PX, "columns": ColumnNetwork.FRAME_PX}
    return frames[config.preset]


def input_height_px(config: ModelConfig) -> int:
    """Return the height of the input in pixels."""
    heights = {"default": STRIP_HEIGHT_PX, "paper": PLAIN_HEIGHT_PX, "columns": strip_height(COLUMN_SPACES)}
    return heights[config.preset]
