"""MusicXML writer for whole scores: parts with several staves and voices, spanners, marks and directions.

Source: MusicXML 4.0, W3C Community Group final report; element order by its schema.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from math import inf, lcm
from xml.etree import ElementTree as ET

from focal_omr import __version__
from focal_omr.errors import NotationError
from focal_omr.formats import musicxml_score_elements as elements
from focal_omr.formats.colours import DOUBTFUL_COLOUR
from focal_omr.formats.musicxml_names import TYPE_NAMES
from focal_omr.formats.musicxml_score_elements import sub
from focal_omr.formats.musicxml_score_spanners import SpannerEnds
from focal_omr.formats.xml_text import write_elements
from focal_omr.score.score import (
    Arpeggio,
    Barline,
    Chord,
    ChordSymbol,
    Clef,
    Direction,
    FiguredBass,
    Fingering,
    Hairpin,
    Key,
    Lyric,
    Measure,
    MeasureRepeat,
    Meter,
    Note,
    Ottava,
    Part,
    Pedal,
    Rest,
    Score,
    Sign,
    Space,
    StaffLines,
    Transposition,
    Tremolo,
    Voice,
)

__all__ = ["write_musicxml_score", "write_mxl"]

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_MXL_TYPE = "application/vnd.recordare.musicxml"
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<container><rootfiles><rootfile full-path="score.musicxml"'
    ' media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
)
_MAX_DIVISIONS = 2**24  # MuseScore and music21 hold them in 32 bits, with room for long measures
_ZERO = Fraction(0)


def write_musicxml_score(score: Score) -> str:
    """The score as a MusicXML 4.0 document; the same score gives the same text.

    Raises:
        NotationError: A score without parts, or with times that no common divisions hold.
    """
    if not score.parts:
        raise NotationError("a score without parts cannot be written; at least one part is needed")
    root = ET.Element("score-partwise", version="4.0")
    _write_head(root, score)
    for part in score.parts:
        _PartWriter(sub(root, "part", "", {"id": part.id}), part).write()
    return write_elements(root, _HEAD, "  ")


def write_mxl(score: Score) -> bytes:
    """The score as a zipped MusicXML file (`.mxl`); the same score gives the same bytes.

    Raises:
        NotationError: As `write_musicxml_score`.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compresslevel=6) as archive:
        for name, text, compression in (
            ("mimetype", _MXL_TYPE, zipfile.ZIP_STORED),  # first and not compressed, as the format requires
            ("META-INF/container.xml", _CONTAINER, zipfile.ZIP_DEFLATED),
            ("score.musicxml", write_musicxml_score(score), zipfile.ZIP_DEFLATED),
        ):
            entry = zipfile.ZipInfo(name)  # dated 1980
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, text, compression)
    return out.getvalue()


def _write_head(root: ET.Element, score: Score) -> None:
    if score.title:
        sub(sub(root, "work"), "work-title", score.title)
    if score.subtitle:
        sub(root, "movement-title", score.subtitle)
    identification = sub(root, "identification")
    for kind, text in (("composer", score.composer), ("lyricist", score.lyricist)):
        if text:
            sub(identification, "creator", text, {"type": kind})
    if score.copyright:
        sub(identification, "rights", score.copyright)
    encoding = sub(identification, "encoding")
    sub(encoding, "software", f"Focal-CTC-OMR {__version__}")
    for kind in ("accidental", "beam"):
        sub(encoding, "supports", "", {"element": kind, "type": "yes"})
    # MuseScore keeps breaks only if the file says that it has all of them.
    breaks = any(measure.break_before for part in score.parts for measure in part.measures[1:])
    for kind in ("new-page", "new-system") if breaks else ():
        how = {"element": "print", "attribute": kind, "type": "yes", "value": "yes"}
        sub(encoding, "supports", "", how)
    part_list = sub(root, "part-list")
    groups = list(enumerate(score.groups, 1))
    taken = {part.id for part in score.parts} | {m.id for part in score.parts for m in part.measures}
    for part in score.parts:
        for number, group in groups:
            if group.start == part.id:
                element = sub(part_list, "part-group", "", {"type": "start", "number": str(number)})
                if group.name:
                    sub(element, "group-name", group.name)
                if group.symbol:
                    sub(element, "group-symbol", group.symbol)
                sub(element, "group-barline", "yes" if group.barlines else "no")
        head = sub(part_list, "score-part", "", {"id": part.id})
        sub(head, "part-name", part.name)
        if part.abbreviation:
            sub(head, "part-abbreviation", part.abbreviation)
        # Without an instrument MuseScore 3 complains; it chooses one itself.
        instrument = f"{part.id}-I1"
        while instrument in taken:
            instrument += "_"
        sub(sub(head, "score-instrument", "", {"id": instrument}), "instrument-name", part.name)
        for number, group in reversed(groups):
            if group.end == part.id:
                sub(part_list, "part-group", "", {"type": "stop", "number": str(number)})


class _PartWriter:
    """Writes one part, measure by measure; times are whole notes until they become divisions."""

    def __init__(self, element: ET.Element, part: Part) -> None:
        self.element, self.part = element, part
        self.divisions = 1
        for denominator in _denominators(part):
            self.divisions = lcm(self.divisions, denominator)
            if self.divisions > _MAX_DIVISIONS:
                raise NotationError(
                    f"part {part.id}: its times need more than {_MAX_DIVISIONS:,} divisions of a quarter note"
                )
        chords = (e for m in part.measures for v in m.voices for e in v.events if isinstance(e, Chord))
        self.tie_ends = {note.tie_to for chord in chords for note in chord.notes if note.tie_to}
        self.spanners = SpannerEnds(part)
        self.repeats: dict[int, MeasureRepeat] = {}

    def write(self) -> None:
        """Write all measures; the schema wants at least one."""
        nothing = Measure(id=f"{self.part.id}m1", number="1", voices=(), right=None)
        for index, measure in enumerate(self.part.measures or (nothing,)):
            attributes = {"number": measure.number, "id": measure.id}
            if measure.pickup:
                attributes["implicit"] = "yes"
            element = sub(self.element, "measure", "", attributes)
            if measure.break_before:
                sub(element, "print", "", {f"new-{measure.break_before}": "yes"})
            before = measure.left_after or 0
            if before:
                self._write_attributes(element, measure, measure.signs[:before], opens=True, first=index == 0)
            self._write_barline(element, measure, "left")
            signs = [sign for sign in measure.signs[before:] if (sign.onset, sign.graces) == (_ZERO, 0)]
            self._write_attributes(element, measure, signs, opens=not before, first=index == 0 and not before)
            for unread in measure.unread:
                elements.write_unread(element, unread)
            self._write_voices(element, measure)
            self._write_barline(element, measure, "right")

    def _ticks(self, length: Fraction) -> str:
        # In integers: a product of Fractions takes ten times as long.
        return str(length.numerator * (4 * self.divisions // length.denominator))

    def _staff(self, staff: int) -> int | None:
        """The staff to name in an element; a part with one staff names none."""
        return staff if self.part.staves > 1 else None

    # Measures ----------------------------------------------------------------------------------------------

    def _write_barline(self, parent: ET.Element, measure: Measure, location: str) -> None:
        barline = measure.left if location == "left" else measure.right
        kinds = ("start",) if location == "left" else ("stop", "discontinue")
        endings = [(kind, e) for kind, e in self.spanners.endings[measure.id] if kind in kinds]
        plain = barline == Barline() or (barline is None and location == "left")
        if plain and not endings:
            return
        element = sub(parent, "barline", "", {"location": location})
        if not plain:
            sub(element, "bar-style", "none" if barline is None else barline.style)
        for kind, ending in endings[:1]:
            text = ending.text if kind == "start" else ""
            sub(element, "ending", text, {"number": ending.numbers, "type": kind})
        if barline is not None and barline.repeat:
            sub(element, "repeat", "", {"direction": barline.repeat})

    def _write_attributes(
        self, parent: ET.Element, measure: Measure, signs: Sequence[Sign], *, opens: bool, first: bool = False
    ) -> None:
        """Writes signs at one place, in the order of the schema; `opens` at the beginning of the measure."""
        repeats = dict(measure.repeats) if opens else self.repeats
        styles = opens and (measure.multirest is not None or repeats != self.repeats)
        if not signs and not first and not styles:
            return
        element = sub(parent, "attributes")
        if first:
            sub(element, "divisions", str(self.divisions))
        own, *others = elements.without_doubles(signs)
        for kind in (Key, Meter, Clef, StaffLines, Transposition):
            if kind is Clef and first and self.part.staves > 1:
                sub(element, "staves", str(self.part.staves))
            for sign in own:
                if isinstance(sign.value, kind):
                    elements.write_sign(element, sign)
        for group in others:
            self._write_attributes(parent, measure, group, opens=False)
        if styles:
            # Apart: Verovio 6.4 reads signs beside a multi-measure rest twice in the first measure.
            holder = sub(parent, "attributes") if measure.multirest is not None and len(element) else element
            elements.write_repeat_changes(holder, measure.multirest, self.repeats, repeats)
            self.repeats = repeats

    def _write_voices(self, parent: ET.Element, measure: Measure) -> None:
        """Voices one after the other; directions and later signs go with the first voice, at their onsets."""
        voices = measure.voices or (Voice(1, ()),)
        pending: list[list[tuple[tuple[Fraction, float], Callable[[], None]]]] = [[] for _ in voices]
        for index, place, write in self._pending(parent, measure):
            pending[index].append((place, write))
        now, end = _ZERO, max([measure.length, *(place[0] for place, _ in pending[0])])
        for voice, writes in zip(voices, pending, strict=True):
            now = self._move(parent, now, _ZERO, voice)
            writes.sort(key=lambda item: item[0])
            done, graces = 0, 0.0
            for event in voice.events:
                graces = inf if event.length else graces if event.onset == now else 0
                while done < len(writes) and writes[done][0] <= (event.onset, graces):
                    now = self._move(parent, now, writes[done][0][0], voice)
                    writes[done][1]()
                    done += 1
                if isinstance(event, Space):
                    continue
                now = self._move(parent, now, event.onset, voice)
                self._write_event(parent, event, voice)
                now = event.onset + event.length
                graces = 0 if event.length else graces + 1
            for (onset, _), write in writes[done:]:
                now = self._move(parent, now, onset, voice)
                write()
        self._move(parent, now, end, voices[-1])
        if not end and any(voice.events for voice in voices):
            elements.write_filler(parent)

    def _pending(
        self, parent: ET.Element, measure: Measure
    ) -> Iterator[tuple[int, tuple[Fraction, int], Callable[[], None]]]:
        """What is written between the notes of a voice: the index of the voice, the onset and the number of
        grace notes there that stand before it, and how to write it."""
        signs = measure.signs[measure.left_after or 0 :]
        for place in sorted({(sign.onset, sign.graces) for sign in signs} - {(_ZERO, 0)}):
            own = [sign for sign in signs if (sign.onset, sign.graces) == place]
            yield 0, place, partial(self._write_attributes, parent, measure, own, opens=False)
        for direction in measure.directions:
            index = 0
            if isinstance(direction.value, FiguredBass):  # it has the staff of the note after it
                starts = (
                    number
                    for number, voice in enumerate(measure.voices)
                    if any(e.onset == direction.onset and e.staff == direction.staff for e in voice.events)
                )
                index = next(starts, 0)
            yield index, (direction.onset, 0), partial(self._write_direction, parent, direction)
        for moment, element, placement in self.spanners.lines[measure.id]:
            line = elements.line_direction(element, placement, self._staff(moment.staff))
            yield 0, (moment.onset, 0), partial(parent.append, line)
        for onset, barline in measure.barlines:
            yield 0, (onset, 0), partial(elements.write_middle_barline, parent, barline)

    def _write_direction(self, parent: ET.Element, direction: Direction) -> None:
        value, staff = direction.value, self._staff(direction.staff)
        if isinstance(value, ChordSymbol):
            parent.append(elements.chord_symbol(direction, value, staff))
        elif isinstance(value, FiguredBass):
            ticks = self._ticks(value.length) if value.length else None
            parent.append(elements.figured_bass(value, direction.placement, ticks))
        else:
            parent.append(elements.direction(direction, staff))

    def _move(self, parent: ET.Element, now: Fraction, onset: Fraction, voice: Voice) -> Fraction:
        if onset != now:
            element = sub(parent, "forward" if onset > now else "backup")
            sub(element, "duration", self._ticks(abs(onset - now)))
            if onset > now:
                sub(element, "voice", str(voice.number))
        return onset

    # Events ------------------------------------------------------------------------------------------------

    def _write_event(self, parent: ET.Element, event: Chord | Rest, voice: Voice) -> None:
        notes = event.notes if isinstance(event, Chord) else (None,)
        for index, note in enumerate(notes):
            element = sub(parent, "note", "", {"id": note.id if note else event.id})
            if note is not None and note.doubtful:
                element.set("color", DOUBTFUL_COLOUR)
            if isinstance(event, Chord) and event.grace:
                sub(element, "grace", "", {"slash": "yes"} if event.grace == "slash" else None)
            if event.cue:
                sub(element, "cue")
            if index:
                sub(element, "chord")
            if note is not None:
                elements.write_pitch(element, note)
            elif isinstance(event, Rest):
                rest = sub(element, "rest", "", {"measure": "yes"} if event.measure else None)
                if event.position is not None:
                    sub(rest, "display-step", "CDEFGAB"[event.position % 7])
                    sub(rest, "display-octave", str(event.position // 7))
            if event.length or not (isinstance(event, Chord) and event.grace):
                sub(element, "duration", self._ticks(event.length))
            ties = ["stop"] if note and note.id in self.tie_ends else []
            if note and note.tie_to is not None:
                ties.append("start" if note.tie_to else "let-ring")
            for kind in ties if not event.cue else ():
                if kind != "let-ring":
                    sub(element, "tie", "", {"type": kind})
            sub(element, "voice", str(voice.number))
            self._write_value(element, event, note)
            if self.part.staves > 1:
                sub(element, "staff", str((note and note.staff) or event.staff))
            for number, beam in enumerate(event.beams if index == 0 else (), 1):
                sub(element, "beam", beam, {"number": str(number)})
            self._write_notations(element, event, index, ties)
            for mark in event.marks if index == 0 else ():
                if isinstance(mark, Lyric):
                    elements.write_lyric(element, mark)

    def _write_value(self, element: ET.Element, event: Chord | Rest, note: Note | None) -> None:
        if not (isinstance(event, Rest) and event.measure):
            sub(element, "type", TYPE_NAMES[event.duration.value])
            for _ in range(event.duration.dots):
                sub(element, "dot")
        if note is not None and note.accidental:
            sub(element, "accidental", note.accidental, {note.enclosed: "yes"} if note.enclosed else None)
        actual, normal = self.spanners.ratios.get(event.id, (1, 1))
        if any(isinstance(mark, Tremolo) and mark.between for mark in event.marks):
            actual *= 2
        if (actual, normal) != (1, 1) and not (isinstance(event, Chord) and event.grace):
            modification = sub(element, "time-modification")
            sub(modification, "actual-notes", str(actual))
            sub(modification, "normal-notes", str(normal))
        if isinstance(event, Chord) and event.stem:
            sub(element, "stem", event.stem)
        if note is not None and note.head != "normal":
            sub(element, "notehead", note.head)

    def _write_notations(self, parent: ET.Element, event: Chord | Rest, index: int, ties: list[str]) -> None:
        """Writes the notations of one note of an event, the one of number `index`."""
        notes = event.notes if isinstance(event, Chord) else ()
        note, last = notes[index] if notes else None, index == len(notes) - 1
        if (
            note is not None
            and note.id == event.id
            and not (ties or event.marks or event.id in self.spanners.notations)
        ):
            return  # as most notes
        notations = ET.Element("notations")
        if note is not None and index == 0 and event.id != (note.id if len(notes) == 1 else note.id[:-2]):
            notations.set("id", event.id)  # the ids of the notes do not tell the chord's
        for kind in ties:
            sub(notations, "tied", "", {"type": kind})
        ids = [event.id] if index == 0 else []
        if note is not None and note.id != event.id:
            ids.append(note.id)
        ends = sorted(
            (entry for id_ in ids for entry in self.spanners.notations.get(id_, ())), key=lambda end: end[0]
        )
        notations.extend(element for _, element in ends if element.tag != "wavy-line")
        marks = [
            mark
            for mark in event.marks
            if (
                mark.note == note.id or (mark.note is None and index == 0)
                if isinstance(mark, Fingering) and note is not None
                else mark.direction != "none" or index == 0 or last
                if isinstance(mark, Arpeggio)
                else index == 0
            )
        ]
        wavy = [element for _, element in ends if element.tag == "wavy-line"]
        if marks or wavy:
            elements.write_marks(notations, marks, wavy, last=last and index > 0)
        if len(notations) or notations.attrib:
            parent.append(notations)


def _denominators(part: Part) -> Iterator[int]:
    """Denominators of all times of a part, in quarters."""
    times: set[Fraction] = set()
    for measure in part.measures:
        times.update(sign.onset for sign in measure.signs)
        times.update(direction.onset for direction in measure.directions)
        times.update(onset for onset, _ in measure.barlines)
        for voice in measure.voices:
            for event in voice.events:
                times.add(event.length)
                times.add(event.onset)
        for direction in measure.directions:
            if isinstance(direction.value, FiguredBass) and direction.value.length:
                times.add(direction.value.length)
    for spanner in part.spanners:
        if isinstance(spanner, Hairpin | Ottava | Pedal):
            times.update((spanner.start.onset, spanner.end.onset))
    return iter({(4 * time).denominator for time in times})
