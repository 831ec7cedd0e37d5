"""Figures of the comparison of two files or two folders."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from focal_omr.evaluation.score_diff.counts import ScoreDiff, StaffEdits, Tally, diff_bars
from focal_omr.evaluation.score_diff.note_edits import NoteEdit
from focal_omr.evaluation.score_diff.records import MARKS, Bar

__all__ = ["Comparison", "FolderComparison"]

# JSON keys of the kinds of edits.
_KINDS: dict[str, NoteEdit] = {
    "pitch_errors": "pitch",
    "duration_errors": "duration",
    "both_wrong": "both",
    "missed": "missed",
    "added": "added",
}
_F1S = ("pitch", "onset", "duration", *MARKS)


@dataclass(frozen=True)
class Comparison:
    """The comparison of a result with its truth.

    Attributes:
        name: Name of the pair.
        diff: What both have in common and where they differ.
        part: Name of the truth's part that was compared; None if all were.
        was_closest: The part was chosen for its low error, not by name.
        symbols: Number of semantic symbols of the truth; None if a `Score` cannot hold one of the two.
        symbol_edits: Edit distance of the semantic symbols; None as above.
        omr_ned: 0 .. 1; None if not measured.
        error: Why nothing could be compared; None on success.
    """

    name: str
    diff: ScoreDiff = field(default_factory=lambda: diff_bars((), ()))
    part: str | None = None
    was_closest: bool = False
    symbols: int | None = None
    symbol_edits: int | None = None
    omr_ned: float | None = None
    error: str | None = None

    @property
    def _timed(self) -> Tally:
        return self.diff.tallies["timed"]

    @property
    def matched(self) -> int:
        """Notes in both with the same staff, onset from the beginning, pitch and duration."""
        return self._timed.matched

    @property
    def edits(self) -> int:
        """Number of note edits."""
        return self.diff.edits.total()

    @property
    def truth_notes(self) -> int:
        """Number of notes of the truth."""
        return self._timed.truth

    @property
    def result_notes(self) -> int:
        """Number of notes of the result."""
        return self._timed.result

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
        return {
            **{"truth_notes": self.truth_notes, "result_notes": self.result_notes, "matched": self.matched},
            "edits": self.edits,
            **{name: self.diff.edits[kind] for name, kind in _KINDS.items()},
            "edits_without_bars": self.diff.flat_edits,
            "bars": self.diff.bars.truth,
            "result_bars": self.diff.bars.result,
            "bars_right": self.diff.bars.matched,
            "chord_bars_left_out": 0,  # chords are compared; the key is kept for those who read it
        }

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; `note_error`, `lyrics_error` and `ser` are in percent.

        `bars_wrong` holds indices of the truth's bars from 1, counting a pickup; `differences` holds every
        staff of a bar whose notes differ, or that has no partner.
        """
        wrong = {each.bars[1].index for each in self.diff.differences if each.edits and each.bars[1]}
        shares = {each: round(getattr(self, each), 4) for each in ("precision", "recall", "f1")}
        return {
            "name": self.name,
            "part": self.part,
            "part_was_closest": self.was_closest,
            "error": self.error,
            "note_error": round(self.note_error, 3),
            **self.counts(),
            **shares,
            **_shares(self.diff),
            "symbols": self.symbols,
            "symbol_edits": self.symbol_edits,
            "ser": None if self.ser is None else round(self.ser, 3),
            "omr_ned": None if self.omr_ned is None else round(self.omr_ned, 4),
            "bars_wrong": sorted(wrong),
            "differences": list(map(_difference, self.diff.differences)),
        }


def _shares(diff: ScoreDiff) -> dict[str, Any]:
    """The figures of aligned bars: F1s and shares from 0 to 1, and the error of the lyrics in percent."""

    def rounded(share: float | None) -> float | None:
        return None if share is None else round(share, 4)

    edits, characters = (sum(each) for each in zip((0, 0), *diff.lyrics.values(), strict=True))
    return {
        **{f"{kind}_f1": rounded(diff.tallies[kind].f1) for kind in _F1S},
        "bars_right_share": rounded(diff.bars.matched / diff.bars.truth if diff.bars.truth else None),
        "voices": rounded(diff.voices),
        "lyrics_error": round(100 * edits / characters, 3) if characters else None,
        "lyrics_by_verse": {
            verse: {"edits": edits, "characters": characters}
            for verse, (edits, characters) in diff.lyrics.items()
        },
        "tallies": {kind: diff.tallies[kind]._asdict() for kind in (*_F1S, "voices")},
    }


def _difference(place: StaffEdits) -> dict[str, Any]:
    hyp, ref = place.bars
    only_times = [n.written for n in place.result] == [n.written for n in place.truth]

    def reads(notes: list[Any]) -> str:
        return " ".join(f"{note}@{note.onset}" if only_times else str(note) for note in notes)

    def bars(bar: Bar | None) -> list[Bar]:
        return [] if bar is None else [bar]

    return {
        "truth": [bar.index for bar in bars(ref)],
        "truth_numbers": [bar.number for bar in bars(ref)],
        "result": [bar.index for bar in bars(hyp)],
        "staff": place.staff,
        "left_out": False,
        **{name: place.edits[kind] for name, kind in _KINDS.items()},
        "truth_reads": reads(place.truth),
        "result_reads": reads(place.result),
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
        truth that cannot be read has no notes and enters only the latter. The F1s and shares are those of the
        summed counts.
        """
        counts: Counter[str] = Counter()
        whole = diff_bars((), ())
        for pair in self.pairs:
            counts.update(pair.counts())
            whole.add(pair.diff)
        neds = [pair.omr_ned for pair in self.pairs if pair.omr_ned is not None]
        total = {
            "pairs": len(self.pairs),
            "failed": sum(pair.error is not None for pair in self.pairs),
            "note_error": round(100 * counts["edits"] / max(1, counts["truth_notes"]), 3),
            "mean_note_error": round(sum(pair.note_error for pair in self.pairs) / len(self.pairs), 3),
            "mean_omr_ned": round(sum(neds) / len(neds), 4) if neds else None,
            **counts,
            **_shares(whole),
        }
        return {
            "total": total,
            "pairs": [pair.to_json() for pair in self.pairs],
            "without_truth": [str(path) for path in self.without_truth],
        }
