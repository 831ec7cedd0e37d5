"""Humdrum **kern reader for whole scores, through Verovio's MEI."""

from focal_omr.formats.mei_score_reader import read_mei_score
from focal_omr.formats.verovio import Engraver
from focal_omr.score.score import Score

__all__ = ["read_kern_score"]


def read_kern_score(text: str) -> Score:
    """The score of a Humdrum text with **kern spines.

    Raises:
        EngraveError: Verovio cannot read the text, or finds no music in it.
        NotationError: Something in it cannot be read: what, in which staff and measure.
    """
    return read_mei_score(Engraver().mei(text, input_format="kern"))
