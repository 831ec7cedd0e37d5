"""Staves of systems engraved by MuseScore 3, with the same labels as those of Verovio."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from focal_omr.data.engraving.for_engraving import for_engraving
from focal_omr.data.engraving.musescore_system import SVG_UNITS, blackened, coloured, read_musescore
from focal_omr.data.engraving.system_staves import (
    MAX_WIDTH_SPACES,
    STAFF_SIDE_SPACES,
    EngravedStaff,
    columns_of,
    staves_of_events,
    staves_of_svg,
    with_stems,
)
from focal_omr.errors import EngraveError
from focal_omr.formats.musicxml_score import write_musicxml_score
from focal_omr.score.score import Score

__all__ = ["musescore_systems"]

_PROGRAMS = ("mscore3", "musescore3", "mscore", "musescore")
_LIMIT_S = 300.0  # of a run of 50 systems, which takes 10 s
_FONTS = ("Emmentaler", "Bravura", "Gonville", "MuseJazz")
_MM_PER_SPACE = 1.76389  # makes 25 units of the SVG
_PAGE_INCHES = 24  # its height
_STYLE = re.compile(r"<Style>.*?</Style>", re.DOTALL)


def musescore_systems(random: Random, scores: Sequence[Score]) -> list[list[EngravedStaff] | EngraveError]:
    """Engrave scores in one run of MuseScore, in one font and one set of line widths.

    Args:
        random: Draws font, line widths and spacing.
        scores: Each in one system of a few measures, with all its printed accidentals, see `as_printed`.

    Returns:
        For each score its staves from the top, or why they cannot be used.

    Raises:
        EngraveError: MuseScore is not installed, or takes longer than 300 s.
    """
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise EngraveError(f"MuseScore 3 is not installed: none of {', '.join(_PROGRAMS)} is found")
    style = _drawn_style(random)
    # Widths of the systems, in staff spaces, that their music fills well; some prove too narrow.
    widths = [14 + max(map(len, columns_of(score))) * random.uniform(2.2, 3.4) for score in scores]
    with TemporaryDirectory() as name:
        folder = Path(name)
        ids = []
        for number, score in enumerate(scores):
            text, own = coloured(write_musicxml_score(for_engraving(score)))
            ids.append(own)
            (folder / f"{number}.musicxml").write_text(text, encoding="utf-8")
        # Of MusicXML, MuseScore 3.2 takes neither the page nor a style file: they go into its own format.
        everything = range(len(scores))
        _convert(program, folder, everything, (".musicxml", ".mscx"))
        results: list[list[EngravedStaff] | EngraveError] = [_BrokenError("not engraved") for _ in everything]
        for wider in (1.0, 1.5):
            missing = [n for n in everything if isinstance(results[n], _BrokenError)]
            for number in missing:
                _set_style(folder / f"{number}.mscx", style, wider * widths[number])
            _convert(program, folder, missing, (".mscx", ".svg"))
            for number in missing:
                try:
                    results[number] = _staves(folder / f"{number}-1.svg", ids[number], scores[number])
                except EngraveError as error:
                    results[number] = error
    return results


class _BrokenError(EngraveError):
    """The page was too narrow for one system."""


def _set_style(file: Path, style: dict[str, object], width: float) -> None:
    """Give a score in MuseScore's format a style, and a page for a system of a width in staff spaces."""
    if not file.exists():
        return
    inches = min(width, MAX_WIDTH_SPACES - 2 * STAFF_SIDE_SPACES) * _MM_PER_SPACE / 25.4
    page = {"pageWidth": inches + 1, "pagePrintableWidth": inches, "pageHeight": _PAGE_INCHES}
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in (style | page).items())
    text = file.read_text(encoding="utf-8")
    file.write_text(_STYLE.sub(lambda _: f"<Style>{inside}</Style>", text, count=1), encoding="utf-8")


def _convert(program: str, folder: Path, numbers: Iterable[int], suffixes: tuple[str, str]) -> None:
    """Convert files of a folder, named by numbers, in one run."""
    before, after = suffixes
    files = [n for n in numbers if (folder / f"{n}{before}").exists()]
    jobs = [{"in": f"{folder}/{n}{before}", "out": f"{folder}/{n}{after}"} for n in files]
    (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)}
    command = [program, "-j", "jobs.json"]
    try:
        subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise EngraveError(f"MuseScore takes longer than {_LIMIT_S:.0f} s") from error


def _staves(file: Path, ids: Sequence[str], score: Score) -> list[EngravedStaff]:
    if not file.exists():
        raise EngraveError("MuseScore made no SVG")
    svg = file.read_text(encoding="utf-8")
    if svg.count('class="StaffLines"') > 5 * sum(part.staves for part in score.parts):
        raise _BrokenError("MuseScore drew more than one system")
    system = read_musescore(svg, ids, score, staves_of_events(score))
    return staves_of_svg(blackened(svg), system, with_stems(score, system), units=SVG_UNITS)


def _drawn_style(random: Random) -> dict[str, object]:
    """Values of a style of MuseScore: a font, and spacing and line widths around their defaults."""
    return {
        "lastSystemFillLimit": 0,
        "musicalSymbolFont": random.choice(_FONTS),
        "staffLineWidth": round(random.uniform(0.06, 0.14), 3),
        "stemWidth": round(random.uniform(0.08, 0.18), 3),
        "barWidth": round(random.uniform(0.1, 0.25), 3),
        "ledgerLineWidth": round(random.uniform(0.1, 0.2), 3),
        "ledgerLineLength": round(random.uniform(0.3, 0.7), 3),
        "minNoteDistance": round(random.uniform(0.1, 0.5), 3),
        "measureSpacing": round(random.uniform(1.0, 1.5), 3),
        "akkoladeDistance": round(random.uniform(5.0, 9.0), 2),
        "staffDistance": round(random.uniform(5.5, 9.5), 2),
        "showMeasureNumber": random.choice((0, 1)),
        "Spatium": _MM_PER_SPACE,
    }
