"""Playback: times, ties, repeats, grace notes and several parts."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hand_made import make_document, with_unread
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from strategies import notes, rests, scores
from verovio_playback import playable_mei
from web_documents import NAMES, WEIGHTS, example, one_after_the_other

from focal_omr.document.document import Document
from focal_omr.document.pieces import played_measures
from focal_omr.encodings.semantic import score_to_tokens
from focal_omr.encodings.to_one_voice import from_score
from focal_omr.formats.midi import Playback
from focal_omr.formats.midi_score import PartPlayer, measure_starts
from focal_omr.formats.verovio import Engraver
from focal_omr.score.records import (
    Duration,
    Event,
    MultiRest,
    Note,
    Rest,
    Score,
    Tuplet,
    flat_events,
)
from focal_omr.web.playback import playback

OPEN = "clef-G2 keySignature-GM timeSignature-2/4"
SYSTEM = "clef-G2 keySignature-GM"
ENGRAVER = Engraver()


def played(document: Document, *, unfold: bool = True) -> list[tuple[float, float, int | None]]:
    return [(note["onset"], note["length"], note["midi"]) for note in playback(document, unfold)["notes"]]


def _end(timemap: list[dict]) -> float:
    """End of the score; moments may be out of order."""
    return max(moment["qstamp"] for moment in timemap)


def check_by_verovio(document: Document) -> None:
    """Onsets are those of Verovio's timemap, by id and with repeats, except where grace notes move them."""
    timemap = ENGRAVER.timemap(playable_mei(from_score(document.score)[0], Playback()))
    begins = {
        identity: moment["qstamp"]
        for moment in timemap
        for identity in (*moment.get("on", ()), *moment.get("restsOn", ()))
    }
    once = playback(document, False)
    assert once["quarters"] == pytest.approx(_end(timemap), abs=1e-3)
    for note in once["notes"]:
        assert note["onset"] == pytest.approx(begins[note["id"]], abs=1e-3), note
    again = ENGRAVER.timemap(playable_mei(from_score(document.score)[0], Playback(unfold=True)))
    theirs = [
        (moment["qstamp"], key) for moment in again for key in ("on", "restsOn") for _ in moment.get(key, ())
    ]
    ours = playback(document, True)
    assert ours["quarters"] == pytest.approx(_end(again), abs=1e-3)
    assert sorted(round(note["onset"], 2) for note in ours["notes"]) == sorted(
        round(at, 2) for at, _ in theirs
    )


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the packaged weights are not there")
@pytest.mark.parametrize("name", NAMES)
def test_examples_as_verovio_plays_them(name):
    check_by_verovio(example(name))


@pytest.mark.parametrize(
    ("systems", "onsets", "quarters"),
    [
        (
            (f"{OPEN} multirest-3 barline note-G4_half barline", f"{SYSTEM} rest-whole barline"),
            [0, 6, 8],
            10,
        ),
        (
            (
                f"{OPEN} tuplet-3 note-G4_quarter rest-quarter note-A4_quarter tuplet-end barline "
                "note-G4_half barline",
            ),
            [0, 0.666667, 1.333333, 2],
            4,
        ),
        (
            (
                f"{OPEN} note-G4_half barline-repeat_start note-A4_half barline-repeat_end "
                "note-B4_half barline-final",
            ),
            [0, 2, 4, 6],
            8,
        ),
        (
            (f"{OPEN} note-G4_half barline-repeat_end timeSignature-3/4 rest-whole barline-repeat_end",),
            [0, 2, 4, 7],
            10,
        ),
        (("clef-G2 rest-whole barline multirest-2 barline note-G4_quarter barline",), [0, 4, 12], 13),
        (
            (
                (
                    f"{OPEN} note-G4_quarter barline note-G4_half barline",
                    f"{OPEN} rest-whole barline note-A4_half barline",
                ),
            ),
            [0, 0, 2, 2],
            4,
        ),
    ],
)
def test_bars_as_verovio_plays_them(systems, onsets, quarters):
    document = make_document(*systems)
    check_by_verovio(document)
    found = playback(document)
    assert [note["onset"] for note in found["notes"]] == onsets
    assert found["quarters"] == quarters


def test_a_second_piece_that_is_repeated_keeps_its_meter():
    first = make_document("clef-F4 keySignature-EbM timeSignature-C/ note-C3_whole barline-repeat_end")
    second = "clef-F4 keySignature-FM timeSignature-2/4 note-C3_half barline multirest-2 barline-repeat_end"
    document = one_after_the_other(first, make_document(second))
    check_by_verovio(document)
    assert playback(document)["quarters"] == 8 + 2 * 6


# Not the shortest values with their dots in tuplets of 7: Verovio counts in 32-bit fractions, which run over.
DURATIONS = st.builds(
    Duration, st.sampled_from(["whole", "half", "quarter", "eighth", "sixteenth"]), st.integers(0, 1)
)
TIMED = st.builds(
    lambda what, duration: replace(what, duration=duration),
    notes.filter(lambda note: not note.grace) | rests,
    DURATIONS,
)
TRIPLETS = st.lists(TIMED, min_size=1, max_size=4).map(lambda events: Tuplet(3, 2, tuple(events)))


@given(scores(events=TIMED | TIMED | TRIPLETS))
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
def test_any_score_as_verovio_plays_it(score):
    if any(isinstance(event, Note | Rest | MultiRest) for event in flat_events_of(score)):
        check_by_verovio(make_document(" ".join(score_to_tokens(score))))


def flat_events_of(score: Score) -> list[Event]:
    return [event for part in score.parts for measure in part.measures for event in flat_events(measure)]


def test_a_multirest_after_a_missed_barline_keeps_its_length():
    """Verovio 6.4 would start it with its measure, and take the measure's length for each bar of the rest."""
    document = make_document(f"{OPEN} note-B4_half multirest-3 barline note-A4_half barline")
    assert played(document) == [(0, 2, 71), (2, 6, None), (8, 2, 69)]


def test_ties_are_one_sound_and_the_cursor_still_visits_the_tied_note():
    document = make_document(
        f"{OPEN} note-G4_half tie barline note-G4_quarter tie note-A4_quarter barline note-A4_half tie",
        f"{SYSTEM} note-A4_half barline",
    )
    # The second tie leads to another pitch, so it is ignored.
    assert played(document) == [
        (0, 3, 67), (2, 1, None), (3, 1, 69), (4, 4, 69), (6, 2, None)
    ]  # fmt: skip


def test_grace_notes_take_their_time_from_the_note_after_them():
    document = make_document(
        f"{OPEN} gracenote-A4_eighth note-G4_half tie barline",
        f"{SYSTEM} gracenote-B4_sixteenth gracenote-A4_sixteenth note-G4_half barline gracenote-B4_eighth",
    )
    assert played(document) == [
        (0, 0.125, 71 - 2),  # with a slash, as short as it can be heard
        (0.125, 3.875, 67),  # the tie passes over grace notes
        *((2, 0.25, 71), (2.25, 0.25, 69), (2.5, 1.5, None)),
        (4, 0.5, 71),  # no note is there to take time from
    ]


def test_what_is_heard_is_what_a_midi_file_plays():
    document = make_document(
        f"{OPEN} note-G4_half tie barline note-G4_quarter rest-quarter barline-repeat_end "
        "note-A4_half barline"
    )
    heard = [(note["onset"], note["length"], note["midi"]) for note in playback(document)["notes"]]
    order = played_measures(document.pieces)
    (part,) = document.score.parts
    sounds = PartPlayer(part, order, measure_starts(document.score, order), drums=False).sounds()
    assert [(4 * sound.start, 4 * (sound.end - sound.start), sound.pitch) for sound in sounds] == heard
    assert sum(midi is not None for _, _, midi in heard) == 3  # the tied note twice, and the last one


def test_repeats():
    document = make_document(
        f"{OPEN} note-G4_half barline note-A4_half barline-repeat_end note-B4_half barline"
    )
    assert [midi for _, _, midi in played(document)] == [67, 69, 67, 69, 71]
    assert [midi for _, _, midi in played(document, unfold=False)] == [67, 69, 71]
    found = playback(document)
    assert found["quarters"] == 10
    assert Counter(note["id"] for note in found["notes"]) == {"p1m1e4": 2, "p1m2e1": 2, "p1m3e1": 1}
    json.dumps(found)


def test_bars_of_all_parts_begin_together():
    document = with_unread(
        make_document(
            (
                f"{OPEN} note-G4_quarter barline note-A4_half barline",
                f"{OPEN} note-B4_half barline note-B4_half",
            ),
            (f"{SYSTEM} note-G4_half barline", f"{SYSTEM} note-B4_half barline"),
        ),
        0,
        3,
    )
    found = playback(document)["notes"]
    assert [(n["onset"], n["staff"], n["symbol"], n["midi"]) for n in found] == [
        *((0, 0, 3, 67), (0, 1, 3, 71), (2, 0, 5, 69), (2, 1, 5, 71)),
        *((4, 2, 2, 67), (4, 3, None, None)),
    ]
    assert {note["page"] for note in found} == {1}
