"""Hand-made scores that hold every kind of record, for the tests of formats."""

from fractions import Fraction
from typing import Any

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
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    Note,
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
    Voice,
    Words,
)

F = Fraction
_TURN = Ornament("turn", "above", ("sharp",))
QUARTER, EIGHTH, HALF, WHOLE = (Duration(F(1, n)) for n in (4, 8, 2, 1))


def pitch(name: str) -> Pitch:
    """The pitch of a name such as "C4", "F#5", "Bb3"."""
    return Pitch(name[0], int(name[-1]), name.count("#") - name.count("b"))  # type: ignore[arg-type]


def chord(id_: str, onset: Fraction, names: str, duration: Duration = QUARTER, **how: Any) -> Chord:
    """A chord of the pitches named, with ids `id_` (one note) or `id_.1`, `id_.2` ...

    Args:
        id_: Its id.
        onset: In the measure.
        names: Pitches from low to high, separated by spaces.
        duration: As written.
        how: Other fields; `notes` are fields of all its notes.
    """
    fields = how.pop("notes", {})
    parts = names.split()
    notes = tuple(
        Note(id=id_ if len(parts) == 1 else f"{id_}.{number}", pitch=pitch(name), **fields)
        for number, name in enumerate(parts, 1)
    )
    how.setdefault("length", F(0) if how.get("grace") else duration.length)
    return Chord(id=id_, onset=onset, duration=duration, notes=notes, **how)


def rest(id_: str, onset: Fraction, duration: Duration = QUARTER, **how: Any) -> Rest:
    """A rest.

    Args:
        id_: Its id.
        onset: In the measure.
        duration: As written.
        how: Other fields.
    """
    how.setdefault("length", duration.length)
    return Rest(id=id_, onset=onset, duration=duration, **how)


def measure(id_: str, *voices: tuple[Event, ...], **how: Any) -> Measure:
    """A measure whose number is at the end of its id.

    Args:
        id_: Its id, such as "Am3".
        voices: Events of the voices 1, 2 ...
        how: Other fields.
    """
    numbered = tuple(Voice(number, events) for number, events in enumerate(voices, 1))
    return Measure(id=id_, number=id_.rpartition("m")[2], voices=numbered, **how)


def rich_score() -> Score:
    """A score of a voice, a piano and a drum that holds nearly everything that the records can."""
    return Score(
        parts=(_voice(), _piano(), _drum()),
        groups=(PartGroup("A", "B", "bracket", barlines=False, name="Duo"),),
        title="A title",
        subtitle="in two lines",
        composer="Anna Example",
        lyricist="Otto Example",
        copyright="2026",
    )


def _voice() -> Part:
    opening = (
        Sign(F(0), Clef("G", 2, -1), 1),
        Sign(F(0), Key(2)),
        Sign(F(0), Meter((((4,), 4),), "common")),
        Sign(F(0), Transposition(-1, -2)),
    )
    first = measure(
        "Am1",
        (
            chord("a1", F(0), "F#4", marks=(Articulation("staccato", "above"), Lyric("Ky", "1", "begin"))),
            chord("a2", F(1, 4), "F4", notes={"accidental": "natural", "tie_to": "a3"}),
            chord("a3", F(1, 2), "F4", marks=(Lyric("ri", "1", "middle"), Lyric("two", "2", extend=True))),
            chord("g1", F(3, 4), "G4", EIGHTH, grace="slash"),
            chord("a4", F(3, 4), "A4", marks=(Fermata("angled", "above"), Lyric("e\u203fe", "1", "end"))),
        ),
        signs=opening,
        directions=(
            Direction(F(0), Tempo("Allegro", QUARTER, F(120), F(120)), 1, "above"),
            Direction(F(0), Dynamic("mf"), 1, "below"),
            Direction(F(0), ChordSymbol(("D", 0), "major-seventh", "maj7", ("F", 1), (("add", 9, 0),))),
            Direction(F(1, 2), Words("dolce", "italic"), 1, "above"),
            Direction(F(3, 4), Rehearsal("A"), 1, "above"),
        ),
    )
    second = measure(
        "Am2",
        (
            chord("a5", F(0), "D4 F#4", Duration(F(1, 4), 1), stem="up", marks=(Ornament("trill-mark"),)),
            chord(
                "a6",
                F(3, 8),
                "E4",
                EIGHTH,
                marks=(_TURN, Technique("up-bow")),
            ),
            rest("a7", F(1, 2), HALF, position=34),
        ),
        right=Barline("light-heavy", "backward"),
        directions=(Direction(F(1), Jump("fine", "Fine")),),
    )
    third = measure(
        "Am3",
        (chord("a8", F(0), "D4", WHOLE, marks=(Articulation("breath-mark"),), notes={"tie_to": ""}),),
        left=Barline("heavy-light", "forward"),
        right=Barline("light-heavy"),
        break_before="system",
        directions=(Direction(F(0), Jump("segno")), Direction(F(1), Jump("da-capo", "D.C. al Fine"))),
    )
    spanners = (
        Slur("a1", "a4", "above", dashed=True),
        Hairpin(Moment("Am1", F(1, 3)), Moment("Am2", F(1, 2)), "crescendo", "below"),
        TrillLine("a5", "a6"),
        Ending("Am2", "Am2", "1", "", closed=True),
    )
    return Part(id="A", measures=(first, second, third), name="Voice", abbreviation="V.", spanners=spanners)


def _piano() -> Part:
    signs = (
        Sign(F(0), Clef("G", 2), 1),
        Sign(F(0), Clef("F", 4), 2),
        Sign(F(0), Key(2)),
        Sign(F(0), Meter((((4,), 4),), "common")),
    )
    third = F(1, 12)
    triplet = tuple(
        chord(f"b{n}", third * (n - 1), name, EIGHTH, length=third, beams=(beam,))
        for n, (name, beam) in enumerate((("C#5", "begin"), ("D5", "continue"), ("E5", "end")), 1)
    )
    upper = (
        *triplet,
        chord("b4", F(1, 4), "G4 B4", marks=(Fingering("2", "b4.1", "above"), Arpeggio("up", "1"))),
        chord("b5", F(1, 2), "A5", EIGHTH, beams=("begin",)),
        chord("b6", F(5, 8), "B3", EIGHTH, beams=("end",), staff=2),
        chord("b7", F(3, 4), "C#5", marks=(Tremolo(3),)),
    )
    lower = (
        Space(id="s1", onset=F(0), length=F(1, 4), staff=2),
        chord("c1", F(1, 4), "D3 A3", staff=2, marks=(Arpeggio("up", "1"),)),
        chord("c2", F(1, 2), "D3", HALF, length=F(1, 4), staff=2, marks=(Tremolo(2, "start"),)),
        chord("c3", F(3, 4), "A3", HALF, length=F(1, 4), staff=2, marks=(Tremolo(2, "stop"),)),
    )
    first = Measure(
        id="Bm1",
        number="1",
        voices=(Voice(1, upper), Voice(5, lower)),
        signs=(*signs, Sign(F(1, 2), Clef("G", 2), 2)),
        directions=(Direction(F(0), FiguredBass((("", "6", ""), ("sharp", "4", "")), F(1, 4)), 2),),
    )
    second = Measure(
        id="Bm2",
        number="2",
        voices=(
            Voice(1, (rest("b8", F(0), WHOLE, measure=True),)),
            Voice(5, (Space(id="s2", onset=F(0), length=F(1), staff=2),)),
        ),
        repeats=((2, MeasureRepeat(1, 1)),),
        right=Barline("light-heavy", "backward"),
    )
    last = Measure(
        id="Bm3",
        number="3",
        voices=(
            Voice(1, (chord("b9", F(0), "C6", HALF), chord("b10", F(1, 2), "D6", HALF))),
            Voice(5, (Space(id="s3", onset=F(0), length=F(1), staff=2),)),
        ),
        left=Barline("heavy-light", "forward"),
        right=Barline("light-heavy"),
        unread=(Unread(2, "two notes overlap"),),
    )
    spanners = (
        Tuplet("b1", "b3", 3, 2, bracket=True, placement="above"),
        Ottava(Moment("Bm3", F(0)), Moment("Bm3", F(1, 2)), 1),
        Pedal(Moment("Bm1", F(0), 2), Moment("Bm1", F(1), 2)),
        Glissando("b9", "b10", wavy=False, text="gliss."),
    )
    return Part(id="B", measures=(first, second, last), staves=2, name="Piano", spanners=spanners)


def _drum() -> Part:
    hit = Note(id="d1", pitch=Unpitched("B", 4), head="x")
    signs = (
        Sign(F(0), Clef("percussion", 3), 1),
        Sign(F(0), Meter((((4,), 4),), "common")),
        Sign(F(0), StaffLines(1), 1),
    )
    first = measure(
        "Cm1",
        (
            Chord(id="d1", onset=F(0), duration=HALF, length=F(1, 2), notes=(hit,)),
            rest("d2", F(1, 2), HALF, marks=(Fermata(placement="above"),)),
        ),
        signs=signs,
    )
    rests = [
        measure("Cm2", (rest("d3", F(0), WHOLE, measure=True),), right=Barline("light-heavy", "backward")),
        measure(
            "Cm3",
            (rest("d4", F(0), WHOLE, measure=True),),
            left=Barline("heavy-light", "forward"),
            right=Barline("light-heavy"),
        ),
    ]
    return Part(id="C", measures=(first, *rests), name="Snare drum")
