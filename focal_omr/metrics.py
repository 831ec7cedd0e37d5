"""How wrong a reading is. Pure functions of symbol sequences; percentages are of 100.

SER is the corpus' edits over the corpus' reference symbols (not a mean of per-sample rates; it may exceed
100). SeqER is the share of samples with at least one edit.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class ErrorRates:
    """Error of a set of samples.

    Attributes:
        samples: Number of samples.
        symbols: Reference symbols in all of them.
        edits: Substitutions, deletions and insertions.
        wrong_samples: Samples with at least one edit.
    """

    samples: int
    symbols: int
    edits: int
    wrong_samples: int

    @property
    def ser(self) -> float:
        """Symbol error rate in percent."""
        return 100 * self.edits / self.symbols if self.symbols else 0.0

    @property
    def sequence_error_rate(self) -> float:
        """Share of samples with an error, in percent."""
        return 100 * self.wrong_samples / self.samples if self.samples else 0.0


def edit_distance(hypothesis: Sequence[Hashable], reference: Sequence[Hashable]) -> int:
    """Fewest substitutions, deletions and insertions, each of cost 1, between two sequences."""
    return int(Levenshtein.distance(hypothesis, reference))


def error_rates(
    hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Hashable]]
) -> ErrorRates:
    """Rates over a set. Raises ValueError where the two lists have different lengths."""
    edits = [edit_distance(h, r) for h, r in zip(hypotheses, references, strict=True)]
    symbols = sum(len(reference) for reference in references)
    return ErrorRates(len(references), symbols, sum(edits), sum(1 for count in edits if count))
