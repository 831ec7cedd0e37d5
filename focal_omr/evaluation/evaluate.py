"""Evaluation of a model on labelled images: error rates, errors by symbol and frequency, worst samples."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import Any

from focal_omr.data.frequency import LEAST_COUNT, frequency_bins
from focal_omr.data.primus.samples import Sample, primus_samples
from focal_omr.encodings.semantic import score_to_tokens, to_primus
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.errors import DataError, ImageError
from focal_omr.evaluation.evaluate_columns import ColumnEvaluation, evaluate_columns, find_column_shards
from focal_omr.metrics import (
    ErrorRates,
    SymbolErrors,
    bootstrap_ser,
    correct_mask,
    edit_distance,
    error_rates,
    expected_calibration_error,
    roc_auc,
    symbol_errors,
)
from focal_omr.onnx_model import ModelCard
from focal_omr.recognize import Recognizer

_MOST_SHOWN = 20  # entries of a list in the JSON object


@dataclass(frozen=True)
class SampleReading:
    """The reading of one sample's image beside its label, both in PrIMuS symbols.

    Attributes:
        id: The sample's id.
        reference: The label.
        hypothesis: The reading; empty if the image could not be read.
        edits: Edit distance of the two.
        image: The file that was read.
        confidences: 0 .. 1 for each symbol of the hypothesis; empty if not known: of columns, whose score the
            symbols are made of.
    """

    id: str
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    edits: int
    image: Path
    confidences: tuple[float, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation.

    Attributes:
        readings: One for each sample, in order of ids.
        failures: Sample id -> why its image could not be read; all its symbols count as errors.
        seconds: Time for reading, without loading the model.
    """

    readings: tuple[SampleReading, ...]
    failures: dict[str, str]
    seconds: float

    @cached_property
    def symbol_errors(self) -> SymbolErrors:
        """Errors by symbol."""
        return symbol_errors([r.hypothesis for r in self.readings], [r.reference for r in self.readings])

    @cached_property
    def rates(self) -> ErrorRates:
        """Error rates over the corpus."""
        return error_rates([r.hypothesis for r in self.readings], [r.reference for r in self.readings])

    @property
    def worst(self) -> list[SampleReading]:
        """The samples with errors, most edits first."""
        return sorted((r for r in self.readings if r.edits), key=lambda reading: -reading.edits)

    @property
    def calibration_error(self) -> float:
        """Expected calibration error of the read symbols, 0 .. 1; 0 where their confidence is not known."""
        known = [reading for reading in self.readings if reading.confidences]
        confidences = [confidence for reading in known for confidence in reading.confidences]
        right = [hit for r in known for hit in correct_mask(r.hypothesis, r.reference)]
        return expected_calibration_error(confidences, right)

    @property
    def doubt_auc(self) -> float | None:
        """ROC AUC of the mean doubt (1 - confidence) of a staff as a score for having errors.

        None if all staves that could be read have errors, or none has.
        """
        read = [reading for reading in self.readings if reading.id not in self.failures]
        doubts = [sum(1 - c for c in r.confidences) / max(1, len(r.confidences)) for r in read]
        quality = roc_auc(doubts, [reading.edits > 0 for reading in read])
        return None if isnan(quality) else quality

    @cached_property
    def ser_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the SER, in percent."""
        return bootstrap_ser([r.edits for r in self.readings], [len(r.reference) for r in self.readings])

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; rates are in percent, frequency bins are those of the evaluated labels.

        `macro_recall` and `bin_ser` cover the symbols that occur at least `LEAST_COUNT` times.
        """
        rates, errors = self.rates, self.symbol_errors
        counts = errors.count
        return {
            "samples": rates.samples,
            "symbols": rates.symbols,
            "edits": rates.edits,
            "ser": round(rates.ser, 3),
            "ser_interval": [round(bound, 3) for bound in self.ser_interval],
            "sequence_error_rate": round(rates.sequence_error_rate, 3),
            "macro_error": round(errors.macro_error(), 3),
            "macro_recall": round(100 - errors.macro_error(least=LEAST_COUNT), 3),
            "bin_errors": _rounded(errors.by_bin(frequency_bins(counts))),
            "bin_ser": _rounded(errors.ser_by_bin(frequency_bins(counts, least=LEAST_COUNT))),
            "calibration_error": round(self.calibration_error, 4),
            "doubt_auc": None if self.doubt_auc is None else round(self.doubt_auc, 3),
            "failed": len(self.failures),
            "seconds": round(self.seconds, 3),
            "failures": self.failures,
            "by_symbol": {
                symbol: {"count": count, "hit": errors.hit[symbol], "inserted": errors.inserted[symbol]}
                for symbol, count in sorted(errors.count.items())
            },
            "confusion": [
                {"label": pair[0], "read": pair[1], "count": count}
                for pair, count in errors.confused.most_common(_MOST_SHOWN)
            ],
            "worst": [{"id": r.id, "edits": r.edits} for r in self.worst[:_MOST_SHOWN]],
        }


def evaluate(
    recognizer: Recognizer,
    folder: Path,
    *,
    ignore: Sequence[str] = (),
    distorted: bool = False,
    on_progress: Callable[[Sample], None] | None = None,
) -> Evaluation:
    """Read every sample of a folder in PrIMuS layout and compare it with its semantic label.

    Symbols that extend PrIMuS are first mapped to their PrIMuS form on both sides.

    Args:
        recognizer: Reads the images.
        folder: `<id>/<id>.png|jpg` with `<id>.semantic`, at any depth.
        ignore: Tokens to leave out on both sides, for labels that lack a kind of symbol (`tie`).
        distorted: Read Camera-PrIMuS's `<id>_distorted.jpg` instead of the clean image.
        on_progress: Called before each sample.

    Raises:
        DataError: The folder holds no samples, incomplete ones, or one without a distorted image.
    """
    samples = primus_samples(folder)
    readings: list[SampleReading] = []
    failures: dict[str, str] = {}
    started = time.perf_counter()
    for sample in samples:
        if on_progress:
            on_progress(sample)
        reference = _comparable(sample.semantic, ignore)
        image = sample.picture_path(distorted=distorted)
        hypothesis: tuple[str, ...] = ()
        confidences: tuple[float, ...] = ()
        try:
            hypothesis, confidences = _read(recognizer, image, ignore)
        except ImageError as error:
            failures[sample.id] = str(error)
        edits = edit_distance(hypothesis, reference)
        readings.append(SampleReading(sample.id, reference, hypothesis, edits, image, confidences))
    return Evaluation(tuple(readings), failures, time.perf_counter() - started)


def _read(
    recognizer: Recognizer, image: Path, ignore: Sequence[str]
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The PrIMuS symbols of an image, and their confidence if it is known."""
    document = recognizer.read_staff(image)
    if document.from_columns:
        one_voice, _ = from_score(document.score)
        return _comparable(score_to_tokens(one_voice), ignore), ()
    read = [
        (token, symbol.confidence)
        for symbol in document.symbols
        for token in _comparable([symbol.token], ignore)
    ]
    return tuple(token for token, _ in read), tuple(confidence for _, confidence in read)


@dataclass(frozen=True)
class EvaluationRequest:
    """The arguments of `Recognizer` and `evaluate` as a picklable record."""

    folder: Path
    model: str
    threads: int
    beam_width: int
    ignore: tuple[str, ...] = ()
    distorted: bool = False


def run_evaluation(request: EvaluationRequest) -> tuple[Evaluation | ColumnEvaluation, ModelCard]:
    """Load the model and evaluate it; a function for a worker process.

    A folder with shards of columns is evaluated by columns.

    Raises:
        DataError: As `evaluate` and `evaluate_columns`; the folder holds columns and the model reads none.
    """
    recognizer = Recognizer(model=request.model, threads=request.threads, beam_width=request.beam_width)
    if find_column_shards(request.folder):
        if not recognizer.reads_columns:
            raise DataError(f"{request.folder}: holds shards of columns, and {request.model} reads none")
        return evaluate_columns(recognizer, request.folder), recognizer.card
    evaluation = evaluate(recognizer, request.folder, ignore=request.ignore, distorted=request.distorted)
    return evaluation, recognizer.card


def _rounded(shares: dict[str, float]) -> dict[str, float]:
    return {name: round(share, 3) for name, share in shares.items()}


def _comparable(tokens: Sequence[str], ignore: Sequence[str]) -> tuple[str, ...]:
    return tuple(token for token in to_primus(tokens) if token not in ignore)
