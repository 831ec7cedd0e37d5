import pytest
from hypothesis import example, given
from strategies import labels, scores, soups

from focal_omr.encodings.semantic import (
    note_token,
    parse_barline,
    parse_sign,
    read_semantic,
    score_to_tokens,
    sign_token,
    to_primus,
    tokens_to_score,
    ungrammatical,
    write_semantic,
)
from focal_omr.encodings.vocabulary import full_semantic, primus_semantic
from focal_omr.errors import NotationError
from focal_omr.score.records import (
    Duration,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Pitch,
    Score,
    Tuplet,
    flat_events,
)


def notes(text):
    """The notes of a label, all bars in one list."""
    (part,) = read_semantic(text).parts
    return [event for bar in part.measures for event in flat_events(bar) if isinstance(event, Note)]


def alters(text):
    return [note.pitch.alter for note in notes(text)]


def test_every_symbol_round_trips():
    for token in full_semantic().symbols:
        sign = parse_sign(token)
        if isinstance(sign, Note):
            assert note_token(sign) == token
        elif sign is not None:
            assert sign_token(sign) == token
        else:
            assert parse_barline(token) or token in ("tie", "accidental") or token.startswith("tuplet-"), (
                token
            )


OTHER_WORDS = (
    "note note-H4_half note-C4 note-C4_third note-C44_half note-C4_half...x note-C#b4_half Note-C4_half "
    "rest-third clef-G6 clef-D2 keySignature-HM keySignature- timeSignature-4 timeSignature-0/4 "
    "multirest-0 multirest- barline-thick tuplet- tuplet-1"
)


@pytest.mark.parametrize("token", ["", *OTHER_WORDS.split()])
def test_unknown_tokens_are_errors(token):
    with pytest.raises(NotationError, match="token 2 of 2"):
        tokens_to_score(["barline", token])


def test_label_in_full():
    label = "clef-C1 keySignature-EbM timeSignature-C note-Bb4_quarter. tie barline note-Bb4_eighth_fermata"
    score = read_semantic(label)
    (first, second) = score.parts[0].measures
    assert first.events[1:3] == (Key(-3), Meter(4, 4, "C"))
    assert first.events[3] == Note(Pitch("B", 4, -1), Duration("quarter", 1), tie=True)
    assert second == Measure((Note(Pitch("B", 4, -1), Duration("eighth"), fermata=True),), None)
    assert write_semantic(score) == label.replace(" ", "\t")


def test_trailing_tab_and_newline_are_allowed():
    assert read_semantic("clef-G2\tbarline\t\n") == read_semantic("clef-G2 barline")


# The carry of accidentals -----------------------------------------------------------------------------------


def test_natural_holds_to_the_end_of_its_bar():
    label = "keySignature-GM note-F4_quarter note-F#4_quarter note-F#5_quarter barline note-F#4_quarter"
    assert alters(label) == [0, 0, 1, 1]
    assert write_semantic(read_semantic(label)).split() == label.split()


def test_printed_accidental_is_separate_from_the_pitch():
    assert [note.accidental for note in notes("keySignature-GM note-F4_half note-F#4_half")] == [0, None]


def test_sharp_after_a_natural_needs_its_own_token():
    events = (Key(1), *(Note(Pitch("F", 4, alter), Duration("half"), alter) for alter in (0, 1)))
    tokens = score_to_tokens(Score((Part((Measure(events),)),)))
    assert tokens == [
        "keySignature-GM",
        "note-F4_half",
        "accidental",
        "note-F#4_half",
        "barline",
    ]
    assert alters(" ".join(tokens)) == [0, 1]
    assert alters(" ".join(to_primus(tokens))) == [0, 0]


def test_tie_carries_over_the_barline():
    label = "note-F#4_half tie barline note-F4_quarter note-F4_quarter"
    assert alters(label) == [1, 1, 0]
    assert alters(label.replace(" tie", "")) == [1, 0, 0]
    assert write_semantic(read_semantic(label)).split() == label.split()


def test_tie_carries_past_a_grace_note():
    assert alters("note-F#4_half tie barline gracenote-G4_eighth note-F4_half") == [1, 0, 1]


def test_accidental_does_not_hold_in_other_octaves():
    assert alters("note-F#4_half note-F5_half") == [1, 0]


def test_barline_cancels_accidentals():
    assert alters("note-F#4_half note-F4_half barline note-F4_half") == [1, 1, 0]


def test_accidentals_hold_inside_and_after_a_tuplet():
    assert alters("tuplet-3 note-F#4_eighth note-F4_eighth note-G4_eighth tuplet-end note-F4_half") == [
        1,
        1,
        0,
        1,
    ]


# Properties -------------------------------------------------------------------------------------------------


@given(scores())
def test_score_round_trips_through_tokens(score):
    assert tokens_to_score(score_to_tokens(score)) == score


@given(labels())
def test_label_round_trips_through_score(tokens):
    assert score_to_tokens(tokens_to_score(tokens)) == tokens


@given(labels())
def test_grammatical_labels_lose_nothing(tokens):
    assert ungrammatical(tokens) == []


@given(soups)
@example(["tuplet-3", "note-F4_quarter", "accidental"])
@example(["accidental", "tuplet-3", "accidental", "tie", "tuplet-end"])
@example(["tuplet-3", "note-F4_quarter", "barline", "tie", "tuplet-end"])
@example(["tuplet-3", "barline", "note-F4_quarter", "tuplet-end"])
def test_rest_of_a_soup_is_grammatical(tokens):
    dropped = ungrammatical(tokens)
    assert dropped == sorted(set(dropped))
    kept = [token for index, token in enumerate(tokens) if index not in dropped]
    tokens_to_score(kept)
    assert ungrammatical(kept) == []


@given(soups)
def test_independent_symbols_of_a_soup_are_kept(tokens):
    dropped = {tokens[index] for index in ungrammatical(tokens)}
    assert not dropped & {
        "note-F4_quarter",
        "rest-half",
        "barline",
        "keySignature-GM",
        "clef-G2",
        "barline-final",
    }


@given(labels())
def test_to_primus_removes_additional_tokens(tokens):
    plain = to_primus(tokens)
    assert [t for t in plain if t.startswith(("accidental", "tuplet", "barline-"))] == []
    assert len([t for t in plain if t == "barline"]) == len([t for t in tokens if t.startswith("barline")])
    assert [t for t in plain if "note-" in t] == [t for t in tokens if "note-" in t]
    assert to_primus(plain) == plain


def test_to_primus_keeps_primus_symbols():
    assert to_primus(primus_semantic().symbols) == list(primus_semantic().symbols)


@pytest.mark.parametrize(
    ("label", "dropped"),
    [
        ("tie note-C4_half tie", [0]),
        ("accidental rest-half", [0]),
        ("tuplet-3 note-C4_half barline note-C4_half", [0]),
        ("tuplet-3 note-C4_half barline tuplet-end", [0, 3]),
        ("tuplet-3 tuplet-end note-C4_half", [0, 1]),
        ("tuplet-3 rest-half tie note-C4_half tuplet-end", [2]),
        ("tuplet-3 accidental rest-half note-C4_half tuplet-end", [1]),
        ("tuplet-3 note-C4_half note-H4_half tuplet-end", [2]),
        ("tuplet-3 note-C4_half accidental", [0, 2]),
    ],
)
def test_only_necessary_tokens_are_dropped(label, dropped):
    assert ungrammatical(label.split()) == dropped


# Errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("tie", "token 1 of 1: 'tie' must follow a note"),
        ("note-C4_half barline tie", "token 3 of 3: 'tie' must follow a note"),
        ("rest-half tie", "token 2"),
        ("accidental rest-half", "token 2 of 2: 'accidental' must stand before a note"),
        ("note-C4_half accidental", "ends after token 2"),
        ("tuplet-3 note-C4_half", "ends after token 2"),
        ("tuplet-3 note-C4_half barline", "token 3 of 3: a barline inside a tuplet"),
        ("tuplet-3 tuplet-3", "token 2 of 2: a tuplet inside a tuplet"),
        ("tuplet-3 tuplet-end", "'tuplet-end' without notes"),
        ("tuplet-3 clef-G2", "token 2 of 2: 'clef-G2' inside a tuplet"),
        ("tuplet-13", "unknown tuplet"),
    ],
)
def test_errors_name_the_token(label, message):
    with pytest.raises(NotationError, match=message):
        read_semantic(label)


def test_label_is_one_staff():
    part = Part((Measure((Tuplet(3, 2, (Note(Pitch("C", 4), Duration("half")),)),)),))
    with pytest.raises(NotationError, match="2 parts"):
        score_to_tokens(Score((part, part)))
    with pytest.raises(NotationError, match="0 parts"):
        score_to_tokens(Score(()))
