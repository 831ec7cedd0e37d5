"""MEI control events: directions, spanners and the marks of events that MEI sets beside the staves."""

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from xml.etree import ElementTree as ET

from focal_omr.formats.mei_terms import (
    ACCIDENTALS,
    ARTICULATIONS,
    DURATIONS,
    FIGURES,
    JUMPS,
    ORNAMENTS,
    TECHNIQUES,
    beat_unit,
    sub,
)
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Chord,
    ChordSymbol,
    Direction,
    Dynamic,
    Event,
    Fermata,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Jump,
    Mark,
    Meter,
    Moment,
    Ornament,
    Ottava,
    Part,
    Pedal,
    Rehearsal,
    Slur,
    Space,
    Technique,
    Tempo,
    TrillLine,
    Words,
)

__all__ = ["PartControls"]

# SMuFL metronome marks by note value; Verovio's text font has them.
_METRONOME = {
    Fraction(2): "\ue1d0",
    Fraction(1): "\ue1d2",
    Fraction(1, 2): "\ue1d3",
    Fraction(1, 4): "\ue1d5",
    Fraction(1, 8): "\ue1d7",
    Fraction(1, 16): "\ue1d9",
    Fraction(1, 32): "\ue1db",
    Fraction(1, 64): "\ue1dd",
}
_METRONOME_DOT = "\ue1e7"
_FERMATAS = {"normal": None, "angled": "angular", "square": "square"}
_KINDS = {"major": "", "minor": "m", "dominant": "7", "major-seventh": "maj7", "minor-seventh": "m7"}
_KINDS |= {"diminished": "dim", "augmented": "aug", "half-diminished": "m7b5", "diminished-seventh": "dim7"}

Attributes = dict[str, str | None]


class PartControls:
    """Writes the control events of one part, measure by measure.

    Args:
        part: The part.
        first_staff: Number of its first staff in the document.
    """

    def __init__(self, part: Part, first_staff: int) -> None:
        self.part, self.first_staff = part, first_staff
        self.index = {measure.id: number for number, measure in enumerate(part.measures)}
        # By measure and staff the note value that time stamps count.
        self.units: list[dict[int, int]] = []
        now = dict.fromkeys(range(1, part.staves + 1), 4)
        for measure in part.measures:
            for sign in measure.signs:
                if isinstance(sign.value, Meter) and sign.onset == 0:
                    now |= {staff: beat_unit(sign.value) for staff in ([sign.staff] if sign.staff else now)}
            self.units.append(dict(now))
        self.home: dict[str, int] = {}
        self.staves: dict[str, int] = {}
        for number, measure in enumerate(part.measures):
            for voice in measure.voices:
                for event in voice.events:
                    for id_ in (
                        (event.id, *(n.id for n in event.notes)) if isinstance(event, Chord) else [event.id]
                    ):
                        self.home[id_], self.staves[id_] = number, event.staff
        self.waiting: dict[int, list[Callable[[ET.Element], object]]] = defaultdict(list)
        self.trills: dict[str, str] = {}  # of events with a trill, the end of its line
        for spanner in part.spanners:
            if isinstance(spanner, TrillLine):
                self.trills[spanner.start] = spanner.end
            else:
                self._file(spanner)

    def write(self, index: int, parent: ET.Element) -> None:
        """Write the control events of a measure.

        Args:
            index: The measure's index in the part.
            parent: The <measure>.
        """
        measure = self.part.measures[index]
        for unread in measure.unread:
            attributes = {"type": "unread", "staff": self._staff(unread.staff), "tstamp": "1"}
            sub(parent, "annot", attributes, unread.reason)
        for direction in measure.directions:
            self._write_direction(parent, index, direction)
        for write in self.waiting[index]:
            write(parent)
        arpeggios: dict[tuple[Fraction, str], list[Chord]] = defaultdict(list)
        for voice in measure.voices:
            for event in voice.events:
                for mark in event.marks if not isinstance(event, Space) else ():
                    if isinstance(mark, Arpeggio) and isinstance(event, Chord):
                        group = mark.group or f" {event.id}"
                        arpeggios[event.onset, group].append(event)
                    else:
                        self._write_mark(parent, event, mark)
                if isinstance(event, Chord):
                    for note in event.notes:
                        if note.tie_to:
                            sub(parent, "tie", {"startid": f"#{note.id}", "endid": f"#{note.tie_to}"})
                        elif note.tie_to == "":
                            sub(parent, "lv", {"startid": f"#{note.id}"})
                    if event.id in self.trills:
                        ends = self._ends(event.id, self.trills[event.id])
                        sub(parent, "line", {**ends, "form": "wavy", "type": "trill"})
        for (_, group), chords in arpeggios.items():
            arpeggio = next(mark for mark in chords[0].marks if isinstance(mark, Arpeggio))
            order = {"up": "up", "down": "down", "none": "nonarp", None: None}[arpeggio.direction]
            plist = " ".join(f"#{chord.id}" for chord in chords)
            number = group.strip() if group[0] != " " else None
            start = {"startid": f"#{chords[0].id}", "plist": plist, "order": order, "n": number or None}
            sub(parent, "arpeg", start)

    def _staff(self, staff: int) -> str:
        return str(self.first_staff + staff - 1)

    def _beat(self, index: int, onset: Fraction, staff: int) -> str:
        """The time stamp of an onset: beats from 1."""
        return f"{float(1 + onset * self.units[index].get(staff, 4)):.10g}"

    def _ends(self, start: str | None, end: str | None) -> Attributes:
        ends: Attributes = {"startid": f"#{start}" if start else None, "endid": f"#{end}" if end else None}
        known = start or end
        if known in self.staves:
            ends["staff"] = self._staff(self.staves[known])
        return ends

    def _moments(self, start: Moment, end: Moment | None) -> Attributes:
        first = self.index[start.measure]
        attributes: Attributes = {
            "tstamp": self._beat(first, start.onset, start.staff),
            "staff": self._staff(start.staff),
        }
        if end is not None:
            last = self.index[end.measure]
            attributes["tstamp2"] = f"{last - first}m+{self._beat(last, end.onset, end.staff)}"
        return attributes

    # Spanners ----------------------------------------------------------------------------------------------

    def _file(self, spanner: object) -> None:
        """Files a spanner under the measure in which it begins."""
        if isinstance(spanner, Hairpin | Ottava | Pedal) and {spanner.start.measure, spanner.end.measure} - {
            *self.index
        }:
            return
        match spanner:
            case Slur():
                attributes = {
                    **self._ends(spanner.start, spanner.end),
                    "curvedir": spanner.placement,
                    "lform": "dashed" if spanner.dashed else None,
                }
                self._later(spanner.start or spanner.end, "slur", attributes)
            case Glissando():
                attributes = {
                    **self._ends(spanner.start, spanner.end),
                    "lform": "wavy" if spanner.wavy else "solid",
                }
                self._later(spanner.start, "gliss", attributes, spanner.text)
            case Hairpin():
                form = "cres" if spanner.kind == "crescendo" else "dim"
                attributes = {**self._moments(spanner.start, spanner.end), "form": form}
                attributes["place"] = spanner.placement
                if spanner.end.staff != spanner.start.staff:
                    attributes["type"] = f"to-staff-{self._staff(spanner.end.staff)}"
                self._at(spanner.start, "hairpin", attributes)
            case Ottava():
                attributes = {
                    **self._moments(spanner.start, spanner.end),
                    "dis": str(7 * abs(spanner.octaves) + 1),
                    "dis.place": "above" if spanner.octaves > 0 else "below",
                }
                self._at(spanner.start, "octave", attributes)
            case Pedal():
                form = "line" if spanner.line else "pedstar"
                down: Attributes = {"dir": "down", "form": form}
                self._at(spanner.start, "pedal", {**self._moments(spanner.start, None), **down})
                up: Attributes = {"dir": "up", "form": form}
                self._at(spanner.end, "pedal", {**self._moments(spanner.end, None), **up})

    def _later(self, id_: str | None, tag: str, attributes: Attributes, text: str = "") -> None:
        if id_ in self.home:
            self.waiting[self.home[id_]].append(lambda parent: sub(parent, tag, attributes, text))

    def _at(self, moment: Moment, tag: str, attributes: Attributes) -> None:
        self.waiting[self.index[moment.measure]].append(lambda parent: sub(parent, tag, attributes))

    # Marks -------------------------------------------------------------------------------------------------

    def _write_mark(self, parent: ET.Element, event: Event, mark: Mark) -> None:
        start: Attributes = {"startid": f"#{event.id}", "staff": self._staff(event.staff)}
        start["place"] = getattr(mark, "placement", None)
        match mark:
            case Articulation("breath-mark" | "caesura"):
                sub(parent, "breath" if mark.name == "breath-mark" else "caesura", start)
            case Articulation() if mark.name not in ARTICULATIONS or mark.name in TECHNIQUES:
                sub(parent, "dir", {**start, "type": f"articulation.{mark.name}"})
            case Technique() if mark.text or mark.name not in TECHNIQUES:
                sub(parent, "dir", {**start, "type": f"technique.{mark.name}"}, mark.text)
            case Fermata():
                shape = _FERMATAS.get(mark.shape)
                form = "inv" if mark.placement == "below" else None
                kind = None if mark.shape in _FERMATAS else f"fermata.{mark.shape}"
                sub(parent, "fermata", {**start, "shape": shape, "form": form, "type": kind})
            case Fingering():
                sub(parent, "fing", {**start, "startid": f"#{mark.note or event.id}"}, mark.text)
            case Ornament():
                self._write_ornament(parent, event, mark, start)

    def _write_ornament(self, parent: ET.Element, event: Event, mark: Ornament, start: Attributes) -> None:
        tag, how = ORNAMENTS.get(mark.name, ("ornam", {"type": f"ornament.{mark.name}"}))
        attributes: Attributes = {**start, **how}
        for name, accidental in zip(("accidupper", "accidlower"), mark.accidentals, strict=False):
            attributes[name] = ACCIDENTALS.get(accidental)
        if tag == "trill" and event.id in self.trills:
            end = self.trills.pop(event.id)
            attributes |= {"endid": f"#{end}" if end != event.id else None, "extender": "true"}
        sub(parent, tag, attributes)

    # Directions --------------------------------------------------------------------------------------------

    def _write_direction(self, parent: ET.Element, index: int, direction: Direction) -> None:
        value = direction.value
        at: Attributes = {
            "tstamp": self._beat(index, direction.onset, direction.staff),
            "staff": self._staff(direction.staff),
            "place": direction.placement,
        }
        match value:
            case Dynamic():
                sub(parent, "dynam", at, value.text)
            case Words():
                rend = {
                    "fontstyle": "italic" if "italic" in value.style else "normal",
                    "fontweight": "bold" if "bold" in value.style else None,
                }
                sub(sub(parent, "dir", at), "rend", rend, value.text)
            case Tempo():
                _write_tempo(parent, value, at)
            case Rehearsal():
                sub(parent, "reh", at, value.text)
            case Jump("to-coda"):
                sub(parent, "dir", {**at, "type": "to-coda"}, value.text)
            case Jump():
                sub(parent, "repeatMark", {**at, "func": JUMPS[value.kind]}, value.text)
            case ChordSymbol():
                words = [f"kind.{value.kind.replace(' ', '_')}"]
                for name, pitch in (("root", value.root), ("bass", value.bass)):
                    if pitch is not None:
                        words.append(f"{name}.{pitch[0]}.{pitch[1]}")
                words += (f"degree.{kind}.{number}.{alter}" for kind, number, alter in value.degrees)
                structure = {"type": " ".join(words), "label": value.text}
                sub(parent, "harm", {**at, **structure}, _chord_text(value))
            case FiguredBass():
                if value.length:
                    goal = direction.onset + value.length
                    at["tstamp2"] = f"0m+{self._beat(index, goal, direction.staff)}"
                figures = sub(sub(parent, "harm", at), "fb", {})
                for figure in value.figures:
                    prefix, number, suffix = (FIGURES.get(text, text) for text in figure)
                    # A sign without a number could also be a suffix.
                    kind = "prefix" if prefix and not number else None
                    sub(figures, "f", {"type": kind}, f"{prefix}{number}{suffix}")


def _write_tempo(parent: ET.Element, tempo: Tempo, at: Attributes) -> None:
    attributes: Attributes = {**at}
    if tempo.beat is not None:
        attributes["mm.unit"] = DURATIONS[tempo.beat.value]
        attributes["mm.dots"] = str(tempo.beat.dots) if tempo.beat.dots else None
    if tempo.per_minute is not None:
        attributes["mm"] = f"{float(tempo.per_minute):.10g}"
    if tempo.quarters is not None:
        attributes["midi.bpm"] = f"{float(tempo.quarters):.10g}"
    element = sub(parent, "tempo", attributes, tempo.text)
    if tempo.beat is not None:
        element.text = f"{tempo.text} " if tempo.text else None
        sign = _METRONOME.get(tempo.beat.value, DURATIONS[tempo.beat.value])
        sign += _METRONOME_DOT * tempo.beat.dots
        rend = sub(element, "rend", {"type": "metronome", "glyph.auth": "smufl"}, sign)
        rend.tail = f" = {attributes['mm']}" if tempo.per_minute is not None else None


def _chord_text(symbol: ChordSymbol) -> str:
    def name(pitch: tuple[str, int] | None) -> str:
        return "" if pitch is None else pitch[0] + ("#" if pitch[1] > 0 else "b") * abs(pitch[1])

    kind = symbol.text if symbol.text is not None else _KINDS.get(symbol.kind, symbol.kind)
    return name(symbol.root) + kind + (f"/{name(symbol.bass)}" if symbol.bass else "")
