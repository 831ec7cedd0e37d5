"""OMR-NED: musicdiff's edit distance of two engraved scores, normalised over the symbols of both.

musicdiff is optional (extra `judge`). It sees all that is engraved, chords and slurs and dynamics too: so it
tells how far a reading is from the print, not how many of the notes that can be read are right.

Source: Martinez-Sevilla et al., "Sheet Music Benchmark: Standardized optical music recognition evaluation",
2025; musicdiff 5.2.
"""

import logging
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes

__all__ = ["has_musicdiff", "omr_neds"]

logger = logging.getLogger(__name__)

# musicdiff 5.2 takes 0.1 s for a part of 168 bars with every fifth note wrong, 5 s with three in five, and
# more than four minutes for two different parts.
_LIMITS = ProcessLimits(60.0, None)


def has_musicdiff() -> bool:
    """Whether OMR-NED can be measured here."""
    return find_spec("musicdiff") is not None


def omr_neds(pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """OMR-NED of pairs of MusicXML documents, each of a result and its truth: 0 (equal) to 1.

    Returns:
        A number for each pair. None where musicdiff is not installed, could not read one of the two, or took
        longer than a minute; the log says which.
    """
    if not has_musicdiff() or not pairs:
        return [None] * len(pairs)
    figures: list[float | None] = []
    for _, measured in map_in_processes(_measure, pairs, workers=1, limits=_LIMITS):
        if isinstance(measured, float):
            figures.append(measured)
            continue
        reason = f"musicdiff {measured.reason}" if isinstance(measured, Lost) else measured
        logger.warning("OMR-NED is not measured: %s", reason)
        figures.append(None)
    return figures


def _measure(pair: tuple[str, str]) -> float | str:
    """OMR-NED, or why there is none."""
    from music21 import converter
    from musicdiff import AnnScore, Comparison, Visualization

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of music21, about what it guesses
            result, truth = (AnnScore(converter.parseData(each, format="musicxml")) for each in pair)
            _, distance = Comparison.annotated_scores_diff(result, truth)
            sizes = result.notation_size(), truth.notation_size()
            return float(Visualization.get_omr_ned(distance, *sizes))
    except Exception as error:  # whatever music21 and musicdiff raise about one score
        return f"{type(error).__name__}: {error}"
