"""Comparison of read scores with their truths: note error, F1 of notes, symbol error and OMR-NED.

The note error is the edit distance over spelled pitch and duration, bar by bar, in percent of the truth's
notes (see `score_diff.align_bars`). Grace notes are left out, and so are bars with chords or two voices, on
both sides. Tied notes count as printed. A result that cannot be read is 100 % wrong.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Any

from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.errors import EngraveError, NotationError, OmrError
from focal_omr.evaluation.score_diff.align_bars import note_errors
from focal_omr.evaluation.score_diff.omr_ned import has_musicdiff, omr_neds
from focal_omr.evaluation.score_diff.pair_files import Pair, load_parts, pair_folders
from focal_omr.evaluation.score_diff.read import ComparedScore, load_compared
from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedPart, choose_part
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
# Indices from 0 of the compared parts of result and truth; None: the part is missing on this side.
_Indices = Sequence[tuple[int | None, int | None]]


def compare_scores(result: Score, truth: Score) -> Comparison:
    """Compare two scores part by part; a part without a partner counts as missed or added as a whole."""
    hyp, ref = load_compared(result), load_compared(truth)
    return _compare(hyp, ref, Pair("", Path(), None), _parts_in_order(hyp, ref))


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
        OmrError: A file is MusicXML and music21 is not installed.
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
        OmrError: A file is MusicXML and music21 is not installed.
    """

    def parts_of(path: Path) -> Sequence[VoicedPart]:
        return (
            load_parts(path) if limits is None else run_isolated(load_parts, path, name=path, limits=limits)
        )

    pairs, without_truth = pair_folders(results, truths, parts_of=parts_of)
    comparisons: list[Comparison] = []
    documents: list[tuple[str, str] | None] = []
    with _comparer(limits) as compare:
        for pair in pairs:
            pair = replace(pair, part=part or pair.part)
            try:
                comparison, both = compare(pair)
            except _UNREADABLE as error:
                comparison, both = Comparison(pair.name, (), part=pair.part, error=str(error)), None
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
    wanted = None if pair.part is None else choose_part(truth.parts, pair.part)
    error = f"no result for {pair.truth}"
    if pair.result is not None:
        try:
            result = load_compared(pair.result)
            indices = _choose_indices(result, truth, pair.part, wanted)
            return _compare(result, truth, pair, indices), _documents(result, truth, indices)
        except _UNREADABLE as unreadable:
            error = str(unreadable)
    nothing = ComparedScore((), whole=Score(()))
    indices = _parts_in_order(nothing, truth) if wanted is None else [(None, wanted)]
    return replace(_compare(nothing, truth, pair, indices), error=error), None


def _parts_in_order(result: ComparedScore, truth: ComparedScore) -> _Indices:
    return list(zip_longest(range(len(result.parts)), range(len(truth.parts))))


def _choose_indices(
    result: ComparedScore, truth: ComparedScore, part: str | None, wanted: int | None
) -> _Indices:
    """The parts to compare: the wanted one, the closest to a single part, or all in order."""
    if part is not None:
        return [(0 if len(result.parts) == 1 else choose_part(result.parts, part), wanted)]
    if not len(result.parts) == 1 < len(truth.parts):
        return _parts_in_order(result, truth)
    rates = []
    for true_part in truth.parts:
        errors = note_errors(result.parts[0].bars, true_part.bars)
        rates.append(errors.edits.total() / max(1, len(errors.truth_notes)))
    return [(0, rates.index(min(rates)))]


def _compare(result: ComparedScore, truth: ComparedScore, pair: Pair, indices: _Indices) -> Comparison:
    missing = VoicedPart("", ())
    parts, matched = [], 0
    for hyp_index, ref_index in indices:
        hyp = missing if hyp_index is None else result.parts[hyp_index]
        ref = missing if ref_index is None else truth.parts[ref_index]
        errors = note_errors(hyp.bars, ref.bars)
        parts.append(errors)
        matched += (_timed(errors.result_notes, hyp) & _timed(errors.truth_notes, ref)).total()
    only = indices[0][1] if len(indices) == 1 else None
    return Comparison(
        pair.name,
        tuple(parts),
        part=None if only is None else truth.parts[only].name or None,
        was_closest=pair.part is None and len(indices) < len(truth.parts),
        matched=matched,
        **_symbol_counts(result, truth, indices),
    )


def _timed(notes: Sequence[NoteEvent], part: VoicedPart) -> Counter[tuple[object, ...]]:
    """Onset in quarters from the beginning, without repeats, pitch and duration of each note."""
    starts = list(accumulate((bar.length for bar in part.bars), initial=Fraction(0)))
    return Counter((starts[note.bar - 1] + note.onset, *note.written) for note in notes)


def _symbol_counts(result: ComparedScore, truth: ComparedScore, indices: _Indices) -> dict[str, Any]:
    """`symbols` and `symbol_edits`; None unless both sides can be written in semantic symbols."""
    hyp: list[str] = []
    ref: list[str] = []
    try:
        for hyp_index, ref_index in indices:
            hyp += [] if hyp_index is None else score_to_tokens(result.score(hyp_index))
            ref += [] if ref_index is None else score_to_tokens(truth.score(ref_index))
    except OmrError as error:
        logger.info("symbols are not compared: %s", error)
        return {"symbols": None, "symbol_edits": None}
    return {"symbols": len(ref), "symbol_edits": edit_distance(hyp, ref)}


def _documents(result: ComparedScore, truth: ComparedScore, indices: _Indices) -> tuple[str, str] | None:
    """The compared parts of both as MusicXML, if musicdiff is installed and MusicXML can hold them."""
    if not has_musicdiff():
        return None
    try:
        return (
            result.musicxml(*(index for index, _ in indices if index is not None)),
            truth.musicxml(*(index for _, index in indices if index is not None)),
        )
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
