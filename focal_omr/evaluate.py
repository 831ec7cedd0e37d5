"""A model against labelled pictures: error rates, and which samples went wrong how."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from focal_omr.data.primus import Sample, primus_samples
from focal_omr.errors import ImageError
from focal_omr.metrics import ErrorRates, edit_distance, error_rates
from focal_omr.notation.semantic import to_primus
from focal_omr.recognize import Recognizer

_WORST = 20


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        rates: Error over the corpus; a sample that could not be read counts all its symbols as errors.
        failures: Sample id -> why it could not be read.
        wrong: (id, edits, reference, hypothesis) of every sample with an error, the worst first.
        seconds: Time for reading, without opening the model.
    """

    rates: ErrorRates
    failures: dict[str, str]
    wrong: tuple[tuple[str, int, tuple[str, ...], tuple[str, ...]], ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values; rates in percent."""
        return {
            "samples": self.rates.samples,
            "symbols": self.rates.symbols,
            "edits": self.rates.edits,
            "ser": round(self.rates.ser, 3),
            "sequence_error_rate": round(self.rates.sequence_error_rate, 3),
            "failed": len(self.failures),
            "seconds": round(self.seconds, 3),
            "failures": self.failures,
            "missed": dict(self._differences(lambda ref, hyp: ref - hyp)),
            "invented": dict(self._differences(lambda ref, hyp: hyp - ref)),
            "worst": [{"id": name, "edits": edits} for name, edits, _, _ in self.wrong[:_WORST]],
        }

    def _differences(
        self, difference: Callable[[Counter[str], Counter[str]], Counter[str]]
    ) -> list[tuple[str, int]]:
        """The symbols of which there are more on one side, over all wrong samples, most frequent first."""
        total: Counter[str] = Counter()
        for _, _, reference, hypothesis in self.wrong:
            total.update(difference(Counter(reference), Counter(hypothesis)))
        return total.most_common(_WORST)


def evaluate(
    recognizer: Recognizer,
    folder: Path,
    *,
    ignore: Sequence[str] = (),
    progress: Callable[[Sample], None] | None = None,
) -> Evaluation:
    """Read every sample of a folder in PrIMuS layout and compare it with its semantic label.

    Our own symbols are mapped to their PrIMuS form first, on both sides.

    Args:
        recognizer: Reads the pictures.
        folder: `<id>/<id>.png|jpg` with `<id>.semantic`.
        ignore: Tokens to leave out on both sides, for labels that lack a kind of symbol (`tie`).
        progress: Called before each sample.

    Raises:
        DataError: The folder holds no samples, or incomplete ones.
    """
    samples = primus_samples(folder)
    references, hypotheses, failures = [], [], {}
    started = time.perf_counter()
    for sample in samples:
        if progress:
            progress(sample)
        references.append(_comparable(sample.semantic, ignore))
        try:
            read = [symbol.token for symbol in recognizer.read(sample.picture).symbols]
        except ImageError as error:
            failures[sample.id] = str(error)
            read = []
        hypotheses.append(_comparable(read, ignore))
    seconds = time.perf_counter() - started
    wrong = [
        (sample.id, edits, reference, hypothesis)
        for sample, reference, hypothesis in zip(samples, references, hypotheses, strict=True)
        if (edits := edit_distance(hypothesis, reference))
    ]
    wrong.sort(key=lambda each: -each[1])
    return Evaluation(error_rates(hypotheses, references), failures, tuple(wrong), seconds)


def _comparable(tokens: Sequence[str], ignore: Sequence[str]) -> tuple[str, ...]:
    return tuple(token for token in to_primus(tokens) if token not in ignore)
