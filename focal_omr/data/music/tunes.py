"""Real tunes: folders and archives of scores, or music21's corpus, to one file of monophonic music.

A collection is made once and kept as a text: a line per part, its source, a tab, and the semantic tokens
of the part. Where a staff has chords or several voices, what is monophonic of its voices is kept in runs of
whole bars. Beside the collection a report says of every file what came of it.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

from focal_omr.data.music.sources import FORMATS, TuneFile, TuneSource, score_texts, single_scores, tune_files
from focal_omr.encodings.semantic import join_label, score_to_tokens
from focal_omr.errors import DataError, NotationError, OmrError
from focal_omr.formats.mei_reader import MonophonicRun, read_monophonic_runs
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import atomic_file, make_writable, write_atomic
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes
from focal_omr.score.records import Note, Score, flat_events

__all__ = ["FileReport", "collect_tunes", "music21_folder", "read_report", "report_path", "tune_files"]

logger = logging.getLogger(__name__)

# What is left of a staff with chords or several voices is kept from so many notes and bars on.
_RUN_NOTES = 8
_RUN_BARS = 3


@dataclass(frozen=True)
class FileReport:
    """What came of one file.

    Attributes:
        name: The file.
        parts: Staves that are monophonic from their beginning to their end.
        part_bars: Bars of those.
        runs: Pieces of other staves that are monophonic, each of one voice.
        run_bars: Bars of those.
        bars: Bars of all its staves.
        trouble: What could not be read; empty where all could.
    """

    name: str
    parts: int = 0
    part_bars: int = 0
    runs: int = 0
    run_bars: int = 0
    bars: int = 0
    trouble: str = ""


def music21_folder() -> Path:
    """Folder of music21's corpus. Raises DataError where music21 is not installed."""
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise DataError("music21 is not installed; `pip install focal-ctc-omr[render]` brings it")
    return Path(spec.origin).parent / "corpus"


def collect_tunes(
    source: TuneSource,
    collection: Path,
    *,
    root: Path,
    workers: int = 2,
    limit_s: float = 60.0,
    memory_mb: int | None = None,
) -> int:
    """Read tune files and write the collection of their monophonic music, and the report beside it.

    A file that cannot be read is logged with its reason. One that ends the process that reads it (Verovio
    does not survive every input), or takes it longer than `limit_s` seconds, is left out; of a file of
    several tunes only the one at fault.

    Args:
        source: From `tune_files`.
        collection: The file to write; `read_report(collection)` gives the reports.
        root: Named with the files in messages.
        workers: Processes that read.
        limit_s: Seconds that one file may take.
        memory_mb: Megabytes that a process may hold; None: as many as there are.

    Returns:
        The number of parts and runs.

    Raises:
        OutputError: The collection cannot be written.
    """
    make_writable(collection.parent)  # before the reading, which takes minutes
    reports: list[FileReport] = []
    with atomic_file(collection) as out:
        for lines, report in _read_all(source, root, workers, limit_s, memory_mb):
            if report.trouble:
                logger.info("%s: %s", root / report.name, report.trouble)
            out.write("".join(lines).encode())
            reports.append(report)
        _write_report(reports, report_path(collection))
    return sum(report.parts + report.runs for report in reports)


def _read_all(
    source: TuneSource, root: Path, workers: int, limit_s: float, memory_mb: int | None
) -> Iterator[tuple[list[str], FileReport]]:
    """Lines and report of each file, at the end those of the tunes of files that had to be read in parts."""
    files: Iterable[TuneFile] = source.read()
    while files:
        in_parts: list[TuneFile] = []
        limits = ProcessLimits(limit_s, memory_mb)
        found = map_in_processes(_read_file, files, workers=workers, limits=limits)
        for file, result in found:
            if not isinstance(result, Lost):
                yield result
            elif singles := single_scores(file):
                in_parts += singles
            else:
                name = file.name if file.only is None else f"{file.name}#{file.only}"
                logger.warning("%s: %s; left out", root / name, result.reason)
                yield [], FileReport(name, trouble=result.reason)
        files = in_parts


def _read_file(file: TuneFile) -> tuple[list[str], FileReport]:
    """The lines of a file for the collection, and the report of it."""
    suffix = f".{file.name.rpartition('.')[2]}"
    engraver = Engraver(breaks="none")
    lines: list[str] = []
    troubles: list[str] = []
    kept: list[MonophonicRun] = []
    bars = 0
    try:
        for number, text in score_texts(file).items():
            source = f"{file.name}#{number}"
            try:
                runs, measures = read_monophonic_runs(engraver.mei(text, input_format=FORMATS[suffix]))
            except OmrError as error:
                troubles.append(" ".join(f"score {number}: {error}".split()))
                continue
            bars += measures
            if not any(map(_is_worth, runs)):
                troubles.append(f"score {number}: no monophonic music")
            for run in filter(_is_worth, runs):
                try:
                    lines.append(_line(source, run))
                    kept.append(run)
                except NotationError as error:
                    troubles.append(f"score {number}, staff {run.staff}: {error}")
    except DataError as error:
        troubles.append(str(error))
    return lines, _report(file.name, kept, bars, troubles)


def _report(name: str, kept: Sequence[MonophonicRun], bars: int, troubles: Sequence[str]) -> FileReport:
    whole = [len(run.part.measures) for run in kept if run.whole]
    runs = [len(run.part.measures) for run in kept if not run.whole]
    return FileReport(name, len(whole), sum(whole), len(runs), sum(runs), bars, "; ".join(troubles))


def _is_worth(run: MonophonicRun) -> bool:
    """Whether a run is kept: a whole staff with a note in it, or enough of another one."""
    notes = sum(isinstance(event, Note) for m in run.part.measures for event in flat_events(m))
    return notes > 0 if run.whole else notes >= _RUN_NOTES and len(run.part.measures) >= _RUN_BARS


def _line(source: str, run: MonophonicRun) -> str:
    place = "" if run.whole else f".{run.voice}@{run.first + 1}"
    return f"{source}.{run.staff}{place}\t{join_label(score_to_tokens(Score((run.part,))))}\n"


def report_path(collection: Path) -> Path:
    """Where the report of a collection lies."""
    return collection.with_suffix(".report.tsv")


def _write_report(reports: Sequence[FileReport], path: Path) -> None:
    rows = [tuple(field.name for field in fields(FileReport)), *(astuple(report) for report in reports)]
    write_atomic(path, "".join("\t".join(map(str, row)) + "\n" for row in rows).encode())


def read_report(collection: Path) -> list[FileReport]:
    """What came of each file of a collection. Raises DataError where there is no report of ours."""
    path = report_path(collection)
    try:
        _, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        return [_read_row(*row) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: no report of a collection ({error})") from error


def _read_row(
    name: str, p: str, part_bars: str, r: str, run_bars: str, bars: str, trouble: str
) -> FileReport:
    return FileReport(name, int(p), int(part_bars), int(r), int(run_bars), int(bars), trouble)
