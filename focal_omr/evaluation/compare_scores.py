"""How far readings are from the truth: in notes bar by bar and by onset, in symbols, as engraved scores.

The note error is the edit distance over spelled pitch and duration in percent of the truth's notes, bar by
bar (`judge.align`). Grace notes are left out, and so are bars with chords or two voices, on both sides. Tied
notes count as they are printed. What cannot be read is 100 % wrong.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.align_bars import NoteErrors, note_errors
from focal_omr.evaluation.score_diff.omr_ned import has_musicdiff, omr_neds
from focal_omr.evaluation.score_diff.pair_files import Pair, pair_folders, read_parts
from focal_omr.evaluation.score_diff.read import JudgedScore, read_judged
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedPart, choose_part
from focal_omr.evaluation.score_diff.results import Comparison, FolderComparison
from focal_omr.metrics import edit_distance
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess, run_isolated
from focal_omr.score.records import Score

__all__ = ["Comparison", "FolderComparison", "compare_files", "compare_folders", "compare_scores"]

logger = logging.getLogger(__name__)
_NO_PART = VoicedPart("", ())


def compare_scores(result: Score, truth: Score) -> Comparison:
    """Compare two scores part by part; a part without a partner is missed, or added, as a whole."""
    return _compare(read_judged(result), read_judged(truth), Pair("", Path(), None))


def compare_files(
    result: Path,
    truth: Path,
    *,
    part: str | None = None,
    with_omr_ned: bool = True,
    limits: ProcessLimits | None = None,
) -> Comparison:
    """Compare a file that was read with the one that it should be.

    Args:
        result: A score. One that is missing or cannot be read is wholly wrong; `error` says why.
        truth: A score.
        part: Name or number of the truth's part to compare with. None: all parts, in their order; or, where
            the result has one and the truth several, the one to which it is closest.
        with_omr_ned: Measure OMR-NED as well, where musicdiff is installed.
        limits: Of the process that reads the two; None: they are read in this one.

    Raises:
        NotationError: The truth cannot be read, or has no such part.
        EngraveError: Verovio could not read the truth.
    """
    with _comparing(limits) as compare:
        compared, documents = compare(Pair(result.stem, truth, result, part))
    return _with_neds([compared], [documents])[0] if with_omr_ned else compared


def compare_folders(
    results: Path,
    truths: Path,
    *,
    part: str | None = None,
    with_omr_ned: bool = True,
    limits: ProcessLimits | None = None,
) -> FolderComparison:
    """Compare the scores of two folders, paired as `judge.pairs.pair_folders` says.

    Args:
        results: Folder of what was read.
        truths: Folder of what it should be. A truth without a result is a failure, and so is one that cannot
            be read.
        part: The truths' part to compare with, for all.
        with_omr_ned: Measure OMR-NED as well, where musicdiff is installed.
        limits: Of the process that reads the scores, for each pair; None: they are read in this one.

    Raises:
        DataError: A folder that is none, or one without a score.
    """
    parts_of = read_parts if limits is None else partial(_contained_parts, limits=limits)
    pairs, without_truth = pair_folders(results, truths, parts_of=parts_of)
    compared: list[Comparison] = []
    documents: list[tuple[str, str] | None] = []
    with _comparing(limits) as compare:
        for pair in pairs:
            wanted = replace(pair, part=part or pair.part)
            try:
                comparison, both = compare(wanted)
            except OmrError as error:
                comparison, both = Comparison(pair.name, (), part=wanted.part, error=str(error)), None
            compared.append(comparison)
            documents.append(both)
    if with_omr_ned:
        compared = _with_neds(compared, documents)
    return FolderComparison(tuple(compared), tuple(without_truth))


_Compared = tuple[Comparison, tuple[str, str] | None]


@contextmanager
def _comparing(limits: ProcessLimits | None) -> Iterator[Callable[[Pair], _Compared]]:
    """What compares a pair: `_compare_pair`, or the same in a process of its own."""
    if limits is None:
        yield _compare_pair
        return
    process = WorkerProcess(_compare_pair, limits)
    try:
        yield partial(_compare_contained, process)
    finally:
        process.stop()


def _compare_contained(process: WorkerProcess[Pair, _Compared], pair: Pair) -> _Compared:
    """A pair compared by a process; where it is lost, the truth alone says which of the two is at fault."""
    found = process(pair)
    if not isinstance(found, Lost):
        return found
    alone = process(replace(pair, result=None))
    if isinstance(alone, Lost):
        raise NotationError(f"{pair.truth}: {alone.reason}")
    comparison, documents = alone
    return replace(comparison, error=f"{pair.result}: {found.reason}"), documents


def _contained_parts(path: Path, limits: ProcessLimits) -> Sequence[VoicedPart]:
    return run_isolated(read_parts, path, name=path, limits=limits)


def _compare_pair(pair: Pair) -> _Compared:
    """Two files compared, and the two as MusicXML documents for OMR-NED."""
    truth = read_judged(pair.truth)
    if pair.part is not None:
        choose_part(truth.parts, pair.part)  # whatever the result is
    try:
        if pair.result is None:
            return _failed(truth, pair, f"no result for {pair.truth}"), None
        result = read_judged(pair.result)
        places = _places(result, truth, pair.part)
    except OmrError as error:
        return _failed(truth, pair, str(error)), None
    return _compare(result, truth, pair, places), _documents(result, truth, places)


def _failed(truth: JudgedScore, pair: Pair, error: str) -> Comparison:
    """What it is when nothing was read."""
    nothing = JudgedScore((), whole=Score(()))
    places = None if pair.part is None else [(None, choose_part(truth.parts, pair.part))]
    return replace(_compare(nothing, truth, pair, places), error=error)


_Places = Sequence[tuple[int | None, int | None]]


def _compare(
    result: JudgedScore, truth: JudgedScore, pair: Pair, places: _Places | None = None
) -> Comparison:
    if places is None:
        places = list(zip_longest(range(len(result.parts)), range(len(truth.parts))))
    errors, matched = [], 0
    for own, meant in places:
        read, should_be = _part(result, own), _part(truth, meant)
        errors.append(note_errors(read.bars, should_be.bars))
        matched += _matches(errors[-1], read, should_be)
    one = places[0][1] if len(places) == 1 else None
    return Comparison(
        pair.name,
        tuple(errors),
        part=None if one is None else truth.parts[one].name or None,
        was_closest=pair.part is None and len(places) < len(truth.parts),
        matched=matched,
        **_symbol_counts(result, truth, places),
    )


def _part(score: JudgedScore, place: int | None) -> VoicedPart:
    return _NO_PART if place is None else score.parts[place]


def _places(result: JudgedScore, truth: JudgedScore, part: str | None) -> _Places:
    """Which parts of the result and of the truth are compared, by their places from 0."""
    if part is not None:
        own = 0 if len(result.parts) == 1 else choose_part(result.parts, part)
        return [(own, choose_part(truth.parts, part))]
    if len(result.parts) == 1 < len(truth.parts):
        return [(0, _closest(result.parts[0], truth.parts))]
    return list(zip_longest(range(len(result.parts)), range(len(truth.parts))))


def _closest(part: VoicedPart, truths: Sequence[VoicedPart]) -> int:
    """The place of the part with the lowest note error."""
    rates = []
    for truth in truths:
        errors = note_errors(part.bars, truth.bars)
        rates.append(errors.edits.total() / max(1, len(errors.truth_notes)))
    return rates.index(min(rates))


def _matches(errors: NoteErrors, result: VoicedPart, truth: VoicedPart) -> int:
    """Notes that are in both with onset from the beginning, pitch and duration; repeats are played once."""
    heard, meant = _sounding(errors.result_notes, result), _sounding(errors.truth_notes, truth)
    return (heard & meant).total()


def _sounding(notes: Sequence[NoteEvent], part: VoicedPart) -> Counter[tuple[object, ...]]:
    begins = list(accumulate((bar.length for bar in part.bars), initial=Fraction(0)))
    return Counter((begins[note.bar - 1] + note.onset, *note.written) for note in notes)


def _symbol_counts(result: JudgedScore, truth: JudgedScore, places: _Places) -> dict[str, Any]:
    """`symbols` and `symbol_edits`, where both sides can be said in semantic symbols."""
    read: list[str] = []
    meant: list[str] = []
    try:
        for own, should_be in places:
            read += [] if own is None else score_to_tokens(result.score(own))
            meant += [] if should_be is None else score_to_tokens(truth.score(should_be))
    except OmrError as error:
        logger.info("symbols are not compared: %s", error)
        return {"symbols": None, "symbol_edits": None}
    return {"symbols": len(meant), "symbol_edits": edit_distance(read, meant)}


def _documents(result: JudgedScore, truth: JudgedScore, places: _Places) -> tuple[str, str] | None:
    """The compared parts of both as MusicXML; None if there is none for one of them."""
    if not has_musicdiff():
        return None
    own = [place for place, _ in places if place is not None]
    meant = [place for _, place in places if place is not None]
    try:
        return result.musicxml(*own), truth.musicxml(*meant)
    except OmrError as error:
        logger.warning("OMR-NED is not measured: %s", error)
        return None


def _with_neds(
    compared: Sequence[Comparison], documents: Sequence[tuple[str, str] | None]
) -> list[Comparison]:
    """The comparisons with OMR-NED, which is 1 for what could not be read."""
    figures = iter(omr_neds([pair for pair in documents if pair is not None]))
    failure = 1.0 if has_musicdiff() else None
    return [
        replace(each, omr_ned=next(figures) if pair is not None else failure if each.error else None)
        for each, pair in zip(compared, documents, strict=True)
    ]
