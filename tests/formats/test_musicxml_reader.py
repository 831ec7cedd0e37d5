"""The MusicXML reader: from hand-made snippets to the records of a score."""

from fractions import Fraction

import pytest
from musicxml_snippets import SNIPPETS, document, measure, note, rest

from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_reader import read_musicxml
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    Chord,
    ChordSymbol,
    Clef,
    Direction,
    Duration,
    Dynamic,
    Ending,
    Event,
    Fermata,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Jump,
    Key,
    Lyric,
    MeasureRepeat,
    Meter,
    Moment,
    MultiRest,
    Ornament,
    Ottava,
    Part,
    PartGroup,
    Pedal,
    Pitch,
    Rehearsal,
    Rest,
    Score,
    Sign,
    Slur,
    Space,
    StaffLines,
    Technique,
    Tempo,
    Transposition,
    Tremolo,
    TrillLine,
    Tuplet,
    Unpitched,
    Unread,
    Words,
)
from focal_omr.score.validate import validate

F = Fraction
QUARTER, HALF, WHOLE = Duration(F(1, 4)), Duration(F(1, 2)), Duration(F(1))


def _part(name: str) -> Part:
    score = read_musicxml(SNIPPETS[name])
    assert validate(score) == [] or name == "slurs with one end"
    return score.parts[0]


def _events(part: Part, number: int = 0, voice: int = 0) -> tuple[Event, ...]:
    return part.measures[number].voices[voice].events


def _chord(event: Event) -> Chord:
    assert isinstance(event, Chord)
    return event


def _shape(event: Event) -> tuple[str, F, F]:
    return type(event).__name__, event.onset, event.length


# Time, voices and staves -----------------------------------------------------------------------------------


def test_a_chord_holds_its_notes_from_low_to_high():
    (chord,) = _events(_part("chord"))
    assert [n.pitch for n in _chord(chord).notes] == [Pitch("C", 5), Pitch("E", 5)]
    assert (chord.onset, chord.length, _chord(chord).duration) == (0, 1, WHOLE)


def test_notes_of_a_chord_are_sorted_whatever_their_order():
    data = document(measure(note("E5", "whole") + note("C5", "whole", head="<chord/>")))
    (chord,) = _events(read_musicxml(data).parts[0])
    assert [n.pitch.step for n in _chord(chord).notes] == ["C", "E"]


def test_voices_are_contiguous_and_fill_the_measure():
    voices = _part("voices").measures[0].voices
    assert [v.number for v in voices] == [1, 2]
    assert [_shape(e) for e in voices[1].events] == [("Chord", 0, F(1, 2)), ("Chord", F(1, 2), F(1, 2))]
    gap = _events(_part("voice with a gap"), 0, 1)
    assert [_shape(e) for e in gap] == [
        ("Space", 0, F(1, 2)),
        ("Chord", F(1, 2), F(1, 4)),
        ("Space", F(3, 4), F(1, 4)),
    ]


def test_a_part_may_have_two_staves_and_chords_and_voices_across_them():
    assert [v.events[0].staff for v in _part("two staves").measures[0].voices] == [1, 2]
    (chord,) = _events(_part("cross-staff chord"))
    assert (chord.staff, [n.staff for n in _chord(chord).notes]) == (2, [None, 1])
    assert [e.staff for e in _events(_part("voice that changes its staff"))] == [2, 2, 1, 1]


def test_voices_that_are_numbered_anew_on_each_staff_are_two():
    data = SNIPPETS["two staves"].replace("<voice>5", "<voice>1")
    voices = read_musicxml(data).parts[0].measures[0].voices
    assert [(v.number, v.events[0].staff) for v in voices] == [(1, 1), (2, 2)]


def test_grace_notes_take_no_time():
    events = [_chord(e) for e in _events(_part("grace notes"))]
    assert [(e.grace, e.onset, e.length) for e in events] == [
        ("slash", 0, 0),
        (None, 0, F(1, 2)),
        ("plain", F(1, 2), 0),
        ("plain", F(1, 2), 0),
        (None, F(1, 2), F(1, 2)),
        ("plain", 1, 0),
    ]
    assert events[2].beams == ("begin", "begin")
    assert [len(_chord(e).notes) for e in _events(_part("grace chord"))] == [2, 1]


def test_a_clef_keeps_its_place_among_grace_notes():
    assert Sign(F(1, 2), Clef("C", 3), 1, graces=1) in _part("clef among grace notes").measures[0].signs


def test_cue_notes():
    assert _chord(_events(_part("cue notes"))[0]).cue


def test_notes_that_are_not_printed_are_space():
    events = _events(_part("hidden notes"), 0, 1)
    assert [_shape(e)[0] for e in events] == ["Chord", "Space", "Chord"]
    (space,) = _events(_part("hidden measure"), 1)
    assert _shape(space) == ("Space", 0, 1)


def test_rests_of_the_measure_are_whole_rests():
    part = _part("rest of the measure")
    (whole,), (dotted,) = _events(part, 0), _events(part, 1)
    assert isinstance(whole, Rest)
    assert isinstance(dotted, Rest)
    assert (whole.measure, whole.duration, whole.length) == (True, WHOLE, F(3, 4))
    assert (dotted.measure, dotted.duration, dotted.position) == (False, Duration(F(1, 2), 1), 34)


# Tuplets and tremolos --------------------------------------------------------------------------------------


def _tuplets(name: str) -> list[Tuplet]:
    part = _part(name)
    order = {e.id: f"{n}" for n, e in enumerate(_events(part))}
    found = [s for s in part.spanners if isinstance(s, Tuplet)]
    return [
        Tuplet(order[t.start], order[t.end], t.actual, t.normal, t.value, t.number, t.bracket, t.placement)
        for t in found
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tuplet", [Tuplet("0", "2", 3, 2, bracket=True)]),
        ("tuplet of unlike values", [Tuplet("0", "1", 3, 2, Duration(F(1, 8)))]),
        ("tuplet with both numbers", [Tuplet("0", "4", 5, 4, number="both", placement="above")]),
        ("nested tuplets", [Tuplet("0", "6", 3, 2), Tuplet("2", "6", 5, 4)]),
        ("tuplet without notation", [Tuplet("0", "2", 3, 2, number="none", bracket=False)]),
        ("tuplet without time modification", [Tuplet("0", "2", 3, 2, number="none", bracket=False)]),
        ("tremolo with a tuplet", []),
    ],
)
def test_tuplets(name, expected):
    assert _tuplets(name) == expected


def test_tuplets_are_exact_where_divisions_are_not():
    data = document(
        measure(
            "".join(
                note("C5", "quarter", ticks, value="<time-modification><actual-notes>7</actual-notes>"
                     "<normal-notes>4</normal-notes></time-modification>")
                for ticks in (27, 27, 28, 27, 28, 27, 28)
            )
        )
    )  # fmt: skip
    events = _events(read_musicxml(data.replace("<divisions>12", "<divisions>48")).parts[0])
    assert {e.length for e in events} == {F(1, 7)}
    assert events[-1].onset + events[-1].length == 1


def test_short_forwards_add_up():
    steps = "".join(f"<forward><duration>{n}</duration></forward>" for n in (24, 20, 2, 1, 1))
    back = "<backup><duration>48</duration></backup>"
    events = _events(read_musicxml(document(measure(note("C5", "whole") + back + steps + back))).parts[0])
    assert [(e.onset, e.length) for e in events] == [(0, 1)]


def test_tremolos_on_one_chord_and_between_two():
    events = [_chord(e) for e in _events(_part("tremolo"))]
    assert [e.marks for e in events] == [(Tremolo(3),), (Tremolo(3, "start"),), (Tremolo(3, "stop"),)]
    assert [(e.duration, e.length) for e in events] == [(HALF, F(1, 2)), (HALF, F(1, 4)), (HALF, F(1, 4))]


def test_a_tremolo_between_notes_that_do_not_say_that_they_share_their_time():
    ends = [
        note(f"{step}5", notations=f"<ornaments><tremolo type='{kind}'>2</tremolo></ornaments>")
        for step, kind in (("C", "start"), ("D", "stop"))
    ]
    score = read_musicxml(document(measure("".join(ends) + rest("half"))))
    assert validate(score) == []
    events = [_chord(e) for e in score.parts[0].measures[0].voices[0].events[:2]]
    assert [(e.duration, e.length) for e in events] == [(HALF, F(1, 4)), (HALF, F(1, 4))]


def test_a_figured_bass_without_figures_is_none():
    score = read_musicxml(document(measure("<figured-bass/>" + note(kind="whole"))))
    assert score.parts[0].measures[0].directions == ()


# Ties, slurs and lines -------------------------------------------------------------------------------------


def _ties(part: Part) -> list[tuple[str, str | None]]:
    notes = (n for m in part.measures for v in m.voices for e in v.events for n in getattr(e, "notes", ()))
    return [(n.id, n.tie_to) for n in notes]


def test_ties_lead_over_barlines_and_into_chords():
    assert _ties(_part("ties")) == [
        ("P1m1v1e1", "P1m1v1e2"),
        ("P1m1v1e2", "P1m2v1e1.2"),
        ("P1m2v1e1.1", None),
        ("P1m2v1e1.2", "P1m2v1e2"),
        ("P1m2v1e2", None),
    ]


def test_ties_stay_in_their_voice():
    assert _ties(_part("ties in two voices")) == [
        ("P1m1v1e1", "P1m1v1e2"),
        ("P1m1v1e2", None),
        ("P1m1v2e1", "P1m1v2e2"),
        ("P1m1v2e2", None),
    ]


def test_ties_lead_to_another_spelling_of_the_same_pitch():
    data = document(measure(note("G#4", "half", tie="start") + note("Ab4", "half", tie="stop")))
    score = read_musicxml(data)
    assert _ties(score.parts[0]) == [("P1m1v1e1", "P1m1v1e2"), ("P1m1v1e2", None)]
    assert validate(score) == []


@pytest.mark.parametrize("name", ["tie that leads nowhere", "let ring"])
def test_ties_to_no_note(name):
    assert _ties(_part(name))[0] == ("P1m1v1e1", "")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "slurs",
            [
                Slur("P1m1v1e1", "P1m2v1e1"),
                Slur("P1m1v1e1", "P1m1v1e2"),
                Slur("P1m1v1e3", "P1m2v1e1", "above", dashed=True),
            ],
        ),
        ("slurs across voices", [Slur("P1m1v2e1", "P1m1v1e2")]),
        (
            "slurs with the same number in two voices",
            [Slur("P1m1v1e1", "P1m2v1e1"), Slur("P1m1v2e1", "P1m2v2e1")],
        ),
        ("slurs with one end", [Slur(None, "P1m1v1e1"), Slur("P1m1v1e2", None)]),
        ("slur over one chord", [Slur("P1m1v1e1", "P1m1v1e1")]),
        (
            "hairpins on two staves",
            [
                Hairpin(Moment("P1m1", F(0), 2), Moment("P1m1", F(1), 2), "diminuendo", "below"),
                Hairpin(Moment("P1m1", F(0), 1), Moment("P1m1", F(1, 2), 1), "crescendo", "below"),
            ],
        ),
        (
            "two hairpins at once",
            [Hairpin(Moment("P1m1", F(0)), Moment("P1m1", F(1)), "crescendo", "below")] * 2,
        ),
        (
            "line without an end",
            [Hairpin(Moment("P1m1", F(1, 2)), Moment("P1m1", F(1)), "crescendo", "below")],
        ),
        (
            "ottava",
            [
                Ottava(Moment("P1m1", F(0)), Moment("P1m1", F(1, 2)), 1),
                Ottava(Moment("P1m1", F(1, 2)), Moment("P1m1", F(1)), -2),
            ],
        ),
        (
            "pedal",
            [
                Pedal(Moment("P1m1", F(0)), Moment("P1m1", F(1, 2)), line=True),
                Pedal(Moment("P1m1", F(1, 2)), Moment("P1m1", F(1)), line=True),
                Pedal(Moment("P1m2", F(0)), Moment("P1m2", F(1, 2))),
            ],
        ),
        ("endings", [Ending("P1m2", "P1m2", "1", "1."), Ending("P1m3", "P1m3", "2, 3", closed=False)]),
        (
            "glissandi",
            [
                Glissando("P1m1v1e1", "P1m1v1e2", text="gliss."),
                Glissando("P1m1v1e2", "P1m2v1e1", wavy=False),
            ],
        ),
        ("trill line", [TrillLine("P1m1v1e1", "P1m1v1e2"), TrillLine("P1m2v1e1", "P1m2v1e1")]),
    ],
)
def test_spanners(name, expected):
    assert list(_part(name).spanners) == expected


def test_beams_and_stems():
    events = [_chord(e) for e in _events(_part("beams"))]
    assert [e.beams for e in events[:4]] == [
        ("begin",),
        ("end", "backward hook"),
        ("begin", "forward hook"),
        ("end",),
    ]
    assert (events[0].stem, events[-1].stem, events[-1].beams) == ("down", "none", ())


def test_a_beam_that_ends_at_a_note_not_printed_ends_before_it():
    hidden = " print-object='no'"
    data = document(
        measure(
            note("C5", "eighth", beam="begin") + note("D5", "eighth", beam="continue")
            + note("E5", "eighth", beam="end", attributes=hidden) + note("C5", "eighth", beam="begin")
            + note("E5", "eighth", beam="end", attributes=hidden) + note("C5", "quarter")
            + note("E5", "eighth", beam="begin", attributes=hidden) + note("C5", "eighth", beam="end")
        )
    )  # fmt: skip
    score = read_musicxml(data)
    beams = [e.beams for e in _events(score.parts[0]) if isinstance(e, Chord)]
    assert beams == [("begin",), ("end",), (), (), ()]


# Marks and directions --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "index", "expected"),
    [
        (
            "articulations",
            0,
            (Articulation("staccato", "below"), Articulation("accent"), Articulation("tenuto")),
        ),
        ("articulations", 1, (Articulation("strong-accent"), Articulation("breath-mark"))),
        ("ornaments", 0, (Ornament("turn", "above", ("sharp", "flat")),)),
        ("ornaments", 1, (Ornament("mordent", "above"),)),
        ("fermatas", 0, (Fermata("normal", "above"),)),
        ("fermatas", 1, (Fermata("square", "below"),)),
        (
            "techniques and fingering",
            0,
            (
                Technique("down-bow"),
                Technique("string", "3"),
                Fingering("1", "P1m1v1e1.1"),
                Fingering("3", "P1m1v1e1.2"),
            ),
        ),
        ("arpeggios", 0, (Arpeggio("down"),)),
        ("arpeggios", 1, (Arpeggio("none"),)),
        ("lyrics", 0, (Lyric("Hal", "1", "begin"), Lyric("du\u203fin", "2"))),
        ("lyrics", 1, (Lyric("lo", "1", "end", extend=True), Lyric("ah\u203foh", "3", placement="above"))),
        ("percussion", 0, ()),
    ],
)
def test_marks(name, index, expected):
    assert _events(_part(name))[index].marks == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "dynamics",
            [
                Direction(F(0), Dynamic("sfz"), 1, "below"),
                Direction(F(1, 2), Dynamic("sempre p"), 1, "below"),
                Direction(F(1, 2), Dynamic("mf")),
            ],
        ),
        (
            "tempo",
            [
                Direction(F(0), Tempo("Allegro", Duration(F(1, 4), 1), F("92.5"), F("138.75")), 1, "above"),
                Direction(F(1, 2), Tempo("rit.", quarters=F(60)), 1, "above"),
            ],
        ),
        ("words", [Direction(F(0), Words("dolce", "bold-italic"), 1, "below")]),
        ("direction inside a note", [Direction(F(3, 8), Words("late"))]),
        ("rehearsal mark", [Direction(F(0), Rehearsal("A"), 1, "below")]),
        (
            "chord symbols",
            [
                Direction(F(0), ChordSymbol(("C", 0), "major-seventh", "maj7"), 1, "above"),
                Direction(
                    F(1, 2),
                    ChordSymbol(("G", 0), "dominant", bass=("B", -1), degrees=(("add", 9, -1),)),
                    1,
                    "above",
                ),
            ],
        ),
        ("figured bass", [Direction(F(0), FiguredBass((("sharp", "6", ""), ("", "4", "")), F(1, 2)), 2)]),
    ],
)
def test_directions(name, expected):
    assert list(_part(name).measures[0].directions) == expected


def test_jumps_keep_their_words():
    jumps = [d.value for m in _part("jumps").measures for d in m.directions]
    assert jumps == [
        Jump("segno"),
        Jump("to-coda", "To Coda"),
        Jump("fine", "Fine"),
        Jump("dal-segno", "D.S. al Fine"),
        Jump("da-capo", "D.C."),
        Jump("coda"),
        Jump("da-capo"),
    ]


# Signs and measures ----------------------------------------------------------------------------------------


def _signs(name: str, number: int, *kinds: type) -> list[tuple[object, int | None]]:
    signs = _part(name).measures[number].signs
    return [(sign.value, sign.staff) for sign in signs if isinstance(sign.value, kinds or object)]


def test_clefs():
    assert _signs("octave clefs", 0, Clef) == [(Clef("G", 2, -1), 1)]
    assert _signs("octave clefs", 1) == [(Clef("F", 4, 1), 1)]
    assert Sign(F(1), Clef("F", 4), 1) in _part("clef before the barline").measures[0].signs


def test_percussion():
    (chord, _) = _events(_part("percussion"))
    assert (_chord(chord).notes[0].pitch, _chord(chord).notes[0].head) == (Unpitched("G", 5), "x")
    assert _signs("percussion", 0, Clef, StaffLines) == [(Clef("percussion", 3), 1), (StaffLines(1), 1)]


def test_keys():
    assert _signs("keys", 0, Key) == [(Key(-3), None)]
    assert _signs("keys", 1) == [(Key(2, cancel=-3), None)]
    assert _signs("keys of two staves", 0, Key) == [(Key(1), 1), (Key(0), 2)]


def test_meters():
    assert [_signs("meters", number, Meter)[0][0] for number in range(5)] == [
        Meter((((7,), 8),)),
        Meter((((3, 2), 8),)),
        Meter((((2,), 4), ((3,), 8))),
        Meter((((2,), 2),), "cut"),
        Meter(()),
    ]
    (sign,) = _part("meter that is not printed").measures[1].signs
    assert (sign.value, sign.printed) == (Meter((((1,), 4),)), False)


def test_transposition_counts_octaves_in():
    assert _signs("transposition", 0)[-1] == (Transposition(-8, -14), None)


def test_barlines():
    measures = _part("barlines").measures
    styles = "dotted dashed heavy light-light light-heavy heavy-light heavy-heavy tick short"
    assert [m.right for m in measures[:-2]] == [Barline(style) for style in styles.split()]
    assert measures[9].right is None
    assert (measures[10].left, measures[10].barlines) == (
        Barline("heavy-light"),
        ((F(1, 2), Barline("dashed")),),
    )
    repeated = _part("endings").measures
    assert repeated[0].left == Barline("heavy-light", "forward")
    assert repeated[1].right == Barline("light-heavy", "backward")


def test_measure_repeats_and_multi_measure_rests():
    measures = _part("measure repeats").measures
    assert [m.repeats for m in measures] == [(), ((1, MeasureRepeat()),), ()]
    assert [m.multirest for m in _part("multi-measure rest").measures] == [MultiRest(2), None]


def test_pickups_and_breaks():
    measures = _part("pickup").measures
    assert [(m.number, m.pickup, m.break_before) for m in measures] == [
        ("0", True, None),
        ("1", False, "system"),
        ("2", False, "page"),
    ]


def test_accidentals():
    notes = [
        _chord(e).notes[0] for e in (*_events(_part("accidentals"), 0), *_events(_part("accidentals"), 1))
    ]
    assert [(n.pitch.alter, n.accidental, n.enclosed) for n in notes if isinstance(n.pitch, Pitch)] == [
        (1, "sharp", None),
        (0, "natural", "parentheses"),
        (-2, "flat-flat", "bracket"),
        (2, "double-sharp", None),
    ]


def test_unread_measures_are_no_rests():
    first = _part("unread measure").measures[0]
    assert first.unread == (Unread(1, "too dark"),)
    assert [_shape(e) for e in first.voices[0].events] == [("Space", 0, 1)]


# Documents -------------------------------------------------------------------------------------------------


def test_ids_are_kept():
    part = _part("ids")
    ids = [
        (e.id, [n.id for n in e.notes])
        for number in (0, 1)
        for e in _events(part, number)
        if isinstance(e, Chord)
    ]
    assert ids == [
        ("a", ["a"]),
        ("b", ["b.1", "b.2"]),
        ("own", ["n1"]),
        ("P1m2v1e2", ["n2", "n3"]),
    ]
    assert part.measures[0].id == "first"


def test_parts_groups_and_titles():
    score = read_musicxml(SNIPPETS["part groups"])
    assert [(p.id, p.name, p.abbreviation) for p in score.parts] == [
        ("P1", "Violin", "Vl."),
        ("P2", "Viola", ""),
        ("P3", "Cello", ""),
    ]
    assert score.groups == (
        PartGroup("P1", "P3", "bracket", name="Strings"),
        PartGroup("P2", "P3", "brace", barlines=False),
    )
    assert (score.title, score.subtitle, score.composer, score.lyricist, score.copyright) == (
        "Trio",
        "Adagio",
        "A. B.",
        "C. D.",
        "free",
    )


def test_timewise_documents():
    bars = "".join(
        f"<measure number='{number}'><part id='P1'>{head}{note(pitch, 'whole')}</part></measure>"
        for number, pitch, head in (
            (1, "C5", "<attributes><divisions>12</divisions></attributes>"),
            (2, "D5", ""),
        )
    )
    score = read_musicxml(
        "<score-timewise><part-list><score-part id='P1'><part-name/></score-part></part-list>"
        f"{bars}</score-timewise>"
    )
    assert [_chord(m.voices[0].events[0]).notes[0].pitch.step for m in score.parts[0].measures] == ["C", "D"]


def test_what_is_no_musicxml_is_refused():
    for data in ("<mei/>", "no xml", "<score-partwise/>"):
        with pytest.raises(NotationError):
            read_musicxml(data)


def test_events_of_a_score_know_their_place():
    score: Score = read_musicxml(document(measure(note() + rest("half") + rest())))
    assert [(p.id, m.number, v.number) for p, m, v, _ in score.events()] == [("P1", "1", 1)] * 3
    assert not any(isinstance(e, Space) for *_, e in score.events())
