"""Loss functions: pure functions of log-probabilities and targets, called as torch's CTC loss is."""

from focal_omr.loss.checks import Reduction
from focal_omr.loss.column_ctc import (
    alignment_guide,
    column_ctc_loss,
    column_focal_ctc_loss,
    factor_focal_ctc_loss,
    factor_weights,
)
from focal_omr.loss.consistency import consistency_loss
from focal_omr.loss.sequence import FocalCTCLoss, focal_ctc_loss, focal_nll, length_focal_ctc_loss
from focal_omr.loss.symbol import class_balanced_weights, symbol_focal_ctc_loss

__all__ = [
    "FocalCTCLoss",
    "Reduction",
    "alignment_guide",
    "class_balanced_weights",
    "column_ctc_loss",
    "column_focal_ctc_loss",
    "consistency_loss",
    "factor_focal_ctc_loss",
    "factor_weights",
    "focal_ctc_loss",
    "focal_nll",
    "length_focal_ctc_loss",
    "symbol_focal_ctc_loss",
]
