"""Readers of the comparison: files of any supported format to staves and bars.

MusicXML and MEI are read from their elements, by readers that share nothing with the package's writers, and
kern from Verovio's MEI; labels and tunes (semantic, agnostic, ABC, PAE) hold no more than a `Score`, and so
are read as one and compared as MusicXML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from focal_omr.encodings.one_voice import to_score
from focal_omr.errors import NotationError, OmrError
from focal_omr.evaluation.score_diff.mei import read_mei_bars
from focal_omr.evaluation.score_diff.musicxml import only_parts, read_musicxml
from focal_omr.evaluation.score_diff.records import Bar, Staff, take_staves
from focal_omr.formats.humdrum import written_out
from focal_omr.formats.mei_reader import read_mei
from focal_omr.formats.one_voice_files import decode_text, load_one_voice
from focal_omr.formats.registry import write_score
from focal_omr.formats.safe_xml import MAX_SCORE_BYTES, parse_xml, unzip_musicxml
from focal_omr.formats.verovio import Engraver
from focal_omr.runtime.atomic_files import read_limited
from focal_omr.score.records import Score

__all__ = ["SUFFIXES", "ComparedScore", "load_compared"]

_KERN = (".krn", ".kern")
_AS_SCORE = (".semantic", ".agnostic", ".abc", ".pae")
# Suffixes that can be compared; of several files with one stem the first of these is taken.
SUFFIXES = (".musicxml", ".mxl", ".xml", ".mei", *_KERN, *_AS_SCORE)


@dataclass(frozen=True)
class ComparedScore:
    """A score to be compared.

    Attributes:
        staves: From the top of the system.
        bars: Of all staves.
        root: The MusicXML document it was read from; None for other formats.
        whole: The `Score` it was read from; None for formats that can hold more than that.
        path: Its file; None if it was given as a `Score`.
    """

    staves: Sequence[Staff]
    bars: Sequence[Bar]
    root: ET.Element | None = None
    whole: Score | None = None
    path: Path | None = None

    def take(self, indices: Sequence[int]) -> list[Bar]:
        """The bars with the staves of these indices alone, from 0."""
        return list(take_staves(self.bars, indices))

    def musicxml(self, indices: Sequence[int]) -> str:
        """The parts of the staves of the given indices, from 0, as a MusicXML document.

        Raises:
            OmrError: MEI or kern that a `Score` cannot hold, or holds with other staves.
        """
        if self.root is not None:
            sources = {self.staves[index].source for index in indices}
            return ET.tostring(only_parts(self.root, sources), encoding="unicode")
        parts = self._whole_score().parts
        return _musicxml(Score(tuple(parts[index] for index in indices)))

    def score(self, index: int) -> Score:
        """The part of one staff, by its index from 0, as a `Score`.

        Raises:
            NotationError: A `Score` cannot hold it: chords, two voices, two staves in a part.
            OmrError: See `musicxml`.
        """
        name = self.staves[index].name
        staff = (
            [note for note in bar.notes if note.staff == index + 1 and note.duration] for bar in self.bars
        )
        if any(len({note.onset for note in notes}) < len(notes) for notes in staff):
            raise NotationError(f"part {name!r} has chords or two voices")
        if self.root is None:
            return Score((self._whole_score().parts[index],))
        score = read_mei(Engraver().mei(self.musicxml([index]), input_format="musicxml"))
        if len(score.parts) != 1:
            raise NotationError(f"part {name!r} has {len(score.parts)} staves")
        return score

    def _whole_score(self) -> Score:
        score = load_one_voice(self.path or "") if self.whole is None else self.whole
        if len(score.parts) != len(self.staves):  # MEI may define a staff twice, or after the first measure
            raise NotationError(f"{len(self.staves)} staves, but {len(score.parts)} that make a score")
        return score


def load_compared(source: Path | str | Score) -> ComparedScore:
    """Read the staves and bars of a file or a score.

    Raises:
        NotationError: An unknown suffix, a file that cannot be read, or a document without music.
        EngraveError: Verovio could not read the music.
    """
    if isinstance(source, Score):
        if not source.parts:
            return ComparedScore((), (), whole=source)
        return ComparedScore(*read_musicxml(parse_xml(_musicxml(source))), whole=source)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in _AS_SCORE or suffix not in SUFFIXES:
        return load_compared(load_one_voice(path))
    try:
        data = read_limited(path, MAX_SCORE_BYTES)
        if suffix in _KERN:
            lines, _ = written_out(decode_text(data).splitlines())
            data = Engraver().mei("\n".join(lines), input_format="kern").encode()
        root = parse_xml(unzip_musicxml(data) if suffix == ".mxl" else data)
        if suffix in _KERN or root.tag.rpartition("}")[2] == "mei":
            return ComparedScore(*read_mei_bars(root), path=path)
        return ComparedScore(*read_musicxml(root), root, path=path)
    except OSError as error:
        raise NotationError(f"{path} cannot be read: {error.strerror or error}") from error
    except OmrError as error:
        raise type(error)(f"{path}: {error}") from error


def _musicxml(score: Score) -> str:
    return write_score(to_score(score), "musicxml").data.decode()
