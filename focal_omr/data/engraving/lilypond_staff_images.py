"""Staff images engraved by LilyPond, the optional second engraver with its own glyphs, spacing and beams.

LilyPond takes a second to start and some hundredths of a second per staff, so staves are engraved in batches.
It is no Python package; the program must be installed. The positions of symbols are unknown for these images.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from focal_omr.data.engraving.render import StaffImage, draw_beams, rasterise
from focal_omr.data.staff_image import (
    STAFF_IMAGE_HALF_SPACES,
    STAFF_IMAGE_MARGIN_SPACES,
    STAFF_IMAGE_SPACE_PX,
)
from focal_omr.errors import EngraveError, NotationError
from focal_omr.formats.lilypond import write_lilypond
from focal_omr.score.records import Score

_TIMEOUT_S = 900  # for 50 staves, which take 10 on an idle core
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
_MARKS = ("-.", "->", "--", "-^", "-1", "-3", "\\p", "\\f", "\\mf", "\\trill", "\\prall", "\\turn")
# A note that is not followed by a tie, beam or fermata.
_NOTE = re.compile(r"(?<= )[a-g](?:is|es)*[',]*!?\d+\.*(?= [a-g])")


def lilypond_staff_images(
    random: Random,
    scores: Sequence[Score],
    *,
    distractors: float = 1.0,
    space_px: int = STAFF_IMAGE_SPACE_PX,
) -> list[StaffImage | None]:
    """Engrave scores with one run of LilyPond.

    Args:
        random: Random generator.
        scores: Scores of one part each.
        distractors: Amount of notation that is not transcribed; 0 none, 1 as on a typical page.
        space_px: Staff space in pixels.

    Returns:
        A staff image per score; None for a score that cannot be written as LilyPond or is not drawn as one
        staff.

    Raises:
        EngraveError: The program is not installed, failed or timed out.
    """
    program = shutil.which("lilypond")
    if program is None:
        raise EngraveError("the program lilypond is not installed (Debian: apt install lilypond)")
    beamed = [Score((draw_beams(random, score.parts[0]),)) for score in scores]
    books = [_book(random, str(number), score, distractors) for number, score in enumerate(beamed)]
    with TemporaryDirectory() as folder:
        source = Path(folder) / "staves.ly"
        source.write_text(_HEAD + "".join(books), encoding="utf-8")
        command = [program, "--silent", "-dbackend=svg", "-dno-point-and-click", source.name]
        try:
            subprocess.run(command, cwd=folder, check=True, timeout=_TIMEOUT_S, capture_output=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise EngraveError(f"lilypond: {error}") from error
        paths = [Path(folder) / f"{number}.svg" for number in range(len(beamed))]
        svgs = [path.read_text(encoding="utf-8") if path.exists() else "" for path in paths]
    framed = [_framed(svg, space_px) for svg in svgs]
    return [
        StaffImage(rasterise(svg), score) if svg else None for svg, score in zip(framed, beamed, strict=True)
    ]


def _book(random: Random, name: str, score: Score, distractors: float) -> str:
    """Write one staff as LilyPond, with line widths and sizes around the defaults; "" if it cannot be."""
    try:
        music = write_lilypond(score)
    except NotationError:
        return ""
    if distractors:
        marks = random.sample(_MARKS, 3)
        chance = random.choice((0.0, 0.1, 0.3)) * distractors
        music = _NOTE.sub(
            lambda note: note[0] + (random.choice(marks) if random.random() < chance else ""), music
        )
    overrides = ""
    if random.random() >= 0.3:
        overrides = " ".join(
            (
                f"\\override StaffSymbol.thickness = #{random.uniform(0.7, 1.8):.2f}",
                f"\\override Stem.thickness = #{random.uniform(0.9, 2.0):.2f}",
                f"\\override Beam.beam-thickness = #{random.uniform(0.4, 0.55):.2f}",
                f"\\override BarLine.hair-thickness = #{random.uniform(1.3, 2.8):.2f}",
                f"\\override NoteSpacing.space-to-barline = ##{random.choice('tf')}",
            )
        )
    context = f"\\with {{ {overrides} }}"
    return f'\\book {{ \\bookOutputName "{name}" \\score {{ \\new Staff {context} {music} }} }}\n'


def _framed(svg: str, space_px: int) -> str:
    """Set size and view box so that the staff lies where a staff image has it; "" without a staff."""
    lines = [tuple(map(float, line)) for line in _LINE.findall(svg)]
    if len(lines) != 5:
        return ""
    left, right = lines[0][0] + lines[0][2], lines[0][0] + lines[0][4]
    middle = sorted(y + y1 for _, y, _, y1, _, _ in lines)[2]
    width, height = right - left + 2 * STAFF_IMAGE_MARGIN_SPACES, 2 * STAFF_IMAGE_HALF_SPACES
    # The centre of a line falls on the centre of its pixel row, hence the half pixel.
    top = middle - STAFF_IMAGE_HALF_SPACES - 0.5 / space_px
    size = f'width="{round(width * space_px)}px" height="{height * space_px}px"'
    box = f'viewBox="{left - STAFF_IMAGE_MARGIN_SPACES:.4f} {top:.4f} {width:.4f} {height}"'
    return _SIZE.sub(rf"<svg \1{size} {box}", svg, count=1)
