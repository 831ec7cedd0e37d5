import pytest
from hypothesis import given
from strategies import scores

from focal_omr.encodings.semantic import read_semantic
from focal_omr.score.accidentals import map_notes
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import NOTE_VALUES, Clef, Note, flat_events

SHORT = {
    "h": "note-C5_half",
    "q": "note-C5_quarter",
    "q.": "note-C5_quarter.",
    "e": "note-C5_eighth",
    "e.": "note-C5_eighth.",
    "s": "note-C5_sixteenth",
    "g": "gracenote-D5_eighth",
    "r": "rest-eighth",
    "|": "barline",
    "||": "barline-double",
    ":|": "barline-repeat_end",
    "3(": "tuplet-3",
    ")": "tuplet-end",
    "F": "clef-F4",
    "M": "multirest-5",
}
MARKS = {None: ".", "start": "[", "middle": "-", "end": "]"}


def part_of(bars, meter=None):
    words = [SHORT.get(word, f"timeSignature-{word}") for word in bars.split()]
    return read_semantic(" ".join([f"timeSignature-{meter}"] * bool(meter) + words)).parts[0]


def marks(part):
    """One character per note: [ starts a beam, - continues, ] ends it, . is unbeamed; graces in braces."""
    beams = {None: "·", "start": "{", "middle": "~", "end": "}"}
    bars = []
    for bar in part.measures:
        notes = [event for event in flat_events(bar) if isinstance(event, Note)]
        bars.append("".join((beams if note.grace else MARKS)[note.beam] for note in notes))
    return " ".join(bars)


@pytest.mark.parametrize(
    ("meter", "bars", "expected"),
    [
        ("4/4", "e e e e e e e e", "[--][--]"),
        ("C", "q e e e e q", ".[][]."),
        ("4/4", "e e e e e e s s e", "[--][][-]"),
        ("4/4", "s s s s e e e e s s s s", "[--][][][--]"),
        ("4/4", "e q e e q e", "......"),
        ("4/4", "e q e e e e e", "...[--]"),
        ("4/4", "s e e e e s q s", "[-][]..."),
        ("C/", "e e e e e e e e", "[--][--]"),
        ("2/2", "q e e e e e e", ".[][--]"),
        ("2/4", "e e e e", "[--]"),
        ("2/4", "e. s e. s", "[][]"),
        ("3/4", "e e e e e e", "[----]"),
        ("3/4", "q e e e e", ".[][]"),
        ("3/4", "e e s s s s e e", "[][--][]"),
        ("6/4", "e e e e e e q e e e e", "[----].[][]"),
        ("3/8", "e e e", "[-]"),
        ("6/8", "e e e e s s e", "[-][--]"),
        ("6/8", "q e q e", "...."),
        ("12/8", "e e e e e e e e e e e e", "[-][-][-][-]"),
        ("9/16", "s s s s s s s s s", "[-][-][-]"),
        ("5/8", "e e e e e", "[-][]"),
        ("7/8", "e e e e e e e", "[][][-]"),
        ("5/4", "e e e e q q q", "[][]..."),
        ("4/8", "e e e e", "[][]"),
        (None, "e e e e e", "[][]."),
    ],
)
def test_groups_of_a_meter(meter, bars, expected):
    assert marks(beam_by_meter(part_of(bars, meter))) == expected.replace(" ", "")


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ("4/4 e e r e", "[]."),
        ("4/4 r e e e e e r e", "[-][]."),
        ("6/8 e r e e e e", "..[-]"),
    ],
)
def test_rest_ends_a_beam(bars, expected):
    assert marks(beam_by_meter(part_of(bars))) == expected


@pytest.mark.parametrize(
    ("bars", "expected"),
    [
        ("3/8 e | e e e |", ". [-]"),
        ("6/8 e e | e e e q e |", "[] [-].."),
        ("4/4 e e e | h h |", ".[] .."),
        ("2/4 s s s s s | q q |", ".[--] .."),
        ("4/4 e e e", "[]."),
        ("6/8 q q q || e e | e e e q. |", "... [] [-]."),
        ("6/8 q q q | e e | e e e q e |", "... [] [-].."),
        ("3/4 h e e e :| e e e | h q |", ".[]. .[] .."),
    ],
)
def test_pickup_counts_from_the_end_of_its_bar(bars, expected):
    assert marks(beam_by_meter(part_of(bars))) == expected


def test_meter_holds_until_the_next_one():
    assert (
        marks(beam_by_meter(part_of("6/8 e e e e e e | e e e e e e | 3/4 e e e e e e |")))
        == "[-][-] [-][-] [----]"
    )


def test_meter_at_the_end_of_a_bar_applies_to_the_next_one():
    assert marks(beam_by_meter(part_of("6/8 e e e e e e 3/4 | e e e e e e |"))) == "[-][-] [----]"


def test_multirest_does_not_move_the_beats():
    assert marks(beam_by_meter(part_of("6/8 M | e e e e e e"))) == " [-][-]"


def test_grace_notes_beam_among_themselves():
    assert marks(beam_by_meter(part_of("2/4 e g g g e g e e"))) == "[{~}-·-]"
    assert marks(beam_by_meter(part_of("2/4 q g g q"))) == ".{}."


def test_grace_notes_take_no_time():
    assert marks(beam_by_meter(part_of("3/8 g e g e e |"))) == "·[·-]"


def test_tuplet_is_one_group():
    assert marks(beam_by_meter(part_of("2/4 3( e e e ) e e"))) == "[-][]"
    assert marks(beam_by_meter(part_of("4/4 e e 3( e e e ) 3( e r e ) 3( q e )"))) == "[][-].. ..".replace(
        " ", ""
    )
    assert marks(beam_by_meter(part_of("2/4 3( e g g e e ) q"))) == "[{}-]."


def test_clef_does_not_break_a_beam():
    part = beam_by_meter(part_of("2/4 e e F e e |"))
    assert marks(part) == "[--]"
    assert Clef("F", 4) in part.measures[0].events


def test_known_beams_are_kept_by_default():
    part = part_of("2/4 e e e e")
    beamed = beam_by_meter(part)
    odd = map_notes(beamed, lambda note, _: Note(note.pitch, note.duration, beam="middle"))
    assert beam_by_meter(odd) is odd
    assert marks(beam_by_meter(odd, keep_known=False)) == "[--]"


@given(scores())
def test_only_beams_change(score):
    (part,) = score.parts
    beamed = beam_by_meter(part)
    bare = map_notes(
        beamed,
        lambda note, _: Note(note.pitch, note.duration, note.accidental, note.tie, note.grace, note.fermata),
    )
    assert bare == part
    assert beam_by_meter(beamed, keep_known=False) == beamed


@given(scores())
def test_beams_begin_and_end_in_their_bar(score):
    (part,) = score.parts
    for bar in beam_by_meter(part).measures:
        for grace in (False, True):
            notes = [e for e in flat_events(bar) if isinstance(e, Note) and e.grace == grace]
            assert all(
                NOTE_VALUES[note.duration.value] < NOTE_VALUES["quarter"] for note in notes if note.beam
            )
            word = "".join(MARKS[note.beam] for note in notes).replace("-", "")
            assert word.replace("[]", "").strip(".") == ""
