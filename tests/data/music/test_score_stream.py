"""Streams of scores: the same for a seed, valid, inside the alphabet, with rare values in time."""

from fractions import Fraction
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from focal_omr.data.music.factor_rarity import FactorRarity, impossible, possible_values
from focal_omr.data.music.score_store import open_writer
from focal_omr.data.music.score_stream import Drawn, MusicSource, draw_composed
from focal_omr.encodings.as_printed import as_printed
from focal_omr.encodings.column_factors import FACTORS, column_factors
from focal_omr.encodings.to_columns import score_to_columns
from focal_omr.errors import DataError
from focal_omr.formats.score_json import write_record
from focal_omr.score.score import Part, Score
from focal_omr.score.validate import validate
from tests.rich_scores import WHOLE, measure, rest


@pytest.fixture(scope="module")
def drawn() -> list[Drawn]:
    return list(islice(MusicSource().stream(7), 120))


def test_the_same_seed_gives_the_same_scores(drawn: list[Drawn]) -> None:
    again = list(islice(MusicSource().stream(7), 20))
    assert [write_record(d.score) for d in again] == [write_record(d.score) for d in drawn[:20]]
    other = next(MusicSource().stream(8))
    assert write_record(other.score) != write_record(drawn[0].score)


def test_composed_scores_are_valid_and_printed_as_they_say(drawn: list[Drawn]) -> None:
    for each in drawn:
        assert validate(each.score) == []
        columns = score_to_columns(each.score)
        assert columns.outside == ()
        assert each.columns == [column_factors(c) for staff in columns.systems[0] for c in staff]
        assert as_printed(each.score, stems=False)[0] == each.score


def test_all_textures_and_numbers_of_voices_come(drawn: list[Drawn]) -> None:
    assert {d.texture for d in drawn} == {"one", "piano", "song", "duo", "quartet"}
    voices = [max(len(m.voices) for m in d.score.parts[0].measures) for d in drawn if d.texture == "one"]
    assert set(voices) >= {1, 2}


def test_what_is_rare_is_wished_for_and_comes() -> None:
    rarity, plain = FactorRarity(), FactorRarity()
    for seed in range(150):
        rarity.count(draw_composed(Random(seed), rarity.wishes(Random(seed))).columns)
        plain.count(draw_composed(Random(seed)).columns)
    places = [place for *_, place in possible_values()]
    with_wishes, without = (sum(own.seen[place] == 0 for place in places) for own in (rarity, plain))
    assert with_wishes < without / 3


def test_impossible_values_are_named_and_never_wished_for() -> None:
    reasons = [impossible(factor.name, value) for factor in FACTORS for value in factor.values]
    assert sum(reason is not None for reason in reasons) < 50
    assert impossible("kind", "blank")
    assert impossible("kind", "notes") is None
    rarity = FactorRarity()
    for _ in range(100):
        assert all(impossible(name, value) is None for name, value in rarity.wishes(Random(1)))


def test_excerpts_come_from_the_store(tmp_path: Path) -> None:
    store = tmp_path / "a.store"
    with open_writer(store) as writer:
        for seed in range(6):
            writer.add(f"piece {seed}", draw_composed(Random(seed)).score)
    drawn = list(islice(MusicSource(store, composed=0.3).stream(1), 40))
    assert 3 < sum(d.source == "composed" for d in drawn) < 25
    assert {d.source for d in drawn} - {"composed"} <= {f"piece {n}" for n in range(6)}


def test_a_store_without_music_that_fits(tmp_path: Path) -> None:
    store = tmp_path / "a.store"
    silent = measure("Pm1", (rest("r1", Fraction(0), WHOLE, measure=True),))
    with open_writer(store) as writer:
        writer.add("silent", Score(parts=(Part(id="P", measures=(silent,)),)))
    with pytest.raises(DataError, match="in a row do not fit"):
        next(MusicSource(store, composed=0).stream(1))
