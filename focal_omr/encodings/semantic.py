"""The PrIMuS *semantic* encoding and our superset of it.

A label is one line of tab-separated tokens. The token of a note has the accidental *printed on that note*, or
else that of the key signature; nothing carries through the bar. `tokens_to_score` applies the carry, so that
a `Score` has sounding pitches, and `score_to_tokens` reverts it.

Additional tokens for notation that PrIMuS lacks (`to_primus` removes them):

    barline-double, -final, -repeat_start, -repeat_end, -repeat_both   kinds of barline
    tuplet-3 ... tuplet-end     the notes between them are a tuplet (PrIMuS writes them as plain notes)
    accidental                  an accidental is printed on the next note although the token's alteration
                                is the key signature's: F natural, then F sharp in G major
    note-F##4_quarter, -Bbb4_   double accidentals

Source: Calvo-Zaragoza & Rizo, "End-to-end neural optical music recognition of monophonic scores", Applied
Sciences 8(4):606, 2018, and the vocabulary published with its code.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from focal_omr.errors import NotationError
from focal_omr.score.accidentals import AccidentalState, sound_accidentals
from focal_omr.score.bounds import check_bounds
from focal_omr.score.records import (
    BARLINE_KINDS,
    NOTE_VALUES,
    BarlineKind,
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
    Source,
    Tuplet,
)

KEY_NAMES = {
    -7: "CbM",
    -6: "GbM",
    -5: "DbM",
    -4: "AbM",
    -3: "EbM",
    -2: "BbM",
    -1: "FM",
    0: "CM",
    1: "GM",
    2: "DM",
    3: "AM",
    4: "EM",
    5: "BM",
    6: "F#M",
    7: "C#M",
}
_FIFTHS = {name: fifths for fifths, name in KEY_NAMES.items()}
ACCIDENTAL_SIGNS = {-2: "bb", -1: "b", 0: "", 1: "#", 2: "##"}
_ALTERS = {sign: alter for alter, sign in ACCIDENTAL_SIGNS.items()}
METER_SIGNS = {"C": Meter(4, 4, "C"), "C/": Meter(2, 2, "C/")}
# The usual number of plain notes in whose time a tuplet of N is played.
TUPLET_NORMAL = {2: 3, 3: 2, 4: 3, 5: 4, 6: 4, 7: 4, 8: 6, 9: 8, 10: 8, 11: 8, 12: 8}

_NOTE = re.compile(r"(note|gracenote)-([A-G])(##|#|bb|b|)([0-9])_([a-z_]+?)(\.{0,4})(_fermata)?")
_REST = re.compile(r"rest-([a-z_]+?)(\.{0,4})(_fermata)?")
_CLEF = re.compile(r"clef-([GFC])([1-5])")
_METER = re.compile(r"timeSignature-([1-9][0-9]{0,2})/([1-9][0-9]{0,2})")
_MULTIREST = re.compile(r"multirest-([1-9][0-9]{0,3})")
_TUPLET = re.compile(r"tuplet-([0-9]{1,3})")


def split_label(text: str) -> list[str]:
    """The tokens of a label line, separated by tabs or blanks."""
    return text.split()


def join_label(tokens: Sequence[str]) -> str:
    """A label line, without a trailing tab."""
    return "\t".join(tokens)


def read_semantic(text: str) -> Score:
    """The score of a semantic label line. Raises NotationError as `tokens_to_score` does."""
    return tokens_to_score(split_label(text))


def write_semantic(score: Score) -> str:
    """The semantic label line of a score of one part."""
    return join_label(score_to_tokens(score))


# Tokens -> Score --------------------------------------------------------------------------------------------


@lru_cache(maxsize=10_000)
def parse_sign(token: str) -> Event | None:
    """The event of a single token, or None if the token has none.

    A note has the alteration of its token and no printed accidental yet.
    """
    if match := _NOTE.fullmatch(token):
        kind, step, sign, octave, value, dots, fermata = match.groups()
        if value not in NOTE_VALUES:
            return None
        # The pattern allows the steps A to G only.
        pitch = Pitch(step, int(octave), _ALTERS[sign])  # type: ignore[arg-type]
        duration = Duration(value, len(dots))
        return Note(pitch, duration, grace=kind == "gracenote", fermata=bool(fermata))
    if match := _REST.fullmatch(token):
        value, dots, fermata = match.groups()
        return Rest(Duration(value, len(dots)), bool(fermata)) if value in NOTE_VALUES else None
    if match := _CLEF.fullmatch(token):
        return Clef(match[1], int(match[2]))  # type: ignore[arg-type]  # the pattern allows G, F and C only
    if match := _METER.fullmatch(token):
        return Meter(int(match[1]), int(match[2]))
    if match := _MULTIREST.fullmatch(token):
        return MultiRest(int(match[1]))
    if token.startswith("keySignature-") and (name := token.partition("-")[2]) in _FIFTHS:
        return Key(_FIFTHS[name])
    if token.startswith("timeSignature-"):
        return METER_SIGNS.get(token.partition("-")[2])
    return None


@lru_cache(maxsize=10_000)
def parse_barline(token: str) -> BarlineKind | None:
    """The kind of a barline token; None for any other token."""
    head, _, kind = token.partition("-")
    if head != "barline":
        return None
    return next((known for known in BARLINE_KINDS if known == (kind or "single")), None)


class _Builder:
    """Incremental parser of tokens into measures. Ask `error` before each `add`."""

    def __init__(self) -> None:
        self.measures: list[Measure] = []
        self.events: list[Event] = []
        self.tuplet: tuple[int, list[Note | Rest]] | None = None
        self.marked = False  # an `accidental` token waits for its note
        self.key = Key(0)

    def error(self, token: str) -> str | None:
        """Why the token cannot be added here; None: it can."""
        inside = self.tuplet is not None
        sign = parse_sign(token)
        if self.marked and not isinstance(sign, Note):
            return "'accidental' must stand before a note"
        if token == "accidental":
            return None
        if token == "tie":
            before = self.tuplet[1] if self.tuplet else self.events
            return None if before and isinstance(before[-1], Note) else "'tie' must follow a note"
        if token == "tuplet-end":
            return None if self.tuplet and self.tuplet[1] else "'tuplet-end' without notes of a tuplet"
        if match := _TUPLET.fullmatch(token):
            if int(match[1]) not in TUPLET_NORMAL:
                return f"unknown tuplet {token!r}"
            return "a tuplet inside a tuplet" if inside else None
        if parse_barline(token) is not None:
            return "a barline inside a tuplet" if inside else None
        if sign is None:
            return f"unknown token {token!r}"
        if inside and not isinstance(sign, Note | Rest):
            return f"{token!r} inside a tuplet"
        return None

    def add(self, token: str, source: Source = ()) -> None:
        target: list[Event] | list[Note | Rest] = self.tuplet[1] if self.tuplet else self.events
        if token == "accidental":
            self.marked = True
        elif token == "tie":
            note = target[-1]
            assert isinstance(note, Note)
            target[-1] = replace(note, tie=True)
        elif token == "tuplet-end":
            assert self.tuplet is not None
            actual, inner = self.tuplet
            self.tuplet = None
            self.events.append(Tuplet(actual, TUPLET_NORMAL[actual], tuple(inner)))
        elif match := _TUPLET.fullmatch(token):
            self.tuplet = (int(match[1]), [])
        elif (kind := parse_barline(token)) is not None:
            self.measures.append(Measure(tuple(self.events), kind))
            self.events = []
        else:
            sign = parse_sign(token)
            if isinstance(sign, Key):
                self.key = sign
            elif isinstance(sign, Note) and (
                self.marked or sign.pitch.alter != self.key.alter(sign.pitch.step)
            ):
                sign = replace(sign, accidental=sign.pitch.alter)
            self.marked = False
            if source:
                sign = replace(sign, source=source)  # type: ignore[type-var]
            target.append(sign)  # type: ignore[arg-type]  # `error` was asked first

    def finish(self) -> tuple[Measure, ...]:
        if self.events:
            self.measures.append(Measure(tuple(self.events), None))
        return tuple(self.measures)


def tokens_to_score(tokens: Sequence[str], sources: Sequence[Source] = ()) -> Score:
    """The score of one staff, with the carry of accidentals applied.

    Args:
        tokens: Its tokens.
        sources: Where each was read, kept in the events; empty: nothing is known of it.

    Raises:
        NotationError: A token is unknown or out of place; the message has its number.
    """
    builder = _Builder()
    for place, token in enumerate(tokens, 1):
        if reason := builder.error(token):
            raise NotationError(f"token {place} of {len(tokens)}: {reason}")
        builder.add(token, sources[place - 1] if sources else ())
    if builder.tuplet or builder.marked:
        raise NotationError(
            f"the label ends after token {len(tokens)} inside a tuplet or before a marked note"
        )
    part = Part(builder.finish())
    check_bounds(part)
    return Score((sound_accidentals(part),))


def ungrammatical(tokens: Sequence[str]) -> list[int]:
    """Indices of tokens to drop so that `tokens_to_score` accepts the rest.

    For network output, such as a tie after a barline or a tuplet without an end. The caller reports them.
    """
    builder = _Builder()
    dropped: list[int] = []
    opened: list[int] = []  # the tuplet-N or accidental token that is still waiting
    for index, token in enumerate(tokens):
        if builder.marked and builder.error(token):
            dropped.append(opened.pop())
            builder.marked = False
        # A token that cannot stand inside a tuplet breaks it off; a stray tie or unknown token does not.
        breaks = (
            token == "tuplet-end" or _TUPLET.fullmatch(token) or parse_barline(token) or parse_sign(token)
        )
        if builder.tuplet and builder.error(token) and breaks:
            dropped.append(opened.pop())  # without an end its notes become plain ones
            builder.events.extend(builder.tuplet[1])
            builder.tuplet = None
        if builder.error(token):
            dropped.append(index)
            continue
        builder.add(token)
        if token == "accidental" or (_TUPLET.fullmatch(token)):
            opened.append(index)
        elif token == "tuplet-end" or (opened and tokens[opened[-1]] == "accidental"):
            opened.pop()
    return sorted(dropped + opened)


# Score -> tokens --------------------------------------------------------------------------------------------


def score_to_tokens(score: Score) -> list[str]:
    """Tokens of a score of one part, with the carry of accidentals reverted.

    Raises:
        NotationError: Not exactly one part, or an event without a token.
    """
    if len(score.parts) != 1:
        raise NotationError(f"a semantic label is one staff; this score has {len(score.parts)} parts")
    tokens: list[str] = []
    state = AccidentalState()
    for measure in score.parts[0].measures:
        for event in measure.events:
            if isinstance(event, Key):
                state.set_key(event)
            if isinstance(event, Tuplet):
                if event.actual not in TUPLET_NORMAL:
                    raise NotationError(f"no semantic token for a tuplet of {event.actual}")
                tokens.append(f"tuplet-{event.actual}")
                for inner in event.events:
                    tokens += _event_tokens(inner, state)
                tokens.append("tuplet-end")
            else:
                tokens += _event_tokens(event, state)
        if measure.barline is not None:
            tokens.append("barline" if measure.barline == "single" else f"barline-{measure.barline}")
    return tokens


def _event_tokens(event: Event, state: AccidentalState) -> Iterator[str]:
    if isinstance(event, Note):
        in_key = state.key.alter(event.pitch.step)
        alter = in_key if event.accidental is None else event.accidental
        if event.accidental == in_key:
            yield "accidental"
        if event.pitch.alter != alter:
            event = replace(event, pitch=replace(event.pitch, alter=alter))
        yield note_token(event)
        if event.tie:
            yield "tie"
    else:
        yield sign_token(event)


def note_token(note: Note) -> str:
    """The token of a note, with the alteration of its pitch."""
    pitch, kind = note.pitch, "gracenote" if note.grace else "note"
    name = f"{pitch.step}{ACCIDENTAL_SIGNS[pitch.alter]}{pitch.octave}"
    return f"{kind}-{name}_{_duration_name(note.duration)}{'_fermata' if note.fermata else ''}"


def sign_token(event: Event) -> str:
    """The token of a rest, clef, key or meter.

    Raises:
        NotationError: A note or a tuplet.
    """
    match event:
        case Rest():
            return f"rest-{_duration_name(event.duration)}{'_fermata' if event.fermata else ''}"
        case MultiRest():
            return f"multirest-{event.bars}"
        case Clef():
            return f"clef-{event.shape}{event.line}"
        case Key():
            return f"keySignature-{KEY_NAMES[event.fifths]}"
        case Meter():
            return f"timeSignature-{event.symbol or f'{event.beats}/{event.unit}'}"
    raise NotationError(f"no semantic token for {event!r}")


def _duration_name(duration: Duration) -> str:
    return duration.value + "." * duration.dots


def to_primus(tokens: Sequence[str]) -> list[str]:
    """The tokens in the original PrIMuS grammar: plain barlines, no tuplets, no `accidental` marks."""
    plain = ("barline" if parse_barline(token) else token for token in tokens)
    return [token for token in plain if token != "accidental" and not token.startswith("tuplet-")]
