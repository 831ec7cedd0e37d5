"""Note errors of a part: alignment of bars by dynamic programming, then of the notes within them.

The bars of both parts are aligned by a weighted edit distance of sequences: a pair of bars costs the edits
of its notes, an unpaired bar its number of notes. One or two bars may be grouped with one or two, so that a
missing, added or misplaced barline costs no note; a bar with a chord, which is left out, is never grouped
with another bar of the truth. Among alignments of equal cost the one with the most plain pairs is chosen:
bars without notes cost nothing, and this aligns a rest of several bars with as many bars of rest.

Source: Levenshtein 1966; groups of bars as groups of sentences in Gale & Church 1993, "A Program for Aligning
Sentences in Bilingual Corpora".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from focal_omr.evaluation.score_diff.records import NoteEvent, VoicedBar

__all__ = ["BarGroup", "NoteEdit", "NoteErrors", "note_errors"]

NoteEdit = Literal["pitch", "duration", "both", "missed", "added"]
_FIRST_CHARACTER = 0xF0000  # notes are mapped to a private use plane, which has 65 thousand characters
# Sizes of groups (bars of the result, bars of the truth) -> penalty against a plain pair with equal edits.
_GROUPS = {(1, 1): 0, (0, 1): 1, (1, 0): 1, (1, 2): 3, (2, 1): 3, (2, 2): 4}
# (same pitch, same duration) -> kind of the substitution.
_SUBSTITUTIONS: dict[tuple[bool, bool], NoteEdit | None] = {
    (True, True): None,
    (False, True): "pitch",
    (True, False): "duration",
    (False, False): "both",
}
_EDIT = 1 << 20  # cost of an edit, larger than any sum of penalties
_FORBIDDEN = 1 << 29  # edits of a group that is not allowed
_INFINITE = 1 << 60


@dataclass(frozen=True)
class BarGroup:
    """Bars of the truth and the bars of the result that are aligned with them.

    Attributes:
        truth: Zero, one or two bars.
        result: Zero, one or two bars.
        edits: Number of edits by kind; empty if a bar of the truth has chords.
    """

    truth: tuple[VoicedBar, ...]
    result: tuple[VoicedBar, ...]
    edits: Counter[NoteEdit]

    @property
    def left_out(self) -> bool:
        """Whether it does not count, since a bar of the truth has a chord or two voices."""
        return any(bar.has_chord for bar in self.truth)


@dataclass(frozen=True)
class NoteErrors:
    """The errors of a part.

    Attributes:
        groups: All bars of both, in order.
        flat_edits: Edits of the counted notes without regard to barlines; at most the sum of `edits`.
    """

    groups: tuple[BarGroup, ...]
    flat_edits: int

    @property
    def edits(self) -> Counter[NoteEdit]:
        """Edits by kind."""
        return sum((group.edits for group in self.groups), Counter[NoteEdit]())

    @property
    def counted(self) -> list[BarGroup]:
        """The groups that are not left out."""
        return [group for group in self.groups if not group.left_out]

    @property
    def truth_notes(self) -> list[NoteEvent]:
        """Notes of the truth that count."""
        return [note for group in self.counted for note in _notes(group.truth)]

    @property
    def result_notes(self) -> list[NoteEvent]:
        """Notes of the result that count."""
        return [note for group in self.counted for note in _notes(group.result)]


def note_errors(result: Sequence[VoicedBar], truth: Sequence[VoicedBar]) -> NoteErrors:
    """Align the bars of a part with the true ones and count the wrong notes.

    Bars of the truth with a chord or two voices are left out, together with the bars aligned with them.
    """
    groups = tuple(
        BarGroup(t, r, Counter() if any(bar.has_chord for bar in t) else _note_edits(_notes(r), _notes(t)))
        for r, t in _align(result, truth)
    )
    errors = NoteErrors(groups, 0)
    alphabet: dict[object, str] = {}
    flat = (_spell(notes, alphabet) for notes in (errors.result_notes, errors.truth_notes))
    return NoteErrors(groups, int(Levenshtein.distance(*flat)))


def _notes(bars: Sequence[VoicedBar]) -> list[NoteEvent]:
    return [note for bar in bars for note in bar.notes]


# Alignment of bars -----------------------------------------------------------------------------------------

_Costs = dict[tuple[int, int], NDArray[np.int64]]


def _align(
    result: Sequence[VoicedBar], truth: Sequence[VoicedBar]
) -> list[tuple[tuple[VoicedBar, ...], tuple[VoicedBar, ...]]]:
    """Groups of bars of the result and of the truth with the lowest total cost."""
    costs = _group_costs(result, truth)
    # Lowest cost (R + 1, T + 1) of aligning the first i bars of the result with the first j of the truth.
    best = np.full((len(result) + 1, len(truth) + 1), _INFINITE, np.int64)
    best[0, 0] = 0
    # Cost of leaving the first j bars of the truth unpaired.
    unpaired = np.concatenate([[0], np.cumsum(costs[0, 1][0])])
    for i, row in enumerate(best):
        for (rows, columns), cost in costs.items():
            if rows and i >= rows and len(truth) >= columns:
                candidates = best[i - rows, : len(truth) + 1 - columns] + cost[i - rows]
                row[columns:] = np.minimum(row[columns:], candidates)
        row[:] = np.minimum.accumulate(row - unpaired) + unpaired

    groups = []
    i, j = len(result), len(truth)
    while i or j:
        rows, columns = next(
            (rows, columns)
            for (rows, columns), cost in costs.items()
            if i >= rows
            and j >= columns
            and best[i, j] == best[i - rows, j - columns] + cost[i - rows, j - columns]
        )
        groups.append((tuple(result[i - rows : i]), tuple(truth[j - columns : j])))
        i, j = i - rows, j - columns
    return groups[::-1]


def _group_costs(result: Sequence[VoicedBar], truth: Sequence[VoicedBar]) -> _Costs:
    """Cost of each size of group, by the bars i of the result and j of the truth with which it begins."""
    alphabet: dict[object, str] = {}
    spelled = [[_spell(bar.notes, alphabet) for bar in bars] for bars in (result, truth)]
    runs = [{1: each, 2: [a + b for a, b in pairwise(each)]} for each in spelled]
    costs: _Costs = {}
    for (rows, columns), penalty in _GROUPS.items():
        # An unpaired bar is compared with nothing, wherever in the other part that is.
        down = runs[0][rows] if rows else [""] * (len(result) + 1)
        across = runs[1][columns] if columns else [""] * (len(truth) + 1)
        edits = cdist(down, across, scorer=Levenshtein.distance, dtype=np.int32)
        edits = edits.reshape(len(down), len(across)).astype(np.int64)
        if columns == 2:
            has_chord = [first.has_chord or second.has_chord for first, second in pairwise(truth)]
            edits[:, np.array(has_chord, bool)] = _FORBIDDEN
        costs[rows, columns] = edits * _EDIT + penalty
    return costs


def _spell(notes: Sequence[NoteEvent], alphabet: dict[object, str]) -> str:
    """The notes as a string with one character for each pitch and duration."""
    return "".join(alphabet.setdefault(note.written, chr(_FIRST_CHARACTER + len(alphabet))) for note in notes)


# Alignment of notes ----------------------------------------------------------------------------------------


def _note_edits(result: Sequence[NoteEvent], truth: Sequence[NoteEvent]) -> Counter[NoteEdit]:
    """The fewest edits by kind; ties are broken in favour of edits that keep a note's pitch or duration."""
    if [note.written for note in result] == [note.written for note in truth]:
        return Counter()
    steps: list[list[tuple[int, tuple[int, int], NoteEdit | None]]] = []
    for i in range(len(result) + 1):
        row: list[tuple[int, tuple[int, int], NoteEdit | None]] = []
        for j in range(len(truth) + 1):
            candidates: list[tuple[int, tuple[int, int], NoteEdit | None]] = []
            if i and j:
                same_pitch = result[i - 1].pitch == truth[j - 1].pitch
                same_duration = result[i - 1].duration == truth[j - 1].duration
                kind = _SUBSTITUTIONS[same_pitch, same_duration]
                cost = 0 if kind is None else _EDIT + (kind == "both")
                candidates.append((steps[i - 1][j - 1][0] + cost, (i - 1, j - 1), kind))
            if j:
                candidates.append((row[j - 1][0] + _EDIT, (i, j - 1), "missed"))
            if i:
                candidates.append((steps[i - 1][j][0] + _EDIT, (i - 1, j), "added"))
            row.append(min(candidates, key=lambda step: step[0], default=(0, (0, 0), None)))
        steps.append(row)
    edits: Counter[NoteEdit] = Counter()
    cell = len(result), len(truth)
    while cell != (0, 0):
        _, cell, kind = steps[cell[0]][cell[1]]
        edits.update([kind] if kind else [])
    return edits
