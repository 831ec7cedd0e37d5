"""The PrIMuS *agnostic* encoding: printed symbols and their positions, without musical meaning.

A label is one line of tab-separated tokens `symbol-position`. A position is a line Ln or a space Sn counted
from the bottom: L1 the lowest line, S1 the space above it, S0 the one below, L0 the first ledger line below,
`L-1` the next. PrIMuS's conventions, as far as they are known:

    note            fermata, slur.end, accidental, the note, its dots, slur.start, in this order
    beams           beamedRight: the first of a beam, beamedBoth, beamedLeft: the last; the number counts the
                    note's own beams. It is 0 for a quarter note inside a beam, which RISM's Plaine & Easie
                    incipits allow
    ties            `slur.start` and `slur.end` at the position of the notes; true slurs are not encoded
    dots            in the space of the note, or the one above its line; of a rest in S3
    accidentals     two flats for a double flat
    fermata         always above, S6; of a rest before the rest
    meter           a number is one token: `digit.12-L4 digit.8-L2`
    multirest       single digits on S5, then `multirest-L3`
    key signature   no naturals where it ends an earlier one; C major prints nothing

Ambiguous or lost:

    * kinds of barline, tuplets (their notes become plain ones), C major (no Key), so also a change to it;
      a half note inside a beam, read as a quarter. There is no symbol for a double sharp: an error.
    * accidentals right after the opening clef are read as a key signature as far as they form one, even where
      the last could belong to a first note at its position; everywhere else the note has precedence.

Unknown, so our own choice: the positions of the later accidentals of a signature (the first four are known
except for G1 and F5); they follow engravers' custom, and agree with Verovio's except for the flats of C2
(where ours begin as PrIMuS's do) and the last three flats of F5. Also unknown is how PrIMuS beams single
grace notes: its vocabulary almost only has `gracenote.beamedBoth`, of grace notes inside a beam of full-size
ones; `Note.beam` is written as it is.

Source: Calvo-Zaragoza & Rizo, "End-to-end neural optical music recognition of monophonic scores", Applied
Sciences 8(4):606, 2018, and the vocabulary published with its code; the order of a note's symbols and the
positions of signatures follow D. Rizo's MEI converter (github.com/davidrizo/im3), with which PrIMuS was made.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from focal_omr.encodings.semantic import METER_SIGNS, join_label, split_label
from focal_omr.errors import NotationError
from focal_omr.score.accidentals import sound_accidentals
from focal_omr.score.bounds import check_bounds
from focal_omr.score.records import (
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
    flat_events,
    open_tie,
    tie_ends,
)

_BEAM_SIDES: dict[BeamPlace, str] = {"start": "Right", "middle": "Both", "end": "Left"}
_BEAM_PLACES = {side: place for place, side in _BEAM_SIDES.items()}
# Note values by number of beams: quarter 0 (a plain stem), eighth 1, ...
_BEAMED = tuple(NOTE_VALUES)[tuple(NOTE_VALUES).index("quarter") :]
_ACCIDENTALS = {-2: ("flat", "flat"), -1: ("flat",), 0: ("natural",), 1: ("sharp",)}
_ALTERS = {names: alter for alter, names in _ACCIDENTALS.items()}

# Positions of key signatures, in steps above the lowest line, by the letter name of that line; accidentals in
# the order F C G D A E B, and B E A D G C F.
_SHARPS = {
    "E": (8, 5, 9, 6, 3, 7, 4),  # G2, F5
    "G": (6, 3, 7, 4, 1, 5, 2),  # F4, G1
    "C": (3, 0, 4, 1, 5, 2, 6),  # C1
    "A": (5, 2, 6, 3, 7, 4, 8),  # C2
    "F": (7, 4, 8, 5, 2, 6, 3),  # C3
    "D": (2, 6, 3, 7, 4, 8, 5),  # C4
    "B": (4, 1, 5, 2, 6, 3, 7),  # C5, F3
}
_FLATS = {
    "E": (4, 7, 3, 6, 2, 5, 1),
    "G": (2, 5, 1, 4, 0, 3, -1),
    "C": (6, 2, 5, 1, 4, 0, 3),
    "A": (8, 4, 7, 3, 6, 2, 5),
    "F": (3, 6, 2, 5, 1, 4, 0),
    "D": (5, 8, 4, 7, 3, 6, 2),
    "B": (7, 3, 6, 2, 5, 1, 4),
}

_VALUE = "|".join(NOTE_VALUES)
_STEM = rf"(?:{_VALUE}|beamed(?:Right|Both|Left)[0-{len(_BEAMED) - 1}])"
_MAX_DIGITS = 5  # of a multi-measure rest
_NUMBER = "-?[1-9][0-9]?|0"
_TOKEN = re.compile(rf"(.+)-([LS])({_NUMBER})")
# Every symbol, and its allowed positions.
_GLYPHS = tuple(
    (re.compile(name), re.compile(position))
    for name, position in (
        (rf"(?:note|gracenote)\.{_STEM}", rf"[LS](?:{_NUMBER})"),
        (r"accidental\.(?:sharp|flat|natural)|slur\.(?:start|end)", rf"[LS](?:{_NUMBER})"),
        (r"dot", rf"S(?:{_NUMBER})"),
        (r"clef\.[GFC]", "L[1-5]"),
        (r"digit\.[1-9][0-9]{0,2}", "L[24]"),
        (r"digit\.[0-9]", "S5"),
        (r"metersign\.C/?|multirest", "L3"),
        (rf"rest\.(?!whole)(?:{_VALUE})", "L3"),
        (r"rest\.whole", "L4"),
        (r"fermata\.above", "S6"),
        (r"barline", "L1"),
    )
)


@dataclass(frozen=True, slots=True)
class AgnosticSymbol:
    """A printed symbol and its position.

    Attributes:
        name: `note.quarter`, `accidental.flat`, `barline`, ...
        step: Height in steps above the lowest line: 0 is L1, 1 is S1, -1 is S0, -2 is L0.
    """

    name: str
    step: int

    @property
    def kind(self) -> str:
        """The name up to its dot: note, accidental, digit, ..."""
        return self.name.partition(".")[0]

    @property
    def detail(self) -> str:
        """The name after its dot: quarter, flat, 12, ..."""
        return self.name.partition(".")[2]

    @property
    def position(self) -> str:
        """The position in PrIMuS's notation: L1, S-2, ..."""
        return f"S{(self.step + 1) // 2}" if self.step % 2 else f"L{self.step // 2 + 1}"

    def __str__(self) -> str:
        return f"{self.name}-{self.position}"


def parse_agnostic_symbol(token: str) -> AgnosticSymbol:
    """The symbol and position of a token.

    Raises:
        NotationError: An unknown symbol, or one at an impossible position.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise NotationError(
            f"unknown token {token!r}: expected a symbol and its position, as in 'note.half-L2'"
        )
    name, row, number = match.groups()
    positions = [position for known, position in _GLYPHS if known.fullmatch(name)]
    if not positions:
        raise NotationError(f"unknown symbol {name!r} in token {token!r}")
    if not any(position.fullmatch(row + number) for position in positions):
        raise NotationError(f"{name!r} cannot stand at {row + number}")
    return AgnosticSymbol(name, 2 * int(number) - (2 if row == "L" else 1))


def read_agnostic(text: str) -> Score:
    """The score of an agnostic label line. Raises NotationError as `agnostic_to_score`."""
    return agnostic_to_score(split_label(text))


def write_agnostic(score: Score) -> str:
    """The agnostic label line of a score of one part."""
    return join_label(score_to_agnostic(score))


# Score -> tokens --------------------------------------------------------------------------------------------


def score_to_agnostic(score: Score) -> list[str]:
    """Tokens of a score of one part.

    Beams are those of `Note.beam`; `beaming.beam_by_meter` sets them where a score has none.

    Raises:
        NotationError: Not exactly one part, a note or key before any clef, or an event without a symbol.
    """
    if len(score.parts) != 1:
        raise NotationError(f"an agnostic label is one staff; this score has {len(score.parts)} parts")
    glyphs: list[AgnosticSymbol] = []
    clef: Clef | None = None
    tied: Note | None = None
    for measure in score.parts[0].measures:
        for event in flat_events(measure):
            if isinstance(event, Clef):
                clef = event
            if not isinstance(event, Note | Key):
                glyphs += _sign_glyphs(event)
                continue
            if clef is None:
                raise NotationError("a note or key signature before any clef has no position on the staff")
            if isinstance(event, Key):
                glyphs += _signature(event, clef)
            else:
                glyphs += _note_glyphs(event, clef, ends_tie=tie_ends(tied, event))
                tied = open_tie(tied, event)
        if measure.barline is not None:
            glyphs.append(AgnosticSymbol("barline", 0))
    return [str(glyph) for glyph in glyphs]


def _signature(key: Key, clef: Clef) -> list[AgnosticSymbol]:
    """The accidentals of a key signature in a clef; none for C major."""
    lowest = STEPS[clef.lowest_line % 7]
    name, steps = ("sharp", _SHARPS[lowest]) if key.fifths > 0 else ("flat", _FLATS[lowest])
    return [AgnosticSymbol(f"accidental.{name}", step) for step in steps[: abs(key.fifths)]]


def _note_glyphs(note: Note, clef: Clef, *, ends_tie: bool) -> Iterator[AgnosticSymbol]:
    step = note.pitch.diatonic - clef.lowest_line
    if note.fermata:
        yield AgnosticSymbol("fermata.above", 11)
    if ends_tie:
        yield AgnosticSymbol("slur.end", step)
    if note.accidental is not None:
        if note.accidental not in _ACCIDENTALS:
            raise NotationError(f"no agnostic symbol for an accidental of {note.accidental:+d} semitones")
        yield from (AgnosticSymbol(f"accidental.{name}", step) for name in _ACCIDENTALS[note.accidental])
    stem = value = note.duration.value
    if note.beam is not None:
        stem = f"beamed{_BEAM_SIDES[note.beam]}{_BEAMED.index(value) if value in _BEAMED else 0}"
    yield AgnosticSymbol(f"{'gracenote' if note.grace else 'note'}.{stem}", step)
    for _ in range(note.duration.dots):
        yield AgnosticSymbol("dot", _dot_step(step))
    if note.tie:
        yield AgnosticSymbol("slur.start", step)


def _dot_step(step: int) -> int:
    return step if step % 2 else step + 1


def _sign_glyphs(event: Event) -> Iterator[AgnosticSymbol]:
    match event:
        case Rest():
            # A whole rest hangs from the fourth line, every other one stands on the third.
            step = 6 if event.duration.value == "whole" else 4
            if event.fermata:
                yield AgnosticSymbol("fermata.above", 11)
            yield AgnosticSymbol(f"rest.{event.duration.value}", step)
            yield from (AgnosticSymbol("dot", 5) for _ in range(event.duration.dots))
        case MultiRest():
            yield from (AgnosticSymbol(f"digit.{digit}", 9) for digit in str(event.bars))
            yield AgnosticSymbol("multirest", 4)
        case Clef():
            yield AgnosticSymbol(f"clef.{event.shape}", 2 * (event.line - 1))
        case Meter(symbol=None):
            yield AgnosticSymbol(f"digit.{event.beats}", 6)
            yield AgnosticSymbol(f"digit.{event.unit}", 2)
        case Meter():
            yield AgnosticSymbol(f"metersign.{event.symbol}", 4)


# Tokens -> Score --------------------------------------------------------------------------------------------


def agnostic_to_score(tokens: Sequence[str]) -> Score:
    """The score of one staff; pitches follow from clef, position, key signature and accidentals.

    Raises:
        NotationError: A token is unknown or has no clear meaning at its place; the message has its number.
    """
    part = Part(_AgnosticReader(tokens).measures())
    check_bounds(part)
    return Score((sound_accidentals(part),))


class _AgnosticReader:
    """Parser of symbols from left to right; marks of the next note are held until it comes."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.total = len(tokens)
        self.next = 0  # index of the next symbol
        self.glyphs: list[AgnosticSymbol] = []
        for self.next, token in enumerate(tokens):
            try:
                self.glyphs.append(parse_agnostic_symbol(token))
            except NotationError as error:
                self._fail(str(error))
        self.next = 0
        self.events: list[Event] = []
        self.clef: Clef | None = None
        self.tied: Note | None = None
        self.begun = False  # whether a note or rest was read
        self._forget()

    def _forget(self) -> None:
        """Clear the marks that wait for a note."""
        self.fermata = False
        self.tie_end: AgnosticSymbol | None = None
        self.accidentals: tuple[AgnosticSymbol, ...] = ()

    def _fail(self, reason: str) -> NoReturn:
        # A symbol missing at the end is reported at the last token.
        raise NotationError(f"token {min(self.next + 1, self.total)} of {self.total}: {reason}")

    def _peek(self) -> AgnosticSymbol | None:
        return self.glyphs[self.next] if self.next < self.total else None

    def _take(self, name: str, step: int) -> bool:
        """Advance if this is the next symbol."""
        taken = self._peek() == AgnosticSymbol(name, step)
        self.next += taken
        return taken

    def measures(self) -> tuple[Measure, ...]:
        measures = []
        while glyph := self._peek():
            if glyph.kind not in ("note", "gracenote", "accidental", "fermata", "slur", "rest"):
                self._expect_no_waiting(f"before {glyph}")
            if glyph.kind == "barline":
                measures.append(Measure(tuple(self.events)))
                self.events = []
                self.next += 1
            else:
                self._read(glyph)
        self._expect_no_waiting("at the end")
        if self.events:
            measures.append(Measure(tuple(self.events), None))
        return tuple(measures)

    def _expect_no_waiting(self, where: str) -> None:
        signs = ["fermata"] if self.fermata else []
        signs += [str(sign) for sign in (self.tie_end, *self.accidentals) if sign]
        if signs:
            self._fail(f"{signs[0]} {where} has no note to belong to")

    def _read(self, glyph: AgnosticSymbol) -> None:
        match glyph.kind:
            case "clef":
                self.clef = Clef(glyph.detail, glyph.step // 2 + 1)  # type: ignore[arg-type]  # G, F or C
                self.events.append(self.clef)
                self.next += 1
            case "accidental":
                self._read_accidentals()
            case "digit":
                self._read_digits()
            case "metersign":
                self.events.append(METER_SIGNS[glyph.detail])
                self.next += 1
            case "fermata" if not self.fermata:
                self.fermata = True
                self.next += 1
            case "slur" if glyph.detail == "end" and self.tie_end is None:
                self.tie_end = glyph
                self.next += 1
            case "rest":
                fermata, self.fermata = self.fermata, False
                self._expect_no_waiting(f"before {glyph}")
                self.next += 1
                self.events.append(Rest(Duration(glyph.detail, self._dots(5)), fermata))
                self.begun = True
            case "note" | "gracenote":
                self._read_note(glyph)
            case "multirest":
                self._fail("multirest needs its number of bars before it, digits on S5")
            case _:
                self._fail(f"{glyph} does not belong to the glyph before it")

    def _read_digits(self) -> None:
        start = self.next
        while self._is_digit(self._peek(), 9):
            self.next += 1
        if self.next > start:
            digits = "".join(glyph.detail for glyph in self.glyphs[start : self.next])
            bars = int(digits[:_MAX_DIGITS])
            if len(digits) > _MAX_DIGITS or not self._take("multirest", 4) or bars == 0:
                self._fail(
                    f"digits on S5 name {bars} bars: expected one or more, and multirest-L3 after them"
                )
            self.events.append(MultiRest(bars))
            self.begun = True
            return
        beats, unit = [*self.glyphs[start : start + 2], None, None][:2]
        if not (beats and unit and self._is_digit(beats, 6) and self._is_digit(unit, 2)):
            self._fail(f"{beats} needs a number of beats on L4 and then a unit on L2")
        self.events.append(Meter(int(beats.detail), int(unit.detail)))
        self.next += 2

    @staticmethod
    def _is_digit(glyph: AgnosticSymbol | None, step: int) -> bool:
        return glyph is not None and glyph.kind == "digit" and glyph.step == step

    def _read_accidentals(self) -> None:
        """Read a run of accidentals: a key signature, then those of the next note; either may be empty."""
        end = self.next
        while end < self.total and self.glyphs[end].kind == "accidental":
            end += 1
        run, after = tuple(self.glyphs[self.next : end]), self.glyphs[end] if end < self.total else None
        splits = [len(run) - own for own in range(min(len(run), 2) + 1)]
        # Right after the opening clef a key signature is to be expected.
        opens = self.next > 0 and self.glyphs[self.next - 1].kind == "clef" and not self.begun
        for split in splits if opens else reversed(splits):
            key = self._key(run[:split])
            if key is not None and self._belong_to(run[split:], after):
                break
        else:
            self._fail(f"accidentals from {run[0]} on are neither a key signature nor of the next note")
        if key.fifths:
            self._expect_no_waiting("before a key signature")
            self.events.append(key)
        self.accidentals = run[split:]
        self.next += len(run)

    @staticmethod
    def _belong_to(run: Sequence[AgnosticSymbol], note: AgnosticSymbol | None) -> bool:
        """Whether accidentals can be those of a note; true for none."""
        if not run:
            return True
        if note is None or note.kind not in ("note", "gracenote"):
            return False
        named = tuple(glyph.detail for glyph in run) in _ALTERS
        return named and all(glyph.step == note.step for glyph in run)

    def _key(self, run: Sequence[AgnosticSymbol]) -> Key | None:
        """The key of accidentals; Key(0) for none, None if they are not a signature in this clef."""
        if not run:
            return Key(0)
        if self.clef is None or len(run) > 7:
            return None
        key = Key(len(run) if run[0].detail == "sharp" else -len(run))
        return key if _signature(key, self.clef) == list(run) else None

    def _read_note(self, glyph: AgnosticSymbol) -> None:
        if self.clef is None:
            self._fail(f"{glyph} stands before any clef, so its pitch is unknown")
        octave, letter = divmod(self.clef.lowest_line + glyph.step, 7)
        value: str = glyph.detail
        beam: BeamPlace | None = None
        if value.startswith("beamed"):  # beamedBoth2, ...
            value, beam = _BEAMED[int(value[-1])], _BEAM_PLACES[value.removeprefix("beamed")[:-1]]
        accidental = _ALTERS[tuple(sign.detail for sign in self.accidentals)] if self.accidentals else None
        pitch, grace, fermata = Pitch(STEPS[letter], octave), glyph.kind == "gracenote", self.fermata
        if self.tie_end:
            untied = not tie_ends(self.tied, Note(pitch, Duration(value), grace=grace))
            if self.tie_end.step != glyph.step or untied:
                self._fail(
                    f"{self.tie_end} before {glyph}: expected a slur.start after an earlier note of its pitch"
                )
        self.next += 1
        duration = Duration(value, self._dots(_dot_step(glyph.step)))
        tie = self._take("slur.start", glyph.step)
        note = Note(pitch, duration, accidental, tie=tie, grace=grace, fermata=fermata, beam=beam)
        self.events.append(note)
        self.begun = True
        self.tied = open_tie(self.tied, note)
        self._forget()

    def _dots(self, step: int) -> int:
        start = self.next
        while self._take("dot", step):
            pass
        return self.next - start
