"""Rare symbols: each can be put in, bars stay as long as they were, and a shard holds all of them."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.data.music.clefs import fits_strip
from focal_omr.data.music.draw import ScoreSource, draw_composed
from focal_omr.data.music.insert import SymbolInserter
from focal_omr.data.music.rarity import Rarity, impossible, possible_symbols
from focal_omr.encodings.semantic import parse_sign, read_semantic, score_to_tokens, tokens_to_score
from focal_omr.encodings.vocabulary import full_semantic, primus_semantic
from focal_omr.score.records import Note

seeds = st.integers(0, 10**9)
_SHORT = "clef-G2 timeSignature-C note-G4_half note-A4_quarter note-B4_quarter barline note-C5_whole barline"


@pytest.mark.parametrize("symbol", Random(20).sample(possible_symbols(), 250))
def test_a_symbol_is_put_in_where_it_is_the_rarest(symbol: str) -> None:
    rarity = Rarity()
    rarity.count(s for s in full_semantic().symbols if s != symbol)
    for seed in range(2):
        score = rarity.enriched(draw_composed(Random(seed)), Random(f"{seed}/{symbol}"))
        assert symbol in score_to_tokens(score)


@given(seeds)
def test_an_enriched_staff_is_grammatical_and_on_a_strip(seed: int) -> None:
    random = Random(seed)
    score = Rarity().enriched(draw_composed(random), random)
    assert tokens_to_score(score_to_tokens(score)) == score
    assert fits_strip(score.parts[0])


@given(
    seeds, st.sampled_from(["half", "quarter.", "eighth..", "sixteenth", "sixty_fourth", "quarter.._fermata"])
)
def test_a_bar_is_as_long_with_a_symbol_in_it(seed: int, value: str) -> None:
    staff = SymbolInserter(read_semantic(_SHORT).parts[0], Random(seed))
    assert staff.insert(f"note-D5_{value}")
    assert staff.insert("rest-eighth")
    assert staff.insert("tuplet-3")
    assert [measure.length for measure in staff.score().parts[0].measures] == [Fraction(1)] * 2


def test_what_no_bar_has_room_for_gets_a_bar() -> None:
    staff = SymbolInserter(read_semantic(_SHORT).parts[0], Random(1))
    assert staff.insert("note-D5_double_whole")
    assert staff.insert("multirest-7")
    assert sorted(m.length for m in staff.score().parts[0].measures) == [0, 1, 1, 2]


def test_a_bar_in_another_meter_is_full_and_the_meter_comes_back() -> None:
    for seed in range(20):
        staff = SymbolInserter(read_semantic(_SHORT).parts[0], Random(seed))
        assert staff.insert("timeSignature-5/8")
        measures = staff.score().parts[0].measures
        assert sorted(measure.length for measure in measures) == [Fraction(5, 8), 1, 1]
        tokens = score_to_tokens(staff.score())
        later = tokens[tokens.index("timeSignature-5/8") :]
        assert sum(t.startswith("barline") for t in later) == 1 or "timeSignature-C" in later


def test_naturals_alone_come_after_another_key() -> None:
    for seed in range(20):
        staff = SymbolInserter(read_semantic(_SHORT).parts[0], Random(seed))
        assert staff.insert("keySignature-CM")
        keys = [token for token in score_to_tokens(staff.score()) if token.startswith("keySignature")]
        assert keys[-1] == "keySignature-CM" != keys[0]
        assert len(keys) == 2


def test_only_pitches_off_every_strip_are_impossible() -> None:
    cannot = [symbol for symbol in full_semantic().symbols if impossible(symbol)]
    signs = [parse_sign(symbol) for symbol in cannot]
    assert {s.pitch.step + str(s.pitch.octave) for s in signs if isinstance(s, Note)} == {"C1", "D1"}
    assert not any(impossible(symbol) for symbol in primus_semantic().symbols)


def test_a_shard_shows_every_symbol_and_most_staves_untouched() -> None:
    random, stream = Random("1/0"), ScoreSource().stream()
    for _ in range(500):
        score = stream(random)
        stream.keep(score_to_tokens(score))
    assert [symbol for symbol in possible_symbols() if not stream.rarity.seen[symbol]] == []
    assert set(stream.rarity.seen) <= set(full_semantic().symbols)


def test_the_same_seed_gives_the_same_stream() -> None:
    def staves() -> list[list[str]]:
        random, stream = Random(5), ScoreSource().stream()
        labels = []
        for _ in range(40):
            labels.append(score_to_tokens(stream(random)))
            stream.keep(labels[-1])
        return labels

    assert staves() == staves()


def test_without_a_share_no_staff_is_touched() -> None:
    stream = ScoreSource(rare_share=0.0).stream()
    for seed in range(5):
        random = Random(seed)
        random_again = Random(seed)
        assert stream(random) == draw_composed(random_again)
