"""Hypothesis strategies for music: valid scores, grammatical labels and token soup."""

from dataclasses import replace

from hypothesis import strategies as st

from focal_omr.encodings.semantic import KEY_NAMES, METER_SIGNS, TUPLET_NORMAL
from focal_omr.encodings.vocabulary import full_semantic
from focal_omr.score.accidentals import AccidentalState, map_notes
from focal_omr.score.records import (
    BARLINE_KINDS,
    NOTE_VALUES,
    STEPS,
    BeamPlace,
    Clef,
    Duration,
    Event,
    Key,
    Measure,
    Meter,
    MultiRest,
    Note,
    Part,
    Pitch,
    Rest,
    Score,
    Tuplet,
)

CLEFS = (
    *(Clef("C", line) for line in range(1, 6)),
    Clef("F", 3),
    Clef("F", 4),
    Clef("F", 5),
    Clef("G", 1),
    Clef("G", 2),
)
_PLACES: tuple[BeamPlace, ...] = ("start", "middle", "end")

durations = st.builds(Duration, st.sampled_from(list(NOTE_VALUES)), st.integers(0, 2))
# Few pitches, so that accidentals affect later notes.
pitches = st.builds(Pitch, st.sampled_from(STEPS), st.integers(3, 5), st.integers(-1, 1)) | st.builds(
    Pitch, st.sampled_from("FC"), st.just(4), st.integers(-2, 2)
)
clefs = st.sampled_from(CLEFS)
keys = st.builds(Key, st.integers(-7, 7))
meters = st.builds(Meter, st.integers(1, 12), st.sampled_from((1, 2, 4, 8, 16))) | st.sampled_from(
    list(METER_SIGNS.values())
)
rests = st.builds(Rest, durations, st.booleans())
multirests = st.builds(MultiRest, st.integers(1, 120))


def _marked(note: Note, marked: bool) -> Note:
    return replace(note, accidental=note.pitch.alter if marked else None)


# A marked note keeps its accidental in the score, even as a reminder.
notes = st.builds(
    _marked,
    st.builds(Note, pitches, durations, tie=st.booleans(), grace=st.booleans(), fermata=st.booleans()),
    st.booleans(),
)


@st.composite
def tuplets(draw: st.DrawFn) -> Tuplet:
    """A tuplet of one to six notes and rests."""
    actual = draw(st.sampled_from(list(TUPLET_NORMAL)))
    return Tuplet(actual, TUPLET_NORMAL[actual], tuple(draw(st.lists(notes | rests, min_size=1, max_size=6))))


def _needed_accidental(note: Note, state: AccidentalState) -> Note:
    needed = note.pitch.alter != state.expected(note.pitch.step, note.pitch.octave, grace=note.grace)
    return replace(note, accidental=note.pitch.alter) if needed else note


def printed(part: Part) -> Part:
    """The part with an accidental on every note that needs one, and its reminders."""
    return map_notes(part, _needed_accidental)


@st.composite
def scores(draw: st.DrawFn, *, events: st.SearchStrategy[Event] | None = None) -> Score:
    """A valid score of one part, without beams; every printed accidental names the sounding alteration."""
    some = (
        notes | notes | rests | multirests | clefs | keys | meters | tuplets() if events is None else events
    )
    bars = st.builds(Measure, st.lists(some, max_size=6).map(tuple), st.sampled_from(BARLINE_KINDS))
    measures = draw(st.lists(bars, max_size=4))
    if measures and measures[-1].events and draw(st.booleans()):
        measures[-1] = replace(measures[-1], barline=None)
    return Score((printed(Part(tuple(measures))),))


@st.composite
def agnostic_scores(draw: st.DrawFn) -> Score:
    """A score that the agnostic encoding can hold without loss, including beams."""
    small = st.sampled_from(
        [value for value, length in NOTE_VALUES.items() if length <= NOTE_VALUES["quarter"]]
    )
    beamed = st.builds(
        lambda note, value, beam: replace(note, duration=replace(note.duration, value=value), beam=beam),
        notes,
        small,
        st.sampled_from(_PLACES),
    )
    playable = (notes | beamed).filter(lambda note: note.pitch.alter < 2)
    signature = st.tuples(keys.filter(lambda key: key.fifths), meters).map(list)
    groups = st.lists(
        (playable | playable | rests | multirests).map(lambda event: [event]) | signature, max_size=6
    )
    change = st.tuples(rests, clefs).map(list)
    opening = [draw(clefs), *draw(signature)]
    measures = []
    for _ in range(draw(st.integers(1, 4))):
        events = opening + [event for group in draw(groups) for event in group] + draw(change | st.just([]))
        measures.append(Measure(tuple(events)))
        opening = []
    if measures[-1].events and draw(st.booleans()):
        measures[-1] = replace(measures[-1], barline=None)
    return Score((printed(Part(tuple(measures))),))


_SYMBOLS = full_semantic().symbols
_NOTES = [symbol for symbol in _SYMBOLS if "note-" in symbol]
_RESTS = [symbol for symbol in _SYMBOLS if symbol.startswith("rest-")]
_SIGNS = [s for s in _SYMBOLS if s.startswith(("clef-", "timeSignature-", "multirest-", "barline"))]
_STRUCTURE = ["tie", "accidental", "tuplet-end", *(s for s in _SYMBOLS if s.startswith("tuplet-"))]


@st.composite
def labels(draw: st.DrawFn) -> list[str]:
    """A grammatical semantic label as `score_to_tokens` would write it, over the full vocabulary."""
    tokens: list[str] = []
    key = Key(0)
    fifths = {f"keySignature-{name}": number for number, name in KEY_NAMES.items()}

    def note() -> list[str]:
        token = draw(st.sampled_from(_NOTES))
        own = token.partition("-")[2].partition("_")[0][1:-1]
        in_key = {-1: "b", 0: "", 1: "#"}[key.alter(token.partition("-")[2][0])]
        mark = ["accidental"] if own == in_key and draw(st.booleans()) else []
        return [*mark, token, *(["tie"] if draw(st.booleans()) else [])]

    for kind in draw(
        st.lists(st.sampled_from(["note", "note", "rest", "sign", "key", "tuplet"]), max_size=12)
    ):
        if kind == "note":
            tokens += note()
        elif kind == "key":
            tokens.append(draw(st.sampled_from(list(fifths))))
            key = Key(fifths[tokens[-1]])
        elif kind == "tuplet":
            inner = [note() if draw(st.booleans()) else [draw(st.sampled_from(_RESTS))] for _ in range(3)]
            actual = draw(st.sampled_from(list(TUPLET_NORMAL)))
            tokens += [f"tuplet-{actual}", *(token for group in inner for token in group), "tuplet-end"]
        else:
            tokens.append(draw(st.sampled_from(_RESTS if kind == "rest" else _SIGNS)))
    return tokens


# Network output without grammar, and some unknown tokens.
soups = st.lists(
    st.sampled_from(_STRUCTURE)
    | st.sampled_from(
        ["note-F4_quarter", "rest-half", "barline", "keySignature-GM", "clef-G2", "barline-final"]
    )
    | st.sampled_from(
        ["", "note", "note-H4_quarter", "note-C4_third", "tuplet-99", "keySignature-HM", "barline-x"]
    ),
    max_size=14,
)
