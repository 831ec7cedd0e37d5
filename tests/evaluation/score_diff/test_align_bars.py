"""Bars that were dropped, added and changed find their partners."""

from fractions import Fraction

import pytest

from focal_omr.evaluation.score_diff.align_bars import align_bars
from focal_omr.evaluation.score_diff.records import Bar, PrintedNote


def bars(*texts):
    """Bars of quarters such as "C4 D4"."""
    return [
        Bar(
            index,
            notes=[PrintedNote(1, Fraction(i), name, Fraction(1)) for i, name in enumerate(text.split())],
        )
        for index, text in enumerate(texts, 1)
    ]


TRUTH = bars("C4 D4 E4 F4", "G4 A4", "B4 C5 D5 E5", "F4 F#4 G4 A4")


def places(result, truth=TRUTH):
    return [(hyp and hyp.index, ref and ref.index) for hyp, ref in align_bars(result, truth)]


def test_equal_bars_are_paired_and_so_are_changed_ones():
    assert places(TRUTH) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert places(bars("C4 D4 E4 F4", "G4 B4", "B4 C5 D5", "G3 F#4 G4 A4")) == [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 4),
    ]


@pytest.mark.parametrize("index", range(4))
def test_a_bar_dropped_or_read_twice_shifts_nothing(index):
    dropped = places(TRUTH[:index] + TRUTH[index + 1 :])
    assert [ref for hyp, ref in dropped if hyp is None] == [index + 1]
    twice = places(TRUTH[: index + 1] + TRUTH[index:])
    assert len([hyp for hyp, ref in twice if ref is None]) == 1
    assert [ref for _, ref in twice if ref] == [1, 2, 3, 4]


def test_an_unlike_bar_is_paired_only_where_that_costs_less():
    # As a pair 4 (no pitch in common, no note), as two unpaired bars 2 notes and a half each: 5.
    assert places(bars("D4 E4"), bars("F4 G4")) == [(1, 1)]
    # The same number of notes; the pitches decide which bar it is.
    assert places(bars("G4 A4 B4"), bars("C4 D4 E4", "A4 G4 B4")) == [(None, 1), (1, 2)]


def test_repeated_notes_are_counted():
    assert places(bars("C4 C4 C4"), bars("C4", "C4 C4 C4")) == [(None, 1), (1, 2)]


def test_nothing_and_many_bars_of_rest():
    assert places([], []) == []
    assert places([]) == [(None, number) for number in range(1, 5)]
    rests = bars(*["C4"] + [""] * 100 + ["D4"])
    assert [pair for pair in places(bars("C4", "D4"), rests) if None not in pair] == [(1, 1), (2, 102)]
