"""Plates engraved by LilyPond, the optional second engraver: other glyphs, other spacing, other beams.

LilyPond takes a second to start and some hundredths for a staff, so staves are engraved many at a time. It is
no Python package: the program must be installed. Where symbols stand is not known for these plates.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from focal_omr.data.engraving.render import (
    PLATE_HALF_SPACES,
    PLATE_MARGIN_SPACES,
    PLATE_SPACE_PX,
    Plate,
    draw_beams,
    rasterised,
)
from focal_omr.errors import EngraveError, NotationError
from focal_omr.formats.lilypond import write_lilypond
from focal_omr.score.records import Score

_LIMIT_S = 900  # for 50 staves, which take 10 on an idle core
# A staff line of LilyPond's SVG; its unit is the staff space.
_LINE = re.compile(
    r'<g transform="translate\((-?[\d.]+), (-?[\d.]+)\)">\s*'
    r'<line [^>]*x1="(-?[\d.]+)" y1="(-?[\d.]+)" x2="(-?[\d.]+)" y2="(-?[\d.]+)"/>'
)
_SIZE = re.compile(r'<svg ([^>]*?)width="[^"]*" height="[^"]*" viewBox="[^"]*"')
_HEAD = r"""\version "2.24.0"
\paper {
  indent = 0
  page-breaking = #ly:one-line-auto-height-breaking
  oddHeaderMarkup = ##f
  oddFooterMarkup = ##f
}
"""


def lilypond_plates(
    random: Random, scores: Sequence[Score], *, furniture: float = 1.0, space_px: int = PLATE_SPACE_PX
) -> list[Plate | None]:
    """A plate of each score, None for one that LilyPond is not given or does not draw as one staff.

    Raises:
        EngraveError: The program is not installed, failed, or took longer than `_LIMIT_S`.
    """
    program = shutil.which("lilypond")
    if program is None:
        raise EngraveError("the program lilypond is not installed (Debian: apt install lilypond)")
    beamed = [Score((draw_beams(random, score.parts[0]),)) for score in scores]
    books = [_book(random, str(number), score, furniture) for number, score in enumerate(beamed)]
    with TemporaryDirectory() as folder:
        source = Path(folder) / "staves.ly"
        source.write_text(_HEAD + "".join(book for book in books if book), encoding="utf-8")
        command = [program, "--silent", "-dbackend=svg", "-dno-point-and-click", source.name]
        try:
            subprocess.run(command, cwd=folder, check=True, timeout=_LIMIT_S, capture_output=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise EngraveError(f"lilypond: {error}") from error
        return [_plate(Path(folder), number, score, space_px) for number, score in enumerate(beamed)]


def _book(random: Random, name: str, score: Score, furniture: float) -> str:
    try:
        music = write_lilypond(score)
    except NotationError:
        return ""
    if furniture:
        music = _furnished(random, music, furniture)
    context = f"\\with {{ {_overrides(random)} }}"
    return f'\\book {{ \\bookOutputName "{name}" \\score {{ \\new Staff {context} {music} }} }}\n'


def _overrides(random: Random) -> str:
    """Line widths and sizes around LilyPond's own."""
    if random.random() < 0.3:
        return ""
    return " ".join(
        (
            f"\\override StaffSymbol.thickness = #{random.uniform(0.7, 1.8):.2f}",
            f"\\override Stem.thickness = #{random.uniform(0.9, 2.0):.2f}",
            f"\\override Beam.beam-thickness = #{random.uniform(0.4, 0.55):.2f}",
            f"\\override BarLine.hair-thickness = #{random.uniform(1.3, 2.8):.2f}",
            f"\\override NoteSpacing.space-to-barline = ##{random.choice('tf')}",
        )
    )


_MARKS = ("-.", "->", "--", "-^", "-1", "-3", "\\p", "\\f", "\\mf", "\\trill", "\\prall", "\\turn")
_NOTE = re.compile(r"(?<= )[a-g](?:is|es)*[',]*!?\d+\.*(?= [a-g])")


def _furnished(random: Random, music: str, amount: float) -> str:
    """Marks after some notes that are not followed by a tie, beam or fermata."""
    marks = random.sample(_MARKS, 3)
    often = random.choice((0.0, 0.1, 0.3)) * amount
    return _NOTE.sub(lambda n: n[0] + (random.choice(marks) if random.random() < often else ""), music)


def _plate(folder: Path, number: int, score: Score, space_px: int) -> Plate | None:
    path = folder / f"{number}.svg"
    if not path.exists():
        return None
    svg = path.read_text(encoding="utf-8")
    lines = [tuple(map(float, line)) for line in _LINE.findall(svg)]
    if len(lines) != 5:
        return None
    left, right = lines[0][0] + lines[0][2], lines[0][0] + lines[0][4]
    middle = sorted(y + y1 for _, y, _, y1, _, _ in lines)[2]
    width = right - left + 2 * PLATE_MARGIN_SPACES
    top = middle - PLATE_HALF_SPACES - 0.5 / space_px  # a line's centre falls on the centre of its pixel row
    size = f'width="{round(width * space_px)}px" height="{2 * PLATE_HALF_SPACES * space_px}px"'
    box = f'viewBox="{left - PLATE_MARGIN_SPACES:.4f} {top:.4f} {width:.4f} {2 * PLATE_HALF_SPACES}"'
    svg = _SIZE.sub(rf"<svg \1{size} {box}", svg, count=1)
    return Plate(rasterised(svg), score)
