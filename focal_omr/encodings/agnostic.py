"""The PrIMuS *agnostic* encoding, both ways: what is printed and where, without its meaning.

A label is one line of tab-separated tokens `glyph-position`. A position is a line Ln or a space Sn counted
from the bottom: L1 the lowest line, S1 the space above it, S0 the one below, L0 the first ledger line below,
`L-1` the next. PrIMuS's conventions, as far as they are known:

    note            fermata, slur.end, accidental, the note, its dots, slur.start, in this order
    beams           beamedRight: the first of a beam, beamedBoth, beamedLeft: the last; the number counts the
                    note's own beams. It is 0 for a quarter note inside a beam, which RISM's Plaine & Easie
                    incipits allow
    ties            `slur.start` and `slur.end` at the notes' place; true slurs are not encoded
    dots            in the space of the note, or the one above its line; of a rest in S3
    accidentals     two flats for a double flat
    fermata         always above, S6; of a rest before the rest
    meter           a number is one token: `digit.12-L4 digit.8-L2`
    multirest       single digits on S5, then `multirest-L3`
    key signature   no naturals where it ends an earlier one; C major prints nothing

What cannot be told, or is lost on the way:

    * kinds of barline, tuplets (their notes become plain ones), C major (no Key), so also a change to it;
      a half note inside a beam, read as a quarter. There is no glyph for a double sharp: an error.
    * accidentals right after the opening clef are read as a key signature as far as they make one, even where
      the last could belong to a first note in its place; everywhere else the note comes first.

Not known, and so our choice: the places of the later accidentals of a signature (the first four are known but
for G1 and F5); they are engravers' custom, and agree with Verovio's save the flats of C2 (where ours begin as
PrIMuS's do) and the last three flats of F5. How PrIMuS beams grace notes that stand alone: its vocabulary
almost only has `gracenote.beamedBoth`, of grace notes inside a beam of full-size ones; `Note.beam` is written
as it is.

Source: Calvo-Zaragoza & Rizo, "End-to-end neural optical music recognition of monophonic scores", Applied
Sciences 8(4):606, 2018, and the vocabulary published with its code; the order of a note's glyphs and the
places of signatures after D. Rizo's MEI converter (github.com/davidrizo/im3), with which PrIMuS was made.
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
# Values by the number of their beams: quarter 0 (a plain stem), eighth 1, ...
_BEAMED = tuple(NOTE_VALUES)[tuple(NOTE_VALUES).index("quarter") :]
_ACCIDENTALS = {-2: ("flat", "flat"), -1: ("flat",), 0: ("natural",), 1: ("sharp",)}
_ALTERS = {names: alter for alter, names in _ACCIDENTALS.items()}

# Key signatures by the note letter of the staff's lowest line: steps above that line, in the order in which
# the accidentals enter (F C G D A E B, and B E A D G C F).
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
_MOST_DIGITS = 5  # of a multi-measure rest
_NUMBER = "-?[1-9][0-9]?|0"
_TOKEN = re.compile(rf"(.+)-([LS])({_NUMBER})")
# Every glyph, and the positions at which it may stand.
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
    """A printed sign and its place.

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
        """The place as PrIMuS names it: L1, S-2, ..."""
        return f"S{(self.step + 1) // 2}" if self.step % 2 else f"L{self.step // 2 + 1}"

    def __str__(self) -> str:
        return f"{self.name}-{self.position}"


def parse_agnostic_symbol(token: str) -> AgnosticSymbol:
    """The glyph of a token. Raises NotationError for an unknown glyph or one at an impossible place."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise NotationError(f"unknown token {token!r}: needed is a glyph and its place, as in 'note.half-L2'")
    name, row, number = match.groups()
    places = [place for known, place in _GLYPHS if known.fullmatch(name)]
    if not places:
        raise NotationError(f"unknown glyph {name!r} in token {token!r}")
    if not any(place.fullmatch(row + number) for place in places):
        raise NotationError(f"{name!r} cannot stand at {row + number}")
    return AgnosticSymbol(name, 2 * int(number) - (2 if row == "L" else 1))


def read_agnostic(text: str) -> Score:
    """The score of an agnostic label line. Raises NotationError as `agnostic_to_score` does."""
    return agnostic_to_score(split_label(text))


def write_agnostic(score: Score) -> str:
    """The agnostic label line of a score of one part."""
    return join_label(score_to_agnostic(score))


# Score -> tokens --------------------------------------------------------------------------------------------


def score_to_agnostic(score: Score) -> list[str]:
    """Tokens of a score of one part, as its records say that it is printed.

    Beams are those of `Note.beam`; `beaming.beam_by_meter` fills them in where a score has none.

    Raises:
        NotationError: Not exactly one part, a note or key before any clef, or a record without a glyph.
    """
    if len(score.parts) != 1:
        raise NotationError(f"an agnostic label is one staff; this score has {len(score.parts)} parts")
    return [str(glyph) for glyph in _part_glyphs(score.parts[0])]


def _part_glyphs(part: Part) -> Iterator[AgnosticSymbol]:
    clef: Clef | None = None
    tied: Note | None = None
    for measure in part.measures:
        for event in flat_events(measure):
            if isinstance(event, Clef):
                clef = event
            if isinstance(event, Note):
                yield from _note_glyphs(event, _known(clef), ends_tie=tie_ends(tied, event))
                tied = open_tie(tied, event)
            elif isinstance(event, Key):
                yield from _signature(event, _known(clef))
            else:
                yield from _sign_glyphs(event)
        if measure.barline is not None:
            yield AgnosticSymbol("barline", 0)


def _known(clef: Clef | None) -> Clef:
    if clef is None:
        raise NotationError("a note or key signature before any clef has no place on the staff")
    return clef


def _signature(key: Key, clef: Clef) -> list[AgnosticSymbol]:
    """The accidentals of a key signature at their places in a clef; none for C major."""
    lowest = STEPS[clef.lowest_line % 7]
    name, steps = ("sharp", _SHARPS[lowest]) if key.fifths > 0 else ("flat", _FLATS[lowest])
    return [AgnosticSymbol(f"accidental.{name}", step) for step in steps[: abs(key.fifths)]]


def _note_glyphs(note: Note, clef: Clef, *, ends_tie: bool) -> Iterator[AgnosticSymbol]:
    step = note.pitch.diatonic - clef.lowest_line
    if note.fermata:
        yield AgnosticSymbol("fermata.above", 11)
    if ends_tie:
        yield AgnosticSymbol("slur.end", step)
    for name in _accidental_names(note):
        yield AgnosticSymbol(f"accidental.{name}", step)
    yield AgnosticSymbol(f"{'gracenote' if note.grace else 'note'}.{_stem(note)}", step)
    for _ in range(note.duration.dots):
        yield AgnosticSymbol("dot", _dot_step(step))
    if note.tie:
        yield AgnosticSymbol("slur.start", step)


def _accidental_names(note: Note) -> tuple[str, ...]:
    if note.accidental is None:
        return ()
    if note.accidental not in _ACCIDENTALS:
        raise NotationError(f"no agnostic glyph for an accidental of {note.accidental:+d} semitones")
    return _ACCIDENTALS[note.accidental]


def _stem(note: Note) -> str:
    value = note.duration.value
    if note.beam is None:
        return value
    beams = _BEAMED.index(value) if value in _BEAMED else 0
    return f"beamed{_BEAM_SIDES[note.beam]}{beams}"


def _dot_step(step: int) -> int:
    return step if step % 2 else step + 1


def _sign_glyphs(event: Event) -> Iterator[AgnosticSymbol]:
    match event:
        case Rest():
            step = _rest_step(event.duration.value)
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


def _rest_step(value: str) -> int:
    # A whole rest hangs from the fourth line, every other one stands on the third.
    return 6 if value == "whole" else 4


# Tokens -> Score --------------------------------------------------------------------------------------------


def agnostic_to_score(tokens: Sequence[str]) -> Score:
    """The score of one staff: pitches from clef, place, key signature, printed accidentals and the carry.

    Raises:
        NotationError: A token is unknown or has no plain meaning where it stands; the message says where.
    """
    part = Part(_AgnosticReader(tokens).measures())
    check_bounds(part)
    return Score((sound_accidentals(part),))


class _AgnosticReader:
    """Goes over the glyphs from left to right; what belongs to the next note waits until it comes."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.total = len(tokens)
        self.next = 0  # index of the glyph to be read
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
        """Nothing waits for a note."""
        self.fermata = False
        self.tie_end: AgnosticSymbol | None = None
        self.accidentals: tuple[AgnosticSymbol, ...] = ()

    def _fail(self, reason: str) -> NoReturn:
        # What is missing at the end is said of the last token.
        raise NotationError(f"token {min(self.next + 1, self.total)} of {self.total}: {reason}")

    def _peek(self) -> AgnosticSymbol | None:
        return self.glyphs[self.next] if self.next < self.total else None

    def _take(self, name: str, step: int) -> bool:
        """Go past the glyph if it is the next one."""
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
                self._read_clef(glyph)
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
                self._read_rest(glyph)
            case "note" | "gracenote":
                self._read_note(glyph)
            case "multirest":
                self._fail("multirest needs its number of bars before it, digits on S5")
            case _:
                self._fail(f"{glyph} does not belong to the glyph before it")

    def _read_clef(self, glyph: AgnosticSymbol) -> None:
        self.clef = Clef(glyph.detail, glyph.step // 2 + 1)  # type: ignore[arg-type]  # parsed: G, F or C
        self.events.append(self.clef)
        self.next += 1

    def _read_digits(self) -> None:
        start = self.next
        while self._is_digit(self._peek(), 9):
            self.next += 1
        if self.next > start:
            digits = "".join(glyph.detail for glyph in self.glyphs[start : self.next])
            bars = int(digits[:_MOST_DIGITS])
            if len(digits) > _MOST_DIGITS or not self._take("multirest", 4) or bars == 0:
                self._fail(
                    f"digits on S5 name {bars} bars: needed are one or more, and multirest-L3 after them"
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
        """A run of accidentals: a key signature, then those of the note that follows; either may be empty."""
        end = self.next
        while end < self.total and self.glyphs[end].kind == "accidental":
            end += 1
        run, after = tuple(self.glyphs[self.next : end]), self.glyphs[end] if end < self.total else None
        splits = [len(run) - own for own in range(min(len(run), 2) + 1)]
        for split in splits if self._opens() else reversed(splits):
            key = self._key(run[:split])
            if key is not None and self._own(run[split:], after):
                break
        else:
            self._fail(f"accidentals from {run[0]} on are neither a key signature nor of the next note")
        if key.fifths:
            self._expect_no_waiting("before a key signature")
            self.events.append(key)
        self.accidentals = run[split:]
        self.next += len(run)

    def _opens(self) -> bool:
        """Whether the glyph before is the opening clef, after which a key signature is to be expected."""
        return self.next > 0 and self.glyphs[self.next - 1].kind == "clef" and not self.begun

    @staticmethod
    def _own(run: Sequence[AgnosticSymbol], note: AgnosticSymbol | None) -> bool:
        """Whether accidentals can be those of a note."""
        if not run:
            return True
        if note is None or note.kind not in ("note", "gracenote"):
            return False
        named = tuple(glyph.detail for glyph in run) in _ALTERS
        return named and all(glyph.step == note.step for glyph in run)

    def _key(self, run: Sequence[AgnosticSymbol]) -> Key | None:
        """The key that accidentals name; Key(0) for none, None where they are no signature in this clef."""
        if not run:
            return Key(0)
        if self.clef is None or len(run) > 7:
            return None
        key = Key(len(run) if run[0].detail == "sharp" else -len(run))
        return key if _signature(key, self.clef) == list(run) else None

    def _read_note(self, glyph: AgnosticSymbol) -> None:
        if self.clef is None:
            self._fail(f"{glyph} stands before any clef, so its pitch cannot be told")
        octave, letter = divmod(self.clef.lowest_line + glyph.step, 7)
        value, beam = _read_stem(glyph.detail)
        accidental = _ALTERS[tuple(sign.detail for sign in self.accidentals)] if self.accidentals else None
        pitch, grace, fermata = Pitch(STEPS[letter], octave), glyph.kind == "gracenote", self.fermata
        if self.tie_end:
            self._expect_tie(glyph, Note(pitch, Duration(value), grace=grace))
        self.next += 1
        duration = Duration(value, self._dots(_dot_step(glyph.step)))
        tie = self._take("slur.start", glyph.step)
        note = Note(pitch, duration, accidental, tie=tie, grace=grace, fermata=fermata, beam=beam)
        self.events.append(note)
        self.begun = True
        self.tied = open_tie(self.tied, note)
        self._forget()

    def _expect_tie(self, glyph: AgnosticSymbol, note: Note) -> None:
        assert self.tie_end is not None
        if self.tie_end.step != glyph.step or not tie_ends(self.tied, note):
            self._fail(
                f"{self.tie_end} before {glyph}: needed is a slur.start after an earlier note of its pitch"
            )

    def _read_rest(self, glyph: AgnosticSymbol) -> None:
        fermata, self.fermata = self.fermata, False
        self._expect_no_waiting(f"before {glyph}")
        self.next += 1
        self.events.append(Rest(Duration(glyph.detail, self._dots(5)), fermata))
        self.begun = True

    def _dots(self, step: int) -> int:
        start = self.next
        while self._take("dot", step):
            pass
        return self.next - start


def _read_stem(stem: str) -> tuple[str, BeamPlace | None]:
    """Value and place in a beam of `quarter`, `beamedBoth2`, ..."""
    if not stem.startswith("beamed"):
        return stem, None
    return _BEAMED[int(stem[-1])], _BEAM_PLACES[stem.removeprefix("beamed")[:-1]]
