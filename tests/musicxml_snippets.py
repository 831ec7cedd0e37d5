"""Hand-made MusicXML, a snippet for each feature of a score. A quarter note has 12 divisions."""

# ruff: noqa: E501

__all__ = ["SNIPPETS", "TIME", "document", "measure", "note", "rest"]

TREBLE = "<clef><sign>G</sign><line>2</line></clef>"
TIME = "<time><beats>4</beats><beat-type>4</beat-type></time>"
PIANO = (
    "<staves>2</staves><clef number='1'><sign>G</sign><line>2</line></clef>"
    "<clef number='2'><sign>F</sign><line>4</line></clef>"
)
FULL = {"whole": 48, "half": 24, "quarter": 12, "eighth": 6, "16th": 3}


def note(
    pitch: str = "C5",
    kind: str = "quarter",
    ticks: int | None = None,
    *,
    head: str = "",
    tie: str = "",
    voice: int = 1,
    value: str = "",
    staff: int | None = None,
    beam: str = "",
    notations: str = "",
    lyric: str = "",
    attributes: str = "",
) -> str:
    """A <note>; `value` is what stands after its type, `beam` the kinds of its beams."""
    if pitch == "rest":
        sound = "<rest/>"
    else:
        alter = pitch.count("#") - pitch.count("b")
        altered = f"<alter>{alter}</alter>" if alter else ""
        sound = f"<pitch><step>{pitch[0]}</step>{altered}<octave>{pitch[-1]}</octave></pitch>"
    length = "" if "<grace" in head else f"<duration>{FULL[kind] if ticks is None else ticks}</duration>"
    ties = "".join(f"<tie type='{each}'/>" for each in tie.split())
    tied = "".join(f"<tied type='{each}'/>" for each in tie.split())
    on = "" if staff is None else f"<staff>{staff}</staff>"
    beams = "".join(f"<beam number='{n}'>{b.strip()}</beam>" for n, b in enumerate(beam.split(","), 1) if b)
    marks = f"<notations>{tied}{notations}</notations>" if tied or notations else ""
    return (
        f"<note{attributes}>{head}{sound}{length}{ties}<voice>{voice}</voice><type>{kind}</type>"
        f"{value}{on}{beams}{marks}{lyric}</note>"
    )


def rest(kind: str = "quarter", ticks: int | None = None, *, voice: int = 1, staff: int | None = None) -> str:
    """A <note> with a rest."""
    return note("rest", kind, ticks, voice=voice, staff=staff)


def measure(body: str, number: int = 1, attributes: str = "") -> str:
    """A <measure>."""
    return f"<measure number='{number}'{attributes}>{body}</measure>"


def document(*measures: str, attributes: str = TIME + TREBLE, name: str = "Voice") -> str:
    """A document of one part; the first measure gets divisions and the attributes."""
    head = f"<attributes><divisions>12</divisions>{attributes}</attributes>"
    first = measures[0].replace(">", f">{head}", 1) if attributes else measures[0]
    return (
        "<?xml version='1.0'?><score-partwise version='4.0'><part-list><score-part id='P1'>"
        f"<part-name>{name}</part-name></score-part></part-list><part id='P1'>{first}"
        f"{''.join(measures[1:])}</part></score-partwise>"
    )


def _direction(types: str, *, staff: int | None = None, more: str = "", placement: str = "below") -> str:
    on = "" if staff is None else f"<staff>{staff}</staff>"
    kinds = f"<direction-type>{types}</direction-type>"
    return f"<direction placement='{placement}'>{kinds}{on}{more}</direction>"


def _tm(actual: int, normal: int) -> str:
    numbers = f"<actual-notes>{actual}</actual-notes><normal-notes>{normal}</normal-notes>"
    return f"<time-modification>{numbers}</time-modification>"


def _tuplet(kind: str, number: int = 1, more: str = "", inside: str = "") -> str:
    return f"<tuplet type='{kind}' number='{number}'{more}>{inside}</tuplet>"


def _numbers(actual: int, normal: int, kind: str) -> str:
    return "".join(
        f"<tuplet-{tag}><tuplet-number>{number}</tuplet-number><tuplet-type>{kind}</tuplet-type></tuplet-{tag}>"
        for tag, number in (("actual", actual), ("normal", normal))
    )


def _ornament(inside: str) -> str:
    return f"<ornaments>{inside}</ornaments>"


def _slur(kind: str, number: int = 1) -> str:
    return f"<slur type='{kind}' number='{number}'/>"


CHORD = "<chord/>"
BACK = "<backup><duration>48</duration></backup>"
WHOLE = note("C5", "whole")
_TREMOLO = "<tremolo type='{}'>3</tremolo>"
_TRIPLET = _tm(3, 2)
_QUINTUPLET_IN_TRIPLET = _tm(15, 8)


def _barline(location: str, inside: str) -> str:
    return f"<barline location='{location}'>{inside}</barline>"


def _time(beats: str, unit: int, symbol: str = "") -> str:
    return f"<time{symbol}><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"


def _triplet(last: str = "") -> str:
    """Three triplet eighths and three quarters, the triplet without a tuplet element."""
    return "".join(note(p, "eighth", 4, value=_TRIPLET) for p in ("C5", "D5", "E5")) + last


def _harmony(root: str, kind: str, more: str = "", text: str = "") -> str:
    return f"<harmony placement='above'><root><root-step>{root}</root-step></root><kind{text}>{kind}</kind>{more}</harmony>"


SNIPPETS: dict[str, str] = {
    "chord": document(measure(note("C5", "whole") + note("E5", "whole", head=CHORD))),
    "voices": document(
        measure(WHOLE + BACK + note("E4", "half", voice=2) + note("F4", "half", voice=2))
    ),
    "voice with a gap": document(
        measure(
            WHOLE + BACK + "<forward><duration>24</duration><voice>2</voice></forward>"
            + note("F4", "quarter", voice=2)
        )
    ),
    "two staves": document(
        measure(note("C5", "whole", staff=1) + BACK + note("C3", "whole", voice=5, staff=2)),
        attributes=TIME + PIANO,
    ),
    "cross-staff chord": document(
        measure(
            note("C3", "whole", voice=1, staff=2) + note("E5", "whole", head=CHORD, voice=1, staff=1)
        ),
        attributes=TIME + PIANO,
    ),
    "voice that changes its staff": document(
        measure(
            "".join(note(p, "quarter", staff=s) for p, s in (("C3", 2), ("C4", 2), ("C5", 1), ("E5", 1)))
        ),
        attributes=TIME + PIANO,
    ),
    "grace notes": document(
        measure(
            note("D5", "eighth", head="<grace slash='yes'/>")
            + note("C5", "half")
            + note("D5", "16th", head="<grace/>", beam="begin,begin")
            + note("E5", "16th", head="<grace/>", beam="end,end")
            + note("C5", "half")
            + note("B4", "eighth", head="<grace/>")
        )
    ),
    "clef among grace notes": document(
        measure(
            note("C5", "half")
            + note("D5", "eighth", head="<grace/>")
            + "<attributes><clef><sign>C</sign><line>3</line></clef></attributes>"
            + note("E4", "eighth", head="<grace/>")
            + note("C4", "half")
        )
    ),
    "grace chord": document(
        measure(
            note("D5", "eighth", head="<grace/>") + note("F5", "eighth", head="<grace/><chord/>") + WHOLE
        )
    ),
    "cue notes": document(measure(note("C5", "half", head="<cue/>") + rest("half"))),
    "tuplet": document(
        measure(
            note("C5", "eighth", 4, value=_TRIPLET, beam="begin", notations=_tuplet("start", 1, " bracket='yes'"))
            + note("rest", "eighth", 4, value=_TRIPLET)
            + note("E5", "eighth", 4, value=_TRIPLET, beam="end", notations=_tuplet("stop"))
            + note("C5", "half", value="<dot/>", ticks=36)
        )
    ),
    "tuplet of unlike values": document(
        measure(
            note("C5", "quarter", 8, value=_TRIPLET,
                 notations=_tuplet("start", inside=_numbers(3, 2, "eighth")))
            + note("E5", "eighth", 4, value=_TRIPLET, notations=_tuplet("stop"))
            + note("C5", "half", value="<dot/>", ticks=36)
        )
    ),
    "tuplet with both numbers": document(
        measure(
            "".join(
                note("C5", "16th", ticks, value=_tm(5, 4), notations=n)
                for ticks, n in zip(
                    (12, 12, 12, 12, 12),
                    (_tuplet("start", 1, " show-number='both' placement='above'"), "", "", "", _tuplet("stop")),
                    strict=True,
                )
            )
        ).replace("<duration>12", "<duration>2.4")
        .replace("</measure>", note("C5", "half", value="<dot/>", ticks=36) + "</measure>")
    ),
    "nested tuplets": document(
        measure(
            note("C5", "quarter", 8, value=_TRIPLET,
                 notations=_tuplet("start", 1, inside=_numbers(3, 2, "quarter")))
            + note("D5", "quarter", 8, value=_TRIPLET)
            + "".join(
                note("E5", "16th", 0, value=_QUINTUPLET_IN_TRIPLET, notations=n)
                for n in (
                    _tuplet("start", 2, inside=_numbers(5, 4, "16th")), "", "", "",
                    _tuplet("stop", 2) + _tuplet("stop", 1),
                )
            ).replace("<duration>0", "<duration>1.6")
            + note("C5", "half")
        )
    ),
    "tuplet without notation": document(measure(_triplet(note("C5", "half", value="<dot/>", ticks=36)))),
    "tuplet without time modification": document(
        measure(
            "".join(note("C5", "eighth", 4) for _ in range(3)) + note("C5", "half", value="<dot/>", ticks=36)
        )
    ),
    "tremolo": document(
        measure(
            note("C5", "half", notations=_ornament(_TREMOLO.format("single")))
            + note("C5", "half", 12, value=_tm(2, 1), notations=_ornament(_TREMOLO.format("start")))
            + note("E5", "half", 12, value=_tm(2, 1), notations=_ornament(_TREMOLO.format("stop")))
        )
    ),
    "tremolo with a tuplet": document(
        measure(
            note("C5", "whole", 24, value=_tm(16, 8),
                 notations=_tuplet("start", 1, " show-number='none'") + _ornament(_TREMOLO.format("start")))
            + note("E5", "whole", 24, value=_tm(16, 8),
                   notations=_tuplet("stop") + _ornament(_TREMOLO.format("stop")))
        )
    ),
    "ties": document(
        measure(note("C5", "half", tie="start") + note("C5", "half", tie="stop start")),
        measure(
            note("A4", "half") + note("C5", "half", head=CHORD, tie="stop start") + note("C5", "half", tie="stop"),
            2,
        ),
    ),
    "ties in two voices": document(
        measure(
            note("C5", "half", tie="start") + note("C5", "half", tie="stop")
            + BACK + note("C5", "half", voice=2, tie="start") + note("C5", "half", voice=2, tie="stop")
        )
    ),
    "tie that leads nowhere": document(
        measure(note("C5", "half", tie="start") + rest("half")), measure(note("E5", "whole"), 2)
    ),
    "let ring": document(measure(note("C5", "whole", notations="<tied type='let-ring'/>"))),
    "slurs": document(
        measure(
            note("C5", "quarter", notations=_slur("start") + _slur("start", 2))
            + note("D5", "quarter", notations=_slur("stop", 2))
            + note("E5", "half", notations="<slur type='start' number='2' line-type='dashed' placement='above'/>")
        ),
        measure(note("C5", "whole", notations=_slur("stop", 2) + _slur("stop")), 2),
    ),
    "slurs across voices": document(
        measure(
            note("C5", "half") + note("E5", "half", notations=_slur("stop"))
            + BACK + note("C4", "half", voice=2, notations=_slur("start")) + note("E4", "half", voice=2)
        )
    ),
    "slurs with the same number in two voices": document(
        measure(
            note("C5", "whole", notations=_slur("start"))
            + BACK + note("C4", "whole", voice=2, notations=_slur("start"))
        ),
        measure(
            note("D5", "whole", notations=_slur("stop"))
            + BACK + note("D4", "whole", voice=2, notations=_slur("stop")),
            2,
        ),
    ),
    "slurs with one end": document(
        measure(note("C5", "half", notations=_slur("stop")) + note("D5", "half", notations=_slur("start")))
    ),
    "slur over one chord": document(
        measure(note("C5", "whole", notations=_slur("start") + _slur("stop")))
    ),
    "beams": document(
        measure(
            note("C5", "eighth", value="<dot/><stem>down</stem>", ticks=9, beam="begin")
            + note("D5", "16th", value="<stem>down</stem>", beam="end,backward hook")
            + note("C5", "16th", beam="begin,forward hook")
            + note("D5", "eighth", value="<dot/>", ticks=9, beam="end")
            + note("C5", "16th", beam="begin,begin") + note("D5", "16th", beam="continue,end")
            + note("C5", "eighth", beam="end") + note("C5", "quarter", value="<stem>none</stem>")
        )
    ),
    "beam over a barline and a rest": document(
        measure(note("C5", "half") + note("C5", "quarter") + rest("eighth") + note("C5", "eighth", beam="begin")),
        measure(
            rest("eighth") + note("C5", "eighth", beam="end") + note("C5", "half") + note("C5", "quarter"), 2
        ),
    ),
    "hairpins on two staves": document(
        measure(
            _direction("<wedge type='crescendo' number='1'/>", staff=1)
            + note("C5", "half", staff=1)
            + _direction("<wedge type='stop' number='1'/>", staff=1)
            + note("D5", "half", staff=1)
            + BACK
            + _direction("<wedge type='diminuendo' number='1'/>", staff=2)
            + note("C3", "whole", voice=5, staff=2)
            + _direction("<wedge type='stop' number='1'/>", staff=2)
        ),
        attributes=TIME + PIANO,
    ),
    "two hairpins at once": document(
        measure(
            _direction("<wedge type='crescendo'/>") + _direction("<wedge type='crescendo'/>")
            + note("C5", "whole") + _direction("<wedge type='stop'/>") + _direction("<wedge type='stop'/>")
        )
    ),
    "ottava": document(
        measure(
            _direction("<octave-shift type='down' size='8'/>") + note("C6", "half")
            + _direction("<octave-shift type='stop' size='8'/>")
            + _direction("<octave-shift type='up' size='15'/>") + note("C3", "half")
            + _direction("<octave-shift type='stop' size='15'/>")
        )
    ),
    "pedal": document(
        measure(
            _direction("<pedal type='start' line='yes'/>") + note("C5", "half")
            + _direction("<pedal type='change' line='yes'/>") + note("C5", "half")
            + _direction("<pedal type='stop' line='yes'/>")
        ),
        measure(
            _direction("<pedal type='start' sign='yes'/>") + note("C5", "half")
            + _direction("<pedal type='stop' sign='yes'/>") + note("C5", "half"),
            2,
        ),
    ),
    "line without an end": document(measure(note("C5", "half") + _direction("<wedge type='crescendo'/>") + note("C5", "half"))),
    "endings": document(
        measure(_barline("left", "<bar-style>heavy-light</bar-style><repeat direction='forward'/>") + WHOLE),
        measure(
            _barline("left", "<ending number='1' type='start'>1.</ending>") + WHOLE
            + _barline("right", "<bar-style>light-heavy</bar-style><ending number='1' type='stop'/>"
                       "<repeat direction='backward'/>"),
            2,
        ),
        measure(
            _barline("left", "<ending number='2, 3' type='start'/>") + WHOLE
            + _barline("right", "<ending number='2, 3' type='discontinue'/>"),
            3,
        ),
    ),
    "glissandi": document(
        measure(
            note("C5", "half", notations="<glissando type='start' number='1' line-type='wavy'>gliss.</glissando>")
            + note("E5", "half",
                   notations="<glissando type='stop' number='1'/><slide type='start' number='1'/>")
        ),
        measure(note("C5", "whole", notations="<slide type='stop' number='1'/>"), 2),
    ),
    "trill line": document(
        measure(
            note("C5", "half", notations=_ornament("<trill-mark/><wavy-line type='start' number='1'/>"))
            + note("D5", "half", notations=_ornament("<wavy-line type='stop' number='1'/>"))
        ),
        measure(
            note("C5", "whole", notations=_ornament("<wavy-line type='start'/><wavy-line type='stop'/>")), 2
        ),
    ),
    "articulations": document(
        measure(
            note("C5", "half", notations="<articulations><staccato placement='below'/><accent/><tenuto/></articulations>")
            + note("C5", "half", notations="<articulations><strong-accent/><breath-mark/></articulations>")
        )
    ),
    "ornaments": document(
        measure(
            note("C5", "half",
                 notations=_ornament("<turn placement='above'/><accidental-mark>sharp</accidental-mark><accidental-mark>flat</accidental-mark>"))
            + note("C5", "half", notations=_ornament("<mordent placement='above'/>"))
        )
    ),
    "fermatas": document(
        measure(
            note("C5", "half", notations="<fermata type='upright'/>")
            + note("rest", "half", notations="<fermata type='inverted'>square</fermata>")
        )
    ),
    "techniques and fingering": document(
        measure(
            note("C5", "whole", notations="<technical><down-bow/><string>3</string><fingering>1</fingering></technical>")
            + note("E5", "whole", head=CHORD, notations="<technical><fingering>3</fingering></technical>")
        )
    ),
    "arpeggios": document(
        measure(
            "".join(
                note(p, "half", head=h, notations="<arpeggiate direction='down'/>") for p, h in (("C5", ""), ("E5", CHORD), ("G5", CHORD))
            )
            + note("C5", "half", notations="<non-arpeggiate type='bottom'/>") + note("E5", "half", head=CHORD)
            + note("G5", "half", head=CHORD, notations="<non-arpeggiate type='top'/>")
        )
    ),
    "lyrics": document(
        measure(
            note("C5", "half",
                 lyric="<lyric number='1'><syllabic>begin</syllabic><text>Hal</text></lyric>"
                 "<lyric number='2'><text>du</text><elision>\u203f</elision><text>in</text></lyric>")
            + note("C5", "half",
                   lyric="<lyric number='1'><syllabic>end</syllabic><text>lo</text><extend/></lyric>"
                   "<lyric number='3' placement='above'><text>ah</text><elision/><text>oh</text></lyric>")
        )
    ),
    "dynamics": document(
        measure(
            _direction("<dynamics><sfz/></dynamics>") + note("C5", "half")
            + _direction("<dynamics><other-dynamics>sempre p</other-dynamics></dynamics>")
            + note("C5", "half", notations="<dynamics><mf/></dynamics>")
        )
    ),
    "tempo": document(
        measure(
            "<direction placement='above'><direction-type><words>Allegro</words></direction-type><direction-type>"
            "<metronome><beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>ca. 92.5</per-minute></metronome>"
            "</direction-type><sound tempo='138.75'/></direction>" + note("C5", "half")
            + _direction("<words>rit.</words>", more="<sound tempo='60'/>", placement="above")
            + note("C5", "half")
        )
    ),
    "words": document(
        measure(_direction("<words font-style='italic' font-weight='bold'>dolce</words>") + WHOLE)
    ),
    "direction inside a note": document(
        measure(
            "<direction><direction-type><words>late</words></direction-type><offset>18</offset></direction>" + WHOLE
        )
    ),
    "rehearsal mark": document(measure(_direction("<rehearsal>A</rehearsal>") + WHOLE)),
    "chord symbols": document(
        measure(
            _harmony("C", "major-seventh", text=" text='maj7'") + note("C5", "half")
            + _harmony("G", "dominant", "<bass><bass-step>B</bass-step><bass-alter>-1</bass-alter></bass>"
                       "<degree><degree-value>9</degree-value><degree-alter>-1</degree-alter>"
                       "<degree-type>add</degree-type></degree>")
            + note("C5", "half")
        )
    ),
    "figured bass": document(
        measure(
            note("C5", "whole", staff=1) + BACK
            + "<figured-bass><figure><prefix>sharp</prefix><figure-number>6</figure-number></figure>"
            "<figure><figure-number>4</figure-number></figure><duration>24</duration></figured-bass>"
            + note("C3", "whole", voice=5, staff=2)
        ),
        attributes=TIME + PIANO,
    ),
    "octave clefs": document(
        measure(WHOLE),
        measure(
            "<attributes><clef><sign>F</sign><line>4</line><clef-octave-change>1</clef-octave-change></clef>"
            "</attributes>" + WHOLE,
            2,
        ),
        attributes=TIME + "<clef><sign>G</sign><line>2</line><clef-octave-change>-1</clef-octave-change></clef>",
    ),
    "clef before the barline": document(
        measure(WHOLE + "<attributes><clef><sign>F</sign><line>4</line></clef></attributes>"), measure(WHOLE, 2)
    ),
    "percussion": document(
        measure(
            note("C5", "half", value="<notehead>x</notehead>").replace(
                "<pitch><step>C</step><octave>5</octave></pitch>",
                "<unpitched><display-step>G</display-step><display-octave>5</display-octave></unpitched>",
            )
            + rest("half")
        ),
        attributes=TIME + "<clef><sign>percussion</sign></clef><staff-details><staff-lines>1</staff-lines></staff-details>",
    ),
    "keys": document(
        measure(WHOLE),
        measure("<attributes><key><cancel>-3</cancel><fifths>2</fifths></key></attributes>" + WHOLE, 2),
        attributes="<key><fifths>-3</fifths></key>" + TIME + TREBLE,
    ),
    "keys of two staves": document(
        measure(note("C5", "whole", staff=1) + BACK + note("C3", "whole", voice=5, staff=2)),
        attributes="<key number='1'><fifths>1</fifths></key><key number='2'><fifths>0</fifths></key>" + TIME + PIANO,
    ),
    "meters": document(
        measure(note("C5", "half", value="<dot/><dot/>", ticks=42)),
        measure("<attributes>" + _time("3+2", 8) + "</attributes>" + note("C5", "half") + note("C5", "eighth"), 2),
        measure(
            "<attributes><time><beats>2</beats><beat-type>4</beat-type><beats>3</beats><beat-type>8</beat-type>"
            "</time></attributes>" + note("C5", "half") + note("C5", "quarter", value="<dot/>", ticks=18),
            3,
        ),
        measure("<attributes>" + _time("2", 2, " symbol='cut'") + "</attributes>" + WHOLE, 4),
        measure("<attributes><time><senza-misura/></time></attributes>" + note("C5", "quarter"), 5),
        attributes=_time("7", 8) + TREBLE,
    ),
    "meter that is not printed": document(
        measure(WHOLE),
        measure(
            "<attributes><time print-object='no'><beats>1</beats><beat-type>4</beat-type></time></attributes>"
            + note("C5", "quarter"),
            2,
        ),
    ),
    "barlines": document(
        *(
            measure(WHOLE + _barline("right", f"<bar-style>{style}</bar-style>"), number)
            for number, style in enumerate(
                ("dotted", "dashed", "heavy", "light-light", "light-heavy", "heavy-light", "heavy-heavy",
                 "tick", "short", "none"), 1
            )
        ),
        measure(
            _barline("left", "<bar-style>heavy-light</bar-style>") + note("C5", "half")
            + _barline("middle", "<bar-style>dashed</bar-style>") + note("C5", "half"), 11
        ),
    ),
    "jumps": document(
        measure(_direction("<segno/>") + WHOLE + _direction("<words>To Coda</words>", more="<sound tocoda='coda'/>")),
        measure(WHOLE + _direction("<words>Fine</words>", more="<sound fine='yes'/>"), 2),
        measure(_direction("<words>D.S. al Fine</words>", more="<sound dalsegno='segno'/>") + WHOLE, 3),
        measure(_direction("<words>D.C.</words>", more="<sound dacapo='yes'/>") + WHOLE, 4),
        measure(_direction("<coda/>") + WHOLE + "<sound dacapo='yes'/>", 5),
    ),
    "measure repeats": document(
        measure(WHOLE),
        measure(
            "<attributes><measure-style><measure-repeat type='start' slashes='1'>1</measure-repeat></measure-style>"
            "</attributes><forward><duration>48</duration></forward>", 2,
        ),
        measure(
            "<attributes><measure-style><measure-repeat type='stop'/></measure-style></attributes>" + WHOLE, 3
        ),
    ),
    "multi-measure rest": document(
        measure(
            "<attributes><measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>"
            "<note><rest measure='yes'/><duration>48</duration><voice>1</voice></note>"
        ),
        measure("<note><rest measure='yes'/><duration>48</duration><voice>1</voice></note>", 2),
    ),
    "rest of the measure": document(
        measure("<note><rest/><duration>36</duration><voice>1</voice></note>"),
        measure(
            "<note><rest><display-step>B</display-step><display-octave>4</display-octave></rest>"
            "<duration>36</duration><voice>1</voice><type>half</type><dot/></note>", 2
        ),
        attributes=_time("3", 4) + TREBLE,
    ),
    "transposition": document(
        measure(WHOLE),
        attributes=TIME + TREBLE + "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic>"
        "<octave-change>-1</octave-change></transpose>",
        name="Bass clarinet",
    ),
    "accidentals": document(
        measure(
            note("C#5", "half", value="<accidental>sharp</accidental>")
            + note("C5", "half", value="<accidental cautionary='yes' parentheses='yes'>natural</accidental>")
        ),
        measure(
            note("Cbb5", "half", value="<accidental bracket='yes'>flat-flat</accidental>")
            + note("F##5", "half", value="<accidental>double-sharp</accidental>"), 2
        ),
    ),
    "hidden notes": document(
        measure(
            WHOLE + BACK + note("E4", "quarter", voice=2) + note("rest", "quarter", voice=2, attributes=" print-object='no'")
            + note("F4", "half", voice=2)
        )
    ),
    "hidden measure": document(measure(WHOLE), measure(note("rest", "whole", attributes=" print-object='no'"), 2)),
    "pickup": document(
        measure(note("C5", "quarter"), 0, " implicit='yes'"), measure("<print new-system='yes'/>" + WHOLE),
        measure("<print new-page='yes'/>" + note("C5", "half", value="<dot/>", ticks=36), 2),
    ),
    "ids": document(
        measure(
            note("C5", "half", attributes=" id='a'")
            + note("C5", "half", attributes=" id='b.1'") + note("E5", "half", head=CHORD, attributes=" id='b.2'"),
            1, " id='first'",
        ),
        measure(
            note("C5", "half", attributes=" id='n1'", notations="").replace("</note>", "<notations id='own'/></note>")
            + note("C5", "half", attributes=" id='n2'") + note("E5", "half", head=CHORD, attributes=" id='n3'"), 2,
        ),
    ),
    "unread measure": document(
        measure(
            "<grouping type='single' member-of='staff 1'><feature type='unread'>too dark</feature></grouping>"
            "<forward><duration>48</duration></forward>"
        ),
        measure(WHOLE, 2),
    ),
    "part groups": (
        "<score-partwise version='4.0'><work><work-title>Trio</work-title></work>"
        "<movement-title>Adagio</movement-title><identification><creator type='composer'>A. B.</creator>"
        "<creator type='poet'>C. D.</creator><rights>free</rights></identification><part-list>"
        "<part-group type='start' number='1'><group-name>Strings</group-name><group-symbol>bracket</group-symbol>"
        "<group-barline>yes</group-barline></part-group>"
        "<score-part id='P1'><part-name>Violin</part-name><part-abbreviation>Vl.</part-abbreviation></score-part>"
        "<part-group type='start' number='2'><group-symbol>brace</group-symbol><group-barline>no</group-barline>"
        "</part-group><score-part id='P2'><part-name>Viola</part-name></score-part>"
        "<score-part id='P3'><part-name>Cello</part-name></score-part><part-group type='stop' number='2'/>"
        "<part-group type='stop' number='1'/></part-list>"
        + "".join(
            f"<part id='{id_}'>" + measure(f"<attributes><divisions>12</divisions>{TIME}{TREBLE}</attributes>" + WHOLE)
            + "</part>" for id_ in ("P1", "P2", "P3")
        )
        + "</score-partwise>"
    ),
}  # fmt: skip
