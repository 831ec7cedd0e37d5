"""Figures that can be worked out by hand.

The score: 6 bars of 4/4 on three staves. Staff 1: 4 quarters a bar with a syllable each. Staff 2: 4 thirds
over a voice of 2 halves. Staff 3: a whole note, tied to the next bar. 15 notes a bar, 90 in all.
"""

import re
from collections import Counter
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from focal_omr.evaluation.score_diff.counts import Tally, count_in_common, diff_bars
from focal_omr.evaluation.score_diff.musicxml import read_musicxml
from focal_omr.evaluation.score_diff.records import MARKS, Bar, PrintedNote
from focal_omr.formats.safe_xml import parse_xml

LENGTHS = {"whole": 16, "half": 8, "quarter": 4, "eighth": 2}
STEPS = "CDEFGAB"


def note(step, octave, kind, *, staff=1, voice=1, chord="", ties=(), lyric="", more=""):
    tied = "".join(f'<tie type="{tie}"/>' for tie in ties)
    sung = f"<lyric><text>{lyric}</text></lyric>" if lyric else ""
    return (
        f"<note>{chord}<pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{LENGTHS[kind]}"
        f"</duration>{tied}<voice>{voice}</voice><type>{kind}</type><staff>{staff}</staff>{more}{sung}</note>\n"
    )


def score():
    voice, piano = [], []
    for bar in range(6):
        head = "<attributes><divisions>4</divisions></attributes>" if bar == 0 else ""
        dynamic = "<direction><direction-type><dynamics><p/></dynamics></direction-type></direction>"
        sung = (note(STEPS[(bar + i) % 7], 5, "quarter", lyric=f"la{bar}{i}") for i in range(4))
        upper = "".join(
            note(STEPS[i], 4, "quarter") + note(STEPS[i + 2], 4, "quarter", chord="<chord/>")
            for i in range(4)
        )
        lower = note("G", 3, "half", voice=2) + note("A", 3, "half", voice=2)
        ties = (["stop"] if bar else []) + (["start"] if bar < 5 else [])
        bass = note("C", 2, "whole", staff=2, voice=5, ties=ties)
        back = "<backup><duration>16</duration></backup>"
        number = f'<measure number="{bar + 1}">'
        voice.append(f"{number}{head}{dynamic}{''.join(sung)}</measure>")
        piano.append(f"{number}{head}{upper}{back}{lower}{back}{bass}</measure>")
    parts = (f'<part id="{name}">{"".join(each)}</part>' for name, each in (("P1", voice), ("P2", piano)))
    return f"<score-partwise>{''.join(parts)}</score-partwise>"


def bars(text):
    return read_musicxml(parse_xml(text))[1]


def diff(text):
    return diff_bars(bars(text), bars(score()))


def f1(matched, result, truth=90):
    return pytest.approx(2 * matched / (result + truth))


def f1s(found):
    return [found.tallies[kind].f1 for kind in ("pitch", "onset", "duration")]


def test_identical():
    same = diff(score())
    assert f1s(same) == [1, 1, 1]
    assert same.tallies["duration"] == (90, 90, 90)
    assert same.bars == (6, 6, 6)
    assert same.voices == same.tallies["ties"].f1 == same.tallies["dynamics"].f1 == 1
    assert same.tallies["slurs"].f1 is None  # the truth has none
    assert same.lyrics == {"1": (0, 24 * 4 + 23)}
    assert (same.edits.total(), same.flat_edits, same.differences) == (0, 0, [])


def test_nothing_read():
    empty = diff_bars([], bars(score()))
    assert f1s(empty) == [0, 0, 0]
    assert (empty.bars, empty.voices, empty.tallies["ties"].f1) == ((0, 0, 6), 0, 0)
    assert empty.lyrics == {"1": (119, 119)}
    assert (dict(empty.edits), empty.flat_edits) == ({"missed": 90}, 90)
    assert diff_bars([], []).voices is None


def test_notes_of_chords_are_missed():
    text = re.sub(r"<note><chord/>.*\n", "", score(), count=5)  # those of bar 1 and one of bar 2
    found = diff(text)
    assert f1s(found) == [f1(85, 85)] * 3
    assert (dict(found.edits), found.bars) == ({"missed": 5}, (4, 6, 6))
    assert [(d.staff, d.bars[1].index) for d in found.differences] == [(2, 1), (2, 2)]


def test_a_missing_bar_costs_its_own_notes():
    found = diff(re.sub(r'<measure number="3">.*?</measure>', "", score(), flags=re.S))
    assert f1s(found) == [f1(75, 75)] * 3
    assert (dict(found.edits), found.bars) == ({"missed": 15}, (5, 5, 6))
    assert found.lyrics == {"1": (4 * 5, 119)}
    # From the beginning, what follows comes a bar early; the bars of staves 2 and 3 are all alike.
    assert found.tallies["timed"].matched == 2 * 15 + 3 * 11


def test_a_voice_an_eighth_late():
    head, second = score().rsplit('<measure number="2">', 1)
    late = note("G", 3, "half", voice=2)
    before, behind = second.split(late, 1)
    behind = behind.replace("<backup><duration>16", "<backup><duration>18", 1)
    found = diff(f'{head}<measure number="2">{before}<forward><duration>2</duration></forward>{late}{behind}')
    assert f1s(found) == [1, f1(88, 90), f1(88, 90)]
    assert found.bars == (5, 6, 6)
    assert found.voices == 1


def test_wrong_duration_pitch_tie_dynamic_and_letter():
    text = score().replace(
        note("D", 5, "quarter", lyric="la01"),
        note("D", 5, "eighth", lyric="lu01") + "<forward><duration>2</duration></forward>",
    )
    text = text.replace(note("E", 5, "quarter", lyric="la02"), note("E", 6, "quarter", lyric="la02"))
    text = text.replace('<tie type="start"/>', "", 2).replace("<dynamics><p/>", "<dynamics><f/>", 1)
    found = diff(text)
    assert f1s(found) == [f1(89, 90), f1(89, 90), f1(88, 90)]
    assert dict(found.edits) == {"duration": 1, "pitch": 1}
    assert found.tallies["ties"] == (3, 3, 5)
    assert found.tallies["dynamics"] == (5, 6, 6)
    assert found.lyrics == {"1": (1, 119)}


def test_a_lost_staff():
    found = diff(re.sub('<part id="P1">.*?</part>', "", score(), flags=re.S))
    # The staves below move up: no note of theirs is in its place.
    assert found.tallies["duration"].matched == 0
    assert found.tallies["duration"].result == 66


def test_voices_by_their_best_matching():
    # Names do not matter.
    assert diff(score().replace("<voice>2</voice>", "<voice>9</voice>")).voices == 1
    # All of staff 2 in one voice: the best partner is the chords, so the two halves a bar are wrong.
    found = diff(score().replace("<voice>2</voice>", "<voice>1</voice>"))
    assert f1s(found) == [1, 1, 1]
    assert found.voices == pytest.approx(78 / 90)


def test_marks_are_counted():
    slur = '<notations><slur type="start"/><articulations><staccato/></articulations></notations>'
    tuplet = (
        "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
        '<notations><tuplet type="start"/></notations>'
    )
    hairpin = '<direction><direction-type><wedge type="{}"/></direction-type></direction>'
    head, end = '<score-partwise><part id="P"><measure>', "</measure></part></score-partwise>"
    truth = bars(head + hairpin.format("crescendo") + note("C", 4, "half", more=slur + tuplet) + end)
    result = bars(head + hairpin.format("diminuendo") + note("C", 4, "half", more=tuplet) + end)
    found = diff_bars(result, truth).tallies
    assert [found[kind] for kind in ("slurs", "articulations", "tuplets", "hairpins")] == [
        (0, 0, 1),
        (0, 0, 1),
        (1, 1, 1),
        (0, 1, 1),
    ]


def test_verses():
    a, b = Bar(1), Bar(1)
    a.syllables = bars(score())[0].syllables
    b.syllables = [syllable._replace(verse="2") for syllable in a.syllables]
    assert diff_bars([b], [a]).lyrics == {"1": (19, 19), "2": (19, 0)}


_NOTES = st.builds(
    PrintedNote,
    st.integers(1, 2),
    st.sampled_from([Fraction(0), Fraction(1)]),
    st.sampled_from(["C4", "D4"]),
    st.sampled_from([Fraction(0), Fraction(1), Fraction(2)]),
)
_BARS = st.lists(st.lists(st.tuples(_NOTES, st.sampled_from("ab")), max_size=6), max_size=5).map(
    lambda bars: [
        Bar(i, notes=[n for n, _ in bar], voices=[v for _, v in bar]) for i, bar in enumerate(bars, 1)
    ]
)


def test_the_order_of_notes_at_one_moment_does_not_count():
    moments = [PrintedNote(1, Fraction(0), "C4", Fraction(n)) for n in (0, 1, 2)]
    moments.append(PrintedNote(1, Fraction(0), "D4", Fraction(0)))
    voices = ["a"] * len(moments)
    one, other = (Bar(1, notes=notes, voices=voices) for notes in (moments, moments[::-1]))
    diff = diff_bars([one], [other])
    assert (diff.bars, diff.edits.total(), diff.flat_edits) == ((1, 1, 1), 0, 0)


@settings(max_examples=100)
@given(_BARS, _BARS)
def test_axioms(result, truth):
    there, back, same = diff_bars(result, truth), diff_bars(truth, result), diff_bars(truth, truth)
    for kind in ("pitch", "onset", "duration"):
        matched, hyp, ref = there.tallies[kind]
        assert matched <= min(hyp, ref)
        assert same.tallies[kind].f1 in (1, None)
    pitch, onset, duration = (there.tallies[kind].matched for kind in ("pitch", "onset", "duration"))
    assert there.tallies["voices"].matched <= duration <= onset <= pitch
    assert there.edits.total() >= there.flat_edits == back.flat_edits
    assert same.bars == (len(truth),) * 3
    assert same.voices in (1, None)
    assert (same.edits.total(), same.differences) == (0, [])
    if len(result) == len(truth) == 1:
        assert there.tallies["duration"] == Tally(*(back.tallies["duration"][i] for i in (0, 2, 1)))
        assert there.edits.total() == back.edits.total()
        assert all(there.tallies[kind].f1 is None for kind in MARKS)


@settings(max_examples=100)
@given(*[st.lists(st.lists(_NOTES, min_size=1, max_size=6).map(Counter), max_size=4)] * 2)
def test_the_best_matching_is_that_of_all(result, truth):
    less, more = sorted((result, truth), key=len)
    best = max(
        sum((a & b).total() for a, b in zip(less, order, strict=False))
        for order in permutations(more, len(less))
    )
    assert count_in_common(result, truth) == best
