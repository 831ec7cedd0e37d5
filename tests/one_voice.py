"""One-voice scores in the formats of whole ones, for tests."""

from pathlib import Path

from focal_omr.encodings.one_voice import to_score
from focal_omr.formats.registry import save_score, write_score
from focal_omr.score.records import Score

__all__ = ["save_one_voice", "write_musicxml"]


def save_one_voice(score: Score, path: Path, *, format: str | None = None) -> None:
    save_score(to_score(score), path, format=format)


def write_musicxml(score: Score) -> str:
    return write_score(to_score(score), "musicxml").data.decode()
