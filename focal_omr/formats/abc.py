"""ABC writer: one tune of one part.

Source: the ABC music standard 2.1.
"""

from collections.abc import Sequence
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
    Rest,
    Score,
    Tuplet,
    is_grace,
    tie_ends,
)

_UNIT = Fraction(1, 8)  # L:1/8, the length of a note without a number
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
_BARS_PER_LINE = 4  # for scores without system breaks


def write_abc(score: Score, *, number: int = 1) -> str:
    """The score as an ABC tune.

    Programs differ in how long an accidental holds; every accidental that one of them could miss is written.

    Args:
        score: A score of one part.
        number: Number of the tune in its file (field X).

    Raises:
        NotationError: The score does not have exactly one part.
    """
    if len(score.parts) != 1:
        raise NotationError(f"an ABC tune is written of one part; this score has {len(score.parts)}")
    bars = list(written_bars(beam_by_meter(score.parts[0])))
    opening: dict[type[Event], Event] = {}  # clef, key and meter before any note go into the header
    if bars:
        events = list(bars[0].events)
        while events and isinstance(events[0], Clef | Key | Meter) and type(events[0]) not in opening:
            opening[type(events[0])] = events[0]
            del events[0]
        bars[0] = replace(bars[0], events=tuple(events))
    writer = _TuneWriter()
    key, clef, meter = opening.get(Key), opening.get(Clef), opening.get(Meter)
    writer.key = key if isinstance(key, Key) else writer.key
    lines = [f"X:{number}", f"T:{score.title}"] if score.title else [f"X:{number}"]
    lines += [f"M:{_meter(meter) if isinstance(meter, Meter) else 'none'}", "L:1/8"]
    # Verovio 6.4 takes "clef=treble" for a part of the key.
    clef_field = _clef(clef) if isinstance(clef, Clef) and clef != _TREBLE else ""
    lines.append(f"K:{_key(writer.key)}{clef_field}")
    has_breaks = any(bar.break_before for bar in bars)
    line = ""
    for index, bar in enumerate(bars):
        if line and (bar.break_before if has_breaks else index % _BARS_PER_LINE == 0):
            lines.append(line.rstrip())
            line = ""
        if index == 0 and bar.opens_repeat:
            line = "|:"
        line += f"{writer.bar(bar)}{_BARLINES[bar.barline]} "
    return "\n".join([*lines, line.rstrip()]) + "\n"


@dataclass
class _TuneWriter:
    """Writer of bars, with the accidentals in force.

    Attributes:
        here: Alterations written in this bar, by step and octave.
        anywhere: Alterations written in this bar, by step in any octave.
    """

    key: Key = field(default_factory=lambda: Key(0))
    here: dict[tuple[str, int], int] = field(default_factory=dict)
    anywhere: dict[str, int] = field(default_factory=dict)
    tied: Note | None = None

    def bar(self, bar: WrittenBar) -> str:
        """The music of a bar; the notes of a beam are not separated by blanks."""
        self.here.clear()
        self.anywhere.clear()
        if bar.rest is not None:
            rest = f"z{_length(bar.rest)} "  # Verovio 6.4 takes "Z" for no bar at all
            return "".join(rest if isinstance(e, Rest) else self._event(e) for e in bar.events)
        text = self._group(bar.events, beamed=False).removeprefix(" ")
        return text + (" " if text else "")

    def _group(self, events: Sequence[Event], *, beamed: bool) -> str:
        """Events with blanks between beams; `beamed`: whether a beam is open before the first one."""
        text = ""
        for event in events:
            text += ("" if beamed else " ") + self._event(event)
            beamed = _is_beam_open(event, beamed)
        return text

    def _event(self, event: Event) -> str:
        match event:
            case Note():
                return self._note(event)
            case Rest():
                return f"{'!fermata!' if event.fermata else ''}z{_length(event.duration.length)}"
            case Tuplet():
                count = sum(not is_grace(each) for each in event.events)
                music = self._group(event.events, beamed=True)
                return f"({event.actual}:{event.normal}:{count}{music}"
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

    def _note(self, note: Note) -> str:
        step, octave, alter = note.pitch.step, note.pitch.octave, note.pitch.alter
        by_key = self.key.alter(step)
        expected = {self.here.get((step, octave), by_key), self.anywhere.get(step, by_key)}
        if tie_ends(self.tied, note):
            expected = {alter}  # sounds as it began
        accidental = ""
        if note.accidental is not None or expected != {alter}:
            self.here[step, octave] = self.anywhere[step] = alter
            accidental = _ACCIDENTALS[alter]
        name = step.lower() + "'" * (octave - 5) if octave >= 5 else step + "," * (4 - octave)
        text = f"{accidental}{name}{_length(note.duration.length)}"
        self.tied = note if note.tie else self.tied if note.grace else None
        if note.grace:
            return f"{{{'/' if note.duration.value == 'eighth' else ''}{text}}}"
        return f"{'!fermata!' if note.fermata else ''}{text}{'-' if note.tie else ''}"


def _is_beam_open(event: Event, beamed: bool) -> bool:
    """Whether a beam is open after an event; `beamed`: whether one was before it."""
    if isinstance(event, Tuplet):
        places = [e.beam for e in event.events if isinstance(e, Note)]
        return places.count("start") > places.count("end") or (beamed and "end" not in places and any(places))
    if isinstance(event, Note):
        return event.beam in ("start", "middle") or event.grace
    return beamed and isinstance(event, Rest)


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
