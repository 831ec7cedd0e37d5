"""The MEI reader: our own MEI, other formats through Verovio, and music that a Score cannot hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from normal_form import normal
from strategies import scores

from focal_omr.encodings.semantic import read_semantic, write_semantic
from focal_omr.errors import NotationError
from focal_omr.formats.mei_reader import read_mei, read_monophonic_runs
from focal_omr.formats.mei_writer import write_mei
from focal_omr.formats.verovio import Engraver
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import (
    Clef,
    Key,
    Measure,
    Note,
    Part,
    Score,
)

HEAD = (
    '<mei xmlns="http://www.music-encoding.org/ns/mei"><meiHead><fileDesc><titleStmt><title>A tune</title>'
    "</titleStmt><pubStmt/></fileDesc></meiHead><music><body><mdiv><score>"
)
TAIL = "</score></mdiv></body></music></mei>"
DEF = (
    '<scoreDef><staffGrp><staffDef n="1" lines="5"><label>Flute</label><clef shape="G" line="2"/>'
    '<keySig sig="1s"/><meterSig count="2" unit="4"/></staffDef></staffGrp></scoreDef>'
)


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver()


def document(*measures: str, definition: str = DEF) -> str:
    """An MEI document of one staff; a measure that is not an element is the content of its layer."""
    bars = "".join(
        bar
        if bar.startswith("<measure")
        else f"<measure><staff n='1'><layer n='1'>{bar}</layer></staff></measure>"
        for bar in measures
    )
    return f"{HEAD}{definition}<section>{bars}</section>{TAIL}"


def note(pitch: str = "g4", dur: str = "4", **attributes: str) -> str:
    more = "".join(f' {name.replace("_", ".")}="{value}"' for name, value in attributes.items())
    return f'<note pname="{pitch[0]}" oct="{pitch[1:]}" dur="{dur}"{more}/>'


def label(text: str) -> str:
    return " ".join(write_semantic(read_mei(text)).split())


# Score -> MEI -> Verovio -> Score --------------------------------------------------------------------------


@settings(max_examples=40)
@given(scores())
def test_score_round_trips_through_mei_and_verovio(score):
    if not any(measure.events for measure in score.parts[0].measures):
        return
    again = read_mei(Engraver().mei(write_mei(score)))
    assert normal(again) == normal(score)


@settings(max_examples=15)
@given(scores())
def test_beams_round_trip_through_mei_and_verovio(score):
    if not any(measure.events for measure in score.parts[0].measures):
        return
    score = Score((beam_by_meter(score.parts[0]),))
    assert normal(read_mei(Engraver().mei(write_mei(score)))) == normal(score)


def test_parts_titles_and_names_round_trip(engraver):
    one, two = (read_semantic(text).parts[0] for text in ("clef-G2 note-C5_half", "clef-F4 rest-half"))
    score = Score((replace(one, name="Flute"), replace(two, name="Cello")), "Duo")
    assert normal(read_mei(engraver.mei(write_mei(score)))) == normal(score)


# Other formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "**kern\n*clefG2\n*k[f#]\n*M3/4\n4g\n=1\n8f#L\n16fn\n16gJJ\n8qb\n4a;\n[4b\n=2:|!\n2b]\n4r\n=3\n*M2/4\n"
            "*clefF4\n12cL\n12d\n12eJ\n4.r\n==\n*-\n",
            "clef-G2 keySignature-GM timeSignature-3/4 note-G4_quarter barline note-F#4_eighth "
            "note-F4_sixteenth note-G4_sixteenth gracenote-B4_eighth note-A4_quarter_fermata "
            "note-B4_quarter tie barline-repeat_end note-B4_half rest-quarter barline clef-F4 "
            "timeSignature-2/4 tuplet-3 note-C4_eighth note-D4_eighth note-E4_eighth tuplet-end "
            "rest-quarter. barline-final",
        ),
        (
            "X:1\nM:C|\nL:1/4\nK:F\n|:B =B B {c/}d|B2 (3c/d/e/ ^f-|f4:|Z3|[M:3/4]HA3|]\n",
            "clef-G2 keySignature-FM timeSignature-C/ barline-repeat_start note-Bb4_quarter "
            "note-B4_quarter note-Bb4_quarter gracenote-C5_eighth note-D5_quarter barline note-Bb4_half "
            "tuplet-3 note-C5_eighth note-D5_eighth note-E5_eighth tuplet-end note-F#5_quarter tie barline "
            "note-F5_whole barline-repeat_end multirest-3 barline timeSignature-3/4 note-A4_half._fermata "
            "barline-final",
        ),
        (
            "@clef:G-2\n@keysig:bB\n@timesig:3/4\n@data:'4CxCD/=3/(B)2A+/{8ACnB}gDC//:4A%F-4 C/",
            "clef-G2 keySignature-FM timeSignature-3/4 note-C4_quarter note-C#4_quarter note-D4_quarter "
            "barline multirest-3 barline note-Bb4_quarter_fermata note-A4_half tie barline note-A4_eighth "
            "note-C4_eighth note-B4_eighth gracenote-D4_eighth note-C4_eighth barline-repeat_start "
            "note-A4_quarter clef-F4 note-C4_quarter barline",
        ),
    ],
    ids=["kern", "abc", "pae"],
)
def test_formats_that_verovio_reads(engraver, text, tokens):
    assert label(engraver.mei(text)) == tokens


def test_carry_in_abc(engraver):
    # Verovio 6.4 writes B flat for the third note, whose natural carries.
    notes = read_mei(engraver.mei("X:1\nM:C|\nL:1/4\nK:F\nB =B B B|B4|\n")).parts[0].measures[0].events
    assert [event.pitch.alter for event in notes if isinstance(event, Note)] == [-1, 0, 0, 0]


# Reading rules ---------------------------------------------------------------------------------------------


def test_accidentals_are_derived_from_sounding_pitches():
    text = document(note("f4", accid_ges="s") + note("f4", accid_ges="n"), note("f4", accid_ges="n"))
    notes = [event for m in read_mei(text).parts[0].measures for event in m.events if isinstance(event, Note)]
    assert [n.accidental for n in notes] == [None, 0, 0]


def test_unmarked_note_follows_signature_and_earlier_accidentals():
    text = document(note("f4") + note("c4", accid="s") + note("c4"), note("c4"))
    notes = [event for m in read_mei(text).parts[0].measures for event in m.events if isinstance(event, Note)]
    assert [n.pitch.alter for n in notes] == [1, 1, 1, 0]


def test_accidentals_in_children_and_editorial_ones():
    child = '<note pname="c" oct="4" dur="4"><accid accid="s"{}/></note>'
    first, second, _ = (
        read_mei(document(child.format("") + child.format(' func="edit"') + note(accid="f")))
        .parts[0]
        .measures[0]
        .events[3:]
    )
    assert (first.accidental, first.pitch.alter) == (1, 1)
    assert (second.accidental, second.pitch.alter) == (None, 1)


@pytest.mark.parametrize(
    ("attributes", "tokens"),
    [
        (
            'left="rptstart"',
            "clef-G2 keySignature-GM timeSignature-2/4 barline-repeat_start note-G4_half barline",
        ),
        ('right="rptboth"', "clef-G2 keySignature-GM timeSignature-2/4 note-G4_half barline-repeat_both"),
        ('right="dashed"', "clef-G2 keySignature-GM timeSignature-2/4 note-G4_half barline"),
        ('right="dblheavy"', "clef-G2 keySignature-GM timeSignature-2/4 note-G4_half barline-double"),
        ('right="invis"', "clef-G2 keySignature-GM timeSignature-2/4 note-G4_half"),
    ],
)
def test_barlines(attributes, tokens):
    bar = f'<measure {attributes}><staff n="1"><layer n="1">{note(dur="2")}</layer></staff></measure>'
    assert label(document(bar)) == tokens


@pytest.mark.parametrize(
    ("before", "kind"),
    [
        ("rptend", "repeat_both"),
        ("rptboth", "repeat_both"),
        ("single", "repeat_start"),
        ("invis", "repeat_start"),
    ],
)
def test_left_repeat_sign_joins_the_barline_before_it(before, kind):
    bar = "<measure {}><staff n='1'><layer n='1'>" + note(dur="2") + "</layer></staff></measure>"
    text = document(bar.format(f'right="{before}"'), bar.format('left="rptstart"'))
    assert [m.barline for m in read_mei(text).parts[0].measures] == [kind, "single"]


def test_measure_rests_invisible_and_unknown_elements():
    text = document(
        '<mRest fermata="above"/>',
        '<rest dur="4" visible="false"/><space dur="4"/>' + note(visible="false"),
        note()[:-2] + '><verse><syl>la</syl></verse></note><dynam>f</dynam><barLine form="dashed"/>',
    )
    assert label(text).split()[3:] == [
        "rest-whole_fermata",
        "barline",
        "barline",
        "note-G4_quarter",
        "barline",
    ]


def test_second_layer_without_ink_does_not_count():
    bar = (
        '<measure><staff n="1"><layer n="1"><space dur="2"/></layer>'
        f'<layer n="2">{note(dur="2")}</layer></staff></measure>'
    )
    assert label(document(bar)).split()[3:] == ["note-G4_half", "barline"]


def test_endings_and_changes_between_measures():
    change = '<scoreDef keysig="0" meter.sym="common"/>'
    bar = f"<measure><staff n='1'><layer n='1'>{note(dur='2')}</layer></staff></measure>"
    music = f"{bar}<ending n='1'>{bar}</ending>{change}<section>{bar}</section>"
    text = f"{HEAD}{DEF}<section>{music}</section>{TAIL}"
    assert label(text).split()[7:] == ["keySignature-CM", "timeSignature-C", "note-G4_half", "barline"]


def test_signs_in_attributes_of_the_definitions():
    definition = (
        '<scoreDef key.sig="2f" meter.sym="cut"><staffGrp><staffDef n="1" clef.shape="C" clef.line="3"/>'
        "</staffGrp></scoreDef>"
    )
    assert label(document(note(), definition=definition)).split()[:3] == [
        "clef-C3",
        "keySignature-BbM",
        "timeSignature-C/",
    ]


def test_beams_skip_grace_notes_and_long_notes():
    eighth, grace = note(dur="8"), note(dur="8", grace="acc")
    text = document(
        f"<beam>{eighth}{grace}{eighth}</beam><beam>{grace}{grace}</beam><beam>{note()}{eighth}</beam>"
    )
    events = read_mei(text).parts[0].measures[0].events[3:]
    assert [e.beam for e in events] == ["start", None, "end", "start", "end", None, None]


def test_beams_go_over_tuplets():
    eighths = note(dur="8") * 3
    text = document(f'<beam>{note(dur="8")}<tuplet num="3" numbase="2">{eighths}</tuplet></beam>')
    first, tuplet = read_mei(text).parts[0].measures[0].events[3:]
    assert (first.beam, *(e.beam for e in tuplet.events)) == ("start", "middle", "middle", "end")


def test_ties_and_fermatas_by_id_and_by_attribute():
    bar = (
        '<measure><staff n="1"><layer n="1"><note xml:id="a" pname="c" oct="4" dur="8"/>'
        '<note xml:id="b" pname="c" oct="4" dur="8" tie="i"/><note pname="c" oct="4" dur="4" tie="t" '
        'fermata="above"/></layer></staff><tie startid="#a" endid="#b"/><fermata startid="#a"/>'
        '<fermata tstamp="3"/></measure>'
    )
    assert label(document(bar)).split()[3:] == (
        ["note-C4_eighth_fermata", "tie", "note-C4_eighth", "tie", "note-C4_quarter_fermata", "barline"]
    )


# Errors ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"<chord dur='4'>{note()}{note('b4')}</chord>", "staff 1, measure 2: a <chord>"),
        ("<mRpt/>", "staff 1, measure 2: a <mRpt>"),
        (f"<bTrem>{note()}</bTrem>", "staff 1, measure 2: a <bTrem>"),
        (note("g"), "oct=''; expected a whole number"),
        (note(dur="512"), "dur='512'; known are long, breve, 1,"),
        (note(accid="3qs"), "accidental '3qs'"),
        ('<note dur="4" oct="4"/>', "pname ''"),
        ('<clef shape="G" line="2" dis="8"/>', "clef G2 with an octave sign"),
        ('<clef shape="perc" line="2"/>', "clef perc2"),
        ('<keySig sig="mixed"/>', "key signature 'mixed'"),
        ('<meterSig count="3+2" unit="8"/>', "time signature '3+2'/'8'"),
        (
            f'<tuplet num="3" numbase="2">{note()}<clef shape="F" line="4"/></tuplet>',
            "a tuplet must hold notes and rests only",
        ),
        (f"<tuplet>{note()}</tuplet>", "num=''"),
        ('<multiRest num="many"/>', "num='many'"),
    ],
)
def test_unsupported_elements_are_errors(content, reason):
    with pytest.raises(NotationError) as error:
        read_mei(document(note(), content))
    assert reason in str(error.value)


def test_two_voices_and_other_numbers_of_lines_are_errors():
    voices = (
        f'<measure><staff n="1"><layer n="1">{note()}</layer><layer n="2">{note()}</layer></staff></measure>'
    )
    with pytest.raises(NotationError, match="measure 1: 2 voices"):
        read_mei(document(voices))
    with pytest.raises(NotationError, match="1 lines; a staff of five"):
        read_mei(document(note(), definition=DEF.replace('lines="5"', 'lines="1"')))
    with pytest.raises(NotationError, match="a barline 'wavy'"):
        read_mei(document(f'<measure right="wavy"><staff n="1"><layer>{note()}</layer></staff></measure>'))


# Monophonic runs -------------------------------------------------------------------------------------------


def runs(text: str) -> list[str]:
    """Staff, voice, first measure and label of each run of a document; a star marks a whole staff."""
    found, _ = read_monophonic_runs(text)
    return [
        f"{run.staff}.{run.voice}@{run.first}{'*' * run.whole} "
        + " ".join(write_semantic(Score((run.part,))).split())
        for run in found
    ]


def two(upper: str, lower: str) -> str:
    return f'<measure><staff n="1"><layer n="1">{upper}</layer><layer n="2">{lower}</layer></staff></measure>'


CHORD = f'<chord dur="4">{note()}{note("b4")}</chord>'


def test_whole_staff_is_one_run_and_a_staff_of_chords_none():
    definition = '<scoreDef><staffGrp><staffDef n="1"/><staffDef n="2"/></staffGrp></scoreDef>'
    bar = (
        f'<measure><staff n="1"><layer>{CHORD}</layer></staff>'
        f'<staff n="2"><layer>{note()}</layer></staff></measure>'
    )
    assert runs(document(bar, definition=definition)) == ["1.0@0* note-G4_quarter barline"]
    assert read_monophonic_runs(document(bar, bar, definition=definition))[1] == 4


def test_run_ends_at_a_chord_and_the_next_one_has_its_signs():
    lead = "clef-G2 keySignature-GM timeSignature-2/4"
    # The clef changes in the skipped measure with the chord.
    text = document(note(), f'{CHORD}<clef shape="F" line="4"/>', note("g3"), note("a3"))
    assert runs(text) == [
        f"0.0@0 {lead} note-G4_quarter barline",
        f"0.0@2 {lead.replace('G2', 'F4')} note-G3_quarter barline note-A3_quarter barline",
    ]


def test_voices_that_fill_their_measures_are_runs():
    lead = "clef-G2 keySignature-GM timeSignature-2/4"
    bars = [
        note("c4"),
        two(note("d5"), note("d4")),
        two(note("e5"), "<space dur='4'/>" + note("e4")),
        note("a4"),
    ]
    assert runs(document(*bars)) == [
        f"0.0@0 {lead} note-C4_quarter barline note-D5_quarter barline note-E5_quarter barline "
        "note-A4_quarter barline",
        f"0.1@1 {lead} note-D4_quarter barline",
    ]


def test_unreadable_sign_ends_the_staff():
    text = document(note(), '<clef shape="G" line="2" dis="8" dis.place="below"/>' + note(), note())
    assert runs(text) == ["0.0@0 clef-G2 keySignature-GM timeSignature-2/4 note-G4_quarter barline"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no music", "not an MEI document, not an XML document: syntax error"),
        ("<html/>", "its root is <html>"),
        (HEAD + TAIL, "no staff that can be read"),
        ('<mei xmlns="http://www.music-encoding.org/ns/mei"/>', "0 <score> elements"),
        (f"{HEAD}{DEF}<section><app><rdg><measure/></rdg></app></section>{TAIL}", "measures inside <app>"),
    ],
)
def test_documents_without_music_are_errors(text, reason):
    with pytest.raises(NotationError, match=reason):
        read_mei(text)


# The MEI writer --------------------------------------------------------------------------------------------


def test_signs_keep_their_order(engraver):
    measure = Measure((Key(1), Clef("G", 2), *read_semantic("note-C5_quarter").parts[0].measures[0].events))
    assert read_mei(engraver.mei(write_mei(Score((Part((measure,)),))))).parts[0].measures == (measure,)


def test_score_without_parts_is_an_error():
    with pytest.raises(NotationError, match="without parts"):
        write_mei(Score(()))
