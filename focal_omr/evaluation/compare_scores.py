"""Comparison of read scores with their truths: note error, F1s, voices, lyrics, symbol error and OMR-NED.

The bars of all staves are aligned; within a pair of bars a note is a staff, an onset, a spelled pitch and a
written duration (see `score_diff.counts`). The note error is the edit distance over spelled pitch and
duration, staff by staff and bar by bar, in percent of the truth's notes. Tied notes count as printed. A
result that cannot be read is 100 % wrong.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import EngraveError, NotationError, OmrError
from focal_omr.evaluation.score_diff.counts import diff_bars
from focal_omr.evaluation.score_diff.omr_ned import has_musicdiff, omr_neds
from focal_omr.evaluation.score_diff.pair_files import Pair, load_staves, pair_folders
from focal_omr.evaluation.score_diff.read import ComparedScore, load_compared
from focal_omr.evaluation.score_diff.records import Staff, choose_staves
from focal_omr.evaluation.score_diff.results import Comparison, FolderComparison
from focal_omr.metrics import edit_distance
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, WorkerProcess, run_isolated
from focal_omr.score.records import Score

__all__ = ["Comparison", "FolderComparison", "compare_files", "compare_folders", "compare_scores"]

logger = logging.getLogger(__name__)

# Errors about a file. Other OmrErrors, such as a missing library, say nothing about the score in it.
_UNREADABLE = (NotationError, EngraveError)
# A comparison with the two compared MusicXML documents for OMR-NED; None if there are none.
_Compared = tuple[Comparison, tuple[str, str] | None]
_Indices = Sequence[int]  # of the staves that are compared, from 0


def compare_scores(result: Score, truth: Score) -> Comparison:
    """Compare two scores; a staff without a partner counts as missed or added as a whole."""
    hyp, ref = load_compared(result), load_compared(truth)
    staves = range(len(hyp.staves)), range(len(ref.staves))
    return _compare(hyp, ref, Pair("", Path(), None), *staves)


def compare_files(
    result: Path,
    truth: Path,
    *,
    part: str | None = None,
    with_omr_ned: bool = True,
    limits: ProcessLimits | None = None,
) -> Comparison:
    """Compare a read score with the true one.

    Args:
        result: A score. One that is missing or unreadable is 100 % wrong; `error` gives the reason.
        truth: A score.
        part: Name or number of the truth's part to compare with. None: all parts in order; or, if the result
            has one part and the truth several, the closest one.
        with_omr_ned: Also measure OMR-NED, if musicdiff is installed.
        limits: Of the worker process that reads the files; None to read them in this process.

    Raises:
        NotationError: The truth cannot be read, or has no such part.
        EngraveError: Verovio could not read the truth.
    """
    with _comparer(limits) as compare:
        comparison, documents = compare(Pair(result.stem, truth, result, part))
    return _add_omr_neds([comparison], [documents])[0] if with_omr_ned else comparison


def compare_folders(
    results: Path,
    truths: Path,
    *,
    part: str | None = None,
    with_omr_ned: bool = True,
    limits: ProcessLimits | None = None,
) -> FolderComparison:
    """Compare the scores of two folders, paired as by `score_diff.pair_files.pair_folders`.

    Args:
        results: Folder of read scores.
        truths: Folder of true scores. A truth that is unreadable or has no result is a failure.
        part: Name or number of the truths' part to compare with, for all pairs.
        with_omr_ned: Also measure OMR-NED, if musicdiff is installed.
        limits: Of the worker process that reads the files, per pair; None to read them in this process.

    Raises:
        DataError: One of the two is not a folder, or holds no score.
    """

    def staves_of(path: Path) -> Sequence[Staff]:
        return (
            load_staves(path) if limits is None else run_isolated(load_staves, path, name=path, limits=limits)
        )

    pairs, without_truth = pair_folders(results, truths, staves_of=staves_of)
    comparisons: list[Comparison] = []
    documents: list[tuple[str, str] | None] = []
    with _comparer(limits) as compare:
        for pair in pairs:
            pair = replace(pair, part=part or pair.part)
            try:
                comparison, both = compare(pair)
            except _UNREADABLE as error:
                comparison, both = Comparison(pair.name, part=pair.part, error=str(error)), None
            comparisons.append(comparison)
            documents.append(both)
    if with_omr_ned:
        comparisons = _add_omr_neds(comparisons, documents)
    return FolderComparison(tuple(comparisons), tuple(without_truth))


@contextmanager
def _comparer(limits: ProcessLimits | None) -> Iterator[Callable[[Pair], _Compared]]:
    """`_compare_pair`, run in this process or, with limits, in a worker process."""
    if limits is None:
        yield _compare_pair
        return
    worker = WorkerProcess(_compare_pair, limits)

    def compare(pair: Pair) -> _Compared:
        compared = worker(pair)
        if not isinstance(compared, Lost):
            return compared
        without_result = worker(replace(pair, result=None))  # tells which of the two files is at fault
        if isinstance(without_result, Lost):
            raise NotationError(f"{pair.truth}: {without_result.reason}")
        return replace(without_result[0], error=f"{pair.result}: {compared.reason}"), without_result[1]

    try:
        yield compare
    finally:
        worker.stop()


def _compare_pair(pair: Pair) -> _Compared:
    truth = load_compared(pair.truth)
    ref: _Indices = range(len(truth.staves)) if pair.part is None else choose_staves(truth.staves, pair.part)
    error = f"no result for {pair.truth}"
    if pair.result is not None:
        try:
            result = load_compared(pair.result)
            if pair.part is None and len(result.staves) == 1 < len(ref):
                ref = [_closest_staff(result, truth)]
            hyp: _Indices = range(len(result.staves))
            if pair.part is not None and not len(hyp) == len(ref) == 1:
                hyp = choose_staves(result.staves, pair.part)
            return _compare(result, truth, pair, hyp, ref), _documents(result, truth, hyp, ref)
        except _UNREADABLE as unreadable:
            error = str(unreadable)
    nothing = ComparedScore((), (), whole=Score(()))
    return replace(_compare(nothing, truth, pair, (), ref), error=error), None


def _closest_staff(result: ComparedScore, truth: ComparedScore) -> int:
    """The index of the staff of the truth to which a result with one staff is closest."""
    rates = []
    for index in range(len(truth.staves)):
        diff = diff_bars(result.bars, truth.take([index]))
        rates.append(diff.edits.total() / max(1, diff.tallies["duration"].truth))
    return rates.index(min(rates))


def _compare(
    result: ComparedScore, truth: ComparedScore, pair: Pair, hyp: _Indices, ref: _Indices
) -> Comparison:
    names = {truth.staves[index].part for index in ref}
    one = truth.staves[ref[0]].name if len(ref) == 1 else next(iter(names)) if len(names) == 1 else ""
    return Comparison(
        pair.name,
        diff_bars(result.take(hyp), truth.take(ref)),
        part=one or None,
        was_closest=pair.part is None and len(ref) < len(truth.staves),
        **_symbol_counts(result, truth, hyp, ref),
    )


def _symbol_counts(
    result: ComparedScore, truth: ComparedScore, hyp: _Indices, ref: _Indices
) -> dict[str, Any]:
    """`symbols` and `symbol_edits`; None unless both sides can be written in semantic symbols."""
    try:
        read, true = (
            [token for index in indices for token in score_to_tokens(score.score(index))]
            for score, indices in ((result, hyp), (truth, ref))
        )
    except OmrError as error:
        logger.info("symbols are not compared: %s", error)
        return {"symbols": None, "symbol_edits": None}
    return {"symbols": len(true), "symbol_edits": edit_distance(read, true)}


def _documents(
    result: ComparedScore, truth: ComparedScore, hyp: _Indices, ref: _Indices
) -> tuple[str, str] | None:
    """The compared parts of both as MusicXML, if musicdiff is installed and MusicXML can hold them."""
    if not has_musicdiff():
        return None
    try:
        return result.musicxml(hyp), truth.musicxml(ref)
    except OmrError as error:
        logger.warning("OMR-NED is not measured: %s", error)
        return None


def _add_omr_neds(
    comparisons: Sequence[Comparison], documents: Sequence[tuple[str, str] | None]
) -> list[Comparison]:
    """The comparisons with OMR-NED, which is 1 for an unreadable result."""
    values = iter(omr_neds([pair for pair in documents if pair is not None]))
    failure = 1.0 if has_musicdiff() else None
    return [
        replace(each, omr_ned=next(values) if pair is not None else failure if each.error else None)
        for each, pair in zip(comparisons, documents, strict=True)
    ]
