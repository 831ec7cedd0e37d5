import pytest
from hypothesis import given
from hypothesis import strategies as st

from focal_omr.encodings.semantic import parse_barline, parse_sign
from focal_omr.encodings.vocabulary import (
    BLANK,
    Vocabulary,
    full_semantic,
    primus_agnostic,
    primus_semantic,
    read_vocabulary,
    write_vocabulary,
)
from focal_omr.errors import NotationError

FULL = full_semantic()


def test_packaged_lists_are_those_of_the_paper():
    assert len(primus_semantic().symbols) == 1781
    assert len(primus_agnostic().symbols) == 758
    assert primus_semantic().symbols[0] == "barline"


def test_blank_is_not_a_symbol():
    vocabulary = Vocabulary(("a", "b"))
    assert BLANK == 0
    assert vocabulary.classes == 3
    assert vocabulary.encode(["b", "a", "b"]) == [2, 1, 2]


@pytest.mark.parametrize("number", [BLANK, -1, 3])
def test_decode_rejects_numbers_out_of_range(number):
    with pytest.raises(NotationError, match="1 to 2"):
        Vocabulary(("a", "b")).decode([1, number])


def test_encode_names_the_unknown_symbol():
    with pytest.raises(NotationError, match="'c'"):
        Vocabulary(("a", "b")).encode(["a", "c"])


def test_symbols_must_be_unique():
    with pytest.raises(NotationError, match="repeat a symbol"):
        Vocabulary(("a", "b", "a"))


@given(st.lists(st.sampled_from(FULL.symbols)))
def test_encode_decode_round_trip(symbols):
    assert FULL.decode(FULL.encode(symbols)) == symbols


def test_read_write_round_trip():
    assert read_vocabulary(write_vocabulary(primus_agnostic())) == primus_agnostic()


def test_full_vocabulary_begins_with_primus():
    full = full_semantic().symbols
    assert full[:1781] == primus_semantic().symbols
    assert {"barline-final", "tuplet-3", "tuplet-end", "accidental", "note-F##4_quarter"} <= set(full[1781:])


def test_every_symbol_of_the_full_vocabulary_can_be_parsed():
    structure = {"tie", "accidental", *(s for s in full_semantic().symbols if s.startswith("tuplet-"))}
    for symbol in set(full_semantic().symbols) - structure:
        assert parse_sign(symbol) or parse_barline(symbol), symbol
