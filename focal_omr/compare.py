"""How far two scores are apart: in notes that sound, in notes as written, in symbols."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from focal_omr.metrics import edit_distance
from focal_omr.notation.musicxml import write_musicxml
from focal_omr.notation.musicxml_bars import bars_of, quarter_lengths
from focal_omr.notation.score import Note, Score, Tuplet
from focal_omr.notation.semantic import score_to_tokens

__all__ = ["Comparison", "SoundingNote", "compare_scores", "omr_ned", "sounding_notes"]


@dataclass(frozen=True, slots=True)
class SoundingNote:
    """One note as it is written, tied ones apart.

    Attributes:
        part: Number of its part, from 0.
        onset: Quarters from the beginning of the score; repeats are played once.
        pitch: MIDI note number.
        duration: Quarters; 0 for a grace note.
    """

    part: int
    onset: Fraction
    pitch: int
    duration: Fraction


@dataclass(frozen=True)
class Comparison:
    """A result beside the truth.

    Attributes:
        result_notes: Notes of the result.
        truth_notes: Notes of the truth.
        matched: Notes that are in both with part, onset, pitch and duration.
        note_edits: Fewest notes to insert, delete or replace, onsets left aside: so one wrong duration counts
            once, though every note after it begins at another time.
        symbols: Semantic symbols of the truth.
        symbol_edits: Fewest symbols to insert, delete or replace.
    """

    result_notes: int
    truth_notes: int
    matched: int
    note_edits: int
    symbols: int
    symbol_edits: int

    @property
    def precision(self) -> float:
        """Share of the result's notes that are in the truth; 1 where the result has none."""
        return self.matched / self.result_notes if self.result_notes else 1.0

    @property
    def recall(self) -> float:
        """Share of the truth's notes that are in the result; 1 where the truth has none."""
        return self.matched / self.truth_notes if self.truth_notes else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where both are."""
        both = self.result_notes + self.truth_notes
        return 2 * self.matched / both if both else 1.0

    @property
    def note_error(self) -> float:
        """Note edits in percent of the truth's notes (of one, where it has none)."""
        return 100 * self.note_edits / max(1, self.truth_notes)

    @property
    def ser(self) -> float:
        """Symbol edits in percent of the truth's symbols (of one, where it has none)."""
        return 100 * self.symbol_edits / max(1, self.symbols)

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values; `note_error` and `ser` in percent."""
        shares = {name: round(getattr(self, name), 4) for name in ("precision", "recall", "f1")}
        rates = {name: round(getattr(self, name), 3) for name in ("note_error", "ser")}
        return {**self.__dict__, **shares, **rates}


def compare_scores(result: Score, truth: Score) -> Comparison:
    """Compare a score with the true one. Onsets and durations are exact, pitches are what sounds."""
    heard, meant = list(sounding_notes(result)), list(sounding_notes(truth))
    as_written = [[(note.part, note.pitch, note.duration) for note in notes] for notes in (heard, meant)]
    symbols = [
        [token for part in score.parts for token in score_to_tokens(Score((part,)))]
        for score in (result, truth)
    ]
    return Comparison(
        result_notes=len(heard),
        truth_notes=len(meant),
        matched=(Counter(heard) & Counter(meant)).total(),
        note_edits=edit_distance(*as_written),
        symbols=len(symbols[1]),
        symbol_edits=edit_distance(*symbols),
    )


def sounding_notes(score: Score) -> Iterator[SoundingNote]:
    """The notes of a score, part by part, in the order in which they are written."""
    for number, part in enumerate(score.parts):
        onset = Fraction(0)
        for bar in bars_of(part):
            events = [
                e for event in bar.events for e in (event.events if isinstance(event, Tuplet) else (event,))
            ]
            lengths = list(quarter_lengths(bar))
            if bar.rest is not None:
                onset += sum(lengths)
                continue
            for event, length in zip(events, lengths, strict=True):
                if isinstance(event, Note):
                    yield SoundingNote(number, onset, event.pitch.midi, length)
                onset += length


def omr_ned(result: Score, truth: Score) -> float | None:
    """OMR-NED: musicdiff's edit distance of two engraved scores over the symbols of both, 0 (equal) to 1.

    Returns:
        None where musicdiff is not installed.

    Source: Martinez-Sevilla et al., "Sheet Music Benchmark: Standardized optical music recognition
    evaluation", 2025; musicdiff 5.2.
    """
    try:
        from musicdiff import AnnScore, Visualization
        from musicdiff import Comparison as EngravedComparison
    except ModuleNotFoundError:
        return None
    from music21 import converter  # which musicdiff brings

    engraved = [
        AnnScore(converter.parseData(write_musicxml(score), format="musicxml")) for score in (result, truth)
    ]
    _, distance = EngravedComparison.annotated_scores_diff(*engraved)
    sizes = [score.notation_size() for score in engraved]
    return float(Visualization.get_omr_ned(distance, *sizes))
