"""Playback: repeats, tempo, instruments."""

import pytest
from verovio_playback import playable_mei, unfold_repeats

from focal_omr.encodings.semantic import read_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.instruments import PROGRAMS
from focal_omr.formats.midi import Playback, parse_instruments
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import Clef, Key, Meter, Note, Score


def tune(bars: str) -> Score:
    """Bars of one letter each, followed by the barline that closes it."""
    signs = {"|": "", "[": "-repeat_start", "]": "-repeat_end", ":": "-repeat_both", "!": "-final"}
    pairs = zip(bars[::2], bars[1::2], strict=True)
    return read_semantic("clef-G2 " + " ".join(f"note-{n}4_whole barline{signs[b]}" for n, b in pairs))


def letters(score: Score) -> str:
    measures = score.parts[0].measures
    return "".join(e.pitch.step for m in measures for e in m.events if isinstance(e, Note))


@pytest.mark.parametrize(
    ("bars", "played"),
    [
        ("C|D|E!", "CDE"),
        ("C|D]E!", "CDCDE"),  # from the beginning
        ("C[D|E]F!", "CDEDEF"),
        ("C[D:E]F!", "CDDEEF"),
        ("C[D]E]F!", "CDDEEF"),  # from the end of the last repeat
        ("C!D|E]", "CDEDE"),  # an earlier piece is not repeated
        ("C[D[E]F|", "CDEEF"),  # the last sign counts
    ],
)
def test_repeats(bars, played):
    unfolded = unfold_repeats(tune(bars))
    assert letters(unfolded) == played
    assert all("repeat" not in (m.barline or "") for m in unfolded.parts[0].measures)
    assert unfold_repeats(unfolded) == unfolded


def test_opening_repeat_sign_is_not_a_measure():
    score = read_semantic(
        "clef-G2 barline-repeat_start note-C4_whole barline-repeat_end note-D4_whole barline"
    )
    assert letters(unfold_repeats(score)) == "CCD"
    assert len(unfold_repeats(score).parts[0].measures) == 3


def test_signs_are_restated_at_repetitions():
    score = read_semantic(
        "clef-G2 keySignature-GM timeSignature-4/4 note-C4_whole barline "
        "clef-F4 keySignature-CM timeSignature-3/4 note-D3_half. barline-repeat_end note-E3_half. barline"
    )
    measures = unfold_repeats(score).parts[0].measures
    assert measures[2].events[:3] == (Clef("G", 2), Key(1), Meter(4, 4))
    assert measures[3].events[:3] == (Clef("F", 4), Key(0), Meter(3, 4))
    assert len(measures[4].events) == 1


def test_all_parts_are_played_in_the_order_of_the_first():
    first, second = tune("C|D]E!").parts[0], tune("F|G|A!B!").parts[0]
    both = unfold_repeats(Score((first, second)))
    assert letters(Score(both.parts[1:])) == "FGFGAB"
    assert letters(Score(both.parts[:1])) == "CDCDE"


def test_verovio_follows_the_playback():
    score = Score((*tune("C|D]").parts, *tune("E|F]").parts))
    once = Engraver().midi(playable_mei(score, Playback(tempo=96, instruments=(40,))))
    assert once.count(b"\x90\x3c\x5a") == 1
    assert b"\xff\x51\x03" + (60_000_000 // 96).to_bytes(3) in once
    assert b"\xc0\x28" in once  # the last instrument holds for further parts
    assert b"\xc1\x28" in once
    twice = Engraver().midi(playable_mei(score, Playback(unfold=True)))
    assert twice.count(b"\x90\x3c\x5a") == 2


def test_instruments():
    assert len(PROGRAMS) == len(set(PROGRAMS)) == 128
    assert (PROGRAMS[40], PROGRAMS[73], PROGRAMS[127]) == ("Violin", "Flute", "Gunshot")
    assert parse_instruments("violin, Viola,43, flu") == (40, 41, 42, 73)
    for text in ("", "0", "129", "kazoo", "acoustic"):
        with pytest.raises(NotationError, match="no instrument"):
            parse_instruments(text)
    with pytest.raises(NotationError, match="did you mean Soprano Sax, Alto Sax"):
        parse_instruments("sax")


@pytest.mark.parametrize("tempo", [3, 1001])
def test_tempo_out_of_range(tempo):
    with pytest.raises(NotationError, match=f"tempo {tempo}"):
        Playback(tempo=tempo)


def test_repetition_with_its_own_signs_gets_no_others():
    score = read_semantic(
        "clef-G2 timeSignature-4/4 note-C4_whole barline-final "
        "clef-F4 timeSignature-3/4 note-D3_half. barline multirest-2 barline-repeat_end"
    )
    measures = unfold_repeats(score).parts[0].measures
    assert measures[3].events == measures[1].events
    ends = [moment["qstamp"] for moment in Engraver().timemap(playable_mei(score, Playback(unfold=True)))]
    assert max(ends) == 4 + 2 * 9
