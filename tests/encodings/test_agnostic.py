import pytest
from hypothesis import given
from shared_data import SHARED
from strategies import CLEFS, agnostic_scores

from focal_omr.encodings.agnostic import (
    AgnosticSymbol,
    agnostic_to_score,
    parse_agnostic_symbol,
    read_agnostic,
    score_to_agnostic,
    write_agnostic,
)
from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.encodings.vocabulary import primus_agnostic
from focal_omr.errors import NotationError
from focal_omr.score.records import STEPS, Clef, Duration, Key, Measure, Meter, Note, Part, Pitch, Score

EXAMPLE = SHARED / "primus" / "example"


def agnostic(label):
    """The agnostic label of a semantic one."""
    return " ".join(score_to_agnostic(read_semantic(label)))


def semantic(label):
    """The semantic label of an agnostic one."""
    return write_semantic(read_agnostic(label)).replace("\t", " ")


# Symbols ----------------------------------------------------------------------------------------------------


def test_every_symbol_round_trips():
    for token in primus_agnostic().symbols:
        assert str(parse_agnostic_symbol(token)) == token


@pytest.mark.parametrize(
    ("token", "name", "step"),
    [
        ("note.quarter-L1", "note.quarter", 0),
        ("note.beamedBoth0-S1", "note.beamedBoth0", 1),
        ("accidental.flat-L-1", "accidental.flat", -4),
        ("slur.end-S-1", "slur.end", -3),
        ("gracenote.eighth-S0", "gracenote.eighth", -1),
        ("dot-S8", "dot", 15),
        ("digit.12-L4", "digit.12", 6),
        ("metersign.C/-L3", "metersign.C/", 4),
    ],
)
def test_steps_count_from_the_lowest_line(token, name, step):
    assert parse_agnostic_symbol(token) == AgnosticSymbol(name, step)


OTHER_WORDS = (
    "note.quarter note.quarter- note.quarter-L note.quarter-X1 note.quarter-L--1 note.quarter-L01 "
    "note.quarter-L-0 note.third-L1 note.beamedUp1-L1 note.beamedBoth6-L1 accidental.doublesharp-L1 dot-L1 "
    "clef.G-S1 clef.G-L6 clef.D-L2 digit.3-S4 digit.12-S5 digit.0-L4 metersign.C-L4 metersign.D-L3 "
    "rest.whole-L3 rest.half-L4 rest.half-S3 fermata.above-S5 fermata.below-S6 barline-L2 barline "
    "multirest-L4 slur-L1 note-C4_half"
)


@pytest.mark.parametrize("token", ["", *OTHER_WORDS.split()])
def test_unknown_tokens_are_errors(token):
    with pytest.raises(NotationError):
        parse_agnostic_symbol(token)
    with pytest.raises(NotationError, match="token 2 of 2"):
        agnostic_to_score(["barline-L1", token])


# Conventions of PrIMuS --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meaning", "print_"),
    [
        ("clef-G2 note-E4_half barline", "clef.G-L2 note.half-L1 barline-L1"),
        ("clef-C1 note-Bb4_quarter.", "clef.C-L1 accidental.flat-L4 note.quarter-L4 dot-S4"),
        ("clef-F4 note-A3_half..", "clef.F-L4 note.half-L5 dot-S5 dot-S5"),
        ("clef-F4 note-B3_half.", "clef.F-L4 note.half-S5 dot-S5"),
        ("clef-G2 note-C4_half", "clef.G-L2 note.half-L0"),
        ("clef-G2 note-A3_half", "clef.G-L2 note.half-L-1"),
        ("clef-G2 timeSignature-12/8", "clef.G-L2 digit.12-L4 digit.8-L2"),
        ("clef-G2 timeSignature-C/ rest-whole barline", "clef.G-L2 metersign.C/-L3 rest.whole-L4 barline-L1"),
        ("rest-half. rest-eighth_fermata", "rest.half-L3 dot-S3 fermata.above-S6 rest.eighth-L3"),
        ("multirest-23 barline", "digit.2-S5 digit.3-S5 multirest-L3 barline-L1"),
        ("multirest-100 barline", "digit.1-S5 digit.0-S5 digit.0-S5 multirest-L3 barline-L1"),
        (
            "clef-G2 note-B4_half tie barline note-B4_half",
            "clef.G-L2 note.half-L3 slur.start-L3 barline-L1 slur.end-L3 note.half-L3",
        ),
        (
            "clef-G2 note-B4_half. tie note-B4_half tie clef-C1 note-B4_half_fermata",
            "clef.G-L2 note.half-L3 dot-S3 slur.start-L3 slur.end-L3 note.half-L3 slur.start-L3 "
            "clef.C-L1 fermata.above-S6 slur.end-L4 note.half-L4",
        ),
        (
            "clef-G2 note-B4_half tie gracenote-C5_eighth note-B4_half",
            "clef.G-L2 note.half-L3 slur.start-L3 gracenote.eighth-S3 slur.end-L3 note.half-L3",
        ),
        (
            "clef-G2 note-B4_half tie gracenote-B4_eighth note-B4_half",
            "clef.G-L2 note.half-L3 slur.start-L3 gracenote.eighth-L3 slur.end-L3 note.half-L3",
        ),
        (
            "clef-G2 timeSignature-C note-F#4_half_fermata note-F4_quarter barline note-F4_half",
            "clef.G-L2 metersign.C-L3 fermata.above-S6 accidental.sharp-S1 note.half-S1 note.quarter-S1 "
            "barline-L1 note.half-S1",
        ),
        (
            "clef-G2 timeSignature-C note-Bbb4_half note-B4_half barline note-B4_half",
            "clef.G-L2 metersign.C-L3 accidental.flat-L3 accidental.flat-L3 note.half-L3 note.half-L3 "
            "barline-L1 note.half-L3",
        ),
        (
            "clef-G2 keySignature-GM note-F4_half",
            "clef.G-L2 accidental.sharp-L5 accidental.natural-S1 note.half-S1",
        ),
    ],
)
def test_conventions_in_both_directions(meaning, print_):
    if meaning.startswith("clef-C1 note-Bb4"):  # a lone accidental after the clef would be a key signature
        meaning, print_ = (
            meaning.replace("note", "timeSignature-C note"),
            print_.replace("acc", "metersign.C-L3 acc"),
        )
    assert agnostic(meaning) == print_
    assert semantic(print_) == meaning


def test_beams_count_the_flags_of_their_own_note():
    label = (
        "clef.G-L2 note.beamedRight1-L3 dot-S3 note.beamedBoth2-L3 note.beamedBoth3-L3 note.beamedLeft0-L3 "
        "note.eighth-L3 gracenote.beamedBoth2-L3 gracenote.beamedRight1-L5"
    )
    events = agnostic_to_score(label.split()).parts[0].measures[0].events
    read = [(note.duration.value, note.beam) for note in events if isinstance(note, Note)]
    assert read == [
        ("eighth", "start"),
        ("sixteenth", "middle"),
        ("thirty_second", "middle"),
        ("quarter", "end"),
        ("eighth", None),
        ("sixteenth", "middle"),
        ("eighth", "start"),
    ]
    assert write_agnostic(read_agnostic(label)).split() == label.split()


def test_long_note_in_a_beam_has_no_beams_of_its_own():
    half = Note(Pitch("E", 4), Duration("half"), beam="middle")
    score = Score((Part((Measure((Clef("G", 2), half)),)),))
    assert score_to_agnostic(score)[1] == "note.beamedBoth0-L1"


def test_kinds_of_barline_and_tuplets_are_lost():
    label = "clef-G2 tuplet-3 note-B4_eighth note-B4_eighth note-B4_eighth tuplet-end barline-final"
    assert semantic(agnostic(label)) == "clef-G2 note-B4_eighth note-B4_eighth note-B4_eighth barline"


@pytest.mark.skipif(not EXAMPLE.is_dir(), reason="needs the PrIMuS example beside the repository")
def test_real_sample():
    (label,) = EXAMPLE.glob("*.semantic")
    truth = label.with_suffix(".agnostic").read_text().split()
    assert score_to_agnostic(read_semantic(label.read_text())) == truth
    assert write_semantic(agnostic_to_score(truth)).split() == label.read_text().split()


# Key signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clef", CLEFS)
@pytest.mark.parametrize("fifths", [*range(-7, 0), *range(1, 8)])
def test_signature_accidentals_stand_on_their_letters_inside_the_staff(clef, fifths):
    score = Score((Part((Measure((clef, Key(fifths), Meter(4, 4))),)),))
    tokens = score_to_agnostic(score)
    glyphs = [parse_agnostic_symbol(token) for token in tokens if token.startswith("accidental")]
    letters = "".join(STEPS[(clef.lowest_line + glyph.step) % 7] for glyph in glyphs)
    assert letters == ("FCGDAEB"[:fifths] if fifths > 0 else "BEADGCF"[:-fifths])
    assert {glyph.detail for glyph in glyphs} == {"sharp" if fifths > 0 else "flat"}
    assert all(-1 <= glyph.step <= 9 for glyph in glyphs)
    assert agnostic_to_score(tokens) == score


# Positions of E major and A flat major by PrIMuS's own converter.
@pytest.mark.parametrize(
    ("clef", "sharps", "flats"),
    [
        ("G2", "L5 S3 S5 L4", "L3 S4 S2 L4"),
        ("F3", "L3 S1 S3 L2", "S4 S2 L4 L2"),
        ("F4", "L4 S2 S4 L3", "L2 S3 S1 L3"),
        ("C1", "S2 L1 L3 S1", "L4 L2 S3 S1"),
        ("C2", "S3 L2 L4 S2", "L5 L3 S4 S2"),
        ("C3", "S4 L3 L5 S3", "S2 L4 L2 S3"),
        ("C4", "L2 L4 S2 S4", "S3 L5 L3 S4"),
        ("C5", "L3 S1 S3 L2", "S4 S2 L4 L2"),
    ],
)
def test_known_positions_of_signatures(clef, sharps, flats):
    for key, places in (("EM", sharps), ("AbM", flats)):
        tokens = agnostic(f"clef-{clef} keySignature-{key}").split()[1:]
        assert [token.partition("-")[2] for token in tokens] == places.split()


# Positions of seven accidentals in Verovio 6, in steps above the lowest line.
@pytest.mark.parametrize(
    ("clef", "sharps", "flats"),
    [
        ("G2", "8596374", "4736251"),
        ("C1", "3041526", "6251403"),
        ("C3", "7485263", "3625140"),
        ("C4", "2637485", "5847362"),
        ("C5", "4152637", "7362514"),
    ],
)
def test_positions_of_long_signatures(clef, sharps, flats):
    for key, places in (("C#M", sharps), ("CbM", flats)):
        tokens = agnostic(f"clef-{clef} keySignature-{key}").split()[1:]
        assert "".join(str(parse_agnostic_symbol(token).step) for token in tokens) == places


@pytest.mark.parametrize(
    ("print_", "meaning"),
    [
        # after the opening clef a signature has precedence, even over a note at its position
        ("clef.G-L2 accidental.sharp-L5 note.half-L5", "clef-G2 keySignature-GM note-F#5_half"),
        (
            "clef.G-L2 accidental.sharp-L5 accidental.sharp-S3 accidental.natural-S3 note.half-S3",
            "clef-G2 keySignature-DM note-C5_half",
        ),
        # F sharp in the other octave is not a signature, so it belongs to the note
        ("clef.G-L2 accidental.sharp-S1 note.half-S1", "clef-G2 note-F#4_half"),
        # elsewhere the note has precedence
        (
            "clef.G-L2 metersign.C-L3 accidental.sharp-L5 note.half-L5",
            "clef-G2 timeSignature-C note-F#5_half",
        ),
        (
            "clef.G-L2 note.half-L1 clef.F-L4 accidental.sharp-L4 note.half-L4",
            "clef-G2 note-E4_half clef-F4 note-F#3_half",
        ),
        # but accidentals that cannot belong to the note are a signature there, too
        (
            "clef.G-L2 note.half-L1 barline-L1 accidental.sharp-L5 note.half-S1",
            "clef-G2 note-E4_half barline keySignature-GM note-F#4_half",
        ),
        (
            "clef.G-L2 note.half-L1 barline-L1 accidental.sharp-L5 digit.3-L4 digit.4-L2",
            "clef-G2 note-E4_half barline keySignature-GM timeSignature-3/4",
        ),
    ],
)
def test_signature_or_accidental(print_, meaning):
    assert semantic(print_) == meaning


# Properties -------------------------------------------------------------------------------------------------


@given(agnostic_scores())
def test_score_round_trips_through_tokens(score):
    tokens = score_to_agnostic(score)
    assert agnostic_to_score(tokens) == score
    assert all(str(parse_agnostic_symbol(token)) == token for token in tokens)


# Errors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("note.half-L1", "token 1 of 1: note.half-L1 stands before any clef"),
        ("accidental.sharp-L5 digit.4-L4", "token 1 of 2: accidentals from accidental.sharp-L5"),
        ("clef.G-L2 accidental.sharp-L4 note.half-L5", "token 2 of 3: accidentals from"),
        ("clef.G-L2 accidental.sharp-L5 accidental.sharp-S3 accidental.flat-L1 note.half-L2", "token 2 of 5"),
        ("clef.G-L2 metersign.C-L3 accidental.sharp-S1 rest.half-L3", "token 3 of 4: accidentals from"),
        ("clef.G-L2 metersign.C-L3 accidental.sharp-S1", "token 3 of 3: accidentals from"),
        ("clef.G-L2 note.half-L1 dot-L1", "token 3 of 3: 'dot' cannot stand at L1"),
        ("clef.G-L2 note.half-L1 dot-S2", "token 3 of 3: dot-S2 does not belong to the glyph before it"),
        ("rest.half-L3 dot-S4", "token 2 of 2: dot-S4"),
        ("clef.G-L2 note.half-L1 slur.start-L2", "token 3 of 3: slur.start-L2"),
        (
            "clef.G-L2 slur.end-L1 note.half-L1",
            "token 3 of 3: slur.end-L1 before note.half-L1: expected a slur.start",
        ),
        ("clef.G-L2 note.half-L1 slur.start-L1 slur.end-L2 note.half-L2", "token 5 of 5: slur.end-L2"),
        ("clef.G-L2 note.half-L1 slur.start-L1 slur.end-L1 note.half-L2", "token 5 of 5: slur.end-L1"),
        ("clef.G-L2 note.half-L1 slur.start-L1 slur.end-L2 note.half-L1", "token 5 of 5: slur.end-L2"),
        (
            "clef.G-L2 note.half-L1 slur.start-L1 slur.end-L1 rest.half-L3",
            "token 5 of 5: slur.end-L1 before rest",
        ),
        ("clef.G-L2 note.half-L1 slur.start-L1 slur.end-L1", "token 4 of 4: slur.end-L1 at the end"),
        ("fermata.above-S6 barline-L1", "token 2 of 2: fermata before barline-L1 has no note"),
        ("fermata.above-S6 fermata.above-S6 rest.half-L3", "token 2 of 3: fermata.above-S6"),
        ("digit.3-L4", "token 1 of 1: digit.3-L4 needs a number of beats on L4 and then a unit on L2"),
        ("digit.4-L2 digit.3-L4", "token 1 of 2: digit.4-L2 needs"),
        ("digit.3-S5 barline-L1", "token 2 of 2: digits on S5 name 3 bars"),
        ("digit.0-S5 multirest-L3", "digits on S5 name 0 bars"),
        ("multirest-L3", "token 1 of 1: multirest needs its number of bars"),
    ],
)
def test_errors_name_the_token(label, message):
    with pytest.raises(NotationError, match=message):
        agnostic_to_score(label.split())


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ((Note(Pitch("C", 4), Duration("half")),), "before any clef"),
        ((Key(2),), "before any clef"),
        (
            (Clef("G", 2), Note(Pitch("F", 4, 2), Duration("half"), accidental=2)),
            r"accidental of \+2 semitones",
        ),
    ],
)
def test_scores_without_a_symbol(events, message):
    with pytest.raises(NotationError, match=message):
        score_to_agnostic(Score((Part((Measure(events),)),)))


def test_label_is_one_staff():
    with pytest.raises(NotationError, match="0 parts"):
        score_to_agnostic(Score(()))
