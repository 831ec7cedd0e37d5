"""Musical constraints: bars that add up, ties, misplaced symbols."""

import pytest
from hypothesis import given
from strategies import scores

from focal_omr.encodings.bar_rules import BarRules, BarState, check_bars
from focal_omr.encodings.printed import full_printed, semantic_to_printed
from focal_omr.encodings.semantic import read_semantic, score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic


def _worth(label: str) -> float:
    vocabulary = full_printed()
    rules = BarRules(vocabulary.symbols)
    state, total = rules.start, 0.0
    for number in vocabulary.encode(label.split()):
        state, worth = rules.step(state, number)
        total += worth
    return total


METER = "clef-G2 timeSignature-3/4 "


@pytest.mark.parametrize(
    ("label", "bars"),
    [
        ("note-C5_half note-D5_quarter barline note-C5_half barline", [True, False]),
        ("note-C5_quarter barline note-C5_half. barline", [None, True]),  # a pickup
        ("note-C5_whole barline", [False]),
        ("note-C5_half. barline rest-whole barline multirest-7 barline", [True, True, True]),
        ("note-C5_half. barline note-C5_half barline-repeat_end note-C5_quarter barline", [True, None, None]),
        ("note-C5_half. barline note-C5_whole barline-repeat_end", [True, False]),
        ("note-C5_half tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end barline", [True]),
        ("note-C5_quarter barline note-C5_half barline-final", [None, None]),  # a pickup and its rest
        ("note-C5_half. barline gracenote-D5_eighth note-C5_half. barline-final", [True, True]),
        ("note-C5_half. barline timeSignature-2/4 note-C5_half barline note-C5_half.", [True, True, None]),
        ("note-C5_half. barline barline-repeat_start note-C5_half. barline", [True, None, True]),
    ],
)
def test_bars_add_up(label, bars):
    assert check_bars((METER + label).split()) == bars


def test_without_a_meter_bars_are_undecidable():
    assert check_bars(["clef-G2", "note-C5_half", "barline", "note-C5_quarter", "barline"]) == [None, None]


def test_bar_that_adds_up_scores_higher():
    before = METER + "note-C5_half. barline "
    assert _worth(before + "note-C5_quarter. note-D5_eighth note-C5_quarter barline") > _worth(before)
    assert _worth(before + "note-C5_quarter note-D5_eighth note-C5_quarter barline") < _worth(before)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("note-C5_half tie note-C5_half", "note-C5_half tie note-D5_half"),
        ("note-C5_half tie barline note-C5_half", "note-C5_half tie barline rest-half"),
        ("note-C5_half tie accidental-# note-C5_half", "rest-half tie note-C5_half"),
        ("accidental-# note-C5_half", "accidental-# rest-half"),
        ("accidental-# gracenote-C5_eighth note-C5_half", "accidental-# accidental-b note-C5_half"),
        ("clef-G2 note-C5_half clef-F4", "clef-G2 clef-F4 note-C5_half"),
        ("clef-G2 keySignature-FM timeSignature-C", "clef-G2 timeSignature-C timeSignature-3/4"),
        ("tuplet-3 note-C5_half tuplet-end barline", "tuplet-3 note-C5_half barline tuplet-end"),
        ("tuplet-3 note-C5_half tuplet-end", "note-C5_half tuplet-end"),
    ],
)
def test_misplaced_symbols_score_lower(better, worse):
    assert _worth(better) > _worth(worse)


@given(scores())
def test_any_score_can_be_scored_in_both_encodings(score):
    tokens = score_to_tokens(score)
    vocabulary = full_semantic()
    if any(token not in vocabulary for token in tokens):
        return
    ended = []
    for symbols, label in ((full_semantic(), tokens), (full_printed(), semantic_to_printed(tokens))):
        rules = BarRules(symbols.symbols)
        state = rules.start
        for number in symbols.encode(label):
            state, _ = rules.step(state, number)
        ended.append((state.filled, state.full))
    assert ended[0] == ended[1]
    assert len(check_bars(tokens)) == len(read_semantic(" ".join(tokens)).parts[0].measures)


def test_steps_do_not_depend_on_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is keyed by the ids of states; clearing it must not confuse old and new ones."""
    symbols = ("timeSignature-2/4", "note-C4_quarter", "note-D4_eighth", "tie", "barline")
    numbers = [1, *([2, 4, 3, 3, 5] * 40), *([3, 4, 3, 2, 5] * 40)]

    def walked(rules: BarRules) -> list[tuple[BarState, float]]:
        state, steps = rules.starting(None), []
        for number in numbers:
            state, worth = rules.step(state, number)
            steps.append((state, worth))
        return steps

    wanted = walked(BarRules(symbols))
    monkeypatch.setattr("focal_omr.encodings.bar_rules._CACHED_STEPS", 2)
    rules = BarRules(symbols)
    assert walked(rules) == wanted == walked(rules)
    assert len(rules._steps) <= 2
