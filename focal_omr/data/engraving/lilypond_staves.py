"""Staves of systems engraved by LilyPond, with the same labels as those of Verovio."""

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from xml.etree import ElementTree as ET

from focal_omr.data.engraving.engraved_system import SPACE, DrawnSystem, StaffFrame
from focal_omr.data.engraving.for_engraving import for_engraving
from focal_omr.data.engraving.lilypond_score import drawable, write_lilypond_score
from focal_omr.data.engraving.match_shapes import Shape, match_shapes
from focal_omr.data.engraving.svg_boxes import SVG, Box, shape_box, union
from focal_omr.data.engraving.system_staves import EngravedStaff, staves_of_events, staves_of_svg, with_stems
from focal_omr.errors import EngraveError
from focal_omr.score.score import Score

__all__ = ["lilypond_systems", "read_lilypond"]

_LIMIT_S = 600.0  # of a run of 40 systems, which takes 20 s
# LilyPond's names of what is drawn, by the name that an element has in labels.
_KINDS = {
    **{"NoteHead": "head", "Rest": "rest", "MultiMeasureRest": "rest", "Stem": "stem", "Flag": "flag"},
    **{"Beam": "beam", "Dots": "dot", "Accidental": "accidental", "AccidentalCautionary": "accidental"},
    **{"Tie": "tie", "LaissezVibrerTie": "tie", "Slur": "slur", "Clef": "clef", "ClefModifier": "clef"},
    **{"KeySignature": "key", "KeyCancellation": "key", "TimeSignature": "meter", "BarLine": "barline"},
    **{"StaffSymbol": "staff", "LyricText": "lyric", "LyricHyphen": "lyric", "LyricExtender": "lyric"},
    **{"Script": "articulation", "TupletNumber": "tuplet-number", "TupletBracket": "tuplet-bracket"},
    **{"InstrumentName": "name", "BarNumber": "number", "LedgerLineSpanner": "ledger"},
    **{"SystemStartBrace": "group-symbol", "SystemStartBracket": "group-symbol"},
}
_MOVED = re.compile(r"translate\((-?[\d.]+), (-?[\d.]+)\)")
_SCALED = re.compile(r"scale\((-?[\d.]+), (-?[\d.]+)\)")


def lilypond_systems(random: Random, scores: Sequence[Score]) -> list[list[EngravedStaff] | EngraveError]:
    """Engrave scores in one run of LilyPond, in one set of line widths and spacing.

    Args:
        random: Draws line widths and spacing.
        scores: Each in one system of a few measures, with all its printed accidentals, see `as_printed`.

    Returns:
        For each score its staves from the top, or why they cannot be used. Dynamics, words and other
        marks that are not drawn are not in their scores.

    Raises:
        EngraveError: LilyPond is not installed, or takes longer than 600 s.
    """
    program = shutil.which("lilypond")
    if program is None:
        raise EngraveError("LilyPond is not installed")
    layout = _drawn_layout(random)
    results: list[list[EngravedStaff] | EngraveError] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        left = [drawable(for_engraving(score)) for score in scores]
        files = []
        for number, score in enumerate(left):
            try:
                text = write_lilypond_score(score, layout)
            except EngraveError as error:
                results.append(error)
                continue
            results.append(EngraveError("LilyPond made no SVG"))
            files.append(f"{number}.ly")
            (folder / files[-1]).write_text(text, encoding="utf-8")
        command = [program, "-dbackend=svg", "-dno-point-and-click", "--loglevel=ERROR", *files]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, timeout=_LIMIT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise EngraveError(f"LilyPond takes longer than {_LIMIT_S:.0f} s") from error
        for number, score in enumerate(left):
            file = folder / f"{number}.svg"
            if file.exists():
                try:
                    svg = file.read_text(encoding="utf-8")
                    system = read_lilypond(svg, score, staves_of_events(score))
                    results[number] = staves_of_svg(svg, system, with_stems(score, system), units=1.0)
                except EngraveError as error:
                    results[number] = error
    return results


def _drawn_layout(random: Random) -> str:
    """Settings of the Score context: classes of everything drawn, line widths and spacing."""
    classes = (f'\\override {n}.output-attributes = #\'((class . "{k}"))' for n, k in _KINDS.items())
    values = {
        "Stem.thickness": random.uniform(1.0, 2.0),
        "StaffSymbol.thickness": random.uniform(0.7, 1.5),
        "SpacingSpanner.shortest-duration-space": random.uniform(1.6, 2.6),
        "SpacingSpanner.spacing-increment": random.uniform(0.9, 1.6),
        "BarLine.hair-thickness": random.uniform(1.4, 2.8),
    }
    widths = (f"\\override {name} = #{value:.2f}" for name, value in values.items())
    rules = "autoAccidentals = #'() autoCautionaries = #'() extraNatural = ##f"
    return "\n".join([*classes, *widths, rules])


def read_lilypond(svg: str, score: Score, staff_of: Mapping[str, int]) -> DrawnSystem:
    """Read what LilyPond drew, in the units of Verovio's SVG.

    Args:
        svg: Of one system, with the classes of `_KINDS`.
        score: The score.
        staff_of: Index of the staff of each event and note, by id.

    Raises:
        EngraveError: There are other staves than the score has, or something of a note is missing.
    """
    root = ET.fromstring(svg)
    frames = _frames(root)
    if len(frames) != sum(part.staves for part in score.parts):
        raise EngraveError(f"LilyPond drew {len(frames)} staves")
    elements = match_shapes(list(_shapes(root)), frames, score, staff_of)
    return DrawnSystem(frames, tuple(elements), (0, 0))


def _frames(root: ET.Element) -> tuple[StaffFrame, ...]:
    ends: dict[float, list[tuple[float, float]]] = defaultdict(list)
    for group in root.iterfind(f"{SVG}g"):
        for inner in group.iterfind(f"{SVG}g") if group.get("class") == "staff" else ():
            moved = _MOVED.match(inner.get("transform", ""))
            for line in inner.iterfind(f"{SVG}line") if moved else ():
                x, y = (SPACE * float(n) for n in moved.groups()) if moved else (0.0, 0.0)
                ends[y].append((x + SPACE * float(line.get("x1", 0)), x + SPACE * float(line.get("x2", 0))))
    ys = sorted(ends)
    frames = []
    for first in range(0, len(ys) - 4, 5):
        own = [end for y in ys[first : first + 5] for end in ends[y]]
        left, right = min(a for a, _ in own), max(b for _, b in own)
        frames.append(StaffFrame(left, right, tuple(ys[first : first + 5])))
    return tuple(frames)


def _shapes(root: ET.Element) -> Iterator[Shape]:
    for group in root.iterfind(f"{SVG}g"):
        kind = group.get("class", "")
        if kind and kind != "staff":
            boxes = list(_boxes(group))
            whole = union(boxes)
            apart = kind in ("barline", "key", "meter", "beam", "ledger") or whole is None
            for box in boxes if apart or whole is None else [whole]:
                yield Shape(kind, group.get("id", ""), box)


def _boxes(group: ET.Element) -> Iterator[Box]:
    """Boxes of the shapes of a group, in units of `SPACE`."""
    for inner in group.iter(f"{SVG}g"):
        moved = _MOVED.match(inner.get("transform", ""))
        x, y = map(float, moved.groups()) if moved else (0.0, 0.0)
        for shape in inner:
            if shape.tag == f"{SVG}g":
                continue
            if shape.tag == f"{SVG}line":
                xs = [float(shape.get(name, 0)) for name in ("x1", "x2")]
                ys = [float(shape.get(name, 0)) for name in ("y1", "y2")]
                box: Box | None = (min(xs), min(ys), max(xs), max(ys))
            elif shape.tag == f"{SVG}text":
                size = float(shape.get("font-size", 0))
                text = "".join(shape.itertext()).strip()
                box = (0.0, -0.75 * size, 0.5 * size * len(text), 0.2 * size)
            else:
                box = shape_box(shape, {})
            if box is None:
                continue
            if scaled := _SCALED.match(shape.get("transform", "")):
                a, b = map(float, scaled.groups())
                ys = sorted((b * box[1], b * box[3]))
                box = (a * box[0], ys[0], a * box[2], ys[1])
            yield SPACE * (x + box[0]), SPACE * (y + box[1]), SPACE * (x + box[2]), SPACE * (y + box[3])
