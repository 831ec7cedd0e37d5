"""Preparation of a store of scores from files, folders and archives; excluded music stays out."""

import logging
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from focal_omr.data.music.score_store import open_writer
from focal_omr.data.music.sources import TuneFile, TuneSource
from focal_omr.errors import DataError, OmrError
from focal_omr.formats.registry import read_score
from focal_omr.runtime.worker_processes import Lost, ProcessLimits, map_in_processes
from focal_omr.score.score import Score

__all__ = ["Exclusion", "collect_scores"]

logger = logging.getLogger(__name__)


class Exclusion:
    """Music that must not be used, by lines of text: the stem of a file, or words that name the music.

    A file is excluded if its stem is a line, or if all words of a line of several words are among the words
    of its path, title, subtitle and composer. Case, accents and punctuation do not count. Empty lines and
    those that begin with # do not count either.

    Raises:
        DataError: A file of lines cannot be read.
    """

    def __init__(self, *files: Path) -> None:
        self.stems: set[str] = set()
        self.phrases: list[frozenset[str]] = []
        for file in files:
            try:
                lines = file.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{file}: cannot be read ({error})") from error
            for line in lines:
                words = _words(line)
                if words and not line.startswith("#"):
                    self.stems.add(line.strip().casefold())
                    if len(words) > 1:
                        self.phrases.append(frozenset(words))

    def reason(self, name: str, score: Score | None = None) -> str | None:
        """The line that excludes a file, None if there is none; without its score, by its name alone."""
        stem = PurePosixPath(name).name.split(".")[0].casefold()
        if stem in self.stems:
            return stem
        texts = [name] if score is None else [name, score.title, score.subtitle, score.composer]
        words = {word for text in texts for word in _words(text)}
        return next((" ".join(sorted(phrase)) for phrase in self.phrases if phrase <= words), None)


def collect_scores(
    source: TuneSource,
    store: Path,
    *,
    exclude: Sequence[Path] = (),
    workers: int = 2,
    limit_s: float = 60.0,
    memory_mb: int | None = None,
) -> int:
    """Write a store of all scores in files. Files that cannot be used are logged with the reason.

    Args:
        source: From `tune_files`.
        store: File to write.
        exclude: Files of excluded music, see `Exclusion`.
        workers: Number of worker processes.
        limit_s: Timeout per file in seconds.
        memory_mb: Memory limit per worker in megabytes; None for no limit.

    Returns:
        Number of scores.

    Raises:
        DataError: An exclusion file or a source cannot be read.
        OutputError: The store cannot be written.
    """
    excluded = Exclusion(*exclude)
    files = (file for file in source.read() if not _log_excluded(file.name, excluded.reason(file.name)))
    limits = ProcessLimits(limit_s, memory_mb)
    with open_writer(store) as writer:
        for file, result in map_in_processes(_read_file, files, workers=workers, limits=limits):
            if isinstance(result, Lost):
                logger.warning("%s: %s; skipped", file.name, result.reason)
            elif isinstance(result, str):
                logger.info("%s: %s", file.name, result)
            elif not _log_excluded(file.name, excluded.reason(file.name, result)):
                kept = writer.add(file.name, result)
                logger.info("%s: %d fragments", file.name, kept)
    return len(writer.pieces)


def _log_excluded(name: str, reason: str | None) -> bool:
    """Whether there is a reason to leave a file out; it is logged."""
    if reason is not None:
        logger.info("%s: excluded by %r", name, reason)
    return reason is not None


def _read_file(file: TuneFile) -> Score | str:
    """The score of a file, or why it cannot be used."""
    try:
        score = read_score(file.data, PurePosixPath(file.name).suffix)
    except OmrError as error:
        return str(error)
    if not score.parts or not all(part.measures for part in score.parts):
        return "a score without measures"
    return score


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return "".join(char if char.isalnum() else " " for char in plain).split()
