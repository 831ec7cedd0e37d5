"""Excerpts: whole bars of a tune, varied, on a strip, as long as asked for."""

from fractions import Fraction
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from focal_omr.data.music.collection import Tune
from focal_omr.data.music.excerpt import excerpt
from focal_omr.encodings.semantic import score_to_tokens, tokens_to_score
from focal_omr.score.records import Clef, Duration, Key, Measure, Meter, Note, Rest, Score, flat_events

# Bars of 3/4 with what makes cutting hard: ties over barlines, an accidental that carries, a tuplet, a rest
# that fills its bar, a change of clef and of key, a grace note, a repeat sign.
_BARS = """
note-G4_quarter note-A4_quarter note-B4_quarter tie | note-B4_quarter note-C#5_quarter note-C#5_quarter |
note-D5_half. | rest-whole | tuplet-3 note-D5_eighth note-C5_eighth note-B4_eighth tuplet-end note-A4_half |
gracenote-B4_eighth note-A4_quarter rest-quarter note-G4_eighth note-F#4_eighth | clef-F4 note-G3_half.
barline-repeat_end note-A3_quarter. note-B3_eighth note-C4_quarter | keySignature-DM note-C#4_half. |
clef-G2 note-D5_quarter note-E5_quarter note-F#5_quarter tie | note-F#5_half note-E5_quarter |
note-D5_sixteenth note-E5_sixteenth note-F#5_sixteenth note-G5_sixteenth note-A5_half | note-D5_half.
barline-final
"""


def _tune(name: str, label: str) -> Tune:
    return Tune(name, "\t".join(label.split()))


TUNE = _tune("test", f"clef-G2 keySignature-GM timeSignature-3/4 {_BARS.replace('|', 'barline')}")
seeds = st.integers(0, 10**9)
lengths = st.integers(8, 50)


def _positions(score: Score) -> list[int]:
    """Where each note stands, in steps above its staff's lowest line."""
    clef, found = Clef("G", 2), []
    for measure in score.parts[0].measures:
        for event in flat_events(measure):
            clef = event if isinstance(event, Clef) else clef
            if isinstance(event, Note):
                found.append(event.pitch.diatonic - clef.lowest_line)
    return found


def test_the_tune_is_what_it_should_be() -> None:
    assert {measure.length for measure in TUNE.part.measures} == {Fraction(3, 4), Fraction(1)}
    assert len(TUNE.part.measures) == 13


@given(seeds, lengths)
def test_an_excerpt_is_a_grammatical_staff(seed: int, symbols: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is not None:
        tokens = score_to_tokens(score)
        assert tokens_to_score(tokens) == score
        assert tokens[0].startswith("clef-")
        assert any(token.startswith("note-") for token in tokens)
        signs = [token.partition("-")[0] for token in tokens[1:4] if "Signature" in token]
        assert signs == sorted(set(signs))  # a key and a meter, once and in this order


@given(seeds, lengths)
def test_an_excerpt_fits_a_strip(seed: int, symbols: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is not None:
        assert all(-8 <= position <= 16 for position in _positions(score))


@given(seeds, lengths)
def test_an_excerpt_has_whole_bars_of_the_tune(seed: int, symbols: int) -> None:
    """Perhaps of doubled or halved values, then all of them; the rest of a bar stays a whole rest."""
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is None:
        return
    bars = [m.length for m in score.parts[0].measures if not _is_rest(m)]
    scales = [n for n in (Fraction(1, 2), 1, 2) if all(bar == n * Fraction(3, 4) for bar in bars)]
    assert scales
    for event in (e for m in score.parts[0].measures for e in flat_events(m) if isinstance(e, Meter)):
        assert event.length in [scale * Fraction(3, 4) for scale in scales]


def _is_rest(measure: Measure) -> bool:
    return [e for e in measure.events if isinstance(e, Note | Rest)] == [Rest(Duration("whole"))]


def test_a_pickup_is_kept() -> None:
    tune = _tune("pickup", "clef-G2 timeSignature-2/4 note-G4_eighth barline " + "note-A4_half barline " * 20)
    scores = [excerpt(tune, Random(seed), symbols=12) for seed in range(60)]
    opening = {score.parts[0].measures[0].length for score in scores if score}
    assert opening >= {Fraction(1, 8), Fraction(1, 2)}


@given(seeds, lengths)
def test_variation_keeps_the_melody(seed: int, symbols: int) -> None:
    """The steps from note to note on the staff are those of a part of the tune."""
    score = excerpt(TUNE, Random(seed), symbols=symbols)
    if score is None:
        return
    whole, part = _positions(Score((TUNE.part,))), _positions(score)
    steps = [b - a for a, b in pairwise(whole)]
    got = [b - a for a, b in pairwise(part)]
    assert any(steps[start : start + len(got)] == got for start in range(len(steps) - len(got) + 1))


@given(seeds)
def test_ties_still_join_one_pitch(seed: int) -> None:
    score = excerpt(TUNE, Random(seed), symbols=40)
    if score is not None:
        notes = [e for m in score.parts[0].measures for e in flat_events(m) if isinstance(e, Note)]
        for note, following in zip(notes, [*notes[1:], None], strict=True):
            assert not note.tie or (following is not None and following.pitch == note.pitch)


def test_excerpts_are_about_as_long_as_asked_and_vary() -> None:
    scores = {n: [excerpt(TUNE, Random(seed), symbols=n) for seed in range(80)] for n in (10, 30)}
    mean = {}
    for symbols, found in scores.items():
        counts = [len(score_to_tokens(score)) for score in found if score is not None]
        assert max(counts) <= symbols + 8
        mean[symbols] = sum(counts) / len(counts)
    assert 8 < mean[10] < 13
    assert 20 < mean[30] < 33
    events = [e for s in scores[30] if s for m in s.parts[0].measures for e in flat_events(m)]
    assert len({e for e in events if isinstance(e, Clef)}) >= 6
    assert len({e for e in events if isinstance(e, Key)}) >= 8
    assert {e.unit for e in events if isinstance(e, Meter)} == {2, 4, 8}


def test_the_same_seed_gives_the_same_excerpt() -> None:
    for seed in range(20):
        assert excerpt(TUNE, Random(seed), symbols=20) == excerpt(TUNE, Random(seed), symbols=20)


def test_a_place_without_music_gives_nothing() -> None:
    rests = _tune("rests", "clef-G2 " + "multirest-9 barline rest-whole barline " * 4)
    long = _tune("long", "clef-G2 " + "note-G4_quarter " * 60 + "barline")
    for seed in range(20):
        assert excerpt(rests, Random(seed), symbols=10) is None
        assert excerpt(long, Random(seed), symbols=20) is None


def test_no_key_of_no_signs_is_named_where_none_is_printed() -> None:
    tune = _tune("plain", "clef-G2 keySignature-CM " + "keySignature-CM note-G4_half barline " * 30)
    for seed in range(60):
        score = excerpt(tune, Random(seed), symbols=20)
        assert score is not None
        tokens = score_to_tokens(score)
        keys = [token for token in tokens if token.startswith("keySignature")]
        assert keys[:1] != ["keySignature-CM"]
