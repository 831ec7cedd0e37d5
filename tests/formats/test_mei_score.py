"""Whole scores as MEI: written, read back, engraved by Verovio, and MEI as other programs write it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import pytest
from rich_scores import WHOLE, chord, measure, rest, rich_score

from focal_omr.errors import NotationError
from focal_omr.formats.mei_score_reader import read_mei_score
from focal_omr.formats.mei_score_writer import write_mei_score
from focal_omr.formats.mei_terms import as_recip, engraved_beams, from_recip
from focal_omr.formats.verovio import ONE_STAFF, Engraver
from focal_omr.score.score import (
    Articulation,
    Barline,
    Chord,
    ChordSymbol,
    Clef,
    Duration,
    Ending,
    Fermata,
    Hairpin,
    Key,
    Lyric,
    Measure,
    Meter,
    Moment,
    MultiRest,
    Note,
    Ottava,
    Part,
    Pedal,
    Pitch,
    Rest,
    Score,
    Sign,
    Slur,
    Space,
    Spanner,
    Tremolo,
    Tuplet,
    Voice,
)
from focal_omr.score.validate import validate

F = Fraction


def ordered(score: Score) -> Score:
    """The score with directions, signs and spanners in an order that depends on nothing else."""
    parts = []
    for part in score.parts:
        measures = tuple(
            replace(
                m,
                signs=tuple(sorted(m.signs, key=repr)),
                directions=tuple(sorted(m.directions, key=repr)),
                voices=tuple(sorted(m.voices, key=lambda voice: voice.number)),
            )
            for m in part.measures
        )
        parts.append(replace(part, measures=measures, spanners=tuple(sorted(part.spanners, key=repr))))
    return replace(score, parts=tuple(parts))


def notes(score: Score) -> Iterator[tuple[Chord, Note]]:
    for _, _, _, event in score.events():
        for note in event.notes if isinstance(event, Chord) else ():
            yield event, note


def document(layer: str, *, after: str = "") -> str:
    """An MEI document of one staff with one measure of 4/4."""
    return f"""<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>
      <scoreDef meter.count="4" meter.unit="4" key.sig="2s"><staffGrp>
      <staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp></scoreDef>
      <section><measure n="1"><staff n="1"><layer n="1">{layer}</layer></staff>{after}</measure></section>
      </score></mdiv></body></music></mei>"""


def events(mei: str) -> list[object]:
    return list(read_mei_score(mei).parts[0].measures[0].voices[0].events)


def spanners(mei: str) -> tuple[Spanner, ...]:
    return read_mei_score(mei).parts[0].spanners


def test_the_hand_made_score_is_valid() -> None:
    assert [str(v) for v in validate(rich_score())] == []


def test_a_score_with_everything_comes_back() -> None:
    score = rich_score()
    again = read_mei_score(write_mei_score(score))
    for part, own in zip(ordered(again).parts, ordered(score).parts, strict=True):
        for read, written in zip(part.measures, own.measures, strict=True):
            assert read == written
        assert part.spanners == own.spanners
    assert ordered(again) == ordered(score)


def test_the_same_score_gives_the_same_text() -> None:
    assert write_mei_score(rich_score()) == write_mei_score(rich_score())


def test_every_note_and_rest_is_in_the_svg() -> None:
    score = rich_score()
    svg = Engraver(**ONE_STAFF).svg(write_mei_score(score))
    drawn = set(re.findall(r'\bid="([^"]+)"', svg))
    assert {note.id for _, note in notes(score)} <= drawn
    assert {e.id for *_, e in score.events() if isinstance(e, Rest)} <= drawn
    assert {part.measures[0].id for part in score.parts[:1]} <= drawn


def test_verovio_hears_the_onsets_of_the_score() -> None:
    score = rich_score()
    onsets = {i: e["qstamp"] for e in Engraver().timemap(write_mei_score(score)) for i in e.get("on", ())}
    tied = {note.tie_to for _, note in notes(score)}
    for _, index, _, event in score.events():
        if isinstance(event, Chord) and event.grace is None and index.id.endswith("m1"):
            for note in event.notes:
                if note.id not in tied and event.id not in ("a4", "b4", "c1"):  # a grace note before, rolled
                    assert onsets[note.id] == pytest.approx(float(4 * event.onset))


def test_a_score_without_parts_is_refused() -> None:
    with pytest.raises(NotationError, match="without parts"):
        write_mei_score(Score(parts=()))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<html/>", "not an MEI document"),
        ("<mei/>", "without a <score>"),
        ("<mei><score><section/></score></mei>", "without staves"),
        ("<mei><score><scoreDef><staffGrp><staffDef n='1'/></staffGrp></scoreDef></score></mei>", "measures"),
        (
            "<mei><score><scoreDef><staffGrp><staffDef n='1' trans.diat='down'/></staffGrp></scoreDef>"
            "<section><measure><staff n='1'/></measure></section></score></mei>",
            "staff 1: a transposition of down and 0 steps",
        ),
        (document("<note dur='4'/>"), "staff 1, measure 1: a note without pitch"),
        (document("<note pname='c' dur='4'/>"), "without octave"),
        (document("<note pname='c' oct='4' dur='5'/>"), "a duration '5'"),
    ],
)
def test_bad_documents_are_refused_with_their_place(text: str, reason: str) -> None:
    with pytest.raises(NotationError, match=reason):
        read_mei_score(text)


# As others write it ----------------------------------------------------------------------------------------


def test_dots_and_accidentals_are_attributes_or_children() -> None:
    read = events(
        document(
            '<note pname="f" oct="4" dur="4" dots="1" accid="n"/><note pname="f" oct="4" dur="4"><dot/>'
            '<accid accid="s" enclose="paren"/></note><note pname="g" oct="4" dur="4"/>'
        )
    )
    first, second, third = (e for e in read if isinstance(e, Chord))
    assert first.duration == second.duration == Duration(F(1, 4), 1)
    assert (first.notes[0].pitch, first.notes[0].accidental) == (Pitch("F", 4, 0), "natural")
    assert (second.notes[0].pitch, second.notes[0].enclosed) == (Pitch("F", 4, 1), "parentheses")
    assert third.onset == F(3, 4)


def test_key_and_earlier_accidentals_hold_where_no_sounding_ones_are_told() -> None:
    layer = '<note pname="f" oct="4" dur="4"/><note pname="c" oct="5" accid="n" dur="4"/>'
    read = events(document(layer + '<note pname="c" oct="5" dur="4"/><note pname="c" oct="4" dur="4"/>'))
    assert [e.notes[0].pitch for e in read if isinstance(e, Chord)] == [
        *(Pitch("F", 4, 1), Pitch("C", 5, 0), Pitch("C", 5, 0), Pitch("C", 4, 1))
    ]


def test_a_note_is_natural_where_others_tell_their_sounding_accidentals() -> None:
    read = events(
        document('<note pname="f" oct="4" dur="2" accid.ges="s"/><note pname="c" oct="4" dur="2"/>')
    )
    assert [e.notes[0].pitch.alter for e in read if isinstance(e, Chord)] == [1, 0]


def test_ties_are_attributes_or_elements() -> None:
    layer = '<note xml:id="n1" pname="g" oct="4" dur="4" tie="i"/>'
    layer += '<note xml:id="n2" pname="g" oct="4" dur="4" tie="m"/>'
    layer += (
        '<note xml:id="n3" pname="g" oct="4" dur="4" tie="t"/><note xml:id="n4" pname="g" oct="4" dur="4"/>'
    )
    read = events(document(layer, after='<tie startid="#n3" endid="#n4"/>'))
    assert [e.notes[0].tie_to for e in read if isinstance(e, Chord)] == ["n2", "n3", "n4", None]


def test_articulations_and_fermatas_are_attributes_or_children() -> None:
    read = events(
        document(
            '<note pname="g" oct="4" dur="2" artic="stacc acc" fermata="above"><artic artic="ten"/></note>'
        )
    )
    assert isinstance(read[0], Chord)
    names = [mark.name for mark in read[0].marks if isinstance(mark, Articulation)]
    assert names == ["staccato", "accent", "tenuto"]
    assert Fermata(placement="above") in read[0].marks


def test_a_short_layer_is_filled_up_only_to_its_measure() -> None:
    mei = document('<note pname="g" oct="4" dur="1"/></layer><layer n="2"><note pname="c" oct="4" dur="4"/>')
    voices = read_mei_score(mei).parts[0].measures[0].voices
    assert [type(event) for event in voices[1].events] == [Chord, Space]
    assert voices[1].events[1].length == F(3, 4)


def test_lines_by_time_stamps_lead_over_measures() -> None:
    mei = document(
        '<note xml:id="n1" pname="g" oct="4" dur="1"/>',
        after='<hairpin form="cres" staff="1" tstamp="1" tstamp2="1m+3"/>'
        '<slur tstamp="1" tstamp2="1m+1" staff="1"/>',
    ).replace(
        "</section>",
        '<measure n="2"><staff n="1"><layer><note xml:id="n2" pname="g" oct="4" dur="1"/></layer></staff>'
        "</measure></section>",
    )
    score = read_mei_score(mei)
    first, second = (m.id for m in score.parts[0].measures)
    assert set(score.parts[0].spanners) == {
        Hairpin(Moment(first, F(0)), Moment(second, F(1, 2)), "crescendo"),
        Slur("n1", "n2"),
    }


def test_spans_of_beams_and_tuplets() -> None:
    layer = "".join(f'<note xml:id="n{n}" pname="g" oct="4" dur="8"/>' for n in (1, 2))
    read = read_mei_score(document(layer, after='<beamSpan startid="#n1" endid="#n2" plist="#n1 #n2"/>'))
    chords = [e for *_, e in read.events() if isinstance(e, Chord)]
    assert [c.beams for c in chords] == [("begin",), ("end",)]
    span = '<tupletSpan num="3" numbase="2" startid="#n1" endid="#n2"/>'
    assert [type(s) for s in spanners(document(layer, after=span))] == [Tuplet]


def test_of_alternatives_the_first_reading_is_taken() -> None:
    layer = '<choice><sic><note pname="g" oct="4" dur="1"/></sic>'
    layer += '<corr><note pname="a" oct="4" dur="1"/></corr></choice>'
    assert [e.notes[0].pitch.step for e in events(document(layer)) if isinstance(e, Chord)] == ["G"]
    layer = '<app><rdg><supplied><note pname="b" oct="4" dur="1"/></supplied></rdg><rdg/></app>'
    assert [e.notes[0].pitch.step for e in events(document(layer)) if isinstance(e, Chord)] == ["B"]


def test_signs_change_between_measures_and_inside_them() -> None:
    mei = document(
        '<note pname="g" oct="4" dur="2"/><clef shape="F" line="4"/><note pname="g" oct="3" dur="2"/>'
    )
    change = (
        '<scoreDef><keySig sig="1f"/><meterSig count="3+2" unit="8"/></scoreDef><measure n="2"><staff n="1">'
    )
    change += "<layer><mRest/></layer></staff></measure></section>"
    score = read_mei_score(mei.replace("</section>", change))
    first, second = score.parts[0].measures
    assert Sign(F(1, 2), Clef("F", 4), 1) in first.signs
    assert second.signs == (Sign(F(0), Key(-1)), Sign(F(0), Meter((((3, 2), 8),))))
    assert second.length == F(5, 8)


def test_endings_hold_for_all_parts_and_upbeats_are_found() -> None:
    mei = document('<note pname="g" oct="4" dur="4"/>').replace("<section>", '<section><ending n="1">')
    score = read_mei_score(mei.replace("</section>", "</ending></section>"))
    part = score.parts[0]
    assert part.measures[0].pickup
    assert part.spanners == (Ending(part.measures[0].id, part.measures[0].id, "1"),)


def test_a_brace_is_one_part_unless_its_staves_have_names() -> None:
    staves = "<staffGrp symbol='brace'><label>Piano</label><staffDef n='1'/><staffDef n='2'/></staffGrp>"
    layers = "".join(f"<staff n='{n}'><layer n='1'><mRest/></layer></staff>" for n in (1, 2))
    text = f"<mei><score><scoreDef><staffGrp>{staves}</staffGrp></scoreDef>"
    text += f"<measure>{layers}</measure></score></mei>"
    score = read_mei_score(text)
    assert [(part.staves, part.name) for part in score.parts] == [(2, "Piano")]
    assert [voice.number for voice in score.parts[0].measures[0].voices] == [1, 5]
    named = text.replace("<staffDef n='1'/>", "<staffDef n='1'><label>I</label></staffDef>")
    named = named.replace("<staffDef n='2'/>", "<staffDef n='2'><label>II</label></staffDef>")
    assert [part.name for part in read_mei_score(named).parts] == ["I", "II"]


def test_a_multirest_becomes_as_many_measures() -> None:
    score = read_mei_score(document('<multiRest num="3"/>'))
    part = score.parts[0]
    assert [m.multirest for m in part.measures] == [MultiRest(3), None, None]
    assert [m.length for m in part.measures] == [F(1)] * 3
    assert validate(score) == []


def test_a_multirest_of_all_parts_is_written_as_one() -> None:
    measures = tuple(
        measure(
            f"Am{n}",
            (rest(f"r{n}", F(0), Duration(F(1)), measure=True),),
            multirest=MultiRest(2) if n == 1 else None,
        )
        for n in (1, 2)
    )
    text = write_mei_score(Score(parts=(Part(id="A", measures=measures),)))
    assert text.count("<measure") == 1
    assert '<multiRest xml:id="r1" num="2"' in text
    again = read_mei_score(text).parts[0].measures
    assert [m.multirest for m in again] == [MultiRest(2), None]


def test_lyrics_keep_elisions_hyphens_and_no_break_spaces() -> None:
    verse = '<verse n="2"><syl con="b">1.\u00a0a</syl><syl con="d">ve</syl></verse>'
    layer = f'<note pname="g" oct="4" dur="1">{verse}</note>'
    read = events(document(layer))
    assert isinstance(read[0], Chord)
    assert read[0].marks == (Lyric("1.\u00a0a\u203fve", "2", "begin"),)


def test_chord_symbols_of_others_are_read_from_their_text() -> None:
    mei = document("<mRest/>", after='<harm tstamp="1" staff="1">Bbm7/F</harm>')
    directions = read_mei_score(mei).parts[0].measures[0].directions
    assert [d.value for d in directions] == [ChordSymbol(("B", -1), "minor-seventh", "m7", ("F", 0))]


def test_a_sign_that_repeats_half_a_measure_is_written_out() -> None:
    layer = '<note pname="g" oct="4" dur="4"/><chord dur="4"><note pname="c" oct="5"/>'
    layer += '<note pname="a" oct="4"/></chord>'
    read = [e for e in events(document(layer + "<halfmRpt/>")) if isinstance(e, Chord)]
    assert [e.onset for e in read] == [F(0), F(1, 4), F(1, 2), F(3, 4)]
    assert [n.pitch.step for n in read[3].notes] == ["A", "C"]
    assert validate(read_mei_score(document(layer + "<halfmRpt/>"))) == []


def test_notes_under_an_octave_line_are_written_as_printed_in_every_measure() -> None:
    bars = tuple(measure(f"m{n}", (chord(f"c{n}", Fraction(0), "C6", WHOLE),)) for n in range(4))
    line = Ottava(Moment("m2", Fraction(0)), Moment("m2", Fraction(1)), 1)
    text = write_mei_score(Score(parts=(Part(id="P1", measures=bars, spanners=(line,)),)))
    printed = re.findall(r'pname="c" oct="(\d)"', text)
    assert printed == ["6", "6", "5", "6"]


def test_a_clef_inside_a_measure_holds_for_the_notes_of_all_voices() -> None:
    bass, treble = Sign(Fraction(0), Clef("F", 4)), Sign(Fraction(1, 4), Clef("G", 2))
    voices = [
        (chord(f"{v}1", Fraction(0), "C4"), chord(f"{v}2", Fraction(1, 4), "F4")) for v in ("a", "b", "c")
    ]
    bar = measure("m1", *voices, signs=(bass, treble))
    text = write_mei_score(Score(parts=(Part(id="P1", measures=(bar,)),)))
    svg = Engraver(**ONE_STAFF).svg(text)
    assert len(re.findall(r'^ *<layer n="\d">', text, re.MULTILINE)) == 3
    assert len({line.index("<layer") for line in text.splitlines() if "<layer" in line}) == 1
    rows = {
        id_: re.search(rf'id="{id_}" class="note".*?translate\(\d+, (\d+)\)', svg, re.DOTALL)
        for id_ in ("a2", "b2", "c2")
    }
    assert len([found for found in rows.values() if found]) == 3
    assert len({found[1] for found in rows.values() if found}) == 1
    read = read_mei_score(text).parts[0].measures[0].signs
    assert [(sign.onset, sign.value) for sign in read] == [(s.onset, s.value) for s in (bass, treble)]


def test_tremolos() -> None:
    layer = '<bTrem unitdur="32"><note pname="g" oct="4" dur="4"/></bTrem><fTrem beams="3">'
    layer += '<note pname="g" oct="4" dur="2"/><note pname="a" oct="4" dur="2"/></fTrem>'
    read = [e for e in events(document(layer)) if isinstance(e, Chord)]
    assert [e.marks for e in read] == [(Tremolo(3),), (Tremolo(3, "start"),), (Tremolo(3, "stop"),)]
    assert [e.onset for e in read] == [F(0), F(1, 4), F(1, 2)]


def test_a_misprinted_value_stays_and_lasts_as_it_sounds() -> None:
    read = events(document('<note pname="g" oct="4" dur="8" dots="1" dur.ges="16"/>'))
    assert isinstance(read[0], Chord)
    assert (read[0].duration, read[0].length) == (Duration(F(1, 8), 1), F(1, 16))


def _two_parts(controls: str, *, before: str = "") -> str:
    """An MEI document of two staves with a note each, whose ids are a and b."""
    staves = "".join(
        f'<staff n="{n}"><layer n="1"><note xml:id="{id_}" dur="1" pname="c" oct="4"/></layer></staff>'
        for n, id_ in ((1, "a"), (2, "b"))
    )
    defs = "".join(f'<staffDef n="{n}" lines="5" clef.shape="G" clef.line="2"/>' for n in (1, 2))
    return f"""<mei><music><body><mdiv><score><scoreDef meter.count="4" meter.unit="4"><staffGrp>{defs}
      </staffGrp></scoreDef><section>{before}<measure n="1">{staves}{controls}</measure></section>
      </score></mdiv></body></music></mei>"""


def test_slurs_and_ties_do_not_leave_their_part() -> None:
    ends = 'startid="#a" endid="#b"'
    score = read_mei_score(_two_parts(f"<slur {ends}/><tie {ends}/>"))
    assert validate(score) == []
    assert score.parts[0].spanners == (Slur("a", None),)
    assert [n.tie_to for *_, e in score.events() if isinstance(e, Chord) for n in e.notes] == ["", None]


def test_numbers_of_endings_from_what_is_printed() -> None:
    for printed, read in (("1", ("1", "")), ("1, 2", ("1, 2", "")), ("IIdo", ("2", "IIdo"))):
        mei = document('<note pname="g" oct="4" dur="1"/>')
        mei = mei.replace("<measure ", f'<ending n="{printed}"><measure ').replace(
            "</measure>", "</measure></ending>"
        )
        endings = [s for s in spanners(mei) if isinstance(s, Ending)]
        assert [(e.numbers, e.text) for e in endings] == [read]


def test_pedal_signs_are_read_in_the_order_of_their_times() -> None:
    pedals = '<pedal tstamp="3" dir="up" staff="1"/><pedal tstamp="1" dir="down" staff="1"/>'
    found = spanners(document('<note pname="g" oct="4" dur="1"/>', after=pedals))
    assert [(p.start.onset, p.end.onset) for p in found if isinstance(p, Pedal)] == [(F(0), F(1, 2))]


# Corners of the writer -------------------------------------------------------------------------------------


def one_voice(*found: object, **how: object) -> Score:
    bar = Measure(id="m1", number="1", voices=(Voice(1, found),), **how)  # type: ignore[arg-type]
    return Score(parts=(Part(id="A", measures=(bar,)),))


def test_odd_spaces_keep_their_length() -> None:
    length = F(5, 12)
    score = one_voice(Space(id="s", onset=F(0), length=length), chord("n", length, "C4"))
    assert read_mei_score(write_mei_score(score)) == score


def test_measure_rests_of_short_measures_keep_their_length() -> None:
    score = one_voice(rest("r", F(0), Duration(F(1)), measure=True, length=F(1, 4)), pickup=True)
    assert read_mei_score(write_mei_score(score)) == score


def test_a_beam_that_crosses_a_tuplet_comes_back() -> None:
    third = F(1, 12)
    notes_ = [chord(f"n{n}", third * n, "C4", Duration(F(1, 8)), length=third) for n in range(3)]
    more = chord("n3", F(1, 4), "D4", Duration(F(1, 8)), beams=("end",))
    found = [notes_[0], replace(notes_[1], beams=("begin",)), replace(notes_[2], beams=("continue",)), more]
    score = one_voice(*found)
    part = replace(score.parts[0], spanners=(Tuplet("n0", "n2", 3, 2),))
    score = replace(score, parts=(part,))
    text = write_mei_score(score)
    assert "<beamSpan" in text
    assert read_mei_score(text) == score


def test_a_clef_in_the_middle_of_a_note_stands_in_a_layer_of_spaces() -> None:
    score = one_voice(chord("n", F(0), "C4", Duration(F(1))), signs=(Sign(F(1, 3), Clef("F", 4), 1),))
    assert read_mei_score(write_mei_score(score)) == score


@pytest.mark.parametrize("barline", [None, Barline("light-light"), Barline("dashed"), Barline("heavy")])
def test_barlines_come_back(barline: Barline | None) -> None:
    score = one_voice(chord("n", F(0), "C4"), right=barline)
    assert read_mei_score(write_mei_score(score)) == score


def test_a_sign_that_closes_and_opens_repeats_becomes_two() -> None:
    bar = '<measure n="{}" right="{}"><staff n="1"><layer><mRest/></layer></staff></measure>'
    mei = document("<mRest/>").replace(
        "</section>", bar.format(2, "rptboth") + bar.format(3, "rptend") + "</section>"
    )
    measures = read_mei_score(mei).parts[0].measures
    assert [m.right.repeat for m in measures if m.right] == [None, "backward", "backward"]
    assert measures[2].left == Barline("heavy-light", "forward")


def test_short_beams_point_into_their_pair() -> None:
    eighth, dotted, sixteenth = Duration(F(1, 8)), Duration(F(1, 8), 1), Duration(F(1, 16))
    beams = engraved_beams([dotted, sixteenth, eighth], [None] * 3)
    assert beams == [("begin",), ("continue", "backward hook"), ("end",)]
    beams = engraved_beams([sixteenth, dotted], [None] * 2)
    assert beams == [("begin", "forward hook"), ("end",)]
    assert engraved_beams([sixteenth] * 4, [None, 1, None, None])[1] == ("continue", "end")


@pytest.mark.parametrize("length", [F(1, 4), F(3, 4), F(5, 8), F(2)])
def test_lengths_as_recip(length: Fraction) -> None:
    assert from_recip(as_recip(length)) == length


@pytest.mark.parametrize("text", ["", "x", "0", "4%0", "4." * 20])
def test_what_is_no_recip(text: str) -> None:
    assert from_recip(text) is None
