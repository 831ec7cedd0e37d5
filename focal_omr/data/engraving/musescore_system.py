"""Reader of the SVG of a system by MuseScore, with kinds, ids and boxes.

MuseScore keeps no ids, but the colours of notes and rests, so each of them is written in a unique colour.
Stems, accidentals, dots and ties are found beside their heads. Everything is drawn in black in the end.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree as ET

from focal_omr.data.engraving.engraved_system import SPACE, DrawnSystem, StaffFrame
from focal_omr.data.engraving.match_shapes import Shape, match_shapes
from focal_omr.data.engraving.svg_boxes import SVG, shape_box
from focal_omr.errors import EngraveError
from focal_omr.score.score import Score

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
    elements = match_shapes(list(_shapes(root, ids)), frames, score, staff_of)
    return DrawnSystem(frames, tuple(elements), (0, 0))


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


def _shapes(root: ET.Element, ids: Sequence[str]) -> Iterator[Shape]:
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
        left, top, right, bottom = (_SCALE * value for value in box)
        yield Shape(_KINDS.get(name, name.lower()), id_, (left, top, right, bottom))
