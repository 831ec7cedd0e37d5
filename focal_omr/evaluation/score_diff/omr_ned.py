"""OMR-NED: musicdiff's edit distance of two engraved scores, normalised by their number of symbols.

musicdiff ships with the extra `judge`. It compares everything that is engraved, including chords, slurs and
dynamics: OMR-NED tells how far a reading is from the print, not how many of its notes are right.

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
    """Whether musicdiff is installed."""
    return find_spec("musicdiff") is not None


def omr_neds(pairs: Sequence[tuple[str, str]]) -> list[float | None]:
    """Measure OMR-NED of pairs of MusicXML documents, each of a result and its truth.

    Returns:
        A number from 0 (equal) to 1 for each pair; None if musicdiff is not installed, could not read one of
        the two, or took longer than a minute, which is logged.
    """
    if not has_musicdiff() or not pairs:
        return [None] * len(pairs)
    values: list[float | None] = []
    for _, measured in map_in_processes(_measure, pairs, workers=1, limits=_LIMITS):
        if isinstance(measured, float):
            values.append(measured)
            continue
        reason = f"musicdiff {measured.reason}" if isinstance(measured, Lost) else measured
        logger.warning("OMR-NED is not measured: %s", reason)
        values.append(None)
    return values


def _measure(pair: tuple[str, str]) -> float | str:
    """OMR-NED, or the reason why it cannot be measured."""
    from music21 import converter
    from musicdiff import AnnScore, Comparison, Visualization

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # music21 warns about everything it has to guess
            result, truth = (AnnScore(converter.parseData(each, format="musicxml")) for each in pair)
            _, distance = Comparison.annotated_scores_diff(result, truth)
            return float(Visualization.get_omr_ned(distance, result.notation_size(), truth.notation_size()))
    except Exception as error:  # errors of music21 and musicdiff have no common base class
        return f"{type(error).__name__}: {error}"
