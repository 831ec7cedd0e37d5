"""One-voice scores as whole scores, and back."""

from hypothesis import given
from strategies import agnostic_scores, labels, scores

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import read_semantic, tokens_to_score
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.score import records
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.event_ids import event_ids
from focal_omr.score.score import Measure, Score
from focal_omr.score.validate import validate

HEAD = "clef-G2 keySignature-GM timeSignature-3/4 "


def whole(label: str) -> Score:
    return to_score(read_semantic(label))


def only_part(score: Score) -> tuple[Measure, ...]:
    (part,) = score.parts
    return part.measures


def there_and_back(score: records.Score) -> records.Score:
    again, left_out = from_score(to_score(score))
    assert left_out == ()
    return again


@given(scores())
def test_there_and_back(score):
    assert there_and_back(score) == score


@given(agnostic_scores())
def test_there_and_back_with_beams(score):
    assert there_and_back(score) == score


@given(labels())
def test_there_and_back_from_labels(tokens):
    score = tokens_to_score(tokens)
    beamed = records.Score(tuple(map(beam_by_meter, score.parts)))
    assert there_and_back(beamed) == beamed


@given(scores())
def test_ids_are_those_of_the_events(score):
    found = [event.id for *_, event in to_score(score).events()]
    (known,) = event_ids(score)
    assert len(set(found)) == len(found)
    assert {id_.partition(".")[0] for id_ in found} == {
        id_
        for id_, event in zip(known, _flat(score), strict=True)
        if not isinstance(event, records.Clef | records.Key | records.Meter)
    }


@given(scores())
def test_ids_and_times_are_valid(score):
    wrong = [str(each) for each in validate(to_score(score)) if "beam" not in str(each)]
    assert not [reason for reason in wrong if "meter says" not in reason and "tie to" not in reason]


def _flat(score: records.Score) -> list[records.Event]:
    return [event for measure in score.parts[0].measures for event in records.flat_events(measure)]
