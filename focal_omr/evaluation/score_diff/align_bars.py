"""What is wrong with a reading, bar by bar: bars laid beside each other, then notes within them.

The bars of the two parts are aligned by a weighted edit distance of sequences: a pair of bars costs the edits
of their notes, a bar without a partner as many as it has notes. One or two bars may stand beside one or two,
so that a barline that is missing, too many or misplaced costs no note; but a bar with a chord, which will be
left out, takes no bar of the truth with it. Of the cheapest alignments the one with the most plain pairs is
taken; bars without notes cost nothing, and so a rest of several bars stands beside as many bars of rest.

Source: Levenshtein 1966; groups of bars as those of sentences in Gale & Church 1993, "A Program for Aligning
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

from focal_omr.evaluation.score_diff.records import Bar, NoteEvent

__all__ = ["BarGroup", "Edit", "NoteErrors", "note_errors"]

Edit = Literal["pitch", "duration", "both", "missed", "added"]
_FIRST_SIGN = 0xF0000  # notes become characters of the private use plane, of which there are 65 thousand
# Bars of the result and of the truth in a group -> how much less it is liked than a plain pair, edits equal.
_GROUPS = {(1, 1): 0, (0, 1): 1, (1, 0): 1, (1, 2): 3, (2, 1): 3, (2, 2): 4}
_EDIT = 1 << 20  # the cost of an edit, so that no number of dislikes outweighs one
_TOO_MANY = 1 << 29  # edits, of a group that must not be
_NEVER = 1 << 60


@dataclass(frozen=True)
class BarGroup:
    """Bars of the truth and those of the result that stand beside them.

    Attributes:
        truth: No, one or two bars.
        result: No, one or two bars.
        edits: How often each kind of edit is needed; empty where a bar of the truth has chords.
    """

    truth: tuple[Bar, ...]
    result: tuple[Bar, ...]
    edits: Counter[Edit]

    @property
    def left_out(self) -> bool:
        """Whether it does not count: a bar of the truth has a chord or two voices."""
        return any(bar.has_chord for bar in self.truth)


@dataclass(frozen=True)
class NoteErrors:
    """The errors of a part.

    Attributes:
        groups: All bars of both, in order.
        flat_edits: Edits of the notes that count, were there no barlines: never more than `edits`.
    """

    groups: tuple[BarGroup, ...]
    flat_edits: int

    @property
    def edits(self) -> Counter[Edit]:
        """Edits by kind."""
        return sum((group.edits for group in self.groups), Counter[Edit]())

    @property
    def counted(self) -> list[BarGroup]:
        """The groups that are not left out."""
        return [group for group in self.groups if not group.left_out]

    @property
    def truth_notes(self) -> list[NoteEvent]:
        """Notes of the truth that count."""
        return [note for group in self.counted for note in notes_of(group.truth)]

    @property
    def result_notes(self) -> list[NoteEvent]:
        """Notes of the result that count."""
        return [note for group in self.counted for note in notes_of(group.result)]


def note_errors(result: Sequence[Bar], truth: Sequence[Bar]) -> NoteErrors:
    """Align the bars of a part that was read with those that it should have, and count what is wrong.

    Bars of the truth with a chord or two voices are left out, and what stands beside them in the result.
    """
    groups = tuple(
        BarGroup(t, r, Counter() if any(bar.has_chord for bar in t) else _edits(notes_of(r), notes_of(t)))
        for r, t in _align(result, truth)
    )
    errors = NoteErrors(groups, 0)
    alphabet: dict[object, str] = {}
    flat = (_spell(notes, alphabet) for notes in (errors.result_notes, errors.truth_notes))
    return NoteErrors(groups, int(Levenshtein.distance(*flat)))


def notes_of(bars: Sequence[Bar]) -> list[NoteEvent]:
    """The notes of some bars, one after the other."""
    return [note for bar in bars for note in bar.notes]


# Bars ------------------------------------------------------------------------------------------------------


def _align(result: Sequence[Bar], truth: Sequence[Bar]) -> list[tuple[tuple[Bar, ...], tuple[Bar, ...]]]:
    """Groups of bars, each of the result's and the truth's, that cost the fewest edits."""
    tables = _edit_tables(result, truth)
    best = _best_costs(len(result), len(truth), tables)
    groups = []
    i, j = len(result), len(truth)
    while i or j:
        rows, columns = _last_group(best, tables, i, j)
        groups.append((tuple(result[i - rows : i]), tuple(truth[j - columns : j])))
        i, j = i - rows, j - columns
    return groups[::-1]


_Tables = dict[tuple[int, int], NDArray[np.int32]]


def _best_costs(bars: int, meant: int, tables: _Tables) -> NDArray[np.int64]:
    """The least cost of aligning the first i bars of the result with the first j of the truth."""
    best = np.full((bars + 1, meant + 1), _NEVER, np.int64)
    best[0, 0] = 0
    # What it costs that the truth's first j bars have no partner.
    alone = np.concatenate([[0], np.cumsum(_cost((0, 1), tables[0, 1][0]))])
    for i in range(bars + 1):
        row = best[i]
        for (rows, columns), table in tables.items():
            if rows and i >= rows and meant >= columns:
                ways = best[i - rows, : meant + 1 - columns] + _cost((rows, columns), table[i - rows])
                row[columns:] = np.minimum(row[columns:], ways)
        row[:] = np.minimum.accumulate(row - alone) + alone
    return best


def _last_group(best: NDArray[np.int64], tables: _Tables, i: int, j: int) -> tuple[int, int]:
    """The size of the group with which the best alignment of i and j bars ends."""
    for (rows, columns), table in tables.items():
        if i >= rows and j >= columns:
            k, m = i - rows, j - columns
            if best[i, j] == best[k, m] + _cost((rows, columns), table[k, m]):
                return rows, columns
    raise AssertionError("the costs do not add up")


def _cost(size: tuple[int, int], edits: NDArray[np.int32]) -> NDArray[np.int64]:
    """What groups of a size cost, in whole numbers: their edits, and then how little the size is liked."""
    costs: NDArray[np.int64] = edits.astype(np.int64) * _EDIT + _GROUPS[size]
    return costs


def _edit_tables(result: Sequence[Bar], truth: Sequence[Bar]) -> _Tables:
    """The edits of each size of group, by where it begins: at bar i of the result and j of the truth."""
    alphabet: dict[object, str] = {}
    spelled = [[_spell(bar.notes, alphabet) for bar in bars] for bars in (result, truth)]
    runs = [{1: each, 2: [a + b for a, b in pairwise(each)]} for each in spelled]
    tables: _Tables = {}
    for rows, columns in _GROUPS:
        # A bar without a partner stands beside nothing, wherever in the other part that is.
        down = runs[0][rows] if rows else [""] * (len(result) + 1)
        across = runs[1][columns] if columns else [""] * (len(truth) + 1)
        edits = cdist(down, across, scorer=Levenshtein.distance, dtype=np.int32)
        tables[rows, columns] = edits.reshape(len(down), len(across))
        if columns == 2:
            apart = [first.has_chord or second.has_chord for first, second in pairwise(truth)]
            tables[rows, columns][:, np.array(apart, bool)] = _TOO_MANY
    return tables


def _spell(notes: Sequence[NoteEvent], alphabet: dict[object, str]) -> str:
    """The notes as characters, one for each pitch and duration."""
    return "".join(alphabet.setdefault(note.written, chr(_FIRST_SIGN + len(alphabet))) for note in notes)


# Notes -----------------------------------------------------------------------------------------------------


def _edits(result: Sequence[NoteEvent], truth: Sequence[NoteEvent]) -> Counter[Edit]:
    """The fewest edits by kind; among as few, those that leave pitch or duration of a note right."""
    if [note.written for note in result] == [note.written for note in truth]:
        return Counter()
    steps: list[list[tuple[int, tuple[int, int], Edit | None]]] = []
    for i in range(len(result) + 1):
        row: list[tuple[int, tuple[int, int], Edit | None]] = []
        for j in range(len(truth) + 1):
            ways: list[tuple[int, tuple[int, int], Edit | None]] = []
            if i and j:
                kind = _difference(result[i - 1], truth[j - 1])
                cost = 0 if kind is None else _EDIT + (kind == "both")
                ways.append((steps[i - 1][j - 1][0] + cost, (i - 1, j - 1), kind))
            if j:
                ways.append((row[j - 1][0] + _EDIT, (i, j - 1), "missed"))
            if i:
                ways.append((steps[i - 1][j][0] + _EDIT, (i - 1, j), "added"))
            row.append(min(ways, key=lambda way: way[0], default=(0, (0, 0), None)))
        steps.append(row)
    edits: Counter[Edit] = Counter()
    place = len(result), len(truth)
    while place != (0, 0):
        _, place, made = steps[place[0]][place[1]]
        edits.update([made] if made else [])
    return edits


def _difference(result: NoteEvent, truth: NoteEvent) -> Edit | None:
    if result.duration == truth.duration:
        return None if result.pitch == truth.pitch else "pitch"
    return "duration" if result.pitch == truth.pitch else "both"
