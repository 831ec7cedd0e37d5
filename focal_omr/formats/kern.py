"""Humdrum kern writer: one spine for each part, the lowest staff first.

Written directly, because Verovio 6.4 converts MEI to kern without meters and with invalid durations.

Source: Humdrum user guide, chapter 2, and the reference of the kern representation.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile
from typing import Literal

from focal_omr.errors import NotationError
from focal_omr.formats.written_bars import WrittenBar, ties_that_end, written_bars
from focal_omr.score.beaming import beam_by_meter, beam_types
from focal_omr.score.records import (
    SHARP_ORDER,
    BarlineKind,
    Clef,
    Event,
    Key,
    Measure,
    Meter,
    Note,
    Part,
    Rest,
    Score,
    Tuplet,
    flat_events,
    open_tie,
    tie_ends,
)

_BARLINES: dict[BarlineKind | None, str] = {
    "single": "",
    "double": "||",
    "final": "==",
    "repeat_start": "!|:",
    "repeat_end": ":|!",
    "repeat_both": ":|!|:",
    None: "-",
}
_ALTERS = {-2: "--", -1: "-", 0: "", 1: "#", 2: "##"}
_BEAMS = {"begin": "L", "end": "J", "forward hook": "K", "backward hook": "k"}
_METER_SIGNS = {"C": "*met(c)", "C/": "*met(c|)"}
_BREAKS = {"system": "!!LO:LB:g=original", "page": "!!LO:PB:g=original"}
# Reciprocals of values longer than a whole note, in whole notes.
_ZEROS = {Fraction(2): "0", Fraction(4): "00"}


@dataclass(frozen=True)
class _Token:
    """A data token or interpretation of a spine.

    Attributes:
        onset: Distance from the start of the bar, in whole notes.
    """

    onset: Fraction
    text: str
    kind: Literal["sign", "grace", "timed"]


def write_kern(score: Score) -> str:
    """The score as a Humdrum file. Parts that are shorter than others in a bar get invisible rests.

    Raises:
        NotationError: The score has no parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; one part at least is needed")
    spines = [_Spine(part) for part in reversed(score.parts)]
    count = len(spines)
    lines = [f"!!!OTL: {score.title}"] if score.title else []
    lines.append(_row(["**kern"] * count))
    if any(part.name for part in score.parts):
        lines.append(_row([f'*I"{spine.part.name}' for spine in spines]))
    bars = max(len(spine.bars) for spine in spines)
    for index in range(bars):
        bar = spines[0].bar(index)
        if (broken := bar.break_before) and index:
            lines.append(_BREAKS[broken])
        rows = list(_rows([spine.tokens(index) for spine in spines]))
        if index == 0:  # the first bar gets a barline too, invisible, after clef, key and meter
            signs = sum(1 for _ in takewhile(lambda row: row.startswith("*"), rows))
            rows.insert(signs, _row(["=1!|:" if bar.opens_repeat else "=1-"] * count))
        lines += rows
        number = "" if index == bars - 1 else index + 2
        barline = "==" if bar.barline == "final" else f"={number}{_BARLINES[bar.barline]}"
        lines.append(_row([barline] * count))
    lines.append(_row(["*-"] * count))
    return "\n".join(lines) + "\n"


def _row(tokens: Sequence[str]) -> str:
    return "\t".join(tokens)


def _rows(spines: Sequence[list[_Token]]) -> Iterator[str]:
    """The rows of one bar: tokens of equal onset together, signs first, then grace notes.

    Args:
        spines: The tokens of each spine; the last one of each only tells where the bar ends.
    """
    longest = max(tokens[-1].onset for tokens in spines)
    waiting = []
    for *tokens, end in spines:
        if end.onset < longest:
            tokens.append(_Token(end.onset, f"{_reciprocal(longest - end.onset)}ryy", "timed"))
        waiting.append(tokens)
    while any(waiting):
        onset = min(tokens[0].onset for tokens in waiting if tokens)
        due = [tokens[0] if tokens and tokens[0].onset == onset else None for tokens in waiting]
        kinds = {token.kind for token in due if token}
        kind = next(kind for kind in ("sign", "grace", "timed") if kind in kinds)
        taken = [token.text if token and token.kind == kind else None for token in due]
        yield _row([text or ("*" if kind == "sign" else ".") for text in taken])
        for tokens, text in zip(waiting, taken, strict=True):
            if text is not None:
                tokens.pop(0)


def _reciprocal(length: Fraction, dots: int = 0) -> str:
    """A length in whole notes in kern: "4" a quarter, "12" a triplet eighth, "3%2" two thirds."""
    plain = length / (2 - Fraction(1, 2**dots))
    if plain in _ZEROS:
        return _ZEROS[plain] + "." * dots
    if plain.numerator == 1:
        return f"{plain.denominator}{'.' * dots}"
    return f"{plain.denominator}%{plain.numerator}{'.' * dots}"


@dataclass
class _Spine:
    """Writer of one part, bar by bar.

    Attributes:
        ended: Indices of the notes whose tie leads to another note.
        notes: Number of notes written so far.
    """

    part: Part
    bars: list[WrittenBar] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    notes: int = 0
    tied: Note | None = None

    def __post_init__(self) -> None:
        self.bars = list(written_bars(beam_by_meter(self.part)))
        self.ended = ties_that_end(self.bars)

    def bar(self, index: int) -> WrittenBar:
        return self.bars[index] if index < len(self.bars) else WrittenBar((), "single")

    def tokens(self, index: int) -> list[_Token]:
        """The tokens of a bar, and an empty one at its end."""
        bar = self.bar(index)
        notes = [event for event in flat_events(Measure(bar.events)) if isinstance(event, Note)]
        beams = iter(beam_types(notes))
        onset, tokens = Fraction(0), []
        for outer in bar.events:
            scale = Fraction(outer.normal, outer.actual) if isinstance(outer, Tuplet) else Fraction(1)
            for event in outer.events if isinstance(outer, Tuplet) else (outer,):
                length = Fraction(0)
                match event:
                    case Note():
                        if not event.grace:
                            length = event.duration.length * scale
                        kind: Literal["grace", "timed"] = "grace" if event.grace else "timed"
                        tokens.append(_Token(onset, self._note(event, scale, next(beams)), kind))
                    case Rest():
                        length, dots = event.duration.length * scale, event.duration.dots
                        if bar.rest is not None:  # a measure rest: 3/4 is a dotted half
                            length, parts = bar.rest, bar.rest.denominator
                            dots = 1 if length.numerator == 3 and parts.bit_count() == 1 else 0
                        fermata = ";" if event.fermata else ""
                        tokens.append(_Token(onset, f"{_reciprocal(length, dots)}r{fermata}", "timed"))
                    case _:
                        tokens += [_Token(onset, text, "sign") for text in _interpretations(event)]
                onset += length
        return [*tokens, _Token(onset, "", "timed")]

    def _note(self, note: Note, scale: Fraction, beams: Sequence[str]) -> str:
        opens, closes = self.notes in self.ended, tie_ends(self.tied, note)
        self.tied = open_tie(self.tied, note)
        self.notes += 1
        tie = {(True, False): "[", (True, True): "_", (False, True): "]"}.get((opens, closes), "")
        length = note.duration.length * (1 if note.grace else scale)
        value = _reciprocal(length, note.duration.dots)
        step, octave = note.pitch.step, note.pitch.octave
        name = step.lower() * (octave - 3) if octave >= 4 else step * (4 - octave)
        natural = "n" if note.accidental == 0 and note.pitch.alter == 0 else ""
        grace = ("q" if note.duration.value == "eighth" else "qq") if note.grace else ""
        marks = "".join(_BEAMS.get(beam, "") for beam in beams) + (";" if note.fermata else "")
        before, after = (tie, "") if tie == "[" else ("", tie)
        return f"{before}{value}{name}{_ALTERS[note.pitch.alter]}{natural}{grace}{marks}{after}"


def _interpretations(event: Event) -> list[str]:
    match event:
        case Clef():
            return [f"*clef{event.shape}{event.line}"]
        case Key():
            steps = SHARP_ORDER if event.fifths > 0 else SHARP_ORDER[::-1]
            sign = "#" if event.fifths > 0 else "-"
            return ["*k[" + "".join(f"{step.lower()}{sign}" for step in steps[: abs(event.fifths)]) + "]"]
        case Meter():
            symbol = [_METER_SIGNS[event.symbol]] if event.symbol else []
            return [f"*M{event.beats}/{event.unit}", *symbol]
    raise TypeError(f"no kern for {event!r}")
