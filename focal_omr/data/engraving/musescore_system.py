"""What MuseScore draws of a system, read from its SVG.

MuseScore keeps no ids, but the colours of notes and rests, so each of them is written in a colour of its own.
Stems, accidentals, dots and ties are found beside their heads. Everything is drawn in black in the end.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from focal_omr.data.engraving.engraved_system import SPACE, DrawnElement, DrawnSystem, StaffFrame
from focal_omr.data.engraving.svg_boxes import SVG, Box, shape_box, union
from focal_omr.errors import EngraveError
from focal_omr.score.score import Chord, Rest, Score

__all__ = ["SVG_UNITS", "blackened", "coloured", "read_musescore"]

SVG_UNITS = 25.0  # of MuseScore's SVG in a staff space, at the size of `musescore_staves`
_SCALE = SPACE / SVG_UNITS
_KINDS = {
    **{"Note": "head", "Rest": "rest", "Stem": "stem", "Hook": "flag", "Beam": "beam", "NoteDot": "dot"},
    **{"Accidental": "accidental", "TieSegment": "tie", "SlurSegment": "slur", "LedgerLine": "ledger"},
    **{"Clef": "clef", "KeySig": "key", "TimeSig": "meter", "BarLine": "barline", "Lyrics": "lyric"},
    **{"LyricsLineSegment": "lyric", "Dynamic": "dynamic", "HairpinSegment": "hairpin", "Tempo": "tempo"},
    **{"StaffText": "words", "SystemText": "words", "Fingering": "fingering", "Harmony": "chord-symbol"},
    **{"FiguredBass": "figured-bass", "RehearsalMark": "rehearsal", "OttavaSegment": "ottava"},
    **{"PedalSegment": "pedal", "GlissandoSegment": "glissando", "Arpeggio": "arpeggio"},
    **{"Articulation": "articulation", "Fermata": "fermata", "Tuplet": "tuplet-number", "Breath": "breath"},
    **{"Bracket": "group-symbol", "InstrumentName": "name", "MeasureNumber": "number", "Marker": "jump"},
    **{"Jump": "jump", "VoltaSegment": "ending", "RepeatMeasure": "measure-repeat", "Tremolo": "tremolo"},
    **{"TrillSegment": "ornament", "StemSlash": "flag"},
}
_SYSTEM = frozenset(("group-symbol", "name"))
# Signs that MuseScore draws in pieces: pieces nearer than this, in spaces, are one.
_PIECES = {"key": 1.2, "meter": 0.5, "barline": 0.9, "ending": 0.5}
_PAINT = re.compile(r"#([0-9a-fA-F]{6})$")
_MATRIX = re.compile(r"matrix\(([\d.]+),0,0,([\d.]+),(-?[\d.]+),(-?[\d.]+)\)")
_NOTE = re.compile(r'<note id="([^"]*)"')
_COLOUR = re.compile(r'(fill|stroke)="#(?!ffffff)[0-9a-fA-F]{6}"')


def coloured(musicxml: str) -> tuple[str, list[str]]:
    """A MusicXML document whose notes and rests have one colour each, and their ids by colour, from 1 on."""
    ids = [""]

    def colour(found: re.Match[str]) -> str:
        ids.append(found[1])
        return f'{found[0]} color="#{len(ids) - 1:06X}"'

    return _NOTE.sub(colour, musicxml), ids


def blackened(svg: str) -> str:
    """An SVG of MuseScore in black."""
    return _COLOUR.sub(r'\1="#000000"', svg)


def read_musescore(svg: str, ids: Sequence[str], score: Score, staff_of: Mapping[str, int]) -> DrawnSystem:
    """Read what MuseScore drew, in the units of Verovio's SVG.

    Args:
        svg: Of one system.
        ids: Ids by colour, from `coloured`.
        score: The score.
        staff_of: Index of the staff of each event and note, by id.

    Raises:
        EngraveError: There are other staves than the score has, or something of a note is missing.
    """
    root = ET.fromstring(svg)
    frames = _frames(root)
    if len(frames) != sum(part.staves for part in score.parts):
        raise EngraveError(f"MuseScore drew {len(frames)} staves")
    shapes = list(_shapes(root, ids))
    matcher = _Matcher(shapes)
    elements = [*matcher.events(score, staff_of), *_others(matcher.left(), frames, score)]
    return DrawnSystem(frames, tuple(elements), (0, 0))


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    id: str
    box: Box


def _scaled(box: Box) -> Box:
    return box[0] * _SCALE, box[1] * _SCALE, box[2] * _SCALE, box[3] * _SCALE


def _frames(root: ET.Element) -> tuple[StaffFrame, ...]:
    ends: dict[float, list[tuple[float, float]]] = defaultdict(list)  # of the lines, by height
    for line in root.iter(f"{SVG}polyline"):
        if line.get("class") == "StaffLines":
            left, y, right, _ = (float(n) * _SCALE for n in re.findall(r"-?[\d.]+", line.get("points", "")))
            ends[y].append((left, right))
    ys = sorted(ends)
    frames = []
    for first in range(0, len(ys) - 4, 5):
        lines = ys[first : first + 5]
        if not 3.9 * SPACE < lines[-1] - lines[0] < 4.1 * SPACE:
            raise EngraveError("MuseScore drew a staff of other than five lines of the expected size")
        own = [end for y in lines for end in ends[y]]
        frames.append(StaffFrame(min(left for left, _ in own), max(right for _, right in own), tuple(lines)))
    return tuple(frames)


def _shapes(root: ET.Element, ids: Sequence[str]) -> Iterator[_Shape]:
    for shape in root:
        name = shape.get("class", "")
        if name == "StaffLines" or not name:
            continue
        box = shape_box(shape, {})
        if box is None:
            continue
        if moved := _MATRIX.match(shape.get("transform", "")):  # of what is smaller than usual
            across, down, x, y = map(float, moved.groups())
            box = (across * box[0] + x, down * box[1] + y, across * box[2] + x, down * box[3] + y)
        paint = _PAINT.match(shape.get("fill", "")) if name in ("Note", "Rest") else None
        number = int(paint[1], 16) if paint else 0
        id_ = ids[number] if number < len(ids) else ""
        yield _Shape(_KINDS.get(name, name.lower()), id_, _scaled(box))


class _Matcher:
    """Gives shapes to the notes and rests that they belong to."""

    def __init__(self, shapes: Sequence[_Shape]) -> None:
        self.shapes: dict[str, list[_Shape]] = defaultdict(list)
        for shape in shapes:
            self.shapes[shape.kind].append(shape)
        self.heads = {s.id: s.box for s in self.shapes.pop("head", []) if s.id}
        self.rests = {s.id: s.box for s in self.shapes.pop("rest", []) if s.id}

    def left(self) -> list[_Shape]:
        """The shapes that belong to no note or rest."""
        return [shape for found in self.shapes.values() for shape in found]

    def events(self, score: Score, staff_of: Mapping[str, int]) -> Iterator[DrawnElement]:
        """Elements of the notes and rests of a score."""
        chords = []
        for *_, event in score.events():
            if isinstance(event, Chord):
                chords.append(event)
            if isinstance(event, Rest) and event.id in self.rests:
                box = self.rests[event.id]
                yield DrawnElement("rest", event.id, staff_of[event.id], box)
                for dot in self._dots(event.duration.dots, box):
                    yield DrawnElement("dot", event.id, staff_of[event.id], dot)
        for chord in sorted(chords, key=lambda c: -len(c.notes)):  # the most certain ones first
            staff = staff_of[chord.id]
            heads = {note.id: self.heads[note.id] for note in chord.notes if note.id in self.heads}
            for id_, box in heads.items():
                yield DrawnElement("head", id_, staff_of[id_], box)
            if heads and chord.duration.value < 1 and chord.stem != "none":
                yield DrawnElement("stem", chord.id, staff, self._stem(list(heads.values()), chord.id))
            for note in chord.notes:
                if note.id not in heads:
                    continue
                for dot in self._dots(chord.duration.dots, heads[note.id]):
                    yield DrawnElement("dot", chord.id, staff, dot)
                if note.accidental:
                    yield DrawnElement(
                        "accidental", note.id, staff, self._accidental(heads[note.id], note.id)
                    )
                if note.tie_to is not None:
                    yield DrawnElement("tie", note.id, staff, self._tie(heads[note.id], note.id))

    def _take(self, kind: str, costs: list[tuple[float, _Shape]], what: str) -> Box:
        """Take the shape of the lowest cost."""
        if not costs:
            raise EngraveError(f"MuseScore did not draw the {what}")
        found = min(costs, key=lambda pair: pair[0])[1]
        self.shapes[kind].remove(found)
        return found.box

    def _stem(self, heads: Sequence[Box], chord: str) -> Box:
        """The stem at an edge of the heads that reaches over all of them, and ends nearest to one."""
        low, high = max(_middle(box) for box in heads), min(_middle(box) for box in heads)
        edges = [edge for box in heads for edge in (box[0], box[2])]
        costs = []
        for stem in self.shapes["stem"]:
            x = (stem.box[0] + stem.box[2]) / 2
            beside = min(abs(x - edge) for edge in edges)
            over = stem.box[1] < high + 0.6 * SPACE and stem.box[3] > low - 0.6 * SPACE
            end = min(abs(stem.box[3] - low), abs(stem.box[1] - high))
            if beside < 0.3 * SPACE and over and end < SPACE:
                costs.append((beside + end, stem))
        return self._take("stem", costs, f"stem of {chord}")

    def _accidental(self, head: Box, note: str) -> Box:
        costs = []
        for sign in self.shapes["accidental"]:
            gap = head[0] - sign.box[2]
            if sign.box[1] < _middle(head) < sign.box[3] and -0.3 * SPACE < gap < 7 * SPACE:
                costs.append((gap + 4 * abs(_middle(sign.box) - _middle(head)), sign))
        return self._take("accidental", costs, f"accidental of {note}")

    def _dots(self, count: int, head: Box) -> Iterator[Box]:
        for _ in range(count):
            costs = []
            for dot in self.shapes["dot"]:
                gap, away = dot.box[0] - head[2], abs(_middle(dot.box) - _middle(head))
                if -0.2 * SPACE < gap < 4 * SPACE and away < 1.6 * SPACE:
                    costs.append((gap + 3 * away, dot))
            if costs:  # dots of two voices may be one; `place_columns` asks for those of each chord
                yield self._take("dot", costs, "dot")

    def _tie(self, head: Box, note: str) -> Box:
        costs = []
        for tie in self.shapes["tie"]:
            gap = abs(tie.box[0] - head[2])
            away = min(abs(tie.box[1] - _middle(head)), abs(tie.box[3] - _middle(head)))
            if gap < 2.5 * SPACE and away < 1.6 * SPACE:
                costs.append((gap + 2 * away, tie))
        return self._take("tie", costs, f"tie of {note}")


def _middle(box: Box) -> float:
    return (box[1] + box[3]) / 2


def _others(shapes: Sequence[_Shape], frames: Sequence[StaffFrame], score: Score) -> Iterator[DrawnElement]:
    """Everything else: each on the nearest staff, barlines on all staves that they stand on."""
    by_sign: dict[tuple[str, int], list[Box]] = defaultdict(list)
    for shape in shapes:
        if shape.kind == "barline":
            for number, frame in enumerate(frames):
                top, bottom = frame.line_ys[0], frame.line_ys[-1]
                above, below = max(shape.box[1], top), min(shape.box[3], bottom)
                if below > above:  # but not the system line
                    by_sign["barline", number].append((shape.box[0], above, shape.box[2], below))
            continue
        middle = _middle(shape.box)
        staff = min(range(len(frames)), key=lambda n: abs(frames[n].line_ys[2] - middle))
        if shape.kind in _PIECES:
            by_sign[shape.kind, staff].append(shape.box)
        else:
            yield DrawnElement(shape.kind, "", -1 if shape.kind in _SYSTEM else staff, shape.box)
    opening = score.parts[0].measures[0].left
    for (kind, staff), boxes in by_sign.items():
        signs = list(_joined(boxes, _PIECES[kind] * SPACE))
        if kind == "barline" and signs and signs[0][0] < frames[staff].left + 0.5 * SPACE and opening is None:
            signs = signs[1:]  # the line at the left of a system
        for box in signs:
            yield DrawnElement(kind, "", 0 if kind == "ending" else staff, box)


def _joined(boxes: Sequence[Box], gap: float) -> Iterator[Box]:
    """Boxes of groups of boxes that stand side by side."""
    group: list[Box] = []
    for box in sorted(boxes):
        if group and box[0] - max(other[2] for other in group) > gap:
            yield union(group) or box
            group = []
        group.append(box)
    if group:
        yield union(group) or group[0]
