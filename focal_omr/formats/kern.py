"""Humdrum kern: one column for each part, the lowest staff first, a line for all that begins together.

Source: Humdrum user guide, chapter 2 and the reference of the kern representation. Verovio 6.4 makes kern
of MEI without meters, and with durations that are none, so this is written by hand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import takewhile
from typing import Literal

from focal_omr.errors import NotationError
from focal_omr.formats.written_bars import WrittenBar, beam_types, ties_that_end, written_bars
from focal_omr.score.beaming import beam_by_meter
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
# Values that a number alone names: longer than a whole note they are zeros.
_ZEROS = {Fraction(2): "0", Fraction(4): "00"}


@dataclass(frozen=True)
class _Token:
    """What stands in a column: a sign, a grace note, or a note or rest of a length in whole notes."""

    onset: Fraction
    text: str
    kind: Literal["sign", "grace", "timed"]


def write_kern(score: Score) -> str:
    """The score as a Humdrum file. Parts that are short of others in a bar get invisible rests.

    Raises:
        NotationError: A score without parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; one part at least is needed")
    columns = [_Spine(part) for part in reversed(score.parts)]
    count = len(columns)
    lines = [f"!!!OTL: {score.title}"] if score.title else []
    lines.append(_row(["**kern"] * count))
    if any(part.name for part in score.parts):
        lines.append(_row([f'*I"{column.part.name}' for column in columns]))
    bars = max(len(column.bars) for column in columns)
    for index in range(bars):
        here = [column.bar(index) for column in columns]
        if (broken := here[0].break_before) and index:
            lines.append(_BREAKS[broken])
        rows = list(_merged([column.cells(index) for column in columns]))
        if index == 0:  # the first bar has a barline too, after clef, key and meter; it is rarely to be seen
            signs = sum(1 for _ in takewhile(lambda row: row.startswith("*"), rows))
            rows.insert(signs, _row(["=1!|:" if here[0].opens_repeat else "=1-"] * count))
        lines += rows
        lines.append(_row([_barline(here[0].barline, index + 2, last=index == bars - 1)] * count))
    lines.append(_row(["*-"] * count))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "\t".join(cells)


def _barline(kind: BarlineKind | None, number: int, *, last: bool) -> str:
    if kind == "final":
        return "=="
    return f"={'' if last else number}{_BARLINES[kind]}"


def _merged(columns: Sequence[list[_Token]]) -> Iterator[str]:
    """The lines of one bar: of all columns what begins together; signs and grace notes before it."""
    waiting = [list(column) for column in _filled(columns)]
    while any(waiting):
        onset = min(column[0].onset for column in waiting if column)
        due = [column[0] if column and column[0].onset == onset else None for column in waiting]
        kinds = {cell.kind for cell in due if cell}
        kind = next(kind for kind in ("sign", "grace", "timed") if kind in kinds)
        taken = [cell.text if cell and cell.kind == kind else None for cell in due]
        yield _row([text or ("*" if kind == "sign" else ".") for text in taken])
        for column, text in zip(waiting, taken, strict=True):
            if text is not None:
                column.pop(0)


def _filled(columns: Sequence[list[_Token]]) -> list[list[_Token]]:
    """Columns that all last as long as the longest; the last cell of each says where it ends."""
    ends = [column[-1].onset for column in columns]
    longest = max(ends)
    return [
        [*column[:-1], *([_Token(end, f"{_reciprocal(longest - end)}ryy", "timed")] if end < longest else [])]
        for column, end in zip(columns, ends, strict=True)
    ]


def _reciprocal(length: Fraction, dots: int = 0) -> str:
    """A length in whole notes as kern names it: "4" a quarter, "12" a triplet eighth, "3%2" two thirds."""
    plain = length / (2 - Fraction(1, 2**dots))
    if plain in _ZEROS:
        return _ZEROS[plain] + "." * dots
    if plain.numerator == 1:
        return f"{plain.denominator}{'.' * dots}"
    return f"{plain.denominator}%{plain.numerator}{'.' * dots}"


@dataclass
class _Spine:
    """Writes the bars of one part, one after the other."""

    part: Part
    bars: list[WrittenBar] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)  # numbers of the notes whose tie leads somewhere
    notes: int = 0  # written so far
    tied: Note | None = None

    def __post_init__(self) -> None:
        self.bars = list(written_bars(beam_by_meter(self.part)))
        self.ended = ties_that_end(self.bars)

    def bar(self, index: int) -> WrittenBar:
        return self.bars[index] if index < len(self.bars) else WrittenBar((), "single")

    def cells(self, index: int) -> list[_Token]:
        """The cells of a bar, and an empty one at its end."""
        bar = self.bar(index)
        notes = [event for event in flat_events(Measure(bar.events)) if isinstance(event, Note)]
        beams = iter(beam_types(notes))
        onset, cells = Fraction(0), []
        for event, scale in _with_scales(bar.events):
            match event:
                case Note():
                    length = Fraction(0) if event.grace else event.duration.length * scale
                    kind: Literal["grace", "timed"] = "grace" if event.grace else "timed"
                    cells.append(_Token(onset, self._note(event, scale, next(beams)), kind))
                case Rest():
                    length = event.duration.length * scale if bar.rest is None else bar.rest
                    dots = event.duration.dots if bar.rest is None else _dots(length)
                    fermata = ";" if event.fermata else ""
                    cells.append(_Token(onset, f"{_reciprocal(length, dots)}r{fermata}", "timed"))
                case _:
                    length = Fraction(0)
                    cells += [_Token(onset, text, "sign") for text in _signs(event)]
            onset += length
        return [*cells, _Token(onset, "", "timed")]

    def _note(self, note: Note, scale: Fraction, beams: Sequence[str]) -> str:
        opens, closes = self.notes in self.ended, tie_ends(self.tied, note)
        self.tied = open_tie(self.tied, note)
        self.notes += 1
        tie = {(True, False): "[", (True, True): "_", (False, True): "]"}.get((opens, closes), "")
        length = note.duration.length * (1 if note.grace else scale)
        value = _reciprocal(length, note.duration.dots)
        grace = ("q" if note.duration.value == "eighth" else "qq") if note.grace else ""
        marks = "".join(_BEAMS.get(beam, "") for beam in beams) + (";" if note.fermata else "")
        before = tie if tie == "[" else ""
        return f"{before}{value}{_pitch(note)}{grace}{marks}{tie if not before else ''}"


def _with_scales(events: Sequence[Event]) -> Iterator[tuple[Event, Fraction]]:
    """Events with tuplets opened, and what the length of each is multiplied by."""
    for event in events:
        if isinstance(event, Tuplet):
            yield from ((inner, Fraction(event.normal, event.actual)) for inner in event.events)
        else:
            yield event, Fraction(1)


def _pitch(note: Note) -> str:
    step, octave = note.pitch.step, note.pitch.octave
    name = step.lower() * (octave - 3) if octave >= 4 else step * (4 - octave)
    natural = "n" if note.accidental == 0 and note.pitch.alter == 0 else ""
    return name + _ALTERS[note.pitch.alter] + natural


def _dots(length: Fraction) -> int:
    """Dots of a rest that lasts a bar: 3/4 is a dotted half."""
    return 1 if length.numerator == 3 and length.denominator & (length.denominator - 1) == 0 else 0


def _signs(event: Event) -> list[str]:
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
