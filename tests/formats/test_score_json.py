"""JSON of score records: exact both ways, and errors in one line."""

import pytest
from hypothesis import given

from focal_omr.errors import NotationError
from focal_omr.formats.score_json import read_record, write_record
from focal_omr.score.score import Barline, Score
from tests.rich_scores import rich_score
from tests.score_strategies import scores


def test_a_score_of_every_kind_of_record_comes_back() -> None:
    score = rich_score()
    assert read_record(write_record(score)) == score


@given(scores())
def test_random_scores_come_back(score: Score) -> None:
    assert read_record(write_record(score)) == score
    assert read_record(write_record(score.parts)) == score.parts


def test_defaults_are_left_out() -> None:
    assert write_record(Barline()) == '{"_":"Barline"}'
    assert read_record(b'{"_":"Barline","style":"dashed"}') == Barline("dashed")


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"style":"dashed"}', '{"_":"Bar"}', '{"_":"Barline","colour":1}', '{"/":[1,0]}', "[" * 9999],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(NotationError, match="not a score record"):
        read_record(text)
