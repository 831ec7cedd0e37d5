"""The printed encoding and its round trip."""

import pytest
from hypothesis import given
from strategies import scores

from focal_omr.encodings.codec import full_codec
from focal_omr.encodings.printed import full_printed, printed_to_semantic, semantic_to_printed
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import NotationError


def _back(printed: list[str]) -> list[str]:
    return [token for each in printed_to_semantic(printed) for token in each]


def test_accidentals_are_symbols_and_the_key_is_applied_by_rule():
    tokens = ["keySignature-DM", "note-F#4_quarter", "note-F4_quarter", "note-Bb4_half"]
    tokens += ["gracenote-G#5_eighth"]
    printed = semantic_to_printed(tokens)
    assert printed == [
        "keySignature-DM",
        "note-F4_quarter",
        "accidental-n",
        "note-F4_quarter",
        "accidental-b",
        "note-B4_half",
        "accidental-#",
        "gracenote-G5_eighth",
    ]
    assert _back(printed) == tokens


def test_reminder_accidentals_are_kept():
    tokens = ["keySignature-DM", "accidental", "note-F#4_quarter", "note-F#4_quarter"]
    printed = semantic_to_printed(tokens)
    assert printed == ["keySignature-DM", "accidental-#", "note-F4_quarter", "note-F4_quarter"]
    assert _back(printed) == tokens


@pytest.mark.parametrize("follower", ["barline", "rest-quarter", "accidental-b", "clef-G2"])
def test_stray_accidental_has_no_effect(follower):
    assert _back(["accidental-#", follower, "note-C4_half"])[-1] in ("note-C4_half", "note-Cb4_half")
    assert "note-C#4_half" not in _back(["accidental-#", follower, "note-C4_half"])


def test_mark_without_a_note_is_an_error():
    with pytest.raises(NotationError, match="'accidental' before 'barline'"):
        semantic_to_printed(["accidental", "barline"])


@given(scores())
def test_every_score_round_trips(score):
    tokens = score_to_tokens(score)
    assert _back(semantic_to_printed(tokens)) == tokens


def test_every_semantic_symbol_can_be_encoded():
    codec = full_codec("printed")
    for symbol in full_semantic().symbols:
        if symbol != "accidental":
            numbers = codec.encode([symbol])
            assert [token for each in codec.decode(numbers) for token in each] == [symbol]


def test_vocabulary_is_small():
    symbols = full_printed().symbols
    assert len(set(symbols)) == len(symbols) < 1200 < len(full_semantic().symbols)
