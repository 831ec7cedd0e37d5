"""Collection of monophonic music from folders and archives of scores, or from music21's corpus.

A collection is a text file with a line per part: its source, a tab, and the semantic tokens. From staves with
chords or several voices, monophonic runs of whole measures are extracted. A report beside the collection
lists the result for every file.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from importlib.util import find_spec
from pathlib import Path

from focal_omr.data.music.sources import FORMATS, TuneFile, TuneSource, score_texts, single_scores
from focal_omr.encodings.semantic import join_label, score_to_tokens
from focal_omr.errors import DataError, NotationError, OmrError, missing_extra
from focal_omr.formats.mei_reader import MonophonicRun, read_monophonic_runs
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import atomic_file, make_writable, write_atomic
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes
from focal_omr.score.records import Note, Score, flat_events

logger = logging.getLogger(__name__)

# Minimum size of a run from a staff with chords or several voices.
_MIN_RUN_NOTES = 8
_MIN_RUN_MEASURES = 3


@dataclass(frozen=True)
class FileReport:
    """Result for one file.

    Attributes:
        name: The file.
        parts: Number of staves that are monophonic throughout.
        part_bars: Measures of these.
        runs: Number of monophonic runs of other staves, each of one voice.
        run_bars: Measures of these.
        bars: Measures of all staves.
        trouble: Errors; empty if there were none.
    """

    name: str
    parts: int = 0
    part_bars: int = 0
    runs: int = 0
    run_bars: int = 0
    bars: int = 0
    trouble: str = ""


def music21_folder() -> Path:
    """Return the folder of music21's corpus.

    Raises:
        DataError: music21 is not installed.
    """
    spec = find_spec("music21")
    if spec is None or spec.origin is None:
        raise DataError(missing_extra("the corpus of music21", "music21", extra="render"))
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
    """Write the collection of the monophonic music in tune files, and the report beside it.

    Unreadable files are logged with the reason. A file that crashes its worker (Verovio crashes on some
    input) or times out is skipped; in a file of several tunes, only the faulty ones are.

    Args:
        source: From `tune_files`.
        collection: File to write; `read_report(collection)` reads the report.
        root: Prefix of file names in messages.
        workers: Number of worker processes.
        limit_s: Timeout per file in seconds.
        memory_mb: Memory limit per worker in megabytes; None for no limit.

    Returns:
        Number of parts and runs.

    Raises:
        OutputError: The collection cannot be written.
    """
    make_writable(collection.parent)  # before reading, which takes minutes
    reports: list[FileReport] = []
    with atomic_file(collection) as out:
        limits = ProcessLimits(limit_s, memory_mb)
        for lines, report in _read_all(source, root, workers, limits):
            if report.trouble:
                logger.info("%s: %s", root / report.name, report.trouble)
            out.write("".join(lines).encode())
            reports.append(report)
        rows = [tuple(field.name for field in fields(FileReport)), *map(astuple, reports)]
        report_text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
        write_atomic(report_path(collection), report_text.encode())
    return sum(report.parts + report.runs for report in reports)


def _read_all(
    source: TuneSource, root: Path, workers: int, limits: ProcessLimits
) -> Iterator[tuple[list[str], FileReport]]:
    """Yield lines and report of each file; failed files are read again tune by tune at the end."""
    files: Iterable[TuneFile] = source.read()
    while files:
        retries: list[TuneFile] = []
        for file, result in map_in_processes(_read_file, files, workers=workers, limits=limits):
            if not isinstance(result, Lost):
                yield result
            elif singles := single_scores(file):
                retries += singles
            else:
                name = file.name if file.only is None else f"{file.name}#{file.only}"
                logger.warning("%s: %s; skipped", root / name, result.reason)
                yield [], FileReport(name, trouble=result.reason)
        files = retries


def _read_file(file: TuneFile) -> tuple[list[str], FileReport]:
    """Return the lines of a file for the collection, and its report."""
    suffix = f".{file.name.rpartition('.')[2]}"
    engraver = Engraver(breaks="none")
    lines: list[str] = []
    errors: list[str] = []
    parts: list[int] = []  # numbers of measures
    runs: list[int] = []
    bars = 0
    try:
        for number, text in score_texts(file).items():
            try:
                found, measures = read_monophonic_runs(engraver.mei(text, input_format=FORMATS[suffix]))
            except OmrError as error:
                errors.append(" ".join(f"score {number}: {error}".split()))
                continue
            bars += measures
            selected = [run for run in found if _is_long_enough(run)]
            if not selected:
                errors.append(f"score {number}: no monophonic music")
            for run in selected:
                try:
                    label = join_label(score_to_tokens(Score((run.part,))))
                except NotationError as error:
                    errors.append(f"score {number}, staff {run.staff}: {error}")
                    continue
                place = "" if run.whole else f".{run.voice}@{run.first + 1}"
                lines.append(f"{file.name}#{number}.{run.staff}{place}\t{label}\n")
                (parts if run.whole else runs).append(len(run.part.measures))
    except DataError as error:
        errors.append(str(error))
    return lines, FileReport(file.name, len(parts), sum(parts), len(runs), sum(runs), bars, "; ".join(errors))


def _is_long_enough(run: MonophonicRun) -> bool:
    """Return whether to keep a run: a whole staff with a note, or a minimum number of notes and measures."""
    notes = sum(isinstance(event, Note) for m in run.part.measures for event in flat_events(m))
    return notes > 0 if run.whole else notes >= _MIN_RUN_NOTES and len(run.part.measures) >= _MIN_RUN_MEASURES


def report_path(collection: Path) -> Path:
    """Return the path of the report of a collection."""
    return collection.with_suffix(".report.tsv")


def read_report(collection: Path) -> list[FileReport]:
    """Read the report of a collection.

    Raises:
        DataError: There is no valid report.
    """
    path = report_path(collection)
    try:
        _, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
        return [
            FileReport(name, int(parts), int(part_bars), int(runs), int(run_bars), int(bars), trouble)
            for name, parts, part_bars, runs, run_bars, bars, trouble in rows
        ]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path}: not the report of a collection ({error})") from error
