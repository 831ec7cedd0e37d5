"""Counts of what two scores have in common, over their aligned bars: notes, voices, marks and lyrics."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from focal_omr.evaluation.score_diff.align_bars import BarPair, align_bars
from focal_omr.evaluation.score_diff.note_edits import NoteEdit, note_edits
from focal_omr.evaluation.score_diff.records import MARKS, Bar, PrintedNote

__all__ = ["ScoreDiff", "StaffEdits", "Tally", "count_in_common", "diff_bars"]

_NO_BAR = Bar(0)


class Tally(NamedTuple):
    """How many things are in both, in the result, and in the truth."""

    matched: int = 0
    result: int = 0
    truth: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """The sum of both."""
        return Tally(*map(sum, zip(self, other, strict=True)))

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, 0 .. 1; None if the truth has none."""
        return 2 * self.matched / (self.result + self.truth) if self.truth else None


@dataclass(frozen=True)
class StaffEdits:
    """The notes of one staff in a pair of bars.

    Attributes:
        staff: From the top, from 1.
        bars: The bar of the result and that of the truth; None: there is none.
        result: Notes of the result.
        truth: Notes of the truth.
        edits: Number of edits by kind.
    """

    staff: int
    bars: BarPair
    result: list[PrintedNote]
    truth: list[PrintedNote]
    edits: Counter[NoteEdit]


@dataclass
class ScoreDiff:
    """What two scores have in common and where they differ.

    Attributes:
        tallies: Kind (pitch, onset, duration, timed, voices, and `MARKS`) -> tally over all bars. `timed` is
            by onset from the beginning of the score instead of the bar.
        lyrics: Verse -> (character edits, characters of the truth).
        bars: Bars of the truth that are exactly right, bars of the result, bars of the truth.
        edits: Note edits by kind.
        flat_edits: Note edits without regard to barlines.
        differences: Staves of bars that differ, and those of bars without a partner.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    lyrics: dict[str, tuple[int, int]] = field(default_factory=dict)
    bars: Tally = field(default_factory=Tally)
    edits: Counter[NoteEdit] = field(default_factory=Counter)
    flat_edits: int = 0
    differences: list[StaffEdits] = field(default_factory=list)

    @property
    def voices(self) -> float | None:
        """Share of the notes found that are in the right voice: 0 if none is found, None if there is none."""
        of = self.tallies["voices"]
        return None if not self.tallies["duration"].truth else of.matched / of.truth if of.truth else 0.0

    def add(self, other: "ScoreDiff") -> None:
        """Add the counts of another pair of scores; their differences are not kept."""
        self.bars = self.bars.plus(other.bars)
        self.tallies = {kind: tally.plus(other.tallies[kind]) for kind, tally in self.tallies.items()}
        for verse, (edits, characters) in other.lyrics.items():
            before = self.lyrics.get(verse, (0, 0))
            self.lyrics[verse] = before[0] + edits, before[1] + characters


def diff_bars(result: Sequence[Bar], truth: Sequence[Bar]) -> ScoreDiff:
    """Align the bars of two scores and compare them."""
    diff = ScoreDiff()
    staves = range(
        1, max((n.staff for bars in (result, truth) for bar in bars for n in bar.notes), default=0) + 1
    )
    kinds = ("pitch", "onset", "duration", "voices", *MARKS)
    diff.tallies = dict.fromkeys(kinds, Tally())
    right = 0
    for hyp, ref in align_bars(result, truth):
        tallied = _tally_bars(hyp or _NO_BAR, ref or _NO_BAR)
        for kind, tally in tallied.items():
            diff.tallies[kind] = diff.tallies[kind].plus(tally)
        duration = tallied["duration"]
        exact = duration.matched == duration.result == duration.truth
        right += exact and ref is not None
        if exact and hyp is not None and ref is not None:
            continue
        for staff in staves:
            hyp_notes, ref_notes = (bar.staff_notes(staff) if bar else [] for bar in (hyp, ref))
            if Counter(hyp_notes) != Counter(ref_notes) or hyp is None or ref is None:
                edits = note_edits(hyp_notes, ref_notes)
                diff.edits += edits
                diff.differences.append(StaffEdits(staff, (hyp, ref), hyp_notes, ref_notes, edits))
    diff.tallies["timed"] = _tally(_timed(result), _timed(truth))
    diff.bars = Tally(right, len(result), len(truth))
    for staff in staves:
        written = (
            [note.written for bar in bars for note in bar.staff_notes(staff)] for bars in (result, truth)
        )
        diff.flat_edits += Levenshtein.distance(*written)
    hyp_lyrics, ref_lyrics = _lyrics(result), _lyrics(truth)
    for verse in sorted({*hyp_lyrics, *ref_lyrics}):
        sung = ref_lyrics.get(verse, "")
        diff.lyrics[verse] = Levenshtein.distance(hyp_lyrics.get(verse, ""), sung), len(sung)
    return diff


def _tally(result: Iterable[Hashable], truth: Iterable[Hashable]) -> Tally:
    hyp, ref = Counter(result), Counter(truth)
    return Tally((hyp & ref).total(), hyp.total(), ref.total())


def _tally_bars(result: Bar, truth: Bar) -> dict[str, Tally]:
    """The tallies of a pair of bars. Staff and onset of marks that engravers place freely do not count."""
    tallies = {
        "duration": _tally(result.notes, truth.notes),
        "onset": _tally((n[:3] for n in result.notes), (n[:3] for n in truth.notes)),
        "pitch": _tally(
            ((n.staff, n.pitch) for n in result.notes), ((n.staff, n.pitch) for n in truth.notes)
        ),
    }
    found = tallies["duration"].matched
    tallies["voices"] = Tally(count_in_common(_voices(result), _voices(truth)), found, found)
    for kind in MARKS:
        placed = kind in ("ties", "tuplets")
        hyp, ref = (
            (mark if placed else mark[1:] for mark in bar.marks[kind].elements()) for bar in (result, truth)
        )
        tallies[kind] = _tally(hyp, ref)
    return tallies


def _timed(bars: Sequence[Bar]) -> Iterable[tuple[object, ...]]:
    """Staff, onset in quarters from the beginning, without repeats, pitch and duration of each note."""
    starts = accumulate((bar.length for bar in bars), initial=Fraction(0))
    for start, bar in zip(starts, bars, strict=False):
        yield from ((n.staff, start + n.onset, *n.written) for n in bar.notes)


def _lyrics(bars: Sequence[Bar]) -> dict[str, str]:
    """Verse -> its syllables, staff by staff, separated by blanks."""
    lines: dict[str, list[str]] = {}
    by_staff = ((s.staff, place, s.onset, s) for place, bar in enumerate(bars) for s in bar.syllables)
    for *_, syllable in sorted(by_staff, key=lambda each: each[:3]):
        lines.setdefault(syllable.verse, []).append(syllable.text)
    return {verse: " ".join(texts) for verse, texts in lines.items()}


# Voices ----------------------------------------------------------------------------------------------------


def _voices(bar: Bar) -> list[Counter[PrintedNote]]:
    voices: dict[str, Counter[PrintedNote]] = {}
    for note, voice in zip(bar.notes, bar.voices, strict=True):
        voices.setdefault(voice, Counter())[note] += 1
    return list(voices.values())


def count_in_common(result: Sequence[Counter[PrintedNote]], truth: Sequence[Counter[PrintedNote]]) -> int:
    """Notes in common of the voices of two bars, each voice paired with at most one of the other bar.

    Returns:
        The largest number over all pairings.
    """
    holders: dict[PrintedNote, list[tuple[int, int]]] = {}  # voices of the truth by note, with its number
    for column, voice in enumerate(truth):
        for note, count in voice.items():
            holders.setdefault(note, []).append((column, count))
    weights: dict[int, Counter[int]] = {}  # row -> column -> notes in common
    for row, voice in enumerate(result):
        for note, count in voice.items():
            for column, other in holders.get(note, ()):
                weights.setdefault(row, Counter())[column] += min(count, other)
    total = 0
    while weights:  # one group of connected voices after another
        rows, columns, reached = set[int](), set[int](), {next(iter(weights))}
        while reached:
            rows |= reached
            columns.update(*(weights[row] for row in reached))
            reached = {row for row, each in weights.items() if row not in rows and columns & each.keys()}
        group = [[weights[row][column] for column in columns] for row in rows]
        total += _heaviest_matching(group if len(rows) <= len(columns) else list(zip(*group, strict=True)))
        for row in rows:
            del weights[row]
    return total


def _heaviest_matching(weights: Sequence[Sequence[int]]) -> int:
    """The weight of the heaviest matching of rows with columns, which are no fewer than the rows.

    Source: Kuhn 1955, "The Hungarian method for the assignment problem", as shortest augmenting paths.
    """
    size = len(weights[0])
    rows, columns = [0] * (len(weights) + 1), [0] * (size + 1)  # potentials
    partner = [0] * (size + 1)  # row of each column, from 1; column 0 holds the row that is being added
    for row in range(1, len(weights) + 1):
        partner[0], column = row, 0
        least, before, used = [1 << 60] * (size + 1), [0] * (size + 1), [False] * (size + 1)
        while partner[column]:
            used[column] = True
            for other in range(1, size + 1):
                at = partner[column]
                cost = -weights[at - 1][other - 1] - rows[at] - columns[other]
                if not used[other] and cost < least[other]:
                    least[other], before[other] = cost, column
            step, following = min((least[other], other) for other in range(1, size + 1) if not used[other])
            for other in range(size + 1):
                if used[other]:
                    rows[partner[other]] += step
                    columns[other] -= step
                else:
                    least[other] -= step
            column = following
        while column:
            partner[column] = partner[before[column]]
            column = before[column]
    return columns[0]
