"""Whatever a network writes, the score that is left can be written in every format and read again.

Networks know no grammar, and Verovio ends the process on some scores that it cannot take: such a crash of one
example ends the test run, which is what it is to show.
"""

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from music21 import converter

from focal_omr.encodings.one_voice import to_score
from focal_omr.encodings.semantic import tokens_to_score, ungrammatical
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.midi import Playback
from focal_omr.formats.midi_score import write_midi_score
from focal_omr.formats.registry import write_score
from focal_omr.formats.verovio import Engraver
from focal_omr.score.score import Score

_KINDS: dict[str, list[str]] = {}
for _symbol in full_semantic().symbols:
    _KINDS.setdefault(_symbol.partition("-")[0], []).append(_symbol)
# Kinds are drawn first, because nine in ten symbols are notes.
_TOKENS = st.sampled_from([*_KINDS, "note", "note", "note", "barline"]).flatmap(
    lambda kind: st.sampled_from(_KINDS[kind])
)
_OUTPUTS = st.lists(_TOKENS, max_size=30)


def _score(tokens: list[str]) -> Score:
    dropped = ungrammatical(tokens)
    kept = [token for index, token in enumerate(tokens) if index not in dropped]
    return to_score(tokens_to_score(kept))


@given(_OUTPUTS)
@example(["barline-repeat_start"])  # MEI had no measure
@example(["note-C4_whole", "barline-repeat_end", "barline-repeat_both"])  # crashed the MIDI export
@settings(max_examples=50, derandomize=True)
def test_every_format_accepts_it(tokens):
    score = _score(tokens)
    for name in ("musicxml", "midi", "mei", "semantic", "svg", "pae"):
        assert write_score(score, name).data, name
    with suppress(NotationError):  # some tokens have no agnostic symbol: no clef, a double sharp
        assert write_score(score, "agnostic").data


@given(_OUTPUTS)
@example(["gracenote-A2_eighth"])  # a bar of no length, on which music21 10.5 divides
@settings(max_examples=15, derandomize=True)
def test_verovio_and_music21_read_its_musicxml(tokens):
    text = write_score(_score(tokens), "musicxml").data.decode()
    assert "<measure" in Engraver().mei(text, input_format="musicxml")
    read = converter.parseData(text, format="musicxml")
    notes = [t for t in tokens if t.startswith(("note-", "gracenote-"))]
    assert len([n for n in read.flatten().notes if n.isNote]) == len(notes)


@pytest.mark.parametrize("last", ["repeat_end", "repeat_both"])
@pytest.mark.parametrize(
    ("between", "played"),
    [
        ("", "C C D E D E"),
        ("-final", "C C D E E"),
        ("-repeat_end", "C C D D E E"),
        ("-repeat_both", "C C D D E E"),
    ],
)
def test_repeat_may_begin_where_another_ends(between, played, last):
    label = (
        "clef-G2 timeSignature-4/4 note-C5_whole barline-repeat_end note-D5_whole "
        f"barline{between} note-E5_whole barline-{last}"
    )
    heard = converter.parseData(write_midi_score(_score(label.split()), Playback(unfold=True)), format="midi")
    assert " ".join(note.name for note in heard.flatten().notes) == played
