"""Control events of MEI: directions, spanners and marks beside the staves, led to drafts of events."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, cast
from xml.etree import ElementTree as ET

from focal_omr.formats.mei_drafts import Draft, DraftVoice, set_beams
from focal_omr.formats.mei_sign_reader import placement
from focal_omr.formats.mei_terms import ACCIDENTALS, DURATIONS, FIGURES, JUMPS, ORNAMENTS, inverted
from focal_omr.score.score import (
    Arpeggio,
    Articulation,
    ChordSymbol,
    Direction,
    Duration,
    Dynamic,
    Fermata,
    FiguredBass,
    Fingering,
    Glissando,
    Hairpin,
    Jump,
    Moment,
    Ornament,
    Ottava,
    Pedal,
    Rehearsal,
    Slur,
    Spanner,
    Technique,
    Tempo,
    TrillLine,
    Tuplet,
    Unread,
    Words,
)

__all__ = ["ControlReader", "DraftMeasure"]

_VALUES = inverted({str(value): name for value, name in DURATIONS.items()})
_ACCIDENTALS = inverted(ACCIDENTALS)
_FUNCTIONS = inverted(JUMPS)
_SIGNS = inverted(FIGURES)
_ROOT = re.compile(r"([A-G])(##|bb|x|[#b♯♭])?")
_KINDS = {"": "major", "m": "minor", "min": "minor", "7": "dominant", "maj7": "major-seventh"}
_KINDS |= {
    "m7": "minor-seventh",
    "dim": "diminished",
    "aug": "augmented",
    "+": "augmented",
    "°": "diminished",
}
_METRONOME = re.compile(r"[\ue1d0-\ue1ef\ueca0-\uecb7.\s]*(=\s*[\d.,]*)?\s*$")
_ZERO = Fraction(0)


@dataclass
class DraftMeasure:
    """A measure of one part that is being read.

    Attributes:
        units: By staff the note value that time stamps count.
        first_staff: Number of the part's first staff in the document.
    """

    id: str
    part: int
    index: int
    units: dict[int, int]
    voices: list[DraftVoice] = field(default_factory=list)
    directions: list[Direction] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)

    def drafts(self) -> list[Draft]:
        """All events."""
        return [draft for voice in self.voices for draft in voice.events]


class ControlReader:
    """Reads control events, after all layers.

    Args:
        parts: For each part its measures.
        staff_places: By the number of a staff in the document, the index of its part and its staff there.
        pieces: Of each note that was split at barlines its last piece.
    """

    def __init__(
        self,
        parts: list[list[DraftMeasure]],
        staff_places: dict[str, tuple[int, int]],
        pieces: dict[str, str],
    ) -> None:
        self.parts, self.staff_places, self.pieces = parts, staff_places, pieces
        self.spanners: list[list[Spanner]] = [[] for _ in parts]
        self.tied: dict[str, str] = {}
        self.places: dict[str, tuple[Draft, DraftMeasure]] = {}
        self.notes: dict[str, str] = {}  # of each event, a note of it
        self.pedals: dict[tuple[int, int], tuple[Moment, bool]] = {}
        self.arpeggios = 0
        for part in parts:
            for measure in part:
                for draft in measure.drafts():
                    self.places[draft.id] = (draft, measure)
                    for note in draft.notes:
                        self.places.setdefault(note.id, (draft, measure))
                        self.notes[note.id] = self.notes[draft.id] = note.id

    def read_measure(self, measure: ET.Element, index: int) -> None:
        """Read the control elements of a measure; pedal signs in the order of their times.

        Args:
            measure: The <measure>.
            index: Its index.
        """
        elements = [element for element in measure if element.tag != "staff"]
        places = {id(e): self._where(e, index) for e in elements if e.tag == "pedal"}
        for element in sorted(elements, key=lambda e: place[1] if (place := places.get(id(e))) else _ZERO):
            self._read(element, index)

    def _read(self, element: ET.Element, index: int) -> None:
        tag = element.tag
        readers: dict[str, Callable[[ET.Element, int], None]] = {
            **dict.fromkeys(("slur", "phrase"), self._slur),
            **dict.fromkeys(("tie", "lv"), self._tie),
            **dict.fromkeys(("hairpin", "octave"), self._line),
            **dict.fromkeys(("beamSpan", "tupletSpan"), self._span),
            **dict.fromkeys(("fermata", "breath", "caesura", "fing"), self._mark),
            **dict.fromkeys(("trill", "mordent", "turn", "ornam"), self._ornament),
            "gliss": self._glissando,
            "line": self._glissando,
            "pedal": self._pedal,
            "arpeg": self._arpeggio,
            "annot": self._unread,
        }
        if tag in readers:
            readers[tag](element, index)
        elif tag in ("dynam", "dir", "tempo", "reh", "harm", "repeatMark"):
            self._direction(element, index)

    # Places ------------------------------------------------------------------------------------------------

    def _target(self, element: ET.Element, attribute: str) -> tuple[Draft, DraftMeasure] | None:
        return self.places.get(element.get(attribute, "").lstrip("#"))

    def _where(self, element: ET.Element, index: int) -> tuple[DraftMeasure, Fraction, int] | None:
        """The measure, onset and staff at which an element stands; None: nowhere."""
        target = self._target(element, "startid")
        own = self.staff_places.get((element.get("staff") or "").partition(" ")[0])
        if target is not None:
            draft, measure = target
            staff = own[1] if own is not None and own[0] == measure.part else draft.staff
            return measure, draft.onset, staff
        part, staff = own or (0, 1)
        if index >= len(self.parts[part]):
            return None
        measure = self.parts[part][index]
        return measure, _onset(element.get("tstamp", "1"), measure.units.get(staff, 4)), staff

    def _end(self, element: ET.Element, start: DraftMeasure, staff: int) -> Moment | None:
        """The moment at which a line ends."""
        target = self._target(element, "endid")
        if target is not None:
            draft, measure = target
            return Moment(measure.id, draft.onset + draft.length, staff)
        match = re.fullmatch(r"(?:(\d{1,4})m\s*\+\s*)?(\d{1,4}(?:\.\d{1,12})?)", element.get("tstamp2", ""))
        if match is None:
            return None
        measures = self.parts[start.part]
        measure = measures[min(start.index + int(match[1] or 0), len(measures) - 1)]
        return Moment(measure.id, _onset(match[2], measure.units.get(staff, 4)), staff)

    def _event(self, element: ET.Element, index: int, attribute: str = "startid") -> Draft | None:
        """The event that an element belongs to: by its id, or by its time."""
        target = self._target(element, attribute)
        if target is not None:
            return target[0]
        if attribute == "endid":
            start = self._where(element, index)
            moment = None if start is None else self._end(element, start[0], start[2])
            if start is None or moment is None:
                return None
            measure = next(m for m in self.parts[start[0].part] if m.id == moment.measure)
            return _nearest(measure, moment.onset, start[2])
        if not element.get("tstamp"):
            return None
        where = self._where(element, index)
        return None if where is None else _nearest(*where)

    def _same_part(self, *ids: str) -> bool:
        return len({self.places[id_][1].part for id_ in ids}) == 1

    def _add_spanner(self, spanner: Spanner, draft: Draft | None) -> None:
        if draft is not None:
            self.spanners[self.places[draft.id][1].part].append(spanner)

    # Spanners ----------------------------------------------------------------------------------------------

    def _slur(self, element: ET.Element, index: int) -> None:
        start, end = self._event(element, index), self._event(element, index, "endid")
        if start is not None and end is not None and not self._same_part(start.id, end.id):
            end = None
        ends = None if start is None else start.id, None if end is None else end.id
        slur = Slur(*ends, placement(element, "curvedir"), element.get("lform") in ("dashed", "dotted"))
        self._add_spanner(slur, start or end)

    def _tie(self, element: ET.Element, index: int) -> None:
        start, end = (element.get(name, "").lstrip("#") for name in ("startid", "endid"))
        start, end = self.notes.get(start, start), self.notes.get(end, end)
        if start in self.notes:
            leads = (
                end in self.notes and end != start and element.tag == "tie" and self._same_part(start, end)
            )
            self.tied[self.pieces.get(start, start)] = end if leads else ""

    def _line(self, element: ET.Element, index: int) -> None:
        where = self._where(element, index)
        if where is None:
            return
        measure, onset, staff = where
        other = re.search(r"to-staff-(\d+)", element.get("type", ""))
        end_staff = self.staff_places.get(other[1], (0, staff))[1] if other else staff
        end = self._end(element, measure, end_staff)
        if end is None:
            return
        start = Moment(measure.id, onset, staff)
        if element.tag == "octave":
            octaves = {"8": 1, "15": 2, "22": 3}.get(element.get("dis", "8"), 1)
            sign = -1 if element.get("dis.place") == "below" else 1
            self.spanners[measure.part].append(Ottava(start, end, sign * octaves))
            return
        kind: Literal["crescendo", "diminuendo"] = (
            "crescendo" if element.get("form") == "cres" else "diminuendo"
        )
        self.spanners[measure.part].append(Hairpin(start, end, kind, placement(element)))

    def _pedal(self, element: ET.Element, index: int) -> None:
        where = self._where(element, index)
        if where is None:
            return
        measure, onset, staff = where
        here, key = Moment(measure.id, onset, staff), (measure.part, staff)
        if element.get("dir") in ("up", "bounce") and key in self.pedals:
            start, line = self.pedals.pop(key)
            self.spanners[measure.part].append(Pedal(start, here, line))
        if element.get("dir") in ("down", "bounce"):
            self.pedals[key] = (here, element.get("form") == "line")

    def _glissando(self, element: ET.Element, index: int) -> None:
        ends = [element.get(name, "").lstrip("#") for name in ("startid", "endid")]
        drafts = [self._event(element, index, name) for name in ("startid", "endid")]
        if drafts[0] is None or drafts[1] is None:
            return
        if element.tag == "line":
            if element.get("type") == "trill":
                self._add_spanner(TrillLine(drafts[0].id, drafts[1].id), drafts[0])
            return
        notes = [
            end if end in self.notes else self.notes.get(draft.id)
            for end, draft in zip(ends, drafts, strict=True)
            if draft is not None
        ]
        if notes[0] and notes[1]:
            wavy = element.get("lform", "wavy") == "wavy"
            self._add_spanner(Glissando(notes[0], notes[1], wavy, _text(element)), drafts[0])

    def _span(self, element: ET.Element, index: int) -> None:
        """A beam or tuplet that no element could hold."""
        ids = [id_.lstrip("#") for id_ in element.get("plist", "").split()]
        drafts = [self.places[id_][0] for id_ in ids if id_ in self.places]
        if element.tag == "beamSpan":
            set_beams(drafts)
            return
        start, end = self._event(element, index), self._event(element, index, "endid")
        num, base = element.get("num", "3"), element.get("numbase", "2")
        if start is not None and end is not None and num.isdecimal() and base.isdecimal():
            self._add_spanner(Tuplet(start.id, end.id, int(num), int(base)), start)

    # Marks -------------------------------------------------------------------------------------------------

    def _mark(self, element: ET.Element, index: int) -> None:
        draft = self._event(element, index)
        if draft is None or draft.kind == "space":
            return
        where = self._where(element, index)
        if where is not None and where[1] >= max(d.onset + d.length for d in where[0].drafts()) > _ZERO:
            return  # it stands over the barline, which the records lack
        match element.tag:
            case "fermata":
                shape = {"angular": "angled", "square": "square"}.get(element.get("shape", ""), "normal")
                shape = _typed(element, "fermata") or shape
                below = placement(element) == "below" or element.get("form") == "inv"
                draft.marks.append(Fermata(shape, "below" if below else "above"))
            case "fing":
                start = element.get("startid", "").lstrip("#")
                note = start if any(note.id == start for note in draft.notes) else None
                draft.marks.append(Fingering(_text(element), note, placement(element)))
            case _:
                name = "breath-mark" if element.tag == "breath" else "caesura"
                draft.marks.append(Articulation(name, placement(element)))

    def _ornament(self, element: ET.Element, index: int) -> None:
        draft = self._event(element, index)
        if draft is None or draft.kind == "space":
            return
        told = {key: element.get(key) for key in ("form", "delayed") if element.get(key)}
        defaults = {"mordent": {"form": "upper"}, "turn": {"form": "upper"}}.get(element.tag, {})
        if element.tag == "trill":
            told = {}
        known = [
            name
            for name, (tag, how) in ORNAMENTS.items()
            if tag == element.tag and how == {**defaults, **told}
        ]
        name = known[0] if known else _typed(element, "ornament") or "other-ornament"
        signs = [element.get("accidupper"), element.get("accidlower")]
        accidentals = tuple(_ACCIDENTALS[sign] for sign in signs if sign in _ACCIDENTALS)
        draft.marks.append(Ornament(name, placement(element), accidentals))
        end = self._event(element, index, "endid") if element.tag == "trill" else None
        if end is None and element.get("extender") == "true":
            end = draft
        if end is not None:
            self._add_spanner(TrillLine(draft.id, end.id), draft)

    def _arpeggio(self, element: ET.Element, index: int) -> None:
        ids = [id_.lstrip("#") for id_ in (element.get("startid", ""), *element.get("plist", "").split())]
        drafts = {draft.id: draft for id_ in ids if id_ in self.places for draft in [self.places[id_][0]]}
        if not drafts and (draft := self._event(element, index)) is not None:
            drafts[draft.id] = draft
        self.arpeggios += len(drafts) > 1
        group = element.get("n") or (str(self.arpeggios) if len(drafts) > 1 else "")
        direction = {"up": "up", "down": "down", "nonarp": "none"}.get(element.get("order", ""))
        for draft in drafts.values():
            if draft.kind == "chord":
                draft.marks.append(Arpeggio(cast("Any", direction), group))

    def _unread(self, element: ET.Element, index: int) -> None:
        where = self._where(element, index)
        if where is not None and element.get("type") == "unread":
            where[0].unread.append(Unread(where[2], _text(element)))

    # Directions --------------------------------------------------------------------------------------------

    def _direction(self, element: ET.Element, index: int) -> None:
        where = self._where(element, index)
        if where is None:
            return
        measure, onset, staff = where
        text, kind = _text(element), _typed(element, "technique") or _typed(element, "articulation")
        draft = self._event(element, index) if kind else None
        if kind and draft is not None:
            type_ = Technique(kind, text, placement(element))
            plain = Articulation(kind, placement(element))
            draft.marks.append(type_ if _typed(element, "technique") else plain)
            return
        value: Dynamic | Words | Tempo | Rehearsal | Jump | ChordSymbol | FiguredBass | None = None
        match element.tag:
            case "dynam":
                value = Dynamic(text) if text else None
            case "reh":
                value = Rehearsal(text)
            case "tempo":
                value = _tempo(element)
            case "repeatMark":
                kind_ = _FUNCTIONS.get(element.get("func", ""), "segno")
                value = Jump(cast("Any", kind_), text)
            case "harm" if (figures := element.find("fb")) is not None:
                end = self._end(element, measure, staff)
                same = end is not None and end.measure == measure.id
                length = end.onset - onset if end is not None and same else None
                read = tuple(_figure(figure) for figure in figures.iterfind("f"))
                value = FiguredBass(read, length) if read else None
            case "harm":
                value = _chord_symbol(element, text)
            case "dir" if element.get("type") == "to-coda":
                value = Jump("to-coda", text)
            case _ if text:
                rends = [element, *element.iter("rend")]
                styles = [
                    name
                    for name, attribute in (("bold", "fontweight"), ("italic", "fontstyle"))
                    if any(rend.get(attribute) == name for rend in rends)
                ]
                value = Words(text, cast("Any", "-".join(styles) or "normal"))
        if value is not None:
            measure.directions.append(Direction(onset, value, staff, placement(element)))


# Leaves ----------------------------------------------------------------------------------------------------


def _onset(stamp: str, unit: int) -> Fraction:
    """The onset of a time stamp, in whole notes; decimal thirds become exact."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,12})?", stamp):
        return _ZERO
    return max(_ZERO, (Fraction(stamp) - 1) / unit).limit_denominator(5000)


def _nearest(measure: DraftMeasure, onset: Fraction, staff: int) -> Draft | None:
    """The event of a staff that begins at an onset, or the last one before it."""
    drafts = [d for d in measure.drafts() if d.staff == staff and d.kind != "space" and d.grace is None]
    before = [draft for draft in drafts if draft.onset <= onset]
    return max(before, key=lambda draft: draft.onset, default=None)


def _text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _typed(element: ET.Element, kind: str) -> str | None:
    """What follows a word and a dot in @type."""
    match = re.search(rf"(?:^|\s){kind}\.(\S+)", element.get("type", ""))
    return match[1] if match else None


def _decimal(text: str | None) -> Fraction | None:
    return Fraction(text) if text and re.fullmatch(r"\d{1,6}(\.\d{1,10})?", text) else None


def _tempo(element: ET.Element) -> Tempo:
    unit = element.get("mm.unit", "")
    dots = element.get("mm.dots", "0")
    beat = (
        Duration(Fraction(_VALUES[unit]), int(dots) if dots.isdecimal() else 0) if unit in _VALUES else None
    )
    text = _text(element)
    if beat is not None or element.get("mm") or (element.get("midi.bpm") and "=" in text):
        text = _METRONOME.sub("", text)
    return Tempo(
        text.rstrip("(").rstrip(), beat, _decimal(element.get("mm")), _decimal(element.get("midi.bpm"))
    )


def _figure(element: ET.Element) -> tuple[str, str, str]:
    text = _text(element)
    match = re.fullmatch(r"(\D*)(\d*)(.*)", text)
    assert match is not None  # it matches any text
    prefix, number, suffix = (_SIGNS.get(part, part) for part in match.groups())
    if prefix and not number and element.get("type") != "prefix":
        return "", "", prefix
    return prefix, number, suffix


def _chord_symbol(element: ET.Element, text: str) -> ChordSymbol:
    words = [word.split(".") for word in element.get("type", "").split()]
    told = {word[0]: word[1:] for word in words}
    if "kind" in told:
        root, bass = (
            (told[name][0], int(told[name][1])) if len(told.get(name, ())) == 2 else None
            for name in ("root", "bass")
        )
        degrees = [(w[1], int(w[2]), int(w[3])) for w in words if w[0] == "degree" and len(w) == 4]
        return ChordSymbol(
            root, told["kind"][0].replace("_", " "), element.get("label"), bass, tuple(degrees)
        )
    name, _, under = text.partition("/")
    root_match, bass_match = _ROOT.match(name), _ROOT.fullmatch(under)
    rest = name[root_match.end() :] if root_match else name
    return ChordSymbol(_pitch(root_match), _KINDS.get(rest, "other"), rest or None, _pitch(bass_match))


def _pitch(match: re.Match[str] | None) -> tuple[str, int] | None:
    if match is None:
        return None
    sign = match[2] or ""
    alter = {"x": 2, "♯": 1, "♭": -1}.get(sign, sign.count("#") - sign.count("b"))
    return match[1], alter
