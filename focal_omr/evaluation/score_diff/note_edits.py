"""Edit distance of the notes of one staff in a bar, by kind of edit."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from focal_omr.evaluation.score_diff.records import PrintedNote

__all__ = ["NoteEdit", "note_edits"]

NoteEdit = Literal["pitch", "duration", "both", "missed", "added"]
# (same pitch, same duration) -> kind of the substitution.
_SUBSTITUTIONS: dict[tuple[bool, bool], NoteEdit | None] = {
    (True, True): None,
    (False, True): "pitch",
    (True, False): "duration",
    (False, False): "both",
}
_EDIT = 1 << 20  # cost of an edit, larger than any number of them


def note_edits(result: Sequence[PrintedNote], truth: Sequence[PrintedNote]) -> Counter[NoteEdit]:
    """The fewest edits by kind; ties are broken in favour of edits that keep a note's pitch or duration.

    Onsets only give the order of the notes: a wrong duration is one edit, whatever it shifts.
    """
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
