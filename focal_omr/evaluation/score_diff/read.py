"""Files to the bars of their parts, by the suffix.

MusicXML is read from its elements, MEI too, kern through Verovio's MEI; what a `Score` says whole (semantic,
agnostic, ABC, PAE) as the MusicXML that is written of it.
"""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.mei import mei_parts
from focal_omr.evaluation.score_diff.musicxml import musicxml_parts, only_parts
from focal_omr.evaluation.score_diff.records import VoicedPart
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.musicxml_writer import musicxml_tree, write_musicxml
from focal_omr.formats.registry import decode_text, load_score
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, parse_xml, unzip_musicxml
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import read_limited
from focal_omr.score.records import Score

__all__ = ["SUFFIXES", "JudgedScore", "read_judged"]

_KERN = (".krn", ".kern")
_BY_SCORE = (".semantic", ".agnostic", ".abc", ".pae")
# Suffixes that can be compared; of several files with one stem the first of these is taken.
SUFFIXES = (".musicxml", ".mxl", ".xml", ".mei", *_KERN, *_BY_SCORE)


@dataclass(frozen=True)
class JudgedScore:
    """A score to be compared.

    Attributes:
        parts: Its staves.
        root: Its MusicXML document; None if it is MEI or kern, or has no part.
        whole: It as a `Score`; None if no `Score` was needed to read it.
        path: Its file; None: it was no file.
    """

    parts: tuple[VoicedPart, ...]
    root: ET.Element | None = None
    whole: Score | None = None
    path: Path | None = None

    def musicxml(self, *places: int) -> str:
        """Some of the parts, by their places from 0, as a MusicXML document of their own.

        Raises:
            OmrError: It is MEI or kern that a `Score` cannot hold, or holds with other staves.
        """
        if self.root is not None:
            sources = {self.parts[place].source for place in places}
            return ET.tostring(only_parts(self.root, sources), encoding="unicode")
        parts = self._loaded().parts
        return write_musicxml(Score(tuple(parts[place] for place in places)))

    def score(self, place: int) -> Score:
        """One part, by its place from 0, as a `Score`.

        Raises:
            OmrError: A `Score` cannot hold it: chords, two voices, two staves in a part; or see `musicxml`.
        """
        if self.whole is not None or self.root is None:
            return Score((self._loaded().parts[place],))
        score = read_mei(Engraver().mei(self.musicxml(place), input_format="musicxml"))
        if len(score.parts) != 1:
            raise NotationError(f"part {self.parts[place].name!r} has {len(score.parts)} staves")
        return score

    def _loaded(self) -> Score:
        score = load_score(self.path or "") if self.whole is None else self.whole
        if len(score.parts) != len(self.parts):  # MEI may define a staff again, or one later
            raise NotationError(f"{len(self.parts)} staves, but {len(score.parts)} that make a score")
        return score


def read_judged(source: Path | str | Score) -> JudgedScore:
    """A score's parts with their bars.

    Args:
        source: A file, or a score.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or a document that is none of music.
        EngraveError: Verovio could not read the music.
    """
    if isinstance(source, Score):
        root = musicxml_tree(source) if source.parts else None
        return JudgedScore(tuple(musicxml_parts(root)) if root is not None else (), root, source)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _BY_SCORE or suffix not in SUFFIXES:
        return read_judged(load_score(path))
    try:
        return _read(path, suffix)
    except OSError as error:
        raise NotationError(f"{path} cannot be read: {error.strerror or error}") from error
    except OmrError as error:
        raise type(error)(f"{path}: {error}") from error


def _read(path: Path, suffix: str) -> JudgedScore:
    data = read_limited(path, MAX_SCORE_BYTES)
    if suffix in _KERN:
        mei = Engraver().mei(decode_text(data), input_format="kern")
        return JudgedScore(tuple(mei_parts(parse_xml(mei))), path=path)
    root = parse_xml(unzip_musicxml(data) if suffix == ".mxl" else data)
    if root.tag.rpartition("}")[2] == "mei":
        return JudgedScore(tuple(mei_parts(root)), path=path)
    return JudgedScore(tuple(musicxml_parts(root)), root, path=path)
