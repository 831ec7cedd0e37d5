"""MusicXML writer for whole scores: parts with several staves and voices, spanners, marks and directions.

Source: MusicXML 4.0, W3C Community Group final report; element order by its schema.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from math import lcm
from xml.etree import ElementTree as ET

from focal_omr import __version__
from focal_omr.errors import NotationError
from focal_omr.formats.musicxml_reader import NOTE_TYPES
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    Barline,
    Chord,
    ChordSymbol,
    Clef,
    Direction,
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
    Mark,
    Measure,
    MeasureRepeat,
    Meter,
    Moment,
    Note,
    Ornament,
    Ottava,
    Part,
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
    Voice,
    Words,
)

__all__ = ["write_musicxml_score"]

_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_TYPE_NAMES = {value: name for name, value in NOTE_TYPES.items()}
_SOUNDS = {"da-capo": "dacapo", "dal-segno": "dalsegno", "to-coda": "tocoda", "fine": "fine"}
_DYNAMICS = frozenset(
    (
        *("p", "pp", "ppp", "pppp", "ppppp", "pppppp", "f", "ff", "fff", "ffff", "fffff", "ffffff"),
        *("mp", "mf", "sf", "sfp", "sfpp", "fp", "rf", "rfz", "sfz", "sffz", "fz", "n", "pf", "sfzp"),
    )
)
_ZERO = Fraction(0)


def write_musicxml_score(score: Score) -> str:
    """The score as a MusicXML 4.0 document; the same score gives the same text.

    Raises:
        NotationError: A score without parts.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; at least one part is needed")
    root = ET.Element("score-partwise", version="4.0")
    _write_head(root, score)
    for part in score.parts:
        _PartWriter(ET.SubElement(root, "part", id=part.id), part).write()
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}{ET.tostring(root, encoding="unicode")}\n'


def _write_head(root: ET.Element, score: Score) -> None:
    if score.title:
        _sub(_sub(root, "work"), "work-title", score.title)
    if score.subtitle:
        _sub(root, "movement-title", score.subtitle)
    identification = _sub(root, "identification")
    for kind in ("composer", "lyricist"):
        if text := getattr(score, kind):
            _sub(identification, "creator", text, type=kind)
    if score.copyright:
        _sub(identification, "rights", score.copyright)
    _sub(_sub(identification, "encoding"), "software", f"Focal-CTC-OMR {__version__}")
    part_list = _sub(root, "part-list")
    for part in score.parts:
        for number, group in enumerate(score.groups, 1):
            if group.start == part.id:
                element = _sub(part_list, "part-group", type="start", number=str(number))
                if group.name:
                    _sub(element, "group-name", group.name)
                if group.symbol:
                    _sub(element, "group-symbol", group.symbol)
                _sub(element, "group-barline", "yes" if group.barlines else "no")
        head = _sub(part_list, "score-part", id=part.id)
        _sub(head, "part-name", part.name)
        if part.abbreviation:
            _sub(head, "part-abbreviation", part.abbreviation)
        # Without an instrument MuseScore 3 complains; it chooses one itself.
        _sub(_sub(head, "score-instrument", id=f"{part.id}-I1"), "instrument-name", part.name)
        for number, group in reversed(list(enumerate(score.groups, 1))):
            if group.end == part.id:
                _sub(part_list, "part-group", type="stop", number=str(number))


class _PartWriter:
    """Writes one part, measure by measure; times are whole notes until they become divisions."""

    def __init__(self, element: ET.Element, part: Part) -> None:
        self.element, self.part = element, part
        self.divisions = lcm(*_denominators(part))
        self.tie_ends = {note.tie_to for chord in _chords(part) for note in chord.notes if note.tie_to}
        # Of each event or note: what to write into its notations, spanners that end before those that begin.
        self.notations: dict[str, list[tuple[bool, str, Callable[[ET.Element], object]]]] = defaultdict(list)
        # Of each measure: direction types at an onset of a staff, in the order of the onsets.
        self.lines: dict[str, list[tuple[Moment, str, dict[str, str], str | None]]] = defaultdict(list)
        self.endings: dict[str, list[tuple[str, Ending]]] = defaultdict(list)
        self.ratios: dict[str, tuple[int, int]] = {}
        self.repeats: dict[int, MeasureRepeat] = {}
        self._spread_spanners()

    def _spread_spanners(self) -> None:
        """Files every spanner under the events, measures and moments at which it is written."""
        order = {
            event.id: number
            for number, event in enumerate(e for m in self.part.measures for v in m.voices for e in v.events)
        }
        slurs = [s for s in self.part.spanners if isinstance(s, Slur)]
        numbers = _free_numbers(
            [(order.get(s.start or "", 0), order.get(s.end or "", 0)) for s in slurs if s.start and s.end]
        )
        for slur in slurs:
            number = str(next(numbers) if slur.start and slur.end else 16)
            how = {"line-type": "dashed"} if slur.dashed else {}
            if slur.placement:
                how["placement"] = slur.placement
            if slur.start:
                self._notate(slur.start, "slur", True, type="start", number=number, **how)
            if slur.end:
                self._notate(slur.end, "slur", False, type="stop", number=number)
        for spanner in self.part.spanners:
            match spanner:
                case Glissando():
                    tag = "glissando" if spanner.wavy else "slide"
                    line = {"line-type": "wavy" if spanner.wavy else "solid"}
                    self._notate(spanner.start, tag, True, spanner.text, type="start", number="1", **line)
                    self._notate(spanner.end, tag, False, type="stop", number="1", **line)
                case TrillLine():
                    self._notate(spanner.start, "wavy-line", True, type="start", number="1")
                    self._notate(spanner.end, "wavy-line", False, type="stop", number="1")
                case Ending():
                    self.endings[spanner.start].append(("start", spanner))
                    self.endings[spanner.end].append(("stop" if spanner.closed else "discontinue", spanner))
                case Hairpin():
                    self._line(spanner.start, spanner.end, "wedge", spanner.kind, "stop", spanner.placement)
                case Ottava():
                    size = {"size": str(7 * abs(spanner.octaves) + 1)}
                    kind = "down" if spanner.octaves > 0 else "up"
                    self._line(spanner.start, spanner.end, "octave-shift", kind, "stop", None, **size)
                case Pedal():
                    how = {"line": "yes", "sign": "no"} if spanner.line else {"line": "no", "sign": "yes"}
                    self._line(spanner.start, spanner.end, "pedal", "start", "stop", None, **how)
        self._spread_tuplets(order)

    def _spread_tuplets(self, order: dict[str, int]) -> None:
        voices = {e.id: v.events for m in self.part.measures for v in m.voices for e in v.events}
        tuplets = [s for s in self.part.spanners if isinstance(s, Tuplet) and s.start in order]
        tuplets.sort(key=lambda s: (order[s.start], -order.get(s.end, 0)))  # outer ones first
        depth: dict[str, int] = defaultdict(int)
        for tuplet in tuplets:
            events = voices[tuplet.start]
            first = next(i for i, e in enumerate(events) if e.id == tuplet.start)
            last = next((i for i, e in enumerate(events) if e.id == tuplet.end), first)
            for event in events[first : last + 1]:
                depth[event.id] += 1
                actual, normal = self.ratios.get(event.id, (1, 1))
                self.ratios[event.id] = (actual * tuplet.actual, normal * tuplet.normal)
            number = str(depth[tuplet.start])
            self.notations[tuplet.start].append(
                (True, "tuplet", self._tuplet_start(tuplet, events[first], number))
            )
            self._notate(tuplet.end, "tuplet", False, type="stop", number=number)

    def _tuplet_start(self, tuplet: Tuplet, first: Event, number: str) -> Callable[[ET.Element], object]:
        def write(parent: ET.Element) -> None:
            attributes = {"type": "start", "number": number}
            if tuplet.bracket is not None:
                attributes["bracket"] = "yes" if tuplet.bracket else "no"
            if tuplet.placement:
                attributes["placement"] = tuplet.placement
            if tuplet.number != "actual":
                attributes["show-number"] = tuplet.number
            element = _sub(parent, "tuplet", **attributes)
            value = tuplet.value or (first.duration if isinstance(first, Chord | Rest) else None)
            for tag, count in (("tuplet-actual", tuplet.actual), ("tuplet-normal", tuplet.normal)):
                group = _sub(element, tag)
                _sub(group, "tuplet-number", str(count))
                if value is not None:
                    _sub(group, "tuplet-type", _TYPE_NAMES[value.value])
                    for _ in range(value.dots if tuplet.value else 0):
                        _sub(group, "tuplet-dot")

        return write

    def _notate(self, id_: str, tag: str, begins: bool, text: str = "", **attributes: str) -> None:
        self.notations[id_].append((begins, tag, lambda parent: _sub(parent, tag, text, **attributes)))

    def _line(
        self, start: Moment, end: Moment, tag: str, kind: str, stop: str, placement: str | None, **how: str
    ) -> None:
        self.lines[start.measure].append((start, tag, {"type": kind, **how}, placement))
        ending = {key: value for key, value in how.items() if key in ("size", "line", "sign")}
        self.lines[end.measure].append((end, tag, {"type": stop, **ending}, None))

    # Measures ----------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write all measures."""
        for index, measure in enumerate(self.part.measures):
            attributes = {"number": measure.number, "id": measure.id}
            if measure.pickup:
                attributes["implicit"] = "yes"
            element = _sub(self.element, "measure", **attributes)
            if measure.break_before and index:
                _sub(element, "print", **{f"new-{measure.break_before}": "yes"})
            self._write_barline(element, measure, "left", measure.left)
            self._write_attributes(element, measure, _ZERO, first=index == 0)
            self._write_voices(element, measure)
            self._write_barline(element, measure, "right", measure.right)

    def _ticks(self, length: Fraction) -> str:
        ticks = length * 4 * self.divisions
        assert ticks.denominator == 1
        return str(ticks.numerator)

    def _write_barline(
        self, parent: ET.Element, measure: Measure, location: str, barline: Barline | None
    ) -> None:
        kinds = ("start",) if location == "left" else ("stop", "discontinue")
        endings = [(kind, e) for kind, e in self.endings[measure.id] if kind in kinds]
        plain = barline == Barline() or (barline is None and location == "left")
        if plain and not endings:
            return
        element = _sub(parent, "barline", location=location)
        if not plain:
            _sub(element, "bar-style", "none" if barline is None else barline.style)
        for kind, ending in endings:
            _sub(element, "ending", ending.text if kind == "start" else "", number=ending.numbers, type=kind)
        if barline is not None and barline.repeat:
            _sub(element, "repeat", direction=barline.repeat)

    def _write_attributes(
        self, parent: ET.Element, measure: Measure, onset: Fraction, *, first: bool = False
    ) -> None:
        """Writes the signs at one onset, in the order of the schema."""
        signs = [sign for sign in measure.signs if sign.onset == onset]
        opens = onset == 0
        repeats = dict(measure.repeats) if opens else self.repeats
        styles = opens and (measure.multirest is not None or repeats != self.repeats)
        if not signs and not first and not styles:
            return
        element = _sub(parent, "attributes")
        if first:
            _sub(element, "divisions", str(self.divisions))
        for sign in (s for s in signs if isinstance(s.value, Key)):
            _write_key(element, sign)
        for sign in (s for s in signs if isinstance(s.value, Meter)):
            _write_meter(element, sign)
        if first and self.part.staves > 1:
            _sub(element, "staves", str(self.part.staves))
        for sign in (s for s in signs if isinstance(s.value, Clef)):
            self._write_clef(element, sign)
        for sign in signs:
            if isinstance(sign.value, StaffLines):
                details = _sub(element, "staff-details", number=str(sign.staff or 1))
                _sub(details, "staff-lines", str(sign.value.lines))
        for sign in signs:
            if isinstance(sign.value, Transposition):
                _write_transposition(element, sign)
        if opens and measure.multirest is not None:
            _sub(_sub(element, "measure-style"), "multiple-rest", str(measure.multirest.measures))
        for staff in sorted({*self.repeats, *repeats}) if styles else ():
            before, now = self.repeats.get(staff), repeats.get(staff)
            if before == now:
                continue
            style = _sub(element, "measure-style", number=str(staff))
            if now is None:
                _sub(style, "measure-repeat", "", type="stop")
            else:
                _sub(style, "measure-repeat", str(now.measures), type="start", slashes=str(now.slashes))
        self.repeats = repeats

    def _write_clef(self, parent: ET.Element, sign: Sign) -> None:
        clef = sign.value
        assert isinstance(clef, Clef)
        element = _sub(parent, "clef", **({"number": str(sign.staff or 1)} if self.part.staves > 1 else {}))
        _sub(element, "sign", clef.shape)
        if clef.shape not in ("percussion", "none"):
            _sub(element, "line", str(clef.line))
        if clef.octave:
            _sub(element, "clef-octave-change", str(clef.octave))

    def _write_voices(self, parent: ET.Element, measure: Measure) -> None:
        """Voices one after the other; directions and later signs go with the first voice, at their onsets."""
        pending = sorted(self._pending(parent, measure), key=lambda item: item[0])
        now, end = _ZERO, max([measure.length, *(onset for onset, _ in pending)])
        voices = measure.voices or (Voice(1, ()),)
        for index, voice in enumerate(voices):
            if now:
                _sub(_sub(parent, "backup"), "duration", self._ticks(now))
            now = _ZERO
            for event in voice.events:
                while index == 0 and pending and pending[0][0] <= event.onset:
                    now = self._move(parent, now, pending[0][0], voice)
                    pending.pop(0)[1]()
                if isinstance(event, Space):
                    continue
                now = self._move(parent, now, event.onset, voice)
                self._write_event(parent, event, voice)
                now = event.onset + event.length
            for onset, write in pending if index == 0 else ():
                now = self._move(parent, now, onset, voice)
                write()
        self._move(parent, now, end, voices[-1])

    def _pending(self, parent: ET.Element, measure: Measure) -> Iterator[tuple[Fraction, Callable[[], None]]]:
        """What is written at an onset between the notes of the first voice."""
        for onset in sorted({sign.onset for sign in measure.signs} - {_ZERO}):
            yield onset, partial(self._write_attributes, parent, measure, onset)
        for direction in measure.directions:
            yield direction.onset, partial(self._write_direction, parent, direction)
        for line in self.lines[measure.id]:
            yield line[0].onset, partial(self._write_line, parent, *line)
        for onset, barline in measure.barlines:
            yield onset, partial(_write_middle_barline, parent, barline)

    def _move(self, parent: ET.Element, now: Fraction, onset: Fraction, voice: Voice) -> Fraction:
        if onset == now:
            return now
        element = _sub(parent, "forward" if onset > now else "backup")
        _sub(element, "duration", self._ticks(abs(onset - now)))
        if onset > now:
            _sub(element, "voice", str(voice.number))
        return onset

    # Events ------------------------------------------------------------------------------------------------

    def _write_event(self, parent: ET.Element, event: Chord | Rest, voice: Voice) -> None:
        for index, note in enumerate(event.notes if isinstance(event, Chord) else (None,)):
            element = _sub(parent, "note", id=note.id if note else event.id)
            if isinstance(event, Chord) and event.grace:
                _sub(element, "grace", **({"slash": "yes"} if event.grace == "slash" else {}))
            if event.cue:
                _sub(element, "cue")
            if index:
                _sub(element, "chord")
            if note is None:
                assert isinstance(event, Rest)
                rest = _sub(element, "rest", **({"measure": "yes"} if event.measure else {}))
                if event.position is not None:
                    _sub(rest, "display-step", "CDEFGAB"[event.position % 7])
                    _sub(rest, "display-octave", str(event.position // 7))
            else:
                _write_pitch(element, note)
            if event.length or not (isinstance(event, Chord) and event.grace):
                _sub(element, "duration", self._ticks(event.length))
            ties = [] if note is None else self._ties(note)
            if not event.cue:
                for kind in ties:
                    _sub(element, "tie", type=kind)
            _sub(element, "voice", str(voice.number))
            self._write_value(element, event, note)
            if self.part.staves > 1:
                _sub(element, "staff", str((note and note.staff) or event.staff))
            for number, beam in enumerate(event.beams if index == 0 else (), 1):
                _sub(element, "beam", beam, number=str(number))
            self._write_notations(element, event, note, ties, first=index == 0)
            for mark in event.marks if index == 0 else ():
                if isinstance(mark, Lyric):
                    _write_lyric(element, mark)

    def _ties(self, note: Note) -> list[str]:
        ends = ["stop"] if note.id in self.tie_ends else []
        return ends + (["start"] if note.tie_to is not None else [])

    def _write_value(self, element: ET.Element, event: Chord | Rest, note: Note | None) -> None:
        if not (isinstance(event, Rest) and event.measure):
            _sub(element, "type", _TYPE_NAMES[event.duration.value])
            for _ in range(event.duration.dots):
                _sub(element, "dot")
        if note is not None and note.accidental:
            how = {} if note.enclosed is None else {note.enclosed: "yes"}
            _sub(element, "accidental", note.accidental, **how)
        actual, normal = self.ratios.get(event.id, (1, 1))
        if any(isinstance(mark, Tremolo) and mark.between for mark in event.marks):
            actual *= 2
        if (actual, normal) != (1, 1) and not (isinstance(event, Chord) and event.grace):
            modification = _sub(element, "time-modification")
            _sub(modification, "actual-notes", str(actual))
            _sub(modification, "normal-notes", str(normal))
        if isinstance(event, Chord) and event.stem:
            _sub(element, "stem", event.stem)
        if note is not None and note.head != "normal":
            _sub(element, "notehead", note.head)

    def _write_notations(
        self, parent: ET.Element, event: Chord | Rest, note: Note | None, ties: list[str], *, first: bool
    ) -> None:
        notations = ET.Element("notations")
        for kind in ties:
            _sub(
                notations, "tied", type="let-ring" if kind == "start" and note and note.tie_to == "" else kind
            )
        ids = [event.id] if first else []
        if note is not None and note.id != event.id:
            ids.append(note.id)
        spanners = sorted((entry for id_ in ids for entry in self.notations[id_]), key=lambda entry: entry[0])
        for tag in ("slur", "tuplet", "glissando", "slide"):
            for _, _, write in (entry for entry in spanners if entry[1] == tag):
                write(notations)
        wavy = [write for _, tag, write in spanners if tag == "wavy-line"]
        _write_marks(notations, event.marks if first else (), wavy)
        for mark in event.marks if not first else ():
            if isinstance(mark, Arpeggio):
                _write_arpeggio(notations, mark)
        if note is not None and not first:
            fingerings = [m for m in event.marks if isinstance(m, Fingering) and m.note == note.id]
            _write_marks(notations, tuple(fingerings), [])
        if len(notations):
            parent.append(notations)

    # Directions --------------------------------------------------------------------------------------------

    def _direction_element(self, parent: ET.Element, placement: str | None) -> ET.Element:
        return _sub(parent, "direction", **({"placement": placement} if placement else {}))

    def _write_line(
        self, parent: ET.Element, moment: Moment, tag: str, attributes: dict[str, str], placement: str | None
    ) -> None:
        element = self._direction_element(parent, placement)
        _sub(_sub(element, "direction-type"), tag, **attributes)
        self._write_staff(element, moment.staff)

    def _write_staff(self, element: ET.Element, staff: int) -> None:
        if self.part.staves > 1:
            _sub(element, "staff", str(staff))

    def _write_direction(self, parent: ET.Element, direction: Direction) -> None:
        value = direction.value
        if isinstance(value, ChordSymbol):
            self._write_harmony(parent, value, direction)
            return
        if isinstance(value, FiguredBass):
            element = _sub(parent, "figured-bass")
            for figure in value.figures:
                group = _sub(element, "figure")
                for tag, text in zip(("prefix", "figure-number", "suffix"), figure, strict=True):
                    if text:
                        _sub(group, tag, text)
            if value.length:
                _sub(element, "duration", self._ticks(value.length))
            return
        element = self._direction_element(parent, direction.placement)
        kind = _sub(element, "direction-type")
        sound: dict[str, str] = {}
        match value:
            case Dynamic():
                dynamics = _sub(kind, "dynamics")
                if value.text in _DYNAMICS:
                    _sub(dynamics, value.text)
                else:
                    _sub(dynamics, "other-dynamics", value.text)
            case Words():
                _sub(kind, "words", value.text, **_font(value.style))
            case Rehearsal():
                _sub(kind, "rehearsal", value.text)
            case Jump(kind="segno" | "coda"):
                _sub(kind, value.kind)
            case Jump():
                _sub(kind, "words", value.text or value.kind)
                sound[_SOUNDS[value.kind]] = "yes" if value.kind in ("da-capo", "fine") else value.kind
            case Tempo():
                kind = self._write_tempo(element, kind, value, sound)
        self._write_staff(element, direction.staff)
        if sound:
            _sub(element, "sound", **sound)

    def _write_tempo(
        self, element: ET.Element, kind: ET.Element, tempo: Tempo, sound: dict[str, str]
    ) -> ET.Element:
        if tempo.text or tempo.beat is None:
            _sub(kind, "words", tempo.text)
        if tempo.beat is not None:
            if tempo.text:
                kind = _sub(element, "direction-type")
            metronome = _sub(kind, "metronome")
            _sub(metronome, "beat-unit", _TYPE_NAMES[tempo.beat.value])
            for _ in range(tempo.beat.dots):
                _sub(metronome, "beat-unit-dot")
            _sub(metronome, "per-minute", "" if tempo.per_minute is None else _decimal(tempo.per_minute))
        if tempo.quarters is not None:
            sound["tempo"] = _decimal(tempo.quarters)
        return kind

    def _write_harmony(self, parent: ET.Element, symbol: ChordSymbol, direction: Direction) -> None:
        element = _sub(
            parent, "harmony", **({"placement": direction.placement} if direction.placement else {})
        )
        for tag, pitch in (("root", symbol.root), ("bass", symbol.bass)):
            if tag == "bass":
                text = {} if symbol.text is None else {"text": symbol.text}
                _sub(element, "kind", symbol.kind, **text)
            if pitch is not None:
                group = _sub(element, tag)
                _sub(group, f"{tag}-step", pitch[0])
                if pitch[1]:
                    _sub(group, f"{tag}-alter", str(pitch[1]))
        for type_, value, alter in symbol.degrees:
            degree = _sub(element, "degree")
            _sub(degree, "degree-value", str(value))
            _sub(degree, "degree-alter", str(alter))
            _sub(degree, "degree-type", type_)
        self._write_staff(element, direction.staff)


# Leaves ----------------------------------------------------------------------------------------------------


def _sub(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    if text:
        element.text = text
    return element


def _chords(part: Part) -> Iterator[Chord]:
    return (e for m in part.measures for v in m.voices for e in v.events if isinstance(e, Chord))


def _denominators(part: Part) -> Iterator[int]:
    """Denominators of all times of a part, in quarters."""
    for measure in part.measures:
        times = [sign.onset for sign in measure.signs]
        times += [direction.onset for direction in measure.directions]
        times += [onset for onset, _ in measure.barlines]
        times += [e.length for v in measure.voices for e in v.events]
        times += [e.onset for v in measure.voices for e in v.events]
        times += [
            d.value.length for d in measure.directions if isinstance(d.value, FiguredBass) and d.value.length
        ]
        yield from ((4 * time).denominator for time in times)
    for spanner in part.spanners:
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            yield from ((4 * moment.onset).denominator for moment in (spanner.start, spanner.end))


def _free_numbers(spans: list[tuple[int, int]]) -> Iterator[int]:
    """Of each span, the lowest number that no open span has; spans in the order of the list."""
    taken: list[tuple[int, int, int]] = []
    for start, end in spans:
        low, high = min(start, end), max(start, end)
        used = {number for a, b, number in taken if a <= high and low <= b}
        number = next(n for n in range(1, len(used) + 2) if n not in used)
        taken.append((low, high, number))
        yield (number - 1) % 15 + 1


def _write_middle_barline(parent: ET.Element, barline: Barline) -> None:
    _sub(_sub(parent, "barline", location="middle"), "bar-style", barline.style)


def _write_key(parent: ET.Element, sign: Sign) -> None:
    key = sign.value
    assert isinstance(key, Key)
    element = _sub(parent, "key", **({"number": str(sign.staff)} if sign.staff else {}))
    if key.cancel is not None:
        _sub(element, "cancel", str(key.cancel))
    _sub(element, "fifths", str(key.fifths))


def _write_meter(parent: ET.Element, sign: Sign) -> None:
    meter = sign.value
    assert isinstance(meter, Meter)
    attributes = {"number": str(sign.staff)} if sign.staff else {}
    if meter.symbol:
        attributes["symbol"] = meter.symbol
    element = _sub(parent, "time", **attributes)
    for beats, unit in meter.terms:
        _sub(element, "beats", "+".join(map(str, beats)))
        _sub(element, "beat-type", str(unit))
    if not meter.terms:
        _sub(element, "senza-misura")


def _write_transposition(parent: ET.Element, sign: Sign) -> None:
    value = sign.value
    assert isinstance(value, Transposition)
    element = _sub(parent, "transpose", **({"number": str(sign.staff)} if sign.staff else {}))
    octaves = int(value.chromatic / 12) if value.chromatic % 12 == 0 else int(value.diatonic / 7)
    _sub(element, "diatonic", str(value.diatonic - 7 * octaves))
    _sub(element, "chromatic", str(value.chromatic - 12 * octaves))
    if octaves:
        _sub(element, "octave-change", str(octaves))


def _write_pitch(parent: ET.Element, note: Note) -> None:
    if isinstance(note.pitch, Pitch):
        pitch = _sub(parent, "pitch")
        _sub(pitch, "step", note.pitch.step)
        if note.pitch.alter:
            _sub(pitch, "alter", str(note.pitch.alter))
        _sub(pitch, "octave", str(note.pitch.octave))
    else:
        unpitched = _sub(parent, "unpitched")
        _sub(unpitched, "display-step", note.pitch.step)
        _sub(unpitched, "display-octave", str(note.pitch.octave))


def _write_marks(
    notations: ET.Element, marks: tuple[Mark, ...], wavy: list[Callable[[ET.Element], object]]
) -> None:
    """Marks of an event, grouped as the schema wants them."""
    ornaments = [mark for mark in marks if isinstance(mark, Ornament | Tremolo)]
    if ornaments or wavy:
        group = _sub(notations, "ornaments")
        for mark in ornaments:
            if isinstance(mark, Tremolo):
                _sub(group, "tremolo", str(mark.beams), type=mark.between or "single")
                continue
            _sub(group, mark.name, **_placed(mark.placement))
            for accidental in mark.accidentals:
                _sub(group, "accidental-mark", accidental)
        for write in wavy:
            write(group)
    techniques = [mark for mark in marks if isinstance(mark, Technique | Fingering)]
    if techniques:
        group = _sub(notations, "technical")
        for technique in techniques:
            name = "fingering" if isinstance(technique, Fingering) else technique.name
            _sub(group, name, technique.text, **_placed(technique.placement))
    articulations = [mark for mark in marks if isinstance(mark, Articulation)]
    if articulations:
        group = _sub(notations, "articulations")
        for articulation in articulations:
            _sub(group, articulation.name, **_placed(articulation.placement))
    for fermata in (mark for mark in marks if isinstance(mark, Fermata)):
        kind = "inverted" if fermata.placement == "below" else "upright"
        _sub(notations, "fermata", "" if fermata.shape == "normal" else fermata.shape, type=kind)
    for arpeggio in (mark for mark in marks if isinstance(mark, Arpeggio)):
        _write_arpeggio(notations, arpeggio)


def _write_arpeggio(notations: ET.Element, mark: Arpeggio) -> None:
    forbidden = mark.direction == "none"
    attributes: dict[str, str] = {}
    if mark.direction:
        attributes = {"type": "bottom"} if forbidden else {"direction": mark.direction}
    if mark.group:
        attributes["number"] = mark.group
    _sub(notations, "non-arpeggiate" if forbidden else "arpeggiate", **attributes)


def _placed(placement: str | None) -> dict[str, str]:
    return {"placement": placement} if placement else {}


def _write_lyric(parent: ET.Element, lyric: Lyric) -> None:
    element = _sub(parent, "lyric", number=lyric.verse, **_placed(lyric.placement))
    if lyric.text:
        _sub(element, "syllabic", lyric.syllabic)
        _sub(element, "text", lyric.text)
    if lyric.extend:
        _sub(element, "extend")


def _font(style: str) -> dict[str, str]:
    italic = {"font-style": "italic"} if "italic" in style else {}
    return italic | ({"font-weight": "bold"} if "bold" in style else {})


def _decimal(value: Fraction) -> str:
    return f"{float(value):.10g}"
