"""The playing order of measures: repeats, endings and jumps, against orders written down by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest

from focal_omr.score.score import Barline, Direction, Ending, Jump, Measure, Part, Rest, Score, Voice
from focal_omr.score.score import Duration as Written
from focal_omr.score.unfold import unfold

FORWARD, BACKWARD = Barline("heavy-light", "forward"), Barline("light-heavy", "backward")
FINAL = Barline("light-heavy")


def score_of(text: str) -> Score:
    """A score of one part from words, one for each measure: `|:` and `:|` repeats, `||` a final barline, `1[`
    the start and `]` the end of an ending, and jumps by their names, joined by commas."""
    measures, spanners = [], []
    start, numbers = "", ""
    for index, word in enumerate(text.split()):
        id_ = f"m{index}"
        signs = word.split(",")
        for sign in signs:
            if sign.endswith("["):
                start, numbers = id_, sign[:-1].replace("+", ", ")
        if "]" in signs:
            spanners.append(Ending(start, id_, numbers))
        kinds = ("segno", "coda", "to-coda", "da-capo", "dal-segno", "fine")
        rest = Rest(id=f"r{index}", onset=Fraction(0), duration=Written(Fraction(1)), length=Fraction(1))
        measures.append(
            Measure(
                id=id_,
                number=str(index + 1),
                voices=(Voice(1, (rest,)),),
                left=FORWARD if "|:" in signs else None,
                right=BACKWARD if ":|" in signs else FINAL if "||" in signs else Barline(),
                directions=tuple(Direction(Fraction(0), Jump(kind)) for kind in kinds if kind in signs),
            )
        )
    return Score(parts=(Part(id="P1", measures=tuple(measures), spanners=tuple(spanners)),))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("- - -", [0, 1, 2]),
        ("- :| -", [0, 1, 0, 1, 2]),
        ("- |: - :| -", [0, 1, 2, 3, 1, 2, 3, 4]),
        ("- :| - :| -", [0, 1, 0, 1, 2, 3, 2, 3, 4]),
        ("- || - :|", [0, 1, 2, 3, 2, 3]),
        ("- 1[,],:| 2[,] -", [0, 1, 0, 2, 3]),
        ("|: 1[,],:| 2[,] |: - :|", [0, 1, 0, 2, 3, 4, 5, 3, 4, 5]),
        ("- 1[,],:| -", [0, 1, 0, 2]),
        ("- 1[ ],:| 2[ ] -", [0, 1, 2, 0, 3, 4, 5]),
        ("- 1+2[,],:| 3[,] -", [0, 1, 0, 1, 0, 2, 3]),
        ("- fine - da-capo", [0, 1, 2, 3, 0, 1]),
        ("- segno - to-coda - dal-segno coda -", [0, 1, 2, 3, 4, 5, 1, 2, 3, 6, 7]),
        ("- to-coda - da-capo coda", [0, 1, 2, 3, 0, 1, 4]),
        ("- coda - da-capo coda", [0, 1, 2, 3, 0, 1, 4]),
        ("- :| fine da-capo", [0, 1, 0, 1, 2, 3, 0, 1, 2]),
        ("- 1[,],:| 2[,],fine - da-capo", [0, 1, 0, 2, 3, 4, 0, 2]),
        ("- dal-segno", [0, 1, 0, 1]),
        ("- || - fine - da-capo,|| -", [0, 1, 2, 3, 4, 5, 2, 3, 6]),
        ("- fine,|| - da-capo,|| -", [0, 1, 2, 3, 0, 1, 4]),
        ("- || - da-capo,|| -", [0, 1, 2, 3, 2, 3, 4]),
        ("|:,segno 1[,],:| 2[,] dal-segno,:|", [0, 1, 0, 2, 3, 3, 0, 2, 3]),
    ],
)
def test_the_order_is_that_of_a_player(text: str, order: list[int]) -> None:
    assert unfold(score_of(text)) == order


def test_the_printed_text_of_an_ending_counts() -> None:
    score = score_of("- 1[,],:| 3[,]")
    first, second = score.parts[0].spanners
    assert isinstance(first, Ending)
    part = replace(score.parts[0], spanners=(replace(first, text="1. u. 2."), second))
    assert unfold(replace(score, parts=(part,))) == [0, 1, 0, 1, 0, 2]


def test_measures_that_only_another_part_has_come_last() -> None:
    one, two = score_of("- :|"), score_of("- - -")
    assert unfold(Score(parts=(one.parts[0], two.parts[0]))) == [0, 1, 0, 1, 2]


def test_a_score_without_measures_plays_nothing() -> None:
    assert unfold(Score(parts=())) == []
    assert unfold(Score(parts=(Part(id="P1", measures=()),))) == []
