"""Figures of the comparison of two files or two folders."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from focal_omr.evaluation.score_diff.align_bars import BarGroup, NoteEdit, NoteErrors

__all__ = ["Comparison", "FolderComparison"]

# JSON keys of the kinds of edits.
_KINDS: dict[str, NoteEdit] = {
    "pitch_errors": "pitch",
    "duration_errors": "duration",
    "both_wrong": "both",
    "missed": "missed",
    "added": "added",
}


@dataclass(frozen=True)
class Comparison:
    """The comparison of a result with its truth.

    Attributes:
        name: Name of the pair.
        parts: The errors of each part.
        part: Name of the truth's part that was compared; None if all were.
        was_closest: The part was chosen for its low error, not by name.
        matched: Notes in both with the same part, onset, pitch and duration.
        symbols: Number of semantic symbols of the truth; None if a `Score` cannot hold one of the two.
        symbol_edits: Edit distance of the semantic symbols; None as above.
        omr_ned: 0 .. 1; None if not measured.
        error: Why nothing could be compared; None on success.
    """

    name: str
    parts: tuple[NoteErrors, ...]
    part: str | None = None
    was_closest: bool = False
    matched: int = 0
    symbols: int | None = None
    symbol_edits: int | None = None
    omr_ned: float | None = None
    error: str | None = None

    @property
    def groups(self) -> list[BarGroup]:
        """All bars of both, part by part."""
        return [group for part in self.parts for group in part.groups]

    @property
    def edits(self) -> int:
        """Number of note edits."""
        return sum(part.edits.total() for part in self.parts)

    @property
    def truth_notes(self) -> int:
        """Number of counted notes of the truth."""
        return sum(len(part.truth_notes) for part in self.parts)

    @property
    def result_notes(self) -> int:
        """Number of counted notes of the result."""
        return sum(len(part.result_notes) for part in self.parts)

    @property
    def note_error(self) -> float:
        """Edits in percent of the truth's notes, taken as at least 1; 100 for a failure."""
        return 100.0 if self.error is not None else 100 * self.edits / max(1, self.truth_notes)

    @property
    def precision(self) -> float:
        """Share of the result's notes that are in the truth; 1 if the result has none."""
        return self.matched / self.result_notes if self.result_notes else 1.0

    @property
    def recall(self) -> float:
        """Share of the truth's notes that are in the result; 1 if the truth has none."""
        return self.matched / self.truth_notes if self.truth_notes else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 .. 1."""
        both = self.result_notes + self.truth_notes
        return 2 * self.matched / both if both else 1.0

    @property
    def ser(self) -> float | None:
        """Symbol error rate: symbol edits in percent of the truth's symbols, taken as at least 1."""
        if self.symbols is None or self.symbol_edits is None:
            return None
        return 100 * self.symbol_edits / max(1, self.symbols)

    def counts(self) -> dict[str, int]:
        """The counts that can be summed over files."""
        kinds = sum((part.edits for part in self.parts), Counter[NoteEdit]())
        bars = [bar for group in self.groups for bar in group.truth]
        return {
            **{"truth_notes": self.truth_notes, "result_notes": self.result_notes, "matched": self.matched},
            "edits": self.edits,
            **{name: kinds[kind] for name, kind in _KINDS.items()},
            "edits_without_bars": sum(part.flat_edits for part in self.parts),
            "bars": len(bars),
            "result_bars": sum(len(group.result) for group in self.groups),
            "chord_bars_left_out": sum(bar.has_chord for bar in bars),
        }

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; `note_error` and `ser` are in percent.

        `bars_wrong` holds indices of the truth's bars from 1, counting a pickup; `differences` holds every
        group of bars whose notes differ, or that is not one bar paired with one.
        """
        wrong = [bar.index for group in self.groups if group.edits for bar in group.truth]
        differences = [
            {
                "truth": [bar.index for bar in group.truth],
                "truth_numbers": [bar.number for bar in group.truth],
                "result": [bar.index for bar in group.result],
                "left_out": group.left_out,
                **{name: group.edits[kind] for name, kind in _KINDS.items()},
                "truth_reads": " | ".join(" ".join(map(str, bar.notes)) for bar in group.truth),
                "result_reads": " | ".join(" ".join(map(str, bar.notes)) for bar in group.result),
            }
            for group in self.groups
            if group.edits or len(group.truth) != len(group.result)
        ]
        shares = {each: round(getattr(self, each), 4) for each in ("precision", "recall", "f1")}
        return {
            "name": self.name,
            "part": self.part,
            "part_was_closest": self.was_closest,
            "error": self.error,
            "note_error": round(self.note_error, 3),
            **self.counts(),
            **shares,
            "symbols": self.symbols,
            "symbol_edits": self.symbol_edits,
            "ser": None if self.ser is None else round(self.ser, 3),
            "omr_ned": None if self.omr_ned is None else round(self.omr_ned, 4),
            "bars_wrong": sorted(set(wrong)),
            "differences": differences,
        }


@dataclass(frozen=True)
class FolderComparison:
    """The comparison of a folder of results with a folder of truths.

    Attributes:
        pairs: A comparison for each truth, or each of its parts.
        without_truth: Results that have no truth.
    """

    pairs: tuple[Comparison, ...]
    without_truth: tuple[Path, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures of each pair and the totals.

        `total.note_error` is the micro average over all notes, `total.mean_note_error` the mean over pairs; a
        truth that cannot be read has no notes and enters only the latter.
        """
        counts: Counter[str] = Counter()
        for pair in self.pairs:
            counts.update(pair.counts())
        neds = [pair.omr_ned for pair in self.pairs if pair.omr_ned is not None]
        total = {
            "pairs": len(self.pairs),
            "failed": sum(pair.error is not None for pair in self.pairs),
            "note_error": round(100 * counts["edits"] / max(1, counts["truth_notes"]), 3),
            "mean_note_error": round(sum(pair.note_error for pair in self.pairs) / len(self.pairs), 3),
            "mean_omr_ned": round(sum(neds) / len(neds), 4) if neds else None,
            **counts,
        }
        return {
            "total": total,
            "pairs": [pair.to_json() for pair in self.pairs],
            "without_truth": [str(path) for path in self.without_truth],
        }
