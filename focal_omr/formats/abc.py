"""ABC: one tune of one part, as collections of folk tunes keep them.

Source: the ABC music standard 2.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from focal_omr.encodings.semantic import KEY_NAMES
from focal_omr.errors import NotationError
from focal_omr.formats.written_bars import WrittenBar, written_bars
from focal_omr.score.beaming import beam_by_meter
from focal_omr.score.records import (
    BarlineKind,
    Clef,
    Event,
    Key,
    Meter,
    Note,
    Pitch,
    Rest,
    Score,
    Tuplet,
    is_grace,
    tie_ends,
)

_UNIT = Fraction(1, 8)  # the length of a note without a number
_BARLINES: dict[BarlineKind | None, str] = {
    "single": "|",
    "double": "||",
    "final": "|]",
    "repeat_start": "|:",
    "repeat_end": ":|",
    "repeat_both": ":|:",
    None: "",
}
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
_CLEFS = {"G": ("treble", 2), "F": ("bass", 4), "C": ("alto", 3)}
_TREBLE = Clef("G", 2)
_BARS_A_LINE = 4  # where the score does not say where its systems end


def write_abc(score: Score, *, number: int = 1) -> str:
    """The score as an ABC tune.

    Every accidental that some program could miss is written, since they differ in how long one holds.

    Args:
        score: Of one part.
        number: Of the tune in its file (its field X).

    Raises:
        NotationError: Not exactly one part.
    """
    if len(score.parts) != 1:
        raise NotationError(f"an ABC tune is written of one part; this score has {len(score.parts)}")
    bars = list(written_bars(beam_by_meter(score.parts[0])))
    writer = _Writer()
    opening, bars = _opening(bars)
    key, clef = opening.get(Key), opening.get(Clef)
    assert isinstance(key, Key | None)
    assert isinstance(clef, Clef | None)
    writer.key = key or writer.key
    meter = opening.get(Meter)
    fields = [f"X:{number}", f"T:{score.title}"] if score.title else [f"X:{number}"]
    fields += [f"M:{_meter(meter) if isinstance(meter, Meter) else 'none'}", "L:1/8"]
    # Verovio 6.4 takes "clef=treble" for a part of the key.
    fields.append(f"K:{_key(writer.key)}{_clef(clef) if clef not in (None, _TREBLE) else ''}")
    return "\n".join([*fields, *_lines(writer, bars)]) + "\n"


def _opening(bars: Sequence[WrittenBar]) -> tuple[dict[type, Event], list[WrittenBar]]:
    """The first clef, key and meter, if they stand before any note, and the bars without them."""
    if not bars:
        return {}, []
    opening: dict[type, Event] = {}
    events = list(bars[0].events)
    while events and isinstance(events[0], Clef | Key | Meter) and type(events[0]) not in opening:
        sign = events.pop(0)
        opening[type(sign)] = sign
    return opening, [replace(bars[0], events=tuple(events)), *bars[1:]]


def _lines(writer: "_Writer", bars: Sequence[WrittenBar]) -> Iterator[str]:
    """The tune's lines: a system each, or some bars."""
    told = any(bar.break_before for bar in bars)
    line = ""
    for number, bar in enumerate(bars):
        if line and (bar.break_before if told else number % _BARS_A_LINE == 0):
            yield line.rstrip()
            line = ""
        if number == 0 and bar.opens_repeat:
            line = "|:"
        line += f"{writer.bar(bar)}{_BARLINES[bar.barline]} "
    yield line.rstrip()


@dataclass
class _Writer:
    """Writes bar after bar; knows what holds there."""

    key: Key = field(default_factory=lambda: Key(0))
    here: dict[tuple[str, int], int] = field(default_factory=dict)  # written in this bar, by step and octave
    anywhere: dict[str, int] = field(default_factory=dict)  # the same by step, in whatever octave
    tied: Note | None = None

    def bar(self, bar: WrittenBar) -> str:
        """The notes of a bar, beams without blanks in them."""
        self.here.clear()
        self.anywhere.clear()
        if bar.rest is not None:
            rest = f"z{_length(bar.rest)} "  # not "Z", which Verovio 6.4 takes for no bar at all
            return "".join(rest if isinstance(e, Rest) else self._sign(e) for e in bar.events)
        text, beamed = "", False
        for event in bar.events:
            text += "" if beamed or not text else " "
            text += self._event(event)
            beamed = _goes_on(event, beamed)
        return text + (" " if text else "")

    def _event(self, event: Event) -> str:
        match event:
            case Note():
                return self._note(event)
            case Rest():
                return f"{'!fermata!' if event.fermata else ''}z{_length(event.duration.length)}"
            case Tuplet():
                return self._tuplet(event)
        return self._sign(event)

    def _sign(self, event: Event) -> str:
        match event:
            case Clef():
                return f"[K:{_key(self.key)}{_clef(event)}]"
            case Key():
                self.key = event
                self.here.clear()
                self.anywhere.clear()
                return f"[K:{_key(event)}]"
            case Meter():
                return f"[M:{_meter(event)}]"
        raise TypeError(f"no ABC for {event!r}")

    def _tuplet(self, tuplet: Tuplet) -> str:
        count = sum(not is_grace(event) for event in tuplet.events)
        text, beamed = f"({tuplet.actual}:{tuplet.normal}:{count}", True
        for event in tuplet.events:
            text += ("" if beamed else " ") + self._event(event)
            beamed = _goes_on(event, beamed)
        return text

    def _note(self, note: Note) -> str:
        text = f"{self._accidental(note)}{_pitch(note.pitch)}{_length(note.duration.length)}"
        self.tied = note if note.tie else self.tied if note.grace else None
        if note.grace:
            return f"{{{'/' if note.duration.value == 'eighth' else ''}{text}}}"
        return f"{'!fermata!' if note.fermata else ''}{text}{'-' if note.tie else ''}"

    def _accidental(self, note: Note) -> str:
        step, octave, alter = note.pitch.step, note.pitch.octave, note.pitch.alter
        by_key = self.key.alter(step)
        expected = {self.here.get((step, octave), by_key), self.anywhere.get(step, by_key)}
        if tie_ends(self.tied, note):
            expected = {alter}  # sounds as it began
        if note.accidental is None and expected == {alter}:
            return ""
        self.here[step, octave] = self.anywhere[step] = alter
        return _ACCIDENTALS[alter]


def _goes_on(event: Event, beamed: bool) -> bool:
    """Whether a beam is open after an event."""
    if isinstance(event, Tuplet):
        places = [e.beam for e in event.events if isinstance(e, Note)]
        return places.count("start") > places.count("end") or (beamed and "end" not in places and any(places))
    if isinstance(event, Note):
        return event.beam in ("start", "middle") or event.grace
    return beamed and isinstance(event, Rest)


def _pitch(pitch: Pitch) -> str:
    if pitch.octave >= 5:
        return pitch.step.lower() + "'" * (pitch.octave - 5)
    return pitch.step + "," * (4 - pitch.octave)


def _length(length: Fraction) -> str:
    units = length / _UNIT
    over = f"/{units.denominator}" if units.denominator > 1 else ""
    return f"{units.numerator if units.numerator > 1 else ''}{over}"


def _key(key: Key) -> str:
    return KEY_NAMES[key.fifths].removesuffix("M")


def _clef(clef: Clef) -> str:
    name, usual = _CLEFS[clef.shape]
    if (clef.shape, clef.line) == ("C", 4):
        return " clef=tenor"
    return f" clef={name}" if clef.line == usual else f" clef={name}{clef.line}"


def _meter(meter: Meter) -> str:
    return {"C": "C", "C/": "C|"}.get(meter.symbol or "", f"{meter.beats}/{meter.unit}")
