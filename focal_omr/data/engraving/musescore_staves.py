"""Staves of systems engraved by MuseScore 3, with the same labels as those of Verovio."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from focal_omr.data.engraving.for_engraving import for_engraving
from focal_omr.data.engraving.musescore_system import SVG_UNITS, blackened, coloured, read_musescore
from focal_omr.data.engraving.render import rasterise
from focal_omr.data.engraving.system_staves import (
    MAX_WIDTH_SPACES,
    SPACE,
    STAFF_HALF_SPACES,
    STAFF_HEIGHT_PX,
    STAFF_SIDE_SPACES,
    STAFF_SPACE_PX,
    EngravedStaff,
    columns_of,
    labelled_staff,
    staves_of_events,
    width_spaces,
    with_stems,
)
from focal_omr.encodings.as_printed import as_printed
from focal_omr.errors import EngraveError
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.score.score import Score

__all__ = ["musescore_systems"]

_PROGRAMS = ("mscore3", "musescore3", "mscore", "musescore")
_LIMIT_S = 300.0  # of a run of 50 systems, which takes 10 s
_FONTS = ("Emmentaler", "Bravura", "Gonville", "MuseJazz")
_TENTHS_PER_SPACE = 10
_MM_PER_SPACE = 1.76389
_SVG_SIZE = re.compile(r'<svg width="[^"]*" height="[^"]*" viewBox="[^"]*"')


def musescore_systems(random: Random, scores: Sequence[Score]) -> list[list[EngravedStaff] | EngraveError]:
    """Engrave scores in one run of MuseScore, in one font and one set of line widths.

    Args:
        random: Draws font, line widths and spacing.
        scores: Each in one system of a few measures.

    Returns:
        For each score its staves from the top, or why they cannot be used.

    Raises:
        EngraveError: MuseScore is not installed, or takes longer than 300 s.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise EngraveError(f"MuseScore 3 is not installed: none of {', '.join(_PROGRAMS)} is found")
    printed = [as_printed(score, stems=False)[0] for score in scores]
    style = _style(random)
    widths = [_drawn_width(score, random) for score in printed]
    results = _run(program, style, printed, widths)
    broken = [n for n, result in enumerate(results) if isinstance(result, _BrokenError)]
    if broken:
        wider = [widths[n] * 1.6 for n in broken]
        again = _run(program, style, [printed[n] for n in broken], wider)
        for number, result in zip(broken, again, strict=True):
            results[number] = result
    return results


class _BrokenError(EngraveError):
    """The page was too narrow for one system."""


def _run(
    program: str, style: str, scores: Sequence[Score], widths: Sequence[float]
) -> list[list[EngravedStaff] | EngraveError]:
    """One run of MuseScore; `widths` are those of the pages, in staff spaces."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "style.mss").write_text(style, encoding="utf-8")
        jobs, ids = [], []
        for number, (score, width) in enumerate(zip(scores, widths, strict=True)):
            text, own = coloured(write_musicxml_score(for_engraving(score)))
            ids.append(own)
            (folder / f"{number}.musicxml").write_text(_on_page(text, width), encoding="utf-8")
            jobs.append({"in": f"{folder}/{number}.musicxml", "out": f"{folder}/{number}.svg"})
        (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": name}
        command = [program, "-S", "style.mss", "-j", "jobs.json"]
        try:
            subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, timeout=_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise EngraveError(f"MuseScore takes longer than {_LIMIT_S:.0f} s") from error
        results: list[list[EngravedStaff] | EngraveError] = []
        for number, score in enumerate(scores):
            try:
                results.append(_staves(folder / f"{number}-1.svg", ids[number], score))
            except EngraveError as error:
                results.append(error)
    return results


def _drawn_width(score: Score, random: Random) -> float:
    """A width of the page that is somewhat more than the music needs."""
    return 14 + max(map(len, columns_of(score))) * random.uniform(3.2, 4.4)


def _staves(file: Path, ids: Sequence[str], score: Score) -> list[EngravedStaff]:
    if not file.exists():
        raise EngraveError("MuseScore made no SVG")
    svg = file.read_text(encoding="utf-8")
    if svg.count('class="StaffLines"') > 5 * sum(part.staves for part in score.parts):
        raise _BrokenError("MuseScore drew more than one system")
    system = read_musescore(svg, ids, score, staves_of_events(score))
    width = width_spaces(system)
    if width > MAX_WIDTH_SPACES:
        raise EngraveError(f"the system is {width:.0f} spaces wide")
    score = with_stems(score, system)
    black = blackened(svg)
    left = min(frame.left for frame in system.staves) - STAFF_SIDE_SPACES * SPACE
    staves = []
    for number, own in enumerate(columns_of(score)):
        # The centre of a line falls on the centre of its pixel row, hence the half pixel.
        middle = system.staves[number].line_ys[2] / SPACE
        top = middle - STAFF_HALF_SPACES - 0.5 / STAFF_SPACE_PX
        gray = rasterise(_framed(black, left / SPACE, top, round(width * STAFF_SPACE_PX)))
        staves.append(labelled_staff(gray, system, number, own, left, score))
    return staves


def _framed(svg: str, left: float, top: float, width_px: int) -> str:
    """Set size and view box of an SVG; `left` and `top` in staff spaces."""
    size = f'<svg width="{width_px}px" height="{STAFF_HEIGHT_PX}px"'
    unit = SVG_UNITS / STAFF_SPACE_PX
    box = f"{left * SVG_UNITS} {top * SVG_UNITS} {width_px * unit} {STAFF_HEIGHT_PX * unit}"
    return _SVG_SIZE.sub(f'{size} viewBox="{box}"', svg, count=1)


def _on_page(musicxml: str, width: float) -> str:
    """The document on a page of `width` staff spaces."""
    tenths = round(min(width, MAX_WIDTH_SPACES - 2 * STAFF_SIDE_SPACES) * _TENTHS_PER_SPACE)
    layout = (
        f"<defaults><scaling><millimeters>{4 * _MM_PER_SPACE}</millimeters><tenths>40</tenths></scaling>"
        f"<page-layout><page-height>3000</page-height><page-width>{tenths + 40}</page-width>"
        '<page-margins type="both"><left-margin>20</left-margin><right-margin>20</right-margin>'
        "<top-margin>20</top-margin><bottom-margin>20</bottom-margin></page-margins></page-layout></defaults>"
    )
    return musicxml.replace("<part-list>", f"{layout}<part-list>", 1)


def _style(random: Random) -> str:
    """A style file of MuseScore."""
    values = {
        "musicalSymbolFont": random.choice(_FONTS),
        "staffLineWidth": round(random.uniform(0.06, 0.14), 3),
        "stemWidth": round(random.uniform(0.08, 0.18), 3),
        "barWidth": round(random.uniform(0.1, 0.25), 3),
        "ledgerLineWidth": round(random.uniform(0.1, 0.2), 3),
        "ledgerLineLength": round(random.uniform(0.3, 0.7), 3),
        "minNoteDistance": round(random.uniform(0.2, 0.6), 3),
        "measureSpacing": round(random.uniform(1.0, 1.4), 3),
        "lastSystemFillLimit": random.choice((0, 0.3, 1)),
        "showMeasureNumber": random.choice((0, 1)),
    }
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f'<?xml version="1.0"?><museScore version="3.01"><Style>{inside}</Style></museScore>'
